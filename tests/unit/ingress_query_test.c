/*  Lists, filters and cursors over a real file.  */

#include "base/gate.h"
#include "base/rfc3339.h"
#include "ingress/dead.h"
#include "ingress/query.h"
#include "unit/journal_world.h"

enum { COMMANDS = 6000, FIRST_AT = 1000000 }; //  More than two requests look at

typedef struct {
    char dir[64];          //  The journal's folder
    hf_store_t *store;     //  Filled once for all stories
    hf_config_t *config;   //  Destinations "even" and "odd"
    hf_id_t ids[COMMANDS]; //  In the order of their making
} filled_t;

static filled_t s_world;

//  Every hundredth is dead; "even" and "odd" take turns; every tenth has the key "ten".
static hf_state_t s_state_of(int i) {
    return i % 100 == 0 ? HF_STATE_DEAD : HF_STATE_SUCCEEDED;
}

static void s_put(filled_t *world, int i) {
    hf_error_t error = {{0}};
    Hf__Command command = HF__COMMAND__INIT;
    Hf__State state = HF__STATE__INIT;
    command.id = state.id = (ProtobufCBinaryData){HF_ID_SIZE, world->ids[i].bytes};
    command.pipeline = state.pipeline = (char *)"p";
    command.destination = state.destination = (char *)(i % 2 ? "odd" : "even");
    command.key = state.key = (char *)(i % 10 ? "" : "ten");
    command.accepted_at = state.accepted_at = FIRST_AT + i;
    state.since = FIRST_AT + i;
    state.state = s_state_of(i);
    state.class_ = i % 200 ? HF_CLASS_FAILED : HF_CLASS_REJECTED;
    state.reason = (char *)"so it was";
    state.last_fact = (uint64_t)i + 1;
    if (state.state == HF_STATE_DEAD) {
        assert_int_equal(hf_store_choose_group(world->store, &state, &state.group, &error), 0);
    }
    assert_int_equal(hf_store_put_command(world->store, &command, &error), 0);
    assert_int_equal(hf_store_put_state(world->store, NULL, &state, &error), 0);
}

static int s_setup(void **state) {
    filled_t *world = &s_world;
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = 256 << 20};
    hf_id_maker_t maker = {.rng = {.seed = 1}};
    *state = world;
    w_make_dir(world->dir);
    world->store = hf_store_open(world->dir, &options, &error);
    assert_non_null(world->store);
    world->config = hf_config_new();
    const char *names[] = {"even", "odd"};
    for (int i = 0; i < 2; i++) {
        hf_destination_t *destination = hf_destination_new(names[i]);
        destination->url = hf_template_new("http://u:secret@h/", &error);
        destination->url_shown = hf_strdup("http://${env:WHO}@h/");
        hf_config_add_destination(world->config, destination);
    }
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    for (int i = 0; i < COMMANDS; i++) {
        world->ids[i] = hf_id_make(&maker, FIRST_AT + i);
        s_put(world, i);
    }
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    return 0;
}

static int s_teardown(void **state) {
    filled_t *world = *state;
    hf_store_close(&world->store);
    hf_config_destroy(&world->config);
    w_remove_dir(world->dir);
    return 0;
}

static json_t *s_parse(hf_buf_t *text) {
    json_error_t error;
    json_t *json = json_loadb((const char *)text->data, text->size, 0, &error);
    if (!json) {
        fail_msg("%s: %s", error.text, (const char *)text->data);
    }
    hf_buf_free(text);
    return json;
}

//  A page after so many looks at most; how many it took.
static json_t *s_list_in(filled_t *world, const char *query, int most, int *looks) {
    hf_filter_t filter;
    hf_problem_t problem;
    hf_buf_t out = {0};
    int rc = hf_filter_parse(&filter, query, FIRST_AT + COMMANDS, &problem);
    hf_list_t *list = hf_list_new(&filter);
    for (*looks = 0; rc == 0 && *looks < most; ++*looks) {
        rc = hf_list_look(list, world->store, world->config, FIRST_AT + COMMANDS, &problem);
    }
    if (rc < 0) {
        fail_msg("%s: %s", query, problem.detail);
    }
    hf_list_end(list, &out);
    hf_list_destroy(&list);
    return s_parse(&out);
}

static json_t *s_list(filled_t *world, const char *query) {
    int looks;
    return s_list_in(world, query, 1000, &looks);
}

static int s_number(filled_t *world, json_t *command) {
    hf_id_t id;
    assert_true(hf_id_parse(&id, json_string_value(json_object_get(command, "id"))));
    for (int i = 0; i < COMMANDS; i++) {
        if (hf_id_equal(&world->ids[i], &id)) {
            return i;
        }
    }
    return -1;
}

//  Follows the cursor to the end; how many were listed, and in how many pages. Each must be older than the
//  one before, and wanted.
static int s_list_all(filled_t *world, const char *query, bool (*is_wanted)(int), int *pages) {
    char next[256] = "", whole[512];
    int count = 0, before = COMMANDS;
    for (*pages = 0; *pages < 1000; ++*pages) {
        snprintf(whole, sizeof whole, "%s%s%s", query, *next ? "&cursor=" : "", next);
        json_t *page = s_list(world, whole), *command;
        size_t index;
        json_array_foreach(json_object_get(page, "commands"), index, command) {
            int number = s_number(world, command);
            assert_true(number >= 0 && number < before);
            if (!is_wanted(number)) {
                fail_msg("%s lists %d", query, number);
            }
            before = number;
            count++;
        }
        const char *cursor = json_string_value(json_object_get(page, "next"));
        snprintf(next, sizeof next, "%s", cursor ? cursor : "");
        json_decref(page);
        if (!*next) {
            break;
        }
    }
    ++*pages;
    return count;
}

static bool s_any(int i) {
    return i >= 0;
}

static bool s_is_dead(int i) {
    return s_state_of(i) == HF_STATE_DEAD;
}

static bool s_is_ten(int i) {
    return i % 10 == 0;
}

static bool s_is_odd(int i) {
    return i % 2 == 1;
}

static bool s_is_within(int i) {
    return i >= 1000 && i < 1500;
}

static bool s_is_rejected(int i) {
    return i % 200 == 0;
}

static void s_a_page_is_newest_first(void **state) {
    json_t *page = s_list(*state, NULL), *commands = json_object_get(page, "commands");
    assert_int_equal(json_array_size(commands), HF_LIMIT_DEFAULT);
    assert_int_equal(s_number(*state, json_array_get(commands, 0)), COMMANDS - 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(commands, 0), "destination")),
                        "odd");
    assert_true(json_is_string(json_object_get(page, "next")));
    json_decref(page);
}

static void s_cursors_lead_through_everything_once(void **state) {
    int pages;
    assert_int_equal(s_list_all(*state, "limit=1000", s_any, &pages), COMMANDS);
    assert_int_equal(pages, COMMANDS / 1000);
    assert_int_equal(
        s_list_all(*state, "limit=7&since=1970-01-01T00:16:45Z&until=1970-01-01T00:16:46Z", s_any, &pages),
        1000);
    assert_int_equal(pages, 143);
}

static size_t s_size(json_t *page) {
    return json_array_size(json_object_get(page, "commands"));
}

//  However many others there are between them: a page is short only where nothing is left.
static void s_a_page_is_filled_by_many_looks(void **state) {
    int pages, looks;
    assert_int_equal(s_list_all(*state, "limit=1000&class=rejected", s_is_rejected, &pages), COMMANDS / 200);
    assert_int_equal(pages, 1);
    assert_int_equal(s_list_all(*state, "limit=29&class=rejected", s_is_rejected, &pages), COMMANDS / 200);
    assert_int_equal(pages, 2);
    assert_int_equal(
        s_list_all(*state, "limit=1&until=1970-01-01T00:16:45Z&class=rejected", s_is_rejected, &pages), 25);
    json_t *page = s_list_in(*state, "limit=1000&pipeline=nobody", 1000, &looks);
    assert_int_equal(s_size(page), 0);
    assert_true(json_is_null(json_object_get(page, "next")));
    assert_int_equal(looks, 3);
    json_decref(page);
}

//  Whether there is another one behind a full page costs no look more.
static void s_a_full_page_is_looked_for_no_longer(void **state) {
    int looks;
    json_t *page = s_list_in(*state, "limit=10&class=rejected", 1000, &looks);
    assert_int_equal(s_size(page), 10);
    assert_true(json_is_string(json_object_get(page, "next")));
    assert_int_equal(looks, 1);
    json_decref(page);
}

//  One that is ended before its page is full says where to go on, and nothing is missed or comes twice.
static void s_a_list_that_ends_early_goes_on_by_its_cursor(void **state) {
    int looks;
    size_t found = 0;
    char query[512], next[256] = "";
    for (int page = 0; page < 3; page++) {
        snprintf(query, sizeof query, "limit=1000&class=rejected%s%s", *next ? "&cursor=" : "", next);
        json_t *json = s_list_in(*state, query, 1, &looks);
        const char *cursor = json_string_value(json_object_get(json, "next"));
        assert_true((cursor != NULL) == (page < 2));
        snprintf(next, sizeof next, "%s", cursor ? cursor : "");
        found += s_size(json);
        json_decref(json);
    }
    assert_int_equal(found, COMMANDS / 200);
}

static void s_the_few_of_a_state_come_at_once(void **state) {
    int pages;
    assert_int_equal(s_list_all(*state, "limit=1000&state=dead", s_is_dead, &pages), COMMANDS / 100);
    assert_int_equal(pages, 1);
    assert_int_equal(s_list_all(*state, "limit=10&state=dead", s_is_dead, &pages), COMMANDS / 100);
    assert_int_equal(pages, 6);
    assert_int_equal(s_list_all(*state, "state=dead&destination=odd", s_any, &pages), 0);
    assert_int_equal(s_list_all(*state, "state=waiting", s_any, &pages), 0);
    assert_int_equal(pages, 1);
}

static void s_filters_choose(void **state) {
    int pages;
    assert_int_equal(s_list_all(*state, "limit=1000&key=ten", s_is_ten, &pages), COMMANDS / 10);
    assert_int_equal(s_list_all(*state, "limit=1000&key=nothing", s_any, &pages), 0);
    assert_int_equal(s_list_all(*state, "limit=1000&destination=odd", s_is_odd, &pages), COMMANDS / 2);
    assert_int_equal(s_list_all(*state, "limit=100&since=1970-01-01T00:16:41Z&until=1970-01-01T00:16:41.5Z",
                                s_is_within, &pages),
                     500);
    assert_int_equal(s_list_all(*state,
                                "limit=1000&key=ten&since=1970-01-01T00:16:41Z&until=1970-01-01T00:16:41.5Z",
                                s_is_within, &pages),
                     50);
    assert_int_equal(s_list_all(*state, "limit=1000&since=1s", s_any, &pages), 1000); //  Back from now
}

//  As people write it: there the query's "+" is a space.
static void s_an_offset_needs_no_encoding(void **state) {
    hf_filter_t filter;
    hf_problem_t problem;
    (void)state;
    assert_int_equal(hf_filter_parse(&filter,
                                     "since=1970-01-01T01:16:41+01:00&until=1970-01-01T01:16:41.5%2B01:00", 0,
                                     &problem),
                     0);
    assert_int_equal(filter.since, 1001000);
    assert_int_equal(filter.until, 1001500);
    assert_int_equal(hf_filter_parse(&filter,
                                     "since=1970-01-01T00:16:41.25%2001:00&until=1970-01-01T00:16:41-01:00",
                                     0, &problem),
                     -1);
    assert_int_equal(hf_filter_parse(&filter, "until=1970-01-01T00:16:41-01:00", 0, &problem), 0);
    assert_int_equal(filter.until, 4601000);
    assert_int_equal(hf_filter_parse(&filter, "since=1970-01-01+00:16:41Z", 0, &problem), -1);
    assert_int_equal(hf_filter_parse(&filter, "since=+01:00", 0, &problem), -1);
    assert_int_equal(hf_filter_set(&filter, "since", "1970-01-01T01:16:41 01:00", 0, &problem), -1);
}

static void s_wrong_filters_say_what_is_wrong(void **state) {
    static const char *const queries[] = {"stat=dead",
                                          "state=dad",
                                          "class=x",
                                          "limit=0",
                                          "limit=1001",
                                          "limit=x",
                                          "limit=",
                                          "since=yesterday",
                                          "cursor=x",
                                          "group=x",
                                          "group=0123456789abcdeF",
                                          "cursor=",
                                          "key=",
                                          "pipeline=%00",
                                          "key=%",
                                          "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                          "state=dead&state=waiting",
                                          "key=a&limit=1&key=a"};
    (void)state;
    for (unsigned i = 0; i < sizeof queries / sizeof *queries; i++) {
        hf_filter_t filter;
        hf_problem_t problem;
        if (hf_filter_parse(&filter, queries[i], 0, &problem) == 0 || problem.status != 400) {
            fail_msg("%s was read", queries[i]);
        }
    }
}

static void s_one_command_or_none(void **state) {
    filled_t *world = *state;
    hf_buf_t out = {0};
    hf_problem_t problem;
    hf_state_t is;
    hf_id_t unknown = hf_id_floor(5);
    assert_int_equal(hf_query_command(world->store, world->config, &world->ids[100], HF_TELL_WHOLE,
                                      FIRST_AT + COMMANDS, &is, &out, &problem),
                     0);
    assert_int_equal(is, HF_STATE_DEAD);
    json_t *json = s_parse(&out);
    assert_string_equal(json_string_value(json_object_get(json, "reason")), "so it was");
    assert_int_equal(json_array_size(json_object_get(json, "attempts")), 0);
    json_decref(json);
    assert_int_equal(hf_query_command(world->store, world->config, &unknown, HF_TELL_WHOLE,
                                      FIRST_AT + COMMANDS, NULL, &out, &problem),
                     -1);
    assert_int_equal(problem.status, 404);
}

//  One that waits to be called, while its destination is as `record` says: what is told of it.
static json_t *s_held(filled_t *world, const Hf__Destination *record, uint32_t is, const char *reason) {
    hf_error_t error = {{0}};
    hf_problem_t problem;
    hf_buf_t out = {0};
    Hf__State waits = HF__STATE__INIT;
    static int others;
    hf_id_t id = hf_id_floor(FIRST_AT + COMMANDS + ++others);
    waits.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    waits.pipeline = (char *)"p";
    waits.destination = record->name;
    waits.state = is;
    waits.reason = (char *)reason;
    waits.accepted_at = waits.since = waits.due = FIRST_AT;
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_destination(world->store, record, &error), 0);
    assert_int_equal(hf_store_put_state(world->store, NULL, &waits, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_int_equal(hf_query_command(world->store, world->config, &id, HF_TELL_SUMMARY, FIRST_AT + 1000,
                                      NULL, &out, &problem),
                     0);
    return s_parse(&out);
}

static void s_assert_held(json_t *json, const char *held, const char *reason, const char *next) {
    const char *why = json_string_value(json_object_get(json, "held"));
    assert_string_equal(why ? why : "", held);
    assert_string_equal(json_string_value(json_object_get(json, "reason")), reason);
    assert_string_equal(json_string_value(json_object_get(json, "next_attempt_at")), next);
    json_decref(json);
}

//  A pause, Retry-After and an open circuit are told of every command that they hold, with the time before which none is called.
static void s_what_a_destination_holds_says_why_and_until_when(void **state) {
    filled_t *world = *state;
    char due[HF_RFC3339_TEXT], later[HF_RFC3339_TEXT];
    Hf__Destination record = HF__DESTINATION__INIT;
    hf_rfc3339_format(FIRST_AT, due);
    hf_rfc3339_format(FIRST_AT + 5000, later);
    record.name = (char *)"even";
    s_assert_held(s_held(world, &record, HF_STATE_WAITING, "503"), "", "503", due);
    record.blocked_until = FIRST_AT + 5000;
    const char *why = "the third party asked not to be called yet (Retry-After)";
    s_assert_held(s_held(world, &record, HF_STATE_WAITING, "503"), why, "503", later);
    s_assert_held(s_held(world, &record, HF_STATE_ACCEPTED, ""), why, why, later);
    record.paused = true;
    why = "the destination is paused";
    s_assert_held(s_held(world, &record, HF_STATE_ACCEPTED, ""), why, why, due);
    record.paused = false;
    record.blocked_until = 0;
    record.circuit = HF_CIRCUIT_OPEN;
    record.probe_at = FIRST_AT + 5000;
    s_assert_held(s_held(world, &record, HF_STATE_WAITING, "503"), "the destination's circuit is open", "503",
                  later);
}

static void s_the_dead_by_groups(void **state) {
    filled_t *world = *state;
    hf_buf_t out = {0};
    hf_problem_t problem;
    assert_int_equal(hf_dead_groups(world->store, "group=destination,class", &out, &problem), 0);
    json_t *json = s_parse(&out), *groups = json_object_get(json, "groups");
    assert_int_equal(json_array_size(groups), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(groups, 0), "count")), 30);
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 60);
    assert_true(json_is_true(json_object_get(json, "complete")));
    json_decref(json);
    assert_int_equal(hf_dead_groups(world->store, "group=destination", &out, &problem), 0);
    json = s_parse(&out);
    json_t *group = json_array_get(json_object_get(json, "groups"), 0);
    assert_int_equal(json_integer_value(json_object_get(group, "count")), 60);
    assert_null(json_object_get(group, "class"));
    hf_id_t id;
    assert_true(hf_id_parse(&id, json_string_value(json_object_get(group, "newest_id"))));
    assert_true(hf_id_equal(&id, &world->ids[5900]));
    json_decref(json);
    assert_int_equal(hf_dead_groups(world->store, "group=reason&destination=even", &out, &problem), 0);
    json = s_parse(&out);
    groups = json_object_get(json, "groups");
    assert_int_equal(json_array_size(groups), 2);
    for (size_t i = 0; i < 2; i++) { //  What is shown of a group finds its members
        json_t *commands;
        char query[64];
        group = json_array_get(groups, i);
        assert_string_equal(json_string_value(json_object_get(group, "reason")), "so it was");
        snprintf(query, sizeof query, "state=dead&group=%s",
                 json_string_value(json_object_get(group, "group")));
        commands = s_list(world, query);
        assert_int_equal(json_array_size(json_object_get(commands, "commands")), 30);
        assert_true(json_is_null(json_object_get(commands, "next")));
        json_decref(commands);
    }
    json_decref(json);
    assert_int_equal(hf_dead_groups(world->store, "destination=odd", &out, &problem), 0);
    json = s_parse(&out);
    assert_int_equal(json_array_size(json_object_get(json, "groups")), 0);
    json_decref(json);
    assert_int_equal(hf_dead_groups(world->store, "state=uncertain", &out, &problem), 0);
    json = s_parse(&out);
    assert_int_equal(json_integer_value(json_object_get(json, "total")), 0);
    json_decref(json);
    assert_int_equal(hf_dead_groups(world->store, "state=waiting", &out, &problem), -1);
    assert_int_equal(hf_dead_groups(world->store, "group=", &out, &problem), -1);
    assert_int_equal(hf_dead_groups(world->store, "group=class,", &out, &problem), -1);
    assert_int_equal(hf_dead_groups(world->store, "group=x", &out, &problem), -1);
    assert_int_equal(hf_dead_groups(world->store, "by=class", &out, &problem), -1);
}

static void s_destinations_show_no_secret(void **state) {
    filled_t *world = *state;
    hf_buf_t out = {0};
    hf_problem_t problem;
    assert_int_equal(hf_query_destinations(world->store, world->config, NULL, 1000, &out, &problem), 0);
    assert_null(strstr((char *)out.data, "secret"));
    json_t *json = s_parse(&out), *list = json_object_get(json, "destinations");
    assert_int_equal(json_array_size(list), 2);
    json_t *even = json_object_get(json_array_get(list, 0), "commands");
    assert_int_equal(json_integer_value(json_object_get(even, "dead")), 60);
    assert_int_equal(json_integer_value(json_object_get(even, "succeeded")), 2940);
    json_decref(json);
    assert_int_equal(hf_query_destinations(world->store, world->config, "odd", 1000, &out, &problem), 0);
    json = s_parse(&out);
    assert_string_equal(json_string_value(json_object_get(json, "url")), "http://${env:WHO}@h/");
    json_decref(json);
    assert_int_equal(hf_query_destinations(world->store, world->config, "x", 1000, &out, &problem), -1);
    assert_int_equal(problem.status, 404);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_a_page_is_newest_first),
        cmocka_unit_test(s_cursors_lead_through_everything_once),
        cmocka_unit_test(s_a_page_is_filled_by_many_looks),
        cmocka_unit_test(s_a_full_page_is_looked_for_no_longer),
        cmocka_unit_test(s_a_list_that_ends_early_goes_on_by_its_cursor),
        cmocka_unit_test(s_the_few_of_a_state_come_at_once),
        cmocka_unit_test(s_filters_choose),
        cmocka_unit_test(s_an_offset_needs_no_encoding),
        cmocka_unit_test(s_wrong_filters_say_what_is_wrong),
        cmocka_unit_test(s_one_command_or_none),
        cmocka_unit_test(s_the_dead_by_groups),
        cmocka_unit_test(s_destinations_show_no_secret),
        cmocka_unit_test(s_what_a_destination_holds_says_why_and_until_when),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
