/*  What users saw over time, second by second: of the requests that were meant to be sent in a second, how
 *  many were acknowledged or failed and how long that took them; and how many answers came in that second,
 *  whenever their requests were sent. The two differ where a server falls behind.  */

#ifndef LOAD_SERIES_H
#define LOAD_SERIES_H

#include "base/histogram.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  An hour and some; what is meant for later is counted to the last second. A second with requests takes
//  20 KiB.
#define LOAD_SERIES_SECONDS 4000

//  One second of a run.
typedef struct {
    uint64_t acknowledged;        //  Of those meant for this second: as expected in the end
    uint64_t failed;              //  Of those: given up
    uint64_t answered;            //  Acknowledged in this second, whenever meant
    hf_histogram_t *latencies_us; //  Of those meant for this second, failed ones included; NULL: none
} load_second_t;

typedef struct load_series load_series_t;

load_series_t *load_series_new(void);
void load_series_destroy(load_series_t **self_p);

//  One request has ended; times are microseconds since the run began.
void load_series_add(load_series_t *self, int64_t intended_us, int64_t ended_us, bool acknowledged);

//  How many seconds have anything in them or before them, and each of them.
size_t load_series_size(const load_series_t *self);
const load_second_t *load_series_at(const load_series_t *self, size_t second);

#endif
