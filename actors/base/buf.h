/*  Memory: what cannot be had ends the process (its supervisor starts it again; nothing acknowledged is lost by that), a
 *  growable run of bytes, and an arena for unpacked messages.  */

#ifndef HF_BUF_H
#define HF_BUF_H

#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

//  Zeroed memory of size bytes; never NULL. The caller frees it with free().
void *hf_alloc(size_t size);

//  A copy of a string (NULL stays NULL) or of size bytes (with a NUL behind them); the caller frees it.
char *hf_strdup(const char *text);
char *hf_memdup(const void *data, size_t size);

//  Bytes that grow. A zeroed hf_buf_t is an empty one; hf_buf_clear keeps the memory, hf_buf_free gives it back.
typedef struct {
    uint8_t *data;   //  The bytes, with a NUL behind the last (or NULL while nothing was ever added)
    size_t size;     //  How many are in use
    size_t capacity; //  How many fit
} hf_buf_t;

void hf_buf_add(hf_buf_t *self, const void *data, size_t size);
void hf_buf_addf(hf_buf_t *self, const char *format, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
void hf_buf_addv(hf_buf_t *self, const char *format, va_list args)
    __attribute__((format(printf, 2, 0), nonnull(2)));
void hf_buf_clear(hf_buf_t *self);
void hf_buf_free(hf_buf_t *self);

//  Makes room for size more bytes and returns where they go; hf_buf_t.size already counts them.
uint8_t *hf_buf_extend(hf_buf_t *self, size_t size);

//  Packs a protobuf-c message behind what is there.
void hf_buf_pack(hf_buf_t *self, const ProtobufCMessage *message);

//  The bytes, to be freed by the caller with free(); the buffer is empty afterwards.
uint8_t *hf_buf_release(hf_buf_t *self, size_t *size);

//  Memory for one message's unpacking, all given back at once. Its allocator is handed to X__unpack(); nothing that it
//  unpacked is freed singly.
typedef struct hf_arena hf_arena_t;

//  An arena that starts with size bytes and may grow.
hf_arena_t *hf_arena_new(size_t size);
void hf_arena_destroy(hf_arena_t **self_p);

//  Forgets everything that was unpacked; memory beyond the first size bytes goes back.
void hf_arena_reset(hf_arena_t *self);
ProtobufCAllocator *hf_arena_allocator(hf_arena_t *self);

//  Zero-initialised memory that lives until the next reset.
void *hf_arena_take(hf_arena_t *self, size_t size);

#endif
