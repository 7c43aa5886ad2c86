#include "ingress/ingress_core.h"
#include "ingress/batch.h"
#include "ingress/body.h"
#include "ingress/header.h"
#include "ingress/settle.h"
#include "link/follow.h"
#include "link/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA = 256 << 10, //  Bytes that one message usually takes
};

struct hf_ingress {
    const hf_config_t *config; //  Pipelines and destinations
    hf_store_t *store;         //  For gaps, settling, and bodies that are replaced
    hf_link_t *link;           //  To the journal
    hf_follow_t *follow;       //  Place among the facts
    hf_arena_t *arena;         //  Of the message being read
    hf_outbox_t outbox;        //  Proposals
    hf_id_maker_t ids;         //  Makes commands' ids
    hf_rng_t rng;              //  Makes decisions' nonces
    hf_pending_t *oldest;      //  In the order of their numbers
    hf_pending_t *newest;      //  The last of them
    hf_answers_t answers;      //  To be taken
    hf_buf_t key;              //  A key or url being rendered
    bool unfollowed;           //  Facts are not wanted
    hf_on_fact_t *on_fact;     //  Gets each fact
    void *on_fact_context;     //  Its own
    bool full;                 //  The journal said that it has no room
    char full_reason[256];     //  Why
    uint64_t rebuilds;         //  Times that facts were gone for good
    uint64_t foreign;          //  Messages that could not be read
    hf_error_t failure;        //  Why this life must end, or empty
};

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    hf_ingress_t *self = context;
    return self->on_fact ? self->on_fact(self->on_fact_context, fact) : true;
}

static bool s_on_newest_id(void *context, const hf_id_t *id) {
    hf_ingress_t *self = context;
    self->ids.last_ms = hf_id_ms(id);
    self->ids.sequence = UINT16_MAX; //  The next one is of a later millisecond
    return false;
}

//  Facts are followed from the newest one on; and ids go on ascending, though the clock was set back meanwhile: searches go by them.
static uint64_t s_continue(hf_ingress_t *self) {
    if (hf_store_begin_read(self->store, &self->failure)) {
        return 0;
    }
    uint64_t newest = hf_store_newest_fact(self->store);
    hf_store_walk_newest(self->store, NULL, s_on_newest_id, self, &self->failure);
    hf_store_end_read(self->store);
    return newest;
}

hf_ingress_t *hf_ingress_new(const hf_core_setup_t *setup) {
    hf_ingress_t *self = hf_alloc(sizeof *self);
    self->config = setup->config;
    self->store = setup->store;
    self->link = hf_link_new(setup->name, setup->nonce, setup->config->unacked_limit);
    self->arena = hf_arena_new(ARENA);
    self->ids.rng.seed = setup->seed;
    self->rng.seed = setup->seed ^ UINT64_C(0x9e3779b97f4a7c15);
    self->follow = hf_follow_new(self->store, s_continue(self), s_on_fact, self);
    return self;
}

void hf_ingress_destroy(hf_ingress_t **self_p) {
    assert(self_p);
    hf_ingress_t *self = *self_p;
    if (!self) {
        return;
    }
    while (self->oldest) {
        hf_pending_t *pending = self->oldest;
        self->oldest = pending->next;
        hf_pending_destroy(&pending);
    }
    hf_answers_free(&self->answers);
    hf_link_destroy(&self->link);
    hf_follow_destroy(&self->follow);
    hf_arena_destroy(&self->arena);
    hf_outbox_free(&self->outbox);
    hf_buf_free(&self->key);
    free(self);
    *self_p = NULL;
}

//  ---- proposing

static int s_busy(const hf_ingress_t *self, hf_problem_t *problem) {
    return hf_problem_set(problem, HF_PROBLEM_BUSY, 1,
                          "%zu bytes wait to be made durable, the limit is %zu; try again in a second.",
                          hf_link_bytes(self->link), self->config->unacked_limit);
}

//  Takes over pending, whatever comes of it.
static int s_propose(hf_ingress_t *self, const Hf__Proposal *proposal, hf_pending_t *pending,
                     hf_problem_t *problem) {
    pending->number = hf_link_propose(self->link, proposal, pending);
    if (!pending->number) {
        hf_pending_destroy(&pending);
        return s_busy(self, problem);
    }
    if (self->newest) {
        self->newest->next = pending;
    } else {
        self->oldest = pending;
    }
    self->newest = pending;
    return 0;
}

//  ---- submissions

int hf_ingress_submit(hf_ingress_t *self, const hf_submission_t *submission, int64_t now, void *tag,
                      hf_id_t *id, hf_problem_t *problem) {
    Hf__Command command;
    const hf_pipeline_t *pipeline = hf_submission_read(submission, self->config, now, &command, problem);
    hf_buf_clear(&self->key);
    if (!pipeline || hf_body_check(pipeline, submission->body, submission->body_size, &self->key, problem)) {
        return -1;
    }
    hf_pending_t *pending = hf_pending_new(tag, now);
    pending->id = *id = hf_id_make(&self->ids, now);
    pending->idempotency = hf_idempotency_of(submission, 0);
    pending->accepted_at = now;
    command.id = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    command.key = (char *)self->key.data;
    command.body = (ProtobufCBinaryData){submission->body_size, (uint8_t *)(uintptr_t)submission->body};
    command.idempotency = hf_idempotency_key(&pending->idempotency);
    command.body_hash = hf_idempotency_body(&pending->idempotency);
    Hf__Submit submit = HF__SUBMIT__INIT;
    submit.command = &command;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_SUBMIT;
    proposal.submit = &submit;
    return s_propose(self, &proposal, pending, problem);
}

//  Makes ids and hashes, and proposes. Keys' places become addresses only now that self->key grows no more.
static int s_propose_lines(hf_ingress_t *self, const hf_submission_t *submission, hf_batch_lines_t *lines,
                           int64_t now, void *tag, hf_problem_t *problem) {
    hf_pending_t *pending = hf_pending_new(tag, now);
    Hf__Command **commands = hf_alloc(lines->size * sizeof *commands);
    pending->accepted_at = now;
    pending->ids = hf_alloc(lines->size * sizeof *pending->ids);
    pending->ids_size = lines->size;
    pending->idempotency = hf_idempotency_of(submission, 1);
    for (size_t i = 0; i < lines->size; i++) {
        hf_batch_line_t *line = &lines->lines[i];
        pending->ids[i] = hf_id_make(&self->ids, now);
        line->idempotency = hf_idempotency_of_line(&pending->idempotency, submission, (uint32_t)i + 1);
        line->command.id = (ProtobufCBinaryData){HF_ID_SIZE, pending->ids[i].bytes};
        line->command.key = (char *)self->key.data + line->key;
        line->command.idempotency = hf_idempotency_key(&line->idempotency);
        line->command.body_hash = hf_idempotency_body(&line->idempotency);
        commands[i] = &line->command;
    }
    pending->id = pending->ids[0];
    Hf__SubmitBatch submit = HF__SUBMIT_BATCH__INIT;
    submit.n_commands = lines->size;
    submit.commands = commands;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_SUBMIT_BATCH;
    proposal.submit_batch = &submit;
    int rc = s_propose(self, &proposal, pending, problem);
    free(commands);
    return rc;
}

int hf_ingress_submit_batch(hf_ingress_t *self, const hf_submission_t *submission, int64_t now, void *tag,
                            hf_problem_t *problem) {
    Hf__Command common;
    hf_batch_lines_t lines = {0};
    const hf_pipeline_t *pipeline = hf_submission_read(submission, self->config, now, &common, problem);
    hf_buf_clear(&self->key);
    if (!pipeline) {
        return -1;
    }
    if (!hf_is_ndjson(submission->content_type)) {
        return hf_problem_set(problem, HF_PROBLEM_MEDIA_TYPE, 0,
                              "A batch is application/x-ndjson, one JSON body a line; this is '%.64s'.",
                              submission->content_type);
    }
    common.content_type = (char *)"application/json";
    int rc = hf_batch_read(&lines, submission, pipeline, &common, &self->key, problem);
    rc = rc ? rc : s_propose_lines(self, submission, &lines, now, tag, problem);
    hf_batch_free(&lines);
    return rc;
}

//  ---- decisions

//  The pipeline of a command that there is; NULL: it is no longer configured. -1: no such command, or the
//  file cannot be read.
static int s_pipeline_of(hf_ingress_t *self, const hf_id_t *id, const hf_pipeline_t **pipeline,
                         hf_problem_t *problem) {
    Hf__State *state = NULL;
    hf_error_t error;
    char text[HF_ID_TEXT];
    if (hf_store_begin_read(self->store, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    int found = hf_store_state(self->store, id, self->arena, &state, &error);
    hf_store_end_read(self->store);
    *pipeline = found == 1 ? hf_config_pipeline(self->config, state->pipeline) : NULL;
    hf_arena_reset(self->arena);
    if (found < 0) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    hf_id_format(id, text);
    return found ? 0 : hf_problem_set(problem, HF_PROBLEM_NO_COMMAND, 0, "No command has the id %s.", text);
}

static int s_check_replacement(hf_ingress_t *self, const hf_pipeline_t *pipeline, const hf_submission_t *body,
                               hf_problem_t *problem) {
    if (hf_submission_check(body, self->config, problem)) {
        return -1;
    }
    hf_buf_clear(&self->key);
    return pipeline ? hf_body_check(pipeline, body->body, body->body_size, &self->key, problem) : 0;
}

static void s_nonce(hf_ingress_t *self, uint8_t nonce[HF_HASH_SIZE]) {
    uint64_t halves[2] = {hf_rng_next(&self->rng), hf_rng_next(&self->rng)};
    memcpy(nonce, halves, HF_HASH_SIZE);
}

int hf_ingress_decide(hf_ingress_t *self, const hf_id_t *id, hf_event_t event, const char *who,
                      const void *body, size_t body_size, const char *content_type, int64_t now, void *tag,
                      hf_problem_t *problem) {
    const hf_pipeline_t *pipeline;
    const hf_submission_t replacement = {.body = body, .body_size = body_size, .content_type = content_type};
    if (s_pipeline_of(self, id, &pipeline, problem) ||
        (body && s_check_replacement(self, pipeline, &replacement, problem))) {
        return -1;
    }
    hf_pending_t *pending = hf_pending_new(tag, now);
    pending->decision = true;
    pending->id = *id;
    s_nonce(self, pending->nonce);
    Hf__Decide decide = HF__DECIDE__INIT;
    decide.id = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    decide.event = event;
    decide.decision = (ProtobufCBinaryData){HF_HASH_SIZE, pending->nonce};
    decide.who = (char *)who;
    decide.replace_body = body != NULL;
    decide.body = (ProtobufCBinaryData){body ? body_size : 0, (uint8_t *)(uintptr_t)body};
    decide.content_type = (char *)(body && content_type ? content_type : "");
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_DECIDE;
    proposal.decide = &decide;
    return s_propose(self, &proposal, pending, problem);
}

//  ---- destinations

static const hf_destination_t *s_destination(hf_ingress_t *self, const char *name, hf_problem_t *problem) {
    const hf_destination_t *destination = hf_config_destination(self->config, name);
    if (!destination) {
        hf_problem_set(problem, HF_PROBLEM_NO_DESTINATION, 0, "No destination is named '%.64s'.", name);
    }
    return destination;
}

int hf_ingress_gate(hf_ingress_t *self, const char *name, hf_gate_event_t event, const char *who, int64_t now,
                    void *tag, hf_problem_t *problem) {
    const hf_destination_t *destination = s_destination(self, name, problem);
    if (!destination) {
        return -1;
    }
    hf_pending_t *pending = hf_pending_new(tag, now);
    pending->gated = destination->name;
    pending->pauses = event == HF_GATE_PAUSE;
    Hf__Gate gate = HF__GATE__INIT;
    gate.destination = destination->name;
    gate.event = event;
    gate.who = (char *)who;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_GATE;
    proposal.gate = &gate;
    return s_propose(self, &proposal, pending, problem);
}

//  ---- jobs

int hf_ingress_create_job(hf_ingress_t *self, Hf__Job *job, const char *idempotency_key, const void *body,
                          size_t body_size, int64_t now, void *tag, hf_problem_t *problem) {
    const hf_submission_t headers = {.idempotency_key = idempotency_key};
    if (hf_submission_check(&headers, self->config, problem)) {
        return -1;
    }
    hf_pending_t *pending = hf_pending_new(tag, now);
    pending->decision = true;
    pending->job = HF_CREATES_JOB;
    pending->id = hf_id_make(&self->ids, now);
    pending->idempotency = hf_idempotency_of_job(idempotency_key, (hf_event_t)job->event, body, body_size);
    job->idempotency = hf_idempotency_key(&pending->idempotency);
    job->request_hash = hf_idempotency_body(&pending->idempotency);
    job->id = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    job->created_at = pending->accepted_at = now;
    Hf__JobCreate create = HF__JOB_CREATE__INIT;
    create.job = job;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_JOB_CREATE;
    proposal.job_create = &create;
    return s_propose(self, &proposal, pending, problem);
}

int hf_ingress_cancel_job(hf_ingress_t *self, const hf_id_t *id, const char *who, int64_t now, void *tag,
                          hf_problem_t *problem) {
    hf_pending_t *pending = hf_pending_new(tag, now);
    pending->decision = true;
    pending->job = HF_CANCELS_JOB;
    pending->id = *id;
    Hf__JobCancel cancel = HF__JOB_CANCEL__INIT;
    cancel.job = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    cancel.who = (char *)who;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_JOB_CANCEL;
    proposal.job_cancel = &cancel;
    return s_propose(self, &proposal, pending, problem);
}

//  ---- what the journal says

//  Pops all that is acknowledged; ack's results, in the order of their numbers, say what became of what was
//  not just done.
static void s_take_acknowledged(hf_ingress_t *self, const Hf__Ack *ack) {
    uint64_t number;
    void *tag;
    size_t place = 0;
    while (hf_link_pop(self->link, &number, &tag)) {
        hf_pending_t *pending = tag;
        assert(pending == self->oldest && pending->number == number);
        while (place < ack->n_results && ack->results[place]->number < number) {
            place++;
        }
        bool told = place < ack->n_results && ack->results[place]->number == number;
        if (!pending->answered) {
            hf_answers_add_result(&self->answers, pending, told ? ack->results[place] : NULL);
        }
        self->oldest = pending->next;
        self->newest = self->oldest ? self->newest : NULL;
        hf_pending_destroy(&pending);
    }
}

static void s_take_beat(hf_ingress_t *self, const Hf__Beat *beat) {
    self->full = beat->full;
    size_t size = strnlen(beat->full_reason, sizeof self->full_reason - 1);
    memcpy(self->full_reason, beat->full_reason, size);
    self->full_reason[size] = 0;
}

static void s_receive(void *core, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_ingress_t *self = core;
    hf_publication_t publication;
    hf_followed_t followed = HF_FOLLOW_FINE;
    hf_error_t error;
    (void)from;
    if (!hf_publication_read(&publication, data, size, self->arena)) {
        self->foreign++;
    } else if (publication.ack) {
        hf_link_receive_ack(self->link, publication.ack, now);
        s_take_acknowledged(self, publication.ack);
    } else if (publication.facts && !self->unfollowed) {
        followed = hf_follow_facts(self->follow, publication.facts, &error);
    } else if (publication.beat) {
        hf_link_receive_beat(self->link, publication.beat, now);
        s_take_beat(self, publication.beat);
        if (self->unfollowed) {
            hf_follow_skip(self->follow, publication.beat->newest_fact);
        } else {
            followed = hf_follow_beat(self->follow, publication.beat, &error);
        }
    }
    self->rebuilds += followed == HF_FOLLOW_REBUILD;
    if (followed == HF_FOLLOW_BROKEN && !*self->failure.text) {
        self->failure = error;
    }
    if (hf_link_is_fenced(self->link) && !*self->failure.text) {
        hf_error_set(&self->failure, "a newer life of this actor has begun: this one ends");
    }
    hf_arena_reset(self->arena);
}

//  ---- for the HTTP half

bool hf_ingress_take_answer(hf_ingress_t *self, hf_answer_t *answer) {
    return hf_answers_take(&self->answers, answer);
}

size_t hf_ingress_overdue(const hf_ingress_t *self, int64_t now) {
    return hf_settle_overdue(self->oldest, now);
}

void hf_ingress_settle(hf_ingress_t *self, int64_t now) {
    hf_settle(self->oldest, self->store, self->arena, self->link, &self->answers, now);
}

bool hf_ingress_is_ready(const hf_ingress_t *self, int64_t now, hf_problem_t *problem) {
    if (!hf_link_is_live(self->link, now)) {
        hf_problem_set(problem, HF_PROBLEM_AWAY, 1, "The journal %s.",
                       hf_link_journal_epoch(self->link) ? "has not been heard for a while"
                                                         : "was not heard yet");
    } else if (self->full) {
        hf_problem_set(problem, HF_PROBLEM_FULL, 5, "%s",
                       *self->full_reason ? self->full_reason : "There is no room for new commands.");
    } else if (hf_link_is_full(self->link, 1)) {
        s_busy(self, problem);
    } else {
        return true;
    }
    return false;
}

void hf_ingress_set_on_fact(hf_ingress_t *self, hf_on_fact_t *on_fact, void *context) {
    self->on_fact = on_fact;
    self->on_fact_context = context;
}

//  What becomes true from here on is behind the newest fact in the file: what is not heard of it yet is a gap.
void hf_ingress_follow(hf_ingress_t *self, bool follows) {
    hf_error_t error;
    if (self->unfollowed && follows && hf_store_begin_read(self->store, &error) == 0) {
        hf_follow_skip(self->follow, hf_store_newest_fact(self->store));
        hf_store_end_read(self->store);
    }
    self->unfollowed = !follows;
}

uint64_t hf_ingress_newest_fact(const hf_ingress_t *self) {
    return hf_follow_newest(self->follow);
}

uint64_t hf_ingress_rebuilds(const hf_ingress_t *self) {
    return self->rebuilds;
}

size_t hf_ingress_unacked(const hf_ingress_t *self) {
    return hf_link_unacked(self->link);
}

size_t hf_ingress_unacked_bytes(const hf_ingress_t *self) {
    return hf_link_bytes(self->link);
}

//  ---- as a core

static void s_tick(void *core, int64_t now) {
    hf_ingress_t *self = core;
    hf_link_flush(self->link, &self->outbox, now);
}

static int64_t s_next_deadline(void *core) {
    return hf_link_next_deadline(((hf_ingress_t *)core)->link);
}

static hf_outbox_t *s_outbox(void *core) {
    return &((hf_ingress_t *)core)->outbox;
}

static const char *s_failure(void *core) {
    hf_ingress_t *self = core;
    return *self->failure.text ? self->failure.text : NULL;
}

static void s_describe(void *core, hf_buf_t *json) {
    hf_ingress_t *self = core;
    hf_buf_addf(json,
                "\"in_hand\":%zu,\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"newest_fact\":%" PRIu64
                ",\"gaps\":%" PRIu64 ",\"foreign\":%" PRIu64,
                hf_link_unacked(self->link), self->answers.accepted, self->answers.refused,
                hf_follow_newest(self->follow), hf_follow_gaps(self->follow), self->foreign);
}

const hf_core_ops_t hf_ingress_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};
