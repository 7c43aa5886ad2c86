/*  holdfast ps: what the supervisor says about its actors. The node is asked over HTTP; where its ingress
 * does not answer, which is when one wants `ps` most, the supervisor's file in the state folder says it, if
 * the process that wrote it lives.  */

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const hf_column_t s_columns[] = {
    {"NAME", 0, false, false},   {"PID", 3, true, false},      {"STATE", 0, false, true},
    {"UPTIME", 6, true, false},  {"RESTARTS", 8, true, false}, {"BEAT", 4, true, false},
    {"IN HAND", 7, true, false}, {"ELSE", 8, false, false},
};

//  ---- what each has in hand

//  The actor's own words, JSON: "in_hand" has a column, the others become "name 3, name 4", those that are 0
//  or empty left out; text that is no JSON stays as it is.
static void s_add_status(const char *status, char in_hand[24], hf_buf_t *text) {
    json_t *object = json_loads(status, 0, NULL);
    const char *name;
    json_t *value;
    if (!json_is_object(object)) {
        hf_buf_addf(text, "%s", status);
    }
    json_object_foreach(object, name, value) {
        char *shown = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
        if (strcmp(name, "in_hand") == 0) {
            snprintf(in_hand, 24, "%lld", (long long)json_integer_value(value));
        } else if (shown && strcmp(shown, "0") != 0 && strcmp(shown, "\"\"") != 0) {
            hf_buf_addf(text, "%s%s %s", text->size ? ", " : "", name,
                        json_is_string(value) ? json_string_value(value) : shown);
        }
        free(shown);
    }
    json_decref(object);
}

//  A span in milliseconds, "-" where it is null.
static void s_format(const json_t *object, const char *name, char out[HF_FIELDS_AGE]) {
    strcpy(out, "-");
    if (json_is_integer(json_object_get(object, name))) {
        hf_fields_format_age(hf_fields_integer(object, name), out);
    }
}

static void s_add_row(hf_table_t *table, const json_t *actor) {
    char pid[24] = "-";
    char uptime[HF_FIELDS_AGE];
    char beat[HF_FIELDS_AGE];
    char restarts[24];
    char in_hand[24] = "-";
    hf_buf_t text = {0};
    if (json_is_integer(json_object_get(actor, "pid"))) {
        snprintf(pid, sizeof pid, "%lld", (long long)hf_fields_integer(actor, "pid"));
    }
    s_format(actor, "uptime_ms", uptime);
    s_format(actor, "last_beat_ms_ago", beat);
    snprintf(restarts, sizeof restarts, "%lld", (long long)hf_fields_integer(actor, "restarts"));
    s_add_status(hf_fields_text(actor, "status"), in_hand, &text);
    const char *texts[] = {hf_fields_text(actor, "name"),
                           pid,
                           hf_fields_text(actor, "state"),
                           uptime,
                           restarts,
                           beat,
                           in_hand,
                           text.size ? (char *)text.data : ""};
    hf_table_add(table, texts);
    hf_buf_free(&text);
}

//  The supervisor is a process of the node, too.
static json_t *s_supervisor(const json_t *node) {
    int64_t uptime_ms = hf_client_wall_ms() - hf_fields_time(node, "started_at");
    int64_t beat_ms = hf_client_wall_ms() - hf_fields_integer(node, "written_ms");
    return json_pack("{s:s, s:I, s:s, s:I, s:i, s:I, s:s}", "name", "supervisor", "pid",
                     (json_int_t)hf_fields_integer(node, "pid"), "state", hf_fields_text(node, "state"),
                     "uptime_ms", (json_int_t)(uptime_ms > 0 ? uptime_ms : 0), "restarts", 0,
                     "last_beat_ms_ago", (json_int_t)(beat_ms > 0 ? beat_ms : 0), "status",
                     hf_fields_text(node, "http"));
}

static int s_print(const json_t *node, bool json) {
    hf_table_t *table = hf_table_new(s_columns, sizeof s_columns / sizeof *s_columns);
    size_t number;
    json_t *actor;
    if (json_is_integer(json_object_get(node, "pid")) && !json) {
        json_t *supervisor = s_supervisor(node);
        s_add_row(table, supervisor);
        json_decref(supervisor);
    }
    json_array_foreach(json_object_get(node, "actors"), number, actor) {
        if (json) {
            hf_fields_print(stdout, actor);
        } else {
            s_add_row(table, actor);
        }
    }
    hf_table_print(table, stdout, hf_terminal_columns());
    hf_table_destroy(&table);
    return HF_EXIT_DONE;
}

//  ---- where it comes from

static bool s_lives(int64_t pid) {
    return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

//  The supervisor's file, or NULL where none runs on that folder.
static json_t *s_read_file(const char *state_dir) {
    char path[4096];
    snprintf(path, sizeof path, "%s/run/supervisor.json", state_dir);
    json_t *node = json_load_file(path, 0, NULL);
    if (node && !s_lives(hf_fields_integer(node, "pid"))) {
        json_decref(node);
        node = NULL;
    }
    return node;
}

//  The node's own answer, or NULL where it cannot give it. status: what is to be said then.
static json_t *s_ask(void) {
    hf_client_t *client = hf_client_new();
    hf_request_t request = {.method = "GET", .path = "/ps", .timeout_ms = 5000};
    hf_reply_t reply = {0};
    char why[HF_CLIENT_WHY];
    json_t *node = NULL;
    if (client && hf_client_try(client, &request, &reply, why) == HF_REACHED && reply.status == 200) {
        node = json_loadb((const char *)reply.body.data, reply.body.size, JSON_ALLOW_NUL, NULL);
    }
    hf_reply_free(&reply);
    hf_client_destroy(&client);
    return node;
}

int hf_verb_ps(const hf_args_t *args) {
    const char *state_dir = hf_args_state_dir(args);
    json_t *node = hf_args_has(args, "state") ? NULL : s_ask();
    node = node ? node : s_read_file(state_dir);
    if (!node) {
        (void)hf_say_failed(
            "no node runs on the state folder %s: start one with `holdfast up`, or name its folder with "
            "--state",
            state_dir);
        return HF_EXIT_NO_NODE;
    }
    int status = s_print(node, hf_args_has(args, "json"));
    json_decref(node);
    return status;
}
