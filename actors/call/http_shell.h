/*  HTTP requests with libcurl, thousands at a time: its multi interface with sockets and time-outs in one
 * epoll descriptor, so that one poller in the actor's loop stands for all of them.  */

#ifndef HF_HTTP_SHELL_H
#define HF_HTTP_SHELL_H

#include "base/error.h"
#include "call/call_core.h"

enum {
    HF_HTTP_READ_ON_MAX =
        1 << 20, //  Bytes of an answer that are read beyond what is kept, so that its connection can be used
                 //  again; a longer one is left, and its connection closed
    HF_HTTP_HEADERS_MAX = 256 << 10, //  Bytes of an answer's headers: twice what any server sends
    HF_HTTP_IDLE_MAX_S =
        55, //  A connection idle for longer is not used again: common proxies close it after 60 s
};

typedef struct {
    size_t destinations; //  How many there are: requests name theirs by number
    size_t connections;  //  Kept open at most; fewer than requests under way would close what is just needed
    const char *ca_file; //  Certificates to trust; NULL: the system's
} hf_http_options_t;

typedef struct hf_http hf_http_t;

hf_http_t *hf_http_new(const hf_http_options_t *options, hf_error_t *error);

//  Requests that are under way are dropped without a result.
void hf_http_destroy(hf_http_t **self_p);

//  Readable when hf_http_run has something to do.
int hf_http_descriptor(const hf_http_t *self);

//  Begins a request; it, and all that it points to, must live until its result was taken. What was begun is
//  sent by hf_http_send or hf_http_run.
void hf_http_start(hf_http_t *self, const hf_call_request_t *request);

//  Sends what was begun, and ends what took too long.
void hf_http_send(hf_http_t *self);

//  Does what can be done without waiting: reads what came, then the same as hf_http_send.
void hf_http_run(hf_http_t *self);

//  The next result, or false. What it points to is valid until the next call of this function.
bool hf_http_next(hf_http_t *self, uint64_t *ticket, hf_call_result_t *result);

//  Requests under way.
size_t hf_http_under_way(const hf_http_t *self);

#endif
