#include "ingress/settle.h"
#include "base/job.h"

#include <string.h>

//  What one settling works with.
typedef struct {
    hf_store_t *store;     //  Being read
    hf_arena_t *arena;     //  Of what is read
    hf_link_t *link;       //  Where the proposals still are
    hf_answers_t *answers; //  Where answers go
} settling_t;

//  From the first that has not waited long enough on, none has.
static bool s_has_waited(const hf_pending_t *pending, int64_t now) {
    return pending && now - pending->since >= HF_INGRESS_PATIENCE_MS;
}

size_t hf_settle_overdue(const hf_pending_t *oldest, int64_t now) {
    size_t overdue = 0;
    for (const hf_pending_t *pending = oldest; s_has_waited(pending, now); pending = pending->next) {
        overdue += !pending->answered;
    }
    return overdue;
}

//  ---- what the file says; each returns 1 done, 0 not, -1 unreadable

static int s_was_accepted(settling_t *self, const hf_pending_t *pending, hf_error_t *error) {
    Hf__State *state = NULL;
    return hf_store_state(self->store, &pending->id, self->arena, &state, error);
}

static int s_was_decided(settling_t *self, const hf_pending_t *pending, hf_error_t *error) {
    Hf__State *state = NULL;
    int found = hf_store_state(self->store, &pending->id, self->arena, &state, error);
    if (found != 1) {
        return found;
    }
    for (size_t at = 0; at + HF_HASH_SIZE <= state->decision.len; at += HF_HASH_SIZE) {
        if (memcmp(state->decision.data + at, pending->nonce, HF_HASH_SIZE) == 0) {
            return 1;
        }
    }
    return 0;
}

//  Whether a journal has applied what this life proposed under that number.
static int s_was_applied(settling_t *self, uint64_t number, hf_error_t *error) {
    Hf__Sender *sender = NULL;
    int found = hf_store_sender(self->store, "ingress", self->arena, &sender, error);
    return found == 1 ? sender->epoch == hf_link_epoch(self->link) && sender->applied >= number : found;
}

//  Whether it was carried out, or the destination is as it was asked for.
static int s_was_gated(settling_t *self, const hf_pending_t *pending, hf_error_t *error) {
    Hf__Destination *record = NULL;
    int applied = s_was_applied(self, pending->number, error);
    if (applied) {
        return applied;
    }
    int found = hf_store_destination(self->store, pending->gated, self->arena, &record, error);
    bool paused = found == 1 && record->paused;
    return found < 0 ? found : paused == pending->pauses;
}

static int s_was_job_done(settling_t *self, const hf_pending_t *pending, hf_error_t *error) {
    Hf__JobProgress *progress = NULL;
    int found = hf_store_progress(self->store, &pending->id, self->arena, &progress, error);
    return found == 1 && pending->job == HF_CANCELS_JOB ? progress->state == HF_JOB_CANCELLED : found;
}

static int s_was_done(settling_t *self, const hf_pending_t *pending, hf_error_t *error) {
    if (pending->job) {
        return s_was_job_done(self, pending, error);
    }
    if (pending->gated) {
        return s_was_gated(self, pending, error);
    }
    return pending->decision ? s_was_decided(self, pending, error) : s_was_accepted(self, pending, error);
}

//  ---- settling

//  What an earlier command of the same Idempotency-Key makes of a submission that did not become durable itself:
//  1 answered by it, 0 there is none, -1 unreadable.
static int s_replay(settling_t *self, hf_pending_t *pending, hf_error_t *error) {
    Hf__Dedupe *dedupe = NULL;
    const hf_idempotency_t *mine = &pending->idempotency;
    if (!mine->given || pending->ids || pending->job) {
        return 0;
    }
    int found = hf_store_dedupe(self->store, mine->key, self->arena, &dedupe, error);
    if (found != 1) {
        return found;
    }
    bool same = dedupe->body_hash.len == HF_HASH_SIZE &&
                memcmp(dedupe->body_hash.data, mine->body, HF_HASH_SIZE) == 0;
    Hf__Result result = HF__RESULT__INIT;
    result.code = same ? HF_RESULT_REPLAYED : HF_RESULT_CONFLICT;
    result.id = dedupe->id;
    result.accepted_at = dedupe->accepted_at;
    hf_answers_add_result(self->answers, pending, &result);
    return 1;
}

static void s_settle_one(settling_t *self, hf_pending_t *pending) {
    hf_error_t error;
    int found = s_was_done(self, pending, &error);
    if (found == 1) {
        hf_answers_add_result(self->answers, pending, NULL);
        return;
    }
    found = found < 0 ? found : s_replay(self, pending, &error);
    if (found < 0) {
        return; //  Nobody knows: it goes on waiting for a journal
    }
    hf_link_void(self->link, pending->number);
    if (!found) {
        hf_problem_set(hf_answers_refuse(self->answers, pending), HF_PROBLEM_AWAY, 1,
                       "The journal has been away for over %d ms; nothing was accepted, try again.",
                       HF_INGRESS_PATIENCE_MS);
    }
}

void hf_settle(hf_pending_t *oldest, hf_store_t *store, hf_arena_t *arena, hf_link_t *link,
               hf_answers_t *answers, int64_t now) {
    settling_t self = {store, arena, link, answers};
    hf_error_t error;
    if (hf_store_begin_read(store, &error)) {
        return;
    }
    for (hf_pending_t *pending = oldest; s_has_waited(pending, now); pending = pending->next) {
        if (!pending->answered) {
            s_settle_one(&self, pending);
            hf_arena_reset(arena);
        }
    }
    hf_store_end_read(store);
}
