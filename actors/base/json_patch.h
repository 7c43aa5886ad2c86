/*  JSON Patch (RFC 6902) over JSON Pointers (RFC 6901): one description of a change, for many documents. Pure.
 *
 *  On jansson, because it keeps integers of 64 bits as they are (cJSON, and so cJSON_Utils, holds every number as a double: an id over
 *  2^53 would come out as another one).
 *
 *  All of RFC 6902: add, remove, replace, move, copy, test; all operations apply, or none; members that an operation does not know are
 *  ignored. Beyond it: the whole document cannot be removed, and what comes out is bounded, because `copy` can double a document with
 *  each operation.  */

#ifndef HF_JSON_PATCH_H
#define HF_JSON_PATCH_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

enum {
    HF_JSON_PATCH_OPERATIONS_MAX = 1000, //  Operations of one patch
    HF_JSON_PATCH_DEPTH_MAX = 1000,      //  Levels of what comes out: less than jansson reads
};

//  Reads a patch and looks whether it is one: an array of operations, each with what it needs. The caller's (json_decref); NULL with
//  the error set, which names the operation.
json_t *hf_json_patch_read(const void *data, size_t size, hf_error_t *error);

//  The same for one that was read already. 0, or -1 with the error set.
int hf_json_patch_check(const json_t *patch, hf_error_t *error);

//  What the document becomes: a new value, the caller's; the document stays as it was. NULL with the error set where an operation does
//  not fit, or what comes out would have more than `most` bytes or too many levels. patch must have been checked.
json_t *hf_json_patch_apply(const json_t *patch, const json_t *document, size_t most, hf_error_t *error);

//  The same from bytes to bytes, appended to out: compact, members in their order, integers exact, reals with as many digits as give
//  the same value back. A body with two members of one name, or a number that does not fit, is refused: it would come out changed
//  elsewhere than the patch says. -1 with the error set, and out as it was.
int hf_json_patch_bytes(const json_t *patch, const void *data, size_t size, size_t most, hf_buf_t *out,
                        hf_error_t *error);

#endif
