//  Server-Sent Events, however they are cut on their way.

#include "base/buf.h"
#include "cli/event_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

//  Every event becomes "id|type|data;" here.
static hf_buf_t s_seen;

static bool s_on_event(void *context, const hf_stream_event_t *event) {
    const char *stop = context;
    assert_int_equal(event->data_size, strlen(event->data));
    hf_buf_addf(&s_seen, "%s|%s|%s;", event->id, event->type, event->data);
    return !stop || strcmp(event->data, stop) != 0;
}

static const char *s_read(const char *text, size_t size, size_t piece) {
    hf_event_stream_t *stream = hf_event_stream_new(s_on_event, NULL);
    hf_buf_clear(&s_seen);
    for (size_t at = 0; at < size; at += piece) {
        assert_true(hf_event_stream_feed(stream, text + at, size - at < piece ? size - at : piece));
    }
    hf_event_stream_destroy(&stream);
    return s_seen.data ? (const char *)s_seen.data : "";
}

static void s_lines_end_in_cr_lf_or_both_wherever_they_are_cut(void **state) {
    (void)state;
    static const char *const texts[] = {
        "\xEF\xBB\xBF: greeting\nretry: 5\n\nid: 1\ndata: a\n\nid:2\nevent: x\ndata:b\ndata:  c\ndata\n\n: "
        "beat\n\ndata: d\n\n",
        "\xEF\xBB\xBF: greeting\rretry: 5\r\rid: 1\rdata: a\r\rid:2\revent: x\rdata:b\rdata:  c\rdata\r\r: "
        "beat\r\rdata: d\r\r",
        "\xEF\xBB\xBF: greeting\r\nretry: 5\r\n\r\nid: 1\r\ndata: a\r\n\r\nid:2\r\nevent: "
        "x\r\ndata:b\r\ndata:  c\r\ndata\r\n"
        "\r\n: beat\r\n\r\ndata: d\r\n\r\n",
    };
    for (size_t number = 0; number < sizeof texts / sizeof *texts; number++) {
        for (size_t piece = 1; piece <= strlen(texts[number]); piece++) {
            assert_string_equal(s_read(texts[number], strlen(texts[number]), piece),
                                "1|message|a;2|x|b\n c\n;2|message|d;");
        }
    }
}

static void s_what_is_no_event_is_stepped_over(void **state) {
    (void)state;
    static const char text[] = "id: 1\n\nother: x\n\nevent: y\n\nid: 2\0\ndata: a\n\ndata: half";
    assert_string_equal(s_read(text, sizeof text - 1, 7), "1|message|a;");
}

static void s_an_event_that_is_too_large_is_dropped_alone(void **state) {
    (void)state;
    size_t size = (size_t)HF_STREAM_LINE_MAX + 4096;
    hf_buf_t text = {0};
    hf_buf_addf(&text, "data: before\n\nid: 9\ndata: ");
    memset(hf_buf_extend(&text, size), 'x', size);
    hf_buf_addf(&text, "\n\ndata: after\n\n");
    assert_string_equal(s_read((char *)text.data, text.size, 65536), "|message|before;9|message|after;");
    hf_buf_free(&text);
}

static void s_a_new_connection_goes_on_behind_the_last_id(void **state) {
    (void)state;
    hf_event_stream_t *stream = hf_event_stream_new(s_on_event, (char[]){"stop"});
    hf_buf_clear(&s_seen);
    assert_int_equal(hf_event_stream_retry_ms(stream), -1);
    assert_string_equal(hf_event_stream_last_id(stream), "");
    static const char first[] = "retry: 99999999\nid: 7\ndata: a\n\nid: 8\ndata: hal";
    assert_true(hf_event_stream_feed(stream, first, sizeof first - 1));
    assert_int_equal(hf_event_stream_retry_ms(stream), HF_STREAM_RETRY_MAX_MS);
    hf_event_stream_restart(stream);
    static const char second[] = "data: stop\n\ndata: unread\n\n";
    assert_false(hf_event_stream_feed(stream, second, sizeof second - 1));
    assert_string_equal((char *)s_seen.data, "7|message|a;8|message|stop;");
    hf_event_stream_destroy(&stream);
    hf_event_stream_destroy(&stream);
}

static int s_free(void **state) {
    (void)state;
    hf_buf_free(&s_seen);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_lines_end_in_cr_lf_or_both_wherever_they_are_cut),
        cmocka_unit_test(s_what_is_no_event_is_stepped_over),
        cmocka_unit_test(s_an_event_that_is_too_large_is_dropped_alone),
        cmocka_unit_test(s_a_new_connection_goes_on_behind_the_last_id),
    };
    return cmocka_run_group_tests(tests, NULL, s_free);
}
