/*  Runs a node in this process: its actors as child processes, until SIGTERM or SIGINT. supervisor_core.h
 *  has what is decided when, host/notify.h what actors say.
 *
 *  In STATE/run it keeps pipelines.zpl (what all actors read), clock, notify (the socket) and
 *  supervisor.json (for `ps`), where "starting" means that not all are up:
 *
 *      {"pid":1,"version":"0.1.0","started_at":"2026-07-25T09:30:00.000Z","written_ms":…,
 *       "state":"starting|up|stopping","http":"http://…","actors":[see hf_supervisor_describe]}
 *
 *  It is new once a second and at every change, and gone when the node has ended well. After a SIGKILL an
 *  old one stays: readers look at written_ms, or whether pid lives.
 *
 *  Environment: HOLDFAST_WATCHDOG_MS, the silence after which an actor counts as hung (5000). Under
 *  systemd (Type=notify) the same protocol is spoken upward.  */

#ifndef HF_SUPERVISOR_H
#define HF_SUPERVISOR_H

#include <stdint.h>

typedef struct {
    const char *state_dir;  //  Made where it is not there
    const char *http;       //  HOST:PORT where the node shall listen; NULL: the configuration's, unchecked
    const char *pipelines;  //  What goes into run/pipelines.zpl
    int callers;            //  Call processes
    int64_t drain_ms;       //  How long callers may take to end: the longest destination time-out + 2 s
    const char *executable; //  What actors are started from; NULL: this program (/proc/self/exe)
    const char *const
        *argv; //  What stands before the actor's name, NULL-terminated; NULL: {"holdfast", "actor", NULL}
} hf_supervisor_options_t;

//  Prints "holdfast: ready on http://HOST:PORT" on stdout once, logs to stderr, and returns the exit status:
//  0 where every actor ended well and in time, else 1. The process must have one thread; SIGTERM, SIGINT and
//  SIGHUP stay blocked afterwards.
int hf_supervisor_run(const hf_supervisor_options_t *options);

#endif
