/*  What became of it all: counted by phase (between outages, in them, after the last client) and over time, in
 *  constant memory: where a simulation is long, the steps of its time series double.  */

#ifndef HF_TALLY_H
#define HF_TALLY_H

#include "base/histogram.h"
#include "messages.pb-c.h"
#include "simulate/third.h"

enum {
    HF_TALLY_PHASES_MAX = 2 * HF_THIRD_OUTAGES_MAX + 2, //  One around each outage, and the last
    HF_TALLY_STEPS_MAX = 960,                           //  Steps of the series: what a plot can show
    HF_TALLY_STEP_MS = 100,                             //  The shortest step
};

//  One stretch of time.
typedef struct {
    char name[32];                                //  For people
    int64_t from_ms, until_ms;                    //  Since the start
    uint64_t accepted, refused;                   //  Submissions
    uint64_t calls, retries;                      //  Calls made; of these, not a command's first
    uint64_t failed;                              //  Calls that did not succeed
    uint64_t succeeded, dead, uncertain, expired; //  Commands that ended so
    uint64_t peak;                                //  The most that were open at a time
    hf_histogram_t *ages;                         //  Of those that succeeded: ms since acceptance
} hf_phase_tally_t;

//  One step of the series.
typedef struct {
    uint32_t accepted, calls, succeeded; //  In it
    uint64_t open;                       //  The most that were open at a time
} hf_step_tally_t;

//  The commands that an outage left behind.
typedef struct {
    int64_t from_ms, until_ms; //  The outage, since the start
    uint64_t left;             //  Commands open at its end
    uint64_t still;            //  Of these, still open
    int64_t drained_ms;        //  When the last of them had ended; -1: not yet
    uint64_t usual;            //  The most that were open before the outage, at least 1
    int64_t caught_up_ms;      //  When no more were open than usual; -1: not yet
    bool begun;                //  They are counted
} hf_drain_t;

typedef struct {
    int64_t begin;                                //  Of the simulation, ms since 1970
    int64_t now_ms;                               //  Since then
    hf_phase_tally_t phases[HF_TALLY_PHASES_MAX]; //  In order of time
    size_t phases_size, phase;                    //  How many, and the one that is
    hf_phase_tally_t whole;                       //  All of them together
    hf_drain_t drains[HF_THIRD_OUTAGES_MAX];      //  One for each outage
    size_t drains_size;                           //  How many
    bool circuit_open;                            //  Of the destination
    uint64_t opened;                              //  How often it opened
    int64_t opened_ms, open_for_ms;               //  Since when it is, and how long it was before
    uint64_t open;                                //  Commands that move
    hf_step_tally_t steps[HF_TALLY_STEPS_MAX];    //  The series
    size_t steps_size;                            //  How many
    int64_t step_ms;                              //  How long each is
} hf_tally_t;

//  Phases follow from the outages and from when the last client came.
hf_tally_t *hf_tally_new(int64_t begin, const hf_third_plan_t *third, int64_t arrivals_until_ms);
void hf_tally_destroy(hf_tally_t **self_p);

//  Time has come so far; a fact; a submission that was refused; a call.
void hf_tally_advance(hf_tally_t *self, int64_t now);
void hf_tally_fact(hf_tally_t *self, const Hf__Fact *fact);
void hf_tally_refused(hf_tally_t *self);
void hf_tally_call(hf_tally_t *self);

#endif
