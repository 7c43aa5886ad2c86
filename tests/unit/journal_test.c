/*  The journal against proposals as they come over a network that doubles, delays and loses: what becomes
 * true, what changes nothing, and what is answered.  */

#include "unit/journal_world.h"

#include <sys/stat.h>

static uint64_t s_newest(const world_t *world) {
    return hf_journal_newest_fact(world->journal);
}

//  The proposal by which that event would come about.
static Hf__Proposal *s_event(world_t *world, const peer_t *peer, const hf_id_t *id, hf_event_t event) {
    Hf__State *state = w_state(world, id);
    switch (event) {
    case HF_EVENT_START:
        return w_start(world, id, state->attempt + 1, peer->epoch);
    case HF_EVENT_SUCCEED:
        return w_outcome(world, id, state->attempt, peer->epoch, HF_CLASS_SUCCEEDED);
    case HF_EVENT_FAIL:
        return w_outcome(world, id, state->attempt, peer->epoch, HF_CLASS_FAILED);
    case HF_EVENT_RETRY_AT:
    case HF_EVENT_HOLD:
    case HF_EVENT_GIVE_UP:
    case HF_EVENT_EXPIRE:
        return w_verdict(world, id, state->attempt, event);
    default:
        return w_decide(world, id, event);
    }
}

//  ---- the lifecycle

static void every_arrow_leads_where_it_should_and_no_other_event_changes_anything(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    (void)state;
    for (unsigned from = HF_STATE_ACCEPTED; from < HF_STATES; from++) {
        for (unsigned event = HF_EVENT_START; event <= HF_EVENT_RESOLVE; event++) {
            hf_id_t id = w_bring_to(world, &peer, (hf_state_t)from);
            hf_state_t to = hf_lifecycle_next((hf_state_t)from, (hf_event_t)event);
            Hf__State before = *w_state(world, &id);
            uint64_t newest = s_newest(world);
            uint32_t code = w_propose(world, &peer, s_event(world, &peer, &id, (hf_event_t)event));
            Hf__State *after = w_state(world, &id);
            if (to != HF_STATE_NONE) {
                assert_int_equal(code, HF_RESULT_DONE);
                assert_int_equal(after->state, to);
                assert_int_equal(s_newest(world), newest + 1);
                assert_int_equal(after->last_fact, newest + 1);
                assert_int_equal(world->facts[world->facts_size - 1]->previous, before.last_fact);
                assert_int_equal(world->facts[world->facts_size - 1]->event, event);
            } else {
                assert_int_not_equal(code, HF_RESULT_DONE);
                assert_int_equal(after->state, from);
                assert_int_equal(after->last_fact, before.last_fact);
                assert_int_equal(after->entries, before.entries);
                assert_int_equal(s_newest(world), newest);
            }
            w_clear(world);
        }
    }
    w_verify(world);
    w_destroy(world);
}

//  Said under a new number: its sender does not know that it was said before. Only what the state tells can
//  protect.
static void whatever_is_said_twice_happens_once(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    (void)state;
    for (unsigned from = HF_STATE_ACCEPTED; from < HF_STATES; from++) {
        for (unsigned event = HF_EVENT_START; event <= HF_EVENT_RESOLVE; event++) {
            if (hf_lifecycle_next((hf_state_t)from, (hf_event_t)event) == HF_STATE_NONE) {
                continue;
            }
            hf_id_t id = w_bring_to(world, &peer, (hf_state_t)from);
            Hf__Proposal *proposal = s_event(world, &peer, &id, (hf_event_t)event);
            assert_done(world, &peer, proposal);
            Hf__State once = *w_state(world, &id);
            uint32_t code = w_propose(world, &peer, proposal);
            Hf__State *twice = w_state(world, &id);
            assert_true(code == HF_RESULT_DONE || code == HF_RESULT_STALE);
            assert_int_equal(twice->state, once.state);
            assert_int_equal(twice->last_fact, once.last_fact);
            assert_int_equal(twice->entries, once.entries);
            w_clear(world);
        }
    }
    w_verify(world);
    w_destroy(world);
}

//  Repeated under its old number, by a sender whose acknowledgement was lost, when time has gone on: also
//  after the journal began a new life. What a late GIVE_UP would do to a command that a person has begun anew
//  is why numbers count.
static void a_repeated_number_changes_nothing_whatever_has_happened_since(void **state) {
    (void)state;
    for (int new_life = 0; new_life < 2; new_life++) {
        for (unsigned event = HF_EVENT_HOLD; event <= HF_EVENT_EXPIRE; event++) {
            world_t *world = w_new(MAP);
            peer_t failure = w_peer(world, "failure", 1), people = w_peer(world, "ingress", 1);
            hf_id_t id = w_bring_to(world, &people, HF_STATE_DECIDING);
            Hf__Proposal *verdict = w_verdict(world, &id, 1, (hf_event_t)event);
            assert_done(world, &failure, verdict);
            w_propose(world, &people, w_decide(world, &id, HF_EVENT_RETRY));
            uint32_t now = w_state(world, &id)->state;
            uint64_t newest = s_newest(world);
            if (new_life) {
                w_new_journal(world);
                w_send_hello(world, &failure);
                w_commit(world);
            }
            assert_int_equal(w_propose_as(world, &failure, 1, verdict, NULL), HF_RESULT_STALE);
            assert_state(world, &id, now);
            assert_int_equal(s_newest(world), newest);
            w_verify(world);
            w_destroy(world);
        }
    }
}

static void a_verdict_over_what_has_changed_since_it_was_looked_at_is_stale(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "dispatch", 1);
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_DEAD);
    Hf__Proposal *expire = w_verdict(world, &id, 1, HF_EVENT_EXPIRE);
    expire->verdict->last_fact = w_state(world, &id)->last_fact;
    assert_done(world, &peer, w_decide(world, &id, HF_EVENT_RETRY));
    assert_int_equal(w_propose(world, &peer, expire), HF_RESULT_STALE);
    assert_state(world, &id, HF_STATE_ACCEPTED);
    expire->verdict->last_fact = w_state(world, &id)->last_fact;
    assert_done(world, &peer, expire);
    w_destroy(world);
}

//  ---- submitting

static void a_submission_is_durable_byte_for_byte_when_it_is_acknowledged(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id;
    (void)state;
    Hf__Proposal *submit = w_submit(world, &id);
    submit->submit->command->body = w_bytes(world, "\0\xff\n", 3);
    submit->submit->command->not_before = world->now + 5000;
    submit->submit->command->deadline = world->now + 9000;
    assert_done(world, &peer, submit);
    w_new_journal(world);
    Hf__Command *command = w_command(world, &id);
    assert_int_equal(command->body.len, 3);
    assert_memory_equal(command->body.data, "\0\xff\n", 3);
    assert_string_equal(command->content_type, "application/json");
    assert_int_equal(w_state(world, &id)->due, world->now + 5000);
    assert_int_equal(w_state(world, &id)->deadline, world->now + 9000);
    w_verify(world);
    w_destroy(world);
}

static void one_idempotency_key_makes_one_command(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    const Hf__Result *result;
    hf_id_t first, id;
    (void)state;
    Hf__Proposal *submit = w_submit(world, &first);
    submit->submit->command->idempotency = w_bytes(world, "kkkkkkkkkkkkkkkk", 16);
    submit->submit->command->body_hash = w_bytes(world, "bbbbbbbbbbbbbbbb", 16);
    assert_done(world, &peer, submit);
    int64_t accepted_at = world->now;
    world->now += 1000;
    Hf__Proposal *again = w_submit(world, &id);
    again->submit->command->idempotency = w_bytes(world, "kkkkkkkkkkkkkkkk", 16);
    again->submit->command->body_hash = w_bytes(world, "bbbbbbbbbbbbbbbb", 16);
    assert_int_equal(w_propose_as(world, &peer, peer.next++, again, &result), HF_RESULT_REPLAYED);
    assert_memory_equal(result->id.data, first.bytes, 16);
    assert_int_equal(result->accepted_at, accepted_at);
    assert_int_equal(w_propose_as(world, &peer, peer.next - 1, again, NULL), HF_RESULT_REPLAYED);
    again->submit->command->body_hash = w_bytes(world, "cccccccccccccccc", 16);
    assert_int_equal(w_propose(world, &peer, again), HF_RESULT_CONFLICT);
    assert_int_equal(w_count(world, "d", HF_STATE_ACCEPTED), 1);
    assert_null(w_state(world, &id));
    w_verify(world);
    w_destroy(world);
}

static Hf__Proposal *s_batch(world_t *world, hf_id_t *ids, size_t size) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_SUBMIT_BATCH);
    proposal->submit_batch = w_make(world, &hf__submit_batch__descriptor);
    proposal->submit_batch->n_commands = size;
    proposal->submit_batch->commands = hf_arena_take(world->arena,
                                                     size * sizeof *proposal->submit_batch->commands);
    for (size_t i = 0; i < size; i++) {
        proposal->submit_batch->commands[i] = w_submit(world, &ids[i])->submit->command;
    }
    return proposal;
}

static void a_batch_is_accepted_whole_or_not_at_all(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t ids[10];
    (void)state;
    Hf__Proposal *batch = s_batch(world, ids, 10);
    assert_done(world, &peer, batch);
    assert_done(world, &peer, batch);
    assert_int_equal(w_count(world, "d", HF_STATE_ACCEPTED), 10);
    batch = s_batch(world, ids, 10);
    batch->submit_batch->commands[9]->pipeline = (char *)"";
    assert_int_equal(w_propose(world, &peer, batch), HF_RESULT_MALFORMED);
    batch = s_batch(world, ids, 10);
    batch->submit_batch->commands[9]->id = batch->submit_batch->commands[2]->id;
    assert_int_equal(w_propose(world, &peer, batch), HF_RESULT_MALFORMED);
    hf_journal_set_full(world->journal, "no room");
    assert_int_equal(w_propose(world, &peer, s_batch(world, ids, 10)), HF_RESULT_FULL);
    assert_int_equal(w_propose(world, &peer, s_batch(world, ids, 0)), HF_RESULT_MALFORMED);
    assert_int_equal(w_count(world, "d", HF_STATE_ACCEPTED), 10);
    w_verify(world);
    w_destroy(world);
}

static void what_is_unsound_is_refused_and_changes_nothing(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    char longer[300];
    hf_id_t id;
    (void)state;
    memset(longer, 'x', sizeof longer);
    longer[299] = 0;
    for (int wrong = 0; wrong < 7; wrong++) {
        Hf__Proposal *submit = w_submit(world, &id);
        Hf__Command *command = submit->submit->command;
        command->id.len = wrong == 0 ? 15 : 16;
        command->pipeline = wrong == 1 ? longer : wrong == 2 ? (char *)"" : command->pipeline;
        command->destination = wrong == 3 ? longer : command->destination;
        command->key = wrong == 4 ? longer : command->key;
        command->idempotency = wrong == 5 ? w_bytes(world, "short", 5) : command->idempotency;
        submit->submit->command = wrong == 6 ? NULL : command;
        assert_int_equal(w_propose(world, &peer, submit), HF_RESULT_MALFORMED);
    }
    hf_id_t calling = w_bring_to(world, &peer, HF_STATE_CALLING);
    uint64_t newest = s_newest(world);
    Hf__Proposal *outcome = w_outcome(world, &calling, 1, peer.epoch, (hf_class_t)77);
    assert_int_equal(w_propose(world, &peer, outcome), HF_RESULT_MALFORMED);
    outcome->outcome->attempt = NULL;
    assert_int_equal(w_propose(world, &peer, outcome), HF_RESULT_STALE);
    Hf__Proposal *verdict = w_verdict(world, &calling, 1, (hf_event_t)99);
    assert_int_equal(w_propose(world, &peer, verdict), HF_RESULT_MALFORMED);
    Hf__Proposal *decide = w_decide(world, &calling, HF_EVENT_START);
    assert_int_equal(w_propose(world, &peer, decide), HF_RESULT_MALFORMED);
    decide = w_decide(world, &calling, HF_EVENT_CANCEL);
    decide->decide->decision.len = 3;
    assert_int_equal(w_propose(world, &peer, decide), HF_RESULT_MALFORMED);
    assert_done(world, &peer, w_take_proposal(world, HF__PROPOSAL__WHAT__NOT_SET)); //  Void
    assert_int_equal(s_newest(world), newest);
    w_verify(world);
    w_destroy(world);
}

//  ---- attempts

static void an_outcome_counts_only_for_its_own_attempt_and_its_callers_life(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_WAITING);
    assert_int_equal(w_propose(world, &peer, w_start(world, &id, 4, peer.epoch)), HF_RESULT_STALE);
    assert_int_equal(w_propose(world, &peer, w_start(world, &id, 1, peer.epoch)), HF_RESULT_STALE);
    assert_int_equal(w_propose(world, &peer, w_start(world, &id, 2, 0)), HF_RESULT_STALE);
    assert_done(world, &peer, w_start(world, &id, 2, peer.epoch));
    assert_int_equal(w_propose(world, &peer, w_start(world, &id, 2, peer.epoch + 1)), HF_RESULT_STALE);
    uint64_t newest = s_newest(world);
    assert_int_equal(w_propose(world, &peer, w_outcome(world, &id, 1, peer.epoch, HF_CLASS_SUCCEEDED)),
                     HF_RESULT_STALE);
    assert_int_equal(w_propose(world, &peer, w_outcome(world, &id, 2, peer.epoch + 1, HF_CLASS_SUCCEEDED)),
                     HF_RESULT_STALE);
    assert_int_equal(s_newest(world), newest);
    Hf__Proposal *lost = w_outcome(world, &id, 2, peer.epoch, HF_CLASS_UNCERTAIN);
    lost->outcome->attempt->suspect = true;
    assert_done(world, &peer, lost);
    assert_int_equal(w_state(world, &id)->crashes, 1);
    assert_state(world, &id, HF_STATE_DECIDING);
    assert_int_equal(w_propose(world, &peer, w_outcome(world, &id, 2, peer.epoch, HF_CLASS_SUCCEEDED)),
                     HF_RESULT_STALE);
    assert_int_equal(w_state(world, &id)->entries, 2);
    w_verify(world);
    w_destroy(world);
}

//  Whether the next attempt shall ask, that it does, and what follows from its end.
static Hf__State *s_ask(world_t *world, peer_t *peer, const hf_id_t *id, uint32_t number, hf_class_t class,
                        uint32_t status) {
    Hf__Proposal *verdict = w_verdict(world, id, number - 1, HF_EVENT_RETRY_AT);
    verdict->verdict->inquire = true;
    assert_done(world, peer, verdict);
    assert_done(world, peer, w_start(world, id, number, peer->epoch));
    assert_true(w_state(world, id)->inquiry);
    Hf__Proposal *outcome = w_outcome(world, id, number, peer->epoch, class);
    outcome->outcome->attempt->http_status = status;
    assert_done(world, peer, outcome);
    return w_state(world, id);
}

static void an_inquiry_tells_what_became_of_the_call_before_it(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    Hf__History *entry = NULL;
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_CALLING);
    assert_done(world, &peer, w_outcome(world, &id, 1, peer.epoch, HF_CLASS_UNCERTAIN));
    Hf__State *now = s_ask(world, &peer, &id, 2, HF_CLASS_FAILED, 503); //  No answer to the question
    assert_int_equal(now->class_, HF_CLASS_UNCERTAIN);
    assert_int_equal(now->inquiries, 1);
    assert_int_equal(now->attempt - now->round_attempt, 1); //  It was no call
    now = s_ask(world, &peer, &id, 3, HF_CLASS_REJECTED, 403);
    assert_int_equal(now->class_, HF_CLASS_UNCERTAIN);
    assert_int_equal(now->inquiries, 2);
    now = s_ask(world, &peer, &id, 4, HF_CLASS_UNCERTAIN, 404); //  Its answer did not come whole
    assert_int_equal(now->class_, HF_CLASS_UNCERTAIN);
    now = s_ask(world, &peer, &id, 5, HF_CLASS_REJECTED, 404); //  It was not carried out
    assert_int_equal(now->class_, HF_CLASS_FAILED);
    assert_done(world, &peer, w_verdict(world, &id, 5, HF_EVENT_RETRY_AT));
    assert_done(world, &peer, w_start(world, &id, 6, peer.epoch));
    assert_false(w_state(world, &id)->inquiry);
    assert_done(world, &peer, w_outcome(world, &id, 6, peer.epoch, HF_CLASS_UNCERTAIN));
    now = s_ask(world, &peer, &id, 7, HF_CLASS_SUCCEEDED, 200);
    assert_int_equal(now->state, HF_STATE_SUCCEEDED);
    w_begin_read(world);
    assert_int_equal(hf_store_history(world->reader, &id, 4, world->arena, &entry, NULL), 1);
    w_end_read(world);
    assert_true(entry->attempt->inquiry);
    assert_int_equal(entry->attempt->class_, HF_CLASS_REJECTED); //  The history keeps how it ended
    w_verify(world);
    w_destroy(world);
}

static Hf__Proposal *s_unasked(world_t *world, const hf_id_t *id, uint32_t number, uint64_t epoch) {
    Hf__Proposal *outcome = w_outcome(world, id, number, epoch, HF_CLASS_REFUSED);
    outcome->outcome->attempt->unasked = true;
    return outcome;
}

static void an_attempt_that_no_caller_was_asked_for_costs_nothing(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_CALLING);
    assert_done(world, &peer, s_unasked(world, &id, 1, peer.epoch));
    Hf__State *now = w_state(world, &id);
    assert_true(now->unasked);
    assert_int_equal(now->attempt - now->round_attempt, 0);
    assert_done(world, &peer, w_verdict(world, &id, 1, HF_EVENT_RETRY_AT));
    assert_done(world, &peer, w_start(world, &id, 2, peer.epoch));
    assert_done(world, &peer, w_outcome(world, &id, 2, peer.epoch, HF_CLASS_UNCERTAIN));
    assert_false(w_state(world, &id)->unasked);

    s_ask(world, &peer, &id, 3, HF_CLASS_FAILED, 503);
    Hf__Proposal *verdict = w_verdict(world, &id, 3, HF_EVENT_RETRY_AT);
    verdict->verdict->inquire = true;
    assert_done(world, &peer, verdict);
    assert_done(world, &peer, w_start(world, &id, 4, peer.epoch));
    assert_done(world, &peer, s_unasked(world, &id, 4, peer.epoch));
    now = w_state(world, &id);
    assert_int_equal(now->class_, HF_CLASS_UNCERTAIN); //  As unknown as it was,
    assert_int_equal(now->inquiries, 1);               //  and asked as often
    assert_true(now->inquiry);
    assert_true(now->unasked);
    assert_int_equal(now->attempt - now->round_attempt, 1);
    w_verify(world);
    w_destroy(world);
}

//  ---- people

static void a_retry_begins_a_round_and_keeps_what_was(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    Hf__History *entry = NULL;
    hf_error_t error;
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_DEAD);
    world->now += 2000000; //  Past its own deadline
    Hf__Proposal *retry = w_decide(world, &id, HF_EVENT_RETRY);
    retry->decide->replace_body = true;
    retry->decide->body = w_bytes(world, "new", 3);
    retry->decide->content_type = (char *)"text/plain";
    assert_done(world, &peer, retry);
    Hf__State *now = w_state(world, &id);
    assert_int_equal(now->state, HF_STATE_ACCEPTED);
    assert_int_equal(now->deadline, 0);
    assert_int_equal(now->round_attempt, 1);
    assert_int_equal(now->round_at, world->now);
    assert_int_equal(now->due, world->now);
    assert_memory_equal(w_command(world, &id)->body.data, "new", 3);
    w_begin_read(world);
    assert_int_equal(hf_store_history(world->reader, &id, 1, world->arena, &entry, &error), 1);
    w_end_read(world);
    assert_string_equal(entry->decision->what, "retry");
    assert_string_equal(entry->decision->who, "somebody");
    assert_memory_equal(entry->decision->old_body.data, "{\"n\":1}", 7);
    assert_string_equal(entry->decision->old_content_type, "application/json");
    w_verify(world);
    w_destroy(world);
}

//  Why it was dead or uncertain is told by its history; as one that succeeded it has no reason any more.
static void who_is_resolved_has_succeeded_without_a_reason(void **state) {
    static const hf_state_t held[] = {HF_STATE_DEAD, HF_STATE_UNCERTAIN};
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        Hf__History *entry = NULL;
        hf_error_t error;
        hf_id_t id = w_bring_to(world, &peer, held[i]);
        assert_string_equal(w_state(world, &id)->reason, "by policy");
        assert_done(world, &peer, w_decide(world, &id, HF_EVENT_RESOLVE));
        assert_state(world, &id, HF_STATE_SUCCEEDED);
        assert_string_equal(w_state(world, &id)->reason, "");
        assert_string_equal(world->facts[world->facts_size - 1]->reason, "");
        w_begin_read(world);
        assert_int_equal(hf_store_history(world->reader, &id, 0, world->arena, &entry, &error), 1);
        assert_string_equal(entry->attempt->reason, "as the story wants it");
        assert_int_equal(hf_store_history(world->reader, &id, 1, world->arena, &entry, &error), 1);
        assert_string_equal(entry->decision->what, "resolve");
        w_end_read(world);
    }
    w_verify(world);
    w_destroy(world);
}

static void a_decision_that_comes_again_later_than_others_is_still_known(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t missing = {{1}};
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_DEAD);
    Hf__Proposal *first = w_decide(world, &id, HF_EVENT_RETRY);
    uint32_t attempt = 1;
    for (int round = 0; round < 12; round++) {
        Hf__Proposal *retry = round ? w_decide(world, &id, HF_EVENT_RETRY) : first;
        assert_done(world, &peer, retry);
        assert_done(world, &peer, w_start(world, &id, ++attempt, peer.epoch));
        assert_int_equal(
            w_propose(world, &peer, w_outcome(world, &id, attempt, peer.epoch, HF_CLASS_REJECTED)),
            HF_RESULT_DONE);
        assert_done(world, &peer, w_verdict(world, &id, attempt, HF_EVENT_GIVE_UP));
        if (round < 8) {
            assert_done(world, &peer, first);
            assert_state(world, &id, HF_STATE_DEAD);
        }
    }
    assert_int_equal(w_propose(world, &peer, w_decide(world, &missing, HF_EVENT_RETRY)), HF_RESULT_MISSING);
    w_verify(world);
    w_destroy(world);
}

//  However often it is called: how it began, how it stands, and what people made of its body.
static void a_long_history_keeps_its_ends_and_every_edit(void **state) {
    enum { ATTEMPTS = 200, EDIT_AFTER = 30 };
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    hf_error_t error;
    Hf__History *entry;
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_ACCEPTED);
    for (uint32_t number = 1; number <= ATTEMPTS; number++) {
        bool dies = number == EDIT_AFTER;
        assert_done(world, &peer, w_start(world, &id, number, peer.epoch));
        w_propose(world, &peer, w_outcome(world, &id, number, peer.epoch, HF_CLASS_FAILED));
        w_propose(world, &peer, w_verdict(world, &id, number, dies ? HF_EVENT_GIVE_UP : HF_EVENT_RETRY_AT));
        if (dies) {
            Hf__Proposal *retry = w_decide(world, &id, HF_EVENT_RETRY);
            retry->decide->replace_body = true;
            retry->decide->body = w_bytes(world, "{}", 2);
            assert_done(world, &peer, retry);
        }
        w_clear(world);
    }
    Hf__State *now = w_state(world, &id);
    assert_int_equal(now->entries, ATTEMPTS + 1);
    assert_int_equal(now->left_out, ATTEMPTS + 1 - HF_HISTORY_FIRST - HF_HISTORY_NEWEST - 1);
    w_begin_read(world);
    for (uint32_t i = 0; i < now->entries; i++) {
        bool kept = i < HF_HISTORY_FIRST || i >= now->entries - HF_HISTORY_NEWEST || i == EDIT_AFTER;
        assert_int_equal(hf_store_history(world->reader, &id, i, world->arena, &entry, &error), kept);
        if (i == EDIT_AFTER) {
            assert_memory_equal(entry->decision->old_body.data, "{\"n\":1}", 7);
        }
    }
    w_end_read(world);
    w_verify(world);
    w_propose(world, &peer, w_decide(world, &id, HF_EVENT_CANCEL));
    world->now += W_KEEP_MS + 2000;
    hf_journal_tick(world->journal, world->now);
    w_commit(world);
    assert_null(w_state(world, &id));
    w_verify(world); //  Nothing of its history is left either
    w_destroy(world);
}

static void what_people_may_not_do_is_answered_with_the_state(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    const Hf__Result *result;
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_CALLING);
    uint32_t code = w_propose_as(world, &peer, peer.next++, w_decide(world, &id, HF_EVENT_CANCEL), &result);
    assert_int_equal(code, HF_RESULT_FORBIDDEN);
    assert_int_equal(result->state, HF_STATE_CALLING);
    w_destroy(world);
}

//  ---- numbers, epochs, lives

static void a_hello_that_is_repeated_gets_the_same_epoch(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    assert_int_equal(w_peer(world, "ingress", 1).epoch, peer.epoch);
    w_new_journal(world);
    assert_int_equal(w_peer(world, "ingress", 1).epoch, peer.epoch);
    assert_true(hf_journal_epoch(world->journal) > peer.epoch);
    assert_true(w_peer(world, "call.0", 1).epoch > peer.epoch);
    w_verify(world);
    w_destroy(world);
}

static void a_new_life_ends_the_old_one_for_good(void **state) {
    world_t *world = w_new(MAP);
    peer_t old = w_peer(world, "ingress", 1), new = w_peer(world, "ingress", 2);
    hf_id_t id;
    (void)state;
    assert_true(new.epoch > old.epoch);
    size_t acks = world->acks_size;
    Hf__Proposal *submit = w_submit(world, &id);
    w_send_run(world, &old, 1, &submit, 1);
    w_commit(world);
    assert_int_equal(world->acks_size, acks); //  Nobody is answered
    assert_null(w_state(world, &id));
    assert_int_equal(hf_journal_counters(world->journal)->outdated, 1);
    //  Its hello was still under way: it does not take the name back, in no life of the journal.
    for (int life = 0; life < 2; life++) {
        w_send_hello(world, &old);
        w_commit(world);
        assert_int_equal(w_last_ack(world)->sender_epoch, 0);
        assert_memory_equal(w_last_ack(world)->nonce.data, old.nonce, 16);
        assert_int_equal(w_peer(world, "ingress", 2).epoch, new.epoch);
        w_new_journal(world);
    }
    w_send_hello(world, &new);
    w_commit(world);
    w_beat(world);
    assert_int_equal(world->beat->n_senders, 1);
    assert_int_equal(world->beat->senders[0]->epoch, new.epoch);
    w_destroy(world);
}

static void two_hellos_of_one_name_in_one_batch_are_each_answered_their_own(void **state) {
    world_t *world = w_new(MAP);
    peer_t one = {.name = "ingress", .nonce = {1}}, two = {.name = "ingress", .nonce = {2}};
    (void)state;
    w_send_hello(world, &one);
    w_send_hello(world, &two);
    w_commit(world);
    assert_int_equal(world->acks_size, 2);
    assert_memory_equal(world->acks[0]->nonce.data, one.nonce, 16);
    assert_memory_equal(world->acks[1]->nonce.data, two.nonce, 16);
    assert_true(world->acks[0]->sender_epoch < world->acks[1]->sender_epoch);
    w_destroy(world);
}

static void a_gap_is_reported_and_nothing_behind_it_is_applied(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id;
    (void)state;
    Hf__Proposal *submit = w_submit(world, &id);
    w_send_run(world, &peer, 3, &submit, 1);
    w_commit(world);
    assert_int_equal(w_last_ack(world)->resend_from, 1);
    assert_int_equal(w_last_ack(world)->applied, 0);
    assert_null(w_state(world, &id));
    Hf__Proposal *three[] = {NULL, NULL, submit}; //  Two were made void meanwhile
    w_send_run(world, &peer, 1, three, 3);
    w_commit(world);
    assert_int_equal(w_last_ack(world)->applied, 3);
    assert_int_equal(w_last_ack(world)->n_results, 0);
    assert_non_null(w_state(world, &id));
    w_destroy(world);
}

static void what_is_meant_for_another_journal_is_dropped(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id;
    (void)state;
    Hf__Proposal *submit = w_submit(world, &id);
    Hf__Proposals message = HF__PROPOSALS__INIT;
    hf_buf_t packed = {0};
    hf_buf_pack(&packed, &submit->base);
    ProtobufCBinaryData run = {packed.size, packed.data};
    message.sender = (char *)"ingress";
    message.sender_epoch = peer.epoch;
    message.journal_epoch = hf_journal_epoch(world->journal) - 1;
    message.first = message.unacked = 1;
    message.n_proposals = 1;
    message.proposals = &run;
    w_send(world, &message);
    w_commit(world);
    message.journal_epoch++;
    message.sender = (char *)"nobody";
    w_send(world, &message);
    w_commit(world);
    assert_null(w_state(world, &id));
    assert_int_equal(hf_journal_counters(world->journal)->outdated, 2);
    hf_buf_free(&packed);
    w_destroy(world);
}

static void foreign_bytes_are_counted_and_hide_nothing(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id;
    (void)state;
    hf_journal_receive(world->journal, "", 0);
    hf_journal_receive(world->journal, "\xff\xff\xff\xff", 4);
    hf_journal_receive(world->journal, "GET / HTTP/1.1\r\n\r\n", 18);
    Hf__Proposal *submit = w_submit(world, &id);
    w_send_run(world, &peer, 1, &submit, 1);
    w_commit(world);
    assert_non_null(w_state(world, &id));
    assert_true(
        hf_journal_counters(world->journal)->foreign + hf_journal_counters(world->journal)->outdated >= 3);
    //  One proposal of a run that cannot be read does not hide the next.
    ProtobufCBinaryData run[2] = {{3, (uint8_t *)"\xff\xff\xff"}, {0, NULL}};
    hf_buf_t packed = {0};
    hf_buf_pack(&packed, &w_submit(world, &id)->base);
    run[1] = (ProtobufCBinaryData){packed.size, packed.data};
    Hf__Proposals message = HF__PROPOSALS__INIT;
    message.sender = (char *)"ingress";
    message.sender_epoch = peer.epoch;
    message.journal_epoch = hf_journal_epoch(world->journal);
    message.first = message.unacked = 2;
    message.n_proposals = 2;
    message.proposals = run;
    w_send(world, &message);
    w_commit(world);
    assert_int_equal(w_last_ack(world)->n_results, 1);
    assert_int_equal(w_last_ack(world)->results[0]->code, HF_RESULT_MALFORMED);
    assert_int_equal(w_last_ack(world)->results[0]->number, 2);
    assert_non_null(w_state(world, &id));
    hf_buf_free(&packed);
    w_destroy(world);
}

static void more_names_than_a_node_has_are_not_let_in(void **state) {
    world_t *world = w_new(MAP);
    char name[32];
    (void)state;
    for (int i = 0; i < HF_JOURNAL_SENDERS + 20; i++) {
        peer_t peer = {.name = name, .nonce = {(uint8_t)i}};
        snprintf(name, sizeof name, "stranger.%d", i);
        w_send_hello(world, &peer);
        w_commit(world);
    }
    assert_int_equal(world->acks_size, HF_JOURNAL_SENDERS);
    assert_int_equal(hf_journal_counters(world->journal)->foreign, 20);
    w_beat(world);
    w_verify(world);
    w_destroy(world);
}

//  ---- commits that fail, and room

static void nothing_is_published_before_its_commit(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id;
    (void)state;
    w_clear(world);
    Hf__Proposal *submit = w_submit(world, &id);
    w_send_run(world, &peer, 1, &submit, 1);
    w_hear(world);
    assert_int_equal(world->acks_size + world->facts_size, 0);
    assert_true(hf_journal_has_work(world->journal));
    w_commit(world);
    assert_int_equal(world->acks_size, 1);
    assert_int_equal(world->facts_size, 1);
    w_destroy(world);
}

static void a_batch_without_room_leaves_no_trace_until_there_is_some(void **state) {
    world_t *world = w_new(1 << 20);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_error_t error = {{0}};
    hf_id_t id, calling = w_bring_to(world, &peer, HF_STATE_CALLING);
    uint8_t *body = hf_alloc(2 << 20);
    (void)state;
    uint64_t newest = s_newest(world);
    w_clear(world);
    Hf__Proposal *batch[2] = {w_outcome(world, &calling, 1, peer.epoch, HF_CLASS_SUCCEEDED),
                              w_submit(world, &id)};
    batch[1]->submit->command->body = (ProtobufCBinaryData){2 << 20, body};
    w_send_run(world, &peer, peer.next, batch, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hf_journal_commit(world->journal, world->now, &error), HF_STORE_FULL);
        w_hear(world);
        assert_int_equal(world->acks_size + world->facts_size, 0);
        assert_int_equal(s_newest(world), newest);
        assert_state(world, &calling, HF_STATE_CALLING);
        assert_true(hf_journal_has_work(world->journal));
    }
    //  Without room, the end is recorded, the new command refused: nothing was accepted.
    hf_journal_set_full(world->journal, "the journal is at its journal_limit of 1M");
    w_commit(world);
    assert_state(world, &calling, HF_STATE_SUCCEEDED);
    assert_null(w_state(world, &id));
    const Hf__Result *result = hf_result_find(w_last_ack(world), peer.next + 1);
    assert_int_equal(result->code, HF_RESULT_FULL);
    assert_string_equal(result->reason, "the journal is at its journal_limit of 1M");
    w_beat(world);
    assert_true(world->beat->full);
    assert_string_equal(world->beat->full_reason, "the journal is at its journal_limit of 1M");
    hf_journal_set_full(world->journal, NULL);
    w_beat(world);
    assert_false(world->beat->full);
    //  Its message comes again, late: its client was told that nothing was accepted, so nothing is.
    assert_int_equal(hf_store_set_map(world->store, MAP, &error), 0);
    w_send_run(world, &peer, peer.next, batch, 2);
    w_commit(world);
    assert_int_equal(hf_result_find(w_last_ack(world), peer.next + 1)->code, HF_RESULT_FULL);
    assert_null(w_state(world, &id));
    assert_int_equal(w_propose_as(world, &peer, peer.next + 2, batch[1], NULL),
                     HF_RESULT_DONE); //  Proposed anew
    w_verify(world);
    w_destroy(world);
    free(body);
}

//  A transaction copies each page that it changes: what does not fit at once may in parts. Every part is answered as it is durable, and
//  the sender sees one row of answers.
static void what_does_not_fit_at_once_is_taken_in_parts(void **state) {
    enum { SIZE = 1200 };
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    hf_error_t error;
    hf_store_stat_t stat;
    Hf__Proposal *proposals[SIZE];
    hf_id_t ids[SIZE];
    char key[201];
    (void)state;
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = 0;
    for (int i = 0; i < SIZE; i++) {
        Hf__Proposal *submit = w_submit(world, &ids[i]);
        submit->submit->command->key = key;
        assert_int_equal(w_propose(world, &peer, submit), HF_RESULT_DONE);
        assert_int_equal(w_propose(world, &peer, w_start(world, &ids[i], 1, peer.epoch)), HF_RESULT_DONE);
        w_clear(world);
    }
    for (int i = 0; i < SIZE; i++) {
        proposals[i] = w_outcome(world, &ids[i * 7 % SIZE], 1, peer.epoch, HF_CLASS_SUCCEEDED);
    }
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    assert_int_equal(hf_store_stat(world->reader, &stat, &error), 0);
    hf_store_end_read(world->reader);
    assert_int_equal(hf_store_set_map(world->store, (stat.pages_used + 270) * stat.page_size, &error), 0);
    hf_journal_set_full(world->journal, "no room");
    w_send_run(world, &peer, peer.next, proposals, SIZE / 2);
    w_send_run(world, &peer, peer.next + SIZE / 2, proposals + SIZE / 2, SIZE / 2);
    int parts = 0, failed = 0;
    while (hf_journal_has_work(world->journal)) {
        int rc = hf_journal_commit(world->journal, world->now, &error);
        assert_true(rc == 0 || (rc == HF_STORE_FULL && hf_journal_take_less(world->journal)));
        w_hear(world);
        parts += rc == 0;
        failed += rc != 0;
    }
    assert_true(failed > 0 && parts > 2);
    assert_int_equal(w_last_ack(world)->applied, peer.next + SIZE - 1);
    uint64_t applied = peer.next - 1;
    for (size_t i = 0; i < world->acks_size; i++) {
        const Hf__Ack *ack = world->acks[i];
        assert_true(ack->first <= applied + 1 && ack->applied > applied);
        for (uint64_t number = applied + 1; number <= ack->applied; number++) {
            assert_null(hf_result_find(ack, number)); //  Done
        }
        applied = ack->applied;
    }
    assert_int_equal(world->facts_size, SIZE);
    assert_int_equal(w_count(world, "d", HF_STATE_SUCCEEDED), SIZE);
    w_verify(world);
    w_destroy(world);
}

static void a_full_journal_keeps_answers_short(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    Hf__History *entry;
    hf_error_t error;
    uint8_t answer[60000] = {0};
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_CALLING);
    hf_journal_set_full(world->journal, "no room");
    Hf__Proposal *outcome = w_outcome(world, &id, 1, peer.epoch, HF_CLASS_SUCCEEDED);
    outcome->outcome->attempt->response = (ProtobufCBinaryData){sizeof answer, answer};
    assert_done(world, &peer, outcome);
    w_begin_read(world);
    assert_int_equal(hf_store_history(world->reader, &id, 0, world->arena, &entry, &error), 1);
    w_end_read(world);
    assert_int_equal(entry->attempt->response.len, 1024);
    assert_true(entry->attempt->response_cut);
    w_destroy(world);
}

//  Room for ends is worth more than old news: followers that are behind look at the states.
static void a_full_journal_keeps_facts_for_an_hour(void **state) {
    world_t *world = w_new(MAP);
    hf_journal_options_t options = {.keep_ms = INT64_C(7) * 24 * 3600000};
    hf_error_t error;
    Hf__Fact *fact = NULL;
    (void)state;
    hf_journal_destroy(&world->journal);
    world->journal = hf_journal_new(world->store, &options, world->now, &error);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_SUCCEEDED);
    for (int full = 0; full < 2; full++) {
        world->now += 2 * 3600000;
        hf_journal_set_full(world->journal, full ? "no room" : NULL);
        assert_true(hf_journal_tick(world->journal, world->now));
        w_commit(world);
        w_begin_read(world);
        assert_int_equal(hf_store_fact(world->reader, 1, world->arena, &fact, &error), !full);
        w_end_read(world);
        assert_non_null(w_state(world, &id));
    }
    w_verify(world);
    w_destroy(world);
}

//  ---- facts, and what leaves

static void facts_are_numbered_without_gaps_over_all_lives(void **state) {
    world_t *world = w_new(MAP);
    uint64_t expected = 1;
    (void)state;
    for (uint8_t life = 1; life < 6; life++) {
        peer_t peer = w_peer(world, "ingress", life);
        w_clear(world);
        for (unsigned from = HF_STATE_ACCEPTED; from < HF_STATES; from++) {
            w_bring_to(world, &peer, (hf_state_t)from);
        }
        for (size_t i = 0; i < world->facts_size; i++) {
            assert_int_equal(world->facts[i]->seq, expected++);
        }
        w_new_journal(world);
    }
    w_verify(world);
    w_destroy(world);
}

static void finished_commands_leave_after_keep_and_dead_ones_stay(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t ids[HF_STATES];
    (void)state;
    for (unsigned from = HF_STATE_ACCEPTED; from < HF_STATES; from++) {
        ids[from] = w_bring_to(world, &peer, (hf_state_t)from);
    }
    world->now += W_KEEP_MS;
    w_commit(world);
    assert_non_null(w_state(world, &ids[HF_STATE_SUCCEEDED])); //  Not a moment too early
    world->now += 2000;
    assert_true(hf_journal_tick(world->journal, world->now));
    w_commit(world);
    for (unsigned from = HF_STATE_ACCEPTED; from < HF_STATES; from++) {
        assert_int_equal(w_state(world, &ids[from]) == NULL, hf_state_is_final((hf_state_t)from));
        assert_int_equal(w_command(world, &ids[from]) == NULL, hf_state_is_final((hf_state_t)from));
        bool final = hf_state_is_final((hf_state_t)from), two = from == HF_STATE_ACCEPTED;
        assert_int_equal(w_count(world, "d", (hf_state_t)from), final ? 0 : two ? 2 : 1);
    }
    assert_int_equal(hf_journal_tick(world->journal, world->now), false);
    w_verify(world);
    w_destroy(world);
}

static void many_finished_commands_leave_in_bounded_steps(void **state) {
    enum { MANY = 2000 };
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    for (int i = 0; i < MANY; i += 100) {
        Hf__Proposal *proposals[200];
        for (int j = 0; j < 200; j += 2) {
            hf_id_t id;
            proposals[j] = w_submit(world, &id);
            proposals[j + 1] = w_verdict(world, &id, 0, HF_EVENT_EXPIRE);
        }
        w_send_run(world, &peer, peer.next, proposals, 200);
        peer.next += 200;
        w_commit(world);
        w_clear(world);
    }
    world->now += W_KEEP_MS + 1000;
    uint64_t before = w_count(world, "d", HF_STATE_EXPIRED), steps = 0;
    assert_int_equal(before, MANY);
    while (hf_journal_tick(world->journal, world->now)) {
        w_commit(world);
        uint64_t after = w_count(world, "d", HF_STATE_EXPIRED);
        assert_true(before - after <= HF_JOURNAL_TRIM);
        before = after;
        steps++;
        assert_true(steps < 100);
    }
    assert_int_equal(before, 0);
    w_verify(world);
    w_destroy(world);
}

//  Records of the table `keys`.
static uint64_t s_key_runs(world_t *world) {
    hf_store_stat_t stat;
    hf_error_t error;
    unsigned number = 0;
    while (strcmp(hf_store_table_name(number), "keys") != 0) {
        number++;
    }
    w_begin_read(world);
    assert_int_equal(hf_store_stat(world->reader, &stat, &error), 0);
    w_end_read(world);
    return stat.entries[number];
}

static bool s_count_id(void *context, const hf_id_t *id) {
    (void)id;
    (*(size_t *)context)++;
    return true;
}

//  One record for each large commit; it leaves with the last of its commands, not before.
static void a_record_of_keys_leaves_with_its_last_command(void **state) {
    enum { RUNS = 5, EACH = 100, HELD = 2 }; //  In one of them, one command is dead
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t held = {{0}};
    size_t found = 0;
    hf_error_t error;
    (void)state;
    for (int run = 0; run < RUNS; run++) {
        Hf__Proposal *proposals[2 * EACH];
        for (int i = 0; i < EACH; i++) {
            hf_id_t id;
            bool dies = run == HELD && i == EACH / 2;
            proposals[2 * i] = w_submit(world, &id);
            proposals[2 * i]->submit->command->key = (char *)(dies ? "dead" : "done");
            proposals[2 * i + 1] = w_verdict(world, &id, 0, dies ? HF_EVENT_GIVE_UP : HF_EVENT_EXPIRE);
            held = dies ? id : held;
        }
        w_send_run(world, &peer, peer.next, proposals, 2 * EACH);
        peer.next += 2 * EACH;
        w_commit(world);
        w_clear(world);
        world->now += 1000;
    }
    assert_state(world, &held, HF_STATE_DEAD);
    assert_int_equal(s_key_runs(world), RUNS);
    world->now += W_KEEP_MS + 1000;
    while (hf_journal_tick(world->journal, world->now)) {
        w_commit(world);
    }
    assert_int_equal(s_key_runs(world), 1);
    w_begin_read(world);
    assert_int_equal(hf_store_walk_key(world->reader, "dead", NULL, s_count_id, &found, &error), 0);
    w_end_read(world);
    assert_int_equal(found, 1);
    w_verify(world);
    assert_done(world, &peer, w_decide(world, &held, HF_EVENT_DISCARD));
    for (int i = 0; i < 5; i++) {
        world->now += W_KEEP_MS;
        if (hf_journal_tick(world->journal, world->now)) {
            w_commit(world);
        }
    }
    assert_int_equal(s_key_runs(world), 0);
    w_verify(world);
    w_destroy(world);
}

//  A journal with nothing to do writes nothing: its newest transaction stays the same.
//  A record whose last command is dead takes a look at each that it holds: what one commit bears is a number of looks, not of records.
static void records_of_keys_are_looked_through_in_bounded_steps(void **state) {
    enum { RUNS = 4, EACH = 100 };
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id, place = {{0}};
    hf_error_t error;
    (void)state;
    int64_t began = world->now;
    for (int run = 0; run < RUNS; run++) {
        Hf__Proposal *proposals[2 * EACH];
        for (int i = 0; i < EACH; i++) {
            proposals[2 * i] = w_submit(world, &id);
            proposals[2 * i]->submit->command->key = (char *)"k";
            hf_event_t event = i == EACH - 1 ? HF_EVENT_GIVE_UP : HF_EVENT_EXPIRE;
            proposals[2 * i + 1] = w_verdict(world, &id, 0, event);
        }
        w_send_run(world, &peer, peer.next, proposals, 2 * EACH);
        peer.next += 2 * EACH;
        w_commit(world);
        w_clear(world);
        world->now += 1000;
    }
    world->now += W_KEEP_MS;
    for (int i = 0; i < 2; i++) { //  The expired ones leave
        world->now += 2000;
        w_commit(world);
    }
    assert_int_equal(w_count(world, "d", HF_STATE_EXPIRED), 0);
    for (int run = 1; run < RUNS; run += 2) {
        assert_int_equal(hf_store_begin_write(world->store, &error), 0);
        assert_int_equal(
            hf_store_trim_keys(world->store, world->now, &place, EACH + EACH / 2, world->arena, &error), 0);
        hf_store_abort(world->store);
        assert_int_equal(hf_id_ms(&place), began + run * 1000);
    }
    w_destroy(world);
}

static void idle_ticks_write_nothing(void **state) {
    world_t *world = w_new(MAP);
    struct stat before, after;
    char path[96];
    (void)state;
    peer_t peer = w_peer(world, "ingress", 1);
    w_bring_to(world, &peer, HF_STATE_DEAD);
    world->now += 5000;
    w_commit(world);
    snprintf(path, sizeof path, "%s/data.mdb", world->dir);
    assert_int_equal(stat(path, &before), 0);
    for (int i = 0; i < 50; i++) {
        world->now += 1000;
        if (hf_journal_tick(world->journal, world->now)) {
            w_commit(world);
        }
        w_hear(world);
    }
    assert_int_equal(stat(path, &after), 0);
    assert_memory_equal(&before.st_mtim, &after.st_mtim, sizeof before.st_mtim);
    w_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arrow_leads_where_it_should_and_no_other_event_changes_anything),
        cmocka_unit_test(whatever_is_said_twice_happens_once),
        cmocka_unit_test(a_repeated_number_changes_nothing_whatever_has_happened_since),
        cmocka_unit_test(a_verdict_over_what_has_changed_since_it_was_looked_at_is_stale),
        cmocka_unit_test(a_submission_is_durable_byte_for_byte_when_it_is_acknowledged),
        cmocka_unit_test(one_idempotency_key_makes_one_command),
        cmocka_unit_test(a_batch_is_accepted_whole_or_not_at_all),
        cmocka_unit_test(what_is_unsound_is_refused_and_changes_nothing),
        cmocka_unit_test(an_outcome_counts_only_for_its_own_attempt_and_its_callers_life),
        cmocka_unit_test(an_inquiry_tells_what_became_of_the_call_before_it),
        cmocka_unit_test(an_attempt_that_no_caller_was_asked_for_costs_nothing),
        cmocka_unit_test(a_retry_begins_a_round_and_keeps_what_was),
        cmocka_unit_test(who_is_resolved_has_succeeded_without_a_reason),
        cmocka_unit_test(a_decision_that_comes_again_later_than_others_is_still_known),
        cmocka_unit_test(a_long_history_keeps_its_ends_and_every_edit),
        cmocka_unit_test(what_people_may_not_do_is_answered_with_the_state),
        cmocka_unit_test(a_hello_that_is_repeated_gets_the_same_epoch),
        cmocka_unit_test(a_new_life_ends_the_old_one_for_good),
        cmocka_unit_test(two_hellos_of_one_name_in_one_batch_are_each_answered_their_own),
        cmocka_unit_test(a_gap_is_reported_and_nothing_behind_it_is_applied),
        cmocka_unit_test(what_is_meant_for_another_journal_is_dropped),
        cmocka_unit_test(foreign_bytes_are_counted_and_hide_nothing),
        cmocka_unit_test(more_names_than_a_node_has_are_not_let_in),
        cmocka_unit_test(nothing_is_published_before_its_commit),
        cmocka_unit_test(a_batch_without_room_leaves_no_trace_until_there_is_some),
        cmocka_unit_test(what_does_not_fit_at_once_is_taken_in_parts),
        cmocka_unit_test(a_full_journal_keeps_answers_short),
        cmocka_unit_test(a_full_journal_keeps_facts_for_an_hour),
        cmocka_unit_test(facts_are_numbered_without_gaps_over_all_lives),
        cmocka_unit_test(finished_commands_leave_after_keep_and_dead_ones_stay),
        cmocka_unit_test(many_finished_commands_leave_in_bounded_steps),
        cmocka_unit_test(a_record_of_keys_leaves_with_its_last_command),
        cmocka_unit_test(records_of_keys_are_looked_through_in_bounded_steps),
        cmocka_unit_test(idle_ticks_write_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
