#include "requests.h"

#include "answers.h"
#include "clock.h"
#include "timers.h"

#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <xxhash.h>

//  What /standin/mood may send at most.
#define CONTROL_BYTES 4096

//  How much of a streamed body is computed at once.
#define STREAM_BYTES (64 * 1024)

#define DRIP_MS 1000

typedef struct s_request s_request_t;

struct s_request {
    standin_timer_t timer;             //  First, so that a timer is its request
    standin_requests_t *home;          //  Where it belongs
    struct MHD_Connection *connection; //  NULL until its headers were read
    s_request_t *next;                 //  In the list of free ones, or of waiting ones
    s_request_t *previous;             //  In the list of waiting ones
    char *path;                        //  Path and query as sent
    size_t path_capacity;              //  Of path
    XXH3_state_t *hash;                //  Of the body so far
    uint64_t body_bytes;               //  Read so far
    char *control;                     //  The body of a request to /standin/…, NUL-terminated, else NULL
    size_t control_bytes;              //  Its length
    standin_outcome_t outcome;         //  What it gets, once decided
    standin_body_t body;               //  What is streamed to it
    int64_t drip_ms;                   //  When its next byte may go
    int64_t down_ms;                   //  What it asked of /standin/mood; -1 nothing
    bool decided;                      //  Read whole and logged
    bool waiting;                      //  Suspended, watched, and in the list
    bool left;                         //  Its client is gone: no more answering
    bool own;                          //  To /standin/…
};

struct standin_requests {
    int epoll_fd;               //  Where the sockets of waiting requests are watched
    bool tls;                   //  For the scheme of a Location
    bool closed;                //  Everything is dropped
    standin_log_t *log;         //  Not owned; may be NULL
    standin_mood_t mood;        //  The mood now, but for what a path says
    uint64_t random;            //  State of the generator that decides shares
    int64_t down_ms;            //  Asked for; -1 nothing
    standin_stats_t stats;      //  Counted since the start
    standin_answers_t *answers; //  What is said
    standin_timers_t *timers;   //  Waiting requests that wait for a time
    s_request_t *waiting;       //  All that wait
    s_request_t *free;          //  Requests to be used again
};

standin_requests_t *standin_requests_new(int epoll_fd, standin_log_t *log, const standin_mood_t *mood,
                                         uint64_t seed, bool tls) {
    standin_requests_t *self = standin_realloc(NULL, sizeof *self);
    *self = (standin_requests_t){
        .epoll_fd = epoll_fd, .log = log, .mood = *mood, .random = seed, .tls = tls, .down_ms = -1};
    self->answers = standin_answers_new();
    self->timers = standin_timers_new();
    return self;
}

void standin_requests_destroy(standin_requests_t **self_p) {
    assert(self_p);
    standin_requests_t *self = *self_p;
    if (!self) {
        return;
    }
    assert(!self->waiting);
    while (self->free) {
        s_request_t *request = self->free;
        self->free = request->next;
        XXH3_freeState(request->hash);
        free(request->path);
        free(request);
    }
    standin_timers_destroy(&self->timers);
    standin_answers_destroy(&self->answers);
    free(self);
    *self_p = NULL;
}

//  ---- A request's life

void *standin_requests_begin(void *cls, const char *uri, struct MHD_Connection *connection) {
    (void)connection;
    standin_requests_t *self = cls;
    s_request_t *request = self->free;
    if (request) {
        self->free = request->next;
    } else {
        request = standin_realloc(NULL, sizeof *request);
        *request = (s_request_t){.home = self, .hash = XXH3_createState()};
        assert(request->hash);
    }
    size_t size = strlen(uri) + 1;
    if (size > request->path_capacity) {
        request->path_capacity = size < 128 ? 128 : size;
        request->path = standin_realloc(request->path, request->path_capacity);
    }
    memcpy(request->path, uri, size);
    XXH3_64bits_reset(request->hash);
    request->connection = NULL;
    request->next = request->previous = NULL;
    request->body_bytes = 0;
    request->control_bytes = 0;
    request->drip_ms = 0;
    request->down_ms = -1;
    request->decided = request->waiting = request->left = false;
    request->own = !strncmp(uri, "/standin/", 9);
    self->stats.in_flight += request->own ? 0 : 1;
    return request;
}

void standin_requests_completed(void *cls, struct MHD_Connection *connection, void **request_p,
                                enum MHD_RequestTerminationCode code) {
    (void)connection;
    (void)code;
    standin_requests_t *self = cls;
    s_request_t *request = *request_p;
    if (!request) {
        return;
    }
    assert(!request->waiting);
    if (request->down_ms >= 0) {
        self->down_ms = request->down_ms;
    }
    self->stats.in_flight -= request->own ? 0 : 1;
    free(request->control);
    request->control = NULL;
    request->next = self->free;
    self->free = request;
    *request_p = NULL;
}

void standin_requests_connected(void *cls, struct MHD_Connection *connection, void **context,
                                enum MHD_ConnectionNotificationCode code) {
    (void)connection;
    (void)context;
    standin_requests_t *self = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        self->stats.connections++;
    } else {
        self->stats.connections--;
    }
}

//  ---- Waiting

static int s_socket(const s_request_t *self) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(self->connection,
                                                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    assert(info);
    return info->connect_fd;
}

//  Suspends the request until then (INT64_MAX: for ever) or until its client leaves.
static void s_pause(s_request_t *self, int64_t due_ms) {
    standin_requests_t *home = self->home;
    assert(!self->waiting);
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = self};
    epoll_ctl(home->epoll_fd, EPOLL_CTL_ADD, s_socket(self), &event);
    if (due_ms != INT64_MAX) {
        standin_timers_arm(home->timers, &self->timer, due_ms);
    }
    self->previous = NULL;
    self->next = home->waiting;
    if (self->next) {
        self->next->previous = self;
    }
    home->waiting = self;
    self->waiting = true;
    MHD_suspend_connection(self->connection);
}

static void s_wake(s_request_t *self) {
    standin_requests_t *home = self->home;
    assert(self->waiting);
    epoll_ctl(home->epoll_fd, EPOLL_CTL_DEL, s_socket(self), NULL);
    standin_timers_disarm(home->timers, &self->timer);
    if (self->previous) {
        self->previous->next = self->next;
    } else {
        home->waiting = self->next;
    }
    if (self->next) {
        self->next->previous = self->previous;
    }
    self->waiting = false;
    MHD_resume_connection(self->connection);
}

void standin_requests_left(standin_requests_t *self, void *request_) {
    s_request_t *request = request_;
    assert(request->home == self);
    if (request->waiting) {
        request->left = true;
        s_wake(request);
    }
}

bool standin_requests_tick(standin_requests_t *self, int64_t now_ms) {
    bool any = false;
    standin_timer_t *timer;
    while ((timer = standin_timers_take_due(self->timers, now_ms)) != NULL) {
        s_wake((s_request_t *)timer);
        any = true;
    }
    return any;
}

int64_t standin_requests_next_ms(const standin_requests_t *self) {
    return standin_timers_next_ms(self->timers);
}

void standin_requests_close(standin_requests_t *self) {
    self->closed = true;
    while (self->waiting) {
        standin_requests_left(self, self->waiting);
    }
}

void standin_requests_open(standin_requests_t *self) {
    self->closed = false;
}

int64_t standin_requests_take_down_ms(standin_requests_t *self) {
    int64_t down_ms = self->down_ms;
    self->down_ms = -1;
    return down_ms;
}

//  ---- Streamed answers: large ones, drips, and those that end in a reset

//  Sends what the kernel still gathers.
static void s_push(const s_request_t *self) {
    int on = 1;
    setsockopt(s_socket(self), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static ssize_t s_stream_read(void *cls, uint64_t position, char *buffer, size_t most) {
    s_request_t *self = cls;
    int64_t now_ms = standin_steady_ms();
    if (self->left || self->home->closed) {
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (self->outcome.kind == STANDIN_RESET) {
        if (position) {
            //  Without lingering, close() sends a RST; MHD_USE_TURBO keeps libmicrohttpd from sending a FIN
            //  before it.
            struct linger none = {.l_onoff = 1, .l_linger = 0};
            s_push(self);
            setsockopt(s_socket(self), SOL_SOCKET, SO_LINGER, &none, sizeof none);
            return MHD_CONTENT_READER_END_WITH_ERROR;
        }
        size_t half = (size_t)(self->body.total_bytes / 2);
        most = half < most ? half : most;
    }
    if (self->outcome.drip) {
        if (now_ms < self->drip_ms) {
            s_push(self);
            s_pause(self, self->drip_ms);
            return 0;
        }
        self->drip_ms = now_ms + DRIP_MS;
        most = 1;
    }
    return (ssize_t)standin_body_read(&self->body, (int64_t)position, buffer, most);
}

static enum MHD_Result s_answer_stream(s_request_t *self, const char *host) {
    self->body = standin_body_of(&self->outcome);
    if (self->outcome.kind == STANDIN_RESET && self->body.total_bytes < 2) {
        self->body.total_bytes = 2; //  Something to be in the middle of
    }
    struct MHD_Response *response = MHD_create_response_from_callback(
        (uint64_t)self->body.total_bytes, STREAM_BYTES, s_stream_read, self, NULL);
    assert(response);
    standin_answers_dress(response, &self->outcome, host, self->home->tls);
    enum MHD_Result result = MHD_queue_response(self->connection, self->outcome.status, response);
    MHD_destroy_response(response);
    return result;
}

//  ---- Answers

//  Writes what no HTTP client understands past libmicrohttpd; the connection is closed behind it.
static enum MHD_Result s_answer_garbage(s_request_t *self) {
    static const char garbage[] = "\x7f\x45\x4c\x46 this is not HTTP\r\n\x00\xff\xfe\r\n\r\n";
    if (send(s_socket(self), garbage, sizeof garbage, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        self->left = true; //  It cannot be told; the connection is closed either way
    }
    return MHD_NO;
}

static enum MHD_Result s_answer(s_request_t *self) {
    if (self->outcome.kind == STANDIN_HANG) {
        s_pause(self, INT64_MAX);
        return MHD_YES;
    }
    if (self->outcome.kind == STANDIN_GARBAGE) {
        return s_answer_garbage(self);
    }
    const char *host = NULL;
    if (self->outcome.redirect) {
        host = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    }
    if (standin_answers_streams(&self->outcome)) {
        return s_answer_stream(self, host);
    }
    return standin_answers_queue(self->home->answers, self->connection, &self->outcome, host,
                                 self->home->tls);
}

static enum MHD_Result s_answer_json(s_request_t *self, unsigned status, char *text) {
    struct MHD_Response *response = standin_answers_json(text);
    enum MHD_Result result = MHD_queue_response(self->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result s_answer_own(s_request_t *self, const char *url, const char *method) {
    standin_requests_t *home = self->home;
    if (!strcmp(url, "/standin/stats")) {
        return s_answer_json(self, MHD_HTTP_OK, standin_control_stats_json(&home->stats));
    }
    if (strcmp(url, "/standin/mood")) {
        char *text = standin_control_error_json(
            "there is GET /standin/stats, and GET and POST /standin/mood");
        return s_answer_json(self, MHD_HTTP_NOT_FOUND, text);
    }
    char error[200] = "the body is longer than any mood";
    if (strcmp(method, MHD_HTTP_METHOD_GET) &&
        (self->body_bytes > CONTROL_BYTES ||
         standin_control_mood(&home->mood, &self->down_ms, self->control ? self->control : "", error,
                              sizeof error))) {
        return s_answer_json(self, MHD_HTTP_BAD_REQUEST, standin_control_error_json(error));
    }
    return s_answer_json(self, MHD_HTTP_OK, standin_control_mood_json(&home->mood));
}

//  ---- Reading

static void s_read(s_request_t *self, const char *data, size_t size) {
    self->body_bytes += size;
    if (!self->own) {
        XXH3_64bits_update(self->hash, data, size);
    } else if (self->body_bytes <= CONTROL_BYTES) {
        self->control = standin_realloc(self->control, self->control_bytes + size + 1);
        memcpy(self->control + self->control_bytes, data, size);
        self->control_bytes += size;
        self->control[self->control_bytes] = '\0';
    }
}

//  The request was read whole: decides, counts and logs it.
static void s_decide(s_request_t *self, int64_t now_ms) {
    standin_requests_t *home = self->home;
    self->outcome = standin_mood_decide(&home->mood, self->path, &home->random);
    self->decided = true;
    home->stats.requests++;
    char status[8];
    const char *outcome = status;
    if (self->outcome.kind == STANDIN_HANG) {
        home->stats.hangs++;
        outcome = "hang";
    } else if (self->outcome.kind == STANDIN_RESET) {
        home->stats.resets++;
        outcome = "reset";
    } else if (self->outcome.kind == STANDIN_GARBAGE) {
        home->stats.garbage++;
        outcome = "garbage";
    } else {
        home->stats.by_status[self->outcome.status]++;
        unsigned number = self->outcome.status;
        memcpy(status,
               (char[4]){(char)('0' + number / 100), (char)('0' + number / 10 % 10),
                         (char)('0' + number % 10), 0},
               4);
    }
    if (!home->log) {
        return;
    }
    standin_log_line_t line = {.time_ms = standin_wall_ms(),
                               .outcome = outcome,
                               .hash = XXH3_64bits_digest(self->hash),
                               .body_bytes = self->body_bytes,
                               .path = self->path};
    line.key = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, "Idempotency-Key");
    line.attempt = MHD_lookup_connection_value(self->connection, MHD_HEADER_KIND, "Holdfast-Attempt");
    standin_log_add(home->log, now_ms, &line);
}

enum MHD_Result standin_requests_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                        const char *method, const char *version, const char *data,
                                        size_t *size, void **request_p) {
    (void)version;
    standin_requests_t *self = cls;
    s_request_t *request = *request_p;
    if (self->closed || request->left) {
        return MHD_NO;
    }
    if (!request->connection) {
        request->connection = connection; //  Only the headers are there yet
        return MHD_YES;
    }
    if (*size) {
        s_read(request, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (request->own) {
        return s_answer_own(request, url, method);
    }
    if (!request->decided) {
        int64_t now_ms = standin_steady_ms();
        s_decide(request, now_ms);
        if (request->outcome.delay_ms) {
            s_pause(request, now_ms + request->outcome.delay_ms);
            return MHD_YES;
        }
    }
    return s_answer(request);
}
