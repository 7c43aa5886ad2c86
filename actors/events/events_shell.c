#include "events/events_shell.h"
#include "events/events_core.h"
#include "host/log.h"
#include "host/process.h"

//  Who listens, by what an XPUB hears from its subscribers.
typedef struct {
    hf_events_t *core; //  To be told
    zsock_t *world;    //  The XPUB
    hf_shell_t *shell; //  Hears facts while somebody listens
    unsigned topics;   //  Topics that somebody wants
} listeners_t;

//  A subscription is a byte 1 and the topic, the end of the last one to a topic a byte 0 and the topic.
static int s_on_subscription(zloop_t *loop, zsock_t *world, void *context) {
    listeners_t *self = context;
    zmq_msg_t message;
    (void)loop;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, zsock_resolve(world), ZMQ_DONTWAIT) >= 0) {
        bool begins = zmq_msg_size(&message) > 0 && *(const char *)zmq_msg_data(&message) == 1;
        self->topics += begins ? 1 : self->topics > 0 ? -1u : 0;
    }
    zmq_msg_close(&message);
    hf_shell_hear_facts(self->shell, self->topics > 0);
    hf_events_set_heard(self->core, self->topics > 0);
    return 0;
}

int hf_events_main(const hf_actor_args_t *args) {
    hf_error_t error;
    hf_shell_t *shell = hf_shell_new(args, 0);
    hf_process_step_back();
    hf_core_setup_t setup;
    hf_shell_setup(shell, &setup);
    listeners_t listeners = {.core = hf_events_new(&setup), .shell = shell};
    hf_shell_set_core(shell, &hf_events_ops, listeners.core);
    listeners.world = hf_socket_new(args->state_dir, ZMQ_XPUB, true, "events", &error);
    if (listeners.world) {
        hf_shell_set_world_socket(shell, listeners.world);
        zloop_reader(hf_shell_loop(shell), listeners.world, s_on_subscription, &listeners);
    } else {
        hf_log_error("%s", error.text);
    }
    int status = listeners.world ? hf_shell_run(shell) : 1;
    hf_events_destroy(&listeners.core);
    hf_shell_destroy(&shell);
    return status;
}
