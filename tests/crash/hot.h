/*  The hot key of the crash test: many commands of one ordered key, numbered in the order in which they are submitted.  */

#ifndef CRASH_HOT_H
#define CRASH_HOT_H

#include <stdbool.h>

enum { HOT_BATCH = 10000 }; //  Commands of one batch at most: what ingress takes

//  Submits the commands from number `first` on, `count` of them, as one batch with an Idempotency-Key of its own; tries again until it
//  is acknowledged. False at the deadline.
bool hot_submit(int port, long first, long count, int within_ms);

#endif
