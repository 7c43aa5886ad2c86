/*  The stand-in's one loop: its socket, libmicrohttpd in external epoll mode, the times at which it is
 *  down, and signals.  */

#ifndef STANDIN_SERVER_H
#define STANDIN_SERVER_H

#include "moods.h"

#include <stddef.h>

//  A time during which nobody listens: steady milliseconds since the start.
typedef struct {
    int64_t from_ms;  //  Included
    int64_t until_ms; //  Not included
} standin_window_t;

//  More than any test needs.
#define STANDIN_WINDOWS_MOST 64

typedef struct {
    const char *host;                               //  To listen on: a name or an address, without brackets
    const char *port;                               //  "0": the system picks
    const char *log_path;                           //  NULL: no log
    const char *tls_cert;                           //  PEM text, with tls_key; NULL: plain HTTP
    const char *tls_key;                            //  PEM text
    standin_mood_t mood;                            //  At the start
    int64_t gather_us;                              //  Rounds begin that far apart; 0: as fast as they come
    uint64_t seed;                                  //  Of what decides shares
    standin_window_t windows[STANDIN_WINDOWS_MOST]; //  When to be down
    size_t window_count;                            //  How many
} standin_options_t;

typedef struct standin_server standin_server_t;

//  NULL with a sentence in error. SIGTERM and SIGINT are blocked from here on and end standin_server_run.
standin_server_t *standin_server_new(const standin_options_t *options, char *error, size_t error_size);
void standin_server_destroy(standin_server_t **self_p);

//  Serves until SIGTERM or SIGINT: 0. Prints where it listens once it does. -1 with a sentence where it
//  cannot go on.
int standin_server_run(standin_server_t *self, char *error, size_t error_size);

#endif
