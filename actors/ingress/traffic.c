#include "ingress/traffic.h"

#include <assert.h>
#include <stdlib.h>

enum {
    BUCKETS = 112,  //  Four for each power of two from 16 us on: to a fifth, up to over an hour
    LEAST_LOG2 = 4, //  Less than 16 us is all the same
};

//  What is only there where something was called.
typedef struct {
    uint32_t begun;         //  Attempts
    uint32_t ended;         //  Attempts with a time
    uint32_t took[BUCKETS]; //  How long they took
} lately_t;

struct hf_traffic {
    const hf_config_t *config; //  Destinations
    int64_t now;               //  When somebody asks
    int64_t since;             //  What happened from then on is counted; 0: nothing was told yet
    lately_t **lately;         //  One for each, NULL: nothing happened there
};

hf_traffic_t *hf_traffic_new(const hf_config_t *config, int64_t now) {
    hf_traffic_t *self = hf_alloc(sizeof *self);
    self->config = config;
    self->now = now;
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

//  ---- reading

typedef struct {
    hf_traffic_t *traffic; //  Whose
    bool whole;            //  There are no facts before those that are read
} reading_t;

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    const reading_t *reading = context;
    hf_traffic_on_fact(reading->traffic, fact, reading->whole);
    return true;
}

//  Where facts have left after `keep`, fewer are asked for until all of those are there.
int hf_traffic_read(hf_traffic_t *self, hf_store_t *store, hf_error_t *error) {
    uint64_t newest = hf_store_newest_fact(store);
    hf_arena_t *arena = hf_arena_new(16 << 10);
    int64_t next = 0;
    for (uint64_t most = HF_TRAFFIC_FACTS; next == 0 && most > 0 && newest > 0; most /= 4) {
        uint64_t from = newest > most ? newest - most + 1 : 1;
        reading_t reading = {self, from == 1};
        next = hf_store_facts(store, from, arena, s_on_fact, &reading, error);
    }
    hf_arena_destroy(&arena);
    return next < 0 ? -1 : 0;
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

static lately_t *s_lately(hf_traffic_t *self, const char *destination) {
    int number = hf_config_destination_number(self->config, destination);
    if (number < 0) {
        return NULL;
    }
    if (!self->lately[number]) {
        self->lately[number] = hf_alloc(sizeof **self->lately);
    }
    return self->lately[number];
}

void hf_traffic_on_fact(hf_traffic_t *self, const Hf__Fact *fact, bool whole) {
    int64_t oldest = self->now - HF_TRAFFIC_MS;
    if (!self->since) {
        self->since = whole || fact->at < oldest ? oldest : fact->at;
    }
    bool begins = fact->event == HF_EVENT_START;
    bool ends = (fact->event == HF_EVENT_SUCCEED || fact->event == HF_EVENT_FAIL) && fact->took_us;
    lately_t *lately = fact->id.len && fact->at >= oldest && (begins || ends)
                           ? s_lately(self, fact->destination)
                           : NULL;
    if (lately && begins) {
        lately->begun++;
    } else if (lately) {
        lately->ended++;
        lately->took[s_bucket(fact->took_us)]++;
    }
}

//  ---- telling

static uint32_t s_quantile(const lately_t *lately, double share) {
    uint64_t below = 0;
    for (unsigned bucket = 0; bucket < BUCKETS && lately->ended; bucket++) {
        below += lately->took[bucket];
        if ((double)below >= share * lately->ended) {
            return s_value(bucket);
        }
    }
    return 0;
}

hf_traffic_view_t hf_traffic_view(const hf_traffic_t *self, int number) {
    const lately_t *lately = self->lately[number];
    if (!lately) {
        return (hf_traffic_view_t){.rate = 0};
    }
    int64_t span = self->now - self->since;
    return (hf_traffic_view_t){.rate = lately->begun * 1000.0 / (double)(span > 1 ? span : 1),
                               .ended = lately->ended,
                               .p50_us = s_quantile(lately, 0.5),
                               .p99_us = s_quantile(lately, 0.99)};
}
