/*  What each destination has been through lately, counted from the facts as they are followed: for GET /destinations and /metrics. Nobody
 *  is asked; a new life of ingress begins to count anew. Pure.  */

#ifndef HF_TRAFFIC_H
#define HF_TRAFFIC_H

#include "base/pipeline.h"
#include "records.pb-c.h"

typedef struct hf_traffic hf_traffic_t;

hf_traffic_t *hf_traffic_new(const hf_config_t *config); //  The configuration stays the caller's
void hf_traffic_destroy(hf_traffic_t **self_p);

//  Each fact once, in order.
void hf_traffic_on_fact(hf_traffic_t *self, const Hf__Fact *fact);

//  One destination, as it is seen at a time.
typedef struct {
    uint64_t ended[HF_CLASSES]; //  Attempts that ended since this life began, by class
    uint64_t took_us;           //  How long all of them took, those that nobody was called for apart
    uint64_t answered;          //  How many these are
    double rate;                //  Attempts that began a second, over the last ten whole seconds
    uint32_t p50_us,
        p99_us; //  How long attempts of the last half minute to minute took, to a fifth; 0: there were none
} hf_traffic_view_t;

//  number: of the destination in the configuration.
hf_traffic_view_t hf_traffic_view(const hf_traffic_t *self, int number, int64_t now);

#endif
