/*  The load generator's reader of answers: what it lets pass counts as acknowledged.  */

#include "load/response.c" // NOLINT(bugprone-suspicious-include): it is no library

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char s_answer[] = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: "
                               "10\r\n\r\n{\"id\":\"7\"}";

//  Reads it in pieces of that size; -1 malformed, 0 not whole, 1 whole and all of it used.
static int s_read(load_response_t *response, const char *text, size_t piece) {
    size_t size = strlen(text);
    bool done = false;
    load_response_reset(response);
    for (size_t at = 0; at < size && !done; at += piece) {
        size_t count = size - at < piece ? size - at : piece;
        long used = load_response_read(response, text + at, count, &done);
        if (used < 0 || (size_t)used != count) {
            return -1;
        }
    }
    return done ? 1 : 0;
}

static int s_read_once(const char *text) {
    load_response_t response;
    return s_read(&response, text, strlen(text));
}

static void test_an_answer_reads_the_same_however_it_is_cut(void **state) {
    (void)state;
    for (size_t piece = 1; piece <= strlen(s_answer); piece++) {
        load_response_t response;
        assert_int_equal(s_read(&response, s_answer, piece), 1);
        assert_int_equal(response.status, 202);
        assert_string_equal(response.body, "{\"id\":\"7\"}");
        assert_false(response.closes);
    }
}

static void test_half_an_answer_is_none(void **state) {
    (void)state;
    assert_int_equal(s_read_once("HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\n{\"id\""), 0);
    assert_int_equal(s_read_once("HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n"), 0);
}

static void test_what_follows_is_not_the_answers(void **state) {
    (void)state;
    load_response_t response;
    bool done = false;
    load_response_reset(&response);
    const char *two = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert_int_equal(load_response_read(&response, two, strlen(two), &done), 27);
    assert_true(done);
    assert_int_equal(response.status, 204);
}

static void test_close_is_seen(void **state) {
    (void)state;
    load_response_t response;
    assert_int_equal(
        s_read(&response, "HTTP/1.1 503 Busy\r\nConnection: Close\r\ncontent-length: 0\r\n\r\n", 7), 1);
    assert_true(response.closes);
}

static void test_what_is_no_answer_is_malformed(void **state) {
    (void)state;
    static const char *const bad[] = {
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2O2 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 199 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    };
    for (size_t index = 0; index < sizeof bad / sizeof *bad; index++) {
        assert_int_equal(s_read_once(bad[index]), -1);
    }
}

static void test_a_head_without_end_is_malformed(void **state) {
    (void)state;
    load_response_t response;
    char line[LOAD_RESPONSE_LINE_BYTES + 2];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\0';
    assert_int_equal(s_read(&response, line, 100), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_reads_the_same_however_it_is_cut),
        cmocka_unit_test(test_half_an_answer_is_none),
        cmocka_unit_test(test_what_follows_is_not_the_answers),
        cmocka_unit_test(test_close_is_seen),
        cmocka_unit_test(test_what_is_no_answer_is_malformed),
        cmocka_unit_test(test_a_head_without_end_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
