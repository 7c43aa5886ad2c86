//  A configuration in memory: names are found, templates are filled, status rules hold what they say, and a
//  slip of the pen finds the name that was meant.

#include "base/pipeline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))

//  --------------------------------------------------------------------------------------------------------
//  Names.

static void s_a_new_configuration_has_the_contracts_defaults(void **state) {
    (void)state;
    hf_config_t *config = hf_config_new();
    assert_string_equal(config->http, "127.0.0.1:4653");
    assert_null(config->token);
    assert_int_equal(config->callers, 1);
    assert_int_equal(config->body_limit, 1 << 20);
    assert_int_equal(config->unacked_limit, 64 << 20);
    assert_int_equal(config->journal_limit, (int64_t)64 << 30);
    assert_int_equal(config->keep_ms, 7 * 86400000);
    assert_int_equal(config->destinations_size, 0);
    assert_int_equal(config->pipelines_size, 0);
    assert_null(hf_config_destination(config, "ec2"));
    assert_null(hf_config_pipeline(config, NULL));
    hf_config_destroy(&config);
    assert_null(config);
    hf_config_destroy(&config);
}

static void s_destinations_and_pipelines_have_the_contracts_defaults(void **state) {
    (void)state;
    hf_destination_t *destination = hf_destination_new("ec2");
    assert_string_equal(destination->method, "POST");
    assert_null(destination->headers[0]);
    assert_int_equal(destination->connect_timeout_ms, 3000);
    assert_int_equal(destination->timeout_ms, 30000);
    assert_int_equal(destination->concurrency, 64);
    assert_true(destination->rate >= 0 && destination->rate <= 0);
    assert_true(hf_status_set_has(&destination->reject, 404));
    assert_false(hf_status_set_has(&destination->reject, 429));
    assert_int_equal(destination->on_uncertain, HF_ON_UNCERTAIN_RETRY);
    assert_int_equal(destination->circuit_of, 0);
    hf_destination_destroy(&destination);
    assert_null(destination);
    hf_destination_destroy(&destination);

    hf_pipeline_t *pipeline = hf_pipeline_new("stop");
    assert_null(pipeline->key);
    assert_false(pipeline->ordered);
    assert_int_equal(pipeline->retry_immediate, 1);
    assert_int_equal(pipeline->retry_delay_ms, 1000);
    assert_true(pipeline->retry_factor > 1.99 && pipeline->retry_factor < 2.01);
    assert_int_equal(pipeline->retry_cap_ms, 900000);
    assert_int_equal(pipeline->retry_jitter, HF_JITTER_FULL);
    assert_int_equal(pipeline->retry_deadline_ms, 86400000);
    assert_int_equal(pipeline->retry_attempts, 0);
    assert_false(pipeline->label_given);
    hf_pipeline_destroy(&pipeline);
    hf_pipeline_destroy(&pipeline);
}

static void s_sixteen_thousand_are_found_by_name(void **state) {
    (void)state;
    hf_config_t *config = hf_config_new();
    char name[32];
    for (int number = 0; number < HF_DESTINATIONS_MAX; number++) {
        snprintf(name, sizeof name, "d%d", number);
        hf_destination_t *destination = hf_destination_new(name);
        assert_int_equal(hf_config_add_destination(config, destination), 0);
        snprintf(name, sizeof name, "p%d", number);
        hf_pipeline_t *pipeline = hf_pipeline_new(name);
        pipeline->destination = destination;
        assert_int_equal(hf_config_add_pipeline(config, pipeline), 0);
    }
    for (int number = 0; number < HF_DESTINATIONS_MAX; number++) {
        snprintf(name, sizeof name, "d%d", number);
        assert_int_equal(hf_config_destination_number(config, name), number);
        assert_string_equal(hf_config_destination(config, name)->name, name);
        assert_null(hf_config_pipeline(config, name));
        snprintf(name, sizeof name, "p%d", number);
        assert_int_equal(hf_config_pipeline_number(config, name), number);
        assert_ptr_equal(hf_config_pipeline(config, name)->destination, config->destinations[number]);
        assert_int_equal(hf_config_destination_number(config, name), -1);
    }
    hf_destination_t *surplus = hf_destination_new("one-too-many");
    assert_int_equal(hf_config_add_destination(config, surplus), -1);
    hf_destination_destroy(&surplus);
    hf_config_destroy(&config);
}

static void s_a_name_is_taken_once_and_a_refused_one_stays_the_callers(void **state) {
    (void)state;
    hf_config_t *config = hf_config_new();
    hf_destination_t *second = hf_destination_new("ec2");
    assert_int_equal(hf_config_add_destination(config, hf_destination_new("ec2")), 0);
    assert_int_equal(hf_config_add_destination(config, second), -1);
    assert_int_equal(config->destinations_size, 1);
    hf_destination_destroy(&second);

    hf_pipeline_t *pipeline = hf_pipeline_new("ec2");
    assert_int_equal(hf_config_add_pipeline(config, pipeline), 0); //  Another kind, so no duplicate
    pipeline = hf_pipeline_new("ec2");
    assert_int_equal(hf_config_add_pipeline(config, pipeline), -1);
    hf_pipeline_destroy(&pipeline);
    hf_config_destroy(&config);
}

static void s_names_have_an_alphabet_and_a_length(void **state) {
    (void)state;
    char long_name[HF_NAME_MAX + 2];
    memset(long_name, 'a', sizeof long_name);
    long_name[HF_NAME_MAX + 1] = 0;
    assert_false(hf_name_is_valid(long_name));
    assert_true(hf_name_is_valid(long_name + 1));
    static const char *const right[] = {"a", "stop-instance", "ec2.eu_1", "...", "-"};
    static const char *const wrong[] = {"", ".", "..", "a b", "a/b", "ä", "a\n", "a%41"};
    for (size_t number = 0; number < SIZE(right); number++) {
        assert_true(hf_name_is_valid(right[number]));
    }
    for (size_t number = 0; number < SIZE(wrong); number++) {
        assert_false(hf_name_is_valid(wrong[number]));
    }
}

static void s_people_see_the_label_or_else_the_states_name(void **state) {
    (void)state;
    hf_pipeline_t *pipeline = hf_pipeline_new("stop");
    hf_pipeline_set_label(pipeline, HF_STATE_WAITING, "Stopping");
    assert_string_equal(hf_pipeline_label(pipeline, HF_STATE_WAITING), "Stopping");
    assert_string_equal(hf_pipeline_label(pipeline, HF_STATE_DECIDING), "Stopping");
    assert_string_equal(hf_pipeline_label(pipeline, HF_STATE_DEAD), "dead");
    assert_string_equal(hf_pipeline_label(NULL, HF_STATE_SUCCEEDED), "succeeded");
    assert_string_equal(hf_pipeline_label(pipeline, (hf_state_t)4711), "none");
    hf_pipeline_destroy(&pipeline);
}

//  --------------------------------------------------------------------------------------------------------
//  Templates.

static const char s_body[] =
    "{\"id\":\"i-1\",\"n\":-7,\"big\":9223372036854775807,\"f\":0.1,\"third\":0.3333333333333333,"
    "\"t\":true,\"no\":false,\"nil\":null,\"list\":[],\"obj\":{},\"empty\":\"\",\"dot\":\".\","
    "\"up\":\"..\",\"odd\":\"a/b ?#%&ü\",\"safe\":\"Az09-._~\",\"a b\":1,\"brace\":\"{id}\"}";

//  The template filled from that body (or none), or "error: SENTENCE". The caller frees it.
static char *s_rendered(const char *text, const char *body, bool url) {
    hf_error_t error = {{0}};
    hf_buf_t out = {0};
    hf_buf_add(&out, "", 0);
    hf_template_t *template = hf_template_new(text, &error);
    json_t *json = body ? json_loads(body, JSON_DECODE_ANY, NULL) : NULL;
    if (!template || hf_template_render(template, json, url, &out, &error)) {
        assert_int_equal(out.size, 0); //  A failure leaves nothing behind
        hf_buf_addf(&out, "error: %s", error.text);
    }
    json_decref(json);
    hf_template_destroy(&template);
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}

static void s_holes_are_filled_from_the_body(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *key; //  What it gives in a key
        const char *url; //  And in a url
    } cases[] = {
        {"", "", ""},
        {"plain", "plain", "plain"},
        {"{id}", "i-1", "i-1"},
        {"x/{id}/stop", "x/i-1/stop", "x/i-1/stop"},
        {"{id}{n}{id}", "i-1-7i-1", "i-1-7i-1"},
        {"{big}", "9223372036854775807", "9223372036854775807"},
        {"{f} {third}", "0.1 0.3333333333333333", "0.1 0.3333333333333333"},
        {"{t}/{no}", "true/false", "true/false"},
        {"{odd}", "a/b ?#%&ü", "a%2Fb%20%3F%23%25%26%C3%BC"},
        {"{safe}", "Az09-._~", "Az09-._~"},
        {"{a b}", "1", "1"},
        {"{brace}", "{id}", "%7Bid%7D"}, //  What a body says is never a template
        {"a{empty}b", "ab", "error: the body's field 'empty' is empty; it stands in a url"},
        {"http://h/{up}/x", "http://h/../x",
         "error: the body's fields would make a '.' or '..' step in the url's path"},
        {"http://h/{dot}{dot}", "http://h/..",
         "error: the body's fields would make a '.' or '..' step in the url's path"},
        {"http://h/x?{up}", "http://h/x?..", "http://h/x?.."},
        {"http://h/x{up}", "http://h/x..", "http://h/x.."},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        char *key = s_rendered(cases[number].text, s_body, false);
        char *url = s_rendered(cases[number].text, s_body, true);
        assert_string_equal(key, cases[number].key);
        assert_string_equal(url, cases[number].url);
        free(key);
        free(url);
    }
}

static void s_what_cannot_be_filled_is_named(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *body;
        const char *sentence;
    } cases[] = {
        {"a{name}", "{}", "error: the body has no field 'name'"},
        {"{nil}", s_body,
         "error: the body's field 'nil' is null; it must be a string, a number or a boolean"},
        {"{list}", s_body,
         "error: the body's field 'list' is an array; it must be a string, a number or a boolean"},
        {"{obj}", s_body,
         "error: the body's field 'obj' is an object; it must be a string, a number or a boolean"},
        {"{id}", NULL, "error: the body is no JSON object, so it has no field 'id'"},
        {"{id}", "[1]", "error: the body is no JSON object, so it has no field 'id'"},
        {"{id}", "\"id\"", "error: the body is no JSON object, so it has no field 'id'"},
        {"{id", s_body, "error: '{' is not closed"},
        {"{id{n}", s_body, "error: '{' is not closed"},
        {"id}", s_body, "error: '}' closes no '{'"},
        {"{}", s_body, "error: '{}' names no field; write {name}"},
        {"{{id}}", s_body, "error: '{' is not closed"},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        char *text = s_rendered(cases[number].text, cases[number].body, false);
        assert_string_equal(text, cases[number].sentence);
        free(text);
    }
}

static void s_a_plain_template_needs_no_body(void **state) {
    (void)state;
    hf_template_t *plain = hf_template_new("http://h/x", NULL), *holed = hf_template_new("{x}", NULL);
    hf_buf_t out = {0};
    assert_true(hf_template_is_plain(plain));
    assert_false(hf_template_is_plain(holed));
    assert_int_equal(hf_template_render(plain, NULL, true, &out, NULL), 0);
    assert_string_equal((char *)out.data, "http://h/x");
    assert_int_equal(hf_template_render(holed, NULL, true, &out, NULL), -1);
    assert_string_equal((char *)out.data, "http://h/x"); //  As it was
    hf_buf_free(&out);
    hf_template_destroy(&plain);
    hf_template_destroy(&holed);
}

static void s_a_key_has_a_bound(void **state) {
    (void)state;
    char value[HF_KEY_MAX + 2];
    hf_pipeline_t *pipeline = hf_pipeline_new("stop");
    hf_buf_t out = {0};
    hf_error_t error;
    json_t *body = json_object();
    assert_int_equal(hf_pipeline_key_render(pipeline, body, &out, &error), 0); //  No key: nothing
    assert_int_equal(out.size, 0);
    pipeline->key = hf_template_new("{id}", NULL);
    memset(value, 'x', sizeof value);
    value[HF_KEY_MAX] = 0;
    json_object_set_new(body, "id", json_string(value));
    assert_int_equal(hf_pipeline_key_render(pipeline, body, &out, &error), 0);
    assert_int_equal(out.size, HF_KEY_MAX);
    value[HF_KEY_MAX] = 'x';
    value[HF_KEY_MAX + 1] = 0;
    json_object_set_new(body, "id", json_string(value));
    assert_int_equal(hf_pipeline_key_render(pipeline, body, &out, &error), -1);
    assert_int_equal(out.size, HF_KEY_MAX);
    assert_string_equal(error.text, "the key is 257 bytes long; at most 256 are kept");
    json_decref(body);
    hf_buf_free(&out);
    hf_pipeline_destroy(&pipeline);
}

//  --------------------------------------------------------------------------------------------------------
//  Status rules.

static void s_status_rules_hold_what_they_say(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        int has;
        int lacks;
    } cases[] = {
        {"404", 404, 403},
        {"400-499", 400, 399},
        {"400-499", 499, 500},
        {"400-499 !408 !425 !429", 407, 408},
        {"400-499 !408 !425 !429", 424, 425},
        {"400-499 !408 !425 !429", 428, 429},
        {"400-499 !408 408", 408, 500}, //  From left to right
        {"  501   404 ", 404, 502},
        {"400-599 !500-599", 450, 555},
        {"999", 999, 998},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        hf_status_set_t set;
        assert_int_equal(hf_status_set_parse(&set, cases[number].rule, NULL), 0);
        assert_true(hf_status_set_has(&set, cases[number].has));
        assert_false(hf_status_set_has(&set, cases[number].lacks));
    }
    hf_status_set_t set;
    assert_int_equal(hf_status_set_parse(&set, "none", NULL), 0);
    for (int status = -5; status < 2000; status++) {
        assert_false(hf_status_set_has(&set, status));
    }
}

static void s_what_is_no_status_rule_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const char *const cases[] = {"",        " ",        "abc", "40",       "4044",     "400-",
                                        "-499",    "499-400",  "!",   "!!404",    "099",      "1000",
                                        "404,405", "none 404", "4x4", "400-4999", "400 499-", "400\t404"};
    for (size_t number = 0; number < SIZE(cases); number++) {
        hf_status_set_t set;
        hf_error_t error = {{0}};
        assert_int_equal(hf_status_set_parse(&set, "777", NULL), 0);
        assert_int_equal(hf_status_set_parse(&set, cases[number], &error), -1);
        assert_true(strlen(error.text) > 0);
        assert_true(hf_status_set_has(&set, 777));
    }
}

//  --------------------------------------------------------------------------------------------------------
//  "Did you mean".

static void s_a_slip_of_the_pen_finds_the_name_that_was_meant(void **state) {
    (void)state;
    static const char *const known[] = {"url",         "method", "timeout", "connect_timeout",
                                        "concurrency", "rate",   "POST",    "of"};
    static const struct {
        const char *word;
        const char *nearest;
    } cases[] = {
        {"concurency", "concurrency"},
        {"timout", "timeout"},
        {"mehtod", "method"},
        {"Timeout", "timeout"},
        {"post", "POST"},
        {"connecttimeout", "connect_timeout"},
        {"ulr", "url"},
        {"raet", "rate"},
        {"fo", "of"},
        {"o", "of"},
        {"banana", NULL},
        {"", NULL},
        {"x", NULL},
        {"method", "method"},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        const char *nearest = hf_nearest(cases[number].word, known, SIZE(known));
        if (cases[number].nearest) {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[number].nearest);
        } else {
            assert_null(nearest);
        }
    }
    char endless[5000];
    memset(endless, 'u', sizeof endless);
    endless[sizeof endless - 1] = 0;
    assert_null(hf_nearest(endless, known, SIZE(known)));
    const char *wide = endless;
    assert_null(hf_nearest("url", &wide, 1));
    assert_null(hf_nearest("url", NULL, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_a_new_configuration_has_the_contracts_defaults),
        cmocka_unit_test(s_destinations_and_pipelines_have_the_contracts_defaults),
        cmocka_unit_test(s_sixteen_thousand_are_found_by_name),
        cmocka_unit_test(s_a_name_is_taken_once_and_a_refused_one_stays_the_callers),
        cmocka_unit_test(s_names_have_an_alphabet_and_a_length),
        cmocka_unit_test(s_people_see_the_label_or_else_the_states_name),
        cmocka_unit_test(s_holes_are_filled_from_the_body),
        cmocka_unit_test(s_what_cannot_be_filled_is_named),
        cmocka_unit_test(s_a_plain_template_needs_no_body),
        cmocka_unit_test(s_a_key_has_a_bound),
        cmocka_unit_test(s_status_rules_hold_what_they_say),
        cmocka_unit_test(s_what_is_no_status_rule_is_refused_and_changes_nothing),
        cmocka_unit_test(s_a_slip_of_the_pen_finds_the_name_that_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
