/*  Happy path: a client's turn comes; it sends a request to the living ingress; ingress answers when it is
 * durable; the answer is held against the ledger; the next turn.
 *
 *  Failures: nobody listens, the life ends, the answer is lost, or patience: with an Idempotency-Key the same
 * is sent again until somebody answers, without one the client never learns what became of it.  */

#include "simulation/client.h"

#include "simulation/jobs.h"
#include "simulation/lives.h"
#include "simulation/tell.h"
#include "simulation/turns.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 4000, //  How long a client waits for an answer at most
    RETRY_MS = 200,     //  How long it waits before it asks again at most
    HALF = 500000       //  Of a million
};

//  One request on one connection.
typedef struct {
    sim_submission_t *submission; //  Or NULL: a decision
    sim_command_t *command;       //  Submission: what ingress made an id for; decision: over which
    hf_event_t event;             //  Decision: which
    hf_gate_event_t gate;         //  Pause, resume: which; NONE: another request
    int destination;              //  The same: of which destination
    enum { NO_JOB, MAKES_JOB, CANCELS_JOB } job; //  A decision over many, or its end
    Hf__Job wants_job;                           //  MAKES_JOB: what
    hf_id_t job_id;                              //  CANCELS_JOB: which
    hf_buf_t body;                               //  Decision: the new body, or empty
    uint32_t number;                             //  Of all tries
    uint32_t client;                             //  Whose
    uint32_t life;                               //  Which ingress it was sent to
    bool ended;                                  //  Nobody waits for its answer any more
    bool answered;                               //  Ingress answered it
} try_t;

typedef struct {
    sim_submission_t *wants; //  To be sent (again)
    try_t *waiting;          //  For its answer
    uint32_t turn;           //  Number of its next turn: older ones are void
} client_t;

struct sim_clients {
    client_t clients[SIM_CLIENTS]; //  All
    try_t **tries;                 //  All that were ever made
    size_t tries_size, tries_capacity;
    sim_submission_t **submissions; //  The same
    size_t submissions_size, submissions_capacity;
    sim_submission_t **batches; //  Those of them that are batches
    size_t batches_size, batches_capacity;
    sim_command_t **keys; //  By key number: the command that a key was answered with
    size_t keys_size, keys_capacity;
    int commands;  //  Submissions left
    int decisions; //  Decisions left
    bool stopped;  //  Nothing new
};

static void s_plan_turn(sim_world_t *world, uint32_t number, int64_t delay) {
    client_t *client = &world->clients->clients[number];
    sim_engine_plan(&world->engine, delay, SIM_EV_CLIENT, number, ++client->turn, NULL, 0);
}

sim_clients_t *sim_clients_new(sim_world_t *world) {
    sim_clients_t *self = hf_alloc(sizeof *self);
    world->clients = self;
    self->commands = world->plan.commands;
    self->decisions = world->plan.decisions;
    for (int i = 0; i < world->plan.clients; i++) {
        s_plan_turn(world, (uint32_t)i, sim_between(&world->engine, SIM_CLIENT, 0, 100));
    }
    return self;
}

void sim_clients_destroy(sim_clients_t **self_p) {
    sim_clients_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->tries_size; i++) {
            hf_buf_free(&self->tries[i]->body);
            free(self->tries[i]);
        }
        for (size_t i = 0; i < self->submissions_size; i++) {
            hf_buf_free(&self->submissions[i]->body);
            free(self->submissions[i]->lines);
            free(self->submissions[i]);
        }
        free(self->batches);
        free(self->tries);
        free(self->submissions);
        free(self->keys);
        free(self);
        *self_p = NULL;
    }
}

static void *s_grow(void *array, size_t size, size_t *capacity, size_t element) {
    if (size < *capacity) {
        return array;
    }
    size_t larger = *capacity ? *capacity * 2 : 64;
    array = realloc(array, larger * element);
    assert(array && "out of memory");
    memset((char *)array + *capacity * element, 0, (larger - *capacity) * element);
    *capacity = larger;
    return array;
}

//  ---- what clients want

static sim_submission_t *s_submission_new(sim_clients_t *self) {
    self->submissions = s_grow(self->submissions, self->submissions_size, &self->submissions_capacity,
                               sizeof *self->submissions);
    sim_submission_t *submission = hf_alloc(sizeof *submission);
    self->submissions[self->submissions_size++] = submission;
    submission->number = (uint32_t)self->submissions_size;
    return submission;
}

static void s_add_body(hf_buf_t *body, sim_engine_t *engine, uint32_t number, int version) {
    int64_t size = sim_between(engine, SIM_CLIENT, 0, 400);
    hf_buf_addf(
        body, "{\"instance\":\"i-%u\",\"group\":\"g-%u\",\"version\":%d,\"padding\":\"%.*s\"}", number,
        sim_turns_group(number), version, (int)size,
        "----------------------------------------------------------------------------------------------------"
        "----------------------------------------------------------------------------------------------------"
        "----------------------------------------------------------------------------------------------------"
        "---------------------------------------------------------------------------------------------------"
        "-");
}

static sim_submission_t *s_new_submission(sim_world_t *world) {
    sim_engine_t *engine = &world->engine;
    sim_submission_t *submission = s_submission_new(world->clients);
    submission->pipeline = (int)sim_between(engine, SIM_CLIENT, 0, SIM_DESTINATIONS - 1);
    s_add_body(&submission->body, engine, submission->number, 0);
    snprintf(submission->content_type, sizeof submission->content_type, "application/json");
    if (sim_chance(engine, SIM_CLIENT, world->plan.keyed)) {
        sim_clients_t *self = world->clients;
        self->keys = s_grow(self->keys, self->keys_size + 1, &self->keys_capacity, sizeof *self->keys);
        submission->key_number = (uint32_t)++self->keys_size;
        snprintf(submission->key, sizeof submission->key, "key-%u", submission->key_number);
    }
    if (submission->number % 3 == 0) {
        submission->priority[0] = (char)('0' + submission->number / 3 % HF_PRIORITIES);
    }
    int64_t wait = sim_between(engine, SIM_CLIENT, -8000, 3000);
    if (wait > 0) {
        snprintf(submission->not_before, sizeof submission->not_before, "%dms", (int)wait);
    }
    int64_t deadline = sim_between(engine, SIM_CLIENT, -10000, 5000);
    if (deadline > 500) {
        snprintf(submission->deadline, sizeof submission->deadline, "%dms",
                 (int)(deadline + (wait > 0 ? wait : 0)));
    }
    return submission;
}

//  A few lines, each a submission of its own; keyed or not.
static sim_submission_t *s_new_batch(sim_world_t *world) {
    sim_clients_t *self = world->clients;
    sim_engine_t *engine = &world->engine;
    sim_submission_t *batch = s_new_submission(world);
    hf_buf_clear(&batch->body);
    *batch->not_before = *batch->deadline = 0;
    snprintf(batch->content_type, sizeof batch->content_type, "application/x-ndjson");
    batch->lines_size = (size_t)sim_between(engine, SIM_CLIENT, 1, 4);
    batch->lines = hf_alloc(batch->lines_size * sizeof *batch->lines);
    for (size_t i = 0; i < batch->lines_size; i++) {
        sim_submission_t *line = batch->lines[i] = s_submission_new(self);
        line->pipeline = batch->pipeline;
        line->priority[0] = batch->priority[0];
        snprintf(line->content_type, sizeof line->content_type, "application/json");
        s_add_body(&line->body, engine, line->number, 0);
        hf_buf_add(&batch->body, line->body.data, line->body.size);
        hf_buf_addf(&batch->body, "\n");
    }
    self->batches = s_grow(self->batches, self->batches_size, &self->batches_capacity, sizeof *self->batches);
    self->batches[self->batches_size++] = batch;
    return batch;
}

sim_submission_t *sim_clients_batch(const sim_world_t *world, size_t number) {
    return number < world->clients->batches_size ? world->clients->batches[number] : NULL;
}

sim_submission_t *sim_clients_line(const sim_world_t *world, const void *body, size_t size) {
    const sim_clients_t *self = world->clients;
    for (size_t number = 0; number < self->batches_size; number++) {
        const sim_submission_t *batch = self->batches[number];
        for (size_t i = 0; i < batch->lines_size; i++) {
            const hf_buf_t *known = &batch->lines[i]->body;
            if (known->size == size && memcmp(known->data, body, size) == 0) {
                return batch->lines[i];
            }
        }
    }
    return NULL;
}

//  One of those with a key, or NULL.
static sim_submission_t *s_keyed_one(sim_world_t *world) {
    sim_clients_t *self = world->clients;
    if (self->submissions_size == 0) {
        return NULL;
    }
    size_t place = (size_t)sim_between(&world->engine, SIM_CLIENT, 0, (int64_t)self->submissions_size - 1);
    return self->submissions[place]->key_number ? self->submissions[place] : NULL;
}

//  The same key with another body.
static sim_submission_t *s_conflicting(sim_world_t *world, sim_submission_t *other) {
    sim_submission_t *submission = s_submission_new(world->clients);
    submission->pipeline = other->pipeline;
    submission->key_number = other->key_number;
    memcpy(submission->key, other->key, sizeof submission->key);
    memcpy(submission->content_type, other->content_type, sizeof submission->content_type);
    s_add_body(&submission->body, &world->engine, submission->number, 1);
    return submission;
}

//  ---- sending

static try_t *s_try_new(sim_world_t *world, uint32_t client) {
    sim_clients_t *self = world->clients;
    self->tries = s_grow(self->tries, self->tries_size, &self->tries_capacity, sizeof *self->tries);
    try_t *try = hf_alloc(sizeof *try);
    try->number = (uint32_t)self->tries_size;
    try->client = client;
    self->tries[self->tries_size++] = try;
    return try;
}

//  Connections stay: while a replaced ingress is still there, it may be the one that is asked.
static sim_life_t *s_ingress(sim_world_t *world) {
    sim_life_t *zombie = sim_lives_zombie(world, SIM_INGRESS);
    return zombie && sim_chance(&world->engine, SIM_CLIENT, HALF) ? zombie : world->players[SIM_INGRESS];
}

static void s_send(sim_world_t *world, try_t *try) {
    client_t *client = &world->clients->clients[try->client];
    sim_life_t *ingress = s_ingress(world);
    if (!ingress) {
        try->ended = true; //  Connection refused
        s_plan_turn(world, try->client, sim_between(&world->engine, SIM_CLIENT, 1, RETRY_MS));
        return;
    }
    client->waiting = try;
    try->life = ingress->number;
    sim_lives_put(world, ingress, (sim_item_t){.kind = SIM_ITEM_HTTP, .number = try->number});
    s_plan_turn(world, try->client, sim_between(&world->engine, SIM_CLIENT, 100, PATIENCE_MS));
}

static void s_submit(sim_world_t *world, uint32_t number, sim_submission_t *submission) {
    world->clients->clients[number].wants = submission;
    try_t *try = s_try_new(world, number);
    try->submission = submission;
    s_send(world, try);
}

//  Any command; rather one that the lifecycle lets be decided over so.
static sim_command_t *s_one_to_decide_over(sim_world_t *world, hf_event_t event) {
    const sim_ledger_t *ledger = world->ledger;
    size_t place = (size_t)sim_between(&world->engine, SIM_CLIENT, 0, (int64_t)ledger->commands_size - 1);
    bool any = sim_chance(&world->engine, SIM_CLIENT, HALF / 4);
    for (size_t i = 0; i < ledger->commands_size && !any; i++) {
        sim_command_t *command = ledger->commands[(place + i) % ledger->commands_size];
        if (hf_lifecycle_next(command->state, event) != HF_STATE_NONE) {
            return command;
        }
    }
    return ledger->commands[place];
}

static void s_decide(sim_world_t *world, uint32_t number) {
    static const hf_event_t events[] = {HF_EVENT_CANCEL, HF_EVENT_RETRY, HF_EVENT_RETRY, HF_EVENT_DISCARD,
                                        HF_EVENT_RESOLVE};
    sim_engine_t *engine = &world->engine;
    sim_ledger_t *ledger = world->ledger;
    int64_t pick = sim_between(engine, SIM_CLIENT, 0, 4);
    bool replaces = sim_chance(engine, SIM_CLIENT, HALF);
    if (ledger->commands_size == 0) {
        s_plan_turn(world, number, RETRY_MS);
        return;
    }
    try_t *try = s_try_new(world, number);
    try->event = events[pick];
    try->command = s_one_to_decide_over(world, try->event);
    if (try->event == HF_EVENT_RETRY && replaces) {
        s_add_body(&try->body, engine, try->command->submission->number, (int)try->number + 2);
    }
    s_send(world, try);
}

//  Decides over many at once, or ends such a job.
static void s_job(sim_world_t *world, uint32_t number) {
    bool cancels = sim_chance(&world->engine, SIM_CLIENT, HALF / 2);
    try_t *try = s_try_new(world, number);
    try->job = cancels && sim_jobs_pick(world, &try->job_id) ? CANCELS_JOB : MAKES_JOB;
    try->wants_job = sim_jobs_draw(world);
    s_send(world, try);
}

//  Pauses or resumes a destination.
static void s_gate(sim_world_t *world, uint32_t number, hf_gate_event_t event, int destination) {
    try_t *try = s_try_new(world, number);
    try->gate = event;
    try->destination = destination;
    s_send(world, try);
}

//  Once nothing fails any more, somebody resumes what somebody paused.
static bool s_resume_one(sim_world_t *world, uint32_t number) {
    for (int i = 0; i < SIM_DESTINATIONS; i++) {
        if (world->ledger->gates[i].paused) {
            s_gate(world, number, HF_GATE_RESUME, i);
            return true;
        }
    }
    return false;
}

static void s_begin_something(sim_world_t *world, uint32_t number) {
    sim_clients_t *self = world->clients;
    sim_engine_t *engine = &world->engine;
    bool replay = sim_chance(engine, SIM_CLIENT, world->plan.replays);
    bool conflict = sim_chance(engine, SIM_CLIENT, world->plan.conflicts);
    bool decide = sim_between(engine, SIM_CLIENT, 1, self->commands + self->decisions) > self->commands;
    bool batch = sim_chance(engine, SIM_CLIENT, HALF / 4);
    bool gate = sim_chance(engine, SIM_CLIENT, HALF / 2);
    bool pause = sim_chance(engine, SIM_CLIENT, HALF);
    bool job = sim_chance(engine, SIM_CLIENT, HALF);
    int destination = (int)sim_between(engine, SIM_CLIENT, 0, SIM_DESTINATIONS - 1);
    sim_submission_t *earlier = s_keyed_one(world);
    if (replay && earlier) {
        sim_cover(SIM_FAULT_REPLAY, world->ledger->counts);
        s_submit(world, number, earlier);
    } else if (conflict && earlier && !earlier->lines_size) {
        s_submit(world, number, s_conflicting(world, earlier));
    } else if (decide) {
        self->decisions--;
        if (gate) {
            s_gate(world, number, pause ? HF_GATE_PAUSE : HF_GATE_RESUME, destination);
        } else if (job) {
            s_job(world, number);
        } else {
            s_decide(world, number);
        }
    } else {
        self->commands--;
        s_submit(world, number, batch ? s_new_batch(world) : s_new_submission(world));
    }
}

//  What was not answered is sent again where it has a key; without one it may have been accepted, so it is
//  not.
static void s_give_up_waiting(client_t *client, bool certainly_not_accepted) {
    client->waiting->ended = true;
    client->waiting = NULL;
    if (client->wants && !client->wants->key_number && !certainly_not_accepted) {
        client->wants = NULL;
    }
}

void sim_client_turn(sim_world_t *world, uint32_t number, uint32_t turn) {
    sim_clients_t *self = world->clients;
    client_t *client = &self->clients[number];
    if (turn != client->turn) {
        return;
    }
    if (client->waiting) {
        SAY(&world->engine, "client %u no longer waits for an answer", number);
        s_give_up_waiting(client, false);
    }
    if (client->wants) {
        s_submit(world, number, client->wants);
    } else if (!self->stopped && self->commands + self->decisions > 0) {
        s_begin_something(world, number);
    } else if (self->stopped && number == 0 && !s_resume_one(world, number)) {
        s_plan_turn(world, number, RETRY_MS); //  A pause may still be under way
    }
}

void sim_clients_life_ended(sim_world_t *world, const sim_life_t *ingress) {
    for (uint32_t i = 0; i < SIM_CLIENTS; i++) {
        client_t *client = &world->clients->clients[i];
        if (client->waiting && client->waiting->life == ingress->number) {
            s_give_up_waiting(client, false);
            s_plan_turn(world, i, sim_between(&world->engine, SIM_CLIENT, 1, RETRY_MS));
        }
    }
}

void sim_clients_stop(sim_world_t *world) {
    world->clients->stopped = true;
    if (!world->clients->clients[0].waiting) {
        s_plan_turn(world, 0, 0);
    }
}

bool sim_clients_are_done(const sim_world_t *world) {
    for (uint32_t i = 0; i < SIM_CLIENTS; i++) {
        if (world->clients->clients[i].waiting || world->clients->clients[i].wants) {
            return false;
        }
    }
    for (int i = 0; i < SIM_DESTINATIONS; i++) {
        if (world->ledger->gates[i].paused) {
            return false;
        }
    }
    return true;
}

//  ---- answers

//  The answer travels back; a client that is told that nothing was accepted may try again.
static void s_tell_client(sim_world_t *world, try_t *try, bool again) {
    client_t *client = &world->clients->clients[try->client];
    bool lost = sim_chance(&world->engine, SIM_CLIENT, world->plan.answer_lost);
    if (try->ended) {
        return;
    }
    if (lost) {
        sim_cover(SIM_FAULT_ANSWER_LOST, world->ledger->counts);
        SAY(&world->engine, "          the answer is lost");
        return;
    }
    s_give_up_waiting(client, true);
    client->wants = again ? client->wants : NULL;
    s_plan_turn(world, try->client,
                sim_between(&world->engine, SIM_CLIENT, 1, world->plan.think_ms + RETRY_MS));
}

static void s_assert_one_id(sim_world_t *world, sim_submission_t *submission, sim_command_t *command) {
    if (submission->key_number) {
        sim_command_t **known = &world->clients->keys[submission->key_number];
        bool left = command->removed || (*known && (*known)->removed); //  Then the key is free again
        if (*known && *known != command && !left) {
            sim_violation(&world->engine, 1, "%s was answered with c%u, and now with c%u", submission->key,
                          (*known)->number, command->number);
        }
        *known = command;
    }
}

//  One id a line, in order; zeros where that command has left already.
static void s_batch_accepted(sim_world_t *world, try_t *try, const hf_answer_t *answer) {
    sim_submission_t *batch = try->submission;
    if (answer->ids_size != batch->lines_size) {
        sim_violation(&world->engine, 1, "a batch of %zu lines is answered with %zu ids", batch->lines_size,
                      answer->ids_size);
    }
    for (size_t i = 0; i < answer->ids_size; i++) {
        sim_command_t *command = sim_ledger_find(world->ledger, &answer->ids[i]);
        bool gone = answer->kind == HF_ANSWER_REPLAYED && !command;
        if (!gone && (!command || !command->durable || command->submission != batch->lines[i])) {
            sim_violation(&world->engine, 1,
                          "line %zu of batch %u is answered with an id that is not its own", i + 1,
                          batch->number);
        }
        if (command) {
            command->acknowledged = true;
        }
    }
    if (batch->key_number && batch->made > 1 && world->plan.keep_ms > SIM_LONG_KEEP_MS) {
        sim_violation(&world->engine, 1, "batch %u with %s was made %u times", batch->number, batch->key,
                      batch->made);
    }
    batch->refused += answer->kind == HF_ANSWER_REPLAYED; //  This try made nothing, and must not
    sim_cover(SIM_FAULT_BATCH, world->ledger->counts);
}

static void s_accepted(sim_world_t *world, try_t *try, const hf_answer_t *answer) {
    sim_command_t *command = sim_ledger_find(world->ledger, &answer->id);
    sim_submission_t *sent = try->submission;
    if (!command || !command->durable) {
        sim_violation(&world->engine, 1, "a client is told that c%u is accepted, and it is not durable",
                      command ? command->number : 0);
    }
    if (answer->kind == HF_ANSWER_ACCEPTED && command != try->command) {
        sim_violation(&world->engine, 1, "c%u is answered with the id of c%u", try->command->number,
                      command->number);
    }
    const hf_buf_t *body = &command->submission->body;
    if (body->size != sent->body.size || memcmp(body->data, sent->body.data, body->size) != 0) {
        sim_violation(&world->engine, 1, "a client is told that c%u is his, but he sent something else",
                      command->number);
    }
    command->acknowledged = true;
    try->command->refused = command != try->command;
    s_assert_one_id(world, sent, command);
}

static void s_batch_refused(sim_world_t *world, sim_submission_t *batch) {
    batch->refused++;
    if (batch->made > batch->asked - batch->refused) {
        sim_violation(&world->engine, 1, "batch %u is refused, and it is accepted", batch->number);
    }
}

static void s_command_refused(sim_world_t *world, sim_command_t *command, const hf_problem_t *problem) {
    command->refused = true;
    if (command->durable) {
        sim_violation(&world->engine, 1, "a client is told that c%u is refused (%s), and it is accepted",
                      command->number, problem->detail);
    }
}

//  Where commands leave at once, they may have left before their acknowledgement arrives; no node keeps for
//  so short a time (docs/simulation.md), so nothing is asserted of a refusal then.
static bool s_may_have_left(const sim_world_t *world, const try_t *try) {
    bool made = try->submission->lines_size ? try->submission->made > 0
                                            : try->command && try->command->removed;
    return made && world->plan.keep_ms < SIM_LONG_KEEP_MS;
}

static void s_refused(sim_world_t *world, try_t *try, const hf_problem_t *problem) {
    bool conflict = strcmp(problem->type, "idempotency-conflict") == 0;
    if (s_may_have_left(world, try)) {
        return;
    }
    if (conflict) {
        sim_cover(SIM_FAULT_CONFLICT, world->ledger->counts);
    }
    if (!conflict && problem->status != 503) {
        sim_violation(&world->engine, 1, "a sound submission is refused: %d %s: %s", problem->status,
                      problem->type, problem->detail);
    }
    if (try->submission->lines_size) {
        s_batch_refused(world, try->submission);
    } else if (try->command) {
        s_command_refused(world, try->command, problem);
    }
}

static void s_decided(sim_world_t *world, try_t *try) {
    static const sim_fault_t faults[HF_EVENTS] = {[HF_EVENT_CANCEL] = SIM_FAULT_CANCEL,
                                                  [HF_EVENT_RETRY] = SIM_FAULT_RETRY,
                                                  [HF_EVENT_DISCARD] = SIM_FAULT_DISCARD,
                                                  [HF_EVENT_RESOLVE] = SIM_FAULT_RESOLVE};
    sim_command_t *command = try->command;
    sim_cover(try->body.size ? SIM_FAULT_RETRY_BODY : faults[try->event], world->ledger->counts);
    if (++command->decided[try->event] > command->facts[try->event] - command->by_jobs[try->event]) {
        sim_violation(&world->engine, 1, "%s of c%u is answered as done %u times, and was done %u times",
                      hf_event_name(try->event), command->number, command->decided[try->event],
                      command->facts[try->event]);
    }
}

static void s_decision_refused(sim_world_t *world, try_t *try, const hf_problem_t *problem) {
    sim_command_t *command = try->command;
    if (command->removed) {
        return; //  As above
    }
    unsigned refused = ++command->refused_decisions[try->event];
    if (command->facts[try->event] - command->by_jobs[try->event] > command->asked[try->event] - refused) {
        sim_violation(&world->engine, 6, "%s of c%u is refused (%s), and was carried out",
                      hf_event_name(try->event), command->number, problem->detail);
    }
}

//  Each is answered as done when it was, or when that was true already.
static void s_gated(sim_world_t *world, try_t *try) {
    sim_gate_t *gate = &world->ledger->gates[try->destination];
    gate->answered[try->gate]++;
    if (try->gate == HF_GATE_PAUSE && gate->facts[HF_GATE_PAUSE] == 0) {
        sim_violation(&world->engine, 1, "a pause of destination %d is answered as done, and never was",
                      try->destination);
    }
}

static void s_gate_refused(sim_world_t *world, try_t *try) {
    sim_gate_t *gate = &world->ledger->gates[try->destination];
    if (++gate->refused[try->gate] + gate->facts[try->gate] > gate->asked[try->gate]) {
        sim_violation(&world->engine, 6, "destination %d: %s is refused, and was carried out",
                      try->destination, hf_gate_event_name(try->gate));
    }
}

static void s_job_answered(sim_world_t *world, const try_t *try, const hf_answer_t *answer) {
    bool cancels = try->job == CANCELS_JOB;
    if (!sim_jobs_is(world->ledger, &answer->id, cancels)) {
        sim_violation(&world->engine, 12, "a job is answered as %s, and it is not",
                      cancels ? "cancelled" : "made");
    }
    if (cancels) {
        sim_cover(SIM_FAULT_JOB_CANCELLED, world->ledger->counts);
    }
}

void sim_client_answered(sim_world_t *world, sim_life_t *ingress, const hf_answer_t *answer) {
    try_t *try = answer->tag;
    if (try->answered || try->life != ingress->number) {
        sim_violation(&world->engine, 1, "request %u is answered twice", try->number);
    }
    try->answered = true;
    sim_trace(&world->engine, 3000, try->number, answer->kind, &answer->id, sizeof answer->id);
    SAY(&world->engine, "  %s answers client %u: c%u %s %s", sim_tell_life(ingress), try->client,
        try->command ? try->command->number : 0,
        answer->kind == HF_ANSWER_ACCEPTED   ? "is accepted"
        : answer->kind == HF_ANSWER_REPLAYED ? "is a replay"
        : answer->kind == HF_ANSWER_DECIDED  ? "is decided over"
        : answer->kind == HF_ANSWER_GATED    ? "its destination is as it was asked for"
                                             : "is refused:",
        answer->kind == HF_ANSWER_REFUSED ? answer->problem.detail : "");
    bool refused = answer->kind == HF_ANSWER_REFUSED;
    if (try->submission && refused) {
        s_refused(world, try, &answer->problem);
    } else if (try->submission && try->submission->lines_size) {
        s_batch_accepted(world, try, answer);
    } else if (try->submission) {
        s_accepted(world, try, answer);
    } else if (try->gate) {
        (refused ? s_gate_refused : s_gated)(world, try);
    } else if (try->job && !refused) {
        s_job_answered(world, try, answer);
    } else if (try->job) {
        SAY(&world->engine, "          %s", answer->problem.detail);
    } else if (refused) {
        s_decision_refused(world, try, &answer->problem);
    } else {
        s_decided(world, try);
    }
    s_tell_client(world, try, refused && answer->problem.status == 503);
}

//  ---- requests

static void s_arrive_submission(sim_world_t *world, sim_life_t *ingress, try_t *try) {
    sim_submission_t *sent = try->submission;
    hf_submission_t submission = {.pipeline = world->config->pipelines[sent->pipeline]->name,
                                  .body = sent->body.data,
                                  .body_size = sent->body.size,
                                  .content_type = sent->content_type,
                                  .idempotency_key = *sent->key ? sent->key : NULL,
                                  .not_before = *sent->not_before ? sent->not_before : NULL,
                                  .deadline = *sent->deadline ? sent->deadline : NULL,
                                  .priority = *sent->priority ? sent->priority : NULL};
    hf_problem_t problem;
    hf_id_t id;
    if (sent->lines_size) {
        sent->asked++;
        SAY(&world->engine, "  %s gets submission %u of client %u%s%s: a batch of %zu",
            sim_tell_life(ingress), sent->number, try->client, *sent->key ? " with " : "", sent->key,
            sent->lines_size);
        if (hf_ingress_submit_batch(ingress->core, &submission, sim_node_now(world), try, &problem)) {
            s_refused(world, try, &problem);
            s_tell_client(world, try, true);
        }
        return;
    }
    if (hf_ingress_submit(ingress->core, &submission, sim_node_now(world), try, &id, &problem)) {
        SAY(&world->engine, "  %s refuses submission %u of client %u: %s", sim_tell_life(ingress),
            sent->number, try->client, problem.detail);
        s_refused(world, try, &problem);
        s_tell_client(world, try, true);
        return;
    }
    try->command = sim_ledger_add(world->ledger, &id, sent);
    SAY(&world->engine, "  %s gets submission %u of client %u%s%s: c%u, for %s", sim_tell_life(ingress),
        sent->number, try->client, *sent->key ? " with " : "", sent->key, try->command->number,
        world->config->destinations[sent->pipeline]->name);
}

static void s_arrive_decision(sim_world_t *world, sim_life_t *ingress, try_t *try) {
    sim_command_t *command = try->command;
    hf_problem_t problem;
    SAY(&world->engine, "  %s is asked by client %u to %s c%u%s", sim_tell_life(ingress), try->client,
        hf_event_name(try->event), command->number, try->body.size ? " with another body" : "");
    command->asked[try->event]++;
    if (hf_ingress_decide(ingress->core, &command->id, try->event, "the simulator", try->body.data,
                          try->body.size, try->body.size ? "application/json" : NULL, sim_node_now(world),
                          try, &problem)) {
        s_decision_refused(world, try, &problem);
        s_tell_client(world, try, false);
    }
}

static void s_arrive_gate(sim_world_t *world, sim_life_t *ingress, try_t *try) {
    const char *name = world->config->destinations[try->destination]->name;
    hf_problem_t problem;
    SAY(&world->engine, "  %s is asked by client %u that %s be %s", sim_tell_life(ingress), try->client, name,
        hf_gate_event_name(try->gate));
    world->ledger->gates[try->destination].asked[try->gate]++;
    if (hf_ingress_gate(ingress->core, name, try->gate, "the simulator", sim_node_now(world), try,
                        &problem)) {
        s_gate_refused(world, try);
        s_tell_client(world, try, false);
    }
}

static void s_arrive_job(sim_world_t *world, sim_life_t *ingress, try_t *try) {
    hf_problem_t problem;
    int64_t now = sim_node_now(world);
    SAY(&world->engine, "  %s is asked by client %u to %s", sim_tell_life(ingress), try->client,
        try->job == CANCELS_JOB ? "cancel a job" : hf_event_name(try->wants_job.event));
    int rc = try->job == CANCELS_JOB
                 ? hf_ingress_cancel_job(ingress->core, &try->job_id, "the simulator", now, try, &problem)
                 : hf_ingress_create_job(ingress->core, &try->wants_job, NULL, NULL, 0, now, try, &problem);
    if (rc) {
        s_tell_client(world, try, false);
    }
}

void sim_client_arrive(sim_world_t *world, sim_life_t *ingress, uint32_t number) {
    try_t *try = world->clients->tries[number];
    if (try->submission) {
        s_arrive_submission(world, ingress, try);
    } else if (try->gate) {
        s_arrive_gate(world, ingress, try);
    } else if (try->job) {
        s_arrive_job(world, ingress, try);
    } else {
        s_arrive_decision(world, ingress, try);
    }
}
