/*  Dispatch against a real journal core and a real file, told step by step. The test is the network: it carries every envelope itself,
 *  or loses it.  */

#include "dispatch/dispatch_core.h"
#include "unit/journal_world.h"

typedef struct {
    world_t *world;                //  Journal, file, pipeline "p" to destination "d"
    hf_destination_t *destination; //  "d", to be changed by a story
    actor_t *actor;                //  Dispatch in it
    hf_dispatch_t *dispatch;       //  Its present life
    peer_t client;                 //  Stands for ingress and failure: sends what a story wants proposed
    peer_t caller;                 //  Stands for call.0
    hf_id_t ordered[4096];         //  Orders that reached caller 0, in order
    uint32_t attempts[4096];       //  Their attempt numbers
    size_t orders;                 //  How many
    uint64_t caller_epoch;         //  In the newest orders
} story_t;

//  Orders for callers.
static void s_take_orders(void *context, const hf_envelope_t *envelope) {
    story_t *story = context;
    Hf__Attempts *message = hf__attempts__unpack(NULL, envelope->size, envelope->data);
    assert_int_equal(envelope->to, HF_TO_CALLER);
    assert_non_null(message);
    story->caller_epoch = message->caller_epoch;
    for (size_t i = 0; i < message->n_orders; i++) {
        assert_true(hf_id_from(&story->ordered[story->orders], message->orders[i]->id.data,
                               message->orders[i]->id.len));
        story->attempts[story->orders++] = message->orders[i]->attempt;
    }
    hf__attempts__free_unpacked(message, NULL);
}

static void s_new_dispatch(story_t *story) {
    w_new_life(story->actor);
    story->dispatch = story->actor->core;
}

static void s_new_caller(story_t *story, uint8_t life) {
    story->caller = w_peer(story->world, "call.0", life);
}

static story_t *s_setup(int concurrency) {
    story_t *story = hf_alloc(sizeof *story);
    story->world = w_new(MAP);
    w_configure(story->world, "destination = d\n"
                              "    url = \"http://third/\"\n"
                              "pipeline = p\n"
                              "    destination = d\n");
    story->destination = story->world->config->destinations[0];
    story->destination->concurrency = concurrency;
    story->world->config->callers = 1;
    story->world->on_said = s_take_orders;
    story->world->on_said_context = story;
    story->actor = w_join(story->world, "dispatch");
    story->dispatch = story->actor->core;
    story->client = w_peer(story->world, "client", 1);
    s_new_caller(story, 1);
    return story;
}

static void s_teardown(story_t *story) {
    w_destroy(story->world);
    free(story);
}

//  Lets everything that is under way arrive, at one time.
static void s_settle(story_t *story) {
    w_rounds(story->world, 12);
}

//  Time goes by, with the journal's beats.
static void s_pass(story_t *story, int64_t ms) {
    w_pass(story->world, ms);
}

static void s_propose(story_t *story, peer_t *peer, Hf__Proposal *proposal) {
    assert_done(story->world, peer, proposal);
    w_clear(story->world);
}

static hf_id_t s_submit_urgent(story_t *story, int64_t not_before, int64_t deadline, int priority) {
    hf_id_t id;
    Hf__Proposal *submit = w_submit(story->world, &id);
    submit->submit->command->not_before = not_before;
    submit->submit->command->deadline = deadline;
    submit->submit->command->urgency = priority - HF_PRIORITY_USUAL;
    s_propose(story, &story->client, submit);
    return id;
}

static hf_id_t s_submit(story_t *story, int64_t not_before, int64_t deadline) {
    return s_submit_urgent(story, not_before, deadline, HF_PRIORITY_USUAL);
}

static void s_outcome(story_t *story, const hf_id_t *id, uint32_t number, hf_class_t class) {
    s_propose(story, &story->caller, w_outcome(story->world, id, number, story->caller.epoch, class));
}

static void a_command_is_started_durably_then_ordered_once(void **unused) {
    (void)unused;
    story_t *story = s_setup(8);
    s_settle(story);
    hf_id_t id = s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, 1);
    assert_true(hf_id_equal(&story->ordered[0], &id));
    assert_int_equal(story->attempts[0], 1);
    assert_int_equal(story->caller_epoch, story->caller.epoch);
    s_pass(story, 3000);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

static void no_more_than_concurrency_and_a_freed_place_is_taken(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    hf_id_t ids[10];
    for (int i = 0; i < 10; i++) {
        ids[i] = s_submit(story, 0, 0);
    }
    s_settle(story);
    assert_int_equal(story->orders, 4);
    for (int i = 0; i < 10; i++) {
        assert_true(hf_id_equal(&story->ordered[i], &ids[i])); //  In order of acceptance
        s_outcome(story, &ids[i], 1, HF_CLASS_SUCCEEDED);
        s_settle(story);
        assert_int_equal(story->orders, i + 5 < 10 ? i + 5 : 10);
    }
    s_teardown(story);
}

//  As a caller says it.
static void s_ended(story_t *story, const hf_id_t *id, uint32_t attempt, uint64_t epoch) {
    Hf__AttemptOrder ended = HF__ATTEMPT_ORDER__INIT, *list[] = {&ended};
    Hf__Attempts message = HF__ATTEMPTS__INIT;
    hf_buf_t bytes = {0};
    ended.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    ended.attempt = attempt;
    message.caller_epoch = epoch;
    message.orders = list;
    message.n_orders = 1;
    hf_buf_pack(&bytes, &message.base);
    hf_dispatch_ops.receive(story->dispatch, HF_FROM_CALLER, bytes.data, bytes.size, story->world->now);
    hf_buf_free(&bytes);
}

static void a_place_is_free_once_its_caller_says_so_and_only_once(void **unused) {
    (void)unused;
    story_t *story = s_setup(1);
    s_settle(story);
    hf_id_t first = s_submit(story, 0, 0);
    s_settle(story);
    uint64_t epoch = story->caller.epoch;
    s_submit(story, 0, 0);
    s_submit(story, 0, 0);
    s_ended(story, &first, 2, epoch);
    s_ended(story, &first, 1, epoch + 1);
    s_settle(story);
    assert_int_equal(story->orders, 1); //  Another attempt, another life

    s_ended(story, &first, 1, epoch);
    s_ended(story, &first, 1, epoch);
    s_settle(story);
    assert_int_equal(story->orders, 2);
    s_outcome(story, &first, 1, HF_CLASS_SUCCEEDED);
    s_settle(story);
    assert_int_equal(story->orders, 2); //  Its place was given already
    s_outcome(story, &story->ordered[1], 1, HF_CLASS_SUCCEEDED);
    s_settle(story);
    assert_int_equal(story->orders, 3);
    s_teardown(story);
}

static void s_gate(story_t *story, hf_gate_event_t event) {
    s_propose(story, &story->client, w_gate(story->world, event, 0));
}

static void s_took(story_t *story, const hf_id_t *id, uint32_t number, hf_class_t class, uint32_t us) {
    Hf__Proposal *outcome = w_outcome(story->world, id, number, story->caller.epoch, class);
    outcome->outcome->attempt->total_us = us;
    outcome->outcome->attempt->http_status = class == HF_CLASS_FAILED ? 500 : 0;
    s_propose(story, &story->caller, outcome);
}

//  A third party that has just shown to be quick; then three times as many commands as it has places: a third is ordered, and a third has
//  started ahead of a place.
static story_t *s_setup_places(int places, hf_id_t *ids) {
    story_t *story = s_setup(places);
    s_settle(story);
    for (int i = 0; i < 2; i++) {
        hf_id_t id = s_submit(story, 0, 0);
        s_settle(story);
        story->world->now += 250 * i; //  A window of the latency ends
        s_took(story, &id, 1, HF_CLASS_SUCCEEDED, 1000);
        s_settle(story);
    }
    for (int i = 0; i < 3 * places; i++) {
        ids[i] = s_submit(story, 0, 0);
        s_settle(story);
    }
    assert_int_equal(story->orders, 2 + places);
    for (int i = 0; i < 3 * places; i++) {
        assert_state(story->world, &ids[i], i < 2 * places ? HF_STATE_CALLING : HF_STATE_ACCEPTED);
    }
    return story;
}

static story_t *s_setup_line(hf_id_t ids[6]) {
    return s_setup_places(2, ids);
}

static void starts_go_ahead_of_places_and_are_ordered_in_turn(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    for (int i = 0; i < 6; i++) {
        assert_true(hf_id_equal(&story->ordered[2 + i], &ids[i]));
        s_ended(story, &ids[i], 1, story->caller.epoch);
        s_settle(story);
        assert_int_equal(story->orders, i + 5 < 8 ? i + 5 : 8); //  Two at once, never more
    }
    s_teardown(story);
}

//  What was started and not called goes back to the queue, and it costs none of its attempts.
static void who_is_in_line_when_the_gate_closes_is_not_called(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    s_gate(story, HF_GATE_PAUSE);
    s_settle(story);
    s_ended(story, &ids[0], 1, story->caller.epoch);
    s_ended(story, &ids[1], 1, story->caller.epoch);
    s_settle(story);
    assert_int_equal(story->orders, 4);
    for (int i = 2; i < 4; i++) {
        const Hf__State *state = w_state(story->world, &ids[i]);
        assert_int_equal(state->state, HF_STATE_DECIDING);
        assert_int_equal(state->class_, HF_CLASS_REFUSED);
        assert_int_equal(state->attempt - state->round_attempt, 0);
        assert_string_equal(state->reason, "not called: its destination is held");
    }
    s_teardown(story);
}

static void who_gets_no_place_in_time_goes_back(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    s_pass(story, 2000); //  The two that are called hang
    assert_int_equal(story->orders, 4);
    assert_state(story->world, &ids[1], HF_STATE_CALLING);
    assert_state(story->world, &ids[2], HF_STATE_DECIDING);
    assert_state(story->world, &ids[3], HF_STATE_DECIDING);
    assert_state(story->world, &ids[4], HF_STATE_ACCEPTED); //  And nobody goes ahead any more
    s_teardown(story);
}

//  A dispatch that did not run for a while has places to give all the same.
static void who_is_in_line_gets_a_free_place_however_late_it_is(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    story->world->now += 2000;
    s_ended(story, &ids[0], 1, story->caller.epoch);
    s_ended(story, &ids[1], 1, story->caller.epoch);
    s_settle(story);
    assert_int_equal(story->orders, 2 + 4);
    assert_true(hf_id_equal(&story->ordered[4], &ids[2]));
    assert_true(hf_id_equal(&story->ordered[5], &ids[3]));
    s_teardown(story);
}

//  What the journal took for a Start is not what its third party took.
static void a_slow_disk_sends_nobody_back(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    s_ended(story, &ids[0], 1, story->caller.epoch);
    hf_dispatch_ops.tick(story->dispatch, story->world->now); //  A place for ids[2], and ids[4] is proposed
    story->world->now += 1500;
    s_settle(story);
    assert_state(story->world, &ids[3], HF_STATE_DECIDING);
    assert_state(story->world, &ids[4], HF_STATE_CALLING);
    s_pass(story, 1500);
    assert_state(story->world, &ids[4], HF_STATE_DECIDING);
    s_teardown(story);
}

//  What an earlier life may have asked for keeps its turn; whoever stands behind it goes back all the same.
static void who_is_in_line_behind_another_lifes_goes_back(void **unused) {
    (void)unused;
    hf_id_t ids[9];
    story_t *story = s_setup_places(3, ids);
    s_new_dispatch(story);
    story->orders = 0;
    s_pass(story, 500); //  0 to 2 are called again, 3 to 5 are in line
    assert_int_equal(story->orders, 3);
    for (int i = 0; i < 2; i++) {
        story->world->now += 250 * i;
        s_took(story, &ids[i], 1, HF_CLASS_SUCCEEDED, 1000);
        s_settle(story);
    }
    assert_int_equal(story->orders, 5); //  5 is in line, and 6 and 7 behind it
    assert_state(story->world, &ids[7], HF_STATE_CALLING);
    hf_dispatch_stop(story->dispatch);
    s_settle(story);
    assert_true(hf_dispatch_is_quiet(story->dispatch));
    assert_int_equal(story->orders, 5);
    assert_state(story->world, &ids[5], HF_STATE_CALLING);
    assert_state(story->world, &ids[6], HF_STATE_DECIDING);
    assert_state(story->world, &ids[7], HF_STATE_DECIDING);
    s_teardown(story);
}

//  Answers that come too late say that it is quick no more, whether or not the limit may be lowered for it.
static void nobody_goes_ahead_where_calls_time_out(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    story->destination->adaptive = false;
    s_took(story, &ids[0], 1, HF_CLASS_UNCERTAIN, 30000000);
    s_took(story, &ids[1], 1, HF_CLASS_UNCERTAIN, 30000000);
    s_settle(story);
    assert_int_equal(story->orders, 2 + 4);
    assert_state(story->world, &ids[4], HF_STATE_ACCEPTED);
    s_teardown(story);
}

static void a_stopping_dispatch_calls_nobody_who_is_in_line(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    hf_dispatch_stop(story->dispatch);
    assert_false(hf_dispatch_is_quiet(story->dispatch));
    s_settle(story);
    assert_true(hf_dispatch_is_quiet(story->dispatch));
    s_ended(story, &ids[0], 1, story->caller.epoch);
    s_settle(story);
    assert_int_equal(story->orders, 4);
    assert_state(story->world, &ids[2], HF_STATE_DECIDING);
    s_teardown(story);
}

//  A new life knows the order of the Starts, not which of them its caller had; the oldest are asked for.
static void a_new_life_orders_no_more_than_there_are_places(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    s_new_dispatch(story);
    s_pass(story, 1000);
    assert_int_equal(story->orders, 4 + 2);
    assert_true(hf_id_equal(&story->ordered[4], &ids[0]) || hf_id_equal(&story->ordered[5], &ids[0]));
    assert_true(hf_id_equal(&story->ordered[4], &ids[1]) || hf_id_equal(&story->ordered[5], &ids[1]));
    s_outcome(story, &ids[0], 1, HF_CLASS_SUCCEEDED);
    s_settle(story);
    assert_int_equal(story->orders, 7);
    assert_true(hf_id_equal(&story->ordered[6], &ids[2]));
    s_teardown(story);
}

//  Nobody asked it for what was in line: that is known, and needs no person.
static void what_was_in_line_when_its_caller_died_was_never_sent(void **unused) {
    (void)unused;
    hf_id_t ids[6];
    story_t *story = s_setup_line(ids);
    s_new_caller(story, 2);
    s_pass(story, 500);
    assert_int_equal(w_state(story->world, &ids[0])->class_, HF_CLASS_UNCERTAIN);
    assert_int_equal(w_state(story->world, &ids[2])->class_, HF_CLASS_REFUSED);
    s_teardown(story);
}

static void nobody_goes_ahead_where_there_is_a_rate_or_a_person_would_decide(void **unused) {
    (void)unused;
    for (int which = 0; which < 3; which++) {
        hf_id_t ids[6];
        story_t *story = s_setup_line(ids);
        story->destination->rate = which == 0 ? 1000 : 0;
        story->destination->on_uncertain = which == 1 ? HF_ON_UNCERTAIN_HOLD
                                                      : HF_ON_UNCERTAIN_RETRY; //  2: neither
        s_outcome(story, &ids[0], 1, HF_CLASS_SUCCEEDED);                      //  A place, and a look
        s_outcome(story, &ids[1], 1, HF_CLASS_SUCCEEDED);
        s_settle(story);
        assert_state(story->world, &ids[2], HF_STATE_CALLING);
        assert_state(story->world, &ids[4], which == 2 ? HF_STATE_CALLING : HF_STATE_ACCEPTED);
        s_teardown(story);
    }
}

static void what_is_not_due_waits_until_it_is(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    s_submit(story, story->world->now + 5000, 0);
    s_settle(story);
    assert_int_equal(story->orders, 0);
    assert_true(hf_dispatch_ops.next_deadline(story->dispatch) <= story->world->now + 5000);
    s_pass(story, 4750);
    assert_int_equal(story->orders, 0);
    s_pass(story, 250);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

static void lost_publications_are_made_good_by_the_next_beat(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    story->actor->deaf = true;
    s_submit(story, 0, 0);
    s_settle(story);
    story->actor->deaf = false;
    assert_int_equal(story->orders, 0);
    s_pass(story, 2000);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

static void a_callers_new_life_makes_its_attempts_uncertain(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    hf_id_t id = s_submit(story, 0, 0);
    s_settle(story);
    assert_state(story->world, &id, HF_STATE_CALLING);
    s_new_caller(story, 2);
    s_pass(story, 500);
    assert_state(story->world, &id, HF_STATE_DECIDING);
    assert_int_equal(w_state(story->world, &id)->class_, HF_CLASS_UNCERTAIN);
    assert_int_equal(w_state(story->world, &id)->crashes, 1);
    s_teardown(story);
}

//  Neither what was answered already, nor what an earlier life of dispatch may have ordered: where more dies than a caller, nobody knows
//  what it was busy with, and three such days make no poison.
static void only_what_a_caller_was_busy_with_may_be_why_it_died(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    hf_id_t answered = s_submit(story, 0, 0);
    s_settle(story);
    s_ended(story, &answered, 1, story->caller.epoch);
    s_new_caller(story, 2);
    s_pass(story, 500);
    assert_state(story->world, &answered, HF_STATE_DECIDING);
    assert_int_equal(w_state(story->world, &answered)->class_, HF_CLASS_UNCERTAIN);
    assert_int_equal(w_state(story->world, &answered)->crashes, 0);

    hf_id_t before = s_submit(story, 0, 0);
    s_settle(story);
    assert_state(story->world, &before, HF_STATE_CALLING);
    s_new_caller(story, 3);
    s_new_dispatch(story);
    s_pass(story, 500);
    assert_state(story->world, &before, HF_STATE_DECIDING);
    assert_int_equal(w_state(story->world, &before)->class_, HF_CLASS_UNCERTAIN);
    assert_int_equal(w_state(story->world, &before)->crashes, 0);
    s_teardown(story);
}

static void a_new_life_of_dispatch_orders_again_what_had_started(void **unused) {
    (void)unused;
    story_t *story = s_setup(2);
    hf_id_t first = s_submit(story, 0, 0);
    s_submit(story, 0, 0);
    hf_id_t third = s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, 2);
    s_new_dispatch(story);
    s_pass(story, 500);
    assert_int_equal(story->orders, 4); //  The same two again: the caller knows them
    assert_int_equal(story->attempts[2], 1);
    assert_state(story->world, &first, HF_STATE_CALLING);
    s_outcome(story, &first, 1, HF_CLASS_SUCCEEDED);
    s_settle(story);
    assert_int_equal(story->orders, 5);
    assert_true(hf_id_equal(&story->ordered[4], &third));
    s_teardown(story);
}

static void a_paused_destination_is_not_called_before_it_is_resumed(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    s_gate(story, HF_GATE_PAUSE);
    s_settle(story);
    s_submit(story, 0, 0);
    hf_id_t late = s_submit(story, 0, story->world->now + 2000);
    s_pass(story, 4000);
    assert_int_equal(story->orders, 0);
    assert_state(story->world, &late, HF_STATE_EXPIRED); //  A client's deadline holds
    s_new_dispatch(story);
    s_pass(story, 1000);
    assert_int_equal(story->orders, 0);
    s_gate(story, HF_GATE_RESUME);
    s_settle(story);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

static void retry_after_wakes_the_destination_when_it_has_passed(void **unused) {
    (void)unused;
    story_t *story = s_setup(1);
    hf_id_t first = s_submit(story, 0, 0);
    s_submit(story, 0, 0);
    s_settle(story);
    Hf__Proposal *outcome = w_outcome(story->world, &first, 1, story->caller.epoch, HF_CLASS_FAILED);
    outcome->outcome->attempt->retry_after = story->world->now + 10000;
    s_propose(story, &story->caller, outcome);
    s_settle(story);
    assert_int_equal(hf_dispatch_ops.next_deadline(story->dispatch) > story->world->now, true);
    s_pass(story, 9750);
    assert_int_equal(story->orders, 1);
    s_pass(story, 250);
    assert_int_equal(story->orders, 2);
    s_teardown(story);
}

static void what_dispatch_does_not_know_yet_the_journal_forbids(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    story->actor->deaf = true;
    s_gate(story, HF_GATE_PAUSE); //  Durable; dispatch did not hear of it
    s_settle(story);
    story->actor->deaf = false;
    s_submit(story, 0, 0);
    s_settle(story);
    s_pass(story, 1000);
    assert_int_equal(story->orders, 0);
    s_gate(story, HF_GATE_RESUME);
    s_pass(story, 500);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

static void an_own_deadline_that_passes_while_waiting_expires_it(void **unused) {
    (void)unused;
    story_t *story = s_setup(1);
    hf_id_t busy = s_submit(story, 0, 0);
    hf_id_t late = s_submit(story, 0, story->world->now + 2000);
    s_settle(story);
    assert_true(hf_id_equal(&story->ordered[0], &busy));
    s_pass(story, 4000);
    assert_state(story->world, &late, HF_STATE_EXPIRED);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

//  As those of a blocked key do, all at once.
static void many_that_expire_together_do_so_soon(void **unused) {
    (void)unused;
    enum { MANY = 2000 };
    story_t *story = s_setup(1);
    hf_id_t ids[MANY];
    s_settle(story);
    for (int i = 0; i < MANY; i++) {
        ids[i] = s_submit(story, story->world->now + 3600000, story->world->now + 1000);
        if (i % 200 == 0) {
            s_settle(story);
        }
    }
    s_pass(story, 4000);
    for (int i = 0; i < MANY; i++) {
        assert_state(story->world, &ids[i], HF_STATE_EXPIRED);
    }
    s_teardown(story);
}

static void a_rate_is_kept_and_begins_empty(void **unused) {
    (void)unused;
    story_t *story = s_setup(1000);
    story->destination->rate = 4;
    s_settle(story);
    for (int i = 0; i < 100; i++) {
        s_submit(story, 0, 0);
    }
    s_pass(story, 4750); //  Shorter than the time after which unanswered orders are repeated
    assert_in_range(story->orders, 17, 20);
    s_teardown(story);
}

//  Dispatch learns from the newest facts what its last life has begun, also where `keep` has taken all but the newest few.
static void a_slow_rate_is_kept_over_a_restart_after_facts_have_left(void **unused) {
    (void)unused;
    enum { EARLIER = 8200 }; //  Two facts each: more than a new life reads
    story_t *story = s_setup(8);
    story->destination->rate = 1.0 / 60;
    for (int i = 0; i < EARLIER; i++) {
        hf_id_t id = s_submit(story, story->world->now + 3600000, 0);
        s_propose(story, &story->client, w_decide(story->world, &id, HF_EVENT_CANCEL));
    }
    s_pass(story, W_KEEP_MS + 2000);
    s_submit(story, 0, 0);
    s_submit(story, 0, 0);
    s_pass(story, 1000);
    assert_int_equal(story->orders, 1);
    s_outcome(story, &story->ordered[0], 1, HF_CLASS_SUCCEEDED);
    s_new_dispatch(story);
    s_pass(story, 57000);
    assert_int_equal(story->orders, 1);
    s_pass(story, 4000);
    assert_int_equal(story->orders, 2);
    s_teardown(story);
}

//  A backlog of usual ones, then urgent and patient ones behind it: one call at a time.
static void urgent_ones_come_before_a_backlog_and_patient_ones_are_not_forgotten(void **unused) {
    (void)unused;
    enum { EACH = 40 };
    story_t *story = s_setup(1);
    hf_id_t ids[3][EACH];
    int seen[3] = {0}, by_20[3] = {0};
    for (int kind = 0; kind < 3; kind++) {
        for (int i = 0; i < EACH; i++) {
            ids[kind][i] = s_submit_urgent(story, 0, 0, kind == 0 ? 5 : kind == 1 ? 9 : 4);
        }
    }
    s_settle(story);
    for (size_t order = 0; order < 3 * EACH; order++) {
        int kind = 0;
        assert_int_equal(story->orders, order + 1);
        hf_id_t *id = &story->ordered[order];
        while (kind < 2 && (seen[kind] == EACH || !hf_id_equal(&ids[kind][seen[kind]], id))) {
            kind++;
        }
        assert_true(hf_id_equal(&ids[kind][seen[kind]], id)); //  Each kind in its order
        seen[kind]++;
        by_20[kind] += order < 51;
        s_outcome(story, id, 1, HF_CLASS_SUCCEEDED);
        s_settle(story);
    }
    assert_in_range(by_20[1], EACH, EACH); //  32 : 2 : 1
    assert_in_range(by_20[2], 1, 6);
    s_teardown(story);
}

//  Each priority has a clock of its own: one that is due later is not forgotten while others are busy.
static void a_later_one_of_another_priority_is_called_when_it_is_due(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    hf_id_t later = s_submit_urgent(story, story->world->now + 2000, 0, 8);
    hf_id_t latest = s_submit_urgent(story, story->world->now + 4000, 0, 2);
    s_settle(story);
    s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, 1);
    s_pass(story, 2000);
    assert_int_equal(story->orders, 2);
    assert_true(hf_id_equal(&story->ordered[1], &later));
    s_pass(story, 2000);
    assert_int_equal(story->orders, 3);
    assert_true(hf_id_equal(&story->ordered[2], &latest));
    s_teardown(story);
}

//  It is to be called again at that time: what failure decides.
static void s_retry_at(story_t *story, const hf_id_t *id, uint32_t attempt, int64_t due) {
    Hf__Proposal *verdict = w_verdict(story->world, id, attempt, HF_EVENT_RETRY_AT);
    verdict->verdict->due = due;
    s_propose(story, &story->client, verdict);
}

static void s_fail_until(story_t *story, const hf_id_t *id, uint32_t attempt, int64_t due) {
    s_outcome(story, id, attempt, HF_CLASS_FAILED);
    s_settle(story);
    s_retry_at(story, id, attempt, due);
}

//  So many commands whose first attempt has failed, and whose retry is due in a second.
static void s_make_retries(story_t *story, size_t size) {
    for (size_t i = 0; i < size; i++) {
        s_submit(story, 0, 0);
    }
    s_settle(story);
    assert_int_equal(story->orders, size);
    for (size_t i = 0; i < size; i++) {
        s_fail_until(story, &story->ordered[i], 1, story->world->now + 1000);
    }
    s_settle(story);
    assert_int_equal(story->orders, size);
}

//  Retries that wait for their budget wait in a queue of their own, however many they are.
static void a_first_attempt_does_not_wait_for_the_budget_of_retries_before_it(void **unused) {
    (void)unused;
    enum { RETRIES = 2000, SAVED = 100 }; //  The budget's floor: ten a second, worth ten seconds
    story_t *story = s_setup(RETRIES);
    story->destination->retry_budget_percent = 0;
    s_settle(story);
    s_make_retries(story, RETRIES);
    s_pass(story, 1000);
    assert_int_equal(story->orders, RETRIES + SAVED);
    story->world->now++;
    hf_id_t first = s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, RETRIES + SAVED + 1);
    assert_true(hf_id_equal(&story->ordered[story->orders - 1], &first));
    s_pass(story, 3000); //  What the budget bears goes on
    assert_in_range(story->orders, RETRIES + SAVED + 1 + 29, RETRIES + SAVED + 1 + 31);
    s_teardown(story);
}

//  More comes in than is called; retries come in their turn all the same.
static void retries_do_not_wait_for_the_end_of_new_commands(void **unused) {
    (void)unused;
    enum { PLACES = 20 };
    story_t *story = s_setup(PLACES);
    s_settle(story);
    s_make_retries(story, PLACES);
    size_t ended = PLACES, retries = 0;
    for (int step = 0; step < 40; step++) {
        for (int i = 0; i < 2 * PLACES; i++) {
            s_submit(story, 0, 0);
        }
        s_pass(story, 250);
        for (; ended < story->orders; ended++) {
            retries += story->attempts[ended] == 2;
            s_outcome(story, &story->ordered[ended], story->attempts[ended], HF_CLASS_SUCCEEDED);
        }
    }
    assert_int_equal(retries, PLACES);
    assert_in_range(story->orders, 20 * PLACES, 50 * PLACES); //  New ones are called beside them
    s_teardown(story);
}

//  What goes ahead and is not called uses up nothing that is for calls.
static void what_was_not_called_costs_no_budget(void **unused) {
    (void)unused;
    hf_id_t ids[4];
    story_t *story = s_setup(2);
    story->destination->retry_budget_percent = 0;
    s_settle(story);
    for (int i = 0; i < 2; i++) {
        ids[i] = s_submit(story, 0, 0);
        s_settle(story);
        story->world->now += 250 * i;
        s_took(story, &ids[i], 1, HF_CLASS_FAILED, 1000);
        s_settle(story);
    }
    ids[2] = s_submit(story, 0, 0);
    ids[3] = s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, 4);
    for (uint32_t attempt = 1; attempt < 150; attempt++) {
        s_retry_at(story, &ids[0], attempt, story->world->now);
        s_retry_at(story, &ids[1], attempt, story->world->now);
        s_settle(story);
        assert_state(story->world, &ids[1], HF_STATE_CALLING); //  In line, and not called
        s_gate(story, HF_GATE_PAUSE);
        s_settle(story);
        assert_state(story->world, &ids[1], HF_STATE_DECIDING);
        s_gate(story, HF_GATE_RESUME);
        s_settle(story);
    }
    assert_int_equal(story->orders, 4);
    s_teardown(story);
}

//  The caller dies with all that it has in hand; everything is due again at once.
static void s_crash(story_t *story, const hf_id_t *ids, size_t size, uint32_t attempt) {
    s_new_caller(story, (uint8_t)(attempt + 1));
    s_pass(story, 250);
    for (size_t i = 0; i < size; i++) {
        s_retry_at(story, &ids[i], attempt, story->world->now);
    }
    story->orders = 0;
    s_settle(story);
}

//  Two callers died with four commands in hand: one of them may be poison, and nobody knows which. From then on they begin one by one,
//  so that the third caller that dies makes poison of one; what is new is called beside it.
static void what_two_callers_died_with_is_called_one_at_a_time(void **unused) {
    (void)unused;
    enum { SIZE = 4 };
    story_t *story = s_setup(8);
    hf_id_t ids[SIZE];
    for (int i = 0; i < SIZE; i++) {
        ids[i] = s_submit(story, 0, 0);
    }
    s_settle(story);
    s_crash(story, ids, SIZE, 1);
    assert_int_equal(story->orders, SIZE);
    s_crash(story, ids, SIZE, 2);
    assert_int_equal(story->orders, 1);
    hf_id_t other = s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, 2);
    assert_true(hf_id_equal(&story->ordered[1], &other));

    s_new_dispatch(story); //  A new life knows whom the earlier one has called
    s_pass(story, 500);
    assert_int_equal(story->orders, 4); //  The same two again
    s_new_caller(story, 9);
    s_pass(story, 500);
    int poison = 0;
    for (int i = 0; i < SIZE; i++) {
        poison += w_state(story->world, &ids[i])->crashes == HF_CRASHES_MAX;
    }
    assert_int_equal(poison, 1);
    assert_int_equal(story->orders, 5); //  The next one
    s_outcome(story, &story->ordered[4], 3, HF_CLASS_SUCCEEDED);
    s_pass(story, 250);
    assert_int_equal(story->orders, 6); //  And the third, which hangs
    s_pass(story, 500);
    assert_int_equal(story->orders, 6);
    s_pass(story, 750);
    assert_int_equal(story->orders, 7); //  The last one does not wait for its end
    s_teardown(story);
}

//  However much stands in line: it does not wait for a time at which nobody goes ahead.
static void what_two_callers_died_with_is_called_while_others_go_ahead(void **unused) {
    (void)unused;
    story_t *story = s_setup(2);
    hf_id_t poison = s_submit(story, 0, 0);
    s_settle(story);
    s_crash(story, &poison, 1, 1);
    s_new_caller(story, 3);
    s_pass(story, 250);
    assert_int_equal(w_state(story->world, &poison)->crashes, 2);
    story->orders = 0;
    for (int i = 0; i < 20; i++) {
        s_submit(story, 0, 0);
    }
    s_settle(story);
    for (size_t ended = 0; ended < 100; ended++) {
        if (hf_id_equal(&story->ordered[ended], &poison)) {
            assert_int_equal(story->attempts[ended], 3);
            s_teardown(story);
            return;
        }
        story->world->now += ended < 4 ? 250 : 5;
        s_took(story, &story->ordered[ended], 1, HF_CLASS_SUCCEEDED, 1000);
        if (ended == 8) {
            s_retry_at(story, &poison, 2, story->world->now);
        }
        s_submit(story, 0, 0);
        s_settle(story);
        assert_int_equal(story->orders, ended + 3); //  The places are in use all the time
    }
    fail_msg("it was not called");
}

//  A journal whose reserve runs low bears one attempt at a time: the next at once after a success, else later.
static void a_journal_that_holds_starts_gets_one_attempt_at_a_time(void **unused) {
    (void)unused;
    story_t *story = s_setup(8);
    s_settle(story);
    hf_journal_hold_starts(story->world->journal, true);
    s_settle(story);
    for (int i = 0; i < 6; i++) {
        s_submit(story, 0, 0);
    }
    s_pass(story, 3000);
    assert_int_equal(story->orders, 1);
    s_outcome(story, &story->ordered[0], 1, HF_CLASS_SUCCEEDED);
    s_settle(story);
    assert_int_equal(story->orders, 2);
    s_outcome(story, &story->ordered[1], 1, HF_CLASS_FAILED);
    s_settle(story);
    assert_int_equal(story->orders, 2);
    s_new_dispatch(story); //  A new life learns it from the first beat that it hears
    s_pass(story, 2500);
    assert_int_equal(story->orders, 3);
    hf_journal_hold_starts(story->world->journal, false);
    s_settle(story);
    assert_int_equal(story->orders, 6);
    s_teardown(story);
}

static void a_stopped_dispatch_starts_nothing(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    s_settle(story);
    hf_dispatch_stop(story->dispatch);
    s_submit(story, 0, 0);
    s_pass(story, 1000);
    assert_int_equal(story->orders, 0);
    assert_true(hf_dispatch_is_quiet(story->dispatch));
    s_teardown(story);
}

static void bytes_that_are_no_message_change_nothing(void **unused) {
    (void)unused;
    story_t *story = s_setup(4);
    static const char *const junk[] = {"", "F", "B\0\xff\xff\xff", "A dispatch\0\x08", "\0", "garbage"};
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        hf_dispatch_ops.receive(story->dispatch, HF_FROM_JOURNAL, junk[i], i == 2 ? 5 : strlen(junk[i]) + 1,
                                story->world->now);
        hf_dispatch_ops.receive(story->dispatch, HF_FROM_CALLER, junk[i], strlen(junk[i]) + 1,
                                story->world->now);
    }
    assert_null(hf_dispatch_ops.failure(story->dispatch));
    s_submit(story, 0, 0);
    s_settle(story);
    assert_int_equal(story->orders, 1);
    s_teardown(story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_started_durably_then_ordered_once),
        cmocka_unit_test(no_more_than_concurrency_and_a_freed_place_is_taken),
        cmocka_unit_test(a_place_is_free_once_its_caller_says_so_and_only_once),
        cmocka_unit_test(starts_go_ahead_of_places_and_are_ordered_in_turn),
        cmocka_unit_test(who_is_in_line_when_the_gate_closes_is_not_called),
        cmocka_unit_test(who_gets_no_place_in_time_goes_back),
        cmocka_unit_test(who_is_in_line_gets_a_free_place_however_late_it_is),
        cmocka_unit_test(a_slow_disk_sends_nobody_back),
        cmocka_unit_test(who_is_in_line_behind_another_lifes_goes_back),
        cmocka_unit_test(nobody_goes_ahead_where_calls_time_out),
        cmocka_unit_test(what_was_not_called_costs_no_budget),
        cmocka_unit_test(what_two_callers_died_with_is_called_while_others_go_ahead),
        cmocka_unit_test(a_stopping_dispatch_calls_nobody_who_is_in_line),
        cmocka_unit_test(a_new_life_orders_no_more_than_there_are_places),
        cmocka_unit_test(what_was_in_line_when_its_caller_died_was_never_sent),
        cmocka_unit_test(nobody_goes_ahead_where_there_is_a_rate_or_a_person_would_decide),
        cmocka_unit_test(what_is_not_due_waits_until_it_is),
        cmocka_unit_test(lost_publications_are_made_good_by_the_next_beat),
        cmocka_unit_test(a_callers_new_life_makes_its_attempts_uncertain),
        cmocka_unit_test(only_what_a_caller_was_busy_with_may_be_why_it_died),
        cmocka_unit_test(a_new_life_of_dispatch_orders_again_what_had_started),
        cmocka_unit_test(a_paused_destination_is_not_called_before_it_is_resumed),
        cmocka_unit_test(retry_after_wakes_the_destination_when_it_has_passed),
        cmocka_unit_test(what_dispatch_does_not_know_yet_the_journal_forbids),
        cmocka_unit_test(an_own_deadline_that_passes_while_waiting_expires_it),
        cmocka_unit_test(many_that_expire_together_do_so_soon),
        cmocka_unit_test(a_rate_is_kept_and_begins_empty),
        cmocka_unit_test(a_slow_rate_is_kept_over_a_restart_after_facts_have_left),
        cmocka_unit_test(urgent_ones_come_before_a_backlog_and_patient_ones_are_not_forgotten),
        cmocka_unit_test(a_later_one_of_another_priority_is_called_when_it_is_due),
        cmocka_unit_test(a_first_attempt_does_not_wait_for_the_budget_of_retries_before_it),
        cmocka_unit_test(retries_do_not_wait_for_the_end_of_new_commands),
        cmocka_unit_test(what_two_callers_died_with_is_called_one_at_a_time),
        cmocka_unit_test(a_journal_that_holds_starts_gets_one_attempt_at_a_time),
        cmocka_unit_test(a_stopped_dispatch_starts_nothing),
        cmocka_unit_test(bytes_that_are_no_message_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
