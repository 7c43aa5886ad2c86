/*  A follower of the simulator's own: link/follow as every actor uses it, each fact held against the ledger.
 */

#ifndef SIM_WATCH_H
#define SIM_WATCH_H

#include "simulation/world.h"

typedef struct sim_watch sim_watch_t;

sim_watch_t *sim_watch_new(const hf_core_setup_t *setup, sim_world_t *world, sim_life_t *life);
void sim_watch_destroy(sim_watch_t **self_p);
extern const hf_core_ops_t sim_watch_ops;

#endif
