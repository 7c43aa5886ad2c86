/*  Jobs, decisions over many dead commands, are next door: jobs.h.
 *
 *  Happy path of a command: a fact says that an attempt failed; the next tick walks what waits for a decision, asks the policy, proposes the
 *  verdict, and keeps the id in hand until the journal has answered.
 *
 *  Happy path of a circuit: outcomes fill its destination's window; the next tick finds that too many are failures, and proposes that it
 *  open; what follows (probes, the ramp) is the journal's and dispatch's.
 *
 *  Failures: whatever is missed is found by the next walk, for the index holds it until it is decided; a verdict that came too late
 *  is answered as stale and forgotten. While the link is full the walk ends early and goes on when there is room.  */

#include "failure/failure_core.h"
#include "base/id_map.h"
#include "failure/circuits.h"
#include "failure/jobs.h"
#include "failure/policy.h"
#include "link/proposer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    LINK_BYTES = 4 << 20, //  Verdicts under way at most
    WALK_MAX = 1024,      //  Commands looked at in one tick, so that messages are heard in between
    LOOK_AGAIN_MS = 1000, //  Even where no fact asked for it: a bound on what a bug could delay
};

//  What comes back with the answer to a proposal.
typedef struct {
    hf_id_t id;  //  A verdict's command
    int circuit; //  Or the number of the destination whose circuit shall open; -1: a verdict
} proposed_t;

struct hf_failure {
    const hf_config_t *config;   //  Policies
    hf_store_t *store;           //  Where failed commands are found
    hf_proposer_t *proposer;     //  Link and facts
    hf_arena_t *arena;           //  Of the state being looked at
    hf_id_map_t *in_hand;        //  Verdicts under way, by command
    hf_circuits_t *circuits;     //  Destinations
    hf_jobs_t *jobs;             //  Decisions over many, that somebody asked for
    hf_rng_t rng;                //  Jitter
    int64_t now;                 //  Time of the running tick
    int64_t look_at;             //  When to walk again; 0: now
    unsigned walked;             //  Commands looked at in this tick
    uint64_t decided[HF_EVENTS]; //  Verdicts proposed, for people
};

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    hf_failure_t *self = context;
    if (fact->state == HF_STATE_DECIDING) {
        self->look_at = 0;
    }
    hf_circuits_on_fact(self->circuits, fact);
    return true;
}

static void s_on_answer(void *context, void *tag, const Hf__Result *result) {
    hf_failure_t *self = context;
    proposed_t *proposed = tag;
    if (hf_jobs_take_answer(self->jobs, tag, result)) {
        return;
    }
    if (proposed->circuit >= 0) {
        hf_circuits_on_answer(self->circuits, proposed->circuit);
    } else {
        hf_id_map_remove(self->in_hand, &proposed->id);
    }
    free(proposed);
}

static void s_on_rebuild(void *context) {
    hf_failure_t *self = context;
    self->look_at = 0;
    hf_circuits_distrust(self->circuits);
}

hf_failure_t *hf_failure_new(const hf_core_setup_t *setup) {
    static const hf_proposer_handler_t handler = {
        .on_fact = s_on_fact, .on_answer = s_on_answer, .on_rebuild = s_on_rebuild};
    hf_failure_t *self = hf_alloc(sizeof *self);
    self->config = setup->config;
    self->store = setup->store;
    self->rng.seed = setup->seed;
    self->arena = hf_arena_new(4 << 10);
    self->in_hand = hf_id_map_new();
    self->circuits = hf_circuits_new(setup->config, setup->store);
    self->proposer = hf_proposer_new(setup, LINK_BYTES, &handler, self);
    self->jobs = hf_jobs_new(self->config, self->store, self->proposer);
    return self;
}

void hf_failure_destroy(hf_failure_t **self_p) {
    assert(self_p);
    hf_failure_t *self = *self_p;
    if (self) {
        for (void *tag; (tag = hf_link_abandon(hf_proposer_link(self->proposer)));) {
            if (!hf_jobs_take_answer(self->jobs, tag, NULL)) {
                free(tag);
            }
        }
        hf_id_map_destroy(&self->in_hand);
        hf_circuits_destroy(&self->circuits);
        hf_jobs_destroy(&self->jobs);
        hf_arena_destroy(&self->arena);
        hf_proposer_destroy(&self->proposer);
        free(self);
        *self_p = NULL;
    }
}

//  The tag, or NULL where the link is full.
static proposed_t *s_send(hf_failure_t *self, const Hf__Proposal *proposal, const hf_id_t *id, int circuit) {
    proposed_t *tag = hf_alloc(sizeof *tag);
    tag->id = id ? *id : (hf_id_t){{0}};
    tag->circuit = circuit;
    if (!hf_link_propose(hf_proposer_link(self->proposer), proposal, tag)) {
        free(tag);
        return NULL;
    }
    return tag;
}

static bool s_on_circuit(void *context, int number, Hf__Gate *gate) {
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_GATE;
    proposal.gate = gate;
    return s_send(context, &proposal, NULL, number) != NULL;
}

//  False where the link is full.
static bool s_propose(hf_failure_t *self, const hf_id_t *id, const Hf__State *state) {
    const hf_pipeline_t *pipeline = hf_config_pipeline(self->config, state->pipeline);
    hf_verdict_t verdict = hf_policy_decide(pipeline, state, self->now, &self->rng);
    Hf__Verdict message = HF__VERDICT__INIT;
    message.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    message.attempt = state->attempt;
    message.last_fact = state->last_fact;
    message.event = verdict.event;
    message.due = verdict.due;
    message.delay = verdict.delay_ms;
    message.inquire = verdict.inquire;
    message.reason = verdict.reason;
    message.overtake = pipeline && pipeline->on_dead == HF_ON_DEAD_SKIP;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_VERDICT;
    proposal.verdict = &message;
    proposed_t *tag = s_send(self, &proposal, id, -1);
    if (!tag) {
        return false;
    }
    hf_id_map_put(self->in_hand, id, tag);
    self->decided[verdict.event]++;
    return true;
}

static bool s_on_open(void *context, const char *destination, int64_t due, const hf_id_t *id) {
    hf_failure_t *self = context;
    hf_error_t error;
    Hf__State *state = NULL;
    (void)destination;
    (void)due;
    if (++self->walked > WALK_MAX + hf_id_map_size(self->in_hand)) {
        self->look_at = 0;
        return false;
    }
    if (hf_id_map_get(self->in_hand, id)) {
        return true;
    }
    hf_arena_reset(self->arena);
    int found = hf_store_state(self->store, id, self->arena, &state, &error);
    if (found < 0) {
        hf_proposer_fail(self->proposer, &error);
        return false;
    }
    if (found && !s_propose(self, id, state)) {
        self->look_at = self->now + HF_BEAT_EVERY_MS;
        return false;
    }
    return true;
}

static void s_walk(hf_failure_t *self) {
    hf_error_t error;
    self->walked = 0;
    self->look_at = self->now + LOOK_AGAIN_MS;
    if (hf_store_begin_read(self->store, &error)) {
        hf_proposer_fail(self->proposer, &error);
        return;
    }
    if (hf_store_walk_open(self->store, HF_PHASE_DECIDING, NULL, 0, s_on_open, self, &error)) {
        hf_proposer_fail(self->proposer, &error);
    }
    hf_store_end_read(self->store);
}

static void s_receive(void *core, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_failure_t *self = core;
    (void)from;
    hf_proposer_receive(self->proposer, data, size, now);
}

static void s_tick(void *core, int64_t now) {
    hf_failure_t *self = core;
    self->now = now;
    if (hf_link_is_live(hf_proposer_link(self->proposer), now)) {
        hf_error_t error;
        if (hf_circuits_decide(self->circuits, s_on_circuit, self, &error)) {
            hf_proposer_fail(self->proposer, &error);
        }
        if (now >= self->look_at) {
            s_walk(self);
        }
        hf_jobs_tick(self->jobs, now);
    }
    hf_proposer_flush(self->proposer, now);
}

static int64_t s_next_deadline(void *core) {
    hf_failure_t *self = core;
    hf_link_t *link = hf_proposer_link(self->proposer);
    int64_t deadline = hf_link_next_deadline(link);
    if (!hf_link_is_live(link, self->now)) {
        return deadline; //  Nothing can be decided; the journal's next sign wakes it
    }
    int64_t again = hf_circuits_are_due(self->circuits) ? self->now + HF_REWIND_EVERY_MS : INT64_MAX;
    deadline = again < deadline ? again : deadline; //  The link was full
    int64_t jobs = hf_jobs_next_deadline(self->jobs);
    deadline = deadline < self->look_at ? deadline : self->look_at;
    return deadline < jobs ? deadline : jobs;
}

static hf_outbox_t *s_outbox(void *core) {
    return hf_proposer_outbox(((hf_failure_t *)core)->proposer);
}

static const char *s_failure(void *core) {
    return hf_proposer_failure(((hf_failure_t *)core)->proposer);
}

static void s_describe(void *core, hf_buf_t *json) {
    hf_failure_t *self = core;
    hf_buf_addf(json,
                "\"in_hand\":%zu,\"again\":%" PRIu64 ",\"dead\":%" PRIu64 ",\"held\":%" PRIu64
                ",\"expired\":%" PRIu64 ",\"jobs\":%u,",
                hf_id_map_size(self->in_hand), self->decided[HF_EVENT_RETRY_AT],
                self->decided[HF_EVENT_GIVE_UP], self->decided[HF_EVENT_HOLD], self->decided[HF_EVENT_EXPIRE],
                hf_jobs_running(self->jobs));
    hf_proposer_describe(self->proposer, json);
}

const hf_core_ops_t hf_failure_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};

bool hf_failure_is_quiet(const hf_failure_t *self) {
    return hf_link_unacked(hf_proposer_link(self->proposer)) == 0;
}
