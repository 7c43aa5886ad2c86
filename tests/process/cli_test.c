/*  The command line as its users see it: the binary is run, against a node that the test itself plays. What
 * it answers is scripted, what it was asked is kept.  */

#include "cli/terminal.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE(array) (sizeof(array) / sizeof *(array))
#define ID          "0190163d-8694-739b-aea5-966c26f8ad91"

enum {
    REQUESTS_MAX = 32,     //  Of one test
    DEADLINE_MS = 20000,   //  For one run of the binary
    OUTPUT_MAX = 64 << 10, //  Bytes of what it prints
};

//  ---------------------------------------------------------------------------------------------------------------------
//  The node.

typedef struct {
    char method[16];      //  As it came
    char target[1024];    //  Path and query, as they came
    char body[4096];      //  NUL-terminated
    size_t body_size;     //  Bytes
    char type[128];       //  Content-Type, "" for none
    char key[128];        //  Idempotency-Key
    char not_before[128]; //  Holdfast-Not-Before
    char deadline[128];   //  Holdfast-Deadline
    char token[128];      //  Authorization
    char last_event[128]; //  Last-Event-ID
} request_t;

typedef struct {
    unsigned status;  //  0: the connection is closed without an answer
    const char *type; //  Content-Type
    const char *body; //  What is answered
} answer_t;

static struct {
    struct MHD_Daemon *daemon;        //  The server
    pthread_mutex_t lock;             //  Of what follows: the server has its own thread
    request_t requests[REQUESTS_MAX]; //  What came
    size_t requests_size;             //  How many
    const answer_t *answers;          //  One for each request, in order; the last one for all that follow
    size_t answers_size;              //  How many
    char url[64];                     //  Where it is
} s_node = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void s_copy_header(struct MHD_Connection *connection, const char *name, char *out, size_t size) {
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    snprintf(out, size, "%s", value ? value : "");
}

//  MHD cuts the query from the path: it is put back, undecoded, from this.
static void *s_on_uri(void *context, const char *uri, struct MHD_Connection *connection) {
    (void)context, (void)connection;
    request_t *request = calloc(1, sizeof *request);
    snprintf(request->target, sizeof request->target, "%s", uri);
    return request;
}

static enum MHD_Result s_answer(struct MHD_Connection *connection, const request_t *request) {
    pthread_mutex_lock(&s_node.lock);
    size_t number = s_node.requests_size;
    if (number < REQUESTS_MAX) {
        s_node.requests[s_node.requests_size++] = *request;
    }
    answer_t answer = s_node.answers[number < s_node.answers_size ? number : s_node.answers_size - 1];
    pthread_mutex_unlock(&s_node.lock);
    if (answer.status == 0) {
        return MHD_NO;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(answer.body), (void *)(uintptr_t)answer.body, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", answer.type);
    enum MHD_Result result = MHD_queue_response(connection, answer.status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result s_on_request(void *context, struct MHD_Connection *connection, const char *path,
                                    const char *method, const char *version, const char *data, size_t *size,
                                    void **state) {
    (void)context, (void)path, (void)version;
    request_t *request = *state;
    if (!request->method[0]) {
        snprintf(request->method, sizeof request->method, "%s", method);
        s_copy_header(connection, "Content-Type", request->type, sizeof request->type);
        s_copy_header(connection, "Idempotency-Key", request->key, sizeof request->key);
        s_copy_header(connection, "Holdfast-Not-Before", request->not_before, sizeof request->not_before);
        s_copy_header(connection, "Holdfast-Deadline", request->deadline, sizeof request->deadline);
        s_copy_header(connection, "Authorization", request->token, sizeof request->token);
        s_copy_header(connection, "Last-Event-ID", request->last_event, sizeof request->last_event);
        return MHD_YES;
    }
    if (*size > 0) {
        size_t room = sizeof request->body - 1 - request->body_size;
        size_t taken = *size < room ? *size : room;
        memcpy(request->body + request->body_size, data, taken);
        request->body_size += taken;
        *size = 0;
        return MHD_YES;
    }
    return s_answer(connection, request);
}

static void s_on_completed(void *context, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode code) {
    (void)context, (void)connection, (void)code;
    free(*state);
    *state = NULL;
}

static int s_start_node(void **state) {
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s_node.daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
                                     s_on_request, NULL, MHD_OPTION_SOCK_ADDR, &address,
                                     MHD_OPTION_URI_LOG_CALLBACK, s_on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                                     s_on_completed, NULL, MHD_OPTION_END);
    assert_non_null(s_node.daemon);
    unsigned port = MHD_get_daemon_info(s_node.daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    snprintf(s_node.url, sizeof s_node.url, "http://127.0.0.1:%u", port);
    unsetenv("HOLDFAST_STATE");
    unsetenv("HOLDFAST_TOKEN");
    unsetenv("NO_COLOR");
    setenv("HOLDFAST_URL", s_node.url, 1);
    setenv("COLUMNS", "80", 1);
    setenv("TERM", "xterm", 1);
    return 0;
}

static int s_stop_node(void **state) {
    (void)state;
    MHD_stop_daemon(s_node.daemon);
    return 0;
}

//  What the node answers from now on.
static void s_script(const answer_t *answers, size_t size) {
    pthread_mutex_lock(&s_node.lock);
    s_node.answers = answers;
    s_node.answers_size = size;
    s_node.requests_size = 0;
    pthread_mutex_unlock(&s_node.lock);
}

#define SCRIPT(...) s_script((const answer_t[]){__VA_ARGS__}, SIZE(((const answer_t[]){__VA_ARGS__})))
#define JSON(text)                                                                                           \
    { 200, "application/json", text }
#define PROBLEM(status, text)                                                                                \
    { status, "application/problem+json", text }
#define EVENTS(text)                                                                                         \
    { 200, "text/event-stream", text }

static request_t s_request(size_t number) {
    pthread_mutex_lock(&s_node.lock);
    assert_true(number < s_node.requests_size);
    request_t request = s_node.requests[number];
    pthread_mutex_unlock(&s_node.lock);
    return request;
}

static size_t s_requests_size(void) {
    pthread_mutex_lock(&s_node.lock);
    size_t size = s_node.requests_size;
    pthread_mutex_unlock(&s_node.lock);
    return size;
}

//  ---------------------------------------------------------------------------------------------------------------------
//  The binary.

typedef struct {
    int status;             //  It exited with
    char out[OUTPUT_MAX];   //  stdout
    char error[OUTPUT_MAX]; //  stderr
} run_t;

static int64_t s_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Reads both ends until they are closed, or the time is over.
static void s_read_both(int out, int error, run_t *run) {
    struct pollfd ends[2] = {{.fd = out, .events = POLLIN}, {.fd = error, .events = POLLIN}};
    char *texts[2] = {run->out, run->error};
    size_t sizes[2] = {0, 0};
    int64_t until_ms = s_now_ms() + DEADLINE_MS;
    while ((ends[0].fd >= 0 || ends[1].fd >= 0) && s_now_ms() < until_ms) {
        poll(ends, 2, 100);
        for (int end = 0; end < 2; end++) {
            if (ends[end].fd >= 0 && ends[end].revents) {
                ssize_t got = read(ends[end].fd, texts[end] + sizes[end], OUTPUT_MAX - 1 - sizes[end]);
                sizes[end] += got > 0 ? (size_t)got : 0;
                ends[end].fd = got > 0 ? ends[end].fd : -1;
            }
        }
    }
    assert_true(ends[0].fd < 0 && ends[1].fd < 0);
}

//  Runs `holdfast ARGS` with that text as stdin. out: what is its stdout, -1: a pipe that is read here.
static void s_run_into(run_t *run, const char *input, int out, const char *const *args) {
    int pipes[3][2];
    const char *argv[24] = {HOLDFAST_BINARY};
    memset(run, 0, sizeof *run);
    for (int number = 0; number < 3; number++) {
        assert_int_equal(pipe2(pipes[number], O_CLOEXEC), 0);
    }
    for (size_t number = 0; args[number]; number++) {
        argv[number + 1] = args[number];
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, pipes[0][0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out >= 0 ? out : pipes[1][1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, pipes[2][1], STDERR_FILENO);
    pid_t pid;
    assert_int_equal(posix_spawn(&pid, HOLDFAST_BINARY, &actions, NULL, (char **)(uintptr_t)argv, environ),
                     0);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    assert_int_equal(write(pipes[0][1], input, strlen(input)), strlen(input));
    close(pipes[0][1]);
    s_read_both(pipes[1][0], pipes[2][0], run);
    close(pipes[1][0]);
    close(pipes[2][0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    run->status = WEXITSTATUS(status);
}

//  One run at a time is enough for every test.
static run_t s_run;

#define RUN(...)              s_run_into(&s_run, "", -1, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_INPUT(input, ...) s_run_into(&s_run, input, -1, (const char *const[]){__VA_ARGS__, NULL})

static void s_assert_in(const char *needle, const char *text) {
    if (!strstr(text, needle)) {
        fail_msg("'%s' is not in:\n%s", needle, text);
    }
}

static size_t s_count(const char *text, char character) {
    size_t count = 0;
    for (; *text; text++) {
        count += *text == character;
    }
    return count;
}

//  ---------------------------------------------------------------------------------------------------------------------
//  Sending.

static const answer_t s_accepted = {
    202, "application/json",
    "{\"id\":\"" ID "\",\"pipeline\":\"p\",\"state\":\"accepted\",\"label\":\"Stopping\",\"accepted_at\":"
    "\"2026-01-31T12:00:00.000Z\"}"};

static void s_send_prints_the_id(void **state) {
    (void)state;
    SCRIPT(s_accepted);
    RUN("send", "stop-instance", "{\"instance\":\"i-1\"}");
    assert_int_equal(s_run.status, HF_EXIT_DONE);
    assert_string_equal(s_run.out, ID "\n");
    assert_string_equal(s_run.error, "");
    request_t request = s_request(0);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.target, "/pipelines/stop-instance/commands");
    assert_string_equal(request.body, "{\"instance\":\"i-1\"}");
    assert_string_equal(request.type, "application/json");
}

static void s_send_takes_bodies_from_files_and_stdin_and_none(void **state) {
    (void)state;
    char path[] = "/tmp/holdfast-cli-XXXXXX";
    char at_path[64];
    int file = mkstemp(path);
    assert_int_equal(write(file, "\x01 no json", 9), 9);
    close(file);
    snprintf(at_path, sizeof at_path, "@%s", path);
    SCRIPT(s_accepted);
    RUN("send", "p", at_path);
    unlink(path);
    assert_int_equal(s_run.status, 0);
    assert_string_equal(s_request(0).body, "\x01 no json");
    assert_string_equal(s_request(0).type, "application/octet-stream");
    RUN_INPUT("[1, 2]", "send", "p", "-");
    assert_string_equal(s_request(1).body, "[1, 2]");
    assert_string_equal(s_request(1).type, "application/json");
    RUN("send", "p");
    assert_int_equal(s_request(2).body_size, 0);
    assert_string_equal(s_request(2).type, "");
    RUN("send", "p", "--", "-5");
    assert_string_equal(s_request(3).body, "-5");
    RUN("send", "p", "x", "--content-type", "text/plain");
    assert_string_equal(s_request(4).type, "text/plain");
    RUN("send", "p", "@/nonexistent/body");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in("/nonexistent/body: No such file", s_run.error);
    assert_int_equal(s_requests_size(), 5);
}

static void s_send_passes_its_options_on(void **state) {
    (void)state;
    SCRIPT(s_accepted);
    setenv("HOLDFAST_TOKEN", "geheim", 1);
    RUN("send", "a/b?c", "{}", "--idempotency-key", "order 17", "--not-before", "30s", "--deadline", "2h",
        "--json");
    unsetenv("HOLDFAST_TOKEN");
    request_t request = s_request(0);
    assert_string_equal(request.target, "/pipelines/a%2Fb%3Fc/commands");
    assert_string_equal(request.key, "order 17");
    assert_string_equal(request.not_before, "30s");
    assert_string_equal(request.deadline, "2h");
    assert_string_equal(request.token, "Bearer geheim");
    s_assert_in("\"accepted_at\":\"2026-01-31T12:00:00.000Z\"", s_run.out);
    assert_int_equal(s_count(s_run.out, '\n'), 1);
    RUN("send", "p", "{}", "--idempotency-key", "a\r\nX-Other: b");
    assert_int_equal(s_run.status, HF_EXIT_USAGE);
    assert_int_equal(s_requests_size(), 1);
}

static void s_what_broke_off_is_sent_again_under_the_same_key(void **state) {
    (void)state;
    SCRIPT({0}, {0}, s_accepted);
    RUN("send", "p", "{}");
    assert_int_equal(s_run.status, 0);
    assert_string_equal(s_run.out, ID "\n");
    size_t last = s_requests_size() - 1;
    assert_true(strlen(s_request(0).key) >= 32);
    assert_string_equal(s_request(0).key, s_request(last).key);
}

static void s_a_refusal_is_one_line_with_title_and_detail(void **state) {
    (void)state;
    SCRIPT(PROBLEM(
        404,
        "{\"type\":\"x\",\"title\":\"There is no such pipeline\",\"detail\":\"write\\none \\u001b[31m\"}"));
    RUN("send", "p", "{}");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    assert_string_equal(s_run.out, "");
    assert_string_equal(s_run.error, "holdfast: There is no such pipeline: write\\none \\x1b[31m\n");
    SCRIPT({500, "text/html", "<h1>oh</h1>"});
    RUN("send", "p", "{}");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in("HTTP status 500", s_run.error);
    assert_int_equal(s_count(s_run.error, '\n'), 1);
}

//  What the node cannot read of a query, a header or a job's body stood in an option.
static void s_options_that_the_node_cannot_read_are_2(void **state) {
    (void)state;
    SCRIPT(PROBLEM(
        400, "{\"type\":\"urn:holdfast:problem:malformed-query\",\"title\":\"no\",\"detail\":\"state=\"}"));
    RUN("list", "--state", "foo");
    assert_int_equal(s_run.status, HF_EXIT_USAGE);
    assert_string_equal(s_run.error, "holdfast: no: state=\n");
    SCRIPT(PROBLEM(400, "{\"type\":\"urn:holdfast:problem:malformed-header\",\"title\":\"no\"}"));
    RUN("send", "p", "{}", "--deadline", "soon");
    assert_int_equal(s_run.status, HF_EXIT_USAGE);
    SCRIPT(PROBLEM(400, "{\"type\":\"urn:holdfast:problem:malformed-body\",\"title\":\"no\"}"));
    RUN("retry", "--all", "--rate", "foo");
    assert_int_equal(s_run.status, HF_EXIT_USAGE);
    SCRIPT(PROBLEM(400, "{\"type\":\"urn:holdfast:problem:malformed-body\",\"title\":\"no\"}"));
    RUN("send", "p", "{");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
}

static void s_wait_follows_to_the_end(void **state) {
    (void)state;
    SCRIPT(
        s_accepted,
        EVENTS(
            ": hello\n\nid: 1\ndata: {\"state\":\"calling\"}\n\nid: 2\ndata: {\"state\":\"succeeded\"}\n\n"));
    RUN("send", "p", "{}", "--wait", "30");
    assert_int_equal(s_run.status, 0);
    assert_string_equal(s_run.out, ID "\nsucceeded\n");
    assert_string_equal(s_request(1).target, "/commands/" ID "/events");
    SCRIPT(s_accepted, EVENTS("id: 1\ndata: {\"state\":\"dead\"}\n\n"), JSON("{\"state\":\"dead\"}"));
    RUN("send", "p", "{}", "--wait", "30");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    assert_string_equal(s_run.out, ID "\ndead\n");
    SCRIPT(s_accepted, EVENTS("id: 1\ndata: {\"state\":\"waiting\"}\n\n"), JSON("{\"state\":\"waiting\"}"));
    RUN("send", "p", "{}", "--wait", "0");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    assert_string_equal(s_run.out, ID "\n");
    s_assert_in("goes on", s_run.error);
}

static void s_wait_outlives_a_broken_stream(void **state) {
    (void)state;
    SCRIPT(s_accepted, EVENTS("retry: 1\nid: 7\ndata: {\"state\":\"calling\"}\n\n"),
           JSON("{\"state\":\"calling\"}"), {0}, EVENTS("id: 8\ndata: {\"state\":\"succeeded\"}\n\n"),
           JSON("{\"id\":\"" ID "\",\"state\":\"succeeded\"}"));
    RUN("send", "p", "{}", "--wait", "30", "--json");
    assert_int_equal(s_run.status, 0);
    assert_string_equal(s_run.out, "{\"id\":\"" ID "\",\"state\":\"succeeded\"}\n");
    assert_string_equal(s_request(4).last_event, "7");
}

//  ---------------------------------------------------------------------------------------------------------------------
//  Looking.

static void s_show_tells_the_story_in_order(void **state) {
    (void)state;
    SCRIPT(JSON("{\"id\":\"" ID
                "\",\"pipeline\":\"p\",\"destination\":\"d\",\"key\":\"i-1\",\"state\":\"waiting\","
                "\"label\":\"Stopping\",\"accepted_at\":\"2026-01-31T12:00:00.000Z\",\"since\":\"2026-01-"
                "31T12:00:01.000Z\","
                "\"reason\":\"answered "
                "503\",\"next_attempt_at\":\"2026-01-31T12:09:00.000Z\",\"body_size\":2,\"body\":\"{}\","
                "\"attempts\":[{\"number\":1,\"class\":\"failed\",\"status\":503,\"reason\":\"first\","
                "\"started_at\":\"2026-01-31T12:00:01.000Z\",\"ended_at\":\"2026-01-31T12:00:01.012Z\","
                "\"timings\":{\"dns_ms\":0.0,\"connect_ms\":0.3,\"first_byte_ms\":11.5,\"total_ms\":12.0},"
                "\"response\":\"\\u001b]0;owned\\u0007 \\u202eevil\",\"response_cut\":true},"
                "{\"number\":2,\"class\":\"refused\",\"status\":null,\"reason\":\"second\","
                "\"started_at\":\"2026-01-31T13:00:01.000Z\",\"ended_at\":\"2026-01-31T13:00:02.000Z\","
                "\"response\":\"/wAb\",\"response_encoding\":\"base64\"}],"
                "\"history\":[{\"at\":\"2026-01-31T12:30:00.000Z\",\"what\":\"retry\",\"who\":\"ann\"}]}"));
    RUN("show", ID);
    assert_int_equal(s_run.status, 0);
    const char *first = strstr(s_run.out, "attempt 1  failed 503 after 12ms: first");
    const char *decision = strstr(s_run.out, "retry by ann");
    const char *second = strstr(s_run.out, "attempt 2  refused after 1.00s: second");
    assert_true(first && decision && second && first < decision && decision < second);
    s_assert_in("\\x1b]0;owned\\a \\u202eevil (and more)", s_run.out);
    s_assert_in("\\xff\\x00\\x1b", s_run.out);
    s_assert_in("shown as \"Stopping\"", s_run.out);
    s_assert_in("i-1", s_run.out);
    assert_int_equal(s_count(s_run.out, '\033'), 0);
    RUN("show", ID, "--json");
    assert_int_equal(s_count(s_run.out, '\n'), 1);
}

#define HELD(reason, next)                                                                                   \
    "{\"id\":\"" ID "\",\"pipeline\":\"p\",\"destination\":\"d\",\"state\":\"waiting\",\"accepted_at\":"     \
    "\"2026-01-31T12:00:00.000Z\",\"reason\":\"" reason                                                      \
    "\",\"held\":\"it is paused\",\"next_attempt_at\":\"" next "\"}"

//  Why a command is held is told once, beside its own reason, and no time of its next call that has passed.
static void s_what_is_held_says_so(void **state) {
    (void)state;
    SCRIPT(JSON(HELD("answered 503", "2026-01-31T12:00:09.000Z")));
    RUN("show", ID);
    s_assert_in("reason     answered 503\n  held       it is paused\n", s_run.out);
    assert_null(strstr(s_run.out, "next call"));
    SCRIPT(JSON(HELD("it is paused", "2126-01-31T12:00:09.000Z")));
    RUN("show", ID);
    assert_null(strstr(s_run.out, "held"));
    SCRIPT(JSON("{\"id\":\"" ID
                "\",\"state\":\"accepted\",\"waits_for\":\"another\",\"waits_for_state\":\"dead\"}"));
    RUN("show", ID);
    s_assert_in("waits for  another, which is dead\n", s_run.out);
    SCRIPT(JSON(HELD("it is paused", "2126-01-31T12:00:09.000Z")));
    RUN("show", ID);
    s_assert_in("next call", s_run.out);
    SCRIPT(JSON("{\"commands\":[" HELD("answered 503", "2026-01-31T12:00:09.000Z") "],\"next\":null}"));
    setenv("COLUMNS", "250", 1);
    RUN("list");
    setenv("COLUMNS", "80", 1);
    s_assert_in("it is paused; answered 503\n", s_run.out);
}

#define ROW(id, key)                                                                                         \
    "{\"id\":\"" id "\",\"pipeline\":\"a-pipeline-of-some-length\",\"state\":\"waiting\",\"accepted_at\":"   \
    "\"2026-01-31T12:00:00.000Z\",\"attempt\":3,\"key\":\"" key                                              \
    "\",\"reason\":\"the third party answered with "                                                         \
    "status 503 \\u001b[2J and an explanation that goes on and on\",\"next_attempt_at\":null}"

static void s_assert_lines_fit(const char *text, int columns) {
    char *copy = strdup(text);
    char *rest = copy;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (hf_terminal_width(line) > columns) {
            fail_msg("wider than %d: %s", columns, line);
        }
    }
    free(copy);
}

static void s_a_list_fits_the_terminal(void **state) {
    (void)state;
    static const int widths[] = {60, 80, 100, 132, 250};
    for (size_t number = 0; number < SIZE(widths); number++) {
        char columns[12];
        snprintf(columns, sizeof columns, "%d", widths[number]);
        setenv("COLUMNS", columns, 1);
        SCRIPT(JSON("{\"commands\":[" ROW(ID, "\u65e5\u672c\u8a9e\u306e\u9577\u3044\u540d\u524d") "," ROW(
            ID, "e\u0301e\u0301") "],\"next\":null}"));
        RUN("list");
        assert_int_equal(s_run.status, 0);
        assert_int_equal(s_count(s_run.out, '\n'), 3);
        assert_int_equal(s_count(s_run.out, '\033'), 0);
        s_assert_in(ID, s_run.out);
        s_assert_lines_fit(s_run.out, widths[number]);
    }
    setenv("COLUMNS", "80", 1);
    s_assert_in("\\x1b[2J", s_run.out);
}

static void s_list_passes_filters_on_and_follows_pages(void **state) {
    (void)state;
    SCRIPT(JSON("{\"commands\":[" ROW(ID, "a") "," ROW(ID, "b") "],\"next\":\"c/1\"}"),
           JSON("{\"commands\":[],\"next\":\"c2\"}"),
           JSON("{\"commands\":[" ROW(ID, "c") "],\"next\":\"c3\"}"));
    RUN("list", "--pipeline", "p", "--destination", "d", "--state", "dead", "--class", "failed", "--key",
        "a&b=\u00e9", "--since", "2h", "--until", "2026-01-31T12:00:00Z", "--limit", "3", "--json");
    assert_int_equal(s_run.status, 0);
    assert_int_equal(s_count(s_run.out, '\n'), 3);
    assert_int_equal(s_requests_size(), 3);
    assert_string_equal(
        s_request(0).target,
        "/commands?pipeline=p&destination=d&state=dead&class=failed&key=a%26b%3D%C3%A9&since=2h&until="
        "2026-01-31T12%3A00%3A00Z&limit=3");
    s_assert_in("&limit=1&cursor=c%2F1", s_request(1).target);
    SCRIPT(JSON("{\"commands\":[],\"next\":null}"));
    RUN("list");
    assert_int_equal(s_run.status, 0);
    assert_string_equal(s_run.out, "");
    s_assert_in("limit=50", s_request(0).target);
}

static void s_watch_goes_on_behind_the_last_event(void **state) {
    (void)state;
    SCRIPT(EVENTS("retry: 1\n\nid: 41\ndata: {\"seq\":41,\"id\":\"" ID
                  "\",\"pipeline\":\"p\",\"state\":\"waiting\","
                  "\"label\":\"Stopping\",\"attempt\":1,\"class\":\"failed\",\"http_status\":503,\"reason\":"
                  "\"busy\\n\","
                  "\"at\":\"2026-01-31T12:00:00.000Z\",\"next_attempt_at\":null}\n\n"
                  "id: 41\ndata: {\"state\":\"waiting\",\"attempt\":1,\"at\":\"2026-01-31T12:00:00.000Z\","
                  "\"next_attempt_at\":\"2026-01-31T12:00:04.000Z\"}\n\n"),
           JSON("{\"state\":\"waiting\"}"), {0},
           EVENTS("id: 42\ndata: {\"id\":\"" ID
                  "\",\"state\":\"succeeded\",\"at\":\"2026-01-31T12:00:05.000Z\"}\n\n"));
    RUN("watch", ID);
    assert_int_equal(s_run.status, 0);
    assert_int_equal(s_count(s_run.out, '\n'), 3);
    s_assert_in("attempt 1 failed 503: busy\\n\n", s_run.out);
    s_assert_in("attempt 2 in 4s\n", s_run.out);
    s_assert_in("\"Stopping\"", s_run.out);
    assert_string_equal(s_request(0).last_event, "");
    assert_string_equal(s_request(3).last_event, "41");
    SCRIPT(EVENTS("id: 1\ndata: {\"state\":\"dead\",  \"x\":1}\n\n"), JSON("{\"state\":\"dead\"}"));
    RUN("watch", ID, "--json");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    assert_string_equal(s_run.out, "{\"state\":\"dead\",  \"x\":1}\n");
    SCRIPT(PROBLEM(404, "{\"title\":\"There is no such command\"}"));
    RUN("watch", ID);
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in("There is no such command", s_run.error);
}

//  What is dead in its history may have been retried since.
static void s_watch_goes_on_behind_a_death_that_was_mended(void **state) {
    (void)state;
    SCRIPT(EVENTS("id: 1\ndata: {\"state\":\"dead\"}\n\nid: 2\ndata: {\"state\":\"accepted\"}\n\n"
                  "id: 3\ndata: {\"state\":\"succeeded\"}\n\n"),
           JSON("{\"state\":\"succeeded\"}"));
    RUN("watch", ID);
    assert_int_equal(s_run.status, 0);
    assert_int_equal(s_count(s_run.out, '\n'), 3);
    assert_int_equal(s_requests_size(), 2);
}

//  ---------------------------------------------------------------------------------------------------------------------
//  Deciding.

static void s_decisions_go_to_their_calls(void **state) {
    (void)state;
    static const struct {
        const char *verb, *word, *method, *target, *body;
    } cases[] = {
        {"retry", ID, "POST", "/commands/" ID "/retry", ""},
        {"discard", ID, "POST", "/commands/" ID "/discard", ""},
        {"resolve", ID, "POST", "/commands/" ID "/resolve", "{\"as\":\"succeeded\"}"},
        {"cancel", ID, "DELETE", "/commands/" ID, ""},
        {"pause", "ec2", "POST", "/destinations/ec2/pause", ""},
        {"resume", "../x", "POST", "/destinations/..%2Fx/resume", ""},
    };
    for (size_t number = 0; number < SIZE(cases); number++) {
        SCRIPT(JSON("{}"));
        RUN(cases[number].verb, cases[number].word);
        assert_int_equal(s_run.status, 0);
        assert_string_equal(s_request(0).method, cases[number].method);
        assert_string_equal(s_request(0).target, cases[number].target);
        assert_string_equal(s_request(0).body, cases[number].body);
    }
    SCRIPT(JSON("{}"));
    RUN("retry", ID, "--body", "{\"a\":1}");
    assert_string_equal(s_request(0).body, "{\"a\":1}");
    assert_string_equal(s_request(0).type, "application/json");
}

static void s_one_failure_of_several_is_told_and_the_others_are_done(void **state) {
    (void)state;
    SCRIPT(JSON("{}"), PROBLEM(409, "{\"title\":\"wrong state\",\"detail\":\"it is succeeded\"}"),
           JSON("{}"));
    RUN("retry", "a", "b", "c");
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    assert_int_equal(s_requests_size(), 3);
    assert_string_equal(s_run.error, "holdfast: wrong state: it is succeeded\n");
    assert_string_equal(s_run.out, "a  will be tried again\nc  will be tried again\n");
}

static void s_all_is_a_job_of_the_node(void **state) {
    (void)state;
    SCRIPT(JSON("{\"id\":\"j1\",\"state\":\"running\"}"));
    RUN("retry", "--all", "--destination", "ec2", "--class", "failed", "--rate", "50/s", "--limit", "9");
    assert_int_equal(s_run.status, HF_EXIT_DONE);
    s_assert_in("\"id\":\"j1\"", s_run.out);
    assert_string_equal(s_request(0).target, "/dead/retry");
    assert_string_equal(s_request(0).body,
                        "{\"destination\":\"ec2\",\"class\":\"failed\",\"rate\":\"50/s\",\"limit\":9}");
    SCRIPT(JSON("{\"dry_run\":true}"));
    RUN("retry", "--all", "--group", "00000000000000ff", "--canary", "0", "--dry-run", "--patch",
        "[{\"op\":\"remove\",\"path\":\"/a\"}]");
    assert_int_equal(s_run.status, HF_EXIT_DONE);
    assert_string_equal(s_request(0).body, "{\"group\":\"00000000000000ff\",\"dry_run\":true,\"canary\":0,"
                                           "\"patch\":[{\"op\":\"remove\",\"path\":\"/a\"}]}");
    SCRIPT(JSON("{\"id\":\"j2\"}"));
    RUN("resolve", "--all", "--state", "uncertain");
    assert_string_equal(s_request(0).target, "/dead/resolve");
    assert_string_equal(s_request(0).body, "{\"state\":\"uncertain\",\"as\":\"succeeded\"}");
}

static void s_jobs_and_groups_are_tables(void **state) {
    (void)state;
    SCRIPT(
        JSON("{\"jobs\":[{\"id\":\"j1\",\"action\":\"retry\",\"state\":\"stopped\",\"matched\":70,\"done\":3,"
             "\"failed\":2,\"reason\":\"the canary failed\"}]}"));
    RUN("jobs");
    s_assert_in("stopped", s_run.out);
    s_assert_in("the canary failed", s_run.out);
    SCRIPT(JSON("{\"id\":\"j1\",\"action\":\"retry\",\"state\":\"running\",\"matched\":70,\"done\":3,"
                "\"succeeded\":1,\"failed\":0,\"under_way\":2,\"filters\":{\"state\":\"dead\"}}"));
    RUN("job", "j1");
    s_assert_in("j1  retry {\"state\":\"dead\"}\n", s_run.out);
    s_assert_in("running: 3 of 70, 1 succeeded, 0 failed, 2 under way\n", s_run.out);
    SCRIPT(JSON("{\"id\":\"j1\",\"action\":\"discard\",\"state\":\"cancelled\",\"matched\":null,\"reason\":"
                "\"by ann\"}"));
    RUN("job", "j1", "--cancel");
    assert_string_equal(s_request(0).method, "DELETE");
    s_assert_in("cancelled: counting (by ann)\n", s_run.out);
    SCRIPT(JSON("{\"groups\":[{\"destination\":\"ec2\",\"class\":\"rejected\",\"reason\":\"answered 400\","
                "\"group\":\"00000000000000ff\",\"count\":1000000}],\"total\":1000000}"));
    RUN("dead", "--destination", "ec2");
    assert_string_equal(s_request(0).target, "/dead?group=reason&destination=ec2");
    s_assert_in("1000000", s_run.out);
    s_assert_in("00000000000000ff", s_run.out);
    SCRIPT(JSON("{\"groups\":[{\"destination\":\"ec2\",\"class\":\"refused\",\"reason\":\"all attempts are "
                "used up: connection "
                "refused by api.example.com:#\",\"group\":\"00000000000000ff\",\"count\":1}],\"total\":1}"));
    RUN("dead");
    s_assert_in("00000000000000ff  connection refused by a", s_run.out); //  Within 80 columns
}

//  ---------------------------------------------------------------------------------------------------------------------
//  Statuses, help, and what goes where.

static void s_wrong_usage_is_2_and_says_what_is_near(void **state) {
    (void)state;
    static const struct {
        const char *args[6], *says;
    } cases[] = {
        {{"sned"}, "did you mean 'send'"},
        {{"send"}, "PIPELINE is missing"},
        {{"send", "p", "--wiat", "3"}, "did you mean --wait"},
        {{"send", "p", "b", "c"}, "'c' is one word too many"},
        {{"send", "p", "--wait", "soon"}, "--wait takes a whole number"},
        {{"send", "p", "--wait"}, "--wait needs a value"},
        {{"list", "--json=yes"}, "--json takes no value"},
        {{"list", "-x"}, "there is no option -x"},
        {{"list", "--limit", "0"}, "--limit takes a whole number from 1"},
        {{"show"}, "ID is missing"},
        {{"show", ""}, "ID is empty"},
        {{"watch", "a", "--pipeline", "p"}, "for all events"},
        {{"retry"}, "ID is missing"},
        {{"retry", "a", "--all"}, "not both"},
        {{"discard", "a", "--class", "failed"}, "use it with --all"},
        {{"retry", "a", "b", "--body", "x"}, "give one ID"},
        {{"retry", "a", "--canary", "2"}, "use it with --all"},
        {{"retry", "--all", "--patch", "x"}, "--patch is no JSON"},
        {{"resolve"}, "ID is missing"},
        {{"job"}, "ID is missing"},
        {{"actor"}, "NAME is missing"},
        {{"actor", "jurnal"}, "did you mean 'journal'"},
        {{"actor", "journal", "--number", "2"}, "for callers only"},
        {{"up", "--http", "nonsense"}, "HOST:PORT"},
        {{"up", "--http", "::1:99"}, "HOST:PORT"},
        {{"actor", "ingress", "--http", "h:65536"}, "HOST:PORT"},
        {{"journal"}, "verify, stat or backup is missing"},
        {{"journal", "backup"}, "DIR is missing"},
        {{"journal", "verfiy"}, "is not one of"},
        {{"help", "lst"}, "did you mean 'list'"},
    };
    SCRIPT({500, "text/plain", ""});
    for (size_t number = 0; number < SIZE(cases); number++) {
        s_run_into(&s_run, "", -1, cases[number].args);
        assert_int_equal(s_run.status, HF_EXIT_USAGE);
        assert_string_equal(s_run.out, "");
        assert_int_equal(s_count(s_run.error, '\n'), 1);
        s_assert_in(cases[number].says, s_run.error);
    }
    assert_int_equal(s_requests_size(), 0);
    setenv("HOLDFAST_URL", "ftp://127.0.0.1", 1);
    RUN("list");
    assert_int_equal(s_run.status, HF_EXIT_USAGE);
    s_assert_in("HOLDFAST_URL", s_run.error);
    setenv("HOLDFAST_URL", s_node.url, 1);
}

//  A port that nobody listens at: it was the system's to pick, and is closed again.
static void s_no_node_is_3(void **state) {
    (void)state;
    static const char *const cases[][3] = {{"list"},        {"send", "p"},   {"show", ID},
                                           {"watch"},       {"watch", ID},   {"retry", ID},
                                           {"discard", ID}, {"cancel", ID},  {"resolve", ID},
                                           {"pause", "d"},  {"resume", "d"}, {"retry", "--all"}};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    setenv("HOLDFAST_URL", url, 1);
    for (size_t number = 0; number < SIZE(cases); number++) {
        s_run_into(&s_run, "", -1, cases[number]);
        assert_int_equal(s_run.status, HF_EXIT_NO_NODE);
        assert_int_equal(s_count(s_run.error, '\n'), 1);
        s_assert_in("no node is running at http://127.0.0.1:", s_run.error);
    }
    setenv("HOLDFAST_URL", s_node.url, 1);
    close(fd);
}

static void s_ps_reads_the_supervisors_file(void **state) {
    (void)state;
    char dir[] = "/tmp/holdfast-cli-XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/run", dir);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/run/supervisor.json", dir);
    FILE *file = fopen(path, "we");
    fprintf(
        file,
        "{\"pid\":%d,\"state\":\"up\",\"http\":\"http://"
        "127.0.0.1:1\",\"started_at\":\"2026-01-31T12:00:00.000Z\","
        "\"written_ms\":1,\"actors\":[{\"name\":\"journal\",\"pid\":17,\"state\":\"up\",\"uptime_ms\":61000,"
        "\"restarts\":2,\"last_beat_ms_ago\":300,\"status\":\"{\\\"in_hand\\\":31,\\\"calls\\\":5,"
        "\\\"lost\\\":0}\"},"
        "{\"name\":\"call.0\",\"pid\":null,\"state\":\"backoff\",\"uptime_ms\":null,\"restarts\":9,"
        "\"last_beat_ms_ago\":null,\"status\":\"\"}]}",
        (int)getpid());
    fclose(file);
    RUN("ps", "--state", dir);
    assert_int_equal(s_run.status, 0);
    assert_int_equal(s_count(s_run.out, '\n'), 4);
    s_assert_in("journal", s_run.out);
    s_assert_in("  31  calls 5\n", s_run.out);
    s_assert_in("backoff", s_run.out);
    s_assert_lines_fit(s_run.out, 80);
    RUN("ps", "--state", dir, "--json");
    assert_int_equal(s_count(s_run.out, '\n'), 2);
    SCRIPT({500, "text/plain", ""});
    setenv("HOLDFAST_STATE", dir, 1);
    RUN("ps");
    assert_int_equal(s_run.status, 0);
    unsetenv("HOLDFAST_STATE");
    //  A process that has ended and was waited for: its pid is nobody's.
    pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    waitpid(child, NULL, 0);
    file = fopen(path, "we");
    fprintf(file, "{\"pid\":%d,\"actors\":[]}", (int)child);
    fclose(file);
    RUN("ps", "--state", dir);
    assert_int_equal(s_run.status, HF_EXIT_NO_NODE);
    unlink(path);
    snprintf(path, sizeof path, "%s/run", dir);
    rmdir(path);
    rmdir(dir);
}

static void s_check_names_file_and_line(void **state) {
    (void)state;
    char path[] = "/tmp/holdfast-cli-XXXXXX.zpl";
    int file = mkstemps(path, 4);
    static const char wrong[] = "destination = d\n    url = \"http://127.0.0.1:1/\"\n    methd = POST\n";
    assert_int_equal(write(file, wrong, sizeof wrong - 1), sizeof wrong - 1);
    RUN("check", path);
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in(":3: ", s_run.error);
    s_assert_in("method", s_run.error);
    RUN("up", path);
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in(":3: ", s_run.error);
    assert_int_equal(ftruncate(file, 0), 0);
    static const char right[] =
        "destination = d\n    url = \"http://127.0.0.1:1/\"\npipeline = p\n    destination = d\n";
    assert_int_equal(pwrite(file, right, sizeof right - 1, 0), sizeof right - 1);
    close(file);
    RUN("check", path);
    assert_int_equal(s_run.status, 0);
    assert_string_equal(s_run.out, "");
    assert_string_equal(s_run.error, "");
    unlink(path);
}

//  The scripted node has the port. One line says so and what to do, and nothing is left running.
static void s_up_says_that_its_port_is_taken(void **state) {
    (void)state;
    char dir[] = "/tmp/holdfast-cli-XXXXXX", path[64], remove[96];
    const char *taken = s_node.url + strlen("http://");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/p.zpl", dir);
    FILE *file = fopen(path, "we");
    fprintf(file,
            "node\n    http = \"%s\"\ndestination = d\n    url = \"http://127.0.0.1:1/\"\npipeline = p\n    "
            "destination = d\n",
            taken);
    fclose(file);
    RUN("up", "--state", dir, "--http", taken, path);
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in("Address already in use; end what listens there, or give another address with --http",
                s_run.error);
    s_assert_in(taken, s_run.error);
    assert_int_equal(s_count(s_run.error, '\n'), 1);
    RUN("up", "--state", dir, path); //  From the file, too
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in(taken, s_run.error);
    snprintf(remove, sizeof remove, "rm -rf %s", dir);
    assert_int_equal(system(remove), 0);
}

static void s_a_full_stdout_is_a_failure(void **state) {
    (void)state;
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(full >= 0);
    s_run_into(&s_run, "", full, (const char *const[]){"--help", NULL});
    assert_int_equal(s_run.status, HF_EXIT_FAILED);
    s_assert_in("No space left", s_run.error);
    close(full);
}

//  Runs `list` on a terminal; what it showed goes to out.
static void s_list_on_terminal(char *out, size_t size) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int shown = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct winsize window = {.ws_row = 24, .ws_col = 70};
    ioctl(shown, TIOCSWINSZ, &window);
    SCRIPT(JSON("{\"commands\":[" ROW(ID, "k") "],\"next\":null}"));
    s_run_into(&s_run, "", shown, (const char *const[]){"list", NULL});
    assert_int_equal(s_run.status, 0);
    ssize_t got = read(terminal, out, size - 1);
    assert_true(got > 0);
    out[got] = '\0';
    close(shown);
    close(terminal);
}

static void s_colours_are_for_terminals_only(void **state) {
    (void)state;
    static char out[8192];
    unsetenv("COLUMNS");
    s_list_on_terminal(out, sizeof out);
    s_assert_in("\033[33mwaiting\033[0m", out);
    setenv("NO_COLOR", "1", 1);
    s_list_on_terminal(out, sizeof out);
    assert_null(strchr(out, '\033'));
    s_assert_lines_fit(out, 71); //  A terminal's line ends are CR LF
    unsetenv("NO_COLOR");
    setenv("COLUMNS", "80", 1);
}

static void s_help_explains_every_verb_within_80_columns(void **state) {
    (void)state;
    RUN("--help");
    assert_int_equal(s_run.status, 0);
    s_assert_lines_fit(s_run.out, 80);
    for (const hf_verb_t *verb = hf_verbs; verb->name; verb++) {
        RUN("--help");
        s_assert_in(verb->name, s_run.out);
        RUN(verb->name, "--help");
        assert_int_equal(s_run.status, 0);
        s_assert_in("\nexample", s_run.out);
        s_assert_in(verb->usage, s_run.out);
        s_assert_lines_fit(s_run.out, 82);
        char *own = strdup(s_run.out);
        RUN("help", verb->name);
        assert_string_equal(s_run.out, own);
        free(own);
    }
    RUN("--version");
    assert_string_equal(s_run.out, "holdfast " HOLDFAST_VERSION "\n");
    s_run_into(&s_run, "", -1, (const char *const[]){NULL});
    assert_int_equal(s_run.status, HF_EXIT_USAGE);
    s_assert_in("usage:", s_run.error);
}

//  The man page names every verb (as ".It Cm NAME" or "Cm NAME" under ".It Xo") and option, and no verb that
//  is none.
static void s_the_man_page_names_the_same_verbs_and_options(void **state) {
    (void)state;
    static char page[128 << 10];
    FILE *file = fopen(HOLDFAST_SOURCE "/docs/holdfast.1", "re");
    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    for (const hf_verb_t *verb = hf_verbs; verb->name; verb++) {
        char one[64], other[64];
        snprintf(one, sizeof one, "\n.It Cm %s ", verb->name);
        snprintf(other, sizeof other, "\n.Cm %s ", verb->name);
        const char *at = strstr(page, one);
        at = at ? at : strstr(page, other);
        if (!at) {
            fail_msg("docs/holdfast.1 has no verb %s", verb->name);
        }
        for (const hf_option_t *option = verb->options; option->name; option++) {
            snprintf(one, sizeof one, "Fl -%s", option->name);
            s_assert_in(one, page);
        }
    }
    for (const char *at = page; (at = strstr(at, "\n.It Cm ")); at++) {
        char name[32];
        assert_int_equal(sscanf(at, "\n.It Cm %31[a-z]", name), 1);
        assert_non_null(hf_verbs_find(name));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_send_prints_the_id),
        cmocka_unit_test(s_send_takes_bodies_from_files_and_stdin_and_none),
        cmocka_unit_test(s_send_passes_its_options_on),
        cmocka_unit_test(s_what_broke_off_is_sent_again_under_the_same_key),
        cmocka_unit_test(s_a_refusal_is_one_line_with_title_and_detail),
        cmocka_unit_test(s_options_that_the_node_cannot_read_are_2),
        cmocka_unit_test(s_wait_follows_to_the_end),
        cmocka_unit_test(s_wait_outlives_a_broken_stream),
        cmocka_unit_test(s_show_tells_the_story_in_order),
        cmocka_unit_test(s_what_is_held_says_so),
        cmocka_unit_test(s_a_list_fits_the_terminal),
        cmocka_unit_test(s_list_passes_filters_on_and_follows_pages),
        cmocka_unit_test(s_watch_goes_on_behind_the_last_event),
        cmocka_unit_test(s_watch_goes_on_behind_a_death_that_was_mended),
        cmocka_unit_test(s_decisions_go_to_their_calls),
        cmocka_unit_test(s_one_failure_of_several_is_told_and_the_others_are_done),
        cmocka_unit_test(s_all_is_a_job_of_the_node),
        cmocka_unit_test(s_jobs_and_groups_are_tables),
        cmocka_unit_test(s_wrong_usage_is_2_and_says_what_is_near),
        cmocka_unit_test(s_no_node_is_3),
        cmocka_unit_test(s_ps_reads_the_supervisors_file),
        cmocka_unit_test(s_check_names_file_and_line),
        cmocka_unit_test(s_up_says_that_its_port_is_taken),
        cmocka_unit_test(s_a_full_stdout_is_a_failure),
        cmocka_unit_test(s_colours_are_for_terminals_only),
        cmocka_unit_test(s_help_explains_every_verb_within_80_columns),
        cmocka_unit_test(s_the_man_page_names_the_same_verbs_and_options),
    };
    signal(SIGPIPE, SIG_IGN);
    hf_terminal_start();
    return cmocka_run_group_tests(tests, s_start_node, s_stop_node);
}
