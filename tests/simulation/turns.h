/*  Invariant 7: of the commands of an ordered key, one at a time, in order of acceptance. What the facts say is held against a
 *  model of its own: the commands of a key, by the numbers of the facts that accepted them.  */

#ifndef SIM_TURNS_H
#define SIM_TURNS_H

#include "simulation/ledger.h"

//  Whether its pipeline keeps the order; and the group that its body names, which is its key then.
bool sim_turns_apply(const sim_ledger_t *self, const sim_command_t *command);
unsigned sim_turns_group(uint32_t submission);

//  A fact, before the command has its new state: whether it may be parked, released or begun now.
void sim_turns_learn(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command);

//  A commit is over: no key is left with parked commands and nobody who has its turn.
void sim_turns_committed(const sim_ledger_t *self);

//  The third party is called for it.
void sim_turns_called(const sim_ledger_t *self, const sim_command_t *command);

//  Whether it is parked behind a command that only a person can move on.
bool sim_turns_is_blocked(const sim_ledger_t *self, const sim_command_t *command);

#endif
