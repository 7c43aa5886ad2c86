/*  When a circuit opens, and what it remembers of better times.  */

#include "failure/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW = 100000000 };

typedef struct {
    hf_destination_t destination; //  50 % of the last 20
    hf_breaker_t breaker;         //  What is tested
    hf_gate_t gate;               //  What its record says
    int64_t now;                  //  The story's time
} world_t;

static world_t s_world(void) {
    return (world_t){.destination = {.circuit_failures_percent = 50, .circuit_of = 20}, .now = NOW};
}

static void s_end(world_t *world, hf_class_t class, uint32_t status, uint32_t took_us) {
    Hf__Fact fact = HF__FACT__INIT;
    fact.class_ = class;
    fact.http_status = status;
    fact.took_us = took_us;
    fact.at = world->now;
    hf_breaker_end(&world->breaker, &world->destination, &fact, &world->gate);
}

static bool s_trips(const world_t *world) {
    return hf_breaker_trips(&world->breaker, &world->destination);
}

static void s_many(world_t *world, int n, hf_class_t class) {
    for (int i = 0; i < n; i++) {
        s_end(world, class, class == HF_CLASS_SUCCEEDED ? 200 : 503, 1000);
    }
}

static void it_opens_when_the_share_is_reached_whatever_the_rest_were(void **unused) {
    (void)unused;
    world_t world = s_world();
    s_many(&world, 9, HF_CLASS_FAILED);
    assert_false(s_trips(&world));
    s_many(&world, 1, HF_CLASS_REFUSED);
    assert_true(s_trips(&world)); //  10 of 10: ten successes more would still be 50 %
    hf_breaker_free(&world.breaker);
}

static void only_the_last_attempts_count(void **unused) {
    (void)unused;
    world_t world = s_world();
    s_many(&world, 9, HF_CLASS_UNCERTAIN);
    s_many(&world, 11, HF_CLASS_SUCCEEDED);
    s_many(&world, 1, HF_CLASS_FAILED); //  The oldest failure leaves as this one comes
    assert_false(s_trips(&world));
    s_many(&world, 100, HF_CLASS_SUCCEEDED);
    s_many(&world, 9, HF_CLASS_FAILED);
    assert_false(s_trips(&world));
    s_many(&world, 1, HF_CLASS_FAILED);
    assert_true(s_trips(&world));
    hf_breaker_free(&world.breaker);
}

static void answers_and_wishes_for_less_are_no_failures(void **unused) {
    (void)unused;
    world_t world = s_world();
    for (int i = 0; i < 100; i++) {
        s_end(&world, HF_CLASS_REJECTED, 404, 1000);
        s_end(&world, HF_CLASS_FAILED, 429, 1000);
        s_end(&world, HF_CLASS_UNCERTAIN, 0, 0); //  Lost with its caller
    }
    assert_false(s_trips(&world));
    hf_breaker_free(&world.breaker);
}

static void attempts_from_before_the_circuit_changed_tell_nothing(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.gate = (hf_gate_t){.circuit = HF_CIRCUIT_RAMPING, .circuit_since = NOW};
    world.now = NOW + 5000;
    for (int i = 0; i < 100; i++) {
        s_end(&world, HF_CLASS_UNCERTAIN, 0, 30000000); //  They hung all through the outage
    }
    assert_false(s_trips(&world));
    s_many(&world, 10, HF_CLASS_FAILED);
    assert_true(s_trips(&world));
    hf_breaker_clear(&world.breaker);
    assert_false(s_trips(&world));
    hf_breaker_free(&world.breaker);
}

static void without_a_circuit_nothing_trips(void **unused) {
    (void)unused;
    world_t world = s_world();
    world.destination.circuit_of = 0;
    s_many(&world, 100, HF_CLASS_FAILED);
    assert_false(s_trips(&world));
    hf_breaker_free(&world.breaker);
}

static void the_steady_rate_is_that_of_whole_healthy_seconds(void **unused) {
    (void)unused;
    world_t world = s_world();
    for (int second = 0; second < 10; second++) {
        s_many(&world, 1000, HF_CLASS_SUCCEEDED);
        world.now += 1000;
    }
    s_many(&world, 300, HF_CLASS_SUCCEEDED); //  In the middle of a second it begins to fail
    s_many(&world, 40, HF_CLASS_FAILED);
    assert_true(hf_breaker_steady(&world.breaker) > 999 && hf_breaker_steady(&world.breaker) < 1001);
    for (int second = 0; second < 30; second++) {
        world.now += 1000;
        s_many(&world, 5, HF_CLASS_FAILED);
    }
    assert_true(hf_breaker_steady(&world.breaker) > 999);
    world.gate = (hf_gate_t){.circuit = HF_CIRCUIT_RAMPING, .circuit_since = world.now};
    for (int second = 0; second < 30; second++) {
        world.now += 1000;
        s_many(&world, 1400, HF_CLASS_SUCCEEDED); //  Making up is not what is steady
    }
    assert_true(hf_breaker_steady(&world.breaker) < 1001);
    hf_breaker_free(&world.breaker);
}

static void where_nothing_ever_succeeded_what_comes_in_is_the_measure(void **unused) {
    (void)unused;
    world_t world = s_world();
    for (int second = 0; second < 10; second++) {
        for (int i = 0; i < 200; i++) {
            hf_breaker_accept(&world.breaker, world.now);
        }
        world.now += 1000;
    }
    s_many(&world, 20, HF_CLASS_FAILED);
    assert_true(hf_breaker_steady(&world.breaker) > 150 && hf_breaker_steady(&world.breaker) < 201);
    hf_breaker_free(&world.breaker);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_opens_when_the_share_is_reached_whatever_the_rest_were),
        cmocka_unit_test(only_the_last_attempts_count),
        cmocka_unit_test(answers_and_wishes_for_less_are_no_failures),
        cmocka_unit_test(attempts_from_before_the_circuit_changed_tell_nothing),
        cmocka_unit_test(without_a_circuit_nothing_trips),
        cmocka_unit_test(the_steady_rate_is_that_of_whole_healthy_seconds),
        cmocka_unit_test(where_nothing_ever_succeeded_what_comes_in_is_the_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
