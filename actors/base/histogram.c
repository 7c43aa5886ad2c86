#include "base/histogram.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

#define SUB_BITS    6
#define SUB_BUCKETS (1 << SUB_BITS)

//  2^40 µs are twelve days; what is longer falls into the last bucket.
#define VALUE_BITS 40
#define BUCKETS    ((VALUE_BITS - SUB_BITS + 1) * SUB_BUCKETS)

struct hf_histogram {
    uint64_t count;            //  Of all
    int64_t max;               //  The largest, exactly
    double sum;                //  Of all, for the mean
    uint64_t buckets[BUCKETS]; //  [0 … 63] one a value, then 64 for each power of two
};

hf_histogram_t *hf_histogram_new(void) {
    return hf_alloc(sizeof(hf_histogram_t));
}

void hf_histogram_destroy(hf_histogram_t **self_p) {
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

//  How far a value of that size is shifted to leave its SUB_BITS + 1 highest bits.
static int s_shift(int64_t value) {
    int highest = 63 - __builtin_clzll((unsigned long long)value | 1);
    return highest > SUB_BITS ? highest - SUB_BITS : 0;
}

static int64_t s_bucket(int64_t value) {
    int shift = s_shift(value);
    int64_t bucket = (int64_t)shift * SUB_BUCKETS + (value >> shift);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

//  The largest value that falls into the bucket.
static int64_t s_end(int64_t bucket) {
    int64_t shift = bucket < 2 * SUB_BUCKETS ? 0 : bucket / SUB_BUCKETS - 1;
    return ((bucket - shift * SUB_BUCKETS + 1) << shift) - 1;
}

void hf_histogram_add(hf_histogram_t *self, int64_t value) {
    value = value < 0 ? 0 : value;
    self->buckets[s_bucket(value)]++;
    self->count++;
    self->sum += (double)value;
    self->max = value > self->max ? value : self->max;
}

uint64_t hf_histogram_count(const hf_histogram_t *self) {
    return self->count;
}

int64_t hf_histogram_max(const hf_histogram_t *self) {
    return self->max;
}

double hf_histogram_mean(const hf_histogram_t *self) {
    return self->count ? self->sum / (double)self->count : 0;
}

bool hf_histogram_next(const hf_histogram_t *self, int64_t *bucket, int64_t *value, uint64_t *count) {
    while (*bucket < BUCKETS && !self->buckets[*bucket]) {
        ++*bucket;
    }
    if (*bucket == BUCKETS) {
        return false;
    }
    int64_t end = s_end(*bucket);
    *value = end < self->max ? end : self->max;
    *count = self->buckets[*bucket];
    ++*bucket;
    return true;
}

int64_t hf_histogram_quantile(const hf_histogram_t *self, double share) {
    assert(share >= 0 && share <= 1);
    double wanted = share * (double)self->count;
    uint64_t seen = 0;
    for (int64_t bucket = 0; bucket < BUCKETS - 1; bucket++) {
        seen += self->buckets[bucket];
        if (seen && (double)seen >= wanted) {
            int64_t end = s_end(bucket);
            return end < self->max ? end : self->max;
        }
    }
    return self->max;
}
