/*  How many attempts may be in flight at one destination: below its `concurrency`, a limit that adapts to latency and errors. A value, pure.
 *
 *  The latency part is Netflix' Gradient2 (concurrency-limits, Gradient2Limit.java): the limit is multiplied by what the mean latency of the
 *  last window has become in relation to its long-term mean, between 0.5 and 1, and changes smoothly. Chosen over plain AIMD because a
 *  third party that gets slow under load says so in its latency long before it fails, and over Envoy's filter because that
 *  must send next to nothing at times to measure the least latency, which hurts throughput. The error part is AIMD's
 *  multiplicative decrease: what says "too much" (429, 502, 503, 504, no answer at all) takes three tenths off.
 *
 *  Other than Gradient2: (1) it begins at the ceiling, for the operator has said that the destination bears so much; (2) a doubling of the
 *  latency is no sign yet, and neither is any latency below 50 ms: both are noise of our own machine; (3) it grows by a tenth, so that
 *  a healthy destination is not held back for long.  */

#ifndef HF_LIMIT_H
#define HF_LIMIT_H

#include <stdint.h>

typedef struct {
    double limit;       //  In use; 0: the ceiling
    double long_us;     //  Long-term mean of the latency, 0: not known
    double sum_us;      //  Of this window
    int samples;        //  The same
    int most;           //  Most in flight in this window
    int64_t window_at;  //  When it began
    int64_t dropped_at; //  When an error was counted last
} hf_limit_t;

//  The limit in use: 1 to ceiling.
int hf_limit_use(const hf_limit_t *self, int ceiling);

//  An attempt was answered: how long that took, and how many were in flight with it.
void hf_limit_sample(hf_limit_t *self, uint32_t took_us, int in_flight, int ceiling, int64_t now);

//  An attempt ended in a way that says "too much". Those that were in flight together count once.
void hf_limit_drop(hf_limit_t *self, int ceiling, int64_t now);

//  Begins anew at the ceiling; what is known of the latency stays.
void hf_limit_reset(hf_limit_t *self);

#endif
