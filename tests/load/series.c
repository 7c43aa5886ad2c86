#include "series.h"

#include "memory.h"

#include <assert.h>

struct load_series {
    size_t size;                                //  Seconds up to the last that has anything in it
    load_second_t seconds[LOAD_SERIES_SECONDS]; //  From the run's begin
};

load_series_t *load_series_new(void) {
    return load_alloc(sizeof(load_series_t));
}

void load_series_destroy(load_series_t **self_p) {
    assert(self_p);
    load_series_t *self = *self_p;
    if (self) {
        for (size_t second = 0; second < self->size; second++) {
            hf_histogram_destroy(&self->seconds[second].latencies_us);
        }
        free(self);
        *self_p = NULL;
    }
}

static load_second_t *s_second(load_series_t *self, int64_t at_us) {
    int64_t second = at_us < 0 ? 0 : at_us / 1000000;
    size_t index = second < LOAD_SERIES_SECONDS ? (size_t)second : LOAD_SERIES_SECONDS - 1;
    self->size = index < self->size ? self->size : index + 1;
    return &self->seconds[index];
}

void load_series_add(load_series_t *self, int64_t intended_us, int64_t ended_us, bool acknowledged) {
    load_second_t *meant = s_second(self, intended_us);
    meant->acknowledged += acknowledged ? 1 : 0;
    meant->failed += acknowledged ? 0 : 1;
    if (!meant->latencies_us) {
        meant->latencies_us = hf_histogram_new();
    }
    hf_histogram_add(meant->latencies_us, ended_us - intended_us);
    if (acknowledged) {
        s_second(self, ended_us)->answered++;
    }
}

size_t load_series_size(const load_series_t *self) {
    return self->size;
}

const load_second_t *load_series_at(const load_series_t *self, size_t second) {
    assert(second < self->size);
    return &self->seconds[second];
}
