/*  What every actor's process does first, before any thread exists.  */

#ifndef HF_PROCESS_H
#define HF_PROCESS_H

//  Opens the log under this name and sets the process up:
//   * under our supervisor (HOLDFAST_SUPERVISOR_PID): the kernel kills it when that ends, and if that has
//   ended already it exits here;
//   * SIGPIPE is ignored, SIGTERM and SIGINT are blocked and come through the descriptor that is returned;
//   * no core dump and no ptrace, so that secrets stay inside, unless HOLDFAST_DEBUG=1;
//   * as many descriptors as the hard limit allows.
//  Returns a signalfd (non-blocking, O_CLOEXEC). What cannot fail on a working system ends the process with a
//  line in the log.
int hf_process_init(const char *name);

//  For who carries commands out: less of a busy processor than who answers clients and writes the journal (nice 10). Answering at
//  once comes first; what waits meanwhile is on disk.
void hf_process_step_back(void);

//  The next signal that has arrived there: SIGTERM or SIGINT, or 0 where there is none.
int hf_process_take_signal(int fd);

#endif
