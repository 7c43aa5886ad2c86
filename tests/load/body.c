#include "body.h"

#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

struct load_body {
    size_t size;   //  Of each body
    uint64_t keys; //  Instances repeat over so many; 0: they do not
    char *fixed;   //  A file's content, or NULL for the template
};

load_body_t *load_body_new(size_t size, uint64_t keys) {
    assert(size >= LOAD_BODY_LEAST_BYTES);
    load_body_t *self = load_alloc(sizeof *self);
    self->size = size;
    self->keys = keys;
    return self;
}

load_body_t *load_body_new_file(const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) {
        return NULL;
    }
    load_body_t *self = load_alloc(sizeof *self);
    self->fixed = load_alloc(LOAD_BODY_MOST_BYTES);
    self->size = fread(self->fixed, 1, LOAD_BODY_MOST_BYTES, file);
    if (ferror(file) || !feof(file)) {
        errno = ferror(file) ? EIO : EFBIG;
        load_body_destroy(&self);
    }
    fclose(file);
    return self;
}

void load_body_destroy(load_body_t **self_p) {
    assert(self_p);
    if (*self_p) {
        free((*self_p)->fixed);
        free(*self_p);
        *self_p = NULL;
    }
}

size_t load_body_size(const load_body_t *self) {
    return self->size;
}

void load_body_write(const load_body_t *self, uint64_t number, char *to) {
    if (self->fixed) {
        memcpy(to, self->fixed, self->size);
        return;
    }
    char head[LOAD_BODY_LEAST_BYTES + 1];
    int size = snprintf(head, sizeof head, "{\"instance\":\"i-%llu\",\"pad\":\"%llu",
                        (unsigned long long)(self->keys ? number % self->keys : number),
                        (unsigned long long)number);
    assert(size > 0 && (size_t)size + 2 <= self->size);
    memcpy(to, head, (size_t)size);
    memset(to + size, 'x', self->size - (size_t)size - 2);
    memcpy(to + self->size - 2, "\"}", 2);
}
