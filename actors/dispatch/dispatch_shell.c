#include "dispatch/dispatch_shell.h"
#include "dispatch/dispatch_core.h"
#include "host/log.h"
#include "host/process.h"

#include <stdio.h>

static void s_on_drain(void *context) {
    hf_dispatch_stop(context);
}

static bool s_is_drained(void *context) {
    return hf_dispatch_is_quiet(context);
}

//  One PUSH for each caller, so that an order reaches the one that its Start names; one PULL for what they say.
static int s_connect_callers(hf_shell_t *shell, const hf_actor_args_t *args) {
    for (int number = 0; number < hf_shell_config(shell)->callers; number++) {
        char name[24];
        hf_error_t error;
        snprintf(name, sizeof name, "call.%d", number);
        zsock_t *push = hf_socket_new(args->state_dir, ZMQ_PUSH, false, name, &error);
        if (!push) {
            hf_log_error("%s", error.text);
            return -1;
        }
        hf_shell_set_caller_socket(shell, number, push);
    }
    hf_error_t error;
    zsock_t *pull = hf_socket_new(args->state_dir, ZMQ_PULL, true, "dispatch", &error);
    if (!pull) {
        hf_log_error("%s", error.text);
        return -1;
    }
    hf_shell_set_attempts_socket(shell, pull, HF_FROM_CALLER);
    return 0;
}

int hf_dispatch_main(const hf_actor_args_t *args) {
    hf_shell_t *shell = hf_shell_new(args, HF_HEARS_FACTS | HF_HEARS_ACKS);
    hf_process_step_back();
    hf_core_setup_t setup;
    hf_shell_setup(shell, &setup);
    hf_dispatch_t *core = hf_dispatch_new(&setup);
    hf_shell_set_core(shell, &hf_dispatch_ops, core);
    hf_shell_set_drain(shell, s_on_drain, s_is_drained, core);
    int status = s_connect_callers(shell, args) ? 1 : hf_shell_run(shell);
    hf_dispatch_destroy(&core);
    hf_shell_destroy(&shell);
    return status;
}
