/*  What verbs read from the node's JSON: members that may be absent, times, and how both are shown to a
 * person.  */

#ifndef HF_CLI_FIELDS_H
#define HF_CLI_FIELDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    HF_FIELDS_AGE = 32,  //  Bytes of an age
    HF_FIELDS_TIME = 40, //  Bytes of a time
};

//  A member that is a text, else "".
const char *hf_fields_text(const json_t *object, const char *name);

//  A member that is a whole number, else 0.
int64_t hf_fields_integer(const json_t *object, const char *name);

//  A member that is a time (RFC 3339), as milliseconds since 1970; 0 where it is absent or null.
int64_t hf_fields_time(const json_t *object, const char *name);

//  When a command is called next; 0 where nobody knows: its destination holds it, and names no time.
int64_t hf_fields_next_call(const json_t *command, int64_t now_ms);

//  "2026-01-31 12:00:00.000Z", "12:00:00.000Z" on the day of `today_ms`; "-" for 0.
void hf_fields_format_time(int64_t ms, int64_t today_ms, char out[HF_FIELDS_TIME]);

//  A span of time in its largest unit: "250ms", "12s", "3m", "2h", "5d"; a negative one is "0s".
void hf_fields_format_age(int64_t span_ms, char out[HF_FIELDS_AGE]);

//  A span between two times of an attempt: "0.8ms", "12ms", "1.25s", "3m".
void hf_fields_format_span(double ms, char out[HF_FIELDS_AGE]);

//  Prints a value as one line of JSON; on a terminal in ASCII only, so that nothing in it can control the
//  terminal.
void hf_fields_print(FILE *file, const json_t *value);

//  Whether a command in that state goes no further by itself: it has ended, or waits for a person.
bool hf_fields_is_settled(const char *state);

#endif
