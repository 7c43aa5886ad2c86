/*  Ingress's pure small parts: paths and queries, headers, JSON, problems, what records look like.  */

#include "base/gate.h"
#include "ingress/event_ring.h"
#include "ingress/header.h"
#include "ingress/problem.h"
#include "ingress/render.h"
#include "ingress/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

//  ---- paths

typedef struct {
    const char *target; //  As sent
    hf_page_t page;     //  What it means
    const char *arg;    //  The part that varies
} target_t;

static void s_finds_pages(void **state) {
    static const target_t targets[] = {
        {"/pipelines/stop-instance/commands", HF_PAGE_SUBMIT, "stop-instance"},
        {"/pipelines/stop%2Dinstance/batch", HF_PAGE_BATCH, "stop-instance"},
        {"/commands", HF_PAGE_COMMANDS, ""},
        {"/commands?state=dead", HF_PAGE_COMMANDS, ""},
        {"/commands/x", HF_PAGE_COMMAND, "x"},
        {"/commands/x/events", HF_PAGE_COMMAND_EVENTS, "x"},
        {"/commands/x/retry", HF_PAGE_RETRY, "x"},
        {"http://host:1/commands/x/discard", HF_PAGE_DISCARD, "x"},
        {"/destinations/d/pause", HF_PAGE_PAUSE, "d"},
        {"/dead/retry", HF_PAGE_DEAD_RETRY, ""},
        {"/jobs/1", HF_PAGE_JOB, "1"},
        {"/", HF_PAGES, ""},
        {"http://host", HF_PAGES, ""},
        {"*", HF_PAGES, ""},
        {"/commands/", HF_PAGES, ""},
        {"/commands//events", HF_PAGES, ""},
        {"/commands/x/", HF_PAGES, ""},
        {"/commands/x/events/y", HF_PAGES, ""},
        {"/Commands", HF_PAGES, ""},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
        hf_route_t route;
        assert_int_equal(hf_route_find(targets[i].target, &route), 0);
        if (route.page != targets[i].page || strcmp(route.arg, targets[i].arg) != 0) {
            fail_msg("%s: page %d, '%s'", targets[i].target, route.page, route.arg);
        }
    }
}

static void s_refuses_broken_escapes_and_nul(void **state) {
    static const char *const targets[] = {"/commands/%",    "/commands/%4", "/commands/%zz",
                                          "/commands/x%00", "/%00",         "/x%2"};
    (void)state;
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++) {
        hf_route_t route;
        if (hf_route_find(targets[i], &route) == 0) {
            fail_msg("%s was read", targets[i]);
        }
    }
}

static void s_a_name_nobody_has_is_no_page(void **state) {
    char target[1024] = "/commands/";
    hf_route_t route;
    (void)state;
    memset(target + 10, 'x', 800);
    assert_int_equal(hf_route_find(target, &route), 0);
    assert_int_equal(route.page, HF_PAGES);
}

static void s_writes_allow(void **state) {
    char text[32];
    (void)state;
    hf_methods_format(HF_GET | HF_DELETE, text);
    assert_string_equal(text, "GET, HEAD, DELETE");
    hf_methods_format(HF_POST, text);
    assert_string_equal(text, "POST");
    assert_int_equal(hf_method_parse("HEAD"), HF_GET);
    assert_int_equal(hf_method_parse("PUT"), 0);
}

static int s_collect(void *context, const char *name, const char *value) {
    char *text = context;
    size_t used = strlen(text);
    snprintf(text + used, 256 - used, "[%s=%s]", name, value);
    return 0;
}

static void s_walks_queries(void **state) {
    char text[256] = "";
    (void)state;
    assert_int_equal(hf_query_walk("a=1&b=x+y%26&&c&d=", s_collect, text), 0);
    assert_string_equal(text, "[a=1][b=x y&][c=][d=]");
    assert_int_equal(hf_query_walk("a=%", s_collect, text), -1);
    assert_int_equal(hf_query_walk("a=%00", s_collect, text), -1);
    assert_int_equal(hf_query_walk(NULL, s_collect, text), 0);
}

//  ---- headers

static void s_reads_prefer(void **state) {
    static const struct {
        const char *text; //  As sent
        int seconds;      //  What it means
    } rows[] = {{"wait=5", 5},          {"respond-async, wait=10", 10},
                {"Wait = 7", 7},        {"wait=\"3\"", 3},
                {"wait=0", 0},          {"wait=100000", HF_WAIT_MAX_S},
                {"wait=5;x=y", 5},      {"wait", -1},
                {"wait=", -1},          {"wait=-1", -1},
                {"wait=5s", -1},        {"", -1},
                {"return=minimal", -1}, {"waiting=5", -1},
                {",,wait=2", 2},        {"wait=99999999999999999999", HF_WAIT_MAX_S}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (hf_prefer_wait(rows[i].text) != rows[i].seconds) {
            fail_msg("'%s': %d", rows[i].text, hf_prefer_wait(rows[i].text));
        }
    }
}

static void s_knows_its_token(void **state) {
    (void)state;
    assert_true(hf_bearer_is("Bearer s3cret", "s3cret"));
    assert_true(hf_bearer_is("bearer  s3cret", "s3cret"));
    assert_false(hf_bearer_is("Bearer s3cre", "s3cret"));
    assert_false(hf_bearer_is("Bearer s3cret ", "s3cret"));
    assert_false(hf_bearer_is("Bearer ", "s3cret"));
    assert_false(hf_bearer_is("Basic s3cret", "s3cret"));
    assert_false(hf_bearer_is("", "s3cret"));
}

static void s_reads_moments(void **state) {
    int64_t ms = 0;
    (void)state;
    assert_int_equal(hf_moment_parse("30s", 1000000, false, &ms), 0);
    assert_int_equal(ms, 1030000);
    assert_int_equal(hf_moment_parse("30s", 1000000, true, &ms), 0);
    assert_int_equal(ms, 970000);
    assert_int_equal(hf_moment_parse("7d", 1000, true, &ms), 0);
    assert_int_equal(ms, 0);
    assert_int_equal(hf_moment_parse("2026-07-24T10:00:00Z", 0, false, &ms), 0);
    assert_int_equal(hf_moment_parse("tomorrow", 0, false, &ms), -1);
    assert_int_equal(hf_moment_parse("99999999999d", 0, false, &ms), -1);
    assert_int_equal(hf_moment_parse("5000000d", 0, false, &ms), -1);
}

static void s_looks_at_header_values(void **state) {
    (void)state;
    assert_true(hf_header_is_clean("application/json; charset=utf-8", 64));
    assert_true(hf_header_is_clean("", 0));
    assert_false(hf_header_is_clean("a\r\nX: y", 64));
    assert_false(hf_header_is_clean("a\x7f", 64));
    assert_false(hf_header_is_clean("abcd", 3));
    assert_true(hf_is_ndjson("application/x-ndjson; charset=utf-8"));
    assert_true(hf_is_ndjson(NULL));
    assert_false(hf_is_ndjson("application/json"));
    assert_false(hf_is_ndjson("application/x-ndjsonx"));
}

//  ---- JSON

static json_t *s_parse(hf_buf_t *text) {
    json_error_t error;
    json_t *json = json_loadb((const char *)text->data, text->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, (const char *)text->data);
    }
    hf_buf_free(text);
    return json;
}

static void s_any_bytes_make_valid_json(void **state) {
    (void)state;
    srand(1);
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[64];
        hf_buf_t out = {0};
        hf_json_t writer = {.out = &out};
        size_t size = (size_t)rand() % sizeof bytes;
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)(round % 2 ? rand() : rand() % 2 ? rand() % 128 : 0xc0 | rand());
        }
        hf_json_object(&writer, NULL);
        hf_json_string_n(&writer, "a", bytes, size);
        hf_json_bytes(&writer, "b", bytes, size, 16, round % 3 == 0);
        hf_json_object_end(&writer);
        json_t *json = s_parse(&out);
        bool encoded = json_object_get(json, "b_encoding") != NULL;
        assert_true(encoded || json_string_length(json_object_get(json, "b")) <= 16);
        json_decref(json);
    }
}

static void s_bytes_come_as_text_where_they_are(void **state) {
    hf_buf_t out = {0};
    hf_json_t writer = {.out = &out};
    (void)state;
    hf_json_object(&writer, NULL);
    hf_json_bytes(&writer, "text", "h\xc3\xa4", 3, 10, false);
    hf_json_bytes(&writer, "half", "h\xc3\xa4", 3, 2, false);
    hf_json_bytes(&writer, "cut", "h\xc3", 2, 10, true);
    hf_json_bytes(&writer, "binary", "\xff\x00", 2, 10, false);
    hf_json_bytes(&writer, "none", NULL, 0, 10, false);
    hf_json_object_end(&writer);
    assert_string_equal((char *)out.data, "{\"text\":\"h\xc3\xa4\",\"text_cut\":false,\"half\":\"h\",\"half_"
                                          "cut\":true,\"cut\":\"h\",\"cut_cut\":true,"
                                          "\"binary_encoding\":\"base64\",\"binary\":\"/"
                                          "wA=\",\"binary_cut\":false,\"none\":\"\",\"none_cut\":false}");
    hf_buf_free(&out);
}

static void s_a_problem_is_rfc_9457(void **state) {
    hf_problem_t problem;
    hf_buf_t out = {0};
    (void)state;
    assert_int_equal(hf_problem_set(&problem, HF_PROBLEM_MISSING_FIELD, 0, "no \"%s\"", "x"), -1);
    hf_problem_render(&problem, &out);
    json_t *json = s_parse(&out);
    assert_string_equal(json_string_value(json_object_get(json, "type")),
                        "urn:holdfast:problem:missing-field");
    assert_string_equal(json_string_value(json_object_get(json, "detail")), "no \"x\"");
    assert_int_equal(json_integer_value(json_object_get(json, "status")), 422);
    assert_int_equal(problem.status, 422);
    json_decref(json);
}

//  ---- records

static hf_config_t *s_config(void) {
    hf_config_t *config = hf_config_new();
    hf_destination_t *destination = hf_destination_new("d");
    hf_pipeline_t *pipeline = hf_pipeline_new("p");
    pipeline->destination = destination;
    hf_pipeline_set_label(pipeline, HF_STATE_ACCEPTED, "Stop\"ping");
    hf_pipeline_set_label(pipeline, HF_STATE_CALLING, "Calling it");
    hf_config_add_destination(config, destination);
    hf_config_add_pipeline(config, pipeline);
    return config;
}

static const char *s_member(json_t *json, const char *name) {
    json_t *value = json_object_get(json, name);
    assert_non_null(value);
    return json_is_null(value) ? "null" : json_string_value(value);
}

static void s_an_acceptance_has_the_contracts_members(void **state) {
    hf_config_t *config = s_config();
    hf_id_t id = hf_id_floor(INT64_C(1784887200000));
    hf_buf_t constant = {0}, out = {0};
    (void)state;
    hf_render_accepted_constant(config->pipelines[0], &constant);
    hf_render_accepted(&constant, &id, INT64_C(1784887200000), &out);
    assert_string_equal(
        (char *)out.data,
        "{\"id\":\"019f9391-4900-0000-0000-000000000000\",\"pipeline\":\"p\",\"state\":\"accepted\","
        "\"label\":\"Stop\\\"ping\",\"accepted_at\":\"2026-07-24T10:00:00.000Z\"}");
    hf_buf_free(&constant);
    hf_buf_free(&out);
    hf_config_destroy(&config);
}

static void s_a_command_shows_its_attempts(void **state) {
    hf_config_t *config = s_config();
    hf_id_t id = hf_id_floor(1);
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    Hf__Decision decision = HF__DECISION__INIT;
    Hf__History entries[2] = {HF__HISTORY__INIT, HF__HISTORY__INIT};
    Hf__History *list[2] = {&entries[0], &entries[1]};
    Hf__State is = HF__STATE__INIT;
    hf_buf_t out = {0};
    hf_json_t writer = {.out = &out};
    (void)state;
    is.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    is.pipeline = (char *)"p";
    is.destination = (char *)"d";
    is.state = HF_STATE_CALLING;
    is.attempt = 2;
    is.since = 5000;
    attempt.number = 1;
    attempt.class_ = HF_CLASS_FAILED;
    attempt.http_status = 500;
    attempt.connect_us = 1500;
    attempt.response = (ProtobufCBinaryData){3, (uint8_t *)(uintptr_t) "no!"};
    decision.what = (char *)"retry";
    decision.who = (char *)"ann";
    decision.body_replaced = true;
    decision.old_body = (ProtobufCBinaryData){1, (uint8_t *)(uintptr_t) "\xff"};
    entries[0].entry_case = HF__HISTORY__ENTRY_ATTEMPT;
    entries[0].attempt = &attempt;
    entries[1].entry_case = HF__HISTORY__ENTRY_DECISION;
    entries[1].decision = &decision;
    hf_command_view_t view = {.state = &is, .entries = list, .entries_size = 2};
    hf_render_command(&writer, config, &view);
    json_t *json = s_parse(&out);
    json_t *attempts = json_object_get(json, "attempts"), *first = json_array_get(attempts, 0);
    assert_string_equal(s_member(json, "state"), "calling");
    assert_string_equal(s_member(json, "label"), "Calling it");
    assert_string_equal(s_member(json, "key"), "null");
    assert_string_equal(s_member(json, "next_attempt_at"), "null");
    assert_string_equal(s_member(json, "response"), "no!");
    assert_int_equal(json_array_size(attempts), 2);
    assert_string_equal(s_member(first, "class"), "failed");
    assert_true(json_real_value(json_object_get(json_object_get(first, "timings"), "connect_ms")) == 1.5);
    assert_string_equal(s_member(json_array_get(attempts, 1), "class"), "null");
    json_t *entry = json_array_get(json_object_get(json, "history"), 0);
    assert_string_equal(s_member(entry, "who"), "ann");
    assert_string_equal(s_member(entry, "old_body_encoding"), "base64");
    json_decref(json);
    hf_config_destroy(&config);
}

//  How many bytes of each attempt's answer are shown, and whether it says that there are more.
static void s_shown_answers(size_t bytes, size_t count, bool whole, size_t shown[], bool cut[]) {
    hf_config_t *config = s_config();
    hf_id_t id = hf_id_floor(1);
    Hf__State is = HF__STATE__INIT;
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    Hf__History entry = HF__HISTORY__INIT;
    Hf__History *list[8];
    hf_buf_t out = {0};
    hf_json_t writer = {.out = &out};
    char *answer = test_malloc(bytes);
    memset(answer, 'z', bytes);
    is.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    is.pipeline = (char *)"p";
    is.destination = (char *)"d";
    is.state = HF_STATE_SUCCEEDED;
    attempt.http_status = 500;
    attempt.response = (ProtobufCBinaryData){bytes, (uint8_t *)answer};
    entry.entry_case = HF__HISTORY__ENTRY_ATTEMPT;
    entry.attempt = &attempt;
    for (size_t i = 0; i < count; i++) {
        list[i] = &entry;
    }
    hf_command_view_t view = {.state = &is, .entries = list, .entries_size = count, .whole_responses = whole};
    hf_render_command(&writer, config, &view);
    json_t *json = s_parse(&out);
    for (size_t i = 0; i < count; i++) {
        json_t *one = json_array_get(json_object_get(json, "attempts"), i);
        shown[i] = json_string_length(json_object_get(one, "response"));
        cut[i] = json_is_true(json_object_get(one, "response_cut"));
    }
    json_decref(json);
    test_free(answer);
    hf_config_destroy(&config);
}

static void s_answers_are_shown_as_kept_the_newest_first(void **state) {
    const size_t kept = HF_SHOWN_BODY_MAX;
    size_t shown[8];
    bool cut[8];
    (void)state;
    s_shown_answers(2000, 8, false, shown, cut);
    for (int i = 0; i < 8; i++) {
        assert_true(shown[i] == 2000 && !cut[i]);
    }
    s_shown_answers(kept, 6, false, shown, cut);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(shown[i], i < 2 ? HF_SHOWN_EXCERPT_MAX : kept);
        assert_int_equal(cut[i], i < 2);
    }
    s_shown_answers(kept, 6, true, shown, cut);
    for (int i = 0; i < 6; i++) {
        assert_true(shown[i] == kept && !cut[i]);
    }
}

//  ---- the ring

static Hf__Fact s_fact(uint64_t seq, hf_id_t *id) {
    Hf__Fact fact = HF__FACT__INIT;
    fact.seq = seq;
    fact.id = (ProtobufCBinaryData){HF_ID_SIZE, id->bytes};
    fact.pipeline = (char *)"p";
    fact.destination = (char *)"d";
    fact.state = HF_STATE_SUCCEEDED;
    fact.previous = seq - 1;
    return fact;
}

static void s_the_ring_keeps_the_newest(void **state) {
    hf_config_t *config = s_config();
    hf_event_ring_t *ring = hf_event_ring_new(config);
    hf_id_t id = hf_id_floor(1);
    (void)state;
    for (uint64_t seq = 10; seq < 10 + 2 * HF_EVENT_RING_SIZE; seq++) {
        Hf__Fact fact = s_fact(seq, &id);
        hf_event_ring_add(ring, &fact);
    }
    uint64_t newest = 9 + 2 * HF_EVENT_RING_SIZE;
    assert_null(hf_event_ring_get(ring, newest + 1));
    assert_null(hf_event_ring_get(ring, newest - HF_EVENT_RING_SIZE));
    const hf_shown_event_t *event = hf_event_ring_get(ring, newest);
    assert_non_null(event);
    assert_int_equal(event->previous, newest - 1);
    assert_memory_equal(event->text,
                        "id: 8201\ndata: {\"seq\":8201,\"type\":\"command.succeeded\",\"id\":", 57);
    assert_memory_equal(event->text + event->size - 3, "}\n\n", 3);
    assert_null(memchr(event->text + 12, '\n', event->size - 14));
    Hf__Fact far = s_fact(newest + 5, &id);
    hf_event_ring_add(ring, &far);
    assert_null(hf_event_ring_get(ring, newest));
    assert_non_null(hf_event_ring_get(ring, newest + 5));
    hf_event_ring_destroy(&ring);
    hf_config_destroy(&config);
}

static void s_filters_choose_events(void **state) {
    hf_event_filter_t any = {{0}, {0}}, pipeline = {"p", {0}}, type = {{0}, "waiting"};
    (void)state;
    assert_true(hf_event_filter_wants(&any, "q", "dead"));
    assert_true(hf_event_filter_wants(&pipeline, "p", "dead"));
    assert_false(hf_event_filter_wants(&pipeline, "q", "dead"));
    assert_false(hf_event_filter_wants(&pipeline, "", "paused")); //  A destination is no pipeline's
    assert_true(hf_event_filter_wants(&type, "q", hf_state_name(HF_STATE_DECIDING)));
    assert_false(hf_event_filter_wants(&type, "q", "dead"));
}

static void s_types_are_known_with_and_without_what_they_are_about(void **state) {
    static const char *const good[] = {"succeeded", "command.succeeded", "paused", "destination.paused"};
    static const char *const bad[] = {
        "", "destination.succeeded", "command.paused", "paused.", "x.paused", "none", "destination.none"};
    hf_event_filter_t filter = {{0}, {0}};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(hf_event_filter_set_type(&filter, good[i]), 0);
        assert_string_equal(filter.type, i < 2 ? "succeeded" : "paused");
    }
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(hf_event_filter_set_type(&filter, bad[i]), -1);
    }
}

static void s_a_destinations_fact_is_an_event_of_its_own(void **state) {
    hf_buf_t text = {0};
    Hf__Fact fact = HF__FACT__INIT;
    (void)state;
    fact.seq = 7;
    fact.at = 1;
    fact.event = HF_GATE_BLOCK;
    fact.destination = (char *)"d";
    fact.reason = (char *)"why";
    fact.due = 1000;
    hf_render_event(NULL, &fact, &text);
    hf_buf_add(&text, "", 1);
    assert_string_equal(
        (char *)text.data,
        "{\"seq\":7,\"type\":\"destination.blocked\",\"destination\":\"d\",\"reason\":\"why\","
        "\"at\":\"1970-01-01T00:00:00.001Z\",\"until\":\"1970-01-01T00:00:01.000Z\"}");
    hf_buf_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_finds_pages),
        cmocka_unit_test(s_refuses_broken_escapes_and_nul),
        cmocka_unit_test(s_a_name_nobody_has_is_no_page),
        cmocka_unit_test(s_writes_allow),
        cmocka_unit_test(s_walks_queries),
        cmocka_unit_test(s_reads_prefer),
        cmocka_unit_test(s_knows_its_token),
        cmocka_unit_test(s_reads_moments),
        cmocka_unit_test(s_looks_at_header_values),
        cmocka_unit_test(s_any_bytes_make_valid_json),
        cmocka_unit_test(s_bytes_come_as_text_where_they_are),
        cmocka_unit_test(s_a_problem_is_rfc_9457),
        cmocka_unit_test(s_an_acceptance_has_the_contracts_members),
        cmocka_unit_test(s_a_command_shows_its_attempts),
        cmocka_unit_test(s_answers_are_shown_as_kept_the_newest_first),
        cmocka_unit_test(s_the_ring_keeps_the_newest),
        cmocka_unit_test(s_filters_choose_events),
        cmocka_unit_test(s_types_are_known_with_and_without_what_they_are_about),
        cmocka_unit_test(s_a_destinations_fact_is_an_event_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
