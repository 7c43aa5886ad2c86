/*  A strict parser of HTTP/1.1 responses: status line, headers, and a body whose length Content-Length says
 *  (RFC 9112). What Holdfast and the stand-in never send, chunks for one, is malformed: the load generator
 *  checks every answer.  */

#ifndef LOAD_RESPONSE_H
#define LOAD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Of the body, for the id in it; what is longer is counted, not kept.
#define LOAD_RESPONSE_KEPT_BYTES 4096

//  Longest line of a head.
#define LOAD_RESPONSE_LINE_BYTES 1024

//  Lines of a head at most.
#define LOAD_RESPONSE_LINES_MOST 64

//  One response; zeroed is "nothing read yet".
typedef struct {
    int status;                              //  200 … 599, once its line was read
    bool head_read;                          //  Through the empty line
    bool closes;                             //  Connection: close
    bool sized;                              //  Content-Length was there
    int lines;                               //  Of the head, so far
    int64_t body_bytes;                      //  Content-Length
    int64_t body_read;                       //  Of it, so far
    size_t line_size;                        //  Of the line that is not whole yet
    char line[LOAD_RESPONSE_LINE_BYTES];     //  That line
    char body[LOAD_RESPONSE_KEPT_BYTES + 1]; //  The body's beginning, NUL-terminated once it is whole
} load_response_t;

//  Forgets everything, without touching the buffers.
void load_response_reset(load_response_t *self);

//  Reads on. Returns how many bytes belong to the response, or -1 where they break its form; *done where it
//  is whole.
long load_response_read(load_response_t *self, const char *data, size_t size, bool *done);

#endif
