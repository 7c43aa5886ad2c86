/*  Many at once: what is dead by groups, jobs that decide over all that some filters leave, and how far each is.
 *
 *  On a terminal a job that was begun is followed to its end; ^C leaves it to the node.  */

#include "cli/jobs.h"
#include "cli/body.h"
#include "cli/client.h"
#include "cli/fields.h"
#include "cli/table.h"
#include "cli/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    FOLLOW_MS = 500, //  How often a job is looked at while it is followed
    LINE = 512,      //  Bytes of a line about it
};

const char *const hf_jobs_filters[HF_JOBS_FILTERS] = {"pipeline", "destination", "state", "class",
                                                      "key",      "group",       "since", "until"};

//  ---- what is asked for

static int s_add_patch(const hf_args_t *args, json_t *wanted) {
    hf_buf_t text = {0};
    json_error_t error;
    if (!hf_args_has(args, "patch")) {
        return HF_EXIT_DONE;
    }
    int status = hf_body_read(hf_args_value(args, "patch"), &text);
    json_t *patch = status ? NULL : json_loadb(text.data ? (char *)text.data : "", text.size, 0, &error);
    if (patch) {
        json_object_set_new(wanted, "patch", patch);
    } else if (!status) {
        status = hf_say_usage(args, "--patch is no JSON (%s); write a JSON Patch like %s", error.text,
                              "'[{\"op\":\"remove\",\"path\":\"/field\"}]'");
    }
    hf_buf_free(&text);
    return status;
}

static int s_add_numbers(const hf_args_t *args, json_t *wanted) {
    long long limit = 0, canary = -1;
    int status = hf_args_number(args, "limit", 1, 1000000000, &limit);
    if (!status && limit) {
        json_object_set_new(wanted, "limit", json_integer(limit));
    }
    if (!status && hf_args_takes(args, "canary")) {
        status = hf_args_number(args, "canary", 0, 1000, &canary);
    }
    if (!status && canary >= 0) {
        json_object_set_new(wanted, "canary", json_integer(canary));
    }
    return status;
}

//  The body of the request, to be given back; NULL after saying what is wrong.
static json_t *s_wanted(const hf_args_t *args, const hf_jobs_action_t *action, int *status) {
    json_t *wanted = json_object();
    for (int number = 0; number < HF_JOBS_FILTERS; number++) {
        const char *value = hf_args_value(args, hf_jobs_filters[number]);
        if (value) {
            json_object_set_new(wanted, hf_jobs_filters[number], json_string(value));
        }
    }
    if (hf_args_has(args, "rate")) {
        json_object_set_new(wanted, "rate", json_string(hf_args_value(args, "rate")));
    }
    if (hf_args_has(args, "dry-run")) {
        json_object_set_new(wanted, "dry_run", json_true());
    }
    if (action->as) {
        json_object_set_new(wanted, "as", json_string(action->as));
    }
    *status = s_add_numbers(args, wanted);
    if (!*status && hf_args_takes(args, "patch")) {
        *status = s_add_patch(args, wanted);
    }
    if (*status) {
        json_decref(wanted);
        return NULL;
    }
    return wanted;
}

//  ---- how far

static void s_describe(const json_t *job, char line[LINE]) {
    const char *reason = hf_fields_text(job, "reason");
    bool retry = strcmp(hf_fields_text(job, "action"), "retry") == 0;
    int used = snprintf(line, LINE, "%s: ", hf_fields_text(job, "state"));
    if (json_is_null(json_object_get(job, "matched"))) {
        used += snprintf(line + used, LINE - (size_t)used, "counting");
    } else {
        used += snprintf(line + used, LINE - (size_t)used, "%lld of %lld",
                         (long long)hf_fields_integer(job, "done"),
                         (long long)hf_fields_integer(job, "matched"));
    }
    if (retry) {
        used += snprintf(line + used, LINE - (size_t)used, ", %lld succeeded, %lld failed, %lld under way",
                         (long long)hf_fields_integer(job, "succeeded"),
                         (long long)hf_fields_integer(job, "failed"),
                         (long long)hf_fields_integer(job, "under_way"));
    }
    if (hf_fields_integer(job, "unfit")) {
        used += snprintf(line + used, LINE - (size_t)used, ", %lld the patch does not fit",
                         (long long)hf_fields_integer(job, "unfit"));
    }
    if (*reason) {
        snprintf(line + used, LINE - (size_t)used, " (%.200s)", reason);
    }
}

static int s_get_job(hf_client_t *client, const char *id, json_t **job) {
    hf_buf_t path = {0};
    hf_buf_addf(&path, "/jobs/");
    hf_path_escape(&path, id);
    int status = hf_client_get(client, (char *)path.data, job);
    hf_buf_free(&path);
    return status;
}

//  Until it has ended; status 1 unless it is done and nothing failed.
static int s_follow(hf_client_t *client, const char *id) {
    char line[LINE] = "";
    for (;;) {
        json_t *job = NULL;
        int status = s_get_job(client, id, &job);
        if (status) {
            putchar('\n');
            return status;
        }
        s_describe(job, line);
        hf_buf_t shown = {0};
        hf_terminal_fit(&shown, line, hf_terminal_columns() - 1);
        printf("\r\x1b[K%s", (char *)shown.data);
        fflush(stdout);
        hf_buf_free(&shown);
        bool running = strcmp(hf_fields_text(job, "state"), "running") == 0;
        bool well = strcmp(hf_fields_text(job, "state"), "done") == 0 &&
                    hf_fields_integer(job, "failed") == 0;
        json_decref(job);
        if (!running) {
            putchar('\n');
            return well ? HF_EXIT_DONE : HF_EXIT_FAILED;
        }
        nanosleep(&(struct timespec){.tv_nsec = FOLLOW_MS * 1000000L}, NULL);
    }
}

static int s_ask(const hf_args_t *args, hf_client_t *client, const hf_jobs_action_t *action,
                 const json_t *wanted) {
    char *body = json_dumps(wanted, JSON_COMPACT);
    hf_request_t request = {.method = "POST",
                            .path = action->path,
                            .headers = {"Content-Type: application/json"},
                            .body = body,
                            .body_size = body ? strlen(body) : 0,
                            .body_is_options = true};
    json_t *answer = NULL;
    int status = hf_client_ask(client, &request, &answer);
    const char *id = hf_fields_text(answer, "id");
    if (status == HF_EXIT_DONE && *id && hf_terminal_is() && !hf_args_has(args, "json")) {
        printf("job ");
        hf_terminal_print(stdout, id);
        printf("; it goes on without this terminal\n");
        status = s_follow(client, id);
    } else if (status == HF_EXIT_DONE) {
        hf_fields_print(stdout, answer);
    }
    json_decref(answer);
    free(body);
    return status;
}

int hf_jobs_begin(const hf_args_t *args, const hf_jobs_action_t *action) {
    int status;
    json_t *wanted = s_wanted(args, action, &status);
    hf_client_t *client = wanted ? hf_client_new() : NULL;
    if (client) {
        status = s_ask(args, client, action, wanted);
    } else if (wanted) {
        status = HF_EXIT_USAGE;
    }
    json_decref(wanted);
    hf_client_destroy(&client);
    return status;
}

//  ---- holdfast jobs, holdfast job

static const hf_column_t s_job_columns[] = {
    {"ID", 0, false, false},  {"ACTION", 6, false, false}, {"STATE", 0, false, true},
    {"DONE", 4, true, false}, {"OF", 4, true, false},      {"FAILED", 4, true, false},
    {"AGE", 3, true, false},  {"WHO", 6, false, false},    {"REASON", 14, false, false},
};

static void s_add_job(hf_table_t *table, const json_t *job) {
    char done[24], matched[24] = "-", failed[24], age[HF_FIELDS_AGE];
    const char *reason = hf_fields_text(job, "reason"), *who = hf_fields_text(job, "who");
    snprintf(done, sizeof done, "%lld", (long long)hf_fields_integer(job, "done"));
    snprintf(failed, sizeof failed, "%lld", (long long)hf_fields_integer(job, "failed"));
    if (json_is_integer(json_object_get(job, "matched"))) {
        snprintf(matched, sizeof matched, "%lld", (long long)hf_fields_integer(job, "matched"));
    }
    hf_fields_format_age(hf_client_wall_ms() - hf_fields_time(job, "created_at"), age);
    const char *texts[] = {hf_fields_text(job, "id"),
                           hf_fields_text(job, "action"),
                           hf_fields_text(job, "state"),
                           done,
                           matched,
                           failed,
                           age,
                           *who ? who : NULL,
                           *reason ? reason : NULL};
    hf_table_add(table, texts);
}

//  A list in the member of that name of a page, as a table or as one object a line.
static int s_list(const hf_args_t *args, const char *path, const char *name, const hf_column_t *columns,
                  int columns_size, void (*add)(hf_table_t *table, const json_t *row)) {
    hf_client_t *client = hf_client_new();
    json_t *answer = NULL, *row;
    size_t number;
    int status = client ? hf_client_get(client, path, &answer) : HF_EXIT_USAGE;
    hf_table_t *table = hf_table_new(columns, columns_size);
    json_array_foreach(json_object_get(answer, name), number, row) {
        if (hf_args_has(args, "json")) {
            hf_fields_print(stdout, row);
        } else {
            add(table, row);
        }
    }
    hf_table_print(table, stdout, hf_terminal_columns());
    hf_table_destroy(&table);
    json_decref(answer);
    hf_client_destroy(&client);
    return status;
}

int hf_verb_jobs(const hf_args_t *args) {
    return s_list(args, "/jobs", "jobs", s_job_columns, sizeof s_job_columns / sizeof *s_job_columns,
                  s_add_job);
}

static int s_cancel(hf_client_t *client, const char *id, json_t **job) {
    hf_buf_t path = {0};
    hf_buf_addf(&path, "/jobs/");
    hf_path_escape(&path, id);
    hf_request_t request = {.method = "DELETE", .path = (char *)path.data};
    int status = hf_client_ask(client, &request, job);
    hf_buf_free(&path);
    return status;
}

static int s_show(const hf_args_t *args, hf_client_t *client, const json_t *job) {
    char line[LINE];
    const char *id = hf_fields_text(job, "id");
    if (hf_args_has(args, "json")) {
        hf_fields_print(stdout, job);
        return HF_EXIT_DONE;
    }
    char *filters = json_dumps(json_object_get(job, "filters"), JSON_COMPACT);
    printf("%s  %s ", id, hf_fields_text(job, "action"));
    hf_terminal_print(stdout, filters ? filters : "");
    putchar('\n');
    free(filters);
    if (hf_terminal_is() && strcmp(hf_fields_text(job, "state"), "running") == 0) {
        return s_follow(client, id);
    }
    s_describe(job, line);
    hf_terminal_print(stdout, line);
    putchar('\n');
    return HF_EXIT_DONE;
}

int hf_verb_job(const hf_args_t *args) {
    json_t *job = NULL;
    const char *id = args->words[0];
    if (!*id) {
        return hf_say_usage(args, "ID is empty");
    }
    hf_client_t *client = hf_client_new();
    int status = !client                       ? HF_EXIT_USAGE
                 : hf_args_has(args, "cancel") ? s_cancel(client, id, &job)
                                               : s_get_job(client, id, &job);
    if (status == HF_EXIT_DONE) {
        status = s_show(args, client, job);
    }
    json_decref(job);
    hf_client_destroy(&client);
    return status;
}

//  ---- holdfast dead

static const hf_column_t s_group_columns[] = {
    {"COUNT", 0, true, false},   {"DESTINATION", 8, false, false}, {"CLASS", 0, false, true},
    {"GROUP", 16, false, false}, {"REASON", 24, false, false},     {"LAST", 4, true, false},
    {"FIRST", 4, true, false},
};

//  A reason begins with why it was given up; what went wrong is what tells groups apart on a narrow terminal.
static const char *s_cause(const char *reason) {
    static const char *const openings[] = {
        "all attempts are used up: ", "rejected: ", "no further attempt fits before the retry deadline: "};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        size_t size = strlen(openings[i]);
        if (strncmp(reason, openings[i], size) == 0 && reason[size]) {
            return reason + size;
        }
    }
    return reason;
}

static void s_add_group(hf_table_t *table, const json_t *group) {
    char count[24], first[HF_FIELDS_AGE], last[HF_FIELDS_AGE];
    int64_t now = hf_client_wall_ms();
    const char *reason = hf_fields_text(group, "reason");
    snprintf(count, sizeof count, "%lld", (long long)hf_fields_integer(group, "count"));
    hf_fields_format_age(now - hf_fields_time(group, "first_seen_at"), first);
    hf_fields_format_age(now - hf_fields_time(group, "last_seen_at"), last);
    const char *texts[] = {count,
                           hf_fields_text(group, "destination"),
                           hf_fields_text(group, "class"),
                           hf_fields_text(group, "group"),
                           s_cause(*reason ? reason : hf_fields_text(group, "newest_reason")),
                           last,
                           first};
    hf_table_add(table, texts);
}

int hf_verb_dead(const hf_args_t *args) {
    hf_buf_t path = {0};
    hf_buf_addf(&path, "/dead");
    hf_path_query(&path, "group", "reason");
    hf_path_query(&path, "state", hf_args_value(args, "state"));
    hf_path_query(&path, "destination", hf_args_value(args, "destination"));
    int status = s_list(args, (char *)path.data, "groups", s_group_columns,
                        sizeof s_group_columns / sizeof *s_group_columns, s_add_group);
    hf_buf_free(&path);
    return status;
}
