#include "ingress/request_shell.h"
#include "ingress/refusal_shell.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  ---- beginning and end

//  One that was used before, where there is one. The texts of its last problem may stay where they are.
hf_request_t *hf_request_new(hf_server_t *server) {
    hf_request_t *request = server->spare;
    if (request) {
        server->spare = request->next;
        server->spares--;
        memset(request, 0, offsetof(hf_request_t, problem));
        request->problem.status = 0;
    } else {
        request = hf_alloc(sizeof *request);
    }
    request->server = server;
    return request;
}

static void s_keep_spare(hf_server_t *server, hf_request_t *request) {
    if (server->spares < HF_SERVER_SPARES) {
        request->next = server->spare;
        server->spare = request;
        server->spares++;
    } else {
        free(request);
    }
}

void hf_request_drop_body(hf_request_t *request) {
    request->server->body_bytes -= request->body.capacity;
    hf_buf_free(&request->body);
}

void hf_request_free(hf_request_t *request) {
    if (request->response) {
        MHD_destroy_response(request->response);
    }
    hf_request_drop_body(request);
    free((char *)request->route.query);
    free(request->tracestate);
    s_keep_spare(request->server, request);
}

void hf_request_link(hf_request_t *self, hf_request_t **list) {
    self->next = *list;
    self->place = list;
    if (self->next) {
        self->next->place = &self->next;
    }
    *list = self;
}

void hf_request_unlink(hf_request_t *self) {
    if (self->place) {
        *self->place = self->next;
        if (self->next) {
            self->next->place = self->place;
        }
        self->place = NULL;
    }
}

//  ---- answering

void hf_request_prepare(hf_request_t *self, int status, const char *type, hf_buf_t *bytes) {
    assert(!self->response);
    size_t size;
    uint8_t *data = hf_buf_release(bytes, &size);
    self->response = MHD_create_response_from_buffer(size, data,
                                                     data ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    assert(self->response && "out of memory");
    self->status = status;
    if (size) {
        hf_request_header(self, MHD_HTTP_HEADER_CONTENT_TYPE, type ? type : "application/json");
    }
}

void hf_request_header(hf_request_t *self, const char *name, const char *value) {
    MHD_add_response_header(self->response, name, value);
}

void hf_request_moved(hf_request_t *self) {
    if (self->turn != self->server->turn) {
        self->turn = self->server->turn;
        self->server->moved++;
    }
}

enum MHD_Result hf_request_queue(hf_request_t *self) {
    hf_server_t *server = self->server;
    hf_request_moved(self);
    enum MHD_Result rc = hf_refusal_pass(self->connection, (unsigned)self->status, self->response);
    MHD_destroy_response(self->response);
    self->response = NULL;
    self->phase = HF_REQUEST_DONE;
    if (self->status < HF_METRICS_STATUSES) {
        server->metrics.requests[self->status]++;
    }
    return rc;
}

//  Takes it out of those that stand, or resumes it.
void hf_request_wait_no_more(hf_request_t *self) {
    self->server->resumed = true;
    if (self->suspended) {
        self->suspended = false;
        MHD_resume_connection(self->connection);
    } else {
        self->server->standing--;
    }
}

void hf_request_send(hf_request_t *self) {
    bool waited = self->phase == HF_REQUEST_WAITING;
    if (self->server->drain_at) {
        hf_request_header(self, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    self->phase = HF_REQUEST_READY;
    if (waited) {
        hf_request_wait_no_more(self);
    }
}

void hf_request_reply(hf_request_t *self, int status, const char *type, hf_buf_t *bytes) {
    hf_request_prepare(self, status, type, bytes);
    hf_request_send(self);
}

//  What HTTP wants beside the problem itself.
static void s_add_problem_headers(hf_request_t *self, const hf_problem_t *problem) {
    char text[32];
    if (problem->retry_after_s) {
        snprintf(text, sizeof text, "%d", problem->retry_after_s);
        hf_request_header(self, MHD_HTTP_HEADER_RETRY_AFTER, text);
    }
    if (problem->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        hf_methods_format(self->route.methods, text);
        hf_request_header(self, MHD_HTTP_HEADER_ALLOW, text);
    }
    if (problem->status == MHD_HTTP_UNAUTHORIZED) {
        hf_request_header(self, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"holdfast\"");
    }
}

void hf_request_refuse(hf_request_t *self, const hf_problem_t *problem) {
    hf_buf_t bytes = {0};
    hf_problem_render(problem, &bytes);
    hf_request_prepare(self, problem->status, "application/problem+json", &bytes);
    s_add_problem_headers(self, problem);
    hf_request_send(self);
}

static void s_suspend(hf_request_t *self) {
    self->suspended = true;
    self->server->standing--;
    MHD_suspend_connection(self->connection);
}

//  Most wait a millisecond or two for the journal. Suspending costs libmicrohttpd three system calls: it takes
//  the connection out of its epoll set and puts it back, and reads what is not there. So a request stands
//  first: it has no answer yet, and is asked again in every turn.
void hf_request_wait(hf_request_t *self) {
    hf_server_t *server = self->server;
    self->phase = HF_REQUEST_WAITING;
    self->waits_since = server->now;
    server->moved -= self->turn == server->turn;
    self->turn = 0;
    if (++server->standing > HF_SERVER_STANDING) {
        s_suspend(self);
    }
}

enum MHD_Result hf_request_go_on_waiting(hf_request_t *self) {
    if (self->server->now - self->waits_since >= HF_SERVER_STANDING_MS) {
        s_suspend(self);
    }
    return MHD_YES;
}

void hf_request_reply_json(hf_request_t *request, int rc, hf_buf_t *json) {
    if (rc) {
        hf_buf_free(json);
        hf_request_refuse(request, &request->problem);
    } else {
        hf_request_reply(request, MHD_HTTP_OK, NULL, json);
    }
}
