#include "dispatch/lane.h"

enum {
    AHEAD_MAX =
        512, //  Attempts of one destination that go ahead of a place: some milliseconds' worth at most
    AHEAD_FREED_MS = 100,   //  Only where places come free: one did within this time,
    AHEAD_QUICK_US = 20000, //  and the mean latency is no more than this: else nothing would be gained
};

void hf_lane_set_gate(hf_lane_t *self, const Hf__Destination *record) {
    hf_circuit_t before = self->gate.circuit;
    self->gate = hf_gate_read(record);
    self->stale = false;
    self->closing = false;
    if (self->gate.circuit == HF_CIRCUIT_RAMPING && before != HF_CIRCUIT_RAMPING) {
        hf_limit_reset(&self->limit); //  What the outage made of it says nothing: the ramp is slow enough
    }
}

static int s_limit(const hf_lane_t *self) {
    int ceiling = self->destination->concurrency;
    return self->destination->adaptive ? hf_limit_use(&self->limit, ceiling) : ceiling;
}

bool hf_lane_has_free_place(const hf_lane_t *self) {
    return self->in_hand < s_limit(self);
}

bool hf_lane_has_place(const hf_lane_t *self) {
    return !self->line_first && hf_lane_has_free_place(self);
}

bool hf_lane_lets_call(const hf_lane_t *self, int64_t now) {
    int64_t when;
    return hf_gate_may(&self->gate, now, &when) == HF_MAY_BEGIN;
}

//  How many may begin ahead of a place. To make a Start durable takes longer than a quick third party does to answer: if each waited for its
//  place first, `concurrency` would bound what is on its way to the disk, too. Not where a person would have to decide about what a
//  crash leaves uncertain, and not where anything but places holds attempts back: what goes ahead was paced before its time.
static int s_ahead(const hf_lane_t *self, int limit, int64_t now) {
    bool quick = self->freed_at && now - self->freed_at <= AHEAD_FREED_MS && self->limit.long_us > 0 &&
                 self->limit.long_us <= AHEAD_QUICK_US;
    int learned = hf_limit_use(&self->limit, self->destination->concurrency); //  In use or not
    bool free = self->gate.circuit == HF_CIRCUIT_CLOSED && learned == self->destination->concurrency &&
                hf_pace_rate(&self->pace, self->destination, &self->gate, now) <= 0;
    if (!quick || !free || self->destination->on_uncertain == HF_ON_UNCERTAIN_HOLD) {
        return 0;
    }
    return limit < AHEAD_MAX ? limit : AHEAD_MAX;
}

int hf_lane_room(hf_lane_t *self, int most, int64_t now, int64_t *when) {
    *when = INT64_MAX;
    hf_may_t may = hf_gate_may(&self->gate, now, when);
    if (may == HF_MAY_NOT || may == HF_MAY_LATER) {
        return 0;
    }
    *when = INT64_MAX;
    if (may == HF_MAY_PROBE) {
        bool place = !self->line_first && self->in_hand < self->destination->concurrency;
        return most > 0 && place && self->probes == 0; //  Its end, and what follows from it, are facts
    }
    int limit = s_limit(self);
    int room = limit - self->in_hand - self->line_size +
               s_ahead(self, limit, now); //  A freed place is a fact, too
    room = room < most ? room : most;
    return room > 0 ? hf_pace_room(&self->pace, self->destination, &self->gate, room, now, when) : 0;
}

bool hf_lane_allows_retry(hf_lane_t *self, int64_t now, int64_t *when) {
    if (hf_budget_allows(&self->budget, self->destination->retry_budget_percent, now)) {
        return true;
    }
    *when = hf_budget_when(&self->budget, now);
    return false;
}

void hf_lane_take(hf_lane_t *self, bool probe) {
    self->in_hand++;
    self->probes += probe;
}

void hf_lane_begin(hf_lane_t *self, bool retry, int64_t now) {
    hf_pace_take(&self->pace, now);
    hf_budget_take(&self->budget, self->destination->retry_budget_percent, retry, now);
}

void hf_lane_give(hf_lane_t *self, bool probe, int64_t now) {
    self->in_hand--;
    self->probes -= probe;
    self->freed_at = now;
}

void hf_lane_undo(hf_lane_t *self, bool retry) {
    hf_pace_give_back(&self->pace);
    if (retry) {
        hf_budget_give_back(&self->budget);
    }
}

//  Answers of a third party, or of what stands before it, that has too much to do; and none at all.
static bool s_is_too_much(const Hf__Fact *fact) {
    return fact->class_ == HF_CLASS_UNCERTAIN || fact->class_ == HF_CLASS_REFUSED ||
           fact->http_status == 429 || (fact->http_status >= 502 && fact->http_status <= 504);
}

void hf_lane_learn(hf_lane_t *self, const Hf__Fact *fact, bool retry, int64_t now) {
    int ceiling = self->destination->concurrency;
    if (retry && fact->class_ == HF_CLASS_SUCCEEDED) {
        hf_budget_give_back(&self->budget);
    }
    if (fact->took_us == 0) {
        return; //  Nobody was called, or nobody knows
    }
    if (fact->http_status == 429) {
        hf_pace_slow(&self->pace, now);
    }
    if (s_is_too_much(fact)) {
        hf_limit_drop(&self->limit, ceiling, now);
    } else {
        hf_limit_sample(&self->limit, fact->took_us, self->in_hand, ceiling, now);
    }
}
