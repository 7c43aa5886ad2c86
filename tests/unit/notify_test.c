//  What an actor says to whoever started it, heard on a socket of our own; and what its process is like after
//  hf_process_init.

#include "host/notify.h"
#include "host/process.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int s_socket; //  Where we hear

//  The kernel picks an abstract name, which goes into the environment as systemd would write it.
static int s_set_up(void **state) {
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(sa_family_t);
    char name[128];
    s_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s_socket, (struct sockaddr *)&address, size), 0);
    size = sizeof address;
    getsockname(s_socket, (struct sockaddr *)&address, &size);
    snprintf(name, sizeof name, "@%.*s", (int)(size - sizeof(sa_family_t) - 1), address.sun_path + 1);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "200000", 1);
    unsetenv("WATCHDOG_PID");
    return 0;
}

static int s_tear_down(void **state) {
    (void)state;
    return close(s_socket);
}

static const char *s_hear(void) {
    static char text[8192];
    ssize_t size = recv(s_socket, text, sizeof text - 1, MSG_DONTWAIT);
    text[size > 0 ? size : 0] = 0;
    return size > 0 ? text : NULL;
}

//  The module looks at the environment once, so each story has a process of its own.
static void s_in_child(void (*story)(void)) {
    int status;
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        story();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void s_speak(void) {
    hf_notify_beat("waiting for the journal");
    hf_notify_beat("\"in_hand\":1,\n\"http\":\"x\""); //  Too early for a beat, and kept
    hf_notify_ready();
    hf_notify_stopping();
    if (hf_notify_period_ms() != 100) {
        _exit(1);
    }
}

static void s_words_are_systemds(void **state) {
    (void)state;
    s_in_child(s_speak);
    assert_string_equal(s_hear(), "WATCHDOG=1\nSTATUS=waiting for the journal");
    assert_string_equal(s_hear(), "READY=1\nWATCHDOG=1\nSTATUS=\"in_hand\":1, \"http\":\"x\"");
    assert_string_equal(s_hear(), "STOPPING=1\nWATCHDOG=1\nSTATUS=\"in_hand\":1, \"http\":\"x\"");
    assert_null(s_hear());
}

static void s_speak_much(void) {
    for (int i = 0; i < 1000; i++) {
        hf_notify_beat("busy");
    }
    poll(NULL, 0, 95); //  A timer of one period that comes a little early
    hf_notify_beat("busy");
}

static void s_beats_are_rare(void **state) {
    (void)state;
    s_in_child(s_speak_much);
    assert_non_null(s_hear());
    assert_non_null(s_hear());
    assert_null(s_hear());
}

static void s_overfill(void) {
    for (int i = 0; i < 2000; i++) {
        hf_notify_stopping();
    }
    hf_notify_ready(); //  Does not fit, and is owed
    char text[64];
    while (recv(s_socket, text, sizeof text, MSG_DONTWAIT) > 0) {
    }
    hf_notify_beat(NULL);
}

static void s_a_full_queue_stops_nobody_and_ready_is_said_later(void **state) {
    (void)state;
    alarm(20);
    s_in_child(s_overfill);
    alarm(0);
    assert_string_equal(s_hear(), "READY=1\nSTOPPING=1\nWATCHDOG=1\n");
}

static void s_say_too_much(void) {
    char text[HF_NOTIFY_STATUS_MAX + 2];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    hf_notify_beat(text);
}

static void s_a_status_that_is_too_long_is_left_out(void **state) {
    (void)state;
    s_in_child(s_say_too_much);
    assert_string_equal(s_hear(), "WATCHDOG=1\n");
}

static void s_speak_to_nobody(void) {
    unsetenv("NOTIFY_SOCKET");
    hf_notify_beat("x");
    hf_notify_ready();
    hf_notify_stopping();
}

static void s_without_a_listener_nothing_happens(void **state) {
    (void)state;
    s_in_child(s_speak_to_nobody);
    assert_null(s_hear());
}

static void s_be_an_actor(void) {
    char title[16] = "";
    struct rlimit limit = {.rlim_cur = 64};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    int fd = hf_process_init("dispatch");
    bool well = hf_process_take_signal(fd) == 0;
    raise(SIGTERM);
    raise(SIGPIPE);
    well = well && hf_process_take_signal(fd) == SIGTERM && hf_process_take_signal(fd) == 0;
    raise(SIGINT);
    well = well && hf_process_take_signal(fd) == SIGINT;
    getrlimit(RLIMIT_NOFILE, &limit);
    well = well && limit.rlim_cur > 64;
    prctl(PR_GET_NAME, title);
    well = well && strcmp(title, "holdfast:dispat") == 0;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    well = well && prctl(PR_GET_DUMPABLE) == 0;
#endif
    _exit(well ? 0 : 1);
}

static void s_be_a_debugged_actor(void) {
    setenv("HOLDFAST_DEBUG", "1", 1);
    hf_process_init("dispatch");
    _exit(prctl(PR_GET_DUMPABLE) == 1 ? 0 : 1);
}

static void s_a_process_is_set_up(void **state) {
    (void)state;
    s_in_child(s_be_an_actor);
    s_in_child(s_be_a_debugged_actor);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_words_are_systemds, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_beats_are_rare, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_a_full_queue_stops_nobody_and_ready_is_said_later, s_set_up,
                                        s_tear_down),
        cmocka_unit_test_setup_teardown(s_a_status_that_is_too_long_is_left_out, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_without_a_listener_nothing_happens, s_set_up, s_tear_down),
        cmocka_unit_test(s_a_process_is_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
