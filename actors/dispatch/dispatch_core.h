/*  Dispatch decides what may be called now: what is due, how many calls each destination bears, which caller is free.
 *
 *  The index in the journal's file is the queue; dispatch keeps no copy of it. Facts only tell it where to look: a destination that
 *  got work, or a free place, is walked from the head of its due commands, and what is not already in hand is started.
 *
 *  Happy path: Start proposed → its fact comes back → the order goes to the caller, when there is a place → the caller's word that it
 *  was answered well, or the outcome's fact, frees the place. Where a third party is quick, Starts go ahead of places, so that making
 *  them durable does not use these up; what cannot be called after all goes back to the queue, and it costs the command nothing.
 *  Failures: a caller's new epoch (from the journal's beats) means that its attempts are lost: their outcome is proposed as
 *  `uncertain`; a new life of dispatch finds started attempts in the index and orders them again, which a caller that has them
 *  already ignores.
 *
 *  Invariants: (1) an order goes out only for a Start that is durable; (2) at a third party there are never
 *  more than its concurrency; (3) memory grows with what is in hand, never with the backlog.  */

#ifndef HF_DISPATCH_CORE_H
#define HF_DISPATCH_CORE_H

#include "link/core.h"

typedef struct hf_dispatch hf_dispatch_t;

hf_dispatch_t *hf_dispatch_new(const hf_core_setup_t *setup);
void hf_dispatch_destroy(hf_dispatch_t **self_p);
extern const hf_core_ops_t hf_dispatch_ops;

//  No new attempts from now on (draining).
void hf_dispatch_stop(hf_dispatch_t *self);

//  Whether nothing of its own is under way to the journal.
bool hf_dispatch_is_quiet(const hf_dispatch_t *self);

#endif
