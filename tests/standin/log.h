/*  The stand-in's log: what the third party was really asked to do, for tests to count. One line for each
 *  request that was read whole, appended when it was:
 *
 *      1732400000123 503 0193f0c2-… 2 6e34a5b0c1d2e3f4 200 /instances/i-7/stop
 *
 *  time in ms since 1970 · what it is answered (a status, or hang, reset, garbage) · Idempotency-Key ·
 *  Holdfast-Attempt · XXH3-64 of the body, 16 hex digits · its bytes · path and query as sent. `-` stands
 *  for a header that was not there.
 *
 *  Lines are gathered and written at the latest LOG_FLUSH_MS after the first of them; a SIGKILL may take
 *  those.  */

#ifndef STANDIN_LOG_H
#define STANDIN_LOG_H

#include <stdint.h>

typedef struct standin_log standin_log_t;

//  One line's content; the strings are only read.
typedef struct {
    int64_t time_ms;     //  Since 1970
    const char *outcome; //  "200", "hang", …
    const char *key;     //  Idempotency-Key, or NULL
    const char *attempt; //  Holdfast-Attempt, or NULL
    uint64_t hash;       //  XXH3-64 of the body
    uint64_t body_bytes; //  Length of the body
    const char *path;    //  As in the request line
} standin_log_line_t;

//  Opens the file for appending; NULL with errno where that fails.
standin_log_t *standin_log_new(const char *path);

//  Flushes and closes. Destroying twice, or nothing, is no mistake.
void standin_log_destroy(standin_log_t **self_p);

//  Takes a line; now_ms is steady time. A log of NULL takes nothing.
void standin_log_add(standin_log_t *self, int64_t now_ms, const standin_log_line_t *line);

//  Writes what was gathered. A write that fails ends the program: tests rely on every line.
void standin_log_flush(standin_log_t *self);

//  Steady time of the next flush; INT64_MAX where nothing waits for one.
int64_t standin_log_due_ms(const standin_log_t *self);

#endif
