/*  The process around the failure core.  */

#ifndef HF_FAILURE_SHELL_H
#define HF_FAILURE_SHELL_H

#include "host/shell.h"

//  Runs until SIGTERM, or until the core must end; returns the process's exit status.
int hf_failure_main(const hf_actor_args_t *args);

#endif
