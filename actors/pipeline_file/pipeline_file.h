/*  Reads pipeline files (ZPL, ZeroMQ RFC 4; https://rfc.zeromq.org/spec/4/) into a configuration, and says
 * everything that is wrong with them as "file:line: message".
 *
 *  CZMQ's zconfig reads the names and values. It knows no line numbers and drops or misreads some mistakes
 * without a word (a value cut at '#', names below a value, everything behind a NUL), so each line is looked
 * at here before it gets it.
 *
 *  Secrets, ${env:NAME} and ${file:PATH}, are filled in at reading. No message ever holds a filled-in value,
 * nor what stands in a header, url or token.  */

#ifndef HF_PIPELINE_FILE_H
#define HF_PIPELINE_FILE_H

#include "base/pipeline.h"

#include <stddef.h>

enum {
    HF_PIPELINE_FILE_MAX = 4 << 20,         //  Bytes of one file: a typing human stays far below
    HF_PIPELINE_FILES_MAX = 4096,           //  Files of one reading
    HF_PIPELINE_FILES_BYTES_MAX = 64 << 20, //  Bytes of all files of one reading
    HF_PIPELINE_SNAPSHOT_MAX = 256 << 20,   //  Bytes of a snapshot, which holds all files, with longer paths
    HF_MESSAGES_MAX = 10000,                //  Messages kept; more help nobody
};

//  What is wrong, one sentence each, "file:line: message" (without ":line" where it is about a whole file). A
//  zeroed one is empty; hf_messages_free gives the memory back and empties it.
typedef struct {
    char **texts; //  In the order of files and lines
    size_t size;  //  How many; where more than HF_MESSAGES_MAX were found, the last one says how many more
} hf_messages_t;

void hf_messages_free(hf_messages_t *self);

//  Reads files and folders (every *.zpl in a folder, sorted by name, not those in folders below or hidden
//  ones) as one configuration; no path at all means the folder "pipelines". A file that is named twice is
//  read once. Returns NULL where anything is wrong, with everything that is wrong added to messages (may be
//  NULL). The caller destroys it.
hf_config_t *hf_pipeline_file_read(const char *const *paths, size_t paths_size, hf_messages_t *messages);

//  The same from memory, as if a file with that name held it.
hf_config_t *hf_pipeline_file_read_text(const char *name, const char *text, size_t size,
                                        hf_messages_t *messages);

//  Destroys it and gives its pages back to the system: for a process that needs it only to begin.
void hf_pipeline_file_release(hf_config_t **config_p);

//  Reads and checks as above, then returns one text that means the same: comments gone, secrets NOT filled
//  in, relative
//  ${file:PATH} made absolute. Write it to a file and read that with hf_pipeline_file_read, in any folder,
//  for the same configuration. NULL where anything is wrong. The caller frees it.
char *hf_pipeline_file_snapshot(const char *const *paths, size_t paths_size, hf_messages_t *messages);

#endif
