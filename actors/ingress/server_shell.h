/*  The HTTP side of ingress: libmicrohttpd in external epoll mode, its one descriptor in the actor's loop.
 * (Its internal-thread mode stalls above 128 busy connections in 0.9.75.)
 *
 *  Happy path of a submission: the head is read and checked, the body gathered, the core proposes, the
 * connection is suspended; the journal's acknowledgement comes, the connection is resumed with its answer.
 *
 *  Failures: what is refused is answered at once where nothing of a body is to come, else when the body has
 * been read and dropped, so that the connection stays usable; a body that is announced over the limit is
 * refused before it is read, and the connection closed.
 *
 *  Bounds: connections, bytes for each connection's head, bytes of bodies in hand, time for a body, seconds
 * of a wait.  */

#ifndef HF_SERVER_SHELL_H
#define HF_SERVER_SHELL_H

#include "host/shell.h"
#include "ingress/ingress_core.h"

enum {
    HF_SERVER_CONNECTIONS = 8192,          //  At once; the next ones wait in the kernel's queue
    HF_SERVER_CONNECTION_BYTES = 10 << 10, //  Of a request's head, and of what goes out at once
    HF_SERVER_IDLE_S = 30,                 //  A connection on which nothing moves for so long is closed
    HF_SERVER_BODY_MS = 60000, //  A body that takes longer than this is dropped with its connection
    HF_SERVER_DISCARD_MAX =
        1 << 20, //  Bytes over the limit of a body of unknown length that are still read before its refusal
    HF_SERVER_LINGER_MS = 2000, //  How long a refused body is read after its refusal
    HF_SERVER_LINGERING = 64,   //  Connections for which that is done at once
    HF_SERVER_BACKLOG = 4096,   //  Connections that the kernel keeps waiting
    HF_SERVER_ROUNDS = 16,      //  Turns of libmicrohttpd before the loop looks at its other sockets
    HF_SERVER_STANDING = 1024, //  Requests that wait without being suspended: a tenth of a millisecond a turn
    HF_SERVER_STANDING_MS = 20,     //  And how long: a journal that is there answers sooner
    HF_SERVER_STANDING_LOOK_MS = 5, //  How often libmicrohttpd is run while some stand
    HF_SERVER_SPARES = 1024,        //  Requests kept to be used again, a kibibyte each
    HF_SERVER_REPLAY_MS = 2, //  Between two rounds in which replaying readers read, while submitters wait
    HF_SERVER_LISTS =
        16, //  Lists that take several looks, at once; another one is as short as its first look
    HF_SERVER_LIST_MS = 3000,    //  How long one may take
    HF_SERVER_LIST_REST_MS = 3,  //  Between two looks while submitters wait: as long as one takes
    HF_SERVER_FOLLOW_MS = 10000, //  How long facts are heard after the last who wanted one
    HF_SERVER_TICK_MS = 100,     //  How often waits are looked at
    HF_SERVER_DRAIN_MS = 8000,   //  How long a client may take for its answer while the node ends
};

typedef struct hf_server hf_server_t;

//  Listens at HOST:PORT (port 0: the system picks). The core and the shell live longer.
hf_server_t *hf_server_new(hf_shell_t *shell, hf_ingress_t *core, const char *address, hf_error_t *error);
void hf_server_destroy(hf_server_t **self_p);

//  Readable when hf_server_run has something to do. And where it listens: "127.0.0.1:4653", "[::1]:4653".
int hf_server_descriptor(const hf_server_t *self);
const char *hf_server_address(const hf_server_t *self);

//  A fact became durable.
void hf_server_on_fact(hf_server_t *self, const Hf__Fact *fact);

//  Answers what can be answered, then reads what has come in (only where there were answers, unless reading
//  is asked for); without waiting. Returns when it wants to be called again, and to read then: INT64_MIN at once,
//  INT64_MAX when its descriptor says so.
int64_t hf_server_run(hf_server_t *self, bool read);

//  What goes by time: waits, heartbeats, submissions that a dead journal keeps. Call every HF_SERVER_TICK_MS.
void hf_server_tick(hf_server_t *self, int64_t now);

//  No new connections, no new submissions; what is under way is answered. Then whether all of it is.
void hf_server_drain(hf_server_t *self);
bool hf_server_is_drained(const hf_server_t *self);

//  Members for `ps`.
void hf_server_describe(const hf_server_t *self, hf_buf_t *json);

#endif
