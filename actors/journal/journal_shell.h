/*  The journal's process: sockets, the disk, and time around journal_core.  */

#ifndef HF_JOURNAL_SHELL_H
#define HF_JOURNAL_SHELL_H

#include "host/shell.h"

//  Runs until SIGTERM (0), or until it cannot go on (1, with the reason in the log).
int hf_journal_main(const hf_actor_args_t *args);

#endif
