/*  What was acknowledged, for a crash test to look for afterwards: one line for each request that was
 *  answered as expected:
 *
 *      0193f0c2-7a11-7c3e-9d5e-0b1c2d3e4f50 6e34a5b0c1d2e3f4 8d3c…-17 2 1732400000123
 *
 *  id from the answer · XXH3-64 of the body, 16 hex digits · Idempotency-Key or - · tries · when it was
 *  meant to be sent, ms since 1970. A line is written 50 ms after its answer at the
 *  latest.  */

#ifndef LOAD_ACKS_H
#define LOAD_ACKS_H

#include <stdint.h>

typedef struct load_acks load_acks_t;

//  Creates the file, or empties it; NULL with errno.
load_acks_t *load_acks_new(const char *path);

//  Flushes; -1 with errno where a line, this or an earlier one, could not be written.
int load_acks_flush(load_acks_t *self);

//  Flushes and closes.
void load_acks_destroy(load_acks_t **self_p);

//  Adds a line; key may be NULL.
void load_acks_add(load_acks_t *self, const char *id, uint64_t hash, const char *key, unsigned tries,
                   int64_t intended_ms);

//  Flushes where FLUSH_US have passed since the last time.
void load_acks_tick(load_acks_t *self, int64_t now_us);

#endif
