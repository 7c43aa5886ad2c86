/*  What `holdfast simulate` is asked: its options, checked and put together as a plan for a forecast.  */

#ifndef HF_SCENARIO_H
#define HF_SCENARIO_H

#include "cli/verbs.h"
#include "simulate/forecast.h"

typedef struct {
    hf_config_t *config;     //  The pipeline files, scaled
    hf_forecast_plan_t plan; //  What to run; its arrays are the scenario's
    uint64_t scale;          //  Arrivals and whatever bounds calls are divided by it
    size_t memory;           //  Bytes that the simulated journal may take
} hf_scenario_t;

//  From what was typed. Returns an exit status; where it is not HF_EXIT_DONE, stderr says why.
int hf_scenario_read(hf_scenario_t *self, const hf_args_t *args);
void hf_scenario_free(hf_scenario_t *self);

#endif
