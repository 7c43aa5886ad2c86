#include "failure/failure_shell.h"
#include "failure/failure_core.h"
#include "host/process.h"

static void s_on_drain(void *context) {
    (void)context; //  What is undecided is found again by the next life
}

static bool s_is_drained(void *context) {
    return hf_failure_is_quiet(context);
}

int hf_failure_main(const hf_actor_args_t *args) {
    hf_shell_t *shell = hf_shell_new(args, HF_HEARS_FACTS | HF_HEARS_ACKS);
    hf_process_step_back();
    hf_core_setup_t setup;
    hf_shell_setup(shell, &setup);
    hf_failure_t *core = hf_failure_new(&setup);
    hf_shell_set_core(shell, &hf_failure_ops, core);
    hf_shell_set_drain(shell, s_on_drain, s_is_drained, core);
    int status = hf_shell_run(shell);
    hf_failure_destroy(&core);
    hf_shell_destroy(&shell);
    return status;
}
