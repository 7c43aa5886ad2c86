/*  Blocks become destinations and pipelines.  */

#ifndef HF_PIPELINE_FILE_BLOCKS_H
#define HF_PIPELINE_FILE_BLOCKS_H

#include "pipeline_file/reader.h"

//  Reads all blocks into the configuration. Destinations come before pipelines, so that files may stand in any order.
void hf_zpl_blocks_read(hf_zpl_reader_t *self);

#endif
