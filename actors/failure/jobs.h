/*  Carries out what jobs have in mind: finds their members in the journal's file, patches bodies where that was asked for, and proposes
 *  step after step. Failure's own: it decides what follows failure, whether by policy or because somebody asked.
 *
 *  Nothing is kept here that matters: a new life reads from the journal how far each job is. One step of each job is under way at most,
 *  and each names how many came before it, so that one that comes late or twice changes nothing.  */

#ifndef HF_JOBS_H
#define HF_JOBS_H

#include "base/pipeline.h"
#include "link/proposer.h"

typedef struct hf_jobs hf_jobs_t;

//  config, store and proposer are not owned.
hf_jobs_t *hf_jobs_new(const hf_config_t *config, hf_store_t *store, hf_proposer_t *proposer);
void hf_jobs_destroy(hf_jobs_t **self_p);

//  Does what is due; only while the link is live. When it wants to be called next: hf_jobs_next_deadline.
void hf_jobs_tick(hf_jobs_t *self, int64_t now);
int64_t hf_jobs_next_deadline(const hf_jobs_t *self);

//  Whether a proposal's tag is one of its own; then it takes the answer.
bool hf_jobs_take_answer(hf_jobs_t *self, const void *tag, const Hf__Result *result);

//  How many run, as far as it knows.
unsigned hf_jobs_running(const hf_jobs_t *self);

#endif
