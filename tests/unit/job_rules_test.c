/*  What a job does next: a story for each rule.  */

#include "failure/job_rules.h"

#include "base/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 1700000000 };

static Hf__Job s_job(hf_event_t event) {
    Hf__Job job = HF__JOB__INIT;
    job.event = event;
    job.state = HF_STATE_DEAD;
    return job;
}

static Hf__JobProgress s_progress(uint64_t done, uint64_t succeeded, uint64_t failed) {
    Hf__JobProgress progress = HF__JOB_PROGRESS__INIT;
    progress.counted = true;
    progress.matched = 100000;
    progress.done = done;
    progress.succeeded = succeeded;
    progress.failed = failed;
    return progress;
}

static void first_it_counts(void **state) {
    Hf__Job job = s_job(HF_EVENT_RETRY);
    Hf__JobProgress progress = HF__JOB_PROGRESS__INIT;
    (void)state;
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_COUNT);
}

static void without_rate_and_canary_it_goes_as_fast_as_it_may(void **state) {
    Hf__Job job = s_job(HF_EVENT_RETRY);
    Hf__JobProgress progress = s_progress(0, 0, 0);
    (void)state;
    hf_job_next_t next = hf_job_next(&job, &progress, NOW);
    assert_int_equal(next.what, HF_JOB_GO);
    assert_int_equal(next.members, HF_JOB_ITEMS_MAX);
    progress = s_progress(HF_JOB_OPEN_MAX - 3 + 50, 50, 0);
    assert_int_equal(hf_job_next(&job, &progress, NOW).members, 3);
    progress = s_progress(HF_JOB_OPEN_MAX + 50, 50, 0); //  As many are open as may be
    next = hf_job_next(&job, &progress, NOW);
    assert_int_equal(next.what, HF_JOB_WAIT);
    assert_int_equal(next.until_ms, NOW + HF_JOB_LOOK_MS);
    job = s_job(HF_EVENT_DISCARD); //  Nothing stays open
    progress = s_progress(HF_JOB_OPEN_MAX + 50, 0, 0);
    assert_int_equal(hf_job_next(&job, &progress, NOW).members, HF_JOB_ITEMS_MAX);
}

static void the_canary_comes_first_and_must_succeed(void **state) {
    Hf__Job job = s_job(HF_EVENT_RETRY);
    job.canary = 5;
    (void)state;
    Hf__JobProgress progress = s_progress(0, 0, 0);
    assert_int_equal(hf_job_next(&job, &progress, NOW).members, 5);
    progress = s_progress(3, 1, 0);
    assert_int_equal(hf_job_next(&job, &progress, NOW).members, 2);
    progress = s_progress(5, 4, 0);
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_WAIT);
    progress = s_progress(5, 5, 0);
    assert_int_equal(hf_job_next(&job, &progress, NOW).members, HF_JOB_ITEMS_MAX);
    progress = s_progress(5, 3, 1);
    progress.newest_failure = (char *)"answered 400";
    hf_job_next_t next = hf_job_next(&job, &progress, NOW);
    assert_int_equal(next.what, HF_JOB_STOP);
    assert_string_equal(next.reason, "the canary failed: 1 of 4 did not succeed (answered 400)");
    progress = s_progress(5, 4, 0);
    progress.otherwise = 1; //  A person cancelled it: nobody knows whether it would have succeeded
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_STOP);
    progress = s_progress(6, 5, 1); //  Behind the canary one failure stops nothing
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_GO);
}

static void it_stops_when_too_many_fail_again(void **state) {
    Hf__Job job = s_job(HF_EVENT_RETRY);
    Hf__JobProgress progress = s_progress(200, 80, 20);
    (void)state;
    progress.recent = 25;
    progress.recent_failed = 5;
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_GO); //  Just the share that may
    progress.recent = 24;
    hf_job_next_t next = hf_job_next(&job, &progress, NOW);
    assert_int_equal(next.what, HF_JOB_STOP);
    assert_non_null(strstr(next.reason, "20 % of the newest 24 failed again"));
    progress.recent = progress.recent_failed = HF_JOB_FAILURES_MIN - 1; //  All of few
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_GO);
    job.event = HF_EVENT_DISCARD;
    progress.recent = progress.recent_failed = 50;
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_GO);
}

//  Plays ms of a job at that rate, looked at whenever it wants to be; how many members it decided over.
static uint64_t s_play(double rate, int64_t ms, int64_t away_from, int64_t away_to) {
    Hf__Job job = s_job(HF_EVENT_DISCARD);
    Hf__JobProgress progress = s_progress(0, 0, 0);
    job.rate = rate;
    for (int64_t now = NOW; now < NOW + ms;) {
        hf_job_next_t next = hf_job_next(&job, &progress, now);
        if (next.what == HF_JOB_GO) {
            progress.paced_us = hf_job_paced(&job, next.paced_us, next.members);
            progress.done += next.members;
            now++;
        } else {
            assert_true(next.until_ms > now);
            now = next.until_ms;
        }
        now = now > NOW + away_from && now < NOW + away_to ? NOW + away_to : now;
    }
    return progress.done;
}

static void the_rate_is_kept(void **state) {
    (void)state;
    assert_in_range(s_play(50, 60000, 0, 0), 3000 - 5, 3000 + 5);
    assert_in_range(s_play(1000, 10000, 0, 0), 10000 - 60, 10000 + 60);
    assert_in_range(s_play(0.5, 60000, 0, 0), 30, 31);
    assert_in_range(s_play(3, 60000, 0, 0), 180, 182);
    assert_in_range(s_play(2000.0, 10000, 0, 0), 20000 - 120, 20000 + 120);
}

//  The slowest that can be written: twelve digits, a day.
static void a_rate_next_to_nothing_lets_one_go_and_waits(void **state) {
    static const double rates[] = {1e-11 / 86400, 1e-14, 1e-300};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        Hf__Job job = s_job(HF_EVENT_DISCARD);
        Hf__JobProgress progress = s_progress(0, 0, 0);
        job.rate = rates[i];
        hf_job_next_t next = hf_job_next(&job, &progress, NOW);
        assert_int_equal(next.what, HF_JOB_GO);
        assert_int_equal(next.members, 1);
        progress.paced_us = hf_job_paced(&job, next.paced_us, next.members);
        assert_true(hf_job_paced(&job, progress.paced_us, HF_JOB_ITEMS_MAX) > progress.paced_us);
        next = hf_job_next(&job, &progress, NOW + 1000);
        assert_int_equal(next.what, HF_JOB_WAIT);
        assert_true(next.until_ms > NOW + INT64_C(90) * 365 * 86400 * 1000);
    }
}

static void a_job_that_was_away_does_not_catch_up(void **state) {
    (void)state;
    assert_in_range(s_play(100, 20000, 5000, 15000), 1000 + 90, 1000 + 115);
}

static void when_all_are_behind_it_it_waits_for_their_ends(void **state) {
    Hf__Job job = s_job(HF_EVENT_RETRY);
    Hf__JobProgress progress = s_progress(10, 8, 0);
    progress.walked = true;
    (void)state;
    assert_int_equal(hf_job_next(&job, &progress, NOW).what, HF_JOB_WAIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_it_counts),
        cmocka_unit_test(without_rate_and_canary_it_goes_as_fast_as_it_may),
        cmocka_unit_test(the_canary_comes_first_and_must_succeed),
        cmocka_unit_test(it_stops_when_too_many_fail_again),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(a_rate_next_to_nothing_lets_one_go_and_waits),
        cmocka_unit_test(a_job_that_was_away_does_not_catch_up),
        cmocka_unit_test(when_all_are_behind_it_it_waits_for_their_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
