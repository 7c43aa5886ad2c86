/*  Jobs in the journal: each member once, whatever comes twice, late, or in between; and jobs driven by failure's core over it.  */

#include "unit/journal_world.h"

#include "base/job.h"
#include "failure/failure_core.h"

enum { MAP = 64 << 20 };

//  ---- proposals

static Hf__Proposal *s_create(world_t *world, hf_event_t event, hf_id_t *id) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_JOB_CREATE);
    Hf__Job *job = hf_arena_take(world->arena, sizeof *job);
    *id = hf_id_make(&world->ids, world->now);
    hf__job__init(job);
    job->id = w_id(world, id);
    job->event = event;
    job->state = HF_STATE_DEAD;
    job->who = (char *)"somebody";
    job->created_at = world->now;
    proposal->job_create = hf_arena_take(world->arena, sizeof *proposal->job_create);
    hf__job_create__init(proposal->job_create);
    proposal->job_create->job = job;
    return proposal;
}

static Hf__Proposal *s_step(world_t *world, const hf_id_t *job, uint64_t step, const hf_id_t *ids,
                            size_t size) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_JOB_STEP);
    Hf__JobStep *message = hf_arena_take(world->arena, sizeof *message);
    hf__job_step__init(message);
    message->job = w_id(world, job);
    message->step = step;
    message->items = hf_arena_take(world->arena, (size + 1) * sizeof *message->items);
    message->n_items = size;
    message->at_destination = (char *)"d";
    message->at_fact = step + 1;
    for (size_t i = 0; i < size; i++) {
        message->items[i] = hf_arena_take(world->arena, sizeof **message->items);
        hf__job_item__init(message->items[i]);
        message->items[i]->id = w_id(world, &ids[i]);
    }
    proposal->job_step = message;
    return proposal;
}

static Hf__Proposal *s_cancel(world_t *world, const hf_id_t *job) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_JOB_CANCEL);
    proposal->job_cancel = hf_arena_take(world->arena, sizeof *proposal->job_cancel);
    hf__job_cancel__init(proposal->job_cancel);
    proposal->job_cancel->job = w_id(world, job);
    proposal->job_cancel->who = (char *)"another";
    return proposal;
}

static Hf__JobProgress *s_progress(world_t *world, const hf_id_t *id) {
    hf_error_t error;
    Hf__JobProgress *progress = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    assert_int_equal(hf_store_progress(world->reader, id, world->arena, &progress, &error), 1);
    hf_store_end_read(world->reader);
    return progress;
}

static void s_end(world_t *world, peer_t *peer, const hf_id_t *id, uint32_t attempt, hf_class_t class) {
    assert_int_equal(w_propose(world, peer, w_start(world, id, attempt, peer->epoch)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, peer, w_outcome(world, id, attempt, peer->epoch, class)),
                     HF_RESULT_DONE);
    if (class != HF_CLASS_SUCCEEDED) {
        assert_int_equal(w_propose(world, peer, w_verdict(world, id, attempt, HF_EVENT_GIVE_UP)),
                         HF_RESULT_DONE);
    }
}

//  ---- the journal's part

static void a_step_decides_over_members_and_moves_the_job(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t ids[3], job;
    Hf__History *entry = NULL;
    hf_error_t error;
    (void)state;
    for (int i = 0; i < 3; i++) {
        ids[i] = w_bring_to(world, &peer, HF_STATE_DEAD);
    }
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, ids, 2)), HF_RESULT_DONE);
    assert_int_equal(w_state(world, &ids[0])->state, HF_STATE_ACCEPTED);
    assert_int_equal(w_state(world, &ids[2])->state, HF_STATE_DEAD);
    assert_int_equal(s_progress(world, &job)->done, 2);
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    assert_int_equal(hf_store_history(world->reader, &ids[0], 1, world->arena, &entry, &error), 1);
    hf_store_end_read(world->reader);
    assert_string_equal(entry->decision->who, "somebody");
    assert_memory_equal(entry->decision->job.data, job.bytes, 16);
    w_verify(world);
    s_end(world, &peer, &ids[0], 2, HF_CLASS_SUCCEEDED);
    s_end(world, &peer, &ids[1], 2, HF_CLASS_FAILED);
    Hf__JobProgress *progress = s_progress(world, &job);
    assert_int_equal(progress->succeeded, 1);
    assert_int_equal(progress->failed, 1);
    assert_string_equal(progress->newest_failure, "by policy");
    assert_int_equal(progress->state, HF_JOB_RUNNING);
    assert_int_equal(w_state(world, &ids[0])->job.len, 0);
    w_verify(world);
    w_destroy(world);
}

static void a_step_that_comes_again_or_late_changes_nothing(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t id, job;
    (void)state;
    id = w_bring_to(world, &peer, HF_STATE_DEAD);
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 1, &id, 1)), HF_RESULT_STALE);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_DONE);
    s_end(world, &peer, &id, 2, HF_CLASS_FAILED); //  Dead again: a member no more
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_STALE);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 1, &id, 1)), HF_RESULT_DONE);
    assert_int_equal(w_state(world, &id)->state, HF_STATE_DEAD);
    assert_int_equal(s_progress(world, &job)->done, 1);
    assert_int_equal(s_progress(world, &job)->gone, 1);
    w_verify(world);
    w_destroy(world);
}

static void who_dies_after_the_jobs_fact_is_no_member(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t job;
    (void)state;
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_DISCARD, &job)), HF_RESULT_DONE);
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_DEAD);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_DONE);
    assert_int_equal(w_state(world, &id)->state, HF_STATE_DEAD);
    assert_int_equal(s_progress(world, &job)->gone, 1);
    w_destroy(world);
}

static void it_is_done_when_all_are_behind_it_and_have_ended(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t job, id = w_bring_to(world, &peer, HF_STATE_DEAD);
    (void)state;
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
    Hf__Proposal *step = s_step(world, &job, 0, &id, 1);
    step->job_step->walked = true;
    assert_int_equal(w_propose(world, &peer, step), HF_RESULT_DONE);
    assert_int_equal(s_progress(world, &job)->state, HF_JOB_RUNNING);
    s_end(world, &peer, &id, 2, HF_CLASS_SUCCEEDED);
    assert_int_equal(s_progress(world, &job)->state, HF_JOB_DONE);
    assert_int_equal(w_propose(world, &peer, s_cancel(world, &job)), HF_RESULT_FORBIDDEN);
    w_verify(world);
    w_destroy(world);
}

static void a_cancelled_job_goes_no_further_and_still_counts(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t job, ids[2] = {w_bring_to(world, &peer, HF_STATE_DEAD), w_bring_to(world, &peer, HF_STATE_DEAD)};
    (void)state;
    assert_int_equal(w_propose(world, &peer, s_cancel(world, &ids[0])), HF_RESULT_MISSING);
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, ids, 1)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, s_cancel(world, &job)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, s_cancel(world, &job)), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 1, ids + 1, 1)), HF_RESULT_STALE);
    assert_int_equal(w_propose(world, &peer, w_decide(world, &ids[0], HF_EVENT_CANCEL)), HF_RESULT_DONE);
    Hf__JobProgress *progress = s_progress(world, &job);
    assert_int_equal(progress->state, HF_JOB_CANCELLED);
    assert_string_equal(progress->reason, "cancelled by another");
    assert_int_equal(progress->otherwise, 1);
    w_verify(world);
    w_destroy(world);
}

static void one_idempotency_key_makes_one_job(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t first, second;
    (void)state;
    Hf__Proposal *create = s_create(world, HF_EVENT_RETRY, &first);
    create->job_create->job->idempotency = w_bytes(world, "0123456789abcdef", 16);
    create->job_create->job->request_hash = w_bytes(world, "fedcba9876543210", 16);
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE); //  The very same
    Hf__Proposal *again = s_create(world, HF_EVENT_RETRY, &second);
    again->job_create->job->idempotency = create->job_create->job->idempotency;
    again->job_create->job->request_hash = create->job_create->job->request_hash;
    assert_int_equal(w_propose(world, &peer, again), HF_RESULT_REPLAYED);
    again->job_create->job->request_hash = w_bytes(world, "another request!", 16);
    assert_int_equal(w_propose(world, &peer, again), HF_RESULT_CONFLICT);
    w_verify(world);
    w_destroy(world);
}

static bool s_on_job(void *context, const Hf__Job *job, const Hf__JobProgress *progress) {
    (void)job;
    (void)progress;
    ++*(unsigned *)context;
    return true;
}

static void jobs_are_bounded(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_error_t error;
    hf_id_t job;
    unsigned size = 0;
    (void)state;
    for (int i = 0; i < HF_JOBS_MAX + 5; i++) {
        assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
        assert_int_equal(w_propose(world, &peer, s_cancel(world, &job)), HF_RESULT_DONE);
        w_clear(world);
    }
    for (int i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
    }
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_TOO_MANY);
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    assert_int_equal(hf_store_walk_jobs(world->reader, s_on_job, &size, &error), 0);
    hf_store_end_read(world->reader);
    assert_int_equal(size, HF_JOBS_MAX);
    w_verify(world);
    w_destroy(world);
}

static void without_room_a_retry_waits(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t job, id = w_bring_to(world, &peer, HF_STATE_DEAD);
    (void)state;
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_DONE);
    hf_journal_set_full(world->journal, "no room");
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_FULL);
    hf_journal_set_full(world->journal, NULL);
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_DONE);
    w_destroy(world);
}

//  ---- driven by failure

typedef struct {
    world_t *world;        //  The journal
    hf_config_t *config;   //  Pipeline "p" to destination "d"
    hf_store_t *store;     //  Failure's handle
    hf_failure_t *failure; //  Its present life
    uint8_t life;          //  Which
} driven_t;

static void s_new_life(driven_t *driven) {
    hf_core_setup_t setup = {.name = "failure", .config = driven->config, .store = driven->store, .seed = 1};
    setup.nonce[0] = ++driven->life;
    hf_failure_destroy(&driven->failure);
    driven->failure = hf_failure_new(&setup);
}

static driven_t s_driven(void) {
    driven_t driven = {.world = w_new(MAP), .config = hf_config_new()};
    hf_error_t error;
    hf_destination_t *destination = hf_destination_new("d");
    destination->url = hf_template_new("http://h/{n}", &error);
    hf_config_add_destination(driven.config, destination);
    hf_pipeline_t *pipeline = hf_pipeline_new("p");
    pipeline->destination = destination;
    hf_config_add_pipeline(driven.config, pipeline);
    driven.store = hf_store_share(driven.world->store);
    s_new_life(&driven);
    return driven;
}

static void s_driven_free(driven_t *driven) {
    w_verify(driven->world);
    hf_failure_destroy(&driven->failure);
    hf_store_close(&driven->store);
    hf_config_destroy(&driven->config);
    w_destroy(driven->world);
}

//  Carries what both have to say, 20 ms of the story's time.
static void s_round(driven_t *driven) {
    world_t *world = driven->world;
    hf_envelope_t envelope;
    world->now += 20;
    hf_failure_ops.tick(driven->failure, world->now);
    while (hf_outbox_take(hf_failure_ops.outbox(driven->failure), &envelope)) {
        hf_journal_receive(world->journal, envelope.data, envelope.size);
        free(envelope.data);
    }
    hf_error_t error;
    assert_int_equal(hf_journal_commit(world->journal, world->now, &error), 0);
    hf_journal_tick(world->journal, world->now);
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        hf_failure_ops.receive(driven->failure, HF_FROM_JOURNAL, envelope.data, envelope.size, world->now);
        free(envelope.data);
    }
    w_clear(world);
}

static void a_job_is_carried_to_its_end_over_lives(void **state) {
    enum { COMMANDS = 700 };
    driven_t driven = s_driven();
    world_t *world = driven.world;
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job;
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        w_bring_to(world, &peer, HF_STATE_DEAD);
        w_clear(world);
    }
    Hf__Proposal *create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->rate = 400;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    hf_id_t late = w_bring_to(world, &peer, HF_STATE_DEAD);
    int64_t began = world->now;
    for (int i = 0; i < 400 && s_progress(world, &job)->state == HF_JOB_RUNNING; i++) {
        s_round(&driven);
        if (i % 20 == 19) {
            s_new_life(&driven);
        }
    }
    Hf__JobProgress *progress = s_progress(world, &job);
    assert_int_equal(progress->state, HF_JOB_DONE);
    assert_int_equal(progress->matched, COMMANDS);
    assert_int_equal(progress->done, COMMANDS);
    assert_int_equal(w_count(world, "d", HF_STATE_DISCARDED), COMMANDS);
    assert_int_equal(w_state(world, &late)->state, HF_STATE_DEAD);
    assert_in_range(world->now - began, COMMANDS * 1000 / 400 - 200, COMMANDS * 1000 / 400 + 3000);
    s_driven_free(&driven);
}

static void s_round_until(driven_t *driven, const hf_id_t *job, hf_job_state_t wanted) {
    for (int i = 0; i < 300 && s_progress(driven->world, job)->state != wanted; i++) {
        s_round(driven);
    }
    assert_int_equal(s_progress(driven->world, job)->state, wanted);
}

static void a_canary_that_fails_stops_it(void **state) {
    driven_t driven = s_driven();
    world_t *world = driven.world;
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, ids[10];
    (void)state;
    for (int i = 0; i < 10; i++) {
        ids[i] = w_bring_to(world, &peer, HF_STATE_DEAD);
    }
    Hf__Proposal *create = s_create(world, HF_EVENT_RETRY, &job);
    create->job_create->job->canary = 2;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    for (int i = 0; i < 50; i++) {
        s_round(&driven);
    }
    assert_int_equal(s_progress(world, &job)->done, 2); //  It waits for them
    s_end(world, &peer, &ids[0], 2, HF_CLASS_SUCCEEDED);
    s_end(world, &peer, &ids[1], 2, HF_CLASS_FAILED);
    s_round_until(&driven, &job, HF_JOB_STOPPED);
    assert_int_equal(s_progress(world, &job)->done, 2);
    assert_non_null(strstr(s_progress(world, &job)->reason, "1 of 2 did not succeed"));
    s_driven_free(&driven);
}

static void a_patch_changes_bodies_and_leaves_what_it_does_not_fit(void **state) {
    static const char patch[] = "[{\"op\":\"test\",\"path\":\"/n\",\"value\":1},"
                                "{\"op\":\"add\",\"path\":\"/mended\",\"value\":true}]";
    static const char unfit[] = "[{\"op\":\"remove\",\"path\":\"/n\"}]"; //  The url wants it
    driven_t driven = s_driven();
    world_t *world = driven.world;
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, other, id = w_bring_to(world, &peer, HF_STATE_DEAD);
    (void)state;
    Hf__Proposal *create = s_create(world, HF_EVENT_RETRY, &job);
    create->job_create->job->patch = w_bytes(world, unfit, sizeof unfit - 1);
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    Hf__JobProgress *progress = s_progress(world, &job);
    assert_int_equal(progress->refused, 1);
    assert_int_equal(progress->done, 0);
    assert_non_null(strstr(progress->newest_refusal, "destination 'd'"));
    assert_memory_equal(progress->newest_refused.data, id.bytes, 16);
    create = s_create(world, HF_EVENT_RETRY, &other);
    create->job_create->job->patch = w_bytes(world, patch, sizeof patch - 1);
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    for (int i = 0; i < 50; i++) {
        s_round(&driven);
    }
    assert_int_equal(w_state(world, &id)->state, HF_STATE_ACCEPTED);
    assert_int_equal(w_command(world, &id)->body.len, strlen("{\"n\":1,\"mended\":true}"));
    assert_memory_equal(w_command(world, &id)->body.data, "{\"n\":1,\"mended\":true}", 21);
    s_driven_free(&driven);
}

static void filters_choose_members(void **state) {
    driven_t driven = s_driven();
    world_t *world = driven.world;
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, ids[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        ids[i] = w_bring_to(world, &peer, HF_STATE_DEAD);
        world->now += 1000;
    }
    Hf__Proposal *create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->key = (char *)"another";
    create->job_create->job->has_key = true;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    assert_int_equal(s_progress(world, &job)->matched, 0);
    create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->since = hf_id_ms(&ids[1]);
    create->job_create->job->limit = 1;
    create->job_create->job->pipeline = w_state(world, &ids[0])->pipeline;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    assert_int_equal(s_progress(world, &job)->matched, 1);
    assert_int_equal(w_state(world, &ids[0])->state, HF_STATE_DEAD);
    assert_int_equal(w_state(world, &ids[1])->state, HF_STATE_DISCARDED);
    assert_int_equal(w_state(world, &ids[2])->state, HF_STATE_DEAD);
    create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->destination = (char *)"elsewhere";
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    assert_int_equal(w_count(world, "d", HF_STATE_DEAD), 2);
    s_driven_free(&driven);
}

//  Counting goes on over ticks: no member among the first that one tick reads says nothing of the rest.
static void a_member_far_behind_is_counted(void **state) {
    enum { BEFORE = 4200 }; //  More than one tick reads
    driven_t driven = s_driven();
    world_t *world = driven.world;
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job;
    (void)state;
    for (int i = 0; i < BEFORE; i++) {
        w_bring_to(world, &peer, HF_STATE_DEAD);
        w_clear(world);
    }
    world->now += 1000;
    hf_id_t last = w_bring_to(world, &peer, HF_STATE_DEAD);
    Hf__Proposal *create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->since = hf_id_ms(&last);
    create->job_create->job->pipeline = w_state(world, &last)->pipeline;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    assert_int_equal(s_progress(world, &job)->matched, 1);
    assert_int_equal(s_progress(world, &job)->done, 1);
    assert_int_equal(w_count(world, "d", HF_STATE_DEAD), BEFORE);
    s_driven_free(&driven);
}

static void uncertain_ones_are_decided_over_as_dead_ones_are(void **state) {
    driven_t driven = s_driven();
    world_t *world = driven.world;
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, dead = w_bring_to(world, &peer, HF_STATE_DEAD);
    hf_id_t ids[2] = {w_bring_to(world, &peer, HF_STATE_UNCERTAIN),
                      w_bring_to(world, &peer, HF_STATE_UNCERTAIN)};
    (void)state;
    Hf__Proposal *create = s_create(world, HF_EVENT_RESOLVE, &job);
    create->job_create->job->state = HF_STATE_UNCERTAIN;
    create->job_create->job->limit = 1;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    assert_int_equal(w_state(world, &ids[0])->state, HF_STATE_SUCCEEDED);
    assert_int_equal(w_state(world, &ids[1])->state, HF_STATE_UNCERTAIN);
    create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->state = HF_STATE_UNCERTAIN;
    assert_int_equal(w_propose(world, &peer, create), HF_RESULT_DONE);
    s_round_until(&driven, &job, HF_JOB_DONE);
    assert_int_equal(w_state(world, &ids[1])->state, HF_STATE_DISCARDED);
    assert_int_equal(w_state(world, &dead)->state, HF_STATE_DEAD);
    s_driven_free(&driven);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_decides_over_members_and_moves_the_job),
        cmocka_unit_test(a_step_that_comes_again_or_late_changes_nothing),
        cmocka_unit_test(who_dies_after_the_jobs_fact_is_no_member),
        cmocka_unit_test(it_is_done_when_all_are_behind_it_and_have_ended),
        cmocka_unit_test(a_cancelled_job_goes_no_further_and_still_counts),
        cmocka_unit_test(one_idempotency_key_makes_one_job),
        cmocka_unit_test(jobs_are_bounded),
        cmocka_unit_test(without_room_a_retry_waits),
        cmocka_unit_test(a_job_is_carried_to_its_end_over_lives),
        cmocka_unit_test(a_canary_that_fails_stops_it),
        cmocka_unit_test(a_patch_changes_bodies_and_leaves_what_it_does_not_fit),
        cmocka_unit_test(filters_choose_members),
        cmocka_unit_test(a_member_far_behind_is_counted),
        cmocka_unit_test(uncertain_ones_are_decided_over_as_dead_ones_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
