/*  The retry budget of one destination: failing retries are at most a share of its calls, so that a third party in trouble is not met by a
 *  storm of them. A value, pure.
 *
 *  After Finagle's RetryBudget (twitter/finagle, com.twitter.finagle.service.RetryBudget): each call deposits the share, each retry
 *  takes a whole one, deposits are worth ten seconds, and ten retries a second are always allowed. Other than there, a retry that
 *  succeeds is given back: it was no storm. So the retries of an outage drain as fast as the third party answers them, though no new calls
 *  deposit anything; what fails again is bounded by the share.
 *
 *  With 0% that floor remains: commands that wait for a retry must not wait for ever. No retries at all is said with `attempts = 1`.
 *
 *  What counts as a retry: an attempt of a round that has had one before. A person's retry begins a round, and a probe is no retry.  */

#ifndef HF_BUDGET_H
#define HF_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    double tokens; //  Retries that may begin now
    double calls;  //  Calls of the last ten seconds, decaying
    int64_t at;    //  When both were counted; 0: never
} hf_budget_t;

//  Whether a retry may begin now; percent 100: always.
bool hf_budget_allows(hf_budget_t *self, int percent, int64_t now);

//  When it may, where it may not now and nothing else happens.
int64_t hf_budget_when(const hf_budget_t *self, int64_t now);

//  A call begins.
void hf_budget_take(hf_budget_t *self, int percent, bool retry, int64_t now);

//  A retry did not begin after all, or has succeeded.
void hf_budget_give_back(hf_budget_t *self);

#endif
