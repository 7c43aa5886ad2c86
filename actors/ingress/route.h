/*  From a request's target to the page that is meant: paths, their methods, and percent-decoding (RFC 3986).
 * Pure.  */

#ifndef HF_ROUTE_H
#define HF_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HF_ROUTE_ARG = 128
}; //  Bytes of the part of a path that may vary, decoded: names have 64 characters, ids 36

//  Methods, as bits.
enum { HF_GET = 1, HF_POST = 2, HF_DELETE = 4 };

//  X (NAME, path; "*" is the part that varies, methods). HEAD is taken where GET is.
#define HF_PAGE_LIST(X)                                                                                      \
    X(SUBMIT, "/pipelines/*/commands", HF_POST)                                                              \
    X(BATCH, "/pipelines/*/batch", HF_POST)                                                                  \
    X(COMMANDS, "/commands", HF_GET)                                                                         \
    X(COMMAND, "/commands/*", HF_GET | HF_DELETE)                                                            \
    X(COMMAND_EVENTS, "/commands/*/events", HF_GET)                                                          \
    X(RETRY, "/commands/*/retry", HF_POST)                                                                   \
    X(DISCARD, "/commands/*/discard", HF_POST)                                                               \
    X(RESOLVE, "/commands/*/resolve", HF_POST)                                                               \
    X(EVENTS, "/events", HF_GET)                                                                             \
    X(DESTINATIONS, "/destinations", HF_GET)                                                                 \
    X(DESTINATION, "/destinations/*", HF_GET)                                                                \
    X(PAUSE, "/destinations/*/pause", HF_POST)                                                               \
    X(RESUME, "/destinations/*/resume", HF_POST)                                                             \
    X(DEAD, "/dead", HF_GET)                                                                                 \
    X(DEAD_RETRY, "/dead/retry", HF_POST)                                                                    \
    X(DEAD_DISCARD, "/dead/discard", HF_POST)                                                                \
    X(DEAD_RESOLVE, "/dead/resolve", HF_POST)                                                                \
    X(JOBS, "/jobs", HF_GET)                                                                                 \
    X(JOB, "/jobs/*", HF_GET | HF_DELETE)                                                                    \
    X(HEALTHZ, "/healthz", HF_GET)                                                                           \
    X(READYZ, "/readyz", HF_GET)                                                                             \
    X(METRICS, "/metrics", HF_GET)                                                                           \
    X(PS, "/ps", HF_GET)

#define HF_PAGE_ENUM(name, path, methods) HF_PAGE_##name,
typedef enum { HF_PAGE_LIST(HF_PAGE_ENUM) HF_PAGES } hf_page_t;

typedef struct {
    hf_page_t page;         //  Which, HF_PAGES: none
    unsigned methods;       //  Bits that it takes
    char arg[HF_ROUTE_ARG]; //  The part that varies, decoded
    const char *query;      //  What stands behind "?", in the target; NULL: nothing
} hf_route_t;

//  Reads a request's target (as sent, still encoded; "http://host" before the path is stepped over, as RFC
//  9112 wants it). -1 where an escape is broken or stands for NUL. An unknown path gives HF_PAGES.
int hf_route_find(const char *target, hf_route_t *route);

//  The bit of a method's name (HEAD is GET), or 0.
unsigned hf_method_parse(const char *name);

//  "GET, HEAD, DELETE", as Allow wants it.
void hf_methods_format(unsigned methods, char text[32]);

//  Undoes percent-encoding; form: "+" is a space. -1 where an escape is broken or stands for NUL, or out is
//  too small.
int hf_uri_decode(const char *text, size_t size, bool form, char *out, size_t out_size);

//  Calls on_pair for each name=value of a query, decoded, in order, until it returns -1. -1 as above, or what
//  on_pair returned. Names are at most 64 bytes, values 1024.
typedef int(hf_on_pair_t)(void *context, const char *name, const char *value);
int hf_query_walk(const char *query, hf_on_pair_t *on_pair, void *context);

#endif
