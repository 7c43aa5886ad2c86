/*  All destinations' circuits, as failure runs them: it follows the facts, and says which must open.  */

#ifndef HF_CIRCUITS_H
#define HF_CIRCUITS_H

#include "base/pipeline.h"
#include "messages.pb-c.h"
#include "store/store.h"

typedef struct hf_circuits hf_circuits_t;

//  Begins with what the newest facts in the file tell. Neither configuration nor store is owned.
hf_circuits_t *hf_circuits_new(const hf_config_t *config, hf_store_t *store);
void hf_circuits_destroy(hf_circuits_t **self_p);

//  Each fact once, in order. Costs next to nothing where no destination has a circuit.
void hf_circuits_on_fact(hf_circuits_t *self, const Hf__Fact *fact);

//  What was proposed for the destination of that number was answered.
void hf_circuits_on_answer(hf_circuits_t *self, int number);

//  Facts are gone for good: what the records say must be read again.
void hf_circuits_distrust(hf_circuits_t *self);

//  Whether hf_circuits_decide has something to do.
bool hf_circuits_are_due(const hf_circuits_t *self);

//  Calls on_open for each circuit that must open; false from it: there is no room for the proposal, ask again. -1: the file is broken.
typedef bool(hf_on_circuit_t)(void *context, int number, Hf__Gate *gate);
int hf_circuits_decide(hf_circuits_t *self, hf_on_circuit_t *on_open, void *context, hf_error_t *error);

#endif
