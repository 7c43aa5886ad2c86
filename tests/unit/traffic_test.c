/*  What ingress tells of a destination's traffic, fact by fact.  */

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
                   hf_class_t class, uint32_t took_us) {
    Hf__Fact fact = HF__FACT__INIT;
    uint8_t id[16] = {1};
    fact.id = (ProtobufCBinaryData){sizeof id, id};
    fact.destination = (char *)destination;
    fact.event = event;
    fact.at = at;
    fact.class_ = class;
    fact.took_us = took_us;
    hf_traffic_on_fact(traffic, &fact);
}

static void the_rate_is_over_ten_whole_seconds(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config);
    for (int i = 0; i < 20000; i++) {
        s_fact(traffic, "a", HF_EVENT_START, NOW + i, HF_CLASS_NONE, 0); //  1,000 a second for 20 s
    }
    assert_true(hf_traffic_view(traffic, 0, NOW + 20000).rate == 1000);
    assert_true(hf_traffic_view(traffic, 0, NOW + 20999).rate == 1000);
    assert_true(hf_traffic_view(traffic, 0, NOW + 25000).rate == 500);
    assert_true(hf_traffic_view(traffic, 0, NOW + 40000).rate == 0);
    assert_true(hf_traffic_view(traffic, 1, NOW + 20000).rate == 0);
    s_fact(traffic, "a", HF_EVENT_START, NOW + 90000, HF_CLASS_NONE, 0);
    assert_true(hf_traffic_view(traffic, 0, NOW + 91000).rate == 0.1); //  What was before is forgotten
    s_fact(traffic, "a", HF_EVENT_START, NOW, HF_CLASS_NONE, 0);       //  A clock set back
    assert_true(hf_traffic_view(traffic, 0, NOW + 91000).rate == 0.2);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

static void latency_is_told_to_a_fifth_and_old_ones_leave(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config);
    for (int i = 0; i < 100; i++) {
        s_fact(traffic, "a", HF_EVENT_SUCCEED, NOW, HF_CLASS_SUCCEEDED, i < 98 ? 10000 : 1000000);
    }
    s_fact(traffic, "a", HF_EVENT_FAIL, NOW, HF_CLASS_UNCERTAIN, 0); //  Nobody knows how long it took
    hf_traffic_view_t view = hf_traffic_view(traffic, 0, NOW);
    assert_in_range(view.p50_us, 10000, 12500);
    assert_in_range(view.p99_us, 1000000, 1250000);
    assert_int_equal(view.ended[HF_CLASS_SUCCEEDED], 100);
    assert_int_equal(view.ended[HF_CLASS_UNCERTAIN], 1);
    assert_int_equal(view.answered, 100);
    assert_in_range(hf_traffic_view(traffic, 0, NOW + 30000).p50_us, 10000, 12500);
    assert_int_equal(hf_traffic_view(traffic, 0, NOW + 60000).p50_us, 0);
    s_fact(traffic, "a", HF_EVENT_SUCCEED, NOW + 61000, HF_CLASS_SUCCEEDED, 1);
    view = hf_traffic_view(traffic, 0, NOW + 61000);
    assert_in_range(view.p99_us, 1, 31);
    s_fact(traffic, "a", HF_EVENT_SUCCEED, NOW + 61000, HF_CLASS_SUCCEEDED, UINT32_MAX);
    assert_true(hf_traffic_view(traffic, 0, NOW + 61000).p99_us == UINT32_MAX);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

static void facts_of_nobody_known_are_left_alone(void **unused) {
    (void)unused;
    hf_config_t *config = s_config();
    hf_traffic_t *traffic = hf_traffic_new(config);
    s_fact(traffic, "gone", HF_EVENT_START, NOW, HF_CLASS_NONE, 0);
    s_fact(traffic, "a", HF_EVENT_SUBMIT, NOW, HF_CLASS_NONE, 0);
    assert_true(hf_traffic_view(traffic, 0, NOW + 1000).rate == 0);
    hf_traffic_destroy(&traffic);
    hf_config_destroy(&config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_is_over_ten_whole_seconds),
        cmocka_unit_test(latency_is_told_to_a_fifth_and_old_ones_leave),
        cmocka_unit_test(facts_of_nobody_known_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
