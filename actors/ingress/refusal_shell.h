/*  What libmicrohttpd refuses by itself. A request that is no HTTP (no Host, a broken length or chunk, a head over the
 *  limit) never reaches our callbacks: 0.9.75 answers it with an HTML page of its own, and has no option for another.
 *  But it queues that page as everybody queues an answer, by MHD_queue_response. So this program has a function of
 *  that name in front of the library's (the dynamic linker takes the program's first), and there the page is
 *  exchanged for what the contract promises.
 *
 *  A library that calls its own function without the linker would send its HTML again; a test looks.  */

#ifndef HF_REFUSAL_SHELL_H
#define HF_REFUSAL_SHELL_H

#include <microhttpd.h>

//  Makes what is sent instead; the caller destroys it. NULL: the library's page after all.
typedef struct MHD_Response *(hf_on_refusal_t)(void *context, struct MHD_Connection *connection,
                                               unsigned status);

//  From now on, refusals of this daemon go through on_refusal; daemon NULL: of none. One daemon in a process.
void hf_refusal_watch(struct MHD_Daemon *daemon, hf_on_refusal_t *on_refusal, void *context);

//  Queues an answer of our own.
enum MHD_Result hf_refusal_pass(struct MHD_Connection *connection, unsigned status,
                                struct MHD_Response *response);

#endif
