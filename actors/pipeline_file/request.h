/*  Setters of what goes into a request or stands in an address.  */

#ifndef HF_PIPELINE_FILE_REQUEST_H
#define HF_PIPELINE_FILE_REQUEST_H

#include "pipeline_file/field.h"

hf_zpl_setter_t hf_zpl_set_method, hf_zpl_set_address, hf_zpl_set_token, hf_zpl_set_url, hf_zpl_set_probe,
    hf_zpl_set_header;

#endif
