/*  holdfast show: the story of one command. First what it is and how it stands, then its attempts and what
 * people decided, in the order in which they happened.  */

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_INDENT = 15, //  Columns before what belongs to an attempt
    S_LINE = 4096, //  Bytes of a line about an attempt
};

//  Prints text, escaped and cut to the columns that are left in a line.
static void s_print_fit(const char *text, size_t size, int columns) {
    hf_buf_t escaped = {0};
    hf_buf_t cut = {0};
    hf_terminal_escape(&escaped, text, size);
    if (escaped.size > 0) {
        hf_terminal_fit(&cut, (char *)escaped.data, columns);
        fwrite(cut.data, 1, cut.size, stdout);
    }
    hf_buf_free(&escaped);
    hf_buf_free(&cut);
}

//  ---- bytes of a body or an answer

//  A member that ingress writes with NAME_encoding and NAME_cut, decoded. The caller frees it; NULL where
//  there is none.
static char *s_bytes(const json_t *object, const char *name, size_t *size) {
    char member[64];
    const json_t *value = json_object_get(object, name);
    if (!json_is_string(value)) {
        return NULL;
    }
    snprintf(member, sizeof member, "%s_encoding", name);
    char *bytes = hf_memdup(json_string_value(value), json_string_length(value));
    *size = json_string_length(value);
    if (strcmp(hf_fields_text(object, member), "base64") == 0) {
        size_t decoded = 0;
        (void)sodium_base642bin((unsigned char *)bytes, *size, json_string_value(value), *size, NULL,
                                &decoded, NULL, sodium_base64_VARIANT_ORIGINAL);
        *size = decoded;
    }
    return bytes;
}

//  All of them, line by line, behind so many spaces.
static void s_print_lines(const char *bytes, size_t size, int indent) {
    for (const char *end = bytes + size; bytes < end;) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *next = newline ? newline + 1 : end;
        hf_buf_t line = {0};
        hf_terminal_escape(&line, bytes, (size_t)((newline ? newline : end) - bytes));
        printf("%*s%.*s\n", indent, "", (int)line.size, line.size ? (char *)line.data : "");
        hf_buf_free(&line);
        bytes = next;
    }
}

//  One line of them, behind so many spaces; whole: all of them.
static void s_print_bytes(const json_t *object, const char *name, int indent, bool whole) {
    char member[64];
    size_t size = 0;
    char *bytes = s_bytes(object, name, &size);
    if (bytes && size > 0 && whole) {
        s_print_lines(bytes, size, indent);
    } else if (bytes && size > 0) {
        snprintf(member, sizeof member, "%s_cut", name);
        printf("%*s%s", indent, "", hf_terminal_dim());
        s_print_fit(bytes, size, hf_terminal_columns() - indent);
        printf("%s%s\n", hf_terminal_plain(),
               json_is_true(json_object_get(object, member)) ? " (and more)" : "");
    }
    free(bytes);
}

//  ---- how it stands

static void s_print_field(const char *name, const char *text) {
    if (*text) {
        printf("  %-11s", name);
        hf_terminal_print(stdout, text);
        putchar('\n');
    }
}

static void s_print_state(const json_t *command) {
    const char *state = hf_fields_text(command, "state");
    const char *label = hf_fields_text(command, "label");
    int64_t since_ms = hf_fields_time(command, "since");
    char age[HF_FIELDS_AGE];
    printf("  %-11s%s", "state", hf_terminal_colour(state));
    hf_terminal_print(stdout, state);
    printf("%s", hf_terminal_plain());
    if (*label && strcmp(label, state) != 0) {
        printf(", shown as \"");
        hf_terminal_print(stdout, label);
        putchar('"');
    }
    if (since_ms) {
        hf_fields_format_age(hf_client_wall_ms() - since_ms, age);
        printf(", for %s", age);
    }
    putchar('\n');
}

//  A time, and how far from now it is.
static void s_print_time(const char *name, int64_t ms) {
    char time[HF_FIELDS_TIME];
    char age[HF_FIELDS_AGE];
    int64_t now_ms = hf_client_wall_ms();
    if (ms) {
        hf_fields_format_time(ms, now_ms, time);
        hf_fields_format_age(ms > now_ms ? ms - now_ms : now_ms - ms, age);
        printf("  %-11s%s (%s%s%s)\n", name, time, ms > now_ms ? "in " : "", age, ms > now_ms ? "" : " ago");
    }
}

static void s_print_body(const json_t *command) {
    if (json_is_string(json_object_get(command, "body"))) {
        const char *type = hf_fields_text(command, "content_type");
        printf("  %-11s%lld bytes%s", "body", (long long)hf_fields_integer(command, "body_size"),
               *type ? ", " : "");
        hf_terminal_print(stdout, type);
        putchar('\n');
        s_print_bytes(command, "body", 13, false);
    }
}

//  The one of its key that has the turn; where that is dead or uncertain, nothing moves before somebody decides.
static void s_print_waits_for(const json_t *command) {
    char text[128];
    const char *id = hf_fields_text(command, "waits_for");
    const char *state = hf_fields_text(command, "waits_for_state");
    if (*id) {
        snprintf(text, sizeof text, "%s%s%s", id, *state ? ", which is " : "", state);
        s_print_field("waits for", text);
    }
}

static void s_print_head(const json_t *command) {
    const char *held = hf_fields_text(command, "held");
    printf("%s", hf_terminal_bold());
    hf_terminal_print(stdout, hf_fields_text(command, "id"));
    printf("%s  ", hf_terminal_plain());
    hf_terminal_print(stdout, hf_fields_text(command, "pipeline"));
    printf(" -> ");
    hf_terminal_print(stdout, hf_fields_text(command, "destination"));
    putchar('\n');
    s_print_state(command);
    s_print_field("reason", hf_fields_text(command, "reason"));
    if (strcmp(held, hf_fields_text(command, "reason")) != 0) {
        s_print_field("held", held);
    }
    s_print_time("next call", hf_fields_next_call(command, hf_client_wall_ms()));
    s_print_time("accepted", hf_fields_time(command, "accepted_at"));
    s_print_time("not before", hf_fields_time(command, "not_before"));
    s_print_time("deadline", hf_fields_time(command, "deadline"));
    s_print_field("key", hf_fields_text(command, "key"));
    s_print_waits_for(command);
    printf("  %-11s%lld\n", "priority", (long long)hf_fields_integer(command, "priority"));
    s_print_body(command);
}

//  ---- what happened

static void s_print_moment(int64_t ms) {
    char time[HF_FIELDS_TIME];
    hf_fields_format_time(ms, hf_client_wall_ms(), time);
    printf("%-13s  ", time);
}

//  "connected 0.3ms, first byte 11ms", of what was measured; nothing where no connection stood, its reason
//  says all.
static void s_print_timings(const json_t *attempt) {
    static const char *const names[][2] = {{"dns_ms", "name found"},
                                           {"connect_ms", "connected"},
                                           {"tls_ms", "TLS done"},
                                           {"first_byte_ms", "first byte"}};
    const json_t *timings = json_object_get(attempt, "timings");
    hf_buf_t line = {0};
    if (json_number_value(json_object_get(timings, "first_byte_ms")) <= 0 &&
        json_number_value(json_object_get(timings, "connect_ms")) <= 0) {
        return;
    }
    for (size_t number = 0; number < sizeof names / sizeof *names; number++) {
        double ms = json_number_value(json_object_get(timings, names[number][0]));
        char span[HF_FIELDS_AGE];
        hf_fields_format_span(ms, span);
        if (ms > 0) {
            hf_buf_addf(&line, "%s%s %s", line.size ? ", " : "", names[number][1], span);
        }
    }
    if (line.size > 0) {
        printf("%*s%s%s%s\n", S_INDENT, "", hf_terminal_dim(), (char *)line.data, hf_terminal_plain());
    }
    hf_buf_free(&line);
}

static void s_print_attempt(const json_t *attempt, bool responses) {
    const char *class = hf_fields_text(attempt, "class");
    const char *reason = hf_fields_text(attempt, "reason");
    int64_t started_ms = hf_fields_time(attempt, "started_at");
    int64_t ended_ms = hf_fields_time(attempt, "ended_at");
    int64_t status = hf_fields_integer(attempt, "status");
    char span[HF_FIELDS_AGE];
    s_print_moment(started_ms);
    printf("attempt %lld  %s%s", (long long)hf_fields_integer(attempt, "number"),
           strcmp(hf_fields_text(attempt, "kind"), "probe") == 0 ? "probe  " : "", hf_terminal_colour(class));
    hf_terminal_print(stdout, *class ? class : "under way");
    printf("%s", hf_terminal_plain());
    if (status > 0) {
        printf(" %lld", (long long)status);
    }
    if (ended_ms) {
        double total_ms = json_number_value(json_object_get(json_object_get(attempt, "timings"), "total_ms"));
        hf_fields_format_span(total_ms > 0 ? total_ms : (double)(ended_ms - started_ms), span);
        printf(" after %s", span);
    }
    if (*reason) {
        printf(": ");
        hf_terminal_print(stdout, reason);
    }
    putchar('\n');
    s_print_timings(attempt);
    s_print_bytes(attempt, "response", S_INDENT, responses);
}

static void s_print_decision(const json_t *decision) {
    const char *who = hf_fields_text(decision, "who");
    s_print_moment(hf_fields_time(decision, "at"));
    hf_terminal_print(stdout, hf_fields_text(decision, "what"));
    if (*who) {
        printf(" by ");
        hf_terminal_print(stdout, who);
    }
    if (*hf_fields_text(decision, "job")) {
        printf(", job ");
        hf_terminal_print(stdout, hf_fields_text(decision, "job"));
    }
    if (json_is_true(json_object_get(decision, "body_replaced"))) {
        printf(", with another body instead of:\n");
        s_print_bytes(decision, "old_body", S_INDENT, false);
    } else {
        putchar('\n');
    }
}

//  Attempts and decisions are two lists, each in order: merged by time.
static void s_print_story(const json_t *command, bool responses) {
    const json_t *attempts = json_object_get(command, "attempts");
    const json_t *decisions = json_object_get(command, "history");
    size_t attempt = 0;
    size_t decision = 0;
    int64_t newest = 0;
    if (json_array_size(attempts) + json_array_size(decisions) > 0) {
        putchar('\n');
    }
    while (attempt < json_array_size(attempts) || decision < json_array_size(decisions)) {
        const json_t *one = json_array_get(attempts, attempt);
        const json_t *other = json_array_get(decisions, decision);
        if (one && (!other || hf_fields_time(one, "started_at") <= hf_fields_time(other, "at"))) {
            int64_t number = hf_fields_integer(one, "number");
            if (number > newest + 1) {
                printf("… attempts %lld to %lld are no longer kept\n", (long long)newest + 1,
                       (long long)number - 1);
            }
            newest = number;
            s_print_attempt(one, responses);
            attempt++;
        } else {
            s_print_decision(other);
            decision++;
        }
    }
}

int hf_verb_show(const hf_args_t *args) {
    if (!*args->words[0]) {
        return hf_say_usage(args, "ID is empty");
    }
    hf_client_t *client = hf_client_new();
    if (!client) {
        return HF_EXIT_USAGE;
    }
    hf_buf_t path = {0};
    json_t *command = NULL;
    hf_buf_addf(&path, "/commands/");
    hf_path_escape(&path, args->words[0]);
    hf_path_query(&path, "responses", hf_args_has(args, "responses") ? "whole" : NULL);
    int status = hf_client_get(client, (char *)path.data, &command);
    if (status == HF_EXIT_DONE && hf_args_has(args, "json")) {
        hf_fields_print(stdout, command);
    } else if (status == HF_EXIT_DONE) {
        s_print_head(command);
        s_print_story(command, hf_args_has(args, "responses"));
    }
    json_decref(command);
    hf_buf_free(&path);
    hf_client_destroy(&client);
    return status;
}
