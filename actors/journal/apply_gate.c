/*  Happy path: look the destination's record up, or begin one; change it by the gate's rules (base/gate.h); write it, and make a fact.
 *
 *  Whatever changes nothing writes nothing: to pause what is paused is done already.
 *
 *  Invariants: (1) no attempt begins through a gate that forbids it; (2) one probe is under way at most: the record names its command until
 *  that attempt's end is applied.  */

#include "journal/apply_gate.h"
#include "base/gate.h"
#include "base/pipeline.h"

#include <string.h>

//  The record, or a new one that is not written yet. 0, or a code of the store.
static int s_record(hf_batch_t *batch, const char *name, Hf__Destination **record) {
    int found = hf_store_destination(batch->store, name, batch->arena, record, batch->error);
    if (found < 0) {
        return found;
    }
    if (!found) {
        *record = hf_arena_take(batch->arena, sizeof **record);
        hf__destination__init(*record);
        (*record)->name = (char *)name;
    }
    return 0;
}

//  What the fact of an event says about when.
static int64_t s_due(const Hf__Destination *record, hf_gate_event_t event) {
    return event == HF_GATE_BLOCK ? record->blocked_until : event == HF_GATE_OPEN ? record->probe_at : 0;
}

static const char *s_reason(const hf_gate_change_t *change) {
    return change->event == HF_GATE_BLOCK    ? "the third party asked not to be called before (Retry-After)"
           : change->event == HF_GATE_PAUSE  ? "paused by a person"
           : change->event == HF_GATE_RESUME ? "resumed by a person"
           : change->event == HF_GATE_RAMP   ? "a probe was answered"
           : change->event == HF_GATE_CLOSE  ? "what had piled up has been called"
                                             : change->reason;
}

//  Changes the record where the change is one, writes it and makes its fact.
static int s_change(hf_batch_t *batch, Hf__Destination *record, const hf_gate_change_t *change) {
    if (!hf_gate_change(record, change, batch->now)) {
        return 0;
    }
    Hf__Fact *fact = hf_batch_add_fact(batch);
    fact->event = change->event;
    fact->destination = record->name;
    fact->previous = record->last_fact;
    fact->due = s_due(record, change->event);
    fact->reason = (char *)s_reason(change);
    record->last_fact = fact->seq;
    if (change->event == HF_GATE_OPEN || change->event == HF_GATE_RAMP || change->event == HF_GATE_CLOSE) {
        record->circuit_fact = fact->seq;
    }
    return hf_store_put_destination(batch->store, record, batch->error);
}

static bool s_is_sound(const Hf__Gate *gate) {
    bool open = gate->event == HF_GATE_OPEN && gate->cooldown > 0 && *gate->reason && gate->steady >= 0;
    bool person = gate->event == HF_GATE_PAUSE || gate->event == HF_GATE_RESUME;
    return *gate->destination && strlen(gate->destination) <= HF_NAME_MAX &&
           (open || person || gate->event == HF_GATE_CLOSE);
}

int hf_apply_gate(hf_batch_t *batch, const Hf__Gate *gate, Hf__Result *result) {
    Hf__Destination *record = NULL;
    if (!s_is_sound(gate)) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    int rc = batch->repeated ? 0 : s_record(batch, gate->destination, &record);
    if (rc || batch->repeated) {
        return rc; //  Repeated: it was applied when it came first, whatever has become of it since
    }
    bool circuit = gate->event == HF_GATE_OPEN || gate->event == HF_GATE_CLOSE;
    if (circuit && gate->circuit_fact != record->circuit_fact) {
        result->code = HF_RESULT_STALE;
        return 0;
    }
    hf_gate_change_t change = {.event = (hf_gate_event_t)gate->event,
                               .who = gate->who,
                               .reason = gate->reason,
                               .cooldown_ms = gate->cooldown,
                               .steady = gate->steady};
    return s_change(batch, record, &change);
}

int hf_apply_gate_start(hf_batch_t *batch, Hf__State *after) {
    Hf__Destination *record = NULL;
    int64_t when;
    after->probe = false;
    if (!hf_store_has_destinations(batch->store)) {
        return 1;
    }
    int found = hf_store_destination(batch->store, after->destination, batch->arena, &record, batch->error);
    if (found <= 0) {
        return found ? found : 1;
    }
    hf_gate_t gate = hf_gate_read(record);
    hf_may_t may = hf_gate_may(&gate, batch->now, &when);
    if (may != HF_MAY_PROBE) {
        return may == HF_MAY_BEGIN;
    }
    after->probe = true;
    record->probe = after->id;
    int rc = hf_store_put_destination(batch->store, record, batch->error);
    return rc ? rc : 1;
}

//  Whether the third party answered well enough to be called again: a rejection, or "slow down", is an answer.
static bool s_is_well(const Hf__Attempt *attempt) {
    return attempt->class_ == HF_CLASS_SUCCEEDED || attempt->class_ == HF_CLASS_REJECTED ||
           attempt->http_status == 429;
}

bool hf_gate_is_free_of_charge(const Hf__State *before, const Hf__Attempt *attempt) {
    return before->probe && !s_is_well(attempt);
}

//  The probe's end, where it still is the probe: a circuit that has changed since has forgotten it.
static int s_end_probe(hf_batch_t *batch, Hf__Destination *record, const Hf__State *before,
                       const Hf__Attempt *attempt) {
    if (record->probe.len != before->id.len ||
        memcmp(record->probe.data, before->id.data, before->id.len) != 0) {
        return 0;
    }
    hf_gate_change_t change = {.event = s_is_well(attempt) ? HF_GATE_RAMP : HF_GATE_OPEN,
                               .reason = attempt->reason};
    return s_change(batch, record, &change);
}

int hf_apply_gate_outcome(hf_batch_t *batch, const Hf__State *before, const Hf__Attempt *attempt) {
    bool asks = attempt->class_ == HF_CLASS_FAILED && attempt->retry_after > batch->now;
    Hf__Destination *record = NULL;
    if (!asks && !before->probe) {
        return 0;
    }
    int rc = s_record(batch, before->destination, &record);
    if (!rc && before->probe) {
        rc = s_end_probe(batch, record, before, attempt);
    }
    hf_gate_change_t change = {.event = HF_GATE_BLOCK, .until = attempt->retry_after};
    return rc || !asks ? rc : s_change(batch, record, &change);
}
