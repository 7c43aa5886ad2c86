/*  Proposals whose journal has been away for longer than their clients should wait: what the file has of them is
 * answered as done, the rest is made void, so that no resend can make it true, and refused. Allowed only while no
 * journal lives: nobody but the caller can know that.  */

#ifndef HF_SETTLE_H
#define HF_SETTLE_H

#include "ingress/answer.h"
#include "link/link.h"
#include "store/store.h"

enum {
    HF_INGRESS_PATIENCE_MS = 5000, //  How long a submission waits for a journal that is away
};

//  How many, of those proposed from `oldest` on, have waited too long.
size_t hf_settle_overdue(const hf_pending_t *oldest, int64_t now);

//  Settles them. What cannot be read goes on waiting.
void hf_settle(hf_pending_t *oldest, hf_store_t *store, hf_arena_t *arena, hf_link_t *link,
               hf_answers_t *answers, int64_t now);

#endif
