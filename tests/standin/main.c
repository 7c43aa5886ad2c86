/*  stand-in: a third party for demo, tests and benchmark. Reads its options, serves, and says what went
 *  wrong.  */

#include "clock.h"
#include "server.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char s_help[] =
    "stand-in: an HTTP third party that answers 200 {\"ok\":true}, or as badly as it is told to\n"
    "\n"
    "usage: stand-in [options]\n"
    "\n"
    "  --listen HOST:PORT    default 127.0.0.1:0; port 0: the system picks. One line on stdout, once it "
    "accepts:\n"
    "                        listening on http://HOST:PORT\n"
    "  --log FILE            appends a line for each request that was read whole: ms since 1970, status "
    "answered (or hang,\n"
    "                        reset, garbage), Idempotency-Key or -, Holdfast-Attempt or -, XXH3-64 of the "
    "body in hex, its\n"
    "                        length, path. On disk's way 50 ms later at most\n"
    "  --delay MS            waits before each answer; others are answered meanwhile\n"
    "  --status N            answers N (200 … 599)\n"
    "  --fail SHARE          that share of requests (0 … 1) is answered --fail-status instead\n"
    "  --fail-status N       default 503\n"
    "  --hang SHARE          that share is read and never answered\n"
    "  --reset SHARE         that share is answered in part, then the connection is reset\n"
    "  --seed N              of the generator that decides shares; default 1\n"
    "  --gather US           looks for requests that often at most, microseconds: a third party that is so "
    "far away, and "
    "takes\n"
    "                        less of the processor it shares with what is measured. Default 0: at once\n"
    "  --down-for FROM-TO    seconds since the start during which nobody listens and open connections are "
    "dropped;\n"
    "                        may be repeated: --down-for 5-10 --down-for 20-20.5\n"
    "  --retry-after S       Retry-After on answers that are not 2xx\n"
    "  --response-bytes N    length of the answer's body (K, M, G); long ones are streamed\n"
    "  --tls-cert FILE --tls-key FILE   HTTPS with this PEM certificate and key\n"
    "  --die-with-parent     ends (like SIGTERM) when the process that started it does\n"
    "  --help\n"
    "\n"
    "A request's path can say the same, and wins; components may be combined:\n"
    "  /delay/250/x   /status/503/x   /fail/0.3/x   /fail-status/429/fail/1/x   /hang/x   /reset/x   "
    "/garbage/x (not HTTP)\n"
    "  /redirect/x (302 to /elsewhere)   /large/10G/x (streamed)   /drip/x (one byte a second)\n"
    "  /retry-after/10/x (503 unless /status or /fail is there)   /delay/100/status/503/x\n"
    "  hang, reset, garbage and redirect may be followed by a share: /hang/0.1/x. A path that names an "
    "outcome (any of these\n"
    "  but delay, fail-status, large and retry-after) does not get the outcomes that were set elsewhere.\n"
    "\n"
    "At run time:\n"
    "  GET  /standin/stats   "
    "{\"requests\",\"in_flight\",\"connections\",\"by_status\",\"hang\",\"reset\",\"garbage\"}\n"
    "  POST /standin/mood    JSON or form: delay_ms status fail fail_status hang reset garbage redirect drip "
    "retry_after_s\n"
    "                        retry_after_date_s (as an HTTP-date), response_bytes, and down_ms (goes down "
    "for so long, after this answer), clear "
    "(default mood\n"
    "                        first); GET shows the mood. Neither is counted, logged, or subject to a mood\n"
    "\n"
    "examples:\n"
    "  stand-in --listen 127.0.0.1:9000 --log requests.log --fail 0.2 --retry-after 1\n"
    "  curl -d '{\"down_ms\":30000}' http://127.0.0.1:9000/standin/mood\n"
    "  curl -d 'clear=1&status=503' http://127.0.0.1:9000/standin/mood\n"
    "  curl -i http://127.0.0.1:9000/delay/250/status/503/instances/i-1/stop\n"
    "\n"
    "SIGTERM and ^C write the log and end it with 0. Exit status: 0 ended so, 1 failed, 2 wrong usage.\n";

enum { LISTEN = 1, LOG_FILE, SEED, DOWN_FOR, TLS_CERT, TLS_KEY, DIE, HELP, MOOD, GATHER };

static const struct option s_long[] = {{"listen", required_argument, NULL, LISTEN},
                                       {"log", required_argument, NULL, LOG_FILE},
                                       {"seed", required_argument, NULL, SEED},
                                       {"gather", required_argument, NULL, GATHER},
                                       {"down-for", required_argument, NULL, DOWN_FOR},
                                       {"tls-cert", required_argument, NULL, TLS_CERT},
                                       {"tls-key", required_argument, NULL, TLS_KEY},
                                       {"die-with-parent", no_argument, NULL, DIE},
                                       {"help", no_argument, NULL, HELP},
                                       {"delay", required_argument, NULL, MOOD},
                                       {"status", required_argument, NULL, MOOD},
                                       {"fail", required_argument, NULL, MOOD},
                                       {"fail-status", required_argument, NULL, MOOD},
                                       {"hang", required_argument, NULL, MOOD},
                                       {"reset", required_argument, NULL, MOOD},
                                       {"retry-after", required_argument, NULL, MOOD},
                                       {"response-bytes", required_argument, NULL, MOOD},
                                       {NULL, 0, NULL, 0}};

//  More is no distance but a delay: see --delay.
#define GATHER_MOST_US 10000

static _Noreturn void s_usage(const char *option, const char *value) {
    fprintf(stderr, "stand-in: --%s cannot be \"%s\"; see stand-in --help\n", option, value);
    exit(2);
}

//  "127.0.0.1:80" or "[::1]:80": cuts the text in two, in place.
static void s_read_listen(standin_options_t *options, char *text) {
    char *colon = strrchr(text, ':');
    if (!colon || colon == text || !colon[1] || strspn(colon + 1, "0123456789") != strlen(colon + 1)) {
        s_usage("listen", text);
    }
    options->port = colon + 1;
    options->host = text;
    if (*text == '[' && colon[-1] == ']') {
        options->host = text + 1;
        colon[-1] = '\0';
    }
    *colon = '\0';
}

static void s_read_window(standin_options_t *options, const char *text) {
    char *end;
    double from = strtod(text, &end);
    double until = *end == '-' ? strtod(end + 1, &end) : -1;
    if (*end || !(from >= 0 && until > from && until < 1e9) ||
        options->window_count == STANDIN_WINDOWS_MOST) {
        s_usage("down-for", text);
    }
    options->windows[options->window_count++] = (standin_window_t){(int64_t)(from * 1000),
                                                                   (int64_t)(until * 1000)};
}

//  A whole file as text, for the life of the program.
static char *s_read_file(const char *path) {
    FILE *file = fopen(path, "re");
    char *text = standin_realloc(NULL, 1 << 20);
    size_t size = file ? fread(text, 1, (1 << 20) - 1, file) : 0;
    if (!file || ferror(file)) {
        perror(path);
        exit(1);
    }
    fclose(file);
    text[size] = '\0';
    return text;
}

//  A parent that ended before the kernel was told to watch it is noticed by its child's new parent.
static void s_die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) {
        exit(0);
    }
}

static void s_read_option(standin_options_t *options, int option, const char *name, pid_t parent) {
    char *end;
    switch (option) {
    case LISTEN:
        s_read_listen(options, optarg);
        break;
    case LOG_FILE:
        options->log_path = optarg;
        break;
    case SEED:
        options->seed = strtoull(optarg, &end, 10);
        if (!*optarg || *end) {
            s_usage(name, optarg);
        }
        break;
    case GATHER:
        options->gather_us = strtoll(optarg, &end, 10);
        if (!*optarg || *end || options->gather_us < 0 || options->gather_us > GATHER_MOST_US) {
            s_usage(name, optarg);
        }
        break;
    case DOWN_FOR:
        s_read_window(options, optarg);
        break;
    case TLS_CERT:
        options->tls_cert = s_read_file(optarg);
        break;
    case TLS_KEY:
        options->tls_key = s_read_file(optarg);
        break;
    case DIE:
        s_die_with(parent);
        break;
    case MOOD:
        if (standin_mood_set(&options->mood, name, optarg) != 0) {
            s_usage(name, optarg);
        }
        break;
    case HELP:
        fputs(s_help, stdout);
        exit(0);
    default:
        fputs("stand-in: see stand-in --help\n", stderr);
        exit(2);
    }
}

int main(int argc, char **argv) {
    static char usual[] = "127.0.0.1:0";
    pid_t parent = getppid();
    standin_options_t options = {.mood = standin_mood_default, .seed = 1};
    s_read_listen(&options, usual);
    int option;
    int index = 0;
    while ((option = getopt_long(argc, argv, "", s_long, &index)) != -1) {
        s_read_option(&options, option, s_long[index].name, parent);
    }
    if (optind < argc || !options.tls_cert != !options.tls_key) {
        fputs("stand-in: options only, and --tls-cert with --tls-key; see stand-in --help\n", stderr);
        return 2;
    }
    char error[300] = "";
    standin_server_t *server = standin_server_new(&options, error, sizeof error);
    int result = server ? standin_server_run(server, error, sizeof error) : -1;
    standin_server_destroy(&server);
    free((char *)(uintptr_t)options.tls_cert);
    free((char *)(uintptr_t)options.tls_key);
    if (result != 0) {
        fprintf(stderr, "stand-in: %s\n", error);
    }
    return result == 0 ? 0 : 1;
}
