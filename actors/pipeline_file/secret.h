/*  Secrets: ${env:NAME} and ${file:PATH}. No message holds what one stands for.  */

#ifndef HF_PIPELINE_FILE_SECRET_H
#define HF_PIPELINE_FILE_SECRET_H

#include "base/buf.h"
#include "base/error.h"

#include <stdbool.h>

enum {
    HF_ZPL_SECRET_MAX = 64 << 10, //  Bytes of one value with its secrets filled in
};

//  Where one stands.
typedef struct {
    const char *start;    //  The '$'
    const char *end;      //  Behind the '}'
    const char *argument; //  NAME or PATH
    size_t size;          //  Bytes of it
    bool file;            //  Which of the two
} hf_zpl_secret_t;

//  Appends what a secret stands for (path: as a file is opened), or returns -1 with why not.
typedef int hf_zpl_secret_read_t(const hf_zpl_secret_t *secret, const char *path, hf_buf_t *out,
                                 hf_error_t *error);

//  The first secret in text: 1, or 0 where there is none, or -1 where there is something that only looks like
//  one.
int hf_zpl_secret_find(const char *text, hf_zpl_secret_t *secret);

//  PATH as it is opened: relative to the folder. The caller frees it.
char *hf_zpl_secret_path(const hf_zpl_secret_t *secret, const char *folder);

//  The value with its secrets filled in, or NULL with why not. The caller frees it.
char *hf_zpl_secret_fill(const char *value, const char *folder, bool in_template,
                         hf_zpl_secret_read_t *reader, hf_error_t *error);

#endif
