/*  curl-loop: POST requests over libcurl's multi interface and nothing else: what carrying commands is measured
 *  against. No journal, no queue, no retry: the next request begins when one is answered.
 *
 *  It is as fast as libcurl 7.88 lets such a loop be, with what pays (docs/performance.md):
 *   - kept connections, and handles whose options are set once; only url, body and key change;
 *   - sockets stay in epoll from opening to closing, whatever libcurl says in between;
 *   - one multi handle for each 64 requests in flight, because libcurl walks over all connections of one.  */

#include "body.h"
#include "memory.h"

#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static const char s_help[] =
    "curl-loop: sends POST requests over a bare libcurl loop, N at once, over kept connections\n"
    "\n"
    "usage: curl-loop --url http://HOST:PORT/PATH [options]\n"
    "\n"
    "  --in-flight N     requests at once. Default 64\n"
    "  --count N         begins so many. Default 100000, without --duration\n"
    "  --duration S      begins requests for so long\n"
    "  --body-bytes N    {\"instance\":\"i-7\",\"pad\":\"7xxx\"} of exactly N bytes (64 at least). Default "
    "400\n"
    "  --json            the report as one JSON object\n"
    "  --help\n"
    "\n"
    "{n} in the url becomes the request's number. Each request has a Content-Type and an Idempotency-Key of "
    "its "
    "own, as a\n"
    "caller's would. The report: requests answered 200 to 299, all others, the rate, and its own CPU time, "
    "user "
    "and system.\n"
    "\n"
    "example:\n"
    "  curl-loop --url 'http://127.0.0.1:9000/do/i-{n}' --in-flight 64 --duration 10\n"
    "\n"
    "Exit status: 0 all were answered 200 to 299, 1 some were not, 2 wrong usage.\n";

enum {
    LANE_WIDTH = 64,                          //  Requests of one multi handle
    IN_FLIGHT_MOST = 8192,                    //  As many sockets
    DESCRIPTORS_MOST = IN_FLIGHT_MOST + 1024, //  And some more
    EVENTS_MOST = 256,                        //  Served in one turn
    URL_BYTES = 2048,                         //  A url with its number
    TIMEOUT_MS = 10000,                       //  Of a request
    CONNECT_MS = 3000,                        //  Of its connection
};

typedef struct {
    const char *url;     //  With {n}
    unsigned in_flight;  //  At once
    uint64_t count;      //  0: until duration
    int64_t duration_us; //  0: until count
    uint64_t body_bytes; //  Of each
    bool json;           //  How to report
} s_options_t;

typedef struct s_loop s_loop_t;

//  One multi handle.
typedef struct {
    s_loop_t *loop;  //  Whose
    unsigned number; //  Its place
    CURLM *multi;    //  libcurl's
    int64_t due_us;  //  When libcurl wants to be called; INT64_MAX: it does not
    size_t running;  //  Requests in flight
} s_lane_t;

//  One request in flight, again and again.
typedef struct {
    CURL *easy;                   //  libcurl's
    s_lane_t *lane;               //  Where it always is
    char *body;                   //  Sent
    char key[64];                 //  Its Idempotency-Key header
    char url[URL_BYTES];          //  Rendered
    struct curl_slist headers[4]; //  libcurl's list, over the texts here
} s_request_t;

struct s_loop {
    const s_options_t *options; //  What to do
    load_body_t *body;          //  The bodies
    int epoll;                  //  All sockets
    uint32_t *watched;          //  By descriptor: what epoll watches it for; 0: it does not
    s_lane_t *lanes;            //  Multi handles
    unsigned lanes_size;        //  How many
    s_request_t *requests;      //  As many as in flight
    s_request_t **ended;        //  Those of one turn
    int64_t began_us;           //  When
    uint64_t begun;             //  Requests
    uint64_t done;              //  Answered 2xx
    uint64_t failed;            //  All others
};

//  ---- what libcurl calls

static int s_on_socket(CURL *easy, curl_socket_t number, int what, void *context, void *unused) {
    s_lane_t *lane = context;
    uint32_t *watched = &lane->loop->watched[number];
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    struct epoll_event event = {.events = events,
                                .data.u64 = (uint64_t)lane->number << 32 | (uint32_t)number};
    (void)easy;
    (void)unused;
    if (what != CURL_POLL_REMOVE && *watched != events) {
        epoll_ctl(lane->loop->epoll, *watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, number, &event);
        *watched = events;
    }
    return 0;
}

static int s_on_close(void *context, curl_socket_t number) {
    ((s_loop_t *)context)->watched[number] = 0;
    return close(number);
}

static int s_on_timer(CURLM *multi, long timeout_ms, void *context) {
    s_lane_t *lane = context;
    (void)multi;
    lane->due_us = timeout_ms < 0 ? INT64_MAX : timeout_ms == 0 ? 0 : load_steady_us() + timeout_ms * 1000;
    return 0;
}

static size_t s_on_answer(char *data, size_t one, size_t size, void *context) {
    (void)data;
    (void)context;
    return one * size;
}

//  ---- requests

static void s_set_up(s_loop_t *loop, s_request_t *request) {
    static const char *const texts[] = {"Content-Type: application/json", "Expect:", "Accept:"};
    CURL *easy = request->easy = curl_easy_init();
    request->body = load_alloc(loop->options->body_bytes);
    for (size_t i = 0; i < 3; i++) {
        request->headers[i] = (struct curl_slist){(char *)texts[i], &request->headers[i + 1]};
    }
    request->headers[3] = (struct curl_slist){request->key, NULL};
    curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)loop->options->body_bytes);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, s_on_answer);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, s_on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, loop);
}

static void s_render_url(const s_options_t *options, uint64_t number, char url[URL_BYTES]) {
    const char *hole = strstr(options->url, "{n}");
    if (hole) {
        snprintf(url, URL_BYTES, "%.*s%llu%s", (int)(hole - options->url), options->url,
                 (unsigned long long)number, hole + 3);
    } else {
        snprintf(url, URL_BYTES, "%s", options->url);
    }
}

static bool s_is_over(const s_loop_t *loop) {
    return loop->options->duration_us ? load_steady_us() - loop->began_us >= loop->options->duration_us
                                      : loop->begun >= loop->options->count;
}

static void s_begin(s_loop_t *loop, s_request_t *request) {
    uint64_t number = loop->begun++;
    load_body_write(loop->body, number, request->body);
    snprintf(request->key, sizeof request->key, "Idempotency-Key: %016llx-%llx",
             (unsigned long long)loop->began_us, (unsigned long long)number);
    s_render_url(loop->options, number, request->url);
    curl_easy_setopt(request->easy, CURLOPT_URL, request->url);
    curl_multi_add_handle(request->lane->multi, request->easy);
    request->lane->running++;
}

static void s_end(s_loop_t *loop, s_request_t *request) {
    long status = 0;
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    loop->done += status >= 200 && status <= 299;
    loop->failed += status < 200 || status > 299;
    curl_multi_remove_handle(request->lane->multi, request->easy);
    request->lane->running--;
}

//  ---- the loop

//  Milliseconds until the first lane is due.
static int s_wait_ms(const s_loop_t *loop) {
    int64_t due_us = INT64_MAX;
    for (unsigned number = 0; number < loop->lanes_size; number++) {
        due_us = loop->lanes[number].due_us < due_us ? loop->lanes[number].due_us : due_us;
    }
    int64_t now_us = load_steady_us();
    return due_us <= now_us ? 0 : due_us - now_us > 1000000 ? 1000 : (int)((due_us - now_us) / 1000) + 1;
}

static int s_mask(uint32_t events) {
    return (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
           (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
}

static void s_serve(s_loop_t *loop) {
    struct epoll_event events[EVENTS_MOST];
    int running = 0;
    int count = epoll_wait(loop->epoll, events, EVENTS_MOST, s_wait_ms(loop));
    for (int i = 0; i < count; i++) {
        s_lane_t *lane = &loop->lanes[events[i].data.u64 >> 32];
        curl_multi_socket_action(lane->multi, (int)(uint32_t)events[i].data.u64, s_mask(events[i].events),
                                 &running);
    }
    for (unsigned number = 0; number < loop->lanes_size; number++) {
        s_lane_t *lane = &loop->lanes[number];
        if (lane->due_us <= load_steady_us()) {
            lane->due_us = INT64_MAX;
            curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
    }
}

//  All messages before any handle leaves: libcurl walks over those that are left for each one that does.
static void s_go_on(s_loop_t *loop, s_lane_t *lane) {
    size_t size = 0;
    int left = 0;
    CURLMsg *message;
    while ((message = curl_multi_info_read(lane->multi, &left))) {
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&loop->ended[size++]);
    }
    for (size_t i = 0; i < size; i++) {
        s_end(loop, loop->ended[i]);
        if (!s_is_over(loop)) {
            s_begin(loop, loop->ended[i]);
        }
    }
}

static bool s_is_running(const s_loop_t *loop) {
    size_t running = 0;
    for (unsigned number = 0; number < loop->lanes_size; number++) {
        running += loop->lanes[number].running;
    }
    return running > 0;
}

static void s_go(s_loop_t *loop) {
    loop->began_us = load_steady_us();
    for (unsigned i = 0; i < loop->options->in_flight && !s_is_over(loop); i++) {
        s_begin(loop, &loop->requests[i]);
    }
    while (s_is_running(loop)) {
        s_serve(loop);
        for (unsigned number = 0; number < loop->lanes_size; number++) {
            s_go_on(loop, &loop->lanes[number]);
        }
    }
}

//  ---- the whole

static void s_open_lane(s_loop_t *loop, unsigned number) {
    s_lane_t *lane = &loop->lanes[number];
    *lane = (s_lane_t){.loop = loop, .number = number, .multi = curl_multi_init(), .due_us = INT64_MAX};
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, s_on_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, s_on_timer);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)LANE_WIDTH * 2);
}

static void s_open(s_loop_t *loop) {
    const s_options_t *options = loop->options;
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MOST ? limit.rlim_max : DESCRIPTORS_MOST;
    setrlimit(RLIMIT_NOFILE, &limit);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->watched = load_alloc(DESCRIPTORS_MOST * sizeof *loop->watched);
    loop->body = load_body_new(options->body_bytes, 0);
    loop->lanes_size = (options->in_flight + LANE_WIDTH - 1) / LANE_WIDTH;
    loop->lanes = load_alloc(loop->lanes_size * sizeof *loop->lanes);
    loop->requests = load_alloc(options->in_flight * sizeof *loop->requests);
    loop->ended = load_alloc(options->in_flight * sizeof(s_request_t *));
    for (unsigned number = 0; number < loop->lanes_size; number++) {
        s_open_lane(loop, number);
    }
    for (unsigned i = 0; i < options->in_flight; i++) {
        loop->requests[i].lane = &loop->lanes[i / LANE_WIDTH];
        s_set_up(loop, &loop->requests[i]);
    }
}

static void s_close(s_loop_t *loop) {
    for (unsigned i = 0; i < loop->options->in_flight; i++) {
        curl_easy_cleanup(loop->requests[i].easy);
        free(loop->requests[i].body);
    }
    for (unsigned number = 0; number < loop->lanes_size; number++) {
        curl_multi_cleanup(loop->lanes[number].multi);
    }
    curl_global_cleanup();
    close(loop->epoll);
    load_body_destroy(&loop->body);
    free(loop->watched);
    free(loop->lanes);
    free(loop->requests);
    free(loop->ended);
}

static double s_us_each(struct timeval time, uint64_t count) {
    return count ? ((double)time.tv_sec * 1e6 + (double)time.tv_usec) / (double)count : 0;
}

static void s_report(const s_loop_t *loop, int64_t ended_us) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(ended_us - loop->began_us) / 1e6;
    double rate = seconds > 0 ? (double)loop->done / seconds : 0;
    double user_us = s_us_each(usage.ru_utime, loop->begun);
    double system_us = s_us_each(usage.ru_stime, loop->begun);
    if (!loop->options->json) {
        printf("requests      %llu answered 2xx, %llu not, in %.3f s\nrate          %.1f/s\n"
               "own CPU       %.2f us a request (user %.2f, system %.2f)\n",
               (unsigned long long)loop->done, (unsigned long long)loop->failed, seconds, rate,
               user_us + system_us, user_us, system_us);
        return;
    }
    json_t *root = json_pack("{s:I, s:I, s:f, s:f, s:f, s:f, s:f}", "answered", (json_int_t)loop->done,
                             "failed", (json_int_t)loop->failed, "seconds", seconds, "rate", rate,
                             "cpu_us_per_request", user_us + system_us, "user_us_per_request", user_us,
                             "system_us_per_request", system_us);
    json_dumpf(root, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
}

//  ---- options

enum { URL = 1, IN_FLIGHT, COUNT, DURATION, BODY_BYTES, JSON, HELP };

static const struct option s_long[] = {{"url", required_argument, NULL, URL},
                                       {"in-flight", required_argument, NULL, IN_FLIGHT},
                                       {"count", required_argument, NULL, COUNT},
                                       {"duration", required_argument, NULL, DURATION},
                                       {"body-bytes", required_argument, NULL, BODY_BYTES},
                                       {"json", no_argument, NULL, JSON},
                                       {"help", no_argument, NULL, HELP},
                                       {NULL, 0, NULL, 0}};

//  A number from least to most, or wrong usage.
static double s_number(const char *name, const char *text, double least, double most) {
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= least && value <= most)) {
        fprintf(stderr, "curl-loop: --%s %s: must be a number from %g to %g; see --help\n", name, text, least,
                most);
        exit(2);
    }
    return value;
}

static void s_take(s_options_t *options, int option, const char *value) {
    switch (option) {
    case URL:
        options->url = value;
        break;
    case IN_FLIGHT:
        options->in_flight = (unsigned)s_number("in-flight", value, 1, IN_FLIGHT_MOST);
        break;
    case COUNT:
        options->count = (uint64_t)s_number("count", value, 1, 1e12);
        break;
    case DURATION:
        options->duration_us = (int64_t)(s_number("duration", value, 1e-3, 1e6) * 1e6);
        break;
    case BODY_BYTES:
        options->body_bytes = (uint64_t)s_number("body-bytes", value, LOAD_BODY_LEAST_BYTES, 1 << 20);
        break;
    case JSON:
        options->json = true;
        break;
    case HELP:
        fputs(s_help, stdout);
        exit(0);
    default:
        exit(2);
    }
}

int main(int argc, char **argv) {
    s_options_t options = {.in_flight = 64, .body_bytes = 400};
    s_loop_t loop = {.options = &options};
    for (int option; (option = getopt_long(argc, argv, "", s_long, NULL)) != -1;) {
        s_take(&options, option, optarg);
    }
    if (!options.url || optind < argc || strlen(options.url) > URL_BYTES - 32) {
        fputs("curl-loop: --url http://HOST:PORT/PATH is needed, and nothing beside options; see --help\n",
              stderr);
        return 2;
    }
    if (!options.count && !options.duration_us) {
        options.count = 100000;
    }
    s_open(&loop);
    s_go(&loop);
    s_report(&loop, load_steady_us());
    s_close(&loop);
    return loop.failed ? 1 : 0;
}
