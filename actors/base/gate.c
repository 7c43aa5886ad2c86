#include "base/gate.h"

#include <string.h>

hf_gate_t hf_gate_read(const Hf__Destination *record) {
    if (!record) {
        return (hf_gate_t){0};
    }
    return (hf_gate_t){.paused = record->paused,
                       .blocked_until = record->blocked_until,
                       .circuit = (hf_circuit_t)record->circuit,
                       .circuit_since = record->circuit_since,
                       .circuit_fact = record->circuit_fact,
                       .probe_at = record->probe_at,
                       .probing = record->probe.len > 0,
                       .steady = record->steady};
}

hf_may_t hf_gate_may(const hf_gate_t *self, int64_t now, int64_t *when) {
    if (self->paused) {
        return HF_MAY_NOT;
    }
    if (self->blocked_until > now) {
        *when = self->blocked_until;
        return HF_MAY_LATER;
    }
    if (self->circuit != HF_CIRCUIT_OPEN) {
        return HF_MAY_BEGIN;
    }
    if (self->probing) {
        return HF_MAY_NOT;
    }
    *when = self->probe_at;
    return self->probe_at > now ? HF_MAY_LATER : HF_MAY_PROBE;
}

const char *hf_gate_reason(const hf_gate_t *self, int64_t now) {
    if (self->paused) {
        return "the destination is paused";
    }
    if (self->blocked_until > now) {
        return "the third party asked not to be called yet (Retry-After)";
    }
    return self->circuit == HF_CIRCUIT_OPEN ? "the destination's circuit is open" : "";
}

//  ---- changing

static bool s_pause(Hf__Destination *record, const hf_gate_change_t *change, int64_t now) {
    if (record->paused) {
        return false;
    }
    record->paused = true;
    record->paused_at = now;
    record->paused_by = (char *)(change->who ? change->who : "");
    return true;
}

//  A person's word stands above the third party's wish and the cooldown: after it, calls may begin, or a probe.
static bool s_resume(Hf__Destination *record, int64_t now) {
    bool early = record->circuit == HF_CIRCUIT_OPEN && record->probe_at > now;
    if (!record->paused && record->blocked_until <= now && !early) {
        return false;
    }
    record->paused = false;
    record->paused_at = 0;
    record->paused_by = (char *)"";
    record->blocked_until = 0;
    record->probe_at = early ? now : record->probe_at;
    return true;
}

static bool s_block(Hf__Destination *record, const hf_gate_change_t *change, int64_t now) {
    if (change->until <= now || change->until <= record->blocked_until) {
        return false;
    }
    record->blocked_until = change->until;
    return true;
}

static void s_set_circuit(Hf__Destination *record, hf_circuit_t circuit, int64_t now) {
    if (record->circuit != circuit) {
        record->circuit = circuit;
        record->circuit_since = now;
    }
    record->probe = (ProtobufCBinaryData){0, NULL};
}

static bool s_open(Hf__Destination *record, const hf_gate_change_t *change, int64_t now) {
    bool again = record->circuit == HF_CIRCUIT_OPEN;
    if (again != (change->cooldown_ms == 0)) {
        return false; //  Only a probe's failure opens what is open
    }
    record->probes = again ? record->probes + 1 : 0;
    s_set_circuit(record, HF_CIRCUIT_OPEN, now);
    record->cooldown = again ? record->cooldown : change->cooldown_ms;
    record->probe_at = now + record->cooldown;
    record->reason = (char *)(change->reason ? change->reason : "");
    record->steady = change->steady > 0 ? change->steady : record->steady;
    return true;
}

static bool s_ramp(Hf__Destination *record, int64_t now) {
    if (record->circuit != HF_CIRCUIT_OPEN) {
        return false;
    }
    record->probes++;
    record->probe_at = 0;
    s_set_circuit(record, HF_CIRCUIT_RAMPING, now);
    return true;
}

static bool s_close(Hf__Destination *record, int64_t now) {
    if (record->circuit != HF_CIRCUIT_RAMPING) {
        return false;
    }
    s_set_circuit(record, HF_CIRCUIT_CLOSED, now);
    record->reason = (char *)"";
    record->cooldown = 0;
    record->steady = 0;
    record->probes = 0;
    return true;
}

bool hf_gate_change(Hf__Destination *record, const hf_gate_change_t *change, int64_t now) {
    switch (change->event) {
    case HF_GATE_PAUSE:
        return s_pause(record, change, now);
    case HF_GATE_RESUME:
        return s_resume(record, now);
    case HF_GATE_BLOCK:
        return s_block(record, change, now);
    case HF_GATE_OPEN:
        return s_open(record, change, now);
    case HF_GATE_RAMP:
        return s_ramp(record, now);
    case HF_GATE_CLOSE:
        return s_close(record, now);
    default:
        return false;
    }
}

//  ---- words

#define CIRCUIT_WORD(name, word)    word,
#define GATE_EVENT_WORD(name, word) word,
static const char *const s_circuits[] = {HF_CIRCUIT_LIST(CIRCUIT_WORD)};
static const char *const s_events[] = {HF_GATE_EVENT_LIST(GATE_EVENT_WORD)};

const char *hf_circuit_name(uint32_t circuit) {
    return circuit < HF_CIRCUITS ? s_circuits[circuit] : "none";
}

const char *hf_gate_event_name(uint32_t event) {
    return event < HF_GATE_EVENTS ? s_events[event] : "none";
}

hf_gate_event_t hf_gate_event_parse(const char *word) {
    for (unsigned event = HF_GATE_EVENTS - 1; event > HF_GATE_NONE; event--) {
        if (strcmp(s_events[event], word) == 0) {
            return (hf_gate_event_t)event;
        }
    }
    return HF_GATE_NONE;
}
