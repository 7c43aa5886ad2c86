/*  Ingress against a real journal core and a real file, told step by step under virtual time. The test is the
 * network: it carries every envelope itself, or loses it.  */

#include "ingress/ingress_core.h"
#include "journal/journal_core.h"
#include "link/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct {
    char dir[64];          //  The journal's folder
    hf_store_t *store;     //  The journal's handle
    hf_store_t *reader;    //  Ingress's
    hf_config_t *config;   //  Pipelines "plain" and "keyed" of one destination each
    hf_journal_t *journal; //  The journal, or NULL: it is dead
    hf_ingress_t *ingress; //  What is told about
    int64_t now;           //  The story's time
    bool deaf;             //  What the journal says is lost
    uint64_t facts;        //  Number of the newest fact that was delivered
    hf_problem_t problem;  //  The newest refusal
    hf_id_t id;            //  Of the newest submission
} world_t;

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    world_t *world = context;
    assert_int_equal(fact->seq, world->facts + 1);
    world->facts = fact->seq;
    return true;
}

static void s_begin_journal(world_t *world) {
    hf_journal_options_t options = {.keep_ms = 1000000000};
    hf_error_t error = {{0}};
    world->journal = hf_journal_new(world->store, &options, world->now, &error);
    assert_non_null(world->journal);
}

static void s_begin_ingress(world_t *world, uint8_t life) {
    hf_core_setup_t setup = {
        .name = "ingress", .config = world->config, .store = world->reader, .nonce = {life}, .seed = life};
    hf_ingress_destroy(&world->ingress);
    world->ingress = hf_ingress_new(&setup);
    hf_ingress_set_on_fact(world->ingress, s_on_fact, world);
}

static void s_add_pipeline(hf_config_t *config, const char *name, const char *url, const char *key) {
    hf_error_t error;
    hf_destination_t *destination = hf_destination_new(name);
    hf_pipeline_t *pipeline = hf_pipeline_new(name);
    destination->url = hf_template_new(url, &error);
    pipeline->destination = destination;
    pipeline->key = key ? hf_template_new(key, &error) : NULL;
    hf_config_add_destination(config, destination);
    hf_config_add_pipeline(config, pipeline);
}

static world_t *s_setup(void) {
    world_t *world = hf_alloc(sizeof *world);
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = 64 << 20};
    strcpy(world->dir, "/tmp/holdfast-ingress-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->store = hf_store_open(world->dir, &options, &error);
    assert_non_null(world->store);
    world->reader = hf_store_share(world->store);
    world->config = hf_config_new();
    world->config->body_limit = 1000;
    world->config->unacked_limit = 4000;
    s_add_pipeline(world->config, "plain", "http://127.0.0.1/x", NULL);
    s_add_pipeline(world->config, "keyed", "http://127.0.0.1/{host}/x", "{instance}");
    s_add_pipeline(world->config, "asked", "http://127.0.0.1/x", NULL);
    world->config->destinations[2]->probe = hf_template_new("http://127.0.0.1/{order}/{" HF_TEMPLATE_ID "}",
                                                            NULL);
    world->now = 1000000;
    s_begin_journal(world);
    s_begin_ingress(world, 1);
    return world;
}

static void s_teardown(world_t *world) {
    char command[128];
    hf_ingress_destroy(&world->ingress);
    hf_journal_destroy(&world->journal);
    hf_store_close(&world->reader);
    hf_store_close(&world->store);
    hf_config_destroy(&world->config);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
}

//  What ingress wants sent reaches the journal, or nobody.
static void s_carry_proposals(world_t *world) {
    hf_envelope_t envelope;
    hf_ingress_ops.tick(world->ingress, world->now);
    while (hf_outbox_take(hf_ingress_ops.outbox(world->ingress), &envelope)) {
        if (world->journal) {
            hf_journal_receive(world->journal, envelope.data, envelope.size);
        }
        free(envelope.data);
    }
}

static void s_carry_publications(world_t *world) {
    hf_envelope_t envelope;
    hf_error_t error = {{0}};
    if (!world->journal) {
        return;
    }
    assert_int_equal(hf_journal_commit(world->journal, world->now, &error), 0);
    hf_journal_tick(world->journal, world->now);
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        if (!world->deaf) {
            hf_ingress_ops.receive(world->ingress, HF_FROM_JOURNAL, envelope.data, envelope.size, world->now);
        }
        free(envelope.data);
    }
}

static void s_rounds(world_t *world, int rounds) {
    while (rounds-- > 0) {
        s_carry_proposals(world);
        s_carry_publications(world);
        world->now += 50;
    }
    assert_null(hf_ingress_ops.failure(world->ingress));
}

static int s_send(world_t *world, const hf_submission_t *submission, void *tag) {
    return hf_ingress_submit(world->ingress, submission, world->now, tag, &world->id, &world->problem);
}

static int s_send_body(world_t *world, const char *pipeline, const char *body, void *tag) {
    hf_submission_t submission = {.pipeline = pipeline, .body = body, .body_size = strlen(body)};
    return s_send(world, &submission, tag);
}

static hf_answer_t s_answer(world_t *world) {
    hf_answer_t answer;
    if (!hf_ingress_take_answer(world->ingress, &answer)) {
        fail_msg("no answer");
    }
    return answer;
}

static bool s_is_answered(world_t *world) {
    hf_answer_t answer;
    return hf_ingress_take_answer(world->ingress, &answer);
}

static hf_state_t s_state(world_t *world, const hf_id_t *id) {
    hf_arena_t *arena = hf_arena_new(4096);
    hf_error_t error;
    Hf__State *state = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    int found = hf_store_state(world->reader, id, arena, &state, &error);
    hf_store_end_read(world->reader);
    hf_state_t is = found == 1 ? (hf_state_t)state->state : HF_STATE_NONE;
    hf_arena_destroy(&arena);
    return is;
}

static uint64_t s_count(world_t *world, const char *destination, hf_state_t state) {
    hf_error_t error;
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    uint64_t count = hf_store_count(world->reader, destination, state);
    hf_store_end_read(world->reader);
    return count;
}

//  ---- happy

static void s_is_answered_only_when_durable(void **state) {
    world_t *world = s_setup();
    int tag;
    (void)state;
    assert_int_equal(s_send_body(world, "plain", "anything \x01\xff", &tag), 0);
    s_carry_proposals(world); //  A hello
    assert_false(s_is_answered(world));
    s_carry_publications(world); //  The welcome
    s_carry_proposals(world);    //  The submission
    assert_false(s_is_answered(world));
    s_carry_publications(world);
    hf_answer_t answer = s_answer(world);
    assert_ptr_equal(answer.tag, &tag);
    assert_int_equal(answer.kind, HF_ANSWER_ACCEPTED);
    assert_true(hf_id_equal(&answer.id, &world->id));
    assert_int_equal(answer.accepted_at, 1000000);
    assert_int_equal(s_state(world, &answer.id), HF_STATE_ACCEPTED);
    assert_int_equal(world->facts, 1);
    assert_false(s_is_answered(world));
    s_teardown(world);
}

static void s_the_key_and_everything_else_is_kept(void **state) {
    world_t *world = s_setup();
    hf_arena_t *arena = hf_arena_new(4096);
    hf_error_t error;
    Hf__Command *command = NULL;
    const char *body = "{\"instance\":\"i-1\",\"host\":\"a\"}";
    hf_submission_t submission = {.pipeline = "keyed",
                                  .body = body,
                                  .body_size = strlen(body),
                                  .content_type = "text/x",
                                  .not_before = "10s",
                                  .deadline = "1970-01-01T00:20:00Z",
                                  .traceparent = "00-1-2-01",
                                  .tracestate = "a=b"};
    (void)state;
    assert_int_equal(s_send(world, &submission, NULL), 0);
    s_rounds(world, 3);
    s_answer(world);
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    assert_int_equal(hf_store_command(world->reader, &world->id, arena, &command, &error), 1);
    hf_store_end_read(world->reader);
    assert_string_equal(command->key, "i-1");
    assert_string_equal(command->destination, "keyed");
    assert_int_equal(command->body.len, strlen(body));
    assert_memory_equal(command->body.data, body, strlen(body));
    assert_string_equal(command->content_type, "text/x");
    assert_int_equal(command->not_before, 1010000);
    assert_int_equal(command->deadline, 1200000);
    assert_string_equal(command->traceparent, "00-1-2-01");
    assert_string_equal(command->tracestate, "a=b");
    hf_arena_destroy(&arena);
    s_teardown(world);
}

static void s_one_key_makes_one_command(void **state) {
    world_t *world = s_setup();
    hf_submission_t submission = {.pipeline = "plain", .body = "1", .body_size = 1, .idempotency_key = "k"};
    (void)state;
    assert_int_equal(s_send(world, &submission, NULL), 0);
    assert_int_equal(s_send(world, &submission, NULL), 0);
    s_rounds(world, 3);
    hf_answer_t first = s_answer(world), second = s_answer(world);
    assert_int_equal(first.kind, HF_ANSWER_ACCEPTED);
    assert_int_equal(second.kind, HF_ANSWER_REPLAYED);
    assert_true(hf_id_equal(&first.id, &second.id));
    assert_int_equal(second.accepted_at, first.accepted_at);
    assert_int_equal(s_count(world, "plain", HF_STATE_ACCEPTED), 1);
    submission.body = "2";
    assert_int_equal(s_send(world, &submission, NULL), 0);
    s_rounds(world, 2);
    hf_answer_t other = s_answer(world);
    assert_int_equal(other.kind, HF_ANSWER_REFUSED);
    assert_int_equal(other.problem.status, 422);
    assert_string_equal(other.problem.type, "idempotency-conflict");
    submission.pipeline = "keyed"; //  A key belongs to its pipeline
    submission.body = "{\"instance\":1,\"host\":2}";
    submission.body_size = strlen(submission.body);
    assert_int_equal(s_send(world, &submission, NULL), 0);
    s_rounds(world, 2);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_ACCEPTED);
    s_teardown(world);
}

//  ---- batches

static void s_a_batch_is_all_or_none(void **state) {
    world_t *world = s_setup();
    const char *body = "{\"instance\":1,\"host\":1}\r\n\n  \n{\"instance\":2,\"host\":2}";
    hf_submission_t submission = {
        .pipeline = "keyed", .body = body, .body_size = strlen(body), .idempotency_key = "k"};
    (void)state;
    assert_int_equal(hf_ingress_submit_batch(world->ingress, &submission, world->now, world, &world->problem),
                     0);
    assert_int_equal(hf_ingress_submit_batch(world->ingress, &submission, world->now, world, &world->problem),
                     0);
    s_rounds(world, 3);
    hf_answer_t first = s_answer(world), again = s_answer(world);
    assert_int_equal(first.kind, HF_ANSWER_ACCEPTED);
    assert_int_equal(first.ids_size, 2);
    assert_int_equal(again.kind, HF_ANSWER_REPLAYED);
    assert_memory_equal(first.ids, again.ids, 2 * sizeof *first.ids);
    assert_int_equal(s_state(world, &first.ids[1]), HF_STATE_ACCEPTED);
    assert_int_equal(s_count(world, "keyed", HF_STATE_ACCEPTED), 2);
    free(first.ids);
    free(again.ids);
    submission.body = "{\"instance\":1,\"host\":1}";
    submission.body_size = strlen(submission.body);
    assert_int_equal(hf_ingress_submit_batch(world->ingress, &submission, world->now, world, &world->problem),
                     0);
    s_rounds(world, 2);
    assert_int_equal(s_answer(world).problem.status, 422);
    hf_journal_set_full(world->journal, "no room");
    submission.idempotency_key = NULL;
    assert_int_equal(hf_ingress_submit_batch(world->ingress, &submission, world->now, world, &world->problem),
                     0);
    s_rounds(world, 2);
    hf_answer_t full = s_answer(world);
    assert_int_equal(full.problem.status, 503);
    assert_null(full.ids);
    assert_int_equal(s_count(world, "keyed", HF_STATE_ACCEPTED), 2);
    s_teardown(world);
}

static void s_refuse_batch(world_t *world, const char *content_type, const char *body, int status) {
    hf_submission_t submission = {
        .pipeline = "keyed", .body = body, .body_size = strlen(body), .content_type = content_type};
    assert_int_equal(hf_ingress_submit_batch(world->ingress, &submission, world->now, world, &world->problem),
                     -1);
    if (world->problem.status != status) {
        fail_msg("%d %s", world->problem.status, world->problem.detail);
    }
}

static void s_one_bad_line_refuses_its_batch(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_refuse_batch(world, NULL, "{\"instance\":1,\"host\":1}\n{\"instance\":", 400);
    assert_non_null(strstr(world->problem.detail, "Line 2"));
    s_refuse_batch(world, NULL, "{\"instance\":1,\"host\":1}\n{\"instance\":3}\n", 422);
    assert_non_null(strstr(world->problem.detail, "Line 2"));
    s_refuse_batch(world, NULL, "\n\n", 400);
    s_refuse_batch(world, "application/json", "{}", 415);
    s_rounds(world, 3);
    assert_int_equal(hf_ingress_unacked(world->ingress), 0);
    s_teardown(world);
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
    world_t *world = s_setup();
    (void)state;
    for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        int rc = s_send(world, &refusals[i].submission, NULL);
        if (rc == 0 || world->problem.status != refusals[i].status ||
            strcmp(world->problem.type, refusals[i].type) != 0) {
            fail_msg("%u: %d %s: %s", i, world->problem.status, world->problem.type, world->problem.detail);
        }
    }
    assert_int_equal(s_send_body(world, "plian", "", NULL), -1);
    assert_non_null(strstr(world->problem.detail, "'plain'"));
    assert_int_equal(hf_ingress_unacked(world->ingress), 0);
    assert_int_equal(s_send_body(world, "keyed", body, NULL), 0);
    assert_int_equal(s_send_body(world, "asked", "{\"order\":1}", NULL), 0);
    s_teardown(world);
}

static void s_a_full_link_refuses_and_a_journal_that_works_frees_it(void **state) {
    world_t *world = s_setup();
    char body[901] = "";
    int sent = 0;
    (void)state;
    memset(body, 'x', 900);
    while (s_send_body(world, "plain", body, NULL) == 0) {
        sent++;
    }
    assert_int_equal(sent, 4);
    assert_int_equal(world->problem.status, 503);
    assert_int_equal(world->problem.retry_after_s, 1);
    s_rounds(world, 3);
    while (sent-- > 0) {
        assert_int_equal(s_answer(world).kind, HF_ANSWER_ACCEPTED);
    }
    assert_int_equal(s_send_body(world, "plain", body, NULL), 0);
    s_teardown(world);
}

static void s_a_full_journal_refuses_with_its_reason(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_rounds(world, 3);
    assert_true(hf_ingress_is_ready(world->ingress, world->now, &world->problem));
    hf_journal_set_full(world->journal, "the disk is full");
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    s_rounds(world, 2);
    hf_answer_t answer = s_answer(world);
    assert_int_equal(answer.kind, HF_ANSWER_REFUSED);
    assert_int_equal(answer.problem.status, 503);
    assert_int_equal(answer.problem.retry_after_s, 5);
    assert_string_equal(answer.problem.detail, "the disk is full");
    assert_int_equal(s_state(world, &answer.id), HF_STATE_NONE);
    assert_false(hf_ingress_is_ready(world->ingress, world->now, &world->problem));
    assert_string_equal(world->problem.type, "journal-full");
    s_teardown(world);
}

//  ---- decisions

static void s_people_decide(void **state) {
    world_t *world = s_setup();
    hf_id_t unknown = hf_id_floor(7);
    (void)state;
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    hf_id_t id = world->id;
    s_rounds(world, 3);
    s_answer(world);
    assert_int_equal(hf_ingress_decide(world->ingress, &id, HF_EVENT_RETRY, "ann", NULL, 0, NULL, world->now,
                                       NULL, &world->problem),
                     0);
    s_rounds(world, 1);
    hf_answer_t early = s_answer(world);
    assert_int_equal(early.problem.status, 409);
    assert_string_equal(early.problem.detail,
                        "The command is accepted: it is still under way, it can be cancelled.");
    assert_int_equal(hf_ingress_decide(world->ingress, &id, HF_EVENT_CANCEL, "ann", NULL, 0, NULL, world->now,
                                       world, &world->problem),
                     0);
    s_rounds(world, 1);
    hf_answer_t answer = s_answer(world);
    assert_int_equal(answer.kind, HF_ANSWER_DECIDED);
    assert_ptr_equal(answer.tag, world);
    assert_int_equal(s_state(world, &id), HF_STATE_CANCELLED);
    assert_int_equal(hf_ingress_decide(world->ingress, &unknown, HF_EVENT_CANCEL, "ann", NULL, 0, NULL,
                                       world->now, NULL, &world->problem),
                     -1);
    assert_int_equal(world->problem.status, 404);
    s_teardown(world);
}

static void s_a_new_body_is_checked_like_a_submission(void **state) {
    world_t *world = s_setup();
    (void)state;
    assert_int_equal(s_send_body(world, "keyed", "{\"instance\":1,\"host\":1}", NULL), 0);
    hf_id_t id = world->id;
    s_rounds(world, 3);
    s_answer(world);
    assert_int_equal(hf_ingress_decide(world->ingress, &id, HF_EVENT_RETRY, "", "{}", 2, NULL, world->now,
                                       NULL, &world->problem),
                     -1);
    assert_int_equal(world->problem.status, 422);
    assert_int_equal(hf_ingress_decide(world->ingress, &id, HF_EVENT_RETRY, "", "{", 1, NULL, world->now,
                                       NULL, &world->problem),
                     -1);
    assert_int_equal(world->problem.status, 400);
    s_teardown(world);
}

//  ---- the journal goes and comes

static void s_submissions_wait_for_a_journal_that_comes_back(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_rounds(world, 3);
    hf_journal_destroy(&world->journal);
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    s_rounds(world, 40);
    assert_false(s_is_answered(world));
    assert_int_equal(hf_ingress_overdue(world->ingress, world->now), 0);
    assert_false(hf_ingress_is_ready(world->ingress, world->now, &world->problem));
    assert_string_equal(world->problem.type, "journal-away");
    s_begin_journal(world);
    s_rounds(world, 4);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_ACCEPTED);
    s_teardown(world);
}

static void s_an_answer_that_was_lost_is_given_again(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_rounds(world, 3);
    world->deaf = true;
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    s_rounds(world, 1);
    world->deaf = false;
    s_rounds(world, 40);
    hf_answer_t answer = s_answer(world);
    assert_int_equal(answer.kind, HF_ANSWER_ACCEPTED);
    assert_false(s_is_answered(world));
    assert_int_equal(s_count(world, "plain", HF_STATE_ACCEPTED), 1);
    assert_int_equal(world->facts, 1); //  Read from the file
    s_teardown(world);
}

//  Two were sent; one became durable, its answer was lost, and the journal died. Nobody knows but the file.
static void s_the_overdue_are_settled_by_the_file(void **state) {
    world_t *world = s_setup();
    int durable, lost;
    (void)state;
    s_rounds(world, 3);
    world->deaf = true;
    assert_int_equal(s_send_body(world, "plain", "1", &durable), 0);
    hf_id_t first = world->id;
    s_rounds(world, 1);
    hf_journal_destroy(&world->journal);
    assert_int_equal(s_send_body(world, "plain", "2", &lost), 0);
    hf_id_t second = world->id;
    s_rounds(world, 1);
    world->now += HF_INGRESS_PATIENCE_MS;
    assert_int_equal(hf_ingress_overdue(world->ingress, world->now), 2);
    hf_ingress_settle(world->ingress, world->now);
    hf_answer_t answer = s_answer(world);
    assert_ptr_equal(answer.tag, &durable);
    assert_int_equal(answer.kind, HF_ANSWER_ACCEPTED);
    assert_true(hf_id_equal(&answer.id, &first));
    answer = s_answer(world);
    assert_ptr_equal(answer.tag, &lost);
    assert_int_equal(answer.kind, HF_ANSWER_REFUSED);
    assert_int_equal(answer.problem.status, 503);
    assert_int_equal(hf_ingress_overdue(world->ingress, world->now), 0);
    //  The next journal gets the first again, which changes nothing, and nothing in the second's place.
    world->deaf = false;
    s_begin_journal(world);
    assert_int_equal(s_send_body(world, "plain", "3", NULL), 0);
    s_rounds(world, 5);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_ACCEPTED);
    assert_false(s_is_answered(world));
    assert_int_equal(s_state(world, &first), HF_STATE_ACCEPTED);
    assert_int_equal(s_state(world, &second), HF_STATE_NONE);
    assert_int_equal(s_count(world, "plain", HF_STATE_ACCEPTED), 2);
    assert_int_equal(hf_ingress_unacked_bytes(world->ingress), 0);
    s_teardown(world);
}

//  A client tries again with its key while the journal is dead: the file knows what the key made.
static void s_settling_finds_what_a_key_made(void **state) {
    world_t *world = s_setup();
    hf_submission_t submission = {.pipeline = "plain", .body = "1", .body_size = 1, .idempotency_key = "k"};
    (void)state;
    assert_int_equal(s_send(world, &submission, NULL), 0);
    s_rounds(world, 3);
    hf_answer_t first = s_answer(world);
    hf_journal_destroy(&world->journal);
    assert_int_equal(s_send(world, &submission, NULL), 0);
    submission.body = "2";
    assert_int_equal(s_send(world, &submission, NULL), 0);
    world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(world->ingress, world->now);
    hf_answer_t again = s_answer(world), other = s_answer(world);
    assert_int_equal(again.kind, HF_ANSWER_REPLAYED);
    assert_true(hf_id_equal(&again.id, &first.id));
    assert_int_equal(other.problem.status, 422);
    s_begin_journal(world);
    s_rounds(world, 4);
    assert_int_equal(s_count(world, "plain", HF_STATE_ACCEPTED), 1);
    s_teardown(world);
}

static bool s_is_paused(world_t *world) {
    hf_arena_t *arena = hf_arena_new(1024);
    Hf__Destination *record = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, NULL), 0);
    bool paused = hf_store_destination(world->reader, "plain", arena, &record, NULL) == 1 && record->paused;
    hf_store_end_read(world->reader);
    hf_arena_destroy(&arena);
    return paused;
}

static int s_gate(world_t *world, hf_gate_event_t event) {
    return hf_ingress_gate(world->ingress, "plain", event, "ann", world->now, NULL, &world->problem);
}

static void s_destinations_are_paused_and_resumed(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_rounds(world, 3);
    assert_int_equal(s_gate(world, HF_GATE_PAUSE), 0);
    assert_false(s_is_paused(world));
    s_rounds(world, 1);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_GATED);
    assert_true(s_is_paused(world));
    assert_int_equal(s_gate(world, HF_GATE_PAUSE), 0); //  It is true already: that is no failure
    s_rounds(world, 1);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_GATED);
    assert_int_equal(s_gate(world, HF_GATE_RESUME), 0);
    s_rounds(world, 1);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_GATED);
    assert_false(s_is_paused(world));
    assert_int_equal(
        hf_ingress_gate(world->ingress, "nobody", HF_GATE_PAUSE, "ann", world->now, NULL, &world->problem),
        -1);
    assert_int_equal(world->problem.status, 404);
    s_teardown(world);
}

static void s_a_pause_is_settled_by_the_file(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_rounds(world, 3);
    world->deaf = true;
    assert_int_equal(s_gate(world, HF_GATE_PAUSE), 0); //  Durable, and not heard of
    s_rounds(world, 1);
    hf_journal_destroy(&world->journal);
    assert_int_equal(s_gate(world, HF_GATE_RESUME), 0); //  Nobody got it
    world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(world->ingress, world->now);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_GATED);
    hf_answer_t resume = s_answer(world);
    assert_int_equal(resume.kind, HF_ANSWER_REFUSED);
    assert_int_equal(resume.problem.status, 503);
    world->deaf = false;
    s_begin_journal(world);
    s_rounds(world, 8);
    assert_true(s_is_paused(world)); //  What was refused is not done later
    s_teardown(world);
}

static void s_a_decision_is_settled_by_the_file(void **state) {
    world_t *world = s_setup();
    (void)state;
    assert_int_equal(s_send_body(world, "plain", "1", NULL), 0);
    hf_id_t id = world->id;
    s_rounds(world, 3);
    s_answer(world);
    world->deaf = true;
    assert_int_equal(hf_ingress_decide(world->ingress, &id, HF_EVENT_CANCEL, "", NULL, 0, NULL, world->now,
                                       NULL, &world->problem),
                     0);
    s_rounds(world, 1);
    hf_journal_destroy(&world->journal);
    assert_int_equal(hf_ingress_decide(world->ingress, &id, HF_EVENT_DISCARD, "", NULL, 0, NULL, world->now,
                                       NULL, &world->problem),
                     0);
    world->now += HF_INGRESS_PATIENCE_MS;
    hf_ingress_settle(world->ingress, world->now);
    assert_int_equal(s_answer(world).kind, HF_ANSWER_DECIDED);
    assert_int_equal(s_answer(world).problem.status, 503);
    s_teardown(world);
}

//  While nobody wants facts none is delivered; from when somebody does, all are, those that were not heard yet too.
static void s_facts_are_delivered_while_they_are_wanted(void **state) {
    world_t *world = s_setup();
    (void)state;
    s_rounds(world, 3);
    hf_ingress_follow(world->ingress, false);
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    s_rounds(world, 40); //  And a beat
    assert_int_equal(s_answer(world).kind, HF_ANSWER_ACCEPTED);
    assert_int_equal(world->facts, 0);
    assert_int_equal(hf_ingress_newest_fact(world->ingress), 1);
    hf_ingress_follow(world->ingress, true);
    world->facts = 1; //  What is known without them
    world->deaf = true;
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    s_rounds(world, 1);
    world->deaf = false;
    assert_int_equal(s_send_body(world, "plain", "", NULL), 0);
    s_rounds(world, 40);
    assert_int_equal(world->facts, 3);
    s_teardown(world);
}

static void s_a_newer_life_ends_this_one(void **state) {
    world_t *world = s_setup();
    hf_ingress_t *old = world->ingress;
    (void)state;
    s_rounds(world, 3);
    world->ingress = NULL;
    s_begin_ingress(world, 2);
    for (int i = 0; i < 10; i++) {
        hf_envelope_t envelope;
        hf_error_t error;
        s_carry_proposals(world);
        assert_int_equal(hf_journal_commit(world->journal, world->now, &error), 0);
        hf_journal_tick(world->journal, world->now);
        while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
            hf_ingress_ops.receive(world->ingress, HF_FROM_JOURNAL, envelope.data, envelope.size, world->now);
            hf_ingress_ops.receive(old, HF_FROM_JOURNAL, envelope.data, envelope.size, world->now);
            free(envelope.data);
        }
        world->now += 50;
    }
    assert_non_null(hf_ingress_ops.failure(old));
    assert_null(hf_ingress_ops.failure(world->ingress));
    hf_ingress_destroy(&old);
    s_teardown(world);
}

static void s_bytes_that_are_nothing_are_counted(void **state) {
    world_t *world = s_setup();
    hf_buf_t json = {0};
    (void)state;
    hf_ingress_ops.receive(world->ingress, HF_FROM_JOURNAL, "", 0, world->now);
    hf_ingress_ops.receive(world->ingress, HF_FROM_JOURNAL, "F\0\xff\xff", 4, world->now);
    hf_ingress_ops.describe(world->ingress, &json);
    assert_non_null(strstr((char *)json.data, "\"foreign\":2"));
    hf_buf_free(&json);
    s_rounds(world, 3);
    s_teardown(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_is_answered_only_when_durable),
        cmocka_unit_test(s_the_key_and_everything_else_is_kept),
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
        cmocka_unit_test(s_facts_are_delivered_while_they_are_wanted),
        cmocka_unit_test(s_a_newer_life_ends_this_one),
        cmocka_unit_test(s_bytes_that_are_nothing_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
