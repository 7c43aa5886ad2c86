/*  What became of what was asked: from a proposal that waits, and what the journal said of it, to the answer that its
 * client gets. Answers queue here until the HTTP half takes them.  */

#ifndef HF_ANSWER_H
#define HF_ANSWER_H

#include "base/id.h"
#include "ingress/idempotency.h"
#include "ingress/problem.h"

typedef enum {
    HF_ANSWER_ACCEPTED, //  Durable
    HF_ANSWER_REPLAYED, //  The same Idempotency-Key and body made this command before
    HF_ANSWER_DECIDED,  //  A decision was carried out
    HF_ANSWER_GATED,    //  A destination is paused or resumed, as was asked for
    HF_ANSWER_REFUSED,  //  The problem says why; nothing was accepted or changed
} hf_answer_kind_t;

typedef struct {
    void *tag;             //  The caller's
    hf_answer_kind_t kind; //  What became of it
    hf_id_t id;            //  The command; of a batch the first one
    hf_id_t *ids; //  Of a batch: one for each line, to be freed with free(); all zero where that command is
                  //  gone already
    size_t ids_size;      //  How many
    int64_t accepted_at;  //  When it was accepted
    hf_problem_t problem; //  REFUSED: why
} hf_answer_t;

//  A proposal that was not answered yet, or was settled and is still in the link.
typedef struct hf_pending {
    struct hf_pending *next; //  The one proposed after it
    uint64_t number;         //  In the link
    int64_t since;           //  When it was proposed
    void *tag;               //  The caller's
    bool answered;           //  Settled: its acknowledgement says nothing new
    bool decision;           //  A decision over a command
    const char
        *gated;  //  Pause, resume: the destination, the configuration's; NULL: a submission or a decision
    bool pauses; //  The same: pause
    enum { HF_NO_JOB, HF_CREATES_JOB, HF_CANCELS_JOB } job; //  A decision over many, or its end
    hf_id_t id;                                             //  The command, or the first of a batch
    hf_id_t *ids;                                           //  Of a batch, else NULL
    size_t ids_size;                                        //  How many
    int64_t accepted_at;                                    //  As proposed
    uint8_t nonce[HF_HASH_SIZE];                            //  Of a decision
    hf_idempotency_t idempotency;                           //  Of a submission (the first line's) or a job
} hf_pending_t;

hf_pending_t *hf_pending_new(void *tag, int64_t now);
void hf_pending_destroy(hf_pending_t **self_p);

//  Answers in the order in which they came; a zeroed one is empty.
typedef struct {
    hf_answer_t *answers; //  To be taken
    size_t head;          //  The next one
    size_t size;          //  Behind the last
    size_t capacity;      //  Places
    uint64_t accepted;    //  Commands, for people
    uint64_t refused;     //  Submissions refused after they were proposed
} hf_answers_t;

//  The next answer; false where there is none.
bool hf_answers_take(hf_answers_t *self, hf_answer_t *answer);
void hf_answers_free(hf_answers_t *self);

//  Answers pending by what the journal said of it; result NULL: it is done.
void hf_answers_add_result(hf_answers_t *self, hf_pending_t *pending, const Hf__Result *result);

//  Answers pending with a refusal; the problem is the caller's to fill in, at once.
hf_problem_t *hf_answers_refuse(hf_answers_t *self, hf_pending_t *pending);

#endif
