/*  A node on a good day, in virtual time: the real cores of journal, ingress, dispatch, failure and the
 *  callers over one journal's file, in one thread. Nothing crashes and nothing is lost (tests/simulation does
 *  that); what takes time is the commit, and whatever the third party does.
 *
 *  Happy path: hf_node_submit → the link → a commit, which takes commit_ms and carries what came while the last
 *  one worked → acknowledgements and facts to all who hear them → orders → on_call → hf_node_answer.
 *
 *  Not modelled: the processor. Messages take no time, and a core is never busy.
 *
 *  Failures: the file is full, a record cannot be read, or a core says that it must end: hf_node_failure.  */

#ifndef HF_NODE_H
#define HF_NODE_H

#include "call/call_core.h"
#include "ingress/ingress_core.h"
#include "simulate/timeline.h"

//  What the node plans on the timeline; the planner's own kinds come behind.
typedef enum {
    HF_NODE_ROUND,  //  Player a ticks; b: 1 where its timer asks for it
    HF_NODE_COMMIT, //  The commit under way ends
    HF_NODE_BEAT,   //  The journal's own deadline
    HF_NODE_KINDS
} hf_node_kind_t;

//  What a node is made from; all of it outlives the node.
typedef struct {
    const hf_config_t *config; //  Pipelines
    hf_store_t *store;         //  Opened for writing
    hf_timeline_t *timeline;   //  Where it plans
    int64_t now;               //  Virtual time of its start, ms since 1970
    int64_t commit_ms;         //  How long a commit takes
    int64_t keep_ms;           //  How long finished commands stay in the file
    uint64_t seed;             //  Chance
    hf_on_fact_t *on_fact;     //  A fact is durable
    //  A caller makes a request; hf_node_answer must follow, at the same time or later.
    void (*on_call)(void *context, uint32_t player, const hf_call_request_t *request);
    //  A submission was answered; its tag is NULL. May not call the node.
    void (*on_answer)(void *context, const hf_answer_t *answer);
    void *context; //  For these
} hf_node_setup_t;

typedef struct hf_node hf_node_t;

hf_node_t *hf_node_new(const hf_node_setup_t *setup, hf_error_t *error);
void hf_node_destroy(hf_node_t **self_p);

//  One of its moments has come.
void hf_node_do(hf_node_t *self, const hf_moment_t *moment);

//  As hf_ingress_submit, without a tag.
int hf_node_submit(hf_node_t *self, const hf_submission_t *submission, int64_t now, hf_problem_t *problem);

//  The end of a request that on_call gave.
void hf_node_answer(hf_node_t *self, uint32_t player, uint64_t ticket, const hf_call_result_t *result,
                    int64_t now);

//  Why it cannot go on, or NULL.
const char *hf_node_failure(const hf_node_t *self);

#endif
