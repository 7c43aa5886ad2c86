#include "ingress/traffic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SECONDS = 10,    //  That the rate is over
    BUCKETS = 112,   //  Four for each power of two from 16 us on: to a fifth, up to over an hour
    LEAST_LOG2 = 4,  //  Less than 16 us is all the same
    HALF_MS = 30000, //  One histogram's time; the one before it counts, too
};

//  What is only there once something was called.
typedef struct {
    hf_traffic_view_t sums;      //  ended, took_us, answered
    int64_t second;              //  The newest that is counted
    uint32_t begun[SECONDS + 1]; //  Attempts by second, at second % (SECONDS + 1)
    int64_t half;                //  Number of the newest half
    uint32_t took[2][BUCKETS];   //  How long attempts took, by half % 2
} lately_t;

struct hf_traffic {
    const hf_config_t *config; //  Destinations
    lately_t **lately;         //  One for each, NULL: nothing happened there
};

hf_traffic_t *hf_traffic_new(const hf_config_t *config) {
    hf_traffic_t *self = hf_alloc(sizeof *self);
    self->config = config;
    self->lately = hf_alloc((config->destinations_size + 1) * sizeof *self->lately);
    return self;
}

void hf_traffic_destroy(hf_traffic_t **self_p) {
    assert(self_p);
    hf_traffic_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->config->destinations_size; i++) {
            free(self->lately[i]);
        }
        free(self->lately);
        free(self);
        *self_p = NULL;
    }
}

static unsigned s_bucket(uint32_t us) {
    unsigned log2 = 31 - (unsigned)__builtin_clz(us | 1);
    if (log2 < LEAST_LOG2) {
        return 0;
    }
    return (log2 - LEAST_LOG2) * 4 + ((us >> (log2 - 2)) & 3);
}

//  The bucket's end.
static uint32_t s_value(unsigned bucket) {
    unsigned log2 = bucket / 4 + LEAST_LOG2;
    return (uint32_t)(((uint64_t)(bucket % 4 + 5) << (log2 - 2)) - 1);
}

//  A clock that was set back counts for the newest second.
static void s_turn(lately_t *lately, int64_t at) {
    int64_t second = at / 1000;
    int64_t gone = second - lately->second;
    for (int64_t i = 0; i < gone && i < SECONDS + 1; i++) {
        lately->begun[(second - i) % (SECONDS + 1)] = 0;
    }
    lately->second = gone > 0 ? second : lately->second;
}

static void s_turn_half(lately_t *lately, int64_t at) {
    int64_t half = at / HALF_MS;
    if (half > lately->half) {
        memset(lately->took[half % 2], 0, sizeof lately->took[0]);
        if (half > lately->half + 1) {
            memset(lately->took[(half + 1) % 2], 0, sizeof lately->took[0]);
        }
        lately->half = half;
    }
}

static void s_end(lately_t *lately, const Hf__Fact *fact) {
    lately->sums.ended[fact->class_ < HF_CLASSES ? fact->class_ : HF_CLASS_NONE]++;
    if (fact->took_us) {
        lately->sums.took_us += fact->took_us;
        lately->sums.answered++;
        s_turn_half(lately, fact->at);
        lately->took[lately->half % 2][s_bucket(fact->took_us)]++;
    }
}

void hf_traffic_on_fact(hf_traffic_t *self, const Hf__Fact *fact) {
    bool begins = fact->event == HF_EVENT_START;
    if (!fact->id.len || (!begins && fact->event != HF_EVENT_SUCCEED && fact->event != HF_EVENT_FAIL)) {
        return;
    }
    int number = hf_config_destination_number(self->config, fact->destination);
    if (number < 0) {
        return;
    }
    lately_t *lately = self->lately[number];
    if (!lately) {
        lately = self->lately[number] = hf_alloc(sizeof *lately);
    }
    if (begins) {
        s_turn(lately, fact->at);
        lately->begun[lately->second % (SECONDS + 1)]++;
    } else {
        s_end(lately, fact);
    }
}

//  Whole seconds only: the running one, which may not be over, is left out.
static double s_rate(const lately_t *lately, int64_t now) {
    double begun = 0;
    for (int64_t second = now / 1000 - SECONDS; second < now / 1000; second++) {
        bool known = second <= lately->second && second > lately->second - SECONDS - 1;
        begun += known ? lately->begun[second % (SECONDS + 1)] : 0;
    }
    return begun / SECONDS;
}

static uint32_t s_quantile(const lately_t *lately, const bool counts[2], double share) {
    uint64_t all = 0, below = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        all += (counts[0] ? lately->took[0][bucket] : 0) + (counts[1] ? lately->took[1][bucket] : 0);
    }
    for (unsigned bucket = 0; bucket < BUCKETS && all; bucket++) {
        below += (counts[0] ? lately->took[0][bucket] : 0) + (counts[1] ? lately->took[1][bucket] : 0);
        if ((double)below >= share * (double)all) {
            return s_value(bucket);
        }
    }
    return 0;
}

hf_traffic_view_t hf_traffic_view(const hf_traffic_t *self, int number, int64_t now) {
    const lately_t *lately = self->lately[number];
    if (!lately) {
        return (hf_traffic_view_t){.rate = 0};
    }
    hf_traffic_view_t view = lately->sums;
    int64_t gone = now / HALF_MS - lately->half;
    bool counts[2];
    counts[lately->half % 2] = gone <= 1;
    counts[(lately->half + 1) % 2] = gone <= 0;
    view.rate = s_rate(lately, now);
    view.p50_us = s_quantile(lately, counts, 0.5);
    view.p99_us = s_quantile(lately, counts, 0.99);
    return view;
}
