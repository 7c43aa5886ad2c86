/*  Node time: milliseconds since 1970 that never jump while a node runs.
 *
 *  It is CLOCK_BOOTTIME (steady, runs on while the machine sleeps) plus an offset to the wall clock,
 *  taken once by the supervisor and kept in STATE/run/clock as "BOOT-ID OFFSET_MS": a wall clock that
 *  is set back or forward changes nothing, and all actors of a node agree, also those that start later.  */

#ifndef HF_CLOCK_H
#define HF_CLOCK_H

#include "base/error.h"

#include <stdint.h>

enum { HF_CLOCK_TEXT = 32 }; //  Bytes for a time as text, with its NUL

//  Milliseconds since 1970 by the node's clock. Before the two calls below: by an offset of this process's
//  own.
int64_t hf_clock_now_ms(void);

//  Microseconds of CLOCK_MONOTONIC: for latencies, and for patience that must not run out while the machine
//  sleeps.
int64_t hf_clock_now_us(void);

//  A new node run: takes the offset from the wall clock and writes it for all actors. For the supervisor,
//  before any actor runs.
int hf_clock_set_base(const char *state_dir, hf_error_t *error);

//  Takes the node's offset; where there is none of this boot, makes one, so that any number of actors that do
//  this at once get the same. STATE/run must exist.
int hf_clock_open(const char *state_dir, hf_error_t *error);

//  RFC 3339 in UTC with milliseconds: 2026-07-25T09:30:00.000Z. Years 0 to 9999; others come out as those.
void hf_clock_format(int64_t ms, char out[HF_CLOCK_TEXT]);

#endif
