/*  What stands in request headers, beyond what libmicrohttpd reads. Pure.  */

#ifndef HF_HEADER_H
#define HF_HEADER_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HF_IDEMPOTENCY_KEY_MAX = 255, //  Characters of an Idempotency-Key
    HF_CONTENT_TYPE_MAX = 255,    //  Of a Content-Type: it is stored with every command
    HF_TRACE_MAX = 1024,          //  Of traceparent and of tracestate (W3C asks for at least 512)
    HF_OPERATOR_MAX = 128,        //  Of Holdfast-Operator: it is stored with every decision
    HF_WAIT_MAX_S = 300,          //  Seconds that Prefer: wait may keep a connection
};

//  Whether text may be passed on as a header's value, and is not longer than most: no control characters (RFC
//  9110, 5.5).
bool hf_header_is_clean(const char *text, unsigned most);

//  The wait preference in a Prefer header (RFC 7240): seconds, at most HF_WAIT_MAX_S; -1 where there is none,
//  or it is not a whole number (what a server does not understand of Prefer it ignores).
int hf_prefer_wait(const char *prefer);

//  Whether an Authorization header shows this token as Bearer (RFC 6750). Takes the same time wherever they
//  differ.
bool hf_bearer_is(const char *authorization, const char *token);

//  A time that a client gave: RFC 3339, or a duration from now (back: before now). -1 where it is neither.
int hf_moment_parse(const char *text, int64_t now, bool back, int64_t *ms);

//  Whether a media type (with parameters or not) is one of newline-delimited JSON; NULL counts as one.
bool hf_is_ndjson(const char *content_type);

#endif
