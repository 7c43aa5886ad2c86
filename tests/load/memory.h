/*  Memory and the clock, as the load generator uses them.  */

#ifndef LOAD_MEMORY_H
#define LOAD_MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

//  Zeroed memory; never NULL: a measurement without memory means nothing.
static inline void *load_alloc(size_t size) {
    void *memory = calloc(1, size);
    if (!memory) {
        fputs("load: out of memory\n", stderr);
        abort();
    }
    return memory;
}

//  Microseconds of a clock that nobody can set.
static inline int64_t load_steady_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

#endif
