#include "simulate/arrivals.h"

#include <math.h>

//  Of what is due at a rate of one a millisecond.
static double s_pause(hf_arrivals_t *self) {
    double share = ((double)(hf_rng_next(&self->rng) >> 11) + 0.5) / 9007199254740992.0;
    return self->plan->even ? 1 : -log(share);
}

static double s_step_end(const hf_arrivals_plan_t *plan, size_t step) {
    int64_t end = step + 1 < plan->size ? plan->steps[step + 1].at_ms : plan->until_ms;
    return (double)(end < plan->until_ms ? end : plan->until_ms);
}

//  What is left of a pause when a step ends goes on at the next one's rate.
double hf_arrivals_next(hf_arrivals_t *self) {
    const hf_arrivals_plan_t *plan = self->plan;
    double due = s_pause(self);
    for (; self->step < plan->size; self->step++) {
        double begin = (double)plan->steps[self->step].at_ms;
        double end = s_step_end(plan, self->step);
        double per_ms = plan->steps[self->step].per_second / 1000;
        self->at_ms = self->at_ms < begin ? begin : self->at_ms;
        if (self->at_ms + due / per_ms < end) { //  At no rate at all: infinity
            self->at_ms += due / per_ms;
            return self->at_ms;
        }
        if (end > self->at_ms) {
            due -= (end - self->at_ms) * per_ms;
            self->at_ms = end;
        }
    }
    return -1;
}
