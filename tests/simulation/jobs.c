#include "simulation/jobs.h"

#include "base/job.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS = 12, HALF = 500000 }; //  The invariant's number; of a million

//  ---- what clients want

Hf__Job sim_jobs_draw(sim_world_t *world) {
    static const hf_event_t events[] = {HF_EVENT_RETRY, HF_EVENT_RETRY, HF_EVENT_RETRY, HF_EVENT_DISCARD,
                                        HF_EVENT_RESOLVE};
    static uint8_t patch[] = "[{\"op\":\"test\",\"path\":\"/version\",\"value\":0},"
                             "{\"op\":\"replace\",\"path\":\"/version\",\"value\":4711}]";
    sim_engine_t *engine = &world->engine;
    int64_t event = sim_between(engine, SIM_CLIENT, 0, 4);
    int64_t destination = sim_between(engine, SIM_CLIENT, -2, SIM_DESTINATIONS - 1);
    int64_t canary = sim_between(engine, SIM_CLIENT, 0, 3);
    int64_t rate = sim_between(engine, SIM_CLIENT, -20, 40);
    bool uncertain = sim_chance(engine, SIM_CLIENT, HALF / 2);
    bool patched = sim_chance(engine, SIM_CLIENT, HALF / 2);
    Hf__Job job = HF__JOB__INIT;
    job.event = events[event];
    job.state = uncertain ? HF_STATE_UNCERTAIN : HF_STATE_DEAD;
    job.destination = destination >= 0 ? world->config->destinations[destination]->name : (char *)"";
    job.rate = rate > 0 ? (double)rate : 0;
    job.who = (char *)"the simulator";
    if (job.event == HF_EVENT_RETRY) {
        job.canary = (uint32_t)canary;
        job.patch = (ProtobufCBinaryData){patched ? sizeof patch - 1 : 0, patch};
    }
    return job;
}

typedef struct {
    hf_id_t ids[HF_JOBS_MAX]; //  Jobs that there are
    size_t size;              //  How many
    unsigned running;         //  Of these, running
    sim_ledger_t *ledger;     //  Whose
} jobs_t;

static bool s_on_job(void *context, const Hf__Job *job, const Hf__JobProgress *progress) {
    jobs_t *jobs = context;
    bool whole = hf_id_from(&jobs->ids[jobs->size++], job->id.data, job->id.len);
    assert(whole && jobs->size < HF_JOBS_MAX);
    jobs->running += progress->state == HF_JOB_RUNNING;
    return true;
}

static void s_read(sim_ledger_t *ledger, jobs_t *jobs) {
    hf_error_t error = {{0}};
    *jobs = (jobs_t){.ledger = ledger};
    if (hf_store_begin_read(ledger->store, &error) ||
        hf_store_walk_jobs(ledger->store, s_on_job, jobs, &error)) {
        sim_violation(&ledger->world->engine, JOBS, "jobs cannot be read: %s", error.text);
    }
    hf_store_end_read(ledger->store);
}

bool sim_jobs_pick(sim_world_t *world, hf_id_t *id) {
    jobs_t jobs;
    s_read(world->ledger, &jobs);
    int64_t place = sim_between(&world->engine, SIM_CLIENT, 0, HF_JOBS_MAX - 1);
    if (jobs.size) {
        *id = jobs.ids[(size_t)place % jobs.size];
    }
    return jobs.size > 0;
}

unsigned sim_jobs_running(sim_ledger_t *ledger) {
    jobs_t jobs;
    s_read(ledger, &jobs);
    return jobs.running;
}

//  ---- what becomes true

static const Hf__JobItem *s_item(const Hf__JobStep *step, const sim_command_t *command) {
    for (size_t i = 0; i < step->n_items; i++) {
        const ProtobufCBinaryData *id = &step->items[i]->id;
        if (id->len == HF_ID_SIZE && memcmp(id->data, command->id.bytes, HF_ID_SIZE) == 0) {
            return step->items[i];
        }
    }
    return NULL;
}

bool sim_jobs_body(const Hf__JobStep *step, const sim_command_t *command, ProtobufCBinaryData *body) {
    const Hf__JobItem *item = s_item(step, command);
    if (item && item->replace_body) {
        *body = item->body;
    }
    return item && item->replace_body;
}

static void s_add(struct sim_jobs *self, const hf_id_t *job, const hf_id_t *command) {
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->members = realloc(self->members, self->capacity * sizeof *self->members);
        assert(self->members && "out of memory");
    }
    self->members[self->size++] = (struct sim_member){*job, *command};
}

void sim_jobs_decided(sim_ledger_t *ledger, const Hf__JobStep *step, const Hf__Fact *fact,
                      sim_command_t *command) {
    struct sim_jobs *self = &ledger->jobs;
    const sim_engine_t *engine = &ledger->world->engine;
    hf_id_t id;
    Hf__Job *job = NULL;
    if (!hf_id_from(&id, step->job.data, step->job.len) ||
        hf_store_job(ledger->store, &id, ledger->arena, &job, NULL) != 1) {
        sim_violation(engine, JOBS, "c%u is decided over by a job that there is not", command->number);
    }
    if (command->state != (hf_state_t)job->state || fact->previous > job->fact) {
        sim_violation(engine, JOBS,
                      "a job decides over c%u, which is %s since fact %" PRIu64
                      "; the job's members were so at "
                      "fact %" PRIu64,
                      command->number, hf_state_name(command->state), fact->previous, job->fact);
    }
    for (size_t i = 0; i < self->size; i++) {
        if (hf_id_equal(&self->members[i].job, &id) && hf_id_equal(&self->members[i].command, &command->id)) {
            sim_violation(engine, JOBS, "a job decides over c%u twice", command->number);
        }
    }
    s_add(self, &id, &command->id);
    sim_cover(step->items[0]->replace_body ? SIM_FAULT_JOB_PATCHES : SIM_FAULT_JOB, ledger->counts);
}

//  A step may have been refused (a full journal takes no new bodies) while another job's, over the same command,
//  was carried out in the same commit.
bool sim_jobs_explains(const sim_ledger_t *ledger, const Hf__JobStep *step, hf_event_t event) {
    hf_id_t id;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    return hf_id_from(&id, step->job.data, step->job.len) &&
           hf_store_job(ledger->store, &id, ledger->arena, &job, NULL) == 1 && job->event == event &&
           hf_store_progress(ledger->store, &id, ledger->arena, &progress, NULL) == 1 &&
           progress->step > step->step;
}

bool sim_jobs_is(sim_ledger_t *ledger, const hf_id_t *id, bool cancelled) {
    Hf__JobProgress *progress = NULL;
    hf_error_t error;
    if (hf_store_begin_read(ledger->store, &error)) {
        sim_violation(&ledger->world->engine, JOBS, "jobs cannot be read: %s", error.text);
    }
    int found = hf_store_progress(ledger->store, id, ledger->arena, &progress, &error);
    bool is = found == 1 && (!cancelled || progress->state == HF_JOB_CANCELLED);
    hf_store_end_read(ledger->store);
    return is;
}

static bool s_is_stepped(sim_ledger_t *ledger, const Hf__JobStep *step, const hf_id_t *id) {
    Hf__JobProgress *progress = NULL;
    hf_error_t error;
    if (hf_store_begin_read(ledger->store, &error)) {
        return false;
    }
    bool is = hf_store_progress(ledger->store, id, ledger->arena, &progress, &error) == 1 &&
              progress->step > step->step;
    hf_store_end_read(ledger->store);
    return is;
}

bool sim_jobs_is_done(sim_ledger_t *ledger, const Hf__Proposal *proposal) {
    const ProtobufCBinaryData *bytes = proposal->what_case == HF__PROPOSAL__WHAT_JOB_CREATE
                                           ? &proposal->job_create->job->id
                                       : proposal->what_case == HF__PROPOSAL__WHAT_JOB_STEP
                                           ? &proposal->job_step->job
                                           : &proposal->job_cancel->job;
    hf_id_t id;
    bool whole = hf_id_from(&id, bytes->data, bytes->len);
    return whole && (proposal->what_case == HF__PROPOSAL__WHAT_JOB_STEP
                         ? s_is_stepped(ledger, proposal->job_step, &id)
                         : sim_jobs_is(ledger, &id, proposal->what_case == HF__PROPOSAL__WHAT_JOB_CANCEL));
}

//  ---- at rest

static void s_scan_left(const sim_ledger_t *ledger, const Hf__Job *job) {
    for (size_t i = 0; i < ledger->commands_size; i++) {
        const sim_command_t *command = ledger->commands[i];
        const char *destination = ledger->world->config->destinations[command->submission->pipeline]->name;
        if (command->durable && command->state == (hf_state_t)job->state && command->last_fact <= job->fact &&
            (!*job->destination || strcmp(job->destination, destination) == 0)) {
            sim_violation(&ledger->world->engine, JOBS, "a job is done, and c%u, its member, was left behind",
                          command->number);
        }
    }
}

static bool s_scan_job(void *context, const Hf__Job *job, const Hf__JobProgress *progress) {
    const sim_ledger_t *ledger = context;
    uint64_t decided = 0;
    for (size_t i = 0; i < ledger->jobs.size; i++) {
        decided += memcmp(ledger->jobs.members[i].job.bytes, job->id.data, HF_ID_SIZE) == 0;
    }
    if (decided != progress->done || hf_job_open(job, progress) > 0) {
        sim_violation(&ledger->world->engine, JOBS,
                      "a job says that it decided over %" PRIu64 ", of which %" PRIu64
                      " are under way; it decided over %" PRIu64 ", and none is",
                      progress->done, hf_job_open(job, progress), decided);
    }
    if (progress->state == HF_JOB_DONE && progress->refused == 0) {
        s_scan_left(ledger, job);
    }
    return true;
}

void sim_jobs_scan(sim_ledger_t *ledger) {
    hf_error_t error;
    if (hf_store_walk_jobs(ledger->store, s_scan_job, ledger, &error)) {
        sim_violation(&ledger->world->engine, JOBS, "jobs cannot be read: %s", error.text);
    }
}
