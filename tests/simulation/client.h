/*  Clients: they submit with and without an Idempotency-Key, send the same again until they are answered, and
 * decide over single commands. Stands for HTTP, too: a request reaches one life of ingress, its answer may be
 * lost.  */

#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "ingress/ingress_core.h"
#include "simulation/ledger.h"

sim_clients_t *sim_clients_new(sim_world_t *world);
void sim_clients_destroy(sim_clients_t **self_p);

//  Client number does its next thing, if that turn is still its next.
void sim_client_turn(sim_world_t *world, uint32_t number, uint32_t turn);

//  A request reaches ingress; ingress answers; a life of ingress ends, and with it its connections.
void sim_client_arrive(sim_world_t *world, sim_life_t *ingress, uint32_t number);
void sim_client_answered(sim_world_t *world, sim_life_t *ingress, const hf_answer_t *answer);
void sim_clients_life_ended(sim_world_t *world, const sim_life_t *ingress);

//  The line of some batch with that body, or NULL; and batches by their number, NULL behind the last.
sim_submission_t *sim_clients_line(const sim_world_t *world, const void *body, size_t size);
sim_submission_t *sim_clients_batch(const sim_world_t *world, size_t number);

//  Nothing new is begun from now on; whether everybody has what he wanted.
void sim_clients_stop(sim_world_t *world);
bool sim_clients_are_done(const sim_world_t *world);

#endif
