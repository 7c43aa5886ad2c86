/*  Requests over HTTP/2: to nginx, as third parties have it, at its worst (it answers before it has read the body, and ends its
 *  connections with GOAWAY all the time), and to http2_peer.py, which is told frame by frame.  */

#include "call/http_shell.h"

#include <assert.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/tree.h"

enum {
    REQUESTS_MAX = 1000, //  Of one story
    AT_ONCE = 32,        //  Under way
    PATIENCE_MS = 20000, //  A story that takes longer has failed
    TIMEOUT_MS = 10000,  //  Of an attempt: an answer that libcurl does not notice is a failure
    LARGE = 100000,      //  Bytes that no HTTP/2 third party takes before it has begun to read
};

typedef struct {
    char dir[64];                             //  Certificate, configuration, logs
    char cert[96];                            //  The certificate
    char key[96];                             //  Its key
    char url[64];                             //  Of the third party, to its first slash
    pid_t third;                              //  The third party
    hf_http_t *http;                          //  The client
    hf_destination_t *destination;            //  Time-outs and method
    char keys[REQUESTS_MAX][48];              //  A header of each request
    const char *headers[REQUESTS_MAX][3];     //  All of them
    char urls[REQUESTS_MAX][128];             //  And its url
    hf_call_request_t requests[REQUESTS_MAX]; //  Made
    size_t made;                              //  How many
    size_t ended;                             //  And ended
    size_t classes[HF_CLASSES];               //  How
    char reason[256];                         //  Why the newest did that was not answered 2xx
    char body[LARGE];                         //  Of all requests
} world_t;

//  ---- third parties

static void s_start(world_t *world, const char *log, const char *const argv[]) {
    pid_t parent = getpid();
    world->third = fork();
    assert_true(world->third >= 0);
    if (world->third == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent && freopen(log, "a", stdout) && dup2(STDOUT_FILENO, STDERR_FILENO) >= 0) {
            execv(argv[0], (char *const *)argv);
        }
        _exit(127);
    }
}

static world_t *s_setup(void) {
    char command[512];
    hf_error_t error;
    world_t *world = hf_alloc(sizeof *world);
    strcpy(world->dir, "/tmp/holdfast-http2-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(world->cert, sizeof world->cert, "%s/cert.pem", world->dir);
    snprintf(world->key, sizeof world->key, "%s/key.pem", world->dir);
    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        " -addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>%s/openssl.log",
        world->key, world->cert, world->dir);
    assert_int_equal(system(command), 0);
    hf_http_options_t options = {.destinations = 1, .connections = AT_ONCE, .ca_file = world->cert};
    world->http = hf_http_new(&options, &error);
    assert_non_null(world->http);
    world->destination = hf_destination_new("d");
    world->destination->timeout_ms = TIMEOUT_MS;
    world->destination->connect_timeout_ms = TIMEOUT_MS;
    memset(world->body, 'x', sizeof world->body);
    return world;
}

static void s_teardown(world_t *world) {
    char command[128];
    kill(world->third, SIGTERM);
    waitpid(world->third, NULL, 0);
    hf_http_destroy(&world->http);
    hf_destination_destroy(&world->destination);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
}

//  nginx with one process; it ends each connection after so many requests. /now answers before the body is there, /empty
//  the same without a body, /read after it.
static void s_start_nginx(world_t *world, int requests_a_connection) {
    char conf[96], log[96];
    int port = free_port();
    snprintf(conf, sizeof conf, "%s/nginx.conf", world->dir);
    snprintf(log, sizeof log, "%s/nginx.log", world->dir);
    FILE *file = fopen(conf, "w");
    assert_non_null(file);
    fprintf(file,
            "daemon off; master_process off; pid %s/pid; error_log %s/error.log notice;\n"
            "events { worker_connections 1024; }\n"
            "http {\n"
            "    log_format asked '$server_protocol $http_idempotency_key $status';\n"
            "    access_log %s/access.log asked;\n"
            "    client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s; uwsgi_temp_path %s;\n"
            "    scgi_temp_path %s; client_body_buffer_size 256k; keepalive_requests %d;\n"
            "    server {\n"
            "        listen 127.0.0.1:%d ssl http2; ssl_certificate %s; ssl_certificate_key %s;\n"
            "        location /now { return 200 done; }\n"
            "        location /empty { return 204; }\n"
            "        location /read { proxy_pass https://127.0.0.1:%d/now; }\n"
            "    }\n"
            "}\n",
            world->dir, world->dir, world->dir, world->dir, world->dir, world->dir, world->dir, world->dir,
            requests_a_connection, port, world->cert, world->key, port);
    fclose(file);
    s_start(world, log, (const char *[]){"/usr/sbin/nginx", "-c", conf, "-e", log, NULL});
    snprintf(world->url, sizeof world->url, "https://127.0.0.1:%d", port);
    int64_t until = now_ms() + PATIENCE_MS;
    char command[256];
    snprintf(command, sizeof command, "curl -fs -o /dev/null --cacert %s %s/now", world->cert, world->url);
    while (system(command) != 0) {
        assert_true(now_ms() < until && kill(world->third, 0) == 0);
        poll(NULL, 0, 10);
    }
}

static void s_start_peer(world_t *world, const char *first, const char *second, const char *third) {
    static const char peer[] = HOLDFAST_SOURCE "/tests/process/http2_peer.py";
    char log[96], port[16];
    snprintf(log, sizeof log, "%s/access.log", world->dir);
    s_start(world, log, (const char *[]){peer, world->cert, world->key, first, second, third, NULL});
    assert_true(wait_line(log, "port ", port, sizeof port, PATIENCE_MS));
    snprintf(world->url, sizeof world->url, "https://127.0.0.1:%d", atoi(port));
}

//  Lines of the third party's log that hold a text.
static size_t s_count(const world_t *world, const char *text) {
    char path[96], line[256];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/access.log", world->dir);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        count += strstr(line, text) != NULL;
    }
    fclose(file);
    return count;
}

//  ---- requests

static void s_begin(world_t *world, const char *path, size_t size) {
    size_t number = world->made++;
    assert_true(number < REQUESTS_MAX);
    snprintf(world->keys[number], sizeof world->keys[number], "Idempotency-Key: k%zu", number);
    snprintf(world->urls[number], sizeof world->urls[number], "%s%s", world->url, path);
    world->headers[number][0] = world->keys[number];
    world->headers[number][1] = "Content-Type: text/plain";
    world->requests[number] = (hf_call_request_t){.ticket = number,
                                                  .destination = world->destination,
                                                  .method = world->destination->method,
                                                  .url = world->urls[number],
                                                  .headers = world->headers[number],
                                                  .body = (const uint8_t *)world->body,
                                                  .body_size = size};
    hf_http_start(world->http, &world->requests[number]);
}

static void s_turn(world_t *world) {
    struct pollfd item = {hf_http_descriptor(world->http), POLLIN, 0};
    uint64_t ticket;
    hf_call_result_t result;
    poll(&item, 1, 100);
    hf_http_run(world->http);
    while (hf_http_next(world->http, &ticket, &result)) {
        char reason[256];
        hf_class_t class = hf_outcome_classify(&result, world->destination, reason, sizeof reason);
        world->classes[class]++;
        world->ended++;
        if (class != HF_CLASS_SUCCEEDED) {
            memcpy(world->reason, reason, sizeof reason);
        }
    }
}

static void s_call(world_t *world, const char *path, size_t size, size_t count) {
    size_t last = world->made + count;
    int64_t until = now_ms() + PATIENCE_MS;
    while (world->ended < last) {
        assert_true(now_ms() < until);
        while (world->made < last && world->made - world->ended < AT_ONCE) {
            s_begin(world, path, size);
        }
        hf_http_send(world->http);
        s_turn(world);
    }
}

//  One request, and what became of it.
static void s_expect(world_t *world, hf_class_t class, const char *reason) {
    size_t before = world->classes[class];
    *world->reason = 0;
    s_call(world, "/", LARGE, 1);
    assert_string_equal(world->reason, reason);
    assert_int_equal(world->classes[class], before + 1);
}

//  ---- stories: nginx

//  Every request was answered, over HTTP/2, and came once. (Over HTTP/1.1 came the question whether nginx is there.)
static void s_assert_all_went_well(const world_t *world) {
    assert_string_equal(world->reason, "");
    assert_int_equal(world->classes[HF_CLASS_SUCCEEDED], world->made);
    assert_int_equal(s_count(world, "HTTP/2.0 k"), world->made);
}

static void answers_before_the_body_was_read_are_not_lost(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_nginx(world, 1000);
    s_call(world, "/now", 400, 300);
    s_call(world, "/empty", 400, 300);
    s_call(world, "/empty", LARGE, 200);
    s_call(world, "/now", LARGE, 200);
    s_assert_all_went_well(world);
    s_teardown(world);
}

static void connections_that_end_all_the_time_lose_nothing(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_nginx(world, 5);
    s_call(world, "/now", 400, 400);
    s_call(world, "/read", LARGE, 100);
    s_call(world, "/empty", 400, 400);
    s_assert_all_went_well(world);
    s_teardown(world);
}

//  ---- stories: frame by frame

static void what_goaway_says_was_not_taken_is_refused(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "below", "ok", "below");
    s_expect(world, HF_CLASS_REFUSED, "the third party closed the connection before it took the request");
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    s_expect(world, HF_CLASS_REFUSED, "the third party closed the connection before it took the request");
    assert_int_equal(s_count(world, "2 "), 3);
    s_teardown(world);
}

static void what_goaway_says_may_have_been_taken_is_uncertain(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "ok", "taken", "ok");
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    s_call(world, "/", LARGE, 1);
    assert_int_equal(world->classes[HF_CLASS_UNCERTAIN], 1);
    assert_int_equal(s_count(world, "taken"), 1);
    assert_int_equal(s_count(world, "ok"), 1);
    s_teardown(world);
}

static void a_refused_stream_is_asked_for_again(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "refuse", "ok", "ok");
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    assert_int_equal(s_count(world, "2 1 refuse"), 1);
    assert_int_equal(s_count(world, "2 2 ok"), 1);
    s_teardown(world);
}

static void an_early_answer_frame_by_frame_is_read(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "pieces", "pieces", "pieces");
    s_expect(world, HF_CLASS_REJECTED, "answered 401 Unauthorized");
    s_expect(world, HF_CLASS_REJECTED, "answered 401 Unauthorized");
    s_teardown(world);
}

static void an_early_answer_without_a_length_is_read(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "bare", "bare", "bare");
    s_expect(world, HF_CLASS_REJECTED, "answered 401 Unauthorized");
    s_expect(world, HF_CLASS_REJECTED, "answered 401 Unauthorized");
    s_teardown(world);
}

//  Nothing tells that it has ended, so it costs one attempt, to its time-out, and no processor meanwhile.
static void an_early_answer_whose_end_libcurl_does_not_tell_costs_one_attempt(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "open", "open", "open");
    world->destination->timeout_ms = 1000;
    clock_t before = clock();
    s_expect(world, HF_CLASS_UNCERTAIN, "the answer, 200 OK, did not end within 1 s");
    assert_true(clock() - before < CLOCKS_PER_SEC / 2);
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    assert_int_equal(s_count(world, "1.1 2 "), 1);
    s_teardown(world);
}

static void a_stream_refused_on_a_kept_connection_is_not_asked_for_again(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "ok", "refuse", "ok");
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    s_call(world, "/", LARGE, 1);
    assert_int_equal(world->classes[HF_CLASS_UNCERTAIN], 1);
    assert_int_equal(s_count(world, "ok"), 1);
    s_teardown(world);
}

//  libcurl 7.88 throws it away, and what it says of that depends on whether the connection is new.
static void an_answer_that_libcurl_throws_away_costs_one_attempt(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "ok", "early", "early");
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    s_call(world, "/", LARGE, 1);
    assert_int_equal(world->classes[HF_CLASS_UNCERTAIN], 1);
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    assert_int_equal(s_count(world, "2 1 "), 2);
    assert_int_equal(s_count(world, "1.1 2 "), 2);
    s_teardown(world);
}

static void http_2_is_not_offered_where_uncertain_ones_are_held(void **state) {
    (void)state;
    world_t *world = s_setup();
    s_start_peer(world, "ok", "ok", "ok");
    world->destination->on_uncertain = HF_ON_UNCERTAIN_HOLD;
    s_expect(world, HF_CLASS_SUCCEEDED, "");
    assert_int_equal(s_count(world, "1.1 1 ok"), 1);
    s_teardown(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_before_the_body_was_read_are_not_lost),
        cmocka_unit_test(connections_that_end_all_the_time_lose_nothing),
        cmocka_unit_test(what_goaway_says_was_not_taken_is_refused),
        cmocka_unit_test(what_goaway_says_may_have_been_taken_is_uncertain),
        cmocka_unit_test(a_refused_stream_is_asked_for_again),
        cmocka_unit_test(an_early_answer_frame_by_frame_is_read),
        cmocka_unit_test(an_early_answer_without_a_length_is_read),
        cmocka_unit_test(an_early_answer_whose_end_libcurl_does_not_tell_costs_one_attempt),
        cmocka_unit_test(a_stream_refused_on_a_kept_connection_is_not_asked_for_again),
        cmocka_unit_test(an_answer_that_libcurl_throws_away_costs_one_attempt),
        cmocka_unit_test(http_2_is_not_offered_where_uncertain_ones_are_held),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
