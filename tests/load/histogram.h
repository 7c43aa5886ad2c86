/*  Latencies in constant memory: a histogram with 64 buckets for each power of two, as in HdrHistogram
 *  (Tene, hdrhistogram.org). Values below 64 are kept exactly, any other to 1/64 (1.6 %) of itself; the
 *  largest is kept as it is.  */

#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

typedef struct load_histogram load_histogram_t;

load_histogram_t *load_histogram_new(void);
void load_histogram_destroy(load_histogram_t **self_p);

//  Counts a value (microseconds, here); negative ones count as 0.
void load_histogram_add(load_histogram_t *self, int64_t value);

//  How many were counted, their largest and their mean; 0 where there are none.
uint64_t load_histogram_count(const load_histogram_t *self);
int64_t load_histogram_max(const load_histogram_t *self);
double load_histogram_mean(const load_histogram_t *self);

//  The smallest value that at least this share (0 … 1) of all do not exceed, rounded up to its bucket's end;
//  0 where there are none.
int64_t load_histogram_quantile(const load_histogram_t *self, double share);

#endif
