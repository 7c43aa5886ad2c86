/*  What becomes of messages: lost, doubled, late, out of order, in a full queue, or lost with a connection.
 * Without faults each link keeps its order, as ZeroMQ's pipes do.  */

#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "simulation/world.h"

//  Sends what a life's core put into its outbox; the envelope's data is taken over.
void sim_network_send(sim_world_t *world, sim_life_t *from, hf_envelope_t *envelope);

//  A message arrives: it goes into an inbox, or is lost, or waits for someone to connect to.
void sim_network_arrive(sim_world_t *world, sim_event_t *event);

#endif
