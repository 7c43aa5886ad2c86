/*  Following the facts: each one exactly once and in order, however many publications were lost. Written once, used by all who
 *  follow. Facts that were not heard are read from the journal's file; where the file no longer keeps them, the follower is told
 *  to rebuild what it knows from the indexes.  */

#ifndef HF_FOLLOW_H
#define HF_FOLLOW_H

#include "messages.pb-c.h"
#include "store/store.h"

typedef struct hf_follow hf_follow_t;

//  A follower that reads gaps through store (its own handle; not owned) and starts behind the fact of number `after`. on_fact
//  gets every fact once; it may not begin a read on the same store. What it returns is ignored.
hf_follow_t *hf_follow_new(hf_store_t *store, uint64_t after, hf_on_fact_t *on_fact, void *context);
void hf_follow_destroy(hf_follow_t **self_p);

//  What to do after facts or a beat came in.
typedef enum {
    HF_FOLLOW_FINE, //  Everything up to the newest known fact was delivered
    HF_FOLLOW_REBUILD, //  Facts are gone for good: rebuild from the indexes; the follower goes on behind the newest fact
    HF_FOLLOW_BROKEN, //  The file cannot be read; the error says why
} hf_followed_t;

hf_followed_t hf_follow_facts(hf_follow_t *self, const Hf__Facts *facts, hf_error_t *error);
hf_followed_t hf_follow_beat(hf_follow_t *self, const Hf__Beat *beat, hf_error_t *error);

//  Facts up to that number are not wanted: they are not delivered, and are no gap.
void hf_follow_skip(hf_follow_t *self, uint64_t newest);

//  Number of the newest fact delivered or skipped.
uint64_t hf_follow_newest(const hf_follow_t *self);

//  Gaps that were read from the file so far.
uint64_t hf_follow_gaps(const hf_follow_t *self);

#endif
