#include "host/notify.h"
#include "host/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum {
    READY_TRIES = 10,        //  Others may be faster each time there is room
    PERIOD_MAX_MS = 1000,    //  A beat a second is what people look at
    READY_PATIENCE_MS = 500, //  How long READY waits for a place: many start at once
};

static struct {
    bool opened;                           //  Whether the environment was looked at
    int fd;                                //  Where to send from, -1: nobody listens
    int64_t period_ms;                     //  Between beats
    int64_t next_us;                       //  No beat before that
    bool owes_ready;                       //  READY=1 has not gone out yet
    bool owes_stopping;                    //  STOPPING=1 has not gone out yet
    char status[HF_NOTIFY_STATUS_MAX + 1]; //  The newest, without line ends
} s_notify;

//  NOTIFY_SOCKET is a path, or "@" and a name in the abstract namespace. Connected, so that poll() tells when
//  there is room.
static void s_connect(const char *socket_name) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t size = strlen(socket_name);
    if ((*socket_name != '/' && *socket_name != '@') || size >= sizeof to.sun_path) {
        return;
    }
    memcpy(to.sun_path, socket_name, size);
    if (*socket_name == '@') {
        to.sun_path[0] = 0;
    }
    socklen_t to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, to_size)) {
        close(fd);
        fd = -1;
    }
    s_notify.fd = fd;
}

static void s_open(void) {
    if (s_notify.opened) {
        return;
    }
    const char *socket_name = getenv("NOTIFY_SOCKET");
    uint64_t watchdog_us = 0;
    s_notify.opened = true;
    s_notify.fd = -1;
    s_notify.period_ms = PERIOD_MAX_MS;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0 && watchdog_us / 2000 < PERIOD_MAX_MS) {
        s_notify.period_ms = watchdog_us / 2000 ? (int64_t)(watchdog_us / 2000) : 1;
    }
    if (socket_name) {
        s_connect(socket_name);
    }
}

//  Everything that is owed, and the status, as one datagram.
static void s_send(void) {
    char text[HF_NOTIFY_STATUS_MAX + 64];
    int size = snprintf(text, sizeof text, "%s%sWATCHDOG=1\n%s%s", s_notify.owes_ready ? "READY=1\n" : "",
                        s_notify.owes_stopping ? "STOPPING=1\n" : "", *s_notify.status ? "STATUS=" : "",
                        s_notify.status);
    ssize_t sent;
    do {
        sent = send(s_notify.fd, text, (size_t)size, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent >= 0) {
        s_notify.owes_ready = false;
        s_notify.owes_stopping = false;
    }
}

void hf_notify_ready(void) {
    s_open();
    if (s_notify.fd >= 0) {
        struct pollfd room = {.fd = s_notify.fd, .events = POLLOUT};
        s_notify.owes_ready = true;
        s_send();
        for (int i = 0; s_notify.owes_ready && i < READY_TRIES && poll(&room, 1, READY_PATIENCE_MS) > 0;
             i++) {
            s_send();
        }
    }
}

void hf_notify_stopping(void) {
    s_open();
    if (s_notify.fd >= 0) {
        s_notify.owes_stopping = true;
        s_send();
    }
}

//  A status with a line end in it would be two lines of the protocol.
static void s_keep_status(const char *status) {
    size_t size = status ? strlen(status) : 0;
    if (size > HF_NOTIFY_STATUS_MAX) {
        size = 0;
    }
    for (size_t i = 0; i < size; i++) {
        s_notify.status[i] = status[i] == '\n' || status[i] == '\r' ? ' ' : status[i];
    }
    s_notify.status[size] = 0;
}

void hf_notify_beat(const char *status) {
    s_open();
    if (s_notify.fd < 0) {
        return;
    }
    s_keep_status(status);
    int64_t now = hf_clock_now_us();
    if (now >= s_notify.next_us) {
        //  A tenth early is in time: else a timer of just this period would miss every second beat.
        s_notify.next_us = now + s_notify.period_ms * 900;
        s_send();
    }
}

int64_t hf_notify_period_ms(void) {
    s_open();
    return s_notify.period_ms;
}
