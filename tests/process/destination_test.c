/*  Destinations against the real tree and the stand-in: an outage, Retry-After, a pause, and a rate, each over the death of dispatch where
 *  that must not matter. What reached the third party is read from the stand-in's own log.  */

#include "crash/tree.h"

#include <curl/curl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { WITHIN_MS = 20000, CALLS_MAX = 4096 };

typedef struct {
    char dir[64];      //  Everything
    char state[96];    //  The node's
    char node_url[64]; //  http://…
    char third_url[64];
    pid_t third, node; //  Processes
    char id[64];       //  Of the command that was submitted last
} world_t;

static world_t s_world;

//  One line of the stand-in's log.
typedef struct {
    int64_t at;   //  Milliseconds since 1970
    char what[8]; //  Status
    char key[64]; //  Idempotency-Key
    char path[64];
} call_t;

static call_t s_calls[CALLS_MAX];

//  ---- HTTP

typedef struct {
    char text[16384]; //  The answer's body
    size_t size;      //  Its bytes
} answer_t;

static size_t s_on_body(void *data, size_t size, size_t n, void *context) {
    answer_t *answer = context;
    size_t part = size * n < sizeof answer->text - 1 - answer->size ? size * n
                                                                    : sizeof answer->text - 1 - answer->size;
    memcpy(answer->text + answer->size, data, part);
    answer->size += part;
    answer->text[answer->size] = 0;
    return size * n;
}

//  body NULL: GET. Returns the status.
static long s_ask(const char *base, const char *path, const char *body, const char *header,
                  answer_t *answer) {
    char url[256];
    long status = 0;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = header ? curl_slist_append(headers, header) : headers;
    snprintf(url, sizeof url, "%s%s", base, path);
    *answer = (answer_t){.size = 0};
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)WITHIN_MS);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
    CURLcode rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return rc == CURLE_OK ? status : -1;
}

static void s_mood(const char *mood) {
    answer_t answer;
    assert_int_equal(s_ask(s_world.third_url, "/standin/mood", mood, NULL, &answer), 200);
}

static void s_submit(const char *pipeline, const char *header) {
    char path[96];
    answer_t answer;
    snprintf(path, sizeof path, "/pipelines/%s/commands", pipeline);
    assert_int_equal(s_ask(s_world.node_url, path, "{}", header, &answer), 202);
    json_t *json = json_loads(answer.text, 0, NULL);
    snprintf(s_world.id, sizeof s_world.id, "%s", json_string_value(json_object_get(json, "id")));
    json_decref(json);
}

//  GET /destinations/NAME, to be given back.
static json_t *s_destination(const char *name) {
    char path[96];
    answer_t answer;
    snprintf(path, sizeof path, "/destinations/%s", name);
    assert_int_equal(s_ask(s_world.node_url, path, NULL, NULL, &answer), 200);
    json_t *json = json_loads(answer.text, 0, NULL);
    assert_non_null(json);
    return json;
}

static int64_t s_count(const char *name, const char *state) {
    json_t *json = s_destination(name);
    int64_t count = json_integer_value(json_object_get(json_object_get(json, "commands"), state));
    json_decref(json);
    return count;
}

static bool s_circuit_is(const char *name, const char *circuit) {
    json_t *json = s_destination(name);
    bool is = strcmp(json_string_value(json_object_get(json, "circuit")), circuit) == 0;
    json_decref(json);
    return is;
}

//  ---- waiting, for a condition

#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        int64_t until_ms = now_ms() + WITHIN_MS;                                                             \
        while (!(condition)) {                                                                               \
            if (now_ms() > until_ms) {                                                                       \
                fail_msg("not within %d s: %s", WITHIN_MS / 1000, #condition);                               \
            }                                                                                                \
            usleep(5000);                                                                                    \
        }                                                                                                    \
    } while (0)

//  What reached the third party for a destination, in order.
static int s_read_calls(const char *destination) {
    char path[128], line[256], prefix[80];
    int size = 0;
    call_t call;
    snprintf(prefix, sizeof prefix, "/%s", destination);
    snprintf(path, sizeof path, "%s/third.log", s_world.dir);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) && size < CALLS_MAX) {
        if (sscanf(line, "%ld %7s %63s %*s %*s %*s %63s", &call.at, call.what, call.key, call.path) == 4 &&
            strcmp(call.path, prefix) == 0) {
            s_calls[size++] = call;
        }
    }
    fclose(file);
    return size;
}

static int64_t s_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

//  Calls to the circuit's destination since then, by their own time: the log is written a little later.
static int s_calls_since(int64_t ms) {
    int size = s_read_calls("circuit"), since = 0;
    for (int i = 0; i < size; i++) {
        since += s_calls[i].at > ms;
    }
    return since;
}

static void s_kill_dispatch(void) {
    tree_t tree;
    assert_true(tree_read(&tree, s_world.state));
    for (int i = 0; i < tree.size; i++) {
        if (strcmp(tree.actors[i].name, "dispatch") == 0) {
            pid_t old = tree.actors[i].pid;
            assert_int_equal(kill(old, SIGKILL), 0);
            assert_true(tree_wait_up(&tree, s_world.state, "dispatch", old, WITHIN_MS));
            return;
        }
    }
    fail_msg("there is no dispatch");
}

static int s_cli(const char *words) {
    char command[256];
    snprintf(command, sizeof command, "HOLDFAST_URL=%s %s %s >/dev/null", s_world.node_url, HOLDFAST_BINARY,
             words);
    return WEXITSTATUS(system(command));
}

//  ---- the stories

static void an_outage_is_met_by_few_calls_and_everything_succeeds_after_it(void **unused) {
    (void)unused;
    for (int i = 0; i < 20; i++) {
        s_submit("circuit", NULL);
    }
    WAIT_UNTIL(s_count("circuit", "succeeded") == 20);
    s_mood("{\"status\":503}");
    for (int i = 0; i < 60; i++) {
        s_submit("circuit", NULL);
    }
    WAIT_UNTIL(s_circuit_is("circuit", "open") || s_circuit_is("circuit", "half_open"));
    int64_t opened = s_wall_ms();
    s_kill_dispatch(); //  It stays open over that
    WAIT_UNTIL(s_calls_since(opened) >= 4);
    int probes = s_calls_since(opened);
    //  One a cooldown; some that were under way as it opened
    assert_true(probes <= (s_wall_ms() - opened) / 200 + 5);
    assert_int_equal(s_count("circuit", "dead"), 0);
    s_mood("{\"clear\":1}");
    WAIT_UNTIL(s_count("circuit", "succeeded") == 80);
    WAIT_UNTIL(s_circuit_is("circuit", "closed"));
}

static void retry_after_holds_for_every_command_of_the_destination(void **unused) {
    (void)unused;
    s_mood("{\"status\":503,\"retry_after_s\":2}");
    s_submit("plain", NULL);
    WAIT_UNTIL(s_read_calls("plain") == 1);
    s_mood("{\"clear\":1}");
    for (int i = 0; i < 5; i++) {
        s_submit("plain", NULL);
    }
    s_kill_dispatch();
    WAIT_UNTIL(s_count("plain", "succeeded") == 6);
    WAIT_UNTIL(s_read_calls("plain") == 7);
    assert_true(s_calls[1].at - s_calls[0].at >= 1990);
}

static void retry_after_may_be_a_date(void **unused) {
    (void)unused;
    s_mood("{\"status\":503,\"retry_after_date_s\":2}");
    s_submit("plain", NULL);
    WAIT_UNTIL(s_read_calls("plain") == 8);
    s_mood("{\"clear\":1}");
    s_submit("plain", NULL);
    s_kill_dispatch();
    WAIT_UNTIL(s_count("plain", "succeeded") == 8);
    WAIT_UNTIL(s_read_calls("plain") == 10);
    assert_true(s_calls[8].at - s_calls[7].at >= 1990); //  The policy's delay is 50 ms
}

static void retry_after_beyond_a_deadline_expires_the_command_and_says_so(void **unused) {
    (void)unused;
    answer_t answer;
    char path[96];
    s_mood("{\"status\":429,\"retry_after_s\":600}");
    s_submit("plain", "Holdfast-Deadline: 5s");
    WAIT_UNTIL(s_count("plain", "expired") == 1);
    snprintf(path, sizeof path, "/commands/%s", s_world.id);
    assert_int_equal(s_ask(s_world.node_url, path, NULL, NULL, &answer), 200);
    assert_non_null(strstr(answer.text, "Retry-After"));
    s_mood("{\"clear\":1}");
    assert_int_equal(s_cli("resume plain"), 0); //  A person knows better
    s_submit("plain", NULL);
    WAIT_UNTIL(s_count("plain", "succeeded") == 9);
}

//  Every command that waits there says what it waits for.
static void s_assert_each_is_held(const char *name, const char *why) {
    char path[96];
    answer_t answer;
    snprintf(path, sizeof path, "/commands?state=accepted&destination=%s", name);
    assert_int_equal(s_ask(s_world.node_url, path, NULL, NULL, &answer), 200);
    json_t *json = json_loads(answer.text, 0, NULL), *command;
    size_t number;
    assert_non_null(json);
    assert_true(json_array_size(json_object_get(json, "commands")) > 0);
    json_array_foreach(json_object_get(json, "commands"), number, command) {
        assert_string_equal(json_string_value(json_object_get(command, "held")), why);
        assert_string_equal(json_string_value(json_object_get(command, "reason")), why);
    }
    json_decref(json);
}

static void what_is_paused_is_held_until_it_is_resumed(void **unused) {
    (void)unused;
    assert_int_equal(s_cli("pause plain"), 0);
    assert_int_equal(s_cli("pause nobody"), 1);
    enum { BEFORE = 12 }; //  Of the stories above: the log is written a little later
    WAIT_UNTIL(s_read_calls("plain") == BEFORE);
    for (int i = 0; i < 3; i++) {
        s_submit("plain", NULL);
    }
    s_kill_dispatch();
    s_submit("circuit", NULL); //  Another destination goes on: dispatch has looked at what there is
    WAIT_UNTIL(s_count("circuit", "succeeded") == 81);
    assert_int_equal(s_count("plain", "accepted"), 3);
    assert_int_equal(s_read_calls("plain"), BEFORE);
    s_assert_each_is_held("plain", "the destination is paused");
    json_t *json = s_destination("plain");
    assert_true(json_is_true(json_object_get(json, "paused")));
    static const char *const members[] = {"circuit", "in_flight", "queued", "oldest", "rate"};
    for (int i = 0; i < 5; i++) {
        assert_false(json_is_null(json_object_get(json, members[i])));
    }
    assert_non_null(json_object_get(json_object_get(json, "latency"), "p99_ms"));
    json_decref(json);
    assert_int_equal(s_cli("resume plain"), 0);
    WAIT_UNTIL(s_count("plain", "succeeded") == 12);
    json = s_destination("plain");
    assert_true(json_real_value(json_object_get(json, "rate")) > 0);
    assert_true(json_real_value(json_object_get(json_object_get(json, "latency"), "p99_ms")) > 0);
    json_decref(json);
}

static void a_rate_is_kept_over_the_death_of_dispatch(void **unused) {
    (void)unused;
    enum { RATE = 50, COMMANDS = 200 };
    for (int i = 0; i < COMMANDS; i++) {
        s_submit("paced", NULL);
    }
    WAIT_UNTIL(s_count("paced", "succeeded") >= 60);
    s_kill_dispatch();
    WAIT_UNTIL(s_count("paced", "succeeded") == COMMANDS);
    WAIT_UNTIL(s_read_calls("paced") == COMMANDS);
    int64_t gap = 0; //  The longest in which nobody was called: that of the killed one's successor
    for (int i = 1; i < COMMANDS; i++) {
        int64_t between = s_calls[i].at - s_calls[i - 1].at;
        gap = between > gap ? between : gap;
    }
    double took = (double)(s_calls[COMMANDS - 1].at - s_calls[0].at) / 1000, wanted = (COMMANDS - 1.0) / RATE;
    if (took < wanted * 0.97 || took - (double)gap / 1000 > wanted * 1.05) {
        fail_msg("%d calls took %.2f s, %.2f s of it in one gap; at %d/s they take %.2f s", COMMANDS, took,
                 (double)gap / 1000, RATE, wanted);
    }
}

//  ---- the world

static void s_write_pipelines(void) {
    char path[128];
    snprintf(path, sizeof path, "%s/p.zpl", s_world.dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "destination = circuit\n    url = %s/circuit\n    concurrency = 2\n    circuit\n"
            "        of = 5\n        cooldown = 200ms\n        ramp = 500ms\n"
            "destination = plain\n    url = %s/plain\n    concurrency = 1\n"
            "destination = paced\n    url = %s/paced\n    rate = 50/s\n",
            s_world.third_url, s_world.third_url, s_world.third_url);
    static const char *const names[] = {"circuit", "plain", "paced"};
    for (int i = 0; i < 3; i++) {
        fprintf(
            file,
            "pipeline = %s\n    destination = %s\n    retry\n        delay = 50ms\n        attempts = 3\n",
            names[i], names[i]);
    }
    assert_int_equal(fclose(file), 0);
}

static int s_setup(void **unused) {
    char log[128], out[128], address[32], zpl[128];
    (void)unused;
    strcpy(s_world.dir, "/tmp/holdfast-destination-XXXXXX");
    assert_non_null(mkdtemp(s_world.dir));
    snprintf(s_world.state, sizeof s_world.state, "%s/state", s_world.dir);
    snprintf(log, sizeof log, "%s/third.log", s_world.dir);
    snprintf(out, sizeof out, "%s/third.out", s_world.dir);
    const char *third[] = {STANDIN_BINARY,      "--listen", "127.0.0.1:0", "--log", log,
                           "--die-with-parent", NULL};
    s_world.third = start(out, third);
    assert_true(wait_line(out, "listening on ", s_world.third_url, sizeof s_world.third_url, WITHIN_MS));
    s_write_pipelines();
    snprintf(zpl, sizeof zpl, "%s/p.zpl", s_world.dir);
    snprintf(address, sizeof address, "127.0.0.1:%d", free_port());
    snprintf(s_world.node_url, sizeof s_world.node_url, "http://%s", address);
    snprintf(out, sizeof out, "%s/node.out", s_world.dir);
    const char *node[] = {HOLDFAST_BINARY, "up", "--state", s_world.state, "--http", address, zpl, NULL};
    s_world.node = start(out, node);
    tree_t tree;
    assert_true(tree_wait_up(&tree, s_world.state, NULL, 0, WITHIN_MS));
    return 0;
}

static int s_teardown(void **unused) {
    char command[128];
    int status;
    (void)unused;
    kill(s_world.node, SIGTERM);
    bool ended = wait_gone(s_world.node, WITHIN_MS, &status);
    kill(s_world.third, SIGTERM);
    ended = wait_gone(s_world.third, WITHIN_MS, &status) && ended;
    snprintf(command, sizeof command, "rm -rf %s", s_world.dir);
    return ended && system(command) == 0 ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_outage_is_met_by_few_calls_and_everything_succeeds_after_it),
        cmocka_unit_test(retry_after_holds_for_every_command_of_the_destination),
        cmocka_unit_test(retry_after_may_be_a_date),
        cmocka_unit_test(retry_after_beyond_a_deadline_expires_the_command_and_says_so),
        cmocka_unit_test(what_is_paused_is_held_until_it_is_resumed),
        cmocka_unit_test(a_rate_is_kept_over_the_death_of_dispatch),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
