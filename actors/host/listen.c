#include "host/listen.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int s_split(const char *address, char *host, size_t host_size, const char **port) {
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;
    bool bracketed = size > 2 && address[0] == '[' && address[size - 1] == ']';
    if (!colon || !colon[1] || size >= host_size) {
        return -1;
    }
    memcpy(host, address + bracketed, size - 2 * bracketed);
    host[size - 2 * bracketed] = 0;
    *port = colon + 1;
    return 0;
}

//  A socket that has the address; -1 with errno set.
static int s_bind(const struct addrinfo *info) {
    int on = 1, fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, info->ai_addr, info->ai_addrlen)) {
        int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

static int s_refuse(const char *address, hf_error_t *error) {
    return hf_error_set(error,
                        "listen at %s: %s; end what listens there, or give another address with --http",
                        address, strerror(errno));
}

static int s_take(const char *address, hf_error_t *error) {
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *info = NULL;
    char host[256];
    const char *port;
    if (s_split(address, host, sizeof host, &port)) {
        return hf_error_set(error, "listen at '%s': that is not HOST:PORT", address);
    }
    int code = getaddrinfo(*host ? host : NULL, port, &hints, &info);
    if (code) {
        return hf_error_set(error, "listen at %s: %s", address, gai_strerror(code));
    }
    int fd = s_bind(info);
    freeaddrinfo(info);
    return fd < 0 ? s_refuse(address, error) : fd;
}

int hf_listen(const char *address, int backlog, hf_error_t *error) {
    int fd = s_take(address, error);
    if (fd >= 0 && listen(fd, backlog)) {
        s_refuse(address, error);
        close(fd);
        return -1;
    }
    return fd;
}

//  Bound, and not listening: a port that another socket listens at cannot be had even so (ip(7), SO_REUSEADDR).
int hf_listen_check(const char *address, hf_error_t *error) {
    int fd = s_take(address, error);
    if (fd < 0) {
        return -1;
    }
    close(fd);
    return 0;
}
