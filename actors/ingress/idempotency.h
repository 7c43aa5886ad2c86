/*  What an Idempotency-Key stands for: a hash of what it belongs to, and one of what must be the same under it.  */

#ifndef HF_IDEMPOTENCY_H
#define HF_IDEMPOTENCY_H

#include "ingress/submission.h"

enum {
    HF_HASH_SIZE = 16, //  Bytes of each
};

typedef struct {
    bool given;                 //  A key was given; else the rest says nothing
    uint8_t key[HF_HASH_SIZE];  //  Hash of pipeline and key
    uint8_t body[HF_HASH_SIZE]; //  Hash of the body: the media type may differ
} hf_idempotency_t;

//  Of a submission. line: 0 alone; else the number of a batch's line, so that each has a key of its own (what must be
//  the same is the whole batch).
hf_idempotency_t hf_idempotency_of(const hf_submission_t *submission, uint32_t line);

//  The same for one more line of that batch, whose body is not hashed again.
hf_idempotency_t hf_idempotency_of_line(const hf_idempotency_t *batch, const hf_submission_t *submission,
                                        uint32_t line);

//  Of a decision over many; key NULL: none was given.
hf_idempotency_t hf_idempotency_of_job(const char *key, hf_event_t event, const void *body, size_t body_size);

//  The two as proposals carry them, in self's own bytes; empty where no key was given.
ProtobufCBinaryData hf_idempotency_key(hf_idempotency_t *self);
ProtobufCBinaryData hf_idempotency_body(hf_idempotency_t *self);

#endif
