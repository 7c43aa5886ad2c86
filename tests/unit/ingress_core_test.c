/*  Ingress against a real journal core and a real file, told step by step under virtual time. The test is the
 * network: it carries every envelope itself, or loses it.  */

#include "ingress/ingress_core.h"
#include "unit/journal_world.h"

typedef struct {
    world_t *world;        //  Journal, file, pipelines "plain", "keyed" and "asked" of one destination each
    actor_t *actor;        //  Ingress in it
    hf_ingress_t *ingress; //  Its present life: what is told about
    uint64_t facts;        //  Number of the newest fact that was delivered
    hf_problem_t problem;  //  The newest refusal
    hf_id_t id;            //  Of the newest submission
} story_t;

static const char s_pipelines[] = "destination = plain\n"
                                  "    url = \"http://127.0.0.1/x\"\n"
                                  "pipeline = plain\n"
                                  "    destination = plain\n"
                                  "destination = keyed\n"
                                  "    url = \"http://127.0.0.1/{host}/x\"\n"
                                  "pipeline = keyed\n"
                                  "    destination = keyed\n"
                                  "    key = \"{instance}\"\n"
                                  "destination = asked\n"
                                  "    url = \"http://127.0.0.1/x\"\n"
                                  "    probe = \"GET http://127.0.0.1/{order}/{holdfast.id}\"\n"
                                  "pipeline = asked\n"
                                  "    destination = asked\n";

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    story_t *story = context;
    assert_int_equal(fact->seq, story->facts + 1);
    story->facts = fact->seq;
    return true;
}

static story_t *s_setup(void) {
    story_t *story = hf_alloc(sizeof *story);
    story->world = w_new(MAP);
    w_configure(story->world, s_pipelines);
    story->world->config->body_limit = 1000;
    story->world->config->unacked_limit = 4000;
    story->actor = w_join(story->world, "ingress");
    story->ingress = story->actor->core;
    hf_ingress_set_on_fact(story->ingress, s_on_fact, story);
    return story;
}

static void s_teardown(story_t *story) {
    w_destroy(story->world);
    free(story);
}

static void s_rounds(story_t *story, int rounds) {
    while (rounds-- > 0) {
        w_round(story->world);
        story->world->now += 50;
    }
}

static int s_send(story_t *story, const hf_submission_t *submission, void *tag) {
    return hf_ingress_submit(story->ingress, submission, story->world->now, tag, &story->id, &story->problem);
}

static int s_send_body(story_t *story, const char *pipeline, const char *body, void *tag) {
    hf_submission_t submission = {.pipeline = pipeline, .body = body, .body_size = strlen(body)};
    return s_send(story, &submission, tag);
}

static hf_answer_t s_answer(story_t *story) {
    hf_answer_t answer;
    if (!hf_ingress_take_answer(story->ingress, &answer)) {
        fail_msg("no answer");
    }
    return answer;
}

static bool s_is_answered(story_t *story) {
    hf_answer_t answer;
    return hf_ingress_take_answer(story->ingress, &answer);
}

static hf_state_t s_state(story_t *story, const hf_id_t *id) {
    const Hf__State *state = w_state(story->world, id);
    return state ? (hf_state_t)state->state : HF_STATE_NONE;
}

static uint64_t s_count(story_t *story, const char *destination, hf_state_t state) {
    return w_count(story->world, destination, state);
}

//  ---- happy

static void s_is_answered_only_when_durable(void **state) {
    story_t *story = s_setup();
    int tag;
    (void)state;
    assert_int_equal(s_send_body(story, "plain", "anything \x01\xff", &tag), 0);
    w_speak(story->world); //  A hello
    assert_false(s_is_answered(story));
    w_publish(story->world); //  The welcome
    w_speak(story->world);   //  The submission
    assert_false(s_is_answered(story));
    w_publish(story->world);
    hf_answer_t answer = s_answer(story);
    assert_ptr_equal(answer.tag, &tag);
    assert_int_equal(answer.kind, HF_ANSWER_ACCEPTED);
    assert_true(hf_id_equal(&answer.id, &story->id));
    assert_int_equal(answer.accepted_at, W_START_MS);
    assert_int_equal(s_state(story, &answer.id), HF_STATE_ACCEPTED);
    assert_int_equal(story->facts, 1);
    assert_false(s_is_answered(story));
    s_teardown(story);
}

static void s_the_key_and_everything_else_is_kept(void **state) {
    story_t *story = s_setup();
    const char *body = "{\"instance\":\"i-1\",\"host\":\"a\"}";
    hf_submission_t submission = {.pipeline = "keyed",
                                  .body = body,
                                  .body_size = strlen(body),
                                  .content_type = "text/x",
                                  .not_before = "10s",
                                  .deadline = "1970-01-20T16:16:40Z",
                                  .traceparent = "00-1-2-01",
                                  .tracestate = "a=b"};
    (void)state;
    assert_int_equal(s_send(story, &submission, NULL), 0);
    s_rounds(story, 3);
    s_answer(story);
    const Hf__Command *command = w_command(story->world, &story->id);
    assert_string_equal(command->key, "i-1");
    assert_string_equal(command->destination, "keyed");
    assert_int_equal(command->body.len, strlen(body));
    assert_memory_equal(command->body.data, body, strlen(body));
    assert_string_equal(command->content_type, "text/x");
    assert_int_equal(command->not_before, W_START_MS + 10000);
    assert_int_equal(command->deadline, W_START_MS + 200000);
    assert_string_equal(command->traceparent, "00-1-2-01");
    assert_string_equal(command->tracestate, "a=b");
    s_teardown(story);
}

//  Searches go by ids: where the clock was set back between two lives, what comes later must still have the larger one.
static void s_ids_ascend_over_a_clock_that_was_set_back(void **state) {
    (void)state;
    story_t *story = s_setup();
    assert_int_equal(s_send_body(story, "plain", "1", NULL), 0);
    s_rounds(story, 4);
    hf_id_t before = story->id;
    assert_int_equal(s_state(story, &before), HF_STATE_ACCEPTED);
    w_new_life(story->actor);
    story->ingress = story->actor->core;
    story->world->now -= 3600 * 1000;
    assert_int_equal(s_send_body(story, "plain", "2", NULL), 0);
    assert_true(memcmp(before.bytes, story->id.bytes, HF_ID_SIZE) < 0);
    s_teardown(story);
}

static void s_one_key_makes_one_command(void **state) {
    story_t *story = s_setup();
    hf_submission_t submission = {.pipeline = "plain", .body = "1", .body_size = 1, .idempotency_key = "k"};
    (void)state;
    assert_int_equal(s_send(story, &submission, NULL), 0);
    assert_int_equal(s_send(story, &submission, NULL), 0);
    s_rounds(story, 3);
    hf_answer_t first = s_answer(story), second = s_answer(story);
    assert_int_equal(first.kind, HF_ANSWER_ACCEPTED);
    assert_int_equal(second.kind, HF_ANSWER_REPLAYED);
    assert_true(hf_id_equal(&first.id, &second.id));
    assert_int_equal(second.accepted_at, first.accepted_at);
    submission.content_type = "text/x"; //  Key and body are what must be the same
    assert_int_equal(s_send(story, &submission, NULL), 0);
    s_rounds(story, 2);
    hf_answer_t typed = s_answer(story);
    assert_int_equal(typed.kind, HF_ANSWER_REPLAYED);
    assert_true(hf_id_equal(&first.id, &typed.id));
    assert_int_equal(s_count(story, "plain", HF_STATE_ACCEPTED), 1);
    submission.body = "2";
    assert_int_equal(s_send(story, &submission, NULL), 0);
    s_rounds(story, 2);
    hf_answer_t other = s_answer(story);
    assert_int_equal(other.kind, HF_ANSWER_REFUSED);
    assert_int_equal(other.problem.status, 422);
    assert_string_equal(other.problem.type, "idempotency-conflict");
    submission.pipeline = "keyed"; //  A key belongs to its pipeline
    submission.body = "{\"instance\":1,\"host\":2}";
    submission.body_size = strlen(submission.body);
    assert_int_equal(s_send(story, &submission, NULL), 0);
    s_rounds(story, 2);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_ACCEPTED);
    s_teardown(story);
}

//  ---- batches

static void s_a_batch_is_all_or_none(void **state) {
    story_t *story = s_setup();
    const char *body = "{\"instance\":1,\"host\":1}\r\n\n  \n{\"instance\":2,\"host\":2}";
    hf_submission_t submission = {
        .pipeline = "keyed", .body = body, .body_size = strlen(body), .idempotency_key = "k"};
    (void)state;
    assert_int_equal(
        hf_ingress_submit_batch(story->ingress, &submission, story->world->now, story, &story->problem), 0);
    assert_int_equal(
        hf_ingress_submit_batch(story->ingress, &submission, story->world->now, story, &story->problem), 0);
    s_rounds(story, 3);
    hf_answer_t first = s_answer(story), again = s_answer(story);
    assert_int_equal(first.kind, HF_ANSWER_ACCEPTED);
    assert_int_equal(first.ids_size, 2);
    assert_int_equal(again.kind, HF_ANSWER_REPLAYED);
    assert_memory_equal(first.ids, again.ids, 2 * sizeof *first.ids);
    assert_int_equal(s_state(story, &first.ids[1]), HF_STATE_ACCEPTED);
    assert_int_equal(s_count(story, "keyed", HF_STATE_ACCEPTED), 2);
    free(first.ids);
    free(again.ids);
    submission.body = "{\"instance\":1,\"host\":1}";
    submission.body_size = strlen(submission.body);
    assert_int_equal(
        hf_ingress_submit_batch(story->ingress, &submission, story->world->now, story, &story->problem), 0);
    s_rounds(story, 2);
    assert_int_equal(s_answer(story).problem.status, 422);
    hf_journal_set_full(story->world->journal, "no room");
    submission.idempotency_key = NULL;
    assert_int_equal(
        hf_ingress_submit_batch(story->ingress, &submission, story->world->now, story, &story->problem), 0);
    s_rounds(story, 2);
    hf_answer_t full = s_answer(story);
    assert_int_equal(full.problem.status, 503);
    assert_null(full.ids);
    assert_int_equal(s_count(story, "keyed", HF_STATE_ACCEPTED), 2);
    s_teardown(story);
}

static void s_refuse_batch(story_t *story, const char *content_type, const char *body, int status) {
    hf_submission_t submission = {
        .pipeline = "keyed", .body = body, .body_size = strlen(body), .content_type = content_type};
    assert_int_equal(
        hf_ingress_submit_batch(story->ingress, &submission, story->world->now, story, &story->problem), -1);
    if (story->problem.status != status) {
        fail_msg("%d %s", story->problem.status, story->problem.detail);
    }
}

static void s_one_bad_line_refuses_its_batch(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_refuse_batch(story, NULL, "{\"instance\":1,\"host\":1}\n{\"instance\":", 400);
    assert_non_null(strstr(story->problem.detail, "Line 2"));
    s_refuse_batch(story, NULL, "{\"instance\":1,\"host\":1}\n{\"instance\":3}\n", 422);
    assert_non_null(strstr(story->problem.detail, "Line 2"));
    s_refuse_batch(story, NULL, "\n\n", 400);
    s_refuse_batch(story, "application/json", "{}", 415);
    s_rounds(story, 3);
    assert_int_equal(hf_ingress_unacked(story->ingress), 0);
    s_teardown(story);
}

//  ---- refusals

typedef struct {
    hf_submission_t submission; //  What is sent
    int status;                 //  What is answered
    const char *type;           //  The problem's
} refusal_t;

static void s_what_is_unsound_is_refused_at_once(void **state) {
    static char long_key[300];
    memset(long_key, 'k', sizeof long_key - 1);
    static const char body[] = "{\"instance\":1,\"host\":\"h\"}", big[2000] = "x";
    const refusal_t refusals[] = {
        {{.pipeline = "plian"}, 404, "unknown-pipeline"},
        {{.pipeline = ""}, 404, "unknown-pipeline"},
        {{.pipeline = "plain", .body = big, .body_size = 1001}, 413, "body-too-large"},
        {{.pipeline = "keyed", .body = "", .body_size = 0}, 400, "malformed-body"},
        {{.pipeline = "keyed", .body = "{", .body_size = 1}, 400, "malformed-body"},
        {{.pipeline = "keyed", .body = "{\"instance\":\"\\u0000\"}", .body_size = 21}, 400, "malformed-body"},
        {{.pipeline = "keyed", .body = "{}\0", .body_size = 3}, 400, "malformed-body"},
        {{.pipeline = "keyed", .body = "[]", .body_size = 2}, 422, "missing-field"},
        {{.pipeline = "keyed", .body = "{\"host\":1}", .body_size = 10}, 422, "missing-field"},
        {{.pipeline = "keyed", .body = "{\"instance\":1}", .body_size = 14}, 422, "missing-field"},
        {{.pipeline = "keyed", .body = "{\"instance\":1,\"host\":\"..\"}", .body_size = 26},
         422,
         "missing-field"},
        {{.pipeline = "asked", .body = "{\"host\":1}", .body_size = 10}, 422, "missing-field"},
        {{.pipeline = "asked", .body = "x", .body_size = 1}, 400, "malformed-body"},
        {{.pipeline = "plain", .content_type = "a\nb"}, 400, "malformed-header"},
        {{.pipeline = "plain", .content_type = "\xff"}, 400, "malformed-header"},
        {{.pipeline = "plain", .traceparent = "\r"}, 400, "malformed-header"},
        {{.pipeline = "plain", .tracestate = "\x01"}, 400, "malformed-header"},
        {{.pipeline = "plain", .idempotency_key = ""}, 400, "malformed-header"},
        {{.pipeline = "plain", .idempotency_key = long_key}, 400, "malformed-header"},
        {{.pipeline = "plain", .not_before = "soon"}, 400, "malformed-header"},
        {{.pipeline = "plain", .deadline = "soon"}, 400, "malformed-header"},
        {{.pipeline = "plain", .deadline = "1970-01-01T00:00:01Z"}, 400, "malformed-header"},
        {{.pipeline = "plain", .deadline = "10s", .not_before = "20s"}, 400, "malformed-header"},
    };
    story_t *story = s_setup();
    (void)state;
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int rc = s_send(story, &refusals[i].submission, NULL);
        if (rc == 0 || story->problem.status != refusals[i].status ||
            strcmp(story->problem.type, refusals[i].type) != 0) {
            fail_msg("%u: %d %s: %s", i, story->problem.status, story->problem.type, story->problem.detail);
        }
    }
    assert_int_equal(s_send_body(story, "plian", "", NULL), -1);
    assert_non_null(strstr(story->problem.detail, "'plain'"));
    assert_int_equal(hf_ingress_unacked(story->ingress), 0);
    assert_int_equal(s_send_body(story, "keyed", body, NULL), 0);
    assert_int_equal(s_send_body(story, "asked", "{\"order\":1}", NULL), 0);
    s_teardown(story);
}

static void s_a_full_link_refuses_and_a_journal_that_works_frees_it(void **state) {
    story_t *story = s_setup();
    char body[901] = "";
    int sent = 0;
    (void)state;
    memset(body, 'x', 900);
    while (s_send_body(story, "plain", body, NULL) == 0) {
        sent++;
    }
    assert_int_equal(sent, 4);
    assert_int_equal(story->problem.status, 503);
    assert_int_equal(story->problem.retry_after_s, 1);
    s_rounds(story, 3);
    while (sent-- > 0) {
        assert_int_equal(s_answer(story).kind, HF_ANSWER_ACCEPTED);
    }
    assert_int_equal(s_send_body(story, "plain", body, NULL), 0);
    s_teardown(story);
}

static void s_a_full_journal_refuses_with_its_reason(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    assert_true(hf_ingress_is_ready(story->ingress, story->world->now, &story->problem));
    hf_journal_set_full(story->world->journal, "the disk is full");
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    s_rounds(story, 2);
    hf_answer_t answer = s_answer(story);
    assert_int_equal(answer.kind, HF_ANSWER_REFUSED);
    assert_int_equal(answer.problem.status, 503);
    assert_int_equal(answer.problem.retry_after_s, 5);
    assert_string_equal(answer.problem.detail, "the disk is full");
    assert_int_equal(s_state(story, &answer.id), HF_STATE_NONE);
    assert_false(hf_ingress_is_ready(story->ingress, story->world->now, &story->problem));
    assert_string_equal(story->problem.type, "journal-full");
    s_teardown(story);
}

//  ---- decisions

static void s_people_decide(void **state) {
    story_t *story = s_setup();
    hf_id_t unknown = hf_id_floor(7);
    (void)state;
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    hf_id_t id = story->id;
    s_rounds(story, 3);
    s_answer(story);
    assert_int_equal(hf_ingress_decide(story->ingress, &id, HF_EVENT_RETRY, "ann", NULL, 0, NULL,
                                       story->world->now, NULL, &story->problem),
                     0);
    s_rounds(story, 1);
    hf_answer_t early = s_answer(story);
    assert_int_equal(early.problem.status, 409);
    assert_string_equal(early.problem.detail,
                        "The command is accepted: it is still under way, it can be cancelled.");
    assert_int_equal(hf_ingress_decide(story->ingress, &id, HF_EVENT_CANCEL, "ann", NULL, 0, NULL,
                                       story->world->now, story, &story->problem),
                     0);
    s_rounds(story, 1);
    hf_answer_t answer = s_answer(story);
    assert_int_equal(answer.kind, HF_ANSWER_DECIDED);
    assert_ptr_equal(answer.tag, story);
    assert_int_equal(s_state(story, &id), HF_STATE_CANCELLED);
    assert_int_equal(hf_ingress_decide(story->ingress, &unknown, HF_EVENT_CANCEL, "ann", NULL, 0, NULL,
                                       story->world->now, NULL, &story->problem),
                     -1);
    assert_int_equal(story->problem.status, 404);
    s_teardown(story);
}

static void s_a_new_body_is_checked_like_a_submission(void **state) {
    story_t *story = s_setup();
    (void)state;
    assert_int_equal(s_send_body(story, "keyed", "{\"instance\":1,\"host\":1}", NULL), 0);
    hf_id_t id = story->id;
    s_rounds(story, 3);
    s_answer(story);
    assert_int_equal(hf_ingress_decide(story->ingress, &id, HF_EVENT_RETRY, "", "{}", 2, NULL,
                                       story->world->now, NULL, &story->problem),
                     -1);
    assert_int_equal(story->problem.status, 422);
    assert_int_equal(hf_ingress_decide(story->ingress, &id, HF_EVENT_RETRY, "", "{", 1, NULL,
                                       story->world->now, NULL, &story->problem),
                     -1);
    assert_int_equal(story->problem.status, 400);
    s_teardown(story);
}

//  ---- the journal goes and comes

static void s_submissions_wait_for_a_journal_that_comes_back(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    hf_journal_destroy(&story->world->journal);
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    s_rounds(story, 40);
    assert_false(s_is_answered(story));
    assert_int_equal(hf_ingress_overdue(story->ingress, story->world->now), 0);
    assert_false(hf_ingress_is_ready(story->ingress, story->world->now, &story->problem));
    assert_string_equal(story->problem.type, "journal-away");
    w_new_journal(story->world);
    s_rounds(story, 4);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_ACCEPTED);
    s_teardown(story);
}

static void s_an_answer_that_was_lost_is_given_again(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    story->actor->deaf = true;
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    s_rounds(story, 1);
    story->actor->deaf = false;
    s_rounds(story, 40);
    hf_answer_t answer = s_answer(story);
    assert_int_equal(answer.kind, HF_ANSWER_ACCEPTED);
    assert_false(s_is_answered(story));
    assert_int_equal(s_count(story, "plain", HF_STATE_ACCEPTED), 1);
    assert_int_equal(story->facts, 1); //  Read from the file
    s_teardown(story);
}

//  Two were sent; one became durable, its answer was lost, and the journal died. Nobody knows but the file.
static void s_the_overdue_are_settled_by_the_file(void **state) {
    story_t *story = s_setup();
    int durable, lost;
    (void)state;
    s_rounds(story, 3);
    story->actor->deaf = true;
    assert_int_equal(s_send_body(story, "plain", "1", &durable), 0);
    hf_id_t first = story->id;
    s_rounds(story, 1);
    hf_journal_destroy(&story->world->journal);
    assert_int_equal(s_send_body(story, "plain", "2", &lost), 0);
    hf_id_t second = story->id;
    s_rounds(story, 1);
    story->world->now += HF_INGRESS_PATIENCE_MS;
    assert_int_equal(hf_ingress_overdue(story->ingress, story->world->now), 2);
    hf_ingress_settle(story->ingress, story->world->now);
    hf_answer_t answer = s_answer(story);
    assert_ptr_equal(answer.tag, &durable);
    assert_int_equal(answer.kind, HF_ANSWER_ACCEPTED);
    assert_true(hf_id_equal(&answer.id, &first));
    answer = s_answer(story);
    assert_ptr_equal(answer.tag, &lost);
    assert_int_equal(answer.kind, HF_ANSWER_REFUSED);
    assert_int_equal(answer.problem.status, 503);
    assert_int_equal(hf_ingress_overdue(story->ingress, story->world->now), 0);
    //  The next journal gets the first again, which changes nothing, and nothing in the second's place.
    story->actor->deaf = false;
    w_new_journal(story->world);
    assert_int_equal(s_send_body(story, "plain", "3", NULL), 0);
    s_rounds(story, 5);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_ACCEPTED);
    assert_false(s_is_answered(story));
    assert_int_equal(s_state(story, &first), HF_STATE_ACCEPTED);
    assert_int_equal(s_state(story, &second), HF_STATE_NONE);
    assert_int_equal(s_count(story, "plain", HF_STATE_ACCEPTED), 2);
    assert_int_equal(hf_ingress_unacked_bytes(story->ingress), 0);
    s_teardown(story);
}

//  A client tries again with its key while the journal is dead: the file knows what the key made.
static void s_settling_finds_what_a_key_made(void **state) {
    story_t *story = s_setup();
    hf_submission_t submission = {.pipeline = "plain", .body = "1", .body_size = 1, .idempotency_key = "k"};
    (void)state;
    assert_int_equal(s_send(story, &submission, NULL), 0);
    s_rounds(story, 3);
    hf_answer_t first = s_answer(story);
    hf_journal_destroy(&story->world->journal);
    assert_int_equal(s_send(story, &submission, NULL), 0);
    submission.body = "2";
    assert_int_equal(s_send(story, &submission, NULL), 0);
    story->world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(story->ingress, story->world->now);
    hf_answer_t again = s_answer(story), other = s_answer(story);
    assert_int_equal(again.kind, HF_ANSWER_REPLAYED);
    assert_true(hf_id_equal(&again.id, &first.id));
    assert_int_equal(other.problem.status, 422);
    w_new_journal(story->world);
    s_rounds(story, 4);
    assert_int_equal(s_count(story, "plain", HF_STATE_ACCEPTED), 1);
    s_teardown(story);
}

static bool s_is_paused(story_t *story) {
    const Hf__Destination *record = w_destination(story->world, "plain");
    return record && record->paused;
}

static int s_gate(story_t *story, hf_gate_event_t event) {
    return hf_ingress_gate(story->ingress, "plain", event, "ann", story->world->now, NULL, &story->problem);
}

static void s_destinations_are_paused_and_resumed(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    assert_int_equal(s_gate(story, HF_GATE_PAUSE), 0);
    assert_false(s_is_paused(story));
    s_rounds(story, 1);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_GATED);
    assert_true(s_is_paused(story));
    assert_int_equal(s_gate(story, HF_GATE_PAUSE), 0); //  It is true already: that is no failure
    s_rounds(story, 1);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_GATED);
    assert_int_equal(s_gate(story, HF_GATE_RESUME), 0);
    s_rounds(story, 1);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_GATED);
    assert_false(s_is_paused(story));
    assert_int_equal(hf_ingress_gate(story->ingress, "nobody", HF_GATE_PAUSE, "ann", story->world->now, NULL,
                                     &story->problem),
                     -1);
    assert_int_equal(story->problem.status, 404);
    s_teardown(story);
}

static void s_a_pause_is_settled_by_the_file(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    story->actor->deaf = true;
    assert_int_equal(s_gate(story, HF_GATE_PAUSE), 0); //  Durable, and not heard of
    s_rounds(story, 1);
    hf_journal_destroy(&story->world->journal);
    assert_int_equal(s_gate(story, HF_GATE_RESUME), 0); //  Nobody got it
    story->world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(story->ingress, story->world->now);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_GATED);
    hf_answer_t resume = s_answer(story);
    assert_int_equal(resume.kind, HF_ANSWER_REFUSED);
    assert_int_equal(resume.problem.status, 503);
    story->actor->deaf = false;
    w_new_journal(story->world);
    s_rounds(story, 8);
    assert_true(s_is_paused(story)); //  What was refused is not done later
    s_teardown(story);
}

//  Each was carried out, whatever the destination is now.
static void s_a_pause_that_was_resumed_is_settled_by_the_file(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    story->actor->deaf = true;
    assert_int_equal(s_gate(story, HF_GATE_PAUSE), 0);
    assert_int_equal(s_gate(story, HF_GATE_RESUME), 0);
    s_rounds(story, 1);
    hf_journal_destroy(&story->world->journal);
    story->world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(story->ingress, story->world->now);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_GATED);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_GATED);
    s_teardown(story);
}

static void s_a_decision_is_settled_by_the_file(void **state) {
    story_t *story = s_setup();
    (void)state;
    assert_int_equal(s_send_body(story, "plain", "1", NULL), 0);
    hf_id_t id = story->id;
    s_rounds(story, 3);
    s_answer(story);
    story->actor->deaf = true;
    assert_int_equal(hf_ingress_decide(story->ingress, &id, HF_EVENT_CANCEL, "", NULL, 0, NULL,
                                       story->world->now, NULL, &story->problem),
                     0);
    s_rounds(story, 1);
    hf_journal_destroy(&story->world->journal);
    assert_int_equal(hf_ingress_decide(story->ingress, &id, HF_EVENT_DISCARD, "", NULL, 0, NULL,
                                       story->world->now, NULL, &story->problem),
                     0);
    story->world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(story->ingress, story->world->now);
    assert_int_equal(s_answer(story).kind, HF_ANSWER_DECIDED);
    assert_int_equal(s_answer(story).problem.status, 503);
    s_teardown(story);
}

//  While nobody wants facts none is delivered; from when somebody does, all are, those that were not heard yet too.
static void s_facts_are_delivered_while_they_are_wanted(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    hf_ingress_follow(story->ingress, false);
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    s_rounds(story, 40); //  And a beat
    assert_int_equal(s_answer(story).kind, HF_ANSWER_ACCEPTED);
    assert_int_equal(story->facts, 0);
    assert_int_equal(hf_ingress_newest_fact(story->ingress), 1);
    hf_ingress_follow(story->ingress, true);
    story->facts = 1; //  What is known without them
    story->actor->deaf = true;
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    s_rounds(story, 1);
    story->actor->deaf = false;
    assert_int_equal(s_send_body(story, "plain", "", NULL), 0);
    s_rounds(story, 40);
    assert_int_equal(story->facts, 3);
    s_teardown(story);
}

static void s_a_newer_life_ends_this_one(void **state) {
    story_t *story = s_setup();
    (void)state;
    s_rounds(story, 3);
    story->actor->may_end = true;
    actor_t *newer = w_join(story->world, "ingress");
    w_new_life(newer);
    s_rounds(story, 10);
    assert_non_null(hf_ingress_ops.failure(story->actor->core));
    assert_null(hf_ingress_ops.failure(newer->core));
    s_teardown(story);
}

static void s_bytes_that_are_nothing_are_counted(void **state) {
    story_t *story = s_setup();
    hf_buf_t json = {0};
    (void)state;
    hf_ingress_ops.receive(story->ingress, HF_FROM_JOURNAL, "", 0, story->world->now);
    hf_ingress_ops.receive(story->ingress, HF_FROM_JOURNAL, "F\0\xff\xff", 4, story->world->now);
    hf_ingress_ops.describe(story->ingress, &json);
    assert_non_null(strstr((char *)json.data, "\"foreign\":2"));
    hf_buf_free(&json);
    s_rounds(story, 3);
    s_teardown(story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_is_answered_only_when_durable),
        cmocka_unit_test(s_the_key_and_everything_else_is_kept),
        cmocka_unit_test(s_ids_ascend_over_a_clock_that_was_set_back),
        cmocka_unit_test(s_one_key_makes_one_command),
        cmocka_unit_test(s_a_batch_is_all_or_none),
        cmocka_unit_test(s_one_bad_line_refuses_its_batch),
        cmocka_unit_test(s_what_is_unsound_is_refused_at_once),
        cmocka_unit_test(s_a_full_link_refuses_and_a_journal_that_works_frees_it),
        cmocka_unit_test(s_a_full_journal_refuses_with_its_reason),
        cmocka_unit_test(s_people_decide),
        cmocka_unit_test(s_a_new_body_is_checked_like_a_submission),
        cmocka_unit_test(s_submissions_wait_for_a_journal_that_comes_back),
        cmocka_unit_test(s_an_answer_that_was_lost_is_given_again),
        cmocka_unit_test(s_the_overdue_are_settled_by_the_file),
        cmocka_unit_test(s_settling_finds_what_a_key_made),
        cmocka_unit_test(s_a_decision_is_settled_by_the_file),
        cmocka_unit_test(s_destinations_are_paused_and_resumed),
        cmocka_unit_test(s_a_pause_is_settled_by_the_file),
        cmocka_unit_test(s_a_pause_that_was_resumed_is_settled_by_the_file),
        cmocka_unit_test(s_facts_are_delivered_while_they_are_wanted),
        cmocka_unit_test(s_a_newer_life_ends_this_one),
        cmocka_unit_test(s_bytes_that_are_nothing_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
