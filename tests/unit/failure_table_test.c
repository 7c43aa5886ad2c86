/*  The table of failures (tests/cases/failure_table.h) against the real cores of journal, ingress, dispatch, failure and call, over one
 *  journal's file, in one thread and in virtual time. The network loses nothing here; tests/simulation is where it does.  */

#include "call/call_core.h"
#include "cases/failure_table.h"
#include "ingress/ingress_core.h"
#include "unit/journal_world.h"

enum { INGRESS, DISPATCH, FAILURE, CALL, CAST };
enum {
    STEP_MS = 10,      //  How far time goes on at once
    SETTLE_MS = 20000, //  A command has come to its end
    CALLS_MAX = 1024,  //  Requests of one life
};

static const char *const s_names[CAST] = {"ingress", "dispatch", "failure", "call.0"};

//  A request that a caller makes.
typedef struct {
    uint64_t ticket;         //  In the caller's core
    int64_t at;              //  When it ends; INT64_MAX: with its caller
    hf_call_result_t result; //  How
} call_t;

typedef struct {
    world_t *world;          //  Journal, file, the table's pipelines, and everybody: cast[INGRESS] …
    call_t calls[CALLS_MAX]; //  Under way
    size_t calls_size;       //  How many
    hf_answer_t answer;      //  The newest
    bool answered;           //  There is one
} story_t;

//  ---- the third party: what the stand-in would do with that path

static void s_answer(hf_call_result_t *result, int status) {
    result->connected = result->sent = result->answered = true;
    result->status = status;
}

//  Returns after how long; INT64_MAX: never.
static int64_t s_third(const hf_call_request_t *request, hf_call_result_t *result) {
    const char *path = strstr(request->url, "third") ? strchr(request->url + strlen("http://"), '/') : "";
    static char retry_after[12];
    *result = (hf_call_result_t){.peer = "third:80"};
    if (strncmp(path, "/status/", 8) == 0) {
        s_answer(result, atoi(path + 8));
    } else if (strncmp(path, "/retry-after/", 13) == 0) {
        s_answer(result, 503);
        snprintf(retry_after, sizeof retry_after, "%d", atoi(path + 13));
        result->retry_after = retry_after;
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

//  What dispatch and the caller say to each other.
static void s_on_said(void *context, const hf_envelope_t *envelope) {
    world_t *world = context;
    bool order = envelope->to == HF_TO_CALLER;
    actor_t *to = &world->cast[order ? CALL : DISPATCH];
    to->player->ops->receive(to->core, order ? HF_FROM_DISPATCH : HF_FROM_CALLER, envelope->data,
                             envelope->size, world->now);
}

static story_t *s_setup(void) {
    story_t *story = hf_alloc(sizeof *story);
    hf_buf_t zpl = {0};
    story->world = w_new(MAP);
    failure_write_pipelines(&zpl, "http://third", "http://nobody");
    hf_buf_add(&zpl, "", 1);
    w_configure(story->world, (const char *)zpl.data);
    hf_buf_free(&zpl);
    story->world->on_said = s_on_said;
    story->world->on_said_context = story->world;
    for (int i = 0; i < CAST; i++) {
        w_join(story->world, s_names[i]);
    }
    return story;
}

static void s_teardown(story_t *story) {
    w_destroy(story->world);
    free(story);
}

static void s_call(story_t *story) {
    void *core = story->world->cast[CALL].core;
    for (const hf_call_request_t *request; (request = hf_call_take(core));) {
        assert_true(story->calls_size < CALLS_MAX);
        call_t *call = &story->calls[story->calls_size++];
        call->ticket = request->ticket;
        int64_t after = s_third(request, &call->result);
        call->at = after == INT64_MAX ? INT64_MAX : story->world->now + after;
    }
    for (size_t i = 0; i < story->calls_size;) {
        call_t *call = &story->calls[i];
        if (call->at <= story->world->now) {
            hf_call_finish(core, call->ticket, &call->result, story->world->now);
            *call = story->calls[--story->calls_size];
        } else {
            i++;
        }
    }
}

//  Everything that can happen within one moment, and then the next one.
static void s_step(story_t *story) {
    hf_answer_t answer;
    for (int round = 0; round < 6; round++) {
        w_clear(story->world);
        w_speak(story->world);
        s_call(story);
        w_speak(story->world);
        w_publish(story->world);
        while (hf_ingress_take_answer(story->world->cast[INGRESS].core, &answer)) {
            story->answer = answer;
            story->answered = true;
        }
    }
    story->world->now += STEP_MS;
}

//  The caller dies with all that it has in hand.
static void s_kill_caller(story_t *story) {
    story->calls_size = 0;
    w_new_life(&story->world->cast[CALL]);
}

//  ---- asking

static hf_answer_t s_wait_answer(story_t *story) {
    int64_t until = story->world->now + 5000;
    for (story->answered = false; !story->answered;) {
        assert_true(story->world->now < until);
        s_step(story);
    }
    return story->answer;
}

static hf_id_t s_submit(story_t *story, const char *row, int policy, const char *not_before) {
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
    if (hf_ingress_submit(story->world->cast[INGRESS].core, &submission, story->world->now, NULL, &id,
                          &problem)) {
        fail_msg("%s: %s", name, problem.detail);
    }
    assert_int_equal(s_wait_answer(story).kind, HF_ANSWER_ACCEPTED);
    return id;
}

//  Whether it was carried out; else the problem is a 409.
static bool s_ask(story_t *story, const hf_id_t *id, hf_event_t event) {
    hf_problem_t problem;
    assert_int_equal(hf_ingress_decide(story->world->cast[INGRESS].core, id, event, "a test", NULL, 0, NULL,
                                       story->world->now, NULL, &problem),
                     0);
    hf_answer_t answer = s_wait_answer(story);
    if (answer.kind == HF_ANSWER_REFUSED) {
        assert_int_equal(answer.problem.status, 409);
    }
    return answer.kind == HF_ANSWER_DECIDED;
}

static void s_wait_state(story_t *story, const hf_id_t *id, hf_state_t wanted, const char *where) {
    for (int64_t until = story->world->now + SETTLE_MS; w_state(story->world, id)->state != wanted;
         s_step(story)) {
        if (story->world->now > until) {
            fail_msg("%s: it is %s after %d s, and should be %s", where,
                     hf_state_name((hf_state_t)w_state(story->world, id)->state), SETTLE_MS / 1000,
                     hf_state_name(wanted));
        }
    }
}

//  ---- the table

static void s_assert_end(story_t *story, const hf_id_t *id, const failure_end_t *end, const char *where) {
    const Hf__State *state = w_state(story->world, id);
    if (state->attempt != end->attempts || state->class_ != (uint32_t)end->class ||
        !strstr(state->reason, end->because)) {
        fail_msg("%s: %u attempts, %s, \"%s\"; wanted: %u, %s, \"%s\"", where, state->attempt,
                 hf_class_name((hf_class_t)state->class_), state->reason, end->attempts,
                 hf_class_name(end->class), end->because);
    }
}

static void every_outcome_under_every_policy_ends_as_the_table_says(void **state) {
    (void)state;
    story_t *story = s_setup();
    for (int row = 0; row < FAILURE_ROWS; row++) {
        for (int policy = 0; policy < POLICIES; policy++) {
            const failure_row_t *one = &failure_rows[row];
            const failure_end_t *end = &one->ends[policy];
            char where[64];
            failure_pipeline_name(where, one->name, policy);
            if (end->state == HF_STATE_NONE) {
                continue;
            }
            hf_id_t id = s_submit(story, one->name, policy, NULL);
            for (uint32_t attempt = 1; one->lost && attempt <= end->attempts; attempt++) {
                s_wait_state(story, &id, HF_STATE_CALLING, where);
                s_step(story);
                s_kill_caller(story);
                while (w_state(story->world, &id)->state == HF_STATE_CALLING &&
                       w_state(story->world, &id)->attempt == attempt) {
                    s_step(story);
                }
            }
            s_wait_state(story, &id, end->state, where);
            s_assert_end(story, &id, end, where);
        }
    }
    w_verify(story->world);
    s_teardown(story);
}

static hf_id_t s_bring(story_t *story, const failure_state_t *one) {
    if (one->state == HF_STATE_PARKED) { //  Behind another one of its key
        s_submit(story, one->row, one->policy, one->not_before);
    }
    hf_id_t id = s_submit(story, one->row, one->policy, one->not_before);
    if (one->first != HF_EVENT_SUBMIT) {
        bool dies = one->first == HF_EVENT_DISCARD;
        s_wait_state(story, &id, dies ? HF_STATE_DEAD : HF_STATE_ACCEPTED, one->row);
        assert_true(s_ask(story, &id, one->first));
    }
    s_wait_state(story, &id, one->state, one->row);
    return id;
}

static void what_people_ask_for_is_done_or_refused_as_the_table_says(void **state) {
    (void)state;
    story_t *story = s_setup();
    for (int number = 0; number < FAILURE_STATES; number++) {
        for (int ask = 0; ask < ASKS; ask++) {
            const failure_state_t *one = &failure_states[number];
            hf_id_t id = s_bring(story, one);
            uint32_t attempts = w_state(story->world, &id)->attempt;
            bool done = s_ask(story, &id, failure_events[ask]);
            if (done != (one->after[ask] != HF_STATE_NONE)) {
                fail_msg("%s of one that is %s is %s", hf_event_name(failure_events[ask]),
                         hf_state_name(one->state), done ? "done" : "refused");
            }
            if (failure_events[ask] == HF_EVENT_RETRY && done) { //  It is tried again, and ends as it did
                s_wait_state(story, &id, one->state, one->row);
                assert_int_equal(w_state(story->world, &id)->attempt, attempts + 1);
            } else {
                assert_int_equal(w_state(story->world, &id)->state, done ? one->after[ask] : one->state);
            }
        }
    }
    w_verify(story->world);
    s_teardown(story);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_outcome_under_every_policy_ends_as_the_table_says),
        cmocka_unit_test(what_people_ask_for_is_done_or_refused_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
