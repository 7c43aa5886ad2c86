/*  The journal: checks each proposal against the lifecycle, applies a batch in one transaction, commits, then
 * publishes what has become true. The only writer.
 *
 *  The shell gives it messages (hf_journal_receive), asks for a commit when it has taken what had arrived,
 * and sends what is in the outbox. Between two commits nothing leaves it: what it publishes is durable.  */

#ifndef HF_JOURNAL_CORE_H
#define HF_JOURNAL_CORE_H

#include "link/link.h"
#include "link/outbox.h"
#include "link/wire.h"
#include "store/store.h"

enum {
    HF_JOURNAL_BATCH_BYTES =
        2 << 20, //  Pending bytes after which the shell commits before it reads on: with the smallest
                 //  proposals a transaction of some 50,000, so that beats come in time
    HF_JOURNAL_BATCH_MESSAGES = 4096, //  The same for messages
    HF_JOURNAL_SENDERS = 128,         //  Senders known at once: callers and the few others
    HF_JOURNAL_TRIM = 256, //  Finished commands that one commit removes at most, beyond its own number
};

typedef struct {
    int64_t keep_ms; //  How long finished commands and facts stay
} hf_journal_options_t;

typedef struct {
    uint64_t commits;   //  Transactions committed
    uint64_t proposals; //  Proposals applied, repeated ones included
    uint64_t stale;     //  Proposals that changed nothing
    uint64_t foreign;   //  Messages that could not be read
    uint64_t outdated;  //  Messages of an old life, or meant for another journal
    uint64_t trimmed;   //  Finished commands removed
} hf_journal_counters_t;

typedef struct hf_journal hf_journal_t;

//  Opens a new life over a store opened for writing (not owned): takes the next epoch, durably. NULL where
//  the file is of another format, or cannot be written.
hf_journal_t *hf_journal_new(hf_store_t *store, const hf_journal_options_t *options, int64_t now,
                             hf_error_t *error);
void hf_journal_destroy(hf_journal_t **self_p);

//  Takes a message (Proposals) in; it waits for the commit. Bytes that cannot be read are counted and
//  dropped.
void hf_journal_receive(hf_journal_t *self, const void *data, size_t size);

//  Whether so much waits that the shell should commit before it reads on; whether anything waits.
bool hf_journal_is_laden(const hf_journal_t *self);
bool hf_journal_has_work(const hf_journal_t *self);

//  Applies and commits all that waits, and puts acknowledgements and facts into the outbox. 0: done.
//  HF_STORE_FULL: nothing was done and all still waits; give the store more room, or say that there is none
//  (hf_journal_set_full), or take less at once, and call again. HF_STORE_FAILED: final; nothing of this batch was
//  published or may be; end the process with the error.
int hf_journal_commit(hf_journal_t *self, int64_t now, hf_error_t *error);

//  After HF_STORE_FULL: the next commits take less at once than this one would have, and then more again step by step. A transaction
//  copies every page that it changes, and what it leaves behind is free for later ones: so in a journal without room many small ones
//  fit where one large one does not. False: it can be no less.
bool hf_journal_take_less(hf_journal_t *self);

//  Whether the last commit left something for the next one.
bool hf_journal_is_behind(const hf_journal_t *self);

//  From now on new commands are refused with that reason, everything else is still applied; NULL: there is
//  room again.
void hf_journal_set_full(hf_journal_t *self, const char *reason);
//  The next commit writes even where nothing changed: pages that the last one freed can be used after it.
void hf_journal_touch(hf_journal_t *self);
bool hf_journal_is_full(const hf_journal_t *self);

//  From now on beats ask dispatch for one attempt at a time (true): even the reserve runs low; or no longer (false).
void hf_journal_hold_starts(hf_journal_t *self, bool hold);
bool hf_journal_holds_starts(const hf_journal_t *self);
const char *hf_journal_full_reason(const hf_journal_t *self); //  NULL: it is not full

//  Beats when one is due, and asks for a commit (true) where finished commands have to leave.
bool hf_journal_tick(hf_journal_t *self, int64_t now);
int64_t hf_journal_next_deadline(const hf_journal_t *self);

hf_outbox_t *hf_journal_outbox(hf_journal_t *self);
uint64_t hf_journal_newest_fact(const hf_journal_t *self); //  Number of the newest fact, 0: none
uint64_t hf_journal_epoch(const hf_journal_t *self);
const hf_journal_counters_t *hf_journal_counters(const hf_journal_t *self);

#endif
