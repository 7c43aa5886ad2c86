#include "connection.h"

#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_BYTES (64 * 1024)

struct load_connection {
    const struct sockaddr *address; //  Where to; not owned
    socklen_t address_size;         //  Of address
    int epoll_fd;                   //  Who waits
    void *owner;                    //  What epoll tells with an event
    int fd;                         //  -1 while it is closed
    bool busy;                      //  A request is under way
    const char *request;            //  Its bytes, not owned
    size_t request_size;            //  How many
    size_t written;                 //  Of them, so far
    load_response_t response;       //  What was read of the answer
};

load_connection_t *load_connection_new(const struct sockaddr *address, socklen_t address_size, int epoll_fd,
                                       void *owner) {
    load_connection_t *self = load_alloc(sizeof *self);
    self->address = address;
    self->address_size = address_size;
    self->epoll_fd = epoll_fd;
    self->owner = owner;
    self->fd = -1;
    return self;
}

void load_connection_destroy(load_connection_t **self_p) {
    assert(self_p);
    if (*self_p) {
        load_connection_close(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

void load_connection_close(load_connection_t *self) {
    if (self->fd >= 0) {
        close(self->fd); //  It leaves the epoll by that
    }
    self->fd = -1;
    self->busy = false;
}

static load_connection_result_t s_end(load_connection_t *self, load_connection_result_t result) {
    load_connection_close(self);
    return result;
}

//  Edges, of both kinds, once and for all: a request then costs no call of epoll_ctl.
static int s_connect(load_connection_t *self) {
    int on = 1;
    self->fd = socket(self->address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (self->fd < 0) {
        return -1;
    }
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = self->owner};
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->fd, &event) != 0) {
        return -1;
    }
    return connect(self->fd, self->address, self->address_size) == 0 || errno == EINPROGRESS ? 0 : -1;
}

static load_connection_result_t s_write(load_connection_t *self) {
    while (self->written < self->request_size) {
        ssize_t count = send(self->fd, self->request + self->written, self->request_size - self->written,
                             MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            //  ENOTCONN: it still connects
            bool later = errno == EAGAIN || errno == ENOTCONN;
            return later ? LOAD_CONNECTION_PENDING : s_end(self, LOAD_CONNECTION_BROKEN);
        }
        self->written += (size_t)count;
    }
    return LOAD_CONNECTION_PENDING;
}

load_connection_result_t load_connection_begin(load_connection_t *self, const char *request, size_t size) {
    assert(!self->busy);
    self->request = request;
    self->request_size = size;
    self->written = 0;
    load_response_reset(&self->response);
    if (self->fd < 0) {
        if (s_connect(self) != 0) {
            return s_end(self, LOAD_CONNECTION_BROKEN);
        }
        self->busy = true;
        return LOAD_CONNECTION_PENDING; //  The first edge says that it is writable
    }
    self->busy = true;
    return s_write(self);
}

//  Takes what was read; the answer is whole, or not yet, or no answer at all.
static load_connection_result_t s_take(load_connection_t *self, const char *data, size_t size) {
    bool done = false;
    long used = self->busy ? load_response_read(&self->response, data, size, &done) : -1;
    if (used < 0 || (done && (size_t)used < size)) {
        return s_end(self, LOAD_CONNECTION_MALFORMED);
    }
    if (!done) {
        return LOAD_CONNECTION_PENDING;
    }
    //  An answer that did not wait for the request's end leaves a connection that nothing else can be sent
    //  on.
    if (self->response.closes || self->written < self->request_size) {
        return s_end(self, LOAD_CONNECTION_ANSWERED);
    }
    self->busy = false;
    return LOAD_CONNECTION_ANSWERED;
}

static load_connection_result_t s_read(load_connection_t *self, bool to_the_end) {
    static char buffer[READ_BYTES];
    load_connection_result_t result = LOAD_CONNECTION_PENDING;
    for (;;) {
        ssize_t count = recv(self->fd, buffer, sizeof buffer, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0 && (errno == EAGAIN || errno == ENOTCONN)) {
            return result;
        }
        if (count <= 0) {
            bool asked = self->busy;
            load_connection_close(self);
            return asked ? LOAD_CONNECTION_BROKEN : result;
        }
        load_connection_result_t taken = s_take(self, buffer, (size_t)count);
        result = taken == LOAD_CONNECTION_PENDING ? result : taken;
        //  Less than was asked for: there is no more, and what comes next is a new edge (epoll(7)). An end of
        //  the stream that came together with these bytes would be none, and is looked for now.
        if (self->fd < 0 || taken == LOAD_CONNECTION_MALFORMED ||
            ((size_t)count < sizeof buffer && !to_the_end)) {
            return result;
        }
    }
}

load_connection_result_t load_connection_event(load_connection_t *self, uint32_t events) {
    if (self->fd < 0) {
        return LOAD_CONNECTION_PENDING; //  Closed in the same round
    }
    if (self->busy && self->written < self->request_size && events & EPOLLOUT) {
        if (s_write(self) != LOAD_CONNECTION_PENDING) {
            return LOAD_CONNECTION_BROKEN;
        }
    }
    if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) {
        return LOAD_CONNECTION_PENDING;
    }
    return s_read(self, (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
}

const load_response_t *load_connection_response(const load_connection_t *self) {
    return &self->response;
}
