/*  What would happen: a pipeline, its clients and its third party, from the first submission until nothing
 *  moves any more. The real cores decide everything; see node.h for what is not modelled.  */

#ifndef HF_FORECAST_H
#define HF_FORECAST_H

#include "base/pipeline.h"
#include "simulate/arrivals.h"
#include "simulate/tally.h"
#include "store/store.h"

typedef struct {
    const hf_config_t *config;     //  All pipelines
    const hf_pipeline_t *pipeline; //  The one that clients submit to
    hf_arrivals_plan_t arrivals;   //  When they do
    hf_third_plan_t third;         //  Whom they reach in the end
    int64_t until_ms;              //  It ends then, whatever still moves, ms since the start
    int64_t commit_ms;             //  How long a commit takes
    uint64_t keys;                 //  Different values of the fields that templates name; 0: all
    uint64_t seed;                 //  Chance
    //  Called now and then, so that somebody who waits sees something; false ends the simulation. May be NULL.
    bool (*on_progress)(void *context, const hf_tally_t *tally);
    void *context; //  For it
} hf_forecast_plan_t;

//  Runs it over a store that is empty and opened for writing. The tally is the caller's. NULL: it could not go
//  on, or on_progress ended it.
hf_tally_t *hf_forecast_run(const hf_forecast_plan_t *plan, hf_store_t *store, hf_error_t *error);

#endif
