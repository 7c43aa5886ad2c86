/*  Requests over real sockets against a third party that misbehaves in every way: what is sent, how often,
 * and what the result says. Server and client run in one loop, so that each story is told in order; only TLS
 * has a server process of its own (openssl).  */

#include "call/http_shell.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PEERS_MAX = 512,     //  Connections to the server
    RESULTS_MAX = 512,   //  Requests of one story
    PATIENCE_MS = 20000, //  A story that takes longer has failed
};

//  A connection, as the server sees it.
typedef struct {
    int fd;          //  -1: the place is free
    hf_buf_t in;     //  What came and was not answered
    bool pouring;    //  Sends without end
    uint64_t poured; //  Bytes that were taken
} peer_t;

//  A result, with copies of what it points to.
typedef struct {
    hf_call_result_t result; //  As given; texts are not valid any more
    hf_class_t class;        //  Its class
    char reason[256];        //  And why
    char type[64];           //  The answer's Content-Type
    char retry_after[64];    //  And Retry-After
    char response[64];       //  Its beginning
} seen_t;

typedef struct world world_t;

struct world {
    hf_http_t *http;                              //  The client
    hf_destination_t *destination;                //  Time-outs and method
    char url[128];                                //  Of the server
    const char *headers[4];                       //  Of the next request
    hf_call_request_t requests[RESULTS_MAX];      //  Made
    size_t made;                                  //  How many
    seen_t seen[RESULTS_MAX];                     //  Their results, by ticket
    size_t ended;                                 //  How many
    int listener;                                 //  The server
    peer_t peers[PEERS_MAX];                      //  Its connections
    int connections;                              //  That were ever made
    int asked;                                    //  Requests that came whole
    char last[4096];                              //  The newest one's beginning
    size_t last_size;                             //  All of its bytes
    void (*answer)(world_t *world, peer_t *peer); //  What is done with one
};

static int64_t s_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  ---- the server

static int s_listen(int backlog, int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *port = ntohs(address.sin_port);
    if (backlog >= 0) {
        assert_int_equal(listen(fd, backlog), 0);
    }
    return fd;
}

static void s_close(peer_t *peer) {
    close(peer->fd);
    hf_buf_free(&peer->in);
    *peer = (peer_t){.fd = -1};
}

static void s_reset(peer_t *peer) {
    struct linger linger = {.l_onoff = 1};
    setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    s_close(peer);
}

static void s_say(peer_t *peer, const char *text) {
    assert_int_equal(send(peer->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

//  Bytes of the first whole request in there, or 0.
static size_t s_whole(const hf_buf_t *in) {
    const char *text = (const char *)in->data;
    const char *end = text ? strstr(text, "\r\n\r\n") : NULL;
    if (!end) {
        return 0;
    }
    const char *length = strcasestr(text, "\r\nContent-Length: ");
    size_t size = (size_t)(end - text) + 4;
    if (length && length < end) {
        size += strtoul(length + 18, NULL, 10);
    }
    return size <= in->size ? size : 0;
}

static void s_serve(world_t *world, peer_t *peer) {
    char data[65536];
    ssize_t size = recv(peer->fd, data, sizeof data, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN)) {
        s_close(peer);
        return;
    }
    hf_buf_add(&peer->in, data, size > 0 ? (size_t)size : 0);
    size_t whole = s_whole(&peer->in);
    if (whole) {
        world->asked++;
        world->last_size = whole;
        snprintf(world->last, sizeof world->last, "%.*s", (int)whole, (char *)peer->in.data);
        hf_buf_clear(&peer->in);
        world->answer(world, peer);
    }
}

static void s_pour(peer_t *peer) {
    static const char data[65536];
    ssize_t size = send(peer->fd, data, sizeof data, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN) {
        peer->pouring = false; //  The client has gone; what it took is still known
    }
    peer->poured += size > 0 ? (uint64_t)size : 0;
}

static void s_accept(world_t *world) {
    int fd = accept4(world->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    for (int i = 0; i < PEERS_MAX; i++) {
        if (world->peers[i].fd < 0) {
            world->peers[i].fd = fd;
            world->connections++;
            return;
        }
    }
    fail_msg("too many connections");
}

//  ---- the loop

static void s_take_results(world_t *world) {
    uint64_t ticket;
    hf_call_result_t result;
    while (hf_http_next(world->http, &ticket, &result)) {
        seen_t *seen = &world->seen[ticket];
        seen->result = result;
        seen->class = hf_outcome_classify(&result, world->destination, seen->reason, sizeof seen->reason);
        snprintf(seen->type, sizeof seen->type, "%s", result.content_type ? result.content_type : "");
        snprintf(seen->retry_after, sizeof seen->retry_after, "%s",
                 result.retry_after ? result.retry_after : "");
        snprintf(seen->response, sizeof seen->response, "%.*s", (int)result.response_size,
                 result.response ? (const char *)result.response : "");
        world->ended++;
    }
}

static void s_turn(world_t *world, int wait_ms) {
    struct pollfd items[PEERS_MAX + 2];
    peer_t *peers[PEERS_MAX + 2];
    nfds_t size = 0;
    items[size++] = (struct pollfd){hf_http_descriptor(world->http), POLLIN, 0};
    items[size++] = (struct pollfd){world->listener, POLLIN, 0};
    for (int i = 0; i < PEERS_MAX; i++) {
        if (world->peers[i].fd >= 0) {
            peers[size] = &world->peers[i];
            items[size] = (struct pollfd){peers[size]->fd, peers[size]->pouring ? POLLOUT : POLLIN, 0};
            size++;
        }
    }
    poll(items, size, wait_ms);
    if (items[1].revents) {
        s_accept(world);
    }
    for (nfds_t i = 2; i < size; i++) {
        if (items[i].revents && peers[i]->pouring) {
            s_pour(peers[i]);
        } else if (items[i].revents) {
            s_serve(world, peers[i]);
        }
    }
    hf_http_run(world->http);
    s_take_results(world);
}

static seen_t *s_wait(world_t *world) {
    int64_t until = s_now_ms() + PATIENCE_MS;
    while (world->ended < world->made) {
        assert_true(s_now_ms() < until);
        s_turn(world, 100);
    }
    return &world->seen[world->made - 1];
}

static void s_begin(world_t *world, const char *url, const void *body, size_t size) {
    hf_call_request_t *request = &world->requests[world->made];
    assert_true(world->made < RESULTS_MAX);
    *request = (hf_call_request_t){.ticket = world->made++,
                                   .destination = world->destination,
                                   .method = world->destination->method,
                                   .url = url,
                                   .headers = world->headers,
                                   .body = body,
                                   .body_size = size};
    hf_http_start(world->http, request);
    hf_http_run(world->http);
}

static seen_t *s_call(world_t *world, const char *url) {
    s_begin(world, url, "{}", 2);
    return s_wait(world);
}

static world_t *s_setup_trusting(const char *ca_file) {
    hf_error_t error;
    int port;
    world_t *world = hf_alloc(sizeof *world);
    hf_http_options_t options = {.destinations = 1, .connections = RESULTS_MAX, .ca_file = ca_file};
    world->http = hf_http_new(&options, &error);
    assert_non_null(world->http);
    world->destination = hf_destination_new("d");
    world->headers[0] = "Idempotency-Key: k";
    world->headers[1] = "Content-Type: application/json";
    world->listener = s_listen(SOMAXCONN, &port);
    snprintf(world->url, sizeof world->url, "http://127.0.0.1:%d/stop", port);
    for (int i = 0; i < PEERS_MAX; i++) {
        world->peers[i].fd = -1;
    }
    return world;
}

static world_t *s_setup(void (*answer)(world_t *world, peer_t *peer)) {
    world_t *world = s_setup_trusting(NULL);
    world->answer = answer;
    return world;
}

static void s_teardown(world_t *world) {
    hf_http_destroy(&world->http);
    hf_destination_destroy(&world->destination);
    for (int i = 0; i < PEERS_MAX; i++) {
        if (world->peers[i].fd >= 0) {
            s_close(&world->peers[i]);
        }
    }
    close(world->listener);
    free(world);
}

static void s_assert_seen(const seen_t *seen, hf_class_t class, const char *reason) {
    assert_string_equal(seen->reason, reason);
    assert_string_equal(hf_class_name(seen->class), hf_class_name(class));
}

//  ---- what the server can do

static void s_ok(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\ndone");
}

static void s_never(world_t *world, peer_t *peer) {
    (void)world;
    (void)peer;
}

static void s_begin_only(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nd");
}

static void s_begin_and_reset(world_t *world, peer_t *peer) {
    struct pollfd item = {hf_http_descriptor(world->http), POLLIN, 0};
    s_begin_only(world, peer);
    poll(&item, 1, PATIENCE_MS);
    hf_http_run(world->http);
    s_reset(peer);
}

static void s_begin_and_close(world_t *world, peer_t *peer) {
    s_begin_only(world, peer);
    s_close(peer);
}

static void s_just_close(world_t *world, peer_t *peer) {
    (void)world;
    s_close(peer);
}

static void s_just_reset(world_t *world, peer_t *peer) {
    (void)world;
    s_reset(peer);
}

static void s_ok_then_close(world_t *world, peer_t *peer) {
    s_ok(world, peer);
    s_close(peer);
}

static void s_ok_once_then_close(world_t *world, peer_t *peer) {
    if (world->asked == 1) {
        s_ok(world, peer);
    } else {
        s_close(peer);
    }
}

static void s_garbage(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "SSH-2.0-OpenSSH_9.2\r\n");
    s_close(peer);
}

static void s_break_a_chunk(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\nzz\r\n");
}

static void s_redirect(world_t *world, peer_t *peer) {
    char text[256];
    snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
             world->url);
    s_say(peer, text);
}

static void s_later(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 503 X\r\nretry-after: 17\r\nContent-Length: 0\r\n\r\n");
}

static void s_continue_first(world_t *world, peer_t *peer) {
    s_say(peer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
    s_ok(world, peer);
}

static void s_huge(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
    peer->pouring = true;
}

static void s_endless(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 500 Oops\r\n\r\n");
    peer->pouring = true;
}

static void s_endless_headers(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 200 OK\r\nX: ");
    peer->pouring = true; //  NULs, so that the header's line has no end
}

static void s_many_headers(world_t *world, peer_t *peer) {
    (void)world;
    s_say(peer, "HTTP/1.1 200 OK\r\n");
    hf_buf_t text = {0};
    for (int i = 0; i < 20000; i++) {
        hf_buf_addf(&text, "X-%d: some value that takes some room\r\n", i);
    }
    for (size_t sent = 0; sent < text.size;) {
        ssize_t size = send(peer->fd, text.data + sent, text.size - sent, MSG_NOSIGNAL);
        sent += size > 0 ? (size_t)size : 0;
        if (size < 0 && errno != EAGAIN) {
            break;
        }
        if (size < 0) {
            hf_http_run(world->http); //  Lets the client read
        }
    }
    hf_buf_free(&text);
}

static void s_sized(world_t *world, peer_t *peer) {
    size_t size = strtoul(strstr(world->last, "/size/") + 6, NULL, 10);
    hf_buf_t text = {0};
    hf_buf_addf(&text, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
    memset(hf_buf_extend(&text, size), 'r', size);
    for (size_t sent = 0; sent < text.size;) {
        ssize_t some = send(peer->fd, text.data + sent, text.size - sent, MSG_NOSIGNAL);
        sent += some > 0 ? (size_t)some : 0;
        if (some < 0) {
            hf_http_run(world->http);
        }
    }
    hf_buf_free(&text);
}

//  ---- stories: well

static void a_request_is_sent_as_it_was_meant_and_its_answer_read(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    seen_t *seen = s_call(world, world->url);
    s_assert_seen(seen, HF_CLASS_SUCCEEDED, "answered 200 OK");
    assert_string_equal(seen->response, "done");
    assert_string_equal(seen->type, "text/plain");
    assert_int_equal(seen->result.response_size, 4);
    assert_false(seen->result.response_cut);
    assert_true(seen->result.connected && seen->result.sent && seen->result.answered);
    assert_true(seen->result.connected_anew);
    assert_true(seen->result.total_us >= seen->result.first_byte_us);
    assert_true(seen->result.first_byte_us >= seen->result.connect_us);
    assert_int_equal(seen->result.tls_us, 0);
    char expected[512];
    snprintf(expected, sizeof expected,
             "POST /stop HTTP/1.1\r\nHost: %.*s\r\nIdempotency-Key: k\r\nContent-Type: application/json\r\n"
             "Content-Length: 2\r\n\r\n{}",
             (int)strcspn(world->url + 7, "/"), world->url + 7);
    assert_string_equal(world->last, expected);
    s_teardown(world);
}

static void methods_and_bodies(void **state) {
    (void)state;
    static const struct {
        const char *method, *body, *begins, *has, *lacks;
    } rows[] = {
        {"POST", "", "POST /stop HTTP/1.1\r\n", "Content-Length: 0\r\n", "Content-Type"},
        {"PUT", "x", "PUT /stop HTTP/1.1\r\n", "Content-Length: 1\r\n", "Content-Type"},
        {"PATCH", "", "PATCH /stop HTTP/1.1\r\n", "Content-Length: 0\r\n", "Content-Type"},
        {"GET", "", "GET /stop HTTP/1.1\r\n", "\r\n", "Content-Length"},
        {"DELETE", "", "DELETE /stop HTTP/1.1\r\n", "\r\n", "Content-Length"},
        {"DELETE", "xy", "DELETE /stop HTTP/1.1\r\n", "Content-Length: 2\r\n", "Content-Type"},
        {"POST", "again", "POST /stop HTTP/1.1\r\n", "Content-Length: 5\r\n", "Content-Type"},
    };
    world_t *world = s_setup(s_ok);
    world->headers[1] = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        free(world->destination->method);
        world->destination->method = hf_strdup(rows[i].method);
        s_begin(world, world->url, rows[i].body, strlen(rows[i].body));
        s_assert_seen(s_wait(world), HF_CLASS_SUCCEEDED, "answered 200 OK");
        assert_ptr_equal(strstr(world->last, rows[i].begins), world->last);
        assert_non_null(strstr(world->last, rows[i].has));
        assert_null(strstr(world->last, rows[i].lacks));
        assert_null(strstr(world->last, "Accept"));
        assert_string_equal(strstr(world->last, "\r\n\r\n") + 4, rows[i].body);
    }
    assert_int_equal(world->connections, 1);
    s_teardown(world);
}

static void a_large_body_goes_out_without_expect(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    size_t size = 5 << 20;
    char *body = hf_alloc(size);
    memset(body, 'b', size);
    s_begin(world, world->url, body, size);
    s_assert_seen(s_wait(world), HF_CLASS_SUCCEEDED, "answered 200 OK");
    assert_null(strcasestr(world->last, "expect"));
    assert_true(world->last_size > size);
    free(body);
    s_teardown(world);
}

static void connections_are_kept_and_used_again(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    assert_true(s_call(world, world->url)->result.connected_anew);
    for (int i = 0; i < 10; i++) {
        assert_false(s_call(world, world->url)->result.connected_anew);
    }
    assert_int_equal(world->connections, 1);
    s_teardown(world);
}

//  More than one lane takes: as many connections as requests under way, all of them used again.
static void hundreds_at_once_need_no_more_connections_than_that(void **state) {
    (void)state;
    enum { COUNT = 200 };
    world_t *world = s_setup(s_never);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            s_begin(world, world->url, "{}", 2);
        }
        int64_t until = s_now_ms() + PATIENCE_MS;
        while (world->asked < COUNT * round && s_now_ms() < until) {
            s_turn(world, 100);
        }
        assert_int_equal(hf_http_under_way(world->http), COUNT);
        for (int i = 0; i < PEERS_MAX; i++) {
            if (world->peers[i].fd >= 0) {
                s_ok(world, &world->peers[i]);
            }
        }
        s_assert_seen(s_wait(world), HF_CLASS_SUCCEEDED, "answered 200 OK");
        assert_int_equal(hf_http_under_way(world->http), 0);
    }
    assert_int_equal(world->connections, COUNT);
    s_teardown(world);
}

static void early_answers_are_passed_over(void **state) {
    (void)state;
    world_t *world = s_setup(s_continue_first);
    s_assert_seen(s_call(world, world->url), HF_CLASS_SUCCEEDED, "answered 200 OK");
    s_teardown(world);
}

static void retry_after_is_handed_on(void **state) {
    (void)state;
    world_t *world = s_setup(s_later);
    seen_t *seen = s_call(world, world->url);
    s_assert_seen(seen, HF_CLASS_FAILED, "answered 503 Service Unavailable");
    assert_string_equal(seen->retry_after, "17");
    assert_true(seen->result.wall_ms > INT64_C(1700000000000));
    s_teardown(world);
}

//  ---- stories: nothing sent

static void a_closed_port_refuses_and_no_secret_is_told(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    int port;
    char url[128], reason[128];
    int fd = s_listen(-1, &port);
    snprintf(url, sizeof url, "http://user:secret@127.0.0.1:%d/secret?key=secret", port);
    snprintf(reason, sizeof reason, "connection refused by 127.0.0.1:%d", port);
    seen_t *seen = s_call(world, url);
    s_assert_seen(seen, HF_CLASS_REFUSED, reason);
    assert_false(seen->result.connected || seen->result.sent || seen->result.answered);
    assert_true(seen->result.broken && !seen->result.timed_out);
    close(fd);
    s_teardown(world);
}

//  A listener whose queue is full does not answer a new connection.
static void a_connection_that_does_not_come_times_out(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    int port, fillers[4];
    int fd = s_listen(0, &port);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    char url[128], reason[128];
    world->destination->connect_timeout_ms = 300;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    snprintf(reason, sizeof reason, "no connection to 127.0.0.1:%d within 300 ms; nothing was sent", port);
    s_assert_seen(s_call(world, url), HF_CLASS_REFUSED, reason);
    world->destination->timeout_ms = 200;
    snprintf(reason, sizeof reason, "no connection to 127.0.0.1:%d within 200 ms; nothing was sent", port);
    s_assert_seen(s_call(world, url), HF_CLASS_REFUSED, reason);
    for (int i = 0; i < 4; i++) {
        close(fillers[i]);
    }
    close(fd);
    s_teardown(world);
}

static void urls_that_cannot_be_called(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    s_assert_seen(s_call(world, "ftp://127.0.0.1/"), HF_CLASS_REFUSED, "the url is neither http nor https");
    s_assert_seen(s_call(world, "http://127.0.0.1:99999/"), HF_CLASS_REFUSED, "the url is malformed");
    s_assert_seen(s_call(world, "http://no..such.name/"), HF_CLASS_REFUSED, "name no..such.name not found");
    s_teardown(world);
}

//  ---- stories: sent, and no whole answer

static void a_third_party_that_hangs_times_out(void **state) {
    (void)state;
    world_t *world = s_setup(s_never);
    world->destination->timeout_ms = 1000;
    int64_t before = s_now_ms();
    seen_t *seen = s_call(world, world->url);
    assert_true(s_now_ms() - before >= 999);
    s_assert_seen(seen, HF_CLASS_UNCERTAIN, "no answer within 1 s; the request was sent");
    assert_true(seen->result.sent && seen->result.timed_out);
    world->answer = s_begin_only;
    s_assert_seen(s_call(world, world->url), HF_CLASS_UNCERTAIN,
                  "the answer, 200 OK, did not end within 1 s");
    s_teardown(world);
}

static void answers_that_break_off(void **state) {
    (void)state;
    static const struct {
        void (*answer)(world_t *world, peer_t *peer);
        const char *reason;
    } rows[] = {
        {s_begin_and_reset, "the answer, 200 OK, did not come whole: the connection was reset"},
        {s_begin_and_close,
         "the answer, 200 OK, did not come whole: the connection was closed before its end"},
        {s_just_close, "the connection was closed without an answer; the request was sent"},
        {s_just_reset, "the connection was reset; the request was sent"},
        {s_garbage, "the answer is not HTTP; the request was sent"},
        {s_break_a_chunk, "the answer, 200 OK, did not come whole: the answer is not HTTP: a broken chunk"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_t *world = s_setup(rows[i].answer);
        seen_t *seen = s_call(world, world->url);
        s_assert_seen(seen, HF_CLASS_UNCERTAIN, rows[i].reason);
        assert_true(seen->result.sent && seen->result.broken);
        assert_int_equal(world->asked, 1);
        s_teardown(world);
    }
}

//  libcurl by itself would send it again on a new connection: an attempt is one request.
static void a_kept_connection_that_is_closed_without_an_answer_is_not_sent_again(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok_once_then_close);
    s_assert_seen(s_call(world, world->url), HF_CLASS_SUCCEEDED, "answered 200 OK");
    seen_t *seen = s_call(world, world->url);
    s_assert_seen(seen, HF_CLASS_UNCERTAIN,
                  "the kept connection was closed without an answer; the request was sent");
    assert_true(seen->result.sent);
    for (int i = 0; i < 10; i++) {
        s_turn(world, 10);
    }
    assert_int_equal(world->asked, 2);
    world->answer = s_ok;
    s_assert_seen(s_call(world, world->url), HF_CLASS_SUCCEEDED, "answered 200 OK");
    assert_int_equal(world->asked, 3);
    s_teardown(world);
}

static void a_kept_connection_that_was_closed_before_is_not_used(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok_then_close);
    for (int i = 1; i <= 5; i++) {
        seen_t *seen = s_call(world, world->url);
        s_assert_seen(seen, HF_CLASS_SUCCEEDED, "answered 200 OK");
        assert_true(seen->result.connected_anew);
        assert_int_equal(world->asked, i);
    }
    s_teardown(world);
}

//  Its end makes its socket readable for ever, and nobody asked: it must not keep the loop awake.
static void an_idle_connection_that_the_server_closes_is_watched_no_more(void **state) {
    (void)state;
    world_t *world = s_setup(s_ok);
    s_assert_seen(s_call(world, world->url), HF_CLASS_SUCCEEDED, "answered 200 OK");
    struct pollfd item = {hf_http_descriptor(world->http), POLLIN, 0};
    s_close(&world->peers[0]);
    assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
    hf_http_run(world->http);
    assert_int_equal(poll(&item, 1, 50), 0);
    seen_t *seen = s_call(world, world->url);
    s_assert_seen(seen, HF_CLASS_SUCCEEDED, "answered 200 OK");
    assert_true(seen->result.connected_anew);
    assert_int_equal(world->asked, 2);
    s_teardown(world);
}

//  ---- stories: answers without measure

static void a_redirect_is_not_followed(void **state) {
    (void)state;
    world_t *world = s_setup(s_redirect);
    s_assert_seen(s_call(world, world->url), HF_CLASS_FAILED,
                  "answered 302 Found; redirects are not followed");
    assert_int_equal(world->asked, 1);
    s_teardown(world);
}

static void a_long_answer_is_kept_to_its_bound_and_its_connection_used_again(void **state) {
    (void)state;
    static const struct {
        size_t size;
        bool cut, again;
    } rows[] = {{HF_RESPONSE_MAX, false, true},
                {HF_RESPONSE_MAX + 1, true, true},
                {HF_RESPONSE_MAX + HF_HTTP_READ_ON_MAX, true, true},
                {HF_RESPONSE_MAX + HF_HTTP_READ_ON_MAX + 1, true, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char url[160];
        world_t *world = s_setup(s_sized);
        snprintf(url, sizeof url, "%s/size/%zu", world->url, rows[i].size);
        seen_t *seen = s_call(world, url);
        s_assert_seen(seen, HF_CLASS_SUCCEEDED, "answered 200 OK");
        assert_int_equal(seen->result.response_size, HF_RESPONSE_MAX);
        assert_int_equal(seen->result.response_cut, rows[i].cut);
        world->answer = s_ok;
        assert_int_equal(s_call(world, world->url)->result.connected_anew, !rows[i].again);
        s_teardown(world);
    }
}

static void bodies_without_end_take_neither_time_nor_memory(void **state) {
    (void)state;
    static const struct {
        void (*answer)(world_t *world, peer_t *peer);
        hf_class_t class;
        const char *reason;
    } rows[] = {
        {s_huge, HF_CLASS_SUCCEEDED, "answered 200 OK"},
        {s_endless, HF_CLASS_FAILED, "answered 500 Internal Server Error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        world_t *world = s_setup(rows[i].answer);
        seen_t *seen = s_call(world, world->url);
        s_assert_seen(seen, rows[i].class, rows[i].reason);
        assert_int_equal(seen->result.response_size, HF_RESPONSE_MAX);
        assert_true(seen->result.response_cut && seen->result.answered);
        assert_true(world->peers[0].poured < 32 << 20); //  What sockets hold, beside what was read
        s_teardown(world);
    }
}

static void headers_without_end_are_not_an_answer(void **state) {
    (void)state;
    void (*const answers[])(world_t *, peer_t *) = {s_endless_headers, s_many_headers};
    for (size_t i = 0; i < 2; i++) {
        world_t *world = s_setup(answers[i]);
        seen_t *seen = s_call(world, world->url);
        assert_int_equal(seen->class, HF_CLASS_UNCERTAIN);
        assert_true(world->peers[0].poured < 32 << 20);
        s_teardown(world);
    }
}

static void what_is_under_way_at_the_end_is_dropped(void **state) {
    (void)state;
    world_t *world = s_setup(s_never);
    for (int i = 0; i < 100; i++) {
        s_begin(world, world->url, "{}", 2);
        s_turn(world, 0);
    }
    s_teardown(world);
}

//  ---- stories: TLS

typedef struct {
    char dir[64];   //  Certificate and key
    char cert[128]; //  The certificate
    char url[64];   //  https://127.0.0.1:PORT/
    pid_t pid;      //  openssl s_server
    int out;        //  What it says
} tls_t;

static void s_certify(tls_t *tls, const char *name) {
    char command[512];
    strcpy(tls->dir, "/tmp/holdfast-tls-XXXXXX");
    assert_non_null(mkdtemp(tls->dir));
    snprintf(tls->cert, sizeof tls->cert, "%s/cert.pem", tls->dir);
    snprintf(
        command, sizeof command,
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        " -addext subjectAltName=%s -keyout %s/key.pem -out %s 2>%s/log",
        name, tls->dir, tls->cert, tls->dir);
    assert_int_equal(system(command), 0);
}

//  Reads "ACCEPT 127.0.0.1:PORT".
static void s_read_port(tls_t *tls) {
    char line[256] = "", *accept = NULL;
    size_t size = 0;
    while (!(accept = strstr(line, "ACCEPT ")) || !strchr(accept, '\n')) {
        struct pollfd item = {tls->out, POLLIN, 0};
        assert_int_equal(poll(&item, 1, PATIENCE_MS), 1);
        ssize_t some = read(tls->out, line + size, sizeof line - 1 - size);
        assert_true(some > 0);
        size += (size_t)some;
        line[size] = 0;
    }
    *strchr(accept, '\n') = 0;
    snprintf(tls->url, sizeof tls->url, "https://127.0.0.1%s/", strrchr(accept, ':'));
}

static void s_serve_tls(tls_t *tls, const char *name) {
    char key[128];
    int ends[2];
    s_certify(tls, name);
    snprintf(key, sizeof key, "%s/key.pem", tls->dir);
    assert_int_equal(pipe(ends), 0);
    pid_t parent = getpid();
    tls->pid = fork();
    assert_true(tls->pid >= 0);
    if (tls->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (getppid() == parent) {
            execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", tls->cert, "-key",
                   key, "-www", "-naccept", "100", (char *)NULL);
        }
        _exit(127);
    }
    close(ends[1]);
    tls->out = ends[0];
    s_read_port(tls);
}

static void s_end_tls(tls_t *tls) {
    char command[128];
    kill(tls->pid, SIGKILL);
    waitpid(tls->pid, NULL, 0);
    close(tls->out);
    snprintf(command, sizeof command, "rm -rf %s", tls->dir);
    assert_int_equal(system(command), 0);
}

static void s_get(world_t *world) {
    free(world->destination->method);
    world->destination->method = hf_strdup("GET");
}

static void a_certificate_must_be_trusted(void **state) {
    (void)state;
    tls_t tls;
    s_serve_tls(&tls, "IP:127.0.0.1");
    world_t *world = s_setup_trusting(NULL);
    s_get(world);
    s_begin(world, tls.url, NULL, 0);
    seen_t *seen = s_wait(world);
    s_assert_seen(seen, HF_CLASS_REFUSED, "the certificate is not trusted: self-signed certificate");
    assert_false(seen->result.sent);
    s_teardown(world);

    world = s_setup_trusting(tls.cert);
    s_get(world);
    s_begin(world, tls.url, NULL, 0);
    seen = s_wait(world);
    assert_string_equal(hf_class_name(seen->class), "succeeded");
    assert_true(seen->result.tls_us > 0 && seen->result.sent);
    s_teardown(world);
    s_end_tls(&tls);
}

static void a_certificate_must_be_for_the_host(void **state) {
    (void)state;
    tls_t tls;
    s_serve_tls(&tls, "DNS:other.example");
    world_t *world = s_setup_trusting(tls.cert);
    s_get(world);
    s_begin(world, tls.url, NULL, 0);
    s_assert_seen(s_wait(world), HF_CLASS_REFUSED,
                  "the certificate is not trusted: no alternative certificate subject name matches target "
                  "host name '127.0.0.1'");
    s_teardown(world);
    s_end_tls(&tls);
}

static void s_plain(world_t *world, peer_t *peer) {
    (void)world;
    (void)peer;
}

static void a_handshake_that_does_not_come_times_out_before_anything_is_sent(void **state) {
    (void)state;
    world_t *world = s_setup(s_plain);
    char url[128], reason[128];
    world->destination->connect_timeout_ms = 300;
    snprintf(url, sizeof url, "https%s", world->url + 4);
    snprintf(reason, sizeof reason, "no connection to %.*s within 300 ms; nothing was sent",
             (int)strcspn(world->url + 7, "/"), world->url + 7);
    s_begin(world, url, "{}", 2);
    seen_t *seen = s_wait(world);
    s_assert_seen(seen, HF_CLASS_REFUSED, reason);
    assert_false(seen->result.sent);
    s_teardown(world);
}

static void tls_to_a_server_without_it_fails_before_anything_is_sent(void **state) {
    (void)state;
    world_t *world = s_setup(s_plain);
    char url[128];
    snprintf(url, sizeof url, "https%s", world->url + 4);
    s_begin(world, url, "{}", 2);
    int64_t until = s_now_ms() + PATIENCE_MS;
    while (world->peers[0].fd < 0 || world->peers[0].in.size == 0) {
        assert_true(s_now_ms() < until);
        s_turn(world, 100);
    }
    s_say(&world->peers[0], "HTTP/1.1 400 Bad Request\r\n\r\n");
    seen_t *seen = s_wait(world);
    assert_int_equal(seen->class, HF_CLASS_REFUSED);
    assert_ptr_equal(strstr(seen->reason, "the TLS handshake failed: "), seen->reason);
    assert_false(seen->result.sent);
    s_teardown(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_sent_as_it_was_meant_and_its_answer_read),
        cmocka_unit_test(methods_and_bodies),
        cmocka_unit_test(a_large_body_goes_out_without_expect),
        cmocka_unit_test(connections_are_kept_and_used_again),
        cmocka_unit_test(hundreds_at_once_need_no_more_connections_than_that),
        cmocka_unit_test(early_answers_are_passed_over),
        cmocka_unit_test(retry_after_is_handed_on),
        cmocka_unit_test(a_closed_port_refuses_and_no_secret_is_told),
        cmocka_unit_test(a_connection_that_does_not_come_times_out),
        cmocka_unit_test(urls_that_cannot_be_called),
        cmocka_unit_test(a_third_party_that_hangs_times_out),
        cmocka_unit_test(answers_that_break_off),
        cmocka_unit_test(a_kept_connection_that_is_closed_without_an_answer_is_not_sent_again),
        cmocka_unit_test(a_kept_connection_that_was_closed_before_is_not_used),
        cmocka_unit_test(an_idle_connection_that_the_server_closes_is_watched_no_more),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_long_answer_is_kept_to_its_bound_and_its_connection_used_again),
        cmocka_unit_test(bodies_without_end_take_neither_time_nor_memory),
        cmocka_unit_test(headers_without_end_are_not_an_answer),
        cmocka_unit_test(what_is_under_way_at_the_end_is_dropped),
        cmocka_unit_test(a_certificate_must_be_trusted),
        cmocka_unit_test(a_certificate_must_be_for_the_host),
        cmocka_unit_test(a_handshake_that_does_not_come_times_out_before_anything_is_sent),
        cmocka_unit_test(tls_to_a_server_without_it_fails_before_anything_is_sent),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
