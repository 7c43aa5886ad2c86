/*  A batch of proposals being applied: what all who apply them stand on.  */

#ifndef HF_APPLY_BATCH_H
#define HF_APPLY_BATCH_H

#include "link/link.h"
#include "messages.pb-c.h"
#include "store/store.h"

//  A batch being applied: one transaction, and the facts that it will make true.
typedef struct {
    hf_store_t *store;       //  In a writing transaction
    hf_arena_t *arena;       //  Everything of this batch lives here
    int64_t now;             //  One time for the whole batch
    bool repeated;           //  The proposal has been applied before: only its answer is wanted
    bool full;               //  New commands are refused
    const char *full_reason; //  Why
    uint64_t next_fact;      //  Number of the next fact
    Hf__Fact **facts;        //  Made so far, in order
    size_t facts_size;       //  How many
    size_t facts_capacity;   //  Places
    hf_error_t *error;       //  Why a write failed
} hf_batch_t;

//  Appends the next fact, empty but for its number and its time; it lives in the batch.
Hf__Fact *hf_batch_add_fact(hf_batch_t *batch);

#endif
