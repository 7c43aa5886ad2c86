/*  The simulator's ground: virtual time, one queue of events in order of (time, number), chance from one
 * seed, a hash over every step, and the story.
 *
 *  Each subsystem draws from a stream of its own, so that a draw added in one does not shift the others.  */

#ifndef SIM_ENGINE_H
#define SIM_ENGINE_H

#include "base/id.h"
#include "simulate/timeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    SIM_PLAN,   //  Which faults this world knows, and how often
    SIM_NET,    //  Fate of messages
    SIM_CRASH,  //  Crashes, hangs, disk
    SIM_THIRD,  //  The third party's moods and answers
    SIM_CLIENT, //  What clients do
    SIM_LIFE,   //  Nonces and seeds of the cores
    SIM_STREAMS
} sim_stream_t;

//  What is going to happen. The meaning of kind, a and b is the world's; at is in ms.
typedef hf_moment_t sim_event_t;

typedef struct {
    uint64_t seed;                 //  Where all chance comes from
    bool story;                    //  Tell each step
    int64_t now;                   //  Virtual time, ms
    uint64_t step;                 //  Steps done
    uint64_t hash;                 //  Over all of them
    hf_rng_t streams[SIM_STREAMS]; //  Chance
    hf_timeline_t timeline;        //  Events to come
} sim_engine_t;

//  Ready for seed, at a fixed time of the past.
void sim_engine_init(sim_engine_t *self, uint64_t seed, bool story);
void sim_engine_free(sim_engine_t *self);

//  Plans an event in delay ms; data is taken over.
void sim_engine_plan(sim_engine_t *self, int64_t delay, int kind, uint32_t a, uint32_t b, uint8_t *data,
                     size_t size);

//  Takes the next event and moves the clock to it; false where there is none before the given time.
bool sim_engine_next(sim_engine_t *self, int64_t until, sim_event_t *event);

//  Evenly from low to high, both included; and true for so many of a million.
int64_t sim_between(sim_engine_t *self, sim_stream_t stream, int64_t low, int64_t high);
bool sim_chance(sim_engine_t *self, sim_stream_t stream, uint32_t per_million);

//  Takes a step into the hash.
void sim_trace(sim_engine_t *self, uint64_t what, uint64_t a, uint64_t b, const void *data, size_t size);

//  Tells one sentence, where a story is wanted. Its arguments are not even computed otherwise.
#define SAY(engine, ...)                                                                                     \
    do {                                                                                                     \
        if ((engine)->story) {                                                                               \
            sim_say((engine), __VA_ARGS__);                                                                  \
        }                                                                                                    \
    } while (0)
void sim_say(const sim_engine_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

//  One of DESIGN.md's ten invariants does not hold (0: the simulator's own, or liveness): says which, where,
//  and how to see it again; ends the process with status 1.
_Noreturn void sim_violation(const sim_engine_t *self, int invariant, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
