#include "dispatch/lane.h"

#include <math.h>

//  Token bucket: `rate` a second, at most a tenth of a second's worth saved up, so that a late wake-up loses nothing. A new life begins
//  with none, so that restarts never exceed the rate.
static void s_refill(hf_lane_t *self, int64_t now) {
    double most = 1 + self->destination->rate / 10;
    self->tokens_at = self->tokens_at ? self->tokens_at : now;
    self->tokens += (double)(now - self->tokens_at) * self->destination->rate / 1000;
    self->tokens = self->tokens > most ? most : self->tokens;
    self->tokens_at = now;
}

static int s_rate_room(hf_lane_t *self, int room, int64_t now, int64_t *when) {
    if (self->destination->rate <= 0) {
        return room;
    }
    s_refill(self, now);
    if (self->tokens < 1) {
        *when = now + (int64_t)ceil((1 - self->tokens) * 1000 / self->destination->rate);
        return 0;
    }
    return room < (int)self->tokens ? room : (int)self->tokens;
}

int hf_lane_room(hf_lane_t *self, int most, int64_t now, int64_t *when) {
    *when = INT64_MAX;
    hf_may_t may = hf_gate_may(&self->gate, now, when);
    if (may == HF_MAY_NOT || may == HF_MAY_LATER) {
        return 0;
    }
    *when = INT64_MAX;
    if (may == HF_MAY_PROBE) {
        return most > 0 && self->probes == 0 ? 1 : 0; //  Its end, and what follows from it, are facts
    }
    int room = self->destination->concurrency - self->in_hand; //  A freed place is a fact, too
    room = room < most ? room : most;
    return room > 0 ? s_rate_room(self, room, now, when) : 0;
}

void hf_lane_take(hf_lane_t *self, bool probe, bool begins) {
    self->in_hand++;
    self->probes += probe;
    self->tokens -= begins && self->destination->rate > 0 ? 1 : 0;
}

void hf_lane_give(hf_lane_t *self, bool probe) {
    self->in_hand--;
    self->probes -= probe;
}
