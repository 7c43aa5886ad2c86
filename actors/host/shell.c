/*  Happy path and failures: see shell.h. One round is: whatever woke the loop has been handed to the core; core.tick; the outbox goes
 *  out; the timer is set to the core's deadline.  */

#include "host/shell.h"
#include "host/clock.h"
#include "host/journal_file.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/process.h"
#include "host/state_dir.h"
#include "link/wire.h"
#include "pipeline_file/pipeline_file.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUND_MESSAGES = 256,  //  Messages taken in before the core ticks
    STORE_WAIT_MS = 30000, //  How long an actor waits for a journal that was never created
    STORE_RETRY_MS = 20,   //  And how often it looks
    DRAIN_LOOK_MS = 50,    //  How often a draining actor looks whether it is done
};

struct hf_shell {
    const hf_actor_args_t *args;      //  What it was started with
    hf_config_t *config;              //  Pipelines and destinations
    hf_store_t *store;                //  The journal's file, for reading
    zloop_t *loop;                    //  What wakes it
    zsock_t *push;                    //  To the journal
    zsock_t *sub;                     //  From the journal
    zsock_t *attempts;                //  From dispatch or from callers, or NULL
    hf_from_t attempts_from;          //  Which
    zsock_t *dispatch;                //  To dispatch, or NULL
    zsock_t *world;                   //  To the world, or NULL
    zsock_t *callers[HF_CALLERS_MAX]; //  To callers, or NULL
    const hf_core_ops_t *ops;         //  How the core is driven
    void *core;                       //  It
    hf_on_drain_t *on_drain;          //  See shell.h
    hf_is_drained_t *is_drained;      //  The same
    void *drain_context;              //  Theirs
    hf_on_describe_t *on_describe;    //  More for `ps`
    void *describe_context;           //  Its
    int signals;                      //  signalfd
    int timer;                        //  zloop's number of the timer that is set, -1: none
    int64_t timer_at;                 //  What it is set to
    bool hears_facts;                 //  Subscribed to them
    bool draining;                    //  SIGTERM was heard
    uint64_t foreign_logged;          //  Unreadable messages that the log knows of
    hf_log_limit_t foreign_line;      //  Once a minute
    int status;                       //  What the process will exit with
};

//  ---- making it

//  Asked to end meanwhile, it does: there is nothing in hand yet.
static hf_store_t *s_wait_for_store(const hf_shell_t *self, const char *state_dir, hf_error_t *error) {
    char dir[4096];
    hf_store_options_t options = {.map = self->config->journal_limit};
    snprintf(dir, sizeof dir, "%s/journal", state_dir);
    int64_t until = hf_clock_now_ms() + STORE_WAIT_MS;
    for (;;) {
        int found = hf_journal_file_check(dir, NULL, error);
        if (found == 0) {
            hf_error_set(
                error,
                "there is none: no journal has begun here; start one, or name its folder with --state");
        }
        hf_store_t *store = found == 1 ? hf_store_open(dir, &options, error) : NULL;
        if (store || hf_clock_now_ms() >= until) {
            return store;
        }
        if (hf_process_take_signal(self->signals)) {
            hf_notify_stopping();
            exit(0);
        }
        hf_notify_beat("waiting for the journal");
        zclock_sleep(STORE_RETRY_MS);
    }
}

static int s_open(hf_shell_t *self, int hears, hf_error_t *error) {
    const char *dir = self->args->state_dir;
    if (hf_state_dir_create(dir, error) || hf_clock_open(dir, error)) {
        return -1;
    }
    self->store = s_wait_for_store(self, dir, error);
    if (!self->store) {
        return hf_error_wrap(error, "open the journal's file in %s", dir);
    }
    self->push = hf_socket_new(dir, ZMQ_PUSH, false, "journal", error);
    self->sub = self->push ? hf_socket_new(dir, ZMQ_SUB, false, "facts", error) : NULL;
    if (!self->sub) {
        return -1;
    }
    char topic[80];
    int size = snprintf(topic, sizeof topic, "A %s", self->args->name) + 1;
    zmq_setsockopt(zsock_resolve(self->sub), ZMQ_SUBSCRIBE, "B", 2);
    if (hears & HF_HEARS_FACTS) {
        hf_shell_hear_facts(self, true);
    }
    if (hears & HF_HEARS_ACKS) {
        zmq_setsockopt(zsock_resolve(self->sub), ZMQ_SUBSCRIBE, topic, (size_t)size);
    }
    return 0;
}

hf_config_t *hf_shell_read_config(const hf_actor_args_t *args) {
    size_t paths = 0;
    hf_messages_t messages = {0};
    while (args->paths && args->paths[paths]) {
        paths++;
    }
    hf_config_t *config = hf_pipeline_file_read(args->paths, paths, &messages);
    for (size_t i = 0; i < messages.size; i++) {
        hf_log_error("%s", messages.texts[i]);
    }
    hf_messages_free(&messages);
    return config;
}

hf_shell_t *hf_shell_new(const hf_actor_args_t *args, int hears) {
    hf_error_t error;
    hf_shell_t *self = hf_alloc(sizeof *self);
    self->args = args;
    self->timer = -1;
    self->signals = hf_process_init(args->name);
    zsys_handler_set(NULL);
    zsys_set_pipehwm(0);
    self->config = hf_shell_read_config(args);
    if (!self->config) {
        exit(1);
    }
    if (sodium_init() < 0 || s_open(self, hears, &error)) {
        hf_log_error("%s", error.text);
        exit(1);
    }
    self->loop = zloop_new();
    assert(self->loop);
    return self;
}

void hf_shell_destroy(hf_shell_t **self_p) {
    assert(self_p);
    hf_shell_t *self = *self_p;
    if (self) {
        zloop_destroy(&self->loop);
        zsock_destroy(&self->push);
        zsock_destroy(&self->sub);
        zsock_destroy(&self->attempts);
        zsock_destroy(&self->dispatch);
        zsock_destroy(&self->world);
        for (int i = 0; i < HF_CALLERS_MAX; i++) {
            zsock_destroy(&self->callers[i]);
        }
        hf_store_close(&self->store);
        hf_config_destroy(&self->config);
        free(self);
        *self_p = NULL;
    }
}

void hf_shell_hear_facts(hf_shell_t *self, bool hears) {
    if (hears != self->hears_facts) {
        self->hears_facts = hears;
        zmq_setsockopt(zsock_resolve(self->sub), hears ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, "F", 2);
    }
}

const hf_config_t *hf_shell_config(const hf_shell_t *self) {
    return self->config;
}

hf_store_t *hf_shell_store(const hf_shell_t *self) {
    return self->store;
}

zloop_t *hf_shell_loop(const hf_shell_t *self) {
    return self->loop;
}

const char *hf_shell_path(const hf_shell_t *self, const char *file, char *path, size_t size) {
    snprintf(path, size, "%s/%s", self->args->state_dir, file);
    return path;
}

void hf_shell_setup(const hf_shell_t *self, hf_core_setup_t *setup) {
    *setup = (hf_core_setup_t){.name = self->args->name, .config = self->config, .store = self->store};
    randombytes_buf(setup->nonce, sizeof setup->nonce);
    randombytes_buf(&setup->seed, sizeof setup->seed);
}

void hf_shell_set_core(hf_shell_t *self, const hf_core_ops_t *ops, void *core) {
    self->ops = ops;
    self->core = core;
}

void hf_shell_set_caller_socket(hf_shell_t *self, int number, zsock_t *push) {
    assert(number >= 0 && number < HF_CALLERS_MAX);
    self->callers[number] = push;
}

void hf_shell_set_world_socket(hf_shell_t *self, zsock_t *pub) {
    self->world = pub;
}

void hf_shell_set_dispatch_socket(hf_shell_t *self, zsock_t *push) {
    self->dispatch = push;
}

void hf_shell_set_attempts_socket(hf_shell_t *self, zsock_t *pull, hf_from_t from) {
    self->attempts = pull;
    self->attempts_from = from;
}

void hf_shell_set_drain(hf_shell_t *self, hf_on_drain_t *on_drain, hf_is_drained_t *is_drained,
                        void *context) {
    self->on_drain = on_drain;
    self->is_drained = is_drained;
    self->drain_context = context;
}

void hf_shell_set_describe(hf_shell_t *self, hf_on_describe_t *on_describe, void *context) {
    self->on_describe = on_describe;
    self->describe_context = context;
}

//  ---- sending

static zsock_t *s_socket_for(const hf_shell_t *self, const hf_envelope_t *envelope) {
    switch (envelope->to) {
    case HF_TO_JOURNAL:
        return self->push;
    case HF_TO_CALLER:
        return self->callers[envelope->number];
    case HF_TO_DISPATCH:
        return self->dispatch;
    default:
        return self->world;
    }
}

static void s_free_data(void *data, void *hint) {
    (void)hint;
    free(data);
}

//  A message that cannot be sent now is dropped: the link, or the next life of a caller, makes that good.
static void s_send_outbox(hf_shell_t *self) {
    hf_envelope_t envelope;
    while (hf_outbox_take(self->ops->outbox(self->core), &envelope)) {
        zsock_t *socket = s_socket_for(self, &envelope);
        zmq_msg_t message;
        int rc = zmq_msg_init_data(&message, envelope.data, envelope.size, s_free_data, NULL);
        assert(rc == 0);
        if (!socket || zmq_msg_send(&message, zsock_resolve(socket), ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
        }
    }
}

//  ---- rounds

static int s_on_timer(zloop_t *loop, int timer, void *context);

static void s_set_timer(hf_shell_t *self, int64_t at) {
    if (self->timer >= 0 && self->timer_at == at) {
        return;
    }
    if (self->timer >= 0) {
        zloop_timer_end(self->loop, self->timer);
        self->timer = -1;
    }
    if (at < INT64_MAX) {
        int64_t now = hf_clock_now_ms();
        int64_t wait = at <= now ? 0 : at - now > 60000 ? 60000 : at - now;
        self->timer = zloop_timer(self->loop, (size_t)wait, 1, s_on_timer, self);
        self->timer_at = at;
    }
}

//  -1 ends the loop.
static int s_round(hf_shell_t *self) {
    self->ops->tick(self->core, hf_clock_now_ms());
    s_send_outbox(self);
    const char *failure = self->ops->failure(self->core);
    if (failure) {
        hf_log_error("%s; this process ends, and a new one takes its place", failure);
        self->status = 1;
        return -1;
    }
    if (self->draining && (!self->is_drained || self->is_drained(self->drain_context))) {
        return -1;
    }
    s_set_timer(self, self->ops->next_deadline(self->core));
    return 0;
}

static int s_on_timer(zloop_t *loop, int timer, void *context) {
    hf_shell_t *self = context;
    (void)loop;
    if (timer == self->timer) {
        self->timer = -1;
    }
    return s_round(self);
}

void hf_shell_wake(hf_shell_t *self) {
    s_set_timer(self, INT64_MIN);
}

int hf_shell_round(hf_shell_t *self) {
    return s_round(self);
}

//  Takes in what the socket has, up to the bound. Only single frames are ours; others are dropped whole.
static void s_receive_all(hf_shell_t *self, zsock_t *socket, hf_from_t from) {
    void *handle = zsock_resolve(socket);
    for (int i = 0; i < ROUND_MESSAGES; i++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return;
        }
        bool more = zmq_msg_more(&message);
        size_t size = more ? 0 : zmq_msg_size(&message);
        self->ops->receive(self->core, from, zmq_msg_data(&message), size, hf_clock_now_ms());
        while (more && zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) >= 0) {
            more = zmq_msg_more(&message);
        }
        zmq_msg_close(&message);
    }
}

static int s_on_publication(zloop_t *loop, zsock_t *socket, void *context) {
    (void)loop;
    s_receive_all(context, socket, HF_FROM_JOURNAL);
    return s_round(context);
}

static int s_on_attempts(zloop_t *loop, zsock_t *socket, void *context) {
    hf_shell_t *self = context;
    (void)loop;
    s_receive_all(self, socket, self->attempts_from);
    return s_round(self);
}

//  Every core tells how many messages it could not read (link/core.h).
static void s_log_foreign(hf_shell_t *self, const char *json) {
    static const char member[] = "\"foreign\":";
    const char *at = strstr(json, member);
    uint64_t foreign = at ? strtoull(at + sizeof member - 1, NULL, 10) : 0;
    if (foreign != self->foreign_logged) {
        hf_log_limited(&self->foreign_line,
                       "%" PRIu64 " messages came that cannot be read; they were dropped", foreign);
        self->foreign_logged = foreign;
    }
}

static void s_beat(hf_shell_t *self) {
    hf_buf_t json = {0};
    self->ops->describe(self->core, &json);
    s_log_foreign(self, (const char *)json.data);
    if (self->on_describe) {
        hf_buf_addf(&json, ",");
        self->on_describe(self->describe_context, &json);
    }
    hf_notify_beat((const char *)json.data);
    hf_buf_free(&json);
}

static int s_on_beat(zloop_t *loop, int timer, void *context) {
    (void)loop;
    (void)timer;
    s_beat(context);
    return 0;
}

static int s_on_drain_look(zloop_t *loop, int timer, void *context) {
    (void)loop;
    (void)timer;
    return s_round(context);
}

static int s_on_signal(zloop_t *loop, zmq_pollitem_t *item, void *context) {
    hf_shell_t *self = context;
    (void)item;
    if (!hf_process_take_signal(self->signals) || self->draining) {
        return 0;
    }
    self->draining = true;
    hf_notify_stopping();
    if (self->on_drain) {
        self->on_drain(self->drain_context);
    }
    zloop_timer(loop, DRAIN_LOOK_MS, 0, s_on_drain_look, self);
    return s_round(self);
}

int hf_shell_run(hf_shell_t *self) {
    zmq_pollitem_t signals = {.fd = self->signals, .events = ZMQ_POLLIN};
    zloop_reader(self->loop, self->sub, s_on_publication, self);
    if (self->attempts) {
        zloop_reader(self->loop, self->attempts, s_on_attempts, self);
    }
    zloop_poller(self->loop, &signals, s_on_signal, self);
    zloop_timer(self->loop, (size_t)hf_notify_period_ms(), 0, s_on_beat, self);
    s_beat(self);
    hf_notify_ready();
    if (s_round(self) == 0) {
        zloop_start(self->loop);
    }
    return self->status;
}
