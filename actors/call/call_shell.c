/*  Happy path: dispatch's orders come in through the order socket; each tick hands the core's requests to
 * libcurl and libcurl's results to the core; what libcurl waits for is one descriptor in the loop.
 *
 *  Failures: what a call can suffer is http_shell's; a core that must end ends the process, and dispatch has
 * what it had in flight recorded as uncertain.  */

#include "call/call_shell.h"
#include "call/call_core.h"
#include "call/http_shell.h"
#include "host/log.h"
#include "host/process.h"

#include <sys/resource.h>

enum {
    DESCRIPTORS_OTHER = 128, //  Descriptors that are no calls: ZeroMQ, LMDB, log
    DESCRIPTORS_A_CALL =
        2, //  A socket, and a second one while connecting: name resolution, or IPv4 beside IPv6
    CONNECTIONS_MIN = 16, //  Kept open at least
};

//  The actor: a core whose tick also drives libcurl.
typedef struct {
    hf_shell_t *shell; //  The loop
    hf_call_t *core;   //  What decides
    hf_http_t *http;   //  What calls
    size_t most;       //  Requests under way at most, as descriptors allow
} call_t;

//  ---- a core as the loop drives it

static void s_receive(void *context, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_call_ops.receive(((call_t *)context)->core, from, data, size, now);
}

static void s_start_all(call_t *self) {
    const hf_call_request_t *request;
    while (hf_http_under_way(self->http) < self->most && (request = hf_call_take(self->core))) {
        hf_http_start(self->http, request);
    }
}

static void s_finish_all(call_t *self, int64_t now) {
    uint64_t ticket;
    hf_call_result_t result;
    while (hf_http_next(self->http, &ticket, &result)) {
        hf_call_finish(self->core, ticket, &result, now);
    }
}

//  What has ended makes room for what waits; all that both propose goes out in one run.
static void s_tick(void *context, int64_t now) {
    call_t *self = context;
    hf_http_run(self->http);
    s_finish_all(self, now);
    s_start_all(self);
    hf_http_send(self->http);
    s_finish_all(self, now);
    hf_call_ops.tick(self->core, now);
}

static int64_t s_next_deadline(void *context) {
    return hf_call_ops.next_deadline(((call_t *)context)->core);
}

static hf_outbox_t *s_outbox(void *context) {
    return hf_call_ops.outbox(((call_t *)context)->core);
}

static const char *s_failure(void *context) {
    return hf_call_ops.failure(((call_t *)context)->core);
}

static void s_describe(void *context, hf_buf_t *json) {
    hf_call_ops.describe(((call_t *)context)->core, json);
}

static const hf_core_ops_t s_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};

//  ---- the process

static int s_on_http(zloop_t *loop, zmq_pollitem_t *item, void *context) {
    call_t *self = context;
    (void)loop;
    (void)item;
    return hf_shell_round(self->shell);
}

static void s_on_drain(void *context) {
    hf_call_stop(((call_t *)context)->core);
}

static bool s_is_drained(void *context) {
    return hf_call_is_quiet(((call_t *)context)->core);
}

static size_t s_calls_by_descriptors(void) {
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    size_t descriptors = limit.rlim_cur == RLIM_INFINITY ? SIZE_MAX : (size_t)limit.rlim_cur;
    size_t calls = descriptors > DESCRIPTORS_OTHER ? (descriptors - DESCRIPTORS_OTHER) / DESCRIPTORS_A_CALL
                                                   : 1;
    return calls < HF_CALL_REQUESTS_MAX ? calls : HF_CALL_REQUESTS_MAX;
}

//  As many as all destinations may be called with at once: fewer would be closed and opened all the time.
static size_t s_connections(const hf_config_t *config, size_t most) {
    size_t sum = CONNECTIONS_MIN;
    for (size_t i = 0; i < config->destinations_size && sum < most; i++) {
        sum += (size_t)config->destinations[i]->concurrency;
    }
    return sum < most ? sum : most;
}

static int s_open(call_t *self, const hf_actor_args_t *args, hf_error_t *error) {
    self->most = s_calls_by_descriptors();
    const hf_config_t *config = hf_shell_config(self->shell);
    hf_http_options_t options = {.destinations = config->destinations_size,
                                 .connections = s_connections(config, self->most)};
    zsock_t *orders = hf_socket_new(args->state_dir, ZMQ_PULL, true, args->name, error);
    if (!orders) {
        return hf_error_wrap(error, "take orders from dispatch");
    }
    hf_shell_set_attempts_socket(self->shell, orders, HF_FROM_DISPATCH);
    zsock_t *dispatch = hf_socket_new(args->state_dir, ZMQ_PUSH, false, "dispatch", error);
    if (!dispatch) {
        return hf_error_wrap(error, "tell dispatch what has ended");
    }
    hf_shell_set_dispatch_socket(self->shell, dispatch);
    self->http = hf_http_new(&options, error);
    if (!self->http) {
        return -1;
    }
    zmq_pollitem_t item = {.fd = hf_http_descriptor(self->http), .events = ZMQ_POLLIN};
    zloop_poller(hf_shell_loop(self->shell), &item, s_on_http, self);
    return 0;
}

int hf_call_main(const hf_actor_args_t *args) {
    hf_error_t error;
    hf_core_setup_t setup;
    call_t self = {.shell = hf_shell_new(args, HF_HEARS_ACKS)};
    hf_process_step_back();
    hf_shell_setup(self.shell, &setup);
    self.core = hf_call_new(&setup);
    hf_shell_set_core(self.shell, &s_ops, &self);
    hf_shell_set_drain(self.shell, s_on_drain, s_is_drained, &self);
    int status = 1;
    if (s_open(&self, args, &error)) {
        hf_log_error("%s", error.text);
    } else {
        status = hf_shell_run(self.shell);
    }
    hf_http_destroy(&self.http);
    hf_call_destroy(&self.core);
    hf_shell_destroy(&self.shell);
    return status;
}
