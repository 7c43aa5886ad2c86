/*  When to stop calling a destination, and when to call it again. Pure; one for each destination with a `circuit`.
 *
 *      closed ── share of failures among the last `of` attempts ≥ `failures` ──▶ open until now + cooldown
 *      open, cooldown over: one attempt at a time is let through ── it succeeds ──▶ closed, nothing remembered
 *                                                               └─ it fails ────▶ open until now + cooldown
 *
 *  A failure is an attempt that says that the third party is unwell: refused, failed or uncertain. Rejected is an answer about the
 *  command, so it counts as health. Outcomes of attempts that were under way when it opened say nothing new, and are passed over
 *  until the cooldown is over.
 *
 *  Whether it is open is not kept here but in the journal (it survives restarts, and everyone sees it): the caller says so.  */

#ifndef HF_CIRCUIT_H
#define HF_CIRCUIT_H

#include "base/lifecycle.h"
#include "base/pipeline.h"

enum {
    HF_CIRCUIT_OF_MAX = 1024, //  Attempts remembered for one destination at most
};

typedef enum {
    HF_CIRCUIT_STAYS,  //  Nothing to propose
    HF_CIRCUIT_OPENS,  //  Propose it open until now + cooldown
    HF_CIRCUIT_CLOSES, //  Propose it closed
} hf_circuit_move_t;

typedef struct hf_circuit hf_circuit_t;

//  destination->circuit_of > 0.
hf_circuit_t *hf_circuit_new(const hf_destination_t *destination);
void hf_circuit_destroy(hf_circuit_t **self_p);

//  Takes in how an attempt ended. open_until: 0 where the circuit is closed, else when its cooldown ends.
hf_circuit_move_t hf_circuit_record(hf_circuit_t *self, hf_class_t class, int64_t open_until, int64_t now);

//  Failures and attempts remembered, for people.
void hf_circuit_share(const hf_circuit_t *self, int *failures, int *attempts);

#endif
