//  What runs a node: up, check, and one actor alone.

#include "base/pipeline.h"
#include "call/call_shell.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "dispatch/dispatch_shell.h"
#include "events/events_shell.h"
#include "failure/failure_shell.h"
#include "host/state_dir.h"
#include "ingress/ingress_shell.h"
#include "journal/journal_shell.h"
#include "pipeline_file/pipeline_file.h"
#include "supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_DRAIN_MS = 2000 }; //  What a caller may take to end besides its longest call

//  ---- check

//  Every mistake on a line of its own, the way compilers do it.
static int s_print_messages(const hf_messages_t *messages) {
    for (size_t number = 0; number < messages->size; number++) {
        hf_terminal_print(stderr, messages->texts[number]);
        fputc('\n', stderr);
    }
    return messages->size ? HF_EXIT_FAILED : HF_EXIT_DONE;
}

//  The configuration in these files, or NULL, after saying what is wrong with them.
hf_config_t *hf_read_pipelines(const char *const *paths, size_t paths_size) {
    hf_messages_t messages = {0};
    hf_config_t *config = hf_pipeline_file_read(paths, paths_size, &messages);
    s_print_messages(&messages);
    hf_messages_free(&messages);
    return config;
}

int hf_verb_check(const hf_args_t *args) {
    hf_config_t *config = hf_read_pipelines((const char *const *)args->words, (size_t)args->words_size);
    int status = config ? HF_EXIT_DONE : HF_EXIT_FAILED;
    hf_config_destroy(&config);
    return status;
}

//  ---- up

//  What --http says, like the pipeline files' http: HOST:PORT, an IPv6 host in brackets. NULL: not given.
static int s_check_address(const hf_args_t *args) {
    const char *text = hf_args_value(args, "http");
    const char *colon = text ? strrchr(text, ':') : NULL;
    size_t host = colon ? (size_t)(colon - text) : 0;
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    bool port = digits > 0 && digits <= 5 && !colon[1 + digits] && strtol(colon + 1, NULL, 10) <= 65535;
    bool brackets = host > 2 && text[0] == '[' && text[host - 1] == ']';
    bool bare = host > 0 && strcspn(text, ":[] ") == host;
    if (text && !(port && (brackets || bare))) {
        return hf_say_usage(args, "--http takes HOST:PORT, like 127.0.0.1:4653 or [::1]:4653, not '%s'",
                            text);
    }
    return HF_EXIT_DONE;
}

//  The longest that a call in flight may take.
static int64_t s_longest_call_ms(const hf_config_t *config) {
    int64_t longest_ms = 0;
    for (size_t number = 0; number < config->destinations_size; number++) {
        int64_t timeout_ms = config->destinations[number]->timeout_ms;
        longest_ms = timeout_ms > longest_ms ? timeout_ms : longest_ms;
    }
    return longest_ms;
}

int hf_verb_up(const hf_args_t *args) {
    const char *const *paths = (const char *const *)args->words;
    if (s_check_address(args)) {
        return HF_EXIT_USAGE;
    }
    hf_config_t *config = hf_read_pipelines(paths, (size_t)args->words_size);
    if (!config) {
        return HF_EXIT_FAILED;
    }
    hf_messages_t messages = {0};
    char *snapshot = hf_pipeline_file_snapshot(paths, (size_t)args->words_size, &messages);
    s_print_messages(&messages);
    hf_messages_free(&messages);
    const char *http = hf_args_value(args, "http");
    char *listens = hf_strdup(http ? http : config->http);
    hf_supervisor_options_t options = {.state_dir = hf_args_state_dir(args),
                                       .http = listens,
                                       .pipelines = snapshot,
                                       .callers = config->callers,
                                       .drain_ms = s_longest_call_ms(config) + S_DRAIN_MS};
    hf_pipeline_file_release(&config); //  The actors read it themselves, from the snapshot
    int status = snapshot ? hf_supervisor_run(&options) : HF_EXIT_FAILED;
    free(snapshot);
    free(listens);
    return status;
}

//  ---- actor

static const struct {
    const char *name;
    int (*run)(const hf_actor_args_t *args);
} s_actors[] = {{"journal", hf_journal_main}, {"ingress", hf_ingress_main}, {"dispatch", hf_dispatch_main},
                {"call", hf_call_main},       {"failure", hf_failure_main}, {"events", hf_events_main}};

enum { S_ACTORS = sizeof s_actors / sizeof *s_actors };

static int s_find_actor(const char *name) {
    int number = S_ACTORS - 1;
    while (number >= 0 && strcmp(s_actors[number].name, name) != 0) {
        number--;
    }
    return number;
}

int hf_verb_actor(const hf_args_t *args) {
    long long number = 0;
    int status = hf_args_number(args, "number", 0, HF_CALLERS_MAX - 1, &number);
    int actor = s_find_actor(args->words[0]);
    if (status || (status = s_check_address(args))) {
        return status;
    }
    if (actor < 0) {
        const char *names[S_ACTORS];
        for (int at = 0; at < S_ACTORS; at++) {
            names[at] = s_actors[at].name;
        }
        const char *nearest = hf_nearest(args->words[0], names, S_ACTORS);
        return hf_say_usage(args, "there is no actor '%s'%s%s%s", args->words[0],
                            nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    }
    bool is_call = strcmp(args->words[0], "call") == 0;
    if (number > 0 && !is_call) {
        return hf_say_usage(args, "--number is for callers only");
    }
    char name[32];
    if (is_call) {
        snprintf(name, sizeof name, "call.%lld", number);
    } else {
        snprintf(name, sizeof name, "%s", s_actors[actor].name);
    }
    const hf_actor_args_t actor_args = {.name = name,
                                        .number = (int)number,
                                        .state_dir = hf_args_state_dir(args),
                                        .paths = (const char **)args->words + 1,
                                        .http = hf_args_value(args, "http")};
    return s_actors[actor].run(&actor_args);
}
