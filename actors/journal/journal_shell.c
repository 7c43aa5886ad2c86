/*  Happy path: proposals are read until none is left (or enough for a batch), applied in one transaction,
 * committed, and only then acknowledged and published. While the disk works, the next batch gathers in the
 * socket: that is group commit, by itself.
 *
 *  Failures: no room is room_shell's to mend, or the journal goes on without new commands. Any other failed
 * commit is final: nothing of the batch is published, the reason is logged, the process ends with status 1,
 * and a new one opens the file as it was. No fsync is ever tried again: what the kernel dropped after the
 * first failure would look durable (PostgreSQL's lesson of 2018).
 *
 *  Invariants: (1) the outbox is sent only after a commit that succeeded; (2) one journal at a time:
 * STATE/journal/lock is held exclusively as long as this lives, which is also how ingress learns that none
 * does.  */

#include "journal/journal_shell.h"
#include "host/clock.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/process.h"
#include "host/state_dir.h"
#include "journal/journal_core.h"
#include "journal/room_shell.h"
#include "pipeline_file/pipeline_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    LOCK_PATIENCE_MS = 3000, //  The last journal may still be ending, or ingress looking whether one lives
    LOCK_RETRY_MS = 20,      //  How often it is tried meanwhile
    //  A commit that carried at least so many proposals says that more are on their way: the next one begins so
    //  long after it, for it costs processor and disk about the same whether it carries five or fifty. But one
    //  that carried many was worth its price, and nobody who waits for the next gains by a rest. (docs/durability.md has these.)
    REST_FROM = 4,
    REST_BELOW = 64,
    REST_NS = 400 * 1000,
    FULL_LOOK_US = 50 * 1000, //  How often a full journal looks for room: it walks the list of free pages
};

typedef struct {
    hf_config_t *config;         //  Limits
    int lock;                    //  STATE/journal/lock
    hf_room_t *room;             //  How much the file may take
    hf_store_t *store;           //  The file, for writing
    hf_journal_t *core;          //  Who decides
    zsock_t *pull;               //  Proposals come in
    zsock_t *pub;                //  What has become true goes out
    zloop_t *loop;               //  What wakes it
    int signals;                 //  signalfd
    int timer;                   //  zloop's number of the timer that is set, -1: none
    int64_t full_look_us;        //  When to look for room again
    uint64_t strangers;          //  Messages of several frames: not ours
    uint64_t foreign_logged;     //  Unreadable messages that the log knows of
    hf_log_limit_t foreign_line; //  Once a minute
    hf_log_limit_t short_line;   //  The same
    int status;                  //  What the process will exit with
} shell_t;

//  ---- what ps shows

static uint64_t s_foreign(const shell_t *self) {
    return self->strangers + hf_journal_counters(self->core)->foreign;
}

static void s_notify(const shell_t *self) {
    const hf_journal_counters_t *counters = hf_journal_counters(self->core);
    char json[512];
    snprintf(json, sizeof json,
             "\"epoch\":%" PRIu64 ",\"newest_fact\":%" PRIu64 ",\"commits\":%" PRIu64
             ",\"proposals\":%" PRIu64 ",\"batch\":%.1f,\"stale\":%" PRIu64 ",\"outdated\":%" PRIu64
             ",\"foreign\":%" PRIu64 ",\"trimmed\":%" PRIu64 ",\"full\":%s",
             hf_journal_epoch(self->core), hf_journal_newest_fact(self->core), counters->commits,
             counters->proposals,
             counters->commits ? (double)counters->proposals / (double)counters->commits : 0.0,
             counters->stale, counters->outdated, s_foreign(self), counters->trimmed,
             hf_journal_is_full(self->core) ? "true" : "false");
    hf_notify_beat(json);
}

static void s_log_foreign(shell_t *self) {
    uint64_t foreign = s_foreign(self);
    if (foreign != self->foreign_logged && hf_clock_now_us() >= self->foreign_line.next_us) {
        hf_log_limited(&self->foreign_line,
                       "%" PRIu64 " messages came that are no proposals; they were dropped", foreign);
        self->foreign_logged = foreign;
    }
}

//  ---- committing

static void s_free_data(void *data, void *hint) {
    (void)hint;
    free(data);
}

//  A follower that does not keep up loses publications here, sees the gap, and reads the file.
static void s_publish(shell_t *self) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(self->core), &envelope)) {
        zmq_msg_t message;
        int rc = zmq_msg_init_data(&message, envelope.data, envelope.size, s_free_data, NULL);
        assert(rc == 0);
        if (zmq_msg_send(&message, zsock_resolve(self->pub), ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
        }
    }
}

//  After HF_STORE_FULL: true where the commit is worth another try. Before anything grows, readers that were killed give back what they
//  kept.
static bool s_make_room(shell_t *self, hf_error_t *error) {
    hf_error_t reason;
    if (hf_store_clear_readers(self->store) > 0) {
        return true;
    }
    bool grown = hf_room_grow(self->room, &reason) == 0;
    bool full = hf_journal_is_full(self->core);
    if (!grown && full && hf_journal_take_less(self->core)) {
        return true;
    }
    if (!grown && full) {
        hf_error_set(error, "%s, and the reserve for ends of attempts is used up, too", reason.text);
        return false;
    }
    if (!grown) {
        hf_log_warn("%s; new commands are refused until there is room", reason.text);
        hf_journal_set_full(self->core, reason.text);
        self->full_look_us = hf_clock_now_us() + FULL_LOOK_US;
    }
    size_t map = grown && !full ? hf_room_soft(self->room) : hf_room_all(self->room);
    return hf_store_set_map(self->store, map, error) == 0;
}

//  -1: the process must end, and the log knows why.
static int s_commit(shell_t *self) {
    hf_error_t error;
    for (;;) {
        int rc = hf_journal_commit(self->core, hf_clock_now_ms(), &error);
        if (rc == 0 && !hf_journal_is_behind(self->core)) {
            s_publish(self);
            return 0;
        }
        if (rc == 0) { //  It took less than there was; followers hear that it lives
            (void)hf_journal_tick(self->core, hf_clock_now_ms());
            s_publish(self);
            s_notify(self);
        } else if (rc != HF_STORE_FULL || !s_make_room(self, &error)) {
            hf_log_error(
                "%s; the journal stops; nothing acknowledged is lost; make room, or see to the disk, and it "
                "continues by itself",
                error.text);
            self->status = 1;
            return -1;
        }
    }
}

//  ---- being full

static int s_stat(shell_t *self, hf_store_stat_t *stat, hf_error_t *error) {
    if (hf_store_begin_read(self->store, error)) {
        return -1;
    }
    int rc = hf_store_stat(self->store, stat, error);
    hf_store_end_read(self->store);
    return rc;
}

//  A new life over a full file is full from its first beat on.
static int s_begin_with_room(shell_t *self, hf_error_t *error) {
    hf_store_stat_t stat;
    hf_error_t reason;
    if (s_stat(self, &stat, error)) {
        return -1;
    }
    if (hf_room_is_free(self->room, &stat) || hf_room_grow(self->room, &reason) == 0) {
        return hf_store_set_map(self->store, hf_room_soft(self->room), error);
    }
    hf_log_warn("%s; new commands are refused until there is room", reason.text);
    hf_journal_set_full(self->core, reason.text);
    hf_journal_hold_starts(self->core, hf_room_is_short(self->room, &stat));
    return hf_store_set_map(self->store, hf_room_all(self->room), error);
}

//  Fewer pages are in use, or the disk has room again.
static int s_look_for_room(shell_t *self, hf_error_t *error) {
    hf_store_stat_t stat;
    hf_error_t reason;
    hf_store_clear_readers(self->store);
    if (s_stat(self, &stat, error)) {
        return -1;
    }
    if (hf_room_is_free(self->room, &stat) || hf_room_grow(self->room, &reason) == 0) {
        hf_log_info("the journal has room again: new commands are welcome");
        hf_journal_set_full(self->core, NULL);
        hf_journal_hold_starts(self->core, false);
        return hf_store_set_map(self->store, hf_room_soft(self->room), error);
    }
    bool hold = hf_room_is_short(self->room, &stat);
    if (hold && !hf_journal_holds_starts(self->core)) {
        hf_log_limited(&self->short_line,
                       "even the reserve for ends of attempts runs low: one attempt at a time until there is "
                       "room; raise journal_limit, or discard what is dead");
    }
    hf_journal_hold_starts(self->core, hold);
    stat.pages_held = 0;
    if (hf_room_is_free(self->room, &stat)) {
        hf_journal_touch(self->core); //  What left last is enough, as soon as one more transaction has passed
    }
    if (strcmp(reason.text, hf_journal_full_reason(self->core)) != 0) {
        hf_journal_set_full(self->core, reason.text);
    }
    return 0;
}

//  ---- rounds

//  Time's share of a round: beats, room, what has to leave.
static int s_tick(shell_t *self) {
    hf_error_t error;
    if (hf_journal_is_full(self->core) && hf_clock_now_us() >= self->full_look_us) {
        self->full_look_us = hf_clock_now_us() + FULL_LOOK_US;
        if (s_look_for_room(self, &error)) {
            hf_log_error("look for room in the journal: %s", error.text);
            self->status = 1;
            return -1;
        }
        if (s_commit(self)) {
            return -1;
        }
    }
    if (hf_journal_tick(self->core, hf_clock_now_ms()) && s_commit(self)) {
        return -1;
    }
    s_publish(self);
    s_log_foreign(self);
    s_notify(self);
    return 0;
}

static int s_on_timer(zloop_t *loop, int timer, void *context);

static void s_set_timer(shell_t *self) {
    if (self->timer < 0) {
        int64_t wait = hf_journal_next_deadline(self->core) - hf_clock_now_ms();
        int64_t period = hf_notify_period_ms();
        wait = wait < 1 ? 1 : wait > HF_BEAT_EVERY_MS ? HF_BEAT_EVERY_MS : wait;
        self->timer = zloop_timer(self->loop, (size_t)(wait < period ? wait : period), 1, s_on_timer, self);
    }
}

static int s_on_timer(zloop_t *loop, int timer, void *context) {
    shell_t *self = context;
    (void)loop;
    (void)timer;
    self->timer = -1;
    if (s_tick(self)) {
        return -1;
    }
    s_set_timer(self);
    return 0;
}

//  Takes what has arrived, up to a batch. Only single frames are ours; others are dropped whole.
static void s_receive_all(shell_t *self) {
    void *handle = zsock_resolve(self->pull);
    zmq_msg_t message;
    while (!hf_journal_is_laden(self->core)) {
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return;
        }
        bool several = zmq_msg_more(&message);
        if (several) {
            self->strangers++;
        } else {
            hf_journal_receive(self->core, zmq_msg_data(&message), zmq_msg_size(&message));
        }
        //  The frames of one message arrive together: none has to be waited for.
        while (several && zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) >= 0) {
            several = zmq_msg_more(&message);
        }
        zmq_msg_close(&message);
    }
}

//  One batch, and then a rest where more are on their way: nobody is listened to meanwhile, so that what comes costs no wake-up.
static int s_on_proposals(zloop_t *loop, zsock_t *socket, void *context) {
    shell_t *self = context;
    (void)loop;
    (void)socket;
    uint64_t before = hf_journal_counters(self->core)->proposals;
    s_receive_all(self);
    if ((hf_journal_has_work(self->core) && s_commit(self)) || s_tick(self)) {
        return -1;
    }
    uint64_t batch = hf_journal_counters(self->core)->proposals - before;
    if (batch >= REST_FROM && batch < REST_BELOW) {
        nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
    }
    return 0;
}

//  Draining is short: the others have ended before, and what they sent last is read here.
static int s_on_signal(zloop_t *loop, zmq_pollitem_t *item, void *context) {
    shell_t *self = context;
    (void)loop;
    (void)item;
    if (!hf_process_take_signal(self->signals)) {
        return 0;
    }
    hf_notify_stopping();
    do {
        s_receive_all(self);
    } while (hf_journal_is_laden(self->core) && s_commit(self) == 0);
    if (self->status == 0) {
        s_commit(self);
    }
    return -1;
}

//  ---- beginning and ending

static int s_write_pid(int fd, const char *path, hf_error_t *error) {
    char pid[16];
    int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)size, 0) != size) {
        return hf_error_set(error, "write %s: %s", path, strerror(errno));
    }
    return 0;
}

static int s_refuse(int fd, const char *path, hf_error_t *error) {
    char pid[16] = "";
    ssize_t size = pread(fd, pid, sizeof pid - 1, 0);
    pid[size > 0 ? strspn(pid, "0123456789") : 0] = 0;
    return hf_error_set(error, "another journal runs here, pid %s, by %s: stop it, or choose another --state",
                        *pid ? pid : "unknown", path);
}

//  -1 where another journal lives. The file stays: its name is not what is locked.
static int s_take_lock(const char *state_dir, hf_error_t *error) {
    char path[HF_STATE_PATH];
    if (hf_state_dir_path(path, state_dir, "journal/lock", error)) {
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return hf_error_set(error, "open %s: %s", path, strerror(errno));
    }
    int64_t until = hf_clock_now_us() + LOCK_PATIENCE_MS * INT64_C(1000);
    int rc = flock(fd, LOCK_EX | LOCK_NB);
    while (rc && errno == EWOULDBLOCK && hf_clock_now_us() < until) {
        zclock_sleep(LOCK_RETRY_MS);
        rc = flock(fd, LOCK_EX | LOCK_NB);
    }
    rc = rc ? s_refuse(fd, path, error) : s_write_pid(fd, path, error);
    if (rc) {
        close(fd);
        return -1;
    }
    return fd;
}

//  The file, whole and with room. A new life may take the reserve: its epoch must be written even when the
//  journal is full.
static int s_open_file(shell_t *self, const char *dir, hf_error_t *error) {
    self->room = hf_room_new(dir, self->config->journal_limit, error);
    if (!self->room || hf_room_sync_folders(dir, error)) {
        return -1;
    }
    hf_store_options_t options = {.writer = true, .map = hf_room_all(self->room)};
    hf_journal_options_t journal = {.keep_ms = self->config->keep_ms};
    self->store = hf_store_open(dir, &options, error);
    if (!self->store) {
        return -1;
    }
    hf_store_clear_readers(self->store);
    self->core = hf_journal_new(self->store, &journal, hf_clock_now_ms(), error);
    return self->core ? 0 : -1;
}

static int s_open(shell_t *self, const char *state_dir, hf_error_t *error) {
    char dir[HF_STATE_PATH];
    if (hf_state_dir_create(state_dir, error) || hf_clock_open(state_dir, error) ||
        hf_state_dir_path(dir, state_dir, "journal", error)) {
        return -1;
    }
    self->lock = s_take_lock(state_dir, error);
    if (self->lock < 0) {
        return -1;
    }
    if (s_open_file(self, dir, error)) {
        return hf_error_wrap(error, "open the journal");
    }
    //  What has to leave goes first: it may be what makes room.
    int rc;
    do {
        rc = hf_journal_commit(self->core, hf_clock_now_ms(), error);
    } while (rc == HF_STORE_FULL && hf_journal_take_less(self->core));
    if (rc || s_begin_with_room(self, error)) {
        return hf_error_wrap(error, "begin the journal");
    }
    self->pub = hf_socket_new(state_dir, ZMQ_PUB, true, "facts", error);
    self->pull = self->pub ? hf_socket_new(state_dir, ZMQ_PULL, true, "journal", error) : NULL;
    return self->pull ? 0 : -1;
}

static void s_close(shell_t *self) {
    zloop_destroy(&self->loop);
    zsock_destroy(&self->pull);
    zsock_destroy(&self->pub);
    hf_journal_destroy(&self->core);
    hf_store_close(&self->store);
    hf_room_destroy(&self->room);
    hf_config_destroy(&self->config);
    if (self->lock >= 0) {
        close(self->lock);
    }
}

static void s_run(shell_t *self) {
    zmq_pollitem_t signals = {.fd = self->signals, .events = ZMQ_POLLIN};
    self->loop = zloop_new();
    assert(self->loop);
    zloop_reader(self->loop, self->pull, s_on_proposals, self);
    zloop_poller(self->loop, &signals, s_on_signal, self);
    if (s_tick(self)) {
        return;
    }
    s_set_timer(self);
    hf_notify_ready();
    hf_log_info("open in life %" PRIu64 ", newest fact %" PRIu64, hf_journal_epoch(self->core),
                hf_journal_newest_fact(self->core));
    zloop_start(self->loop);
}

int hf_journal_main(const hf_actor_args_t *args) {
    hf_error_t error;
    shell_t self = {.lock = -1, .timer = -1};
    self.signals = hf_process_init(args->name);
    zsys_handler_set(NULL);
    zsys_set_pipehwm(0);
    self.config = hf_shell_read_config(args);
    if (!self.config) {
        self.status = 1;
    } else if (s_open(&self, args->state_dir, &error)) {
        hf_log_error("%s", error.text);
        self.status = 1;
    } else {
        hf_pipeline_file_release(
            &self.config); //  Its limits are set, and the journal knows nothing else of it
        s_run(&self);
    }
    s_close(&self);
    close(self.signals);
    return self.status;
}
