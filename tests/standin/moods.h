/*  A mood is how the stand-in treats requests. It is set by the command line, by POST /standin/mood and by
 *  the request's own path, and all three use the names below ('-' and '_' are the same; the path form is
 *  given):
 *
 *      /delay/MS            answers after that long
 *      /status/N            answers N
 *      /fail/SHARE          that share (0 … 1) answers /fail-status/N, by default 503
 *      /hang[/SHARE]        never answers
 *      /reset[/SHARE]       answers in part, then resets the connection
 *      /garbage[/SHARE]     answers with what is not HTTP
 *      /redirect            302 (or the 3xx that /status gives) to elsewhere
 *      /large/SIZE          a body of that size (K, M, G), streamed; also /response-bytes/SIZE
 *      /drip                the body comes one byte a second
 *      /retry-after/S       Retry-After on what is not a 2xx; a path without /status or /fail then answers
 *                           fail-status
 *
 *  A path that names an outcome (anything but delay, fail-status, sizes and retry-after) gets just that
 *  one: the outcomes set elsewhere do not apply to it.  */

#ifndef STANDIN_MOODS_H
#define STANDIN_MOODS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t delay_ms;      //  Before any answer
    int64_t status;        //  What is answered as a rule
    double fail;           //  Share that answers fail_status instead
    int64_t fail_status;   //  See fail
    double hang;           //  Share that is never answered
    double reset;          //  Share whose answer ends in a reset
    double garbage;        //  Share whose answer is not HTTP
    double redirect;       //  Not 0: answers 302 with a Location
    double drip;           //  Not 0: one byte a second
    int64_t retry_after_s; //  -1: no such header
    int64_t
        retry_after_date_s; //  The same as an HTTP-date, so long from the answer, the second in which that is over; -1: not so
    int64_t response_bytes; //  -1: as long as the answer naturally is
} standin_mood_t;

typedef enum { STANDIN_ANSWER, STANDIN_HANG, STANDIN_RESET, STANDIN_GARBAGE } standin_kind_t;

//  What one request gets.
typedef struct {
    standin_kind_t kind;        //  Which of the four
    unsigned status;            //  200 … 599, for an answer
    bool redirect;              //  With a Location
    bool drip;                  //  One byte a second
    int64_t delay_ms;           //  Before any of it
    int64_t retry_after_s;      //  -1: no such header
    int64_t retry_after_date_s; //  The same as an HTTP-date; -1: not so
    int64_t response_bytes;     //  -1: as long as the answer naturally is
} standin_outcome_t;

//  The mood in which everything is answered 200 at once.
extern const standin_mood_t standin_mood_default;

//  Sets what name says to value. -1 where there is no such name, or its value is not one; self is then as
//  before.
int standin_mood_set(standin_mood_t *self, const char *name, const char *value);

//  Decides what a request with this path gets; the generator's state moves on by one draw for each share that
//  is neither 0 nor 1.
standin_outcome_t standin_mood_decide(const standin_mood_t *self, const char *path, uint64_t *random);

//  Reads "10G" and the like: bytes, or -1.
int64_t standin_size_parse(const char *text);

#endif
