#include "simulation/watch.h"

#include "link/follow.h"
#include "link/wire.h"
#include "simulation/ledger.h"

#include <inttypes.h>
#include <stdlib.h>

struct sim_watch {
    sim_world_t *world;  //  Whose ledger
    sim_life_t *life;    //  Whose core this is
    hf_follow_t *follow; //  Place among the facts
    hf_arena_t *arena;   //  Of the message being read
    hf_outbox_t outbox;  //  Always empty
    uint64_t gaps;       //  Gaps read so far
};

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    sim_watch_t *self = context;
    sim_ledger_followed(self->world->ledger, self->life, fact);
    return true;
}

sim_watch_t *sim_watch_new(const hf_core_setup_t *setup, sim_world_t *world, sim_life_t *life) {
    sim_watch_t *self = hf_alloc(sizeof *self);
    self->world = world;
    self->life = life;
    self->arena = hf_arena_new(16 << 10);
    self->follow = hf_follow_new(setup->store, world->ledger->newest, s_on_fact, self);
    return self;
}

void sim_watch_destroy(sim_watch_t **self_p) {
    sim_watch_t *self = *self_p;
    hf_follow_destroy(&self->follow);
    hf_arena_destroy(&self->arena);
    hf_outbox_free(&self->outbox);
    free(self);
    *self_p = NULL;
}

static void s_receive(void *core, hf_from_t from, const void *data, size_t size, int64_t now) {
    sim_watch_t *self = core;
    hf_publication_t publication;
    hf_followed_t followed = HF_FOLLOW_FINE;
    hf_error_t error;
    (void)from;
    (void)now;
    if (hf_publication_read(&publication, data, size, self->arena) && publication.facts) {
        followed = hf_follow_facts(self->follow, publication.facts, &error);
    } else if (publication.beat) {
        followed = hf_follow_beat(self->follow, publication.beat, &error);
    }
    if (followed == HF_FOLLOW_BROKEN) {
        sim_violation(&self->world->engine, 9, "facts cannot be read: %s", error.text);
    }
    if (hf_follow_gaps(self->follow) > self->gaps) {
        self->gaps = hf_follow_gaps(self->follow);
        sim_cover(SIM_FAULT_GAP, self->world->ledger->counts);
    }
    hf_arena_reset(self->arena);
}

static void s_tick(void *core, int64_t now) {
    (void)core;
    (void)now;
}

static int64_t s_next_deadline(void *core) {
    (void)core;
    return INT64_MAX;
}

static hf_outbox_t *s_outbox(void *core) {
    return &((sim_watch_t *)core)->outbox;
}

static const char *s_failure(void *core) {
    (void)core;
    return NULL;
}

static void s_describe(void *core, hf_buf_t *json) {
    sim_watch_t *self = core;
    hf_buf_addf(json, "\"newest_fact\":%" PRIu64, hf_follow_newest(self->follow));
}

const hf_core_ops_t sim_watch_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};
