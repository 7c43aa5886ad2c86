#include "dispatch/budget.h"

#include <math.h>

enum {
    FLOOR = 10,       //  Retries a second that are always allowed
    WORTH_MS = 10000, //  How long a deposit counts
};

static void s_refill(hf_budget_t *self, int percent, int64_t now) {
    double floor = FLOOR * (double)WORTH_MS / 1000;
    if (!self->at) {
        self->tokens = floor;
        self->at = now;
    }
    double gone = now > self->at ? (double)(now - self->at) : 0;
    self->calls *= exp(-gone / WORTH_MS);
    self->tokens += gone * FLOOR / 1000;
    double most = floor + self->calls * percent / 100;
    self->tokens = self->tokens > most ? most : self->tokens;
    self->at = now;
}

bool hf_budget_allows(hf_budget_t *self, int percent, int64_t now) {
    if (percent >= 100) {
        return true;
    }
    s_refill(self, percent, now);
    return self->tokens >= 1;
}

int64_t hf_budget_when(const hf_budget_t *self, int64_t now) {
    return now + 1 + (int64_t)ceil((1 - self->tokens) * 1000 / FLOOR);
}

void hf_budget_take(hf_budget_t *self, int percent, bool retry, int64_t now) {
    s_refill(self, percent, now);
    self->calls++;
    self->tokens += (double)percent / 100 - (retry ? 1 : 0);
}

void hf_budget_give_back(hf_budget_t *self) {
    self->tokens += 1;
}
