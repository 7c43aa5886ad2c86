#include "failure/breaker.h"

#include <stdlib.h>

//  About ten seconds' memory: one in which a stall was made up for must not count for much. The first ten count alike, so that a beginning
//  in the middle of a second is soon forgotten.
enum { MEMORY = 10 };

static double s_smooth(double old, double sample, unsigned samples) {
    return old + (sample - old) / (samples < MEMORY ? samples : MEMORY);
}

//  The second that was counted is over. A healthy one counts only once another healthy one has followed: the one in which an outage begins
//  is only half of one. Seconds without any end say nothing.
static void s_end_second(hf_breaker_t *self) {
    bool healthy = self->well > 0 && self->ill * 10 <= self->well;
    if (healthy && self->before > 0) {
        self->steady = s_smooth(self->steady, self->before, ++self->healthy);
    }
    if (healthy) {
        self->before = self->well;
    } else if (self->ill > 0) {
        self->before = 0;
    }
    self->arrivals = s_smooth(self->arrivals, self->arrived, ++self->counted);
    self->well = self->ill = self->arrived = 0;
}

static void s_turn(hf_breaker_t *self, int64_t at) {
    if (at / 1000 != self->second) {
        if (self->second) {
            s_end_second(self);
        }
        self->second = at / 1000;
    }
}

void hf_breaker_accept(hf_breaker_t *self, int64_t at) {
    s_turn(self, at);
    self->arrived++;
}

static void s_remember(hf_breaker_t *self, int of, bool failed) {
    if (!self->failures) {
        self->failures = hf_alloc((size_t)of);
    }
    if (self->size == of) {
        self->failed -= self->failures[self->head];
    } else {
        self->size++;
    }
    self->failures[self->head] = failed;
    self->failed += failed;
    self->head = (self->head + 1) % of;
}

static bool s_is_failure(const Hf__Fact *fact) {
    return (fact->class_ == HF_CLASS_FAILED && fact->http_status != 429) ||
           fact->class_ == HF_CLASS_REFUSED || fact->class_ == HF_CLASS_UNCERTAIN;
}

void hf_breaker_end(hf_breaker_t *self, const hf_destination_t *destination, const Hf__Fact *fact,
                    const hf_gate_t *gate) {
    bool failed = s_is_failure(fact);
    if (destination->circuit_of == 0 || fact->probe || fact->took_us == 0 ||
        fact->at - fact->took_us / 1000 < gate->circuit_since) {
        return;
    }
    s_turn(self, fact->at);
    if (gate->circuit == HF_CIRCUIT_CLOSED) {
        self->well += !failed;
        self->ill += failed;
    }
    s_remember(self, destination->circuit_of, failed);
}

bool hf_breaker_trips(const hf_breaker_t *self, const hf_destination_t *destination) {
    return self->failed > 0 &&
           self->failed * 100 >= destination->circuit_failures_percent * destination->circuit_of;
}

void hf_breaker_clear(hf_breaker_t *self) {
    self->size = self->head = self->failed = 0;
    self->before = 0;
}

double hf_breaker_steady(const hf_breaker_t *self) {
    if (self->steady > 0) {
        return self->steady;
    }
    return self->before > 0 ? self->before : self->arrivals > self->arrived ? self->arrivals : self->arrived;
}

void hf_breaker_free(hf_breaker_t *self) {
    free(self->failures);
    *self = (hf_breaker_t){0};
}
