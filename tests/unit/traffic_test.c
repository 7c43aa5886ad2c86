/*  What ingress tells of a destination's traffic, from the newest facts.  */

#include "ingress/traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { NOW = 60000000 };

static hf_config_t *s_config(void) {
    hf_config_t *config = hf_config_new();
    hf_config_add_destination(config, hf_destination_new("a"));
    hf_config_add_destination(config, hf_destination_new("b"));
    return config;
}

static void s_fact(hf_traffic_t *traffic, const char *destination, hf_event_t event, int64_t at,
                   uint32_t took_us, bool whole) {
    Hf__Fact fact = HF__FACT__INIT;
    uint8_t id[16] = {1};
    fact.id = (ProtobufCBinaryData){sizeof id, id};
    fact.destination = (char *)destination;
    fact.event = event;
    fact.at = at;
    fact.took_us = took_us;
    hf_traffic_on_fact(traffic, &fact, whole);
}

static void the_rate_is_over_ten_seconds_where_all_of_them_are_told(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config, NOW);
    for (int i = 20000; i > 0; i--) {
        s_fact(traffic, "a", HF_EVENT_START, NOW - i, 0, false); //  1,000 a second for 20 s
    }
    assert_true(hf_traffic_view(traffic, 0).rate == 1000);
    assert_true(hf_traffic_view(traffic, 1).rate == 0);
    hf_traffic_destroy(&traffic);
    traffic = hf_traffic_new(config, NOW);
    s_fact(traffic, "a", HF_EVENT_START, NOW - 100, 0, true); //  Its first one ever
    assert_true(hf_traffic_view(traffic, 0).rate == 0.1);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

static void where_only_the_newest_are_told_it_is_over_their_time(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config, NOW);
    for (int i = 500; i > 0; i--) {
        s_fact(traffic, i % 2 ? "a" : "b", HF_EVENT_START, NOW - i, 0, false);
    }
    assert_true(hf_traffic_view(traffic, 0).rate == 500);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

static void latency_is_told_to_a_fifth(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config, NOW);
    for (int i = 0; i < 100; i++) {
        s_fact(traffic, "a", HF_EVENT_SUCCEED, NOW, i < 98 ? 10000 : 1000000, true);
        s_fact(traffic, "a", HF_EVENT_SUCCEED, NOW - 10001, 77, true); //  Too old
    }
    s_fact(traffic, "a", HF_EVENT_FAIL, NOW, 0, true); //  Nobody knows how long it took
    s_fact(traffic, "b", HF_EVENT_FAIL, NOW, 1, true);
    hf_traffic_view_t view = hf_traffic_view(traffic, 0);
    assert_in_range(view.p50_us, 10000, 12500);
    assert_in_range(view.p99_us, 1000000, 1250000);
    assert_int_equal(view.ended, 100);
    assert_in_range(hf_traffic_view(traffic, 1).p99_us, 1, 31);
    s_fact(traffic, "b", HF_EVENT_SUCCEED, NOW, UINT32_MAX, true);
    assert_true(hf_traffic_view(traffic, 1).p99_us == UINT32_MAX);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

static void facts_of_nobody_known_are_left_alone(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config, NOW);
    s_fact(traffic, "gone", HF_EVENT_START, NOW, 0, true);
    s_fact(traffic, "a", HF_EVENT_SUBMIT, NOW, 0, true);
    assert_true(hf_traffic_view(traffic, 0).rate == 0);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_is_over_ten_seconds_where_all_of_them_are_told),
        cmocka_unit_test(where_only_the_newest_are_told_it_is_over_their_time),
        cmocka_unit_test(latency_is_told_to_a_fifth),
        cmocka_unit_test(facts_of_nobody_known_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
