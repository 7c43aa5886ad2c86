/*  Virtual time and its models, from the smallest on: the queue of moments, clients, the third party, counting;
 *  and then whole forecasts, whose outcome can be said beforehand.  */

#include "pipeline_file/pipeline_file.h"
#include "simulate/forecast.h"
#include "simulate/plot.h"
#include "simulate/timeline.h"
#include "unit/journal_world.h"

#include <math.h>

enum { BEGIN = 1000000 };

//  ---- moments

static void s_moments_come_in_order_of_time_and_then_of_planning(void **state) {
    hf_timeline_t timeline = {0};
    hf_moment_t moment;
    static const int64_t times[] = {5, 3, 5, 1, 3, 9};
    static const uint32_t order[] = {3, 1, 4, 0, 2};
    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        hf_timeline_plan(&timeline, (hf_moment_t){.at = times[i], .a = i, .data = malloc(1)});
    }
    for (size_t i = 0; i < 5; i++) {
        assert_true(hf_timeline_next(&timeline, 8, &moment));
        assert_int_equal(moment.a, order[i]);
        free(moment.data);
    }
    assert_false(hf_timeline_next(&timeline, 8, &moment));
    hf_timeline_free(&timeline);
}

//  ---- clients

static void s_clients_come_at_the_rate_of_their_step(void **state) {
    hf_arrivals_step_t steps[] = {{0, 100}, {10000, 0}, {20000, 1000}};
    hf_arrivals_plan_t plan = {.steps = steps, .size = 3, .until_ms = 30000};
    (void)state;
    for (int even = 0; even < 2; even++) {
        plan.even = even;
        hf_arrivals_t arrivals = {.plan = &plan, .rng.seed = 7};
        unsigned counts[3] = {0};
        double last = 0, at;
        while ((at = hf_arrivals_next(&arrivals)) >= 0) {
            assert_true(at >= last && at < 30000);
            counts[(size_t)(at / 10000)]++;
            last = at;
        }
        assert_true(hf_arrivals_next(&arrivals) < 0);
        assert_in_range(counts[0], even ? 999 : 900, even ? 1000 : 1100);
        assert_int_equal(counts[1], 0);
        assert_in_range(counts[2], even ? 9999 : 9700, even ? 10000 : 10300);
    }
}

//  ---- the third party

static hf_third_plan_t s_plan(void) {
    return (hf_third_plan_t){.median_ms = 100, .p99_ms = 100, .retry_after_s = -1};
}

static void s_latency_has_the_median_and_the_99th_percentile_that_were_asked_for(void **state) {
    hf_third_plan_t plan = s_plan();
    hf_call_result_t result;
    (void)state;
    plan.p99_ms = 1000;
    hf_third_t *third = hf_third_new(&plan, BEGIN, 1);
    hf_histogram_t *latency = hf_histogram_new();
    for (int i = 0; i < 20000; i++) {
        hf_histogram_add(latency, hf_third_call(third, BEGIN + i, 1000000, &result));
        assert_int_equal(result.status, 200);
    }
    assert_in_range(hf_histogram_quantile(latency, 0.5), 95, 105);
    assert_in_range(hf_histogram_quantile(latency, 0.99), 900, 1100);
    hf_histogram_destroy(&latency);
    hf_third_destroy(&third);
}

//  Two at a time of 100 ms each: the n-th of those that come together waits for n / 2 turns.
static void s_what_it_cannot_bear_waits_or_is_turned_away(void **state) {
    hf_third_plan_t plan = s_plan();
    hf_call_result_t result;
    (void)state;
    plan.at_once = 2;
    hf_third_t *third = hf_third_new(&plan, BEGIN, 1);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(hf_third_call(third, BEGIN, 1000, &result), (i / 2 + 1) * 100);
    }
    assert_int_equal(hf_third_call(third, BEGIN, 350, &result), 350);
    assert_true(result.timed_out && result.sent && !result.answered);
    assert_int_equal(hf_third_call(third, BEGIN, 1000, &result),
                     400); //  That one's place is worked on all the same
    hf_third_destroy(&third);

    plan.overload = HF_OVERLOAD_429;
    plan.retry_after_s = 10;
    third = hf_third_new(&plan, BEGIN, 1);
    hf_third_call(third, BEGIN, 1000, &result);
    assert_int_equal(hf_third_call(third, BEGIN, 1000, &result), 100);
    assert_int_equal(hf_third_call(third, BEGIN + 99, 1000, &result), 1);
    assert_int_equal(result.status, 429);
    assert_string_equal(result.retry_after, "10");
    hf_third_call(third, BEGIN + 100, 1000, &result);
    assert_int_equal(result.status, 200);
    hf_third_destroy(&third);
}

static void s_a_rate_is_served_at_that_rate(void **state) {
    hf_third_plan_t plan = s_plan();
    hf_call_result_t result;
    (void)state;
    plan.rate = 10;
    hf_third_t *third = hf_third_new(&plan, BEGIN, 1);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(hf_third_call(third, BEGIN, 60000, &result), 100 + i * 100);
    }
    hf_third_destroy(&third);
    plan.overload = HF_OVERLOAD_503;
    third = hf_third_new(&plan, BEGIN, 1);
    int served = 0;
    for (int i = 0; i < 10000; i++) { //  1,000 a second, for ten seconds
        hf_third_call(third, BEGIN + i, 60000, &result);
        served += result.status == 200;
    }
    assert_in_range(served, 100, 112); //  One second's worth at once, and then the rate
    hf_third_destroy(&third);
}

static void s_an_outage_breaks_what_is_under_way_and_refuses_what_comes(void **state) {
    hf_third_plan_t plan = s_plan();
    hf_call_result_t result;
    (void)state;
    plan.outages[plan.outages_size++] = (hf_outage_t){1000, 2000};
    hf_third_t *third = hf_third_new(&plan, BEGIN, 1);
    assert_int_equal(hf_third_call(third, BEGIN + 950, 500, &result), 50);
    assert_true(result.broken && result.sent && !result.answered);
    hf_third_call(third, BEGIN + 1000, 500, &result);
    assert_false(result.connected);
    plan.kind = HF_OUTAGE_HANGS;
    assert_int_equal(hf_third_call(third, BEGIN + 1500, 500, &result), 500);
    assert_true(result.timed_out);
    plan.kind = HF_OUTAGE_503;
    hf_third_call(third, BEGIN + 1999, 500, &result);
    assert_int_equal(result.status, 503);
    assert_true(hf_third_is_down(third, BEGIN + 1999));
    assert_false(hf_third_is_down(third, BEGIN + 2000));
    assert_int_equal(hf_third_call(third, BEGIN + 2000, 500, &result), 100);
    assert_int_equal(result.status, 200);
    hf_third_destroy(&third);
}

static void s_it_fails_as_often_as_was_said(void **state) {
    hf_third_plan_t plan = s_plan();
    hf_call_result_t result;
    unsigned counts[600] = {0};
    (void)state;
    plan.failures_size = 2;
    plan.failures[0].share = 0.2, plan.failures[0].status = 503;
    plan.failures[1].share = 0.1, plan.failures[1].status = 400;
    hf_third_t *third = hf_third_new(&plan, BEGIN, 1);
    for (int i = 0; i < 10000; i++) {
        hf_third_call(third, BEGIN, 500, &result);
        counts[result.status]++;
    }
    assert_in_range(counts[503], 1850, 2150);
    assert_in_range(counts[400], 880, 1120);
    assert_int_equal(counts[200] + counts[503] + counts[400], 10000);
    hf_third_destroy(&third);
}

//  ---- words

static void s_spans_and_counts_are_said_as_people_say_them(void **state) {
    static const struct {
        int64_t ms;
        const char *words;
    } spans[] = {{0, "0"},        {7, "7ms"},         {1000, "1s"},     {1250, "1.2s"},     {61000, "1m 1s"},
                 {600000, "10m"}, {7500000, "2h 5m"}, {86400000, "1d"}, {90061000, "1d 1h"}};
    char text[HF_PLOT_SPAN];
    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        hf_plot_span(spans[i].ms, text);
        assert_string_equal(text, spans[i].words);
    }
    hf_plot_count(7, text);
    assert_string_equal(text, "7");
    hf_plot_count(1234567, text);
    assert_string_equal(text, "1,234,567");
}

//  ---- forecasts

static const char s_destination[] =
    "destination = ec2\n"
    "    url = \"http://127.0.0.1:1/{zone}/{instance}\"\n"
    "    concurrency = 4\n"
    "    adaptive = 0\n" //  What four places bear is what the stories reckon with
    "    timeout = 2s\n";
static const char s_circuit_block[] = "    circuit\n        cooldown = 2s\n        ramp = 2s\n";
static const char s_pipeline[] = "pipeline = stop\n"
                                 "    destination = ec2\n"
                                 "    key = \"{instance}\"\n"
                                 "    retry\n"
                                 "        delay = 100ms\n"
                                 "        cap = 500ms\n";

//  Whether `pipeline = stop` keeps the order of each key, and `destination = ec2` has a circuit.
static bool s_ordered, s_circuit;

static hf_tally_t *s_run(hf_forecast_plan_t *plan, double per_second, int64_t until_ms) {
    char dir[64];
    hf_error_t error = {{0}};
    hf_messages_t messages = {0};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = 64 << 20};
    hf_arrivals_step_t step = {0, per_second};
    char text[1024];
    int size = snprintf(text, sizeof text, "%s%s%s%s", s_destination, s_circuit ? s_circuit_block : "",
                        s_pipeline, s_ordered ? "    ordered = 1\n" : "");
    hf_config_t *config = hf_pipeline_file_read_text("stop.zpl", text, (size_t)size, &messages);
    assert_non_null(config);
    w_make_dir(dir);
    hf_store_t *store = hf_store_open(dir, &options, &error);
    assert_non_null(store);
    plan->config = config;
    plan->pipeline = hf_config_pipeline(config, "stop");
    plan->arrivals = (hf_arrivals_plan_t){.steps = &step, .size = 1, .until_ms = until_ms, .even = true};
    plan->commit_ms = 2;
    plan->until_ms = plan->until_ms ? plan->until_ms : 3600000;
    hf_tally_t *tally = hf_forecast_run(plan, store, &error);
    if (!tally) {
        fail_msg("%s", error.text);
    }
    hf_store_close(&store);
    hf_config_destroy(&config);
    w_remove_dir(dir);
    return tally;
}

static void s_on_a_good_day_each_command_is_one_call(void **state) {
    hf_forecast_plan_t plan = {.third = s_plan(), .seed = 1};
    (void)state;
    hf_tally_t *tally = s_run(&plan, 20, 10000);
    assert_int_equal(tally->whole.accepted, 199);
    assert_int_equal(tally->whole.succeeded, 199);
    assert_int_equal(tally->whole.calls, 199);
    assert_int_equal(tally->whole.retries + tally->whole.dead + tally->whole.refused + tally->open, 0);
    assert_in_range(hf_histogram_quantile(tally->whole.ages, 0.5), 100, 115); //  And some commits
    assert_in_range(tally->now_ms, 10000, 10300);
    hf_tally_destroy(&tally);
}

//  Four places of 100 ms bear some 36 a second: of 30 a second, five seconds' worth is left by the outage, and
//  the rest of what the places bear drains it.
static void s_an_outage_leaves_a_backlog_that_drains_at_what_is_left_over(void **state) {
    hf_forecast_plan_t plan = {.third = s_plan(), .seed = 1};
    (void)state;
    plan.third.outages[plan.third.outages_size++] = (hf_outage_t){10000, 15000};
    hf_tally_t *tally = s_run(&plan, 30, 60000);
    assert_int_equal(tally->whole.succeeded, tally->whole.accepted);
    assert_int_equal(tally->drains_size, 1);
    assert_in_range(tally->drains[0].left, 148, 156);
    assert_in_range(tally->whole.peak, 148, 160);
    assert_true(tally->drains[0].drained_ms > 15000 + 4000);
    assert_true(tally->drains[0].drained_ms < 15000 + 40000);
    assert_int_equal(tally->phases_size, 4);
    assert_string_equal(tally->phases[1].name, "outage");
    uint64_t accepted = 0, in_steps = 0;
    for (size_t i = 0; i < tally->phases_size; i++) {
        accepted += tally->phases[i].accepted;
    }
    for (size_t i = 0; i < tally->steps_size; i++) {
        in_steps += tally->steps[i].accepted;
    }
    assert_int_equal(accepted, tally->whole.accepted);
    assert_int_equal(in_steps, tally->whole.accepted);
    hf_tally_destroy(&tally);
}

//  One key at one call of 100 ms at a time bears less than ten a second, whatever the third party bears.
static void s_one_key_in_order_is_one_call_at_a_time(void **state) {
    hf_forecast_plan_t plan = {.third = s_plan(), .keys = 1, .seed = 1};
    (void)state;
    s_ordered = true;
    hf_tally_t *tally = s_run(&plan, 20, 10000);
    s_ordered = false;
    assert_int_equal(tally->whole.accepted, 199);
    assert_int_equal(tally->whole.succeeded, 199);
    assert_int_equal(tally->open, 0);
    assert_in_range(tally->whole.peak, 100, 199);
    assert_in_range(tally->now_ms, 199 * 100, 199 * 120);
    hf_tally_destroy(&tally);
}

//  While the circuit is open only probes are called: a few, whatever waits.
static void s_a_circuit_is_open_as_long_as_the_outage(void **state) {
    hf_forecast_plan_t plan = {.third = s_plan(), .seed = 1};
    (void)state;
    plan.third.outages[plan.third.outages_size++] = (hf_outage_t){10000, 40000};
    s_circuit = true;
    hf_tally_t *tally = s_run(&plan, 30, 120000);
    s_circuit = false;
    assert_int_equal(tally->opened, 1);
    assert_false(tally->circuit_open);
    assert_in_range(tally->open_for_ms, 25000, 36000);
    assert_in_range(tally->phases[1].calls, 20, 80);
    assert_int_equal(tally->whole.succeeded, tally->whole.accepted);
    hf_tally_destroy(&tally);
}

static void s_what_will_never_work_is_dead_and_what_moves_at_the_end_is_open(void **state) {
    hf_forecast_plan_t plan = {.third = s_plan(), .seed = 1};
    (void)state;
    plan.third.failures_size = 1;
    plan.third.failures[0].share = 1, plan.third.failures[0].status = 400;
    hf_tally_t *tally = s_run(&plan, 10, 5000);
    assert_int_equal(tally->whole.dead, tally->whole.accepted);
    assert_int_equal(tally->whole.failed, tally->whole.calls);
    hf_tally_destroy(&tally);

    plan.third = s_plan();
    plan.third.outages[plan.third.outages_size++] = (hf_outage_t){0, 60000};
    plan.until_ms = 5000;
    tally = s_run(&plan, 10, 4000);
    assert_int_equal(tally->open, tally->whole.accepted);
    assert_in_range(tally->now_ms, 4000, 5000);
    hf_tally_destroy(&tally);
}

static void s_the_same_seed_says_the_same_and_a_picture_shows_it(void **state) {
    hf_buf_t svg[2] = {{0}, {0}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        hf_forecast_plan_t plan = {.third = s_plan(), .seed = 5};
        plan.third.p99_ms = 300;
        plan.third.outages[plan.third.outages_size++] = (hf_outage_t){2000, 3000};
        hf_tally_t *tally = s_run(&plan, 30, 5000);
        hf_plot_svg(&svg[i], tally, 3, "stop <&> go");
        hf_tally_destroy(&tally);
    }
    assert_string_equal((const char *)svg[0].data, (const char *)svg[1].data);
    assert_non_null(strstr((const char *)svg[0].data, "stop &#60;&#38;&#62; go"));
    assert_non_null(strstr((const char *)svg[0].data, "class=\"outage\""));
    assert_null(strstr((const char *)svg[0].data, "nan"));
    hf_buf_free(&svg[0]);
    hf_buf_free(&svg[1]);
}

//  A day in steps of the series: they double until it fits.
static void s_a_long_time_takes_no_more_memory(void **state) {
    hf_third_plan_t third = s_plan();
    (void)state;
    hf_tally_t *tally = hf_tally_new(0, &third, 86400000);
    for (int64_t now = 0; now < 86400000; now += 1000) {
        hf_tally_advance(tally, now);
        hf_tally_call(tally);
    }
    uint64_t calls = 0;
    for (size_t i = 0; i < tally->steps_size; i++) {
        calls += tally->steps[i].calls;
    }
    assert_int_equal(calls, 86400);
    assert_in_range(tally->steps_size, HF_TALLY_STEPS_MAX / 2, HF_TALLY_STEPS_MAX);
    hf_tally_destroy(&tally);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_moments_come_in_order_of_time_and_then_of_planning),
        cmocka_unit_test(s_clients_come_at_the_rate_of_their_step),
        cmocka_unit_test(s_latency_has_the_median_and_the_99th_percentile_that_were_asked_for),
        cmocka_unit_test(s_what_it_cannot_bear_waits_or_is_turned_away),
        cmocka_unit_test(s_a_rate_is_served_at_that_rate),
        cmocka_unit_test(s_an_outage_breaks_what_is_under_way_and_refuses_what_comes),
        cmocka_unit_test(s_it_fails_as_often_as_was_said),
        cmocka_unit_test(s_spans_and_counts_are_said_as_people_say_them),
        cmocka_unit_test(s_on_a_good_day_each_command_is_one_call),
        cmocka_unit_test(s_an_outage_leaves_a_backlog_that_drains_at_what_is_left_over),
        cmocka_unit_test(s_one_key_in_order_is_one_call_at_a_time),
        cmocka_unit_test(s_a_circuit_is_open_as_long_as_the_outage),
        cmocka_unit_test(s_what_will_never_work_is_dead_and_what_moves_at_the_end_is_open),
        cmocka_unit_test(s_the_same_seed_says_the_same_and_a_picture_shows_it),
        cmocka_unit_test(s_a_long_time_takes_no_more_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
