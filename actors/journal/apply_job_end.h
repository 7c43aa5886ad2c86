/*  What the end of a command means for the job that has retried it. Called by apply.c, within its batch; apply_job.c stands on it, too.  */

#ifndef HF_APPLY_JOB_END_H
#define HF_APPLY_JOB_END_H

#include "journal/apply_batch.h"

//  Reads a job and how far it is: 1 found, 0 none, HF_STORE_….
int hf_apply_job_read(hf_batch_t *batch, const ProtobufCBinaryData *bytes, hf_id_t *id, Hf__Job **job,
                      Hf__JobProgress **progress);

//  A job whose members are all behind it, with none under way, is done.
void hf_apply_job_look_whether_done(hf_batch_t *batch, const Hf__Job *job, Hf__JobProgress *progress);

//  A command that a job has retried comes to its end (or is held again): its job counts that, and it is the job's no more. 0 or HF_STORE_….
int hf_apply_job_ended(hf_batch_t *batch, Hf__State *after);

#endif
