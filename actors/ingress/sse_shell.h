/*  Event streams to clients (Server-Sent Events; WHATWG HTML, section 9.2), of everything or of one command.
 *
 *  A stream keeps the number that it has reached, and little else: events come from the ring, or, where they
 * are older, from the journal's file. A stream with nothing to tell is suspended; a fact that it wants, or a
 * heartbeat, resumes it. A reader that does not read keeps its connection blocked, and libmicrohttpd's
 * time-out for idle connections ends it.
 *
 *  A stream of one command begins with the command's history, found by walking from its newest fact to the
 * first, and ends behind the fact that ended the command.  */

#ifndef HF_SSE_SHELL_H
#define HF_SSE_SHELL_H

#include "ingress/event_ring.h"
#include "ingress/problem.h"
#include "store/store.h"

#include <microhttpd.h>

enum {
    HF_SSE_HEARTBEAT_MS =
        15000, //  A comment after so much silence: proxies cut silent connections after 30 s and more
    HF_SSE_SEND_BUFFER = 64 << 10, //  Bytes of a stream in the kernel: what one that does not read can cost
    HF_SSE_READS = 8,       //  Blocks read from the file in a round, for all who replay: about a millisecond
    HF_SSE_WALK_MAX = 256,  //  Facts of one command that a stream looks up, or keeps the numbers of, at once
    HF_SSE_SCAN_MAX = 1024, //  Events that a stream steps over at once
};

typedef struct hf_sse hf_sse_t;

hf_sse_t *hf_sse_new(const hf_config_t *config, hf_store_t *store);

//  After all its streams are gone.
void hf_sse_destroy(hf_sse_t **self_p);

//  What a client asks for. last_event_id NULL: from now on, or (of one command) from its beginning.
typedef struct {
    const hf_id_t *id;         //  One command, or NULL: all
    hf_event_filter_t filter;  //  Of all
    const char *last_event_id; //  The header
} hf_sse_request_t;

//  Makes a stream's response; *response NULL, and 0 returned: there is nothing to come (the command has
//  ended, and the client has heard it). -1: refused, see the problem.
int hf_sse_open(hf_sse_t *self, struct MHD_Connection *connection, const hf_sse_request_t *request,
                uint64_t newest, struct MHD_Response **response, hf_problem_t *problem);

//  A fact became durable; in order.
void hf_sse_on_fact(hf_sse_t *self, const Hf__Fact *fact);

//  Facts may have been missed: what streams of one command wait for is looked up.
void hf_sse_rebuild(hf_sse_t *self);

//  A round begins: HF_SSE_READS blocks of events may be read from the file in it. And whether streams want to
//  read more.
void hf_sse_begin_round(hf_sse_t *self);
bool hf_sse_is_behind(const hf_sse_t *self);

//  Resumes the streams that have something to tell; true: some were, or it is to be called again.
bool hf_sse_pump(hf_sse_t *self);

//  Resumes those that were silent for long; call about once a second.
void hf_sse_beat(hf_sse_t *self, int64_t now);

//  Ends all streams, and refuses new ones.
void hf_sse_close(hf_sse_t *self);

size_t hf_sse_readers(const hf_sse_t *self);

#endif
