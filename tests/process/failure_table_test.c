/*  The table of failures (tests/cases/failure_table.h) against the real tree and the stand-in: what the real cores do in virtual time
 *  (tests/unit/failure_table_test.c) must be what processes, sockets and a disk do. And poison: a command whose caller really dies three
 *  times under it, while others go on.  */

#include "cases/failure_table.h"
#include "crash/tree.h"

#include <curl/curl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WITHIN_MS = 25000, ID_TEXT = 37 };

typedef struct {
    char dir[64];   //  Everything of this test
    char state[96]; //  The node's state folder
    char base[64];  //  "http://127.0.0.1:PORT" of the node
    pid_t third;    //  The stand-in
    pid_t node;     //  The supervisor
} world_t;

static world_t s_world;

//  ---- asking

static size_t s_on_body(char *data, size_t size, size_t count, void *context) {
    hf_buf_add(context, data, size * count);
    return size * count;
}

//  The status; *answer is the JSON, NULL where there is none. header may be NULL or empty.
static long s_http(const char *method, const char *path, const char *body, const char *header,
                   const char *other, json_t **answer) {
    char url[256];
    hf_buf_t bytes = {0};
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = header ? curl_slist_append(headers, header) : headers;
    headers = other ? curl_slist_append(headers, other) : headers;
    snprintf(url, sizeof url, "%s%s", s_world.base, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WITHIN_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)&bytes);
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    *answer = bytes.size ? json_loadb((char *)bytes.data, bytes.size, 0, NULL) : NULL;
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    hf_buf_free(&bytes);
    return status;
}

static const char *s_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void s_submit(char id[ID_TEXT], const char *row, int policy, const char *not_before) {
    char name[64], path[96], begin[64], deadline[64];
    json_t *answer;
    const char *own = failure_policies[policy].deadline;
    failure_pipeline_name(name, row, policy);
    snprintf(path, sizeof path, "/pipelines/%s/commands", name);
    snprintf(begin, sizeof begin, "Holdfast-Not-Before: %s", not_before ? not_before : "");
    snprintf(deadline, sizeof deadline, "Holdfast-Deadline: %s", own ? own : "");
    long status = s_http("POST", path, "{\"case\":\"x\"}", not_before ? begin : NULL, own ? deadline : NULL,
                         &answer);
    assert_int_equal(status, 202);
    snprintf(id, ID_TEXT, "%s", s_text(answer, "id"));
    json_decref(answer);
}

//  The caller gives it back.
static json_t *s_get(const char *id) {
    char path[64];
    json_t *answer;
    snprintf(path, sizeof path, "/commands/%s", id);
    assert_int_equal(s_http("GET", path, NULL, NULL, NULL, &answer), 200);
    return answer;
}

static bool s_is(const char *id, const char *state) {
    json_t *command = s_get(id);
    bool is = strcmp(s_text(command, "state"), state) == 0;
    json_decref(command);
    return is;
}

static void s_wait(const char *id, const char *state, const char *where) {
    for (int64_t until = now_ms() + WITHIN_MS; !s_is(id, state); poll(NULL, 0, 10)) {
        if (now_ms() > until) {
            json_t *command = s_get(id);
            fail_msg("%s: it is %s (%s), and should be %s", where, s_text(command, "state"),
                     s_text(command, "reason"), state);
        }
    }
}

static long s_ask(const char *id, failure_ask_t ask) {
    char path[96];
    json_t *answer;
    const char *event = hf_event_name(failure_events[ask]);
    snprintf(path, sizeof path, "/commands/%s%s%s", id, ask == ASK_CANCEL ? "" : "/",
             ask == ASK_CANCEL ? "" : event);
    long status = s_http(ask == ASK_CANCEL ? "DELETE" : "POST", path,
                         ask == ASK_RESOLVE ? "{\"as\":\"succeeded\"}" : NULL, NULL, NULL, &answer);
    json_decref(answer);
    return status;
}

//  ---- the tree

static int s_setup(void **state) {
    world_t *world = &s_world;
    char path[128], out[128], third[64] = "", nobody[64], http[32], rest[64] = "";
    hf_buf_t zpl = {0};
    int port = free_port();
    (void)state;
    strcpy(world->dir, "/tmp/holdfast-table-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->state, sizeof world->state, "%.63s/state", world->dir);
    snprintf(out, sizeof out, "%.63s/third.out", world->dir);
    const char *stand_in[] = {STANDIN_BINARY, "--listen", "127.0.0.1:0", "--die-with-parent", NULL};
    world->third = start(out, stand_in);
    assert_true(wait_line(out, "listening on ", rest, sizeof rest, WITHIN_MS));
    snprintf(third, sizeof third, "%s", rest);
    snprintf(nobody, sizeof nobody, "http://127.0.0.1:%d", free_port());
    snprintf(path, sizeof path, "%.63s/table.zpl", world->dir);
    failure_write_pipelines(&zpl, third, nobody);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(zpl.data, 1, zpl.size, file);
    assert_int_equal(fclose(file), 0);
    hf_buf_free(&zpl);
    snprintf(http, sizeof http, "127.0.0.1:%d", port);
    snprintf(world->base, sizeof world->base, "http://%s", http);
    snprintf(out, sizeof out, "%.63s/node.log", world->dir);
    const char *holdfast[] = {HOLDFAST_BINARY, "up", "--state", world->state, "--http", http, path, NULL};
    tree_t tree;
    world->node = start(out, holdfast);
    assert_true(tree_wait_up(&tree, world->state, NULL, 0, WITHIN_MS));
    return 0;
}

static int s_teardown(void **state) {
    world_t *world = &s_world;
    char command[512];
    tree_t tree;
    int status;
    (void)state;
    assert_true(tree_read(&tree, world->state) && tree_kill(&tree, WITHIN_MS)); //  Some calls hang for long
    const char *verify[] = {HOLDFAST_BINARY, "journal", "verify", "--state", world->state, NULL};
    assert_true(wait_gone(start("/dev/null", verify), WITHIN_MS, &status) && status == 0);
    kill(world->third, SIGKILL);
    assert_true(wait_gone(world->third, WITHIN_MS, NULL));
    snprintf(command, sizeof command, "rm -rf %.60s", world->dir);
    return system(command);
}

//  ---- the table

static void s_assert_end(const char *id, const failure_end_t *end, const char *where) {
    s_wait(id, hf_state_name(end->state), where);
    json_t *command = s_get(id);
    const json_t *attempts = json_object_get(command, "attempts");
    if (json_array_size(attempts) != end->attempts ||
        strcmp(s_text(command, "class"), hf_class_name(end->class)) != 0 ||
        !strstr(s_text(command, "reason"), end->because)) {
        fail_msg("%s: %zu attempts, %s, \"%s\"; wanted: %u, %s, \"%s\"", where, json_array_size(attempts),
                 s_text(command, "class"), s_text(command, "reason"), end->attempts,
                 hf_class_name(end->class), end->because);
    }
    json_decref(command);
}

//  All at once: each has a destination of its own.
static void every_outcome_under_every_policy_ends_as_the_table_says(void **state) {
    char ids[FAILURE_ROWS][POLICIES][ID_TEXT], where[64];
    (void)state;
    for (int pass = 0; pass < 2; pass++) {
        for (int row = 0; row < FAILURE_ROWS; row++) {
            const failure_row_t *one = &failure_rows[row];
            for (int policy = 0; policy < POLICIES && !one->lost; policy++) {
                if (one->ends[policy].state != HF_STATE_NONE && pass == 0) {
                    s_submit(ids[row][policy], one->name, policy, NULL);
                } else if (one->ends[policy].state != HF_STATE_NONE) {
                    failure_pipeline_name(where, one->name, policy);
                    s_assert_end(ids[row][policy], &one->ends[policy], where);
                }
            }
        }
    }
}

static void s_bring(char id[ID_TEXT], const failure_state_t *one) {
    s_submit(id, one->row, one->policy, one->not_before);
    if (one->state == HF_STATE_PARKED) { //  Behind that one
        s_submit(id, one->row, one->policy, one->not_before);
    }
    if (one->first != HF_EVENT_SUBMIT) {
        bool dies = one->first == HF_EVENT_DISCARD;
        s_wait(id, dies ? "dead" : "accepted", one->row);
        assert_int_equal(s_ask(id, dies ? ASK_DISCARD : ASK_CANCEL), 200);
    }
}

static void s_assert_asked(const char *id, const failure_state_t *one, failure_ask_t ask) {
    char where[128];
    hf_state_t after = one->after[ask];
    snprintf(where, sizeof where, "%s of one that is %s", hf_event_name(failure_events[ask]),
             hf_state_name(one->state));
    s_wait(id, hf_state_name(one->state), where);
    long status = s_ask(id, ask), wanted = after == HF_STATE_NONE ? 409 : ask == ASK_RETRY ? 202 : 200;
    if (status != wanted) {
        fail_msg("%s is answered %ld, not %ld", where, status, wanted);
    }
    bool again = ask == ASK_RETRY && after != HF_STATE_NONE; //  It is tried again, and ends as it did
    s_wait(id, hf_state_name(again || after == HF_STATE_NONE ? one->state : after), where);
}

static void what_people_ask_for_is_done_or_refused_as_the_table_says(void **state) {
    char ids[FAILURE_STATES][ASKS][ID_TEXT];
    (void)state;
    for (int number = 0; number < FAILURE_STATES; number++) {
        for (int ask = 0; ask < ASKS; ask++) {
            s_bring(ids[number][ask], &failure_states[number]);
        }
    }
    for (int number = 0; number < FAILURE_STATES; number++) {
        for (int ask = 0; ask < ASKS; ask++) {
            s_assert_asked(ids[number][ask], &failure_states[number], (failure_ask_t)ask);
        }
    }
}

//  A key whose head is dead goes on when somebody decides: until then, those behind it say so.
static void what_waits_behind_a_dead_one_says_so(void **state) {
    char first[ID_TEXT], second[ID_TEXT];
    (void)state;
    s_submit(first, "ordered-wrong", TWICE, NULL);
    s_wait(first, "dead", "the head of a key");
    s_submit(second, "ordered-wrong", TWICE, NULL);
    json_t *command = s_get(second);
    assert_string_equal(s_text(command, "state"), "accepted");
    assert_string_equal(s_text(command, "waits_for"), first);
    assert_string_equal(s_text(command, "waits_for_state"), "dead");
    json_decref(command);
    assert_int_equal(s_ask(first, ASK_DISCARD), 200);
    s_wait(second, "dead", "its successor, whose turn has come");
}

//  What is parked names the one that it waits for; priorities are taken, shown, and refused where they are none. Answers are cut short
//  unless they are asked for.
static void a_command_tells_what_it_waits_for_how_urgent_it_is_and_what_was_answered(void **state) {
    char first[ID_TEXT], second[ID_TEXT], path[96];
    json_t *answer;
    (void)state;
    s_submit(first, "ordered", TWICE, "1h");
    s_submit(second, "ordered", TWICE, "1h");
    assert_int_equal(s_ask(first, ASK_CANCEL), 200);
    json_t *command = s_get(second);
    assert_string_equal(s_text(command, "waits_for_state"), "accepted");
    assert_true(*s_text(command, "waits_for") && strstr(s_text(command, "reason"), "its turn"));
    assert_int_equal(json_integer_value(json_object_get(command, "priority")), 5);
    json_decref(command);
    assert_int_equal(s_http("POST", "/pipelines/ok.twice/commands", "{\"case\":\"x\"}",
                            "Holdfast-Priority: 9", NULL, &answer),
                     202);
    command = s_get(s_text(answer, "id"));
    assert_int_equal(json_integer_value(json_object_get(command, "priority")), 9);
    json_decref(command);
    json_decref(answer);
    assert_int_equal(s_http("POST", "/pipelines/ok.twice/commands", "{\"case\":\"x\"}",
                            "Holdfast-Priority: 10", NULL, &answer),
                     400);
    assert_non_null(strstr(s_text(answer, "detail"), "from 0 to 9"));
    json_decref(answer);
    snprintf(path, sizeof path, "/commands/%s?responses=whole", second);
    assert_int_equal(s_http("GET", path, NULL, NULL, NULL, &answer), 200);
    json_decref(answer);
    snprintf(path, sizeof path, "/commands/%s?responses=none", second);
    assert_int_equal(s_http("GET", path, NULL, NULL, NULL, &answer), 400);
    json_decref(answer);
}

//  ---- callers that die

//  Kills the caller and waits until it is there again.
static void s_kill_caller(void) {
    tree_t tree;
    pid_t pid = 0;
    assert_true(tree_wait_up(&tree, s_world.state, NULL, 0, WITHIN_MS));
    for (int i = 0; i < tree.size; i++) {
        pid = strcmp(tree.actors[i].name, "call.0") == 0 ? tree.actors[i].pid : pid;
    }
    assert_true(pid > 0);
    kill(pid, SIGKILL);
    assert_true(tree_wait_up(&tree, s_world.state, "call.0", pid, WITHIN_MS));
}

//  Waits until it is being called for the n-th time, or has come to its end: false.
static bool s_is_called_again(const char *id, uint32_t attempt, const failure_end_t *end) {
    for (int64_t until = now_ms() + WITHIN_MS; now_ms() < until; poll(NULL, 0, 10)) {
        json_t *command = s_get(id);
        bool calling = strcmp(s_text(command, "state"), "calling") == 0 &&
                       json_array_size(json_object_get(command, "attempts")) == attempt;
        bool ended = strcmp(s_text(command, "state"), hf_state_name(end->state)) == 0;
        json_decref(command);
        if (calling || ended) {
            return calling;
        }
    }
    fail_msg("%s is neither called for the %uth time nor %s", id, attempt, hf_state_name(end->state));
    return false;
}

//  Each attempt takes its caller down. What the policy says holds, and after three times it is poison; what came after it is done.
static void what_takes_its_caller_down_ends_and_others_go_on(void **state) {
    char ids[POLICIES][ID_TEXT], other[ID_TEXT], where[64];
    const failure_row_t *row = &failure_rows[FAILURE_ROWS - 1];
    (void)state;
    assert_true(row->lost);
    for (int policy = 0; policy < POLICIES; policy++) {
        s_submit(ids[policy], row->name, policy, NULL);
    }
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        bool any = false;
        for (int policy = 0; policy < POLICIES; policy++) {
            const failure_end_t *end = &row->ends[policy];
            any = (end->state != HF_STATE_NONE && s_is_called_again(ids[policy], attempt, end)) || any;
        }
        assert_true(any);
        s_kill_caller();
        s_submit(other, "ok", TWICE, NULL);
        s_wait(other, "succeeded", "a bystander");
    }
    for (int policy = 0; policy < POLICIES; policy++) {
        if (row->ends[policy].state != HF_STATE_NONE) {
            failure_pipeline_name(where, row->name, policy);
            s_assert_end(ids[policy], &row->ends[policy], where);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_under_every_policy_ends_as_the_table_says),
        cmocka_unit_test(what_people_ask_for_is_done_or_refused_as_the_table_says),
        cmocka_unit_test(what_waits_behind_a_dead_one_says_so),
        cmocka_unit_test(a_command_tells_what_it_waits_for_how_urgent_it_is_and_what_was_answered),
        cmocka_unit_test(what_takes_its_caller_down_ends_and_others_go_on),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
