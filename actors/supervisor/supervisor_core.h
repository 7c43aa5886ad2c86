/*  Decides which actors run: starts them all, waits for READY, restarts whatever dies or hangs, and ends
 *  them in draining order. Pure: events and the time come in, actions go out.
 *
 *                         READY
 *      STOPPED ─▶ STARTING ───▶ UP            start: everything at once, in the order below
 *                    │  ▲        │
 *             exit,  │  │ due    │ exit        a death: at once again, then after 100 ms, doubling
 *            silence │  │        │ or silence  up to 5 s while lives stay under 10 s; never gives up
 *                    ▼  │        ▼
 *          HUNG ─▶ BACKOFF ◀─── HUNG           silence: SIGKILL; over when the exit is seen
 *
 *      any ─▶ STOPPING ─▶ STOPPED              the turn of its stage: SIGTERM, at the limit SIGKILL
 *
 *  Start order: journal, failure, dispatch, call.0 …, events, ingress.
 *  Stop order, each stage when the one before has ended: ingress, dispatch, call.*, failure, events,
 *  journal. Until its turn comes an actor is still restarted, because those before it need it.  */

#ifndef HF_SUPERVISOR_CORE_H
#define HF_SUPERVISOR_CORE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HF_WATCHDOG_MS = 5000,       //  Silence after which an actor counts as hung
    HF_START_LIMIT_MS = 60000,   //  The same until it is READY: a large journal on a slow disk takes time
    HF_BACKOFF_FIRST_MS = 100,   //  The second restart waits this long …
    HF_BACKOFF_MAX_MS = 5000,    //  … and none longer than this
    HF_QUICK_DEATH_MS = 10000,   //  A life shorter than this makes the back-off grow; a longer one resets it
    HF_DEATHS_MAX = 10,          //  More deaths than this …
    HF_DEATHS_WINDOW_MS = 60000, //  … within this are said as an error, once in such a time
    HF_SUPERVISOR_CALLERS = 64,  //  Call processes at most
    HF_SUPERVISOR_STATUS = 4096, //  Bytes of a status that are kept
    HF_INGRESS_DRAIN_MS = 10000, //  How long the ingress may take to answer those who wait
    HF_DISPATCH_DRAIN_MS = 5000, //  The others, except callers
};

typedef struct hf_supervisor hf_supervisor_t;

typedef struct {
    int callers;           //  Call processes, 1 to HF_SUPERVISOR_CALLERS
    int64_t watchdog_ms;   //  Silence after which an actor counts as hung
    int64_t call_drain_ms; //  How long callers may take to end: the longest destination time-out, and a bit
} hf_supervisor_setup_t;

hf_supervisor_t *hf_supervisor_new(const hf_supervisor_setup_t *setup);
void hf_supervisor_destroy(hf_supervisor_t **self_p);

//  Children have numbers from 0 to size - 1, in start order. The name is "call.0" and so on for callers.
int hf_supervisor_size(const hf_supervisor_t *self);
const char *hf_supervisor_name(const hf_supervisor_t *self, int child);
int hf_supervisor_pid(const hf_supervisor_t *self, int child); //  0: there is no process

//  Where the ingress said that it listens, HOST:PORT; "" until then. Each later life listens there, too, also
//  where the first was told to take any port.
const char *hf_supervisor_http(const hf_supervisor_t *self);

typedef enum {
    HF_SUPERVISOR_START,        //  Begin: once
    HF_SUPERVISOR_SPAWNED,      //  The process asked for exists: child, number = pid
    HF_SUPERVISOR_SPAWN_FAILED, //  It could not be made: child, text = why
    HF_SUPERVISOR_NOTIFIED,     //  A datagram from a child: child, text (sd_notify(3): READY=1, WATCHDOG=1,
                                //  STATUS=…)
    HF_SUPERVISOR_EXITED,       //  Its process has ended by itself: child, number = exit code
    HF_SUPERVISOR_KILLED,       //  … or by a signal: child, number = signal, text = its name or NULL
    HF_SUPERVISOR_STOP,         //  SIGTERM or SIGINT arrived; the second one kills all at once
    HF_SUPERVISOR_TICK,         //  Time has passed
    HF_SUPERVISOR_EVENTS
} hf_supervisor_event_kind_t;

typedef struct {
    hf_supervisor_event_kind_t kind; //  What happened
    int child;                       //  To whom
    int number;                      //  See above
    const char *text;                //  See above; NUL-terminated
} hf_supervisor_event_t;

//  Takes one event in. Time must not be one that runs on while the machine sleeps. A caller that was away for
//  more than half of the watchdog's time (stopped, swapped out) blames nobody for the silence of that time:
//  what waits in the notify socket should be handed in before TICK.
void hf_supervisor_receive(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now_ms);

//  When it wants TICK at the latest; INT64_MAX once all is over.
int64_t hf_supervisor_next_deadline(const hf_supervisor_t *self);

typedef enum {
    HF_ACTION_SPAWN,  //  Start child; answer with SPAWNED or SPAWN_FAILED
    HF_ACTION_SIGNAL, //  Send number to child, if it has a process
    HF_ACTION_READY,  //  Said once: all are up, text = HOST:PORT of the ingress
    HF_ACTION_INFO,   //  For the log: text
    HF_ACTION_WARN,   //  The same
    HF_ACTION_ERROR,  //  The same
} hf_action_kind_t;

typedef struct {
    hf_action_kind_t kind; //  What to do
    int child;             //  To whom; -1: to nobody
    int number;            //  Signal
    char *text;            //  Owned by whoever took the action; free() it; may be NULL
} hf_action_t;

//  The next action, in order; false where there is none. All must be taken after each event.
bool hf_supervisor_take(hf_supervisor_t *self, hf_action_t *action);

//  All are up and no stop has begun: nothing but beats is to be expected.
bool hf_supervisor_is_steady(const hf_supervisor_t *self);

//  Whether the stop has begun; whether it is over; and what to exit with then: 0 where every actor ended well
//  and in time, else 1.
bool hf_supervisor_is_stopping(const hf_supervisor_t *self);
bool hf_supervisor_is_done(const hf_supervisor_t *self);
int hf_supervisor_status(const hf_supervisor_t *self);

//  Changes whenever a child's state does.
uint64_t hf_supervisor_generation(const hf_supervisor_t *self);

//  Appends what `ps` shows as two members of a JSON object, without its braces: "http" ("http://HOST:PORT" or
//  "") and "actors". Each has name, pid, state (starting up backoff stopping stopped), since_ms (when it came
//  into that state), uptime_ms, restarts, last_beat_ms_ago, last_exit and status. Numbers of what is not
//  there are null, texts "". A status that is members of a JSON object is the text of that object, "{…}".
//  wall_ms: what now_ms is in node time.
void hf_supervisor_describe(const hf_supervisor_t *self, int64_t now_ms, int64_t wall_ms, hf_buf_t *json);

#endif
