/*  One keep-alive connection: connects when it is needed, writes a request, reads the answer, notices when
 *  it is broken.
 *
 *      closed ─▶ connecting ─▶ busy ─▶ idle ─▶ busy …      load_connection_begin, load_connection_event
 *         ▲──────────┴──────────┴────────┘                 load_connection_close, and whatever breaks it  */

#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "response.h"

#include <stdint.h>
#include <sys/socket.h>

typedef struct load_connection load_connection_t;

typedef enum {
    LOAD_CONNECTION_PENDING,  //  Nothing is decided yet
    LOAD_CONNECTION_ANSWERED, //  A whole answer is there: load_connection_response
    LOAD_CONNECTION_BROKEN,   //  Refused, reset, or closed before the answer was whole; it is closed
    LOAD_CONNECTION_MALFORMED //  What came is not an answer, or not to us; it is closed
} load_connection_result_t;

//  Where to connect to, and who waits for events in which epoll; nothing is owned and all of it must outlive
//  the connection.
load_connection_t *load_connection_new(const struct sockaddr *address, socklen_t address_size, int epoll_fd,
                                       void *owner);
void load_connection_destroy(load_connection_t **self_p);

//  Begins a request; the bytes must stay as they are until it has ended. PENDING or BROKEN.
load_connection_result_t load_connection_begin(load_connection_t *self, const char *request, size_t size);

//  Something happened, with epoll's bits. An idle connection that its peer closes is PENDING: it connects
//  again when needed.
load_connection_result_t load_connection_event(load_connection_t *self, uint32_t events);

//  Gives up what is under way, if anything.
void load_connection_close(load_connection_t *self);

//  The answer, valid until the next load_connection_begin.
const load_response_t *load_connection_response(const load_connection_t *self);

#endif
