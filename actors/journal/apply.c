/*  Happy path: look the command's state up, ask the lifecycle for the next one, write state and history, make
 * a fact.
 *
 *  Whatever is repeated, late or unexpected changes nothing: each handler first says whether the proposal is
 * true already (DONE), then whether it may still become so (STALE, FORBIDDEN).
 *
 *  Order: of the commands of an ordered key one has its turn, the others are parked. Where the first loses its turn, s_change gives
 * it to the next one, in the same transaction.
 *
 *  Invariants: (1) only s_change sets a state, and only along an arrow of the lifecycle; (2) a proposal that
 * its sender repeats (batch->repeated) writes nothing, whatever has become of the command since; (3) without
 * room no new command is written, and what is written stays small.  */

#include "journal/apply.h"
#include "base/pipeline.h"
#include "journal/apply_gate.h"
#include "journal/apply_job_end.h"

#include <assert.h>
#include <string.h>

enum {
    DECISIONS_KEPT = 8, //  Newest decisions that a repeated one is recognised by: a sender repeats what is
                        //  not acknowledged
    FULL_RESPONSE =
        1 << 10, //  Bytes of an answer that are kept while the journal has no room: the reserve is for ends
};

static void *s_copy(hf_batch_t *batch, const void *data, size_t size) {
    void *copy = hf_arena_take(batch->arena, size ? size : 1);
    if (size) {
        memcpy(copy, data, size);
    }
    return copy;
}

//  The fact that follows from a state that was just reached.
static Hf__Fact *s_fact(hf_batch_t *batch, const Hf__State *state, hf_event_t event) {
    Hf__Fact *fact = hf_batch_add_fact(batch);
    fact->id = state->id;
    fact->event = event;
    fact->state = state->state;
    fact->pipeline = state->pipeline;
    fact->destination = state->destination;
    fact->key = state->key;
    fact->attempt = state->attempt;
    fact->class_ = state->class_;
    fact->http_status = state->http_status;
    fact->reason = state->reason;
    fact->due = state->due;
    fact->caller = state->caller;
    fact->caller_epoch = state->caller_epoch;
    fact->previous = state->last_fact;
    fact->accepted_at = state->accepted_at;
    fact->probe = state->probe;
    fact->inquiry = state->inquiry;
    fact->urgency = state->urgency;
    return fact;
}

static int s_release_next(hf_batch_t *batch, const Hf__State *done);

//  The one place where a command changes its state.
static int s_change(hf_batch_t *batch, const Hf__State *before, Hf__State *after, hf_event_t event) {
    hf_state_t from = before ? (hf_state_t)before->state : HF_STATE_NONE;
    after->state = hf_lifecycle_next(from, event);
    assert(after->state != HF_STATE_NONE);
    after->since = batch->now;
    after->last_fact = s_fact(batch, after, event)->seq;
    after->group = 0;
    if (after->job.len && before && before->job.len && !hf_state_is_open(after->state)) {
        int rc = hf_apply_job_ended(batch, after);
        if (rc) {
            return rc;
        }
    }
    if (hf_state_is_held(after->state) &&
        hf_store_choose_group(batch->store, after, &after->group, batch->error)) {
        return HF_STORE_FAILED;
    }
    int rc = hf_store_put_state(batch->store, before, after, batch->error);
    bool turn_is_over = before && hf_state_has_turn(before) && !hf_state_has_turn(after);
    return rc || !turn_is_over ? rc : s_release_next(batch, after);
}

//  1 found, 0 none, HF_STORE_FAILED.
static int s_state(hf_batch_t *batch, const ProtobufCBinaryData *bytes, hf_id_t *id, Hf__State **state) {
    if (!hf_id_from(id, bytes->data, bytes->len)) {
        return 0;
    }
    return hf_store_state(batch->store, id, batch->arena, state, batch->error);
}

static Hf__State *s_copy_of(hf_batch_t *batch, const Hf__State *state) {
    return s_copy(batch, state, sizeof *state);
}

//  ---- order

//  Whether another command of that ordered key has its turn: 1, 0, HF_STORE_FAILED.
static int s_is_taken(hf_batch_t *batch, const Hf__State *state) {
    hf_id_t id;
    return hf_store_turn(batch->store, state->pipeline, state->key, false, &id, batch->error);
}

//  The event by which a command joins those of its key: `free` where it may be called, else PARK.
static int s_join(hf_batch_t *batch, const Hf__State *before, Hf__State *after, hf_event_t free) {
    int taken = after->order && !(before && hf_state_has_turn(before)) ? s_is_taken(batch, after) : 0;
    if (taken < 0) {
        return taken;
    }
    if (taken) {
        after->reason = (char *)"it waits for its turn: the commands of its key are called one at a time";
    }
    return s_change(batch, before, after, taken ? HF_EVENT_PARK : free);
}

//  The next one of that key gets its turn. How long it may be tried counts from now: what it waited for was not its own doing.
static int s_release_next(hf_batch_t *batch, const Hf__State *done) {
    hf_id_t id;
    Hf__State *before = NULL;
    int found = hf_store_turn(batch->store, done->pipeline, done->key, true, &id, batch->error);
    if (found == 1) {
        found = hf_store_state(batch->store, &id, batch->arena, &before, batch->error);
        if (found == 0) {
            return hf_error_set(batch->error, "turns: an entry has no command: the journal is damaged");
        }
    }
    if (found != 1) {
        return found;
    }
    Hf__State *after = s_copy_of(batch, before);
    after->reason = (char *)"";
    after->round_at = before->due > batch->now ? before->due : batch->now;
    return s_change(batch, before, after, HF_EVENT_RELEASE);
}

//  ---- submit

static bool s_is_sound(const Hf__Command *command) {
    return command && command->id.len == HF_ID_SIZE && *command->pipeline && *command->destination &&
           strlen(command->pipeline) <= HF_NAME_MAX && strlen(command->destination) <= HF_NAME_MAX &&
           strlen(command->key) <= HF_KEY_MAX &&
           (command->idempotency.len == 0 || command->idempotency.len == 16) &&
           command->urgency >= -HF_PRIORITY_USUAL && command->urgency < HF_PRIORITIES - HF_PRIORITY_USUAL;
}

//  Whether a command that does not exist may not be made now; the result says so. One that its sender repeats
//  was refused when it came first (else it would exist): its client may have been told so, and room that came
//  since changes nothing.
static bool s_is_refused(const hf_batch_t *batch, Hf__Result *result) {
    if (batch->full || batch->repeated) {
        result->code = HF_RESULT_FULL;
        result->reason = (char *)(batch->full ? batch->full_reason : "the journal had no room");
        return true;
    }
    return false;
}

//  Whether an earlier command was made under the same Idempotency-Key: 1 and result is set, 0,
//  HF_STORE_FAILED.
static int s_replay(hf_batch_t *batch, const Hf__Command *command, Hf__Result *result) {
    Hf__Dedupe *dedupe = NULL;
    if (command->idempotency.len == 0) {
        return 0;
    }
    int found = hf_store_dedupe(batch->store, command->idempotency.data, batch->arena, &dedupe, batch->error);
    if (found != 1) {
        return found;
    }
    bool same = dedupe->body_hash.len == command->body_hash.len &&
                (command->body_hash.len == 0 ||
                 memcmp(dedupe->body_hash.data, command->body_hash.data, command->body_hash.len) == 0);
    result->code = same ? HF_RESULT_REPLAYED : HF_RESULT_CONFLICT;
    result->id = dedupe->id;
    result->accepted_at = dedupe->accepted_at;
    return 1;
}

static int s_accept(hf_batch_t *batch, const Hf__Command *command) {
    Hf__State *state = hf_arena_take(batch->arena, sizeof *state);
    hf__state__init(state);
    state->id = command->id;
    state->due = command->not_before ? command->not_before : command->accepted_at;
    state->pipeline = command->pipeline;
    state->destination = command->destination;
    state->key = command->key;
    state->accepted_at = command->accepted_at;
    state->deadline = command->deadline;
    state->round_at = state->due;
    state->order = command->ordered ? batch->next_fact : 0; //  The fact of its acceptance is the next one
    state->urgency = command->urgency;
    int rc = hf_store_put_command(batch->store, command, batch->error);
    if (!rc && command->idempotency.len) {
        Hf__Dedupe dedupe = HF__DEDUPE__INIT;
        dedupe.id = command->id;
        dedupe.body_hash = command->body_hash;
        dedupe.accepted_at = command->accepted_at;
        rc = hf_store_put_dedupe(batch->store, command->idempotency.data, &dedupe, batch->error);
    }
    return rc ? rc : s_join(batch, NULL, state, HF_EVENT_SUBMIT);
}

static int s_submit(hf_batch_t *batch, const Hf__Submit *submit, Hf__Result *result) {
    const Hf__Command *command = submit->command;
    if (!s_is_sound(command)) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    hf_id_t id;
    Hf__State *state = NULL;
    int found = s_state(batch, &command->id, &id, &state);
    if (found) {
        return found == 1 ? 0 : found; //  Repeated: it is durable already
    }
    found = s_replay(batch, command, result);
    if (found) {
        return found == 1 ? 0 : found;
    }
    if (s_is_refused(batch, result)) {
        return 0;
    }
    return s_accept(batch, command);
}

//  Finds the commands that an earlier batch made under the same Idempotency-Key: 1 and result is set, 0,
//  HF_STORE_FAILED.
static int s_replay_batch(hf_batch_t *batch, const Hf__SubmitBatch *submit, Hf__Result *result) {
    size_t replayed = 0;
    ProtobufCBinaryData *ids = hf_arena_take(batch->arena, submit->n_commands * sizeof *ids);
    for (size_t i = 0; i < submit->n_commands; i++) {
        int found = s_replay(batch, submit->commands[i], result);
        if (found < 0 || (found && result->code == HF_RESULT_CONFLICT)) {
            return found;
        }
        ids[i] = found ? result->id : (ProtobufCBinaryData){0, NULL};
        replayed += (size_t)found;
    }
    if (replayed) {
        result->ids = ids;
        result->n_ids = submit->n_commands;
    }
    return replayed > 0;
}

//  Whether each is sound, and no id comes twice: they ascend, as their maker makes them.
static bool s_are_sound(const Hf__SubmitBatch *submit) {
    for (size_t i = 0; i < submit->n_commands; i++) {
        const Hf__Command *command = submit->commands[i];
        if (!s_is_sound(command) ||
            (i > 0 && memcmp(submit->commands[i - 1]->id.data, command->id.data, HF_ID_SIZE) >= 0)) {
            return false;
        }
    }
    return submit->n_commands > 0;
}

//  1 all are there, 0 none is, -1 failed; where only some are, the result says that this cannot be.
static int s_find_batch(hf_batch_t *batch, const Hf__SubmitBatch *submit, Hf__Result *result) {
    size_t there = 0;
    for (size_t i = 0; i < submit->n_commands; i++) {
        hf_id_t id;
        Hf__State *state = NULL;
        int found = s_state(batch, &submit->commands[i]->id, &id, &state);
        if (found < 0) {
            return found;
        }
        there += (size_t)found;
    }
    if (there > 0 && there < submit->n_commands) {
        result->code = HF_RESULT_MALFORMED;
    }
    return there > 0;
}

//  All or none: every command is looked at before the first is written.
static int s_submit_batch(hf_batch_t *batch, const Hf__SubmitBatch *submit, Hf__Result *result) {
    if (!s_are_sound(submit)) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    int found = s_find_batch(batch, submit, result);
    if (found) {
        return found == 1 ? 0 : found; //  Repeated: all of it is durable already
    }
    found = s_replay_batch(batch, submit, result);
    if (found) {
        return found == 1 ? 0 : found;
    }
    if (s_is_refused(batch, result)) {
        return 0;
    }
    int rc = 0;
    for (size_t i = 0; i < submit->n_commands && !rc; i++) {
        rc = s_accept(batch, submit->commands[i]);
    }
    return rc;
}

//  ---- attempts

static int s_start(hf_batch_t *batch, const Hf__Start *start, Hf__Result *result) {
    hf_id_t id;
    Hf__State *before = NULL;
    int found = s_state(batch, &start->id, &id, &before);
    if (found < 0) {
        return found;
    }
    if (found && before->state == HF_STATE_CALLING && before->attempt == start->attempt &&
        before->caller_epoch == start->caller_epoch) {
        return 0;
    }
    if (!found || batch->repeated || !start->caller_epoch || before->attempt + 1 != start->attempt ||
        hf_lifecycle_next(before->state, HF_EVENT_START) == HF_STATE_NONE) {
        result->code = HF_RESULT_STALE;
        return 0;
    }
    Hf__State *after = s_copy_of(batch, before);
    after->attempt = start->attempt;
    after->caller = start->caller;
    after->caller_epoch = start->caller_epoch;
    after->due = 0;
    after->delay = 0;
    after->retry_after = 0;
    int may = hf_apply_gate_start(batch, after);
    if (may <= 0) {
        result->code = HF_RESULT_STALE;
        return may;
    }
    return s_change(batch, before, after, HF_EVENT_START);
}

//  One that is no longer among the newest leaves, unless a person's edit is in it.
static int s_forget_entry(hf_batch_t *batch, const hf_id_t *id, Hf__State *state, uint32_t number) {
    Hf__History *entry = NULL;
    int found = hf_store_history(batch->store, id, number, batch->arena, &entry, batch->error);
    if (found != 1) {
        return found ? found
                     : hf_error_set(batch->error, "history: an entry is missing: the journal is damaged");
    }
    if (entry->entry_case == HF__HISTORY__ENTRY_DECISION && entry->decision->body_replaced) {
        return 0;
    }
    state->left_out++;
    return hf_store_delete_history(batch->store, id, number, batch->error);
}

static int s_add_history(hf_batch_t *batch, const hf_id_t *id, Hf__State *state, const Hf__History *entry) {
    uint32_t number = state->entries++;
    int rc = hf_store_put_history(batch->store, id, number, entry, batch->error);
    return rc || number < HF_HISTORY_FIRST + HF_HISTORY_NEWEST
               ? rc
               : s_forget_entry(batch, id, state, number - HF_HISTORY_NEWEST);
}

//  What the end of an attempt tells of the command. A call tells by its class. An inquiry tells that the call before it was carried out
//  (any 2xx), or was not and never will be (a whole 404); whatever else comes of it leaves that as unknown as it was.
static void s_learn_end(const Hf__State *before, Hf__State *after, Hf__Attempt *attempt) {
    bool answered = attempt->class_ == HF_CLASS_FAILED || attempt->class_ == HF_CLASS_REJECTED;
    after->class_ = attempt->class_;
    after->http_status = attempt->http_status;
    after->reason = attempt->reason;
    after->retry_after = attempt->retry_after;
    after->crashes += attempt->suspect ? 1 : 0;
    attempt->inquiry = before->inquiry;
    after->unasked = attempt->unasked;
    after->inquiries = before->inquiry ? before->inquiries + (attempt->unasked ? 0 : 1) : 0;
    if (before->inquiry && attempt->class_ != HF_CLASS_SUCCEEDED) {
        after->class_ = answered && attempt->http_status == 404 ? HF_CLASS_FAILED : HF_CLASS_UNCERTAIN;
    }
}

static int s_outcome(hf_batch_t *batch, const Hf__Outcome *outcome, Hf__Result *result) {
    hf_id_t id;
    Hf__State *before = NULL;
    Hf__Attempt *attempt = outcome->attempt;
    int found = s_state(batch, &outcome->id, &id, &before);
    if (found < 0) {
        return found;
    }
    if (!found || batch->repeated || !attempt || before->state != HF_STATE_CALLING ||
        before->attempt != attempt->number || before->caller_epoch != outcome->caller_epoch) {
        result->code = HF_RESULT_STALE;
        return 0;
    }
    if (attempt->class_ == HF_CLASS_NONE || attempt->class_ >= HF_CLASSES) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    if (batch->full && attempt->response.len > FULL_RESPONSE) {
        attempt->response.len = FULL_RESPONSE;
        attempt->response_cut = true;
    }
    Hf__State *after = s_copy_of(batch, before);
    s_learn_end(before, after, attempt);
    Hf__History entry = HF__HISTORY__INIT;
    entry.entry_case = HF__HISTORY__ENTRY_ATTEMPT;
    entry.attempt = attempt;
    attempt->started_at = attempt->started_at ? attempt->started_at : before->since;
    attempt->ended_at = batch->now;
    int rc = s_add_history(batch, &id, after, &entry);
    hf_event_t event = attempt->class_ == HF_CLASS_SUCCEEDED ? HF_EVENT_SUCCEED : HF_EVENT_FAIL;
    bool free = before->inquiry || attempt->unasked || hf_gate_is_free_of_charge(before, attempt);
    after->round_attempt += free ? 1 : 0;
    size_t place = batch->facts_size; //  Of its fact: the next one of its key may be released behind it
    rc = rc ? rc : s_change(batch, before, after, event);
    if (rc) {
        return rc;
    }
    batch->facts[place]->took_us = attempt->total_us;
    batch->facts[place]->class_ =
        attempt->class_; //  How the destination did, whatever an inquiry tells of the command
    return hf_apply_gate_outcome(batch, before, attempt);
}

static bool s_is_verdict(uint32_t event) {
    return event == HF_EVENT_RETRY_AT || event == HF_EVENT_HOLD || event == HF_EVENT_GIVE_UP ||
           event == HF_EVENT_EXPIRE;
}

static int s_verdict(hf_batch_t *batch, const Hf__Verdict *verdict, Hf__Result *result) {
    hf_id_t id;
    Hf__State *before = NULL;
    int found = s_state(batch, &verdict->id, &id, &before);
    if (found < 0) {
        return found;
    }
    if (!s_is_verdict(verdict->event)) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    bool outrun = found && verdict->last_fact && verdict->last_fact != before->last_fact;
    if (!found || batch->repeated || outrun || before->attempt != verdict->attempt ||
        hf_lifecycle_next(before->state, verdict->event) == HF_STATE_NONE) {
        result->code = HF_RESULT_STALE;
        return 0;
    }
    Hf__State *after = s_copy_of(batch, before);
    after->due = verdict->event == HF_EVENT_RETRY_AT ? verdict->due : 0;
    after->delay = verdict->event == HF_EVENT_RETRY_AT ? verdict->delay : 0;
    after->inquiry = verdict->event == HF_EVENT_RETRY_AT && verdict->inquire;
    after->reason = *verdict->reason ? verdict->reason : before->reason;
    after->overtaken = verdict->overtake && before->order &&
                       (verdict->event == HF_EVENT_HOLD || verdict->event == HF_EVENT_GIVE_UP);
    return s_change(batch, before, after, verdict->event);
}

//  ---- what people decide

//  A new round: attempts and the retry deadline count anew; an own deadline that has passed no longer holds.
static void s_begin_round(hf_batch_t *batch, Hf__State *state) {
    state->due = batch->now;
    state->round_attempt = state->attempt;
    state->round_at = batch->now;
    state->crashes = 0;
    state->inquiry = false;
    state->inquiries = 0;
    state->overtaken = false;
    state->reason = (char *)"";
    if (state->deadline && state->deadline <= batch->now) {
        state->deadline = 0;
    }
}

static int s_replace_body(hf_batch_t *batch, const hf_id_t *id, const Hf__Decide *decide,
                          Hf__Decision *entry) {
    Hf__Command *command = NULL;
    int found = hf_store_command(batch->store, id, batch->arena, &command, batch->error);
    if (found != 1) {
        return found ? found
                     : hf_error_set(batch->error, "commands: a record is missing: the journal is damaged");
    }
    entry->body_replaced = true;
    entry->old_body = command->body;
    entry->old_content_type = command->content_type;
    command->body = decide->body;
    command->content_type = *decide->content_type ? decide->content_type : command->content_type;
    return hf_store_put_command(batch->store, command, batch->error);
}

//  Whether that decision was carried out before: a state keeps the newest ones, 16 bytes each, the newest
//  last.
static bool s_is_carried_out(const Hf__State *state, const ProtobufCBinaryData *decision) {
    for (size_t at = 0; at + HF_ID_SIZE <= state->decision.len; at += HF_ID_SIZE) {
        if (memcmp(state->decision.data + at, decision->data, HF_ID_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

static void s_remember(hf_batch_t *batch, Hf__State *state, const ProtobufCBinaryData *decision) {
    size_t most = (DECISIONS_KEPT - 1) * HF_ID_SIZE;
    size_t kept = state->decision.len < most ? state->decision.len : most;
    uint8_t *decisions = hf_arena_take(batch->arena, kept + HF_ID_SIZE);
    if (kept) {
        memcpy(decisions, state->decision.data + state->decision.len - kept, kept);
    }
    memcpy(decisions + kept, decision->data, HF_ID_SIZE);
    state->decision = (ProtobufCBinaryData){kept + HF_ID_SIZE, decisions};
}

int hf_apply_decision(hf_batch_t *batch, const hf_id_t *id, const Hf__State *before, const Hf__Decide *decide,
                      const Hf__Job *job) {
    Hf__State *after = s_copy_of(batch, before);
    s_remember(batch, after, &decide->decision);
    after->due = 0;
    Hf__Decision decision = HF__DECISION__INIT;
    decision.at = batch->now;
    decision.what = (char *)hf_event_name(decide->event);
    decision.who = decide->who;
    decision.job = job ? job->id : decision.job;
    int rc = 0;
    if (decide->event == HF_EVENT_RESOLVE) {
        after->reason = (char *)""; //  Why it was dead or uncertain is in its history
    }
    if (decide->event == HF_EVENT_RETRY) {
        s_begin_round(batch, after);
        after->job = job ? job->id : after->job;
        rc = decide->replace_body ? s_replace_body(batch, id, decide, &decision) : 0;
    }
    Hf__History entry = HF__HISTORY__INIT;
    entry.entry_case = HF__HISTORY__ENTRY_DECISION;
    entry.decision = &decision;
    rc = rc ? rc : s_add_history(batch, id, after, &entry);
    if (!rc && decide->event == HF_EVENT_RETRY) {
        return s_join(batch, before, after, HF_EVENT_RETRY);
    }
    return rc ? rc : s_change(batch, before, after, decide->event);
}

static bool s_is_decision(uint32_t event) {
    return event == HF_EVENT_CANCEL || event == HF_EVENT_RETRY || event == HF_EVENT_DISCARD ||
           event == HF_EVENT_RESOLVE;
}

static int s_decide(hf_batch_t *batch, const Hf__Decide *decide, Hf__Result *result) {
    hf_id_t id;
    Hf__State *before = NULL;
    int found = s_state(batch, &decide->id, &id, &before);
    if (found < 0) {
        return found;
    }
    if (!s_is_decision(decide->event) || decide->decision.len != HF_ID_SIZE) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    if (!found) {
        result->code = HF_RESULT_MISSING;
        return 0;
    }
    if (s_is_carried_out(before, &decide->decision)) {
        return 0;
    }
    if (batch->repeated || hf_lifecycle_next(before->state, decide->event) == HF_STATE_NONE) {
        result->code = HF_RESULT_FORBIDDEN;
        result->state = before->state;
        return 0;
    }
    return hf_apply_decision(batch, &id, before, decide, NULL);
}

int hf_apply_command(hf_batch_t *batch, const Hf__Proposal *proposal, Hf__Result *result) {
    switch (proposal->what_case) {
    case HF__PROPOSAL__WHAT_SUBMIT:
        return s_submit(batch, proposal->submit, result);
    case HF__PROPOSAL__WHAT_SUBMIT_BATCH:
        return s_submit_batch(batch, proposal->submit_batch, result);
    case HF__PROPOSAL__WHAT_START:
        return s_start(batch, proposal->start, result);
    case HF__PROPOSAL__WHAT_OUTCOME:
        return s_outcome(batch, proposal->outcome, result);
    case HF__PROPOSAL__WHAT_VERDICT:
        return s_verdict(batch, proposal->verdict, result);
    case HF__PROPOSAL__WHAT_DECIDE:
        return s_decide(batch, proposal->decide, result);
    default:
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
}
