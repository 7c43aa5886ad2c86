#include "events/events_shell.h"
#include "events/events_core.h"
#include "host/log.h"

int hf_events_main(const hf_actor_args_t *args) {
    hf_error_t error;
    hf_shell_t *shell = hf_shell_new(args, HF_HEARS_FACTS);
    hf_core_setup_t setup;
    hf_shell_setup(shell, &setup);
    hf_events_t *core = hf_events_new(&setup);
    hf_shell_set_core(shell, &hf_events_ops, core);
    zsock_t *world = hf_socket_new(args->state_dir, ZMQ_PUB, true, "events", &error);
    if (world) {
        hf_shell_set_world_socket(shell, world);
    } else {
        hf_log_error("%s", error.text);
    }
    int status = world ? hf_shell_run(shell) : 1;
    hf_events_destroy(&core);
    hf_shell_destroy(&shell);
    return status;
}
