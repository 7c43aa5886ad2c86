/*  Ordered keys in the journal: whose turn it is, who is parked, and what becomes of the others when a command ends, dies, is decided
 *  over, or comes twice.  */

#include "unit/journal_world.h"

static hf_id_t s_submit(world_t *world, peer_t *peer, const char *key) {
    hf_id_t id;
    assert_done(world, peer, w_submit_ordered(world, key, &id));
    return id;
}

//  The one whose turn it is begins an attempt, and it ends so; `next` follows where it failed.
static void s_attempt(world_t *world, peer_t *peer, const hf_id_t *id, hf_class_t class, hf_event_t next,
                      bool overtake) {
    uint32_t attempt = w_state(world, id)->attempt + 1;
    assert_done(world, peer, w_start(world, id, attempt, peer->epoch));
    assert_done(world, peer, w_outcome(world, id, attempt, peer->epoch, class));
    if (class != HF_CLASS_SUCCEEDED) {
        Hf__Proposal *verdict = w_verdict(world, id, attempt, next);
        verdict->verdict->overtake = overtake;
        assert_done(world, peer, verdict);
    }
}

static void s_succeed(world_t *world, peer_t *peer, const hf_id_t *id) {
    s_attempt(world, peer, id, HF_CLASS_SUCCEEDED, HF_EVENT_SUBMIT, false);
}

static void the_first_of_a_key_has_its_turn_and_the_next_gets_it_when_it_ends(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    hf_id_t a = s_submit(world, &peer, "k"), b = s_submit(world, &peer, "k"), c = s_submit(world, &peer, "k");
    hf_id_t other = s_submit(world, &peer, "l");
    assert_state(world, &a, HF_STATE_ACCEPTED);
    assert_state(world, &b, HF_STATE_PARKED);
    assert_state(world, &c, HF_STATE_PARKED);
    assert_state(world, &other, HF_STATE_ACCEPTED);
    assert_non_null(strstr(w_state(world, &b)->reason, "waits for its turn"));
    assert_int_equal(w_propose(world, &peer, w_start(world, &b, 1, peer.epoch)), HF_RESULT_STALE);
    w_verify(world);
    world->now += 5000;
    s_succeed(world, &peer, &a);
    assert_state(world, &b, HF_STATE_ACCEPTED);
    assert_state(world, &c, HF_STATE_PARKED);
    assert_string_equal(w_state(world, &b)->reason, "");
    assert_int_equal(w_state(world, &b)->round_at, world->now); //  Its time for retries begins with its turn
    Hf__Fact *fact = world->facts[world->facts_size - 1];
    assert_int_equal(fact->event, HF_EVENT_RELEASE);
    assert_memory_equal(fact->id.data, b.bytes, 16);
    w_verify(world);
    s_succeed(world, &peer, &b);
    s_succeed(world, &peer, &c);
    hf_id_t d = s_submit(world, &peer, "k");
    assert_state(world, &d, HF_STATE_ACCEPTED);
    w_verify(world);
    w_destroy(world);
}

//  Order is what the journal applied, in one commit or over several, not what the ids say.
static void order_is_that_of_the_journal_also_within_a_commit_and_a_batch(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t early, late, lines[3];
    (void)state;
    Hf__Proposal *submits[2] = {w_submit_ordered(world, "k", &early), w_submit_ordered(world, "k", &late)};
    Hf__Proposal *swapped[2] = {submits[1], submits[0]};
    w_send_run(world, &peer, peer.next, swapped, 2);
    peer.next += 2;
    w_commit(world);
    assert_state(world, &late, HF_STATE_ACCEPTED);
    assert_state(world, &early, HF_STATE_PARKED);
    Hf__Proposal *batch = w_take_proposal(world, HF__PROPOSAL__WHAT_SUBMIT_BATCH);
    Hf__Command *commands[3];
    Hf__SubmitBatch several = HF__SUBMIT_BATCH__INIT;
    for (int i = 0; i < 3; i++) {
        commands[i] = w_submit_ordered(world, i == 1 ? "l" : "m", &lines[i])->submit->command;
    }
    several.commands = commands;
    several.n_commands = 3;
    batch->submit_batch = &several;
    assert_done(world, &peer, batch);
    assert_state(world, &lines[0], HF_STATE_ACCEPTED);
    assert_state(world, &lines[1], HF_STATE_ACCEPTED);
    assert_state(world, &lines[2], HF_STATE_PARKED);
    assert_done(world, &peer, batch); //  Repeated under a new number: it is there already
    assert_done(world, &peer, submits[0]);
    assert_state(world, &lines[2], HF_STATE_PARKED);
    assert_state(world, &early, HF_STATE_PARKED);
    assert_int_equal(w_count(world, "d", HF_STATE_PARKED), 2);
    w_verify(world);
    w_destroy(world);
}

static void what_is_parked_can_be_cancelled_and_expires_and_the_rest_moves_up(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    hf_id_t a = s_submit(world, &peer, "k"), b = s_submit(world, &peer, "k"), c = s_submit(world, &peer, "k"),
            d = s_submit(world, &peer, "k");
    assert_done(world, &peer, w_decide(world, &b, HF_EVENT_CANCEL));
    assert_done(world, &peer, w_verdict(world, &c, 0, HF_EVENT_EXPIRE));
    assert_state(world, &d, HF_STATE_PARKED);
    w_verify(world);
    assert_done(world, &peer, w_decide(world, &a, HF_EVENT_CANCEL));
    assert_state(world, &b, HF_STATE_CANCELLED);
    assert_state(world, &c, HF_STATE_EXPIRED);
    assert_state(world, &d, HF_STATE_ACCEPTED);
    hf_id_t e = s_submit(world, &peer, "k");
    assert_done(world, &peer, w_verdict(world, &d, 0, HF_EVENT_EXPIRE));
    assert_state(world, &e, HF_STATE_ACCEPTED);
    w_verify(world);
    w_destroy(world);
}

//  Dead or held: both stop their key.
static void a_dead_command_blocks_its_key_until_somebody_decides(void **state) {
    (void)state;
    static const hf_event_t ways[] = {HF_EVENT_DISCARD, HF_EVENT_RESOLVE, HF_EVENT_RETRY};
    for (int held = 0; held < 2; held++) {
        for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
            world_t *world = w_new(MAP);
            peer_t peer = w_peer(world, "ingress", 1);
            hf_id_t a = s_submit(world, &peer, "k"), b = s_submit(world, &peer, "k");
            s_attempt(world, &peer, &a, HF_CLASS_UNCERTAIN, held ? HF_EVENT_HOLD : HF_EVENT_GIVE_UP, false);
            assert_state(world, &b, HF_STATE_PARKED);
            w_verify(world);
            assert_done(world, &peer, w_decide(world, &a, ways[way]));
            if (ways[way] == HF_EVENT_RETRY) {
                assert_state(world, &a, HF_STATE_ACCEPTED);
                assert_state(world, &b, HF_STATE_PARKED);
                s_succeed(world, &peer, &a);
            }
            assert_state(world, &b, HF_STATE_ACCEPTED);
            w_verify(world);
            w_destroy(world);
        }
    }
}

//  Overtaken: its key goes on. Retried, it takes its old place again, before all that were accepted later and have not begun.
static void an_overtaken_command_that_is_retried_comes_next(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    hf_id_t a = s_submit(world, &peer, "k"), b = s_submit(world, &peer, "k"), c = s_submit(world, &peer, "k");
    s_attempt(world, &peer, &a, HF_CLASS_REJECTED, HF_EVENT_GIVE_UP, true);
    assert_state(world, &a, HF_STATE_DEAD);
    assert_state(world, &b, HF_STATE_ACCEPTED);
    w_verify(world);
    assert_done(world, &peer, w_decide(world, &a, HF_EVENT_RETRY));
    assert_state(world, &a, HF_STATE_PARKED);
    assert_int_equal(world->facts[world->facts_size - 1]->event, HF_EVENT_PARK);
    w_verify(world);
    s_succeed(world, &peer, &b);
    assert_state(world, &a, HF_STATE_ACCEPTED);
    assert_state(world, &c, HF_STATE_PARKED);
    s_attempt(world, &peer, &a, HF_CLASS_UNCERTAIN, HF_EVENT_HOLD, true);
    assert_state(world, &a, HF_STATE_UNCERTAIN);
    assert_state(world, &c, HF_STATE_ACCEPTED);
    s_succeed(world, &peer, &c);
    assert_done(world, &peer, w_decide(world, &a, HF_EVENT_RETRY)); //  Nobody has the turn: it has it
    assert_state(world, &a, HF_STATE_ACCEPTED);
    hf_id_t d = s_submit(world, &peer, "k");
    assert_state(world, &d, HF_STATE_PARKED);
    s_attempt(world, &peer, &a, HF_CLASS_REJECTED, HF_EVENT_GIVE_UP,
              false); //  Since then the pipeline says block
    assert_state(world, &d, HF_STATE_PARKED);
    assert_done(world, &peer, w_decide(world, &a, HF_EVENT_DISCARD));
    assert_state(world, &d, HF_STATE_ACCEPTED);
    w_verify(world);
    w_destroy(world);
}

static void a_retry_within_its_turn_keeps_it(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    hf_id_t a = s_submit(world, &peer, "k"), b = s_submit(world, &peer, "k");
    s_attempt(world, &peer, &a, HF_CLASS_FAILED, HF_EVENT_RETRY_AT, false);
    assert_state(world, &a, HF_STATE_WAITING);
    assert_state(world, &b, HF_STATE_PARKED);
    w_verify(world);
    w_new_journal(world);
    peer = w_peer(world, "ingress", 2);
    s_succeed(world, &peer, &a);
    assert_state(world, &b, HF_STATE_ACCEPTED);
    w_verify(world);
    w_destroy(world);
}

//  The same key of another pipeline, or without order, is another key.
static void keys_of_other_pipelines_and_unordered_ones_do_not_wait(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t other, plain;
    (void)state;
    s_submit(world, &peer, "k");
    Hf__Proposal *submit = w_submit_ordered(world, "k", &other);
    submit->submit->command->pipeline = (char *)"q";
    assert_done(world, &peer, submit);
    submit = w_submit(world, &plain);
    submit->submit->command->key = (char *)"k";
    assert_done(world, &peer, submit);
    assert_state(world, &other, HF_STATE_ACCEPTED);
    assert_state(world, &plain, HF_STATE_ACCEPTED);
    w_verify(world);
    w_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_a_key_has_its_turn_and_the_next_gets_it_when_it_ends),
        cmocka_unit_test(order_is_that_of_the_journal_also_within_a_commit_and_a_batch),
        cmocka_unit_test(what_is_parked_can_be_cancelled_and_expires_and_the_rest_moves_up),
        cmocka_unit_test(a_dead_command_blocks_its_key_until_somebody_decides),
        cmocka_unit_test(an_overtaken_command_that_is_retried_comes_next),
        cmocka_unit_test(a_retry_within_its_turn_keeps_it),
        cmocka_unit_test(keys_of_other_pipelines_and_unordered_ones_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
