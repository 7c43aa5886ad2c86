/*  Happy path: the journal hears proposals; its commit returns; the new facts are read from the file, each is
 * held against the lifecycle, against the proposal that must explain it and against what the third party
 * knows; the file's counts are held against ours. Publications, answers and calls are then held against the
 * facts.  */

#include "simulation/ledger.h"

#include "link/wire.h"
#include "simulation/client.h"
#include "simulation/jobs.h"
#include "simulation/tell.h"
#include "simulation/turns.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

//  A proposal that the journal heard.
struct sim_said {
    const char *sender;     //  Who
    uint64_t sender_epoch;  //  In which life
    uint64_t number;        //  Its number
    Hf__Proposal *proposal; //  What, NULL: made void
    bool used;              //  It explains a fact
};

//  What is kept of each fact, so that followers can be held against it.
struct sim_fact {
    sim_command_t *command; //  About whom
    uint32_t event, state, attempt;
};

sim_ledger_t *sim_ledger_new(sim_world_t *world) {
    sim_ledger_t *self = hf_alloc(sizeof *self);
    self->world = world;
    self->arena = hf_arena_new(64 << 10);
    self->said_arena = hf_arena_new(64 << 10);
    self->index = hf_id_map_new();
    self->store = hf_store_share(world->environment);
    return self;
}

void sim_ledger_destroy(sim_ledger_t **self_p) {
    sim_ledger_t *self = *self_p;
    if (self) {
        for (size_t i = 0; i < self->commands_size; i++) {
            hf_buf_free(&self->commands[i]->body);
            free(self->commands[i]->attempts);
            free(self->commands[i]);
        }
        free(self->commands);
        free(self->facts);
        free(self->said);
        free(self->jobs.members);
        hf_id_map_destroy(&self->index);
        hf_arena_destroy(&self->arena);
        hf_arena_destroy(&self->said_arena);
        hf_store_close(&self->store);
        free(self);
        *self_p = NULL;
    }
}

void sim_ledger_reopen(sim_ledger_t *self) {
    self->store = hf_store_share(self->world->environment);
}

//  Makes room for one more element; returns the array.
static void *s_room(void *array, size_t size, size_t *capacity, size_t element) {
    if (size < *capacity) {
        return array;
    }
    *capacity = *capacity ? *capacity * 2 : 64;
    array = realloc(array, *capacity * element);
    assert(array && "out of memory");
    return array;
}

sim_command_t *sim_ledger_add(sim_ledger_t *self, const hf_id_t *id, sim_submission_t *submission) {
    if (hf_id_map_get(self->index, id)) {
        sim_violation(&self->world->engine, 1, "ingress made the same id twice");
    }
    self->commands = s_room(self->commands, self->commands_size, &self->commands_capacity,
                            sizeof *self->commands);
    sim_command_t *command = hf_alloc(sizeof *command);
    command->id = *id;
    command->submission = submission;
    self->commands[self->commands_size++] = command;
    command->number = (uint32_t)self->commands_size;
    hf_id_map_put(self->index, id, command);
    hf_buf_add(&command->body, submission->body.data, submission->body.size);
    return command;
}

sim_command_t *sim_ledger_find(const sim_ledger_t *self, const hf_id_t *id) {
    return hf_id_map_get(self->index, id);
}

sim_attempt_t *sim_ledger_attempt(sim_command_t *command, uint32_t number) {
    if (number >= command->attempts_size) {
        size_t size = number + 8;
        command->attempts = realloc(command->attempts, size * sizeof *command->attempts);
        assert(command->attempts && "out of memory");
        memset(command->attempts + command->attempts_size, 0,
               (size - command->attempts_size) * sizeof *command->attempts);
        command->attempts_size = size;
    }
    return &command->attempts[number];
}

static sim_command_t *s_command(const sim_ledger_t *self, const ProtobufCBinaryData *bytes) {
    hf_id_t id;
    return hf_id_from(&id, bytes->data, bytes->len) ? sim_ledger_find(self, &id) : NULL;
}

static void s_begin_read(sim_ledger_t *self) {
    hf_error_t error;
    if (hf_store_begin_read(self->store, &error)) {
        sim_violation(&self->world->engine, 0, "the file cannot be read: %s", error.text);
    }
}

static void s_end_read(sim_ledger_t *self) {
    hf_store_end_read(self->store);
    hf_arena_reset(self->arena);
}

//  ---- what the journal hears

//  The newest durable life of a sender.
static uint64_t s_sender_epoch(sim_ledger_t *self, const char *name) {
    Hf__Sender *sender = NULL;
    s_begin_read(self);
    int found = hf_store_sender(self->store, name, self->arena, &sender, NULL);
    uint64_t epoch = found == 1 ? sender->epoch : 0;
    s_end_read(self);
    return epoch;
}

//  Ingress tells the ids of a batch only with its answer: they are met here first.
static void s_meet_batch(sim_ledger_t *self, const Hf__SubmitBatch *batch) {
    for (size_t i = 0; i < batch->n_commands; i++) {
        const Hf__Command *command = batch->commands[i];
        hf_id_t id;
        if (hf_id_from(&id, command->id.data, command->id.len) && !sim_ledger_find(self, &id)) {
            sim_submission_t *line = sim_clients_line(self->world, command->body.data, command->body.len);
            if (line) {
                sim_ledger_add(self, &id, line);
            }
        }
    }
}

//  Only what an older life says cannot explain a fact any more; that is not kept.
void sim_ledger_heard(sim_ledger_t *self, const void *data, size_t size) {
    ProtobufCAllocator *allocator = hf_arena_allocator(self->said_arena);
    const sim_life_t *journal = self->world->players[SIM_JOURNAL];
    Hf__Proposals *message = hf__proposals__unpack(allocator, size, data);
    if (!message || message->sender_epoch == 0 || message->journal_epoch != hf_journal_epoch(journal->core) ||
        message->sender_epoch < s_sender_epoch(self, message->sender)) {
        return;
    }
    for (size_t i = 0; i < message->n_proposals; i++) {
        self->said = s_room(self->said, self->said_size, &self->said_capacity, sizeof *self->said);
        const ProtobufCBinaryData *bytes = &message->proposals[i];
        Hf__Proposal *proposal = bytes->len ? hf__proposal__unpack(allocator, bytes->len, bytes->data) : NULL;
        if (proposal && proposal->what_case == HF__PROPOSAL__WHAT_SUBMIT_BATCH) {
            s_meet_batch(self, proposal->submit_batch);
        }
        self->said[self->said_size++] = (struct sim_said){.sender = message->sender,
                                                          .sender_epoch = message->sender_epoch,
                                                          .number = message->first + i,
                                                          .proposal = proposal};
    }
}

void sim_ledger_forget(sim_ledger_t *self) {
    self->said_size = 0;
    hf_arena_reset(self->said_arena);
}

static bool s_is_id(const ProtobufCBinaryData *bytes, const hf_id_t *id) {
    return bytes->len == HF_ID_SIZE && memcmp(bytes->data, id->bytes, HF_ID_SIZE) == 0;
}

static bool s_has_id(const Hf__SubmitBatch *batch, const hf_id_t *id) {
    for (size_t i = 0; i < batch->n_commands; i++) {
        if (s_is_id(&batch->commands[i]->id, id)) {
            return true;
        }
    }
    return false;
}

//  What was wanted of a command that is parked instead of accepted, because it waits for its turn; else the fact's event.
static hf_event_t s_wanted(const Hf__Fact *fact) {
    hf_event_t joins = fact->previous ? HF_EVENT_RETRY : HF_EVENT_SUBMIT;
    return fact->event == HF_EVENT_PARK ? joins : (hf_event_t)fact->event;
}

static bool s_is_item(const Hf__JobStep *step, const hf_id_t *id) {
    for (size_t i = 0; i < step->n_items; i++) {
        if (s_is_id(&step->items[i]->id, id)) {
            return true;
        }
    }
    return false;
}

//  Whether this proposal may have led to that fact.
static bool s_explains(const sim_ledger_t *self, const Hf__Proposal *proposal, const Hf__Fact *fact,
                       const sim_command_t *command) {
    hf_event_t event = s_wanted(fact);
    const hf_id_t *id = &command->id;
    switch (proposal->what_case) {
    case HF__PROPOSAL__WHAT_SUBMIT:
        return event == HF_EVENT_SUBMIT && s_is_id(&proposal->submit->command->id, id);
    case HF__PROPOSAL__WHAT_SUBMIT_BATCH:
        return event == HF_EVENT_SUBMIT && s_has_id(proposal->submit_batch, id);
    case HF__PROPOSAL__WHAT_START:
        return fact->event == HF_EVENT_START && s_is_id(&proposal->start->id, id) &&
               proposal->start->attempt == fact->attempt &&
               proposal->start->caller_epoch == fact->caller_epoch;
    case HF__PROPOSAL__WHAT_OUTCOME:
        return (fact->event == HF_EVENT_SUCCEED || fact->event == HF_EVENT_FAIL) &&
               s_is_id(&proposal->outcome->id, id) && proposal->outcome->attempt->number == fact->attempt &&
               proposal->outcome->caller_epoch == fact->caller_epoch &&
               proposal->outcome->attempt->class_ == fact->class_;
    case HF__PROPOSAL__WHAT_VERDICT:
        return fact->event == proposal->verdict->event && s_is_id(&proposal->verdict->id, id) &&
               proposal->verdict->attempt == fact->attempt;
    case HF__PROPOSAL__WHAT_DECIDE:
        return event == (hf_event_t)proposal->decide->event && s_is_id(&proposal->decide->id, id);
    case HF__PROPOSAL__WHAT_JOB_STEP:
        return s_is_item(proposal->job_step, id) && sim_jobs_explains(self, proposal->job_step, event);
    default:
        return false;
    }
}

//  A batch and a step make many facts.
static bool s_makes_many(const Hf__Proposal *proposal) {
    return proposal->what_case == HF__PROPOSAL__WHAT_SUBMIT_BATCH ||
           proposal->what_case == HF__PROPOSAL__WHAT_JOB_STEP;
}

static void s_assert_explained(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    if (fact->event == HF_EVENT_RELEASE) {
        return; //  It follows from another command's end: sim_turns_learn looks
    }
    for (size_t i = 0; i < self->said_size; i++) {
        struct sim_said *said = &self->said[i];
        if (!said->used && said->proposal && s_explains(self, said->proposal, fact, command)) {
            said->used = !s_makes_many(said->proposal);
            if (said->proposal->what_case == HF__PROPOSAL__WHAT_JOB_STEP) {
                sim_jobs_decided(self, said->proposal->job_step, fact, command);
                command->by_jobs[s_wanted(fact)]++;
            }
            return;
        }
    }
    sim_violation(&self->world->engine, 6,
                  "fact %" PRIu64 " (c%u %s) follows from no proposal of a current life", fact->seq,
                  command->number, hf_event_name(fact->event));
}

//  ---- what becomes true

static int s_destination(const sim_command_t *command) {
    return command->submission->pipeline; //  Pipeline n leads to destination n
}

static const hf_pipeline_t *s_pipeline(const sim_ledger_t *self, const sim_command_t *command) {
    return self->world->config->pipelines[command->submission->pipeline];
}

//  What stands in the file must be what the client sent, and what it may have been replaced by.
static void s_assert_body(sim_ledger_t *self, sim_command_t *command) {
    Hf__Command *record = NULL;
    hf_error_t error;
    const sim_submission_t *sent = command->submission;
    if (hf_store_command(self->store, &command->id, self->arena, &record, &error) != 1) {
        sim_violation(&self->world->engine, 1, "the record of c%u cannot be read", command->number);
    }
    int priority = *sent->priority ? *sent->priority - '0' : s_pipeline(self, command)->priority;
    bool same = hf_priority(record->urgency) == priority && record->body.len == command->body.size &&
                memcmp(record->body.data, command->body.data, command->body.size) == 0;
    if (!same || strcmp(record->content_type, sent->content_type) != 0 ||
        strcmp(record->pipeline, s_pipeline(self, command)->name) != 0) {
        sim_violation(&self->world->engine, 1, "c%u is not in the journal as it was sent", command->number);
    }
}

//  The round after a person's retry may have another body: the one that was asked for.
static void s_take_body(sim_ledger_t *self, sim_command_t *command) {
    Hf__Command *record = NULL;
    if (hf_store_command(self->store, &command->id, self->arena, &record, NULL) != 1) {
        sim_violation(&self->world->engine, 1, "the record of c%u cannot be read", command->number);
    }
    for (size_t i = 0; i < self->said_size; i++) {
        const Hf__Proposal *proposal = self->said[i].proposal;
        ProtobufCBinaryData body;
        if (proposal && proposal->what_case == HF__PROPOSAL__WHAT_JOB_STEP &&
            sim_jobs_body(proposal->job_step, command, &body) && body.len == record->body.len &&
            memcmp(body.data, record->body.data, body.len) == 0) {
            hf_buf_clear(&command->body);
            hf_buf_add(&command->body, body.data, body.len);
        }
        const Hf__Decide *decide = proposal && proposal->what_case == HF__PROPOSAL__WHAT_DECIDE
                                       ? proposal->decide
                                       : NULL;
        if (decide && decide->replace_body && decide->event == HF_EVENT_RETRY &&
            s_is_id(&decide->id, &command->id) && decide->body.len == record->body.len &&
            memcmp(decide->body.data, record->body.data, record->body.len) == 0) {
            hf_buf_clear(&command->body);
            hf_buf_add(&command->body, record->body.data, record->body.len);
        }
    }
    s_assert_body(self, command);
}

static void s_learn_submit(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    (void)fact;
    if (command->refused) {
        sim_violation(&self->world->engine, 1, "c%u was refused to its client, and is now accepted",
                      command->number);
    }
    command->durable = true;
    command->submission->made++;
    s_assert_body(self, command);
}

static void s_learn_start(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    const sim_engine_t *engine = &self->world->engine;
    const hf_pipeline_t *pipeline = s_pipeline(self, command);
    if (fact->attempt != command->attempt + 1) {
        sim_violation(engine, 4, "c%u starts attempt %u after attempt %u", command->number, fact->attempt,
                      command->attempt);
    }
    command->attempt = fact->attempt;
    command->probe = fact->probe;
    command->inquiry = fact->inquiry;
    sim_gate_started(&self->gates[s_destination(command)], self->world, fact);
    uint32_t done = command->attempt - command->round_attempt;
    if (pipeline->retry_attempts && !command->inquiry && done > (uint32_t)pipeline->retry_attempts) {
        sim_violation(engine, 4, "c%u starts attempt %u of this round, %d are allowed", command->number, done,
                      pipeline->retry_attempts);
    }
    if (command->answered) {
        sim_violation(engine, 4, "c%u is called again though its success is durable", command->number);
    }
    if (command->inquiry && (!command->unknown || !pipeline->destination->probe)) {
        sim_violation(engine, 4, "c%u asks what became of it, though %s", command->number,
                      command->unknown ? "there is nowhere to ask" : "that is known");
    }
    if (!command->inquiry && command->unknown && pipeline->destination->probe) {
        sim_violation(engine, 4, "c%u is called again instead of asking what became of it", command->number);
    }
    if (!command->inquiry && command->unknown &&
        pipeline->destination->on_uncertain == HF_ON_UNCERTAIN_HOLD) {
        sim_violation(engine, 4,
                      "c%u is called again though its outcome is unknown and its destination holds",
                      command->number);
    }
    if (++self->started[s_destination(command)] > (unsigned)pipeline->destination->concurrency) {
        sim_cover(SIM_FAULT_AHEAD, self->counts);
    }
}

//  It counts from when a caller begins it until it is answered well, or its end is known.
static void s_take_place(sim_ledger_t *self, const sim_command_t *command, sim_attempt_t *attempt) {
    const hf_destination_t *destination = s_pipeline(self, command)->destination;
    attempt->placed = true;
    if (++self->calling[s_destination(command)] > (unsigned)destination->concurrency) {
        sim_violation(&self->world->engine, 10, "%u commands of %s are called at once, %d are allowed",
                      self->calling[s_destination(command)], destination->name, destination->concurrency);
    }
}

static void s_give_place(sim_ledger_t *self, const sim_command_t *command, sim_attempt_t *attempt) {
    self->calling[s_destination(command)] -= attempt->placed;
    attempt->placed = false;
}

void sim_ledger_delivered(sim_ledger_t *self, sim_command_t *command, uint32_t number) {
    sim_attempt_t *attempt = sim_ledger_attempt(command, number);
    attempt->delivered = true;
    if (attempt->expected == HF_CLASS_SUCCEEDED) {
        s_give_place(self, command, attempt);
    }
}

static void s_learn_end(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    const sim_engine_t *engine = &self->world->engine;
    sim_attempt_t *attempt = sim_ledger_attempt(command, fact->attempt);
    s_give_place(self, command, attempt);
    self->started[s_destination(command)]--;
    sim_gate_ended(&self->gates[s_destination(command)], self->world, fact);
    bool never_asked = fact->class_ == HF_CLASS_REFUSED && attempt->calls == 0;
    command->never_asked = never_asked;
    if (never_asked) {
        sim_cover(SIM_FAULT_GIVEN_BACK, self->counts);
    }
    if (command->inquiry || never_asked ||
        (command->probe && !self->gates[s_destination(command)].probe_well)) {
        command->round_attempt++; //  It was no call, was not made, or for the destination's sake
    }
    if (command->inquiry && attempt->delivered && fact->http_status == 404) {
        command->unknown = false;
    }
    if (command->inquiry) {
        sim_cover(fact->event == HF_EVENT_SUCCEED ? SIM_FAULT_ASKED_DONE
                  : command->unknown              ? SIM_FAULT_ASKED_UNKNOWN
                                                  : SIM_FAULT_ASKED_NOT_DONE,
                  self->counts);
    }
    command->answered = command->answered || fact->class_ == HF_CLASS_SUCCEEDED;
    if (fact->event == HF_EVENT_SUCCEED && (!attempt->delivered || attempt->expected != HF_CLASS_SUCCEEDED)) {
        sim_violation(engine, 5, "c%u succeeded, but the third party did not say so to its attempt %u",
                      command->number, fact->attempt);
    }
    if (fact->class_ == HF_CLASS_UNCERTAIN) {
        command->unknown = true;
        if (attempt->expected != HF_CLASS_UNCERTAIN) {
            sim_cover(SIM_FAULT_ATTEMPT_LOST, self->counts);
        }
        return;
    }
    if (fact->class_ == HF_CLASS_REFUSED && attempt->sent) {
        sim_violation(engine, 3, "attempt %u of c%u counts as never sent, but the third party got it",
                      fact->attempt, command->number);
    }
    if (!never_asked && (!attempt->delivered || attempt->expected != fact->class_)) {
        sim_violation(engine, 3, "attempt %u of c%u ended as %s, the third party's answer was %s",
                      fact->attempt, command->number, hf_class_name(fact->class_),
                      hf_class_name(attempt->expected));
    }
}

static void s_learn_event(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    const sim_engine_t *engine = &self->world->engine;
    hf_event_t event = s_wanted(fact);
    switch (event) {
    case HF_EVENT_SUBMIT:
        s_learn_submit(self, fact, command);
        break;
    case HF_EVENT_START:
        s_learn_start(self, fact, command);
        break;
    case HF_EVENT_SUCCEED:
    case HF_EVENT_FAIL:
        s_learn_end(self, fact, command);
        break;
    case HF_EVENT_RETRY:
        command->round_attempt = command->attempt;
        command->unknown = false;
        command->executed = 0;
        s_take_body(self, command);
        break;
    case HF_EVENT_GIVE_UP:
        if (command->state != HF_STATE_DECIDING) {
            sim_violation(engine, 6, "c%u is given up while it is %s: that verdict was over another round",
                          command->number, hf_state_name(command->state));
        }
        if (command->never_asked) {
            sim_violation(engine, 6, "c%u is given up though nobody was asked to make its attempt %u",
                          command->number, command->attempt);
        }
        break;
    default:
        break;
    }
    unsigned refused = command->refused_decisions[event];
    if (event >= HF_EVENT_CANCEL && event <= HF_EVENT_RESOLVE &&
        command->facts[event] - command->by_jobs[event] > command->asked[event] - refused) {
        sim_violation(
            engine, 6, "%s of c%u was carried out %u times, asked for %u times, of these %u refused",
            hf_event_name(event), command->number, command->facts[event], command->asked[event], refused);
    }
}

static void s_assert_reason(sim_ledger_t *self, const Hf__Fact *fact, const sim_command_t *command) {
    bool wants_reason = fact->state == HF_STATE_WAITING || fact->state == HF_STATE_DEAD ||
                        fact->state == HF_STATE_UNCERTAIN || fact->state == HF_STATE_EXPIRED ||
                        fact->state == HF_STATE_PARKED;
    if (wants_reason && !*fact->reason) {
        sim_violation(&self->world->engine, 2, "c%u is %s without a reason", command->number,
                      hf_state_name(fact->state));
    }
    if ((fact->state == HF_STATE_WAITING || fact->state == HF_STATE_ACCEPTED) && fact->due <= 0) {
        sim_violation(&self->world->engine, 2, "c%u is %s without a due time", command->number,
                      hf_state_name(fact->state));
    }
}

//  The destination's number; the simulator's names end in it.
int sim_ledger_destination(const sim_ledger_t *self, const char *name) {
    int number = hf_config_destination_number(self->world->config, name);
    if (number < 0) {
        sim_violation(&self->world->engine, 1, "destination '%s' is none", name);
    }
    return number;
}

//  Whether somebody said this of that destination; failure of circuits that open, dispatch of circuits that close, ingress of the rest.
static bool s_is_gate_said(sim_ledger_t *self, const Hf__Fact *fact) {
    const char *who = fact->event == HF_GATE_OPEN    ? "failure"
                      : fact->event == HF_GATE_CLOSE ? "dispatch"
                                                     : "ingress";
    for (size_t i = 0; i < self->said_size; i++) {
        struct sim_said *said = &self->said[i];
        if (!said->used && said->proposal && said->proposal->what_case == HF__PROPOSAL__WHAT_GATE &&
            said->proposal->gate->event == fact->event && strcmp(said->sender, who) == 0 &&
            strcmp(said->proposal->gate->destination, fact->destination) == 0) {
            said->used = true;
            return true;
        }
    }
    return false;
}

static void s_keep_fact(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    self->newest = fact->seq;
    self->facts = s_room(self->facts, fact->seq - 1, &self->facts_capacity, sizeof *self->facts);
    self->facts[fact->seq - 1] = (struct sim_fact){command, fact->event, fact->state, fact->attempt};
}

static void s_learn_gate(sim_ledger_t *self, const Hf__Fact *fact) {
    int number = sim_ledger_destination(self, fact->destination);
    SAY(&self->world->engine, "          durable: fact %" PRIu64 ", %s %s (%s)", fact->seq, fact->destination,
        hf_gate_event_name(fact->event), fact->reason);
    sim_gate_learn(&self->gates[number], self->world, fact, s_is_gate_said(self, fact));
    s_keep_fact(self, fact, NULL);
}

static bool s_learn(void *context, const Hf__Fact *fact) {
    sim_ledger_t *self = context;
    const sim_engine_t *engine = &self->world->engine;
    sim_command_t *command = s_command(self, &fact->id);
    if (fact->seq != self->newest + 1) {
        sim_violation(engine, 9, "fact %" PRIu64 " follows fact %" PRIu64, fact->seq, self->newest);
    }
    if (fact->id.len == 0) {
        s_learn_gate(self, fact);
        return true;
    }
    if (!command) {
        sim_violation(engine, 1, "fact %" PRIu64 " is about a command that nobody submitted", fact->seq);
    }
    SAY(engine, "          durable: fact %" PRIu64 ", c%u %s, is %s%s%s%s", fact->seq, command->number,
        hf_event_name(fact->event), hf_state_name(fact->state), *fact->reason ? " (" : "", fact->reason,
        *fact->reason ? ")" : "");
    if (fact->state != hf_lifecycle_next(command->state, fact->event) || fact->state == HF_STATE_NONE) {
        sim_violation(engine, 1, "c%u was %s; %s cannot make it %s", command->number,
                      hf_state_name(command->state), hf_event_name(fact->event), hf_state_name(fact->state));
    }
    if (fact->previous != command->last_fact) {
        sim_violation(engine, 9,
                      "fact %" PRIu64 " of c%u says that %" PRIu64 " came before, but it was %" PRIu64,
                      fact->seq, command->number, fact->previous, command->last_fact);
    }
    s_assert_explained(self, fact, command);
    s_assert_reason(self, fact, command);
    sim_turns_learn(self, fact, command);
    command->facts[s_wanted(fact)]++;
    s_learn_event(self, fact, command);
    self->counts[command->state] -= command->state != HF_STATE_NONE;
    self->counts[fact->state]++;
    command->state = fact->state;
    command->since = fact->at;
    command->last_fact = fact->seq;
    s_keep_fact(self, fact, command);
    return true;
}

//  ---- what leaves, and counts

//  Finished commands may leave once they are older than `keep`.
static void s_look_for_removed(sim_ledger_t *self) {
    for (size_t i = 0; i < self->commands_size; i++) {
        sim_command_t *command = self->commands[i];
        Hf__State *state = NULL;
        bool may_leave = command->durable && !command->removed && hf_state_is_final(command->state) &&
                         command->since < sim_node_now(self->world) - self->world->plan.keep_ms;
        if (may_leave && hf_store_state(self->store, &command->id, self->arena, &state, NULL) == 0) {
            sim_cover(SIM_FAULT_TRIMMED, self->counts);
            command->removed = true;
            self->counts[command->state]--;
            self->removed++;
        }
    }
}

typedef struct {
    unsigned counts[HF_STATES]; //  As the file has them
} counted_t;

static void s_on_count(void *context, const char *destination, hf_state_t state, uint64_t count) {
    counted_t *counted = context;
    (void)destination;
    counted->counts[state] += (unsigned)count;
}

//  The first state whose count is not ours, or HF_STATE_NONE.
static hf_state_t s_miscounted(sim_ledger_t *self, counted_t *counted) {
    hf_error_t error;
    *counted = (counted_t){{0}};
    if (hf_store_walk_counts(self->store, s_on_count, counted, &error)) {
        sim_violation(&self->world->engine, 9, "the counts cannot be read: %s", error.text);
    }
    for (unsigned state = 1; state < HF_STATES; state++) {
        if (counted->counts[state] != self->counts[state]) {
            return state;
        }
    }
    return HF_STATE_NONE;
}

static void s_assert_counts(sim_ledger_t *self) {
    counted_t counted;
    if (s_miscounted(self, &counted) == HF_STATE_NONE) {
        return;
    }
    s_look_for_removed(self);
    hf_state_t state = s_miscounted(self, &counted);
    if (state != HF_STATE_NONE) {
        sim_violation(&self->world->engine, 9,
                      "the journal counts %u commands in state %u (%s), there are %u", counted.counts[state],
                      state, hf_state_name(state), self->counts[state]);
    }
}

//  All or none, and none that was refused.
static void s_assert_batches(sim_ledger_t *self) {
    for (size_t number = 0; sim_clients_batch(self->world, number); number++) {
        sim_submission_t *batch = sim_clients_batch(self->world, number);
        batch->made = batch->lines[0]->made;
        for (size_t i = 1; i < batch->lines_size; i++) {
            if (batch->lines[i]->made != batch->made) {
                sim_violation(&self->world->engine, 1,
                              "submission %u is a batch, and only a part of it is durable", batch->number);
            }
        }
        if (batch->made > batch->asked - batch->refused && self->world->plan.keep_ms > SIM_LONG_KEEP_MS) {
            sim_violation(&self->world->engine, 1,
                          "submission %u is accepted %u times, sent %u times, of these %u refused",
                          batch->number, batch->made, batch->asked, batch->refused);
        }
    }
}

void sim_ledger_committed(sim_ledger_t *self) {
    hf_error_t error;
    s_begin_read(self);
    int64_t next = hf_store_facts(self->store, self->newest + 1, self->arena, s_learn, self, &error);
    if (next < 0 || (uint64_t)next != self->newest + 1) {
        sim_violation(&self->world->engine, 9, "facts behind %" PRIu64 " cannot be read", self->newest);
    }
    s_assert_counts(self);
    s_end_read(self);
    s_assert_batches(self);
    sim_turns_committed(self);
}

//  ---- what the journal publishes

static void s_assert_published_facts(sim_ledger_t *self, const Hf__Facts *facts) {
    for (size_t i = 0; i < facts->n_facts; i++) {
        const Hf__Fact *fact = facts->facts[i];
        if (fact->seq > self->newest) {
            sim_violation(&self->world->engine, 8,
                          "fact %" PRIu64 " is published, %" PRIu64 " is the newest durable one", fact->seq,
                          self->newest);
        }
        const struct sim_fact *known = &self->facts[fact->seq - 1];
        if (known->command != s_command(self, &fact->id) || known->event != fact->event ||
            known->state != fact->state) {
            sim_violation(&self->world->engine, 8,
                          "fact %" PRIu64 " is published otherwise than it stands in the file", fact->seq);
        }
    }
}

static bool s_is_batch_done(const sim_ledger_t *self, const Hf__SubmitBatch *batch) {
    for (size_t i = 0; i < batch->n_commands; i++) {
        const sim_command_t *command = s_command(self, &batch->commands[i]->id);
        if (!command || !command->durable) {
            return false;
        }
    }
    return true;
}

//  Whether what was answered as done is durable.
static bool s_is_done(sim_ledger_t *self, const Hf__Proposal *proposal) {
    const sim_command_t *command;
    switch (proposal->what_case) {
    case HF__PROPOSAL__WHAT_SUBMIT:
        command = s_command(self, &proposal->submit->command->id);
        return command && command->durable;
    case HF__PROPOSAL__WHAT_SUBMIT_BATCH:
        return s_is_batch_done(self, proposal->submit_batch);
    case HF__PROPOSAL__WHAT_START:
        command = s_command(self, &proposal->start->id);
        return command && command->attempt >= proposal->start->attempt;
    case HF__PROPOSAL__WHAT_OUTCOME:
        command = s_command(self, &proposal->outcome->id);
        return command && command->attempt == proposal->outcome->attempt->number &&
               command->state != HF_STATE_CALLING;
    case HF__PROPOSAL__WHAT_VERDICT:
        command = s_command(self, &proposal->verdict->id);
        return command && command->facts[proposal->verdict->event] > 0;
    case HF__PROPOSAL__WHAT_DECIDE:
        command = s_command(self, &proposal->decide->id);
        return command && command->facts[proposal->decide->event] > 0;
    case HF__PROPOSAL__WHAT_JOB_CREATE:
    case HF__PROPOSAL__WHAT_JOB_STEP:
    case HF__PROPOSAL__WHAT_JOB_CANCEL:
        return sim_jobs_is_done(self, proposal);
    case HF__PROPOSAL__WHAT_GATE:
        return true; //  To pause what is paused is done already: clients look whether theirs was
    default:
        return false;
    }
}

static void s_assert_answer(sim_ledger_t *self, const struct sim_said *said, const Hf__Result *result) {
    const sim_command_t *replayed = result && !result->n_ids ? s_command(self, &result->id) : NULL;
    bool batch = result && result->n_ids; //  Of which some may be gone already
    bool fine = !result                              ? s_is_done(self, said->proposal)
                : result->code == HF_RESULT_REPLAYED ? batch || (replayed && replayed->durable)
                                                     : true;
    if (!fine) {
        sim_violation(&self->world->engine, 1,
                      "the journal acknowledges proposal %" PRIu64 " of %s, which is not durable",
                      said->number, said->sender);
    }
}

static void s_assert_published_ack(sim_ledger_t *self, const Hf__Ack *ack, const char *name) {
    uint64_t covered = ack->applied ? ack->applied - ack->first + 1 : 0;
    uint64_t known = 0;
    for (size_t i = 0; i < self->said_size && covered; i++) {
        const struct sim_said *said = &self->said[i];
        if (said->number < ack->first || said->number > ack->applied ||
            said->sender_epoch != ack->sender_epoch || strcmp(said->sender, name) != 0) {
            continue;
        }
        known++;
        if (said->proposal) {
            s_assert_answer(self, said, hf_result_find(ack, said->number));
        }
    }
    if (known < covered) {
        sim_violation(&self->world->engine, 8,
                      "the journal acknowledges to %s what it did not hear in this commit", name);
    }
}

void sim_ledger_published(sim_ledger_t *self, const void *data, size_t size) {
    hf_publication_t publication;
    if (!hf_publication_read(&publication, data, size, self->arena)) {
        sim_violation(&self->world->engine, 8, "the journal publishes what cannot be read");
    }
    if (publication.facts) {
        s_assert_published_facts(self, publication.facts);
    } else if (publication.ack) {
        s_assert_published_ack(self, publication.ack, (const char *)data + 2);
    } else if (publication.beat->newest_fact > self->newest) {
        sim_violation(&self->world->engine, 8,
                      "a beat names fact %" PRIu64 ", %" PRIu64 " is the newest durable one",
                      publication.beat->newest_fact, self->newest);
    }
    hf_arena_reset(self->arena);
}

//  ---- what followers and callers do

//  Whether the file no longer keeps that fact.
static bool s_is_gone(sim_ledger_t *self, uint64_t seq) {
    Hf__Fact *fact = NULL;
    s_begin_read(self);
    bool gone = hf_store_fact(self->store, seq, self->arena, &fact, NULL) == 0;
    s_end_read(self);
    return gone;
}

void sim_ledger_followed_number(sim_ledger_t *self, sim_life_t *life, uint64_t seq) {
    const sim_engine_t *engine = &self->world->engine;
    if (seq == 0 || seq > self->newest) {
        sim_violation(engine, 9, "life %u follows fact %" PRIu64 ", which is not durable", life->number, seq);
    }
    if (seq != life->followed + 1 && s_is_gone(self, life->followed + 1)) {
        sim_cover(SIM_FAULT_REBUILT, self->counts);
    } else if (seq != life->followed + 1) {
        sim_violation(engine, 9, "life %u follows fact %" PRIu64 " after fact %" PRIu64, life->number, seq,
                      life->followed);
    }
    life->followed = seq;
}

void sim_ledger_followed(sim_ledger_t *self, sim_life_t *life, const Hf__Fact *fact) {
    sim_ledger_followed_number(self, life, fact->seq);
    const struct sim_fact *known = &self->facts[fact->seq - 1];
    if (known->command != s_command(self, &fact->id) || known->event != fact->event ||
        known->state != fact->state || known->attempt != fact->attempt) {
        sim_violation(&self->world->engine, 9,
                      "life %u follows fact %" PRIu64 " otherwise than it stands in the file", life->number,
                      fact->seq);
    }
}

void sim_ledger_called(sim_ledger_t *self, sim_command_t *command, uint32_t number, const void *body,
                       size_t size) {
    const sim_engine_t *engine = &self->world->engine;
    sim_attempt_t *attempt = sim_ledger_attempt(command, number);
    if (command->state != HF_STATE_CALLING || command->attempt != number) {
        sim_violation(engine, command->state == HF_STATE_SUCCEEDED ? 4 : 3,
                      "attempt %u of c%u is called, but the command is %s at attempt %u", number,
                      command->number, hf_state_name(command->state), command->attempt);
    }
    sim_turns_called(self, command);
    if (++attempt->calls > 1) {
        sim_violation(engine, 4, "attempt %u of c%u is called %u times", number, command->number,
                      attempt->calls);
    } else {
        s_take_place(self, command, attempt);
    }
    if (command->inquiry ? size > 0
                         : size != command->body.size || memcmp(body, command->body.data, size) != 0) {
        sim_violation(engine, 3, "attempt %u of c%u carries another body than was accepted", number,
                      command->number);
    }
}

//  ---- at rest

unsigned sim_ledger_open(const sim_ledger_t *self) {
    unsigned open = 0;
    for (size_t i = 0; i < self->commands_size; i++) {
        const sim_command_t *command = self->commands[i];
        open += hf_state_is_open(command->state) && !sim_turns_is_blocked(self, command);
    }
    return open;
}

static void s_scan_history(sim_ledger_t *self, sim_command_t *command, const Hf__State *state) {
    Hf__History *entry = NULL;
    uint32_t attempts = 0;
    for (uint32_t i = 0; i < state->entries; i++) {
        if (hf_store_history(self->store, &command->id, i, self->arena, &entry, NULL) != 1 ||
            entry->entry_case != HF__HISTORY__ENTRY_ATTEMPT) {
            continue; //  Left out, or a decision
        }
        bool cut = state->left_out && i >= HF_HISTORY_FIRST;
        attempts = cut ? entry->attempt->number : attempts + 1;
        if (entry->attempt->number != attempts) {
            sim_violation(&self->world->engine, 3, "the history of c%u has attempt %u where %u is expected",
                          command->number, entry->attempt->number, attempts);
        }
    }
    if (attempts != command->attempt) {
        sim_violation(&self->world->engine, 3, "the history of c%u has %u attempts, %u were started",
                      command->number, attempts, command->attempt);
    }
}

static void s_scan_command(sim_ledger_t *self, sim_command_t *command) {
    Hf__State *state = NULL;
    hf_error_t error;
    int found = hf_store_state(self->store, &command->id, self->arena, &state, &error);
    if (found != (command->durable && !command->removed)) {
        sim_violation(&self->world->engine, 1, "c%u is%s in the journal, and should%s be (acknowledged: %d)",
                      command->number, found ? "" : " not", found ? " not" : "", command->acknowledged);
    }
    if (found) {
        if (state->state != command->state || state->attempt != command->attempt ||
            state->last_fact != command->last_fact || state->since != command->since ||
            state->order != (sim_turns_apply(self, command) ? command->order : 0) ||
            state->overtaken != command->overtaken) {
            sim_violation(&self->world->engine, 9, "the state of c%u is not the one that its facts led to",
                          command->number);
        }
        s_assert_body(self, command);
        s_scan_history(self, command, state);
    }
    hf_arena_reset(self->arena);
}

static void s_on_problem(void *context, const char *problem) {
    sim_ledger_t *self = context;
    sim_violation(&self->world->engine, 1, "verify: %s", problem);
}

void sim_ledger_scan(sim_ledger_t *self) {
    hf_error_t error;
    s_begin_read(self);
    for (size_t i = 0; i < self->commands_size; i++) {
        s_scan_command(self, self->commands[i]);
    }
    s_assert_counts(self);
    sim_jobs_scan(self);
    s_end_read(self);
    if (hf_store_verify(self->store, s_on_problem, self, &error) != 0) {
        sim_violation(&self->world->engine, 1, "verify: %s", error.text);
    }
}
