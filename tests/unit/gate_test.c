/*  A destination's gate, event by event.  */

#include "base/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1000000 };

static Hf__Destination s_record(void) {
    Hf__Destination record = HF__DESTINATION__INIT;
    record.name = (char *)"d";
    return record;
}

static bool s_change(Hf__Destination *record, hf_gate_event_t event, int64_t now) {
    hf_gate_change_t change = {.event = event, .who = "somebody", .reason = "why"};
    return hf_gate_change(record, &change, now);
}

static bool s_open(Hf__Destination *record, int64_t now) {
    hf_gate_change_t change = {.event = HF_GATE_OPEN, .reason = "why", .cooldown_ms = 1000, .steady = 20};
    return hf_gate_change(record, &change, now);
}

static bool s_block(Hf__Destination *record, int64_t until) {
    hf_gate_change_t change = {.event = HF_GATE_BLOCK, .until = until};
    return hf_gate_change(record, &change, NOW);
}

static hf_may_t s_may(const Hf__Destination *record, int64_t now, int64_t *when) {
    hf_gate_t gate = hf_gate_read(record);
    return hf_gate_may(&gate, now, when);
}

static void where_nothing_happened_attempts_begin(void **unused) {
    (void)unused;
    int64_t when;
    Hf__Destination record = s_record();
    assert_int_equal(s_may(NULL, NOW, &when), HF_MAY_BEGIN);
    assert_int_equal(s_may(&record, NOW, &when), HF_MAY_BEGIN);
    hf_gate_t gate = hf_gate_read(NULL);
    assert_string_equal(hf_gate_reason(&gate, NOW), "");
}

static void a_pause_holds_until_it_is_resumed(void **unused) {
    (void)unused;
    int64_t when;
    Hf__Destination record = s_record();
    assert_false(s_change(&record, HF_GATE_RESUME, NOW));
    assert_true(s_change(&record, HF_GATE_PAUSE, NOW));
    assert_string_equal(record.paused_by, "somebody");
    assert_int_equal(record.paused_at, NOW);
    assert_false(s_change(&record, HF_GATE_PAUSE, NOW + 1)); //  It is true already
    assert_int_equal(s_may(&record, NOW + 86400000, &when), HF_MAY_NOT);
    assert_true(s_change(&record, HF_GATE_RESUME, NOW + 2));
    assert_int_equal(s_may(&record, NOW + 2, &when), HF_MAY_BEGIN);
}

static void a_block_ends_by_itself_and_only_grows(void **unused) {
    (void)unused;
    int64_t when;
    Hf__Destination record = s_record();
    assert_false(s_block(&record, NOW));
    assert_true(s_block(&record, NOW + 10000));
    assert_false(s_block(&record, NOW + 9999));
    assert_int_equal(s_may(&record, NOW + 9999, &when), HF_MAY_LATER);
    assert_int_equal(when, NOW + 10000);
    assert_int_equal(s_may(&record, NOW + 10000, &when), HF_MAY_BEGIN);
    assert_true(s_change(&record, HF_GATE_RESUME, NOW + 1)); //  A person knows better
    assert_int_equal(s_may(&record, NOW + 1, &when), HF_MAY_BEGIN);
}

static void an_open_circuit_lets_one_probe_through_after_its_cooldown(void **unused) {
    (void)unused;
    int64_t when;
    Hf__Destination record = s_record();
    assert_true(s_open(&record, NOW));
    assert_int_equal(record.circuit, HF_CIRCUIT_OPEN);
    assert_int_equal(s_may(&record, NOW + 999, &when), HF_MAY_LATER);
    assert_int_equal(when, NOW + 1000);
    assert_int_equal(s_may(&record, NOW + 1000, &when), HF_MAY_PROBE);
    record.probe = (ProtobufCBinaryData){4, (uint8_t *)"abcd"};
    assert_int_equal(s_may(&record, NOW + 1000, &when), HF_MAY_NOT);
    assert_false(s_open(&record, NOW + 1000));                //  It is open: who says so again is late
    assert_true(s_change(&record, HF_GATE_OPEN, NOW + 1200)); //  The probe failed
    assert_int_equal(record.probes, 1);
    assert_int_equal(record.circuit_since, NOW);
    assert_int_equal(s_may(&record, NOW + 2199, &when), HF_MAY_LATER);
    assert_int_equal(s_may(&record, NOW + 2200, &when), HF_MAY_PROBE);
    assert_true(s_change(&record, HF_GATE_RAMP, NOW + 2300));
    assert_int_equal(record.circuit, HF_CIRCUIT_RAMPING);
    assert_int_equal(s_may(&record, NOW + 2300, &when), HF_MAY_BEGIN);
    assert_true(record.steady == 20);
    assert_true(s_change(&record, HF_GATE_CLOSE, NOW + 2400));
    assert_true(record.steady == 0 && record.probes == 0 && !*record.reason);
}

static void a_circuit_that_opens_while_ramping_remembers_the_rate_before_the_outage(void **unused) {
    (void)unused;
    Hf__Destination record = s_record();
    hf_gate_change_t again = {.event = HF_GATE_OPEN, .reason = "why", .cooldown_ms = 1000};
    assert_true(s_open(&record, NOW));
    assert_true(s_change(&record, HF_GATE_RAMP, NOW));
    assert_true(hf_gate_change(&record, &again, NOW));
    assert_true(record.steady == 20);
}

static void nothing_happens_out_of_turn(void **unused) {
    (void)unused;
    Hf__Destination record = s_record();
    assert_false(s_change(&record, HF_GATE_RAMP, NOW));
    assert_false(s_change(&record, HF_GATE_CLOSE, NOW));
    assert_false(s_change(&record, HF_GATE_OPEN, NOW)); //  A probe's failure, and there was none
    assert_true(s_open(&record, NOW));
    assert_false(s_change(&record, HF_GATE_CLOSE, NOW));
    assert_false(s_change(&record, HF_GATE_NONE, NOW));
    assert_false(s_change(&record, HF_GATE_EVENTS, NOW));
}

static void resume_lets_an_open_circuit_be_probed_at_once(void **unused) {
    (void)unused;
    int64_t when;
    Hf__Destination record = s_record();
    assert_true(s_open(&record, NOW));
    assert_true(s_change(&record, HF_GATE_RESUME, NOW + 1));
    assert_int_equal(s_may(&record, NOW + 1, &when), HF_MAY_PROBE);
    assert_false(s_change(&record, HF_GATE_RESUME, NOW + 1));
}

static void a_pause_stands_above_a_block_and_both_above_the_circuit(void **unused) {
    (void)unused;
    Hf__Destination record = s_record();
    assert_true(s_open(&record, NOW));
    hf_gate_t gate = hf_gate_read(&record);
    assert_non_null(strstr(hf_gate_reason(&gate, NOW), "circuit"));
    assert_true(s_block(&record, NOW + 10));
    gate = hf_gate_read(&record);
    assert_non_null(strstr(hf_gate_reason(&gate, NOW), "Retry-After"));
    assert_true(s_change(&record, HF_GATE_PAUSE, NOW));
    gate = hf_gate_read(&record);
    assert_non_null(strstr(hf_gate_reason(&gate, NOW), "paused"));
}

static void words_lead_there_and_back(void **unused) {
    (void)unused;
    for (uint32_t event = HF_GATE_PAUSE; event < HF_GATE_EVENTS; event++) {
        assert_int_equal(hf_gate_event_parse(hf_gate_event_name(event)), event);
    }
    assert_int_equal(hf_gate_event_parse("none"), HF_GATE_NONE);
    assert_string_equal(hf_gate_event_name(99), "none");
    assert_string_equal(hf_circuit_name(99), "none");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nothing_happened_attempts_begin),
        cmocka_unit_test(a_pause_holds_until_it_is_resumed),
        cmocka_unit_test(a_block_ends_by_itself_and_only_grows),
        cmocka_unit_test(an_open_circuit_lets_one_probe_through_after_its_cooldown),
        cmocka_unit_test(a_circuit_that_opens_while_ramping_remembers_the_rate_before_the_outage),
        cmocka_unit_test(nothing_happens_out_of_turn),
        cmocka_unit_test(resume_lets_an_open_circuit_be_probed_at_once),
        cmocka_unit_test(a_pause_stands_above_a_block_and_both_above_the_circuit),
        cmocka_unit_test(words_lead_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
