/*  The third party, with moods, and libcurl between it and a caller: what became of each request, and what
 * the caller got to see.  */

#ifndef SIM_THIRD_H
#define SIM_THIRD_H

#include "call/call_core.h"
#include "simulation/ledger.h"

sim_third_t *sim_third_new(sim_world_t *world);
void sim_third_destroy(sim_third_t **self_p);

//  A caller makes a request.
void sim_third_call(sim_world_t *world, sim_life_t *caller, const hf_call_request_t *request);

//  The answer to a call reaches its caller's process (it waits for the next round); the caller takes it in.
void sim_third_answered(sim_world_t *world, uint32_t call);
void sim_third_finish(sim_world_t *world, sim_life_t *caller, uint32_t call);

//  A destination changes its mood; from now on all are healthy.
void sim_third_mood(sim_world_t *world, uint32_t destination);
void sim_third_heal(sim_world_t *world);

#endif
