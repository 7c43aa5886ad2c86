#include "ingress/lists_shell.h"
#include "host/clock.h"

#include <poll.h>

static int s_look(hf_request_t *request) {
    const hf_server_t *server = request->server;
    return hf_list_look(request->list, server->store, server->config, hf_clock_now_ms(), &request->problem);
}

//  Behind the others.
static void s_enter(hf_request_t *request) {
    hf_request_t **end = &request->server->lists;
    while (*end) {
        end = &(*end)->next;
    }
    hf_request_link(request, end);
    request->server->lists_size++;
}

static void s_leave(hf_request_t *request) {
    hf_request_unlink(request);
    request->server->lists_size--;
}

static void s_reply(hf_request_t *request, int rc) {
    hf_buf_t json = {0};
    if (rc >= 0) {
        hf_list_end(request->list, &json);
    }
    hf_list_destroy(&request->list);
    hf_request_reply_json(request, rc < 0 ? rc : 0, &json);
}

//  libmicrohttpd does not look at a connection whose request waits. A client that closed only its own side may still read.
static bool s_is_gone(const hf_request_t *request) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection,
                                                                   MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd peer = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
    return poll(&peer, 1, 0) > 0;
}

void hf_lists_begin(hf_request_t *request, const hf_filter_t *filter) {
    hf_server_t *server = request->server;
    request->list = hf_list_new(filter);
    int rc = s_look(request);
    if (rc || server->drain_at || server->lists_size == HF_SERVER_LISTS) {
        s_reply(request, rc);
        return;
    }
    request->wait_until = hf_clock_now_ms() + HF_SERVER_LIST_MS;
    s_enter(request);
    hf_request_wait(request);
}

void hf_lists_go_on(hf_server_t *server) {
    hf_request_t *request = server->lists;
    if (!request || hf_clock_now_ms() < server->list_at) {
        return;
    }
    s_leave(request);
    int rc = s_is_gone(request) ? 1 : s_look(request);
    int64_t now = hf_clock_now_ms();
    if (rc || now >= request->wait_until) {
        s_reply(request, rc);
    } else {
        s_enter(request);
    }
    server->list_at = server->in_journal ? now + HF_SERVER_LIST_REST_MS : now;
}

void hf_lists_end(hf_server_t *server) {
    while (server->lists) {
        hf_request_t *request = server->lists;
        s_leave(request);
        s_reply(request, 0);
    }
}

void hf_lists_forget(hf_request_t *request) {
    if (request->list) {
        s_leave(request);
        hf_list_destroy(&request->list);
    }
}
