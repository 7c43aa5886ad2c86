/*  HTTP as clients see it: a whole node is run, spoken to byte by byte over sockets; the third party that it
 * calls is played here.  */

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

enum {
    DEADLINE_S = 20,        //  For one answer
    ANSWER_MAX = 256 << 10, //  Bytes of one
    BODY_LIMIT = 20 << 10,  //  Of the node
};

typedef struct {
    char dir[64];             //  State and pipeline files
    pid_t node;               //  The supervisor
    struct sockaddr_in at;    //  Where the node listens
    struct MHD_Daemon *third; //  The third party
    char answer[ANSWER_MAX];  //  The newest answer, head and body
} world_t;

static world_t s_world;

//  ---- the third party: 200 to everything, "down" is answered 500

static enum MHD_Result s_on_call(void *context, struct MHD_Connection *connection, const char *path,
                                 const char *method, const char *version, const char *data, size_t *size,
                                 void **state) {
    static int begun;
    (void)context, (void)method, (void)version, (void)data;
    if (*state != &begun) {
        *state = &begun;
        return MHD_YES;
    }
    if (*size) {
        *size = 0;
        return MHD_YES;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(2, (void *)(uintptr_t) "ok",
                                                                    MHD_RESPMEM_PERSISTENT);
    enum MHD_Result rc = MHD_queue_response(connection, strstr(path, "down") ? 500 : 200, response);
    MHD_destroy_response(response);
    return rc;
}

//  ---- the node

static const char s_pipelines[] = "node\n"
                                  "    http = \"127.0.0.1:0\"\n"
                                  "    body_limit = 20K\n"
                                  "%s"
                                  "\n"
                                  "destination = third\n"
                                  "    url = \"http://127.0.0.1:%d/{host}/x\"\n"
                                  "\n"
                                  "pipeline = stop\n"
                                  "    destination = third\n"
                                  "    key = \"{host}\"\n"
                                  "    retry\n"
                                  "        immediate = 0\n"
                                  "        attempts = 1\n"
                                  "    label\n"
                                  "        accepted = Stopping\n"
                                  "        succeeded = Stopped\n"
                                  "\n"
                                  "pipeline = rare\n"
                                  "    destination = third\n";

static void s_write_pipelines(const world_t *world, const char *more) {
    char path[128];
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(world->third, MHD_DAEMON_INFO_BIND_PORT);
    snprintf(path, sizeof path, "%s/p.zpl", world->dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    char text[2048];
    const char *cut = strstr(s_pipelines, "%s");
    snprintf(text, sizeof text, "%.*s%s", (int)(cut - s_pipelines), s_pipelines, more);
    fputs(text, file);
    const char *port = strstr(cut, "%d");
    fprintf(file, "%.*s%d%s", (int)(port - cut - 2), cut + 2, info->port, port + 2);
    assert_int_equal(fclose(file), 0);
}

static void s_begin_node(world_t *world) {
    char state[128], path[128], line[128];
    int out[2];
    snprintf(state, sizeof state, "%s/state", world->dir);
    snprintf(path, sizeof path, "%s/p.zpl", world->dir);
    char *argv[] = {(char *)(uintptr_t) "holdfast",
                    (char *)(uintptr_t) "up",
                    (char *)(uintptr_t) "--state",
                    state,
                    path,
                    NULL};
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe(out), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    assert_int_equal(posix_spawn(&world->node, HOLDFAST_BINARY, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    FILE *file = fdopen(out[0], "r");
    assert_non_null(file);
    if (!fgets(line, sizeof line, file)) {
        fail_msg("the node is not ready");
    }
    const char *colon = strrchr(line, ':');
    assert_non_null(colon);
    world->at = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)atoi(colon + 1)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fclose(file);
}

static int s_end_node(world_t *world) {
    int status = 0;
    assert_int_equal(kill(world->node, SIGTERM), 0);
    assert_int_equal(waitpid(world->node, &status, 0), world->node);
    world->node = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int s_setup(void **state) {
    world_t *world = &s_world;
    *state = world;
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    strcpy(world->dir, "/tmp/holdfast-http-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->third = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, s_on_call, NULL,
                                    MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_END);
    assert_non_null(world->third);
    s_write_pipelines(world, "");
    s_begin_node(world);
    return 0;
}

static int s_teardown(void **state) {
    world_t *world = *state;
    char command[128];
    int status = world->node ? s_end_node(world) : 0;
    MHD_stop_daemon(world->third);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    return status ? status : system(command);
}

//  ---- a client

static int s_connect(const world_t *world) {
    struct timeval limit = {.tv_sec = DEADLINE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (const struct sockaddr *)&world->at, sizeof world->at), 0);
    return fd;
}

static void s_write(int fd, const void *data, size_t size) {
    const char *bytes = data;
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; //  Refused before its end: the answer says so
        }
        bytes += sent;
        size -= (size_t)sent;
    }
}

//  Whether the answer is whole, by its Content-Length; one without is whole with its head.
static bool s_is_whole(const char *answer) {
    const char *end = strstr(answer, "\r\n\r\n"), *length = strcasestr(answer, "\r\nContent-Length: ");
    if (!end) {
        return false;
    }
    size_t size = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    return strlen(end + 4) >= size;
}

//  Reads one answer; returns its status.
static int s_read(world_t *world, int fd, bool (*is_enough)(const char *)) {
    size_t used = 0;
    world->answer[0] = 0;
    while (!is_enough(world->answer)) {
        ssize_t size = recv(fd, world->answer + used, sizeof world->answer - 1 - used, 0);
        if (size <= 0) {
            fail_msg("no whole answer: %s", world->answer);
        }
        used += (size_t)size;
        world->answer[used] = 0;
    }
    return atoi(world->answer + 9);
}

static int s_exchange(world_t *world, const void *request, size_t size) {
    int fd = s_connect(world);
    s_write(fd, request, size);
    int status = s_read(world, fd, s_is_whole);
    close(fd);
    return status;
}

static int s_ask(world_t *world, const char *method, const char *path, const char *headers,
                 const char *body) {
    char request[4096];
    int size = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\n%s", method, path, headers);
    size += body ? snprintf(request + size, sizeof request - (size_t)size, "Content-Length: %zu\r\n\r\n%s",
                            strlen(body), body)
                 : snprintf(request + size, sizeof request - (size_t)size, "\r\n");
    return s_exchange(world, request, (size_t)size);
}

static bool s_has_header(const world_t *world, const char *line) {
    return strstr(world->answer, line) != NULL;
}

static json_t *s_body(const world_t *world) {
    const char *end = strstr(world->answer, "\r\n\r\n");
    json_t *json = end ? json_loads(end + 4, 0, NULL) : NULL;
    if (!json) {
        fail_msg("no JSON: %s", world->answer);
    }
    return json;
}

//  A member of the newest answer's body, in a place of its own.
static const char *s_member(const world_t *world, const char *name) {
    static char text[512];
    json_t *json = s_body(world);
    const char *value = json_string_value(json_object_get(json, name));
    snprintf(text, sizeof text, "%s", value ? value : "");
    json_decref(json);
    return text;
}

static void s_submit(world_t *world, const char *headers, const char *body, char id[64]) {
    if (s_ask(world, "POST", "/pipelines/stop/commands", headers, body) != 202) {
        fail_msg("%s", world->answer);
    }
    snprintf(id, 64, "%s", s_member(world, "id"));
}

//  Until ingress and journal know each other.
static void s_await_ready(world_t *world) {
    struct timespec begun, now;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    while (s_ask(world, "GET", "/readyz", "", NULL) != 200) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec - begun.tv_sec > DEADLINE_S) {
            fail_msg("%s", world->answer);
        }
    }
}

//  ---- stories

static void s_a_command_is_accepted_and_carried_out(void **state) {
    world_t *world = *state;
    char id[64], path[128];
    assert_int_equal(s_ask(world, "POST", "/pipelines/stop/commands", "", "{\"host\":\"a\"}"), 202);
    snprintf(id, sizeof id, "%s", s_member(world, "id"));
    snprintf(path, sizeof path, "Location: /commands/%s\r\n", id);
    assert_true(s_has_header(world, path));
    assert_string_equal(s_member(world, "state"), "accepted");
    assert_string_equal(s_member(world, "label"), "Stopping");
    assert_int_equal(
        s_ask(world, "POST", "/pipelines/stop/commands", "Prefer: wait=15\r\n", "{\"host\":\"b\"}"), 200);
    assert_true(s_has_header(world, "Preference-Applied: wait=15\r\n"));
    assert_string_equal(s_member(world, "state"), "succeeded");
    assert_string_equal(s_member(world, "label"), "Stopped");
    assert_string_equal(s_member(world, "response"), "ok");
    assert_string_equal(s_member(world, "key"), "b");
    snprintf(path, sizeof path, "/commands/%s", s_member(world, "id"));
    assert_int_equal(s_ask(world, "GET", path, "", NULL), 200);
    assert_int_equal(s_ask(world, "GET", "/commands?key=b&state=succeeded", "", NULL), 200);
    json_t *json = s_body(world);
    assert_int_equal(json_array_size(json_object_get(json, "commands")), 1);
    json_decref(json);
}

static void s_a_wait_ends_by_time(void **state) {
    world_t *world = *state;
    assert_int_equal(s_ask(world, "POST", "/pipelines/stop/commands",
                           "Prefer: wait=1\r\nHoldfast-Not-Before: 1h\r\n", "{\"host\":\"w\"}"),
                     202);
    assert_true(s_has_header(world, "Preference-Applied: wait=1\r\n"));
}

static void s_one_key_one_command(void **state) {
    world_t *world = *state;
    char first[64], again[64];
    s_submit(world, "Idempotency-Key: k1\r\n", "{\"host\":\"a\"}", first);
    assert_false(s_has_header(world, "Idempotent-Replay"));
    s_submit(world, "Idempotency-Key: k1\r\n", "{\"host\":\"a\"}", again);
    assert_true(s_has_header(world, "Idempotent-Replay: true\r\n"));
    assert_string_equal(first, again);
    assert_int_equal(
        s_ask(world, "POST", "/pipelines/stop/commands", "Idempotency-Key: k1\r\n", "{\"host\":\"b\"}"), 422);
    assert_int_equal(s_ask(world, "POST", "/pipelines/stop/batch", "Content-Type: application/x-ndjson\r\n",
                           "{\"host\":1}\n{\"host\":2}\n"),
                     202);
    json_t *json = s_body(world);
    assert_int_equal(json_array_size(json_object_get(json, "ids")), 2);
    json_decref(json);
}

static void s_people_decide(void **state) {
    world_t *world = *state;
    char id[64], path[128];
    s_submit(world, "Holdfast-Not-Before: 1h\r\n", "{\"host\":\"a\"}", id);
    snprintf(path, sizeof path, "/commands/%s", id);
    assert_int_equal(s_ask(world, "DELETE", path, "", NULL), 200);
    assert_string_equal(s_member(world, "state"), "cancelled");
    assert_int_equal(s_ask(world, "DELETE", path, "", NULL), 409);
    assert_int_equal(
        s_ask(world, "POST", "/pipelines/stop/commands", "Prefer: wait=15\r\n", "{\"host\":\"down\"}"), 200);
    assert_string_equal(s_member(world, "state"), "dead");
    snprintf(id, sizeof id, "%s", s_member(world, "id"));
    assert_int_equal(s_ask(world, "GET", "/dead?group=destination,class", "", NULL), 200);
    assert_non_null(strstr(world->answer, "\"destination\":\"third\",\"class\":\"failed\",\"count\":1"));
    snprintf(path, sizeof path, "/commands/%s/retry", id);
    assert_int_equal(s_ask(world, "POST", path, "", "{}"), 422);
    assert_int_equal(s_ask(world, "POST", path, "Holdfast-Operator: ann\r\n", "{\"host\":\"up\"}"), 202);
    snprintf(path, sizeof path, "/commands/%s/discard", id);
    assert_int_equal(s_ask(world, "POST", path, "", NULL), 409);
    snprintf(path, sizeof path, "/commands/%s/resolve", id);
    assert_int_equal(s_ask(world, "POST", path, "", "{\"as\":\"failed\"}"), 400);
    snprintf(path, sizeof path, "/commands/%s", id);
    assert_int_equal(s_ask(world, "GET", path, "", NULL), 200);
    assert_non_null(strstr(world->answer, "\"who\":\"ann\",\"body_replaced\":true"));
    assert_non_null(strstr(world->answer, "\"old_body\":\"{\\\"host\\\":\\\"down\\\"}\""));
}

//  The job of the newest answer, until it has that state.
static void s_wait_for_job(world_t *world, const char *wanted) {
    char path[128];
    snprintf(path, sizeof path, "/jobs/%s", s_member(world, "id"));
    for (int i = 0; i < 300; i++) {
        assert_int_equal(s_ask(world, "GET", path, "", NULL), 200);
        if (strcmp(s_member(world, "state"), wanted) == 0) {
            return;
        }
        usleep(50000);
    }
    fail_msg("%s", world->answer);
}

static void s_jobs_decide_over_many(void **state) {
    static const char patch[] = "\"patch\":[{\"op\":\"replace\",\"path\":\"/host\",\"value\":\"up\"}]";
    world_t *world = *state;
    char body[512], first[64], path[128];
    const char *as_json =
        "Content-Type: application/json\r\nIdempotency-Key: j\r\nHoldfast-Operator: ann\r\n";
    for (int i = 0; i < 3; i++) { //  Two that are down, one that the patch does not fit
        const char *dies = i < 2 ? "{\"host\":\"down\",\"job\":1}" : "{\"host\":\"down\",\"job\":2}";
        assert_int_equal(s_ask(world, "POST", "/pipelines/stop/commands", "Prefer: wait=15\r\n", dies), 200);
        assert_string_equal(s_member(world, "state"), "dead");
    }
    snprintf(body, sizeof body, "{%.*s,{\"op\":\"test\",\"path\":\"/job\",\"value\":1}],\"dry_run\":true}",
             (int)sizeof patch - 2, patch);
    assert_int_equal(s_ask(world, "POST", "/dead/retry", "", body), 200);
    assert_non_null(strstr(world->answer, "\"matched\":3,\"complete\":true,\"unfit\":1"));
    assert_non_null(strstr(world->answer, "\"after\":\"{\\\"host\\\":\\\"up\\\",\\\"job\\\":1}\""));
    body[strlen(body) - strlen(",\"dry_run\":true}")] = '\0';
    strcat(body, ",\"rate\":\"100/s\"}");
    assert_int_equal(s_ask(world, "POST", "/dead/retry", as_json, body), 202);
    snprintf(first, sizeof first, "%s", s_member(world, "id"));
    snprintf(path, sizeof path, "Location: /jobs/%s\r\n", first);
    assert_true(s_has_header(world, path));
    assert_int_equal(s_ask(world, "POST", "/dead/retry", as_json, body), 202);
    assert_true(s_has_header(world, "Idempotent-Replay: true\r\n"));
    assert_string_equal(s_member(world, "id"), first);
    assert_int_equal(s_ask(world, "POST", "/dead/retry", as_json, "{}"), 422);
    snprintf(path, sizeof path, "/jobs/%s", first);
    assert_int_equal(s_ask(world, "GET", path, "", NULL), 200);
    s_wait_for_job(world, "done");
    assert_non_null(strstr(world->answer,
                           "\"matched\":3,\"left\":0,\"done\":2,\"gone\":0,\"under_way\":0,\"succeeded\":2"));
    assert_non_null(strstr(world->answer, "\"who\":\"ann\""));
    assert_int_equal(s_ask(world, "DELETE", path, "", NULL), 409);
    assert_int_equal(
        s_ask(world, "POST", "/dead/discard", "", "{\"destination\":\"third\",\"rate\":\"1/h\"}"), 202);
    snprintf(path, sizeof path, "/jobs/%s", s_member(world, "id"));
    assert_int_equal(s_ask(world, "DELETE", path, "Holdfast-Operator: bob\r\n", NULL), 200);
    assert_string_equal(s_member(world, "reason"), "cancelled by bob");
    assert_int_equal(s_ask(world, "POST", "/dead/resolve", "", "{\"as\":\"succeeded\"}"), 202);
    s_wait_for_job(world, "done");
    assert_int_equal(s_ask(world, "GET", "/dead", "", NULL), 200);
    assert_non_null(strstr(world->answer, "\"total\":0"));
    assert_int_equal(s_ask(world, "GET", "/jobs", "", NULL), 200);
    json_t *json = s_body(world);
    assert_int_equal(json_array_size(json_object_get(json, "jobs")), 3);
    json_decref(json);
}

static void s_what_no_job_can_be_is_refused(void **state) {
    static const char *const bodies[] = {"",
                                         "[]",
                                         "{\"destination\":1}",
                                         "{\"destinatoin\":\"third\"}",
                                         "{\"state\":\"waiting\"}",
                                         "{\"rate\":50}",
                                         "{\"rate\":\"fast\"}",
                                         "{\"limit\":0}",
                                         "{\"canary\":-1}",
                                         "{\"dry_run\":1}",
                                         "{\"as\":\"succeeded\"}",
                                         "{\"cursor\":\"x\"}",
                                         "{\"group\":\"x\"}",
                                         "{\"patch\":[{\"op\":\"none\",\"path\":\"\"}]}",
                                         "{\"limit\":1,\"limit\":2}"};
    world_t *world = *state;
    for (unsigned i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        if (s_ask(world, "POST", "/dead/retry", "", bodies[i]) != 400) {
            fail_msg("%s: %s", bodies[i], world->answer);
        }
    }
    assert_int_equal(s_ask(world, "POST", "/dead/discard", "", "{\"patch\":[]}"), 400);
    assert_int_equal(s_ask(world, "POST", "/dead/discard", "", "{\"canary\":1}"), 400);
    assert_int_equal(s_ask(world, "POST", "/dead/resolve", "", "{}"), 400);
    assert_int_equal(s_ask(world, "DELETE", "/jobs/0198f3a2-6c1e-7b3a-9d50-3f1f6f9a2b11", "", NULL), 404);
}

//  ---- refusals

typedef struct {
    const char *request; //  As sent
    size_t size;         //  Bytes; 0: a string
    int status;          //  What is answered
    const char *has;     //  Something that the answer holds
} refusal_t;

#define HEAD "POST /pipelines/stop/commands HTTP/1.1\r\nHost: x\r\n"
#define BODY "Content-Length: 12\r\n\r\n{\"host\":\"a\"}"

enum { LONG = 16 << 10 }; //  More than a head may have

//  begin, then name and so many bytes, then end.
static const char *s_long(const char *begin, const char *name, const char *end, char text[LONG + 512]) {
    int size = snprintf(text, 256, "%s%s", begin, name);
    memset(text + size, 'x', LONG);
    snprintf(text + size + LONG, 256, "%s", end);
    return text;
}

//  One head, and behind it as many bytes as it says.
static bool s_is_one(const char *answer) {
    const char *length = strstr(answer, "\r\nContent-Length: "), *body = strstr(answer, "\r\n\r\n");
    return length && body && length < body && strlen(body + 4) == strtoul(length + 18, NULL, 10);
}

static void s_what_is_wrong_is_refused(void **state) {
    char long_target[LONG + 512], long_head[LONG + 512];
    static const char nul_header[] = HEAD "Content-Type: a\0b\r\n" BODY,
                      nul_last[] = HEAD "Content-Type: a\0\r\n" BODY,
                      nul_end[] = HEAD "Content-Length: 0\r\nX-Other: a\0\r\n\r\n",
                      nul_body[] = HEAD "Content-Length: 12\r\n\r\n{\"host\":\"a\0}";
    const refusal_t refusals[] = {
        {"POST /pipelines/stpo/commands HTTP/1.1\r\nHost: x\r\n" BODY, 0, 404, "did you mean 'stop'?"},
        {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 0, 404, "problem:not-found"},
        {"GET /commands/%00 HTTP/1.1\r\nHost: x\r\n\r\n", 0, 400, "malformed-path"},
        {"GET /commands/x HTTP/1.1\r\nHost: x\r\n\r\n", 0, 404, "unknown-command"},
        {"GET /commands?state=x HTTP/1.1\r\nHost: x\r\n\r\n", 0, 400, "malformed-query"},
        {"PUT /pipelines/stop/commands HTTP/1.1\r\nHost: x\r\n" BODY, 0, 405, "Allow: POST\r\n"},
        {"POST /commands/x HTTP/1.1\r\nHost: x\r\n" BODY, 0, 405, "Allow: GET, HEAD, DELETE\r\n"},
        {HEAD "Content-Length: 1\r\n\r\n{", 0, 400, "malformed-body"},
        {HEAD "Content-Length: 2\r\n\r\n{}", 0, 422, "missing-field"},
        {HEAD "Idempotency-Key: a\r\nIdempotency-Key: b\r\n" BODY, 0, 400, "malformed-header"},
        {HEAD "Idempotency-Key: \r\n" BODY, 0, 400, "malformed-header"},
        {HEAD "Holdfast-Deadline: soon\r\n" BODY, 0, 400, "malformed-header"},
        {HEAD "Content-Type: a\rb\r\n" BODY, 0, 400, "malformed-header"},
        {HEAD "Content-Length: 20481\r\n\r\n", 0, 413, "body-too-large"},
        {HEAD "Content-Length: 20481\r\nExpect: 100-continue\r\n\r\n", 0, 413, "body-too-large"},
        {HEAD "Content-Length: 12\r\nContent-Length: 13\r\n\r\n{\"host\":\"a\"}", 0, 400, "malformed-header"},
        {HEAD "Transfer-Encoding: chunked\r\n" BODY, 0, 400, "malformed-header"},
        {"POST /destinations/thrid/pause HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 0, 404,
         "unknown-destination"},
        {nul_header, sizeof nul_header - 1, 400, "Content-Type has a NUL"},
        {nul_last, sizeof nul_last - 1, 400, "Content-Type has a NUL"},
        {nul_end, sizeof nul_end - 1, 400, "X-Other has a NUL"},
        {HEAD "X-Other: a\r\n b\r\n" BODY, 0, 400, "malformed-header"},
        {HEAD "Transfer-Encoding: gzip\r\n\r\n", 0, 400, "can only be chunked"},
        {HEAD "Transfer-Encoding: chunked, gzip\r\n\r\n", 0, 400, "can only be chunked"},
        {HEAD "Transfer-Encoding: xchunked\r\n\r\n", 0, 400, "can only be chunked"},
        {HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, 501, "can only be chunked"},
        //  What libmicrohttpd would answer with two heads:
        {"POST /pipelines/stop/commands HTTP/1.1\r\n" BODY, 0, 400, "malformed-request"},
        {HEAD "Host: y\r\n" BODY, 0, 400, "malformed-request"},
        {HEAD "Content-Length: x\r\n\r\n", 0, 400, "malformed-request"},
        {HEAD "Content-Length: -1\r\n\r\n", 0, 400, "malformed-request"},
        {HEAD "Content-Length: \r\n\r\n", 0, 400, "malformed-request"},
        {HEAD "Content-Length: 12, 12\r\n\r\n{\"host\":\"a\"}", 0, 400, "malformed-request"},
        {HEAD "Content-Length: 18446744073709551616\r\n\r\n", 0, 413, "body-too-large"},
        {HEAD "Content-Length: 99999999999999999999999\r\n\r\n", 0, 413, "body-too-large"},
        //  What libmicrohttpd refuses before anybody is asked:
        {HEAD "no colon here\r\n" BODY, 0, 400, "malformed-request"},
        {HEAD "Transfer-Encoding: chunked\r\n\r\nx\r\n", 0, 400, "malformed-request"},
        {"GET /healthz HTTP/7.0\r\nHost: x\r\n\r\n", 0, 505, "http-version"},
        {s_long("GET /", "", " HTTP/1.1\r\nHost: x\r\n\r\n", long_target), 0, 414, "uri-too-long"},
        {s_long(HEAD, "X-Other: ", "\r\n" BODY, long_head), 0, 431, "head-too-large"},
        {nul_body, sizeof nul_body - 1, 400, "malformed-body"},
    };
    world_t *world = *state;
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const refusal_t *refusal = &refusals[i];
        int status = s_exchange(world, refusal->request,
                                refusal->size ? refusal->size : strlen(refusal->request));
        if (status != refusal->status || !strstr(world->answer, refusal->has) ||
            !s_has_header(world, "Content-Type: application/problem+json\r\n") || !s_is_one(world->answer)) {
            fail_msg("%s\n%s", refusal->request, world->answer);
        }
    }
    assert_int_equal(s_ask(world, "GET", "/healthz", "", NULL), 200);
}

//  A refusal leaves its connection usable; a body in pieces counts.
static void s_connections_go_on(void **state) {
    world_t *world = *state;
    static const char refused[] = "POST /pipelines/none/commands HTTP/1.1\r\nHost: x\r\n" BODY;
    char chunk[0x1000 + 16];
    int fd = s_connect(world);
    s_write(fd, refused, sizeof refused - 1);
    assert_int_equal(s_read(world, fd, s_is_whole), 404);
    s_write(fd, HEAD BODY, sizeof(HEAD BODY) - 1);
    assert_int_equal(s_read(world, fd, s_is_whole), 202);
    s_write(fd, HEAD "Transfer-Encoding: chunked\r\n\r\n",
            sizeof(HEAD "Transfer-Encoding: chunked\r\n\r\n") - 1);
    memset(chunk, ' ', sizeof chunk);
    memcpy(chunk, "1000\r\n", 6);
    memcpy(chunk + 6 + 0x1000, "\r\n", 2);
    for (int i = 0; i < BODY_LIMIT / 0x1000 + 1; i++) {
        s_write(fd, chunk, 6 + 0x1000 + 2);
    }
    s_write(fd, "0\r\n\r\n", 5);
    assert_int_equal(s_read(world, fd, s_is_whole), 413);
    s_write(fd, HEAD BODY, sizeof(HEAD BODY) - 1);
    assert_int_equal(s_read(world, fd, s_is_whole), 202);
    close(fd);
}

//  ---- event streams

static bool s_is_stream_over(const char *answer) {
    return strstr(answer, "\r\n0\r\n\r\n") != NULL;
}

static bool s_has_accepted(const char *answer) {
    const char *at = strstr(answer, "\"type\":\"command.accepted\"");
    return at && strstr(at, "\n\n");
}

//  Each id in the newest answer is larger than the one before it (gapless: by one); how many, and the last.
static int s_count_ids(const world_t *world, bool gapless, long *last) {
    int count = 0;
    for (const char *at = strstr(world->answer, "id: "); at; at = strstr(at + 1, "\nid: ")) {
        long id = strtol(at + 4 + (*at == '\n'), NULL, 10);
        if (count && (gapless ? id != *last + 1 : id <= *last)) {
            fail_msg("%ld follows %ld", id, *last);
        }
        *last = id;
        count++;
    }
    return count;
}

static long s_first_id(const world_t *world) {
    const char *at = strstr(world->answer, "id: ");
    assert_non_null(at);
    return strtol(at + 4, NULL, 10);
}

static void s_a_commands_stream_tells_its_history_and_ends(void **state) {
    world_t *world = *state;
    char request[256], id[64];
    assert_int_equal(
        s_ask(world, "POST", "/pipelines/stop/commands", "Prefer: wait=15\r\n", "{\"host\":\"s\"}"), 200);
    snprintf(id, sizeof id, "%s", s_member(world, "id"));
    int fd = s_connect(world);
    int size = snprintf(request, sizeof request, "GET /commands/%s/events HTTP/1.1\r\nHost: x\r\n\r\n", id);
    s_write(fd, request, (size_t)size);
    assert_int_equal(s_read(world, fd, s_is_stream_over), 200);
    assert_true(s_has_header(world, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(world->answer, "\"label\":\"Stopping\""));
    assert_non_null(strstr(world->answer, "\"label\":\"Stopped\""));
    long first = s_first_id(world), last;
    assert_int_equal(s_count_ids(world, false, &last), 3);
    size = snprintf(request, sizeof request,
                    "GET /commands/%s/events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: %ld\r\n\r\n", id, first);
    s_write(fd, request, (size_t)size);
    assert_int_equal(s_read(world, fd, s_is_stream_over), 200);
    assert_int_equal(s_count_ids(world, false, &last), 2);
    close(fd);
    snprintf(request, sizeof request, "Last-Event-ID: %ld\r\n", last);
    char path[128];
    snprintf(path, sizeof path, "/commands/%s/events", id);
    assert_int_equal(s_ask(world, "GET", path, request, NULL), 204);
}

static void s_the_stream_of_all_goes_on_without_a_gap(void **state) {
    world_t *world = *state;
    char id[64];
    static const char live[] = "GET /events?pipeline=stop&type=command.accepted HTTP/1.1\r\nHost: x\r\n\r\n",
                      from[] = "GET /events HTTP/1.1\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n";
    int fd = s_connect(world);
    s_write(fd, live, sizeof live - 1);
    //  Its greeting says that it stands.
    char greeting[512];
    assert_true(recv(fd, greeting, sizeof greeting, 0) > 0);
    s_submit(world, "Holdfast-Not-Before: 1h\r\n", "{\"host\":\"e\"}", id);
    s_read(world, fd, s_has_accepted);
    assert_non_null(strstr(world->answer, id));
    long newest = s_first_id(world);
    close(fd);
    fd = s_connect(world);
    s_write(fd, from, sizeof from - 1);
    size_t used = 0;
    char last[32];
    snprintf(last, sizeof last, "id: %ld\n", newest);
    world->answer[0] = 0;
    while (!strstr(world->answer, last) || !strstr(strstr(world->answer, last), "}\n")) {
        ssize_t size = recv(fd, world->answer + used, sizeof world->answer - 1 - used, 0);
        assert_true(size > 0);
        used += (size_t)size;
        world->answer[used] = 0;
    }
    long reached;
    assert_int_equal(s_first_id(world), 1);
    assert_true(s_count_ids(world, true, &reached) >= newest);
    close(fd);
    assert_int_equal(s_ask(world, "GET", "/events", "Last-Event-ID: 99999999\r\n", NULL), 410);
    assert_int_equal(s_ask(world, "GET", "/events", "Last-Event-ID: x\r\n", NULL), 400);
    assert_int_equal(s_ask(world, "GET", "/events?type=x", "", NULL), 400);
}

//  ---- pages for machines

//  A real parser reads the newest answer's body without a complaint.
static void s_metrics_are_read(const world_t *world) {
    const char *end = strstr(world->answer, "\r\n\r\n");
    assert_non_null(end);
    if (system("command -v promtool >/dev/null") != 0) {
        return; //  scripts/install-packages brings it
    }
    FILE *promtool = popen("promtool check metrics", "w");
    assert_non_null(promtool);
    fputs(end + 4, promtool);
    assert_int_equal(pclose(promtool), 0);
}

static void s_pages_for_machines(void **state) {
    world_t *world = *state;
    s_await_ready(world);
    assert_int_equal(
        s_ask(world, "POST", "/pipelines/stop/commands", "Prefer: wait=10\r\n", "{\"host\":\"measured\"}"),
        200);
    assert_int_equal(s_ask(world, "GET", "/metrics", "", NULL), 200);
    s_metrics_are_read(world);
    assert_non_null(strstr(world->answer, "# TYPE holdfast_destination_latency_seconds summary\n"));
    assert_non_null(strstr(
        world->answer, "\nholdfast_destination_latency_seconds{destination=\"third\",quantile=\"0.5\"} "));
    assert_non_null(strstr(world->answer, "\nholdfast_ready 1\n"));
    assert_non_null(strstr(world->answer, "# TYPE holdfast_commands_accepted_total counter\n"));
    assert_int_equal(s_ask(world, "GET", "/metrics", "Accept: application/openmetrics-text\r\n", NULL), 200);
    assert_non_null(strstr(world->answer, "# TYPE holdfast_commands_accepted counter\n"));
    assert_true(
        s_has_header(world, "Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"));
    assert_int_equal(s_ask(world, "GET", "/destinations", "", NULL), 200);
    assert_int_equal(s_ask(world, "GET", "/destinations/third", "", NULL), 200);
    assert_string_equal(s_member(world, "name"), "third");
    assert_int_equal(s_ask(world, "GET", "/ps", "", NULL), 200);
    assert_int_equal(s_ask(world, "GET", "/jobs/1", "", NULL), 404);
}

//  ---- bad days

static pid_t s_actor(world_t *world, const char *name) {
    json_t *json, *actor;
    size_t index;
    pid_t pid = 0;
    assert_int_equal(s_ask(world, "GET", "/ps", "", NULL), 200);
    json = s_body(world);
    json_array_foreach(json_object_get(json, "actors"), index, actor) {
        if (strcmp(json_string_value(json_object_get(actor, "name")), name) == 0) {
            pid = (pid_t)json_integer_value(json_object_get(actor, "pid"));
        }
    }
    json_decref(json);
    return pid;
}

//  A client does not notice that the journal was killed, but for the time it takes.
static void s_a_killed_journal_is_not_noticed(void **state) {
    world_t *world = *state;
    char id[64], path[128];
    pid_t journal = s_actor(world, "journal");
    assert_true(journal > 0);
    assert_int_equal(kill(journal, SIGKILL), 0);
    for (int i = 0; i < 20; i++) {
        s_submit(world, "Holdfast-Not-Before: 1h\r\n", "{\"host\":\"k\"}", id);
        snprintf(path, sizeof path, "/commands/%s", id);
        assert_int_equal(s_ask(world, "GET", path, "", NULL), 200);
    }
}

//  4,500 that do not match: more than two looks at the file take in.
static void s_make_many(world_t *world) {
    char *lines = malloc(BODY_LIMIT), *request = malloc(2 * BODY_LIMIT);
    assert_true(lines && request);
    size_t size = 0;
    for (int i = 0; i < 1500; i++) {
        size += (size_t)snprintf(lines + size, BODY_LIMIT - size, "{\"host\":\"m\"}\n");
    }
    int whole = snprintf(request, 2 * BODY_LIMIT,
                         "POST /pipelines/stop/batch HTTP/1.1\r\nHost: x\r\nHoldfast-Not-Before: 1h\r\n"
                         "Content-Length: %zu\r\n\r\n%s",
                         size, lines);
    for (int i = 0; i < 3; i++) {
        if (s_exchange(world, request, (size_t)whole) != 202) {
            fail_msg("%s", world->answer);
        }
    }
    free(lines);
    free(request);
}

static void s_assert_listed(world_t *world, const char *path, size_t count, bool more) {
    assert_int_equal(s_ask(world, "GET", path, "", NULL), 200);
    json_t *json = s_body(world);
    if (json_array_size(json_object_get(json, "commands")) != count ||
        json_is_string(json_object_get(json, "next")) != more) {
        fail_msg("%s: %s", path, world->answer);
    }
    json_decref(json);
}

static void s_a_list_finds_what_lies_behind_many_others(void **state) {
    world_t *world = *state;
    char path[256], since[32];
    static const char nobody[] = "GET /commands?class=rejected&limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n";
    for (int i = 0; i < 2; i++) {
        assert_int_equal(s_ask(world, "POST", "/pipelines/rare/commands", "Holdfast-Not-Before: 1h\r\n",
                               "{\"host\":\"r\"}"),
                         202);
        if (i == 0) {
            snprintf(since, sizeof since, "%.23s", s_member(world, "accepted_at")); //  Without its Z
        }
    }
    s_make_many(world);
    s_assert_listed(world, "/commands?pipeline=rare&limit=1", 1, true);
    s_assert_listed(world, "/commands?pipeline=rare&limit=2", 2, false);
    s_assert_listed(world, "/commands?pipeline=rare", 2, false);
    s_assert_listed(world, "/commands?pipeline=rare&state=accepted", 2, false);
    s_assert_listed(world, "/commands?state=expired", 0, false);
    snprintf(path, sizeof path, "/commands?pipeline=rare&since=%s+00:00", since);
    s_assert_listed(world, path, 2, false);
    int fd = s_connect(world);
    s_write(fd, nobody, sizeof nobody - 1);
    shutdown(fd, SHUT_WR); //  It has said all, and still reads
    assert_int_equal(s_read(world, fd, s_is_whole), 200);
    close(fd);
    fd = s_connect(world);
    s_write(fd, nobody, sizeof nobody - 1);
    close(fd);
    assert_int_equal(s_ask(world, "GET", "/healthz", "", NULL), 200);
}

static void s_a_wait_is_answered_when_the_node_ends(void **state) {
    world_t *world = *state;
    static const char request[] = HEAD "Prefer: wait=300\r\nHoldfast-Not-Before: 1h\r\n" BODY;
    char id[64];
    int fd = s_connect(world);
    s_write(fd, request, sizeof request - 1);
    s_submit(world, "", "{\"host\":\"z\"}", id); //  By now the node has the one before, too
    assert_int_equal(s_end_node(world), 0);
    assert_int_equal(s_read(world, fd, s_is_whole), 202);
    assert_true(s_has_header(world, "Connection: close\r\n"));
    close(fd);
    s_write_pipelines(world, "    token = \"s3cret\"\n");
    s_begin_node(world);
}

//  Follows the one above, which has begun the node anew.
static void s_a_token_is_asked_for(void **state) {
    world_t *world = *state;
    assert_int_equal(s_ask(world, "GET", "/healthz", "", NULL), 200);
    s_await_ready(world);
    assert_int_equal(s_ask(world, "GET", "/commands", "", NULL), 401);
    assert_true(s_has_header(world, "WWW-Authenticate: Bearer realm=\"holdfast\"\r\n"));
    assert_int_equal(s_ask(world, "GET", "/commands", "Authorization: Bearer s3cre\r\n", NULL), 403);
    assert_int_equal(s_ask(world, "POST", "/pipelines/stop/commands", "", "{\"host\":\"a\"}"), 401);
    assert_int_equal(s_ask(world, "GET", "/commands", "Authorization: Bearer s3cret\r\n", NULL), 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_a_command_is_accepted_and_carried_out),
        cmocka_unit_test(s_a_wait_ends_by_time),
        cmocka_unit_test(s_one_key_one_command),
        cmocka_unit_test(s_people_decide),
        cmocka_unit_test(s_jobs_decide_over_many),
        cmocka_unit_test(s_what_no_job_can_be_is_refused),
        cmocka_unit_test(s_what_is_wrong_is_refused),
        cmocka_unit_test(s_connections_go_on),
        cmocka_unit_test(s_a_commands_stream_tells_its_history_and_ends),
        cmocka_unit_test(s_the_stream_of_all_goes_on_without_a_gap),
        cmocka_unit_test(s_pages_for_machines),
        cmocka_unit_test(s_a_killed_journal_is_not_noticed),
        cmocka_unit_test(s_a_list_finds_what_lies_behind_many_others),
        cmocka_unit_test(s_a_wait_is_answered_when_the_node_ends),
        cmocka_unit_test(s_a_token_is_asked_for),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
