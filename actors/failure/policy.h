/*  The rules of retrying: what follows a failed attempt. Pure, one function, the whole of `retry`, `on_uncertain` and deadlines.  */

#ifndef HF_POLICY_H
#define HF_POLICY_H

#include "base/id.h"
#include "base/pipeline.h"
#include "records.pb-c.h"

typedef struct {
    hf_event_t event; //  RETRY_AT, HOLD, GIVE_UP or EXPIRE
    int64_t due;      //  RETRY_AT: when
    int64_t delay_ms; //  RETRY_AT: the delay that was drawn
    bool inquire;     //  RETRY_AT: ask what became of it, instead of calling
    char reason[640]; //  For people
} hf_verdict_t;

//  Decides over a command in state `deciding`. pipeline NULL (no longer configured): the contract's defaults.
//  Where an outcome is unknown and its destination has a `probe`, the next attempt asks what became of it (attempts used up or not) until
//  it is known, with the delays of `retry` but none at once: the third party shall be done with the call. What is still unknown when no
//  further question fits before a deadline ends as `on_uncertain` says.
//  In this order: rejected → dead; poison → dead; uncertain under `hold`, nobody to ask → held; own deadline passed → expired; attempts used up →
//  dead; the third party asks not to be called before the own deadline → expired, before the retry deadline → dead; else again. A delay
//  that leads over a deadline is shortened, once, so that a last attempt is made: at the retry deadline, a second before an own one.
//  Immediate retries of what was provably never sent get the place in the queue that their command had, before all others.
//  Delay: none for the first `immediate` retries, then delay · factor^k, at most cap, and under full jitter evenly between 0 and
//  that (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015). Retry-After is a floor.
hf_verdict_t hf_policy_decide(const hf_pipeline_t *pipeline, const Hf__State *state, int64_t now,
                              hf_rng_t *rng);

#endif
