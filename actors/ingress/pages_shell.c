/*  What each page is for. Reading ones answer at once from the journal's file; the others go to the core, and
 * are answered when it has the journal's word.  */

#include "base/gate.h"
#include "host/clock.h"
#include "ingress/dead.h"
#include "ingress/header.h"
#include "ingress/job.h"
#include "ingress/json.h"
#include "ingress/query.h"
#include "ingress/render.h"
#include "ingress/request_shell.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PS_MAX = 1 << 20 }; //  Bytes of the supervisor's page

//  ---- reading pages

//  Answers with JSON, or with the problem where rc says so.
static void s_reply_json(hf_request_t *request, int rc, hf_buf_t *json) {
    if (rc) {
        hf_buf_free(json);
        hf_request_refuse(request, &request->problem);
    } else {
        hf_request_reply(request, MHD_HTTP_OK, NULL, json);
    }
}

//  The command that the path names; -1: it names none, and that was answered.
static int s_path_id(hf_request_t *request, hf_id_t *id) {
    if (hf_id_parse(id, request->route.arg)) {
        return 0;
    }
    hf_problem_set(&request->problem, HF_PROBLEM_NO_COMMAND, 0,
                   "'%.100s' is no command's id; ids look like %s.", request->route.arg,
                   "0198f3a2-6c1e-7b3a-9d50-3f1f6f9a2b11");
    hf_request_refuse(request, &request->problem);
    return -1;
}

static void s_get_commands(hf_request_t *request) {
    hf_filter_t filter;
    hf_buf_t json = {0};
    const hf_server_t *server = request->server;
    int rc = hf_filter_parse(&filter, request->route.query, hf_clock_now_ms(), &request->problem);
    rc = rc ? rc
            : hf_query_commands(server->store, server->config, &filter, hf_clock_now_ms(), &json,
                                &request->problem);
    s_reply_json(request, rc, &json);
}

static void s_get_command(hf_request_t *request) {
    hf_id_t id;
    hf_tell_t tell;
    hf_buf_t json = {0};
    const hf_server_t *server = request->server;
    if (s_path_id(request, &id) == 0) {
        int rc = hf_tell_parse(&tell, request->route.query, &request->problem);
        rc = rc ? rc
                : hf_query_command(server->store, server->config, &id, tell, hf_clock_now_ms(), NULL, &json,
                                   &request->problem);
        s_reply_json(request, rc, &json);
    }
}

static void s_get_destinations(hf_request_t *request, const char *name) {
    hf_buf_t json = {0};
    const hf_server_t *server = request->server;
    s_reply_json(request,
                 hf_query_destinations(server->store, server->config, name, hf_clock_now_ms(), &json,
                                       &request->problem),
                 &json);
}

static void s_get_dead(hf_request_t *request) {
    hf_buf_t json = {0};
    s_reply_json(request,
                 hf_dead_groups(request->server->store, request->route.query, &json, &request->problem),
                 &json);
}

static void s_get_healthz(hf_request_t *request) {
    hf_buf_t json = {0};
    hf_buf_addf(&json, "{\"alive\":true}");
    s_reply_json(request, 0, &json);
}

static void s_get_readyz(hf_request_t *request) {
    hf_buf_t json = {0};
    const hf_server_t *server = request->server;
    int rc = 0;
    if (server->drain_at) {
        rc = hf_problem_set(&request->problem, HF_PROBLEM_STOPPING, 1, "This node is about to end.");
    } else if (!hf_ingress_is_ready(server->core, hf_clock_now_ms(), &request->problem)) {
        rc = -1;
    }
    hf_buf_addf(&json, "{\"ready\":true}");
    s_reply_json(request, rc, &json);
}

static void s_get_metrics(hf_request_t *request) {
    hf_server_t *server = request->server;
    hf_metrics_t *metrics = &server->metrics;
    hf_buf_t text = {0};
    hf_error_t error;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon,
                                                           MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    bool openmetrics = hf_metrics_wants_openmetrics(request->accept);
    metrics->connections = info ? info->num_connections : 0;
    metrics->waiters = server->waiters_size;
    metrics->readers = hf_sse_readers(server->sse);
    metrics->unacked = hf_ingress_unacked(server->core);
    metrics->unacked_bytes = hf_ingress_unacked_bytes(server->core);
    metrics->newest_fact = hf_ingress_newest_fact(server->core);
    metrics->ready = hf_ingress_is_ready(server->core, hf_clock_now_ms(), &request->problem);
    metrics->config = server->config;
    metrics->now_ms = hf_clock_now_ms();
    hf_process_measure(metrics);
    if (hf_metrics_render(metrics, server->store, openmetrics, &text, &error)) {
        hf_buf_free(&text);
        hf_problem_set(&request->problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
        hf_request_refuse(request, &request->problem);
        return;
    }
    hf_request_reply(request, MHD_HTTP_OK, openmetrics ? HF_OPENMETRICS_TYPE : HF_PROMETHEUS_TYPE, &text);
}

static void s_get_ps(hf_request_t *request) {
    char path[4096];
    hf_buf_t json = {0};
    FILE *file = fopen(hf_shell_path(request->server->shell, "run/supervisor.json", path, sizeof path), "re");
    if (!file) {
        hf_problem_set(&request->problem, HF_PROBLEM_NO_PAGE, 0,
                       "No supervisor has written about its actors here: this actor runs without one.");
        hf_request_refuse(request, &request->problem);
        return;
    }
    size_t size = fread(hf_buf_extend(&json, PS_MAX), 1, PS_MAX, file);
    fclose(file);
    json.size = size;
    s_reply_json(request, 0, &json);
}

//  ---- event streams

static int s_take_event_filter(void *context, const char *name, const char *value) {
    hf_event_filter_t *filter = context;
    size_t size = strlen(value);
    if (strcmp(name, "pipeline") == 0 && size < sizeof filter->pipeline) {
        memcpy(filter->pipeline, value, size + 1);
        return 0;
    }
    return strcmp(name, "type") == 0 ? hf_event_filter_set_type(filter, value) : -1;
}

static int s_read_event_filter(hf_request_t *request, hf_event_filter_t *filter) {
    *filter = (hf_event_filter_t){{0}, {0}};
    if (hf_query_walk(request->route.query, s_take_event_filter, filter)) {
        return hf_problem_set(
            &request->problem, HF_PROBLEM_QUERY, 0,
            "There are pipeline=NAME and type=, like command.succeeded, succeeded or destination.paused.");
    }
    return 0;
}

static void s_get_events(hf_request_t *request, const hf_id_t *id) {
    hf_server_t *server = request->server;
    hf_sse_request_t wanted = {.id = id, .last_event_id = request->last_event_id};
    struct MHD_Response *response = NULL;
    hf_buf_t nothing = {0};
    hf_server_follow(server);
    if (s_read_event_filter(request, &wanted.filter) ||
        hf_sse_open(server->sse, request->connection, &wanted, hf_ingress_newest_fact(server->core),
                    &response, &request->problem)) {
        hf_request_refuse(request, &request->problem);
    } else if (!response) {
        hf_request_reply(request, MHD_HTTP_NO_CONTENT, NULL,
                         &nothing); //  Tells an EventSource not to come back
    } else {
        request->status = MHD_HTTP_OK;
        request->response = response;
        request->phase = HF_REQUEST_READY;
        request->counted = false; //  A stream is not waited for when the node ends
        server->under_way--;
    }
}

static void s_get_command_events(hf_request_t *request) {
    hf_id_t id;
    if (s_path_id(request, &id) == 0) {
        s_get_events(request, &id);
    }
}

//  ---- submissions

static hf_submission_t s_submission(const hf_request_t *request) {
    return (hf_submission_t){.pipeline = request->route.arg,
                             .body = request->body.data,
                             .body_size = request->body.size,
                             .content_type = request->content_type,
                             .idempotency_key = request->idempotency_key,
                             .not_before = request->not_before,
                             .deadline = request->deadline,
                             .priority = request->priority,
                             .traceparent = request->traceparent,
                             .tracestate = request->tracestate};
}

//  The core has it (rc 0), or has refused it.
static void s_await(hf_request_t *request, int rc) {
    if (rc) {
        hf_request_refuse(request, &request->problem);
        return;
    }
    request->in_journal = true;
    request->server->in_journal++;
    hf_request_link(request, &request->server->asked);
    hf_request_wait(request);
}

static void s_post_command(hf_request_t *request) {
    hf_server_t *server = request->server;
    hf_submission_t submission = s_submission(request);
    request->pipeline = hf_config_pipeline(server->config, submission.pipeline);
    if (request->wait_s > 0) {
        hf_server_follow(server); //  In good time: before the command can end
    }
    s_await(request, hf_ingress_submit(server->core, &submission, hf_clock_now_ms(), request, &request->id,
                                       &request->problem));
}

static void s_post_batch(hf_request_t *request) {
    hf_submission_t submission = s_submission(request);
    s_await(request, hf_ingress_submit_batch(request->server->core, &submission, hf_clock_now_ms(), request,
                                             &request->problem));
}

//  ---- decisions

//  Who decides: what the client says, else where it comes from.
static int s_who(hf_request_t *request, char who[HF_OPERATOR_MAX + 1]) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection,
                                                                   MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const char *given = request->operator_;
    *who = 0;
    if (given) {
        if (!hf_header_is_clean(given, HF_OPERATOR_MAX) || !hf_utf8_is_valid(given, strlen(given))) {
            return hf_problem_set(&request->problem, HF_PROBLEM_HEADER, 0,
                                  "Holdfast-Operator has control characters, or more than %d bytes.",
                                  HF_OPERATOR_MAX);
        }
        memcpy(who, given, strlen(given) + 1);
    } else if (info && info->client_addr) {
        socklen_t size = info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                                  : sizeof(struct sockaddr_in);
        getnameinfo(info->client_addr, size, who, HF_OPERATOR_MAX, NULL, 0, NI_NUMERICHOST);
    }
    return 0;
}

static void s_decide(hf_request_t *request, hf_event_t event, bool with_body) {
    hf_id_t id;
    char who[HF_OPERATOR_MAX + 1];
    if (s_path_id(request, &id)) {
        return;
    }
    bool body = with_body && request->body.size > 0;
    request->event = event;
    int rc = s_who(request, who);
    s_await(request,
            rc ? rc
               : hf_ingress_decide(request->server->core, &id, event, who, body ? request->body.data : NULL,
                                   request->body.size, request->content_type, hf_clock_now_ms(), request,
                                   &request->problem));
}

static void s_post_resolve(hf_request_t *request) {
    json_error_t error;
    json_t *json = json_loadb(request->body.size ? (const char *)request->body.data : "", request->body.size,
                              0, &error);
    const char *as = json_string_value(json_object_get(json, "as"));
    bool sound = as && strcmp(as, "succeeded") == 0;
    json_decref(json);
    if (sound) {
        s_decide(request, HF_EVENT_RESOLVE, false);
        return;
    }
    hf_problem_set(
        &request->problem, HF_PROBLEM_BODY, 0,
        "Send {\"as\":\"succeeded\"}: that the third party did it is all that a command can be resolved as.");
    hf_request_refuse(request, &request->problem);
}

//  Pauses or resumes the destination that the path names.
static void s_gate(hf_request_t *request, hf_gate_event_t event) {
    char who[HF_OPERATOR_MAX + 1];
    int rc = s_who(request, who);
    s_await(request, rc ? rc
                        : hf_ingress_gate(request->server->core, request->route.arg, event, who,
                                          hf_clock_now_ms(), request, &request->problem));
}

//  ---- jobs

//  The job that the path names; -1: it names none, and that was answered.
static int s_path_job(hf_request_t *request, hf_id_t *id) {
    if (hf_id_parse(id, request->route.arg)) {
        return 0;
    }
    hf_problem_set(&request->problem, HF_PROBLEM_NO_JOB, 0, "'%.100s' is no job's id.", request->route.arg);
    hf_request_refuse(request, &request->problem);
    return -1;
}

static void s_get_job(hf_request_t *request) {
    hf_id_t id;
    hf_buf_t json = {0};
    if (s_path_job(request, &id) == 0) {
        s_reply_json(request, hf_query_job(request->server->store, &id, &json, &request->problem), &json);
    }
}

static void s_get_jobs(hf_request_t *request) {
    hf_buf_t json = {0};
    s_reply_json(request, hf_query_jobs(request->server->store, &json, &request->problem), &json);
}

static void s_post_job(hf_request_t *request, hf_event_t event) {
    hf_server_t *server = request->server;
    hf_job_request_t wanted;
    hf_buf_t json = {0};
    char who[HF_OPERATOR_MAX + 1];
    if (s_who(request, who) || hf_job_request_read(&wanted, event, request->body.data, request->body.size,
                                                   hf_clock_now_ms(), &request->problem)) {
        hf_request_refuse(request, &request->problem);
        return;
    }
    if (wanted.dry_run) {
        int rc = hf_job_preview(server->store, server->config, &wanted, &json, &request->problem);
        s_reply_json(request, rc, &json);
    } else {
        wanted.job.who = who;
        s_await(request,
                hf_ingress_create_job(server->core, &wanted.job, request->idempotency_key, request->body.data,
                                      request->body.size, hf_clock_now_ms(), request, &request->problem));
    }
    hf_job_request_free(&wanted);
}

static void s_delete_job(hf_request_t *request) {
    hf_id_t id;
    char who[HF_OPERATOR_MAX + 1];
    if (s_path_job(request, &id)) {
        return;
    }
    int rc = s_who(request, who);
    s_await(request, rc ? rc
                        : hf_ingress_cancel_job(request->server->core, &id, who, hf_clock_now_ms(), request,
                                                &request->problem));
}

//  ---- by page

static void s_serve_reading(hf_request_t *request) {
    switch (request->route.page) {
    case HF_PAGE_COMMANDS:
        s_get_commands(request);
        break;
    case HF_PAGE_COMMAND:
        s_get_command(request);
        break;
    case HF_PAGE_COMMAND_EVENTS:
        s_get_command_events(request);
        break;
    case HF_PAGE_EVENTS:
        s_get_events(request, NULL);
        break;
    case HF_PAGE_DESTINATIONS:
        s_get_destinations(request, NULL);
        break;
    case HF_PAGE_DESTINATION:
        s_get_destinations(request, request->route.arg);
        break;
    case HF_PAGE_DEAD:
        s_get_dead(request);
        break;
    case HF_PAGE_JOBS:
        s_get_jobs(request);
        break;
    case HF_PAGE_HEALTHZ:
        s_get_healthz(request);
        break;
    case HF_PAGE_READYZ:
        s_get_readyz(request);
        break;
    case HF_PAGE_METRICS:
        s_get_metrics(request);
        break;
    case HF_PAGE_PS:
        s_get_ps(request);
        break;
    default:
        s_get_job(request);
    }
}

void hf_pages_serve(hf_request_t *request) {
    if (request->method == HF_GET) {
        s_serve_reading(request);
        return;
    }
    switch (request->route.page) {
    case HF_PAGE_SUBMIT:
        s_post_command(request);
        break;
    case HF_PAGE_BATCH:
        s_post_batch(request);
        break;
    case HF_PAGE_COMMAND:
        s_decide(request, HF_EVENT_CANCEL, false);
        break;
    case HF_PAGE_RETRY:
        s_decide(request, HF_EVENT_RETRY, true);
        break;
    case HF_PAGE_DISCARD:
        s_decide(request, HF_EVENT_DISCARD, false);
        break;
    case HF_PAGE_RESOLVE:
        s_post_resolve(request);
        break;
    case HF_PAGE_PAUSE:
        s_gate(request, HF_GATE_PAUSE);
        break;
    case HF_PAGE_RESUME:
        s_gate(request, HF_GATE_RESUME);
        break;
    case HF_PAGE_DEAD_RETRY:
        s_post_job(request, HF_EVENT_RETRY);
        break;
    case HF_PAGE_DEAD_DISCARD:
        s_post_job(request, HF_EVENT_DISCARD);
        break;
    case HF_PAGE_DEAD_RESOLVE:
        s_post_job(request, HF_EVENT_RESOLVE);
        break;
    default:
        s_delete_job(request);
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

void hf_pages_forget(hf_request_t *request) {
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
    hf_server_follow(server);
    if (!s_reply_if_ended(request)) {
        request->wait_until = hf_clock_now_ms() + request->wait_s * INT64_C(1000);
        request->same = hf_id_map_get(server->waited, &request->id);
        hf_id_map_put(server->waited, &request->id, request);
        hf_request_link(request, &server->waiters);
        server->waiters_size++;
    }
}

void hf_pages_on_fact(hf_server_t *server, const Hf__Fact *fact) {
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

void hf_pages_end_waits(hf_server_t *server, int64_t now, bool all) {
    for (hf_request_t *request = server->waiters, *next; request; request = next) {
        next = request->next;
        if (all || now >= request->wait_until) {
            s_leave(request);
            s_reply_accepted(request);
        }
    }
}

void hf_pages_look_again(hf_server_t *server) {
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
        s_get_destinations(request, request->route.arg);
        break;
    case HF_ANSWER_REFUSED:
        hf_request_refuse(request, &answer->problem);
        break;
    }
}

void hf_pages_answer_all(hf_server_t *server) {
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
