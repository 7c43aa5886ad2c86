//  What an answer, or the want of one, comes to: its class, its reason, and when the third party wants to be
//  called again.

#include "call/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))

typedef struct {
    hf_call_result_t result; //  What was seen
    hf_class_t class;        //  What it comes to
    const char *reason;      //  And why
} row_t;

static void s_check(const row_t *rows, size_t size, const hf_destination_t *destination) {
    for (size_t number = 0; number < size; number++) {
        char reason[256];
        hf_class_t class = hf_outcome_classify(&rows[number].result, destination, reason, sizeof reason);
        assert_string_equal(reason, rows[number].reason);
        assert_string_equal(hf_class_name(class), hf_class_name(rows[number].class));
    }
}

#define WHOLE(code) .sent = true, .connected = true, .answered = true, .status = code
#define BROKEN      .sent = true, .connected = true, .broken = true

static void s_whole_answers(void **state) {
    static const row_t rows[] = {
        {{WHOLE(200)}, HF_CLASS_SUCCEEDED, "answered 200 OK"},
        {{WHOLE(202)}, HF_CLASS_SUCCEEDED, "answered 202 Accepted"},
        {{WHOLE(204)}, HF_CLASS_SUCCEEDED, "answered 204 No Content"},
        {{WHOLE(299)}, HF_CLASS_SUCCEEDED, "answered 299"},
        {{WHOLE(101)}, HF_CLASS_FAILED, "answered 101"},
        {{WHOLE(301)}, HF_CLASS_FAILED, "answered 301 Moved Permanently; redirects are not followed"},
        {{WHOLE(302)}, HF_CLASS_FAILED, "answered 302 Found; redirects are not followed"},
        {{WHOLE(304)}, HF_CLASS_FAILED, "answered 304 Not Modified"},
        {{WHOLE(400)}, HF_CLASS_REJECTED, "answered 400 Bad Request"},
        {{WHOLE(404)}, HF_CLASS_REJECTED, "answered 404 Not Found"},
        {{WHOLE(408)}, HF_CLASS_FAILED, "answered 408 Request Timeout"},
        {{WHOLE(425)}, HF_CLASS_FAILED, "answered 425 Too Early"},
        {{WHOLE(429)}, HF_CLASS_FAILED, "answered 429 Too Many Requests"},
        {{WHOLE(500)}, HF_CLASS_FAILED, "answered 500 Internal Server Error"},
        {{WHOLE(503)}, HF_CLASS_FAILED, "answered 503 Service Unavailable"},
        {{WHOLE(599)}, HF_CLASS_FAILED, "answered 599"},
        {{WHOLE(999)}, HF_CLASS_FAILED, "answered 999"},
    };
    (void)state;
    hf_destination_t *destination = hf_destination_new("d");
    s_check(rows, SIZE(rows), destination);
    hf_destination_destroy(&destination);
}

static void s_reject_is_the_destinations(void **state) {
    static const row_t rows[] = {
        {{WHOLE(404)}, HF_CLASS_FAILED, "answered 404 Not Found"},
        {{WHOLE(501)}, HF_CLASS_REJECTED, "answered 501 Not Implemented"},
        {{WHOLE(302)}, HF_CLASS_REJECTED, "answered 302 Found; redirects are not followed"},
    };
    (void)state;
    hf_destination_t *destination = hf_destination_new("d");
    assert_int_equal(hf_status_set_parse(&destination->reject, "501 300-399", NULL), 0);
    s_check(rows, SIZE(rows), destination);
    hf_destination_destroy(&destination);
}

static void s_nothing_was_sent(void **state) {
    static const row_t rows[] = {
        {{.broken = true, .trouble = "connection refused by 127.0.0.1:4654"},
         HF_CLASS_REFUSED,
         "connection refused by 127.0.0.1:4654"},
        {{.broken = true,
          .connected = true,
          .trouble = "the certificate is not trusted: self-signed certificate"},
         HF_CLASS_REFUSED,
         "the certificate is not trusted: self-signed certificate"},
        {{.broken = true, .timed_out = true, .peer = "api.example.com:443"},
         HF_CLASS_REFUSED,
         "no connection to api.example.com:443 within 3 s; nothing was sent"},
        {{.broken = true, .timed_out = true}, HF_CLASS_REFUSED, "no connection within 3 s; nothing was sent"},
        {{.broken = true}, HF_CLASS_REFUSED, "the connection broke"},
        {{.broken = false}, HF_CLASS_REFUSED, "the connection broke"},
        {{.broken = true, .trouble = "name b\303\274cher\r\n.example not found"},
         HF_CLASS_REFUSED,
         "name b??cher??.example not found"},
    };
    (void)state;
    hf_destination_t *destination = hf_destination_new("d");
    s_check(rows, SIZE(rows), destination);
    hf_destination_destroy(&destination);
}

static void s_a_whole_time_out_below_the_connecting_one_is_named(void **state) {
    static const row_t rows[] = {
        {{.broken = true, .timed_out = true, .peer = "h:80"},
         HF_CLASS_REFUSED,
         "no connection to h:80 within 1500 ms; nothing was sent"},
        {{BROKEN, .timed_out = true}, HF_CLASS_UNCERTAIN, "no answer within 1500 ms; the request was sent"},
    };
    (void)state;
    hf_destination_t *destination = hf_destination_new("d");
    destination->timeout_ms = 1500;
    s_check(rows, SIZE(rows), destination);
    hf_destination_destroy(&destination);
}

static void s_sent_without_a_whole_answer(void **state) {
    static const row_t rows[] = {
        {{BROKEN, .timed_out = true}, HF_CLASS_UNCERTAIN, "no answer within 30 s; the request was sent"},
        {{BROKEN, .timed_out = true, .status = 200},
         HF_CLASS_UNCERTAIN,
         "the answer, 200 OK, did not end within 30 s"},
        {{BROKEN, .trouble = "the connection was reset"},
         HF_CLASS_UNCERTAIN,
         "the connection was reset; the request was sent"},
        {{BROKEN, .trouble = "the connection was closed before its end", .status = 503},
         HF_CLASS_UNCERTAIN,
         "the answer, 503 Service Unavailable, did not come whole: the connection was closed before its end"},
        {{BROKEN, .trouble = "the answer is not HTTP"},
         HF_CLASS_UNCERTAIN,
         "the answer is not HTTP; the request was sent"},
        {{BROKEN}, HF_CLASS_UNCERTAIN, "the connection broke; the request was sent"},
        {{BROKEN, .answered = true}, HF_CLASS_UNCERTAIN, "the connection broke; the request was sent"},
        {{.broken = true, .status = 200},
         HF_CLASS_UNCERTAIN,
         "the answer, 200 OK, did not come whole: the connection broke"},
    };
    (void)state;
    hf_destination_t *destination = hf_destination_new("d");
    s_check(rows, SIZE(rows), destination);
    hf_destination_destroy(&destination);
}

static void s_a_reason_is_cut_where_it_does_not_fit(void **state) {
    char reason[9];
    hf_call_result_t result = {WHOLE(503)};
    (void)state;
    hf_destination_t *destination = hf_destination_new("d");
    assert_int_equal(hf_outcome_classify(&result, destination, reason, sizeof reason), HF_CLASS_FAILED);
    assert_string_equal(reason, "answered");
    hf_destination_destroy(&destination);
}

//  ---- Retry-After

static const int64_t s_wall = INT64_C(784111777000); //  Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example
static const int64_t s_node = INT64_C(5000000000);   //  The node's clock need not agree

static void s_seconds(void **state) {
    static const struct {
        const char *value;
        int64_t wait_ms;
    } rows[] = {
        {"0", 0},
        {"1", 1000},
        {"120", 120000},
        {" 120 ", 120000},
        {"\t7\t", 7000},
        {"000010", 10000},
        {"31622400", HF_RETRY_AFTER_MAX_MS},
        {"31622401", HF_RETRY_AFTER_MAX_MS},
        {"9223372036854775807", HF_RETRY_AFTER_MAX_MS},
        {"99999999999999999999999999999999", HF_RETRY_AFTER_MAX_MS},
    };
    (void)state;
    for (size_t number = 0; number < SIZE(rows); number++) {
        assert_int_equal(hf_outcome_retry_after(rows[number].value, s_wall, s_node),
                         s_node + rows[number].wait_ms);
    }
}

static void s_dates_in_three_formats(void **state) {
    static const struct {
        const char *value;
        int64_t wait_ms;
    } rows[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
        {"Sun, 06 Nov 1994 08:49:47 GMT", 10000},
        {"Mon, 07 Nov 1994 08:49:37 GMT", 86400000},
        {"Sun, 06 Nov 1994 08:49:36 GMT", 0}, //  Past: at once
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Fri, 31 Dec 9999 23:59:60 GMT", HF_RETRY_AFTER_MAX_MS},
        {"Sunday, 06-Nov-94 08:49:47 GMT", 10000},
        {"Saturday, 06-Nov-71 08:49:47 GMT", 0}, //  71 is 1971: 2071 would be over 50 years ahead
        {"Sunday, 06-Nov-44 08:49:47 GMT", HF_RETRY_AFTER_MAX_MS}, //  44 is 2044
        {"Sun Nov  6 08:49:47 1994", 10000},
        {"Mon Nov 14 08:49:37 1994", 8 * INT64_C(86400000)},
    };
    (void)state;
    for (size_t number = 0; number < SIZE(rows); number++) {
        assert_int_equal(hf_outcome_retry_after(rows[number].value, s_wall, s_node),
                         s_node + rows[number].wait_ms);
    }
}

//  Around the leap day, and the turn of a century: seconds since 1970 as `date -u +%s` says them.
static void s_days_are_counted_right(void **state) {
    static const struct {
        const char *value;
        int64_t at_s;
    } rows[] = {
        {"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800}, {"Fri, 01 Mar 2024 00:00:00 GMT", 1709251200},
        {"Tue, 31 Dec 2024 23:59:59 GMT", 1735689599}, {"Wed, 01 Jan 2025 00:00:00 GMT", 1735689600},
        {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},  {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
    };
    (void)state;
    for (size_t number = 0; number < SIZE(rows); number++) {
        int64_t wall = (rows[number].at_s - 100) * 1000;
        assert_int_equal(hf_outcome_retry_after(rows[number].value, wall, s_node), s_node + 100 * 1000);
    }
}

static void s_what_cannot_be_read_says_nothing(void **state) {
    static const char *const values[] = {
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "10s",
        "soon",
        "1 2",
        "Sun",
        "Sun,",
        "Sun, ",
        "Sunday",
        "Sun ",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nox 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1969 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49 1994",
        "\xff\xfe",
        "1111111111111111111111111111111111111111111111111111111111111111111111",
    };
    (void)state;
    for (size_t number = 0; number < SIZE(values); number++) {
        assert_int_equal(hf_outcome_retry_after(values[number], s_wall, s_node), 0);
    }
    assert_int_equal(hf_outcome_retry_after(NULL, s_wall, s_node), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_whole_answers),
        cmocka_unit_test(s_reject_is_the_destinations),
        cmocka_unit_test(s_nothing_was_sent),
        cmocka_unit_test(s_a_whole_time_out_below_the_connecting_one_is_named),
        cmocka_unit_test(s_sent_without_a_whole_answer),
        cmocka_unit_test(s_a_reason_is_cut_where_it_does_not_fit),
        cmocka_unit_test(s_seconds),
        cmocka_unit_test(s_dates_in_three_formats),
        cmocka_unit_test(s_days_are_counted_right),
        cmocka_unit_test(s_what_cannot_be_read_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
