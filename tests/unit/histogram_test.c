/*  Latencies in constant memory: what the histogram says of them is what the benchmark and `simulate` claim.  */

#include "base/histogram.c" // NOLINT(bugprone-suspicious-include): its buckets are looked at from inside

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_an_empty_histogram_says_nothing(void **state) {
    (void)state;
    hf_histogram_t *histogram = hf_histogram_new();
    assert_int_equal(hf_histogram_count(histogram), 0);
    assert_int_equal(hf_histogram_max(histogram), 0);
    assert_int_equal(hf_histogram_quantile(histogram, 0.99), 0);
    assert_true(hf_histogram_mean(histogram) >= 0 && hf_histogram_mean(histogram) <= 0);
    hf_histogram_destroy(&histogram);
    assert_null(histogram);
    hf_histogram_destroy(&histogram);
}

static void test_buckets_follow_each_other_without_gap(void **state) {
    (void)state;
    int64_t begin = 0;
    for (int64_t bucket = 0; bucket < BUCKETS; bucket++) {
        assert_int_equal(s_bucket(begin), bucket);
        assert_int_equal(s_bucket(s_end(bucket)), bucket);
        assert_true(s_end(bucket) >= begin);
        assert_true(s_end(bucket) - begin <= begin / SUB_BUCKETS);
        begin = s_end(bucket) + 1;
    }
    assert_int_equal(begin, INT64_C(1) << VALUE_BITS);
    assert_int_equal(s_bucket(INT64_MAX), BUCKETS - 1);
}

static void test_quantiles_of_a_ramp(void **state) {
    (void)state;
    hf_histogram_t *histogram = hf_histogram_new();
    for (int64_t value = 1; value <= 100000; value++) {
        hf_histogram_add(histogram, value);
    }
    static const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999};
    for (size_t index = 0; index < sizeof shares / sizeof *shares; index++) {
        double exact = shares[index] * 100000;
        double said = (double)hf_histogram_quantile(histogram, shares[index]);
        assert_true(said >= exact && said <= exact * (1 + 1.0 / SUB_BUCKETS) + 1);
    }
    assert_int_equal(hf_histogram_quantile(histogram, 0), 1);
    assert_int_equal(hf_histogram_quantile(histogram, 1), 100000);
    assert_int_equal(hf_histogram_max(histogram), 100000);
    assert_int_equal(hf_histogram_count(histogram), 100000);
    assert_true(hf_histogram_mean(histogram) > 50000.4 && hf_histogram_mean(histogram) < 50000.6);
    hf_histogram_destroy(&histogram);
}

static void test_one_slow_answer_is_seen(void **state) {
    (void)state;
    hf_histogram_t *histogram = hf_histogram_new();
    for (int index = 0; index < 999; index++) {
        hf_histogram_add(histogram, 10);
    }
    hf_histogram_add(histogram, 12345678);
    assert_int_equal(hf_histogram_quantile(histogram, 0.999), 10);
    assert_int_equal(hf_histogram_quantile(histogram, 0.9995), 12345678);
    assert_int_equal(hf_histogram_max(histogram), 12345678);
    hf_histogram_destroy(&histogram);
}

static void test_values_out_of_range_are_kept(void **state) {
    (void)state;
    hf_histogram_t *histogram = hf_histogram_new();
    hf_histogram_add(histogram, -5);
    hf_histogram_add(histogram, INT64_MAX);
    assert_int_equal(hf_histogram_quantile(histogram, 0.5), 0);
    assert_int_equal(hf_histogram_quantile(histogram, 1), INT64_MAX);
    assert_int_equal(hf_histogram_count(histogram), 2);
    hf_histogram_destroy(&histogram);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_histogram_says_nothing),
        cmocka_unit_test(test_buckets_follow_each_other_without_gap),
        cmocka_unit_test(test_quantiles_of_a_ramp),
        cmocka_unit_test(test_one_slow_answer_is_seen),
        cmocka_unit_test(test_values_out_of_range_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
