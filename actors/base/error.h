/*  Why something failed, in one sentence an operator can act on.
 *
 *  A function that can fail takes an hf_error_t last, returns -1 or NULL and fills it. The caller either handles it or
 *  wraps it with what it was doing: "open the journal: data.mdb: No space left on device". Libraries never log it.  */

#ifndef HF_ERROR_H
#define HF_ERROR_H

#include <stdarg.h>

typedef struct {
    char text[512]; //  The sentence, NUL-terminated, cut where it is longer
} hf_error_t;

//  Writes the sentence; returns -1, so that a function can end with `return hf_error_set (…)`. Error may be NULL.
int hf_error_set(hf_error_t *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

//  Puts what was being done, and ": ", before the sentence that is there; returns -1. Error may be NULL.
int hf_error_wrap(hf_error_t *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
