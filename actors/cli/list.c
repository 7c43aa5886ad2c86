//  holdfast list: pages of commands, newest first, as one table.

#include "cli/client.h"
#include "cli/fields.h"
#include "cli/jobs.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

enum {
    S_LIMIT = 50,                     //  Commands, where nothing else is said
    S_LIMIT_MAX = 1000 * 1000 * 1000, //  The same, at most
    S_PAGE = 500,                     //  Commands asked for at once
};

static const hf_column_t s_columns[] = {
    {"ID", 0, false, false},  {"STATE", 0, false, true},     {"TRIES", 5, true, false},
    {"AGE", 3, true, false},  {"PIPELINE", 8, false, false}, {"KEY", 6, false, false},
    {"NEXT", 4, true, false}, {"PRIO", 4, true, false},      {"REASON", 14, false, false},
};

static void s_add_row(hf_table_t *table, const json_t *command, int64_t now_ms) {
    char tries[24];
    char priority[24];
    char age[HF_FIELDS_AGE];
    char next[HF_FIELDS_AGE] = "-";
    const char *key = hf_fields_text(command, "key");
    const char *reason = hf_fields_text(command, "reason");
    const char *held = hf_fields_text(command, "held");
    hf_buf_t both = {0};
    int64_t next_ms = hf_fields_next_call(command, now_ms);
    snprintf(tries, sizeof tries, "%lld", (long long)hf_fields_integer(command, "attempt"));
    snprintf(priority, sizeof priority, "%lld", (long long)hf_fields_integer(command, "priority"));
    hf_fields_format_age(now_ms - hf_fields_time(command, "accepted_at"), age);
    if (next_ms) {
        hf_fields_format_age(next_ms - now_ms, next);
    }
    if (*held && strcmp(held, reason) != 0) {
        hf_buf_addf(&both, "%s; %s", held, reason);
    }
    const char *texts[] = {hf_fields_text(command, "id"),
                           hf_fields_text(command, "state"),
                           tries,
                           age,
                           hf_fields_text(command, "pipeline"),
                           *key ? key : NULL,
                           next,
                           priority,
                           both.size ? (char *)both.data : reason};
    hf_table_add(table, texts);
    hf_buf_free(&both);
}

static void s_print_page(hf_table_t *table, const json_t *commands, bool json) {
    size_t number;
    const json_t *command;
    json_array_foreach(commands, number, command) {
        if (json) {
            hf_fields_print(stdout, command);
        } else {
            s_add_row(table, command, hf_client_wall_ms());
        }
    }
    hf_table_print(table, stdout, hf_terminal_columns());
}

static void s_add_filters(const hf_args_t *args, hf_buf_t *path) {
    for (int number = 0; number < HF_JOBS_FILTERS; number++) {
        hf_path_query(path, hf_jobs_filters[number], hf_args_value(args, hf_jobs_filters[number]));
    }
}

//  One page from the cursor on ("": the first); cursor becomes the next one, "" behind the last.
static int s_get_page(const hf_args_t *args, hf_client_t *client, long long left, char cursor[256],
                      json_t **page) {
    hf_buf_t path = {0};
    char limit[24];
    snprintf(limit, sizeof limit, "%lld", left < S_PAGE ? left : S_PAGE);
    hf_buf_addf(&path, "/commands");
    s_add_filters(args, &path);
    hf_path_query(&path, "limit", limit);
    hf_path_query(&path, "cursor", *cursor ? cursor : NULL);
    int status = hf_client_get(client, (char *)path.data, page);
    hf_buf_free(&path);
    if (status == HF_EXIT_DONE && !json_is_array(json_object_get(*page, "commands"))) {
        status = hf_say_failed("the node answered without commands: check HOLDFAST_URL");
    }
    snprintf(cursor, 256, "%s", status ? "" : hf_fields_text(*page, "next"));
    return status;
}

static int s_list(const hf_args_t *args, hf_client_t *client, hf_table_t *table, long long left) {
    char cursor[256] = "";
    int status;
    do {
        json_t *page = NULL;
        status = s_get_page(args, client, left, cursor, &page);
        if (status == HF_EXIT_DONE) {
            const json_t *commands = json_object_get(page, "commands");
            s_print_page(table, commands, hf_args_has(args, "json"));
            left -= (long long)json_array_size(commands);
        }
        json_decref(page);
    } while (status == HF_EXIT_DONE && *cursor && left > 0 && fflush(stdout) == 0);
    return status;
}

int hf_verb_list(const hf_args_t *args) {
    long long limit = S_LIMIT;
    int status = hf_args_number(args, "limit", 1, S_LIMIT_MAX, &limit);
    if (status) {
        return status;
    }
    hf_client_t *client = hf_client_new();
    if (!client) {
        return HF_EXIT_USAGE;
    }
    hf_table_t *table = hf_table_new(s_columns, sizeof s_columns / sizeof *s_columns);
    status = s_list(args, client, table, limit);
    hf_table_destroy(&table);
    hf_client_destroy(&client);
    return status;
}
