//  What the quick pass over a JSON text must never do: take for sound what jansson refuses, or read another
//  value than jansson does.

#include "base/buf.h"
#include "base/fields.h"
#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static hf_field_t s_wanted[2];

static void s_want(void) {
    s_wanted[0] = (hf_field_t){.name = "id", .name_size = 2};
    s_wanted[1] = (hf_field_t){.name = "n", .name_size = 1};
}

//  The quick pass's word on it, held against jansson's.
static bool s_is_sure(const char *text, size_t size) {
    s_want();
    if (!hf_fields_find(text, size, s_wanted, 2)) {
        return false;
    }
    json_t *whole = json_loadb(text, size, 0, NULL);
    assert_true(json_is_object(whole));
    json_t *some = hf_fields_load(text, size, s_wanted, 2, NULL);
    for (unsigned i = 0; i < 2; i++) {
        const json_t *value = json_object_get(whole, s_wanted[i].name);
        assert_true(value ? json_equal(value, json_object_get(some, s_wanted[i].name))
                          : !json_object_get(some, s_wanted[i].name));
    }
    json_decref(some);
    json_decref(whole);
    return true;
}

static void s_what_is_wanted_is_found(void **state) {
    (void)state;
    static const char text[] =
        " {\"pad\" : [1, {\"id\": 0}, \"]}\\\"\"],\n\"id\":\"i-1\", \"n\" : -7.5e3}\r\n";
    assert_true(s_is_sure(text, sizeof text - 1));
    assert_memory_equal(s_wanted[0].text, "\"i-1\"", s_wanted[0].size);
    assert_memory_equal(s_wanted[1].text, "-7.5e3", s_wanted[1].size);
    assert_true(s_is_sure("{}", 2));
    assert_null(s_wanted[0].text);
    //  Of two of a name the last one counts.
    static const char twice[] = "{\"id\":\"a\",\"id\":{\"x\":[]}}";
    assert_true(s_is_sure(twice, sizeof twice - 1));
    assert_memory_equal(s_wanted[0].text, "{\"x\":[]}", s_wanted[0].size);
}

static void s_ordinary_texts_are_sure(void **state) {
    (void)state;
    static const char *const sound[] = {
        "{\"id\":\"\\u00e9\\n\\\\\\\"\",\"n\":0}",
        "{\"id\":\"Größe €\U0001F600\",\"n\":-0}",
        "{\"id\":true,\"n\":null}",
        "{\"id\":123456789012345678,\"n\":0.1E-12}",
        "{\"id\":[[[[1,2],[]]],{\"a\":{\"b\":false}}]}",
        "{\"\":1,\"id\":\"a long enough string, plain throughout\"}",
    };
    for (unsigned i = 0; i < sizeof sound / sizeof *sound; i++) {
        assert_true(s_is_sure(sound[i], strlen(sound[i])));
    }
}

//  Some of them are JSON: jansson has the word, and the outcome is its.
static void s_the_rest_is_left_to_jansson(void **state) {
    (void)state;
    static const char *const rest[] = {
        "",
        "42",
        "[1]",
        "\"id\"",
        "{",
        "{\"id\"}",
        "{\"id\":}",
        "{,}",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":nul}",
        "{\"a\":truex}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc3\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{\"\\u0069d\":1}",
        "{\"a\":\"\\ud83d\\ude00\"}",
        "{\"a\":12345678901234567890}",
        "{\"a\":1e400}",
        "{'a':1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":-}",
    };
    for (unsigned i = 0; i < sizeof rest / sizeof *rest; i++) {
        s_want();
        json_error_t error;
        assert_false(hf_fields_find(rest[i], strlen(rest[i]), s_wanted, 2));
        json_t *whole = json_loadb(rest[i], strlen(rest[i]), JSON_DECODE_ANY, NULL);
        json_t *loaded = hf_fields_load(rest[i], strlen(rest[i]), s_wanted, 2, &error);
        assert_true(whole ? json_equal(whole, loaded) : !loaded && *error.text);
        json_decref(whole);
        json_decref(loaded);
    }
    //  A NUL is sound nowhere, and nothing is read behind the end.
    assert_false(s_is_sure("{\"id\":1}\0", 9));
    assert_false(s_is_sure("{\"i\0d\":1}", 9));
    assert_false(s_is_sure("{\"id\":1}", 7));
}

static void s_nesting_is_bounded(void **state) {
    (void)state;
    hf_buf_t text = {0};
    hf_buf_addf(&text, "{\"id\":");
    for (int i = 0; i < 1000; i++) {
        hf_buf_add(&text, "[", 1);
    }
    assert_false(s_is_sure((const char *)text.data, text.size));
    hf_buf_free(&text);
}

//  A sound text with a few bytes changed, taken out or doubled, many times over, by one seed.
static void s_mutants_agree_with_jansson(void **state) {
    (void)state;
    static const char seed_text[] =
        "{\"id\":\"i-\\u00e9é\",\"n\":-12.5e+3,\"o\":{\"id\":[true,false,null,0]},"
        "\"n\":7,\"pad\":\"xxxxxxxxxxxxxxxxxx\\\\ \\\" \"}";
    static const char bytes[] = "{}[]\",:\\0129eE+-.tfnu \n\t\xc3\xa9\xed\xff\x01id";
    hf_rng_t rng = {.seed = 20261124};
    unsigned sure = 0;
    for (int round = 0; round < 60000; round++) {
        char text[sizeof seed_text];
        size_t size = sizeof seed_text - 1;
        memcpy(text, seed_text, sizeof text);
        for (uint64_t change = hf_rng_next(&rng) % 3 + 1; change > 0; change--) {
            size_t at = hf_rng_next(&rng) % size;
            if (hf_rng_next(&rng) % 3) {
                text[at] = bytes[hf_rng_next(&rng) % (sizeof bytes - 1)];
            } else {
                memmove(text + at, text + at + 1, size - at);
                size--;
            }
        }
        sure += s_is_sure(text, size);
    }
    assert_true(sure > 1000 && sure < 59000); //  Both verdicts were tried
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_what_is_wanted_is_found),     cmocka_unit_test(s_ordinary_texts_are_sure),
        cmocka_unit_test(s_the_rest_is_left_to_jansson), cmocka_unit_test(s_nesting_is_bounded),
        cmocka_unit_test(s_mutants_agree_with_jansson),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
