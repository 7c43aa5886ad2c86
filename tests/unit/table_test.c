//  Text on a terminal: escaped, measured, cut, and laid out in columns.

#include "cli/table.h"
#include "cli/terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void s_assert_escaped(const char *text, size_t size, const char *expected) {
    hf_buf_t out = {0};
    hf_terminal_escape(&out, text, size);
    assert_string_equal(out.data ? (char *)out.data : "", expected);
    hf_buf_free(&out);
}

static void s_nothing_that_drives_a_terminal_comes_through(void **state) {
    (void)state;
    s_assert_escaped("a\tb\r\n\a", 6, "a\\tb\\r\\n\\a");
    s_assert_escaped("\033[31m\177\0x", 8, "\\x1b[31m\\x7f\\x00x");
    s_assert_escaped("\xc2\x9b"
                     "31m",
                     5, "\\u009b31m");
    s_assert_escaped("\xe2\x80\xae\xe2\x81\xa6\xef\xbb\xbf", 9, "\\u202e\\u2066\\ufeff");
    s_assert_escaped("caf\xc3\xa9 \xf0\x9f\x98\x80", 10, "caf\xc3\xa9 \xf0\x9f\x98\x80");
    //  No UTF-8: alone, cut, overlong, a surrogate, beyond the last character.
    s_assert_escaped("\x80 \xc3", 3, "\\x80 \\xc3");
    s_assert_escaped("\xc0\xaf\xe0\x80\xaf", 5, "\\xc0\\xaf\\xe0\\x80\\xaf");
    s_assert_escaped("\xed\xa0\x80\xf4\x90\x80\x80", 7, "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80");
}

static void s_assert_fit(const char *text, int columns, const char *expected) {
    hf_buf_t out = {0};
    int taken = hf_terminal_fit(&out, text, columns);
    assert_string_equal(out.data ? (char *)out.data : "", expected);
    assert_int_equal(taken, hf_terminal_width(expected));
    assert_true(taken <= columns);
    hf_buf_free(&out);
}

static void s_widths_are_columns_not_bytes(void **state) {
    (void)state;
    assert_int_equal(hf_terminal_width("caf\xc3\xa9"), 4);
    assert_int_equal(hf_terminal_width("\u65e5\u672c"), 4);
    assert_int_equal(hf_terminal_width("e\u0301"), 1);
    s_assert_fit("abcdef", 6, "abcdef");
    s_assert_fit("abcdef", 5, "abcd\u2026");
    s_assert_fit("\u65e5\u672c\u8a9e", 4, "\u65e5\u2026");
    s_assert_fit("\u65e5\u672c\u8a9e", 5, "\u65e5\u672c\u2026");
    s_assert_fit("abc", 1, "\u2026");
    s_assert_fit("abc", 0, "");
}

static const hf_column_t s_columns[] = {
    {"ID", 0, false, false}, {"N", 1, true, false}, {"TEXT", 6, false, false}, {"MORE", 5, false, false}};

static char *s_printed(int width, const char *const rows[][4], size_t rows_size) {
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    hf_table_t *table = hf_table_new(s_columns, 4);
    for (size_t row = 0; row < rows_size; row++) {
        hf_table_add(table, rows[row]);
    }
    hf_table_print(table, file, width);
    hf_table_destroy(&table);
    hf_table_destroy(&table);
    fclose(file);
    return text;
}

static void s_columns_shrink_then_leave(void **state) {
    (void)state;
    static const char *const rows[][4] = {{"id-1", "7", "a longer text", "and more of it"},
                                          {"id-2", "12", "x", NULL}};
    static const struct {
        int width;
        const char *text;
    } cases[] = {
        {80, "ID     N  TEXT           MORE\n"
             "id-1   7  a longer text  and more of it\n"
             "id-2  12  x              -\n"},
        {30, "ID     N  TEXT       MORE\n"
             "id-1   7  a longer\u2026  and more\u2026\n"
             "id-2  12  x          -\n"},
        {20, "ID     N  TEXT\n"
             "id-1   7  a longer \u2026\n"
             "id-2  12  x\n"},
        {11, "ID     N\n"
             "id-1   7\n"
             "id-2  12\n"},
        {7, "ID\n"
            "id-1\n"
            "id-2\n"}, //  Half a number would be another one
        {4, "ID\n"
            "id-1\n"
            "id-2\n"},
    };
    for (size_t number = 0; number < sizeof cases / sizeof *cases; number++) {
        char *text = s_printed(cases[number].width, rows, 2);
        assert_string_equal(text, cases[number].text);
        free(text);
    }
    char *text = s_printed(80, rows, 0);
    assert_string_equal(text, "");
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_nothing_that_drives_a_terminal_comes_through),
        cmocka_unit_test(s_widths_are_columns_not_bytes),
        cmocka_unit_test(s_columns_shrink_then_leave),
    };
    hf_terminal_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
