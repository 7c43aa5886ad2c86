/*  Dispatch against a real journal core and a real file, told step by step. The test is the network: it carries every envelope itself,
 *  or loses it.  */

#include "base/gate.h"
#include "dispatch/dispatch_core.h"
#include "journal/journal_core.h"
#include "link/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct {
    char dir[64];                  //  The journal's folder
    hf_store_t *store;             //  The journal's handle
    hf_store_t *reader;            //  Dispatch's
    hf_config_t *config;           //  Destination "d", pipeline "p"
    hf_destination_t *destination; //  To be changed by a story
    hf_journal_t *journal;         //  The journal
    hf_dispatch_t *dispatch;       //  Dispatch
    hf_link_t *client;             //  Stands for ingress and callers: sends what a story wants proposed
    hf_link_t *caller;             //  Stands for call.0
    hf_outbox_t outbox;            //  Of the two links above
    hf_id_maker_t ids;             //  Command ids
    int64_t now;                   //  The story's time
    hf_id_t ordered[4096];         //  Orders that reached caller 0, in order
    uint32_t attempts[4096];       //  Their attempt numbers
    size_t orders;                 //  How many
    uint64_t caller_epoch;         //  In the newest orders
} world_t;

static void s_new_dispatch(world_t *world, uint8_t life) {
    hf_core_setup_t setup = {
        .name = "dispatch", .config = world->config, .store = world->reader, .nonce = {life}, .seed = life};
    hf_dispatch_destroy(&world->dispatch);
    world->dispatch = hf_dispatch_new(&setup);
}

static void s_new_caller(world_t *world, uint8_t life) {
    uint8_t nonce[16] = {0xca, life};
    hf_link_destroy(&world->caller);
    world->caller = hf_link_new("call.0", nonce, 1 << 20);
}

static world_t *s_setup(int concurrency) {
    world_t *world = hf_alloc(sizeof *world);
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = 64 << 20};
    strcpy(world->dir, "/tmp/holdfast-dispatch-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->store = hf_store_open(world->dir, &options, &error);
    assert_non_null(world->store);
    world->reader = hf_store_share(world->store);
    world->config = hf_config_new();
    world->config->callers = 1;
    world->destination = hf_destination_new("d");
    world->destination->concurrency = concurrency;
    hf_config_add_destination(world->config, world->destination);
    hf_pipeline_t *pipeline = hf_pipeline_new("p");
    pipeline->destination = world->destination;
    hf_config_add_pipeline(world->config, pipeline);
    world->now = 1000000;
    hf_journal_options_t journal = {.keep_ms = 1000000000};
    world->journal = hf_journal_new(world->store, &journal, world->now, &error);
    assert_non_null(world->journal);
    uint8_t nonce[16] = {0xc1};
    world->client = hf_link_new("client", nonce, 1 << 20);
    s_new_caller(world, 1);
    s_new_dispatch(world, 1);
    return world;
}

static void s_teardown(world_t *world) {
    char command[128];
    hf_dispatch_destroy(&world->dispatch);
    hf_link_destroy(&world->client);
    hf_link_destroy(&world->caller);
    hf_journal_destroy(&world->journal);
    hf_outbox_free(&world->outbox);
    hf_store_close(&world->reader);
    hf_store_close(&world->store);
    hf_config_destroy(&world->config);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
}

static void s_take_orders(world_t *world, const hf_envelope_t *envelope) {
    Hf__Attempts *message = hf__attempts__unpack(NULL, envelope->size, envelope->data);
    assert_non_null(message);
    world->caller_epoch = message->caller_epoch;
    for (size_t i = 0; i < message->n_orders; i++) {
        assert_true(hf_id_from(&world->ordered[world->orders], message->orders[i]->id.data,
                               message->orders[i]->id.len));
        world->attempts[world->orders++] = message->orders[i]->attempt;
    }
    hf__attempts__free_unpacked(message, NULL);
}

static bool s_carry(world_t *world, hf_outbox_t *outbox) {
    hf_envelope_t envelope;
    bool any = false;
    while (hf_outbox_take(outbox, &envelope)) {
        any = true;
        if (envelope.to == HF_TO_JOURNAL) {
            hf_journal_receive(world->journal, envelope.data, envelope.size);
        } else {
            s_take_orders(world, &envelope);
        }
        free(envelope.data);
    }
    return any;
}

static void s_publish(world_t *world, bool lose) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        hf_arena_t *arena = hf_arena_new(1024);
        hf_publication_t publication;
        assert_true(hf_publication_read(&publication, envelope.data, envelope.size, arena));
        if (!lose) {
            hf_dispatch_ops.receive(world->dispatch, HF_FROM_JOURNAL, envelope.data, envelope.size,
                                    world->now);
        }
        hf_link_t *links[] = {world->client, world->caller};
        for (int i = 0; i < 2; i++) {
            uint64_t number;
            void *tag;
            if (publication.ack) {
                hf_link_receive_ack(links[i], publication.ack, world->now);
            } else if (publication.beat) {
                hf_link_receive_beat(links[i], publication.beat, world->now);
            }
            while (hf_link_pop(links[i], &number, &tag)) {
            }
        }
        hf_arena_destroy(&arena);
        free(envelope.data);
    }
}

//  Lets everything that is under way arrive, at one time; lose: publications do not reach dispatch.
static void s_settle_losing(world_t *world, bool lose) {
    hf_error_t error;
    for (int round = 0; round < 12; round++) {
        hf_link_flush(world->client, &world->outbox, world->now);
        hf_link_flush(world->caller, &world->outbox, world->now);
        hf_dispatch_ops.tick(world->dispatch, world->now);
        s_carry(world, &world->outbox);
        s_carry(world, hf_dispatch_ops.outbox(world->dispatch));
        if (hf_journal_has_work(world->journal)) {
            assert_int_equal(hf_journal_commit(world->journal, world->now, &error), 0);
        }
        hf_journal_tick(world->journal, world->now);
        s_publish(world, lose);
    }
}

static void s_settle(world_t *world) {
    s_settle_losing(world, false);
}

//  Time goes by, with the journal's beats.
static void s_pass(world_t *world, int64_t ms) {
    for (int64_t until = world->now + ms; world->now < until;) {
        world->now += 250;
        s_settle(world);
    }
}

static hf_id_t s_submit_urgent(world_t *world, int64_t not_before, int64_t deadline, int priority) {
    hf_id_t id = hf_id_make(&world->ids, world->now);
    Hf__Command command = HF__COMMAND__INIT;
    command.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    command.pipeline = (char *)"p";
    command.destination = (char *)"d";
    command.accepted_at = world->now;
    command.not_before = not_before;
    command.deadline = deadline;
    command.urgency = priority - HF_PRIORITY_USUAL;
    Hf__Submit submit = HF__SUBMIT__INIT;
    submit.command = &command;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_SUBMIT;
    proposal.submit = &submit;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
    return id;
}

static hf_id_t s_submit(world_t *world, int64_t not_before, int64_t deadline) {
    return s_submit_urgent(world, not_before, deadline, HF_PRIORITY_USUAL);
}

static void s_outcome_of(world_t *world, const hf_id_t *id, Hf__Attempt *attempt) {
    Hf__Outcome outcome = HF__OUTCOME__INIT;
    outcome.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    outcome.caller_epoch = hf_link_epoch(world->caller);
    outcome.attempt = attempt;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_OUTCOME;
    proposal.outcome = &outcome;
    assert_true(hf_link_propose(world->caller, &proposal, NULL));
}

static void s_outcome(world_t *world, const hf_id_t *id, uint32_t number, hf_class_t class) {
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    attempt.number = number;
    attempt.class_ = class;
    s_outcome_of(world, id, &attempt);
}

//  The command's state in the file, with its class and crashes.
static hf_state_t s_state(world_t *world, const hf_id_t *id, hf_class_t *class, uint32_t *crashes) {
    hf_arena_t *arena = hf_arena_new(1024);
    Hf__State *state = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, NULL), 0);
    assert_int_equal(hf_store_state(world->reader, id, arena, &state, NULL), 1);
    hf_store_end_read(world->reader);
    hf_state_t found = state->state;
    *class = state->class_;
    *crashes = state->crashes;
    hf_arena_destroy(&arena);
    return found;
}

static void a_command_is_started_durably_then_ordered_once(void **unused) {
    (void)unused;
    world_t *world = s_setup(8);
    s_settle(world);
    hf_id_t id = s_submit(world, 0, 0);
    s_settle(world);
    assert_int_equal(world->orders, 1);
    assert_true(hf_id_equal(&world->ordered[0], &id));
    assert_int_equal(world->attempts[0], 1);
    assert_int_equal(world->caller_epoch, hf_link_epoch(world->caller));
    s_pass(world, 3000);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

static void no_more_than_concurrency_and_a_freed_place_is_taken(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    hf_id_t ids[10];
    for (int i = 0; i < 10; i++) {
        ids[i] = s_submit(world, 0, 0);
    }
    s_settle(world);
    assert_int_equal(world->orders, 4);
    for (int i = 0; i < 10; i++) {
        assert_true(hf_id_equal(&world->ordered[i], &ids[i])); //  In order of acceptance
        s_outcome(world, &ids[i], 1, HF_CLASS_SUCCEEDED);
        s_settle(world);
        assert_int_equal(world->orders, i + 5 < 10 ? i + 5 : 10);
    }
    s_teardown(world);
}

//  As a caller says it.
static void s_ended(world_t *world, const hf_id_t *id, uint32_t attempt, uint64_t epoch) {
    Hf__AttemptOrder ended = HF__ATTEMPT_ORDER__INIT, *list[] = {&ended};
    Hf__Attempts message = HF__ATTEMPTS__INIT;
    hf_buf_t bytes = {0};
    ended.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    ended.attempt = attempt;
    message.caller_epoch = epoch;
    message.orders = list;
    message.n_orders = 1;
    hf_buf_pack(&bytes, &message.base);
    hf_dispatch_ops.receive(world->dispatch, HF_FROM_CALLER, bytes.data, bytes.size, world->now);
    hf_buf_free(&bytes);
}

static void a_place_is_free_once_its_caller_says_so_and_only_once(void **unused) {
    (void)unused;
    world_t *world = s_setup(1);
    s_settle(world);
    hf_id_t first = s_submit(world, 0, 0);
    s_settle(world);
    uint64_t epoch = hf_link_epoch(world->caller);
    s_submit(world, 0, 0);
    s_submit(world, 0, 0);
    s_ended(world, &first, 2, epoch);
    s_ended(world, &first, 1, epoch + 1);
    s_settle(world);
    assert_int_equal(world->orders, 1); //  Another attempt, another life

    s_ended(world, &first, 1, epoch);
    s_ended(world, &first, 1, epoch);
    s_settle(world);
    assert_int_equal(world->orders, 2);
    s_outcome(world, &first, 1, HF_CLASS_SUCCEEDED);
    s_settle(world);
    assert_int_equal(world->orders, 2); //  Its place was given already
    s_outcome(world, &world->ordered[1], 1, HF_CLASS_SUCCEEDED);
    s_settle(world);
    assert_int_equal(world->orders, 3);
    s_teardown(world);
}

static void what_is_not_due_waits_until_it_is(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    s_settle(world);
    s_submit(world, world->now + 5000, 0);
    s_settle(world);
    assert_int_equal(world->orders, 0);
    assert_true(hf_dispatch_ops.next_deadline(world->dispatch) <= world->now + 5000);
    s_pass(world, 4750);
    assert_int_equal(world->orders, 0);
    s_pass(world, 250);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

static void lost_publications_are_made_good_by_the_next_beat(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    s_settle(world);
    s_submit(world, 0, 0);
    s_settle_losing(world, true);
    assert_int_equal(world->orders, 0);
    s_pass(world, 2000);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

static void a_callers_new_life_makes_its_attempts_uncertain(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    hf_class_t class;
    uint32_t crashes;
    hf_id_t id = s_submit(world, 0, 0);
    s_settle(world);
    assert_int_equal(s_state(world, &id, &class, &crashes), HF_STATE_CALLING);
    s_new_caller(world, 2);
    s_pass(world, 500);
    assert_int_equal(s_state(world, &id, &class, &crashes), HF_STATE_DECIDING);
    assert_int_equal(class, HF_CLASS_UNCERTAIN);
    assert_int_equal(crashes, 1);
    s_teardown(world);
}

static void a_new_life_of_dispatch_orders_again_what_had_started(void **unused) {
    (void)unused;
    world_t *world = s_setup(2);
    hf_class_t class;
    uint32_t crashes;
    hf_id_t first = s_submit(world, 0, 0);
    s_submit(world, 0, 0);
    hf_id_t third = s_submit(world, 0, 0);
    s_settle(world);
    assert_int_equal(world->orders, 2);
    s_new_dispatch(world, 2);
    s_pass(world, 500);
    assert_int_equal(world->orders, 4); //  The same two again: the caller knows them
    assert_int_equal(world->attempts[2], 1);
    assert_int_equal(s_state(world, &first, &class, &crashes), HF_STATE_CALLING);
    s_outcome(world, &first, 1, HF_CLASS_SUCCEEDED);
    s_settle(world);
    assert_int_equal(world->orders, 5);
    assert_true(hf_id_equal(&world->ordered[4], &third));
    s_teardown(world);
}

static void s_gate(world_t *world, hf_gate_event_t event) {
    Hf__Gate gate = HF__GATE__INIT;
    gate.destination = (char *)"d";
    gate.event = event;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_GATE;
    proposal.gate = &gate;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
}

static void a_paused_destination_is_not_called_before_it_is_resumed(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    hf_class_t class;
    uint32_t crashes;
    s_settle(world);
    s_gate(world, HF_GATE_PAUSE);
    s_settle(world);
    s_submit(world, 0, 0);
    hf_id_t late = s_submit(world, 0, world->now + 2000);
    s_pass(world, 4000);
    assert_int_equal(world->orders, 0);
    assert_int_equal(s_state(world, &late, &class, &crashes), HF_STATE_EXPIRED); //  A client's deadline holds
    s_new_dispatch(world, 2);
    s_pass(world, 1000);
    assert_int_equal(world->orders, 0);
    s_gate(world, HF_GATE_RESUME);
    s_settle(world);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

static void retry_after_wakes_the_destination_when_it_has_passed(void **unused) {
    (void)unused;
    world_t *world = s_setup(1);
    hf_id_t first = s_submit(world, 0, 0);
    s_submit(world, 0, 0);
    s_settle(world);
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    attempt.number = 1;
    attempt.class_ = HF_CLASS_FAILED;
    attempt.retry_after = world->now + 10000;
    s_outcome_of(world, &first, &attempt);
    s_settle(world);
    assert_int_equal(hf_dispatch_ops.next_deadline(world->dispatch) > world->now, true);
    s_pass(world, 9750);
    assert_int_equal(world->orders, 1);
    s_pass(world, 250);
    assert_int_equal(world->orders, 2);
    s_teardown(world);
}

static void what_dispatch_does_not_know_yet_the_journal_forbids(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    s_settle(world);
    s_gate(world, HF_GATE_PAUSE);
    s_settle_losing(world, true); //  The pause is durable; dispatch did not hear of it
    s_submit(world, 0, 0);
    s_settle(world);
    s_pass(world, 1000);
    assert_int_equal(world->orders, 0);
    s_gate(world, HF_GATE_RESUME);
    s_pass(world, 500);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

static void an_own_deadline_that_passes_while_waiting_expires_it(void **unused) {
    (void)unused;
    world_t *world = s_setup(1);
    hf_class_t class;
    uint32_t crashes;
    hf_id_t busy = s_submit(world, 0, 0);
    hf_id_t late = s_submit(world, 0, world->now + 2000);
    s_settle(world);
    assert_true(hf_id_equal(&world->ordered[0], &busy));
    s_pass(world, 4000);
    assert_int_equal(s_state(world, &late, &class, &crashes), HF_STATE_EXPIRED);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

//  As those of a blocked key do, all at once.
static void many_that_expire_together_do_so_soon(void **unused) {
    (void)unused;
    enum { MANY = 2000 };
    world_t *world = s_setup(1);
    hf_class_t class;
    uint32_t crashes;
    hf_id_t ids[MANY];
    s_settle(world);
    for (int i = 0; i < MANY; i++) {
        ids[i] = s_submit(world, world->now + 3600000, world->now + 1000);
        if (i % 200 == 0) {
            s_settle(world);
        }
    }
    s_pass(world, 4000);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(s_state(world, &ids[i], &class, &crashes), HF_STATE_EXPIRED);
    }
    s_teardown(world);
}

static void a_rate_is_kept_and_begins_empty(void **unused) {
    (void)unused;
    world_t *world = s_setup(1000);
    world->destination->rate = 4;
    s_settle(world);
    for (int i = 0; i < 100; i++) {
        s_submit(world, 0, 0);
    }
    s_pass(world, 4750); //  Shorter than the time after which unanswered orders are repeated
    assert_in_range(world->orders, 17, 20);
    s_teardown(world);
}

//  A backlog of usual ones, then urgent and patient ones behind it: one call at a time.
static void urgent_ones_come_before_a_backlog_and_patient_ones_are_not_forgotten(void **unused) {
    (void)unused;
    enum { EACH = 40 };
    world_t *world = s_setup(1);
    hf_id_t ids[3][EACH];
    int seen[3] = {0}, by_20[3] = {0};
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < EACH; i++) {
            ids[kind][i] = s_submit_urgent(world, 0, 0, kind == 0 ? 5 : kind == 1 ? 9 : 4);
        }
    }
    s_settle(world);
    for (size_t order = 0; order < 3 * EACH; order++) {
        int kind = 0;
        assert_int_equal(world->orders, order + 1);
        hf_id_t *id = &world->ordered[order];
        while (kind < 2 && (seen[kind] == EACH || !hf_id_equal(&ids[kind][seen[kind]], id))) {
            kind++;
        }
        assert_true(hf_id_equal(&ids[kind][seen[kind]], id)); //  Each kind in its order
        seen[kind]++;
        by_20[kind] += order < 51;
        s_outcome(world, id, 1, HF_CLASS_SUCCEEDED);
        s_settle(world);
    }
    assert_in_range(by_20[1], EACH, EACH); //  32 : 2 : 1
    assert_in_range(by_20[2], 1, 6);
    s_teardown(world);
}

//  Each priority has a clock of its own: one that is due later is not forgotten while others are busy.
static void a_later_one_of_another_priority_is_called_when_it_is_due(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    s_settle(world);
    hf_id_t later = s_submit_urgent(world, world->now + 2000, 0, 8);
    hf_id_t latest = s_submit_urgent(world, world->now + 4000, 0, 2);
    s_settle(world);
    s_submit(world, 0, 0);
    s_settle(world);
    assert_int_equal(world->orders, 1);
    s_pass(world, 2000);
    assert_int_equal(world->orders, 2);
    assert_true(hf_id_equal(&world->ordered[1], &later));
    s_pass(world, 2000);
    assert_int_equal(world->orders, 3);
    assert_true(hf_id_equal(&world->ordered[2], &latest));
    s_teardown(world);
}

//  Its attempt fails, and it is to be called again at that time: what failure decides.
static void s_fail_until(world_t *world, const hf_id_t *id, uint32_t attempt, int64_t due) {
    s_outcome(world, id, attempt, HF_CLASS_FAILED);
    s_settle(world);
    Hf__Verdict verdict = HF__VERDICT__INIT;
    verdict.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    verdict.attempt = attempt;
    verdict.event = HF_EVENT_RETRY_AT;
    verdict.due = due;
    verdict.reason = (char *)"503";
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_VERDICT;
    proposal.verdict = &verdict;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
}

//  So many commands whose first attempt has failed, and whose retry is due in a second.
static void s_make_retries(world_t *world, size_t size) {
    for (size_t i = 0; i < size; i++) {
        s_submit(world, 0, 0);
    }
    s_settle(world);
    assert_int_equal(world->orders, size);
    for (size_t i = 0; i < size; i++) {
        s_fail_until(world, &world->ordered[i], 1, world->now + 1000);
    }
    s_settle(world);
    assert_int_equal(world->orders, size);
}

//  Retries that wait for their budget wait in a queue of their own, however many they are.
static void a_first_attempt_does_not_wait_for_the_budget_of_retries_before_it(void **unused) {
    (void)unused;
    enum { RETRIES = 2000, SAVED = 100 }; //  The budget's floor: ten a second, worth ten seconds
    world_t *world = s_setup(RETRIES);
    world->destination->retry_budget_percent = 0;
    s_settle(world);
    s_make_retries(world, RETRIES);
    s_pass(world, 1000);
    assert_int_equal(world->orders, RETRIES + SAVED);
    world->now++;
    hf_id_t first = s_submit(world, 0, 0);
    s_settle(world);
    assert_int_equal(world->orders, RETRIES + SAVED + 1);
    assert_true(hf_id_equal(&world->ordered[world->orders - 1], &first));
    s_pass(world, 3000); //  What the budget bears goes on
    assert_in_range(world->orders, RETRIES + SAVED + 1 + 29, RETRIES + SAVED + 1 + 31);
    s_teardown(world);
}

//  More comes in than is called; retries come in their turn all the same.
static void retries_do_not_wait_for_the_end_of_new_commands(void **unused) {
    (void)unused;
    enum { PLACES = 20 };
    world_t *world = s_setup(PLACES);
    s_settle(world);
    s_make_retries(world, PLACES);
    size_t ended = PLACES, retries = 0;
    for (int step = 0; step < 40; step++) {
        for (int i = 0; i < 2 * PLACES; i++) {
            s_submit(world, 0, 0);
        }
        s_pass(world, 250);
        for (; ended < world->orders; ended++) {
            retries += world->attempts[ended] == 2;
            s_outcome(world, &world->ordered[ended], world->attempts[ended], HF_CLASS_SUCCEEDED);
        }
    }
    assert_int_equal(retries, PLACES);
    assert_in_range(world->orders, 20 * PLACES, 50 * PLACES); //  New ones are called beside them
    s_teardown(world);
}

//  A journal whose reserve runs low bears one attempt at a time: the next at once after a success, else later.
static void a_journal_that_holds_starts_gets_one_attempt_at_a_time(void **unused) {
    (void)unused;
    world_t *world = s_setup(8);
    s_settle(world);
    hf_journal_hold_starts(world->journal, true);
    s_settle(world);
    for (int i = 0; i < 6; i++) {
        s_submit(world, 0, 0);
    }
    s_pass(world, 3000);
    assert_int_equal(world->orders, 1);
    s_outcome(world, &world->ordered[0], 1, HF_CLASS_SUCCEEDED);
    s_settle(world);
    assert_int_equal(world->orders, 2);
    s_outcome(world, &world->ordered[1], 1, HF_CLASS_FAILED);
    s_settle(world);
    assert_int_equal(world->orders, 2);
    s_new_dispatch(world, 2); //  A new life learns it from the first beat that it hears
    s_pass(world, 2500);
    assert_int_equal(world->orders, 3);
    hf_journal_hold_starts(world->journal, false);
    s_settle(world);
    assert_int_equal(world->orders, 6);
    s_teardown(world);
}

static void a_stopped_dispatch_starts_nothing(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    s_settle(world);
    hf_dispatch_stop(world->dispatch);
    s_submit(world, 0, 0);
    s_pass(world, 1000);
    assert_int_equal(world->orders, 0);
    assert_true(hf_dispatch_is_quiet(world->dispatch));
    s_teardown(world);
}

static void bytes_that_are_no_message_change_nothing(void **unused) {
    (void)unused;
    world_t *world = s_setup(4);
    static const char *const junk[] = {"", "F", "B\0\xff\xff\xff", "A dispatch\0\x08", "\0", "garbage"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        hf_dispatch_ops.receive(world->dispatch, HF_FROM_JOURNAL, junk[i], i == 2 ? 5 : strlen(junk[i]) + 1,
                                world->now);
        hf_dispatch_ops.receive(world->dispatch, HF_FROM_CALLER, junk[i], strlen(junk[i]) + 1, world->now);
    }
    assert_null(hf_dispatch_ops.failure(world->dispatch));
    s_submit(world, 0, 0);
    s_settle(world);
    assert_int_equal(world->orders, 1);
    s_teardown(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_started_durably_then_ordered_once),
        cmocka_unit_test(no_more_than_concurrency_and_a_freed_place_is_taken),
        cmocka_unit_test(a_place_is_free_once_its_caller_says_so_and_only_once),
        cmocka_unit_test(what_is_not_due_waits_until_it_is),
        cmocka_unit_test(lost_publications_are_made_good_by_the_next_beat),
        cmocka_unit_test(a_callers_new_life_makes_its_attempts_uncertain),
        cmocka_unit_test(a_new_life_of_dispatch_orders_again_what_had_started),
        cmocka_unit_test(a_paused_destination_is_not_called_before_it_is_resumed),
        cmocka_unit_test(retry_after_wakes_the_destination_when_it_has_passed),
        cmocka_unit_test(what_dispatch_does_not_know_yet_the_journal_forbids),
        cmocka_unit_test(an_own_deadline_that_passes_while_waiting_expires_it),
        cmocka_unit_test(many_that_expire_together_do_so_soon),
        cmocka_unit_test(a_rate_is_kept_and_begins_empty),
        cmocka_unit_test(urgent_ones_come_before_a_backlog_and_patient_ones_are_not_forgotten),
        cmocka_unit_test(a_later_one_of_another_priority_is_called_when_it_is_due),
        cmocka_unit_test(a_first_attempt_does_not_wait_for_the_budget_of_retries_before_it),
        cmocka_unit_test(retries_do_not_wait_for_the_end_of_new_commands),
        cmocka_unit_test(a_journal_that_holds_starts_gets_one_attempt_at_a_time),
        cmocka_unit_test(a_stopped_dispatch_starts_nothing),
        cmocka_unit_test(bytes_that_are_no_message_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
