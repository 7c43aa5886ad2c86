/*  What every core that follows and proposes is built on: its link, its place among the facts, and what went wrong. Dispatch, failure
 *  and ingress put their own work on top.  */

#ifndef HF_PROPOSER_H
#define HF_PROPOSER_H

#include "link/core.h"
#include "link/follow.h"
#include "link/link.h"
#include "link/wire.h"

typedef struct hf_proposer hf_proposer_t;

//  What the core on top is told, each with its own context. Any may be NULL.
typedef struct {
    hf_on_fact_t *on_fact; //  Each fact once, in order
    void (*on_answer)(void *context, void *tag,
                      const Hf__Result *result);          //  A proposal was acknowledged; result NULL: done
    void (*on_beat)(void *context, const Hf__Beat *beat); //  After the facts that it made known
    void (*on_rebuild)(void *context);                    //  Facts are lost: look at the indexes anew
} hf_proposer_handler_t;

//  Keeps at most link_limit bytes of proposals. Facts begin behind the newest one in the file (or, where it cannot be read, failure
//  says so).
hf_proposer_t *hf_proposer_new(const hf_core_setup_t *setup, size_t link_limit,
                               const hf_proposer_handler_t *handler, void *context);
void hf_proposer_destroy(hf_proposer_t **self_p);

//  Takes one publication in; what cannot be read is counted.
void hf_proposer_receive(hf_proposer_t *self, const void *data, size_t size, int64_t now);

//  Counts a message of somebody else that could not be read.
void hf_proposer_count_foreign(hf_proposer_t *self);

//  Sends what the link wants sent. Call it last in a tick.
void hf_proposer_flush(hf_proposer_t *self, int64_t now);

hf_link_t *hf_proposer_link(const hf_proposer_t *self);
hf_follow_t *hf_proposer_follow(const hf_proposer_t *self);
hf_outbox_t *hf_proposer_outbox(hf_proposer_t *self);
const char *hf_proposer_failure(const hf_proposer_t *self);

//  Makes this the reason why the core must end (the first one stays).
void hf_proposer_fail(hf_proposer_t *self, const hf_error_t *error);

//  "epoch":…,"unacked":…,"foreign":…,"gaps":…
void hf_proposer_describe(const hf_proposer_t *self, hf_buf_t *json);

#endif
