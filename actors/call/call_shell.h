/*  The process around the call core: libcurl in the actor's loop.  */

#ifndef HF_CALL_SHELL_H
#define HF_CALL_SHELL_H

#include "host/shell.h"

//  Runs until SIGTERM (then what is in flight ends first), or until the core must end; returns the process's
//  exit status.
int hf_call_main(const hf_actor_args_t *args);

#endif
