//  libFuzzer: any bytes as a JSON Patch over any bytes as a document, and, because few bytes are JSON, also operations that the
//  bytes choose from a small store of pointers and values. Whatever they are, applying ends, stays within its bounds, and leaves the
//  document as it was.

#include "base/json_patch.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4 << 10 };

static void s_apply(const json_t *patch, const json_t *document) {
    hf_error_t error = {{0}};
    json_t *before = json_deep_copy(document);
    json_t *after = hf_json_patch_apply(patch, document, MOST, &error);
    if (!json_equal(before, document) || (!after && !*error.text)) {
        abort();
    }
    char *text = after ? json_dumps(after, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (after && !text) {
        abort();
    }
    free(text);
    json_decref(after);
    json_decref(before);
}

static void s_apply_bytes(const uint8_t *data, size_t size) {
    hf_error_t error;
    hf_buf_t out = {0};
    const uint8_t *newline = memchr(data, '\n', size);
    size_t first = newline ? (size_t)(newline - data) : size;
    json_t *patch = hf_json_patch_read(data, first, &error);
    if (patch && newline &&
        hf_json_patch_bytes(patch, newline + 1, size - first - 1, MOST, &out, &error) == 0 &&
        out.size > MOST) {
        abort();
    }
    json_decref(patch);
    hf_buf_free(&out);
}

//  Each operation is made of four bytes.
static json_t *s_operation(const uint8_t *data) {
    static const char *const ops[] = {"add", "remove", "replace", "move", "copy", "test"};
    static const char *const pointers[] = {"",     "/a",   "/a/b", "/a/0",   "/a/-", "/c", "/c/1",
                                           "/c/d", "/~01", "/",    "/a/b/c", "/0",   "/-", "/c/0/x"};
    static const char *const values[] = {
        "1", "\"x\"", "null", "[]", "{}", "[1,[2]]", "{\"b\":{\"c\":[0]}}", "9007199254740993", "1.5"};
    json_t *operation = json_object();
    json_object_set_new(operation, "op", json_string(ops[data[0] % 6]));
    json_object_set_new(operation, "path", json_string(pointers[data[1] % 14]));
    json_object_set_new(operation, "from", json_string(pointers[data[2] % 14]));
    json_object_set_new(operation, "value", json_loads(values[data[3] % 9], JSON_DECODE_ANY, NULL));
    return operation;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hf_error_t error;
    json_t *patch = json_array();
    json_t *document = json_loads("{\"a\":{\"b\":[1,2]},\"c\":[{\"d\":1},2],\"~1\":0,\"\":1}", 0, NULL);
    for (size_t at = 0; at + 4 <= size; at += 4) {
        json_array_append_new(patch, s_operation(data + at));
    }
    if (hf_json_patch_check(patch, &error) == 0) {
        s_apply(patch, document);
    }
    json_decref(patch);
    json_decref(document);
    s_apply_bytes(data, size);
    return 0;
}
