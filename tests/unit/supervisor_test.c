//  What the supervisor decides, told as what happened when. Time is virtual; processes answer from a script.

#include "supervisor/supervisor_core.h"

#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

//  A node under virtual time: what it does is written down as a line for each action.
typedef struct {
    hf_supervisor_t *core; //  Under test
    int64_t now;           //  Virtual time
    int next_pid;          //  Of the next process
    bool beats[80];        //  Which children beat while time goes on
    bool cannot_spawn;     //  The system has no process left
    hf_buf_t story;        //  "NOW what", a line each
} world_t;

static world_t s_world(int callers, int64_t call_drain_ms) {
    hf_supervisor_setup_t setup = {
        .callers = callers, .watchdog_ms = HF_WATCHDOG_MS, .call_drain_ms = call_drain_ms};
    return (world_t){.core = hf_supervisor_new(&setup), .now = 1000000, .next_pid = 100};
}

static void s_end(world_t *world) {
    hf_supervisor_destroy(&world->core);
    hf_buf_free(&world->story);
}

static void s_event(world_t *world, hf_supervisor_event_kind_t kind, int child, int number,
                    const char *text) {
    hf_supervisor_event_t event = {kind, child, number, text};
    hf_supervisor_receive(world->core, &event, world->now);
}

static void s_write(world_t *world, const hf_action_t *action) {
    const char *name = action->child >= 0 ? hf_supervisor_name(world->core, action->child) : "";
    long long at = (long long)(world->now - 1000000);
    switch (action->kind) {
    case HF_ACTION_SPAWN:
        hf_buf_addf(&world->story, "%lld start %s\n", at, name);
        break;
    case HF_ACTION_SIGNAL:
        hf_buf_addf(&world->story, "%lld %s %s\n", at, action->number == SIGTERM ? "TERM" : "KILL", name);
        break;
    case HF_ACTION_READY:
        hf_buf_addf(&world->story, "%lld ready %s\n", at, action->text);
        break;
    case HF_ACTION_ERROR:
        hf_buf_addf(&world->story, "%lld error: %s\n", at, action->text);
        break;
    case HF_ACTION_WARN:
        hf_buf_addf(&world->story, "%lld warn: %s\n", at, action->text);
        break;
    case HF_ACTION_INFO:
        hf_buf_addf(&world->story, "%lld info: %s\n", at, action->text);
        break;
    }
}

static void s_act(world_t *world) {
    hf_action_t action;
    while (hf_supervisor_take(world->core, &action)) {
        s_write(world, &action);
        free(action.text);
        if (action.kind == HF_ACTION_SPAWN && world->cannot_spawn) {
            s_event(world, HF_SUPERVISOR_SPAWN_FAILED, action.child, 0, "Resource temporarily unavailable");
        } else if (action.kind == HF_ACTION_SPAWN) {
            s_event(world, HF_SUPERVISOR_SPAWNED, action.child, world->next_pid++, NULL);
        }
    }
}

static int s_child(const world_t *world, const char *name) {
    for (int i = 0; i < hf_supervisor_size(world->core); i++) {
        if (strcmp(hf_supervisor_name(world->core, i), name) == 0) {
            return i;
        }
    }
    fail_msg("no child %s", name);
    return -1;
}

static void s_notify(world_t *world, const char *name, const char *text) {
    s_event(world, HF_SUPERVISOR_NOTIFIED, s_child(world, name), 0, text);
    s_act(world);
}

static void s_exit(world_t *world, const char *name, int code) {
    s_event(world, HF_SUPERVISOR_EXITED, s_child(world, name), code, NULL);
    s_act(world);
}

static void s_killed(world_t *world, const char *name, int number) {
    char text[16];
    snprintf(text, sizeof text, "SIG%s", sigabbrev_np(number));
    s_event(world, HF_SUPERVISOR_KILLED, s_child(world, name), number, text);
    s_act(world);
}

static void s_stop(world_t *world) {
    s_event(world, HF_SUPERVISOR_STOP, 0, 0, NULL);
    s_act(world);
}

//  Time goes on, the supervisor looking when it wanted to; whoever beats does so each half second.
static void s_pass(world_t *world, int64_t ms) {
    int64_t until = world->now + ms;
    while (world->now < until) {
        int64_t next = hf_supervisor_next_deadline(world->core);
        next = next > world->now + 500 ? world->now + 500 : next <= world->now ? world->now + 1 : next;
        world->now = next < until ? next : until;
        for (int i = 0; i < hf_supervisor_size(world->core); i++) {
            if (world->beats[i]) {
                s_event(world, HF_SUPERVISOR_NOTIFIED, i, 0, "WATCHDOG=1");
            }
        }
        s_event(world, HF_SUPERVISOR_TICK, 0, 0, NULL);
        s_act(world);
    }
}

static void s_start_all(world_t *world) {
    s_event(world, HF_SUPERVISOR_START, 0, 0, NULL);
    s_act(world);
    for (int i = 0; i < hf_supervisor_size(world->core); i++) {
        world->beats[i] = true;
        s_notify(world, hf_supervisor_name(world->core, i),
                 "READY=1\nWATCHDOG=1\nSTATUS=\"http\":\"127.0.0.1:4653\"");
    }
}

static void s_forget(world_t *world) {
    hf_buf_clear(&world->story);
    *hf_buf_extend(&world->story, 1) = 0;
    hf_buf_clear(&world->story);
}

//  What has been done since the last time anyone asked.
static void s_expect(world_t *world, const char *story) {
    assert_string_equal(world->story.data ? (char *)world->story.data : "", story);
    s_forget(world);
}

static json_t *s_described(world_t *world) {
    hf_buf_t text = {0};
    hf_buf_addf(&text, "{");
    hf_supervisor_describe(world->core, world->now, world->now + 5000000, &text);
    hf_buf_addf(&text, "}");
    json_t *json = json_loadb((char *)text.data, text.size, 0, NULL);
    assert_non_null(json);
    hf_buf_free(&text);
    return json;
}

static const char *s_state(world_t *world, const char *name) {
    static char state[32];
    json_t *json = s_described(world);
    json_t *actor = json_array_get(json_object_get(json, "actors"), (size_t)s_child(world, name));
    snprintf(state, sizeof state, "%s", json_string_value(json_object_get(actor, "state")));
    json_decref(json);
    return state;
}

static void s_all_start_at_once_and_ready_is_said_when_the_last_is_up(void **state) {
    (void)state;
    world_t world = s_world(2, 32000);
    s_event(&world, HF_SUPERVISOR_START, 0, 0, NULL);
    s_act(&world);
    s_expect(&world, "0 start journal\n0 start failure\n0 start dispatch\n0 start call.0\n0 start call.1\n"
                     "0 start events\n0 start ingress\n");
    assert_string_equal(hf_supervisor_http(world.core), "");
    s_notify(&world, "ingress", "READY=1\nWATCHDOG=1\nSTATUS=http=127.0.0.1:39121 waiters=0");
    assert_string_equal(hf_supervisor_http(world.core), "127.0.0.1:39121");
    for (int i = 0; i < 5; i++) {
        s_notify(&world, hf_supervisor_name(world.core, i), "READY=1");
    }
    s_expect(&world, "");
    assert_false(hf_supervisor_is_steady(world.core));
    s_notify(&world, "events", "X_OTHER=1\nREADY=1\nSTATUS=\"in_hand\":0");
    s_expect(&world, "0 ready 127.0.0.1:39121\n");
    assert_true(hf_supervisor_is_steady(world.core));
    s_notify(&world, "events", "READY=1");
    s_expect(&world, "");
    s_end(&world);
}

static void s_ready_waits_for_the_address(void **state) {
    (void)state;
    static const char *const said[] = {
        "WATCHDOG=1\nSTATUS=\"in_hand\":0,\"http\":\"[::1]:8080\",\"waiters\":3",
        "WATCHDOG=1\nSTATUS=\"http\": \"http://[::1]:8080\"", "STATUS=http=[::1]:8080"};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        world_t world = s_world(1, 0);
        s_event(&world, HF_SUPERVISOR_START, 0, 0, NULL);
        s_act(&world);
        s_forget(&world);
        for (int child = 0; child < 6; child++) {
            s_notify(&world, hf_supervisor_name(world.core, child),
                     "READY=1\nWATCHDOG=1\nSTATUS=\"in_hand\":0");
        }
        assert_int_equal(world.story.size, 0);
        s_notify(&world, "ingress", said[i]);
        s_expect(&world, "0 ready [::1]:8080\n");
        s_end(&world);
    }
}

static void s_a_first_death_is_mended_at_once(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_pass(&world, 60000);
    s_forget(&world);
    s_notify(&world, "dispatch", "WATCHDOG=1\nSTATUS=\"in_hand\":7");
    s_killed(&world, "dispatch", SIGSEGV);
    s_expect(&world,
             "60000 error: dispatch ended unasked: SIGSEGV, after 60.000 s; it starts again in 0 ms; it "
             "last said: \"in_hand\":7\n60000 start dispatch\n");
    assert_string_equal(s_state(&world, "dispatch"), "starting");
    s_notify(&world, "dispatch", "READY=1");
    s_expect(&world, "60000 info: dispatch is up again, pid 106\n");
    s_end(&world);
}

static void s_an_exit_of_0_is_a_death_too(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_pass(&world, 20000);
    s_forget(&world);
    s_exit(&world, "journal", 0);
    assert_non_null(strstr((char *)world.story.data, "20000 start journal\n"));
    s_end(&world);
}

//  How long it waits before each of its starts, when each life ends after lived_ms.
static void s_watch_delays(world_t *world, const char *name, int64_t lived_ms, const int *delays, int size) {
    for (int i = 0; i < size; i++) {
        s_pass(world, lived_ms);
        s_forget(world);
        int64_t died = world->now;
        s_exit(world, name, 1);
        if (delays[i] > 0) {
            assert_string_equal(s_state(world, name), "backoff");
            s_pass(world, delays[i] - 1);
            assert_null(strstr((char *)world->story.data, "start call"));
            s_pass(world, 1);
        }
        char wanted[64];
        snprintf(wanted, sizeof wanted, "%lld start %s\n", (long long)(died + delays[i] - 1000000), name);
        assert_non_null(strstr((char *)world->story.data, wanted));
    }
}

static void s_the_wait_grows_while_lives_are_short_and_is_reset_by_a_long_one(void **state) {
    (void)state;
    static const int growing[] = {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000};
    static const int after_a_long_life[] = {0, 100};
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_watch_delays(&world, "call.0", 9999, growing, 10);
    s_pass(&world, 1);
    s_notify(&world, "call.0", "READY=1");
    s_watch_delays(&world, "call.0", 10000, after_a_long_life, 1);
    s_watch_delays(&world, "call.0", 10, after_a_long_life + 1, 1);
    s_end(&world);
}

static int s_count(const world_t *world, const char *words) {
    int count = 0;
    const char *at = world->story.data ? (char *)world->story.data : "";
    for (; (at = strstr(at, words)); at++) {
        count++;
    }
    return count;
}

static void s_more_than_ten_deaths_in_a_minute_are_said_once_a_minute_and_never_the_end(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    int64_t begin = world.now;
    while (world.now < begin + 180000) {
        if (hf_supervisor_pid(world.core, s_child(&world, "journal"))) {
            s_exit(&world, "journal", 1);
        }
        s_pass(&world, 100);
    }
    assert_int_equal(
        s_count(&world, "journal keeps dying, more than 10 times within a minute: is the disk full"), 3);
    assert_true(s_count(&world, "start journal\n") > 35);
    assert_int_equal(s_count(&world, "start failure\n"), 1);
    s_end(&world);
}

static void s_a_process_that_cannot_be_made_is_tried_again(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_pass(&world, 20000);
    s_forget(&world);
    world.cannot_spawn = true;
    s_killed(&world, "events", SIGKILL);
    assert_string_equal(s_state(&world, "events"), "backoff");
    assert_int_equal(s_count(&world, "could not be started: Resource temporarily unavailable"), 1);
    world.cannot_spawn = false;
    s_forget(&world);
    s_pass(&world, 100);
    s_expect(&world, "20100 start events\n");
    s_end(&world);
}

static void s_who_falls_silent_is_killed_and_started_again(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_pass(&world, 30000);
    s_forget(&world);
    world.beats[s_child(&world, "call.0")] = false;
    s_pass(&world, 4999);
    assert_int_equal(world.story.size, 0);
    s_pass(&world, 1);
    s_expect(&world,
             "35000 error: call.0 (pid 103) is hung: no sign of life for 5000 ms; it is killed and started "
             "again\n35000 KILL call.0\n");
    s_notify(&world, "call.0", "WATCHDOG=1"); //  Was under way
    s_pass(&world, 20000);
    s_expect(&world, "");
    assert_string_equal(s_state(&world, "call.0"), "stopping");
    s_killed(&world, "call.0", SIGKILL);
    assert_int_equal(s_count(&world, "SIGKILL (hung: no sign of life for 5000 ms)"), 1);
    assert_int_equal(s_count(&world, "55000 start call.0\n"), 1);
    s_end(&world);
}

static void s_a_start_may_take_its_time_but_not_for_ever(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_event(&world, HF_SUPERVISOR_START, 0, 0, NULL);
    s_act(&world);
    for (int i = 1; i < 6; i++) {
        world.beats[i] = true; //  They wait for the journal, and say so
    }
    s_forget(&world);
    s_pass(&world, HF_START_LIMIT_MS - 1);
    assert_int_equal(world.story.size, 0);
    s_pass(&world, 1);
    s_expect(&world,
             "60000 error: journal (pid 100) is never ready: no sign of life for 60000 ms; it is killed and "
             "started again\n60000 KILL journal\n");
    s_end(&world);
}

static void s_a_supervisor_that_did_not_look_blames_nobody(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_pass(&world, 30000);
    s_forget(&world);
    world.now += 3600 * 1000; //  SIGSTOP to the supervisor, or a machine that swaps
    s_event(&world, HF_SUPERVISOR_TICK, 0, 0, NULL);
    s_act(&world);
    s_pass(&world, 4000);
    s_expect(&world, "");
    memset(world.beats, 0, sizeof world.beats);
    s_pass(&world, 5000);
    assert_int_equal(s_count(&world, " KILL "), 6);
    s_end(&world);
}

static void s_the_stop_goes_stage_by_stage(void **state) {
    (void)state;
    world_t world = s_world(2, 32000);
    s_start_all(&world);
    s_pass(&world, 1000);
    s_forget(&world);
    s_stop(&world);
    s_expect(&world, "1000 TERM ingress\n");
    assert_string_equal(s_state(&world, "ingress"), "stopping");
    s_exit(&world, "ingress", 0);
    s_expect(&world, "1000 TERM dispatch\n");
    s_exit(&world, "dispatch", 0);
    s_expect(&world, "1000 TERM call.0\n1000 TERM call.1\n");
    s_exit(&world, "call.1", 0);
    s_expect(&world, "");
    s_pass(&world, 31000);
    s_expect(&world, "");
    s_exit(&world, "call.0", 0);
    s_expect(&world, "32000 TERM failure\n");
    s_exit(&world, "failure", 0);
    s_expect(&world, "32000 TERM events\n");
    s_exit(&world, "events", 0);
    s_expect(&world, "32000 TERM journal\n");
    assert_false(hf_supervisor_is_done(world.core));
    s_exit(&world, "journal", 0);
    s_expect(&world, "");
    assert_true(hf_supervisor_is_done(world.core));
    assert_int_equal(hf_supervisor_status(world.core), 0);
    assert_true(hf_supervisor_next_deadline(world.core) == INT64_MAX);
    s_end(&world);
}

static void s_who_does_not_end_in_time_is_killed_and_the_status_is_1(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t limit_ms;
    } stages[] = {{"ingress", 10000}, {"dispatch", 5000}, {"call.0", 32000},
                  {"failure", 5000},  {"events", 5000},   {"journal", 5000}};
    world_t world = s_world(1, 32000);
    s_start_all(&world);
    s_stop(&world);
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        s_forget(&world);
        s_pass(&world, stages[i].limit_ms - 1);
        assert_int_equal(s_count(&world, " KILL "), 0);
        s_pass(&world, 1);
        assert_int_equal(s_count(&world, " KILL "), 1);
        assert_int_equal(s_count(&world, stages[i].name), 2);
        s_killed(&world, stages[i].name, SIGKILL);
    }
    assert_true(hf_supervisor_is_done(world.core));
    assert_int_equal(hf_supervisor_status(world.core), 1);
    s_end(&world);
}

static void s_an_actor_that_fails_while_ending_makes_the_status_1(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_stop(&world);
    s_exit(&world, "ingress", 23);
    for (const char *const *name = (const char *const[]){"dispatch", "call.0", "failure", "events", NULL};
         *name; name++) {
        s_exit(&world, *name, 0);
    }
    s_killed(&world, "journal", SIGTERM); //  Before it had a handler: nothing was lost by that
    assert_true(hf_supervisor_is_done(world.core));
    assert_int_equal(s_count(&world, "warn: ingress did not end well: exit 23"), 1);
    assert_int_equal(s_count(&world, "warn: journal"), 0);
    assert_int_equal(hf_supervisor_status(world.core), 1);
    s_end(&world);
}

static void s_while_stopping_those_who_are_still_needed_are_mended(void **state) {
    (void)state;
    world_t world = s_world(1, 5000);
    s_start_all(&world);
    s_pass(&world, 20000);
    s_stop(&world);
    s_forget(&world);
    s_killed(&world, "journal", SIGKILL);
    assert_int_equal(s_count(&world, "20000 start journal\n"), 1);
    s_killed(&world, "dispatch", SIGKILL);
    s_exit(&world, "dispatch", 1);
    assert_string_equal(s_state(&world, "dispatch"), "backoff");
    s_forget(&world);
    s_exit(&world, "ingress", 0); //  Dispatch waits for its next start: its stage is over at once
    s_expect(&world, "20000 TERM call.0\n");
    assert_string_equal(s_state(&world, "dispatch"), "stopped");
    s_pass(&world, 300);
    s_expect(&world, "");
    s_end(&world);
}

static void s_the_second_signal_kills_all_at_once(void **state) {
    (void)state;
    world_t world = s_world(1, 32000);
    s_start_all(&world);
    s_stop(&world);
    s_forget(&world);
    s_stop(&world);
    assert_int_equal(s_count(&world, " KILL "), 6);
    for (int i = 0; i < 6; i++) {
        assert_false(hf_supervisor_is_done(world.core));
        s_killed(&world, hf_supervisor_name(world.core, i), SIGKILL);
    }
    assert_int_equal(s_count(&world, "start"), 0);
    assert_true(hf_supervisor_is_done(world.core));
    assert_int_equal(hf_supervisor_status(world.core), 1);
    s_end(&world);
}

static void s_a_stop_during_the_start_ends_what_there_is(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_event(&world, HF_SUPERVISOR_START, 0, 0, NULL);
    s_act(&world);
    s_forget(&world);
    s_stop(&world);
    for (const char *const *name =
             (const char *const[]){"ingress", "dispatch", "call.0", "failure", "events", "journal", NULL};
         *name; name++) {
        s_killed(&world, *name, SIGTERM);
    }
    assert_int_equal(s_count(&world, "TERM"), 6);
    assert_true(hf_supervisor_is_done(world.core));
    assert_int_equal(hf_supervisor_status(world.core), 0);
    s_end(&world);
}

static void s_ps_shows_what_is(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    s_pass(&world, 20000);
    s_killed(&world, "failure", SIGABRT);
    s_exit(&world, "failure", 3);
    world.beats[s_child(&world, "events")] = false;
    s_pass(&world, 50);
    s_notify(&world, "call.0", "WATCHDOG=1\nSTATUS=\"in_hand\":2,\"odd\":\"\x01\xff\"");
    json_t *json = s_described(&world);
    const char *name = NULL, *shown = NULL, *exit_text = NULL, *http = NULL;
    json_int_t since = 0, restarts = 0, uptime = 0, beat = 0, pid = 0;
    assert_int_equal(json_unpack(json, "{s:s,s:[o,{s:s,s:n,s:s,s:I,s:n,s:I,s:n,s:s}]}", "http", &http,
                                 "actors", &(json_t *){NULL}, "name", &name, "pid", "state", &shown,
                                 "since_ms", &since, "uptime_ms", "restarts", &restarts, "last_beat_ms_ago",
                                 "last_exit", &exit_text),
                     0);
    assert_string_equal(http, "http://127.0.0.1:4653");
    assert_string_equal(name, "failure");
    assert_string_equal(shown, "backoff");
    assert_int_equal(since, world.now - 50 + 5000000);
    assert_int_equal(restarts, 1);
    assert_string_equal(exit_text, "exit 3");
    json_t *call = json_array_get(json_object_get(json, "actors"), 3);
    assert_int_equal(json_unpack(call, "{s:I,s:s,s:I,s:I,s:s}", "pid", &pid, "state", &shown, "uptime_ms",
                                 &uptime, "last_beat_ms_ago", &beat, "status", &exit_text),
                     0);
    assert_int_equal(pid, 103);
    assert_string_equal(shown, "up");
    assert_int_equal(uptime, 20050);
    assert_int_equal(beat, 0);
    assert_string_equal(exit_text, "\"in_hand\":2,\"odd\":\"\x01?\"");
    json_t *journal = json_array_get(json_object_get(json, "actors"), 0);
    assert_string_equal(json_string_value(json_object_get(journal, "status")),
                        "{\"http\":\"127.0.0.1:4653\"}");
    json_decref(json);
    s_end(&world);
}

static void s_nothing_wakes_it_more_than_twice_a_second(void **state) {
    (void)state;
    world_t world = s_world(1, 0);
    s_start_all(&world);
    for (int i = 0; i < 100; i++) {
        int64_t next = hf_supervisor_next_deadline(world.core);
        assert_true(next >= world.now + 500);
        s_pass(&world, 500);
    }
    s_end(&world);
}

//  Whatever a child says and whatever order things come in, it neither falls over nor restarts who has ended.
static void s_noise_is_survived(void **state) {
    (void)state;
    static const char *const noise[] = {"",
                                        "\n",
                                        "\n\n=",
                                        "READY=0",
                                        "READY=1READY=1",
                                        "STATUS=",
                                        "STATUS=http=",
                                        "STATUS=\"http\":",
                                        "WATCHDOG=1\n\nREADY=1\nSTATUS=http=\x01:9"};
    unsigned seed = 7;
    for (int run = 0; run < 200; run++) {
        world_t world = s_world(1 + run % 3, 100);
        s_event(&world, HF_SUPERVISOR_START, 0, 0, NULL);
        s_act(&world);
        for (int step = 0; step < 300; step++) {
            seed = seed * 1103515245 + 12345;
            int what = (int)(seed >> 16) % 100, child = (int)(seed >> 8) % hf_supervisor_size(world.core);
            if (child < 0) {
                continue;
            }
            bool runs = hf_supervisor_pid(world.core, child) != 0;
            if (what < 50) {
                s_event(&world, HF_SUPERVISOR_NOTIFIED, child, 0, noise[what % 9]);
            } else if (what < 70 && runs) {
                s_event(&world, what % 2 ? HF_SUPERVISOR_KILLED : HF_SUPERVISOR_EXITED, child,
                        what % 2 ? 9 : what % 3, NULL);
            } else if (what == 99) {
                s_event(&world, HF_SUPERVISOR_STOP, 0, 0, NULL);
            } else {
                world.now += what * 20;
                s_event(&world, HF_SUPERVISOR_TICK, 0, 0, NULL);
            }
            s_act(&world);
            s_forget(&world);
            json_decref(s_described(&world));
        }
        s_end(&world);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_all_start_at_once_and_ready_is_said_when_the_last_is_up),
        cmocka_unit_test(s_ready_waits_for_the_address),
        cmocka_unit_test(s_a_first_death_is_mended_at_once),
        cmocka_unit_test(s_an_exit_of_0_is_a_death_too),
        cmocka_unit_test(s_the_wait_grows_while_lives_are_short_and_is_reset_by_a_long_one),
        cmocka_unit_test(s_more_than_ten_deaths_in_a_minute_are_said_once_a_minute_and_never_the_end),
        cmocka_unit_test(s_a_process_that_cannot_be_made_is_tried_again),
        cmocka_unit_test(s_who_falls_silent_is_killed_and_started_again),
        cmocka_unit_test(s_a_start_may_take_its_time_but_not_for_ever),
        cmocka_unit_test(s_a_supervisor_that_did_not_look_blames_nobody),
        cmocka_unit_test(s_the_stop_goes_stage_by_stage),
        cmocka_unit_test(s_who_does_not_end_in_time_is_killed_and_the_status_is_1),
        cmocka_unit_test(s_an_actor_that_fails_while_ending_makes_the_status_1),
        cmocka_unit_test(s_while_stopping_those_who_are_still_needed_are_mended),
        cmocka_unit_test(s_the_second_signal_kills_all_at_once),
        cmocka_unit_test(s_a_stop_during_the_start_ends_what_there_is),
        cmocka_unit_test(s_ps_shows_what_is),
        cmocka_unit_test(s_nothing_wakes_it_more_than_twice_a_second),
        cmocka_unit_test(s_noise_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
