/*  One HTTP request, as all who handle it see it: server_shell takes it in from libmicrohttpd, head_shell reads its head,
 * pages_shell knows what it is for, waiting_shell keeps it until it can be answered.  */

#ifndef HF_REQUEST_SHELL_H
#define HF_REQUEST_SHELL_H

#include "base/id_map.h"
#include "ingress/metrics.h"
#include "ingress/query.h"
#include "ingress/route.h"
#include "ingress/server_shell.h"
#include "ingress/sse_shell.h"

typedef enum {
    HF_REQUEST_HEAD,    //  Its head is being read
    HF_REQUEST_BODY,    //  Its body is being gathered
    HF_REQUEST_REFUSED, //  Its body is being dropped; then it is answered with its problem
    HF_REQUEST_WAITING, //  For the journal, for a command's end, or for a list to be filled
    HF_REQUEST_READY,   //  The response is there
    HF_REQUEST_DONE,    //  The response is queued
} hf_request_phase_t;

typedef struct hf_request hf_request_t;

struct hf_request {
    hf_server_t *server;               //  Whose
    struct MHD_Connection *connection; //  NULL: gone; the journal's answer is still to come
    hf_request_phase_t phase;          //  How far it is
    hf_route_t route;                  //  The page
    bool route_broken;                 //  Its path cannot be decoded
    unsigned method;                   //  Bit of route.h, 0: unknown
    int64_t began_at;                  //  When its head was there
    //  Headers; texts are libmicrohttpd's and live as long as the request.
    const char *content_type, *idempotency_key, *not_before, *deadline, *priority, *traceparent;
    const char *authorization, *operator_, *last_event_id, *accept;
    char *tracestate;             //  Joined where it came in several lines; ours
    const char *doubled;          //  Name of a header that came twice and must not, or NULL
    const char *cut;              //  Name of a header with a NUL in it, or NULL
    const char *line, *line_name; //  Where the next header's line must begin; the name of the one before it
    bool framed;                  //  Its body's length is said
    const char *unframed;         //  Why nobody knows where the next request begins, or NULL
    hf_problem_kind_t unframed_kind; //  Which problem that is
    unsigned hosts;                  //  Headers of that name
    bool needs_host;                 //  HTTP/1.1: there must be one
    int wait_s;                      //  Prefer: wait, -1: none
    bool expects;                    //  Expect: 100-continue
    bool has_body;                   //  One is announced
    uint64_t length;                 //  Content-Length; 0 where it is chunked
    hf_buf_t body;                   //  What has come of it
    uint64_t dropped;                //  Bytes that were not kept
    uint64_t turn;                   //  In which it moved last and wants another, 0: it wants none
    //  Under way to the journal, or waiting for an end:
    bool suspended;                //  libmicrohttpd does not look at it; else it stands (see standing)
    int64_t waits_since;           //  When it began to wait
    bool in_journal;               //  The core has it as a tag
    bool counted;                  //  In under_way
    const hf_pipeline_t *pipeline; //  Of a submission
    hf_event_t event;              //  Of a decision
    bool replayed;                 //  The Idempotency-Key was known
    hf_id_t id;                    //  The command
    int64_t accepted_at;           //  When it was accepted
    int64_t wait_until;            //  When the wait is over
    hf_request_t *next, **place;   //  In a list of the server's, or place NULL
    hf_request_t *same;            //  Another waiter for the same command
    hf_list_t *list;               //  Being filled, or NULL
    //  The answer:
    int status;                    //  HTTP status
    struct MHD_Response *response; //  Ours until it is queued
    hf_problem_t problem; //  REFUSED: why. The last member: it is large, and not cleared for every request
};

//  A connection that libmicrohttpd has closed, or is about to, and whose client still sends what nobody
//  wants: with unread bytes in it, a close would be a reset, and the client might never hear why.
typedef struct {
    int fd;        //  Ours, -1: free place
    int64_t until; //  Read on until then
} hf_linger_t;

struct hf_server {
    hf_shell_t *shell;                          //  The loop
    hf_ingress_t *core;                         //  What decides
    const hf_config_t *config;                  //  Pipelines, token, limits
    hf_store_t *store;                          //  For queries
    struct MHD_Daemon *daemon;                  //  libmicrohttpd
    char address[300];                          //  Where it listens
    hf_sse_t *sse;                              //  Event streams
    hf_buf_t *accepted;                         //  For each pipeline what is the same in every 202
    size_t body_bytes;                          //  Of bodies in hand, not proposed yet
    size_t under_way;                           //  Requests that are read and not answered to the last byte
    size_t in_journal;                          //  Requests that the core has
    hf_request_t *asked;                        //  They
    bool follows;                               //  Facts are heard: somebody waits or watches
    int64_t follow_until;                       //  Until then, whoever does
    hf_id_map_t *waited;                        //  Waiters, by command
    hf_request_t *waiters;                      //  All that wait for an end
    hf_request_t *ended;                        //  Whose command has ended
    size_t waiters_size;                        //  How many wait
    hf_request_t *lists;                        //  Whose list is being filled; the first is looked for next
    size_t lists_size;                          //  How many
    int64_t list_at;                            //  When that may be
    uint64_t rebuilds;                          //  Of the core, as known
    int64_t replay_at;                          //  When event readers may read the file again
    int64_t beat_at;                            //  When streams were looked at for heartbeats
    int64_t drain_at;                           //  When draining began, 0: not
    hf_linger_t lingering[HF_SERVER_LINGERING]; //  Being read to their end
    bool resumed; //  A request has its answer: libmicrohttpd has something to do
    size_t
        standing;  //  Requests that wait without being suspended: each turn asks them whether they are ready
    uint64_t turn; //  Number of libmicrohttpd's turn
    size_t moved;  //  Requests and streams that moved in it and want another
    int64_t now;   //  When it began
    hf_request_t *spare;  //  Requests to be used again, by their next
    size_t spares;        //  How many
    hf_metrics_t metrics; //  Counted here
};

//  Of a server, its fields still to be filled in; and its end.
hf_request_t *hf_request_new(hf_server_t *server);
void hf_request_free(hf_request_t *self);

//  In and out of one of the server's lists.
void hf_request_link(hf_request_t *self, hf_request_t **list);
void hf_request_unlink(hf_request_t *self);

//  Gives its body back.
void hf_request_drop_body(hf_request_t *self);

//  It has moved in this turn, and more of it may follow at once.
void hf_request_moved(hf_request_t *self);

//  It waits until an answer is there; is asked whether one is; and waits no more, whatever has come of it.
void hf_request_wait(hf_request_t *self);
enum MHD_Result hf_request_go_on_waiting(hf_request_t *self);
void hf_request_wait_no_more(hf_request_t *self);

//  Answers, at once or (where it is suspended) by resuming. Takes the bytes over; type NULL: JSON.
void hf_request_reply(hf_request_t *self, int status, const char *type, hf_buf_t *bytes);
void hf_request_refuse(hf_request_t *self, const hf_problem_t *problem);

//  Adds a header to the answer, between hf_request_prepare and hf_request_send; the two that hf_request_reply
//  is made of.
void hf_request_prepare(hf_request_t *self, int status, const char *type, hf_buf_t *bytes);
void hf_request_header(hf_request_t *self, const char *name, const char *value);
void hf_request_send(hf_request_t *self);

//  The same with JSON, or with its problem where rc says so.
void hf_request_reply_json(hf_request_t *self, int rc, hf_buf_t *json);

//  Hands the answer to libmicrohttpd.
enum MHD_Result hf_request_queue(hf_request_t *self);

//  What /proc says of this process.
void hf_process_measure(hf_metrics_t *metrics);

#endif
