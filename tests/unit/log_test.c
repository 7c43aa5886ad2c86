//  What a log line looks like, and that no message can look like two.

#include "host/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int s_stderr = -1;     //  The real one, while a test listens
static int s_file = -1;       //  What stands in its place
static char s_lines[1 << 16]; //  What was written

static void s_listen(void) {
    char path[] = "/tmp/hf-log-XXXXXX";
    s_file = mkstemp(path);
    assert_true(s_file >= 0);
    unlink(path);
    s_stderr = dup(STDERR_FILENO);
    dup2(s_file, STDERR_FILENO);
}

static const char *s_heard(void) {
    dup2(s_stderr, STDERR_FILENO);
    close(s_stderr);
    ssize_t size = pread(s_file, s_lines, sizeof s_lines - 1, 0);
    s_lines[size > 0 ? size : 0] = 0;
    close(s_file);
    return s_lines;
}

static void s_a_line_says_when_how_bad_who_and_what(void **state) {
    (void)state;
    s_listen();
    hf_log_open("dispatch");
    hf_log_info("%d free callers", 3);
    hf_log_warn("slow");
    hf_log_error("gone");
    const char *lines = s_heard();
    assert_int_equal(lines[10], 'T');
    assert_int_equal(lines[23], 'Z');
    assert_memory_equal(lines + 24, " info  dispatch: 3 free callers\n", 32);
    assert_non_null(strstr(lines, "Z warn  dispatch: slow\n"));
    assert_non_null(strstr(lines, "Z error dispatch: gone\n"));
}

static void s_what_could_deceive_is_escaped(void **state) {
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"plain, ünï, 日本, 🦀", "plain, ünï, 日本, 🦀"},
        {"a\nb\r\tc\a\b\v\f", "a\\nb\\r\\tc\\a\\b\\v\\f"},
        {"\x01\x1b[31m\x7f", "\\x01\\x1b[31m\\x7f"},
        {"C:\\n", "C:\\\\n"},
        {"\xc2\x9b"
         "31m",
         "\\x9b31m"},                                                            //  A C1 control
        {"\xff\xc2", "\\xff\\xc2"},                                              //  No UTF-8
        {"\xc0\xaf\xe0\x80\xaf", "\\xc0\\xaf\\xe0\\x80\\xaf"},                   //  Overlong
        {"\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"}, //  Surrogate; too high
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        assert_int_equal(hf_log_escape(line, sizeof line, 0, cases[i].text), strlen(cases[i].shown));
        assert_string_equal(line, cases[i].shown);
    }
}

static void s_a_cut_line_holds_whole_characters(void **state) {
    (void)state;
    for (size_t size = 1; size < 12; size++) {
        char line[16];
        memset(line, '#', sizeof line);
        size_t used = hf_log_escape(line, size, 0, "é\n日");
        assert_true(used < size && line[used] == 0 && line[size] == '#');
        assert_int_equal(used, size > 7 ? 7 : size > 4 ? 4 : size > 2 ? 2 : 0);
    }
}

static void s_a_long_message_is_one_line_of_at_most_4096_bytes(void **state) {
    (void)state;
    char *text = malloc(20000);
    memset(text, '\n', 19999);
    text[19999] = 0;
    s_listen();
    hf_log_error("%s", text);
    const char *line = s_heard();
    assert_in_range(strlen(line), 4000, 4096);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    free(text);
}

static void s_a_limited_place_speaks_once_a_minute(void **state) {
    (void)state;
    hf_log_limit_t limit = {.level = HF_LOG_ERROR};
    s_listen();
    for (int i = 0; i < 100; i++) {
        hf_log_limited(&limit, "full %d", i);
    }
    limit.next_us = 1; //  A minute later
    hf_log_limited(&limit, "full still");
    hf_log_limited(&limit, "full still");
    const char *lines = s_heard();
    assert_non_null(strstr(lines, "error dispatch: full 0\n"));
    assert_non_null(strstr(lines, "error dispatch: full still (99 more like this were not shown)\n"));
    assert_null(strstr(lines, "full 1"));
    assert_int_equal(limit.suppressed, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_a_line_says_when_how_bad_who_and_what),
        cmocka_unit_test(s_what_could_deceive_is_escaped),
        cmocka_unit_test(s_a_cut_line_holds_whole_characters),
        cmocka_unit_test(s_a_long_message_is_one_line_of_at_most_4096_bytes),
        cmocka_unit_test(s_a_limited_place_speaks_once_a_minute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
