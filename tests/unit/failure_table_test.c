/*  The table of failures (tests/cases/failure_table.h) against the real cores of journal, ingress, dispatch, failure and call, over one
 *  journal's file, in one thread and in virtual time. The network loses nothing here; tests/simulation is where it does.  */

#include "call/call_core.h"
#include "cases/failure_table.h"
#include "ingress/ingress_core.h"
#include "journal/journal_core.h"
#include "pipeline_file/pipeline_file.h"
#include "simulate/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { INGRESS, DISPATCH, FAILURE, CALL, CAST };
enum {
    STEP_MS = 10,      //  How far time goes on at once
    SETTLE_MS = 20000, //  A command has come to its end
    CALLS_MAX = 1024,  //  Requests of one life
};

static const char *const s_names[CAST] = {"ingress", "dispatch", "failure", "call.0"};

typedef struct {
    const hf_player_t *player; //  What it is
    hf_store_t *store;         //  Its handle
    void *core;                //  Its life
} actor_t;

//  A request that a caller makes.
typedef struct {
    uint64_t ticket;         //  In the caller's core
    int64_t at;              //  When it ends; INT64_MAX: with its caller
    hf_call_result_t result; //  How
} call_t;

typedef struct {
    char dir[64];            //  The journal's folder
    hf_config_t *config;     //  The table's pipelines
    hf_store_t *store;       //  The journal's handle
    hf_store_t *reader;      //  The test's
    hf_journal_t *journal;   //  The journal
    actor_t cast[CAST];      //  Everybody else
    call_t calls[CALLS_MAX]; //  Under way
    size_t calls_size;       //  How many
    hf_arena_t *arena;       //  Of what the test reads
    int64_t now;             //  Virtual time
    uint8_t lives;           //  Begun so far
    hf_answer_t answer;      //  The newest
    bool answered;           //  There is one
} world_t;

//  ---- the third party: what the stand-in would do with that path

static void s_answer(hf_call_result_t *result, int status) {
    result->connected = result->sent = result->answered = true;
    result->status = status;
}

//  Returns after how long; INT64_MAX: never.
static int64_t s_third(const hf_call_request_t *request, hf_call_result_t *result) {
    const char *path = strstr(request->url, "third") ? strchr(request->url + strlen("http://"), '/') : "";
    *result = (hf_call_result_t){.peer = "third:80"};
    if (strncmp(path, "/status/", 8) == 0) {
        s_answer(result, atoi(path + 8));
    } else if (strncmp(path, "/retry-after/", 13) == 0) {
        s_answer(result, 503);
        result->retry_after = "1";
    } else if (strncmp(path, "/redirect", 9) == 0) {
        s_answer(result, 302);
    } else if (strncmp(path, "/hang", 5) == 0) {
        result->connected = result->sent = result->broken = result->timed_out = true;
        return request->destination->timeout_ms < 1000 ? request->destination->timeout_ms : INT64_MAX;
    } else if (!*path) {
        result->trouble = "Connection refused";
    } else if (strncmp(path, "/reset", 6) == 0 || strncmp(path, "/garbage", 8) == 0) {
        result->connected = result->sent = result->broken = true;
        result->trouble = "Connection reset by peer";
    } else {
        s_answer(result, 200);
    }
    return 0;
}

//  ---- the node

static void s_begin_life(world_t *world, int number) {
    actor_t *actor = &world->cast[number];
    actor->player = hf_player_find(s_names[number]);
    if (actor->core) {
        actor->player->end(actor->core);
    }
    hf_core_setup_t setup = {.name = s_names[number],
                             .config = world->config,
                             .store = actor->store,
                             .nonce = {(uint8_t)(number + 1), ++world->lives},
                             .seed = world->lives};
    actor->core = actor->player->make(&setup);
}

static world_t *s_setup(void) {
    world_t *world = hf_alloc(sizeof *world);
    hf_error_t error = {{0}};
    hf_buf_t zpl = {0};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = 64 << 20};
    hf_journal_options_t journal = {.keep_ms = INT64_C(1) << 40};
    failure_write_pipelines(&zpl, "http://third", "http://nobody");
    world->config = hf_pipeline_file_read_text("table.zpl", (char *)zpl.data, zpl.size, NULL);
    hf_buf_free(&zpl);
    assert_non_null(world->config);
    strcpy(world->dir, "/tmp/holdfast-table-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->store = hf_store_open(world->dir, &options, &error);
    assert_non_null(world->store);
    world->reader = hf_store_share(world->store);
    world->arena = hf_arena_new(4096);
    world->now = INT64_C(1700000000000);
    world->journal = hf_journal_new(world->store, &journal, world->now, &error);
    assert_non_null(world->journal);
    for (int i = 0; i < CAST; i++) {
        world->cast[i].store = hf_store_share(world->store);
        s_begin_life(world, i);
    }
    return world;
}

static void s_teardown(world_t *world) {
    char command[128];
    for (int i = 0; i < CAST; i++) {
        world->cast[i].player->end(world->cast[i].core);
        hf_store_close(&world->cast[i].store);
    }
    hf_journal_destroy(&world->journal);
    hf_store_close(&world->reader);
    hf_store_close(&world->store);
    hf_arena_destroy(&world->arena);
    hf_config_destroy(&world->config);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
}

static void s_hear(world_t *world) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        for (int i = 0; i < CAST; i++) {
            actor_t *actor = &world->cast[i];
            if (hf_player_hears(actor->player, s_names[i], (const char *)envelope.data)) {
                actor->player->ops->receive(actor->core, HF_FROM_JOURNAL, envelope.data, envelope.size,
                                            world->now);
            }
        }
        free(envelope.data);
    }
}

static void s_send(world_t *world, actor_t *actor) {
    hf_envelope_t envelope;
    while (hf_outbox_take(actor->player->ops->outbox(actor->core), &envelope)) {
        if (envelope.to == HF_TO_JOURNAL) {
            hf_journal_receive(world->journal, envelope.data, envelope.size);
        } else {
            bool order = envelope.to == HF_TO_CALLER;
            actor_t *to = &world->cast[order ? CALL : DISPATCH];
            to->player->ops->receive(to->core, order ? HF_FROM_DISPATCH : HF_FROM_CALLER, envelope.data,
                                     envelope.size, world->now);
        }
        free(envelope.data);
    }
}

static void s_call(world_t *world) {
    void *core = world->cast[CALL].core;
    for (const hf_call_request_t *request; (request = hf_call_take(core));) {
        assert_true(world->calls_size < CALLS_MAX);
        call_t *call = &world->calls[world->calls_size++];
        call->ticket = request->ticket;
        int64_t after = s_third(request, &call->result);
        call->at = after == INT64_MAX ? INT64_MAX : world->now + after;
    }
    for (size_t i = 0; i < world->calls_size;) {
        call_t *call = &world->calls[i];
        if (call->at <= world->now) {
            hf_call_finish(core, call->ticket, &call->result, world->now);
            *call = world->calls[--world->calls_size];
        } else {
            i++;
        }
    }
}

//  Everything that can happen within one moment, and then the next one.
static void s_step(world_t *world) {
    hf_error_t error;
    hf_answer_t answer;
    for (int round = 0; round < 6; round++) {
        for (int i = 0; i < CAST; i++) {
            actor_t *actor = &world->cast[i];
            actor->player->ops->tick(actor->core, world->now);
            assert_null(actor->player->ops->failure(actor->core));
            if (i == CALL) {
                s_call(world);
            }
            s_send(world, actor);
        }
        while (hf_ingress_take_answer(world->cast[INGRESS].core, &answer)) {
            world->answer = answer;
            world->answered = true;
        }
        if (hf_journal_has_work(world->journal)) {
            assert_int_equal(hf_journal_commit(world->journal, world->now, &error), 0);
        }
        hf_journal_tick(world->journal, world->now);
        s_hear(world);
    }
    world->now += STEP_MS;
}

//  The caller dies with all that it has in hand.
static void s_kill_caller(world_t *world) {
    world->calls_size = 0;
    s_begin_life(world, CALL);
}

//  ---- asking

static hf_answer_t s_wait_answer(world_t *world) {
    int64_t until = world->now + 5000;
    for (world->answered = false; !world->answered;) {
        assert_true(world->now < until);
        s_step(world);
    }
    return world->answer;
}

static hf_id_t s_submit(world_t *world, const char *row, int policy, const char *not_before) {
    char name[64];
    hf_id_t id;
    hf_problem_t problem;
    failure_pipeline_name(name, row, policy);
    hf_submission_t submission = {.pipeline = name,
                                  .body = "{\"case\":\"x\"}",
                                  .body_size = strlen("{\"case\":\"x\"}"),
                                  .content_type = "application/json",
                                  .not_before = not_before,
                                  .deadline = failure_policies[policy].deadline};
    if (hf_ingress_submit(world->cast[INGRESS].core, &submission, world->now, NULL, &id, &problem)) {
        fail_msg("%s: %s", name, problem.detail);
    }
    assert_int_equal(s_wait_answer(world).kind, HF_ANSWER_ACCEPTED);
    return id;
}

//  Whether it was carried out; else the problem is a 409.
static bool s_ask(world_t *world, const hf_id_t *id, hf_event_t event) {
    hf_problem_t problem;
    assert_int_equal(hf_ingress_decide(world->cast[INGRESS].core, id, event, "a test", NULL, 0, NULL,
                                       world->now, NULL, &problem),
                     0);
    hf_answer_t answer = s_wait_answer(world);
    if (answer.kind == HF_ANSWER_REFUSED) {
        assert_int_equal(answer.problem.status, 409);
    }
    return answer.kind == HF_ANSWER_DECIDED;
}

static const Hf__State *s_state(world_t *world, const hf_id_t *id) {
    Hf__State *state = NULL;
    hf_arena_reset(world->arena);
    assert_int_equal(hf_store_begin_read(world->reader, NULL), 0);
    assert_int_equal(hf_store_state(world->reader, id, world->arena, &state, NULL), 1);
    hf_store_end_read(world->reader);
    return state;
}

static void s_wait_state(world_t *world, const hf_id_t *id, hf_state_t wanted, const char *where) {
    for (int64_t until = world->now + SETTLE_MS; s_state(world, id)->state != wanted; s_step(world)) {
        if (world->now > until) {
            fail_msg("%s: it is %s after %d s, and should be %s", where,
                     hf_state_name((hf_state_t)s_state(world, id)->state), SETTLE_MS / 1000,
                     hf_state_name(wanted));
        }
    }
}

static void s_assert_whole(world_t *world) {
    hf_error_t error;
    assert_int_equal(hf_store_verify(world->reader, NULL, NULL, &error), 0);
}

//  ---- the table

static void s_assert_end(world_t *world, const hf_id_t *id, const failure_end_t *end, const char *where) {
    const Hf__State *state = s_state(world, id);
    if (state->attempt != end->attempts || state->class_ != (uint32_t)end->class ||
        !strstr(state->reason, end->because)) {
        fail_msg("%s: %u attempts, %s, \"%s\"; wanted: %u, %s, \"%s\"", where, state->attempt,
                 hf_class_name((hf_class_t)state->class_), state->reason, end->attempts,
                 hf_class_name(end->class), end->because);
    }
}

static void every_outcome_under_every_policy_ends_as_the_table_says(void **state) {
    (void)state;
    world_t *world = s_setup();
    for (int row = 0; row < FAILURE_ROWS; row++) {
        for (int policy = 0; policy < POLICIES; policy++) {
            const failure_row_t *one = &failure_rows[row];
            const failure_end_t *end = &one->ends[policy];
            char where[64];
            failure_pipeline_name(where, one->name, policy);
            if (end->state == HF_STATE_NONE) {
                continue;
            }
            hf_id_t id = s_submit(world, one->name, policy, NULL);
            for (uint32_t attempt = 1; one->lost && attempt <= end->attempts; attempt++) {
                s_wait_state(world, &id, HF_STATE_CALLING, where);
                s_step(world);
                s_kill_caller(world);
                while (s_state(world, &id)->state == HF_STATE_CALLING &&
                       s_state(world, &id)->attempt == attempt) {
                    s_step(world);
                }
            }
            s_wait_state(world, &id, end->state, where);
            s_assert_end(world, &id, end, where);
        }
    }
    s_assert_whole(world);
    s_teardown(world);
}

static hf_id_t s_bring(world_t *world, const failure_state_t *one) {
    if (one->state == HF_STATE_PARKED) { //  Behind another one of its key
        s_submit(world, one->row, one->policy, one->not_before);
    }
    hf_id_t id = s_submit(world, one->row, one->policy, one->not_before);
    if (one->first != HF_EVENT_SUBMIT) {
        bool dies = one->first == HF_EVENT_DISCARD;
        s_wait_state(world, &id, dies ? HF_STATE_DEAD : HF_STATE_ACCEPTED, one->row);
        assert_true(s_ask(world, &id, one->first));
    }
    s_wait_state(world, &id, one->state, one->row);
    return id;
}

static void what_people_ask_for_is_done_or_refused_as_the_table_says(void **state) {
    (void)state;
    world_t *world = s_setup();
    for (int number = 0; number < FAILURE_STATES; number++) {
        for (int ask = 0; ask < ASKS; ask++) {
            const failure_state_t *one = &failure_states[number];
            hf_id_t id = s_bring(world, one);
            uint32_t attempts = s_state(world, &id)->attempt;
            bool done = s_ask(world, &id, failure_events[ask]);
            if (done != (one->after[ask] != HF_STATE_NONE)) {
                fail_msg("%s of one that is %s is %s", hf_event_name(failure_events[ask]),
                         hf_state_name(one->state), done ? "done" : "refused");
            }
            if (failure_events[ask] == HF_EVENT_RETRY && done) { //  It is tried again, and ends as it did
                s_wait_state(world, &id, one->state, one->row);
                assert_int_equal(s_state(world, &id)->attempt, attempts + 1);
            } else {
                assert_int_equal(s_state(world, &id)->state, done ? one->after[ask] : one->state);
            }
        }
    }
    s_assert_whole(world);
    s_teardown(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_under_every_policy_ends_as_the_table_says),
        cmocka_unit_test(what_people_ask_for_is_done_or_refused_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
