#include "ingress/idempotency.h"

#include <sodium.h>
#include <string.h>

static void s_hash_key(const hf_submission_t *submission, uint32_t line, uint8_t hash[HF_HASH_SIZE]) {
    crypto_generichash_state state;
    uint8_t number[4] = {(uint8_t)(line >> 24), (uint8_t)(line >> 16), (uint8_t)(line >> 8), (uint8_t)line};
    crypto_generichash_init(&state, NULL, 0, HF_HASH_SIZE);
    crypto_generichash_update(&state, (const uint8_t *)submission->pipeline,
                              strlen(submission->pipeline) + 1);
    crypto_generichash_update(&state, (const uint8_t *)submission->idempotency_key,
                              strlen(submission->idempotency_key) + (line != 0));
    crypto_generichash_update(&state, number, line ? sizeof number : 0);
    crypto_generichash_final(&state, hash, HF_HASH_SIZE);
}

static void s_hash_body(const hf_submission_t *submission, uint8_t hash[HF_HASH_SIZE]) {
    crypto_generichash_state state;
    static const uint8_t kind = 0; //  Of a job it is the event (below), of a submission none
    crypto_generichash_init(&state, NULL, 0, HF_HASH_SIZE);
    crypto_generichash_update(&state, &kind, 1);
    crypto_generichash_update(&state, submission->body, submission->body_size);
    crypto_generichash_final(&state, hash, HF_HASH_SIZE);
}

hf_idempotency_t hf_idempotency_of(const hf_submission_t *submission, uint32_t line) {
    hf_idempotency_t self = {.given = submission->idempotency_key != NULL};
    if (self.given) {
        s_hash_key(submission, line, self.key);
        s_hash_body(submission, self.body);
    }
    return self;
}

hf_idempotency_t hf_idempotency_of_line(const hf_idempotency_t *batch, const hf_submission_t *submission,
                                        uint32_t line) {
    hf_idempotency_t self = *batch;
    if (self.given) {
        s_hash_key(submission, line, self.key);
    }
    return self;
}

hf_idempotency_t hf_idempotency_of_job(const char *key, hf_event_t event, const void *body,
                                       size_t body_size) {
    crypto_generichash_state state;
    hf_idempotency_t self = {.given = key != NULL};
    uint8_t kind = (uint8_t)event;
    if (self.given) {
        crypto_generichash(self.key, HF_HASH_SIZE, (const uint8_t *)key, strlen(key), NULL, 0);
        crypto_generichash_init(&state, NULL, 0, HF_HASH_SIZE);
        crypto_generichash_update(&state, &kind, 1);
        crypto_generichash_update(&state, body, body_size);
        crypto_generichash_final(&state, self.body, HF_HASH_SIZE);
    }
    return self;
}

ProtobufCBinaryData hf_idempotency_key(hf_idempotency_t *self) {
    return (ProtobufCBinaryData){self->given ? HF_HASH_SIZE : 0, self->key};
}

ProtobufCBinaryData hf_idempotency_body(hf_idempotency_t *self) {
    return (ProtobufCBinaryData){self->given ? HF_HASH_SIZE : 0, self->body};
}
