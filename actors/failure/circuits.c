/*  Happy path: a fact is counted for its destination; where that makes the circuit trip, or the fact is about the destination itself, it
 *  gets a look; the look reads the record, and proposes.
 *
 *  Failures: a proposal that was answered as stale gets another look; a new life counts the newest facts of the file again, so that a
 *  circuit about to open still does.  */

#include "failure/circuits.h"
#include "failure/breaker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REPLAY_FACTS = 4096, //  Facts that a new life begins with: some seconds of a busy node, a few ms to read
};

typedef struct {
    hf_breaker_t breaker; //  Its attempts
    hf_gate_t gate;       //  What its record said last
    bool stale;           //  The record has changed since
    bool listed;          //  It is to be looked at
    bool proposed;        //  A proposal of ours is under way
} circuit_t;

struct hf_circuits {
    const hf_config_t *config; //  Destinations
    hf_store_t *store;         //  Their records
    hf_arena_t *arena;         //  Of the record being read
    circuit_t *circuits;       //  One for each destination, NULL: none has a circuit
    int *list;                 //  Numbers of those to be looked at
    size_t list_size;          //  How many
};

static void s_list(hf_circuits_t *self, int number) {
    circuit_t *circuit = &self->circuits[number];
    if (!circuit->listed) {
        circuit->listed = true;
        self->list[self->list_size++] = number;
    }
}

//  ---- a new life

static bool s_any(const hf_config_t *config) {
    for (size_t i = 0; i < config->destinations_size; i++) {
        if (config->destinations[i]->circuit_of > 0) {
            return true;
        }
    }
    return false;
}

static void s_on_record(void *context, const Hf__Destination *record) {
    hf_circuits_t *self = context;
    int number = hf_config_destination_number(self->config, record->name);
    if (number >= 0) {
        self->circuits[number].gate = hf_gate_read(record);
    }
}

static bool s_on_old_fact(void *context, const Hf__Fact *fact) {
    if (fact->id.len) {
        hf_circuits_on_fact(context, fact);
    }
    return true;
}

//  Best effort: what cannot be read now is told by whoever must read it.
static void s_replay(hf_circuits_t *self) {
    hf_error_t ignored;
    if (hf_store_begin_read(self->store, &ignored)) {
        return;
    }
    hf_store_walk_destinations(self->store, s_on_record, self, &ignored);
    hf_store_newest_facts(self->store, REPLAY_FACTS, self->arena, s_on_old_fact, self, &ignored);
    hf_store_end_read(self->store);
    hf_arena_reset(self->arena);
}

hf_circuits_t *hf_circuits_new(const hf_config_t *config, hf_store_t *store) {
    hf_circuits_t *self = hf_alloc(sizeof *self);
    self->config = config;
    self->store = store;
    if (s_any(config)) {
        self->arena = hf_arena_new(16 << 10);
        self->circuits = hf_alloc(config->destinations_size * sizeof *self->circuits);
        self->list = hf_alloc(config->destinations_size * sizeof *self->list);
        s_replay(self);
    }
    return self;
}

void hf_circuits_destroy(hf_circuits_t **self_p) {
    assert(self_p);
    hf_circuits_t *self = *self_p;
    if (self) {
        for (size_t i = 0; self->circuits && i < self->config->destinations_size; i++) {
            hf_breaker_free(&self->circuits[i].breaker);
        }
        hf_arena_destroy(&self->arena);
        free(self->circuits);
        free(self->list);
        free(self);
        *self_p = NULL;
    }
}

//  ---- facts

static void s_count(hf_circuits_t *self, int number, const Hf__Fact *fact) {
    circuit_t *circuit = &self->circuits[number];
    const hf_destination_t *destination = self->config->destinations[number];
    if (fact->event == HF_EVENT_SUBMIT) {
        hf_breaker_accept(&circuit->breaker, fact->at);
        return;
    }
    hf_breaker_end(&circuit->breaker, destination, fact, &circuit->gate);
    if (fact->event == HF_EVENT_FAIL && hf_breaker_trips(&circuit->breaker, destination)) {
        s_list(self, number);
    }
}

void hf_circuits_on_fact(hf_circuits_t *self, const Hf__Fact *fact) {
    bool counts = fact->event == HF_EVENT_SUBMIT || fact->event == HF_EVENT_SUCCEED ||
                  fact->event == HF_EVENT_FAIL;
    if (!self->circuits || (fact->id.len && !counts)) {
        return;
    }
    int number = hf_config_destination_number(self->config, fact->destination);
    if (number < 0 || self->config->destinations[number]->circuit_of == 0) {
        return;
    }
    if (fact->id.len) {
        s_count(self, number, fact);
    } else {
        self->circuits[number].stale = true;
        s_list(self, number);
    }
}

void hf_circuits_on_answer(hf_circuits_t *self, int number) {
    self->circuits[number].proposed = false;
    self->circuits[number].stale = true;
    s_list(self, number);
}

void hf_circuits_distrust(hf_circuits_t *self) {
    for (size_t i = 0; self->circuits && i < self->config->destinations_size; i++) {
        self->circuits[i].stale = true;
        s_list(self, (int)i);
    }
}

//  ---- deciding

//  What its record says now. A circuit that has changed begins to count anew.
static int s_read(hf_circuits_t *self, int number, hf_error_t *error) {
    circuit_t *circuit = &self->circuits[number];
    Hf__Destination *record = NULL;
    int found = hf_store_destination(self->store, self->config->destinations[number]->name, self->arena,
                                     &record, error);
    hf_gate_t gate = hf_gate_read(record);
    if (gate.circuit_fact != circuit->gate.circuit_fact) {
        hf_breaker_clear(&circuit->breaker);
    }
    circuit->gate = gate;
    circuit->stale = false;
    hf_arena_reset(self->arena);
    return found < 0 ? -1 : 0;
}

//  False where there is no room for the proposal.
static bool s_open(hf_circuits_t *self, int number, hf_on_circuit_t *on_open, void *context) {
    circuit_t *circuit = &self->circuits[number];
    const hf_destination_t *destination = self->config->destinations[number];
    char reason[128];
    snprintf(reason, sizeof reason, "%d of its last %d attempts failed", circuit->breaker.failed,
             circuit->breaker.size);
    Hf__Gate gate = HF__GATE__INIT;
    gate.destination = destination->name;
    gate.event = HF_GATE_OPEN;
    gate.reason = reason;
    gate.circuit_fact = circuit->gate.circuit_fact;
    gate.cooldown = destination->circuit_cooldown_ms;
    gate.steady = circuit->gate.circuit == HF_CIRCUIT_CLOSED ? hf_breaker_steady(&circuit->breaker) : 0;
    circuit->proposed = on_open(context, number, &gate);
    return circuit->proposed;
}

//  Reads all that are stale in one transaction; proposing needs none.
static int s_read_stale(hf_circuits_t *self, hf_error_t *error) {
    int rc = 0;
    if (hf_store_begin_read(self->store, error)) {
        return -1;
    }
    for (size_t i = 0; i < self->list_size && !rc; i++) {
        rc = self->circuits[self->list[i]].stale ? s_read(self, self->list[i], error) : 0;
    }
    hf_store_end_read(self->store);
    return rc;
}

bool hf_circuits_are_due(const hf_circuits_t *self) {
    return self->list_size > 0;
}

int hf_circuits_decide(hf_circuits_t *self, hf_on_circuit_t *on_open, void *context, hf_error_t *error) {
    if (self->list_size == 0) {
        return 0;
    }
    if (s_read_stale(self, error)) {
        return -1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < self->list_size; i++) {
        int number = self->list[i];
        circuit_t *circuit = &self->circuits[number];
        bool opens = !circuit->proposed && circuit->gate.circuit != HF_CIRCUIT_OPEN &&
                     hf_breaker_trips(&circuit->breaker, self->config->destinations[number]);
        if (opens && !s_open(self, number, on_open, context)) {
            self->list[kept++] = number;
        } else {
            circuit->listed = false;
        }
    }
    self->list_size = kept;
    return 0;
}
