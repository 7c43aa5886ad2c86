/*  Happy path: hf_http_start puts a pooled easy handle into the multi handle; hf_http_run lets libcurl at the
 * sockets that epoll names; hf_http_next reads what has ended into a result.
 *
 *  What is provably not sent. libcurl calls CURLOPT_PREREQFUNCTION when a connection (with TLS) stands and
 * the request is about to be written. Before that, nothing was sent: `refused`. After it, what
 * CURLINFO_REQUEST_SIZE counts was handed to the connection; under TLS a write that failed may have left
 * something, so there it always counts as sent.
 *
 *  No second sending. Where a kept connection turns out closed without an answer, libcurl 7.88 sends the
 * request again by itself on a new one (Curl_retry_request in lib/transfer.c; no option switches it off, and
 * it may do so five times). The server may have carried out the first one, and an attempt is one request. So
 * the second call of that function ends the transfer, unless nothing at all went out the first time. That the
 * race is rare: libcurl looks whether a kept connection is still open before it uses it, and those idle for
 * HF_HTTP_IDLE_MAX_S are not used.
 *
 *  HTTP/2, where it is offered under TLS: one request at a time on a connection. With several, libcurl 7.88
 * loses answers by the thousand or never sees that they came (docs/durability.md has the figures). What it
 * still does wrong with one, where a third party answers before it has read the body, is mended here:
 *   - It fails a transfer whose answer is there because the rest of the body cannot be sent any more, or
 *     goes on trying until the time-out. An answer that has come to its end is enough (s_is_early), and
 *     counts whatever became of the body (s_is_whole).
 *   - It throws away an answer that comes together with the end of the stream (RST_STREAM with NO_ERROR).
 *     Nobody can get that back: the attempt is uncertain, and the destination is called over HTTP/1.1 from
 *     then on. So that this does not rule out those that speak HTTP/2 alone, it goes the other way, too:
 *     where an attempt got no answer over one version, the next ones use the other (s_learn_version).
 * Where `on_uncertain = hold` says that such an attempt would wait for a person, HTTP/2 is not offered.
 *
 *  A stream that was refused: the third party says with GOAWAY which stream was the last one it looked at,
 * those with higher numbers were not processed (RFC 9113, section 6.8). libcurl tells both numbers, if only
 * in the texts for CURLOPT_DEBUGFUNCTION (s_on_text), so these are asked for where HTTP/2 may be spoken.
 * Such a request may be sent again, and where it is not, it was not sent.
 *
 *  Lanes. For each request libcurl looks at every connection to that host, busy ones too, until it finds an
 * idle one, and after it at every connection of the multi handle until it finds the one that was used: with
 * thousands in flight, or of destinations, that would cost more than the request. So there are several multi
 * handles, each with its own connections: a destination uses its first one for up to LANE_WIDTH requests under
 * way, then the next, and so on; always the first one with room, so that it has no more connections than
 * requests.
 *
 *  Sockets stay watched. libcurl says of each request which socket it waits for, and after it that it waits no
 * more: with a kept connection that would be two calls of epoll_ctl for each request, a quarter of what it
 * costs. So a socket that libcurl opened through s_on_open stays in epoll until it is closed through s_on_close;
 * s_on_socket only notes whether anybody waits. Where nobody does and it speaks all the same (the server
 * closes an idle connection), it is taken out, and put in again when it is next waited for.
 *
 *  Sockets that may be written to, and are not. Where an HTTP/2 third party makes no room for more of a body, libcurl 7.88 waits for the
 * socket to be writable, which it is: a core would be used until the time-out. So where a socket was told to be writable IDLE_OUTS_MAX times in
 * a row, and nothing was read or written in them, it is watched for reading alone until something comes: room is made by a frame
 * (WINDOW_UPDATE).
 *
 *  No secret: a reason is made of host, port, libcurl's fixed texts and, for certificates, OpenSSL's. Nothing
 * else of a url, and no header, gets into it.  */

#include "call/http_shell.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    LANES_MAX = 64,   //  Multi handles: 4,096 requests under way to one destination before lanes get fuller
    LANE_WIDTH = 64,  //  Requests of one destination in one lane
    EVENTS_MAX = 256, //  Sockets served in one run
    RUN_US =
        200000, //  Time that a run takes at most, one step beside: TLS that fails takes some 10 ms a request
    IDLE_OUTS_MAX = 16, //  Times that a writable socket is left unwritten before nobody asks whether it is
    TURNS_MAX = 8,      //  libcurl's due time-outs in one run; the rest in the next
    SPARE_MAX = 1024,   //  Easy handles kept for the next requests, some 8 KiB each
    RESPONSE_KEPT_MAX = 4 << 10, //  Memory for an answer that a spare handle keeps
    UPLOAD_BUFFER_BYTES = 16384, //  What libcurl takes at a time from a body that it sends over TLS
    HEADERS_SPARE = 16,          //  Places for headers beyond those of the first request
    RECEIVE_BUFFER_BYTES =
        4096,           //  What libcurl takes at a time from a connection, for each request under way
    PEER_SIZE = 280,    //  Bytes of HOST:PORT
    TROUBLE_SIZE = 512, //  Bytes of what went wrong
};

//  What is known of a destination's version of HTTP.
typedef enum {
    VERSION_UNKNOWN, //  No answer yet
    VERSION_1,       //  The newest answer came over HTTP/1.1
    VERSION_2,       //  Over HTTP/2
} version_t;

//  One multi handle with its connections.
typedef struct {
    hf_http_t *http; //  Whose
    unsigned number; //  Its place in the array
    CURLM *multi;    //  NULL: not needed yet
    int64_t due_us;  //  When libcurl wants to be called, monotonic; INT64_MAX: it does not
} lane_t;

//  What is known of one socket, by its number.
typedef struct {
    uint32_t events; //  That epoll watches it for; 0: it does not
    bool wanted;     //  libcurl waits for it
    bool quiet;      //  It is watched for reading alone, though libcurl waits to write, too
    unsigned outs;   //  Times in a row that it was writable, and nothing could be read
    uint64_t sent;   //  Bytes that were written to it before these
    bool ours;       //  Opened by s_on_open, so that s_on_close will tell when it goes
} socket_t;

//  One request under way, or a handle kept for the next.
typedef struct flight {
    CURL *easy;                       //  Its handle
    lane_t *lane;                     //  Where it is
    CURLcode code;                    //  How it ended
    const hf_call_request_t *request; //  The core's; NULL: spare
    const hf_destination_t *set_for;  //  Whose options the handle has; NULL: nobody's yet
    struct curl_slist *headers;       //  Nodes that point into the request; never freed by libcurl
    size_t headers_capacity;          //  How many nodes there are
    hf_buf_t response;                //  The answer's first bytes
    uint64_t read_on;                 //  Bytes of the answer beyond them
    size_t header_bytes;              //  Bytes of its headers
    unsigned sendings;                //  Times that the request was about to be written
    bool headers_whole;               //  The answer's headers, those of the final one
    bool offers_2;                    //  HTTP/2 is offered to the third party
    bool refused;                     //  Provably not looked at by the third party (HTTP/2)
    int64_t length;                   //  Content-Length of the answer; -1: not told
    uint32_t stream;                  //  Its number on its connection (HTTP/2); 0: not known
    char words[CURL_ERROR_SIZE];      //  libcurl's, for certificates
    char peer[PEER_SIZE];             //  HOST:PORT
    char trouble[TROUBLE_SIZE];       //  What went wrong
    struct flight *next;              //  The next spare or ended one
    struct flight *before;            //  Among those under way
    struct flight *behind;            //  The same
} flight_t;

struct hf_http {
    lane_t lanes[LANES_MAX]; //  All requests
    unsigned first_lane;     //  Who is run first
    unsigned lanes_size;     //  Those behind the last that was ever needed
    socket_t *sockets;       //  By descriptor
    size_t sockets_size;     //  Places: as many as there were descriptors
    uint16_t **used;         //  For each destination: requests under way in each lane; NULL: never called
    version_t *version;      //  For each destination
    bool *only_1;            //  For each: HTTP/2 is not offered, because an answer was lost over it
    size_t destinations;     //  How many
    long connections;        //  Kept by one lane at most
    int epoll;               //  All sockets, and the timer
    int timer;               //  The lanes' next time-out
    int64_t armed_us;        //  When the timer will strike; INT64_MAX: never
    char *ca_file;           //  Or NULL
    flight_t *under_way;     //  Requests
    size_t size;             //  How many
    flight_t *spare;         //  Handles for the next ones
    size_t spare_size;       //  How many
    flight_t *ended;         //  Results to be given out
    flight_t *given;         //  Whose result was given out last
};

static int64_t s_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

//  ---- what libcurl calls

static socket_t *s_socket(hf_http_t *self, curl_socket_t number) {
    size_t place = (size_t)number;
    if (place >= self->sockets_size) {
        size_t size = place * 2 + 64;
        socket_t *sockets = hf_alloc(size * sizeof *sockets);
        if (self->sockets_size) {
            memcpy(sockets, self->sockets, self->sockets_size * sizeof *sockets);
        }
        free(self->sockets);
        self->sockets = sockets;
        self->sockets_size = size;
    }
    return &self->sockets[place];
}

static void s_unwatch(const hf_http_t *self, curl_socket_t number, socket_t *known) {
    if (known->events) {
        epoll_ctl(self->epoll, EPOLL_CTL_DEL, number, NULL);
        known->events = 0;
    }
}

static void s_watch(const lane_t *lane, curl_socket_t number, socket_t *known, uint32_t events) {
    struct epoll_event event = {.events = events,
                                .data.u64 = (uint64_t)lane->number << 32 | (uint32_t)number};
    int rc = epoll_ctl(lane->http->epoll, known->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, number, &event);
    assert(rc == 0);
    known->events = events;
}

//  Bytes that were ever written to a connection.
static uint64_t s_written(curl_socket_t number) {
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int queued = 0;
    if (getsockopt(number, IPPROTO_TCP, TCP_INFO, &info, &size) || ioctl(number, SIOCOUTQ, &queued)) {
        return 0;
    }
    return info.tcpi_bytes_acked + (uint64_t)queued;
}

//  After libcurl was called because of these events. See above.
static void s_calm(const lane_t *lane, curl_socket_t number, uint32_t events) {
    socket_t *known = s_socket(lane->http, number);
    if (events != EPOLLOUT) {
        if (known->quiet && known->events) {
            s_watch(lane, number, known, EPOLLIN | EPOLLOUT);
        }
        known->quiet = false;
        known->outs = 0;
    } else if (known->events & EPOLLOUT && ++known->outs % IDLE_OUTS_MAX == 0) {
        uint64_t sent = s_written(number);
        if (known->outs > IDLE_OUTS_MAX && sent == known->sent && known->events & EPOLLIN) {
            s_watch(lane, number, known, EPOLLIN);
            known->quiet = true;
        }
        known->sent = sent;
    }
}

static int s_on_socket(CURL *easy, curl_socket_t number, int what, void *context, void *unused) {
    lane_t *lane = context;
    socket_t *known = s_socket(lane->http, number);
    (void)easy;
    (void)unused;
    known->wanted = what != CURL_POLL_REMOVE;
    known->quiet = false;
    known->outs = 0;
    if (!known->wanted) {
        if (!known->ours) {
            s_unwatch(lane->http, number, known);
        }
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    if (events != known->events) {
        s_watch(lane, number, known, events);
    }
    return 0;
}

static curl_socket_t s_on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    int number = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (number < 0) {
        return CURL_SOCKET_BAD;
    }
    *s_socket(context, number) = (socket_t){.ours = true};
    return number;
}

static int s_on_close(void *context, curl_socket_t number) {
    *s_socket(context, number) = (socket_t){0};
    return close(number);
}

static int s_on_timer(CURLM *multi, long timeout_ms, void *context) {
    lane_t *lane = context;
    (void)multi;
    lane->due_us = timeout_ms < 0 ? INT64_MAX : timeout_ms == 0 ? 0 : s_now_us() + timeout_ms * 1000;
    return 0;
}

static bool s_is_https(const flight_t *flight) {
    return strncasecmp(flight->request->url, "https:", 6) == 0;
}

//  Whether something of the request was handed to a connection. See above.
static bool s_was_sent(const flight_t *flight) {
    long size = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_REQUEST_SIZE, &size);
    return flight->sendings > 0 && !flight->refused && (size > 0 || s_is_https(flight));
}

static int s_before_sending(void *context, char *peer, char *local, int peer_port, int local_port) {
    flight_t *flight = context;
    (void)peer;
    (void)local;
    (void)peer_port;
    (void)local_port;
    bool again = s_was_sent(flight);
    flight->sendings++;
    flight->refused = false;
    flight->stream = 0;
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

//  What libcurl says of streams: texts of 7.88, the first of them with its slip. With a libcurl that has
//  other words, a refused request counts as sent: uncertain, and not sent again.
static int s_on_text(CURL *easy, curl_infotype type, char *data, size_t size, void *context) {
    flight_t *flight = context;
    char text[128];
    unsigned last = 0;
    (void)easy;
    if (type != CURLINFO_TEXT) {
        return 0;
    }
    snprintf(text, sizeof text, "%.*s", (int)(size < sizeof text ? size : sizeof text - 1), data);
    if (sscanf(text, "recveived GOAWAY, error=%*d, last_stream=%u", &last) == 1 ||
        sscanf(text, "received GOAWAY, error=%*d, last_stream=%u", &last) == 1) {
        flight->refused = flight->refused || (flight->stream > last && !flight->header_bytes);
    } else if (sscanf(text, "Using Stream ID: %u", &last) == 1) {
        flight->stream = last;
    } else if (strncmp(text, "REFUSED_STREAM", 14) == 0) {
        flight->refused = true;
    }
    return 0;
}

//  Whether the answer has all that belongs to it.
static bool s_has_its_length(const flight_t *flight) {
    long status = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
    return flight->headers_whole && (status == 204 || status == 304 ||
                                     (int64_t)(flight->response.size + flight->read_on) == flight->length);
}

//  Whether it has, over HTTP/2, and the request's body is still to be sent: nobody wants it any more.
static bool s_is_early(const flight_t *flight) {
    long version = 0;
    curl_off_t sent = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(flight->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return version == CURL_HTTP_VERSION_2_0 && (uint64_t)sent < flight->request->body_size &&
           s_has_its_length(flight);
}

//  An empty line ends the headers: of one that only announces (1xx), or the answer's.
static size_t s_on_header(char *data, size_t one, size_t size, void *context) {
    static const char length[] = "content-length:";
    flight_t *flight = context;
    long status = 0;
    (void)one;
    flight->header_bytes += size;
    if (flight->header_bytes > HF_HTTP_HEADERS_MAX) {
        return 0;
    }
    if (size > sizeof length && strncasecmp(data, length, sizeof length - 1) == 0) {
        flight->length = strtoll(data + sizeof length - 1, NULL, 10); //  Its end is CR LF
    } else if (size == 2) {
        curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
        flight->headers_whole = status >= 200;
        return s_is_early(flight) ? 0 : size;
    }
    return size;
}

//  Keeps the beginning. What is longer than may be read on is left at once where its length is known, else
//  when it is reached.
static size_t s_on_body(char *data, size_t one, size_t size, void *context) {
    flight_t *flight = context;
    (void)one;
    size_t room = HF_RESPONSE_MAX - flight->response.size;
    size_t kept = size < room ? size : room;
    if (kept) {
        hf_buf_add(&flight->response, data, kept);
    }
    flight->read_on += size - kept;
    bool left = flight->read_on && (flight->read_on > HF_HTTP_READ_ON_MAX ||
                                    flight->length > HF_RESPONSE_MAX + HF_HTTP_READ_ON_MAX);
    return left || s_is_early(flight) ? 0 : size;
}

//  ---- handles

#define SET(easy, option, value)                                                                             \
    do {                                                                                                     \
        CURLcode set_rc = curl_easy_setopt(easy, option, value);                                             \
        assert(set_rc == CURLE_OK);                                                                          \
    } while (0)

//  What is the same for all requests.
static void s_set_up(hf_http_t *self, flight_t *flight) {
    CURL *easy = flight->easy;
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_QUICK_EXIT,
        1L); //  A time-out must not wait for the thread that asks a silent name server
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_PROXY, "");
    SET(easy, CURLOPT_NOPROXY, "*");
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(easy, CURLOPT_PIPEWAIT, 0L);
    SET(easy, CURLOPT_MAXAGE_CONN, (long)HF_HTTP_IDLE_MAX_S);
    SET(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    SET(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, s_on_open);
    SET(easy, CURLOPT_OPENSOCKETDATA, self);
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, s_on_close);
    SET(easy, CURLOPT_CLOSESOCKETDATA, self);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_CAPATH, NULL); //  A folder would keep libcurl from caching what it read from the file
    if (self->ca_file) {
        SET(easy, CURLOPT_CAINFO, self->ca_file);
    }
    SET(easy, CURLOPT_PREREQFUNCTION, s_before_sending);
    SET(easy, CURLOPT_PREREQDATA, flight);
    SET(easy, CURLOPT_DEBUGFUNCTION, s_on_text);
    SET(easy, CURLOPT_DEBUGDATA, flight);
    SET(easy, CURLOPT_HEADERFUNCTION, s_on_header);
    SET(easy, CURLOPT_HEADERDATA, flight);
    SET(easy, CURLOPT_WRITEFUNCTION, s_on_body);
    SET(easy, CURLOPT_WRITEDATA, flight);
    SET(easy, CURLOPT_ERRORBUFFER, flight->words);
    SET(easy, CURLOPT_PRIVATE, flight);
}

static flight_t *s_flight_take(hf_http_t *self) {
    flight_t *flight = self->spare;
    if (flight) {
        self->spare = flight->next;
        self->spare_size--;
    } else {
        flight = hf_alloc(sizeof *flight);
        flight->length = -1;
        flight->easy = curl_easy_init();
        assert(flight->easy && "out of memory");
        s_set_up(self, flight);
    }
    flight->before = NULL;
    flight->behind = self->under_way;
    if (self->under_way) {
        self->under_way->before = flight;
    }
    self->under_way = flight;
    self->size++;
    return flight;
}

static void s_flight_destroy(flight_t *flight) {
    curl_easy_cleanup(flight->easy);
    hf_buf_free(&flight->response);
    free(flight->headers);
    free(flight);
}

static void s_flight_give_back(hf_http_t *self, flight_t *flight) {
    if (self->spare_size == SPARE_MAX) {
        s_flight_destroy(flight);
        return;
    }
    if (flight->response.capacity > RESPONSE_KEPT_MAX) {
        hf_buf_free(&flight->response);
    }
    hf_buf_clear(&flight->response);
    flight->request = NULL;
    flight->read_on = 0;
    flight->header_bytes = 0;
    flight->sendings = 0;
    flight->headers_whole = false;
    flight->refused = false;
    flight->length = -1;
    flight->stream = 0;
    *flight->words = 0;
    flight->next = self->spare;
    self->spare = flight;
    self->spare_size++;
}

static void s_leave_list(hf_http_t *self, flight_t *flight) {
    if (flight->before) {
        flight->before->behind = flight->behind;
    } else {
        self->under_way = flight->behind;
    }
    if (flight->behind) {
        flight->behind->before = flight->before;
    }
    self->size--;
}

//  ---- lanes

static void s_lane_open(lane_t *lane) {
    lane->multi = curl_multi_init();
    assert(lane->multi && "out of memory");
    if (lane->number >= lane->http->lanes_size) {
        lane->http->lanes_size = lane->number + 1;
    }
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, s_on_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, s_on_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, lane->http->connections);
    curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

//  The first lane with room for one more request of that destination; where none has, the one with the
//  fewest. Each destination begins at another lane, because what libcurl walks is a lane's: so a thousand
//  destinations are not in each other's way.
static lane_t *s_lane_take(hf_http_t *self, size_t destination) {
    assert(destination < self->destinations);
    uint16_t **used = &self->used[destination];
    if (!*used) {
        *used = hf_alloc(LANES_MAX * sizeof **used);
    }
    unsigned first = destination % LANES_MAX, best = first;
    for (unsigned step = 1; step < LANES_MAX && (*used)[best] >= LANE_WIDTH; step++) {
        unsigned number = (first + step) % LANES_MAX;
        best = (*used)[number] < (*used)[best] ? number : best;
    }
    (*used)[best]++;
    if (!self->lanes[best].multi) {
        s_lane_open(&self->lanes[best]);
    }
    return &self->lanes[best];
}

static void s_lane_give_back(hf_http_t *self, const flight_t *flight) {
    self->used[flight->request->number][flight->lane->number]--;
}

//  ---- the whole

hf_http_t *hf_http_new(const hf_http_options_t *options, hf_error_t *error) {
    hf_http_t *self = hf_alloc(sizeof *self);
    self->armed_us = INT64_MAX;
    self->ca_file = hf_strdup(options->ca_file);
    self->destinations = options->destinations;
    self->used = hf_alloc(self->destinations * sizeof *self->used);
    self->version = hf_alloc(self->destinations * sizeof *self->version);
    self->only_1 = hf_alloc(self->destinations * sizeof *self->only_1);
    self->connections = (long)options->connections;
    for (unsigned number = 0; number < LANES_MAX; number++) {
        self->lanes[number] = (lane_t){.http = self, .number = number, .due_us = INT64_MAX};
    }
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    self->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)LANES_MAX << 32};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) || self->epoll < 0 || self->timer < 0 ||
        epoll_ctl(self->epoll, EPOLL_CTL_ADD, self->timer, &event)) {
        hf_error_set(error, "set up libcurl: %s", strerror(errno));
        hf_http_destroy(&self);
    }
    return self;
}

static void s_destroy_flights(hf_http_t *self) {
    while (self->under_way) {
        flight_t *flight = self->under_way;
        s_leave_list(self, flight);
        curl_multi_remove_handle(flight->lane->multi, flight->easy);
        s_flight_destroy(flight);
    }
    flight_t *lists[] = {self->given, self->ended, self->spare};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (flight_t *flight = lists[i], *next; flight; flight = next) {
            next = flight->next;
            s_flight_destroy(flight);
        }
    }
}

void hf_http_destroy(hf_http_t **self_p) {
    assert(self_p);
    hf_http_t *self = *self_p;
    if (self) {
        s_destroy_flights(self);
        for (unsigned number = 0; number < LANES_MAX; number++) {
            curl_multi_cleanup(self->lanes[number].multi);
        }
        for (size_t i = 0; i < self->destinations; i++) {
            free(self->used[i]);
        }
        if (self->timer >= 0) {
            close(self->timer);
        }
        if (self->epoll >= 0) {
            close(self->epoll);
        }
        free(self->used);
        free(self->sockets);
        free(self->version);
        free(self->only_1);
        free(self->ca_file);
        free(self);
        curl_global_cleanup();
        *self_p = NULL;
    }
}

int hf_http_descriptor(const hf_http_t *self) {
    return self->epoll;
}

size_t hf_http_under_way(const hf_http_t *self) {
    return self->size;
}

//  ---- from a request to a transfer

static bool s_has_header(const char *const *headers, const char *name, size_t size) {
    for (; *headers; headers++) {
        if (strncasecmp(*headers, name, size) == 0) {
            return true;
        }
    }
    return false;
}

//  Turns the headers into libcurl's list without a copy of their text. Names with nothing behind keep
//  libcurl's own away.
static void s_set_headers(flight_t *flight, const char *const *headers) {
    static const char *const unwanted[] = {"Expect:", "Content-Type:", "Accept:"};
    enum { UNWANTED = sizeof unwanted / sizeof *unwanted };
    size_t size = 0, count = 0;
    while (headers[count]) {
        count++;
    }
    if (count + UNWANTED > flight->headers_capacity) {
        flight->headers_capacity = count + UNWANTED + HEADERS_SPARE;
        free(flight->headers);
        flight->headers = hf_alloc(flight->headers_capacity * sizeof *flight->headers);
    }
    struct curl_slist *nodes = flight->headers;
    for (; size < count; size++) {
        nodes[size].data = (char *)headers[size];
    }
    for (size_t i = 0; i < UNWANTED; i++) {
        if (!s_has_header(headers, unwanted[i], strlen(unwanted[i]))) {
            nodes[size++].data = (char *)unwanted[i];
        }
    }
    for (size_t i = 0; i < size; i++) {
        nodes[i].next = i + 1 < size ? &nodes[i + 1] : NULL;
    }
    SET(flight->easy, CURLOPT_HTTPHEADER, nodes);
}

//  What is the same for all requests of a destination: a handle is mostly used for the one it served last.
static void s_set_destination(flight_t *flight, const hf_destination_t *destination) {
    int64_t connect_ms = destination->connect_timeout_ms < destination->timeout_ms
                             ? destination->connect_timeout_ms
                             : destination->timeout_ms;
    if (flight->set_for == destination) {
        return;
    }
    SET(flight->easy, CURLOPT_TIMEOUT_MS, (long)destination->timeout_ms);
    SET(flight->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    flight->set_for = destination;
}

static void s_set_version(hf_http_t *self, flight_t *flight, const hf_call_request_t *request) {
    bool offers_2 = s_is_https(flight) && request->destination->on_uncertain != HF_ON_UNCERTAIN_HOLD &&
                    !self->only_1[request->number];
    bool speaks_2 = offers_2 && self->version[request->number] != VERSION_1;
    flight->offers_2 = offers_2;
    SET(flight->easy, CURLOPT_HTTP_VERSION,
        offers_2 ? (long)CURL_HTTP_VERSION_2TLS : (long)CURL_HTTP_VERSION_1_1);
    SET(flight->easy, CURLOPT_VERBOSE, speaks_2 ? 1L : 0L);
}

//  POST, PUT and PATCH always have a body, if an empty one, so that "Content-Length: 0" is said (RFC 9110,
//  section 8.6). Setting a body makes it a POST for libcurl, setting none a GET; the method's name goes over
//  both.
static void s_set_method(flight_t *flight, const hf_call_request_t *request) {
    const char *method = request->method;
    bool bare = strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0;
    if (request->body_size == 0 && bare) {
        SET(flight->easy, CURLOPT_HTTPGET, 1L);
    } else {
        SET(flight->easy, CURLOPT_POSTFIELDS, request->body_size ? (const char *)request->body : "");
        SET(flight->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    }
    SET(flight->easy, CURLOPT_CUSTOMREQUEST, method);
}

void hf_http_start(hf_http_t *self, const hf_call_request_t *request) {
    flight_t *flight = s_flight_take(self);
    flight->request = request;
    flight->lane = s_lane_take(self, request->number);
    s_set_destination(flight, request->destination);
    s_set_version(self, flight, request);
    SET(flight->easy, CURLOPT_URL, request->url);
    s_set_method(flight, request);
    s_set_headers(flight, (const char *const *)request->headers);
    CURLMcode rc = curl_multi_add_handle(flight->lane->multi, flight->easy);
    assert(rc == CURLM_OK);
}

//  ---- driving

//  Where the timer is set already to an earlier time, it strikes for nothing, and is set again then: cheaper
//  than moving it on every request.
static void s_arm(hf_http_t *self, int64_t due_us) {
    if (due_us >= self->armed_us) {
        return;
    }
    int64_t at = due_us > 0 ? due_us : 1;
    struct itimerspec spec = {.it_value = {.tv_sec = at / 1000000, .tv_nsec = at % 1000000 * 1000}};
    int rc = timerfd_settime(self->timer, TFD_TIMER_ABSTIME, &spec, NULL);
    assert(rc == 0);
    self->armed_us = due_us;
}

static void s_on_timer_struck(hf_http_t *self) {
    uint64_t times;
    if (read(self->timer, &times, sizeof times) > 0) {
        self->armed_us = INT64_MAX;
    }
}

static int s_mask(uint32_t events) {
    return (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

//  What there is no time for is told by epoll again.
static void s_run_sockets(hf_http_t *self) {
    struct epoll_event events[EVENTS_MAX];
    int running = 0;
    int count = epoll_wait(self->epoll, events, EVENTS_MAX, 0);
    int64_t until_us = s_now_us() + RUN_US;
    for (int i = 0; i < count && s_now_us() < until_us; i++) {
        uint32_t lane = (uint32_t)(events[i].data.u64 >> 32);
        int number = (int)(uint32_t)events[i].data.u64;
        if (lane == LANES_MAX) {
            s_on_timer_struck(self);
        } else if (!s_socket(self, number)->wanted) {
            s_unwatch(self, number, s_socket(self, number));
        } else {
            curl_multi_socket_action(self->lanes[lane].multi, number, s_mask(events[i].events), &running);
            s_calm(&self->lanes[lane], number, events[i].events);
        }
    }
}

//  Time-outs, and requests that were just begun: libcurl asks for them by a time-out of 0.
static void s_run_lane(lane_t *lane, int64_t until_us) {
    int running = 0;
    for (int turn = 0; turn < TURNS_MAX && lane->due_us != INT64_MAX; turn++) {
        int64_t now_us = s_now_us();
        if (lane->due_us > now_us || now_us >= until_us) {
            return;
        }
        lane->due_us = INT64_MAX;
        curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

void hf_http_send(hf_http_t *self) {
    int64_t due_us = INT64_MAX, until_us = s_now_us() + RUN_US;
    self->first_lane++; //  Each in its turn has the time that there is
    for (unsigned i = 0; i < self->lanes_size; i++) {
        lane_t *lane = &self->lanes[(self->first_lane + i) % self->lanes_size];
        s_run_lane(lane, until_us);
        due_us = lane->due_us < due_us ? lane->due_us : due_us;
    }
    s_arm(self, due_us);
}

void hf_http_run(hf_http_t *self) {
    s_run_sockets(self);
    hf_http_send(self);
}

//  ---- from an end to a result

//  HOST:PORT of the url, for people; nothing else of it.
static void s_find_peer(flight_t *flight) {
    CURLU *url = curl_url();
    char *host = NULL, *port = NULL;
    assert(url && "out of memory");
    snprintf(flight->peer, sizeof flight->peer, "the host");
    if (!curl_url_set(url, CURLUPART_URL, flight->request->url, 0) &&
        !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
        !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)) {
        snprintf(flight->peer, sizeof flight->peer, "%.255s:%.5s", host, port);
    }
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(url);
}

//  HOST alone.
static int s_host_size(const flight_t *flight) {
    const char *colon = strrchr(flight->peer, ':');
    return colon ? (int)(colon - flight->peer) : (int)strlen(flight->peer);
}

//  What follows one of libcurl's openings, so that the sentence is ours.
static const char *s_behind(const char *words, const char *const *openings) {
    for (; *openings; openings++) {
        if (strncmp(words, *openings, strlen(*openings)) == 0) {
            return words + strlen(*openings);
        }
    }
    return words;
}

static void s_say(flight_t *flight, const char *what, const char *detail) {
    snprintf(flight->trouble, sizeof flight->trouble, "%s%s%s", what, *detail ? ": " : "", detail);
}

static void s_say_not_connected(flight_t *flight) {
    long code = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_OS_ERRNO, &code);
    if (code == ECONNREFUSED) {
        snprintf(flight->trouble, sizeof flight->trouble, "connection refused by %s", flight->peer);
    } else {
        snprintf(flight->trouble, sizeof flight->trouble, "cannot connect to %s%s%s", flight->peer,
                 code ? ": " : "", code ? strerror((int)code) : "");
    }
}

//  libcurl says CURLE_RECV_ERROR of broken chunks, too: only its words tell that the connection held.
static void s_say_broken(flight_t *flight, CURLcode code) {
    long reason = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_OS_ERRNO, &reason);
    if (strstr(flight->words, "chunked-encoding")) {
        s_say(flight, "the answer is not HTTP", "a broken chunk");
    } else if (reason == ECONNRESET || reason == EPIPE) {
        s_say(flight, "the connection was reset", "");
    } else {
        s_say(flight, "the connection broke", curl_easy_strerror(code));
    }
}

static void s_say_untrusted(flight_t *flight) {
    static const char *const openings[] = {"SSL certificate problem: ", "SSL: ", NULL};
    s_say(flight, "the certificate is not trusted", s_behind(flight->words, openings));
}

static void s_say_no_tls(flight_t *flight) {
    long reason = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_OS_ERRNO, &reason);
    const char *detail = *flight->words ? flight->words : "the connection was closed";
    s_say(flight, "the TLS handshake failed", reason == ECONNRESET ? "the connection was reset" : detail);
}

static void s_say_trouble(flight_t *flight, CURLcode code) {
    if (flight->refused) {
        s_say(flight, "the third party closed the connection before it took the request", "");
        return;
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        snprintf(flight->trouble, sizeof flight->trouble, "name %.*s not found", s_host_size(flight),
                 flight->peer);
        break;
    case CURLE_COULDNT_CONNECT:
        s_say_not_connected(flight);
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
        s_say_untrusted(flight);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        s_say_no_tls(flight);
        break;
    case CURLE_SSL_CACERT_BADFILE:
        s_say(flight, "the certificates to trust cannot be read; install ca-certificates", "");
        break;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        s_say(flight, flight->sendings ? "the answer is not HTTP" : "the url is neither http nor https", "");
        break;
    case CURLE_URL_MALFORMAT:
        s_say(flight, "the url is malformed", "");
        break;
    case CURLE_GOT_NOTHING:
        s_say(flight, "the connection was closed without an answer", "");
        break;
    case CURLE_ABORTED_BY_CALLBACK:
        s_say(flight, "the kept connection was closed without an answer", "");
        break;
    case CURLE_PARTIAL_FILE:
        s_say(flight,
              flight->header_bytes ? "the connection was closed before its end"
                                   : "the connection was closed without an answer",
              "");
        break;
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY: //  What libcurl says of a header line beyond its bound of 100 KiB
        s_say(flight, flight->sendings ? "the headers are too large" : "out of memory", "");
        break;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        s_say_broken(flight, code);
        break;
    default:
        s_say(flight, curl_easy_strerror(code), "");
    }
}

static uint32_t s_time(const flight_t *flight, CURLINFO info) {
    curl_off_t us = 0;
    curl_easy_getinfo(flight->easy, info, &us);
    return us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void s_read_times(const flight_t *flight, hf_call_result_t *result) {
    result->dns_us = s_time(flight, CURLINFO_NAMELOOKUP_TIME_T);
    result->connect_us = s_time(flight, CURLINFO_CONNECT_TIME_T);
    result->tls_us = s_time(flight, CURLINFO_APPCONNECT_TIME_T);
    result->first_byte_us = s_time(flight, CURLINFO_STARTTRANSFER_TIME_T);
    result->total_us = s_time(flight, CURLINFO_TOTAL_TIME_T);
}

static void s_read_answer(const flight_t *flight, hf_call_result_t *result) {
    struct curl_header *retry_after = NULL;
    struct timespec wall;
    char *type = NULL;
    if ((result->status < 200 || result->status > 299) && //  Nobody asks where it went well
        curl_easy_header(flight->easy, "Retry-After", 0, CURLH_HEADER, -1, &retry_after) == CURLHE_OK) {
        result->retry_after = retry_after->value;
        clock_gettime(CLOCK_REALTIME, &wall);
        result->wall_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    }
    curl_easy_getinfo(flight->easy, CURLINFO_CONTENT_TYPE, &type);
    result->content_type = type;
    result->response = flight->response.data;
    result->response_size = flight->response.size;
    result->response_cut = flight->read_on > 0;
}

//  Whether the answer has come to its end, although libcurl ended the transfer with an error: it has its length;
//  or its stream was closed cleanly, and libcurl failed to send on it (the only way to that code without words).
//  What was cut is whole as far as anybody wants it, however its rest ended.
static bool s_is_whole(const flight_t *flight, CURLcode code) {
    return code == CURLE_OK || flight->read_on > 0 || s_has_its_length(flight) ||
           (code == CURLE_HTTP2_STREAM && flight->headers_whole && !*flight->words);
}

//  What the next attempts offer. Answers tell the version; where there is none, the other version is tried. A
//  time-out says nothing of it, and nor does what was refused or never sent over HTTP/2.
static void s_learn_version(const flight_t *flight, const hf_call_result_t *result) {
    hf_http_t *self = flight->lane->http;
    size_t number = flight->request->number;
    long version = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_HTTP_VERSION, &version);
    if (result->status) {
        self->version[number] = version == CURL_HTTP_VERSION_2_0 ? VERSION_2 : VERSION_1;
    } else if (!s_is_https(flight) || result->timed_out) {
        return;
    } else if (!flight->offers_2) {
        self->only_1[number] = false;
    }
    if (flight->offers_2 && result->sent && !result->answered && self->version[number] != VERSION_1) {
        self->only_1[number] = true;
    }
}

static void s_read(flight_t *flight, CURLcode code, hf_call_result_t *result) {
    long status = 0, connections = 0;
    curl_easy_getinfo(flight->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(flight->easy, CURLINFO_NUM_CONNECTS, &connections);
    *result = (hf_call_result_t){.status = (int)status, .connected_anew = connections > 0};
    result->answered = s_is_whole(flight, code);
    result->connected = flight->sendings > 0;
    result->sent = s_was_sent(flight);
    s_read_times(flight, result);
    s_read_answer(flight, result);
    if (!result->answered) {
        result->broken = true;
        result->timed_out = code == CURLE_OPERATION_TIMEDOUT;
        s_find_peer(flight);
        s_say_trouble(flight, code);
        result->peer = flight->peer;
        result->trouble = flight->trouble;
    }
    s_learn_version(flight, result);
}

//  Takes all messages before any handle leaves: libcurl walks over those that are left for each one that
//  does.
static void s_collect(hf_http_t *self, lane_t *lane) {
    int left = 0;
    CURLMsg *message;
    while (lane->multi && (message = curl_multi_info_read(lane->multi, &left))) {
        flight_t *flight = NULL;
        assert(message->msg == CURLMSG_DONE);
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&flight);
        flight->code = message->data.result;
        s_leave_list(self, flight);
        flight->next = self->ended;
        self->ended = flight;
    }
}

bool hf_http_next(hf_http_t *self, uint64_t *ticket, hf_call_result_t *result) {
    if (self->given) {
        s_flight_give_back(self, self->given);
        self->given = NULL;
    }
    for (unsigned number = 0; number < self->lanes_size && !self->ended; number++) {
        s_collect(self, &self->lanes[number]);
    }
    flight_t *flight = self->ended;
    if (!flight) {
        return false;
    }
    self->ended = flight->next;
    flight->next = NULL;
    curl_multi_remove_handle(flight->lane->multi, flight->easy);
    s_lane_give_back(self, flight);
    s_read(flight, flight->code, result);
    *ticket = flight->request->ticket;
    self->given = flight;
    return true;
}
