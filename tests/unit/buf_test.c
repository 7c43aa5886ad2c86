#include "base/buf.h"
#include "link/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_buffer_grows_and_always_ends_in_a_nul(void **state) {
    hf_buf_t buf = {0};
    (void)state;
    for (unsigned i = 0; i < 10000; i++) {
        hf_buf_add(&buf, "abc", 3);
        assert_int_equal(buf.size, 3 * (i + 1));
        assert_int_equal(buf.data[buf.size], 0);
    }
    hf_buf_clear(&buf);
    assert_int_equal(buf.size, 0);
    assert_string_equal((char *)buf.data, "");
    hf_buf_addf(&buf, "%d-%s", 7, "x");
    assert_string_equal((char *)buf.data, "7-x");
    hf_buf_free(&buf);
    assert_null(buf.data);
}

static void an_empty_buffer_takes_nothing_and_gives_nothing(void **state) {
    hf_buf_t buf = {0};
    size_t size = 9;
    (void)state;
    hf_buf_clear(&buf);
    assert_null(hf_buf_release(&buf, &size));
    assert_int_equal(size, 0);
    hf_buf_add(&buf, NULL, 0);
    uint8_t *bytes = hf_buf_release(&buf, &size);
    assert_string_equal((char *)bytes, "");
    assert_null(buf.data);
    free(bytes);
    hf_buf_free(&buf);
}

static void copies_end_in_a_nul_and_null_stays_null(void **state) {
    (void)state;
    assert_null(hf_strdup(NULL));
    char *text = hf_strdup("text");
    assert_string_equal(text, "text");
    free(text);
    text = hf_memdup("te\0xt", 5);
    assert_memory_equal(text, "te\0xt", 6);
    free(text);
    text = hf_memdup(NULL, 0);
    assert_string_equal(text, "");
    free(text);
}

static void an_arena_gives_zeroed_memory_that_does_not_overlap(void **state) {
    hf_arena_t *arena = hf_arena_new(64);
    uint8_t *pieces[1000];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 1000; i++) {
            pieces[i] = hf_arena_take(arena, i);
            for (size_t j = 0; j < i; j++) {
                assert_int_equal(pieces[i][j], 0);
            }
            memset(pieces[i], (int)(i % 255) + 1, i);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        }
        for (size_t i = 0; i < 1000; i++) {
            for (size_t j = 0; j < i; j++) {
                assert_int_equal(pieces[i][j], i % 255 + 1);
            }
        }
        hf_arena_reset(arena);
    }
    memset(hf_arena_take(arena, 5 << 20), 1, 5 << 20); //  Larger than any block
    hf_arena_destroy(&arena);
    assert_null(arena);
    hf_arena_destroy(&arena);
}

//  ---- publications

static bool s_is_read(const void *data, size_t size) {
    hf_arena_t *arena = hf_arena_new(256);
    hf_publication_t publication;
    bool read = hf_publication_read(&publication, data, size, arena);
    hf_arena_destroy(&arena);
    return read;
}

static void a_publication_is_a_topic_a_nul_and_a_message(void **state) {
    hf_arena_t *arena = hf_arena_new(256);
    hf_publication_t publication;
    Hf__Ack ack = HF__ACK__INIT;
    hf_buf_t bytes = {0};
    (void)state;
    ack.applied = 12;
    hf_topic_add(&bytes, "A", "call.1");
    assert_memory_equal(bytes.data, "A call.1", 9);
    hf_buf_pack(&bytes, &ack.base);
    assert_true(hf_publication_read(&publication, bytes.data, bytes.size, arena));
    assert_non_null(publication.ack);
    assert_null(publication.facts);
    assert_int_equal(publication.ack->applied, 12);
    hf_buf_free(&bytes);
    hf_arena_destroy(&arena);
}

static void what_is_no_publication_is_refused(void **state) {
    (void)state;
    assert_false(s_is_read(NULL, 0));
    assert_false(s_is_read("F", 1));
    assert_false(s_is_read("", 1));
    assert_false(s_is_read("X", 2));
    assert_false(s_is_read("FF", 3));
    assert_false(s_is_read("A", 2));
    assert_false(s_is_read("F\0\xff\xff\xff", 5));
    assert_false(s_is_read("B\0\x22\x7f", 4));
    assert_true(s_is_read("F", 2)); //  Facts without any: nothing is wrong with that
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_grows_and_always_ends_in_a_nul),
        cmocka_unit_test(an_empty_buffer_takes_nothing_and_gives_nothing),
        cmocka_unit_test(copies_end_in_a_nul_and_null_stays_null),
        cmocka_unit_test(an_arena_gives_zeroed_memory_that_does_not_overlap),
        cmocka_unit_test(a_publication_is_a_topic_a_nul_and_a_message),
        cmocka_unit_test(what_is_no_publication_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
