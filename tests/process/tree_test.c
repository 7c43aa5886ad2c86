//  What the tests of a whole tree stand on.

#include "crash/tree.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WITHIN_MS = 10000,
    SHORT_MS = 50,
};

//  A child that starts a process, tells its pid, never reaps it, and goes on until it is killed.
static pid_t s_start_careless_parent(int tell) {
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        pid_t child = fork();
        if (child == 0) {
            for (;;) {
                pause();
            }
        }
        if (write(tell, &child, sizeof child) != (ssize_t)sizeof child) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    return parent;
}

//  As an orphan's end is where process 1 of a container reaps nobody.
static void what_has_ended_is_gone_though_nobody_reaps_it(void **state) {
    int ends[2];
    pid_t child = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t parent = s_start_careless_parent(ends[1]);
    assert_int_equal(read(ends[0], &child, sizeof child), sizeof child);

    assert_false(wait_gone(child, SHORT_MS, NULL));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_true(wait_gone(child, WITHIN_MS, NULL));
    assert_int_equal(kill(child, 0), 0); //  Still unreaped, so that the above was about a zombie

    assert_int_equal(kill(parent, SIGKILL), 0);
    int status = 0;
    assert_true(wait_gone(parent, WITHIN_MS, &status));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_ended_is_gone_though_nobody_reaps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
