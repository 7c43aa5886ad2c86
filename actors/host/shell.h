/*  The loop of every actor that follows the journal, written once: sockets, deadlines, readiness, heartbeats, draining.
 *
 *  Happy path: open the state folder's sockets; for each publication or order that arrives, core.receive; when none is left,
 *  core.tick; put the outbox on the sockets; sleep until a socket speaks or the core's deadline.
 *
 *  SIGTERM begins draining: on_drain is called, and the loop ends when is_drained says so. A core that reports a failure ends the
 *  process with status 1 and that line in the log: its supervisor starts a new life.  */

#ifndef HF_SHELL_H
#define HF_SHELL_H

#include "base/error.h"
#include "base/pipeline.h"
#include "link/core.h"
#include "store/store.h"

#include <czmq.h>

//  What every actor is started with.
typedef struct {
    const char *name;      //  Its name as a sender: "dispatch", "call.0"
    int number;            //  Of a caller; 0 for the others
    const char *state_dir; //  The state folder
    const char **paths;    //  Pipeline files; NULL-terminated; the supervisor gives the snapshot in run/
    const char *http;      //  Ingress: HOST:PORT instead of the configuration's, or NULL
} hf_actor_args_t;

//  The configuration that an actor was started with; what is wrong goes to the log, and NULL comes back. The caller destroys it.
hf_config_t *hf_shell_read_config(const hf_actor_args_t *args);

typedef struct hf_shell hf_shell_t;

//  Process set-up (signals, limits, log, clock), the configuration, the journal's file opened for reading (waits for the journal to
//  create it), and sockets. Ends the process with status 1 and a clear line where that cannot be had. subscriptions: bits below.
enum { HF_HEARS_FACTS = 1, HF_HEARS_ACKS = 2 }; //  Beats are always heard
hf_shell_t *hf_shell_new(const hf_actor_args_t *args, int hears);
void hf_shell_destroy(hf_shell_t **self_p);

const hf_config_t *hf_shell_config(const hf_shell_t *self);
hf_store_t *hf_shell_store(const hf_shell_t *self); //  For reading; owned by the shell
zloop_t *hf_shell_loop(const hf_shell_t *self);     //  For the actor's own descriptors and timers
const char *hf_shell_path(const hf_shell_t *self, const char *file, char *path, size_t size); //  STATE/file

//  Fills in what a core of this process is made from: name, configuration, a store handle, a new nonce and seed.
void hf_shell_setup(const hf_shell_t *self, hf_core_setup_t *setup);

//  The core that is driven; not owned.
void hf_shell_set_core(hf_shell_t *self, const hf_core_ops_t *ops, void *core);

//  Where envelopes for callers, dispatch or the world go, and where Attempts come from: HF_FROM_DISPATCH or HF_FROM_CALLER. Sockets
//  become the shell's.
void hf_shell_set_caller_socket(hf_shell_t *self, int number, zsock_t *push);
void hf_shell_set_dispatch_socket(hf_shell_t *self, zsock_t *push);
void hf_shell_set_world_socket(hf_shell_t *self, zsock_t *pub);
void hf_shell_set_attempts_socket(hf_shell_t *self, zsock_t *pull, hf_from_t from);

//  Draining: called once at SIGTERM; then asked after each round. NULL: ends at once.
typedef void(hf_on_drain_t)(void *context);
typedef bool(hf_is_drained_t)(void *context);
void hf_shell_set_drain(hf_shell_t *self, hf_on_drain_t *on_drain, hf_is_drained_t *is_drained,
                        void *context);

//  Hears facts from now on, or no longer.
void hf_shell_hear_facts(hf_shell_t *self, bool hears);

//  An actor whose own descriptors brought work calls this: tick and outbox are served at the end of the loop's round.
void hf_shell_wake(hf_shell_t *self);

//  The same at once, for a handler of the loop; what it returns is what the handler returns.
int hf_shell_round(hf_shell_t *self);

//  More members for `ps` beside the core's, or NULL.
typedef void(hf_on_describe_t)(void *context, hf_buf_t *json);
void hf_shell_set_describe(hf_shell_t *self, hf_on_describe_t *on_describe, void *context);

//  Says READY and runs until drained or failed; returns the process's exit status.
int hf_shell_run(hf_shell_t *self);

//  ipc endpoints in STATE/run: "journal" (PULL), "facts" (PUB), "call.N" and "dispatch" (PULL), "events" (PUB).
//  Sockets come with their bounds set: message size, linger, high-water marks.
zsock_t *hf_socket_new(const char *state_dir, int type, bool bind, const char *name, hf_error_t *error);

#endif
