#include "link/wire.h"

#include <string.h>

bool hf_publication_read(hf_publication_t *self, const void *data, size_t size, hf_arena_t *arena) {
    *self = (hf_publication_t){0};
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    if (!nul) {
        return false;
    }
    const char *topic = data;
    const uint8_t *body = nul + 1;
    size_t body_size = size - (size_t)(body - (const uint8_t *)data);
    ProtobufCAllocator *allocator = hf_arena_allocator(arena);
    if (strcmp(topic, "F") == 0) {
        self->facts = hf__facts__unpack(allocator, body_size, body);
    } else if (strcmp(topic, "B") == 0) {
        self->beat = hf__beat__unpack(allocator, body_size, body);
    } else if (strncmp(topic, "A ", 2) == 0) {
        self->ack = hf__ack__unpack(allocator, body_size, body);
    }
    return self->facts || self->beat || self->ack;
}

void hf_topic_add(hf_buf_t *bytes, const char *topic, const char *name) {
    hf_buf_add(bytes, topic, strlen(topic));
    if (name) {
        hf_buf_add(bytes, " ", 1);
        hf_buf_add(bytes, name, strlen(name));
    }
    hf_buf_add(bytes, "", 1);
}
