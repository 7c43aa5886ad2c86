/*  Jobs in the journal: each member once, whatever comes twice, late, or in between; and jobs driven by failure's core over it.  */

#include "base/job.h"
#include "unit/journal_world.h"

//  ---- proposals

static Hf__Proposal *s_create(world_t *world, hf_event_t event, hf_id_t *id) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_JOB_CREATE);
    Hf__Job *job = w_make(world, &hf__job__descriptor);
    *id = hf_id_make(&world->ids, world->now);
    job->id = w_id(world, id);
    job->event = event;
    job->state = HF_STATE_DEAD;
    job->who = (char *)"somebody";
    job->created_at = world->now;
    proposal->job_create = w_make(world, &hf__job_create__descriptor);
    proposal->job_create->job = job;
    return proposal;
}

static Hf__Proposal *s_step(world_t *world, const hf_id_t *job, uint64_t step, const hf_id_t *ids,
                            size_t size) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_JOB_STEP);
    Hf__JobStep *message = w_make(world, &hf__job_step__descriptor);
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
    proposal->job_cancel = w_make(world, &hf__job_cancel__descriptor);
    proposal->job_cancel->job = w_id(world, job);
    proposal->job_cancel->who = (char *)"another";
    return proposal;
}

static Hf__JobProgress *s_progress(world_t *world, const hf_id_t *id) {
    Hf__JobProgress *progress = NULL;
    w_begin_read(world);
    assert_int_equal(hf_store_progress(world->reader, id, world->arena, &progress, NULL), 1);
    w_end_read(world);
    return progress;
}

static void s_end(world_t *world, peer_t *peer, const hf_id_t *id, uint32_t attempt, hf_class_t class) {
    assert_done(world, peer, w_start(world, id, attempt, peer->epoch));
    assert_done(world, peer, w_outcome(world, id, attempt, peer->epoch, class));
    if (class != HF_CLASS_SUCCEEDED) {
        assert_done(world, peer, w_verdict(world, id, attempt, HF_EVENT_GIVE_UP));
    }
}

//  ---- the journal's part

static void a_step_decides_over_members_and_moves_the_job(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t ids[3], job;
    (void)state;
    for (int i = 0; i < 3; i++) {
        ids[i] = w_bring_to(world, &peer, HF_STATE_DEAD);
    }
    assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
    assert_done(world, &peer, s_step(world, &job, 0, ids, 2));
    assert_state(world, &ids[0], HF_STATE_ACCEPTED);
    assert_state(world, &ids[2], HF_STATE_DEAD);
    assert_int_equal(s_progress(world, &job)->done, 2);
    Hf__History *entry = w_history(world, &ids[0], 1);
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
    assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 1, &id, 1)), HF_RESULT_STALE);
    assert_done(world, &peer, s_step(world, &job, 0, &id, 1));
    s_end(world, &peer, &id, 2, HF_CLASS_FAILED); //  Dead again: a member no more
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_STALE);
    assert_done(world, &peer, s_step(world, &job, 1, &id, 1));
    assert_state(world, &id, HF_STATE_DEAD);
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
    assert_done(world, &peer, s_create(world, HF_EVENT_DISCARD, &job));
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_DEAD);
    assert_done(world, &peer, s_step(world, &job, 0, &id, 1));
    assert_state(world, &id, HF_STATE_DEAD);
    assert_int_equal(s_progress(world, &job)->gone, 1);
    w_destroy(world);
}

static void it_is_done_when_all_are_behind_it_and_have_ended(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t job, id = w_bring_to(world, &peer, HF_STATE_DEAD);
    (void)state;
    assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
    Hf__Proposal *step = s_step(world, &job, 0, &id, 1);
    step->job_step->walked = true;
    assert_done(world, &peer, step);
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
    assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
    assert_done(world, &peer, s_step(world, &job, 0, ids, 1));
    assert_done(world, &peer, s_cancel(world, &job));
    assert_done(world, &peer, s_cancel(world, &job));
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 1, ids + 1, 1)), HF_RESULT_STALE);
    assert_done(world, &peer, w_decide(world, &ids[0], HF_EVENT_CANCEL));
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
    assert_done(world, &peer, create);
    assert_done(world, &peer, create); //  The very same
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
        assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
        assert_done(world, &peer, s_cancel(world, &job));
        w_clear(world);
    }
    for (int i = 0; i < HF_JOBS_RUNNING_MAX; i++) {
        assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
    }
    assert_int_equal(w_propose(world, &peer, s_create(world, HF_EVENT_RETRY, &job)), HF_RESULT_TOO_MANY);
    w_begin_read(world);
    assert_int_equal(hf_store_walk_jobs(world->reader, s_on_job, &size, &error), 0);
    w_end_read(world);
    assert_int_equal(size, HF_JOBS_MAX);
    w_verify(world);
    w_destroy(world);
}

static void without_room_a_retry_waits(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "failure", 1);
    hf_id_t job, id = w_bring_to(world, &peer, HF_STATE_DEAD);
    (void)state;
    assert_done(world, &peer, s_create(world, HF_EVENT_RETRY, &job));
    hf_journal_set_full(world->journal, "no room");
    assert_int_equal(w_propose(world, &peer, s_step(world, &job, 0, &id, 1)), HF_RESULT_FULL);
    hf_journal_set_full(world->journal, NULL);
    assert_done(world, &peer, s_step(world, &job, 0, &id, 1));
    w_destroy(world);
}

//  ---- driven by failure

static world_t *s_driven(void) {
    world_t *world = w_new(MAP);
    w_configure(world, "destination = d\n"
                       "    url = \"http://h/{n}\"\n"
                       "pipeline = p\n"
                       "    destination = d\n");
    w_join(world, "failure");
    return world;
}

static void s_driven_free(world_t *world) {
    w_verify(world);
    w_destroy(world);
}

//  20 ms of the story's time.
static void s_round(world_t *world) {
    world->now += 20;
    w_round(world);
    w_clear(world);
}

static void s_round_until(world_t *world, const hf_id_t *job, hf_job_state_t wanted) {
    for (int i = 0; i < 300 && s_progress(world, job)->state != wanted; i++) {
        s_round(world);
    }
    assert_int_equal(s_progress(world, job)->state, wanted);
}

static void a_job_is_carried_to_its_end_over_lives(void **state) {
    enum { COMMANDS = 700 };
    world_t *world = s_driven();
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job;
    (void)state;
    for (int i = 0; i < COMMANDS; i++) {
        w_bring_to(world, &peer, HF_STATE_DEAD);
        w_clear(world);
    }
    Hf__Proposal *create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->rate = 400;
    assert_done(world, &peer, create);
    hf_id_t late = w_bring_to(world, &peer, HF_STATE_DEAD);
    int64_t began = world->now;
    for (int i = 0; i < 400 && s_progress(world, &job)->state == HF_JOB_RUNNING; i++) {
        s_round(world);
        if (i % 20 == 19) {
            w_new_life(&world->cast[0]);
        }
    }
    Hf__JobProgress *progress = s_progress(world, &job);
    assert_int_equal(progress->state, HF_JOB_DONE);
    assert_int_equal(progress->matched, COMMANDS);
    assert_int_equal(progress->done, COMMANDS);
    assert_int_equal(w_count(world, "d", HF_STATE_DISCARDED), COMMANDS);
    assert_state(world, &late, HF_STATE_DEAD);
    assert_in_range(world->now - began, COMMANDS * 1000 / 400 - 200, COMMANDS * 1000 / 400 + 3000);
    s_driven_free(world);
}

//  From its creation to its end.
static void s_carry_out(world_t *world, peer_t *peer, Hf__Proposal *create, const hf_id_t *job) {
    assert_done(world, peer, create);
    s_round_until(world, job, HF_JOB_DONE);
}

static void a_canary_that_fails_stops_it(void **state) {
    world_t *world = s_driven();
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, ids[10];
    (void)state;
    for (int i = 0; i < 10; i++) {
        ids[i] = w_bring_to(world, &peer, HF_STATE_DEAD);
    }
    Hf__Proposal *create = s_create(world, HF_EVENT_RETRY, &job);
    create->job_create->job->canary = 2;
    assert_done(world, &peer, create);
    for (int i = 0; i < 50; i++) {
        s_round(world);
    }
    assert_int_equal(s_progress(world, &job)->done, 2); //  It waits for them
    s_end(world, &peer, &ids[0], 2, HF_CLASS_SUCCEEDED);
    s_end(world, &peer, &ids[1], 2, HF_CLASS_FAILED);
    s_round_until(world, &job, HF_JOB_STOPPED);
    assert_int_equal(s_progress(world, &job)->done, 2);
    assert_non_null(strstr(s_progress(world, &job)->reason, "1 of 2 did not succeed"));
    s_driven_free(world);
}

static void a_patch_changes_bodies_and_leaves_what_it_does_not_fit(void **state) {
    static const char patch[] = "[{\"op\":\"test\",\"path\":\"/n\",\"value\":1},"
                                "{\"op\":\"add\",\"path\":\"/mended\",\"value\":true}]";
    static const char unfit[] = "[{\"op\":\"remove\",\"path\":\"/n\"}]"; //  The url wants it
    world_t *world = s_driven();
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, other, id = w_bring_to(world, &peer, HF_STATE_DEAD);
    (void)state;
    Hf__Proposal *create = s_create(world, HF_EVENT_RETRY, &job);
    create->job_create->job->patch = w_bytes(world, unfit, sizeof unfit - 1);
    s_carry_out(world, &peer, create, &job);
    Hf__JobProgress *progress = s_progress(world, &job);
    assert_int_equal(progress->refused, 1);
    assert_int_equal(progress->done, 0);
    assert_non_null(strstr(progress->newest_refusal, "destination 'd'"));
    assert_memory_equal(progress->newest_refused.data, id.bytes, 16);
    create = s_create(world, HF_EVENT_RETRY, &other);
    create->job_create->job->patch = w_bytes(world, patch, sizeof patch - 1);
    assert_done(world, &peer, create);
    for (int i = 0; i < 50; i++) {
        s_round(world);
    }
    assert_state(world, &id, HF_STATE_ACCEPTED);
    assert_int_equal(w_command(world, &id)->body.len, strlen("{\"n\":1,\"mended\":true}"));
    assert_memory_equal(w_command(world, &id)->body.data, "{\"n\":1,\"mended\":true}", 21);
    s_driven_free(world);
}

//  Each body has to be read and patched: a step that looked at as many large ones as at small ones would take memory and time without a
//  bound, however little comes out of it.
static void a_step_reads_a_bounded_amount_of_bodies(void **state) {
    enum { SIZE = 12, BODY = 200 << 10 };
    static const char unfit[] = "[{\"op\":\"remove\",\"path\":\"/n\"}]"; //  The url wants it
    static const char cut[] = "[{\"op\":\"replace\",\"path\":\"/long\",\"value\":1}]";
    world_t *world = s_driven();
    peer_t peer = w_peer(world, "ingress", 1);
    char *body = hf_alloc(BODY + 32);
    (void)state;
    memset(body, 'x', BODY);
    memcpy(body, "{\"n\":1,\"long\":\"", 15);
    memcpy(body + BODY - 2, "\"}", 2);
    for (int i = 0; i < SIZE; i++) {
        hf_id_t id;
        Hf__Proposal *submit = w_submit(world, &id);
        submit->submit->command->body = (ProtobufCBinaryData){BODY, (uint8_t *)body};
        assert_done(world, &peer, submit);
        s_end(world, &peer, &id, 1, HF_CLASS_FAILED);
    }
    for (int fits = 0; fits < 2; fits++) {
        hf_id_t job;
        uint64_t behind = 0, step = 0, most = 0;
        Hf__Proposal *create = s_create(world, HF_EVENT_RETRY, &job);
        create->job_create->job->patch = w_bytes(world, fits ? cut : unfit, strlen(fits ? cut : unfit));
        assert_done(world, &peer, create);
        for (int i = 0; i < 200 && behind < SIZE; i++) {
            s_round(world);
            Hf__JobProgress *progress = s_progress(world, &job);
            uint64_t now = progress->refused + progress->done;
            most = progress->step == step + 1 && now - behind > most ? now - behind : most;
            behind = now;
            step = progress->step;
        }
        assert_int_equal(fits ? s_progress(world, &job)->done : s_progress(world, &job)->refused, SIZE);
        assert_in_range(most, 1, HF_JOB_STEP_BYTES / BODY + 1);
    }
    free(body);
    s_driven_free(world);
}

static void filters_choose_members(void **state) {
    world_t *world = s_driven();
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
    s_carry_out(world, &peer, create, &job);
    assert_int_equal(s_progress(world, &job)->matched, 0);
    create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->since = hf_id_ms(&ids[1]);
    create->job_create->job->limit = 1;
    create->job_create->job->pipeline = w_state(world, &ids[0])->pipeline;
    s_carry_out(world, &peer, create, &job);
    assert_int_equal(s_progress(world, &job)->matched, 1);
    assert_state(world, &ids[0], HF_STATE_DEAD);
    assert_state(world, &ids[1], HF_STATE_DISCARDED);
    assert_state(world, &ids[2], HF_STATE_DEAD);
    create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->destination = (char *)"elsewhere";
    s_carry_out(world, &peer, create, &job);
    assert_int_equal(w_count(world, "d", HF_STATE_DEAD), 2);
    s_driven_free(world);
}

//  Counting goes on over ticks: no member among the first that one tick reads says nothing of the rest.
static void a_member_far_behind_is_counted(void **state) {
    enum { BEFORE = 4200 }; //  More than one tick reads
    world_t *world = s_driven();
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
    s_carry_out(world, &peer, create, &job);
    assert_int_equal(s_progress(world, &job)->matched, 1);
    assert_int_equal(s_progress(world, &job)->done, 1);
    assert_int_equal(w_count(world, "d", HF_STATE_DEAD), BEFORE);
    s_driven_free(world);
}

static void uncertain_ones_are_decided_over_as_dead_ones_are(void **state) {
    world_t *world = s_driven();
    peer_t peer = w_peer(world, "ingress", 1);
    hf_id_t job, dead = w_bring_to(world, &peer, HF_STATE_DEAD);
    hf_id_t ids[2] = {w_bring_to(world, &peer, HF_STATE_UNCERTAIN),
                      w_bring_to(world, &peer, HF_STATE_UNCERTAIN)};
    (void)state;
    Hf__Proposal *create = s_create(world, HF_EVENT_RESOLVE, &job);
    create->job_create->job->state = HF_STATE_UNCERTAIN;
    create->job_create->job->limit = 1;
    s_carry_out(world, &peer, create, &job);
    assert_state(world, &ids[0], HF_STATE_SUCCEEDED);
    assert_state(world, &ids[1], HF_STATE_UNCERTAIN);
    create = s_create(world, HF_EVENT_DISCARD, &job);
    create->job_create->job->state = HF_STATE_UNCERTAIN;
    s_carry_out(world, &peer, create, &job);
    assert_state(world, &ids[1], HF_STATE_DISCARDED);
    assert_state(world, &dead, HF_STATE_DEAD);
    s_driven_free(world);
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
        cmocka_unit_test(a_step_reads_a_bounded_amount_of_bodies),
        cmocka_unit_test(filters_choose_members),
        cmocka_unit_test(a_member_far_behind_is_counted),
        cmocka_unit_test(uncertain_ones_are_decided_over_as_dead_ones_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
