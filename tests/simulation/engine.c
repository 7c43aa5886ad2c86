#include "simulation/engine.h"

#include "base/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static const int64_t s_beginning = INT64_C(1700000000000); //  14 November 2023

void sim_engine_init(sim_engine_t *self, uint64_t seed, bool story) {
    *self = (sim_engine_t){.seed = seed, .story = story, .now = s_beginning};
    for (unsigned stream = 0; stream < SIM_STREAMS; stream++) {
        self->streams[stream].seed = XXH3_64bits_withSeed(&stream, sizeof stream, seed);
    }
}

void sim_engine_free(sim_engine_t *self) {
    hf_timeline_free(&self->timeline);
}

void sim_engine_plan(sim_engine_t *self, int64_t delay, int kind, uint32_t a, uint32_t b, uint8_t *data,
                     size_t size) {
    int64_t at = self->now + (delay > 0 ? delay : 0);
    hf_timeline_plan(&self->timeline,
                     (hf_moment_t){.at = at, .kind = kind, .a = a, .b = b, .data = data, .size = size});
}

bool sim_engine_next(sim_engine_t *self, int64_t until, sim_event_t *event) {
    if (!hf_timeline_next(&self->timeline, until, event)) {
        return false;
    }
    self->now = event->at;
    self->step++;
    return true;
}

//  ---- chance

int64_t sim_between(sim_engine_t *self, sim_stream_t stream, int64_t low, int64_t high) {
    assert(low <= high);
    return low + (int64_t)hf_rng_below(&self->streams[stream], (uint64_t)(high - low) + 1);
}

//  Draws even where the answer is known: turning a fault off must not shift the stream.
bool sim_chance(sim_engine_t *self, sim_stream_t stream, uint32_t per_million) {
    return hf_rng_below(&self->streams[stream], 1000000) < per_million;
}

//  ---- the trace

void sim_trace(sim_engine_t *self, uint64_t what, uint64_t a, uint64_t b, const void *data, size_t size) {
    uint64_t record[6] = {(uint64_t)self->now, self->step, what, a, b, size ? XXH3_64bits(data, size) : 0};
    self->hash = XXH3_64bits_withSeed(record, sizeof record, self->hash);
}

void sim_say(const sim_engine_t *self, const char *format, ...) {
    va_list args;
    printf("%8.3f s  %6" PRIu64 "  ", (double)(self->now - s_beginning) / 1000, self->step);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static const char *const s_invariants[] = {
    "it comes to rest: the simulated node ends its work once nothing fails any more",
    "every acknowledged command is in the journal, byte for byte, in exactly one state; no refused one is",
    "after quiet, none is left accepted, calling or waiting without a due time and a reason",
    "every third-party call follows a durable Start, carries the one Idempotency-Key, and is recorded",
    "calls <= decided attempts + crashes while calling; none after its success is durable",
    "`succeeded` means that the third party answered so",
    "a stale epoch or a repeated proposal changes nothing",
    "for an ordered key: in order of acceptance, one at a time",
    "no acknowledgement after the journal's first failed commit, until a new journal has opened",
    "accepted = succeeded + dead + uncertain + cancelled + discarded + expired + open, at every fact",
    "nothing grows without a bound",
    "no attempt begins that its destination's gate forbids; a destination is what was said of it",
    "a job decides over each of its members exactly once, and over nobody else",
};

_Noreturn void sim_violation(const sim_engine_t *self, int invariant, const char *format, ...) {
    va_list args;
    fflush(stdout);
    fprintf(stderr, "\nseed %" PRIu64 ", step %" PRIu64 ", %.3f s: invariant %d does not hold\n  (%s)\n  ",
            self->seed, self->step, (double)(self->now - s_beginning) / 1000, invariant,
            s_invariants[invariant]);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\nsee it happen: scripts/simulate --seed %" PRIu64 " --story\n", self->seed);
    fflush(stderr);
    _exit(1);
}
