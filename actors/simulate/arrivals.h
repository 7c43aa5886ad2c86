/*  When clients submit: a rate over time, in steps, and chance. Arrivals of independent clients: the times
 *  between them are exponential (a Poisson process), or all the same where they shall be even.  */

#ifndef HF_ARRIVALS_H
#define HF_ARRIVALS_H

#include "base/id.h"

#include <stdbool.h>
#include <stddef.h>

enum { HF_ARRIVALS_STEPS_MAX = 100000 }; //  Steps: a minute each for two months

typedef struct {
    int64_t at_ms;     //  From here on, since the start
    double per_second; //  So many; 0: none
} hf_arrivals_step_t;

typedef struct {
    hf_arrivals_step_t *steps; //  In order of time; nothing comes before the first
    size_t size;               //  How many
    int64_t until_ms;          //  Nothing comes from here on
    bool even;                 //  Not by chance
} hf_arrivals_plan_t;

//  A place among them. A zeroed one with a plan and a seed is at the beginning.
typedef struct {
    const hf_arrivals_plan_t *plan; //  Of what
    hf_rng_t rng;                   //  Chance
    double at_ms;                   //  The newest one
    size_t step;                    //  Its step
} hf_arrivals_t;

//  Moves on to the next one, and returns its time, ms since the start; -1: there is none any more.
double hf_arrivals_next(hf_arrivals_t *self);

#endif
