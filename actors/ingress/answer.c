#include "ingress/answer.h"
#include "base/job.h"
#include "link/link.h"

#include <assert.h>
#include <stdlib.h>

hf_pending_t *hf_pending_new(void *tag, int64_t now) {
    hf_pending_t *self = hf_alloc(sizeof *self);
    self->tag = tag;
    self->since = now;
    return self;
}

void hf_pending_destroy(hf_pending_t **self_p) {
    assert(self_p);
    if (*self_p) {
        free((*self_p)->ids);
        free(*self_p);
        *self_p = NULL;
    }
}

static hf_answer_t *s_answer(hf_answers_t *self, hf_pending_t *pending, hf_answer_kind_t kind) {
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->answers = realloc(self->answers, self->capacity * sizeof *self->answers);
        assert(self->answers && "out of memory");
    }
    hf_answer_t *answer = &self->answers[self->size++];
    answer->tag = pending->tag;
    answer->kind = kind;
    answer->id = pending->id;
    answer->ids = pending->ids;
    answer->ids_size = pending->ids_size;
    answer->accepted_at = pending->accepted_at;
    pending->ids = NULL;
    pending->answered = true;
    return answer;
}

bool hf_answers_take(hf_answers_t *self, hf_answer_t *answer) {
    if (self->head == self->size) {
        self->head = self->size = 0;
        return false;
    }
    *answer = self->answers[self->head++];
    return true;
}

hf_problem_t *hf_answers_refuse(hf_answers_t *self, hf_pending_t *pending) {
    hf_answer_t *answer = s_answer(self, pending, HF_ANSWER_REFUSED);
    free(answer->ids);
    answer->ids = NULL;
    answer->ids_size = 0;
    self->refused++;
    return &answer->problem;
}

static void s_refuse_conflict(hf_answers_t *self, hf_pending_t *pending, const ProtobufCBinaryData *bytes) {
    char text[HF_ID_TEXT] = "another command";
    hf_id_t id;
    if (hf_id_from(&id, bytes->data, bytes->len)) {
        hf_id_format(&id, text);
    }
    hf_problem_set(hf_answers_refuse(self, pending), HF_PROBLEM_CONFLICT, 0,
                   "This Idempotency-Key made %s from another body; take a new key for a new request.", text);
}

static void s_replay(hf_answers_t *self, hf_pending_t *pending, const Hf__Result *result) {
    hf_answer_t *answer = s_answer(self, pending, HF_ANSWER_REPLAYED);
    for (size_t i = 0; i < answer->ids_size; i++) {
        if (i >= result->n_ids || !hf_id_from(&answer->ids[i], result->ids[i].data, result->ids[i].len)) {
            answer->ids[i] = (hf_id_t){{0}};
        }
    }
    hf_id_from(&answer->id, result->id.data, result->id.len);
    answer->accepted_at = result->accepted_at;
}

static void s_refuse_state(hf_answers_t *self, hf_pending_t *pending, uint32_t number) {
    hf_state_t state = (hf_state_t)number;
    if (pending->job) {
        hf_problem_set(hf_answers_refuse(self, pending), HF_PROBLEM_STATE, 0,
                       "The job is %s; that is its end.", hf_job_state_name((hf_job_state_t)number));
        return;
    }
    hf_problem_set(hf_answers_refuse(self, pending), HF_PROBLEM_STATE, 0, "The command is %s%s.",
                   hf_state_name(state),
                   hf_state_is_final(state)    ? "; that is its end"
                   : state == HF_STATE_CALLING ? ": the third party is being called now, wait for the outcome"
                   : hf_state_is_open(state)   ? ": it is still under way, it can be cancelled"
                                               : ": it can be retried, discarded or resolved");
}

void hf_answers_add_result(hf_answers_t *self, hf_pending_t *pending, const Hf__Result *result) {
    char text[HF_ID_TEXT];
    switch (result ? (hf_result_t)result->code : HF_RESULT_DONE) {
    case HF_RESULT_DONE:
        if (pending->gated) {
            s_answer(self, pending, HF_ANSWER_GATED);
            break;
        }
        self->accepted += pending->decision ? 0 : pending->ids_size ? pending->ids_size : 1;
        s_answer(self, pending, pending->decision ? HF_ANSWER_DECIDED : HF_ANSWER_ACCEPTED);
        break;
    case HF_RESULT_REPLAYED:
        s_replay(self, pending, result);
        break;
    case HF_RESULT_CONFLICT:
        s_refuse_conflict(self, pending, &result->id);
        break;
    case HF_RESULT_FULL:
        hf_problem_set(hf_answers_refuse(self, pending), HF_PROBLEM_FULL, 5, "%s",
                       *result->reason ? result->reason : "There is no room for new commands.");
        break;
    case HF_RESULT_MISSING:
        hf_id_format(&pending->id, text);
        hf_problem_set(hf_answers_refuse(self, pending),
                       pending->job ? HF_PROBLEM_NO_JOB : HF_PROBLEM_NO_COMMAND, 0, "No %s has the id %s.",
                       pending->job ? "job" : "command", text);
        break;
    case HF_RESULT_FORBIDDEN:
        s_refuse_state(self, pending, result->state);
        break;
    case HF_RESULT_TOO_MANY:
        hf_problem_set(hf_answers_refuse(self, pending), HF_PROBLEM_TOO_MANY_JOBS, 0,
                       "%d jobs run; wait for one to end, or cancel one (DELETE /jobs/ID).",
                       HF_JOBS_RUNNING_MAX);
        break;
    default:
        hf_problem_set(
            hf_answers_refuse(self, pending), HF_PROBLEM_JOURNAL, 0,
            "The journal could not read the proposal: ingress and journal are of different versions.");
    }
}

void hf_answers_free(hf_answers_t *self) {
    hf_answer_t answer;
    while (hf_answers_take(self, &answer)) {
        free(answer.ids);
    }
    free(self->answers);
    *self = (hf_answers_t){0};
}
