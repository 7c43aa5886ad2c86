//  holdfast watch: one line for each event.

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/live.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

//  How the newest attempt ended: "refused: connection refused".
static void s_add_outcome(hf_buf_t *line, const json_t *event) {
    const char *reason = hf_fields_text(event, "reason");
    int64_t answer = hf_fields_integer(event, "http_status");
    hf_buf_addf(line, " %s", hf_fields_text(event, "class"));
    if (answer > 0) {
        hf_buf_addf(line, " %lld", (long long)answer);
    }
    if (*reason) {
        hf_buf_addf(line, ": %s", reason);
    }
}

//  What happened besides the state. A failed attempt is two events, its end, and when the next one is due; a
//  new attempt still carries how the one before ended: each is said once.
static void s_add_story(hf_buf_t *line, const json_t *event, int64_t at_ms) {
    const char *state = hf_fields_text(event, "state");
    int64_t attempt = hf_fields_integer(event, "attempt");
    int64_t next_ms = hf_fields_time(event, "next_attempt_at");
    char age[HF_FIELDS_AGE];
    if (next_ms > at_ms) {
        hf_fields_format_age(next_ms - at_ms, age);
        hf_buf_addf(line, "  attempt %lld in %s", (long long)attempt + 1, age);
    } else if (next_ms > 0 && attempt > 0) {
        hf_buf_addf(line, "  attempt %lld at once", (long long)attempt + 1);
    } else if (attempt > 0) {
        hf_buf_addf(line, "  attempt %lld", (long long)attempt);
        if (strcmp(state, "calling") != 0) {
            s_add_outcome(line, event);
        }
    } else if (*hf_fields_text(event, "reason")) {
        hf_buf_addf(line, "  %s", hf_fields_text(event, "reason"));
    }
}

//  What stands behind the state.
static void s_add_rest(hf_buf_t *line, const json_t *event, int64_t at_ms) {
    const char *label = hf_fields_text(event, "label");
    const char *key = hf_fields_text(event, "key");
    hf_buf_addf(line, "%s", hf_fields_text(event, "pipeline"));
    if (*key) {
        hf_buf_addf(line, " %s", key);
    }
    if (*label && strcmp(label, hf_fields_text(event, "state")) != 0) {
        hf_buf_addf(line, "  \"%s\"", label);
    }
    s_add_story(line, event, at_ms);
}

//  Escapes a text, and cuts it to what is left of the terminal's line; a pipe gets all of it.
static void s_print_cut(const hf_buf_t *text, int columns) {
    hf_buf_t escaped = {0};
    hf_buf_t cut = {0};
    hf_terminal_escape(&escaped, (const char *)text->data, text->size);
    if (escaped.size > 0 && columns > 0) {
        hf_terminal_fit(&cut, (const char *)escaped.data, hf_terminal_is() ? columns : 1 << 20);
        printf("%s", cut.data ? (char *)cut.data : "");
    }
    hf_buf_free(&escaped);
    hf_buf_free(&cut);
}

//  A destination has no id: its name stands there, and what happened to it where a state would.
static void s_print_destination(const json_t *event) {
    char time[HF_FIELDS_TIME];
    hf_buf_t text = {0};
    const char *point = strrchr(hf_fields_text(event, "type"), '.');
    hf_fields_format_time(hf_fields_time(event, "at"), hf_client_wall_ms(), time);
    hf_buf_addf(&text, "%s  destination %-24s  %-9s  %s", time, hf_fields_text(event, "destination"),
                point ? point + 1 : "", hf_fields_text(event, "reason"));
    s_print_cut(&text, hf_terminal_columns());
    putchar('\n');
    hf_buf_free(&text);
}

static void s_print_event(const json_t *event) {
    char time[HF_FIELDS_TIME];
    hf_buf_t text = {0};
    if (strncmp(hf_fields_text(event, "type"), "destination.", 12) == 0) {
        s_print_destination(event);
        return;
    }
    const char *state = hf_fields_text(event, "state");
    int64_t at_ms = hf_fields_time(event, "at");
    hf_fields_format_time(at_ms, hf_client_wall_ms(), time);
    hf_buf_addf(&text, "%s  %s", time, hf_fields_text(event, "id"));
    int taken = hf_terminal_width((char *)text.data);
    s_print_cut(&text, hf_terminal_columns());
    printf("  %s", hf_terminal_colour(state));
    hf_buf_clear(&text);
    hf_buf_addf(&text, "%-9s", state);
    s_print_cut(&text, hf_terminal_columns() - taken - 2);
    printf("%s  ", hf_terminal_plain());
    hf_buf_clear(&text);
    s_add_rest(&text, event, at_ms);
    s_print_cut(&text, hf_terminal_columns() - taken - 13);
    putchar('\n');
    hf_buf_free(&text);
}

static void s_print_raw(const hf_stream_event_t *event) {
    json_t *value = hf_terminal_is()
                        ? json_loadb(event->data, event->data_size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)
                        : NULL;
    if (value) {
        hf_fields_print(stdout, value);
    } else if (hf_terminal_is()) {
        hf_terminal_print(stdout, event->data);
        putchar('\n');
    } else {
        fwrite(event->data, 1, event->data_size, stdout);
        putchar('\n');
    }
    json_decref(value);
}

//  Has enough where nobody reads any more.
static bool s_on_event(void *context, const hf_stream_event_t *event) {
    const bool *json = context;
    json_t *data = *json ? NULL : json_loadb(event->data, event->data_size, JSON_ALLOW_NUL, NULL);
    if (*json) {
        s_print_raw(event);
    } else if (data) {
        s_print_event(data);
    }
    json_decref(data);
    return fflush(stdout) == 0;
}

static int s_watch(const hf_args_t *args, hf_client_t *client, const char *id, const char *path) {
    bool json = hf_args_has(args, "json");
    hf_live_t live = {
        .path = path, .id = id, .until_ms = INT64_MAX, .on_event = s_on_event, .context = &json};
    int status = hf_live_run(&live, client);
    if (status == HF_EXIT_DONE && id && !ferror(stdout) && strcmp(live.state, "succeeded") != 0) {
        return hf_say_failed("it is %s: `holdfast show %s` says why", live.state, id);
    }
    return status;
}

int hf_verb_watch(const hf_args_t *args) {
    const char *id = args->words_size > 0 ? args->words[0] : NULL;
    if (id && (hf_args_has(args, "pipeline") || hf_args_has(args, "type"))) {
        return hf_say_usage(args, "--pipeline and --type are for all events, not for those of one ID");
    }
    if (id && !*id) {
        return hf_say_usage(args, "ID is empty");
    }
    hf_client_t *client = hf_client_new();
    if (!client) {
        return HF_EXIT_USAGE;
    }
    hf_buf_t path = {0};
    hf_buf_addf(&path, "%s", id ? "/commands/" : "/events");
    if (id) {
        hf_path_escape(&path, id);
        hf_buf_addf(&path, "/events");
    }
    hf_path_query(&path, "pipeline", hf_args_value(args, "pipeline"));
    hf_path_query(&path, "type", hf_args_value(args, "type"));
    int status = s_watch(args, client, id, (char *)path.data);
    hf_buf_free(&path);
    hf_client_destroy(&client);
    return status;
}
