#include "ingress/pages_shell.h"
#include "base/gate.h"
#include "host/clock.h"
#include "ingress/dead.h"
#include "ingress/header.h"
#include "ingress/job.h"
#include "ingress/lists_shell.h"
#include "ingress/query.h"
#include "ingress/render.h"
#include "ingress/waiting_shell.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PS_MAX = 1 << 20 }; //  Bytes of the supervisor's page

//  ---- reading pages

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
    if (hf_filter_parse(&filter, request->route.query, hf_clock_now_ms(), &request->problem)) {
        hf_request_refuse(request, &request->problem);
    } else {
        hf_lists_begin(request, &filter);
    }
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
        hf_request_reply_json(request, rc, &json);
    }
}

static void s_get_destinations(hf_request_t *request, const char *name) {
    hf_buf_t json = {0};
    const hf_server_t *server = request->server;
    hf_request_reply_json(request,
                          hf_query_destinations(server->store, server->config, name, hf_clock_now_ms(), &json,
                                                &request->problem),
                          &json);
}

static void s_get_dead(hf_request_t *request) {
    hf_buf_t json = {0};
    hf_request_reply_json(
        request, hf_dead_groups(request->server->store, request->route.query, &json, &request->problem),
        &json);
}

static void s_get_healthz(hf_request_t *request) {
    hf_buf_t json = {0};
    hf_buf_addf(&json, "{\"alive\":true}");
    hf_request_reply_json(request, 0, &json);
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
    hf_request_reply_json(request, rc, &json);
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
    hf_request_reply_json(request, 0, &json);
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
    hf_waiting_hear_facts(server);
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

static void s_post_command(hf_request_t *request) {
    hf_server_t *server = request->server;
    hf_submission_t submission = s_submission(request);
    request->pipeline = hf_config_pipeline(server->config, submission.pipeline);
    if (request->wait_s > 0) {
        hf_waiting_hear_facts(server); //  In good time: before the command can end
    }
    hf_waiting_begin(request, hf_ingress_submit(server->core, &submission, hf_clock_now_ms(), request,
                                                &request->id, &request->problem));
}

static void s_post_batch(hf_request_t *request) {
    hf_submission_t submission = s_submission(request);
    hf_waiting_begin(request, hf_ingress_submit_batch(request->server->core, &submission, hf_clock_now_ms(),
                                                      request, &request->problem));
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
    hf_waiting_begin(request, rc ? rc
                                 : hf_ingress_decide(request->server->core, &id, event, who,
                                                     body ? request->body.data : NULL, request->body.size,
                                                     request->content_type, hf_clock_now_ms(), request,
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
    hf_waiting_begin(request, rc ? rc
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
        hf_request_reply_json(request, hf_query_job(request->server->store, &id, &json, &request->problem),
                              &json);
    }
}

static void s_get_jobs(hf_request_t *request) {
    hf_buf_t json = {0};
    hf_request_reply_json(request, hf_query_jobs(request->server->store, &json, &request->problem), &json);
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
        hf_request_reply_json(request, rc, &json);
    } else {
        wanted.job.who = who;
        hf_waiting_begin(request, hf_ingress_create_job(server->core, &wanted.job, request->idempotency_key,
                                                        request->body.data, request->body.size,
                                                        hf_clock_now_ms(), request, &request->problem));
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
    hf_waiting_begin(request, rc ? rc
                                 : hf_ingress_cancel_job(request->server->core, &id, who, hf_clock_now_ms(),
                                                         request, &request->problem));
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
