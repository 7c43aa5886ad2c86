/*  A run: so many connections, and the requests that they carry.
 *
 *  Closed loop: each connection sends its next request when the last was answered. Open loop: request i is
 *  meant to be sent at start + i / rate, whatever became of the others; it goes out on a free connection,
 *  and its latency counts from when it was meant to be sent. What waits for a free connection is slow then,
 *  as a user would find it (no coordinated omission).
 *
 *  One logical request may take several tries, on the same connection's slot, with the same body and
 *  Idempotency-Key:
 *
 *      free ─▶ busy ─▶ acknowledged or given up ─▶ free    s_start, s_try, s_acknowledge, s_give_up
 *               ▲└▶ paused ─┐                             s_fail_try
 *               └───────────┘                             s_sweep  */

#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "acks.h"
#include "body.h"
#include "report.h"

#include <signal.h>

typedef struct {
    const char *host;             //  Name or address, without brackets
    const char *port;             //  Number
    const char *authority;        //  As in the url, for Host
    const char *path;             //  With its '/'
    const char *headers;          //  More header lines, each with its CRLF; may be ""
    const load_body_t *body;      //  What is sent
    load_acks_t *acks;            //  NULL: none
    unsigned connections;         //  How many
    double rate;                  //  A second; 0: closed loop
    int64_t duration_us;          //  0: until count
    uint64_t count;               //  0: until duration
    int64_t timeout_us;           //  Of one try
    int64_t patience_us;          //  Of one logical request, with retry
    const char *id_name;          //  The field of the answer's JSON that holds the id
    int expect;                   //  The status that acknowledges
    bool by_second;               //  Keeps a series
    uint64_t spread;              //  "{n}" in path becomes the request's number modulo this; 0: no such thing
    bool idempotency;             //  Sends Idempotency-Key
    bool retry;                   //  Tries again
    volatile sig_atomic_t *ended; //  Not 0: a signal asks for the end
} load_options_t;

typedef struct load_run load_run_t;

//  NULL with a sentence in error.
load_run_t *load_run_new(const load_options_t *options, char *error, size_t error_size);
void load_run_destroy(load_run_t **self_p);

//  Sends everything; the report belongs to the run.
const load_report_t *load_run_go(load_run_t *self);

#endif
