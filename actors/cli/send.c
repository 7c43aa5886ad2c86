/*  holdfast send. The id is printed as soon as the command is safe; then, with --wait, its events are
 * followed to its end.
 *
 *  Every submission has an Idempotency-Key, made here where none was given: so one that broke off can be sent
 * again at once, and is still one command.  */

#include "cli/body.h"
#include "cli/client.h"
#include "cli/fields.h"
#include "cli/live.h"
#include "cli/terminal.h"
#include "cli/verbs.h"

#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    S_AGAIN_MS = 10000,           //  A submission that broke off is sent again for so long …
    S_PAUSE_MS = 200,             //  … with this much between two
    S_WAIT_MAX_S = 7 * 24 * 3600, //  Seconds that --wait may take
    S_KEY = 24,                   //  Random bytes of a key that is made here
};

//  A header of an option's value; NULL where it was not given. A line end in it would be another header.
static int s_header(const hf_args_t *args, const char *option, const char *name, char **header) {
    const char *value = hf_args_value(args, option);
    if (!value) {
        return HF_EXIT_DONE;
    }
    if (!*value || strpbrk(value, "\r\n")) {
        return hf_say_usage(args, "--%s may not be empty or hold a line end", option);
    }
    *header = hf_alloc(strlen(name) + strlen(value) + 3);
    sprintf(*header, "%s: %s", name, value);
    return HF_EXIT_DONE;
}

static char *s_random_key(void) {
    unsigned char bytes[S_KEY];
    char hex[2 * S_KEY + 1];
    (void)!sodium_init();
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    char *header = hf_alloc(sizeof hex + 32);
    sprintf(header, "Idempotency-Key: %s", hex);
    return header;
}

//  Everything of one submission; frees nothing that argv owns.
typedef struct {
    hf_buf_t path;    //  Where to
    hf_buf_t body;    //  What
    char *type;       //  Content-Type
    char *key;        //  Idempotency-Key
    char *not_before; //  Holdfast-Not-Before
    char *deadline;   //  Holdfast-Deadline
    char *priority;   //  Holdfast-Priority
    long long wait_s; //  --wait; -1: not given
} submission_t;

static int s_prepare(const hf_args_t *args, submission_t *self) {
    const char *given_type = hf_args_value(args, "content-type");
    int status = hf_args_number(args, "wait", 0, S_WAIT_MAX_S, &self->wait_s);
    if (!*args->words[0]) {
        return hf_say_usage(args, "PIPELINE is empty");
    }
    if (given_type && strpbrk(given_type, "\r\n")) {
        return hf_say_usage(args, "--content-type may not hold a line end");
    }
    if (status || (status = s_header(args, "idempotency-key", "Idempotency-Key", &self->key)) ||
        (status = s_header(args, "not-before", "Holdfast-Not-Before", &self->not_before)) ||
        (status = s_header(args, "deadline", "Holdfast-Deadline", &self->deadline)) ||
        (status = s_header(args, "priority", "Holdfast-Priority", &self->priority)) ||
        (status = hf_body_read(args->words_size > 1 ? args->words[1] : NULL, &self->body))) {
        return status;
    }
    self->type = hf_body_type_header(&self->body, given_type);
    self->key = self->key ? self->key : s_random_key();
    hf_buf_addf(&self->path, "/pipelines/");
    hf_path_escape(&self->path, args->words[0]);
    hf_buf_addf(&self->path, "/commands");
    return HF_EXIT_DONE;
}

static void s_free(submission_t *self) {
    hf_buf_free(&self->path);
    hf_buf_free(&self->body);
    free(self->type);
    free(self->key);
    free(self->not_before);
    free(self->deadline);
    free(self->priority);
}

//  Sends it until an answer comes, gives that as JSON.
static int s_submit(hf_client_t *client, const submission_t *self, json_t **answer) {
    hf_request_t request = {
        .method = "POST",
        .path = (char *)self->path.data,
        .headers = {self->type, self->key, self->not_before, self->deadline, self->priority},
        .body = self->body.data,
        .body_size = self->body.size};
    hf_reply_t reply = {0};
    char why[HF_CLIENT_WHY];
    int64_t until_ms = hf_client_now_ms() + S_AGAIN_MS;
    hf_reach_t reach = hf_client_try(client, &request, &reply, why);
    bool broken = reach == HF_BROKEN;
    while (broken && reach != HF_REACHED && hf_client_now_ms() < until_ms) {
        poll(NULL, 0, S_PAUSE_MS);
        reach = hf_client_try(client, &request, &reply, why);
    }
    int status;
    if (broken && reach != HF_REACHED) {
        status = hf_say_failed("no whole answer came (%s): it may have been accepted. Send it again with "
                               "--idempotency-key %s, and it is one command",
                               why, self->key + strlen("Idempotency-Key: "));
    } else {
        status = hf_client_say(client, reach, &reply, why);
    }
    *answer = status ? NULL
                     : json_loadb((const char *)reply.body.data, reply.body.size, JSON_ALLOW_NUL, NULL);
    if (!status && !*hf_fields_text(*answer, "id")) {
        status = hf_say_failed("the node answered without an id: check HOLDFAST_URL");
    }
    hf_reply_free(&reply);
    return status;
}

//  ---- --wait

//  How it ended: its state, or with --json the whole command.
static int s_print_end(hf_client_t *client, const hf_live_t *live, bool json) {
    if (json) {
        json_t *command = NULL;
        hf_buf_t path = {0};
        hf_buf_addf(&path, "/commands/%s", live->id);
        int status = hf_client_get(client, (char *)path.data, &command);
        hf_buf_free(&path);
        if (status) {
            return status;
        }
        hf_fields_print(stdout, command);
        json_decref(command);
    } else {
        printf("%s", hf_terminal_colour(live->state));
        hf_terminal_print(stdout, live->state);
        printf("%s\n", hf_terminal_plain());
    }
    if (strcmp(live->state, "succeeded") == 0) {
        return HF_EXIT_DONE;
    }
    return hf_say_failed("it did not succeed: `holdfast show %s` says why", live->id);
}

static int s_wait(hf_client_t *client, const char *id, long long wait_s, bool json) {
    hf_buf_t path = {0};
    hf_buf_addf(&path, "/commands/");
    hf_path_escape(&path, id);
    hf_buf_addf(&path, "/events");
    hf_live_t live = {.path = (char *)path.data, .id = id, .until_ms = hf_client_now_ms() + wait_s * 1000};
    int status = hf_live_run(&live, client);
    if (status == HF_EXIT_DONE && !hf_fields_is_settled(live.state)) {
        status = hf_say_failed("it has not ended within %llds, and goes on: `holdfast watch %s` follows it",
                               wait_s, id);
    } else if (status == HF_EXIT_DONE) {
        status = s_print_end(client, &live, json);
    }
    hf_buf_free(&path);
    return status;
}

//  ---- the verb

static int s_send(const hf_args_t *args, hf_client_t *client, const submission_t *submission) {
    bool json = hf_args_has(args, "json");
    json_t *answer = NULL;
    int status = s_submit(client, submission, &answer);
    if (status == HF_EXIT_DONE) {
        const char *id = hf_fields_text(answer, "id");
        if (!json) {
            hf_terminal_print(stdout, id);
            putchar('\n');
        } else if (submission->wait_s < 0) {
            hf_fields_print(stdout, answer);
        }
        fflush(stdout);
        if (submission->wait_s >= 0) {
            status = s_wait(client, id, submission->wait_s, json);
        }
    }
    json_decref(answer);
    return status;
}

int hf_verb_send(const hf_args_t *args) {
    submission_t submission = {.wait_s = -1};
    hf_client_t *client = NULL;
    int status = s_prepare(args, &submission);
    if (status == HF_EXIT_DONE) {
        client = hf_client_new();
        status = client ? s_send(args, client, &submission) : HF_EXIT_USAGE;
    }
    hf_client_destroy(&client);
    s_free(&submission);
    return status;
}
