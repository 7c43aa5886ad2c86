#include "dispatch/pace.h"

#include <math.h>

//  Shares of a second's worth, and of the rate.
#define SAVED_RAMP 0.03 //  Not after an outage: a hesitation of ours must not become a wave
#define SAVED      0.05 //  Most that is saved up: a wake-up that is 50 ms late loses nothing
#define MADE_UP    0.05 //  What is owed is made up for so much faster than the rate
#define WAKE                                                                                                 \
    0.005 //  Tokens are waited for in lots of so much, so that a fast rate does not wake dispatch for each
#define RAMP_FROM   0.05 //  A ramp begins at this share of its top
#define SLOWED_TO   0.7  //  What a 429 leaves of the rate
#define SLOWED_GROW 0.05 //  What it grows by, a second, of what was left

enum {
    OWED_MS = 2000,        //  No more is owed than so long would have let begin: a restart takes less
    SLOW_EVERY_MS = 1000,  //  Answers that were under way together count once
    SLOWED_FOR_MS = 60000, //  Then it is forgotten
    RAMP_HELD_MS = 60000,  //  So long a ramp stays at its top; then it gains one top in each such time
    RAMP_LEAST = 10,       //  Attempts a second that no third party calls a herd; and where nothing is known
    SLOWED_LEAST = 10,     //  Attempts a second: below, the limit in flight is what holds it back
};

//  The ramp's rate.
static double s_ramp(const hf_destination_t *destination, const hf_gate_t *gate, int64_t now) {
    double top = gate->steady * destination->circuit_surge_percent / 100;
    top = top > RAMP_LEAST ? top : RAMP_LEAST;
    double gone = (double)(now - gate->circuit_since) / (double)destination->circuit_ramp_ms;
    gone = gone < 0 ? 0 : gone > 1 ? 1 : gone;
    double rate = top * (RAMP_FROM + (1 - RAMP_FROM) * gone);
    int64_t held = now - gate->circuit_since - destination->circuit_ramp_ms - RAMP_HELD_MS;
    rate += held > 0 ? top * (double)held / RAMP_HELD_MS : 0;
    return rate > 1 ? rate : 1;
}

static double s_slowed(const hf_pace_t *self, int64_t now) {
    int64_t gone = now - self->slowed_at;
    if (self->slowed <= 0 || gone >= SLOWED_FOR_MS) {
        return 0;
    }
    return self->slowed * (1 + SLOWED_GROW * (double)(gone > 0 ? gone : 0) / 1000);
}

//  The lesser, where 0 is none.
static double s_least(double a, double b) {
    return a <= 0 ? b : b <= 0 || a < b ? a : b;
}

double hf_pace_rate(const hf_pace_t *self, const hf_destination_t *destination, const hf_gate_t *gate,
                    int64_t now) {
    double rate = s_least(destination->rate, s_slowed(self, now));
    return gate->circuit == HF_CIRCUIT_RAMPING ? s_least(rate, s_ramp(destination, gate, now)) : rate;
}

static void s_owe(hf_pace_t *self, double rate, double attempts) {
    double most = rate * OWED_MS / 1000;
    self->owed += attempts;
    self->owed = self->owed > most ? most : self->owed;
}

//  exact: it is the configured rate, so what is lost is owed.
static void s_refill(hf_pace_t *self, double rate, bool exact, int64_t now) {
    double most = 1 + rate * (exact ? SAVED : SAVED_RAMP);
    double gone = self->at && now > self->at ? (double)(now - self->at) / 1000 : 0;
    double made_up = gone * rate * MADE_UP;
    made_up = made_up < self->owed ? made_up : self->owed;
    self->owed -= made_up;
    self->tokens += gone * rate + made_up;
    self->at = now;
    if (self->tokens > most) {
        if (exact && self->wanting) {
            s_owe(self, rate, self->tokens - most);
        }
        self->tokens = most;
    }
}

//  A rate comes into use: nothing was counted before, and nothing is saved up.
static void s_limit(hf_pace_t *self, int64_t now) {
    if (!self->limited) {
        self->limited = true;
        self->tokens = 1;
        self->owed = 0;
        self->at = now;
    }
}

int hf_pace_room(hf_pace_t *self, const hf_destination_t *destination, const hf_gate_t *gate, int wanted,
                 int64_t now, int64_t *when) {
    double rate = hf_pace_rate(self, destination, gate, now);
    if (rate <= 0) {
        self->limited = false;
        return wanted;
    }
    s_limit(self, now);
    s_refill(self, rate, rate == destination->rate, now);
    if (self->tokens >= wanted) {
        return wanted;
    }
    int room = self->tokens < 1 ? 0 : (int)self->tokens;
    double lot = rate * WAKE > 1 ? rate * WAKE : 1;
    int64_t wait = (int64_t)ceil((lot - (self->tokens - room)) * 1000 / rate);
    *when = now + (wait > 1 ? wait : 1);
    self->wanting = true;
    return room;
}

void hf_pace_want(hf_pace_t *self, bool more) {
    self->wanting = more;
}

static void s_count(hf_pace_t *self, int64_t now) {
    if (now / 1000 != self->second) {
        self->begun_before = now / 1000 == self->second + 1 ? self->begun : 0;
        self->begun = 0;
        self->second = now / 1000;
    }
}

void hf_pace_take(hf_pace_t *self, int64_t now) {
    s_count(self, now);
    self->begun++;
    self->tokens -= self->limited ? 1 : 0;
}

void hf_pace_give_back(hf_pace_t *self) {
    self->tokens += self->limited ? 1 : 0;
    self->begun -= self->begun > 0 ? 1 : 0;
}

void hf_pace_slow(hf_pace_t *self, int64_t now) {
    s_count(self, now);
    double rate = s_slowed(self, now);
    double begun = self->begun > self->begun_before ? self->begun : self->begun_before;
    rate = rate > 0 && rate < begun ? rate : begun;
    if (self->slowed > 0 && now - self->slowed_at < SLOW_EVERY_MS) {
        return;
    }
    self->slowed = rate * SLOWED_TO > SLOWED_LEAST ? rate * SLOWED_TO : SLOWED_LEAST;
    self->slowed_at = now;
    self->tokens = self->tokens < 1 ? self->tokens : 1;
}

void hf_pace_replay(hf_pace_t *self, const hf_destination_t *destination, int64_t at) {
    if (destination->rate <= 0) {
        return;
    }
    s_limit(self, at);
    s_refill(self, destination->rate, true, at);
    hf_pace_take(self, at);
    self->wanting = self->tokens < 1; //  It had none left: what waited, if anything did, waited for the next
}
