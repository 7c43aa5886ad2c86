/*  One HTTP client for all verbs: HOLDFAST_URL, HOLDFAST_TOKEN, time-outs, and the words for what went wrong.
 *
 *  Happy path: hf_client_ask sends a request and gives its answer as JSON; hf_client_follow reads Server-Sent
 * Events until a callback has enough. Failures are said on stderr by hf_client_say, so that a verb only
 * returns the status it is given.  */

#ifndef HF_CLIENT_H
#define HF_CLIENT_H

#include "base/buf.h"
#include "cli/event_stream.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HF_CLIENT_HEADERS = 8,            //  Own headers of one request
    HF_CLIENT_TIMEOUT_MS = 30000,     //  A whole request, where it says nothing else
    HF_CLIENT_ANSWER_MAX = 256 << 20, //  Bytes of an answer: a page of the largest commands stays below
    HF_CLIENT_WHY = 256,              //  Bytes for libcurl's words
};

typedef struct hf_client hf_client_t;

//  A request.
typedef struct {
    const char *method;                     //  "GET" …
    const char *path;                       //  Percent-encoded, with its query
    const char *headers[HF_CLIENT_HEADERS]; //  "Name: value"; NULL ones are left out
    const void *body;                       //  Its bytes, or NULL
    size_t body_size;                       //  How many
    int64_t timeout_ms;                     //  0: HF_CLIENT_TIMEOUT_MS
    bool body_is_options; //  The body is made of options: one that is malformed is wrong usage
} hf_request_t;

//  An answer, whatever its status. A zeroed one is empty.
typedef struct {
    long status;   //  HTTP status
    hf_buf_t body; //  Its bytes
} hf_reply_t;

void hf_reply_free(hf_reply_t *self);

//  A client for HOLDFAST_URL. NULL, after saying so, where that can be no address: return HF_EXIT_USAGE then.
hf_client_t *hf_client_new(void);
void hf_client_destroy(hf_client_t **self_p);

//  How a request came to its end, before anyone looks at the answer's status.
typedef enum {
    HF_REACHED,     //  An answer came
    HF_NOT_REACHED, //  Nobody listens at that address
    HF_BROKEN,      //  Something may have been sent, and no whole answer came
} hf_reach_t;

//  Sends it and says nothing. why gets libcurl's words unless it was reached.
hf_reach_t hf_client_try(hf_client_t *self, const hf_request_t *request, hf_reply_t *reply,
                         char why[HF_CLIENT_WHY]);

//  Says on stderr what a try came to and returns the exit status; silent for an answer of 2xx. What an
//  answer's problem says is shown as "title: detail"; a query or header that the node cannot read is wrong usage.
int hf_client_say(const hf_client_t *self, hf_reach_t reach, const hf_reply_t *reply, const char *why);

//  Sends it, says what failed, and gives the answer as JSON (answer may be NULL; else it is the caller's).
//  Returns the exit status.
int hf_client_ask(hf_client_t *self, const hf_request_t *request, json_t **answer);

//  GETs a path, JSON in answer, as above.
int hf_client_get(hf_client_t *self, const char *path, json_t **answer);

//  How a stream of events came to its end.
typedef enum {
    HF_STREAM_ENOUGH,      //  A callback had enough
    HF_STREAM_ENDED,       //  The stream stood, then ended, broke, or was silent for too long
    HF_STREAM_REFUSED,     //  An answer came that is no stream: see reply
    HF_STREAM_NOT_REACHED, //  Nobody listens at that address, or the connection broke before an answer: see
                           //  why
} hf_stream_end_t;

//  Reads events from a path once, from behind the stream's last id on. Something has to come every
//  silence_ms. on_idle is called about once a second whether or not something comes, and returns false when
//  it has enough; it may be NULL.
typedef bool(hf_on_idle_t)(void *context);
hf_stream_end_t hf_client_follow(hf_client_t *self, const char *path, hf_event_stream_t *stream,
                                 int64_t silence_ms, hf_on_idle_t *on_idle, void *context, hf_reply_t *reply,
                                 char why[HF_CLIENT_WHY]);

//  ---- paths

//  Appends text percent-encoded (RFC 3986: only unreserved characters stay).
void hf_path_escape(hf_buf_t *path, const char *text);

//  Appends name=value to the query, with the '?' or '&' that it needs; nothing where value is NULL.
void hf_path_query(hf_buf_t *path, const char *name, const char *value);

//  ---- time

//  Milliseconds that only grow, for deadlines; and the wall clock's, since 1970.
int64_t hf_client_now_ms(void);
int64_t hf_client_wall_ms(void);

#endif
