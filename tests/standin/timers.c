#include "timers.h"

#include "clock.h"

#include <assert.h>

struct standin_timers {
    standin_timer_t **heap; //  [1 … size], each parent due no later than its children; [0] is unused
    size_t size;            //  How many are armed
    size_t capacity;        //  How many slots there are, the unused one included
};

standin_timers_t *standin_timers_new(void) {
    standin_timers_t *self = standin_realloc(NULL, sizeof *self);
    *self = (standin_timers_t){.capacity = 64};
    self->heap = standin_realloc(NULL, self->capacity * sizeof *self->heap);
    return self;
}

void standin_timers_destroy(standin_timers_t **self_p) {
    assert(self_p);
    if (*self_p) {
        free((*self_p)->heap);
        free(*self_p);
        *self_p = NULL;
    }
}

static void s_put(standin_timers_t *self, size_t slot, standin_timer_t *timer) {
    self->heap[slot] = timer;
    timer->slot = slot;
}

//  Moves the timer at slot up or down until both its parent and its children are in order with it.
static void s_settle(standin_timers_t *self, size_t slot) {
    standin_timer_t *timer = self->heap[slot];
    while (slot > 1 && self->heap[slot / 2]->due_ms > timer->due_ms) {
        s_put(self, slot, self->heap[slot / 2]);
        slot /= 2;
    }
    for (;;) {
        size_t child = slot * 2;
        if (child + 1 <= self->size && self->heap[child + 1]->due_ms < self->heap[child]->due_ms) {
            child++;
        }
        if (child > self->size || self->heap[child]->due_ms >= timer->due_ms) {
            break;
        }
        s_put(self, slot, self->heap[child]);
        slot = child;
    }
    s_put(self, slot, timer);
}

void standin_timers_arm(standin_timers_t *self, standin_timer_t *timer, int64_t due_ms) {
    timer->due_ms = due_ms;
    if (!timer->slot) {
        if (self->size + 1 == self->capacity) {
            self->capacity *= 2;
            self->heap = standin_realloc(self->heap, self->capacity * sizeof *self->heap);
        }
        self->size++;
        s_put(self, self->size, timer);
    }
    s_settle(self, timer->slot);
}

void standin_timers_disarm(standin_timers_t *self, standin_timer_t *timer) {
    size_t slot = timer->slot;
    if (!slot) {
        return;
    }
    assert(self->heap[slot] == timer);
    standin_timer_t *last = self->heap[self->size];
    self->size--;
    timer->slot = 0;
    if (last != timer) {
        s_put(self, slot, last);
        s_settle(self, slot);
    }
}

standin_timer_t *standin_timers_take_due(standin_timers_t *self, int64_t now_ms) {
    if (!self->size || self->heap[1]->due_ms > now_ms) {
        return NULL;
    }
    standin_timer_t *timer = self->heap[1];
    standin_timers_disarm(self, timer);
    return timer;
}

int64_t standin_timers_next_ms(const standin_timers_t *self) {
    return self->size ? self->heap[1]->due_ms : INT64_MAX;
}
