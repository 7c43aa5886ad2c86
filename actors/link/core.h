/*  The shape of every core that follows the journal: what its shell, and the simulator, drive it by. A core is a value: no
 *  socket, clock, random source, file (the journal's LMDB aside), thread or environment inside. Time comes in as an argument,
 *  chance as a seed, and what it wants sent goes out through its outbox.  */

#ifndef HF_CORE_H
#define HF_CORE_H

#include "base/pipeline.h"
#include "link/outbox.h"
#include "store/store.h"

#include <stdint.h>

//  What every core is made from. Nothing of it is owned; configuration and store live longer than the core.
typedef struct {
    const char *name;          //  As a sender: "ingress", "dispatch", "failure", "call.0"
    const hf_config_t *config; //  Pipelines and destinations
    hf_store_t *store;         //  A handle of its own, for reading
    uint8_t nonce[16];         //  New for each life
    uint64_t seed;             //  Chance
} hf_core_setup_t;

typedef enum {
    HF_FROM_JOURNAL,  //  A publication: topic, NUL, message (link/wire.h)
    HF_FROM_DISPATCH, //  Attempts, for a caller
    HF_FROM_CALLER,   //  Attempts that have ended, for dispatch
} hf_from_t;

typedef struct {
    //  Takes one message in. Whatever the bytes are, the core lives: what it cannot read it counts and drops.
    void (*receive)(void *self, hf_from_t from, const void *data, size_t size, int64_t now);

    //  Does what is due, and puts what must go out into the outbox. Called after every round of messages, and at the deadline.
    void (*tick)(void *self, int64_t now);

    //  When tick wants to be called though nothing happens; INT64_MAX: never.
    int64_t (*next_deadline)(void *self);

    hf_outbox_t *(*outbox)(void *self);

    //  Why this life must end (fenced by a newer one, the journal's file is damaged), or NULL. The text lives in the core.
    const char *(*failure)(void *self);

    //  What it has in hand, as members of a JSON object without the braces: "in_hand":3,"foreign":0
    void (*describe)(void *self, hf_buf_t *json);
} hf_core_ops_t;

#endif
