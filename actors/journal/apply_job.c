/*  Happy path: a job is created over what is dead at this fact; step after step its next members are decided over and its place
 *  moves, in one transaction; each member that it retried is counted as it ends; when nothing is left and all have ended, it is done.
 *
 *  Failures: a step that comes again, late, or after the job has ended changes nothing (it names how many steps came before it); a
 *  member that has moved since the job's fact is no member, whoever moved it. Without room a step that retries waits.
 *
 *  Invariants: (1) a job decides over a command at most once: its last fact must be the job's or older, and the decision makes a newer
 *  one; (2) done = members with the job in their state + succeeded + failed + otherwise; (3) at most HF_JOBS_RUNNING_MAX run.  */

#include "journal/apply_job.h"
#include "base/job.h"
#include "journal/apply.h"
#include "journal/apply_job_end.h"

#include <string.h>

//  ---- a new one

//  What is there already.
typedef struct {
    const Hf__Job *wanted; //  The new one
    hf_arena_t *arena;     //  For what is kept of the others
    unsigned running;      //  How many run,
    unsigned size;         //  how many there are,
    hf_id_t oldest;        //  and the oldest that has ended
    bool any_ended;        //  There is one
    hf_id_t *same;         //  The one that the same Idempotency-Key made, or NULL
    bool same_request;     //  It asked for the same
    int64_t same_at;       //  When it was made
} jobs_t;

static bool s_equal(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static bool s_on_job(void *context, const Hf__Job *job, const Hf__JobProgress *progress) {
    jobs_t *jobs = context;
    const Hf__Job *wanted = jobs->wanted;
    bool ended = progress->state != HF_JOB_RUNNING;
    jobs->size++;
    jobs->running += !ended;
    if (ended) {
        jobs->any_ended = hf_id_from(&jobs->oldest, job->id.data, job->id.len);
    }
    if (wanted->idempotency.len && s_equal(&wanted->idempotency, &job->idempotency)) {
        jobs->same = hf_arena_take(jobs->arena, sizeof *jobs->same);
        hf_id_from(jobs->same, job->id.data, job->id.len);
        jobs->same_request = s_equal(&wanted->request_hash, &job->request_hash);
        jobs->same_at = job->created_at;
    }
    return true;
}

static bool s_is_sound(const Hf__Job *job) {
    return job && job->id.len == HF_ID_SIZE && hf_state_is_held(job->state) &&
           (job->event == HF_EVENT_RETRY || job->event == HF_EVENT_DISCARD ||
            job->event == HF_EVENT_RESOLVE) &&
           job->rate >= 0 && job->canary <= HF_JOB_CANARY_MAX && job->patch.len <= HF_JOB_PATCH_MAX &&
           (job->idempotency.len == 0 || job->idempotency.len == HF_ID_SIZE);
}

static int s_begin(hf_batch_t *batch, Hf__Job *job) {
    Hf__JobProgress progress = HF__JOB_PROGRESS__INIT;
    job->fact = batch->next_fact - 1;
    progress.id = job->id;
    progress.state = HF_JOB_RUNNING;
    int rc = hf_store_put_job(batch->store, job, batch->error);
    return rc ? rc : hf_store_put_progress(batch->store, &progress, batch->error);
}

int hf_apply_job_create(hf_batch_t *batch, const Hf__JobCreate *create, Hf__Result *result) {
    hf_id_t id;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    jobs_t jobs = {.wanted = create->job, .arena = batch->arena};
    if (!s_is_sound(create->job)) {
        result->code = HF_RESULT_MALFORMED;
        return 0;
    }
    int found = hf_apply_job_read(batch, &create->job->id, &id, &job, &progress);
    if (found) {
        return found == 1 ? 0 : found; //  Repeated: it is durable already
    }
    if (hf_store_walk_jobs(batch->store, s_on_job, &jobs, batch->error)) {
        return HF_STORE_FAILED;
    }
    if (jobs.same) {
        result->code = jobs.same_request ? HF_RESULT_REPLAYED : HF_RESULT_CONFLICT;
        result->id = (ProtobufCBinaryData){HF_ID_SIZE, jobs.same->bytes};
        result->accepted_at = jobs.same_at;
        return 0;
    }
    if (batch->repeated || jobs.running >= HF_JOBS_RUNNING_MAX) {
        result->code = HF_RESULT_TOO_MANY;
        return 0;
    }
    int rc = jobs.size >= HF_JOBS_MAX && jobs.any_ended
                 ? hf_store_remove_job(batch->store, &jobs.oldest, batch->error)
                 : 0;
    return rc ? rc : s_begin(batch, create->job);
}

//  ---- a step

//  One member: 0, or HF_STORE_….
static int s_item(hf_batch_t *batch, const Hf__Job *job, const Hf__JobItem *item, Hf__JobProgress *progress) {
    hf_id_t id;
    Hf__State *before = NULL;
    uint8_t decision[HF_ID_SIZE];
    Hf__Decide decide = HF__DECIDE__INIT;
    int found = hf_id_from(&id, item->id.data, item->id.len)
                    ? hf_store_state(batch->store, &id, batch->arena, &before, batch->error)
                    : 0;
    if (found < 0) {
        return found;
    }
    if (!found || before->state != job->state || before->last_fact > job->fact) {
        progress->gone++;
        return 0;
    }
    hf_job_decision(job, &id, decision);
    decide.id = item->id;
    decide.event = job->event;
    decide.decision = (ProtobufCBinaryData){sizeof decision, decision};
    decide.who = job->who;
    decide.replace_body = item->replace_body;
    decide.body = item->body;
    progress->done++;
    return hf_apply_decision(batch, &id, before, &decide, job);
}

static void s_move(hf_batch_t *batch, const Hf__Job *job, const Hf__JobStep *step,
                   Hf__JobProgress *progress) {
    progress->step++;
    if (step->counted) {
        progress->counted = true;
        progress->matched = step->matched;
        return;
    }
    if (*step->stop) {
        progress->state = HF_JOB_STOPPED;
        progress->reason = step->stop;
        progress->ended_at = batch->now;
        return;
    }
    progress->at_destination = step->at_destination;
    progress->at_group = step->at_group;
    progress->at_fact = step->at_fact;
    progress->walked = step->walked;
    progress->paced_us = step->paced_us;
    progress->refused += step->refused;
    if (step->refused) {
        progress->newest_refusal = step->refusal;
        progress->newest_refused = step->refused_id;
    }
    uint64_t behind = progress->done + progress->refused;
    if (step->walked && progress->matched > behind) {
        progress->gone = progress->matched - behind; //  Those too that were not even met
    }
    hf_apply_job_look_whether_done(batch, job, progress);
}

int hf_apply_job_step(hf_batch_t *batch, const Hf__JobStep *step, Hf__Result *result) {
    hf_id_t id;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    int rc = hf_apply_job_read(batch, &step->job, &id, &job, &progress);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0 || batch->repeated || progress->state != HF_JOB_RUNNING || progress->step != step->step) {
        result->code = HF_RESULT_STALE;
        return 0;
    }
    if (batch->full && step->n_items && job->event == HF_EVENT_RETRY) {
        result->code = HF_RESULT_FULL;
        return 0;
    }
    rc = 0;
    for (size_t i = 0; i < step->n_items && !rc; i++) {
        rc = s_item(batch, job, step->items[i], progress);
    }
    s_move(batch, job, step, progress);
    return rc ? rc : hf_store_put_progress(batch->store, progress, batch->error);
}

//  ---- a person ends it

int hf_apply_job_cancel(hf_batch_t *batch, const Hf__JobCancel *cancel, Hf__Result *result) {
    hf_id_t id;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    int found = hf_apply_job_read(batch, &cancel->job, &id, &job, &progress);
    if (found < 0) {
        return found;
    }
    if (found == 0) {
        result->code = HF_RESULT_MISSING;
        return 0;
    }
    if (progress->state == HF_JOB_CANCELLED) {
        return 0;
    }
    if (progress->state != HF_JOB_RUNNING || batch->repeated) {
        result->code = HF_RESULT_FORBIDDEN;
        result->state = progress->state;
        return 0;
    }
    hf_buf_t reason = {0};
    hf_buf_addf(&reason, "cancelled%s%.128s", *cancel->who ? " by " : "", cancel->who);
    progress->state = HF_JOB_CANCELLED;
    progress->reason = (char *)reason.data;
    progress->ended_at = batch->now;
    int rc = hf_store_put_progress(batch->store, progress, batch->error);
    hf_buf_free(&reason);
    return rc;
}
