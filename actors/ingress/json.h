/*  Writing JSON (RFC 8259) into a buffer, member after member. There is no tree: an event costs a fraction of
 * what building one does, and every watcher of a busy node wants thousands of events a second. Reading is
 * jansson's.
 *
 *  Whatever the bytes, what comes out is valid UTF-8: what is none is replaced by U+FFFD.  */

#ifndef HF_JSON_H
#define HF_JSON_H

#include "base/buf.h"
#include "base/id.h"
#include "base/utf8.h"

#include <stdbool.h>

//  A writer. `name` below is NULL for an array's items and for the outermost value.
typedef struct {
    hf_buf_t *out; //  Where to
    bool comma;    //  The next value needs one before it
} hf_json_t;

void hf_json_object(hf_json_t *self, const char *name);
void hf_json_object_end(hf_json_t *self);
void hf_json_array(hf_json_t *self, const char *name);
void hf_json_array_end(hf_json_t *self);

//  NULL becomes null.
void hf_json_string(hf_json_t *self, const char *name, const char *text);

//  The same, but an empty text becomes null, too.
void hf_json_filled(hf_json_t *self, const char *name, const char *text);
void hf_json_string_n(hf_json_t *self, const char *name, const void *text, size_t size);
void hf_json_raw(hf_json_t *self, const char *name, const void *text, size_t size); //  JSON already: as it is
void hf_json_null(hf_json_t *self, const char *name);
void hf_json_bool(hf_json_t *self, const char *name, bool value);
void hf_json_integer(hf_json_t *self, const char *name, int64_t value);

//  Three digits behind the point: microseconds as milliseconds.
void hf_json_milli(hf_json_t *self, const char *name, int64_t thousandths);

//  RFC 3339; 0 becomes null.
void hf_json_time(hf_json_t *self, const char *name, int64_t ms);
void hf_json_id(hf_json_t *self, const char *name, const hf_id_t *id);

//  Bytes that may be anything: a string as they are where they are UTF-8, else base64, which a member
//  "NAME_encoding":"base64" before it says. At most `most` bytes; NAME_cut says whether there are more (or
//  `cut` was given).
void hf_json_bytes(hf_json_t *self, const char *name, const void *data, size_t size, size_t most, bool cut);

#endif
