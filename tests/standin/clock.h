/*  The two clocks of the stand-in, and memory: the system's steady clock for whatever waits, 1970's for
 *  what the log says.  */

#ifndef STANDIN_CLOCK_H
#define STANDIN_CLOCK_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

//  Milliseconds of a clock that nobody can set.
static inline int64_t standin_steady_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Microseconds of the same clock.
static inline int64_t standin_steady_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

//  Milliseconds since 1970.
static inline int64_t standin_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Grows (or, from NULL, makes) memory; never NULL: a stand-in without memory has nothing left to stand in
//  for.
static inline void *standin_realloc(void *memory, size_t size) {
    void *grown = realloc(memory, size);
    if (!grown) {
        fputs("stand-in: out of memory\n", stderr);
        abort();
    }
    return grown;
}

#endif
