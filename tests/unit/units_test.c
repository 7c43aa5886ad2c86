//  What people write for times, sizes and rates, what it comes to, and how it is written back.

#include "base/units.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))

static void s_durations_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"250ms", 250},
        {"0s", 0},
        {"10s", 10 * 1000},
        {"15m", 15 * 60 * 1000},
        {"24h", 24 * 60 * 60 * 1000},
        {"7d", 7 * 24 * 60 * 60 * 1000},
        {"0007s", 7000},
        {"9223372036854775807ms", INT64_MAX},
        {"106751991167d", INT64_C(106751991167) * 86400000},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        int64_t ms = -1;
        assert_int_equal(hf_duration_parse(cases[number].text, &ms), 0);
        assert_int_equal(ms, cases[number].ms);
    }
}

static void s_what_is_no_duration_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "s",
        "10",
        "10 s",
        " 10s",
        "10s ",
        "-1s",
        "+1s",
        "1.5s",
        "10S",
        "10sec",
        "1h30m",
        "ms",
        "1e3s",
        "0x10s",
        "10s\n",
        "٣s",
        "9223372036854775808ms",
        "106751991168d",
        "99999999999999999999999999999999s",
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        int64_t ms = 4711;
        assert_int_equal(hf_duration_parse(cases[number], &ms), -1);
        assert_int_equal(ms, 4711);
    }
}

static void s_sizes_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } cases[] = {
        {"0", 0},
        {"512", 512},
        {"64K", 64 << 10},
        {"64k", 64 << 10},
        {"1M", 1 << 20},
        {"4G", (size_t)4 << 30},
        {"2T", (size_t)2 << 40},
        {"18446744073709551615", SIZE_MAX},
        {"16777215T", (size_t)16777215 << 40},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        size_t bytes = 4711;
        assert_int_equal(hf_size_parse(cases[number].text, &bytes), 0);
        assert_int_equal(bytes, cases[number].bytes);
    }
}

static void s_what_is_no_size_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "K",
        "64KB",
        "64KiB",
        "64 K",
        "-1",
        "1.5M",
        "1P",
        "M1",
        "64\xff",
        "18446744073709551616",
        "16777216T",
        "1000000000000000000000000000000000000000000K",
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        size_t bytes = 4711;
        assert_int_equal(hf_size_parse(cases[number], &bytes), -1);
        assert_int_equal(bytes, 4711);
    }
}

static void s_rates_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double per_second;
    } cases[] = {
        {"100/s", 100}, {"10/m", 10 / 60.0}, {"36/h", 0.01},
        {"86400/d", 1}, {"0.5/s", 0.5},      {"12.25/s", 12.25},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        double rate = 0;
        assert_int_equal(hf_rate_parse(cases[number].text, &rate), 0);
        assert_true(fabs(rate - cases[number].per_second) < 1e-12);
    }
}

static void s_what_is_no_rate_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",       "100",  "/s",   "0/s",    "0.0/s",   "-1/s",  "100/",  "100/ms", "100 /s",
        "100/s ", ".5/s", "5./s", "1..2/s", "1.2.3/s", "nan/s", "inf/s", "1e9/s",  "1234567890123/s",
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        double rate = 4711;
        assert_int_equal(hf_rate_parse(cases[number], &rate), -1);
        assert_true(rate > 4710 && rate < 4712);
    }
}

static void s_they_are_written_as_people_would(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } durations[] = {
        {0, "0ms"},      {250, "250ms"},    {1500, "1500ms"}, {90000, "90s"},
        {3600000, "1h"}, {172800000, "2d"}, {-3000, "-3s"},   {INT64_MIN, "-9223372036854775808ms"},
    };
    static const struct {
        size_t bytes;
        const char *text;
    } sizes[] = {{0, "0"},
                 {1000, "1000"},
                 {65536, "64K"},
                 {(size_t)64 << 30, "64G"},
                 {SIZE_MAX, "18446744073709551615"}};
    static const struct {
        double per_second;
        const char *text;
    } rates[] = {
        {100, "100/s"}, {10 / 60.0, "10/m"}, {1 / 3600.0, "1/h"}, {0.3333, "0.3333/s"}, {2.5, "150/m"}};
    char text[32];
    for (size_t number = 0; number < SIZE(durations); number++) {
        hf_duration_format(durations[number].ms, text);
        assert_string_equal(text, durations[number].text);
    }
    for (size_t number = 0; number < SIZE(sizes); number++) {
        hf_size_format(sizes[number].bytes, text);
        assert_string_equal(text, sizes[number].text);
    }
    for (size_t number = 0; number < SIZE(rates); number++) {
        hf_rate_format(rates[number].per_second, text);
        assert_string_equal(text, rates[number].text);
    }
}

static void s_what_is_written_is_read_back(void **state) {
    (void)state;
    uint64_t random = 42;
    for (int round = 0; round < 100000; round++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t value = random >> (1 + round % 63);
        char text[32];
        int64_t ms = -1;
        size_t bytes = 0;
        hf_duration_format((int64_t)value, text);
        assert_int_equal(hf_duration_parse(text, &ms), 0);
        assert_int_equal(ms, value);
        hf_size_format(value, text);
        assert_int_equal(hf_size_parse(text, &bytes), 0);
        assert_int_equal(bytes, value);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_durations_are_read),
        cmocka_unit_test(s_what_is_no_duration_is_refused_and_changes_nothing),
        cmocka_unit_test(s_sizes_are_read),
        cmocka_unit_test(s_what_is_no_size_is_refused_and_changes_nothing),
        cmocka_unit_test(s_rates_are_read),
        cmocka_unit_test(s_what_is_no_rate_is_refused_and_changes_nothing),
        cmocka_unit_test(s_they_are_written_as_people_would),
        cmocka_unit_test(s_what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
