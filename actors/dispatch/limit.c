#include "dispatch/limit.h"

#define TOLERANCE 2.0  //  Latency may be so many times its long-term mean before it counts
#define LEAST     0.5  //  One window takes no more than half
#define SMOOTHING 0.2  //  Of a smaller limit, this share is taken at once
#define GROWTH    0.1  //  What a good window adds
#define DROP      0.7  //  What an error leaves
#define LONG_TERM 0.02 //  Share of one window in the long-term mean: some fifty windows

enum {
    WINDOW_MS = 100,     //  A window has ended after so long …
    WINDOW_SAMPLES = 10, //  … and so many answers,
    WINDOW_MAX_MS = 250, //  or after this and one answer
    QUICK_US = 50000,    //  Latency below this is no sign of anything
};

int hf_limit_use(const hf_limit_t *self, int ceiling) {
    if (self->limit <= 0 || self->limit >= ceiling) {
        return ceiling;
    }
    return self->limit < 1 ? 1 : (int)self->limit;
}

//  Latency that has come back to normal after a long bad time shall not look like an improvement for as long.
static void s_learn(hf_limit_t *self, double short_us) {
    if (self->long_us <= 0) {
        self->long_us = short_us;
    } else if (self->long_us > 2 * short_us) {
        self->long_us *= 0.9;
    } else {
        self->long_us += LONG_TERM * (short_us - self->long_us);
    }
}

static double s_gradient(const hf_limit_t *self, double short_us) {
    double gradient = short_us < QUICK_US ? 1 : TOLERANCE * self->long_us / short_us;
    return gradient < LEAST ? LEAST : gradient > 1 ? 1 : gradient;
}

static void s_end_window(hf_limit_t *self, int ceiling) {
    double short_us = self->sum_us / self->samples;
    double limit = hf_limit_use(self, ceiling);
    double gradient = s_gradient(self, short_us);
    s_learn(self, short_us);
    if (gradient < 1) {
        limit += SMOOTHING * (limit * gradient - limit);
    } else if (self->most * 2 >= limit) { //  What is not used need not grow
        limit = self->limit > 0 ? self->limit : limit;
        limit += GROWTH * limit > 1 ? GROWTH * limit : 1;
    } else {
        return;
    }
    self->limit = limit < 1 ? 1 : limit > ceiling ? ceiling : limit;
}

void hf_limit_sample(hf_limit_t *self, uint32_t took_us, int in_flight, int ceiling, int64_t now) {
    self->window_at = self->window_at ? self->window_at : now;
    self->sum_us += took_us;
    self->samples++;
    self->most = in_flight > self->most ? in_flight : self->most;
    int64_t age = now - self->window_at;
    if ((age >= WINDOW_MS && self->samples >= WINDOW_SAMPLES) || age >= WINDOW_MAX_MS) {
        s_end_window(self, ceiling);
        self->sum_us = 0;
        self->samples = self->most = 0;
        self->window_at = now;
    }
}

void hf_limit_drop(hf_limit_t *self, int ceiling, int64_t now) {
    int64_t together = self->long_us > WINDOW_MS * 1000 ? (int64_t)(self->long_us / 1000) : WINDOW_MS;
    if (self->dropped_at && now - self->dropped_at < together) {
        return;
    }
    double limit = hf_limit_use(self, ceiling);
    self->limit = limit * DROP < 1 ? 1 : limit * DROP;
    self->dropped_at = now;
}

void hf_limit_reset(hf_limit_t *self) {
    *self = (hf_limit_t){.long_us = self->long_us};
}
