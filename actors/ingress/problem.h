/*  Why a request was refused: what becomes application/problem+json (RFC 9457). Every problem that ingress
 * can name stands in the table here; its type is stable, people script against it.  */

#ifndef HF_PROBLEM_H
#define HF_PROBLEM_H

#include "base/buf.h"

//  X (NAME, HTTP status, stable last part of the type, title)
#define HF_PROBLEM_LIST(X)                                                                                   \
    X(PATH, 400, "malformed-path", "The path cannot be read")                                                \
    X(QUERY, 400, "malformed-query", "A query parameter cannot be used")                                     \
    X(HEADER, 400, "malformed-header", "A request header cannot be used")                                    \
    X(REQUEST, 400, "malformed-request", "The request is not HTTP")                                          \
    X(BODY, 400, "malformed-body", "The body cannot be read")                                                \
    X(TOKEN_MISSING, 401, "token-missing", "This node asks for a token")                                     \
    X(TOKEN_WRONG, 403, "token-wrong", "The token is not this node's")                                       \
    X(NO_PAGE, 404, "not-found", "There is no such page")                                                    \
    X(NO_PIPELINE, 404, "unknown-pipeline", "There is no such pipeline")                                     \
    X(NO_COMMAND, 404, "unknown-command", "There is no such command")                                        \
    X(NO_JOB, 404, "unknown-job", "There is no such job")                                                    \
    X(NO_DESTINATION, 404, "unknown-destination", "There is no such destination")                            \
    X(METHOD, 405, "method-not-allowed", "This page does not take that method")                              \
    X(STATE, 409, "wrong-state", "The command's state does not allow that")                                  \
    X(TOO_MANY_JOBS, 409, "too-many-jobs", "As many jobs run as may")                                        \
    X(EVENTS_GONE, 410, "events-gone", "Events after that one are not kept here")                            \
    X(BODY_TOO_LARGE, 413, "body-too-large", "The body is over the limit")                                   \
    X(TOO_MANY, 413, "too-many-commands", "The batch has too many commands")                                 \
    X(URI_TOO_LONG, 414, "uri-too-long", "The target is too long")                                           \
    X(MEDIA_TYPE, 415, "unsupported-media-type", "The body is of a type that this call does not take")       \
    X(MISSING_FIELD, 422, "missing-field", "The body lacks what the pipeline names")                         \
    X(CONFLICT, 422, "idempotency-conflict", "The Idempotency-Key was used with another body")               \
    X(HEAD_TOO_LARGE, 431, "head-too-large", "The headers are too large")                                    \
    X(SERVER, 500, "server", "The server cannot serve this request")                                         \
    X(JOURNAL, 500, "journal-unreadable", "The journal cannot be read")                                      \
    X(CODING, 501, "transfer-coding", "That transfer coding is not undone here")                             \
    X(VERSION, 505, "http-version", "That version of HTTP is not spoken here")                               \
    X(BUSY, 503, "too-much-unacknowledged", "More was received than could be made durable so far")           \
    X(FULL, 503, "journal-full", "The journal has no room")                                                  \
    X(AWAY, 503, "journal-away", "The journal cannot be reached")                                            \
    X(STOPPING, 503, "stopping", "This node is about to end")

#define HF_PROBLEM_ENUM(name, status, type, title) HF_PROBLEM_##name,
typedef enum { HF_PROBLEM_LIST(HF_PROBLEM_ENUM) HF_PROBLEMS } hf_problem_kind_t;

typedef struct {
    int status;        //  HTTP status
    const char *type;  //  Stable last part of the problem's type: "unknown-pipeline", "missing-field" …
    const char *title; //  The same for every problem of this type
    char detail[512];  //  What to change
    int retry_after_s; //  Seconds, 0: none
} hf_problem_t;

//  Fills the problem in; returns -1, so that a function can end with `return hf_problem_set (…)`.
int hf_problem_set(hf_problem_t *self, hf_problem_kind_t kind, int retry_after_s, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

//  Appends it as JSON.
void hf_problem_render(const hf_problem_t *self, hf_buf_t *out);

#endif
