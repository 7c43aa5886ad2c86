#include "link/follow.h"

#include <assert.h>
#include <stdlib.h>

struct hf_follow {
    hf_store_t *store;     //  Where gaps are read from
    hf_arena_t *arena;     //  For facts read from there
    hf_on_fact_t *on_fact; //  Gets each fact
    void *context;         //  Its own
    uint64_t newest;       //  Number of the newest fact delivered
    uint64_t gaps;         //  Gaps read from the file
};

hf_follow_t *hf_follow_new(hf_store_t *store, uint64_t after, hf_on_fact_t *on_fact, void *context) {
    hf_follow_t *self = hf_alloc(sizeof *self);
    self->store = store;
    self->arena = hf_arena_new(16 << 10);
    self->on_fact = on_fact;
    self->context = context;
    self->newest = after;
    return self;
}

void hf_follow_destroy(hf_follow_t **self_p) {
    assert(self_p);
    if (*self_p) {
        hf_arena_destroy(&(*self_p)->arena);
        free(*self_p);
        *self_p = NULL;
    }
}

//  So many at a time, so that the arena stays small however long the gap is.
enum { GAP_FACTS = 1024 };

typedef struct {
    const Hf__Fact *facts[GAP_FACTS]; //  Read from the file, in the follower's arena
    size_t size;                      //  How many
} gap_t;

static bool s_on_gap_fact(void *context, const Hf__Fact *fact) {
    gap_t *gap = context;
    gap->facts[gap->size++] = fact;
    return gap->size < GAP_FACTS;
}

static void s_deliver(hf_follow_t *self, const Hf__Fact *fact) {
    self->newest = fact->seq;
    self->on_fact(self->context, fact);
}

//  Reads the next facts into gap; what it returns is hf_store_facts's.
static int64_t s_read(hf_follow_t *self, gap_t *gap, uint64_t *newest, hf_error_t *error) {
    gap->size = 0;
    hf_arena_reset(self->arena);
    if (hf_store_begin_read(self->store, error)) {
        return -1;
    }
    *newest = hf_store_newest_fact(self->store);
    int64_t next = hf_store_facts(self->store, self->newest + 1, self->arena, s_on_gap_fact, gap, error);
    hf_store_end_read(self->store);
    return next;
}

//  Delivers everything up to the newest fact in the file. Callbacks run between reads: they may look things
//  up themselves.
static hf_followed_t s_read_gap(hf_follow_t *self, hf_error_t *error) {
    gap_t gap;
    self->gaps++;
    for (;;) {
        uint64_t newest = 0;
        int64_t next = s_read(self, &gap, &newest, error);
        if (next < 0) {
            return HF_FOLLOW_BROKEN;
        }
        if (next == 0) {
            self->newest = newest;
            return HF_FOLLOW_REBUILD;
        }
        if (gap.size == 0) {
            return HF_FOLLOW_FINE;
        }
        for (size_t i = 0; i < gap.size; i++) {
            s_deliver(self, gap.facts[i]);
        }
    }
}

hf_followed_t hf_follow_facts(hf_follow_t *self, const Hf__Facts *facts, hf_error_t *error) {
    if (facts->n_facts == 0 || facts->facts[facts->n_facts - 1]->seq <= self->newest) {
        return HF_FOLLOW_FINE;
    }
    if (facts->facts[0]->seq > self->newest + 1) {
        return s_read_gap(self, error);
    }
    for (size_t i = 0; i < facts->n_facts; i++) {
        if (facts->facts[i]->seq == self->newest + 1) {
            s_deliver(self, facts->facts[i]);
        }
    }
    return HF_FOLLOW_FINE;
}

hf_followed_t hf_follow_beat(hf_follow_t *self, const Hf__Beat *beat, hf_error_t *error) {
    return beat->newest_fact > self->newest ? s_read_gap(self, error) : HF_FOLLOW_FINE;
}

void hf_follow_skip(hf_follow_t *self, uint64_t newest) {
    self->newest = newest > self->newest ? newest : self->newest;
}

uint64_t hf_follow_newest(const hf_follow_t *self) {
    return self->newest;
}

uint64_t hf_follow_gaps(const hf_follow_t *self) {
    return self->gaps;
}
