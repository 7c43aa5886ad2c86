/*  load: a load generator for tests and benchmark. Reads its options, lets the run go, and tells what it
 *  came to.  */

#include "memory.h"
#include "run.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <strings.h>

static const char s_help[] =
    "load: sends POST requests over HTTP/1.1 and checks every answer\n"
    "\n"
    "usage: load --url http://HOST:PORT/PATH [options]\n"
    "\n"
    "  --connections N    how many; each has one request under way at most. Default 64\n"
    "  --rate R           open loop: R requests a second in all, whatever the answers do; latency counts "
    "from when a\n"
    "                     request was meant to be sent. Without it, closed loop: each connection sends when "
    "it is answered\n"
    "  --duration S       begins requests for so long. Default 10, without --count\n"
    "  --count N          begins so many\n"
    "  --body-bytes N     {\"instance\":\"i-7\",\"pad\":\"7xxx\"} of exactly N bytes (64 at least), each "
    "another one. Default 200\n"
    "  --keys K           the instance repeats over K values; the pad is still another one each time\n"
    "  --body-file FILE   sends this instead, the same each time\n"
    "  --header LINE      one more header, as in 'Authorization: Bearer x'; may be repeated\n"
    "  --idempotency      an Idempotency-Key with each request, unique over all runs\n"
    "  --retry            the same key and body again, 100 ms after a broken connection, a timeout or a 503, "
    "until\n"
    "                     --patience has passed since its first try; sets --idempotency too\n"
    "  --patience S       default 60\n"
    "  --acks FILE        a line for each acknowledged request: id from the answer's JSON, XXH3-64 of the "
    "body in hex,\n"
    "                     Idempotency-Key or -, tries, when it was meant to be sent (ms since 1970). A 202 "
    "without an id is\n"
    "                     malformed; for another --expect the id is then -\n"
    "  --id NAME          the field of the answer's JSON that holds the id. Default id\n"
    "  --expect STATUS    what acknowledges. Default 202\n"
    "  --timeout S        of one try. Default 30\n"
    "  --spread N         {n} in the url's path becomes the request's number modulo N: N pipelines, say\n"
    "  --json             the report as one JSON object, with all buckets of the histogram\n"
    "  --by-second        in it, a row for each second of the run: acknowledged, failed and latency of what "
    "was "
    "meant to be\n"
    "                     sent in it, and how many answers came in it\n"
    "  --help\n"
    "\n"
    "The report: requests, rate of acknowledged ones, errors by kind (status: another one than expected; "
    "connection: refused,\n"
    "broken; timeout; malformed: no HTTP/1.1 answer with a Content-Length), statuses, p50 p90 p99 p99.9 max "
    "and mean in ms of\n"
    "what was acknowledged (from the first try or the intended time to the answer, to 1.6 %), and its own "
    "CPU time.\n"
    "\n"
    "While fewer than one in eight of the requests under way was answered, it looks for answers every 100 "
    "us, not for "
    "each: that\n"
    "costs it less of the processor it shares with the server, and counts as latency.\n"
    "\n"
    "examples:\n"
    "  load --url http://127.0.0.1:4653/pipelines/stop-instance/commands --connections 64 --duration 20\n"
    "  load --url http://127.0.0.1:4653/pipelines/stop-instance/commands --rate 5000 --duration 60 --json\n"
    "  load --url http://127.0.0.1:4653/pipelines/stop-instance/commands --count 100000 --retry --acks "
    "acks.txt\n"
    "  load --url http://127.0.0.1:9000/x --expect 200\n"
    "\n"
    "SIGTERM and ^C end it, and it still reports; what is under way then is `unfinished`. Exit status: 0 all "
    "was acknowledged\n"
    "(or unfinished), 1 a request finally failed or was never sent, 2 wrong usage.\n";

#define CONNECTIONS_MOST 100000
#define HEADERS_BYTES    8192

static volatile sig_atomic_t s_ended;

static void s_end(int number) {
    (void)number;
    s_ended = 1;
}

//  What the options say, with what has to be made of them first.
typedef struct {
    load_options_t run;          //  For the run
    uint64_t body_bytes;         //  Of the template
    uint64_t keys;               //  Of the template
    const char *body_file;       //  Instead of it
    const char *acks_path;       //  NULL: none
    char *url;                   //  As given; cut into pieces
    char authority[300];         //  HOST:PORT
    char path[2048];             //  With its '/'
    char headers[HEADERS_BYTES]; //  Lines with CRLF
    bool json;                   //  How to report
} s_options_t;

enum {
    URL = 1,
    CONNECTIONS,
    RATE,
    DURATION,
    COUNT,
    BODY_BYTES,
    BODY_FILE,
    KEYS,
    HEADER,
    IDEMPOTENCY,
    RETRY,
    PATIENCE,
    ACKS,
    ID,
    EXPECT,
    TIMEOUT,
    JSON,
    BY_SECOND,
    SPREAD,
    HELP
};

static const struct option s_long[] = {{"url", required_argument, NULL, URL},
                                       {"connections", required_argument, NULL, CONNECTIONS},
                                       {"rate", required_argument, NULL, RATE},
                                       {"duration", required_argument, NULL, DURATION},
                                       {"count", required_argument, NULL, COUNT},
                                       {"body-bytes", required_argument, NULL, BODY_BYTES},
                                       {"body-file", required_argument, NULL, BODY_FILE},
                                       {"keys", required_argument, NULL, KEYS},
                                       {"header", required_argument, NULL, HEADER},
                                       {"idempotency", no_argument, NULL, IDEMPOTENCY},
                                       {"retry", no_argument, NULL, RETRY},
                                       {"patience", required_argument, NULL, PATIENCE},
                                       {"acks", required_argument, NULL, ACKS},
                                       {"id", required_argument, NULL, ID},
                                       {"expect", required_argument, NULL, EXPECT},
                                       {"timeout", required_argument, NULL, TIMEOUT},
                                       {"json", no_argument, NULL, JSON},
                                       {"by-second", no_argument, NULL, BY_SECOND},
                                       {"spread", required_argument, NULL, SPREAD},
                                       {"help", no_argument, NULL, HELP},
                                       {NULL, 0, NULL, 0}};

static _Noreturn void s_usage(const char *option, const char *value) {
    fprintf(stderr, "load: --%s cannot be \"%s\"; see load --help\n", option, value);
    exit(2);
}

static double s_number(const char *name, double least, double most) {
    char *end;
    double number = strtod(optarg, &end);
    if (!*optarg || *end || !(number >= least && number <= most)) {
        s_usage(name, optarg);
    }
    return number;
}

static int64_t s_seconds_us(const char *name) {
    return (int64_t)(s_number(name, 0.001, 1e7) * 1e6);
}

//  "http://HOST:PORT/PATH", HOST perhaps in brackets.
static void s_read_url(s_options_t *self) {
    char *url = self->url;
    if (!url || strncmp(url, "http://", 7) != 0 || strpbrk(url, " \t\r\n")) {
        s_usage("url", url ? url : "left out");
    }
    size_t size = strcspn(url + 7, "/");
    snprintf(self->path, sizeof self->path, "%s", url[7 + size] ? url + 7 + size : "/");
    snprintf(self->authority, sizeof self->authority, "%.*s", (int)(size < 299 ? size : 299), url + 7);
    char *host = url + 7;
    host[size] = '\0';
    char *colon = strrchr(host, ':');
    bool bracketed = *host == '[';
    if (!colon || colon == host || size > 299 || (bracketed && colon[-1] != ']') ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        s_usage("url", host);
    }
    colon[bracketed ? -1 : 0] = '\0';
    self->run.host = host + (bracketed ? 1 : 0);
    self->run.port = colon + 1;
    self->run.authority = self->authority;
    self->run.path = self->path;
    self->run.headers = self->headers;
}

static void s_add_header(s_options_t *self, const char *line) {
    size_t used = strlen(self->headers);
    if (!strchr(line, ':') || strpbrk(line, "\r\n") || used + strlen(line) + 3 > sizeof self->headers) {
        s_usage("header", line);
    }
    snprintf(self->headers + used, sizeof self->headers - used, "%s\r\n", line);
}

static void s_read_option(s_options_t *self, int option, const char *name) {
    load_options_t *run = &self->run;
    switch (option) {
    case URL:
        self->url = optarg;
        break;
    case CONNECTIONS:
        run->connections = (unsigned)s_number(name, 1, CONNECTIONS_MOST);
        break;
    case RATE:
        run->rate = s_number(name, 0.001, 1e7);
        break;
    case DURATION:
        run->duration_us = s_seconds_us(name);
        break;
    case COUNT:
        run->count = (uint64_t)s_number(name, 1, 1e15);
        break;
    case BODY_BYTES:
        self->body_bytes = (uint64_t)s_number(name, LOAD_BODY_LEAST_BYTES, LOAD_BODY_MOST_BYTES);
        break;
    case BODY_FILE:
        self->body_file = optarg;
        break;
    case KEYS:
        self->keys = (uint64_t)s_number(name, 1, 1e15);
        break;
    case HEADER:
        s_add_header(self, optarg);
        break;
    case IDEMPOTENCY:
        run->idempotency = true;
        break;
    case RETRY:
        run->retry = run->idempotency = true;
        break;
    case PATIENCE:
        run->patience_us = s_seconds_us(name);
        break;
    case ACKS:
        self->acks_path = optarg;
        break;
    case ID:
        run->id_name = optarg;
        break;
    case EXPECT:
        run->expect = (int)s_number(name, 200, 599);
        break;
    case TIMEOUT:
        run->timeout_us = s_seconds_us(name);
        break;
    case JSON:
        self->json = true;
        break;
    case BY_SECOND:
        run->by_second = true;
        break;
    case SPREAD:
        run->spread = (uint64_t)s_number(name, 1, 1e6);
        break;
    case HELP:
        fputs(s_help, stdout);
        exit(0);
    default:
        fputs("load: see load --help\n", stderr);
        exit(2);
    }
}

static int s_go(s_options_t *self) {
    char error[300] = "";
    load_run_t *run = load_run_new(&self->run, error, sizeof error);
    if (!run) {
        fprintf(stderr, "load: %s\n", error);
        return 1;
    }
    const load_report_t *report = load_run_go(run);
    load_report_print(report, self->json, stdout);
    int result = report->failed || report->unsent ? 1 : 0;
    if (self->run.acks && load_acks_flush(self->run.acks) != 0) {
        fprintf(stderr, "load: cannot write %s: %s\n", self->acks_path, strerror(errno));
        result = 1;
    }
    load_run_destroy(&run);
    return result;
}

static void s_catch_signals(void) {
    struct sigaction action = {.sa_handler = s_end};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

int main(int argc, char **argv) {
    static s_options_t self = {.body_bytes = 200};
    self.run = (load_options_t){.connections = 64,
                                .timeout_us = 30000000,
                                .patience_us = 60000000,
                                .id_name = "id",
                                .expect = 202,
                                .ended = &s_ended};
    int option;
    int index = 0;
    while ((option = getopt_long(argc, argv, "", s_long, &index)) != -1) {
        s_read_option(&self, option, s_long[index].name);
    }
    if (optind < argc) {
        fputs("load: options only; see load --help\n", stderr);
        return 2;
    }
    s_read_url(&self);
    if (!self.run.duration_us && !self.run.count) {
        self.run.duration_us = 10000000;
    }
    load_body_t *body = self.body_file ? load_body_new_file(self.body_file)
                                       : load_body_new(self.body_bytes, self.keys);
    load_acks_t *acks = self.acks_path ? load_acks_new(self.acks_path) : NULL;
    int result = 1;
    if (!body || (self.acks_path && !acks)) {
        fprintf(stderr, "load: cannot open %s: %s\n", body ? self.acks_path : self.body_file,
                strerror(errno));
    } else {
        self.run.body = body;
        self.run.acks = acks;
        s_catch_signals();
        result = s_go(&self);
    }
    load_acks_destroy(&acks);
    load_body_destroy(&body);
    return result;
}
