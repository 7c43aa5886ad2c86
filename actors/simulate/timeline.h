/*  What is going to happen in virtual time, in order of (time, number of planning): a binary heap. The same
 *  plans in the same order happen in the same order again, which is what makes a simulation repeatable.  */

#ifndef HF_TIMELINE_H
#define HF_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Something that is going to happen. The meaning of kind, a and b is the planner's.
typedef struct {
    int64_t at;    //  When, in the planner's unit
    uint64_t seq;  //  Order among those of one time
    int kind;      //  What
    uint32_t a, b; //  Of whom
    uint8_t *data; //  A message, owned by who takes the moment
    size_t size;   //  Its bytes
} hf_moment_t;

//  A zeroed one is empty.
typedef struct {
    hf_moment_t *heap;     //  The earliest is the first
    size_t size, capacity; //  How many, and places
    uint64_t seq;          //  Planned so far
} hf_timeline_t;

//  Frees what is still planned, with its data; the timeline is empty afterwards.
void hf_timeline_free(hf_timeline_t *self);

//  Plans a moment; data is taken over. Its seq is set here.
void hf_timeline_plan(hf_timeline_t *self, hf_moment_t moment);

//  Takes the earliest moment out; false where there is none at or before `until`.
bool hf_timeline_next(hf_timeline_t *self, int64_t until, hf_moment_t *moment);

#endif
