/*  The requests that the stand-in has in hand: libmicrohttpd's callbacks, and those of them that wait.
 *
 *  A request is read whole, logged, and decided. A plain answer is queued at once. One that is to wait (a
 *  delay, a hang, the next byte of a drip) is suspended, gets a timer, and its socket is watched for its
 *  client's leaving, since libmicrohttpd looks at no suspended connection. Timer or leaving resumes it, and
 *  the callback is called again.
 *
 *      reading ─▶ waiting ─▶ answering ─▶ given back    standin_requests_handle, s_pause, s_wake, s_answer
 *         └──────────────────▲    └▶ waiting            s_stream_read, before each byte of a drip  */

#ifndef STANDIN_REQUESTS_H
#define STANDIN_REQUESTS_H

#include "control.h"
#include "log.h"
#include "moods.h"

#include <microhttpd.h>

typedef struct standin_requests standin_requests_t;

//  Watches sockets in epoll_fd, with a pointer to be given to standin_requests_left; log may be NULL and is
//  not owned.
standin_requests_t *standin_requests_new(int epoll_fd, standin_log_t *log, const standin_mood_t *mood,
                                         uint64_t seed, bool tls);

//  None may be in hand any more.
void standin_requests_destroy(standin_requests_t **self_p);

//  Callbacks for MHD_OPTION_URI_LOG_CALLBACK, MHD_start_daemon and MHD_OPTION_NOTIFY_COMPLETED; cls is the
//  object.
void *standin_requests_begin(void *cls, const char *uri, struct MHD_Connection *connection);
enum MHD_Result standin_requests_handle(void *cls, struct MHD_Connection *connection, const char *url,
                                        const char *method, const char *version, const char *data,
                                        size_t *size, void **request_p);
void standin_requests_completed(void *cls, struct MHD_Connection *connection, void **request_p,
                                enum MHD_RequestTerminationCode code);

//  The client of a waiting request has left. To be called before MHD_run, which may give the request back.
void standin_requests_left(standin_requests_t *self, void *request);

//  Resumes what is due; true where there was something, so that MHD_run is to be called without waiting:
//  libmicrohttpd's epoll says nothing of resumed connections.
bool standin_requests_tick(standin_requests_t *self, int64_t now_ms);

//  When the next one is due; INT64_MAX where none waits for a time.
int64_t standin_requests_next_ms(const standin_requests_t *self);

//  Closed, it resumes all that wait and drops every request, as MHD_stop_daemon demands; opened, it takes
//  requests again.
void standin_requests_close(standin_requests_t *self);
void standin_requests_open(standin_requests_t *self);

//  How long /standin/mood asked to be down for, once its answer is sent; -1 where nobody asked. Asking once
//  takes it.
int64_t standin_requests_take_down_ms(standin_requests_t *self);

//  Counts how many connections there are, for the stats.
void standin_requests_connected(void *cls, struct MHD_Connection *connection, void **context,
                                enum MHD_ConnectionNotificationCode code);

#endif
