/*  The disk fails under the journal: strace makes a chosen write or sync come back with an error. Whatever
 * fails, nothing is acknowledged that is not durable; the journal says why and ends with status 1; the next
 * one goes on as if nothing had been.
 *
 *  Skipped where strace cannot trace here.  */

#include "process/journal_client.h"

static bool s_can_trace(void) {
    return system("strace -qq -o /dev/null -e inject=fdatasync:error=EIO:when=9 true >/dev/null 2>&1") == 0;
}

//  Runs a journal whose n-th call fails, with a client that proposes one command after the other, until it
//  ends. Returns its exit status; -1 where it was not hit by the fault within so many commands.
static int s_run_faulty(client_t *client, const char *call, const char *error, unsigned nth) {
    char inject[96], trace[64];
    snprintf(trace, sizeof trace, "trace=%s", call);
    snprintf(inject, sizeof inject, "inject=%s:error=%s:when=%u", call, error, nth);
    const char *tracer[] = {"strace", "-f", "-qq", "-o", "/dev/null", "-e", trace, "-e", inject, NULL};
    c_start(client, tracer);
    size_t most = client->acked + 60;
    int64_t until = hf_clock_now_us() + C_DEADLINE_MS * INT64_C(1000);
    int status = 0;
    while (waitpid(client->pid, &status, WNOHANG) == 0) {
        if (client->acked == client->commands_size) {
            c_submit(client, 100 + client->commands_size * 37 % 9000);
        }
        c_round(client, 2);
        if (client->acked >= most) {
            kill(client->pid, SIGTERM); //  strace passes it on
            c_wait(client);
            return -1;
        }
        assert_true(hf_clock_now_us() < until);
    }
    client->pid = 0;
    c_round(client, 20); //  What was published before the end still counts
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void s_check_after(client_t *client) {
    assert_int_equal(c_verify(client, NULL), 0);
    c_check_commands(client);
}

//  Every one of the first calls in turn.
static void s_fail_each(const char *call, const char *error, const char *words, unsigned from, unsigned to) {
    client_t *client = c_new();
    unsigned hit = 0;
    if (!s_can_trace()) {
        c_destroy(client);
        skip();
    }
    c_start(client, NULL); //  The file is made in peace
    c_wait_live(client);
    assert_int_equal(c_end(client, SIGTERM), 0);
    for (unsigned nth = from; nth <= to; nth++) {
        int status = s_run_faulty(client, call, error, nth);
        if (status >= 0) {
            if (status != 1) {
                char *text = c_log(client);
                fail_msg("%s number %u: the journal ended with %d\n%s", call, nth, status, text);
            }
            hit++;
        }
        s_check_after(client);
    }
    assert_true(hit >= (to - from + 1) / 2);
    c_assert_logged(client, words);
    c_start(client, NULL);
    C_UNTIL(client, client->acked == client->commands_size);
    assert_int_equal(c_end(client, SIGTERM), 0);
    s_check_after(client);
    assert_int_equal(c_count(client, HF_STATE_ACCEPTED), client->commands_size);
    c_destroy(client);
}

static void a_sync_that_fails_stops_the_journal(void **state) {
    (void)state;
    s_fail_each("fdatasync", "EIO", "Input/output error; the journal stops; nothing acknowledged is lost", 1,
                10);
}

static void a_write_that_fails_stops_the_journal(void **state) {
    (void)state;
    s_fail_each("pwrite64", "EIO", "Input/output error; the journal stops; nothing acknowledged is lost", 2,
                16);
}

static void a_disk_that_is_full_after_all_stops_the_journal(void **state) {
    (void)state;
    s_fail_each("writev", "ENOSPC", "No space left on device; the journal stops", 1, 8);
}

static void no_sync_is_tried_twice(void **state) {
    client_t *client = c_new();
    char trace[128], command[256];
    (void)state;
    if (!s_can_trace()) {
        c_destroy(client);
        skip();
    }
    c_start(client, NULL);
    c_wait_live(client);
    assert_int_equal(c_end(client, SIGTERM), 0);
    snprintf(trace, sizeof trace, "%s/trace", client->dir);
    const char *tracer[] = {"strace",
                            "-f",
                            "-qq",
                            "-o",
                            trace,
                            "-e",
                            "trace=fdatasync,fsync,msync,pwrite64,writev",
                            "-e",
                            "inject=fdatasync:error=EIO:when=3",
                            NULL};
    c_start(client, tracer);
    c_submit(client, 100);
    int64_t until = hf_clock_now_us() + C_DEADLINE_MS * INT64_C(1000);
    int status = 0;
    while (waitpid(client->pid, &status, WNOHANG) == 0) {
        if (client->acked == client->commands_size) {
            c_submit(client, 100);
        }
        c_round(client, 2);
        assert_true(hf_clock_now_us() < until);
    }
    client->pid = 0;
    assert_int_equal(WEXITSTATUS(status), 1);
    //  Behind the failed sync: no sync, and no write into the file (a line in the log may be one writev, to
    //  descriptor 2).
    snprintf(command, sizeof command,
             "sed '1,/EIO/d' %s | grep -vE 'writev?\\(2,|exited|eventfd' | grep -qE 'sync|write'", trace);
    assert_int_not_equal(system(command), 0);
    c_destroy(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        C_TEST(a_sync_that_fails_stops_the_journal),
        C_TEST(a_write_that_fails_stops_the_journal),
        C_TEST(a_disk_that_is_full_after_all_stops_the_journal),
        C_TEST(no_sync_is_tried_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
