/*  A model of the third party: how long it takes, how much it bears, what it does when it is asked for more,
 *  how often it fails, and when it is down. What becomes of a call is decided when it is made.
 *
 *  It serves calls in the order in which they come, `at_once` of them at a time, `rate` a second: with
 *  `queue` they wait for their turn inside it, and it works on what its caller has given up, too, since it
 *  cannot know; else what finds no free place is answered 429 or 503 at once. Latency is log-normal, given by
 *  its median and its 99th percentile.
 *
 *  An outage forgets what waited, and breaks the calls that it finds under way (their outcome is unknown),
 *  unless it is one that still answers: with 503.  */

#ifndef HF_THIRD_H
#define HF_THIRD_H

#include "base/id.h"
#include "call/outcome.h"

enum {
    HF_THIRD_OUTAGES_MAX = 64,      //  Outages of one simulation
    HF_THIRD_FAILURES_MAX = 8,      //  Kinds of failure, each with a share of its own
    HF_THIRD_AT_ONCE_MAX = 1000000, //  Calls at once: a place each in a heap
};

typedef enum { HF_OVERLOAD_QUEUE, HF_OVERLOAD_429, HF_OVERLOAD_503 } hf_overload_t;
typedef enum { HF_OUTAGE_REFUSED, HF_OUTAGE_HANGS, HF_OUTAGE_503 } hf_outage_kind_t;

//  Down from a time until a time, ms since the simulation's start.
typedef struct {
    int64_t from, until;
} hf_outage_t;

typedef struct {
    double median_ms, p99_ms;                  //  Latency; the same twice: always that
    int at_once;                               //  Calls that it serves at a time; 0: any number
    double rate;                               //  Calls that it serves a second; 0: any number
    hf_overload_t overload;                    //  What it does with more
    int retry_after_s;                         //  Sent with every 429 and 503; -1: is not
    hf_outage_kind_t kind;                     //  What callers see while it is down
    hf_outage_t outages[HF_THIRD_OUTAGES_MAX]; //  In order of time, apart from each other
    size_t outages_size;                       //  How many
    struct {
        double share; //  Of all calls that it serves, 0 … 1
        int status;   //  They are answered with this
    } failures[HF_THIRD_FAILURES_MAX];
    size_t failures_size; //  How many
} hf_third_plan_t;

typedef struct hf_third hf_third_t;

//  begin: the simulation's start, ms since 1970. The plan outlives it.
hf_third_t *hf_third_new(const hf_third_plan_t *plan, int64_t begin, uint64_t seed);
void hf_third_destroy(hf_third_t **self_p);

//  A call comes now, from a caller that waits no longer than timeout_ms. Fills in what the caller will see
//  (its texts live as long as the third party), and returns after how many ms.
int64_t hf_third_call(hf_third_t *self, int64_t now, int64_t timeout_ms, hf_call_result_t *result);

//  Whether it is down at that time.
bool hf_third_is_down(const hf_third_t *self, int64_t now);

#endif
