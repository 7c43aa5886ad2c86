/*  What each destination has been through lately, read from the newest facts in the journal's file when somebody asks: for GET
 *  /destinations and /metrics. Nobody is asked, nothing is kept, and a restart changes nothing. Pure.  */

#ifndef HF_TRAFFIC_H
#define HF_TRAFFIC_H

#include "base/pipeline.h"
#include "store/store.h"

enum {
    HF_TRAFFIC_FACTS =
        2048, //  Facts looked at: some 3 ms in which nobody else is served. On a busy node they are a part of a second
    HF_TRAFFIC_MS = 10000, //  No older ones count
};

typedef struct hf_traffic hf_traffic_t;

hf_traffic_t *hf_traffic_new(const hf_config_t *config, int64_t now); //  The configuration stays the caller's
void hf_traffic_destroy(hf_traffic_t **self_p);

//  Reads the newest facts; the store is being read. -1: it is broken.
int hf_traffic_read(hf_traffic_t *self, hf_store_t *store, hf_error_t *error);

//  One fact, in order. whole: all that happened within HF_TRAFFIC_MS is told; else the time begins with the first fact.
void hf_traffic_on_fact(hf_traffic_t *self, const Hf__Fact *fact, bool whole);

//  One destination.
typedef struct {
    double rate;     //  Attempts that began a second
    uint32_t ended;  //  Attempts that a third party answered, or left unanswered
    uint32_t p50_us; //  How long these took, to a fifth; 0: there were none
    uint32_t p99_us; //  The same
} hf_traffic_view_t;

//  number: of the destination in the configuration.
hf_traffic_view_t hf_traffic_view(const hf_traffic_t *self, int number);

#endif
