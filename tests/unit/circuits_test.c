/*  Failure's circuits over a real file: which are proposed to open, and what a new life still knows.  */

#include "base/gate.h"
#include "failure/circuits.h"
#include "unit/journal_world.h"

typedef struct {
    world_t *world;          //  Journal and file
    peer_t peer;             //  Who proposes commands, attempts, and what is to open
    hf_config_t *config;     //  "d" with a circuit, "e" without
    hf_circuits_t *circuits; //  What is tested
    size_t followed;         //  Facts that it was told
    int opened;              //  Proposals
    bool full;               //  There is no room for them
    Hf__Gate gate;           //  The newest
} story_t;

static story_t s_begin(void) {
    story_t story = {.world = w_new(MAP)};
    story.peer = w_peer(story.world, "failure", 1);
    story.config = hf_config_new();
    hf_destination_t *destination = hf_destination_new("d");
    destination->circuit_of = 4;
    destination->circuit_cooldown_ms = 1000;
    hf_config_add_destination(story.config, destination);
    hf_config_add_destination(story.config, hf_destination_new("e"));
    story.circuits = hf_circuits_new(story.config, story.world->reader);
    return story;
}

static void s_end(story_t *story) {
    hf_circuits_destroy(&story->circuits);
    hf_config_destroy(&story->config);
    w_destroy(story->world);
}

static void s_follow(story_t *story) {
    while (story->followed < story->world->facts_size) {
        hf_circuits_on_fact(story->circuits, story->world->facts[story->followed++]);
    }
}

static bool s_on_open(void *context, int number, Hf__Gate *gate) {
    story_t *story = context;
    assert_int_equal(number, 0);
    if (story->full) {
        return false;
    }
    story->gate = *gate;
    story->opened++;
    return true;
}

static void s_decide(story_t *story) {
    hf_error_t error;
    assert_int_equal(hf_circuits_decide(story->circuits, s_on_open, story, &error), 0);
}

static void s_fail(story_t *story, int times) {
    world_t *world = story->world;
    for (int i = 0; i < times; i++) {
        hf_id_t id;
        assert_done(world, &story->peer, w_submit(world, &id));
        assert_done(world, &story->peer, w_start(world, &id, 1, story->peer.epoch));
        Hf__Proposal *outcome = w_outcome(world, &id, 1, story->peer.epoch, HF_CLASS_FAILED);
        outcome->outcome->attempt->total_us = 500;
        assert_done(world, &story->peer, outcome);
    }
    s_follow(story);
}

//  What was proposed reaches the journal.
static uint32_t s_open(story_t *story, uint64_t circuit_fact) {
    return w_propose(story->world, &story->peer, w_gate(story->world, HF_GATE_OPEN, circuit_fact));
}

static void too_many_failures_are_proposed_once(void **unused) {
    (void)unused;
    story_t story = s_begin();
    s_fail(&story, 1);
    s_decide(&story);
    assert_int_equal(story.opened, 0);
    s_fail(&story, 1); //  Half of the last four, whatever the others
    assert_true(hf_circuits_are_due(story.circuits));
    s_decide(&story);
    assert_int_equal(story.opened, 1);
    assert_int_equal(story.gate.event, HF_GATE_OPEN);
    assert_int_equal(story.gate.cooldown, 1000);
    assert_int_equal(story.gate.circuit_fact, 0);
    assert_false(hf_circuits_are_due(story.circuits));
    s_fail(&story, 1); //  It is under way
    s_decide(&story);
    assert_int_equal(story.opened, 1);
    assert_int_equal(s_open(&story, 0), HF_RESULT_DONE);
    s_follow(&story);
    hf_circuits_on_answer(story.circuits, 0);
    s_decide(&story);
    assert_int_equal(story.opened, 1); //  It is open
    s_end(&story);
}

static void without_room_it_is_asked_again(void **unused) {
    (void)unused;
    story_t story = s_begin();
    s_fail(&story, 2);
    story.full = true;
    s_decide(&story);
    assert_int_equal(story.opened, 0);
    assert_true(hf_circuits_are_due(story.circuits));
    story.full = false;
    s_decide(&story);
    assert_int_equal(story.opened, 1);
    s_end(&story);
}

static void a_proposal_that_came_to_nothing_is_made_anew(void **unused) {
    (void)unused;
    story_t story = s_begin();
    s_fail(&story, 2);
    s_decide(&story);
    hf_circuits_on_answer(story.circuits, 0); //  Stale, and nothing has changed
    s_decide(&story);
    assert_int_equal(story.opened, 2);
    s_end(&story);
}

static void a_new_life_goes_on_counting_where_the_facts_are(void **unused) {
    (void)unused;
    story_t story = s_begin();
    s_fail(&story, 1);
    hf_circuits_destroy(&story.circuits);
    story.circuits = hf_circuits_new(story.config, story.world->reader);
    s_fail(&story, 1);
    s_decide(&story);
    assert_int_equal(story.opened, 1);
    s_end(&story);
}

static void where_nobody_has_a_circuit_nothing_is_counted(void **unused) {
    (void)unused;
    story_t story = s_begin();
    hf_circuits_destroy(&story.circuits);
    story.config->destinations[0]->circuit_of = 0;
    story.circuits = hf_circuits_new(story.config, story.world->reader);
    s_fail(&story, 10);
    hf_circuits_distrust(story.circuits);
    s_decide(&story);
    assert_int_equal(story.opened, 0);
    s_end(&story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_many_failures_are_proposed_once),
        cmocka_unit_test(without_room_it_is_asked_again),
        cmocka_unit_test(a_proposal_that_came_to_nothing_is_made_anew),
        cmocka_unit_test(a_new_life_goes_on_counting_where_the_facts_are),
        cmocka_unit_test(where_nobody_has_a_circuit_nothing_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
