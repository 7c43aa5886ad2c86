/*  From files to a configuration: lines become blocks, blocks become destinations and pipelines.  */

#ifndef HF_PIPELINE_FILE_GRAMMAR_H
#define HF_PIPELINE_FILE_GRAMMAR_H

#include "pipeline_file/reader.h"

//  Reads all that the reading's sources say.
void hf_zpl_grammar_read(hf_zpl_reader_t *reader);

#endif
