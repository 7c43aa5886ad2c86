#include "ingress/server_shell.h"
#include "host/clock.h"
#include "host/listen.h"
#include "ingress/head_shell.h"
#include "ingress/lists_shell.h"
#include "ingress/pages_shell.h"
#include "ingress/refusal_shell.h"
#include "ingress/request_shell.h"
#include "ingress/waiting_shell.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

//  ---- lingering

static void s_linger(hf_server_t *self, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection,
                                                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    for (int i = 0; info && i < HF_SERVER_LINGERING; i++) {
        if (self->lingering[i].fd < 0) {
            self->lingering[i] = (hf_linger_t){fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0),
                                               hf_clock_now_ms() + HF_SERVER_LINGER_MS};
            return;
        }
    }
}

//  Reads away what has come, a bounded part of it; false: the client is done, or gone.
static bool s_read_away(int fd) {
    char bytes[16 << 10];
    ssize_t size = 1;
    for (int i = 0; i < 64 && size > 0; i++) {
        size = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    }
    return size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR));
}

static void s_linger_on(hf_server_t *self, int64_t now) {
    for (int i = 0; i < HF_SERVER_LINGERING; i++) {
        hf_linger_t *linger = &self->lingering[i];
        if (linger->fd >= 0 && (now >= linger->until || !s_read_away(linger->fd))) {
            close(linger->fd);
            linger->fd = -1;
        }
    }
}

//  ---- refusing a head

//  Whether the body is dropped first, so that the connection stays usable. Not where it is over the limit,
//  where the client waits for a word before it sends it, or where nobody knows how long it is: then
//  libmicrohttpd answers, and closes.
static bool s_can_drop(const hf_request_t *request) {
    return !request->has_body ||
           (!request->expects && request->length <= request->server->config->body_limit);
}

static enum MHD_Result s_refuse_head(hf_request_t *request) {
    request->phase = HF_REQUEST_REFUSED;
    if (!request->unframed && s_can_drop(request)) {
        return MHD_YES;
    }
    hf_request_refuse(request, &request->problem);
    hf_request_header(request, MHD_HTTP_HEADER_CONNECTION, "close");
    s_linger(request->server, request->connection);
    return hf_request_queue(request);
}

static enum MHD_Result s_on_head(hf_request_t *request, const char *method, const char *version) {
    if (hf_head_read(request, method, version)) {
        return s_refuse_head(request);
    }
    request->phase = HF_REQUEST_BODY;
    return MHD_YES;
}

//  ---- what libmicrohttpd refuses

static void s_name_problem(unsigned status, hf_problem_t *problem) {
    switch (status) {
    case MHD_HTTP_CONTENT_TOO_LARGE:
        hf_problem_set(problem, HF_PROBLEM_BODY_TOO_LARGE, 0,
                       "A chunk's size is larger than any body can be.");
        break;
    case MHD_HTTP_URI_TOO_LONG:
        hf_problem_set(problem, HF_PROBLEM_URI_TOO_LONG, 0,
                       "A request's head has %d bytes here, and this target alone has more.",
                       HF_SERVER_CONNECTION_BYTES);
        break;
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        hf_problem_set(problem, HF_PROBLEM_HEAD_TOO_LARGE, 0,
                       "A request's head has %d bytes here, with what is kept about each header.",
                       HF_SERVER_CONNECTION_BYTES);
        break;
    case MHD_HTTP_HTTP_VERSION_NOT_SUPPORTED:
        hf_problem_set(problem, HF_PROBLEM_VERSION, 0, "HTTP/1.1 and HTTP/1.0 are spoken here.");
        break;
    case MHD_HTTP_BAD_REQUEST:
        hf_problem_set(problem, HF_PROBLEM_REQUEST, 0,
                       "It is not as RFC 9112 has HTTP/1.1: whole chunks, each header a name, a colon and a "
                       "value on a line "
                       "of its own.");
        break;
    default:
        hf_problem_set(problem, HF_PROBLEM_SERVER, 0, "libmicrohttpd gave this request up; send it again.");
    }
    assert(problem->status == (int)status || status >= 500);
}

//  The connection is closed behind it: nobody knows where the next request begins.
static struct MHD_Response *s_on_refusal(void *context, struct MHD_Connection *connection, unsigned status) {
    hf_server_t *self = context;
    hf_problem_t problem;
    hf_buf_t bytes = {0};
    s_name_problem(status, &problem);
    hf_problem_render(&problem, &bytes);
    size_t size;
    uint8_t *data = hf_buf_release(&bytes, &size);
    struct MHD_Response *response = MHD_create_response_from_buffer(size, data, MHD_RESPMEM_MUST_FREE);
    assert(response && "out of memory");
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/problem+json");
    if (status < HF_METRICS_STATUSES) {
        self->metrics.requests[status]++;
    }
    s_linger(self, connection);
    return response;
}

//  ---- the body

//  From here on the body is dropped as it comes.
static void s_begin_refusal(hf_request_t *request) {
    request->phase = HF_REQUEST_REFUSED;
    hf_request_drop_body(request);
}

static void s_keep(hf_request_t *request, const char *data, size_t size) {
    hf_server_t *server = request->server;
    size_t before = request->body.capacity, limit = server->config->unacked_limit;
    if (hf_head_check_length(request, request->body.size + size, &request->problem)) {
        s_begin_refusal(request);
        return;
    }
    if (server->body_bytes + hf_ingress_unacked_bytes(server->core) + size > limit &&
        server->body_bytes > before) {
        hf_problem_set(
            &request->problem, HF_PROBLEM_BUSY, 1,
            "Bodies in hand, and what is not durable yet, would pass %zu bytes; try again in a second.",
            limit);
        s_begin_refusal(request);
        return;
    }
    if (!before && request->length && request->length < HF_SERVER_CONNECTION_BYTES) {
        hf_buf_extend(&request->body, (size_t)request->length);
        hf_buf_clear(&request->body);
    }
    hf_buf_add(&request->body, data, size);
    server->body_bytes += request->body.capacity - before;
}

//  MHD_NO closes the connection: who sends without end, or drop by drop, can be told nothing in the middle of
//  it.
static enum MHD_Result s_on_body(hf_request_t *request, const char *data, size_t *size) {
    if (request->phase == HF_REQUEST_BODY) {
        s_keep(request, data, *size);
    } else {
        request->dropped += *size;
    }
    *size = 0;
    bool endless = request->dropped > request->server->config->body_limit + HF_SERVER_DISCARD_MAX;
    bool slow = hf_clock_now_ms() - request->began_at > HF_SERVER_BODY_MS;
    return endless || slow ? MHD_NO : MHD_YES;
}

static enum MHD_Result s_on_whole(hf_request_t *request) {
    request->server->under_way++;
    request->counted = true;
    if (request->phase == HF_REQUEST_REFUSED) {
        hf_request_refuse(request, &request->problem);
    } else {
        hf_pages_serve(request);
    }
    hf_request_drop_body(request);
    return request->phase == HF_REQUEST_READY ? hf_request_queue(request) : MHD_YES;
}

//  ---- libmicrohttpd's calls

//  Before anything else of a request: its target, still encoded.
static void *s_on_target(void *context, const char *target, struct MHD_Connection *connection) {
    hf_request_t *request = hf_request_new(context);
    request->connection = connection;
    request->wait_s = -1;
    request->route_broken = hf_route_find(target, &request->route) != 0;
    size_t size = request->route.query ? strlen(request->route.query) : 0;
    request->route.query = size ? hf_memdup(request->route.query, size) : NULL;
    return request;
}

//  A connection begins or ends: what it sent at once can be read.
static void s_on_connection(void *context, struct MHD_Connection *connection, void **connection_p,
                            enum MHD_ConnectionNotificationCode code) {
    (void)connection;
    (void)connection_p;
    ((hf_server_t *)context)->moved += code == MHD_CONNECTION_NOTIFY_STARTED;
}

static enum MHD_Result s_on_request(void *context, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data, size_t *size,
                                    void **request_p) {
    hf_request_t *request = *request_p;
    (void)context;
    (void)connection;
    (void)url;
    switch (request->phase) {
    case HF_REQUEST_HEAD:
        hf_request_moved(request);
        return s_on_head(request, method, version);
    case HF_REQUEST_BODY:
    case HF_REQUEST_REFUSED:
        hf_request_moved(request);
        return *size ? s_on_body(request, data, size) : s_on_whole(request);
    case HF_REQUEST_WAITING:
        return hf_request_go_on_waiting(request);
    case HF_REQUEST_READY:
        return hf_request_queue(request);
    default:
        return MHD_NO;
    }
}

//  Also for requests that were never read to their end. One that the core has is freed with the core's
//  answer.
static void s_on_completed(void *context, struct MHD_Connection *connection, void **request_p,
                           enum MHD_RequestTerminationCode code) {
    hf_request_t *request = *request_p;
    (void)connection;
    (void)code;
    if (!request) {
        return;
    }
    hf_server_t *server = context;
    server->under_way -= request->counted;
    server->standing -= request->phase == HF_REQUEST_WAITING && !request->suspended;
    hf_lists_forget(request);
    hf_waiting_forget(request);
    request->connection = NULL;
    if (!request->in_journal) {
        hf_request_free(request);
    }
}

//  ---- listening

static void s_name(int fd, char *name, size_t size) {
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
    if (getsockname(fd, (struct sockaddr *)&bound, &length) == 0) {
        getnameinfo((struct sockaddr *)&bound, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    }
    bool six = strchr(host, ':') != NULL;
    snprintf(name, size, "%s%.200s%s:%.8s", six ? "[" : "", host, six ? "]" : "", port);
}

//  As many as descriptors allow, with some left for everything else.
static unsigned s_connections(void) {
    struct rlimit limit = {.rlim_cur = 1024};
    (void)getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur > 128 ? limit.rlim_cur - 64 : 64;
    return most < HF_SERVER_CONNECTIONS ? (unsigned)most : HF_SERVER_CONNECTIONS;
}

static int s_start(hf_server_t *self, const char *address, hf_error_t *error) {
    int fd = hf_listen(address, HF_SERVER_BACKLOG, error);
    if (fd < 0) {
        return -1;
    }
    s_name(fd, self->address, sizeof self->address);
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO;
    flags |= self->address[0] == '[' ? MHD_USE_IPv6 : 0;
    self->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, s_on_request, self, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        s_connections(), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HF_SERVER_CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HF_SERVER_IDLE_S, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, s_on_target, self,
        MHD_OPTION_NOTIFY_COMPLETED, s_on_completed, self, MHD_OPTION_NOTIFY_CONNECTION, s_on_connection,
        self, MHD_OPTION_END);
    if (!self->daemon) {
        close(fd);
        return hf_error_set(error, "libmicrohttpd does not start: %s", strerror(errno));
    }
    hf_refusal_watch(self->daemon, s_on_refusal, self);
    return 0;
}

hf_server_t *hf_server_new(hf_shell_t *shell, hf_ingress_t *core, const char *address, hf_error_t *error) {
    hf_server_t *self = hf_alloc(sizeof *self);
    self->shell = shell;
    self->core = core;
    self->config = hf_shell_config(shell);
    self->store = hf_shell_store(shell);
    hf_ingress_follow(core, false);
    self->sse = hf_sse_new(self->config, self->store);
    self->waited = hf_id_map_new();
    self->accepted = hf_alloc(self->config->pipelines_size * sizeof *self->accepted);
    for (int i = 0; i < HF_SERVER_LINGERING; i++) {
        self->lingering[i].fd = -1;
    }
    if (s_start(self, address, error)) {
        hf_server_destroy(&self);
    }
    return self;
}

//  Whom the journal has not answered nobody can answer: what was sent may have become durable. The connection
//  is closed.
static void s_abandon(hf_server_t *self) {
    while (self->asked) {
        hf_request_t *request = self->asked;
        hf_request_unlink(request);
        request->in_journal = false;
        if (request->connection) {
            request->phase = HF_REQUEST_DONE;
            hf_request_wait_no_more(request);
        } else {
            hf_request_free(request);
        }
    }
}

static void s_stop(hf_server_t *self) {
    hf_server_drain(self);
    //  Suspended connections may not be there when libmicrohttpd is stopped.
    s_abandon(self);
    hf_waiting_end(self, 0, true);
    hf_sse_close(self->sse);
    while (hf_sse_pump(self->sse)) {
    }
    MHD_run(self->daemon);
    MHD_stop_daemon(self->daemon);
    hf_refusal_watch(NULL, NULL, NULL);
}

void hf_server_destroy(hf_server_t **self_p) {
    assert(self_p);
    hf_server_t *self = *self_p;
    if (!self) {
        return;
    }
    if (self->daemon) {
        s_stop(self);
    }
    s_linger_on(self, INT64_MAX);
    for (size_t i = 0; self->accepted && i < self->config->pipelines_size; i++) {
        hf_buf_free(&self->accepted[i]);
    }
    free(self->accepted);
    while (self->spare) {
        hf_request_t *request = self->spare;
        self->spare = request->next;
        free(request);
    }
    hf_sse_destroy(&self->sse);
    hf_id_map_destroy(&self->waited);
    free(self);
    *self_p = NULL;
}

int hf_server_descriptor(const hf_server_t *self) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info);
    return info->epoll_fd;
}

const char *hf_server_address(const hf_server_t *self) {
    return self->address;
}

//  ---- running

//  libmicrohttpd 0.9.75 says by a time-out of 0 that there is more for it to do. But what stands counts there,
//  too: as long as something does, we go by what moved. What that misses (a head that grew its
//  buffer, an event stream that has more to tell) waits for HF_SERVER_STANDING_LOOK_MS at most.
static bool s_turn(hf_server_t *self) {
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    self->turn++;
    self->moved = 0;
    self->now = hf_clock_now_ms();
    MHD_run(self->daemon);
    if (self->standing) {
        return self->moved > 0;
    }
    return MHD_get_timeout(self->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
}

static bool s_run(hf_server_t *self, bool read) {
    bool more = read;
    for (int round = 0; round < HF_SERVER_ROUNDS; round++) {
        hf_waiting_answer_all(self);
        more = hf_sse_pump(self->sse) || self->resumed || more;
        if (!more) {
            return false;
        }
        self->resumed = false;
        more = s_turn(self);
    }
    return true;
}

//  Replaying readers get their share of this round. While submitters wait for the journal, that comes at most every
//  HF_SERVER_REPLAY_MS: on a busy machine the journal needs the processor that a replay would take without end.
static void s_share(hf_server_t *self, int64_t now) {
    if (now >= self->replay_at) {
        hf_sse_begin_round(self->sse);
        self->replay_at = self->in_journal ? now + HF_SERVER_REPLAY_MS : now;
    }
}

int64_t hf_server_run(hf_server_t *self, bool read) {
    s_share(self, hf_clock_now_ms());
    hf_lists_go_on(self);
    if (s_run(self, read)) {
        return INT64_MIN;
    }
    int64_t at = self->standing ? self->now + HF_SERVER_STANDING_LOOK_MS : INT64_MAX;
    if (self->lists && self->list_at < at) {
        at = self->list_at;
    }
    return hf_sse_is_behind(self->sse) && self->replay_at < at ? self->replay_at : at;
}

//  ---- every now and then

void hf_server_on_fact(hf_server_t *self, const Hf__Fact *fact) {
    hf_waiting_on_fact(self, fact);
    hf_sse_on_fact(self->sse, fact);
}

//  The journal holds this lock exclusively while it lives: who gets it shared knows that none does, until it
//  is given back.
static void s_settle(hf_server_t *self, int64_t now) {
    char path[4096];
    int fd = open(hf_shell_path(self->shell, "journal/lock", path, sizeof path), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (flock(fd, LOCK_SH | LOCK_NB) == 0) {
        hf_ingress_settle(self->core, now);
    }
    close(fd);
}

static void s_look_again(hf_server_t *self) {
    uint64_t rebuilds = hf_ingress_rebuilds(self->core);
    if (self->rebuilds != rebuilds) {
        self->rebuilds = rebuilds;
        hf_sse_rebuild(self->sse);
        hf_waiting_look_again(self);
    }
}

void hf_server_tick(hf_server_t *self, int64_t now) {
    hf_waiting_end(self, now, self->drain_at != 0);
    s_linger_on(self, now);
    s_look_again(self);
    hf_waiting_hear_on(self, now);
    if (now - self->beat_at >= 1000) {
        self->beat_at = now;
        hf_sse_beat(self->sse, now);
        if (hf_ingress_overdue(self->core, now)) {
            s_settle(self, now);
        }
    }
}

void hf_server_drain(hf_server_t *self) {
    if (self->drain_at) {
        return;
    }
    self->drain_at = hf_clock_now_ms();
    int fd = MHD_quiesce_daemon(self->daemon);
    if (fd >= 0) {
        close(fd);
    }
    hf_lists_end(self);
    hf_waiting_end(self, self->drain_at, true);
    hf_sse_close(self->sse);
}

bool hf_server_is_drained(const hf_server_t *self) {
    bool late = hf_clock_now_ms() - self->drain_at > HF_SERVER_DRAIN_MS;
    return self->in_journal == 0 && (self->under_way == 0 || late);
}

void hf_server_describe(const hf_server_t *self, hf_buf_t *json) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    hf_buf_addf(json, "\"http\":\"%s\",\"connections\":%u,\"waiters\":%zu,\"readers\":%zu", self->address,
                info ? info->num_connections : 0, self->waiters_size, hf_sse_readers(self->sse));
}
