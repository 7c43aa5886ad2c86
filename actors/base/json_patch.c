/*  Happy path: the document is copied, each operation finds its place by its pointer, and changes the copy. The first operation that
 *  does not fit ends it, and the copy is dropped.  */

#include "base/json_patch.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OP_ADD, OP_REMOVE, OP_REPLACE, OP_MOVE, OP_COPY, OP_TEST, OPS };
static const char *const s_ops[OPS] = {"add", "remove", "replace", "move", "copy", "test"};

//  One document being patched.
typedef struct {
    json_t *root;      //  As it is by now
    size_t most;       //  Bytes that may come out
    size_t weight;     //  Bytes that come out at least
    hf_error_t *error; //  Why not
} patching_t;

//  Where a pointer leads: a member of an object, a place in an array, or (parent NULL) the whole document.
typedef struct {
    json_t *parent; //  Borrowed
    char *name;     //  The last token, unescaped; owned
    size_t index;   //  Of an array
    size_t depth;   //  Tokens
} place_t;

//  ---- pointers

//  Whether text is a pointer: empty, or tokens that begin with '/', each '~' before a 0 or a 1.
static bool s_is_pointer(const char *text) {
    if (*text && *text != '/') {
        return false;
    }
    for (; *text; text++) {
        if (*text == '~' && text[1] != '0' && text[1] != '1') {
            return false;
        }
    }
    return true;
}

//  The next token of a pointer, unescaped, behind its '/'; to be freed.
static char *s_token(const char **pointer) {
    const char *text = *pointer + 1;
    size_t size = strcspn(text, "/"), used = 0;
    char *token = hf_alloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '~') {
            token[used++] = text[++i] == '1' ? '/' : '~';
        } else {
            token[used++] = text[i];
        }
    }
    *pointer = text + size;
    return token;
}

//  A number without leading zeros; what is none, or "-" where end is allowed: -1, and the end.
static int s_index(const char *token, size_t size, bool end, size_t *index) {
    size_t digits = strspn(token, "0123456789");
    if (end && strcmp(token, "-") == 0) {
        *index = size;
        return 0;
    }
    if (digits == 0 || token[digits] || digits > 9 || (digits > 1 && *token == '0')) {
        return -1;
    }
    *index = strtoul(token, NULL, 10);
    return *index < size + (end ? 1 : 0) ? 0 : -1;
}

//  The child of that name or number, borrowed, or NULL.
static json_t *s_child(json_t *parent, const char *token) {
    size_t index;
    if (json_is_object(parent)) {
        return json_object_get(parent, token);
    }
    return json_is_array(parent) && s_index(token, json_array_size(parent), false, &index) == 0
               ? json_array_get(parent, index)
               : NULL;
}

//  Leads to where the last token is looked for; true where there is such a parent.
static bool s_find(const patching_t *self, const char *pointer, place_t *place) {
    json_t *at = self->root;
    *place = (place_t){.parent = NULL};
    while (*pointer) {
        place->depth++;
        char *token = s_token(&pointer);
        if (!*pointer) {
            place->parent = at;
            place->name = token;
            return json_is_object(at) || json_is_array(at);
        }
        at = s_child(at, token);
        free(token);
        if (!at) {
            return false;
        }
    }
    return true;
}

//  What stands there, borrowed, or NULL.
static json_t *s_value(const patching_t *self, const place_t *place) {
    return place->parent ? s_child(place->parent, place->name) : self->root;
}

//  ---- measures

//  Bytes that it has as text at least.
static size_t s_weight(const json_t *value) {
    size_t weight = 1, index;
    const char *name;
    json_t *child;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, child) {
            weight += strlen(name) + 3 + s_weight(child);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, child) {
            weight += s_weight(child) + 1;
        }
    } else if (json_is_string(value)) {
        weight += json_string_length(value) + 1;
    }
    return weight;
}

static size_t s_depth(const json_t *value) {
    size_t deepest = 0, index;
    const char *name;
    json_t *child;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, child) {
            size_t depth = s_depth(child);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, child) {
            size_t depth = s_depth(child);
            deepest = depth > deepest ? depth : deepest;
        }
    }
    return deepest + 1;
}

//  Whether a value may stand there.
static int s_weigh(patching_t *self, const json_t *value, const place_t *place) {
    size_t weight = s_weight(value);
    self->weight += weight;
    if (self->weight > self->most) { //  What left meanwhile no longer counts
        self->weight = s_weight(self->root) + weight;
    }
    if (self->weight > self->most) {
        return hf_error_set(self->error, "what comes out has more than %zu bytes", self->most);
    }
    if (place->depth + s_depth(value) > HF_JSON_PATCH_DEPTH_MAX) {
        return hf_error_set(self->error, "what comes out has more than %d levels", HF_JSON_PATCH_DEPTH_MAX);
    }
    return 0;
}

//  ---- equality (RFC 6902, 4.6: numbers by value, objects whatever their order)

static bool s_same_number(const json_t *a, const json_t *b) {
    if (json_is_integer(a) && json_is_integer(b)) {
        return json_integer_value(a) == json_integer_value(b);
    }
    double left = json_number_value(a), right = json_number_value(b);
    const json_t *whole = json_is_integer(a) ? a : json_is_integer(b) ? b : NULL;
    double real = json_is_integer(a) ? right : left;
    if (left < right || left > right) {
        return false;
    }
    //  An integer of more than 53 bits is near several reals: only one is it.
    return !whole || (real >= -9223372036854775808.0 && real < 9223372036854775808.0 &&
                      (json_int_t)real == json_integer_value(whole));
}

static bool s_same(const json_t *a, const json_t *b) {
    size_t index;
    const char *name;
    json_t *child;
    if (json_is_number(a) && json_is_number(b)) {
        return s_same_number(a, b);
    }
    if (json_typeof(a) != json_typeof(b)) {
        return false;
    }
    if (json_is_array(a)) {
        bool same = json_array_size(a) == json_array_size(b);
        for (index = 0; same && index < json_array_size(a); index++) {
            same = s_same(json_array_get(a, index), json_array_get(b, index));
        }
        return same;
    }
    if (!json_is_object(a)) {
        return json_equal(a, b) != 0;
    }
    json_object_foreach((json_t *)a, name, child) {
        const json_t *other = json_object_get(b, name);
        if (!other || !s_same(child, other)) {
            return false;
        }
    }
    return json_object_size(a) == json_object_size(b);
}

//  ---- operations

//  Puts a value there; steals it, whatever comes of it.
static int s_add(patching_t *self, const place_t *place, json_t *value) {
    size_t index = 0;
    assert(value && "out of memory");
    if (s_weigh(self, value, place)) {
        json_decref(value);
        return -1;
    }
    if (!place->parent) {
        json_decref(self->root);
        self->root = value;
        return 0;
    }
    if (json_is_object(place->parent)) {
        return json_object_set_new(place->parent, place->name, value);
    }
    if (s_index(place->name, json_array_size(place->parent), true, &index)) {
        json_decref(value);
        return hf_error_set(self->error, "'%.100s' is no place in an array of %zu", place->name,
                            json_array_size(place->parent));
    }
    return json_array_insert_new(place->parent, index, value);
}

static int s_remove(patching_t *self, const place_t *place) {
    size_t index = 0;
    if (!place->parent) {
        return hf_error_set(self->error, "the whole document cannot be removed");
    }
    if (json_is_object(place->parent)) {
        return json_object_del(place->parent, place->name);
    }
    s_index(place->name, json_array_size(place->parent), false, &index);
    return json_array_remove(place->parent, index);
}

//  Something stands there already: it gives way.
static int s_replace(patching_t *self, const place_t *place, json_t *value) {
    size_t index = 0;
    if (!place->parent || json_is_object(place->parent)) {
        return s_add(self, place, value);
    }
    if (s_weigh(self, value, place)) {
        json_decref(value);
        return -1;
    }
    s_index(place->name, json_array_size(place->parent), false, &index);
    return json_array_set_new(place->parent, index, value);
}

//  move and copy: the value that `from` leads to, ours; move takes it out first. NULL with the error set.
static json_t *s_take_from(patching_t *self, const char *from, bool move) {
    place_t place;
    json_t *value = s_find(self, from, &place) ? s_value(self, &place) : NULL;
    if (!value) {
        hf_error_set(self->error, "there is nothing at '%.100s'", from);
    } else if (!move) {
        value = json_deep_copy(value);
    } else if ((json_incref(value), s_remove(self, &place))) {
        json_decref(value);
        value = NULL;
    }
    free(place.name);
    return value;
}

static int s_transfer(patching_t *self, int op, const char *from, const char *path) {
    place_t place;
    size_t size = strlen(from);
    if (op == OP_MOVE && strcmp(from, path) == 0) {
        json_t *there = s_take_from(self, from, false);
        json_decref(there);
        return there ? 0 : -1;
    }
    if (op == OP_MOVE && strncmp(from, path, size) == 0 && path[size] == '/') {
        return hf_error_set(self->error, "'%.100s' cannot be moved into itself", from);
    }
    json_t *value = s_take_from(self, from, op == OP_MOVE);
    if (!value) {
        return -1;
    }
    int rc;
    if (s_find(self, path, &place)) {
        rc = s_add(self, &place, value);
    } else {
        json_decref(value);
        rc = hf_error_set(self->error, "there is nothing to hold '%.100s'", path);
    }
    free(place.name);
    return rc;
}

static int s_operate(patching_t *self, int op, const json_t *operation, const char *path) {
    place_t place;
    const json_t *value = json_object_get(operation, "value");
    if (op == OP_MOVE || op == OP_COPY) {
        return s_transfer(self, op, json_string_value(json_object_get(operation, "from")), path);
    }
    int rc = 0;
    bool held = s_find(self, path, &place);
    const json_t *there = held ? s_value(self, &place) : NULL;
    if (!held) {
        rc = hf_error_set(self->error, "there is nothing to hold '%.100s'", path);
    } else if (op == OP_ADD) {
        rc = s_add(self, &place, json_deep_copy(value));
    } else if (!there) {
        rc = hf_error_set(self->error, "there is nothing at '%.100s'", path);
    } else if (op == OP_REMOVE) {
        rc = s_remove(self, &place);
    } else if (op == OP_REPLACE) {
        rc = s_replace(self, &place, json_deep_copy(value));
    } else if (!s_same(there, value)) {
        rc = hf_error_set(self->error, "something else stands at '%.100s'", path);
    }
    free(place.name);
    return rc;
}

//  ---- the whole

static int s_op(const json_t *operation) {
    const char *word = json_string_value(json_object_get(operation, "op"));
    int op = 0;
    while (op < OPS && (!word || strcmp(word, s_ops[op]) != 0)) {
        op++;
    }
    return op;
}

static int s_check_operation(const json_t *operation, hf_error_t *error) {
    int op = s_op(operation);
    const char *path = json_string_value(json_object_get(operation, "path"));
    const char *from = json_string_value(json_object_get(operation, "from"));
    if (!json_is_object(operation) || op == OPS) {
        return hf_error_set(error, "\"op\" is one of add, remove, replace, move, copy and test");
    }
    if (!path || !s_is_pointer(path)) {
        return hf_error_set(error, "\"path\" must be a JSON Pointer like \"/instance\" (RFC 6901)");
    }
    if ((op == OP_MOVE || op == OP_COPY) && (!from || !s_is_pointer(from))) {
        return hf_error_set(error, "%s needs \"from\", a JSON Pointer (RFC 6901)", s_ops[op]);
    }
    if ((op == OP_ADD || op == OP_REPLACE || op == OP_TEST) && !json_object_get(operation, "value")) {
        return hf_error_set(error, "%s needs \"value\"", s_ops[op]);
    }
    return 0;
}

int hf_json_patch_check(const json_t *patch, hf_error_t *error) {
    size_t number;
    json_t *operation;
    if (!json_is_array(patch)) {
        return hf_error_set(error, "a JSON Patch is an array of operations (RFC 6902)");
    }
    if (json_array_size(patch) > HF_JSON_PATCH_OPERATIONS_MAX) {
        return hf_error_set(error, "a patch has at most %d operations", HF_JSON_PATCH_OPERATIONS_MAX);
    }
    if (s_depth(patch) > HF_JSON_PATCH_DEPTH_MAX) {
        return hf_error_set(error, "a patch has at most %d levels", HF_JSON_PATCH_DEPTH_MAX);
    }
    json_array_foreach(patch, number, operation) {
        char where[32];
        snprintf(where, sizeof where, "operation %zu", number + 1);
        if (s_check_operation(operation, error)) {
            return hf_error_wrap(error, "%s", where);
        }
    }
    return 0;
}

json_t *hf_json_patch_read(const void *data, size_t size, hf_error_t *error) {
    json_error_t why;
    json_t *patch = json_loadb(size ? data : "", size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!patch) {
        hf_error_set(error, "the patch is no JSON: %.120s", why.text);
        return NULL;
    }
    if (hf_json_patch_check(patch, error)) {
        json_decref(patch);
        return NULL;
    }
    return patch;
}

json_t *hf_json_patch_apply(const json_t *patch, const json_t *document, size_t most, hf_error_t *error) {
    patching_t self = {.root = json_deep_copy(document), .most = most, .error = error};
    size_t number;
    json_t *operation;
    assert(self.root && "out of memory");
    self.weight = s_weight(self.root);
    json_array_foreach(patch, number, operation) {
        int op = s_op(operation);
        const char *path = json_string_value(json_object_get(operation, "path"));
        hf_error_set(error, "it cannot be done");
        if (s_operate(&self, op, operation, path)) {
            hf_error_wrap(error, "operation %zu, %s", number + 1, s_ops[op]);
            json_decref(self.root);
            return NULL;
        }
    }
    return self.root;
}

//  As few digits as give the same values back: 0.1 stays 0.1.
static char *s_dump(const json_t *document) {
    char *text = NULL;
    for (int precision = 15; precision <= 17; precision++) {
        free(text);
        text = json_dumps(document, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(precision));
        json_t *again = text ? json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
        bool same = again && json_equal(again, document);
        json_decref(again);
        if (same) {
            break;
        }
    }
    return text;
}

int hf_json_patch_bytes(const json_t *patch, const void *data, size_t size, size_t most, hf_buf_t *out,
                        hf_error_t *error) {
    json_error_t why;
    json_t *document = json_loadb(size ? data : "", size,
                                  JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!document) {
        return hf_error_set(error, "the body is no JSON that comes out as it was: %.120s", why.text);
    }
    json_t *patched = hf_json_patch_apply(patch, document, most, error);
    json_decref(document);
    if (!patched) {
        return -1;
    }
    char *text = s_dump(patched);
    json_decref(patched);
    if (!text) {
        return hf_error_set(error, "what comes out is no JSON");
    }
    size_t length = strlen(text);
    if (length <= most) {
        hf_buf_add(out, text, length);
    }
    free(text);
    return length <= most
               ? 0
               : hf_error_set(error, "what comes out has %zu bytes, this node takes %zu", length, most);
}
