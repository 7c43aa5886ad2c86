/*  A request's body as people give it: what is written there, @FILE, "-" for standard input, or nothing.  */

#ifndef HF_BODY_H
#define HF_BODY_H

#include "base/buf.h"

enum { HF_BODY_MAX = 256 << 20 }; //  Bytes: far above any node's body_limit, which decides

//  Reads it into body. Returns an exit status, after saying what failed. word NULL: empty.
int hf_body_read(const char *word, hf_buf_t *body);

//  "Content-Type: …" to be freed by the caller: given, else JSON or not by its looks, NULL for an empty body
//  of no given type.
char *hf_body_type_header(const hf_buf_t *body, const char *given);

#endif
