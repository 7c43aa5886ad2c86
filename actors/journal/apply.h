/*  What a proposal means for commands: the only code that changes what is true of one.  */

#ifndef HF_APPLY_H
#define HF_APPLY_H

#include "journal/apply_batch.h"

//  Applies a proposal over commands, as hf_apply; any other is malformed.
int hf_apply_command(hf_batch_t *batch, const Hf__Proposal *proposal, Hf__Result *result);

//  Carries a decision out over a command whose state allows it; job: of which it is one of many, or NULL. 0 or HF_STORE_….
int hf_apply_decision(hf_batch_t *batch, const hf_id_t *id, const Hf__State *before, const Hf__Decide *decide,
                      const Hf__Job *job);

#endif
