/*  The process around the dispatch core.  */

#ifndef HF_DISPATCH_SHELL_H
#define HF_DISPATCH_SHELL_H

#include "host/shell.h"

//  Runs until SIGTERM, or until the core must end; returns the process's exit status.
int hf_dispatch_main(const hf_actor_args_t *args);

#endif
