/*  The load generator's seconds: the picture of an outage is drawn from them.  */

#include "load/series.c" // NOLINT(bugprone-suspicious-include): it is no library

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_nothing_happened(void **state) {
    (void)state;
    load_series_t *series = load_series_new();
    assert_int_equal(load_series_size(series), 0);
    load_series_destroy(&series);
    assert_null(series);
    load_series_destroy(&series);
}

static void test_an_outage_is_told_by_when_users_came(void **state) {
    (void)state;
    load_series_t *series = load_series_new();
    load_series_add(series, 100000, 150000, true);     //  Came and was answered at once
    load_series_add(series, 900000, 3100000, true);    //  Came in the same second, waited two
    load_series_add(series, 1500000, 31500000, false); //  Waited half a minute for nothing
    assert_int_equal(load_series_size(series), 4);
    const load_second_t *first = load_series_at(series, 0);
    assert_int_equal(first->acknowledged, 2);
    assert_int_equal(first->failed, 0);
    assert_int_equal(first->answered, 1);
    assert_int_equal(hf_histogram_max(first->latencies_us), 2200000);
    const load_second_t *second = load_series_at(series, 1);
    assert_int_equal(second->acknowledged, 0);
    assert_int_equal(second->failed, 1);
    assert_int_equal(hf_histogram_max(second->latencies_us), 30000000);
    assert_null(load_series_at(series, 2)->latencies_us);
    assert_int_equal(load_series_at(series, 3)->answered, 1);
    load_series_destroy(&series);
}

static void test_what_is_too_late_is_kept_in_the_last_second(void **state) {
    (void)state;
    load_series_t *series = load_series_new();
    load_series_add(series, INT64_C(5000) * 1000000, INT64_C(5001) * 1000000, true);
    load_series_add(series, -1, 1, true);
    assert_int_equal(load_series_size(series), LOAD_SERIES_SECONDS);
    assert_int_equal(load_series_at(series, LOAD_SERIES_SECONDS - 1)->acknowledged, 1);
    assert_int_equal(load_series_at(series, 0)->acknowledged, 1);
    load_series_destroy(&series);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happened),
        cmocka_unit_test(test_an_outage_is_told_by_when_users_came),
        cmocka_unit_test(test_what_is_too_late_is_kept_in_the_last_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
