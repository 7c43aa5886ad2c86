/*  What libmicrohttpd refuses by itself. A request that is no HTTP (no Host, a broken length or chunk, a head over the
 *  limit) never reaches our callbacks: 0.9.75 answers it with an HTML page of its own, and has no option for another.
 *  But it queues that page as everybody queues an answer, by MHD_queue_response. So this program has a function of
 *  that name in front of the library's (the dynamic linker takes the program's first), and there the page is
 *  exchanged for what the contract promises.
 *
 *  Where it finds no Host, or a Content-Length that is no length, 0.9.75 then forgets that it has answered, and writes
 *  the answer's head twice. So it is not to find these: by a function in front of its MHD_lookup_connection_value_n it
 *  sees a Host always, and such a length never; our callbacks, which see all headers, refuse the request.
 *
 *  A library that calls its own functions without the linker would send its HTML, or two heads, again; a test looks.  */

#ifndef HF_REFUSAL_SHELL_H
#define HF_REFUSAL_SHELL_H

#include <microhttpd.h>

#include <stdbool.h>
#include <stddef.h>

//  Makes what is sent instead; the caller destroys it. NULL: the library's page after all.
typedef struct MHD_Response *(hf_on_refusal_t)(void *context, struct MHD_Connection *connection,
                                               unsigned status);

//  From now on, refusals of this daemon go through on_refusal; daemon NULL: of none. One daemon in a process.
void hf_refusal_watch(struct MHD_Daemon *daemon, hf_on_refusal_t *on_refusal, void *context);

//  Queues an answer of our own.
enum MHD_Result hf_refusal_pass(struct MHD_Connection *connection, unsigned status,
                                struct MHD_Response *response);

//  Whether a Content-Length is digits, and fits: what the library does not get to see is refused by our callbacks.
bool hf_refusal_is_length(const char *value, size_t size);

#endif
