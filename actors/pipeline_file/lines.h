/*  A file's lines become blocks. Each line is looked at before zconfig gets it.  */

#ifndef HF_PIPELINE_FILE_LINES_H
#define HF_PIPELINE_FILE_LINES_H

#include "pipeline_file/reader.h"

//  Adds a source's blocks to the reading.
void hf_zpl_lines_read(hf_zpl_reader_t *self, size_t source);

#endif
