/*  Times: the calendar, every form that RFC 3339 allows, and what it doesn't.  */

#include "base/rfc3339.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    const char *text; //  As written
    int64_t ms;       //  What it means
} row_t;

static void s_reads_what_rfc_3339_allows(void **state) {
    static const row_t rows[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"2026-07-24T10:00:00Z", INT64_C(1784887200000)},
        {"2026-07-24t10:00:00.5z", INT64_C(1784887200500)},
        {"2026-07-24T10:00:00.123456789Z", INT64_C(1784887200123)},
        {"2026-07-24T12:00:00+02:00", INT64_C(1784887200000)},
        {"2026-07-24T04:30:00-05:30", INT64_C(1784887200000)},
        {"2000-02-29T23:59:59.999Z", INT64_C(951868799999)},
        {"2100-03-01T00:00:00Z", INT64_C(4107542400000)},
        {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
        {"9999-12-31T23:59:59.999Z", HF_RFC3339_MAX_MS},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t ms = -7;
        if (hf_rfc3339_parse(rows[i].text, &ms) || ms != rows[i].ms) {
            fail_msg("%s: %lld, not %lld", rows[i].text, (long long)ms, (long long)rows[i].ms);
        }
    }
}

static void s_refuses_everything_else(void **state) {
    static const char *const texts[] = {
        "",
        "now",
        "2026",
        "2026-07-24",
        "2026-07-24T10:00Z",
        "2026-07-24T10:00:00",
        "2026-07-24 10:00:00Z",
        "2026-7-24T10:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-07-24T24:00:00Z",
        "2026-07-24T10:60:00Z",
        "2026-07-24T10:00:61Z",
        "2026-07-24T10:00:00.Z",
        "2026-07-24T10:00:00+0200",
        "2026-07-24T10:00:00+24:00",
        "2026-07-24T10:00:00Z ",
        " 2026-07-24T10:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-23:59",
        "-026-07-24T10:00:00Z",
        "2026-07-24T10:00:00ZZ",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ms = -7;
        if (hf_rfc3339_parse(texts[i], &ms) == 0 || ms != -7) {
            fail_msg("'%s' was read", texts[i]);
        }
    }
}

static void s_writes_what_it_reads(void **state) {
    char text[HF_RFC3339_TEXT];
    (void)state;
    //  A step of 1,234,567,891 ms meets every month, leap years and hours.
    for (int64_t ms = 0; ms < INT64_C(8000000000000); ms += INT64_C(1234567891)) {
        int64_t again = -1;
        hf_rfc3339_format(ms, text);
        assert_int_equal(hf_rfc3339_parse(text, &again), 0);
        assert_int_equal(again, ms);
    }
    hf_rfc3339_format(INT64_C(951782400000), text);
    assert_string_equal(text, "2000-02-29T00:00:00.000Z");
}

static void s_writes_the_nearer_end_of_what_has_no_text(void **state) {
    char text[HF_RFC3339_TEXT];
    (void)state;
    hf_rfc3339_format(-1, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    hf_rfc3339_format(INT64_MAX, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_reads_what_rfc_3339_allows),
        cmocka_unit_test(s_refuses_everything_else),
        cmocka_unit_test(s_writes_what_it_reads),
        cmocka_unit_test(s_writes_the_nearer_end_of_what_has_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
