/*  `probe` against the real tree: a third party that does not answer calls in time, and can be asked what became of them. It is played
 *  here: what it does with a command stands in the command's body.  */

#include "crash/tree.h"

#include <curl/curl.h>
#include <jansson.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    WITHIN_MS = 20000,
    TIMEOUT_MS = 200, //  Of an attempt
    LATE_MS = 400,    //  When the third party answers what it is not to answer in time
    ANSWER_MAX = 65536,
};

//  What a command meets, by the word in its body.
typedef enum { DONE, LOST, MUTE, CASES } case_t;
static const char *const s_words[CASES] = {
    [DONE] = "done", //  The call is carried out and not answered; asked, it says so
    [LOST] = "lost", //  The first call is not carried out and not answered; asked, it says so (404)
    [MUTE] = "mute", //  No call is answered; asked, it says 503
};

typedef struct {
    char dir[64];             //  Everything
    char state[96];           //  The node's
    char node_url[64];        //  http://…
    pid_t node;               //  The supervisor
    struct MHD_Daemon *third; //  The third party
    int port;                 //  Where it listens
    pthread_mutex_t mutex;    //  Over what follows
    int calls[CASES];         //  POSTs
    int questions[CASES];     //  GETs
    char key[64];             //  Idempotency-Key of the newest request
    char asked[128];          //  Path of the newest GET
} world_t;

static world_t s_world = {.mutex = PTHREAD_MUTEX_INITIALIZER};

//  ---- the third party

static int s_case(const char *path) {
    for (int number = 0; number < CASES; number++) {
        if (strstr(path, s_words[number])) {
            return number;
        }
    }
    return MUTE;
}

//  The status; *late: not in time.
static int s_meet(const char *path, bool question, const char *key, bool *late) {
    static const int answers[CASES] = {[DONE] = 200, [LOST] = 404, [MUTE] = 503};
    int number = s_case(path);
    pthread_mutex_lock(&s_world.mutex);
    int calls = question ? s_world.calls[number] : ++s_world.calls[number];
    s_world.questions[number] += question;
    snprintf(s_world.key, sizeof s_world.key, "%s", key ? key : "");
    if (question) {
        snprintf(s_world.asked, sizeof s_world.asked, "%s", path);
    }
    pthread_mutex_unlock(&s_world.mutex);
    *late = !question && !(number == LOST && calls > 1);
    return question ? answers[number] : 200;
}

static enum MHD_Result s_on_request(void *context, struct MHD_Connection *connection, const char *path,
                                    const char *method, const char *version, const char *data, size_t *size,
                                    void **state) {
    static int begun;
    bool late;
    (void)context, (void)version, (void)data;
    if (*state != &begun) {
        *state = &begun;
        return MHD_YES;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    const char *key = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Idempotency-Key");
    int status = s_meet(path, strcmp(method, "GET") == 0, key, &late);
    poll(NULL, 0, late ? LATE_MS : 0); //  A thread for each connection
    struct MHD_Response *response = MHD_create_response_from_buffer(2, (void *)(uintptr_t) "ok",
                                                                    MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return rc;
}

//  ---- asking the node

typedef struct {
    char text[ANSWER_MAX]; //  The answer's body
    size_t size;           //  Its bytes
} answer_t;

static size_t s_on_body(void *data, size_t size, size_t n, void *context) {
    answer_t *answer = context;
    size_t room = sizeof answer->text - 1 - answer->size;
    size_t part = size * n < room ? size * n : room;
    memcpy(answer->text + answer->size, data, part);
    answer->size += part;
    answer->text[answer->size] = 0;
    return size * n;
}

//  body NULL: GET. The caller gives the JSON back.
static json_t *s_ask(const char *path, const char *body, long wanted) {
    static answer_t answer;
    char url[256];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    snprintf(url, sizeof url, "%s%s", s_world.node_url, path);
    answer.size = 0;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WITHIN_MS);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    assert_int_equal(status, wanted);
    return json_loads(answer.text, 0, NULL);
}

static const char *s_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void s_submit(const char *pipeline, case_t number, char id[64]) {
    char path[96], body[64];
    snprintf(path, sizeof path, "/pipelines/%s/commands", pipeline);
    snprintf(body, sizeof body, "{\"case\":\"%s\"}", s_words[number]);
    json_t *answer = s_ask(path, body, 202);
    snprintf(id, 64, "%s", s_text(answer, "id"));
    json_decref(answer);
}

//  The command in that state; the caller gives it back.
static json_t *s_wait(const char *id, const char *state) {
    char path[96];
    snprintf(path, sizeof path, "/commands/%s", id);
    for (int64_t until = now_ms() + WITHIN_MS;;) {
        json_t *command = s_ask(path, NULL, 200);
        if (strcmp(s_text(command, "state"), state) == 0) {
            return command;
        }
        if (now_ms() > until) {
            fail_msg("it is %s (%s), and should be %s", s_text(command, "state"), s_text(command, "reason"),
                     state);
        }
        json_decref(command);
        poll(NULL, 0, 10);
    }
}

static void s_assert_attempt(const json_t *command, size_t number, const char *kind, const char *class) {
    const json_t *attempt = json_array_get(json_object_get(command, "attempts"), number - 1);
    assert_string_equal(s_text(attempt, "kind"), kind);
    assert_string_equal(s_text(attempt, "class"), class);
}

static size_t s_attempts(const json_t *command) {
    return json_array_size(json_object_get(command, "attempts"));
}

//  ---- stories

static void what_was_done_though_nobody_answered_is_not_done_again(void **state) {
    char id[64], path[128];
    (void)state;
    s_submit("again", DONE, id);
    json_t *command = s_wait(id, "succeeded");
    assert_int_equal(s_attempts(command), 2);
    s_assert_attempt(command, 1, "call", "uncertain");
    s_assert_attempt(command, 2, "probe", "succeeded");
    snprintf(path, sizeof path, "/asked/done/%s", id);
    assert_string_equal(s_world.asked, path);
    assert_string_equal(s_world.key, id);
    assert_int_equal(s_world.calls[DONE], 1);
    assert_int_equal(s_world.questions[DONE], 1);
    json_decref(command);
}

static void what_was_not_done_is_called_again(void **state) {
    char id[64];
    (void)state;
    s_submit("held", LOST, id); //  Holding is for what nobody knows
    json_t *command = s_wait(id, "succeeded");
    assert_int_equal(s_attempts(command), 3);
    s_assert_attempt(command, 1, "call", "uncertain");
    s_assert_attempt(command, 2, "probe", "rejected");
    s_assert_attempt(command, 3, "call", "succeeded");
    assert_int_equal(s_world.calls[LOST], 2);
    json_decref(command);
}

static void what_stays_unknown_is_asked_for_until_the_deadline_and_never_called_again(void **state) {
    char held[64], dead[64];
    (void)state;
    s_submit("held", MUTE, held);
    s_submit("again", MUTE, dead);
    json_t *command = s_wait(held, "uncertain");
    assert_non_null(strstr(s_text(command, "reason"), "its outcome is still unknown"));
    s_assert_attempt(command, s_attempts(command), "probe", "failed");
    json_decref(command);
    command = s_wait(dead, "dead");
    assert_non_null(strstr(s_text(command, "reason"), "before the retry deadline"));
    json_decref(command);
    assert_int_equal(s_world.calls[MUTE], 2); //  One for each
    assert_true(s_world.questions[MUTE] >= 4);
}

//  ---- the tree

static int s_setup(void **state) {
    world_t *world = &s_world;
    char path[128], out[128];
    (void)state;
    strcpy(world->dir, "/tmp/holdfast-probe-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->state, sizeof world->state, "%.63s/state", world->dir);
    snprintf(path, sizeof path, "%.63s/p.zpl", world->dir);
    snprintf(out, sizeof out, "%.63s/node.out", world->dir);
    world->third = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL,
                                    NULL, s_on_request, NULL, MHD_OPTION_END);
    assert_non_null(world->third);
    world->port = MHD_get_daemon_info(world->third, MHD_DAEMON_INFO_BIND_PORT)->port;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int hold = 0; hold < 2; hold++) {
        const char *name = hold ? "held" : "again";
        fprintf(
            file,
            "destination = %s\n    url = \"http://127.0.0.1:%d/do/{case}\"\n    timeout = %dms\n"
            "    on_uncertain = %s\n"
            "    probe = \"GET http://127.0.0.1:%d/asked/{case}/{holdfast.id}\"\n"
            "pipeline = %s\n    destination = %s\n    retry\n        delay = 100ms\n        jitter = none\n"
            "        cap = 300ms\n        deadline = 2s\n",
            name, world->port, TIMEOUT_MS, hold ? "hold" : "retry", world->port, name, name);
    }
    assert_int_equal(fclose(file), 0);
    const char *const node[] = {HOLDFAST_BINARY, "up",          "--state", world->state,
                                "--http",        "127.0.0.1:0", path,      NULL};
    world->node = start(out, node);
    char rest[64];
    assert_true(wait_line(out, "holdfast: ready on ", rest, sizeof rest, WITHIN_MS));
    snprintf(world->node_url, sizeof world->node_url, "%.60s", rest);
    return 0;
}

static int s_teardown(void **state) {
    char command[256];
    int status;
    (void)state;
    kill(s_world.node, SIGTERM);
    assert_true(wait_gone(s_world.node, WITHIN_MS, &status));
    MHD_stop_daemon(s_world.third);
    snprintf(command, sizeof command, "%s journal verify --state %s >/dev/null", HOLDFAST_BINARY,
             s_world.state);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "rm -rf %s", s_world.dir);
    return system(command);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_done_though_nobody_answered_is_not_done_again),
        cmocka_unit_test(what_was_not_done_is_called_again),
        cmocka_unit_test(what_stays_unknown_is_asked_for_until_the_deadline_and_never_called_again),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
