/*  The tables of the grammar: what stands below a node, a destination, a pipeline, and where it goes.  */

#ifndef HF_PIPELINE_FILE_NAMES_H
#define HF_PIPELINE_FILE_NAMES_H

#include "pipeline_file/field.h"

typedef struct {
    const hf_zpl_field_t *fields; //  Into an hf_config_t, hf_destination_t or hf_pipeline_t
    size_t size;                  //  How many
} hf_zpl_names_t;

extern const hf_zpl_names_t hf_zpl_node_names, hf_zpl_destination_names, hf_zpl_pipeline_names;

#endif
