/*  Happy path: a look finds the jobs that run; each is told by job_rules what it may do; its next members are collected from the
 *  groups, from where it stands on, and proposed with the place behind them; the answer lets it go on.
 *
 *  Failures: a member that is no more what it was is not in the index, and one that the patch does not fit is left out and told of; a
 *  step that was refused, or that a crash took, is made anew from what the journal has.
 *
 *  Invariant: a step looks at a bounded number of entries, so that the verdicts beside it do not wait.  */

#include "failure/jobs.h"
#include "base/json_patch.h"
#include "failure/job_rules.h"
#include "store/job_members.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_MS = 250,     //  How often new jobs are looked for
    SCAN_MAX = 4096,   //  Entries whose states one step reads
    COUNT_MAX = 65536, //  Entries that one tick counts where no state must be read
    FULL_MS = 1000,    //  How long a job waits where the journal has no room
};

//  One job that runs.
typedef struct {
    hf_id_t id;             //  Which
    bool known;             //  This place is taken
    bool seen;              //  The look that goes on has found it
    bool in_hand;           //  A step of it is under way
    int64_t look_at;        //  Not before this time
    hf_job_place_t counted; //  How far it has counted, and
    uint64_t matched;       //  how many
} running_t;

struct hf_jobs {
    const hf_config_t *config;              //  Templates that a patched body must still fill
    hf_store_t *store;                      //  Where members are found
    hf_proposer_t *proposer;                //  Link
    hf_arena_t *arena;                      //  Of the job being worked on
    int64_t now;                            //  Of this tick
    int64_t look_at;                        //  When to look for new ones
    running_t running[HF_JOBS_RUNNING_MAX]; //  They
};

hf_jobs_t *hf_jobs_new(const hf_config_t *config, hf_store_t *store, hf_proposer_t *proposer) {
    hf_jobs_t *self = hf_alloc(sizeof *self);
    self->config = config;
    self->store = store;
    self->proposer = proposer;
    self->arena = hf_arena_new(64 << 10);
    return self;
}

void hf_jobs_destroy(hf_jobs_t **self_p) {
    assert(self_p);
    hf_jobs_t *self = *self_p;
    if (self) {
        hf_arena_destroy(&self->arena);
        free(self);
        *self_p = NULL;
    }
}

//  ---- which run

static bool s_on_job(void *context, const Hf__Job *job, const Hf__JobProgress *progress) {
    hf_jobs_t *self = context;
    running_t *free_place = NULL;
    hf_id_t id;
    if (progress->state != HF_JOB_RUNNING || !hf_id_from(&id, job->id.data, job->id.len)) {
        return true;
    }
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        running_t *running = &self->running[i];
        if (running->known && hf_id_equal(&running->id, &id)) {
            running->seen = true;
            return true;
        }
        free_place = running->known ? free_place : running;
    }
    if (free_place) { //  Else one of those known has ended: it makes room at the end of this look
        *free_place = (running_t){.id = id, .known = true, .seen = true};
    }
    return true;
}

//  A job whose step is under way stays known until it is answered: its place is the answer's tag.
static void s_look(hf_jobs_t *self) {
    hf_error_t error;
    self->look_at = self->now + LOOK_MS;
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        self->running[i].seen = false;
    }
    if (hf_store_walk_jobs(self->store, s_on_job, self, &error)) {
        hf_proposer_fail(self->proposer, &error);
        return;
    }
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        running_t *running = &self->running[i];
        running->known = running->seen || running->in_hand;
    }
}

//  ---- its members

//  A step being made.
typedef struct {
    hf_jobs_t *self;                      //  Whose
    json_t *patch;                        //  The job's, or NULL
    Hf__JobItem *items[HF_JOB_ITEMS_MAX]; //  Members to decide over
    size_t size;                          //  How many
    size_t bytes;                         //  Of bodies, those that were read and those that came of them
    uint64_t refused;                     //  Members that the patch does not fit
    hf_id_t refused_id;                   //  The newest of these
    hf_error_t refusal;                   //  Why
    bool failed;                          //  The file cannot be read
    hf_error_t error;                     //  Why
} making_t;

//  The member's new body: 0, 1 the patch does not fit it, -1 the file cannot be read.
static int s_patch(making_t *making, const hf_id_t *id, Hf__JobItem *item) {
    hf_jobs_t *self = making->self;
    Hf__Command *command = NULL;
    hf_buf_t body = {0};
    int found = hf_store_command(self->store, id, self->arena, &command, &making->error);
    if (found != 1) {
        return found ? -1
                     : hf_error_set(&making->error, "dead: an entry has no command: the journal is damaged");
    }
    making->bytes += command->body.len;
    int rc = hf_job_patch(self->config, making->patch, command, &body, &making->refusal);
    if (rc == 0) {
        item->replace_body = true;
        item->body = (ProtobufCBinaryData){body.size, hf_arena_take(self->arena, body.size + 1)};
        memcpy(item->body.data, body.data, body.size);
        making->bytes += body.size;
    }
    hf_buf_free(&body);
    return rc ? 1 : 0;
}

static bool s_on_member(void *context, const hf_id_t *id) {
    making_t *making = context;
    Hf__JobItem *item = hf_arena_take(making->self->arena, sizeof *item);
    hf__job_item__init(item);
    int rc = making->patch ? s_patch(making, id, item) : 0;
    if (rc > 0) {
        making->refused++;
        making->refused_id = *id;
    } else if (rc == 0) {
        item->id = (ProtobufCBinaryData){HF_ID_SIZE, hf_arena_take(making->self->arena, HF_ID_SIZE)};
        memcpy(item->id.data, id->bytes, HF_ID_SIZE);
        making->items[making->size++] = item;
    }
    making->failed = rc < 0;
    return !making->failed && making->bytes < HF_JOB_STEP_BYTES;
}

//  ---- its steps

static void s_propose(hf_jobs_t *self, running_t *running, Hf__JobStep *step) {
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_JOB_STEP;
    proposal.job_step = step;
    running->in_hand = hf_link_propose(hf_proposer_link(self->proposer), &proposal, running) != 0;
    running->look_at = running->in_hand ? INT64_MAX : self->now + HF_JOB_LOOK_MS;
}

//  A part of the count in one tick; the step that says how many there are, when all are.
static void s_count(hf_jobs_t *self, running_t *running, const Hf__Job *job, Hf__JobStep *step) {
    hf_error_t error;
    hf_job_walk_t walk = {.place = running->counted, .most = UINT64_MAX};
    walk.scan_most = hf_job_needs_state(job) ? SCAN_MAX : COUNT_MAX;
    walk.most = job->limit ? job->limit - running->matched : UINT64_MAX;
    if (hf_job_walk(self->store, job, &walk, NULL, NULL, self->arena, &error)) {
        hf_proposer_fail(self->proposer, &error);
        return;
    }
    running->counted = walk.place;
    running->matched += walk.found;
    running->look_at = 0; //  It goes on at once where more is left
    bool all = job->limit && running->matched == job->limit;
    if (!walk.ended || all) {
        step->counted = true;
        step->matched = running->matched;
        s_propose(self, running, step);
    }
}

static hf_job_place_t s_place(const Hf__JobProgress *progress) {
    hf_job_place_t place = {.group = progress->at_group, .fact = progress->at_fact};
    strncpy(place.destination, progress->at_destination, sizeof place.destination - 1);
    return place;
}

//  Walks on to the next members, at most as many as the limit leaves. False where the file cannot be read.
static bool s_make(making_t *making, const Hf__Job *job, hf_job_walk_t *walk) {
    hf_jobs_t *self = making->self;
    hf_error_t unread;
    making->patch = job->patch.len ? hf_json_patch_read(job->patch.data, job->patch.len, &unread) : NULL;
    int rc = hf_job_walk(self->store, job, walk, s_on_member, making, self->arena, &making->error);
    json_decref(making->patch);
    if (rc || making->failed) {
        hf_proposer_fail(self->proposer, &making->error);
    }
    return !rc && !making->failed;
}

static void s_go(hf_jobs_t *self, running_t *running, const Hf__Job *job, const Hf__JobProgress *progress,
                 const hf_job_next_t *next, Hf__JobStep *step) {
    making_t making = {.self = self};
    uint64_t behind = progress->done + progress->gone + progress->refused;
    uint64_t limit = job->limit ? job->limit - behind : UINT64_MAX;
    hf_job_walk_t walk = {.place = s_place(progress), .scan_most = SCAN_MAX};
    walk.most = next->members < limit ? next->members : limit;
    if (!s_make(&making, job, &walk)) {
        return;
    }
    step->items = making.items;
    step->n_items = making.size;
    step->at_destination = walk.place.destination;
    step->at_group = walk.place.group;
    step->at_fact = walk.place.fact;
    step->walked = !walk.ended || walk.found == limit;
    step->paced_us = hf_job_paced(job, next->paced_us, (unsigned)making.size);
    step->refused = making.refused;
    step->refusal = making.refused ? making.refusal.text : (char *)"";
    step->refused_id = (ProtobufCBinaryData){making.refused ? HF_ID_SIZE : 0, making.refused_id.bytes};
    s_propose(self, running, step);
}

static void s_do(hf_jobs_t *self, running_t *running, const Hf__Job *job, const Hf__JobProgress *progress) {
    hf_job_next_t next = hf_job_next(job, progress, self->now);
    Hf__JobStep step = HF__JOB_STEP__INIT;
    step.job = job->id;
    step.step = progress->step;
    switch (next.what) {
    case HF_JOB_COUNT:
        s_count(self, running, job, &step);
        break;
    case HF_JOB_GO:
        s_go(self, running, job, progress, &next, &step);
        break;
    case HF_JOB_STOP:
        step.stop = next.reason;
        s_propose(self, running, &step);
        break;
    case HF_JOB_WAIT:
        running->look_at = next.until_ms;
        break;
    }
}

static void s_work(hf_jobs_t *self, running_t *running) {
    hf_error_t error;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    hf_arena_reset(self->arena);
    int found = hf_store_job(self->store, &running->id, self->arena, &job, &error);
    found = found == 1 ? hf_store_progress(self->store, &running->id, self->arena, &progress, &error) : found;
    if (found < 0) {
        hf_proposer_fail(self->proposer, &error);
    } else if (found == 0 || progress->state != HF_JOB_RUNNING) {
        running->known = false;
    } else {
        s_do(self, running, job, progress);
    }
}

void hf_jobs_tick(hf_jobs_t *self, int64_t now) {
    hf_error_t error;
    self->now = now;
    if (now < hf_jobs_next_deadline(self)) {
        return;
    }
    if (hf_store_begin_read(self->store, &error)) {
        hf_proposer_fail(self->proposer, &error);
        return;
    }
    if (now >= self->look_at) {
        s_look(self);
    }
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        running_t *running = &self->running[i];
        if (running->known && !running->in_hand && now >= running->look_at) {
            s_work(self, running);
        }
    }
    hf_store_end_read(self->store);
}

int64_t hf_jobs_next_deadline(const hf_jobs_t *self) {
    int64_t deadline = self->look_at;
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        const running_t *running = &self->running[i];
        if (running->known && !running->in_hand && running->look_at < deadline) {
            deadline = running->look_at;
        }
    }
    return deadline;
}

bool hf_jobs_take_answer(hf_jobs_t *self, const void *tag, const Hf__Result *result) {
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        running_t *running = &self->running[i];
        if (tag == running) {
            bool full = result && result->code == HF_RESULT_FULL;
            running->in_hand = false;
            running->look_at = full ? self->now + FULL_MS : 0;
            return true;
        }
    }
    return false;
}

unsigned hf_jobs_running(const hf_jobs_t *self) {
    unsigned running = 0;
    for (unsigned i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        running += self->running[i].known;
    }
    return running;
}
