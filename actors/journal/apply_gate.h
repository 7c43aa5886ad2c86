/*  What proposals mean for a destination: the only code that changes a destination's record. Called by apply.c, within its batch.
 *
 *  Whatever a destination's gate forbids does not begin, whoever asks for it: dispatch may be behind, or an old life of it may speak.  */

#ifndef HF_APPLY_GATE_H
#define HF_APPLY_GATE_H

#include "journal/apply_batch.h"

//  Pause, resume, open, close. As hf_apply.
int hf_apply_gate(hf_batch_t *batch, const Hf__Gate *gate, Hf__Result *result);

//  Whether the attempt that leads to this state may begin: 1, and the state says whether it is a probe; 0: the gate forbids it; else a
//  code of the store. Costs nothing where no destination has a record.
int hf_apply_gate_start(hf_batch_t *batch, Hf__State *after);

//  What the end of an attempt means for its destination: the third party asked to be left alone, or a probe has ended. before: the
//  command's state while it was called.
int hf_apply_gate_outcome(hf_batch_t *batch, const Hf__State *before, const Hf__Attempt *attempt);

//  Whether the attempt costs its command none of its attempts: a probe that did not come through was made for the destination's sake.
bool hf_gate_is_free_of_charge(const Hf__State *before, const Hf__Attempt *attempt);

#endif
