#include "simulate/third.h"

#include "base/buf.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    QUICK_MS = 1,    //  A refused connection, or an answer that took no work
    BURST_MS = 1000, //  What a rate lets through at once is a second's worth, where more is turned away
};

static const double s_z99 = 2.326347874; //  The standard normal's 99th percentile

struct hf_third {
    const hf_third_plan_t *plan; //  How it is
    int64_t begin;               //  Of the simulation
    hf_rng_t rng;                //  Chance
    double *free_at;             //  at_once places, a heap: when each is free again, the earliest first
    double turn_at;              //  With a rate: when the next call may be served
    size_t outage;               //  The next outage, or the one that is
    char retry_after[16];        //  As a header's value
};

hf_third_t *hf_third_new(const hf_third_plan_t *plan, int64_t begin, uint64_t seed) {
    hf_third_t *self = hf_alloc(sizeof *self);
    self->plan = plan;
    self->begin = begin;
    self->rng.seed = seed;
    self->free_at = plan->at_once ? hf_alloc((size_t)plan->at_once * sizeof *self->free_at) : NULL;
    snprintf(self->retry_after, sizeof self->retry_after, "%d", plan->retry_after_s);
    return self;
}

void hf_third_destroy(hf_third_t **self_p) {
    assert(self_p);
    if (*self_p) {
        free((*self_p)->free_at);
        free(*self_p);
        *self_p = NULL;
    }
}

//  ---- chance

//  Evenly between 0 and 1, never either.
static double s_share(hf_third_t *self) {
    return ((double)(hf_rng_next(&self->rng) >> 11) + 0.5) / 9007199254740992.0;
}

//  Standard normal, by the polar method (Marsaglia and Bray, SIAM Review 6, 1964).
static double s_normal(hf_third_t *self) {
    for (;;) {
        double x = 2 * s_share(self) - 1;
        double y = 2 * s_share(self) - 1;
        double square = x * x + y * y;
        if (square > 0 && square < 1) {
            return x * sqrt(-2 * log(square) / square);
        }
    }
}

static double s_work_ms(hf_third_t *self) {
    const hf_third_plan_t *plan = self->plan;
    if (plan->p99_ms <= plan->median_ms) {
        return plan->median_ms;
    }
    return plan->median_ms * exp(log(plan->p99_ms / plan->median_ms) / s_z99 * s_normal(self));
}

//  ---- outages

//  What waits inside it does not survive one.
static void s_forget(hf_third_t *self, double until) {
    for (int i = 0; i < self->plan->at_once; i++) {
        self->free_at[i] = until;
    }
    self->turn_at = until;
}

static bool s_is_in(const hf_third_t *self, const hf_outage_t *outage, int64_t now) {
    return now >= self->begin + outage->from && now < self->begin + outage->until;
}

//  Moves on to the outage that is, or comes next.
static bool s_look(hf_third_t *self, int64_t now) {
    while (self->outage < self->plan->outages_size &&
           now >= self->begin + self->plan->outages[self->outage].until) {
        s_forget(self, (double)(self->begin + self->plan->outages[self->outage].until));
        self->outage++;
    }
    return self->outage < self->plan->outages_size && s_is_in(self, &self->plan->outages[self->outage], now);
}

bool hf_third_is_down(const hf_third_t *self, int64_t now) {
    for (size_t i = 0; i < self->plan->outages_size; i++) {
        if (s_is_in(self, &self->plan->outages[i], now)) {
            return true;
        }
    }
    return false;
}

//  ---- what a call meets

static int64_t s_answer(const hf_third_t *self, hf_call_result_t *result, int status, double after_ms) {
    result->connected = result->sent = result->answered = true;
    result->status = status;
    if ((status == 429 || status == 503) && self->plan->retry_after_s >= 0) {
        result->retry_after = self->retry_after;
    }
    return after_ms < QUICK_MS ? QUICK_MS : (int64_t)(after_ms + 0.5);
}

static int64_t s_break(hf_call_result_t *result, bool timed_out, int64_t after_ms) {
    result->connected = result->sent = result->broken = true;
    result->timed_out = timed_out;
    result->trouble = timed_out ? NULL : "Connection reset by peer";
    return after_ms;
}

static int64_t s_meet_outage(const hf_third_t *self, hf_call_result_t *result, int64_t timeout_ms) {
    switch (self->plan->kind) {
    case HF_OUTAGE_HANGS:
        return s_break(result, true, timeout_ms);
    case HF_OUTAGE_503:
        return s_answer(self, result, 503, QUICK_MS);
    default:
        result->trouble = "Connection refused";
        return QUICK_MS;
    }
}

//  Whether more than it bears is asked of it now.
static bool s_is_overloaded(const hf_third_t *self, double now) {
    bool full = self->plan->at_once && self->free_at[0] > now;
    return full || (self->plan->rate > 0 && self->turn_at > now + BURST_MS);
}

//  Gives the place that is free first to a call that keeps it until then.
static void s_occupy(hf_third_t *self, double until) {
    int place = 0;
    for (;;) {
        int child = place * 2 + 1;
        if (child >= self->plan->at_once) {
            break;
        }
        if (child + 1 < self->plan->at_once && self->free_at[child + 1] < self->free_at[child]) {
            child++;
        }
        if (self->free_at[child] >= until) {
            break;
        }
        self->free_at[place] = self->free_at[child];
        place = child;
    }
    self->free_at[place] = until;
}

//  When its work on a call that comes now ends. Where it turns more than a rate away, that rate is an average
//  and nobody waits for a turn.
static double s_serve(hf_third_t *self, double now) {
    double start = now;
    if (self->plan->rate > 0) {
        double turn = self->turn_at > now ? self->turn_at : now;
        self->turn_at = turn + 1000 / self->plan->rate;
        start = self->plan->overload == HF_OVERLOAD_QUEUE ? turn : now;
    }
    if (!self->plan->at_once) {
        return start + s_work_ms(self);
    }
    start = self->free_at[0] > start ? self->free_at[0] : start;
    double end = start + s_work_ms(self);
    s_occupy(self, end);
    return end;
}

static int s_status(hf_third_t *self) {
    double share = s_share(self);
    for (size_t i = 0; i < self->plan->failures_size; i++) {
        share -= self->plan->failures[i].share;
        if (share < 0) {
            return self->plan->failures[i].status;
        }
    }
    return 200;
}

static int64_t s_meet(hf_third_t *self, int64_t now, int64_t timeout_ms, hf_call_result_t *result) {
    const hf_third_plan_t *plan = self->plan;
    if (s_look(self, now)) {
        return s_meet_outage(self, result, timeout_ms);
    }
    if (plan->overload != HF_OVERLOAD_QUEUE && s_is_overloaded(self, (double)now)) {
        return s_answer(self, result, plan->overload == HF_OVERLOAD_429 ? 429 : 503, QUICK_MS);
    }
    double end = s_serve(self, (double)now);
    int status = s_status(self);
    if (self->outage < plan->outages_size && plan->kind != HF_OUTAGE_503) {
        int64_t falls = self->begin + plan->outages[self->outage].from;
        if (end > (double)falls && falls - now < timeout_ms) {
            return s_break(result, false, falls - now);
        }
    }
    if (end - (double)now > (double)timeout_ms) {
        return s_break(result, true, timeout_ms);
    }
    return s_answer(self, result, status, end - (double)now);
}

int64_t hf_third_call(hf_third_t *self, int64_t now, int64_t timeout_ms, hf_call_result_t *result) {
    *result = (hf_call_result_t){0};
    int64_t took_ms = s_meet(self, now, timeout_ms, result);
    result->total_us = (uint32_t)(took_ms > 0 ? took_ms * 1000 : 1); //  Circuits and limits go by it
    return took_ms;
}
