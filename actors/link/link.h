/*  The link to the journal: how everyone proposes. Written once, used by all who do.
 *
 *  Happy path: hello, an epoch comes back; each proposal gets the next number, is kept, and goes out in a run with the others
 *  of this round; the journal commits and acknowledges cumulatively; what is acknowledged is popped, in order, with the tag
 *  that its owner gave it.
 *
 *  Failures: a lost hello is said again; a new journal (a higher journal epoch) gets everything from the first unacknowledged
 *  on, and so does a journal that reports a gap or whose beats show no progress; a doubled or late acknowledgement changes
 *  nothing; a full link refuses (back-pressure); a sender that sees a newer life of its own name is fenced and must end.
 *
 *  Invariants: (1) numbers are given without gaps, from 1, in each sender epoch; (2) an entry leaves only when an
 *  acknowledgement of this sender epoch covers it; (3) nothing but a hello goes out before an epoch is known; (4) bytes kept
 *  never exceed the limit.  */

#ifndef HF_LINK_H
#define HF_LINK_H

#include "link/outbox.h"
#include "messages.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HF_HELLO_EVERY_MS = 50,      //  A hello lost to a slow subscription costs this much
    HF_BEAT_EVERY_MS = 250,      //  The journal's heartbeat
    HF_JOURNAL_SILENT_MS = 1500, //  Without a sign for this long, the journal counts as away
    HF_LINK_RUN_BYTES = 1 << 20, //  One message carries at most this much, or one larger proposal
    HF_REWIND_EVERY_MS =
        50, //  A gap, or a lost answer, makes everything go out again, but not more often than this
    HF_RESEND_AFTER_MS = 1000, //  Sent, a beat heard, and no progress for so long: sent again
};

//  How the journal answered a proposal. The numbers are on the wire: only append.
typedef enum {
    HF_RESULT_DONE = 0,  //  It is true and durable
    HF_RESULT_STALE = 1, //  It changed nothing: repeated, late, or another state than it expects
    HF_RESULT_REPLAYED =
        2, //  Submit: the same Idempotency-Key and body made a command before; its id is given
    HF_RESULT_CONFLICT = 3,  //  Submit: the same Idempotency-Key, another body
    HF_RESULT_FULL = 4,      //  Submit: no room; nothing was accepted
    HF_RESULT_MISSING = 5,   //  Decide, JobCancel: no such command or job
    HF_RESULT_FORBIDDEN = 6, //  The same: not in this state; the state is given
    HF_RESULT_MALFORMED = 7, //  It cannot be read or breaks a rule; nothing was done
    HF_RESULT_TOO_MANY = 40, //  JobCreate: as many jobs run as may
} hf_result_t;

typedef struct hf_link hf_link_t;

//  A sender's link; nonce is new for each life. At most limit bytes of proposals are kept (one larger than that fits when the
//  link is empty).
hf_link_t *hf_link_new(const char *sender, const uint8_t nonce[16], size_t limit);
void hf_link_destroy(hf_link_t **self_p);

//  Keeps a proposal for sending; tag comes back with its acknowledgement. Returns its number, or 0 where the link is full.
uint64_t hf_link_propose(hf_link_t *self, const Hf__Proposal *proposal, void *tag);

//  Whether a proposal of that many bytes would be refused now.
bool hf_link_is_full(const hf_link_t *self, size_t size);

//  Takes in what the journal published: an acknowledgement for this sender, or a beat.
void hf_link_receive_ack(hf_link_t *self, const Hf__Ack *ack, int64_t now);
void hf_link_receive_beat(hf_link_t *self, const Hf__Beat *beat, int64_t now);

//  The next acknowledged entry, in order; false where there is none. What the Ack's results say of its number is the answer,
//  or HF_RESULT_DONE where they say nothing.
bool hf_link_pop(hf_link_t *self, uint64_t *number, void **tag);

//  Takes out the oldest entry, acknowledged or not, and returns its tag; NULL where there is none. For an owner that ends.
void *hf_link_abandon(hf_link_t *self);

//  What an acknowledgement says of one number: its result, or NULL where it was just done.
const Hf__Result *hf_result_find(const Hf__Ack *ack, uint64_t number);

//  Makes an entry that was never acknowledged say nothing, so that it will never be carried out by a resend. Only where no
//  journal can still read what was sent before: it is the caller's to make sure of that. The tag comes back through
//  hf_link_pop as any other.
void hf_link_void(hf_link_t *self, uint64_t number);

//  Puts what must go out now (hello, new entries, entries to be sent again) into the outbox.
void hf_link_flush(hf_link_t *self, hf_outbox_t *outbox, int64_t now);

//  When hf_link_flush wants to be called next though nothing happens, or INT64_MAX.
int64_t hf_link_next_deadline(const hf_link_t *self);

//  Whether an epoch is known and the journal has been heard lately.
bool hf_link_is_live(const hf_link_t *self, int64_t now);

//  Whether a newer life of this sender exists: this one must end.
bool hf_link_is_fenced(const hf_link_t *self);

uint64_t hf_link_epoch(const hf_link_t *self);         //  This sender's, 0 before the welcome
uint64_t hf_link_journal_epoch(const hf_link_t *self); //  The newest journal's, 0: none heard
size_t hf_link_unacked(const hf_link_t *self);         //  Entries kept
size_t hf_link_bytes(const hf_link_t *self);           //  Bytes kept

#endif
