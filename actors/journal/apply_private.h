/*  What apply.c and apply_job.c share. Nobody else includes this.  */

#ifndef HF_APPLY_PRIVATE_H
#define HF_APPLY_PRIVATE_H

#include "journal/apply.h"

//  Carries a decision out over a command whose state allows it; job: of which it is one of many, or NULL. 0 or HF_STORE_….
int hf_apply_decision(hf_batch_t *batch, const hf_id_t *id, const Hf__State *before, const Hf__Decide *decide,
                      const Hf__Job *job);

//  Proposals over jobs, as hf_apply.
int hf_apply_job_create(hf_batch_t *batch, const Hf__JobCreate *create, Hf__Result *result);
int hf_apply_job_step(hf_batch_t *batch, const Hf__JobStep *step, Hf__Result *result);
int hf_apply_job_cancel(hf_batch_t *batch, const Hf__JobCancel *cancel, Hf__Result *result);

//  A command that a job has retried comes to its end (or is held again): its job counts that, and it is the job's no more. 0 or HF_STORE_….
int hf_apply_job_ended(hf_batch_t *batch, Hf__State *after);

#endif
