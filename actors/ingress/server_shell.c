#include "ingress/server_shell.h"
#include "host/clock.h"
#include "host/listen.h"
#include "ingress/header.h"
#include "ingress/refusal_shell.h"
#include "ingress/render.h"
#include "ingress/request_shell.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

//  ---- answers

void hf_request_prepare(hf_request_t *self, int status, const char *type, hf_buf_t *bytes) {
    assert(!self->response);
    size_t size;
    uint8_t *data = hf_buf_release(bytes, &size);
    self->response = MHD_create_response_from_buffer(size, data,
                                                     data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    assert(self->response && "out of memory");
    self->status = status;
    if (size) {
        hf_request_header(self, MHD_HTTP_HEADER_CONTENT_TYPE, type ? type : "application/json");
    }
}

void hf_request_header(hf_request_t *self, const char *name, const char *value) {
    MHD_add_response_header(self->response, name, value);
}

//  It has moved in this turn, and more of it may follow at once.
static void s_moved(hf_request_t *self) {
    if (self->turn != self->server->turn) {
        self->turn = self->server->turn;
        self->server->moved++;
    }
}

static enum MHD_Result s_queue(hf_request_t *self) {
    hf_server_t *server = self->server;
    s_moved(self);
    enum MHD_Result rc = hf_refusal_pass(self->connection, (unsigned)self->status, self->response);
    MHD_destroy_response(self->response);
    self->response = NULL;
    self->phase = HF_REQUEST_DONE;
    if (self->status < HF_METRICS_STATUSES) {
        server->metrics.requests[self->status]++;
    }
    return rc;
}

//  Takes it out of those that stand, or resumes it.
static void s_wait_no_more(hf_request_t *self) {
    self->server->resumed = true;
    if (self->suspended) {
        self->suspended = false;
        MHD_resume_connection(self->connection);
    } else {
        self->server->standing--;
    }
}

void hf_request_send(hf_request_t *self) {
    bool waited = self->phase == HF_REQUEST_WAITING;
    if (self->server->drain_at) {
        hf_request_header(self, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    self->phase = HF_REQUEST_READY;
    if (waited) {
        s_wait_no_more(self);
    }
}

void hf_request_reply(hf_request_t *self, int status, const char *type, hf_buf_t *bytes) {
    hf_request_prepare(self, status, type, bytes);
    hf_request_send(self);
}

//  What HTTP wants beside the problem itself.
static void s_add_problem_headers(hf_request_t *self, const hf_problem_t *problem) {
    char text[32];
    if (problem->retry_after_s) {
        snprintf(text, sizeof text, "%d", problem->retry_after_s);
        hf_request_header(self, MHD_HTTP_HEADER_RETRY_AFTER, text);
    }
    if (problem->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        hf_methods_format(self->route.methods, text);
        hf_request_header(self, MHD_HTTP_HEADER_ALLOW, text);
    }
    if (problem->status == MHD_HTTP_UNAUTHORIZED) {
        hf_request_header(self, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"holdfast\"");
    }
}

void hf_request_refuse(hf_request_t *self, const hf_problem_t *problem) {
    hf_buf_t bytes = {0};
    hf_problem_render(problem, &bytes);
    hf_request_prepare(self, problem->status, "application/problem+json", &bytes);
    s_add_problem_headers(self, problem);
    hf_request_send(self);
}

static void s_suspend(hf_request_t *self) {
    self->suspended = true;
    self->server->standing--;
    MHD_suspend_connection(self->connection);
}

//  Most wait a millisecond or two for the journal. Suspending costs libmicrohttpd three system calls: it takes
//  the connection out of its epoll set and puts it back, and reads what is not there. So a request stands
//  first: it has no answer yet, and is asked again in every turn.
void hf_request_wait(hf_request_t *self) {
    hf_server_t *server = self->server;
    self->phase = HF_REQUEST_WAITING;
    self->waits_since = server->now;
    server->moved -= self->turn == server->turn;
    self->turn = 0;
    if (++server->standing > HF_SERVER_STANDING) {
        s_suspend(self);
    }
}

static enum MHD_Result s_go_on_waiting(hf_request_t *self) {
    if (self->server->now - self->waits_since >= HF_SERVER_STANDING_MS) {
        s_suspend(self);
    }
    return MHD_YES;
}

void hf_request_link(hf_request_t *self, hf_request_t **list) {
    self->next = *list;
    self->place = list;
    if (self->next) {
        self->next->place = &self->next;
    }
    *list = self;
}

void hf_request_unlink(hf_request_t *self) {
    if (self->place) {
        *self->place = self->next;
        if (self->next) {
            self->next->place = self->place;
        }
        self->place = NULL;
    }
}

//  ---- the head

//  A header that may come once.
static void s_take_once(hf_request_t *request, const char **place, const char *name, const char *value) {
    request->doubled = *place ? name : request->doubled;
    *place = value;
}

static void s_take_tracestate(hf_request_t *request, const char *value) {
    hf_buf_t joined = {0};
    hf_buf_addf(&joined, "%s%s%s", request->tracestate ? request->tracestate : "",
                request->tracestate ? "," : "", value);
    free(request->tracestate);
    request->tracestate = (char *)joined.data;
}

//  The first of it is what is answered.
static void s_take_unframed(hf_request_t *request, hf_problem_kind_t kind, const char *why) {
    if (!request->unframed) {
        request->unframed_kind = kind;
        request->unframed = why;
    }
}

//  How long the body is may be said once: two sayings are how requests are smuggled past proxies (RFC
//  9112, 6.3 and 11.2).
static void s_take_framing(hf_request_t *request) {
    if (request->framed) {
        s_take_unframed(request, HF_PROBLEM_HEADER, "The body's length is said more than once.");
    }
    request->framed = true;
}

//  One that is no length libmicrohttpd has not seen (refusal_shell.h).
static void s_take_length(hf_request_t *request, const char *value) {
    size_t size = strlen(value);
    s_take_framing(request);
    request->length = strtoull(value, NULL, 10);
    request->has_body = request->length > 0;
    if (size == 0 || strspn(value, "0123456789") != size) {
        s_take_unframed(request, HF_PROBLEM_REQUEST,
                        "Content-Length must be digits: how many bytes the body has.");
    } else if (!hf_refusal_is_length(value, size)) {
        s_take_unframed(request, HF_PROBLEM_BODY_TOO_LARGE, "Content-Length is larger than any body can be.");
    }
}

//  A coding that nobody undoes here hides where the body ends. Where chunked is the last one its end would be known, and
//  the answer is 501; else it is 400 (RFC 9112, 6.1 and 6.3).
static void s_take_coding(hf_request_t *request, const char *value) {
    size_t size = strlen(value), last = sizeof "chunked" - 1;
    s_take_framing(request);
    request->has_body = true;
    if (strcasecmp(value, "chunked") == 0) {
        return;
    }
    bool ends_chunked = size > last && strcasecmp(value + size - last, "chunked") == 0 &&
                        strchr(", \t", value[size - last - 1]);
    s_take_unframed(request, ends_chunked ? HF_PROBLEM_CODING : HF_PROBLEM_HEADER,
                    "Transfer-Encoding can only be chunked here; send the body as it is.");
}

//  libmicrohttpd 0.9.75 ends a value at its first NUL, and has put two in place of each line's CR LF; the next line
//  follows. So a line that begins anywhere else than two bytes behind the value before it means that this one held a
//  NUL, or was no line by itself: folded, or ended by a bare LF or CR.
static void s_check_line_before(hf_request_t *request, const char *line) {
    if (request->line && request->line != line) {
        request->cut = request->line_name;
    }
}

static enum MHD_Result s_on_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    hf_request_t *request = context;
    const struct {
        const char *name;   //  As in the contract
        const char **place; //  Where it goes
    } once[] = {{"Content-Type", &request->content_type},      {"Idempotency-Key", &request->idempotency_key},
                {"Holdfast-Not-Before", &request->not_before}, {"Holdfast-Deadline", &request->deadline},
                {"Holdfast-Priority", &request->priority},     {"Authorization", &request->authorization},
                {"traceparent", &request->traceparent},        {"Holdfast-Operator", &request->operator_},
                {"Last-Event-ID", &request->last_event_id}};
    (void)kind;
    s_check_line_before(request, name);
    request->line = value ? value + strlen(value) + 2 : NULL;
    request->line_name = name;
    value = value ? value : "";
    for (unsigned i = 0; i < sizeof once / sizeof *once; i++) {
        if ((*name | 0x20) == (*once[i].name | 0x20) && strcasecmp(name, once[i].name) == 0) {
            s_take_once(request, once[i].place, once[i].name, value);
            return MHD_YES;
        }
    }
    if (strcasecmp(name, "Prefer") == 0) {
        request->wait_s = request->wait_s < 0 ? hf_prefer_wait(value) : request->wait_s;
    } else if (strcasecmp(name, "tracestate") == 0) {
        s_take_tracestate(request, value);
    } else if (strcasecmp(name, "Accept") == 0) {
        request->accept = value;
    } else if (strcasecmp(name, "Expect") == 0) {
        request->expects = strcasecmp(value, "100-continue") == 0;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        s_take_length(request, value);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        s_take_coding(request, value);
    } else if (strcasecmp(name, "Host") == 0) {
        request->hosts++;
    }
    return MHD_YES;
}

static int s_check_token(const hf_request_t *request, hf_problem_t *problem) {
    const char *token = request->server->config->token;
    hf_page_t page = request->route.page;
    if (!token || page == HF_PAGE_HEALTHZ || page == HF_PAGE_READYZ) {
        return 0;
    }
    if (!request->authorization) {
        return hf_problem_set(problem, HF_PROBLEM_TOKEN_MISSING, 0,
                              "Send it as \"Authorization: Bearer TOKEN\".");
    }
    return hf_bearer_is(request->authorization, token)
               ? 0
               : hf_problem_set(
                     problem, HF_PROBLEM_TOKEN_WRONG, 0,
                     "Send the token of this node's pipeline files as \"Authorization: Bearer TOKEN\".");
}

static int s_check_route(const hf_request_t *request, hf_problem_t *problem) {
    if (request->route_broken) {
        return hf_problem_set(problem, HF_PROBLEM_PATH, 0,
                              "The path's percent-encoding is broken, or has a NUL in it.");
    }
    if (request->route.page == HF_PAGES) {
        return hf_problem_set(
            problem, HF_PROBLEM_NO_PAGE, 0,
            "There are /pipelines/NAME/commands, /commands, /events, /destinations, /dead, /ps, /metrics, "
            "/healthz and /readyz.");
    }
    if (!(request->route.methods & request->method)) {
        return hf_problem_set(problem, HF_PROBLEM_METHOD, 0,
                              "The header Allow says which methods there are.");
    }
    return 0;
}

static int s_check_length(const hf_request_t *request, uint64_t size, hf_problem_t *problem) {
    size_t limit = request->server->config->body_limit;
    if (size > limit) {
        return hf_problem_set(problem, HF_PROBLEM_BODY_TOO_LARGE, 0,
                              "The body has over %zu bytes, this node's body_limit.", limit);
    }
    return 0;
}

static int s_check_head(const hf_request_t *request, hf_problem_t *problem) {
    if (request->unframed) {
        return hf_problem_set(problem, request->unframed_kind, 0, "%s", request->unframed);
    }
    if (request->hosts > 1 || (request->hosts < 1 && request->needs_host)) {
        return hf_problem_set(problem, HF_PROBLEM_REQUEST, 0,
                              "It needs one header Host, and has %u (RFC 9112, 3.2).", request->hosts);
    }
    if (s_check_token(request, problem) || s_check_route(request, problem)) {
        return -1;
    }
    if (request->doubled) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, "%s came more than once.", request->doubled);
    }
    if (request->cut) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0,
                              "%.64s has a NUL in it, or its line does not end with CR LF.", request->cut);
    }
    if (request->server->drain_at && request->method != HF_GET) {
        return hf_problem_set(problem, HF_PROBLEM_STOPPING, 1,
                              "This node is about to end; nothing was accepted.");
    }
    return s_check_length(request, request->length, problem);
}

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
    return s_queue(request);
}

static enum MHD_Result s_on_head(hf_request_t *request, const char *method, const char *version) {
    request->method = hf_method_parse(method);
    request->needs_host = strcmp(version, MHD_HTTP_VERSION_1_0) > 0;
    request->began_at = hf_clock_now_ms();
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, s_on_header, request);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection,
                                                                   MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info) {
        s_check_line_before(request, method + info->header_size - 2); //  The empty line
    }
    if (s_check_head(request, &request->problem)) {
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

static void s_drop_body(hf_request_t *request) {
    request->server->body_bytes -= request->body.capacity;
    hf_buf_free(&request->body);
}

//  From here on the body is dropped as it comes.
static void s_begin_refusal(hf_request_t *request) {
    request->phase = HF_REQUEST_REFUSED;
    s_drop_body(request);
}

static void s_keep(hf_request_t *request, const char *data, size_t size) {
    hf_server_t *server = request->server;
    size_t before = request->body.capacity, limit = server->config->unacked_limit;
    if (s_check_length(request, request->body.size + size, &request->problem)) {
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
    s_drop_body(request);
    return request->phase == HF_REQUEST_READY ? s_queue(request) : MHD_YES;
}

//  ---- libmicrohttpd's calls

//  One that was used before, where there is one. The texts of its last problem may stay where they are.
static hf_request_t *s_request_new(hf_server_t *server) {
    hf_request_t *request = server->spare;
    if (request) {
        server->spare = request->next;
        server->spares--;
        memset(request, 0, offsetof(hf_request_t, problem));
        request->problem.status = 0;
    } else {
        request = hf_alloc(sizeof *request);
    }
    request->server = server;
    return request;
}

static void s_request_free(hf_server_t *server, hf_request_t *request) {
    if (server->spares < HF_SERVER_SPARES) {
        request->next = server->spare;
        server->spare = request;
        server->spares++;
    } else {
        free(request);
    }
}

//  Before anything else of a request: its target, still encoded.
static void *s_on_target(void *context, const char *target, struct MHD_Connection *connection) {
    hf_request_t *request = s_request_new(context);
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
        s_moved(request);
        return s_on_head(request, method, version);
    case HF_REQUEST_BODY:
    case HF_REQUEST_REFUSED:
        s_moved(request);
        return *size ? s_on_body(request, data, size) : s_on_whole(request);
    case HF_REQUEST_WAITING:
        return s_go_on_waiting(request);
    case HF_REQUEST_READY:
        return s_queue(request);
    default:
        return MHD_NO;
    }
}

void hf_request_free(hf_request_t *request) {
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    s_drop_body(request);
    free((char *)request->route.query);
    free(request->tracestate);
    s_request_free(request->server, request);
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
    hf_pages_forget(request);
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
            s_wait_no_more(request);
        } else {
            hf_request_free(request);
        }
    }
}

static void s_stop(hf_server_t *self) {
    hf_server_drain(self);
    //  Suspended connections may not be there when libmicrohttpd is stopped.
    s_abandon(self);
    hf_pages_end_waits(self, 0, true);
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
        hf_pages_answer_all(self);
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
    if (s_run(self, read)) {
        return INT64_MIN;
    }
    if (hf_sse_is_behind(self->sse)) {
        return self->replay_at;
    }
    return self->standing ? self->now + HF_SERVER_STANDING_LOOK_MS : INT64_MAX;
}

//  ---- facts, while somebody wants them

void hf_server_follow(hf_server_t *self) {
    self->follow_until = hf_clock_now_ms() + HF_SERVER_FOLLOW_MS;
    if (!self->follows) {
        self->follows = true;
        hf_shell_hear_facts(self->shell, true);
        hf_ingress_follow(self->core, true);
    }
}

//  Most nodes are only written to: then each command's facts would be read for nobody.
static void s_follow_on(hf_server_t *self, int64_t now) {
    if (self->waiters_size || hf_sse_readers(self->sse)) {
        self->follow_until = now + HF_SERVER_FOLLOW_MS;
    } else if (self->follows && now >= self->follow_until) {
        self->follows = false;
        hf_shell_hear_facts(self->shell, false);
        hf_ingress_follow(self->core, false);
    }
}

void hf_server_on_fact(hf_server_t *self, const Hf__Fact *fact) {
    hf_pages_on_fact(self, fact);
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
        hf_pages_look_again(self);
    }
}

void hf_server_tick(hf_server_t *self, int64_t now) {
    hf_pages_end_waits(self, now, self->drain_at != 0);
    s_linger_on(self, now);
    s_look_again(self);
    s_follow_on(self, now);
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
    hf_pages_end_waits(self, self->drain_at, true);
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
