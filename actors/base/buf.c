#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *hf_alloc(size_t size) {
    void *memory = calloc(1, size ? size : 1);
    assert(memory && "out of memory");
    return memory;
}

char *hf_strdup(const char *text) {
    return text ? hf_memdup(text, strlen(text)) : NULL;
}

char *hf_memdup(const void *data, size_t size) {
    char *copy = hf_alloc(size + 1);
    if (size) {
        memcpy(copy, data, size);
    }
    return copy;
}

uint8_t *hf_buf_extend(hf_buf_t *self, size_t size) {
    size_t needed = self->size + size + 1;
    if (needed > self->capacity) {
        size_t capacity = self->capacity ? self->capacity * 2 : 256;
        if (capacity < needed) {
            capacity = needed;
        }
        self->data = realloc(self->data, capacity);
        assert(self->data && "out of memory");
        self->capacity = capacity;
    }
    uint8_t *place = self->data + self->size;
    self->size += size;
    self->data[self->size] = 0;
    return place;
}

void hf_buf_add(hf_buf_t *self, const void *data, size_t size) {
    uint8_t *place = hf_buf_extend(self, size);
    if (size) {
        memcpy(place, data, size);
    }
}

void hf_buf_addv(hf_buf_t *self, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    assert(size >= 0);
    uint8_t *place = hf_buf_extend(self, (size_t)size);
    vsnprintf((char *)place, (size_t)size + 1, format, again);
    va_end(again);
}

void hf_buf_addf(hf_buf_t *self, const char *format, ...) {
    va_list args;
    va_start(args, format);
    hf_buf_addv(self, format, args);
    va_end(args);
}

void hf_buf_pack(hf_buf_t *self, const ProtobufCMessage *message) {
    size_t size = protobuf_c_message_get_packed_size(message);
    protobuf_c_message_pack(message, hf_buf_extend(self, size));
}

void hf_buf_clear(hf_buf_t *self) {
    self->size = 0;
    if (self->data) {
        self->data[0] = 0;
    }
}

void hf_buf_free(hf_buf_t *self) {
    free(self->data);
    *self = (hf_buf_t){0};
}

uint8_t *hf_buf_release(hf_buf_t *self, size_t *size) {
    uint8_t *data = self->data;
    *size = self->size;
    *self = (hf_buf_t){0};
    return data;
}

enum {
    BLOCK_MAX = 1 << 20
}; //  Bytes: blocks double up to here; a larger message gets a block of just its size

//  Blocks in a list, newest first; the first one stays over a reset.
typedef struct block {
    struct block *older; //  The block that was full before this one
    size_t used;         //  Bytes handed out
    size_t size;         //  Bytes that it holds
    max_align_t data[];  //  They
} block_t;

struct hf_arena {
    block_t *newest;              //  Where memory is taken from
    ProtobufCAllocator allocator; //  This arena, as protobuf-c wants it
};

static block_t *s_block_new(size_t size, block_t *older) {
    block_t *block = malloc(sizeof *block + size);
    assert(block && "out of memory");
    block->older = older;
    block->used = 0;
    block->size = size;
    return block;
}

static void *s_take(hf_arena_t *self, size_t size) {
    size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    block_t *block = self->newest;
    if (block->size - block->used < size) {
        size_t next = block->size < BLOCK_MAX / 2 ? block->size * 2 : BLOCK_MAX;
        block = s_block_new(size > next ? size : next, block);
        self->newest = block;
    }
    void *memory = (uint8_t *)block->data + block->used;
    block->used += size;
    return memory;
}

static void *s_allocator_alloc(void *arena, size_t size) {
    return s_take(arena, size);
}

static void s_allocator_free(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

hf_arena_t *hf_arena_new(size_t size) {
    hf_arena_t *self = hf_alloc(sizeof *self);
    self->newest = s_block_new(size, NULL);
    self->allocator = (ProtobufCAllocator){
        .alloc = s_allocator_alloc, .free = s_allocator_free, .allocator_data = self};
    return self;
}

void hf_arena_reset(hf_arena_t *self) {
    while (self->newest->older) {
        block_t *block = self->newest;
        self->newest = block->older;
        free(block);
    }
    self->newest->used = 0;
}

void hf_arena_destroy(hf_arena_t **self_p) {
    assert(self_p);
    if (*self_p) {
        hf_arena_t *self = *self_p;
        hf_arena_reset(self);
        free(self->newest);
        free(self);
        *self_p = NULL;
    }
}

ProtobufCAllocator *hf_arena_allocator(hf_arena_t *self) {
    return &self->allocator;
}

void *hf_arena_take(hf_arena_t *self, size_t size) {
    return memset(s_take(self, size), 0, size);
}
