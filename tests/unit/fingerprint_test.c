/*  Reasons that differ only in numbers, ids and hosts have one pattern; others keep apart.  */

#include "base/fingerprint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void s_expect(const char *reason, uint32_t http_status, const char *wanted) {
    char pattern[HF_PATTERN_MAX + 1];
    size_t size = hf_fingerprint_pattern(reason, http_status, pattern);
    assert_string_equal(pattern, wanted);
    assert_int_equal(size, strlen(wanted));
}

static void words_without_digits_stay(void **state) {
    (void)state;
    s_expect("", 0, "");
    s_expect("no answer; the request was sent", 0, "no answer; the request was sent");
    s_expect("é-è: ça, \"x\"", 0, "é-è: ça, \"x\"");
}

static void numbers_go(void **state) {
    (void)state;
    s_expect("no answer within 30 s", 0, "no answer within # s");
    s_expect("no answer within 250ms", 0, "no answer within #");
    s_expect("1,234 of 5", 0, "#,# of #");
    s_expect("at 2026-07-24T10:00:00.123Z", 0, "at #");
    s_expect("http2 on ec2", 0, "http# on ec#");
    s_expect("x_1 and _7", 0, "x_# and _#");
}

static void ids_go(void **state) {
    (void)state;
    s_expect("instance i-0abc7f is gone", 0, "instance i-# is gone");
    s_expect("order 0198f3a2-6c1e-7b3a-9d50-3f1f6f9a2b11 is unknown", 0, "order # is unknown");
    s_expect("order deadbeef-beef-beef-beef-deadbeefbeef is unknown", 0, "order # is unknown");
    s_expect("trace deadbeef12", 0, "trace #");
    s_expect("face it, cafe", 0, "face it, cafe");
}

static void of_hosts_the_changing_parts_go(void **state) {
    (void)state;
    s_expect("no connection to api-7.eu-west-1.example.com:443 within 3 s; nothing was sent", 0,
             "no connection to api-#.eu-west-#.example.com:# within # s; nothing was sent");
    s_expect("no connection to 10.0.0.1:443", 0, "no connection to #");
    s_expect("no connection to [fe80::1]:443", 0, "no connection to [fe#::#]:#");
}

static void the_answers_status_stays(void **state) {
    (void)state;
    s_expect("answered 400 Bad Request", 400, "answered 400 Bad Request");
    s_expect("answered 404 Not Found", 404, "answered 404 Not Found");
    s_expect("answered 404 Not Found", 400, "answered # Not Found");
}

static void a_pattern_is_bounded_and_ends_with_a_whole_character(void **state) {
    char reason[1000], pattern[HF_PATTERN_MAX + 1];
    (void)state;
    memset(reason, 'x', sizeof reason);
    reason[sizeof reason - 1] = 0;
    assert_int_equal(hf_fingerprint_pattern(reason, 0, pattern), HF_PATTERN_MAX);
    memcpy(reason + HF_PATTERN_MAX - 1, "é", 2);
    assert_int_equal(hf_fingerprint_pattern(reason, 0, pattern), HF_PATTERN_MAX - 1);
    assert_int_equal(pattern[HF_PATTERN_MAX - 2], 'x');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_without_digits_stay),
        cmocka_unit_test(numbers_go),
        cmocka_unit_test(ids_go),
        cmocka_unit_test(of_hosts_the_changing_parts_go),
        cmocka_unit_test(the_answers_status_stays),
        cmocka_unit_test(a_pattern_is_bounded_and_ends_with_a_whole_character),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
