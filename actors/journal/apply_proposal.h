/*  One proposal against the journal's tables.
 *
 *  Who stands on whom: apply_proposal on apply_job, apply and apply_gate; apply_job on apply and apply_job_end; apply on apply_gate and
 *  apply_job_end; all of them on apply_batch.  */

#ifndef HF_APPLY_PROPOSAL_H
#define HF_APPLY_PROPOSAL_H

#include "journal/apply_batch.h"

//  Applies one proposal. 0: result says how it was answered. HF_STORE_FULL or HF_STORE_FAILED: abort the
//  transaction.
int hf_apply(hf_batch_t *batch, const Hf__Proposal *proposal, Hf__Result *result);

#endif
