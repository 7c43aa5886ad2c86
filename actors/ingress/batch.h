/*  The lines of a batch: newline-delimited JSON, one command each; blank lines make none.  */

#ifndef HF_BATCH_H
#define HF_BATCH_H

#include "ingress/idempotency.h"
#include "ingress/submission.h"

enum {
    HF_BATCH_MAX = 10000, //  Commands of one batch: they are one transaction of the journal
};

typedef struct {
    Hf__Command command;          //  As it will be proposed
    size_t key;                   //  Where its key begins in the batch's keys
    hf_idempotency_t idempotency; //  Its own
} hf_batch_line_t;

typedef struct {
    hf_batch_line_t *lines; //  Those that are not blank
    size_t size;            //  How many
    size_t capacity;        //  Places
} hf_batch_lines_t;

//  Reads the submission's body line after line; each begins as `common`, its key is appended to `keys`. -1 with the
//  problem set: one is unsound, there is none, or they are too many. Whatever comes of it, hf_batch_free gives back
//  what self holds.
int hf_batch_read(hf_batch_lines_t *self, const hf_submission_t *submission, const hf_pipeline_t *pipeline,
                  const Hf__Command *common, hf_buf_t *keys, hf_problem_t *problem);
void hf_batch_free(hf_batch_lines_t *self);

#endif
