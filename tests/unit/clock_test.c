//  Node time: one offset for all actors of a node run, whoever comes first, whatever becomes of the wall
//  clock.

#include "host/clock.h"
#include "host/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char s_dir[64]; //  The state folder of the running test

static int s_set_up(void **state) {
    hf_error_t error;
    (void)state;
    strcpy(s_dir, "/tmp/hf-clock-XXXXXX");
    return mkdtemp(s_dir) && hf_state_dir_create(s_dir, &error) == 0 ? 0 : -1;
}

static int s_tear_down(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", s_dir);
    return system(command);
}

static int64_t s_wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void s_read_file(char text[128]) {
    char path[128];
    snprintf(path, sizeof path, "%s/run/clock", s_dir);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, 128, file));
    fclose(file);
}

//  As if the base had been taken when the wall clock was so far ahead.
static void s_shift_file(long long ms) {
    char text[128], id[64];
    long long offset;
    hf_error_t error;
    s_read_file(text);
    assert_int_equal(sscanf(text, "%63s %lld", id, &offset), 2);
    int size = snprintf(text, sizeof text, "%s %lld\n", id, offset + ms);
    assert_int_equal(hf_state_dir_write(s_dir, "run/clock", text, (size_t)size, &error), 0);
}

static void s_it_is_the_wall_clock_at_first(void **state) {
    (void)state;
    hf_error_t error;
    assert_int_equal(hf_clock_set_base(s_dir, &error), 0);
    assert_true(llabs(hf_clock_now_ms() - s_wall_ms()) < 1000);
}

static void s_actors_take_the_nodes_offset_and_not_the_wall_clocks(void **state) {
    (void)state;
    hf_error_t error;
    assert_int_equal(hf_clock_set_base(s_dir, &error), 0);
    s_shift_file(3600 * 1000); //  Since then the wall clock was set back by an hour
    assert_int_equal(hf_clock_open(s_dir, &error), 0);
    int64_t ahead = hf_clock_now_ms() - s_wall_ms();
    assert_true(ahead > 3599 * 1000 && ahead < 3601 * 1000);
    assert_int_equal(hf_clock_set_base(s_dir, &error), 0); //  The next run of the node
    assert_true(llabs(hf_clock_now_ms() - s_wall_ms()) < 1000);
}

static void s_what_is_of_another_boot_or_broken_is_made_anew(void **state) {
    (void)state;
    static const char *const texts[] = {"00000000-0000-4000-8000-000000000000 99999999999999\n", "", "\n",
                                        "nonsense"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        hf_error_t error;
        char text[128];
        assert_int_equal(hf_state_dir_write(s_dir, "run/clock", texts[i], strlen(texts[i]), &error), 0);
        assert_int_equal(hf_clock_open(s_dir, &error), 0);
        assert_true(llabs(hf_clock_now_ms() - s_wall_ms()) < 1000);
        s_read_file(text);
        assert_string_not_equal(text, texts[i]);
    }
}

//  Opens it as an actor would, once the pipe says go; exits 0 where its offset is the file's.
static void s_run_actor(int go) {
    char byte, text[128], id[64];
    long long offset;
    hf_error_t error;
    if (read(go, &byte, 1) != 0 || hf_clock_open(s_dir, &error)) {
        _exit(1);
    }
    struct timespec boot;
    s_read_file(text);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    int64_t mine = hf_clock_now_ms() - (boot.tv_sec * 1000 + boot.tv_nsec / 1000000);
    bool same = sscanf(text, "%63s %lld", id, &offset) == 2 && mine - offset >= 0 && mine - offset < 100;
    _exit(same ? 0 : 2);
}

static void s_all_who_come_at_once_agree(void **state) {
    (void)state;
    char path[128];
    hf_error_t error;
    int go[2], status;
    snprintf(path, sizeof path, "%s/run/clock", s_dir);
    assert_int_equal(hf_clock_open(s_dir, &error), 0);
    unlink(path);
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < 16; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(go[1]);
            s_run_actor(go[0]);
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < 16; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

static void s_a_folder_that_is_not_there_is_an_error(void **state) {
    (void)state;
    hf_error_t error = {""};
    assert_int_equal(hf_clock_open("/nonexistent", &error), -1);
    assert_non_null(strstr(error.text, "/nonexistent/run"));
    assert_int_equal(hf_clock_set_base("/nonexistent", &error), -1);
}

static void s_it_only_grows(void **state) {
    (void)state;
    int64_t ms = hf_clock_now_ms(), us = hf_clock_now_us();
    for (int i = 0; i < 100000; i++) {
        int64_t next_ms = hf_clock_now_ms(), next_us = hf_clock_now_us();
        assert_true(next_ms >= ms && next_us >= us);
        ms = next_ms;
        us = next_us;
    }
}

static void s_times_are_written_as_rfc_3339(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {{0, "1970-01-01T00:00:00.000Z"},
                 {1, "1970-01-01T00:00:00.001Z"},
                 {-1, "1969-12-31T23:59:59.999Z"},
                 {-1000, "1969-12-31T23:59:59.000Z"},
                 {1709210096789, "2024-02-29T12:34:56.789Z"},
                 {253402300799999, "9999-12-31T23:59:59.999Z"},
                 {INT64_MAX, "9999-12-31T23:59:59.999Z"},
                 {INT64_MIN, "0000-01-01T00:00:00.000Z"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[HF_CLOCK_TEXT];
        hf_clock_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_it_is_the_wall_clock_at_first, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_actors_take_the_nodes_offset_and_not_the_wall_clocks, s_set_up,
                                        s_tear_down),
        cmocka_unit_test_setup_teardown(s_what_is_of_another_boot_or_broken_is_made_anew, s_set_up,
                                        s_tear_down),
        cmocka_unit_test_setup_teardown(s_all_who_come_at_once_agree, s_set_up, s_tear_down),
        cmocka_unit_test(s_a_folder_that_is_not_there_is_an_error),
        cmocka_unit_test(s_it_only_grows),
        cmocka_unit_test(s_times_are_written_as_rfc_3339),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
