#include "failure/policy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LAST_CHANCE_MS = 1000, //  A last attempt before a client's own deadline begins so long before it
};

//  The delay before the next attempt, ms, when `done` attempts of this round were made.
static int64_t s_delay(const hf_pipeline_t *pipeline, uint32_t done, hf_rng_t *rng) {
    if (done <= (uint32_t)pipeline->retry_immediate) {
        return 0;
    }
    double step = (double)(done - (uint32_t)pipeline->retry_immediate - 1);
    double delay = (double)pipeline->retry_delay_ms * pow(pipeline->retry_factor, step);
    if (!(delay < (double)pipeline->retry_cap_ms)) {
        delay = (double)pipeline->retry_cap_ms;
    }
    if (pipeline->retry_jitter == HF_JITTER_FULL) {
        return (int64_t)hf_rng_below(rng, (uint64_t)delay + 1);
    }
    return (int64_t)delay;
}

static hf_verdict_t s_verdict(hf_event_t event, const Hf__State *state, const char *why) {
    hf_verdict_t verdict = {.event = event};
    if (*state->reason) {
        snprintf(verdict.reason, sizeof verdict.reason, "%s: %.480s", why, state->reason);
    } else {
        snprintf(verdict.reason, sizeof verdict.reason, "%s", why);
    }
    return verdict;
}

//  What was provably never sent goes first among what is due: its place in the queue is that of its round's beginning.
static int64_t s_at_once(const Hf__State *state, int64_t now) {
    return state->class_ == HF_CLASS_REFUSED && state->round_at < now ? state->round_at : now;
}

//  The third party named a time that is too late.
static bool s_is_out_of_reach(const hf_pipeline_t *pipeline, const Hf__State *state, hf_verdict_t *verdict) {
    if (state->deadline && state->retry_after >= state->deadline) {
        *verdict = s_verdict(HF_EVENT_EXPIRE, state,
                             "the third party asked not to be called before its deadline (Retry-After)");
        return true;
    }
    if (state->retry_after > state->round_at + pipeline->retry_deadline_ms) {
        *verdict = s_verdict(
            HF_EVENT_GIVE_UP, state,
            "the third party asked not to be called before the retry deadline (Retry-After)");
        return true;
    }
    return false;
}

//  A delay that leads over a deadline ends before it: an outage that is shorter than the deadline shall not end a command. -1: there is no
//  time for another attempt.
static int64_t s_before_deadlines(const hf_pipeline_t *pipeline, const Hf__State *state, int64_t due,
                                  int64_t now) {
    int64_t last = state->round_at + pipeline->retry_deadline_ms;
    due = due > last ? last : due;
    bool cut = state->deadline && due >= state->deadline;
    if (cut) {
        due = state->deadline - LAST_CHANCE_MS;
    }
    bool late = due < now || due < state->retry_after || (due == now && (cut || now == last));
    return late ? -1 : due;
}

//  Another attempt after the delay that follows `done` attempts, or what it means that none fits.
static hf_verdict_t s_again(const hf_pipeline_t *pipeline, const Hf__State *state, uint32_t done, int64_t now,
                            hf_rng_t *rng) {
    hf_verdict_t verdict;
    if (s_is_out_of_reach(pipeline, state, &verdict)) {
        return verdict;
    }
    int64_t delay = s_delay(pipeline, done, rng);
    int64_t due = now + delay > state->retry_after ? now + delay : state->retry_after;
    due = s_before_deadlines(pipeline, state, due, now);
    if (due < 0) {
        bool own = state->deadline && state->deadline <= state->round_at + pipeline->retry_deadline_ms;
        return own ? s_verdict(HF_EVENT_EXPIRE, state, "no further attempt fits before its deadline")
                   : s_verdict(HF_EVENT_GIVE_UP, state, "no further attempt fits before the retry deadline");
    }
    verdict = (hf_verdict_t){.event = HF_EVENT_RETRY_AT, .due = due, .delay_ms = due - now};
    verdict.due = due == now ? s_at_once(state, now) : due;
    snprintf(verdict.reason, sizeof verdict.reason, "%.600s", state->reason);
    return verdict;
}

static bool s_holds(const hf_pipeline_t *pipeline, const Hf__State *state) {
    return state->class_ == HF_CLASS_UNCERTAIN && pipeline->destination &&
           pipeline->destination->on_uncertain == HF_ON_UNCERTAIN_HOLD;
}

static bool s_can_ask(const hf_pipeline_t *pipeline, const Hf__State *state) {
    return state->class_ == HF_CLASS_UNCERTAIN && pipeline->destination && pipeline->destination->probe;
}

static hf_verdict_t s_ask(const hf_pipeline_t *pipeline, const Hf__State *state, int64_t now, hf_rng_t *rng) {
    uint32_t done = (uint32_t)pipeline->retry_immediate + 1 + state->inquiries;
    hf_verdict_t verdict = s_again(pipeline, state, done, now, rng);
    verdict.inquire = verdict.event == HF_EVENT_RETRY_AT;
    if (!verdict.inquire && s_holds(pipeline, state)) {
        return s_verdict(HF_EVENT_HOLD, state, "its outcome is still unknown, and the destination says hold");
    }
    return verdict;
}

//  Nobody was asked to make the newest attempt: it is as due as it was before.
static hf_verdict_t s_as_before(const hf_pipeline_t *pipeline, const Hf__State *state, int64_t now) {
    hf_verdict_t verdict = {.event = HF_EVENT_RETRY_AT, .due = state->round_at < now ? state->round_at : now};
    verdict.inquire = state->inquiry && s_can_ask(pipeline, state);
    snprintf(verdict.reason, sizeof verdict.reason, "%.600s", state->reason);
    return verdict;
}

static hf_verdict_t s_decide(const hf_pipeline_t *pipeline, const Hf__State *state, int64_t now,
                             hf_rng_t *rng) {
    uint32_t done = state->attempt - state->round_attempt;
    bool asks = s_can_ask(pipeline, state);
    bool late = state->deadline && now >= state->deadline;
    if (state->class_ == HF_CLASS_REJECTED) {
        return s_verdict(HF_EVENT_GIVE_UP, state, "rejected");
    }
    if (state->crashes >= HF_CRASHES_MAX) {
        return s_verdict(HF_EVENT_GIVE_UP, state, "poison: it took its caller down three times");
    }
    if (s_holds(pipeline, state) && (!asks || late)) {
        return s_verdict(HF_EVENT_HOLD, state, "its outcome is unknown, and the destination says hold");
    }
    if (late) {
        return s_verdict(HF_EVENT_EXPIRE, state, "its deadline has passed");
    }
    if (state->unasked) {
        return s_as_before(pipeline, state, now);
    }
    if (asks) {
        return s_ask(pipeline, state, now, rng);
    }
    if (pipeline->retry_attempts > 0 && done >= (uint32_t)pipeline->retry_attempts) {
        return s_verdict(HF_EVENT_GIVE_UP, state, "all attempts are used up");
    }
    return s_again(pipeline, state, done, now, rng);
}

hf_verdict_t hf_policy_decide(const hf_pipeline_t *pipeline, const Hf__State *state, int64_t now,
                              hf_rng_t *rng) {
    if (pipeline) {
        return s_decide(pipeline, state, now, rng);
    }
    hf_pipeline_t *defaults = hf_pipeline_new("default");
    hf_verdict_t verdict = s_decide(defaults, state, now, rng);
    hf_pipeline_destroy(&defaults);
    return verdict;
}
