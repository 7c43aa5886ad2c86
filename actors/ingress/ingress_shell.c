/*  Happy path: the journal's publications come through the loop's socket into the core, requests through
 * libmicrohttpd's descriptor into the server; each round first answers what the core has answered, then reads
 * requests, then sends all that they propose as one run.  */

#include "ingress/ingress_shell.h"
#include "host/clock.h"
#include "host/log.h"
#include "ingress/ingress_core.h"
#include "ingress/server_shell.h"

//  The actor: a core whose tick also drives libmicrohttpd.
typedef struct {
    hf_shell_t *shell;   //  The loop
    hf_ingress_t *core;  //  What decides
    hf_server_t *server; //  What speaks HTTP
    int64_t run_at;      //  When it wants to read again though its descriptor says nothing
} ingress_t;

//  ---- a core as the loop drives it

static void s_receive(void *context, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_ingress_ops.receive(((ingress_t *)context)->core, from, data, size, now);
}

static void s_tick(void *context, int64_t now) {
    ingress_t *self = context;
    self->run_at = hf_server_run(self->server, now >= self->run_at);
    hf_ingress_ops.tick(self->core, now);
}

static int64_t s_next_deadline(void *context) {
    const ingress_t *self = context;
    int64_t deadline = hf_ingress_ops.next_deadline(self->core);
    return self->run_at < deadline ? self->run_at : deadline;
}

static hf_outbox_t *s_outbox(void *context) {
    return hf_ingress_ops.outbox(((ingress_t *)context)->core);
}

static const char *s_failure(void *context) {
    return hf_ingress_ops.failure(((ingress_t *)context)->core);
}

static void s_describe(void *context, hf_buf_t *json) {
    hf_ingress_ops.describe(((ingress_t *)context)->core, json);
}

static const hf_core_ops_t s_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};

//  ---- what wakes it

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    ingress_t *self = context;
    if (self->server) {
        hf_server_on_fact(self->server, fact);
    }
    return true;
}

static int s_on_http(zloop_t *loop, zmq_pollitem_t *item, void *context) {
    ingress_t *self = context;
    (void)loop;
    (void)item;
    self->run_at = INT64_MIN;
    return hf_shell_round(self->shell);
}

static int s_on_time(zloop_t *loop, int timer, void *context) {
    ingress_t *self = context;
    (void)loop;
    (void)timer;
    hf_server_tick(self->server, hf_clock_now_ms());
    self->run_at = INT64_MIN; //  libmicrohttpd's own time-outs
    return hf_shell_round(self->shell);
}

static void s_on_drain(void *context) {
    hf_server_drain(((ingress_t *)context)->server);
}

static bool s_is_drained(void *context) {
    return hf_server_is_drained(((ingress_t *)context)->server);
}

static void s_on_describe(void *context, hf_buf_t *json) {
    hf_server_describe(((ingress_t *)context)->server, json);
}

//  ---- the process

static int s_run(ingress_t *self) {
    zmq_pollitem_t http = {.fd = hf_server_descriptor(self->server), .events = ZMQ_POLLIN};
    zloop_t *loop = hf_shell_loop(self->shell);
    hf_shell_set_core(self->shell, &s_ops, self);
    hf_shell_set_drain(self->shell, s_on_drain, s_is_drained, self);
    hf_shell_set_describe(self->shell, s_on_describe, self);
    zloop_poller(loop, &http, s_on_http, self);
    zloop_timer(loop, HF_SERVER_TICK_MS, 0, s_on_time, self);
    hf_log_info("listens at http://%s", hf_server_address(self->server));
    return hf_shell_run(self->shell);
}

int hf_ingress_main(const hf_actor_args_t *args) {
    hf_error_t error;
    hf_core_setup_t setup;
    ingress_t self = {.shell = hf_shell_new(args, HF_HEARS_ACKS), .run_at = INT64_MAX};
    hf_shell_setup(self.shell, &setup);
    self.core = hf_ingress_new(&setup);
    hf_ingress_set_on_fact(self.core, s_on_fact, &self);
    const char *address = args->http ? args->http : hf_shell_config(self.shell)->http;
    self.server = hf_server_new(self.shell, self.core, address, &error);
    int status = 1;
    if (self.server) {
        status = s_run(&self);
    } else {
        hf_log_error("%s", error.text);
    }
    hf_server_destroy(&self.server);
    hf_ingress_destroy(&self.core);
    hf_shell_destroy(&self.shell);
    return status;
}
