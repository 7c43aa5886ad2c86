/*  What people decide: retry, discard, cancel and resolve commands, pause and resume destinations.
 *
 *  Several ids are decided one after the other; one that fails does not keep the others from it, but makes
 * the status 1.  */

#include "cli/body.h"
#include "cli/client.h"
#include "cli/fields.h"
#include "cli/jobs.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  One kind of decision.
typedef struct {
    const char *method; //  HTTP
    const char *prefix; //  Path before the id or name …
    const char *suffix; //  … and behind it
    const char *done;   //  What is said of each
    const char *type;   //  Content-Type of the body, or NULL
    const void *body;   //  Its bytes, or NULL
    size_t body_size;   //  How many
} decision_t;

static int s_decide(hf_client_t *client, const decision_t *decision, const char *word, bool json) {
    hf_buf_t path = {0};
    json_t *answer = NULL;
    hf_buf_addf(&path, "%s", decision->prefix);
    hf_path_escape(&path, word);
    hf_buf_addf(&path, "%s", decision->suffix);
    hf_request_t request = {.method = decision->method,
                            .path = (char *)path.data,
                            .headers = {"Accept: application/json", decision->type},
                            .body = decision->body,
                            .body_size = decision->body_size};
    int status = hf_client_ask(client, &request, json ? &answer : NULL);
    if (status == HF_EXIT_DONE && json) {
        hf_fields_print(stdout, answer);
    } else if (status == HF_EXIT_DONE) {
        hf_terminal_print(stdout, word);
        printf("  %s\n", decision->done);
    }
    json_decref(answer);
    hf_buf_free(&path);
    return status;
}

//  Decides over every word. A node that is not there is said once.
static int s_decide_all(const hf_args_t *args, const decision_t *decision) {
    int worst = HF_EXIT_DONE;
    for (int number = 0; number < args->words_size; number++) {
        if (!*args->words[number]) {
            return hf_say_usage(args, "one of the words is empty");
        }
    }
    hf_client_t *client = hf_client_new();
    if (!client) {
        return HF_EXIT_USAGE;
    }
    for (int number = 0; number < args->words_size && worst != HF_EXIT_NO_NODE; number++) {
        int status = s_decide(client, decision, args->words[number], hf_args_has(args, "json"));
        worst = status > worst ? status : worst;
    }
    hf_client_destroy(&client);
    return worst;
}

//  ---- --all

//  Either IDs, or --all with filters: what is meant must be plain before anything is done.
static int s_check_selection(const hf_args_t *args) {
    static const char *const more[] = {"limit", "rate", "canary", "patch", "dry-run"};
    bool all = hf_args_has(args, "all");
    if (all && args->words_size > 0) {
        return hf_say_usage(args, "give IDs or --all, not both");
    }
    if (!all && args->words_size == 0) {
        return hf_say_usage(args, "ID is missing (or --all, for all dead ones)");
    }
    for (int number = 0; !all && number < HF_JOBS_FILTERS + 5; number++) {
        const char *name = number < HF_JOBS_FILTERS ? hf_jobs_filters[number]
                                                    : more[number - HF_JOBS_FILTERS];
        if (hf_args_takes(args, name) && hf_args_has(args, name)) {
            return hf_say_usage(args, "--%s chooses among all: use it with --all, without IDs", name);
        }
    }
    return HF_EXIT_DONE;
}

//  ---- the verbs

int hf_verb_retry(const hf_args_t *args) {
    decision_t decision = {
        .method = "POST", .prefix = "/commands/", .suffix = "/retry", .done = "will be tried again"};
    const char *word = hf_args_value(args, "body");
    int status = s_check_selection(args);
    if (status) {
        return status;
    }
    if (hf_args_has(args, "all") && !word) {
        return hf_jobs_begin(args, &(hf_jobs_action_t){"/dead/retry", NULL});
    }
    if (word && args->words_size != 1) {
        return hf_say_usage(args, "--body replaces the body of one command: give one ID");
    }
    const char *type = hf_args_value(args, "content-type");
    if (type && (!word || strpbrk(type, "\r\n"))) {
        return hf_say_usage(args, "--content-type goes with --body, and may not hold a line end");
    }
    hf_buf_t body = {0};
    char *header = NULL;
    status = hf_body_read(word, &body);
    if (status == HF_EXIT_DONE) {
        header = hf_body_type_header(&body, type);
        decision.type = header;
        decision.body = body.data;
        decision.body_size = body.size;
        status = s_decide_all(args, &decision);
    }
    free(header);
    hf_buf_free(&body);
    return status;
}

int hf_verb_discard(const hf_args_t *args) {
    const decision_t decision = {
        .method = "POST", .prefix = "/commands/", .suffix = "/discard", .done = "discarded"};
    int status = s_check_selection(args);
    if (status) {
        return status;
    }
    return hf_args_has(args, "all") ? hf_jobs_begin(args, &(hf_jobs_action_t){"/dead/discard", NULL})
                                    : s_decide_all(args, &decision);
}

int hf_verb_cancel(const hf_args_t *args) {
    const decision_t decision = {
        .method = "DELETE", .prefix = "/commands/", .suffix = "", .done = "cancelled"};
    return s_decide_all(args, &decision);
}

int hf_verb_resolve(const hf_args_t *args) {
    static const char body[] = "{\"as\":\"succeeded\"}";
    const decision_t decision = {.method = "POST",
                                 .prefix = "/commands/",
                                 .suffix = "/resolve",
                                 .done = "resolved as succeeded",
                                 .type = "Content-Type: application/json",
                                 .body = body,
                                 .body_size = sizeof body - 1};
    int status = s_check_selection(args);
    if (status) {
        return status;
    }
    return hf_args_has(args, "all") ? hf_jobs_begin(args, &(hf_jobs_action_t){"/dead/resolve", "succeeded"})
                                    : s_decide_all(args, &decision);
}

int hf_verb_pause(const hf_args_t *args) {
    const decision_t decision = {
        .method = "POST", .prefix = "/destinations/", .suffix = "/pause", .done = "paused"};
    return s_decide_all(args, &decision);
}

int hf_verb_resume(const hf_args_t *args) {
    const decision_t decision = {
        .method = "POST", .prefix = "/destinations/", .suffix = "/resume", .done = "resumed"};
    return s_decide_all(args, &decision);
}
