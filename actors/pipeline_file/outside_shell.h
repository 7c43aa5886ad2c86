/*  What the grammar asks of the world: the environment and files, libcurl, zconfig.  */

#ifndef HF_PIPELINE_FILE_OUTSIDE_SHELL_H
#define HF_PIPELINE_FILE_OUTSIDE_SHELL_H

#include "pipeline_file/reader.h"

extern const hf_zpl_outside_t hf_zpl_outside;

//  Reads a descriptor to its end, at most max + 1 bytes in out; -1 with errno.
int hf_zpl_read_all(int fd, size_t max, hf_buf_t *out);

#endif
