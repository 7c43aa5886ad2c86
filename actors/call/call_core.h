/*  Call, the deciding half: which request an order means, and what class an answer is. The shell makes the
 * request with libcurl.
 *
 *  Happy path: an order comes from dispatch; the command is read from the journal's file and must be
 * `calling` with this attempt in this life; the request is handed to the shell; its result becomes an
 * Outcome, proposed to the journal; the attempt leaves when that is acknowledged.
 *
 *  A success frees its place at the third party as soon as it has been answered: dispatch is told at once, and again, for whatever got
 *  lost, by the fact of the outcome.
 *
 *  Failures: an order for what is in hand already (until its outcome is acknowledged) is ignored, so is one
 * of another life, or one that the file does not bear out; each is counted. An order that comes before this
 * life's epoch is known waits for it. A command whose destination is gone, whose url cannot be rendered, or
 * whose record is damaged, is `rejected` without a call. While the link is full, results wait here and
 * nothing new is handed out.
 *
 *  Invariants: (1) at most one request for each (command, attempt) in this life; (2) every request that was
 * handed out is proposed as exactly one Outcome; (3) bodies of requests in the shell's hands take less
 * than HF_CALL_BODY_BYTES before the last one of them.  */

#ifndef HF_CALL_CORE_H
#define HF_CALL_CORE_H

#include "call/outcome.h"
#include "link/core.h"

enum {
    HF_CALL_IN_HAND_MAX = 1 << 20, //  Orders known, some 80 bytes each: more than any sensible sum of
                                   //  concurrencies. Beyond it attempts are turned away as refused
    HF_CALL_REQUESTS_MAX = 16384,  //  Requests in the shell's hands: a socket and up to 64 KiB of answer each
    HF_CALL_BODY_BYTES = 256 << 20, //  Their bodies: what one caller may take of the machine's memory
    HF_CALL_LINK_BYTES = 256 << 20, //  Outcomes under way: 4,000 of the largest, a million common ones
    HF_CALL_URL_MAX = 64 << 10,     //  Bytes of a rendered url: far beyond what servers take, far below what
                                    //  libcurl refuses
};

//  One request to make. Everything in it is the core's, and lives until hf_call_finish.
typedef struct {
    uint64_t ticket;                     //  Names it in hf_call_finish
    const hf_destination_t *destination; //  Time-outs
    const char *method;   //  The destination's; GET where it asks what became of the attempt before
    size_t number;        //  The destination's, in the configuration
    const char *url;      //  Rendered: may hold secrets
    const char **headers; //  "Name: value", NULL-terminated, all that are to be sent beside libcurl's own
    const uint8_t *body;  //  As accepted
    size_t body_size;     //  Bytes; 0: none is sent
} hf_call_request_t;

typedef struct hf_call hf_call_t;

hf_call_t *hf_call_new(const hf_core_setup_t *setup);

//  The same with another bound on outcomes under way: for tests and the simulator, which reach it sooner.
hf_call_t *hf_call_new_within(const hf_core_setup_t *setup, size_t link_bytes);
void hf_call_destroy(hf_call_t **self_p);
extern const hf_core_ops_t hf_call_ops;

//  The next request to make now, or NULL: there is none, or there is no room for its end.
const hf_call_request_t *hf_call_take(hf_call_t *self);

//  How a request ended; the core proposes the outcome.
void hf_call_finish(hf_call_t *self, uint64_t ticket, const hf_call_result_t *result, int64_t now);

//  Attempts in hand: ordered, being called, or their outcome not acknowledged yet.
size_t hf_call_in_hand(const hf_call_t *self);

//  From now on orders are turned away: attempts that were not handed out end as refused (draining).
void hf_call_stop(hf_call_t *self);

//  Whether nothing is in hand and nothing is under way to the journal.
bool hf_call_is_quiet(const hf_call_t *self);

#endif
