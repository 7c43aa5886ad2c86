/*  Latencies in constant memory: a histogram with 64 buckets for each power of two, as in HdrHistogram
 *  (Tene, hdrhistogram.org). Values below 64 are kept exactly, any other to 1/64 (1.6 %) of itself; the
 *  largest is kept as it is.  */

#ifndef HF_HISTOGRAM_H
#define HF_HISTOGRAM_H

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

//  The smallest value that at least this share (0 … 1) of all do not exceed, rounded up to its bucket's end;
//  0 where there are none.
int64_t hf_histogram_quantile(const hf_histogram_t *self, double share);

#endif
