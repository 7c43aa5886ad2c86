/*  What the stand-in says: bodies that are computed where they are read, so that ten gigabytes take no
 *  memory, and the cheap path, a response made once and given to everybody.  */

#ifndef STANDIN_ANSWERS_H
#define STANDIN_ANSWERS_H

#include "moods.h"

#include <microhttpd.h>
#include <stddef.h>

//  A body: a head, as much padding as it takes, a tail.
typedef struct {
    char head[48];       //  {"ok":true}, or what comes before the padding
    int64_t head_bytes;  //  Of the head
    int64_t tail_bytes;  //  Of `"}` behind the padding, or 0
    int64_t total_bytes; //  Of the whole body
} standin_body_t;

//  The body of an outcome.
standin_body_t standin_body_of(const standin_outcome_t *outcome);

//  Writes up to most bytes of the body from that position on; returns how many.
size_t standin_body_read(const standin_body_t *self, int64_t from, char *to, size_t most);

typedef struct standin_answers standin_answers_t;

standin_answers_t *standin_answers_new(void);
void standin_answers_destroy(standin_answers_t **self_p);

//  True where the outcome's body is to be streamed: it is big, it drips, or it ends in a reset.
bool standin_answers_streams(const standin_outcome_t *outcome);

//  Queues the outcome's answer, the whole body in memory. Host is the request's, or NULL.
enum MHD_Result standin_answers_queue(standin_answers_t *self, struct MHD_Connection *connection,
                                      const standin_outcome_t *outcome, const char *host, bool tls);

//  Adds Content-Type, Retry-After and Location where the outcome has them. Host is the request's, or NULL.
void standin_answers_dress(struct MHD_Response *response, const standin_outcome_t *outcome, const char *host,
                           bool tls);

//  A response of JSON text that malloc gave; it is freed with the response.
struct MHD_Response *standin_answers_json(char *text);

#endif
