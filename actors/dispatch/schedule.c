#include "dispatch/schedule.h"
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

struct hf_schedule {
    hf_lane_t **heap; //  Parent of i at (i - 1) / 2, no later than it
    size_t size;      //  How many
    size_t capacity;  //  Places
};

hf_schedule_t *hf_schedule_new(size_t lanes) {
    hf_schedule_t *self = hf_alloc(sizeof *self);
    self->heap = hf_alloc((lanes ? lanes : 1) * sizeof *self->heap);
    self->capacity = lanes;
    return self;
}

void hf_schedule_destroy(hf_schedule_t **self_p) {
    assert(self_p);
    if (*self_p) {
        free((*self_p)->heap);
        free(*self_p);
        *self_p = NULL;
    }
}

static void s_put(hf_schedule_t *self, size_t place, hf_lane_t *lane) {
    self->heap[place] = lane;
    lane->place = place + 1;
}

static void s_rise(hf_schedule_t *self, size_t place, hf_lane_t *lane) {
    while (place > 0 && lane->wake_at < self->heap[(place - 1) / 2]->wake_at) {
        s_put(self, place, self->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    s_put(self, place, lane);
}

static void s_sink(hf_schedule_t *self, size_t place, hf_lane_t *lane) {
    for (size_t child; (child = 2 * place + 1) < self->size; place = child) {
        if (child + 1 < self->size && self->heap[child + 1]->wake_at < self->heap[child]->wake_at) {
            child++;
        }
        if (self->heap[child]->wake_at >= lane->wake_at) {
            break;
        }
        s_put(self, place, self->heap[child]);
    }
    s_put(self, place, lane);
}

void hf_schedule_wake(hf_schedule_t *self, hf_lane_t *lane, int64_t at) {
    if (at == INT64_MAX || (lane->place && lane->wake_at <= at)) {
        return;
    }
    lane->wake_at = at;
    if (!lane->place) {
        assert(self->size < self->capacity);
        lane->place = ++self->size;
    }
    s_rise(self, lane->place - 1, lane);
}

hf_lane_t *hf_schedule_take(hf_schedule_t *self, int64_t now) {
    if (self->size == 0 || self->heap[0]->wake_at > now) {
        return NULL;
    }
    hf_lane_t *lane = self->heap[0];
    lane->place = 0;
    hf_lane_t *last = self->heap[--self->size];
    if (self->size > 0) {
        s_sink(self, 0, last);
    }
    return lane;
}

int64_t hf_schedule_next(const hf_schedule_t *self) {
    return self->size ? self->heap[0]->wake_at : INT64_MAX;
}
