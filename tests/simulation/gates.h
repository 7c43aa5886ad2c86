/*  What the facts say about each destination, and that nothing begins there against it: a second reading of actors/base/gate.h, which the
 * ledger holds every fact against.  */

#ifndef SIM_GATES_H
#define SIM_GATES_H

#include "base/gate.h"
#include "simulation/world.h"

//  One destination, as its facts led to it.
typedef struct {
    bool paused;                       //  By a client
    int64_t blocked_until;             //  By the third party
    hf_circuit_t circuit;              //  As it was said
    int64_t probe_at;                  //  Open: no probe before
    unsigned probing;                  //  Probes that are called now
    bool probe_ended;                  //  The newest fact about a command here was a probe's end
    bool probe_well;                   //  and that the third party answered it well
    int64_t asked_to_wait;             //  A durable outcome says so: until then
    int64_t wished_until;              //  The latest of all these since the last resume
    uint64_t last_fact;                //  Number of the newest fact about it
    unsigned facts[HF_GATE_EVENTS];    //  How many there were
    unsigned asked[HF_GATE_EVENTS];    //  How often clients asked for it,
    unsigned refused[HF_GATE_EVENTS];  //  of these refused,
    unsigned answered[HF_GATE_EVENTS]; //  of these answered as done
} sim_gate_t;

//  A fact about that destination. proposed: a proposal of a current life that says the same was heard.
void sim_gate_learn(sim_gate_t *self, const sim_world_t *world, const Hf__Fact *fact, bool proposed);

//  An attempt begins, or ends, there.
void sim_gate_started(sim_gate_t *self, const sim_world_t *world, const Hf__Fact *fact);
void sim_gate_ended(sim_gate_t *self, const sim_world_t *world, const Hf__Fact *fact);

#endif
