/*  The process around the events core.  */

#ifndef HF_EVENTS_SHELL_H
#define HF_EVENTS_SHELL_H

#include "host/shell.h"

//  Runs until SIGTERM, or until the core must end; returns the process's exit status.
int hf_events_main(const hf_actor_args_t *args);

#endif
