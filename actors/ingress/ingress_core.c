#include "ingress/ingress_core.h"
#include "base/job.h"
#include "ingress/header.h"
#include "ingress/json.h"
#include "link/follow.h"
#include "link/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HASH = 16,         //  Bytes of idempotency and body hashes
    ARENA = 256 << 10, //  Bytes that one message usually takes
    SUGGESTIONS_FROM_MAX =
        200,            //  Pipelines among which the nearest name is looked for: each costs a comparison
    LINE_MAX_TEXT = 48, //  Bytes of "line 10000: "
};

//  A proposal that was not answered yet, or was settled and is still in the link.
typedef struct pending {
    struct pending *next; //  The one proposed after it
    uint64_t number;      //  In the link
    int64_t since;        //  When it was proposed
    void *tag;            //  The caller's
    bool answered;        //  Settled: its acknowledgement says nothing new
    bool decision;        //  A decision over a command
    const char
        *gated;  //  Pause, resume: the destination, the configuration's; NULL: a submission or a decision
    bool pauses; //  The same: pause
    enum { NO_JOB, CREATES_JOB, CANCELS_JOB } job; //  A decision over many, or its end
    hf_id_t id;                                    //  The command, or the first of a batch
    hf_id_t *ids;                                  //  Of a batch, else NULL
    size_t ids_size;                               //  How many
    int64_t accepted_at;                           //  As proposed
    uint8_t nonce[HASH];                           //  Of a decision
    uint8_t idempotency[HASH];                     //  Hash of pipeline and Idempotency-Key (the first line's)
    uint8_t body_hash[HASH];                       //  What must be the same under it
    bool idempotent;                               //  The two above are set
} pending_t;

struct hf_ingress {
    const hf_config_t *config; //  Pipelines and destinations
    hf_store_t *store;         //  For gaps, settling, and bodies that are replaced
    hf_link_t *link;           //  To the journal
    hf_follow_t *follow;       //  Place among the facts
    hf_arena_t *arena;         //  Of the message being read
    hf_outbox_t outbox;        //  Proposals
    hf_id_maker_t ids;         //  Makes commands' ids
    hf_rng_t rng;              //  Makes decisions' nonces
    pending_t *oldest;         //  In the order of their numbers
    pending_t *newest;         //  The last of them
    hf_answer_t *answers;      //  To be taken
    size_t answers_head;       //  The next one
    size_t answers_size;       //  Behind the last
    size_t answers_capacity;   //  Places
    hf_buf_t key;              //  A key or url being rendered
    bool unfollowed;           //  Facts are not wanted
    hf_on_fact_t *on_fact;     //  Gets each fact
    void *on_fact_context;     //  Its own
    bool full;                 //  The journal said that it has no room
    char full_reason[256];     //  Why
    uint64_t rebuilds;         //  Times that facts were gone for good
    uint64_t accepted;         //  Commands, for people
    uint64_t refused;          //  Submissions refused after they were proposed
    uint64_t foreign;          //  Messages that could not be read
    hf_error_t failure;        //  Why this life must end, or empty
};

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    hf_ingress_t *self = context;
    return self->on_fact ? self->on_fact(self->on_fact_context, fact) : true;
}

hf_ingress_t *hf_ingress_new(const hf_core_setup_t *setup) {
    hf_ingress_t *self = hf_alloc(sizeof *self);
    uint64_t newest = 0;
    self->config = setup->config;
    self->store = setup->store;
    self->link = hf_link_new(setup->name, setup->nonce, setup->config->unacked_limit);
    self->arena = hf_arena_new(ARENA);
    self->ids.rng.seed = setup->seed;
    self->rng.seed = setup->seed ^ UINT64_C(0x9e3779b97f4a7c15);
    if (hf_store_begin_read(self->store, &self->failure) == 0) {
        newest = hf_store_newest_fact(self->store);
        hf_store_end_read(self->store);
    }
    self->follow = hf_follow_new(self->store, newest, s_on_fact, self);
    return self;
}

static void s_pending_free(pending_t *pending) {
    free(pending->ids);
    free(pending);
}

void hf_ingress_destroy(hf_ingress_t **self_p) {
    assert(self_p);
    hf_ingress_t *self = *self_p;
    hf_answer_t answer;
    if (!self) {
        return;
    }
    while (self->oldest) {
        pending_t *pending = self->oldest;
        self->oldest = pending->next;
        s_pending_free(pending);
    }
    while (hf_ingress_take_answer(self, &answer)) {
        free(answer.ids);
    }
    hf_link_destroy(&self->link);
    hf_follow_destroy(&self->follow);
    hf_arena_destroy(&self->arena);
    hf_outbox_free(&self->outbox);
    hf_buf_free(&self->key);
    free(self->answers);
    free(self);
    *self_p = NULL;
}

//  ---- is it sound

static const hf_pipeline_t *s_pipeline(hf_ingress_t *self, const char *name, hf_problem_t *problem) {
    const hf_pipeline_t *pipeline = hf_config_pipeline(self->config, name);
    const char *known[SUGGESTIONS_FROM_MAX];
    size_t size = 0;
    if (pipeline) {
        return pipeline;
    }
    while (size < self->config->pipelines_size && size < SUGGESTIONS_FROM_MAX) {
        known[size] = self->config->pipelines[size]->name;
        size++;
    }
    const char *nearest = hf_nearest(name, known, size);
    if (nearest) {
        hf_problem_set(problem, HF_PROBLEM_NO_PIPELINE, 0, "No pipeline is named '%.64s'; did you mean '%s'?",
                       name, nearest);
    } else {
        hf_problem_set(problem, HF_PROBLEM_NO_PIPELINE, 0, "No pipeline is named '%.64s'.", name);
    }
    return NULL;
}

#define UNCLEAN_TEXT "%s has control characters, or more than %d bytes."
#define NO_TIME_TEXT "%s is '%.64s'; write a time like 2026-07-24T10:00:00Z, or a duration from now like 30s."

static int s_check_headers(const hf_submission_t *submission, hf_problem_t *problem) {
    const char *content_type = submission->content_type ? submission->content_type : "";
    const char *traceparent = submission->traceparent ? submission->traceparent : "";
    const char *tracestate = submission->tracestate ? submission->tracestate : "";
    const char *key = submission->idempotency_key;
    if (!hf_header_is_clean(content_type, HF_CONTENT_TYPE_MAX) ||
        !hf_utf8_is_valid(content_type, strlen(content_type))) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, UNCLEAN_TEXT, "Content-Type",
                              HF_CONTENT_TYPE_MAX);
    }
    if (!hf_header_is_clean(traceparent, HF_TRACE_MAX)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, UNCLEAN_TEXT, "traceparent", HF_TRACE_MAX);
    }
    if (!hf_header_is_clean(tracestate, HF_TRACE_MAX)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, UNCLEAN_TEXT, "tracestate", HF_TRACE_MAX);
    }
    if (key && (!*key || !hf_header_is_clean(key, HF_IDEMPOTENCY_KEY_MAX))) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, "Idempotency-Key must have 1 to %d characters.",
                              HF_IDEMPOTENCY_KEY_MAX);
    }
    return 0;
}

//  Reads the two times of a submission.
static int s_check_times(const hf_submission_t *submission, int64_t now, Hf__Command *command,
                         hf_problem_t *problem) {
    if (submission->not_before && hf_moment_parse(submission->not_before, now, false, &command->not_before)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, NO_TIME_TEXT, "Holdfast-Not-Before",
                              submission->not_before);
    }
    if (submission->deadline && hf_moment_parse(submission->deadline, now, false, &command->deadline)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, NO_TIME_TEXT, "Holdfast-Deadline",
                              submission->deadline);
    }
    if (command->not_before <= now) {
        command->not_before = 0;
    }
    if (submission->deadline && (command->deadline <= now || command->deadline <= command->not_before)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, "Holdfast-Deadline lies before %s.",
                              command->deadline <= now ? "now" : "Holdfast-Not-Before");
    }
    return 0;
}

//  What the pipeline's templates want of a body; NULL: it is no JSON.
static json_t *s_load(const hf_pipeline_t *pipeline, const void *body, size_t size, json_error_t *error) {
    const hf_template_t *const templates[] = {pipeline->destination->url, pipeline->key,
                                              pipeline->destination->probe};
    return hf_template_load(templates, sizeof templates / sizeof *templates, body, size, error);
}

//  The client's own, or its pipeline's.
static int s_check_priority(const hf_submission_t *submission, const hf_pipeline_t *pipeline,
                            Hf__Command *command, hf_problem_t *problem) {
    const char *text = submission->priority;
    int priority = pipeline->priority;
    if (text) {
        if (*text < '0' || *text >= '0' + HF_PRIORITIES || text[1]) {
            return hf_problem_set(
                problem, HF_PROBLEM_HEADER, 0,
                "Holdfast-Priority is '%.64s'; write a number from 0 to 9, the most urgent.", text);
        }
        priority = *text - '0';
    }
    command->urgency = priority - HF_PRIORITY_USUAL;
    return 0;
}

//  The body as JSON, read only where a template has a hole. -1: it is none, and is needed. *json may stay
//  NULL.
static int s_parse_body(const hf_pipeline_t *pipeline, const void *body, size_t size, json_t **json,
                        const char *where, hf_problem_t *problem) {
    json_error_t error;
    *json = NULL;
    const hf_template_t *probe = pipeline->destination->probe;
    if (hf_template_is_plain(pipeline->destination->url) &&
        (!pipeline->key || hf_template_is_plain(pipeline->key)) &&
        (!probe || !hf_template_takes_fields(probe))) {
        return 0;
    }
    *json = s_load(pipeline, body, size, &error);
    if (!*json) {
        return hf_problem_set(
            problem, HF_PROBLEM_BODY, 0,
            "%sthe pipeline '%s' takes fields from the body, and it is no JSON: %.200s (byte %d).", where,
            pipeline->name, error.text, error.position);
    }
    return 0;
}

//  What the destination's probe names beside the command's id must be there, too: it is too late when it is asked for.
static int s_check_probe(hf_ingress_t *self, const hf_destination_t *destination, const json_t *body,
                         const char *where, hf_problem_t *problem) {
    hf_error_t error;
    size_t before = self->key.size;
    json_t *fields = json_is_object(body) ? json_copy((json_t *)body) : json_object();
    json_object_set_new(fields, HF_TEMPLATE_ID, json_string("id"));
    int rc = hf_template_render(destination->probe, fields, true, &self->key, &error);
    json_decref(fields);
    if (rc) {
        return hf_problem_set(problem, HF_PROBLEM_MISSING_FIELD, 0,
                              "%s%s (wanted by the probe of destination '%s').", where, error.text,
                              destination->name);
    }
    self->key.size = before;
    return 0;
}

//  What the templates name must be there. The key is left in self->key, behind what was there.
static int s_render(hf_ingress_t *self, const hf_pipeline_t *pipeline, const json_t *body, const char *where,
                    hf_problem_t *problem) {
    hf_error_t error;
    const hf_template_t *url = pipeline->destination->url;
    size_t before = self->key.size;
    if (!hf_template_is_plain(url)) {
        if (hf_template_render(url, body, true, &self->key, &error)) {
            return hf_problem_set(problem, HF_PROBLEM_MISSING_FIELD, 0,
                                  "%s%s (wanted by the url of destination '%s').", where, error.text,
                                  pipeline->destination->name);
        }
        self->key.size = before;
    }
    if (pipeline->destination->probe && s_check_probe(self, pipeline->destination, body, where, problem)) {
        return -1;
    }
    if (pipeline->key && hf_pipeline_key_render(pipeline, body, &self->key, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_MISSING_FIELD, 0,
                              "%s%s (wanted by the key of pipeline '%s').", where, error.text,
                              pipeline->name);
    }
    hf_buf_add(&self->key, "", 1);
    return 0;
}

static int s_check_body(hf_ingress_t *self, const hf_pipeline_t *pipeline, const void *body, size_t size,
                        const char *where, hf_problem_t *problem) {
    json_t *json = NULL;
    int rc = s_parse_body(pipeline, body, size, &json, where, problem);
    rc = rc ? rc : s_render(self, pipeline, json, where, problem);
    json_decref(json);
    return rc;
}

static int s_check_size(const hf_ingress_t *self, size_t size, hf_problem_t *problem) {
    if (size > self->config->body_limit) {
        return hf_problem_set(problem, HF_PROBLEM_BODY_TOO_LARGE, 0,
                              "The body has %zu bytes; this node takes %zu.", size, self->config->body_limit);
    }
    return 0;
}

//  ---- proposing

static int s_busy(const hf_ingress_t *self, hf_problem_t *problem) {
    return hf_problem_set(problem, HF_PROBLEM_BUSY, 1,
                          "%zu bytes wait to be made durable, the limit is %zu; try again in a second.",
                          hf_link_bytes(self->link), self->config->unacked_limit);
}

//  Takes over pending, whatever comes of it.
static int s_propose(hf_ingress_t *self, const Hf__Proposal *proposal, pending_t *pending,
                     hf_problem_t *problem) {
    pending->number = hf_link_propose(self->link, proposal, pending);
    if (!pending->number) {
        s_pending_free(pending);
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

static pending_t *s_pending_new(void *tag, int64_t now) {
    pending_t *pending = hf_alloc(sizeof *pending);
    pending->tag = tag;
    pending->since = now;
    return pending;
}

//  line: 0 alone; else the number of a batch's line, so that each has a hash of its own.
static void s_hash_key(const hf_submission_t *submission, uint32_t line, uint8_t hash[HASH]) {
    crypto_generichash_state state;
    uint8_t number[4] = {(uint8_t)(line >> 24), (uint8_t)(line >> 16), (uint8_t)(line >> 8), (uint8_t)line};
    crypto_generichash_init(&state, NULL, 0, HASH);
    crypto_generichash_update(&state, (const uint8_t *)submission->pipeline,
                              strlen(submission->pipeline) + 1);
    crypto_generichash_update(&state, (const uint8_t *)submission->idempotency_key,
                              strlen(submission->idempotency_key) + (line != 0));
    crypto_generichash_update(&state, number, line ? sizeof number : 0);
    crypto_generichash_final(&state, hash, HASH);
}

static void s_hash_body(const hf_submission_t *submission, uint8_t hash[HASH]) {
    crypto_generichash_state state;
    const char *type = submission->content_type ? submission->content_type : "";
    crypto_generichash_init(&state, NULL, 0, HASH);
    crypto_generichash_update(&state, (const uint8_t *)type, strlen(type) + 1);
    crypto_generichash_update(&state, submission->body, submission->body_size);
    crypto_generichash_final(&state, hash, HASH);
}

static void s_hash(const hf_submission_t *submission, uint32_t line, pending_t *pending) {
    if (submission->idempotency_key) {
        pending->idempotent = true;
        s_hash_key(submission, line, pending->idempotency);
        s_hash_body(submission, pending->body_hash);
    }
}

//  What all commands of a request have in common; the strings are the submission's.
static int s_command(const hf_submission_t *submission, const hf_pipeline_t *pipeline, int64_t now,
                     Hf__Command *command, hf_problem_t *problem) {
    hf__command__init(command);
    command->pipeline = pipeline->name;
    command->destination = pipeline->destination->name;
    command->content_type = (char *)(submission->content_type ? submission->content_type : "");
    command->traceparent = (char *)(submission->traceparent ? submission->traceparent : "");
    command->tracestate = (char *)(submission->tracestate ? submission->tracestate : "");
    command->accepted_at = now;
    command->ordered = pipeline->ordered;
    int rc = s_check_headers(submission, problem);
    rc = rc ? rc : s_check_priority(submission, pipeline, command, problem);
    return rc ? rc : s_check_times(submission, now, command, problem);
}

int hf_ingress_submit(hf_ingress_t *self, const hf_submission_t *submission, int64_t now, void *tag,
                      hf_id_t *id, hf_problem_t *problem) {
    Hf__Command command;
    const hf_pipeline_t *pipeline = s_pipeline(self, submission->pipeline, problem);
    hf_buf_clear(&self->key);
    if (!pipeline || s_check_size(self, submission->body_size, problem) ||
        s_command(submission, pipeline, now, &command, problem) ||
        s_check_body(self, pipeline, submission->body, submission->body_size, "", problem)) {
        return -1;
    }
    pending_t *pending = s_pending_new(tag, now);
    s_hash(submission, 0, pending);
    pending->id = *id = hf_id_make(&self->ids, now);
    pending->accepted_at = now;
    command.id = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    command.key = (char *)self->key.data;
    command.body = (ProtobufCBinaryData){submission->body_size, (uint8_t *)(uintptr_t)submission->body};
    command.idempotency = (ProtobufCBinaryData){pending->idempotent ? HASH : 0, pending->idempotency};
    command.body_hash = (ProtobufCBinaryData){pending->idempotent ? HASH : 0, pending->body_hash};
    Hf__Submit submit = HF__SUBMIT__INIT;
    submit.command = &command;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_SUBMIT;
    proposal.submit = &submit;
    return s_propose(self, &proposal, pending, problem);
}

//  ---- batches

//  One line of a batch.
typedef struct {
    Hf__Command command;       //  As proposed
    size_t key;                //  Where its key begins in self->key
    uint8_t idempotency[HASH]; //  Its own
} line_t;

typedef struct {
    line_t *lines;   //  Those that are not blank
    size_t size;     //  How many
    size_t capacity; //  Places
} lines_t;

static line_t *s_line_add(lines_t *lines) {
    if (lines->size == lines->capacity) {
        lines->capacity = lines->capacity ? lines->capacity * 2 : 64;
        lines->lines = realloc(lines->lines, lines->capacity * sizeof *lines->lines);
        assert(lines->lines && "out of memory");
    }
    return &lines->lines[lines->size++];
}

static bool s_is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r') {
            return false;
        }
    }
    return true;
}

//  Every line must be JSON, whatever the templates: that is what the media type says.
static int s_check_line(hf_ingress_t *self, const hf_pipeline_t *pipeline, const char *text, size_t size,
                        size_t number, hf_problem_t *problem) {
    char where[LINE_MAX_TEXT];
    json_error_t error;
    snprintf(where, sizeof where, "Line %zu: ", number);
    json_t *json = s_load(pipeline, text, size, &error);
    if (!json) {
        return hf_problem_set(problem, HF_PROBLEM_BODY, 0, "%sno JSON: %.200s (byte %d).", where, error.text,
                              error.position);
    }
    int rc = s_render(self, pipeline, json, where, problem);
    json_decref(json);
    return rc;
}

static int s_read_lines(hf_ingress_t *self, const hf_submission_t *submission, const hf_pipeline_t *pipeline,
                        const Hf__Command *common, lines_t *lines, hf_problem_t *problem) {
    const char *text = submission->body, *end = text + submission->body_size;
    for (size_t number = 1; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((newline ? newline : end) - text);
        size -= size > 0 && text[size - 1] == '\r';
        if (!s_is_blank(text, size)) {
            if (lines->size == HF_BATCH_MAX) {
                return hf_problem_set(problem, HF_PROBLEM_TOO_MANY, 0,
                                      "A batch has at most %d commands; send several.", HF_BATCH_MAX);
            }
            line_t *line = s_line_add(lines);
            line->command = *common;
            line->key = self->key.size;
            line->command.body = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)text};
            if (s_check_line(self, pipeline, text, size, number, problem)) {
                return -1;
            }
        }
        text = newline ? newline + 1 : end;
    }
    return lines->size ? 0
                       : hf_problem_set(problem, HF_PROBLEM_BODY, 0,
                                        "The batch is empty; send one JSON body a line.");
}

//  Makes ids and hashes, and proposes. Keys' places become addresses only now that self->key grows no more.
static int s_propose_lines(hf_ingress_t *self, const hf_submission_t *submission, lines_t *lines, int64_t now,
                           void *tag, hf_problem_t *problem) {
    pending_t *pending = s_pending_new(tag, now);
    Hf__Command **commands = hf_alloc(lines->size * sizeof *commands);
    pending->accepted_at = now;
    pending->ids = hf_alloc(lines->size * sizeof *pending->ids);
    pending->ids_size = lines->size;
    s_hash(submission, 1, pending);
    for (size_t i = 0; i < lines->size; i++) {
        line_t *line = &lines->lines[i];
        pending->ids[i] = hf_id_make(&self->ids, now);
        line->command.id = (ProtobufCBinaryData){HF_ID_SIZE, pending->ids[i].bytes};
        line->command.key = (char *)self->key.data + line->key;
        if (pending->idempotent) {
            s_hash_key(submission, (uint32_t)i + 1, line->idempotency);
            line->command.idempotency = (ProtobufCBinaryData){HASH, line->idempotency};
            line->command.body_hash = (ProtobufCBinaryData){HASH, pending->body_hash};
        }
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
    lines_t lines = {0};
    const hf_pipeline_t *pipeline = s_pipeline(self, submission->pipeline, problem);
    hf_buf_clear(&self->key);
    if (!pipeline || s_check_size(self, submission->body_size, problem) ||
        s_command(submission, pipeline, now, &common, problem)) {
        return -1;
    }
    if (!hf_is_ndjson(submission->content_type)) {
        return hf_problem_set(problem, HF_PROBLEM_MEDIA_TYPE, 0,
                              "A batch is application/x-ndjson, one JSON body a line; this is '%.64s'.",
                              submission->content_type);
    }
    common.content_type = (char *)"application/json";
    int rc = s_read_lines(self, submission, pipeline, &common, &lines, problem);
    rc = rc ? rc : s_propose_lines(self, submission, &lines, now, tag, problem);
    free(lines.lines);
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

static int s_check_replacement(hf_ingress_t *self, const hf_pipeline_t *pipeline, const void *body,
                               size_t size, const char *content_type, hf_problem_t *problem) {
    hf_submission_t submission = {.content_type = content_type};
    if (s_check_size(self, size, problem) || s_check_headers(&submission, problem)) {
        return -1;
    }
    hf_buf_clear(&self->key);
    return pipeline ? s_check_body(self, pipeline, body, size, "", problem) : 0;
}

static void s_nonce(hf_ingress_t *self, uint8_t nonce[HASH]) {
    uint64_t halves[2] = {hf_rng_next(&self->rng), hf_rng_next(&self->rng)};
    memcpy(nonce, halves, HASH);
}

int hf_ingress_decide(hf_ingress_t *self, const hf_id_t *id, hf_event_t event, const char *who,
                      const void *body, size_t body_size, const char *content_type, int64_t now, void *tag,
                      hf_problem_t *problem) {
    const hf_pipeline_t *pipeline;
    if (s_pipeline_of(self, id, &pipeline, problem) ||
        (body && s_check_replacement(self, pipeline, body, body_size, content_type, problem))) {
        return -1;
    }
    pending_t *pending = s_pending_new(tag, now);
    pending->decision = true;
    pending->id = *id;
    s_nonce(self, pending->nonce);
    Hf__Decide decide = HF__DECIDE__INIT;
    decide.id = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    decide.event = event;
    decide.decision = (ProtobufCBinaryData){HASH, pending->nonce};
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
    pending_t *pending = s_pending_new(tag, now);
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

static void s_hash_job(const char *key, const Hf__Job *job, const void *body, size_t body_size,
                       pending_t *pending) {
    crypto_generichash_state state;
    uint8_t event = (uint8_t)job->event;
    pending->idempotent = true;
    crypto_generichash_init(&state, NULL, 0, HASH);
    crypto_generichash_update(&state, (const uint8_t *)key, strlen(key));
    crypto_generichash_final(&state, pending->idempotency, HASH);
    crypto_generichash_init(&state, NULL, 0, HASH);
    crypto_generichash_update(&state, &event, 1);
    crypto_generichash_update(&state, body, body_size);
    crypto_generichash_final(&state, pending->body_hash, HASH);
}

int hf_ingress_create_job(hf_ingress_t *self, Hf__Job *job, const char *idempotency_key, const void *body,
                          size_t body_size, int64_t now, void *tag, hf_problem_t *problem) {
    const hf_submission_t headers = {.idempotency_key = idempotency_key};
    if (s_check_headers(&headers, problem)) {
        return -1;
    }
    pending_t *pending = s_pending_new(tag, now);
    pending->decision = true;
    pending->job = CREATES_JOB;
    pending->id = hf_id_make(&self->ids, now);
    if (idempotency_key) {
        s_hash_job(idempotency_key, job, body, body_size, pending);
        job->idempotency = (ProtobufCBinaryData){HASH, pending->idempotency};
        job->request_hash = (ProtobufCBinaryData){HASH, pending->body_hash};
    }
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
    pending_t *pending = s_pending_new(tag, now);
    pending->decision = true;
    pending->job = CANCELS_JOB;
    pending->id = *id;
    Hf__JobCancel cancel = HF__JOB_CANCEL__INIT;
    cancel.job = (ProtobufCBinaryData){HF_ID_SIZE, pending->id.bytes};
    cancel.who = (char *)who;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_JOB_CANCEL;
    proposal.job_cancel = &cancel;
    return s_propose(self, &proposal, pending, problem);
}

//  ---- answers

static hf_answer_t *s_answer(hf_ingress_t *self, pending_t *pending, hf_answer_kind_t kind) {
    if (self->answers_size == self->answers_capacity) {
        self->answers_capacity = self->answers_capacity ? self->answers_capacity * 2 : 64;
        self->answers = realloc(self->answers, self->answers_capacity * sizeof *self->answers);
        assert(self->answers && "out of memory");
    }
    hf_answer_t *answer = &self->answers[self->answers_size++];
    answer->tag = pending->tag;
    answer->kind = kind;
    answer->id = pending->id;
    answer->ids = pending->ids;
    answer->ids_size = pending->ids_size;
    answer->accepted_at = pending->accepted_at;
    pending->ids = NULL;
    pending->answered = true;
    return answer;
}

bool hf_ingress_take_answer(hf_ingress_t *self, hf_answer_t *answer) {
    if (self->answers_head == self->answers_size) {
        self->answers_head = self->answers_size = 0;
        return false;
    }
    *answer = self->answers[self->answers_head++];
    return true;
}

static hf_problem_t *s_refuse(hf_ingress_t *self, pending_t *pending) {
    hf_answer_t *answer = s_answer(self, pending, HF_ANSWER_REFUSED);
    free(answer->ids);
    answer->ids = NULL;
    answer->ids_size = 0;
    self->refused++;
    return &answer->problem;
}

static void s_refuse_conflict(hf_ingress_t *self, pending_t *pending, const ProtobufCBinaryData *bytes) {
    char text[HF_ID_TEXT] = "another command";
    hf_id_t id;
    if (hf_id_from(&id, bytes->data, bytes->len)) {
        hf_id_format(&id, text);
    }
    hf_problem_set(s_refuse(self, pending), HF_PROBLEM_CONFLICT, 0,
                   "This Idempotency-Key made %s from another body; take a new key for a new request.", text);
}

static void s_replayed(hf_ingress_t *self, pending_t *pending, const Hf__Result *result) {
    hf_answer_t *answer = s_answer(self, pending, HF_ANSWER_REPLAYED);
    for (size_t i = 0; i < answer->ids_size; i++) {
        if (i >= result->n_ids || !hf_id_from(&answer->ids[i], result->ids[i].data, result->ids[i].len)) {
            answer->ids[i] = (hf_id_t){{0}};
        }
    }
    hf_id_from(&answer->id, result->id.data, result->id.len);
    answer->accepted_at = result->accepted_at;
}

static void s_refuse_state(hf_ingress_t *self, pending_t *pending, uint32_t number) {
    hf_state_t state = (hf_state_t)number;
    if (pending->job) {
        hf_problem_set(s_refuse(self, pending), HF_PROBLEM_STATE, 0, "The job is %s; that is its end.",
                       hf_job_state_name((hf_job_state_t)number));
        return;
    }
    hf_problem_set(s_refuse(self, pending), HF_PROBLEM_STATE, 0, "The command is %s%s.", hf_state_name(state),
                   hf_state_is_final(state)    ? "; that is its end"
                   : state == HF_STATE_CALLING ? ": the third party is being called now, wait for the outcome"
                   : hf_state_is_open(state)   ? ": it is still under way, it can be cancelled"
                                               : ": it can be retried, discarded or resolved");
}

//  What the journal said of a proposal.
static void s_answer_result(hf_ingress_t *self, pending_t *pending, const Hf__Result *result) {
    char text[HF_ID_TEXT];
    switch (result ? (hf_result_t)result->code : HF_RESULT_DONE) {
    case HF_RESULT_DONE:
        if (pending->gated) {
            s_answer(self, pending, HF_ANSWER_GATED);
            break;
        }
        self->accepted += pending->decision ? 0 : pending->ids_size ? pending->ids_size : 1;
        s_answer(self, pending, pending->decision ? HF_ANSWER_DECIDED : HF_ANSWER_ACCEPTED);
        break;
    case HF_RESULT_REPLAYED:
        s_replayed(self, pending, result);
        break;
    case HF_RESULT_CONFLICT:
        s_refuse_conflict(self, pending, &result->id);
        break;
    case HF_RESULT_FULL:
        hf_problem_set(s_refuse(self, pending), HF_PROBLEM_FULL, 5, "%s",
                       *result->reason ? result->reason : "There is no room for new commands.");
        break;
    case HF_RESULT_MISSING:
        hf_id_format(&pending->id, text);
        hf_problem_set(s_refuse(self, pending), pending->job ? HF_PROBLEM_NO_JOB : HF_PROBLEM_NO_COMMAND, 0,
                       "No %s has the id %s.", pending->job ? "job" : "command", text);
        break;
    case HF_RESULT_FORBIDDEN:
        s_refuse_state(self, pending, result->state);
        break;
    case HF_RESULT_TOO_MANY:
        hf_problem_set(s_refuse(self, pending), HF_PROBLEM_TOO_MANY_JOBS, 0,
                       "%d jobs run; wait for one to end, or cancel one (DELETE /jobs/ID).",
                       HF_JOBS_RUNNING_MAX);
        break;
    default:
        hf_problem_set(
            s_refuse(self, pending), HF_PROBLEM_JOURNAL, 0,
            "The journal could not read the proposal: ingress and journal are of different versions.");
    }
}

//  ---- what the journal says

//  Pops all that is acknowledged; ack's results, in the order of their numbers, say what became of what was
//  not just done.
static void s_take_acknowledged(hf_ingress_t *self, const Hf__Ack *ack) {
    uint64_t number;
    void *tag;
    size_t place = 0;
    while (hf_link_pop(self->link, &number, &tag)) {
        pending_t *pending = tag;
        assert(pending == self->oldest && pending->number == number);
        while (place < ack->n_results && ack->results[place]->number < number) {
            place++;
        }
        bool told = place < ack->n_results && ack->results[place]->number == number;
        if (!pending->answered) {
            s_answer_result(self, pending, told ? ack->results[place] : NULL);
        }
        self->oldest = pending->next;
        self->newest = self->oldest ? self->newest : NULL;
        s_pending_free(pending);
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

//  ---- the journal is away

static bool s_is_overdue(const pending_t *pending, int64_t now) {
    return !pending->answered && now - pending->since >= HF_INGRESS_PATIENCE_MS;
}

size_t hf_ingress_overdue(const hf_ingress_t *self, int64_t now) {
    size_t overdue = 0;
    for (const pending_t *pending = self->oldest; pending && now - pending->since >= HF_INGRESS_PATIENCE_MS;
         pending = pending->next) {
        overdue += s_is_overdue(pending, now);
    }
    return overdue;
}

//  Looks in the file what became of a decision. 1 done, 0 not, -1 unreadable.
static int s_was_decided(hf_ingress_t *self, const pending_t *pending, hf_error_t *error) {
    Hf__State *state = NULL;
    int found = hf_store_state(self->store, &pending->id, self->arena, &state, error);
    if (found != 1) {
        return found;
    }
    for (size_t at = 0; at + HASH <= state->decision.len; at += HASH) {
        if (memcmp(state->decision.data + at, pending->nonce, HASH) == 0) {
            return 1;
        }
    }
    return 0;
}

//  Whether the destination is as it was asked for. As above.
static int s_was_gated(hf_ingress_t *self, const pending_t *pending, hf_error_t *error) {
    Hf__Destination *record = NULL;
    int found = hf_store_destination(self->store, pending->gated, self->arena, &record, error);
    bool paused = found == 1 && record->paused;
    return found < 0 ? found : paused == pending->pauses;
}

//  The same of a job. 1 done, 0 not, -1 unreadable.
static int s_was_job_done(hf_ingress_t *self, const pending_t *pending, hf_error_t *error) {
    Hf__JobProgress *progress = NULL;
    int found = hf_store_progress(self->store, &pending->id, self->arena, &progress, error);
    return found == 1 && pending->job == CANCELS_JOB ? progress->state == HF_JOB_CANCELLED : found;
}

//  What an earlier command of the same Idempotency-Key makes of a submission that did not become durable
//  itself.
static int s_settle_replay(hf_ingress_t *self, pending_t *pending, hf_error_t *error) {
    Hf__Dedupe *dedupe = NULL;
    if (!pending->idempotent || pending->ids || pending->job) {
        return 0;
    }
    int found = hf_store_dedupe(self->store, pending->idempotency, self->arena, &dedupe, error);
    if (found != 1) {
        return found;
    }
    if (dedupe->body_hash.len != HASH || memcmp(dedupe->body_hash.data, pending->body_hash, HASH) != 0) {
        s_refuse_conflict(self, pending, &dedupe->id);
        return 1;
    }
    Hf__Result result = HF__RESULT__INIT;
    result.id = dedupe->id;
    result.accepted_at = dedupe->accepted_at;
    s_replayed(self, pending, &result);
    return 1;
}

//  One of them: what the file has is accepted; the rest is made void, so that no resend can make it true, and
//  refused.
static void s_settle_one(hf_ingress_t *self, pending_t *pending, hf_error_t *error) {
    Hf__State *state = NULL;
    int found = pending->job        ? s_was_job_done(self, pending, error)
                : pending->gated    ? s_was_gated(self, pending, error)
                : pending->decision ? s_was_decided(self, pending, error)
                                    : hf_store_state(self->store, &pending->id, self->arena, &state, error);
    if (found == 1) {
        s_answer_result(self, pending, NULL);
        return;
    }
    found = found < 0 ? found : s_settle_replay(self, pending, error);
    if (found < 0) {
        return; //  Nobody knows: it goes on waiting for a journal
    }
    hf_link_void(self->link, pending->number);
    if (!found) {
        hf_problem_set(s_refuse(self, pending), HF_PROBLEM_AWAY, 1,
                       "The journal has been away for over %d ms; nothing was accepted, try again.",
                       HF_INGRESS_PATIENCE_MS);
    }
}

void hf_ingress_settle(hf_ingress_t *self, int64_t now) {
    hf_error_t error;
    if (hf_store_begin_read(self->store, &error)) {
        return;
    }
    for (pending_t *pending = self->oldest; pending && now - pending->since >= HF_INGRESS_PATIENCE_MS;
         pending = pending->next) {
        if (s_is_overdue(pending, now)) {
            s_settle_one(self, pending, &error);
            hf_arena_reset(self->arena);
        }
    }
    hf_store_end_read(self->store);
}

//  ---- the rest

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
                hf_link_unacked(self->link), self->accepted, self->refused, hf_follow_newest(self->follow),
                hf_follow_gaps(self->follow), self->foreign);
}

const hf_core_ops_t hf_ingress_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};
