/*  Ingress as a process.  */

#ifndef HF_INGRESS_SHELL_H
#define HF_INGRESS_SHELL_H

#include "host/shell.h"

//  Runs until SIGTERM, then answers what is under way; returns the process's exit status. 1 where it cannot
//  listen.
int hf_ingress_main(const hf_actor_args_t *args);

#endif
