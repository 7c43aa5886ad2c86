/*  From what happened on the wire to an outcome class and a reason that a person understands. Pure.  */

#ifndef HF_OUTCOME_H
#define HF_OUTCOME_H

#include "base/lifecycle.h"
#include "base/pipeline.h"

enum {
    HF_RESPONSE_MAX = 64 << 10, //  Bytes of an answer that are kept; the rest is read no further than needed
                                //  and marked as cut
};

#define HF_RETRY_AFTER_MAX_MS                                                                                \
    (INT64_C(366) * 24 * 60 * 60 * 1000) //  A year: longer ones are jokes, and must not overflow

//  What the shell saw. Strings may be NULL.
typedef struct {
    bool connected;          //  A connection (and TLS) stood, so that bytes may have been sent
    bool sent;               //  At least one byte of the request was handed to the connection
    bool answered;           //  A whole answer came: status line, headers and body to its end (or to the cut)
    bool broken;             //  The connection broke, garbage came, or a time-out struck
    bool timed_out;          //  It was a time-out
    int status;              //  HTTP status; 0: none was read
    const char *trouble;     //  What went wrong, in words for people; a time-out needs none
    const char *peer;        //  HOST:PORT that was called, without user or password
    const char *retry_after; //  The header's value
    int64_t wall_ms; //  The wall clock when it ended, for a date in Retry-After; 0: the node's time is taken
    const char *content_type;                                     //  The answer's
    const uint8_t *response;                                      //  Its first bytes
    size_t response_size;                                         //  How many
    bool response_cut;                                            //  There was more
    bool connected_anew;                                          //  No kept connection was used
    uint32_t dns_us, connect_us, tls_us, first_byte_us, total_us; //  Since the attempt began
} hf_call_result_t;

//  The class: a whole answer is succeeded where it is 2xx, rejected where the destination's `reject` names
//  its status, else failed (redirects too: they are not followed). Without one: refused where nothing was
//  sent, uncertain where something was. reason gets a sentence in ASCII, cut where it is longer than
//  reason_size.
hf_class_t hf_outcome_classify(const hf_call_result_t *result, const hf_destination_t *destination,
                               char *reason, size_t reason_size);

//  The words of RFC 9110 and its kin for a status: "Service Unavailable"; empty for one that has none.
const char *hf_outcome_phrase(int status);

//  Retry-After (RFC 9110, section 10.2.3), seconds or a date in one of the three formats of section 5.6.7, as
//  a time of the node's clock, not before now; 0: absent or unreadable. wall_now: the wall clock's time that
//  a date is meant in, now: the node's. At most HF_RETRY_AFTER_MAX_MS ahead.
int64_t hf_outcome_retry_after(const char *value, int64_t wall_now, int64_t now);

#endif
