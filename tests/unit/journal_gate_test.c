/*  What the journal lets begin, and what ends mean for a destination, against a real file.  */

#include "unit/journal_world.h"

static uint32_t s_begin(world_t *world, peer_t *peer, hf_id_t *id) {
    assert_done(world, peer, w_submit(world, id));
    return w_propose(world, peer, w_start(world, id, 1, peer->epoch));
}

static const Hf__Fact *s_newest_fact(const world_t *world) {
    return world->facts[world->facts_size - 1];
}

static void what_is_paused_is_accepted_and_held(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t id;
    assert_done(world, &peer, w_gate(world, HF_GATE_PAUSE, 0));
    assert_int_equal(s_newest_fact(world)->event, HF_GATE_PAUSE);
    assert_int_equal(s_newest_fact(world)->id.len, 0);
    assert_string_equal(s_newest_fact(world)->destination, "d");
    size_t facts = world->facts_size;
    assert_done(world, &peer, w_gate(world, HF_GATE_PAUSE, 0));
    assert_int_equal(world->facts_size, facts); //  It was true already
    assert_int_equal(s_begin(world, &peer, &id), HF_RESULT_STALE);
    assert_state(world, &id, HF_STATE_ACCEPTED);
    w_new_journal(world); //  It survives
    peer = w_peer(world, "ingress", 2);
    assert_int_equal(w_propose(world, &peer, w_start(world, &id, 1, peer.epoch)), HF_RESULT_STALE);
    assert_done(world, &peer, w_gate(world, HF_GATE_RESUME, 0));
    assert_done(world, &peer, w_start(world, &id, 1, peer.epoch));
    w_verify(world);
    w_destroy(world);
}

static void a_repeated_pause_does_not_undo_a_later_resume(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    assert_done(world, &peer, w_gate(world, HF_GATE_PAUSE, 0));
    assert_done(world, &peer, w_gate(world, HF_GATE_RESUME, 0));
    assert_int_equal(w_propose_as(world, &peer, 1, w_gate(world, HF_GATE_PAUSE, 0), NULL), HF_RESULT_DONE);
    assert_false(w_destination(world, "d")->paused);
    w_destroy(world);
}

static void retry_after_holds_for_the_whole_destination(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    hf_id_t first, second;
    assert_int_equal(s_begin(world, &peer, &first), HF_RESULT_DONE);
    Hf__Proposal *outcome = w_outcome(world, &first, 1, peer.epoch, HF_CLASS_FAILED);
    outcome->outcome->attempt->retry_after = world->now + 10000;
    assert_done(world, &peer, outcome);
    assert_int_equal(s_newest_fact(world)->event, HF_GATE_BLOCK);
    assert_int_equal(s_newest_fact(world)->due, world->now + 10000);
    assert_int_equal(s_begin(world, &peer, &second), HF_RESULT_STALE);
    world->now += 9999;
    assert_int_equal(w_propose(world, &peer, w_start(world, &second, 1, peer.epoch)), HF_RESULT_STALE);
    world->now += 1;
    assert_done(world, &peer, w_start(world, &second, 1, peer.epoch));
    w_verify(world);
    w_destroy(world);
}

static void an_answer_that_will_never_work_blocks_nothing(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "call.0", 1);
    hf_id_t id;
    assert_int_equal(s_begin(world, &peer, &id), HF_RESULT_DONE);
    Hf__Proposal *outcome = w_outcome(world, &id, 1, peer.epoch, HF_CLASS_REJECTED);
    outcome->outcome->attempt->retry_after = world->now + 10000;
    assert_done(world, &peer, outcome);
    assert_null(w_destination(world, "d"));
    w_destroy(world);
}

static void through_an_open_circuit_one_probe_goes_and_costs_its_command_nothing(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t first, second;
    assert_done(world, &peer, w_gate(world, HF_GATE_OPEN, 0));
    uint64_t opened = s_newest_fact(world)->seq;
    assert_int_equal(s_begin(world, &peer, &first), HF_RESULT_STALE);
    assert_int_equal(s_begin(world, &peer, &second), HF_RESULT_STALE);
    world->now += 1000;
    assert_done(world, &peer, w_start(world, &first, 1, peer.epoch));
    assert_true(s_newest_fact(world)->probe);
    assert_int_equal(w_propose(world, &peer, w_start(world, &second, 1, peer.epoch)), HF_RESULT_STALE);
    w_verify(world);
    assert_done(world, &peer, w_outcome(world, &first, 1, peer.epoch, HF_CLASS_UNCERTAIN));
    assert_int_equal(s_newest_fact(world)->event, HF_GATE_OPEN);
    assert_int_equal(s_newest_fact(world)->due, world->now + 1000);
    assert_int_equal(w_state(world, &first)->round_attempt, 1); //  As if it had not been made
    assert_int_equal(w_propose(world, &peer, w_start(world, &second, 1, peer.epoch)), HF_RESULT_STALE);
    world->now += 1000;
    assert_done(world, &peer, w_start(world, &second, 1, peer.epoch));
    assert_done(world, &peer, w_outcome(world, &second, 1, peer.epoch, HF_CLASS_REJECTED));
    assert_int_equal(s_newest_fact(world)->event, HF_GATE_RAMP); //  An answer is an answer
    assert_int_equal(w_state(world, &second)->round_attempt, 0);
    //  Who decides over the circuit must know what it is now
    assert_int_equal(w_propose(world, &peer, w_gate(world, HF_GATE_CLOSE, opened)), HF_RESULT_STALE);
    assert_done(world, &peer, w_gate(world, HF_GATE_CLOSE, w_destination(world, "d")->circuit_fact));
    assert_int_equal(w_destination(world, "d")->circuit, HF_CIRCUIT_CLOSED);
    w_verify(world);
    w_destroy(world);
}

static void what_cannot_be_is_malformed(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    Hf__Proposal *open = w_gate(world, HF_GATE_OPEN, 0);
    open->gate->cooldown = 0;
    assert_int_equal(w_propose(world, &peer, open), HF_RESULT_MALFORMED);
    assert_int_equal(w_propose(world, &peer, w_gate(world, HF_GATE_RAMP, 0)), HF_RESULT_MALFORMED);
    assert_int_equal(w_propose(world, &peer, w_gate(world, HF_GATE_BLOCK, 0)), HF_RESULT_MALFORMED);
    assert_int_equal(w_propose(world, &peer, w_gate(world, 77, 0)), HF_RESULT_MALFORMED);
    Hf__Proposal *nobody = w_gate(world, HF_GATE_PAUSE, 0);
    nobody->gate->destination = (char *)"";
    assert_int_equal(w_propose(world, &peer, nobody), HF_RESULT_MALFORMED);
    assert_null(w_destination(world, "d"));
    w_destroy(world);
}

//  Damages the record, and expects verify to say so.
static void s_expect_problem(world_t *world, Hf__Destination *record, const char *says) {
    hf_error_t error = {{0}};
    w_problems_t problems = {.silent = true};
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_destination(world->store, record, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_true(hf_store_verify(world->reader, w_on_problem, &problems, &error) > 0);
    if (!strstr(problems.first, says)) {
        fail_msg("%s", problems.first);
    }
}

static void verify_knows_what_a_record_must_be(void **unused) {
    (void)unused;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t id;
    assert_done(world, &peer, w_gate(world, HF_GATE_OPEN, 0));
    world->now += 1000;
    assert_int_equal(s_begin(world, &peer, &id), HF_RESULT_DONE);
    w_verify(world);
    Hf__Destination *record = w_destination(world, "d"), bad = *record;
    bad.probe = (ProtobufCBinaryData){0, NULL};
    s_expect_problem(world, &bad, "not every probe");
    bad = *record;
    bad.last_fact--;
    s_expect_problem(world, &bad, "fact");
    bad = *record;
    bad.cooldown = 0;
    s_expect_problem(world, &bad, "no cooldown");
    bad = *record;
    bad.probe = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    s_expect_problem(world, &bad, "names a probe");
    w_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_paused_is_accepted_and_held),
        cmocka_unit_test(a_repeated_pause_does_not_undo_a_later_resume),
        cmocka_unit_test(retry_after_holds_for_the_whole_destination),
        cmocka_unit_test(an_answer_that_will_never_work_blocks_nothing),
        cmocka_unit_test(through_an_open_circuit_one_probe_goes_and_costs_its_command_nothing),
        cmocka_unit_test(what_cannot_be_is_malformed),
        cmocka_unit_test(verify_knows_what_a_record_must_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
