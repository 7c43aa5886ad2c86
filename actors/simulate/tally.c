#include "simulate/tally.h"

#include "base/buf.h"
#include "base/gate.h"
#include "base/lifecycle.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

//  ---- phases

static void s_add_phase(hf_tally_t *self, const char *name, unsigned number, int64_t from_ms) {
    hf_phase_tally_t *phase = &self->phases[self->phases_size++];
    assert(self->phases_size <= HF_TALLY_PHASES_MAX);
    if (number) {
        snprintf(phase->name, sizeof phase->name, "%s %u", name, number);
    } else {
        snprintf(phase->name, sizeof phase->name, "%s", name);
    }
    phase->from_ms = from_ms;
    phase->ages = hf_histogram_new();
    if (self->phases_size > 1) {
        self->phases[self->phases_size - 2].until_ms = from_ms;
    }
}

hf_tally_t *hf_tally_new(int64_t begin, const hf_third_plan_t *third, int64_t arrivals_until_ms) {
    hf_tally_t *self = hf_alloc(sizeof *self);
    bool several = third->outages_size > 1;
    self->begin = begin;
    self->step_ms = HF_TALLY_STEP_MS;
    self->whole.ages = hf_histogram_new();
    if (!third->outages_size || third->outages[0].from > 0) {
        s_add_phase(self, third->outages_size ? "before" : "arrivals", 0, 0);
    }
    bool over = false;
    for (size_t i = 0; i < third->outages_size; i++) {
        const hf_outage_t *outage = &third->outages[i];
        unsigned number = several ? (unsigned)i + 1 : 0;
        over = outage->until >= arrivals_until_ms;
        s_add_phase(self, "outage", number, outage->from);
        s_add_phase(self, over ? "arrivals over" : "after it", 0, outage->until);
        self->drains[self->drains_size++] = (hf_drain_t){
            .from_ms = outage->from, .until_ms = outage->until, .drained_ms = -1, .caught_up_ms = -1};
    }
    if (!over) {
        s_add_phase(self, "arrivals over", 0, arrivals_until_ms);
    }
    return self;
}

void hf_tally_destroy(hf_tally_t **self_p) {
    assert(self_p);
    hf_tally_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->phases_size; i++) {
            hf_histogram_destroy(&self->phases[i].ages);
        }
        hf_histogram_destroy(&self->whole.ages);
        free(self);
        *self_p = NULL;
    }
}

//  ---- the series

//  Two steps become one.
static void s_halve(hf_tally_t *self) {
    for (size_t i = 0; i < self->steps_size; i += 2) {
        hf_step_tally_t *to = &self->steps[i / 2];
        hf_step_tally_t a = self->steps[i];
        hf_step_tally_t b = i + 1 < self->steps_size ? self->steps[i + 1] : (hf_step_tally_t){0};
        *to = (hf_step_tally_t){a.accepted + b.accepted, a.calls + b.calls, a.succeeded + b.succeeded,
                                a.open > b.open ? a.open : b.open};
    }
    self->steps_size = (self->steps_size + 1) / 2;
    self->step_ms *= 2;
}

//  The one that is now; those between were without an event.
static hf_step_tally_t *s_step(hf_tally_t *self) {
    while (self->now_ms / self->step_ms >= HF_TALLY_STEPS_MAX) {
        s_halve(self);
    }
    size_t number = (size_t)(self->now_ms / self->step_ms);
    while (self->steps_size <= number) {
        self->steps[self->steps_size++] = (hf_step_tally_t){.open = self->open};
    }
    return &self->steps[number];
}

static hf_phase_tally_t *s_phase(hf_tally_t *self) {
    return &self->phases[self->phase];
}

//  ---- time, and what happens

static void s_look_at_drain(hf_tally_t *self, hf_drain_t *drain) {
    if (self->now_ms < drain->from_ms) {
        drain->usual = self->whole.peak > 1 ? self->whole.peak : 1;
    }
    if (!drain->begun && self->now_ms >= drain->until_ms) {
        drain->begun = true;
        drain->left = drain->still = self->open;
        drain->drained_ms = self->open ? -1 : self->now_ms;
    }
    if (drain->begun && drain->caught_up_ms < 0 && self->open <= (drain->usual ? drain->usual : 1)) {
        drain->caught_up_ms = self->now_ms;
    }
}

void hf_tally_advance(hf_tally_t *self, int64_t now) {
    self->now_ms = now - self->begin;
    while (self->phase + 1 < self->phases_size && self->now_ms >= s_phase(self)->until_ms) {
        self->phase++;
        s_phase(self)->peak = self->open;
    }
    s_phase(self)->until_ms = self->phase + 1 < self->phases_size ? s_phase(self)->until_ms : self->now_ms;
    for (size_t i = 0; i < self->drains_size; i++) {
        s_look_at_drain(self, &self->drains[i]);
    }
}

static void s_ended(hf_tally_t *self, int64_t accepted_at) {
    self->open--;
    for (size_t i = 0; i < self->drains_size; i++) {
        hf_drain_t *drain = &self->drains[i];
        if (drain->still && accepted_at - self->begin <= drain->until_ms && --drain->still == 0) {
            drain->drained_ms = self->now_ms;
        }
    }
}

static void s_accepted(hf_tally_t *self) {
    hf_step_tally_t *step = s_step(self);
    self->open++;
    step->accepted++;
    step->open = step->open > self->open ? step->open : self->open;
    for (hf_phase_tally_t *phase = s_phase(self);; phase = &self->whole) {
        phase->accepted++;
        phase->peak = phase->peak > self->open ? phase->peak : self->open;
        if (phase == &self->whole) {
            return;
        }
    }
}

//  Counts one in the phase and in the whole.
#define S_COUNT(self, field)                                                                                 \
    do {                                                                                                     \
        s_phase(self)->field++;                                                                              \
        (self)->whole.field++;                                                                               \
    } while (0)

static void s_count_event(hf_tally_t *self, const Hf__Fact *fact) {
    if (fact->previous == 0) { //  Its first: submitted, or parked behind others of its key
        s_accepted(self);
    } else if (fact->event == HF_EVENT_START && fact->attempt > 1) {
        S_COUNT(self, retries);
    } else if (fact->event == HF_EVENT_FAIL) {
        S_COUNT(self, failed);
    }
}

static void s_count_end(hf_tally_t *self, const Hf__Fact *fact) {
    switch ((hf_state_t)fact->state) {
    case HF_STATE_SUCCEEDED:
        S_COUNT(self, succeeded);
        s_step(self)->succeeded++;
        hf_histogram_add(s_phase(self)->ages, fact->at - fact->accepted_at);
        hf_histogram_add(self->whole.ages, fact->at - fact->accepted_at);
        break;
    case HF_STATE_DEAD:
        S_COUNT(self, dead);
        break;
    case HF_STATE_UNCERTAIN:
        S_COUNT(self, uncertain);
        break;
    default:
        S_COUNT(self, expired);
    }
    s_ended(self, fact->accepted_at);
}

//  A fact about the destination. A failed probe opens what is open already.
static void s_count_gate(hf_tally_t *self, const Hf__Fact *fact) {
    bool open = fact->event == HF_GATE_OPEN || (self->circuit_open && fact->event != HF_GATE_RAMP);
    if (open && !self->circuit_open) {
        self->opened++;
        self->opened_ms = self->now_ms;
    } else if (!open && self->circuit_open) {
        self->open_for_ms += self->now_ms - self->opened_ms;
    }
    self->circuit_open = open;
}

void hf_tally_fact(hf_tally_t *self, const Hf__Fact *fact) {
    if (fact->id.len == 0) {
        s_count_gate(self, fact);
        return;
    }
    s_count_event(self, fact);
    if (!hf_state_is_open((hf_state_t)fact->state)) {
        s_count_end(self, fact);
    }
}

void hf_tally_refused(hf_tally_t *self) {
    S_COUNT(self, refused);
}

void hf_tally_call(hf_tally_t *self) {
    S_COUNT(self, calls);
    s_step(self)->calls++;
}
