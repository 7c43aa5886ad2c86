/*  Files and folders become sources.  */

#ifndef HF_PIPELINE_FILE_FILES_SHELL_H
#define HF_PIPELINE_FILE_FILES_SHELL_H

#include "pipeline_file/reader.h"

//  What a snapshot begins with: only such a file may be larger than HF_PIPELINE_FILE_MAX.
#define HF_ZPL_SNAPSHOT_HEAD                                                                                 \
    "#  Holdfast's snapshot of checked pipeline files. Written by it, for its own actors.\n"

//  Adds files, and the pipeline files of folders; no path at all means the folder "pipelines".
void hf_zpl_files_read(hf_zpl_reader_t *self, const char *const *paths, size_t paths_size);

#endif
