/*  Actors: each life takes its messages in rounds, as its process would, and ends by itself, by a crash, or
 * because its supervisor ends it. Stands for host/shell and the supervisor.  */

#ifndef SIM_LIVES_H
#define SIM_LIVES_H

#include "simulation/world.h"

//  Begins a life for every role; ends them all.
void sim_lives_begin(sim_world_t *world);
void sim_lives_destroy(sim_world_t *world);

//  Something for its inbox; taken over. A full queue drops it.
void sim_lives_put(sim_world_t *world, sim_life_t *life, sim_item_t item);

//  A life that was replaced and has not ended, or NULL.
sim_life_t *sim_lives_zombie(const sim_world_t *world, sim_role_t role);

//  Events that are about lives.
void sim_lives_event(sim_world_t *world, const sim_event_t *event);

//  What events published to the world.
void sim_lives_world_event(sim_world_t *world, sim_life_t *life, const uint8_t *data, size_t size);

//  Faults end: whoever hangs goes on.
void sim_lives_heal(sim_world_t *world);

//  Whether every role is played, no replaced life is left, and everybody has seen everything; else why gets
//  words.
bool sim_lives_are_quiet(sim_world_t *world, const char **why);

#endif
