#include "server.h"

#include "clock.h"
#include "log.h"
#include "requests.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

//  Events taken at once, and rounds that libmicrohttpd gets before timers and signals have their turn again:
//  an endless stream keeps it busy for ever.
#define EVENTS_MOST 256
#define ROUNDS_MOST 8

//  Waiting to be accepted; the kernel cuts it to net.core.somaxconn.
#define BACKLOG 4096

//  What a connection may use for a request's head: libmicrohttpd clears all of it for each request, and with
//  its usual 32 KiB that alone took a fifth of the stand-in's time. Bodies pass through in pieces, however
//  long they are.
#define CONNECTION_BYTES ((size_t)8 * 1024)

//  Files that are not connections.
#define FILES_KEPT 32

//  Tries to bind again the port that the system had picked; see s_bind.
#define BIND_TRIES 16

struct standin_server {
    const standin_options_t *options; //  Not owned
    int epoll_fd;                     //  Everything that can happen
    int signal_fd;                    //  SIGTERM, SIGINT
    int listen_fd;                    //  Bound for the whole life; listens unless down
    unsigned port;                    //  Where it is bound
    bool ipv6;                        //  Its family
    bool announced;                   //  "listening on" was printed
    int64_t start_ms;                 //  Steady time of the start
    int64_t round_us;                 //  Steady time at which the last round began
    standin_window_t asked;           //  The window that /standin/mood asked for last
    struct MHD_Daemon *daemon;        //  NULL while down
    standin_log_t *log;               //  NULL: none
    standin_requests_t *requests;     //  What is in hand
};

static int s_fail(char *error, size_t size, const char *doing, const char *what) {
    snprintf(error, size, "%s: %s", doing, what);
    return -1;
}

//  ---- The socket

static int s_bind_once(const struct addrinfo *address, struct sockaddr_storage *bound) {
    int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof *bound;
    if (bind(fd, address->ai_addr, address->ai_addrlen) != 0 ||
        getsockname(fd, (struct sockaddr *)bound, &size) != 0) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

//  Binds. A port that the system picked is bound a second time by its number: only then does the kernel keep
//  it for us while nobody listens, so that it is the same after being down, and no client's own port in
//  between.
static int s_bind(standin_server_t *self, const struct addrinfo *address) {
    for (int tries = 0; tries < BIND_TRIES; tries++) {
        struct sockaddr_storage bound;
        int fd = s_bind_once(address, &bound);
        if (fd < 0) {
            return -1;
        }
        in_port_t *port = address->ai_family == AF_INET6
                              ? &((struct sockaddr_in6 *)address->ai_addr)->sin6_port
                              : &((struct sockaddr_in *)address->ai_addr)->sin_port;
        in_port_t picked = address->ai_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                                          : ((struct sockaddr_in *)&bound)->sin_port;
        self->port = ntohs(picked);
        self->ipv6 = address->ai_family == AF_INET6;
        if (*port) {
            self->listen_fd = fd;
            return 0;
        }
        close(fd);
        *port = picked;
        self->listen_fd = s_bind_once(address, &bound);
        if (self->listen_fd >= 0) {
            return 0;
        }
        *port = 0;
    }
    return -1;
}

static int s_open_socket(standin_server_t *self, char *error, size_t error_size) {
    const standin_options_t *options = self->options;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *address;
    int code = getaddrinfo(options->host, options->port, &hints, &address);
    if (code) {
        return s_fail(error, error_size, options->host, gai_strerror(code));
    }
    int result = s_bind(self, address);
    if (result != 0) {
        snprintf(error, error_size, "cannot listen on %s:%s: %s; name another port, or 0", options->host,
                 options->port, strerror(errno));
    }
    freeaddrinfo(address);
    return result;
}

//  ---- Up and down

static void s_announce(standin_server_t *self) {
    if (!self->announced) {
        self->announced = true;
        printf("listening on http%s://%s%s%s:%u\n", self->options->tls_cert ? "s" : "", self->ipv6 ? "[" : "",
               self->options->host, self->ipv6 ? "]" : "", self->port);
        fflush(stdout);
    }
}

//  As many connections as the process may have files, less those it needs itself.
static unsigned s_connections_most(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1000;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t most = limit.rlim_cur > 1000000 ? 1000000 : limit.rlim_cur;
    return (unsigned)(most > 2 * FILES_KEPT ? most - FILES_KEPT : FILES_KEPT);
}

static int s_go_up(standin_server_t *self, char *error, size_t error_size) {
    const standin_options_t *options = self->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                     MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->tls_cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->tls_key},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    flags |= (options->tls_cert ? MHD_USE_TLS : 0) | (self->ipv6 ? MHD_USE_IPv6 : 0);
    standin_requests_open(self->requests);
    //  libmicrohttpd closes its socket when it is stopped; ours has to stay bound.
    int fd = dup(self->listen_fd);
    if (fd < 0 || listen(fd, BACKLOG) != 0) {
        return s_fail(error, error_size, "listen", strerror(errno));
    }
    self->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, standin_requests_handle, self->requests, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, s_connections_most(), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        CONNECTION_BYTES, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
        standin_requests_begin, self->requests, MHD_OPTION_NOTIFY_COMPLETED, standin_requests_completed,
        self->requests, MHD_OPTION_NOTIFY_CONNECTION, standin_requests_connected, self->requests,
        MHD_OPTION_ARRAY, options->tls_cert ? tls : plain, MHD_OPTION_END);
    if (!self->daemon) {
        close(fd);
        return s_fail(error, error_size, "libmicrohttpd does not start",
                      options->tls_cert ? "look at --tls-cert and --tls-key" : strerror(errno));
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(self->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    assert(info);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = self};
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event) != 0) {
        return s_fail(error, error_size, "epoll", strerror(errno));
    }
    s_announce(self);
    return 0;
}

static void s_go_down(standin_server_t *self) {
    if (!self->daemon) {
        return;
    }
    //  Nobody can connect any more, and who waits to be accepted is reset; the port stays ours.
    shutdown(self->listen_fd, SHUT_RDWR);
    standin_requests_close(self->requests);
    MHD_run(self->daemon); //  Suspended connections may not be there when it is stopped
    MHD_stop_daemon(self->daemon);
    self->daemon = NULL;
}

//  When the state that holds at this time (since the start) changes next; *down is that state.
static int64_t s_next_change_ms(const standin_server_t *self, int64_t at_ms, bool *down) {
    int64_t next_ms = INT64_MAX;
    *down = false;
    for (size_t index = 0; index <= self->options->window_count; index++) {
        const standin_window_t *window = index < self->options->window_count ? &self->options->windows[index]
                                                                             : &self->asked;
        if (at_ms < window->from_ms) {
            next_ms = window->from_ms < next_ms ? window->from_ms : next_ms;
        } else if (at_ms < window->until_ms) {
            *down = true;
            next_ms = window->until_ms < next_ms ? window->until_ms : next_ms;
        }
    }
    return next_ms;
}

//  ---- The loop

//  Brings up or down what should be, does what is due; returns how long nothing else is, or -1 with a
//  sentence.
static int64_t s_tick(standin_server_t *self, char *error, size_t error_size) {
    int64_t now_ms = standin_steady_ms();
    int64_t down_ms = standin_requests_take_down_ms(self->requests);
    if (down_ms >= 0) {
        self->asked = (standin_window_t){now_ms - self->start_ms, now_ms - self->start_ms + down_ms};
    }
    bool down;
    int64_t next_ms = s_next_change_ms(self, now_ms - self->start_ms, &down);
    next_ms += next_ms == INT64_MAX ? 0 : self->start_ms;
    if (down) {
        s_go_down(self);
    } else if (!self->daemon && s_go_up(self, error, error_size) != 0) {
        return -1;
    }
    bool resumed = standin_requests_tick(self->requests, now_ms);
    if (standin_log_due_ms(self->log) <= now_ms) {
        standin_log_flush(self->log);
    }
    int64_t request_ms = standin_requests_next_ms(self->requests);
    int64_t log_ms = standin_log_due_ms(self->log);
    next_ms = request_ms < next_ms ? request_ms : next_ms;
    next_ms = log_ms < next_ms ? log_ms : next_ms;
    return resumed ? 0 : next_ms == INT64_MAX ? INT64_MAX : next_ms - now_ms;
}

//  Waits for what happens, at most so long. False where a signal asks for the end.
static bool s_wait(standin_server_t *self, int64_t most_ms) {
    struct epoll_event events[EVENTS_MOST];
    MHD_UNSIGNED_LONG_LONG daemon_ms;
    if (self->daemon && MHD_get_timeout(self->daemon, &daemon_ms) == MHD_YES &&
        daemon_ms < (uint64_t)most_ms) {
        most_ms = (int64_t)daemon_ms;
    }
    int timeout_ms = most_ms == INT64_MAX ? -1 : most_ms > 60000 ? 60000 : (int)most_ms;
    int count = epoll_wait(self->epoll_fd, events, EVENTS_MOST, timeout_ms);
    for (int index = 0; index < count; index++) {
        void *what = events[index].data.ptr;
        if (what == &self->signal_fd) {
            return false;
        }
        if (what != self) {
            standin_requests_left(self->requests, what);
        }
    }
    return true;
}

//  Waits where the last round began less than --gather ago: more will have come by then, for one wake-up.
static void s_gather(standin_server_t *self) {
    if (self->options->gather_us) {
        int64_t left_us = self->round_us + self->options->gather_us - standin_steady_us();
        if (left_us > 0) {
            struct timespec left = {.tv_nsec = left_us * 1000};
            clock_nanosleep(CLOCK_MONOTONIC, 0, &left, NULL);
        }
        self->round_us = standin_steady_us();
    }
}

//  libmicrohttpd 0.9.75 handles at most 128 events a turn, and says by a timeout of 0 that there are more.
static void s_serve(standin_server_t *self) {
    MHD_UNSIGNED_LONG_LONG daemon_ms = 0;
    for (int round = 0; self->daemon && round < ROUNDS_MOST; round++) {
        MHD_run(self->daemon);
        if (MHD_get_timeout(self->daemon, &daemon_ms) != MHD_YES || daemon_ms) {
            break;
        }
    }
}

int standin_server_run(standin_server_t *self, char *error, size_t error_size) {
    for (;;) {
        int64_t most_ms = s_tick(self, error, error_size);
        if (most_ms < 0) {
            return -1;
        }
        if (!s_wait(self, most_ms)) {
            return 0;
        }
        s_gather(self);
        s_serve(self);
    }
}

//  ---- From beginning to end

static int s_open(standin_server_t *self, char *error, size_t error_size) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1000); //  The kernel's 50 µs would be half of a --gather
    self->signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &self->signal_fd};
    if (self->signal_fd < 0 || self->epoll_fd < 0 ||
        epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->signal_fd, &event) != 0) {
        return s_fail(error, error_size, "epoll", strerror(errno));
    }
    const standin_options_t *options = self->options;
    if (options->log_path && !(self->log = standin_log_new(options->log_path))) {
        return s_fail(error, error_size, options->log_path, strerror(errno));
    }
    self->requests = standin_requests_new(self->epoll_fd, self->log, &options->mood, options->seed,
                                          options->tls_cert != NULL);
    return s_open_socket(self, error, error_size);
}

standin_server_t *standin_server_new(const standin_options_t *options, char *error, size_t error_size) {
    standin_server_t *self = standin_realloc(NULL, sizeof *self);
    *self = (standin_server_t){.options = options, .epoll_fd = -1, .signal_fd = -1, .listen_fd = -1};
    self->start_ms = standin_steady_ms();
    if (s_open(self, error, error_size) != 0) {
        standin_server_destroy(&self);
    }
    return self;
}

void standin_server_destroy(standin_server_t **self_p) {
    assert(self_p);
    standin_server_t *self = *self_p;
    if (!self) {
        return;
    }
    s_go_down(self);
    standin_requests_destroy(&self->requests);
    standin_log_destroy(&self->log);
    int fds[] = {self->listen_fd, self->signal_fd, self->epoll_fd};
    for (size_t index = 0; index < sizeof fds / sizeof *fds; index++) {
        if (fds[index] >= 0) {
            close(fds[index]);
        }
    }
    free(self);
    *self_p = NULL;
}
