#include "link/outbox.h"

#include <assert.h>
#include <stdlib.h>

void hf_outbox_put(hf_outbox_t *self, hf_to_t to, int number, hf_buf_t *bytes) {
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 16;
        self->items = realloc(self->items, self->capacity * sizeof *self->items);
        assert(self->items && "out of memory");
    }
    hf_envelope_t *item = &self->items[self->size++];
    item->to = to;
    item->number = number;
    item->data = hf_buf_release(bytes, &item->size);
}

bool hf_outbox_take(hf_outbox_t *self, hf_envelope_t *envelope) {
    if (self->head == self->size) {
        self->head = self->size = 0;
        return false;
    }
    *envelope = self->items[self->head++];
    return true;
}

void hf_outbox_free(hf_outbox_t *self) {
    hf_envelope_t envelope;
    while (hf_outbox_take(self, &envelope)) {
        free(envelope.data);
    }
    free(self->items);
    *self = (hf_outbox_t){0};
}
