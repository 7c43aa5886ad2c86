#include "ingress/waiting_shell.h"
#include "host/clock.h"
#include "ingress/job.h"
#include "ingress/query.h"
#include "ingress/render.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hf_waiting_begin(hf_request_t *request, int rc) {
    if (rc) {
        hf_request_refuse(request, &request->problem);
        return;
    }
    request->in_journal = true;
    request->server->in_journal++;
    hf_request_link(request, &request->server->asked);
    hf_request_wait(request);
}

//  ---- facts, while somebody wants them

void hf_waiting_hear_facts(hf_server_t *self) {
    self->follow_until = hf_clock_now_ms() + HF_SERVER_FOLLOW_MS;
    if (!self->follows) {
        self->follows = true;
        hf_shell_hear_facts(self->shell, true);
        hf_ingress_follow(self->core, true);
    }
}

void hf_waiting_hear_on(hf_server_t *self, int64_t now) {
    if (self->waiters_size || hf_sse_readers(self->sse)) {
        self->follow_until = now + HF_SERVER_FOLLOW_MS;
    } else if (self->follows && now >= self->follow_until) {
        self->follows = false;
        hf_shell_hear_facts(self->shell, false);
        hf_ingress_follow(self->core, false);
    }
}

//  ---- the journal's word

static void s_prefer(hf_request_t *request) {
    char text[32];
    if (request->wait_s >= 0) {
        snprintf(text, sizeof text, "wait=%d", request->wait_s);
        hf_request_header(request, "Preference-Applied", text);
    }
}

//  What is the same in every answer of a pipeline: made when it is wanted first.
static const hf_buf_t *s_accepted_constant(const hf_server_t *server, const hf_pipeline_t *pipeline) {
    hf_buf_t *constant = &server->accepted[hf_config_pipeline_number(server->config, pipeline->name)];
    if (!constant->size) {
        hf_render_accepted_constant(pipeline, constant);
    }
    return constant;
}

static void s_reply_accepted(hf_request_t *request) {
    const hf_server_t *server = request->server;
    char location[sizeof "/commands/" + HF_ID_TEXT] = "/commands/";
    hf_buf_t json = {0};
    hf_render_accepted(s_accepted_constant(server, request->pipeline), &request->id, request->accepted_at,
                       &json);
    hf_id_format(&request->id, location + strlen(location));
    hf_request_prepare(request, MHD_HTTP_ACCEPTED, NULL, &json);
    hf_request_header(request, MHD_HTTP_HEADER_LOCATION, location);
    if (request->replayed) {
        hf_request_header(request, "Idempotent-Replay", "true");
    }
    s_prefer(request);
    hf_request_send(request);
}

static void s_reply_batch(hf_request_t *request, const hf_answer_t *answer) {
    hf_buf_t json = {0};
    hf_render_ids(answer->ids, answer->ids_size, &json);
    hf_request_prepare(request, MHD_HTTP_ACCEPTED, NULL, &json);
    if (answer->kind == HF_ANSWER_REPLAYED) {
        hf_request_header(request, "Idempotent-Replay", "true");
    }
    hf_request_send(request);
}

//  The job as it is now: one that was made is accepted, and goes on by itself.
static void s_reply_job(hf_request_t *request, const hf_answer_t *answer) {
    char location[sizeof "/jobs/" + HF_ID_TEXT] = "/jobs/";
    bool made = request->route.page != HF_PAGE_JOB;
    hf_buf_t json = {0};
    if (hf_query_job(request->server->store, &answer->id, &json, &request->problem)) {
        hf_buf_free(&json);
        hf_request_refuse(request, &request->problem);
        return;
    }
    hf_id_format(&answer->id, location + strlen(location));
    hf_request_prepare(request, made ? MHD_HTTP_ACCEPTED : MHD_HTTP_OK, NULL, &json);
    if (made) {
        hf_request_header(request, MHD_HTTP_HEADER_LOCATION, location);
    }
    if (answer->kind == HF_ANSWER_REPLAYED) {
        hf_request_header(request, "Idempotent-Replay", "true");
    }
    hf_request_send(request);
}

static bool s_is_about_job(const hf_request_t *request) {
    hf_page_t page = request->route.page;
    return page == HF_PAGE_DEAD_RETRY || page == HF_PAGE_DEAD_DISCARD || page == HF_PAGE_DEAD_RESOLVE ||
           page == HF_PAGE_JOB;
}

//  The command as it is now. A retry is only accepted: its outcome is to come.
static void s_reply_decided(hf_request_t *request, const hf_id_t *id) {
    const hf_server_t *server = request->server;
    hf_buf_t json = {0};
    if (hf_query_command(server->store, server->config, id, HF_TELL_SUMMARY, hf_clock_now_ms(), NULL, &json,
                         &request->problem)) {
        hf_buf_free(&json);
        hf_request_refuse(request, &request->problem);
        return;
    }
    hf_request_reply(request, request->event == HF_EVENT_RETRY ? MHD_HTTP_ACCEPTED : MHD_HTTP_OK, NULL,
                     &json);
}

//  The destination as it is now.
static void s_reply_gated(hf_request_t *request) {
    const hf_server_t *server = request->server;
    hf_buf_t json = {0};
    int rc = hf_query_destinations(server->store, server->config, request->route.arg, hf_clock_now_ms(),
                                   &json, &request->problem);
    hf_request_reply_json(request, rc, &json);
}

//  ---- waiting for an end

//  Takes one waiter out of the list of those for its command.
static void s_leave(hf_request_t *request) {
    hf_server_t *server = request->server;
    hf_request_t *first = hf_id_map_get(server->waited, &request->id);
    if (first == request && !request->same) {
        hf_id_map_remove(server->waited, &request->id);
    } else if (first == request) {
        hf_id_map_put(server->waited, &request->id, request->same);
    } else {
        while (first && first->same != request) {
            first = first->same;
        }
        assert(first);
        first->same = request->same;
    }
    hf_request_unlink(request);
    server->waiters_size--;
}

void hf_waiting_forget(hf_request_t *request) {
    if (request->place && !request->in_journal) {
        s_leave(request);
    }
}

static void s_reply_finished(hf_request_t *request, hf_buf_t *json) {
    hf_request_prepare(request, MHD_HTTP_OK, NULL, json);
    if (request->replayed) {
        hf_request_header(request, "Idempotent-Replay", "true");
    }
    s_prefer(request);
    hf_request_send(request);
}

//  Answers with the command where it goes no further by itself: false, where it still does.
static bool s_reply_if_ended(hf_request_t *request) {
    const hf_server_t *server = request->server;
    hf_state_t state = HF_STATE_NONE;
    hf_buf_t json = {0};
    int rc = hf_query_command(server->store, server->config, &request->id, HF_TELL_WHOLE, hf_clock_now_ms(),
                              &state, &json, &request->problem);
    if (rc || hf_state_is_open(state)) {
        hf_buf_free(&json);
        return false;
    }
    s_reply_finished(request, &json);
    return true;
}

static void s_wait(hf_request_t *request) {
    hf_server_t *server = request->server;
    if (server->drain_at || request->wait_s == 0) {
        s_reply_accepted(request);
        return;
    }
    hf_waiting_hear_facts(server);
    if (!s_reply_if_ended(request)) {
        request->wait_until = hf_clock_now_ms() + request->wait_s * INT64_C(1000);
        request->same = hf_id_map_get(server->waited, &request->id);
        hf_id_map_put(server->waited, &request->id, request);
        hf_request_link(request, &server->waiters);
        server->waiters_size++;
    }
}

void hf_waiting_on_fact(hf_server_t *server, const Hf__Fact *fact) {
    hf_id_t id;
    if (!server->waiters_size || hf_state_is_open((hf_state_t)fact->state) ||
        !hf_id_from(&id, fact->id.data, fact->id.len)) {
        return;
    }
    for (hf_request_t *request = hf_id_map_get(server->waited, &id); request; request = request->same) {
        hf_request_unlink(request);
        hf_request_link(request, &server->ended);
    }
}

//  Those whose command has ended; one that a person's retry has set going again goes on waiting.
static void s_answer_ended(hf_server_t *server) {
    while (server->ended) {
        hf_request_t *request = server->ended;
        s_leave(request);
        if (!s_reply_if_ended(request)) {
            request->same = hf_id_map_get(server->waited, &request->id);
            hf_id_map_put(server->waited, &request->id, request);
            hf_request_link(request, &server->waiters);
            server->waiters_size++;
        }
    }
}

void hf_waiting_end(hf_server_t *server, int64_t now, bool all) {
    for (hf_request_t *request = server->waiters, *next; request; request = next) {
        next = request->next;
        if (all || now >= request->wait_until) {
            s_leave(request);
            s_reply_accepted(request);
        }
    }
}

void hf_waiting_look_again(hf_server_t *server) {
    for (hf_request_t *request = server->waiters, *next; request; request = next) {
        next = request->next;
        hf_request_unlink(request);
        hf_request_link(request, &server->ended);
    }
}

//  ---- the core's answers

static void s_answer(hf_request_t *request, const hf_answer_t *answer) {
    if (s_is_about_job(request) && answer->kind != HF_ANSWER_REFUSED) {
        s_reply_job(request, answer);
        return;
    }
    switch (answer->kind) {
    case HF_ANSWER_ACCEPTED:
    case HF_ANSWER_REPLAYED:
        request->id = answer->id;
        request->accepted_at = answer->accepted_at;
        request->replayed = answer->kind == HF_ANSWER_REPLAYED;
        if (answer->ids) {
            s_reply_batch(request, answer);
        } else if (request->wait_s >= 0) {
            s_wait(request);
        } else {
            s_reply_accepted(request);
        }
        break;
    case HF_ANSWER_DECIDED:
        s_reply_decided(request, &answer->id);
        break;
    case HF_ANSWER_GATED:
        s_reply_gated(request);
        break;
    case HF_ANSWER_REFUSED:
        hf_request_refuse(request, &answer->problem);
        break;
    }
}

void hf_waiting_answer_all(hf_server_t *server) {
    hf_answer_t answer;
    while (hf_ingress_take_answer(server->core, &answer)) {
        hf_request_t *request = answer.tag;
        request->in_journal = false;
        server->in_journal--;
        hf_request_unlink(request);
        if (answer.kind == HF_ANSWER_ACCEPTED) {
            server->metrics.accepted += answer.ids ? answer.ids_size : 1;
        }
        if (request->connection) {
            s_answer(request, &answer);
        } else {
            hf_request_free(request);
        }
        free(answer.ids);
    }
    s_answer_ended(server);
}
