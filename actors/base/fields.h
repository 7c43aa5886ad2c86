/*  The top-level members of a JSON text (RFC 8259) that somebody wants, found in one pass over its bytes. A
 *  submission's body is read for one or two names: building a tree of all of it costs twenty times as much.
 *
 *  The pass is sure or it is not. What it takes for a sound object, jansson takes for one too, with the same
 *  members; whatever is broken or out of the ordinary (escapes in a top-level name, surrogates, long numbers,
 *  deep nesting, no object at all) it leaves to jansson, which then has the word, and words its errors.  */

#ifndef HF_FIELDS_H
#define HF_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    HF_FIELDS_MAX = 16, //  Names wanted of one body; for more the whole tree is built
};

//  A member that is wanted.
typedef struct {
    const char *name; //  Its name, plain
    size_t name_size; //  Bytes of it
    const char *text; //  Found: its value in the text, of several the last; else NULL
    size_t size;      //  Bytes of it
} hf_field_t;

//  Whether text is surely a sound JSON object; then the fields point to their values in it.
bool hf_fields_find(const void *text, size_t size, hf_field_t *fields, size_t fields_size);

//  Reads a JSON value of any kind. Of an object, only the fields are certain to be in what comes back; the
//  caller releases it with json_decref. NULL: it is no JSON, and error says why.
json_t *hf_fields_load(const void *text, size_t size, hf_field_t *fields, size_t fields_size,
                       json_error_t *error);

#endif
