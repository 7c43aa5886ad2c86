#include "failure/circuit.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct hf_circuit {
    int percent;  //  Opens at this share of failures
    int of;       //  Attempts that must have been seen, and are remembered
    int failures; //  Failures among those remembered
    int size;     //  Attempts remembered
    int next;     //  Place of the next one
    bool failed[]; //  How each ended, a ring of `of`
};

hf_circuit_t *hf_circuit_new(const hf_destination_t *destination) {
    int of = destination->circuit_of < HF_CIRCUIT_OF_MAX ? destination->circuit_of : HF_CIRCUIT_OF_MAX;
    assert(of > 0);
    hf_circuit_t *self = hf_alloc(sizeof *self + (size_t) of * sizeof *self->failed);
    self->percent = destination->circuit_failures_percent;
    self->of = of;
    return self;
}

void hf_circuit_destroy(hf_circuit_t **self_p) {
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

static void s_forget(hf_circuit_t *self) {
    self->failures = self->size = self->next = 0;
}

static void s_remember(hf_circuit_t *self, bool failed) {
    if (self->size == self->of) {
        self->failures -= self->failed[self->next];
    } else {
        self->size++;
    }
    self->failed[self->next] = failed;
    self->failures += failed;
    self->next = (self->next + 1) % self->of;
}

hf_circuit_move_t hf_circuit_record(hf_circuit_t *self, hf_class_t class, int64_t open_until, int64_t now) {
    bool failed = class != HF_CLASS_SUCCEEDED && class != HF_CLASS_REJECTED;
    if (open_until && now < open_until) {
        return HF_CIRCUIT_STAYS;
    }
    if (open_until) {
        s_forget(self);
        return failed ? HF_CIRCUIT_OPENS : HF_CIRCUIT_CLOSES;
    }
    s_remember(self, failed);
    if (self->size == self->of && self->failures * 100 >= self->percent * self->of) {
        s_forget(self);
        return HF_CIRCUIT_OPENS;
    }
    return HF_CIRCUIT_STAYS;
}

void hf_circuit_share(const hf_circuit_t *self, int *failures, int *attempts) {
    *failures = self->failures;
    *attempts = self->size;
}
