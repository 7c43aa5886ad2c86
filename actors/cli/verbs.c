/*  Happy path: a word names the verb, getopt_long cuts what follows it by the verb's own options, the verb
 * runs. Failures: what is not known is answered with the nearest that is, and status 2.  */

#include "cli/verbs.h"
#include "base/pipeline.h"
#include "cli/terminal.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S_STATE_DIR                                                                                          \
    { "state", "DIR", "where state lives; default $HOLDFAST_STATE,\nelse ./.holdfast" }
#define S_JSON(what)                                                                                         \
    { "json", NULL, what }
#define S_END                                                                                                \
    { NULL, NULL, NULL }
#define S_FILTERS                                                                                            \
    {"pipeline", "NAME", "only of this pipeline"}, {"destination", "NAME", "only for this destination"},     \
        {"state", "STATE",                                                                                   \
         "only in this state: accepted calling waiting\nuncertain succeeded dead cancelled "                 \
         "discarded\nexpired"},                                                                              \
        {"class", "CLASS",                                                                                   \
         "only where the newest attempt ended so:\nsucceeded refused failed rejected uncertain"},            \
        {"key", "KEY", "only with this key"},                                                                \
        {"group", "GROUP", "only of this group of like reasons:\nholdfast dead names them"},                 \
        {"since", "T", "accepted at T or later: 2026-01-31T12:00:00Z, or\n2h for two hours ago"}, {          \
        "until", "T", "accepted before T"                                                                    \
    }

static const hf_option_t s_up_options[] = {
    S_STATE_DIR, {"http", "HOST:PORT", "listen there instead of where the pipeline files\nsay"}, S_END};

static const hf_option_t s_no_options[] = {S_END};

static const hf_option_t s_send_options[] = {
    {"wait", "SECONDS", "follow it to its end, but no longer than that;\nstatus 1 unless it succeeds"},
    {"idempotency-key", "K", "send it twice with the same K, and it is one command"},
    {"not-before", "T", "call no earlier: 2026-01-31T12:00:00Z, or 30s or\n2h from now"},
    {"deadline", "T", "expires if not done by then: as above"},
    {"priority", "N",
     "0 to 9: 9 is called before the others, 0 after\nthem; default: what the pipeline says, or 5"},
    {"content-type", "TYPE",
     "of the body; default application/json where it\nis JSON, else application/octet-stream"},
    S_JSON("print what the node answered"),
    S_END};

static const hf_option_t s_list_options[] = {S_FILTERS,
                                             {"limit", "N", "at most N of the newest; default 50"},
                                             S_JSON("one JSON object a line"),
                                             S_END};

static const hf_option_t s_show_options[] = {
    {"responses", NULL, "each attempt's answer as it was kept, up to 64\nKiB, not only how it begins"},
    S_JSON("print what the node answered"),
    S_END};

static const hf_option_t s_watch_options[] = {{"pipeline", "NAME", "only of this pipeline"},
                                              {"type", "TYPE", "only events of this type"},
                                              S_JSON("one JSON object a line, as the node sent it"),
                                              S_END};

static const hf_option_t s_retry_options[] = {
    {"body", "BODY | @FILE | -", "replace the body; only with one ID"},
    {"content-type", "TYPE", "of that body"},
    {"all", NULL, "all dead ones that the filters leave, as a job\nof the node"},
    S_FILTERS,
    {"limit", "N", "with --all: at most N"},
    {"rate", "R", "with --all: no faster than this: 50/s"},
    {"canary", "N", "with --all: N first, the others only if these\nsucceed; default 1, 0 for none"},
    {"patch", "PATCH | @FILE | -", "with --all: a JSON Patch (RFC 6902) for each body"},
    {"dry-run", NULL, "with --all: only show which, and what a patch\nmakes of them"},
    S_JSON("print what the node answered"),
    S_END};

static const hf_option_t s_discard_options[] = {
    {"all", NULL, "all dead ones that the filters leave, as a job\nof the node"},
    S_FILTERS,
    {"limit", "N", "with --all: at most N"},
    {"rate", "R", "with --all: no faster than this: 50/s"},
    {"dry-run", NULL, "with --all: only show which"},
    S_JSON("print what the node answered"),
    S_END};

static const hf_option_t s_dead_options[] = {{"state", "STATE", "dead (default) or uncertain"},
                                             {"destination", "NAME", "only for this destination"},
                                             S_JSON("one JSON object a line"),
                                             S_END};

static const hf_option_t s_jobs_options[] = {S_JSON("one JSON object a line"), S_END};

static const hf_option_t s_job_options[] = {
    {"cancel", NULL, "end it where it is"}, S_JSON("print what the node answered"), S_END};

static const hf_option_t s_decide_options[] = {S_JSON("print what the node answered"), S_END};

static const hf_option_t s_ps_options[] = {S_STATE_DIR, S_JSON("one JSON object a line"), S_END};

static const hf_option_t s_journal_options[] = {S_STATE_DIR, S_JSON("verify, stat: as JSON"), S_END};

static const hf_option_t s_simulate_options[] = {
    {"arrivals", "RATES",
     "commands that come: 500/s, or 100/s,2000/s@10m from\n10m on; @FILE: a line TIME RATE each"},
    {"duration", "D", "how long they come; default: until an hour after\nthe last outage and rate"},
    {"even", NULL, "they come evenly, not by chance"},
    {"keys", "N", "so many different values of what templates name;\ndefault: each command has its own"},
    {"latency", "MEDIAN[,P99]", "how long a call takes; default 50ms, always"},
    {"capacity", "N,RATE",
     "what the third party bears: N at once, RATE, or\nboth: 64 or 200/s or 64,200/s; default: anything"},
    {"overload", "WHAT", "what is beyond that gets: queue (waits there, the\ndefault), 429 or 503"},
    {"retry-after", "D", "goes with each 429 and 503: 10s"},
    {"fail", "SHARES", "so many calls are answered otherwise than 200: 2%\nwith 503, or 2%:503,0.1%:400"},
    {"outage", "OUTAGES", "it is down for so long: 2h from 10m on, or\n5m@1h,2h@6h"},
    {"outage-as", "WHAT", "then it is: refused (the default), hangs or 503"},
    {"commit", "D", "how long a commit takes; default 2ms"},
    {"until", "D", "ends then, whatever is open; default 7d after the\nlast command came"},
    {"seed", "N", "of all chance; default 1"},
    {"scale", "N",
     "simulates an Nth of arrivals, concurrency, rate and\ncapacity, and multiplies the counts again"},
    {"memory", "SIZE", "for the simulated journal; default 2G"},
    {"plot", "FILE", "writes a picture as SVG"},
    S_JSON("print one JSON object, with the whole series"),
    S_END};

static const hf_option_t s_actor_options[] = {
    S_STATE_DIR,
    {"number", "N", "of a caller, from 0"},
    {"http", "HOST:PORT", "ingress: listen there instead of where the\npipeline files say"},
    S_END};

const hf_verb_t hf_verbs[] = {
    {.name = "up",
     .usage = "[--state DIR] [--http HOST:PORT] [PATH...]",
     .summary = "run the pipelines in these files or folders, until ^C",
     .about = "Runs every actor under the supervisor, in the foreground. PATH is a pipeline\n"
              "file or a folder of them; the default is pipelines/. SIGTERM and ^C let calls in\n"
              "flight end, then exit. Where its address is taken, it says so and exits 1.",
     .options = s_up_options,
     .example = "holdfast up\nholdfast up --state /var/lib/holdfast --http 0.0.0.0:4653 /etc/holdfast",
     .most = -1,
     .run = hf_verb_up},
    {.name = "check",
     .usage = "[PATH...]",
     .summary = "say what is wrong with pipeline files",
     .about = "Prints file:line: message for each mistake and exits 1; silent and 0 where all\n"
              "is well. PATH is a pipeline file or a folder of them; the default is pipelines/.",
     .options = s_no_options,
     .example = "holdfast check pipelines/stop-instance.zpl",
     .most = -1,
     .run = hf_verb_check},
    {.name = "send",
     .usage = "PIPELINE [BODY | @FILE | -] [options]",
     .summary = "submit a command; prints its id",
     .about = "The body is what is written there, the contents of @FILE, standard input for -,\n"
              "or empty. The command is on disk when the id is printed. For a body that itself\n"
              "begins with @, use -; before one that begins with -, write --.",
     .options = s_send_options,
     .example = "holdfast send stop-instance '{\"instance\": \"i-0abc\"}'\n"
                "holdfast send stop-instance @stop.json --wait 30\n"
                "make-body | holdfast send stop-instance - --idempotency-key order-17",
     .least = 1,
     .most = 2,
     .missing = "PIPELINE is missing",
     .run = hf_verb_send},
    {.name = "show",
     .usage = "ID [--responses] [--json]",
     .summary = "one command, with its attempts",
     .options = s_show_options,
     .example = "holdfast show 0190163d-8694-739b-aea5-966c26f8ad91",
     .least = 1,
     .most = 1,
     .missing = "ID is missing",
     .run = hf_verb_show},
    {.name = "list",
     .usage = "[filters] [--limit N] [--json]",
     .summary = "commands, newest first",
     .options = s_list_options,
     .example = "holdfast list --state dead --since 2h\nholdfast list --key i-0abc --json | jq .reason",
     .run = hf_verb_list},
    {.name = "watch",
     .usage = "[ID] [--pipeline NAME] [--type TYPE] [--json]",
     .summary = "live events, of one command or of all",
     .about = "Goes on where it was after a broken connection. With ID it shows what has\n"
              "happened so far, and ends when the command does: status 0 if it succeeded.",
     .options = s_watch_options,
     .example = "holdfast watch\nholdfast watch 0190163d-8694-739b-aea5-966c26f8ad91",
     .most = 1,
     .run = hf_verb_watch},
    {.name = "retry",
     .usage = "ID... | --all [filters]",
     .summary = "try dead or uncertain commands again",
     .about = "--all begins a job of the node over those that are dead now, a canary first. It\n"
              "stops itself when they fail again, goes on after a restart, and is followed\n"
              "here on a terminal.",
     .options = s_retry_options,
     .example = "holdfast retry 0190163d-8694-739b-aea5-966c26f8ad91\n"
                "holdfast retry --all --destination ec2 --class failed --rate 50/s\n"
                "holdfast retry --all --group 5f0c6a9b1d2e3f40 --dry-run \\\n"
                "    --patch '[{\"op\":\"replace\",\"path\":\"/region\",\"value\":\"eu-1\"}]'",
     .most = -1,
     .run = hf_verb_retry},
    {.name = "dead",
     .usage = "[--state STATE] [--destination NAME] [--json]",
     .summary = "what is dead, by kind of reason",
     .about = "Reasons that differ only in numbers, ids and hosts are one group. --group GROUP\n"
              "of list, retry, discard and resolve takes the commands of one.",
     .options = s_dead_options,
     .example = "holdfast dead\nholdfast dead --state uncertain --json | jq .count",
     .run = hf_verb_dead},
    {.name = "jobs",
     .usage = "[--json]",
     .summary = "decisions over many commands, running and ended",
     .options = s_jobs_options,
     .example = "holdfast jobs",
     .run = hf_verb_jobs},
    {.name = "job",
     .usage = "ID [--cancel] [--json]",
     .summary = "how far one of them is; or its end",
     .options = s_job_options,
     .example = "holdfast job 0190163d-8694-739b-aea5-966c26f8ad91 --cancel",
     .least = 1,
     .most = 1,
     .missing = "ID is missing",
     .run = hf_verb_job},
    {.name = "discard",
     .usage = "ID... | --all [filters]",
     .summary = "let dead or uncertain commands go",
     .options = s_discard_options,
     .example = "holdfast discard 0190163d-8694-739b-aea5-966c26f8ad91",
     .most = -1,
     .run = hf_verb_discard},
    {.name = "cancel",
     .usage = "ID...",
     .summary = "stop commands that are not being called",
     .options = s_decide_options,
     .example = "holdfast cancel 0190163d-8694-739b-aea5-966c26f8ad91",
     .least = 1,
     .most = -1,
     .missing = "ID is missing",
     .run = hf_verb_cancel},
    {.name = "resolve",
     .usage = "ID... | --all [filters]",
     .summary = "say that uncertain or dead commands did succeed",
     .about = "For what you know and Holdfast cannot: the third party did do it.",
     .options = s_discard_options,
     .example = "holdfast resolve 0190163d-8694-739b-aea5-966c26f8ad91\n"
                "holdfast resolve --all --state uncertain --destination bank",
     .most = -1,
     .run = hf_verb_resolve},
    {.name = "pause",
     .usage = "DESTINATION",
     .summary = "stop calls to a destination; commands are still accepted",
     .about = "Attempts under way end as they would; what is accepted meanwhile is held, over\n"
              "restarts too, and called after `holdfast resume`. Deadlines of clients go on.",
     .options = s_decide_options,
     .example = "holdfast pause ec2",
     .least = 1,
     .most = 1,
     .missing = "DESTINATION is missing",
     .run = hf_verb_pause},
    {.name = "resume",
     .usage = "DESTINATION",
     .summary = "start calls to a destination again",
     .about = "Ends a pause. It does not wait for a time that the third party named in\n"
              "Retry-After, nor for the cooldown of an open circuit: a probe may begin at once.",
     .options = s_decide_options,
     .example = "holdfast resume ec2",
     .least = 1,
     .most = 1,
     .missing = "DESTINATION is missing",
     .run = hf_verb_resume},
    {.name = "ps",
     .usage = "[--state DIR] [--json]",
     .summary = "the node's actors, and what each has in hand",
     .about = "Asks the node at HOLDFAST_URL; with --state, or where it can't be asked, reads\n"
              "what its supervisor wrote.",
     .options = s_ps_options,
     .example = "holdfast ps",
     .run = hf_verb_ps},
    {.name = "journal",
     .usage = "verify | stat | backup DIR",
     .summary = "check, measure or copy the journal",
     .about = "verify  checks every record and every cross-reference; names what is wrong,\n"
              "        and exits 1\n"
              "stat    sizes and counts\n"
              "backup  a consistent copy into DIR (new or empty), while the node runs: DIR is\n"
              "        a state folder then, for --state of `up` and of `journal verify`",
     .options = s_journal_options,
     .example =
         "holdfast journal verify --state /var/lib/holdfast\nholdfast journal backup /backup/2026-01-31\n"
         "holdfast journal verify --state /backup/2026-01-31",
     .least = 1,
     .most = 2,
     .missing = "verify, stat or backup is missing",
     .run = hf_verb_journal},
    {.name = "simulate",
     .usage = "PIPELINE --arrivals RATES [options] [PATH...]",
     .summary = "what would happen: backlog, drain time, calls, dead",
     .about = "Runs the node's real cores in virtual time, against a model of the third party,\n"
              "until nothing moves any more. PIPELINE stands in the pipeline file or folder\n"
              "PATH; the default is pipelines/. The same options and seed say the same again.\n"
              "What it does not know: how much this machine's processor and disk can do.",
     .options = s_simulate_options,
     .example = "holdfast simulate stop-instance --arrivals 50/s --outage 2h --plot outage.svg\n"
                "holdfast simulate stop-instance --arrivals 50/s,200/s@5m --capacity 64,100/s\n"
                "holdfast simulate stop-instance --arrivals 2000/s --scale 16 --json",
     .least = 1,
     .most = -1,
     .missing = "PIPELINE is missing",
     .run = hf_verb_simulate},
    {.name = "actor",
     .usage = "NAME [--number N] [--state DIR] [--http H:P] [PATH...]",
     .summary = "run one actor alone, under a supervisor of your own",
     .about = "NAME is journal, ingress, dispatch, call, failure or events. It says READY=1 and\n"
              "WATCHDOG=1 to systemd. `holdfast up` starts all of them by itself: use this only\n"
              "instead of it.",
     .options = s_actor_options,
     .example = "holdfast actor call --number 0 --state /var/lib/holdfast /etc/holdfast",
     .least = 1,
     .most = -1,
     .missing = "NAME is missing",
     .run = hf_verb_actor},
    {.name = "help",
     .usage = "[VERB]",
     .summary = "explain a verb",
     .options = s_no_options,
     .example = "holdfast help send",
     .most = 1,
     .run = hf_verb_help},
    {.name = NULL}};

//  ---- finding

const hf_verb_t *hf_verbs_find(const char *name) {
    for (const hf_verb_t *verb = hf_verbs; verb->name; verb++) {
        if (strcmp(verb->name, name) == 0) {
            return verb;
        }
    }
    return NULL;
}

const char *hf_verbs_nearest(const char *word) {
    const char *names[sizeof hf_verbs / sizeof *hf_verbs];
    size_t size = 0;
    for (const hf_verb_t *verb = hf_verbs; verb->name; verb++) {
        names[size++] = verb->name;
    }
    return hf_nearest(word, names, size);
}

static int s_options_size(const hf_verb_t *verb) {
    int size = 0;
    while (verb->options[size].name) {
        size++;
    }
    assert(size <= HF_OPTIONS_MAX);
    return size;
}

static const char *s_nearest_option(const hf_verb_t *verb, const char *typed) {
    const char *names[HF_OPTIONS_MAX + 1] = {"help"};
    size_t size = 1;
    for (int number = 0; number < s_options_size(verb); number++) {
        names[size++] = verb->options[number].name;
    }
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(typed, "="), typed);
    return hf_nearest(word, names, size);
}

//  ---- what was given

static int s_number(const hf_args_t *self, const char *name) {
    int number = 0;
    while (self->verb->options[number].name && strcmp(self->verb->options[number].name, name) != 0) {
        number++;
    }
    assert(self->verb->options[number].name && "no such option in the table");
    return number;
}

bool hf_args_takes(const hf_args_t *self, const char *name) {
    int number = 0;
    while (self->verb->options[number].name && strcmp(self->verb->options[number].name, name) != 0) {
        number++;
    }
    return self->verb->options[number].name != NULL;
}

const char *hf_args_value(const hf_args_t *self, const char *name) {
    return self->values[s_number(self, name)];
}

bool hf_args_has(const hf_args_t *self, const char *name) {
    return hf_args_value(self, name) != NULL;
}

int hf_args_number(const hf_args_t *self, const char *name, long long least, long long most,
                   long long *number) {
    const char *text = hf_args_value(self, name);
    if (!text) {
        return HF_EXIT_DONE;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!*text || *end || errno || value < least || value > most) {
        return hf_say_usage(self, "--%s takes a whole number from %lld to %lld, not '%s'", name, least, most,
                            text);
    }
    *number = value;
    return HF_EXIT_DONE;
}

const char *hf_args_state_dir(const hf_args_t *self) {
    const char *given = hf_args_value(self, "state");
    const char *usual = getenv("HOLDFAST_STATE");
    return given && *given ? given : usual && *usual ? usual : ".holdfast";
}

//  ---- saying what went wrong

//  One line on stderr: what came from elsewhere is escaped with the rest.
static void s_say(const char *format, va_list list, const hf_verb_t *verb)
    __attribute__((format(printf, 1, 0)));
static void s_say(const char *format, va_list list, const hf_verb_t *verb) {
    char *text = NULL;
    if (vasprintf(&text, format, list) < 0) {
        abort();
    }
    fflush(stdout);
    fputs("holdfast: ", stderr);
    hf_terminal_print(stderr, text);
    if (verb) {
        fprintf(stderr, "; see `holdfast %s --help`", verb->name);
    }
    fputc('\n', stderr);
    free(text);
}

int hf_say_failed(const char *format, ...) {
    va_list list;
    va_start(list, format);
    s_say(format, list, NULL);
    va_end(list);
    return HF_EXIT_FAILED;
}

int hf_say_usage(const hf_args_t *args, const char *format, ...) {
    va_list list;
    va_start(list, format);
    s_say(format, list, args->verb);
    va_end(list);
    return HF_EXIT_USAGE;
}

//  ---- help

//  Each line of text behind some spaces.
static void s_print_lines(const char *text, int indent) {
    while (*text) {
        int size = (int)strcspn(text, "\n");
        printf("%*s%.*s\n", indent, "", size, text);
        text += size + (text[size] == '\n');
    }
}

static void s_print_option(const char *name, const char *value, const char *help) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, value ? " " : "", value ? value : "");
    printf("  %-24s ", left);
    if (strlen(left) > 24) {
        printf("\n%27s", "");
    }
    int first = (int)strcspn(help, "\n");
    printf("%.*s\n", first, help);
    s_print_lines(help[first] ? help + first + 1 : "", 27);
}

static int s_help(const hf_verb_t *verb) {
    printf("holdfast %s: %s\n\nusage: holdfast %s %s\n", verb->name, verb->summary, verb->name, verb->usage);
    if (verb->about) {
        putchar('\n');
        s_print_lines(verb->about, 0);
    }
    puts("\noptions:");
    for (int number = 0; number < s_options_size(verb); number++) {
        const hf_option_t *option = &verb->options[number];
        s_print_option(option->name, option->value, option->help);
    }
    s_print_option("help", NULL, "this");
    puts(strchr(verb->example, '\n') ? "\nexamples:" : "\nexample:");
    s_print_lines(verb->example, 2);
    return HF_EXIT_DONE;
}

static int s_help_all(FILE *file) {
    fputs("holdfast: answer at once, lose nothing, carry each command to its third party\n"
          "\n"
          "usage: holdfast VERB [options]\n"
          "\n",
          file);
    for (const hf_verb_t *verb = hf_verbs; verb->name; verb++) {
        fprintf(file, "  %-9s %s\n", verb->name, verb->summary);
    }
    fputs("\n"
          "`holdfast VERB --help` explains each, with an example.\n"
          "`holdfast --version` says which this is.\n"
          "\n"
          "Verbs that ask a node find it at HOLDFAST_URL (default http://127.0.0.1:4653),\n"
          "and show it HOLDFAST_TOKEN where that is set.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 no node runs at that address.\n",
          file);
    return HF_EXIT_DONE;
}

int hf_verb_help(const hf_args_t *args) {
    if (args->words_size == 0) {
        return s_help_all(stdout);
    }
    const hf_verb_t *verb = hf_verbs_find(args->words[0]);
    if (verb) {
        return s_help(verb);
    }
    const char *nearest = hf_verbs_nearest(args->words[0]);
    return hf_say_usage(args, "'%s' is no verb%s%s%s", args->words[0], nearest ? " (did you mean '" : "",
                        nearest ? nearest : "", nearest ? "'?)" : "");
}

//  ---- parsing

enum { S_HELP = 1000, S_OPTION }; //  getopt's values: S_OPTION and on are numbers of options

static int s_refuse_option(const hf_args_t *args, const char *typed) {
    if (optopt >= S_OPTION) {
        return hf_say_usage(args, "--%s takes no value", args->verb->options[optopt - S_OPTION].name);
    }
    if (strncmp(typed, "--", 2) != 0) {
        return hf_say_usage(args, "there is no option -%c", optopt);
    }
    const char *nearest = s_nearest_option(args->verb, typed + 2);
    return hf_say_usage(args, "there is no option %s%s%s%s", typed, nearest ? " (did you mean --" : "",
                        nearest ? nearest : "", nearest ? "?)" : "");
}

//  Cuts what follows the verb. -1: go on; else the exit status.
static int s_parse(hf_args_t *args, int argc, char **argv) {
    struct option known[HF_OPTIONS_MAX + 2] = {{"help", no_argument, NULL, S_HELP}};
    int size = s_options_size(args->verb);
    for (int number = 0; number < size; number++) {
        const hf_option_t *option = &args->verb->options[number];
        known[number + 1] = (struct option){option->name, option->value ? required_argument : no_argument,
                                            NULL, S_OPTION + number};
    }
    optind = 0;
    opterr = 0;
    int found;
    while ((found = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (found == S_HELP) {
            return s_help(args->verb);
        }
        if (found == ':') {
            const hf_option_t *option = &args->verb->options[optopt - S_OPTION];
            return hf_say_usage(args, "--%s needs a value: --%s %s", option->name, option->name,
                                option->value);
        }
        if (found == '?') {
            return s_refuse_option(args, argv[optind - 1]);
        }
        args->values[found - S_OPTION] = optarg ? optarg : "";
    }
    args->words = argv + optind;
    args->words_size = argc - optind;
    return -1;
}

//  Standard output may be full or closed: then nothing was done that anyone could see.
static int s_end(int status) {
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (errno == EPIPE) {
            signal(SIGPIPE, SIG_DFL);
            raise(SIGPIPE);
        }
        return hf_say_failed("standard output: %s", strerror(errno));
    }
    return status;
}

static int s_run(const hf_verb_t *verb, int argc, char **argv) {
    hf_args_t args = {.verb = verb};
    int status = s_parse(&args, argc, argv);
    if (status >= 0) {
        return status;
    }
    if (args.words_size < verb->least) {
        return hf_say_usage(&args, "%s", verb->missing);
    }
    if (verb->most >= 0 && args.words_size > verb->most) {
        return hf_say_usage(&args, "'%s' is one word too many", args.words[verb->most]);
    }
    return verb->run(&args);
}

static int s_unknown(const char *word) {
    const char *nearest = hf_verbs_nearest(word);
    (void)hf_say_failed("'%s' is no verb%s%s%s; see `holdfast --help`", word,
                        nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    return HF_EXIT_USAGE;
}

int hf_verbs_run(int argc, char **argv) {
    hf_terminal_start();
    const char *word = argc > 1 ? argv[1] : "";
    if (!*word) {
        s_help_all(stderr);
        return HF_EXIT_USAGE;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        return s_end(s_help_all(stdout));
    }
    if (strcmp(word, "--version") == 0) {
        puts("holdfast " HOLDFAST_VERSION);
        return s_end(HF_EXIT_DONE);
    }
    const hf_verb_t *verb = hf_verbs_find(word);
    return verb ? s_end(s_run(verb, argc - 1, argv + 1)) : s_unknown(word);
}
