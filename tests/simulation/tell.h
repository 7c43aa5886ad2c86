/*  Messages as sentences, for the story.  */

#ifndef SIM_TELL_H
#define SIM_TELL_H

#include "simulation/world.h"

//  "dispatch/12": an actor's name and its life. The text is one of a few in turn.
const char *sim_tell_life(const sim_life_t *life);
const char *sim_role_name(sim_role_t role);

//  What a message says. The text stays until the next call.
const char *sim_tell_message(const sim_world_t *world, hf_to_t to, const void *data, size_t size);

#endif
