/*  Latencies in constant memory: a histogram with 64 buckets for each power of two, as in HdrHistogram
 *  (Tene, hdrhistogram.org). Values below 64 are kept exactly, any other to 1/64 (1.6 %) of itself; the
 *  largest is kept as it is.  */

#ifndef HF_HISTOGRAM_H
#define HF_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct hf_histogram hf_histogram_t;

hf_histogram_t *hf_histogram_new(void);
void hf_histogram_destroy(hf_histogram_t **self_p);

//  Counts a value, in whatever unit; negative ones count as 0.
void hf_histogram_add(hf_histogram_t *self, int64_t value);

//  How many were counted, their largest and their mean; 0 where there are none.
uint64_t hf_histogram_count(const hf_histogram_t *self);
int64_t hf_histogram_max(const hf_histogram_t *self);
double hf_histogram_mean(const hf_histogram_t *self);

//  Goes through the buckets that are not empty, from the smallest on: from *bucket (0 at first), which moves
//  on. False where there are no more; else the bucket's largest value and how many it holds.
bool hf_histogram_next(const hf_histogram_t *self, int64_t *bucket, int64_t *value, uint64_t *count);

//  The smallest value that at least this share (0 … 1) of all do not exceed, rounded up to its bucket's end;
//  0 where there are none.
int64_t hf_histogram_quantile(const hf_histogram_t *self, double share);

#endif
