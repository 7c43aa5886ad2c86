/*  Proposals over jobs: what apply_job.c does of hf_apply. Each member is decided over as a person's decision is (apply.h).  */

#ifndef HF_APPLY_JOB_H
#define HF_APPLY_JOB_H

#include "journal/apply_batch.h"

//  As hf_apply.
int hf_apply_job_create(hf_batch_t *batch, const Hf__JobCreate *create, Hf__Result *result);
int hf_apply_job_step(hf_batch_t *batch, const Hf__JobStep *step, Hf__Result *result);
int hf_apply_job_cancel(hf_batch_t *batch, const Hf__JobCancel *cancel, Hf__Result *result);

#endif
