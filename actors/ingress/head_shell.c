#include "ingress/head_shell.h"
#include "host/clock.h"
#include "ingress/header.h"
#include "ingress/refusal_shell.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

//  A header that may come once.
static void s_take_once(hf_request_t *request, const char **place, const char *name, const char *value) {
    request->doubled = *place ? name : request->doubled;
    *place = value;
}

static void s_take_tracestate(hf_request_t *request, const char *value) {
    hf_buf_t joined = {0};
    hf_buf_addf(&joined, "%s%s%s", request->tracestate ? request->tracestate : "",
                request->tracestate ? "," : "", value);
    free(request->tracestate);
    request->tracestate = (char *)joined.data;
}

//  The first of it is what is answered.
static void s_take_unframed(hf_request_t *request, hf_problem_kind_t kind, const char *why) {
    if (!request->unframed) {
        request->unframed_kind = kind;
        request->unframed = why;
    }
}

//  How long the body is may be said once: two sayings are how requests are smuggled past proxies (RFC
//  9112, 6.3 and 11.2).
static void s_take_framing(hf_request_t *request) {
    if (request->framed) {
        s_take_unframed(request, HF_PROBLEM_HEADER, "The body's length is said more than once.");
    }
    request->framed = true;
}

//  One that is no length libmicrohttpd has not seen (refusal_shell.h).
static void s_take_length(hf_request_t *request, const char *value) {
    size_t size = strlen(value);
    s_take_framing(request);
    request->length = strtoull(value, NULL, 10);
    request->has_body = request->length > 0;
    if (size == 0 || strspn(value, "0123456789") != size) {
        s_take_unframed(request, HF_PROBLEM_REQUEST,
                        "Content-Length must be digits: how many bytes the body has.");
    } else if (!hf_refusal_is_length(value, size)) {
        s_take_unframed(request, HF_PROBLEM_BODY_TOO_LARGE, "Content-Length is larger than any body can be.");
    }
}

//  A coding that nobody undoes here hides where the body ends. Where chunked is the last one its end would be known, and
//  the answer is 501; else it is 400 (RFC 9112, 6.1 and 6.3).
static void s_take_coding(hf_request_t *request, const char *value) {
    size_t size = strlen(value), last = sizeof "chunked" - 1;
    s_take_framing(request);
    request->has_body = true;
    if (strcasecmp(value, "chunked") == 0) {
        return;
    }
    bool ends_chunked = size > last && strcasecmp(value + size - last, "chunked") == 0 &&
                        strchr(", \t", value[size - last - 1]);
    s_take_unframed(request, ends_chunked ? HF_PROBLEM_CODING : HF_PROBLEM_HEADER,
                    "Transfer-Encoding can only be chunked here; send the body as it is.");
}

//  libmicrohttpd 0.9.75 ends a value at its first NUL, and has put two in place of each line's CR LF; the next line
//  follows. So a line that begins anywhere else than two bytes behind the value before it means that this one held a
//  NUL, or was no line by itself: folded, or ended by a bare LF or CR.
static void s_check_line_before(hf_request_t *request, const char *line) {
    if (request->line && request->line != line) {
        request->cut = request->line_name;
    }
}

static enum MHD_Result s_on_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    hf_request_t *request = context;
    const struct {
        const char *name;   //  As in the contract
        const char **place; //  Where it goes
    } once[] = {{"Content-Type", &request->content_type},      {"Idempotency-Key", &request->idempotency_key},
                {"Holdfast-Not-Before", &request->not_before}, {"Holdfast-Deadline", &request->deadline},
                {"Holdfast-Priority", &request->priority},     {"Authorization", &request->authorization},
                {"traceparent", &request->traceparent},        {"Holdfast-Operator", &request->operator_},
                {"Last-Event-ID", &request->last_event_id}};
    (void)kind;
    s_check_line_before(request, name);
    request->line = value ? value + strlen(value) + 2 : NULL;
    request->line_name = name;
    value = value ? value : "";
    for (unsigned i = 0; i < sizeof once / sizeof *once; i++) {
        if ((*name | 0x20) == (*once[i].name | 0x20) && strcasecmp(name, once[i].name) == 0) {
            s_take_once(request, once[i].place, once[i].name, value);
            return MHD_YES;
        }
    }
    if (strcasecmp(name, "Prefer") == 0) {
        request->wait_s = request->wait_s < 0 ? hf_prefer_wait(value) : request->wait_s;
    } else if (strcasecmp(name, "tracestate") == 0) {
        s_take_tracestate(request, value);
    } else if (strcasecmp(name, "Accept") == 0) {
        request->accept = value;
    } else if (strcasecmp(name, "Expect") == 0) {
        request->expects = strcasecmp(value, "100-continue") == 0;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        s_take_length(request, value);
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        s_take_coding(request, value);
    } else if (strcasecmp(name, "Host") == 0) {
        request->hosts++;
    }
    return MHD_YES;
}

static int s_check_token(const hf_request_t *request, hf_problem_t *problem) {
    const char *token = request->server->config->token;
    hf_page_t page = request->route.page;
    if (!token || page == HF_PAGE_HEALTHZ || page == HF_PAGE_READYZ) {
        return 0;
    }
    if (!request->authorization) {
        return hf_problem_set(problem, HF_PROBLEM_TOKEN_MISSING, 0,
                              "Send it as \"Authorization: Bearer TOKEN\".");
    }
    return hf_bearer_is(request->authorization, token)
               ? 0
               : hf_problem_set(
                     problem, HF_PROBLEM_TOKEN_WRONG, 0,
                     "Send the token of this node's pipeline files as \"Authorization: Bearer TOKEN\".");
}

static int s_check_route(const hf_request_t *request, hf_problem_t *problem) {
    if (request->route_broken) {
        return hf_problem_set(problem, HF_PROBLEM_PATH, 0,
                              "The path's percent-encoding is broken, or has a NUL in it.");
    }
    if (request->route.page == HF_PAGES) {
        return hf_problem_set(problem, HF_PROBLEM_NO_PAGE, 0,
                              "There are /pipelines/NAME/commands, /commands, /events, /destinations, /dead, "
                              "/jobs, /ps, /metrics, "
                              "/healthz and /readyz.");
    }
    if (!(request->route.methods & request->method)) {
        return hf_problem_set(problem, HF_PROBLEM_METHOD, 0,
                              "The header Allow says which methods there are.");
    }
    return 0;
}

int hf_head_check_length(const hf_request_t *request, uint64_t size, hf_problem_t *problem) {
    size_t limit = request->server->config->body_limit;
    if (size > limit) {
        return hf_problem_set(problem, HF_PROBLEM_BODY_TOO_LARGE, 0,
                              "The body has over %zu bytes, this node's body_limit.", limit);
    }
    return 0;
}

static int s_check_head(const hf_request_t *request, hf_problem_t *problem) {
    if (request->unframed) {
        return hf_problem_set(problem, request->unframed_kind, 0, "%s", request->unframed);
    }
    if (request->hosts > 1 || (request->hosts < 1 && request->needs_host)) {
        return hf_problem_set(problem, HF_PROBLEM_REQUEST, 0,
                              "It needs one header Host, and has %u (RFC 9112, 3.2).", request->hosts);
    }
    if (s_check_token(request, problem) || s_check_route(request, problem)) {
        return -1;
    }
    if (request->doubled) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, "%s came more than once.", request->doubled);
    }
    if (request->cut) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0,
                              "%.64s has a NUL in it, or its line does not end with CR LF.", request->cut);
    }
    if (request->server->drain_at && request->method != HF_GET) {
        return hf_problem_set(problem, HF_PROBLEM_STOPPING, 1,
                              "This node is about to end; nothing was accepted.");
    }
    return hf_head_check_length(request, request->length, problem);
}

int hf_head_read(hf_request_t *request, const char *method, const char *version) {
    request->method = hf_method_parse(method);
    request->needs_host = strcmp(version, MHD_HTTP_VERSION_1_0) > 0;
    request->began_at = hf_clock_now_ms();
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, s_on_header, request);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection,
                                                                   MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info) {
        s_check_line_before(request, method + info->header_size - 2); //  The empty line
    }
    return s_check_head(request, &request->problem);
}
