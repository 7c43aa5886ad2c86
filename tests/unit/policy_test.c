/*  The rules of retrying, told case by case.  */

#include "failure/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000 };

typedef struct {
    hf_destination_t destination; //  on_uncertain
    hf_pipeline_t pipeline;       //  The policy
    Hf__State state;              //  The command after its first failed attempt
    hf_rng_t rng;                 //  Jitter
} world_t;

static world_t s_world(void) {
    world_t world = {
        .pipeline = {.retry_immediate = 1,
                     .retry_delay_ms = 1000,
                     .retry_factor = 2,
                     .retry_cap_ms = 8000,
                     .retry_jitter = HF_JITTER_NONE,
                     .retry_deadline_ms = 60000},
        .state = HF__STATE__INIT,
        .rng = {7, 0},
    };
    world.state.attempt = 1;
    world.state.class_ = HF_CLASS_FAILED;
    world.state.reason = (char *)"answered 503";
    world.state.round_at = NOW - 10;
    return world;
}

static hf_verdict_t s_decide(world_t *world) {
    world->pipeline.destination = &world->destination;
    return hf_policy_decide(&world->pipeline, &world->state, NOW, &world->rng);
}

static void first_retry_is_immediate_then_delays_double_up_to_the_cap(void **unused) {
    (void)unused;
    static const int64_t delays[] = {0, 1000, 2000, 4000, 8000, 8000};
    world_t world = s_world();
    for (uint32_t attempt = 1; attempt <= 6; attempt++) {
        world.state.attempt = attempt;
        hf_verdict_t verdict = s_decide(&world);
        assert_int_equal(verdict.event, HF_EVENT_RETRY_AT);
        assert_int_equal(verdict.delay_ms, delays[attempt - 1]);
        assert_int_equal(verdict.due, NOW + delays[attempt - 1]);
        assert_string_equal(verdict.reason, "answered 503");
    }
}

static void full_jitter_draws_evenly_between_nothing_and_the_delay(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.pipeline.retry_jitter = HF_JITTER_FULL;
    world.state.attempt = 4; //  4 s
    int64_t sum = 0, least = INT64_MAX, most = 0;
    for (int i = 0; i < 10000; i++) {
        int64_t delay = s_decide(&world).delay_ms;
        assert_in_range(delay, 0, 4000);
        sum += delay;
        least = delay < least ? delay : least;
        most = delay > most ? delay : most;
    }
    assert_in_range(sum / 10000, 1900, 2100);
    assert_true(least < 100 && most > 3900);
}

static void a_huge_attempt_number_does_not_overflow(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.attempt = 4000000000u;
    assert_int_equal(s_decide(&world).delay_ms, 8000);
}

static void rejected_is_dead_at_once(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.class_ = HF_CLASS_REJECTED;
    world.state.reason = (char *)"answered 400 Bad Request";
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_GIVE_UP);
    assert_string_equal(verdict.reason, "rejected: answered 400 Bad Request");
}

static void attempts_are_counted_from_the_round_that_a_person_began(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.pipeline.retry_attempts = 3;
    world.state.attempt = 3;
    assert_int_equal(s_decide(&world).event, HF_EVENT_GIVE_UP);
    world.state.round_attempt = 2;
    assert_int_equal(s_decide(&world).event, HF_EVENT_RETRY_AT);
}

static void past_the_retry_deadline_it_is_dead(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.attempt = 5;
    world.state.round_at = NOW - 60001;
    assert_int_equal(s_decide(&world).event, HF_EVENT_GIVE_UP);
    world.state.round_at = NOW - 60000;
    assert_int_equal(s_decide(&world).event, HF_EVENT_GIVE_UP);
}

static void a_delay_over_the_retry_deadline_leaves_a_last_attempt_at_it(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.attempt = 5; //  8 s
    world.state.round_at = NOW - 60000 + 7000;
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_RETRY_AT);
    assert_int_equal(verdict.due, NOW + 7000);
    world.state.retry_after = NOW + 6000;
    assert_int_equal(s_decide(&world).due, NOW + 7000);
}

static void a_delay_over_its_own_deadline_leaves_a_last_attempt_before_it(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.attempt = 5; //  8 s
    world.state.deadline = NOW + 5000;
    assert_int_equal(s_decide(&world).due, NOW + 4000);
    world.state.retry_after = NOW + 4500; //  Then none fits
    assert_int_equal(s_decide(&world).event, HF_EVENT_EXPIRE);
    world.state.retry_after = 0;
    world.state.deadline = NOW + 999; //  This was the last one
    assert_int_equal(s_decide(&world).event, HF_EVENT_EXPIRE);
}

static void what_was_never_sent_is_called_again_before_others(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.class_ = HF_CLASS_REFUSED;
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.due, world.state.round_at);
    assert_int_equal(verdict.delay_ms, 0);
    world.state.attempt = 2; //  Not at once any more
    assert_int_equal(s_decide(&world).due, NOW + 1000);
}

static void past_its_own_deadline_it_is_expired(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.deadline = NOW;
    assert_int_equal(s_decide(&world).event, HF_EVENT_EXPIRE);
    world.state.deadline = NOW + 1;
    assert_int_equal(s_decide(&world).event, HF_EVENT_RETRY_AT); //  Immediate: it fits
    world.state.attempt = 2;
    assert_int_equal(s_decide(&world).event, HF_EVENT_EXPIRE); //  In one second: it does not
}

static void retry_after_is_a_floor_and_never_shortened(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.retry_after = NOW + 30000;
    assert_int_equal(s_decide(&world).due, NOW + 30000);
    world.state.attempt = 5;
    world.state.retry_after = NOW + 10;
    assert_int_equal(s_decide(&world).due, NOW + 8000);
    world.state.retry_after = NOW + 70000;
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_GIVE_UP);
    assert_non_null(strstr(verdict.reason, "Retry-After"));
    world.state.deadline = NOW + 65000;
    verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_EXPIRE);
    assert_non_null(strstr(verdict.reason, "Retry-After"));
}

static void uncertain_is_called_again_or_held_as_the_destination_says(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.class_ = HF_CLASS_UNCERTAIN;
    assert_int_equal(s_decide(&world).event, HF_EVENT_RETRY_AT);
    world.destination.on_uncertain = HF_ON_UNCERTAIN_HOLD;
    assert_int_equal(s_decide(&world).event, HF_EVENT_HOLD);
    world.state.deadline = NOW - 1; //  Its outcome is unknown all the same
    assert_int_equal(s_decide(&world).event, HF_EVENT_HOLD);
}

static void what_became_of_an_unknown_one_is_asked_before_anything_else(void **unused) {
    (void)unused;
    static const int64_t delays[] = {1000, 2000, 4000, 8000,
                                     8000}; //  None at once: the third party shall be done with it
    world_t world = s_world();
    world.destination.probe = hf_template_new("http://third.example/{" HF_TEMPLATE_ID "}", NULL);
    world.destination.on_uncertain = HF_ON_UNCERTAIN_HOLD;
    world.pipeline.retry_attempts = 1; //  A question is no call
    world.state.class_ = HF_CLASS_UNCERTAIN;
    for (uint32_t asked = 0; asked < 5; asked++) {
        world.state.inquiries = asked;
        world.state.inquiry = asked > 0;
        hf_verdict_t verdict = s_decide(&world);
        assert_int_equal(verdict.event, HF_EVENT_RETRY_AT);
        assert_true(verdict.inquire);
        assert_int_equal(verdict.due, NOW + delays[asked]);
    }
    world.state.class_ = HF_CLASS_FAILED; //  It was not done
    assert_int_equal(s_decide(&world).event, HF_EVENT_GIVE_UP);
    world.pipeline.retry_attempts = 2;
    assert_int_equal(s_decide(&world).event, HF_EVENT_RETRY_AT);
    assert_false(s_decide(&world).inquire);
    hf_template_destroy(&world.destination.probe);
}

static void what_is_unknown_at_the_deadline_ends_as_the_destination_says(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.destination.probe = hf_template_new("http://third.example/{" HF_TEMPLATE_ID "}", NULL);
    world.state.class_ = HF_CLASS_UNCERTAIN;
    world.state.inquiry = true;
    world.state.round_at = NOW - 60001;
    assert_int_equal(s_decide(&world).event, HF_EVENT_GIVE_UP);
    world.state.deadline = NOW - 1;
    assert_int_equal(s_decide(&world).event, HF_EVENT_EXPIRE);
    world.destination.on_uncertain = HF_ON_UNCERTAIN_HOLD;
    assert_int_equal(s_decide(&world).event, HF_EVENT_HOLD);
    world.state.deadline = 0;
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_HOLD);
    assert_false(verdict.inquire);
    hf_template_destroy(&world.destination.probe);
    verdict = s_decide(&world); //  Nowhere to ask any more
    assert_int_equal(verdict.event, HF_EVENT_HOLD);
}

//  It is due as it was before: neither the delay nor a retry deadline that has passed since it began is its fault.
static void what_no_caller_was_asked_for_is_due_at_once_whatever_came_before(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.class_ = HF_CLASS_REFUSED;
    world.state.unasked = true;
    world.state.attempt = 6;
    world.state.round_attempt = 1;
    world.pipeline.retry_attempts = 5;
    world.state.round_at = NOW - 60001;
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_RETRY_AT);
    assert_int_equal(verdict.due, NOW - 60001);
    assert_int_equal(verdict.delay_ms, 0);
    assert_false(verdict.inquire);

    world.destination.probe = hf_template_new("http://third.example/{" HF_TEMPLATE_ID "}", NULL);
    world.state.class_ = HF_CLASS_UNCERTAIN;
    world.state.inquiry = true;
    world.state.inquiries = 3;
    verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_RETRY_AT);
    assert_int_equal(verdict.due, NOW - 60001);
    assert_true(verdict.inquire);
    hf_template_destroy(&world.destination.probe);

    world.state.deadline = NOW; //  Its own deadline holds
    assert_int_equal(s_decide(&world).event, HF_EVENT_EXPIRE);
}

static void poison_is_dead_after_three_callers(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.state.class_ = HF_CLASS_UNCERTAIN;
    world.state.crashes = 2;
    assert_int_equal(s_decide(&world).event, HF_EVENT_RETRY_AT);
    world.state.crashes = 3;
    world.destination.on_uncertain = HF_ON_UNCERTAIN_HOLD;
    hf_verdict_t verdict = s_decide(&world);
    assert_int_equal(verdict.event, HF_EVENT_GIVE_UP);
    assert_non_null(strstr(verdict.reason, "poison"));
}

static void a_pipeline_that_is_gone_is_retried_by_the_defaults(void **unused) {
    (void)unused;
    world_t world = s_world();
    assert_int_equal(hf_policy_decide(NULL, &world.state, NOW, &world.rng).event, HF_EVENT_RETRY_AT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_retry_is_immediate_then_delays_double_up_to_the_cap),
        cmocka_unit_test(full_jitter_draws_evenly_between_nothing_and_the_delay),
        cmocka_unit_test(a_huge_attempt_number_does_not_overflow),
        cmocka_unit_test(rejected_is_dead_at_once),
        cmocka_unit_test(attempts_are_counted_from_the_round_that_a_person_began),
        cmocka_unit_test(past_the_retry_deadline_it_is_dead),
        cmocka_unit_test(a_delay_over_the_retry_deadline_leaves_a_last_attempt_at_it),
        cmocka_unit_test(a_delay_over_its_own_deadline_leaves_a_last_attempt_before_it),
        cmocka_unit_test(what_was_never_sent_is_called_again_before_others),
        cmocka_unit_test(past_its_own_deadline_it_is_expired),
        cmocka_unit_test(retry_after_is_a_floor_and_never_shortened),
        cmocka_unit_test(uncertain_is_called_again_or_held_as_the_destination_says),
        cmocka_unit_test(what_became_of_an_unknown_one_is_asked_before_anything_else),
        cmocka_unit_test(what_is_unknown_at_the_deadline_ends_as_the_destination_says),
        cmocka_unit_test(what_no_caller_was_asked_for_is_due_at_once_whatever_came_before),
        cmocka_unit_test(poison_is_dead_after_three_callers),
        cmocka_unit_test(a_pipeline_that_is_gone_is_retried_by_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
