#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void ids_are_uuids_of_version_7_and_carry_their_time(void **state) {
    hf_id_maker_t maker = {.rng = {.seed = 1}};
    (void)state;
    for (int64_t ms = 1700000000000; ms < 1700000000100; ms++) {
        hf_id_t id = hf_id_make(&maker, ms);
        assert_int_equal(id.bytes[6] >> 4, 7);
        assert_int_equal(id.bytes[8] >> 6, 2);
        assert_int_equal(hf_id_ms(&id), ms);
    }
}

static void ids_never_run_backwards_whatever_the_clock_does(void **state) {
    hf_id_maker_t maker = {.rng = {.seed = 2}};
    hf_id_t last = {{0}};
    int64_t ms = 1700000000000;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        ms += i == 50000 ? -3600000 : i % 1000 == 0; //  Many in a millisecond; once back an hour
        hf_id_t id = hf_id_make(&maker, ms);
        assert_true(memcmp(last.bytes, id.bytes, HF_ID_SIZE) < 0);
        last = id;
    }
    assert_true(hf_id_ms(&last) < 1700000000000 + 1000);
}

static void two_makers_do_not_meet(void **state) {
    hf_id_maker_t one = {.rng = {.seed = 3}}, other = {.rng = {.seed = 4}};
    (void)state;
    for (int i = 0; i < 1000; i++) {
        hf_id_t a = hf_id_make(&one, 5), b = hf_id_make(&other, 5);
        assert_false(hf_id_equal(&a, &b));
    }
}

static void text_goes_there_and_back(void **state) {
    hf_id_maker_t maker = {.rng = {.seed = 5}};
    char text[HF_ID_TEXT];
    hf_id_t back;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        hf_id_t id = hf_id_make(&maker, i * 1000003);
        hf_id_format(&id, text);
        assert_int_equal(strlen(text), 36);
        assert_true(hf_id_parse(&back, text));
        assert_true(hf_id_equal(&id, &back));
    }
    assert_true(hf_id_parse(&back, "018BCFE5-6800-7abc-8DEF-0123456789aB"));
    hf_id_format(&back, text);
    assert_string_equal(text, "018bcfe5-6800-7abc-8def-0123456789ab");
}

static void what_is_no_uuid_is_refused(void **state) {
    static const char *const wrong[] = {"",
                                        "-",
                                        "018bcfe5-6800-7abc-8def-0123456789a",
                                        "018bcfe5-6800-7abc-8def-0123456789abc",
                                        "018bcfe568007abc8def0123456789ab",
                                        "018bcfe5-6800-7abc-8def-0123456789ag",
                                        " 18bcfe5-6800-7abc-8def-0123456789ab",
                                        "018bcfe5-6800-7abc-8def-0123456789a ",
                                        "018bcfe5_6800_7abc_8def_0123456789ab",
                                        "{18bcfe5-6800-7abc-8def-0123456789a}",
                                        "018bcfe5-6800-7abc-8def-0123456789\xc3\xa4"};
    hf_id_t id = {{7}}, before = id;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(hf_id_parse(&id, wrong[i]));
        assert_true(hf_id_equal(&id, &before));
    }
}

static void the_floor_of_a_time_is_below_its_ids_and_above_older_ones(void **state) {
    hf_id_maker_t maker = {.rng = {.seed = 6}};
    (void)state;
    hf_id_t older = hf_id_make(&maker, 999), floor = hf_id_floor(1000), id = hf_id_make(&maker, 1000);
    assert_true(memcmp(older.bytes, floor.bytes, HF_ID_SIZE) < 0);
    assert_true(memcmp(floor.bytes, id.bytes, HF_ID_SIZE) < 0);
    floor = hf_id_floor(-5);
    assert_int_equal(hf_id_ms(&floor), 0);
}

static void an_id_in_a_message_has_sixteen_bytes(void **state) {
    hf_id_t id;
    (void)state;
    assert_true(hf_id_from(&id, "0123456789abcdef", 16));
    assert_false(hf_id_from(&id, "0123456789abcdef", 15));
    assert_false(hf_id_from(&id, NULL, 0));
}

static void chance_is_the_same_for_the_same_seed_and_even(void **state) {
    hf_rng_t one = {.seed = 7}, other = {.seed = 7};
    unsigned counts[10] = {0};
    (void)state;
    for (int i = 0; i < 100000; i++) {
        uint64_t drawn = hf_rng_below(&one, 10);
        assert_int_equal(drawn, hf_rng_below(&other, 10));
        counts[drawn]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(counts[i], 9500, 10500);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_uuids_of_version_7_and_carry_their_time),
        cmocka_unit_test(ids_never_run_backwards_whatever_the_clock_does),
        cmocka_unit_test(two_makers_do_not_meet),
        cmocka_unit_test(text_goes_there_and_back),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(the_floor_of_a_time_is_below_its_ids_and_above_older_ones),
        cmocka_unit_test(an_id_in_a_message_has_sixteen_bytes),
        cmocka_unit_test(chance_is_the_same_for_the_same_seed_and_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
