/*  JSON Patch: every example of RFC 6902, appendix A, the pointers of RFC 6901, section 5, and what is bounded or refused.  */

#include "base/json_patch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 1 << 20 };

//  What becomes of a document, as text; "!" where the patch does not fit; "?" where it is none.
static char *s_patched(const char *document, const char *text) {
    hf_error_t error = {{0}};
    hf_buf_t out = {0};
    json_t *patch = hf_json_patch_read(text, strlen(text), &error);
    if (!patch) {
        assert_true(*error.text);
        return hf_strdup("?");
    }
    if (hf_json_patch_bytes(patch, document, strlen(document), MOST, &out, &error)) {
        assert_true(*error.text);
        assert_int_equal(out.size, 0);
        hf_buf_addf(&out, "!");
    }
    json_decref(patch);
    return (char *)out.data;
}

static void s_expect(const char *document, const char *patch, const char *wanted) {
    char *patched = s_patched(document, patch);
    assert_string_equal(patched, wanted);
    free(patched);
}

static void the_examples_of_rfc_6902(void **state) {
    (void)state;
    //  A.1 to A.10
    s_expect("{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]",
             "{\"foo\":\"bar\",\"baz\":\"qux\"}");
    s_expect("{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]",
             "{\"foo\":[\"bar\",\"qux\",\"baz\"]}");
    s_expect("{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]",
             "{\"foo\":\"bar\"}");
    s_expect("{\"foo\":[\"bar\",\"qux\",\"baz\"]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]",
             "{\"foo\":[\"bar\",\"baz\"]}");
    s_expect("{\"baz\":\"qux\",\"foo\":\"bar\"}",
             "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]",
             "{\"baz\":\"boo\",\"foo\":\"bar\"}");
    s_expect("{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
             "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
             "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}");
    s_expect("{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}",
             "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]",
             "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}");
    s_expect("{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}",
             "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},"
             "{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
             "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}");
    s_expect("{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", "!");
    s_expect("{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grandchild\":{}}}]",
             "{\"foo\":\"bar\",\"child\":{\"grandchild\":{}}}");
    //  A.11 to A.16
    s_expect("{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"xyz\":123}]",
             "{\"foo\":\"bar\",\"baz\":\"qux\"}");
    s_expect("{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", "!");
    s_expect("{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\",\"op\":\"remove\"}]",
             "?");
    s_expect("{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]",
             "{\"/\":9,\"~1\":10}");
    s_expect("{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":\"10\"}]", "!");
    s_expect("{\"foo\":[\"bar\"]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\",\"def\"]}]",
             "{\"foo\":[\"bar\",[\"abc\",\"def\"]]}");
}

static void the_pointers_of_rfc_6901(void **state) {
    static const char document[] =
        "{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
        "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}";
    static const char *const pairs[][2] = {{"", document},        {"/foo", "[\"bar\",\"baz\"]"},
                                           {"/foo/0", "\"bar\""}, {"/", "0"},
                                           {"/a~1b", "1"},        {"/c%d", "2"},
                                           {"/e^f", "3"},         {"/g|h", "4"},
                                           {"/i\\\\j", "5"},      {"/k\\\"l", "6"},
                                           {"/ ", "7"},           {"/m~0n", "8"}};
    static const char *const none[] = {"/foo/2",   "/foo/-",  "/foo/00", "/foo/01",
                                       "/foo/1e0", "/foo/+1", "/bar",    "/foo/0/x"};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char patch[1024];
        snprintf(patch, sizeof patch, "[{\"op\":\"test\",\"path\":\"%s\",\"value\":%s}]", pairs[i][0],
                 pairs[i][1]);
        s_expect(document, patch, document);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char patch[256];
        snprintf(patch, sizeof patch, "[{\"op\":\"remove\",\"path\":\"%s\"}]", none[i]);
        s_expect(document, patch, "!");
    }
}

static void numbers_stay_what_they_are(void **state) {
    (void)state;
    s_expect(
        "{\"id\":9007199254740993,\"least\":-9223372036854775808,\"share\":0.1,\"pi\":3.141592653589793}",
        "[{\"op\":\"add\",\"path\":\"/x\",\"value\":1}]",
        "{\"id\":9007199254740993,\"least\":-9223372036854775808,\"share\":0.1,\"pi\":3.141592653589793,"
        "\"x\":1}");
    s_expect("{\"id\":9223372036854775808}", "[{\"op\":\"add\",\"path\":\"/x\",\"value\":1}]", "!");
    s_expect("{\"id\":1e999}", "[{\"op\":\"add\",\"path\":\"/x\",\"value\":1}]", "!");
    s_expect("[1]", "[{\"op\":\"test\",\"path\":\"/0\",\"value\":1.0}]", "[1]");
    s_expect("[9007199254740993]", "[{\"op\":\"test\",\"path\":\"/0\",\"value\":9007199254740992.0}]", "!");
    s_expect("[9223372036854775807]", "[{\"op\":\"test\",\"path\":\"/0\",\"value\":9223372036854775808.0}]",
             "!");
}

static void all_or_nothing(void **state) {
    (void)state;
    s_expect("{\"a\":1}",
             "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"test\",\"path\":\"/a\",\"value\":1}]", "!");
    s_expect("{\"a\":1}", "[]", "{\"a\":1}");
}

static void the_whole_document(void **state) {
    (void)state;
    s_expect("{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":[1]}]", "[1]");
    s_expect("{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":null}]", "null");
    s_expect("{\"a\":{\"b\":2}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"\"}]", "{\"b\":2}");
    s_expect("{\"a\":{\"b\":2}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"\"}]", "{\"b\":2}");
    s_expect("{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"\",\"path\":\"/b\"}]", "{\"a\":1,\"b\":{\"a\":1}}");
    s_expect("{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", "!");
}

static void moves(void **state) {
    (void)state;
    s_expect("{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", "!");
    s_expect("{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a\"}]", "{\"a\":1}");
    s_expect("{\"a\":1,\"ab\":{}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/ab/c\"}]",
             "{\"ab\":{\"c\":1}}");
    s_expect("{\"a\":1}", "[{\"op\":\"move\",\"from\":\"/x\",\"path\":\"/a\"}]", "!");
    s_expect("[1,2]", "[{\"op\":\"move\",\"from\":\"/0\",\"path\":\"/2\"}]", "!"); //  One is left then
    s_expect("[1,2]", "[{\"op\":\"replace\",\"path\":\"/1\",\"value\":3}]", "[1,3]");
    s_expect("[1,2]", "[{\"op\":\"replace\",\"path\":\"/2\",\"value\":3}]", "!");
}

static void what_is_no_patch_is_refused(void **state) {
    static const char *const texts[] = {"",
                                        "{}",
                                        "[1]",
                                        "[{}]",
                                        "[{\"op\":\"x\",\"path\":\"\"}]",
                                        "[{\"op\":\"add\",\"path\":\"/a\"}]",
                                        "[{\"op\":\"add\",\"path\":\"a\",\"value\":1}]",
                                        "[{\"op\":\"add\",\"path\":\"/~2\",\"value\":1}]",
                                        "[{\"op\":\"add\",\"path\":\"/~\",\"value\":1}]",
                                        "[{\"op\":\"remove\",\"path\":1}]",
                                        "[{\"op\":\"copy\",\"path\":\"/a\"}]",
                                        "[{\"op\":\"copy\",\"path\":\"/a\",\"from\":\"b\"}]"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        s_expect("{}", texts[i], "?");
    }
    s_expect("no JSON", "[]", "!");
    s_expect("{\"a\":1,\"a\":2}", "[]", "!"); //  It would lose one of them
}

//  Each copy doubles it: what comes out is bounded, and so is the work.
static void what_comes_out_is_bounded(void **state) {
    hf_buf_t patch = {0};
    (void)state;
    hf_buf_addf(&patch, "[");
    for (int i = 0; i < 100; i++) {
        hf_buf_addf(&patch, "%s{\"op\":\"copy\",\"from\":\"\",\"path\":\"/%d\"}", i ? "," : "", i);
    }
    hf_buf_addf(&patch, "]");
    s_expect("{\"a\":1}", (char *)patch.data, "!");
    hf_buf_clear(&patch);
    hf_buf_addf(&patch, "[");
    for (int i = 0; i < 900; i++) { //  What leaves makes room again
        hf_buf_addf(&patch, "%s{\"op\":\"replace\",\"path\":\"/a\",\"value\":\"%0*d\"}", i ? "," : "", 40, i);
    }
    hf_buf_addf(&patch, "]");
    hf_error_t error;
    hf_buf_t out = {0};
    json_t *json = hf_json_patch_read(patch.data, patch.size, &error);
    assert_non_null(json);
    assert_int_equal(hf_json_patch_bytes(json, "{\"a\":1}", 7, 120, &out, &error), 0);
    assert_int_equal(out.size, 48);
    json_decref(json);
    hf_buf_free(&out);
    hf_buf_free(&patch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_rfc_6902),    cmocka_unit_test(the_pointers_of_rfc_6901),
        cmocka_unit_test(numbers_stay_what_they_are),  cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(the_whole_document),          cmocka_unit_test(moves),
        cmocka_unit_test(what_is_no_patch_is_refused), cmocka_unit_test(what_comes_out_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
