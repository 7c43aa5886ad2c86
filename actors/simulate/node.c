#include "simulate/node.h"

#include "journal/journal_core.h"
#include "simulate/player.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Those before the callers, in the order in which they begin.
static const char *const s_names[] = {"ingress", "dispatch", "failure"};
enum { INGRESS, DISPATCH, FAILURE, CALL };

//  One actor that follows the journal.
typedef struct {
    char name[24];             //  As a sender
    const hf_player_t *player; //  What it is
    hf_store_t *store;         //  Its handle
    void *core;                //  The real one
    bool awake;                //  A round is planned for now
    int64_t timer_at;          //  When a timer wakes it; INT64_MAX: none is set
} cast_t;

//  What waits in the journal's socket.
typedef struct {
    uint8_t *data; //  The bytes
    size_t size;   //  How many
} message_t;

struct hf_node {
    hf_node_setup_t setup;                 //  As given
    hf_rng_t rng;                          //  Nonces and seeds of cores
    int64_t now;                           //  Virtual time
    hf_journal_t *journal;                 //  The journal's core
    bool committing;                       //  A commit is under way
    int64_t beat_at;                       //  When the journal is looked at without a reason
    message_t *waiting;                    //  Proposals that the journal has not taken yet
    size_t waiting_size, waiting_capacity; //  How many, and places
    cast_t cast[CALL + HF_CALLERS_MAX];    //  Who follows
    uint32_t cast_size;                    //  How many
    hf_error_t failure;                    //  Why it cannot go on; empty: it can
};

static void s_wake(hf_node_t *self, cast_t *actor) {
    if (!actor->awake) {
        actor->awake = true;
        hf_timeline_plan(
            self->setup.timeline,
            (hf_moment_t){.at = self->now, .kind = HF_NODE_ROUND, .a = (uint32_t)(actor - self->cast)});
    }
}

//  ---- the journal

//  Takes what has come; the commit that carries it ends later.
static void s_begin_commit(hf_node_t *self) {
    for (size_t i = 0; i < self->waiting_size; i++) {
        hf_journal_receive(self->journal, self->waiting[i].data, self->waiting[i].size);
        free(self->waiting[i].data);
    }
    self->waiting_size = 0;
    self->committing = true;
    hf_timeline_plan(self->setup.timeline,
                     (hf_moment_t){.at = self->now + self->setup.commit_ms, .kind = HF_NODE_COMMIT});
}

static void s_push(hf_node_t *self, hf_envelope_t *envelope) {
    if (self->waiting_size == self->waiting_capacity) {
        self->waiting_capacity = self->waiting_capacity ? self->waiting_capacity * 2 : 64;
        self->waiting = realloc(self->waiting, self->waiting_capacity * sizeof *self->waiting);
        assert(self->waiting && "out of memory");
    }
    self->waiting[self->waiting_size++] = (message_t){envelope->data, envelope->size};
}

//  To everybody who hears it, without a copy: taking a message in sends nothing.
static void s_publish(hf_node_t *self) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(self->journal), &envelope)) {
        for (uint32_t i = 0; i < self->cast_size; i++) {
            cast_t *actor = &self->cast[i];
            if (hf_player_hears(actor->player, actor->name, (const char *)envelope.data)) {
                actor->player->ops->receive(actor->core, HF_FROM_JOURNAL, envelope.data, envelope.size,
                                            self->now);
                s_wake(self, actor);
            }
        }
        free(envelope.data);
    }
}

static void s_plan_beat(hf_node_t *self) {
    int64_t at = hf_journal_next_deadline(self->journal);
    at = at > self->now ? at : self->now + 1;
    if (self->beat_at <= self->now || at < self->beat_at) {
        self->beat_at = at;
        hf_timeline_plan(self->setup.timeline, (hf_moment_t){.at = at, .kind = HF_NODE_BEAT});
    }
}

static void s_end_commit(hf_node_t *self) {
    hf_error_t error;
    int rc = hf_journal_commit(self->journal, self->now, &error);
    if (rc == HF_STORE_FULL) {
        hf_error_set(&error, "what is open does not fit into the simulated journal: give it more memory, or "
                             "simulate at a smaller scale");
    }
    if (rc) {
        self->failure = error;
        return;
    }
    self->committing = false;
    bool asks = hf_journal_tick(self->journal, self->now);
    s_publish(self);
    if (asks || self->waiting_size) {
        s_begin_commit(self);
    }
    s_plan_beat(self);
}

static void s_beat(hf_node_t *self) {
    if (self->now < self->beat_at) {
        return; //  Another one was planned for later
    }
    bool asks = hf_journal_tick(self->journal, self->now);
    s_publish(self);
    if (asks && !self->committing) {
        s_begin_commit(self);
    }
    s_plan_beat(self);
}

//  ---- everybody else

static void s_send(hf_node_t *self, hf_envelope_t *envelope) {
    if (envelope->to == HF_TO_JOURNAL) {
        s_push(self, envelope);
        return;
    }
    bool order = envelope->to == HF_TO_CALLER;
    assert(order ? CALL + (uint32_t)envelope->number < self->cast_size : envelope->to == HF_TO_DISPATCH);
    cast_t *to = &self->cast[order ? CALL + envelope->number : DISPATCH];
    to->player->ops->receive(to->core, order ? HF_FROM_DISPATCH : HF_FROM_CALLER, envelope->data,
                             envelope->size, self->now);
    s_wake(self, to);
    free(envelope->data);
}

//  A deadline that has passed is looked at in the next millisecond, so that time goes on.
static void s_set_timer(hf_node_t *self, cast_t *actor) {
    int64_t at = actor->player->ops->next_deadline(actor->core);
    at = at > self->now ? at : self->now + 1;
    if (at < actor->timer_at) {
        actor->timer_at = at;
        uint32_t number = (uint32_t)(actor - self->cast);
        hf_timeline_plan(self->setup.timeline,
                         (hf_moment_t){.at = at, .kind = HF_NODE_ROUND, .a = number, .b = 1});
    }
}

static void s_serve(hf_node_t *self, cast_t *actor) {
    uint32_t number = (uint32_t)(actor - self->cast);
    hf_answer_t answer;
    const hf_call_request_t *request;
    while (number == INGRESS && hf_ingress_take_answer(actor->core, &answer)) {
        self->setup.on_answer(self->setup.context, &answer);
        free(answer.ids);
    }
    while (number >= CALL && (request = hf_call_take(actor->core))) {
        self->setup.on_call(self->setup.context, number, request);
    }
}

static void s_round(hf_node_t *self, const hf_moment_t *moment) {
    cast_t *actor = &self->cast[moment->a];
    hf_envelope_t envelope;
    if (!moment->b) {
        actor->awake = false;
    } else if (self->now < actor->timer_at) {
        return; //  An earlier timer took its place and has been here
    } else {
        actor->timer_at = INT64_MAX;
    }
    actor->player->ops->tick(actor->core, self->now);
    s_serve(self, actor);
    while (hf_outbox_take(actor->player->ops->outbox(actor->core), &envelope)) {
        s_send(self, &envelope);
    }
    if (self->waiting_size && !self->committing) {
        s_begin_commit(self);
    }
    const char *failure = actor->player->ops->failure(actor->core);
    if (failure) {
        hf_error_set(&self->failure, "%s: %s", actor->name, failure);
    }
    s_set_timer(self, actor);
}

void hf_node_do(hf_node_t *self, const hf_moment_t *moment) {
    self->now = moment->at;
    switch ((hf_node_kind_t)moment->kind) {
    case HF_NODE_ROUND:
        s_round(self, moment);
        break;
    case HF_NODE_COMMIT:
        s_end_commit(self);
        break;
    case HF_NODE_BEAT:
        s_beat(self);
        break;
    default:
        assert(!"a moment that the node did not plan");
    }
}

int hf_node_submit(hf_node_t *self, const hf_submission_t *submission, int64_t now, hf_problem_t *problem) {
    hf_id_t id;
    self->now = now;
    int rc = hf_ingress_submit(self->cast[INGRESS].core, submission, now, NULL, &id, problem);
    s_wake(self, &self->cast[INGRESS]);
    return rc;
}

void hf_node_answer(hf_node_t *self, uint32_t player, uint64_t ticket, const hf_call_result_t *result,
                    int64_t now) {
    self->now = now;
    hf_call_finish(self->cast[player].core, ticket, result, now);
    s_wake(self, &self->cast[player]);
}

const char *hf_node_failure(const hf_node_t *self) {
    return *self->failure.text ? self->failure.text : NULL;
}

//  ---- beginning and ending

static void s_begin(hf_node_t *self, const char *name) {
    cast_t *actor = &self->cast[self->cast_size++];
    snprintf(actor->name, sizeof actor->name, "%s", name);
    actor->player = hf_player_find(actor->name);
    actor->store = hf_store_share(self->setup.store);
    actor->timer_at = INT64_MAX;
    hf_core_setup_t setup = {.name = actor->name, .config = self->setup.config, .store = actor->store};
    uint64_t nonce[2] = {hf_rng_next(&self->rng), hf_rng_next(&self->rng)};
    memcpy(setup.nonce, nonce, sizeof setup.nonce);
    setup.seed = hf_rng_next(&self->rng);
    actor->core = actor->player->make(&setup);
    s_wake(self, actor);
}

hf_node_t *hf_node_new(const hf_node_setup_t *setup, hf_error_t *error) {
    hf_journal_options_t options = {.keep_ms = setup->keep_ms};
    hf_node_t *self = hf_alloc(sizeof *self);
    self->setup = *setup;
    self->now = setup->now;
    self->rng.seed = setup->seed;
    self->journal = hf_journal_new(setup->store, &options, setup->now, error);
    if (!self->journal) {
        hf_node_destroy(&self);
        return NULL;
    }
    for (size_t i = 0; i < sizeof s_names / sizeof *s_names; i++) {
        s_begin(self, s_names[i]);
    }
    hf_ingress_set_on_fact(self->cast[INGRESS].core, setup->on_fact, setup->context);
    for (int i = 0; i < setup->config->callers; i++) {
        char name[24];
        snprintf(name, sizeof name, "call.%d", i);
        s_begin(self, name);
    }
    s_beat(self);
    return self;
}

void hf_node_destroy(hf_node_t **self_p) {
    assert(self_p);
    hf_node_t *self = *self_p;
    if (self) {
        for (uint32_t i = 0; i < self->cast_size; i++) {
            self->cast[i].player->end(self->cast[i].core);
            hf_store_close(&self->cast[i].store);
        }
        for (size_t i = 0; i < self->waiting_size; i++) {
            free(self->waiting[i].data);
        }
        free(self->waiting);
        hf_journal_destroy(&self->journal);
        free(self);
        *self_p = NULL;
    }
}
