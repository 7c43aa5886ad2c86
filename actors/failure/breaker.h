/*  What makes a destination's circuit open: the share of failures among its last attempts; and how fast it was called while it was well,
 *  which is what the ramp after an outage goes by. A value; the record that it leads to is base/gate.h's.
 *
 *  Counted as failed: `failed`, `refused` and `uncertain`. Not: `rejected`, which is an answer; 429, which is a wish for less (pace, not
 *  health); and what no third party was asked for, or was lost with its caller: those have taken no time.
 *
 *  It opens as soon as so many failures stand among the last `of` attempts that the share is reached whatever the rest of them were: a
 *  destination that fails from its first call need not fail `of` times (M. Nygard, "Release It!", 2007, has the pattern; the share over a
 *  sliding window of calls is resilience4j's COUNT_BASED).  */

#ifndef HF_BREAKER_H
#define HF_BREAKER_H

#include "base/gate.h"
#include "base/pipeline.h"

typedef struct {
    uint8_t *failures; //  Of the last attempts, a ring: 1 failed; NULL before the first
    int size;          //  How many are known, `of` at most
    int head;          //  Where the next goes
    int failed;        //  How many of them are failures
    int64_t second;    //  The second that is being counted
    unsigned well;     //  Successes in it
    unsigned ill;      //  Failures in it
    unsigned arrived;  //  Commands accepted in it
    double before;     //  Successes of the second before it, where that was a healthy one; else 0
    double steady;     //  Successes a second while it was well, smoothed; 0: not known
    double arrivals;   //  Commands accepted a second, smoothed
    unsigned healthy;  //  Seconds in steady
    unsigned counted;  //  Seconds in arrivals
} hf_breaker_t;

//  A command was accepted for the destination.
void hf_breaker_accept(hf_breaker_t *self, int64_t at);

//  An attempt has ended, as the fact says. Attempts that began before the circuit changed last tell nothing about it now; how fast a ramp
//  was is not what was steady before.
void hf_breaker_end(hf_breaker_t *self, const hf_destination_t *destination, const Hf__Fact *fact,
                    const hf_gate_t *gate);

//  Whether the circuit must open.
bool hf_breaker_trips(const hf_breaker_t *self, const hf_destination_t *destination);

//  Forgets attempts, not rates: the circuit has changed.
void hf_breaker_clear(hf_breaker_t *self);

//  Calls a second before the outage; where none is known, what came in. 0: nothing is known.
double hf_breaker_steady(const hf_breaker_t *self);

void hf_breaker_free(hf_breaker_t *self);

#endif
