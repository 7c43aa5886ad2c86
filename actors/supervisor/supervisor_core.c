/*  Happy path: START asks for a process for each child; READY brings each up; when the last is up and
 *  the ingress has said where it listens, READY goes out; STOP walks through the stages. Failures:
 *  s_died (restart), s_hang (silence), s_kill (a stage's limit).
 *
 *  The table s_handlers says which function serves which event in which state; s_become is the only one
 *  that changes a state.  */

#include "supervisor/supervisor_core.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { STOPPED, STARTING, UP, HUNG, BACKOFF, STOPPING, STATES } state_t;

//  What happens to one child.
typedef enum { ON_READY, ON_BEAT, ON_EXIT, ON_DUE, ON_STOP, ON_KILL, ON_EVENTS } on_t;

enum {
    STAGES = 6,            //  Of the stop
    NAME_SIZE = 24,        //  "dispatch", "call.63"
    TEXT_SIZE = 192,       //  Bytes for why something ended
    SAID_MAX = 300,        //  Bytes of a status that go into a log line
    ADDRESS_SIZE = 128,    //  Bytes for HOST:PORT
    ACTIONS_PER_CHILD = 6, //  One event brings at most so many
    LOOK_MAX_MS = 500,     //  How seldom the supervisor may look: silence must be noticed
};

typedef struct {
    char name[NAME_SIZE];                   //  Who
    const char *hint;                       //  What to look at when it keeps dying
    int stage;                              //  When it ends, 0 first
    int64_t drain_ms;                       //  How long it may take for that
    state_t state;                          //  Where it stands; s_become alone changes it
    int64_t since_ms;                       //  Since when
    int64_t due_ms;                         //  When ON_DUE comes; INT64_MAX: never
    int pid;                                //  0: no process
    int64_t started_ms;                     //  When this life began
    int64_t beat_ms;                        //  When it last gave a sign of life
    int quick_deaths;                       //  Short lives in a row
    uint64_t lives;                         //  Processes asked for so far
    uint64_t deaths;                        //  Deaths that nobody asked for
    int64_t death_times[HF_DEATHS_MAX + 1]; //  The newest of them, at deaths % size
    int64_t loud_ms;                        //  Too many deaths are not said again before that
    bool ended_well;                        //  Whether the newest end was exit 0 or SIGTERM
    char killed_for[TEXT_SIZE];             //  Why we killed it, or ""
    char last_exit[TEXT_SIZE + 96];         //  How the newest life ended, or ""
    char *status;                           //  What it last said of itself, or NULL
} child_t;

struct hf_supervisor {
    hf_supervisor_setup_t setup; //  What it was made from
    child_t *children;           //  In start order
    int size;                    //  How many
    bool stopping;               //  STOP has come
    int stage;                   //  Which stage of it; -1: none yet
    int status;                  //  What to exit with
    bool ready_said;             //  READY has gone out
    char http[ADDRESS_SIZE];     //  Where the ingress listens, or ""
    int64_t seen_ms;             //  When the newest event came; INT64_MIN: none yet
    uint64_t generation;         //  Counts changes of state
    hf_action_t *actions;        //  The outbox
    int actions_head;            //  The next to be taken
    int actions_size;            //  Behind the last
    int actions_capacity;        //  Places
};

//  ---- making it

//  In start order. Journal first, for all follow it; ingress last, so that it answers when the others stand.
static const struct {
    const char *name; //  Who
    int stage;        //  When it ends
    const char *hint; //  What to look at when it keeps dying
} s_roles[] = {
    {"journal", 5, "is the disk full or failing (df, dmesg)? try: holdfast journal verify"},
    {"failure", 3, "see its own lines above"},
    {"dispatch", 1, "see its own lines above; try: holdfast journal verify"},
    {"call", 2,
     "see its own lines above; is there memory and are there descriptors enough (dmesg, ulimit -n)?"},
    {"events", 4, "see its own lines above"},
    {"ingress", 0, "see its own lines above; is its address free and ours (ss -ltnp)?"},
};

static int64_t s_drain_ms(const hf_supervisor_setup_t *setup, const char *role) {
    return strcmp(role, "ingress") == 0 ? HF_INGRESS_DRAIN_MS
           : strcmp(role, "call") == 0  ? setup->call_drain_ms
                                        : HF_DISPATCH_DRAIN_MS;
}

static void s_add_role(hf_supervisor_t *self, size_t role) {
    bool many = strcmp(s_roles[role].name, "call") == 0;
    for (int number = 0; number < (many ? self->setup.callers : 1); number++) {
        child_t *child = &self->children[self->size++];
        snprintf(child->name, sizeof child->name, many ? "%s.%d" : "%s", s_roles[role].name, number);
        child->stage = s_roles[role].stage;
        child->hint = s_roles[role].hint;
        child->drain_ms = s_drain_ms(&self->setup, s_roles[role].name);
        child->due_ms = INT64_MAX;
        child->loud_ms = INT64_MIN;
    }
}

hf_supervisor_t *hf_supervisor_new(const hf_supervisor_setup_t *setup) {
    assert(setup->callers >= 1 && setup->callers <= HF_SUPERVISOR_CALLERS);
    assert(setup->watchdog_ms > 0 && setup->call_drain_ms >= 0);
    const size_t roles = sizeof s_roles / sizeof *s_roles;
    hf_supervisor_t *self = hf_alloc(sizeof *self);
    self->setup = *setup;
    self->stage = -1;
    self->seen_ms = INT64_MIN;
    self->children = hf_alloc((roles + (size_t)setup->callers) * sizeof *self->children);
    for (size_t role = 0; role < roles; role++) {
        s_add_role(self, role);
    }
    self->actions_capacity = (self->size + 1) * ACTIONS_PER_CHILD;
    self->actions = hf_alloc((size_t)self->actions_capacity * sizeof *self->actions);
    return self;
}

void hf_supervisor_destroy(hf_supervisor_t **self_p) {
    assert(self_p);
    hf_supervisor_t *self = *self_p;
    if (self) {
        hf_action_t action;
        while (hf_supervisor_take(self, &action)) {
            free(action.text);
        }
        for (int i = 0; i < self->size; i++) {
            free(self->children[i].status);
        }
        free(self->children);
        free(self->actions);
        free(self);
        *self_p = NULL;
    }
}

//  ---- outbox

static void s_put(hf_supervisor_t *self, hf_action_t action) {
    if (self->actions_head == self->actions_size) {
        self->actions_head = self->actions_size = 0;
    }
    assert(self->actions_size < self->actions_capacity && "actions must be taken after each event");
    self->actions[self->actions_size++] = action;
}

bool hf_supervisor_take(hf_supervisor_t *self, hf_action_t *action) {
    if (self->actions_head == self->actions_size) {
        return false;
    }
    *action = self->actions[self->actions_head++];
    return true;
}

static int s_number(const hf_supervisor_t *self, const child_t *child) {
    return (int)(child - self->children);
}

static void s_signal(hf_supervisor_t *self, const child_t *child, int number) {
    s_put(self, (hf_action_t){HF_ACTION_SIGNAL, s_number(self, child), number, NULL});
}

static void s_say(hf_supervisor_t *self, hf_action_kind_t kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void s_say(hf_supervisor_t *self, hf_action_kind_t kind, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s_put(self, (hf_action_t){kind, -1, 0, hf_strdup(text)});
}

//  ---- one child

static void s_become(hf_supervisor_t *self, child_t *child, state_t state, int64_t now, int64_t due) {
    self->generation++;
    child->state = state;
    child->since_ms = now;
    child->due_ms = due;
}

//  What is left of a limit, without leaving int64_t.
static int64_t s_after(int64_t now, int64_t wait) {
    return wait < INT64_MAX - now ? now + wait : INT64_MAX;
}

static void s_start(hf_supervisor_t *self, child_t *child, int64_t now) {
    int64_t limit = self->setup.watchdog_ms > HF_START_LIMIT_MS ? self->setup.watchdog_ms : HF_START_LIMIT_MS;
    child->started_ms = child->beat_ms = now;
    child->killed_for[0] = 0;
    child->lives++;
    free(child->status);
    child->status = NULL;
    s_become(self, child, STARTING, now, s_after(now, limit));
    s_put(self, (hf_action_t){HF_ACTION_SPAWN, s_number(self, child), 0, NULL});
}

static void s_up(hf_supervisor_t *self, child_t *child, int64_t now) {
    if (child->lives > 1) {
        s_say(self, HF_ACTION_INFO, "%s is up again, pid %d", child->name, child->pid);
    }
    child->beat_ms = now;
    s_become(self, child, UP, now, s_after(now, self->setup.watchdog_ms));
}

static void s_beat(hf_supervisor_t *self, child_t *child, int64_t now) {
    int64_t limit = self->setup.watchdog_ms;
    if (child->state == STARTING && limit < HF_START_LIMIT_MS) {
        limit = HF_START_LIMIT_MS;
    }
    child->beat_ms = now;
    child->due_ms = s_after(now, limit);
}

//  Beats while it drains are for `ps`; the stage's limit stands.
static void s_drain_beat(hf_supervisor_t *self, child_t *child, int64_t now) {
    (void)self;
    child->beat_ms = now;
}

static void s_hang(hf_supervisor_t *self, child_t *child, int64_t now) {
    bool starting = child->state == STARTING;
    snprintf(child->killed_for, sizeof child->killed_for, "%s: no sign of life for %lld ms",
             starting ? "never ready" : "hung", (long long)(now - child->beat_ms));
    s_say(self, HF_ACTION_ERROR, "%s (pid %d) is %s; it is killed and started again", child->name, child->pid,
          child->killed_for);
    s_become(self, child, HUNG, now, INT64_MAX);
    s_signal(self, child, SIGKILL);
}

//  Immediately the first time, then 100 ms doubling to 5 s while lives are short.
static int64_t s_backoff_ms(child_t *child, int64_t now) {
    if (now - child->started_ms >= HF_QUICK_DEATH_MS) {
        child->quick_deaths = 0;
    }
    int64_t delay = child->quick_deaths ? HF_BACKOFF_FIRST_MS : 0;
    for (int i = 1; i < child->quick_deaths && delay < HF_BACKOFF_MAX_MS; i++) {
        delay *= 2;
    }
    child->quick_deaths++;
    return delay < HF_BACKOFF_MAX_MS ? delay : HF_BACKOFF_MAX_MS;
}

//  The eleventh death within a minute, and then once a minute.
static void s_count_death(hf_supervisor_t *self, child_t *child, int64_t now) {
    const uint64_t places = HF_DEATHS_MAX + 1;
    child->death_times[child->deaths++ % places] = now;
    bool many = child->deaths >= places &&
                now - child->death_times[child->deaths % places] <= HF_DEATHS_WINDOW_MS;
    if (many && now >= child->loud_ms) {
        s_say(self, HF_ACTION_ERROR, "%s keeps dying, more than %d times within a minute: %s", child->name,
              HF_DEATHS_MAX, child->hint);
        child->loud_ms = s_after(now, HF_DEATHS_WINDOW_MS);
    }
}

static void s_died(hf_supervisor_t *self, child_t *child, int64_t now) {
    int64_t lived = now - child->started_ms, delay = s_backoff_ms(child, now);
    s_say(self, HF_ACTION_ERROR,
          "%s ended unasked: %s, after %lld.%03lld s; it starts again in %lld ms%s%.*s", child->name,
          child->last_exit, (long long)(lived / 1000), (long long)(lived % 1000), (long long)delay,
          child->status ? "; it last said: " : "", SAID_MAX, child->status ? child->status : "");
    s_count_death(self, child, now);
    if (delay > 0) {
        s_become(self, child, BACKOFF, now, now + delay);
    } else {
        s_start(self, child, now);
    }
}

static void s_end(hf_supervisor_t *self, child_t *child, int64_t now) {
    s_become(self, child, STOPPING, now, s_after(now, child->drain_ms));
    s_signal(self, child, SIGTERM);
}

//  It had SIGKILL already; only its exit is waited for.
static void s_await(hf_supervisor_t *self, child_t *child, int64_t now) {
    self->status = 1;
    s_become(self, child, STOPPING, now, INT64_MAX);
}

static void s_ended(hf_supervisor_t *self, child_t *child, int64_t now) {
    if (!child->ended_well) {
        self->status = 1;
    }
    if (!child->ended_well && !*child->killed_for) {
        s_say(self, HF_ACTION_WARN, "%s did not end well: %s%s%.*s", child->name, child->last_exit,
              child->status ? "; it last said: " : "", SAID_MAX, child->status ? child->status : "");
    }
    s_become(self, child, STOPPED, now, INT64_MAX);
}

static void s_rest(hf_supervisor_t *self, child_t *child, int64_t now) {
    s_become(self, child, STOPPED, now, INT64_MAX);
}

static void s_kill_late(hf_supervisor_t *self, child_t *child, int64_t now) {
    (void)now;
    snprintf(child->killed_for, sizeof child->killed_for, "did not end within %lld ms",
             (long long)child->drain_ms);
    s_say(self, HF_ACTION_ERROR, "%s (pid %d) %s and is killed", child->name, child->pid, child->killed_for);
    self->status = 1;
    child->due_ms = INT64_MAX;
    s_signal(self, child, SIGKILL);
}

static void s_kill_now(hf_supervisor_t *self, child_t *child, int64_t now) {
    snprintf(child->killed_for, sizeof child->killed_for, "killed by the second signal to stop");
    s_become(self, child, STOPPING, now, INT64_MAX);
    s_signal(self, child, SIGKILL);
}

typedef void(handler_t)(hf_supervisor_t *self, child_t *child, int64_t now);

//  Empty places: it means nothing in that state (a beat that was under way when its sender was killed, for
//  example).
static handler_t *const s_handlers[STATES][ON_EVENTS] = {
    [STARTING] = {[ON_READY] = s_up,
                  [ON_BEAT] = s_beat,
                  [ON_EXIT] = s_died,
                  [ON_DUE] = s_hang,
                  [ON_STOP] = s_end,
                  [ON_KILL] = s_kill_now},
    [UP] = {[ON_READY] = s_beat,
            [ON_BEAT] = s_beat,
            [ON_EXIT] = s_died,
            [ON_DUE] = s_hang,
            [ON_STOP] = s_end,
            [ON_KILL] = s_kill_now},
    [HUNG] = {[ON_EXIT] = s_died, [ON_STOP] = s_await, [ON_KILL] = s_await},
    [BACKOFF] = {[ON_DUE] = s_start, [ON_STOP] = s_rest, [ON_KILL] = s_rest},
    [STOPPING] =
        {[ON_BEAT] = s_drain_beat, [ON_EXIT] = s_ended, [ON_DUE] = s_kill_late, [ON_KILL] = s_kill_now},
};

static void s_handle(hf_supervisor_t *self, child_t *child, on_t on, int64_t now) {
    handler_t *handler = s_handlers[child->state][on];
    if (handler) {
        handler(self, child, now);
    }
}

//  ---- events

static void s_on_start(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    (void)event;
    for (int i = 0; i < self->size; i++) {
        assert(self->children[i].lives == 0 && "START comes once");
        s_start(self, &self->children[i], now);
    }
}

static void s_on_spawned(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    (void)now;
    self->children[event->child].pid = event->number;
    self->generation++;
}

static void s_on_spawn_failed(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    child_t *child = &self->children[event->child];
    child->ended_well = false;
    snprintf(child->last_exit, sizeof child->last_exit, "could not be started: %s", event->text);
    s_handle(self, child, ON_EXIT, now);
}

//  Where the ingress listens: http=HOST:PORT in its status, or "http":"HOST:PORT", with or without http://
//  before it.
static void s_take_address(hf_supervisor_t *self, const char *status) {
    const char *at = strstr(status, "\"http\":");
    at = at ? at + strlen("\"http\":") : strstr(status, "http=");
    if (!at) {
        return;
    }
    at += strspn(at, " \"");
    at += strncmp(at, "http=", 5) == 0 ? 5 : 0;
    at += strncmp(at, "http://", 7) == 0 ? 7 : 0;
    size_t size = strcspn(at, " ,;\"/}\n");
    if (size > 0 && size < sizeof self->http &&
        (strlen(self->http) != size || memcmp(self->http, at, size) != 0)) {
        memcpy(self->http, at, size);
        self->http[size] = 0;
        self->generation++;
    }
}

static void s_take_status(hf_supervisor_t *self, child_t *child, const char *text, size_t size) {
    free(child->status);
    child->status = hf_memdup(text, size < HF_SUPERVISOR_STATUS ? size : HF_SUPERVISOR_STATUS);
    if (strcmp(child->name, "ingress") == 0) {
        s_take_address(self, child->status);
    }
}

//  Lines of NAME=VALUE; unknown ones are for others.
static void s_on_notified(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    child_t *child = &self->children[event->child];
    bool ready = false, beat = false;
    for (const char *line = event->text; *line;) {
        size_t size = strcspn(line, "\n");
        if (size == 7 && memcmp(line, "READY=1", size) == 0) {
            ready = true;
        } else if (size == 10 && memcmp(line, "WATCHDOG=1", size) == 0) {
            beat = true;
        } else if (size >= 7 && memcmp(line, "STATUS=", 7) == 0) {
            s_take_status(self, child, line + 7, size - 7);
        }
        line += size + (line[size] == '\n');
    }
    if (ready || beat) {
        s_handle(self, child, ready ? ON_READY : ON_BEAT, now);
    }
}

static void s_on_end(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    child_t *child = &self->children[event->child];
    char how[64];
    if (event->kind == HF_SUPERVISOR_EXITED) {
        snprintf(how, sizeof how, "exit %d", event->number);
    } else if (event->text) {
        snprintf(how, sizeof how, "%s", event->text);
    } else {
        snprintf(how, sizeof how, "signal %d", event->number);
    }
    snprintf(child->last_exit, sizeof child->last_exit, "%s%s%s%s", how, *child->killed_for ? " (" : "",
             child->killed_for, *child->killed_for ? ")" : "");
    child->ended_well = event->number == (event->kind == HF_SUPERVISOR_EXITED ? 0 : SIGTERM);
    child->pid = 0;
    s_handle(self, child, ON_EXIT, now);
}

static void s_on_stop(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    (void)event;
    if (!self->stopping) {
        self->stopping = true;
        return; //  s_advance takes it from here
    }
    self->status = 1;
    s_say(self, HF_ACTION_WARN,
          "a second signal to stop: all actors are killed now; what was accepted is on disk");
    for (int i = 0; i < self->size; i++) {
        s_handle(self, &self->children[i], ON_KILL, now);
    }
}

static void s_on_tick(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now) {
    (void)event;
    for (int i = 0; i < self->size; i++) {
        if (self->children[i].due_ms <= now) {
            s_handle(self, &self->children[i], ON_DUE, now);
        }
    }
}

//  Whoever did not look cannot say that a child was silent.
static void s_forgive(hf_supervisor_t *self, int64_t now) {
    int64_t gap = self->seen_ms == INT64_MIN ? 0 : now - self->seen_ms;
    self->seen_ms = now;
    if (gap <= self->setup.watchdog_ms / 2) {
        return;
    }
    for (int i = 0; i < self->size; i++) {
        child_t *child = &self->children[i];
        if (child->state == STARTING || child->state == UP) {
            child->due_ms = s_after(child->due_ms, gap);
        }
    }
}

static bool s_stage_has_ended(const hf_supervisor_t *self) {
    for (int i = 0; i < self->size; i++) {
        if (self->children[i].stage == self->stage && self->children[i].state != STOPPED) {
            return false;
        }
    }
    return true;
}

//  Goes on to the first stage that is not over yet.
static void s_advance(hf_supervisor_t *self, int64_t now) {
    while (self->stopping && self->stage < STAGES && s_stage_has_ended(self)) {
        self->stage++;
        for (int i = 0; i < self->size; i++) {
            if (self->children[i].stage == self->stage) {
                s_handle(self, &self->children[i], ON_STOP, now);
            }
        }
    }
}

static void s_say_ready(hf_supervisor_t *self) {
    if (!self->ready_said && *self->http && hf_supervisor_is_steady(self)) {
        self->ready_said = true;
        s_say(self, HF_ACTION_READY, "%s", self->http);
    }
}

typedef void(on_event_t)(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now);

static on_event_t *const s_events[HF_SUPERVISOR_EVENTS] = {
    [HF_SUPERVISOR_START] = s_on_start,
    [HF_SUPERVISOR_SPAWNED] = s_on_spawned,
    [HF_SUPERVISOR_SPAWN_FAILED] = s_on_spawn_failed,
    [HF_SUPERVISOR_NOTIFIED] = s_on_notified,
    [HF_SUPERVISOR_EXITED] = s_on_end,
    [HF_SUPERVISOR_KILLED] = s_on_end,
    [HF_SUPERVISOR_STOP] = s_on_stop,
    [HF_SUPERVISOR_TICK] = s_on_tick,
};

void hf_supervisor_receive(hf_supervisor_t *self, const hf_supervisor_event_t *event, int64_t now_ms) {
    assert(event->child >= 0 && event->child < self->size);
    s_forgive(self, now_ms);
    s_events[event->kind](self, event, now_ms);
    s_advance(self, now_ms);
    s_say_ready(self);
}

//  ---- what others ask

int hf_supervisor_size(const hf_supervisor_t *self) {
    return self->size;
}

const char *hf_supervisor_name(const hf_supervisor_t *self, int child) {
    assert(child >= 0 && child < self->size);
    return self->children[child].name;
}

int hf_supervisor_pid(const hf_supervisor_t *self, int child) {
    assert(child >= 0 && child < self->size);
    return self->children[child].pid;
}

const char *hf_supervisor_http(const hf_supervisor_t *self) {
    return self->http;
}

int64_t hf_supervisor_next_deadline(const hf_supervisor_t *self) {
    if (hf_supervisor_is_done(self) || self->seen_ms == INT64_MIN) {
        return INT64_MAX;
    }
    int64_t look = self->setup.watchdog_ms / 4 < LOOK_MAX_MS ? self->setup.watchdog_ms / 4 : LOOK_MAX_MS;
    int64_t deadline = self->seen_ms + (look ? look : 1);
    for (int i = 0; i < self->size; i++) {
        deadline = self->children[i].due_ms < deadline ? self->children[i].due_ms : deadline;
    }
    return deadline;
}

bool hf_supervisor_is_steady(const hf_supervisor_t *self) {
    for (int i = 0; i < self->size; i++) {
        if (self->children[i].state != UP) {
            return false;
        }
    }
    return !self->stopping;
}

bool hf_supervisor_is_stopping(const hf_supervisor_t *self) {
    return self->stopping;
}

bool hf_supervisor_is_done(const hf_supervisor_t *self) {
    return self->stopping && self->stage == STAGES;
}

int hf_supervisor_status(const hf_supervisor_t *self) {
    return self->status;
}

uint64_t hf_supervisor_generation(const hf_supervisor_t *self) {
    return self->generation;
}

//  Children say what they like; what is no UTF-8 is shown as question marks.
static json_t *s_text(const char *text) {
    json_t *json = json_string(text ? text : "");
    if (!json) {
        char *copy = hf_strdup(text);
        for (char *at = copy; *at; at++) {
            *at = (unsigned char)*at < 0x80 ? *at : '?';
        }
        json = json_string(copy);
        free(copy);
    }
    return json;
}

//  What a child says of itself: members of a JSON object become that object, so that readers can parse it;
//  words stay words.
static json_t *s_status(const char *status) {
    hf_buf_t object = {0};
    hf_buf_addf(&object, "{%s}", status ? status : "");
    json_t *parsed = json_loadb((char *)object.data, object.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *json = s_text(parsed && status && *status ? (char *)object.data : status);
    json_decref(parsed);
    hf_buf_free(&object);
    return json;
}

static json_t *s_number_or_null(bool there, int64_t number) {
    return there ? json_integer(number) : json_null();
}

static json_t *s_describe_child(const child_t *child, int64_t now, int64_t wall) {
    static const char *const names[STATES] = {
        [STOPPED] = "stopped", [STARTING] = "starting", [UP] = "up",
        [HUNG] = "stopping",   [BACKOFF] = "backoff",   [STOPPING] = "stopping"};
    bool runs = child->pid != 0;
    json_t *json = json_object();
    json_object_set_new(json, "name", json_string(child->name));
    json_object_set_new(json, "pid", s_number_or_null(runs, child->pid));
    json_object_set_new(json, "state", json_string(names[child->state]));
    json_object_set_new(json, "since_ms", json_integer(wall - (now - child->since_ms)));
    json_object_set_new(json, "uptime_ms", s_number_or_null(runs, now - child->started_ms));
    json_object_set_new(json, "restarts", json_integer(child->lives ? (json_int_t)child->lives - 1 : 0));
    json_object_set_new(json, "last_beat_ms_ago", s_number_or_null(runs, now - child->beat_ms));
    json_object_set_new(json, "last_exit", s_text(child->last_exit));
    json_object_set_new(json, "status", s_status(child->status));
    return json;
}

void hf_supervisor_describe(const hf_supervisor_t *self, int64_t now_ms, int64_t wall_ms, hf_buf_t *json) {
    char url[ADDRESS_SIZE + 8];
    snprintf(url, sizeof url, "%s%s", *self->http ? "http://" : "", self->http);
    json_t *all = json_object(), *actors = json_array();
    json_object_set_new(all, "http", s_text(url));
    json_object_set_new(all, "actors", actors);
    for (int i = 0; i < self->size; i++) {
        json_array_append_new(actors, s_describe_child(&self->children[i], now_ms, wall_ms));
    }
    char *text = json_dumps(all, JSON_COMPACT);
    assert(text && "out of memory");
    hf_buf_add(json, text + 1, strlen(text) - 2); //  Without the braces
    free(text);
    json_decref(all);
}
