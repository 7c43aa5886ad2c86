/*  Happy path: take the state folder, write what actors read, then one epoll loop over a signalfd, a
 *  pidfd for each child and the socket they notify on; whatever comes is an event for the core, and
 *  what the core wants is done at once (s_act).
 *
 *  Failures: of the set-up, one line and status 1; of a spawn, an event like a death; of writing
 *  supervisor.json, a line a minute.  */

#include "base/buf.h"
#include "host/clock.h"
#include "host/listen.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/state_dir.h"
#include "supervisor/supervisor.h"
#include "supervisor/supervisor_core.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    CHILDREN_MAX = HF_SUPERVISOR_CALLERS + 8, //  Callers and the others
    ARGUMENTS_MAX = 32,                       //  Of a child
    VARIABLES_OWN = 3,                        //  That we add to a child's environment
    DATAGRAM_MAX = 8192,                      //  Bytes of a notification; longer ones are cut
    DATAGRAMS_A_ROUND = 1024,                 //  Taken before the rest gets its turn
    REPORT_MS = 1000,                         //  How old supervisor.json may get
    TAG_SIGNALS = -1,                         //  In epoll, beside the children's numbers
    TAG_NOTIFY = -2,                          //  The same
};

typedef struct {
    const hf_supervisor_options_t *options; //  What was asked for
    char state_dir[HF_STATE_PATH];          //  Absolute
    char notify_path[HF_STATE_PATH];        //  Where children notify
    char started_at[HF_CLOCK_TEXT];         //  RFC 3339
    hf_supervisor_t *core;                  //  Who decides
    int64_t watchdog_ms;                    //  Silence after which an actor counts as hung
    int lock;                               //  Holds the state folder
    int epoll;                              //  The loop
    int signals;                            //  signalfd
    int notify;                             //  Socket
    bool notify_is_watched;       //  Whether each datagram wakes the loop, or they are read when it looks
    int queue_max;                //  Datagrams that fit into the socket
    int pidfds[CHILDREN_MAX];     //  By number; -1: no process
    uint64_t reported_generation; //  Of what stands in supervisor.json
    int64_t reported_ms;          //  When that was written
} shell_t;

//  Patience must not run out while the machine sleeps.
static int64_t s_now_ms(void) {
    return hf_clock_now_us() / 1000;
}

//  ---- children

//  The environment without what is not for children, and with what is.
static char **s_environment(const shell_t *self, char own[VARIABLES_OWN][HF_STATE_PATH + 32]) {
    static const char *const not_ours[] = {
        "NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=", "HOLDFAST_SUPERVISOR_PID="};
    size_t size = 0, used = 0;
    while (environ[size]) {
        size++;
    }
    char **variables = hf_alloc((size + VARIABLES_OWN + 1) * sizeof *variables);
    for (size_t i = 0; i < size; i++) {
        bool ours = true;
        for (size_t j = 0; j < sizeof not_ours / sizeof *not_ours; j++) {
            ours = ours && strncmp(environ[i], not_ours[j], strlen(not_ours[j])) != 0;
        }
        if (ours) {
            variables[used++] = environ[i];
        }
    }
    const size_t room = HF_STATE_PATH + 32;
    snprintf(own[0], room, "NOTIFY_SOCKET=%s", self->notify_path);
    snprintf(own[1], room, "WATCHDOG_USEC=%lld", (long long)self->watchdog_ms * 1000);
    snprintf(own[2], room, "HOLDFAST_SUPERVISOR_PID=%d", (int)getpid());
    for (size_t i = 0; i < VARIABLES_OWN; i++) {
        variables[used++] = own[i];
    }
    return variables;
}

//  EXECUTABLE [actor] NAME --state DIR [--number N] [--http HOST:PORT] STATE/run/pipelines.zpl; number and
//  pipelines are the caller's memory.
static void s_arguments(const shell_t *self, const char *name, const char *arguments[ARGUMENTS_MAX],
                        char role[32], const char *pipelines) {
    static const char *const usual[] = {"holdfast", "actor", NULL};
    const char *const *before = self->options->argv ? self->options->argv : usual;
    int used = 0;
    while (before[used] && used < ARGUMENTS_MAX - 10) {
        arguments[used] = before[used];
        used++;
    }
    snprintf(role, 32, "%s", name);
    char *dot = strchr(role, '.');
    arguments[used++] = role;
    arguments[used++] = "--state";
    arguments[used++] = self->state_dir;
    if (dot) {
        *dot = 0;
        arguments[used++] = "--number";
        arguments[used++] = dot + 1;
    }
    const char *known = hf_supervisor_http(self->core);
    const char *http = *known ? known : self->options->http;
    if (http && strcmp(name, "ingress") == 0) {
        arguments[used++] = "--http";
        arguments[used++] = http;
    }
    arguments[used++] = pipelines;
    arguments[used] = NULL;
}

//  A session of its own: ^C in the terminal must reach the supervisor alone, which ends actors in order.
//  Nothing of ours is inherited but stderr, which is also the child's stdout: ours carries one line only.
static int s_posix_spawn(const char *executable, const char *const *arguments, char **variables, pid_t *pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t files;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    int rc = posix_spawn(pid, executable, &files, &attributes, (char *const *)arguments, variables);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

static int s_watch(shell_t *self, int fd, int tag, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)(int64_t)tag};
    return epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event);
}

//  Without a pidfd nobody would notice its end: then it must not run.
static int s_adopt(shell_t *self, int child, pid_t pid) {
    int fd = pidfd_open(pid, 0);
    if (fd < 0 || s_watch(self, fd, child, EPOLLIN)) {
        int saved = errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (fd >= 0) {
            close(fd);
        }
        return saved;
    }
    self->pidfds[child] = fd;
    return 0;
}

static void s_spawn(shell_t *self, int child) {
    const char *executable = self->options->executable ? self->options->executable : "/proc/self/exe";
    const char *arguments[ARGUMENTS_MAX];
    char role[32], pipelines[HF_STATE_PATH + 32], own[VARIABLES_OWN][HF_STATE_PATH + 32];
    snprintf(pipelines, sizeof pipelines, "%s/run/pipelines.zpl", self->state_dir);
    s_arguments(self, hf_supervisor_name(self->core, child), arguments, role, pipelines);
    char **variables = s_environment(self, own);
    pid_t pid = 0;
    int rc = s_posix_spawn(executable, arguments, variables, &pid);
    free(variables);
    if (rc == 0) {
        rc = s_adopt(self, child, pid);
    }
    hf_supervisor_event_t event = {HF_SUPERVISOR_SPAWNED, child, (int)pid, NULL};
    if (rc) {
        event = (hf_supervisor_event_t){HF_SUPERVISOR_SPAWN_FAILED, child, 0, strerror(rc)};
    }
    hf_supervisor_receive(self->core, &event, s_now_ms());
}

//  ---- what the core wants

static void s_say_ready(const char *address) {
    printf("holdfast: ready on http://%s\n", address);
    fflush(stdout);
    hf_notify_ready();
}

static void s_do(shell_t *self, const hf_action_t *action) {
    switch (action->kind) {
    case HF_ACTION_SPAWN:
        s_spawn(self, action->child);
        break;
    case HF_ACTION_SIGNAL:
        if (self->pidfds[action->child] >= 0) {
            pidfd_send_signal(self->pidfds[action->child], action->number, NULL, 0);
        }
        break;
    case HF_ACTION_READY:
        s_say_ready(action->text);
        break;
    case HF_ACTION_INFO:
        hf_log_info("%s", action->text);
        break;
    case HF_ACTION_WARN:
        hf_log_warn("%s", action->text);
        break;
    case HF_ACTION_ERROR:
        hf_log_error("%s", action->text);
        break;
    }
}

static void s_receive(shell_t *self, hf_supervisor_event_t event) {
    hf_supervisor_receive(self->core, &event, s_now_ms());
    hf_action_t action;
    while (hf_supervisor_take(self->core, &action)) {
        s_do(self, &action);
        free(action.text);
    }
}

//  ---- what comes in

static int s_child_of(const shell_t *self, pid_t pid) {
    for (int child = 0; child < hf_supervisor_size(self->core); child++) {
        if (pid > 0 && hf_supervisor_pid(self->core, child) == pid) {
            return child;
        }
    }
    return -1;
}

//  The next notification and its sender, as the kernel vouches for it. False where there is none.
static bool s_next_datagram(const shell_t *self, char text[DATAGRAM_MAX], pid_t *sender) {
    union {
        struct cmsghdr header;                        //  Aligns
        char bytes[CMSG_SPACE(sizeof(struct ucred))]; //  Holds
    } control;
    struct iovec part = {.iov_base = text, .iov_len = DATAGRAM_MAX - 1};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(self->notify, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) {
        return false;
    }
    text[size] = 0;
    *sender = 0;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at)) {
        if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_CREDENTIALS) {
            struct ucred who;
            memcpy(&who, CMSG_DATA(at), sizeof who);
            *sender = who.pid;
        }
    }
    return true;
}

static void s_take_notifications(shell_t *self) {
    char text[DATAGRAM_MAX];
    pid_t sender;
    for (int i = 0; i < DATAGRAMS_A_ROUND && s_next_datagram(self, text, &sender); i++) {
        int child = s_child_of(self, sender);
        if (child >= 0) {
            s_receive(self, (hf_supervisor_event_t){HF_SUPERVISOR_NOTIFIED, child, 0, text});
        }
    }
}

static void s_take_signals(shell_t *self) {
    struct signalfd_siginfo info;
    while (read(self->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            hf_log_info("SIGHUP is ignored: to read pipeline files anew, stop and start the node");
            continue;
        }
        if (!hf_supervisor_is_stopping(self->core)) {
            hf_log_info("%s: stopping; a second signal kills", strsignal((int)info.ssi_signo));
            hf_notify_stopping();
        }
        s_receive(self, (hf_supervisor_event_t){HF_SUPERVISOR_STOP, 0, 0, NULL});
    }
}

static void s_reap(shell_t *self, int child) {
    siginfo_t info = {0};
    if (self->pidfds[child] < 0 || waitid(P_PIDFD, (id_t)self->pidfds[child], &info, WEXITED | WNOHANG) ||
        info.si_pid == 0) {
        return;
    }
    close(self->pidfds[child]); //  Leaves the epoll by that
    self->pidfds[child] = -1;
    hf_supervisor_event_t event = {HF_SUPERVISOR_EXITED, child, info.si_status, NULL};
    const char *signal_name = sigabbrev_np(info.si_status);
    char text[16];
    if (info.si_code != CLD_EXITED) {
        snprintf(text, sizeof text, "SIG%s", signal_name ? signal_name : "?");
        event.kind = HF_SUPERVISOR_KILLED;
        event.text = signal_name ? text : NULL;
    }
    s_receive(self, event);
}

//  ---- supervisor.json

static void s_report(shell_t *self) {
    static hf_log_limit_t limit = {.level = HF_LOG_ERROR};
    hf_buf_t json = {0};
    hf_error_t error;
    int64_t now = s_now_ms(), wall = hf_clock_now_ms();
    const char *state = hf_supervisor_is_stopping(self->core) ? "stopping"
                        : hf_supervisor_is_steady(self->core) ? "up"
                                                              : "starting";
    hf_buf_addf(&json,
                "{\"pid\":%d,\"version\":\"%s\",\"started_at\":\"%s\",\"written_ms\":%lld,\"state\":\"%s\",",
                (int)getpid(), HOLDFAST_VERSION, self->started_at, (long long)wall, state);
    hf_supervisor_describe(self->core, now, wall, &json);
    hf_buf_addf(&json, "}\n");
    if (hf_state_dir_write(self->state_dir, "run/supervisor.json", json.data, json.size, &error)) {
        hf_log_limited(&limit, "`holdfast ps` shows old numbers: %s", error.text);
    }
    hf_buf_free(&json);
    self->reported_generation = hf_supervisor_generation(self->core);
    self->reported_ms = now;
}

static bool s_report_is_due(const shell_t *self) {
    return hf_supervisor_generation(self->core) != self->reported_generation ||
           s_now_ms() - self->reported_ms >= REPORT_MS;
}

//  ---- the loop

//  While nothing but beats is to be expected they need not wake us one by one, if what comes until the
//  next look fits into the queue.
static void s_set_notify_watched(shell_t *self) {
    bool wanted = !hf_supervisor_is_steady(self->core) || hf_supervisor_size(self->core) > self->queue_max;
    if (wanted != self->notify_is_watched) {
        struct epoll_event event = {.events = wanted ? EPOLLIN : 0,
                                    .data.u64 = (uint64_t)(int64_t)TAG_NOTIFY};
        epoll_ctl(self->epoll, EPOLL_CTL_MOD, self->notify, &event);
        self->notify_is_watched = wanted;
    }
}

static int s_patience_ms(const shell_t *self) {
    int64_t wait = hf_supervisor_next_deadline(self->core) - s_now_ms();
    return wait < 0 ? 0 : wait > REPORT_MS ? REPORT_MS : (int)wait;
}

//  Notifications before deaths, so that last words are heard; deaths before the tick, so that the dead
//  are not called hung.
static void s_round(shell_t *self) {
    struct epoll_event events[CHILDREN_MAX + 2];
    int size = epoll_wait(self->epoll, events, CHILDREN_MAX + 2, s_patience_ms(self));
    s_take_notifications(self);
    s_take_signals(self);
    for (int i = 0; i < size; i++) {
        int tag = (int)(int64_t)events[i].data.u64;
        if (tag >= 0) {
            s_reap(self, tag);
        }
    }
    s_receive(self, (hf_supervisor_event_t){HF_SUPERVISOR_TICK, 0, 0, NULL});
    hf_notify_beat(hf_supervisor_is_steady(self->core)     ? "all actors are up"
                   : hf_supervisor_is_stopping(self->core) ? "stopping"
                                                           : "not all actors are up");
    s_set_notify_watched(self);
    if (s_report_is_due(self)) {
        s_report(self);
    }
}

//  ---- set-up

static int64_t s_watchdog_ms(void) {
    const char *text = getenv("HOLDFAST_WATCHDOG_MS");
    char *end = NULL;
    long long ms = text ? strtoll(text, &end, 10) : HF_WATCHDOG_MS;
    if (text && (end == text || *end || ms < 100 || ms > 3600 * 1000)) {
        hf_log_warn("HOLDFAST_WATCHDOG_MS is no number from 100 to 3600000, so %d holds", HF_WATCHDOG_MS);
        ms = HF_WATCHDOG_MS;
    }
    return ms;
}

static int s_take_state(shell_t *self, hf_error_t *error) {
    const char *given = self->options->state_dir;
    if (hf_state_dir_create(given, error)) {
        return -1;
    }
    char *absolute = realpath(given, NULL);
    if (!absolute || strlen(absolute) >= sizeof self->state_dir) {
        free(absolute);
        return hf_error_set(error, "find the way to %s: %s", given, strerror(errno));
    }
    memcpy(self->state_dir, absolute, strlen(absolute) + 1);
    free(absolute);
    if (hf_state_dir_create(self->state_dir, error)) { //  Again, for the length of the absolute name
        return -1;
    }
    self->lock = hf_state_dir_lock(self->state_dir, error);
    if (self->lock < 0 || hf_clock_set_base(self->state_dir, error)) {
        return -1;
    }
    //  Only at the beginning: what takes the port while the node lives is waited for (its ingress starts again).
    if (self->options->http && hf_listen_check(self->options->http, error)) {
        return -1;
    }
    const char *text = self->options->pipelines ? self->options->pipelines : "";
    hf_clock_format(hf_clock_now_ms(), self->started_at);
    return hf_state_dir_write(self->state_dir, "run/pipelines.zpl", text, strlen(text), error);
}

//  How many datagrams wait in a socket at most (unix(7)); 1 where nobody says.
static int s_queue_max(void) {
    int size = 1;
    FILE *file = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");
    if (file && fscanf(file, "%d", &size) != 1) {
        size = 1;
    }
    if (file) {
        fclose(file);
    }
    return size;
}

static int s_open_notify(shell_t *self, hf_error_t *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int on = 1;
    if (hf_state_dir_socket(self->notify_path, self->state_dir, "notify", error)) {
        return -1;
    }
    memcpy(address.sun_path, self->notify_path, strlen(self->notify_path) + 1);
    unlink(self->notify_path);
    self->queue_max = s_queue_max();
    self->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (self->notify < 0 || setsockopt(self->notify, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) ||
        bind(self->notify, (struct sockaddr *)&address, sizeof address)) {
        return hf_error_set(error, "open the socket %s: %s", self->notify_path, strerror(errno));
    }
    return 0;
}

static int s_open_signals(shell_t *self, hf_error_t *error) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); //  Where it is ignored by inheritance, nobody could be waited for
    sigprocmask(SIG_BLOCK, &signals, NULL);
    self->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return self->signals >= 0 ? 0 : hf_error_set(error, "receive signals: %s", strerror(errno));
}

static int s_open(shell_t *self, hf_error_t *error) {
    if (s_open_signals(self, error) || s_take_state(self, error) || s_open_notify(self, error)) {
        return -1;
    }
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0 || s_watch(self, self->signals, TAG_SIGNALS, EPOLLIN) ||
        s_watch(self, self->notify, TAG_NOTIFY, EPOLLIN)) {
        return hf_error_set(error, "make the supervisor's loop: %s", strerror(errno));
    }
    self->notify_is_watched = true;
    self->watchdog_ms = s_watchdog_ms();
    self->core = hf_supervisor_new(&(hf_supervisor_setup_t){.callers = self->options->callers,
                                                            .watchdog_ms = self->watchdog_ms,
                                                            .call_drain_ms = self->options->drain_ms});
    assert(hf_supervisor_size(self->core) <= CHILDREN_MAX);
    return 0;
}

//  The lock goes last: who takes it then finds no trace of us.
static void s_close(shell_t *self) {
    char path[HF_STATE_PATH + 32];
    const int fds[] = {self->epoll, self->notify, self->signals, self->lock};
    if (self->core) {
        snprintf(path, sizeof path, "%s/run/supervisor.json", self->state_dir);
        unlink(path);
        unlink(self->notify_path);
    }
    hf_supervisor_destroy(&self->core);
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

int hf_supervisor_run(const hf_supervisor_options_t *options) {
    shell_t *self = hf_alloc(sizeof *self);
    hf_error_t error;
    int status = 1;
    self->options = options;
    self->lock = self->epoll = self->signals = self->notify = -1;
    memset(self->pidfds, -1, sizeof self->pidfds);
    hf_log_open("supervisor");
    if (s_open(self, &error)) {
        hf_log_error("%s", error.text);
    } else {
        s_receive(self, (hf_supervisor_event_t){HF_SUPERVISOR_START, 0, 0, NULL});
        while (!hf_supervisor_is_done(self->core)) {
            s_round(self);
        }
        status = hf_supervisor_status(self->core);
    }
    s_close(self);
    free(self);
    return status;
}
