#include "simulation/gates.h"

#include "simulation/ledger.h"

#include <inttypes.h>

enum { GATES = 11 }; //  The invariant's number

static void s_violation(const sim_world_t *world, const Hf__Fact *fact, const char *what) {
    sim_violation(&world->engine, GATES, "fact %" PRIu64 " (%s): %s", fact->seq, fact->destination, what);
}

//  Who may say what, and when.
static const char *s_objection(const sim_gate_t *self, const Hf__Fact *fact, bool proposed) {
    switch ((hf_gate_event_t)fact->event) {
    case HF_GATE_PAUSE:
        return proposed && !self->paused ? NULL : "paused, and nobody asked for it, or it was already";
    case HF_GATE_RESUME:
        return proposed ? NULL : "resumed, and nobody asked for it";
    case HF_GATE_BLOCK:
        return fact->due == self->asked_to_wait && fact->due > self->blocked_until
                   ? NULL
                   : "blocked until a time that no outcome names";
    case HF_GATE_OPEN:
        return self->circuit == HF_CIRCUIT_OPEN
                   ? (self->probe_ended && !self->probe_well ? NULL : "opened again, and no probe failed")
               : proposed ? NULL
                          : "its circuit opened, and failure did not propose that";
    case HF_GATE_RAMP:
        return self->circuit == HF_CIRCUIT_OPEN && self->probe_ended && self->probe_well
                   ? NULL
                   : "its circuit ramps up, and no probe was answered";
    case HF_GATE_CLOSE:
        return self->circuit == HF_CIRCUIT_RAMPING && proposed
                   ? NULL
                   : "its circuit closed, and dispatch did not propose that";
    default:
        return "that cannot happen to a destination";
    }
}

static void s_apply(sim_gate_t *self, const Hf__Fact *fact) {
    switch ((hf_gate_event_t)fact->event) {
    case HF_GATE_PAUSE:
        self->paused = true;
        break;
    case HF_GATE_RESUME:
        self->paused = false;
        self->blocked_until = self->wished_until = 0;
        self->probe_at = self->probe_at < fact->at ? self->probe_at : fact->at;
        break;
    case HF_GATE_BLOCK:
        self->blocked_until = fact->due;
        break;
    case HF_GATE_OPEN:
        self->circuit = HF_CIRCUIT_OPEN;
        self->probe_at = fact->due;
        break;
    case HF_GATE_RAMP:
        self->circuit = HF_CIRCUIT_RAMPING;
        break;
    default:
        self->circuit = HF_CIRCUIT_CLOSED;
    }
}

void sim_gate_learn(sim_gate_t *self, const sim_world_t *world, const Hf__Fact *fact, bool proposed) {
    static const sim_fault_t faults[HF_GATE_EVENTS] = {
        [HF_GATE_PAUSE] = SIM_FAULT_PAUSED,  [HF_GATE_RESUME] = SIM_FAULT_RESUMED,
        [HF_GATE_BLOCK] = SIM_FAULT_BLOCKED, [HF_GATE_OPEN] = SIM_FAULT_CIRCUIT_OPENED,
        [HF_GATE_RAMP] = SIM_FAULT_RAMPED,   [HF_GATE_CLOSE] = SIM_FAULT_CIRCUIT_CLOSED};
    const char *objection = s_objection(self, fact, proposed);
    if (objection) {
        s_violation(world, fact, objection);
    }
    if (fact->previous != self->last_fact) {
        s_violation(world, fact, "it does not name the fact before it");
    }
    s_apply(self, fact);
    self->last_fact = fact->seq;
    self->probe_ended = self->probe_ended && fact->event == HF_GATE_BLOCK;
    self->facts[fact->event]++;
    sim_cover(faults[fact->event], world->ledger->counts);
    if (self->facts[fact->event] + self->refused[fact->event] > self->asked[fact->event] &&
        (fact->event == HF_GATE_PAUSE || fact->event == HF_GATE_RESUME)) {
        s_violation(world, fact, "it was asked for less often than it was carried out");
    }
}

void sim_gate_started(sim_gate_t *self, const sim_world_t *world, const Hf__Fact *fact) {
    bool open = self->circuit == HF_CIRCUIT_OPEN;
    if (self->paused) {
        s_violation(world, fact, "an attempt begins while it is paused");
    }
    if (self->blocked_until > fact->at || self->wished_until > fact->at) {
        s_violation(world, fact, "an attempt begins before the third party wants to be called");
    }
    if (open && (!fact->probe || fact->at < self->probe_at || self->probing)) {
        s_violation(world, fact, "an attempt begins while its circuit is open");
    }
    if (!open && fact->probe) {
        s_violation(world, fact, "a probe begins while its circuit is not open");
    }
    self->probing += fact->probe;
    self->probe_ended = false;
}

//  When the attempt asks to be left alone is in its history, which the fact does not repeat: the command's state does.
void sim_gate_ended(sim_gate_t *self, const sim_world_t *world, const Hf__Fact *fact) {
    Hf__State *state = NULL;
    hf_id_t id;
    hf_id_from(&id, fact->id.data, fact->id.len);
    self->probe_ended = fact->probe;
    self->probe_well = fact->class_ == HF_CLASS_SUCCEEDED || fact->class_ == HF_CLASS_REJECTED ||
                       fact->http_status == 429;
    self->probing -= fact->probe;
    self->asked_to_wait = 0;
    if (fact->class_ == HF_CLASS_FAILED &&
        hf_store_state(world->ledger->store, &id, world->ledger->arena, &state, NULL) == 1) {
        //  A time that has passed already asks for nothing, whatever the clock says after the next restart.
        int64_t until = state->retry_after > fact->at ? state->retry_after : 0;
        self->asked_to_wait = state->retry_after;
        self->wished_until = until > self->wished_until ? until : self->wished_until;
    }
}
