/*  What waits for a time: a binary heap of timers that live inside their owners, so that one is armed,
 *  moved and taken out without memory of its own, and a request whose client went away takes its timer with
 *  it.  */

#ifndef STANDIN_TIMERS_H
#define STANDIN_TIMERS_H

#include <stddef.h>
#include <stdint.h>

//  Embedded in the owner; all zero is "not armed".
typedef struct {
    int64_t due_ms; //  Steady time at which it fires
    size_t slot;    //  Its place in the heap, counted from 1; 0 while it is not armed
} standin_timer_t;

typedef struct standin_timers standin_timers_t;

standin_timers_t *standin_timers_new(void);
void standin_timers_destroy(standin_timers_t **self_p);

//  Arms a timer, or moves one that is armed.
void standin_timers_arm(standin_timers_t *self, standin_timer_t *timer, int64_t due_ms);

//  Takes a timer out; one that is not armed stays so.
void standin_timers_disarm(standin_timers_t *self, standin_timer_t *timer);

//  Takes out and returns one timer that is due, or NULL.
standin_timer_t *standin_timers_take_due(standin_timers_t *self, int64_t now_ms);

//  When the next one is due; INT64_MAX where none is armed.
int64_t standin_timers_next_ms(const standin_timers_t *self);

#endif
