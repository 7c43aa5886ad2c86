/*  Rate, ramp, limit and budget, under a clock of the test's own.  */

#include "dispatch/budget.h"
#include "dispatch/limit.h"
#include "dispatch/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 100000000 };

typedef struct {
    hf_destination_t destination; //  Rate, ramp
    hf_gate_t gate;               //  Circuit
    hf_pace_t pace;               //  What is tested
    int64_t now;                  //  The story's time
    int begun;                    //  Attempts, in all
    int64_t starts[200000];       //  When each began
} world_t;

static world_t *s_world(double rate) {
    static world_t world;
    memset(&world, 0, sizeof world);
    world.destination.rate = rate;
    world.destination.circuit_ramp_ms = 10000;
    world.destination.circuit_surge_percent = 140;
    world.now = NOW;
    return &world;
}

//  More than may begin always waits, and dispatch looks when it was told to, but up to `late` ms after.
static void s_run(world_t *world, int64_t ms, int late) {
    int64_t until = world->now + ms;
    int turn = 0;
    while (world->now < until) {
        int64_t when = INT64_MAX;
        int room = hf_pace_room(&world->pace, &world->destination, &world->gate, 100, world->now, &when);
        for (int i = 0; i < room; i++) {
            hf_pace_take(&world->pace, world->now);
            world->starts[world->begun++] = world->now;
        }
        hf_pace_want(&world->pace, true);
        if (room == 100) {
            continue;
        }
        assert_true(when > world->now && when < INT64_MAX);
        world->now = when + (late ? turn++ % (late + 1) : 0);
    }
}

//  The most that began within any `ms`.
static int s_most_within(const world_t *world, int64_t ms) {
    int most = 0, first = 0;
    for (int i = 0; i < world->begun; i++) {
        while (world->starts[i] - world->starts[first] >= ms) {
            first++;
        }
        most = i - first + 1 > most ? i - first + 1 : most;
    }
    return most;
}

//  A new life of dispatch: all that it has is the durable Starts, and what it finds waiting.
static void s_restart(world_t *world, int64_t away_ms) {
    int from = world->begun > 4000 ? world->begun - 4000 : 0;
    memset(&world->pace, 0, sizeof world->pace);
    for (int i = from; i < world->begun; i++) {
        hf_pace_replay(&world->pace, &world->destination, world->starts[i]);
    }
    world->now += away_ms;
}

static void without_a_rate_nothing_holds(void **unused) {
    (void)unused;
    world_t *world = s_world(0);
    int64_t when = INT64_MAX;
    assert_int_equal(hf_pace_room(&world->pace, &world->destination, &world->gate, 77, NOW, &when), 77);
    assert_true(when == INT64_MAX);
}

static void the_rate_is_kept_however_late_dispatch_wakes(void **unused) {
    (void)unused;
    static const double rates[] = {0.5, 1, 7, 100, 2000};
    static const int lates[] = {0, 3, 45};
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned j = 0; j < 3; j++) {
            world_t *world = s_world(rates[i]);
            s_run(world, 60000, lates[j]);
            double wanted = rates[i] * (double)(world->now - NOW) / 1000;
            if (world->begun < wanted * 0.99 - 2 || world->begun > wanted * 1.01 + 2) {
                fail_msg("%g/s, %d ms late: %d began, %g wanted", rates[i], lates[j], world->begun, wanted);
            }
            if (s_most_within(world, 1000) > rates[i] * 1.11 + 2) {
                fail_msg("%g/s: %d in one second", rates[i], s_most_within(world, 1000));
            }
        }
    }
}

static void the_rate_is_kept_over_two_restarts_of_dispatch(void **unused) {
    (void)unused;
    for (int away = 50; away <= 1000; away += 190) {
        world_t *world = s_world(100);
        s_run(world, 10000, 2);
        s_restart(world, away);
        s_run(world, 10000, 2);
        s_restart(world, away);
        s_run(world, NOW + 60000 - world->now, 2);
        if (world->begun < 5940 || world->begun > 6060) {
            fail_msg("away for %d ms: %d began in 60 s", away, world->begun);
        }
        assert_true(s_most_within(world, 1000) <= 112);
        assert_true(s_most_within(world, 60000) <= 6060);
    }
}

static void what_nobody_wanted_is_not_owed(void **unused) {
    (void)unused;
    world_t *world = s_world(100);
    s_run(world, 1000, 0);
    hf_pace_want(&world->pace, false);
    world->now += 30000;
    int before = world->begun;
    s_run(world, 1000, 0);
    assert_in_range(world->begun - before, 99, 108);
}

static void a_start_that_did_not_come_about_is_given_back(void **unused) {
    (void)unused;
    world_t *world = s_world(1);
    int64_t when;
    assert_int_equal(hf_pace_room(&world->pace, &world->destination, &world->gate, 1, NOW, &when), 1);
    hf_pace_take(&world->pace, NOW);
    assert_int_equal(hf_pace_room(&world->pace, &world->destination, &world->gate, 1, NOW, &when), 0);
    hf_pace_give_back(&world->pace);
    assert_int_equal(hf_pace_room(&world->pace, &world->destination, &world->gate, 1, NOW, &when), 1);
}

static void a_ramp_climbs_and_never_passes_its_top(void **unused) {
    (void)unused;
    world_t *world = s_world(0);
    world->gate = (hf_gate_t){.circuit = HF_CIRCUIT_RAMPING, .circuit_since = NOW, .steady = 2000};
    s_run(world, 1000, 3);
    assert_in_range(world->begun, 150, 500); //  From 140/s to 406/s
    s_run(world, 14000, 3);
    assert_true(s_most_within(world, 1000) <= 2800 * 1.06);
    int before = world->begun;
    s_run(world, 10000, 0);
    assert_in_range(world->begun - before, 27700, 28300);
}

static void a_ramp_that_does_not_end_rises_slowly(void **unused) {
    (void)unused;
    world_t *world = s_world(0);
    world->gate = (hf_gate_t){.circuit = HF_CIRCUIT_RAMPING, .circuit_since = NOW, .steady = 100};
    double rate = hf_pace_rate(&world->pace, &world->destination, &world->gate, NOW + 70000);
    assert_true(rate > 139.9 && rate < 140.1);
    rate = hf_pace_rate(&world->pace, &world->destination, &world->gate, NOW + 130000);
    assert_true(rate > 279.9 && rate < 280.1);
}

static void a_ramp_to_nowhere_known_is_slow_but_goes_on(void **unused) {
    (void)unused;
    world_t *world = s_world(0);
    world->gate = (hf_gate_t){.circuit = HF_CIRCUIT_RAMPING, .circuit_since = NOW};
    s_run(world, 20000, 0);
    assert_in_range(world->begun, 120, 170);
}

static void a_ramp_stays_below_the_configured_rate(void **unused) {
    (void)unused;
    world_t *world = s_world(50);
    world->gate = (hf_gate_t){.circuit = HF_CIRCUIT_RAMPING, .circuit_since = NOW - 60000, .steady = 2000};
    s_run(world, 10000, 0);
    assert_in_range(world->begun, 490, 510);
}

static void slow_down_takes_three_tenths_off_and_is_forgotten_in_time(void **unused) {
    (void)unused;
    world_t *world = s_world(1000);
    s_run(world, 3000, 0);
    hf_pace_slow(&world->pace, world->now);
    hf_pace_slow(&world->pace, world->now); //  What was under way together counts once
    double rate = hf_pace_rate(&world->pace, &world->destination, &world->gate, world->now);
    assert_true(rate > 650 && rate < 750);
    rate = hf_pace_rate(&world->pace, &world->destination, &world->gate, world->now + 5000);
    assert_true(rate > 850 && rate < 900);
    rate = hf_pace_rate(&world->pace, &world->destination, &world->gate, world->now + 60000);
    assert_true(rate == 1000);
}

//  ---- limit

static void s_sample(hf_limit_t *limit, int64_t *now, uint32_t took_us, int windows) {
    for (int i = 0; i < windows * 20; i++) {
        *now += 5;
        hf_limit_sample(limit, took_us, hf_limit_use(limit, 64), 64, *now);
    }
}

static void flat_latency_never_lowers_the_limit(void **unused) {
    (void)unused;
    hf_limit_t limit = {0};
    int64_t now = NOW;
    s_sample(&limit, &now, 200000, 100);
    assert_int_equal(hf_limit_use(&limit, 64), 64);
    s_sample(&limit, &now, 300000, 100); //  Slower, but not twice
    assert_int_equal(hf_limit_use(&limit, 64), 64);
}

static void noise_below_fifty_milliseconds_is_ignored(void **unused) {
    (void)unused;
    hf_limit_t limit = {0};
    int64_t now = NOW;
    s_sample(&limit, &now, 500, 10);
    s_sample(&limit, &now, 40000, 10);
    assert_int_equal(hf_limit_use(&limit, 64), 64);
}

static void latency_that_multiplies_lowers_it_and_its_return_raises_it(void **unused) {
    (void)unused;
    hf_limit_t limit = {0};
    int64_t now = NOW;
    s_sample(&limit, &now, 100000, 20);
    s_sample(&limit, &now, 1000000, 20);
    assert_in_range(hf_limit_use(&limit, 64), 5, 32);
    s_sample(&limit, &now, 100000, 60);
    assert_int_equal(hf_limit_use(&limit, 64), 64);
}

static void errors_lower_it_once_for_all_that_were_in_flight(void **unused) {
    (void)unused;
    hf_limit_t limit = {0};
    for (int i = 0; i < 64; i++) {
        hf_limit_drop(&limit, 64, NOW);
    }
    assert_int_equal(hf_limit_use(&limit, 64), 44);
    for (int i = 1; i < 100; i++) {
        hf_limit_drop(&limit, 64, NOW + i * 1000);
    }
    assert_int_equal(hf_limit_use(&limit, 64), 1); //  Somebody must find out when it is well again
    hf_limit_reset(&limit);
    assert_int_equal(hf_limit_use(&limit, 64), 64);
}

static void what_is_not_used_does_not_grow(void **unused) {
    (void)unused;
    hf_limit_t limit = {0};
    int64_t now = NOW;
    for (int i = 0; i < 5; i++) {
        hf_limit_drop(&limit, 64, now += 1000);
    }
    int before = hf_limit_use(&limit, 64);
    for (int i = 0; i < 200; i++) {
        hf_limit_sample(&limit, 1000, 1, 64, now += 10);
    }
    assert_int_equal(hf_limit_use(&limit, 64), before);
}

//  ---- budget

//  Calls of a third party that fails all of them; returns how many retries began. Every tick wants `retries`, and `calls` come in.
static int s_storm(hf_budget_t *budget, int64_t *now, int seconds, int calls, int retries, bool well) {
    int begun = 0;
    for (int tick = 0; tick < seconds * 100; tick++) {
        *now += 10;
        for (int i = 0; i < calls; i++) {
            hf_budget_take(budget, 20, false, *now);
        }
        for (int i = 0; i < retries && hf_budget_allows(budget, 20, *now); i++, begun++) {
            hf_budget_take(budget, 20, true, *now);
            if (well) {
                hf_budget_give_back(budget);
            }
        }
    }
    return begun;
}

static void failing_retries_are_a_share_of_the_calls(void **unused) {
    (void)unused;
    hf_budget_t budget = {0};
    int64_t now = NOW;
    s_storm(&budget, &now, 20, 20, 20, false);
    int begun = s_storm(&budget, &now, 10, 20, 20, false); //  20,000 first calls
    assert_in_range(begun, 4000,
                    5200); //  20 % of all calls, which are a quarter of the first ones, and ten a second
}

static void a_few_are_always_allowed(void **unused) {
    (void)unused;
    hf_budget_t budget = {0};
    int64_t now = NOW;
    s_storm(&budget, &now, 20, 0, 20, false);
    assert_in_range(s_storm(&budget, &now, 10, 0, 20, false), 100, 130);
}

static void a_drain_after_an_outage_is_not_starved(void **unused) {
    (void)unused;
    hf_budget_t budget = {0};
    int64_t now = NOW;
    s_storm(&budget, &now, 20, 0, 20, false);                               //  Nothing is left
    assert_in_range(s_storm(&budget, &now, 10, 0, 20, true), 15000, 20000); //  20 a tick were wanted
}

static void a_hundred_percent_is_no_budget(void **unused) {
    (void)unused;
    hf_budget_t budget = {0};
    for (int i = 0; i < 1000; i++) {
        assert_true(hf_budget_allows(&budget, 100, NOW));
        hf_budget_take(&budget, 100, true, NOW);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rate_nothing_holds),
        cmocka_unit_test(the_rate_is_kept_however_late_dispatch_wakes),
        cmocka_unit_test(the_rate_is_kept_over_two_restarts_of_dispatch),
        cmocka_unit_test(what_nobody_wanted_is_not_owed),
        cmocka_unit_test(a_start_that_did_not_come_about_is_given_back),
        cmocka_unit_test(a_ramp_climbs_and_never_passes_its_top),
        cmocka_unit_test(a_ramp_that_does_not_end_rises_slowly),
        cmocka_unit_test(a_ramp_to_nowhere_known_is_slow_but_goes_on),
        cmocka_unit_test(a_ramp_stays_below_the_configured_rate),
        cmocka_unit_test(slow_down_takes_three_tenths_off_and_is_forgotten_in_time),
        cmocka_unit_test(flat_latency_never_lowers_the_limit),
        cmocka_unit_test(noise_below_fifty_milliseconds_is_ignored),
        cmocka_unit_test(latency_that_multiplies_lowers_it_and_its_return_raises_it),
        cmocka_unit_test(errors_lower_it_once_for_all_that_were_in_flight),
        cmocka_unit_test(what_is_not_used_does_not_grow),
        cmocka_unit_test(failing_retries_are_a_share_of_the_calls),
        cmocka_unit_test(a_few_are_always_allowed),
        cmocka_unit_test(a_drain_after_an_outage_is_not_starved),
        cmocka_unit_test(a_hundred_percent_is_no_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
