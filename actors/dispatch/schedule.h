/*  When to look at which lane: a heap of lanes by time, so that a wake-up costs what it wakes and not what there is. A binary heap with each
 *  lane knowing its place (Sedgewick, Algorithms, "index priority queue").  */

#ifndef HF_SCHEDULE_H
#define HF_SCHEDULE_H

#include "dispatch/lane.h"

typedef struct hf_schedule hf_schedule_t;

//  For that many lanes at most.
hf_schedule_t *hf_schedule_new(size_t lanes);
void hf_schedule_destroy(hf_schedule_t **self_p);

//  Wakes the lane at that time, or earlier where an earlier time was asked for before. INT64_MAX: says nothing.
void hf_schedule_wake(hf_schedule_t *self, hf_lane_t *lane, int64_t at);

//  The next lane whose time has come, taken out; NULL: none.
hf_lane_t *hf_schedule_take(hf_schedule_t *self, int64_t now);

//  The earliest time, INT64_MAX: none.
int64_t hf_schedule_next(const hf_schedule_t *self);

#endif
