#include "simulate/timeline.h"

#include <assert.h>
#include <stdlib.h>

void hf_timeline_free(hf_timeline_t *self) {
    for (size_t i = 0; i < self->size; i++) {
        free(self->heap[i].data);
    }
    free(self->heap);
    self->heap = NULL;
    self->size = self->capacity = 0;
}

static bool s_is_before(const hf_moment_t *a, const hf_moment_t *b) {
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void s_swap(hf_moment_t *a, hf_moment_t *b) {
    hf_moment_t other = *a;
    *a = *b;
    *b = other;
}

void hf_timeline_plan(hf_timeline_t *self, hf_moment_t moment) {
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 256;
        self->heap = realloc(self->heap, self->capacity * sizeof *self->heap);
        assert(self->heap && "out of memory");
    }
    size_t place = self->size++;
    moment.seq = self->seq++;
    self->heap[place] = moment;
    while (place > 0 && s_is_before(&self->heap[place], &self->heap[(place - 1) / 2])) {
        s_swap(&self->heap[place], &self->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
}

static void s_sink(hf_timeline_t *self) {
    size_t place = 0;
    for (;;) {
        size_t child = place * 2 + 1;
        if (child >= self->size) {
            return;
        }
        if (child + 1 < self->size && s_is_before(&self->heap[child + 1], &self->heap[child])) {
            child++;
        }
        if (!s_is_before(&self->heap[child], &self->heap[place])) {
            return;
        }
        s_swap(&self->heap[child], &self->heap[place]);
        place = child;
    }
}

bool hf_timeline_next(hf_timeline_t *self, int64_t until, hf_moment_t *moment) {
    if (self->size == 0 || self->heap[0].at > until) {
        return false;
    }
    *moment = self->heap[0];
    self->heap[0] = self->heap[--self->size];
    s_sink(self);
    return true;
}
