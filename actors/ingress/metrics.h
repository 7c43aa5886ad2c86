/*  What ingress counts, as OpenMetrics text (and as Prometheus' older text format, which differs in a
 * counter's family name).  */

#ifndef HF_METRICS_H
#define HF_METRICS_H

#include "base/pipeline.h"
#include "store/store.h"

enum { HF_METRICS_STATUSES = 600 }; //  HTTP statuses below this are counted

typedef struct {
    const hf_config_t *config;              //  Destinations, or NULL
    int64_t now_ms;                         //  For what the time decides
    uint64_t accepted;                      //  Commands that became durable through this process
    uint64_t requests[HF_METRICS_STATUSES]; //  Answers, by status
    uint64_t connections;                   //  Open now
    uint64_t waiters;                       //  Requests that wait for a command's end
    uint64_t readers;                       //  Event streams
    uint64_t unacked;                       //  Proposals that are not durable yet
    uint64_t unacked_bytes;                 //  Their bytes
    uint64_t newest_fact;                   //  Number of the newest fact heard
    bool ready;                             //  Whether the journal can be asked now
    double cpu_seconds;                     //  Of this process
    double start_seconds;                   //  When it started, since 1970
    uint64_t resident_bytes;                //  Of this process
    uint64_t virtual_bytes;                 //  The same; the journal's map counts in
    uint64_t open_fds;                      //  Of this process
    uint64_t max_fds;                       //  It may have
} hf_metrics_t;

//  The media types of the two forms.
#define HF_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define HF_PROMETHEUS_TYPE  "text/plain; version=0.0.4; charset=utf-8"

//  Whether an Accept header asks for OpenMetrics; NULL: no.
bool hf_metrics_wants_openmetrics(const char *accept);

//  Appends all of it; counts of commands are read from the store. -1 where that cannot be read.
int hf_metrics_render(const hf_metrics_t *self, hf_store_t *store, bool openmetrics, hf_buf_t *out,
                      hf_error_t *error);

#endif
