#include "dispatch/share.h"

#include <assert.h>
#include <string.h>

static uint64_t s_stride(int priority) {
    return UINT64_C(1) << (HF_PRIORITIES - 1 - priority);
}

//  The ready one with the lowest pass; of several the most urgent.
static int s_next(const hf_share_t *self, unsigned ready) {
    int next = -1;
    for (int priority = HF_PRIORITIES - 1; priority >= 0; priority--) {
        bool lower = next < 0 || self->pass[priority] < self->pass[next];
        next = (ready & 1u << priority) && lower ? priority : next;
    }
    return next;
}

void hf_share_divide(hf_share_t *self, unsigned ready, int room, int quota[HF_PRIORITIES]) {
    assert(ready && room >= 0);
    memset(quota, 0, HF_PRIORITIES * sizeof *quota);
    for (int priority = 0; priority < HF_PRIORITIES; priority++) {
        bool late = (ready & 1u << priority) && self->pass[priority] < self->now;
        self->pass[priority] = late ? self->now : self->pass[priority];
    }
    if ((ready & (ready - 1)) == 0) { //  The usual case: only one has work
        int only = s_next(self, ready);
        quota[only] = room;
        self->pass[only] += s_stride(only) * (uint64_t)room;
        self->now = self->pass[only];
        return;
    }
    for (; room > 0; room--) {
        int next = s_next(self, ready);
        self->now = self->pass[next];
        self->pass[next] += s_stride(next);
        quota[next]++;
    }
}

void hf_share_give_back(hf_share_t *self, int priority, int unused) {
    self->pass[priority] -= s_stride(priority) * (uint64_t)unused;
    self->now = self->pass[priority] < self->now ? self->pass[priority] : self->now;
}
