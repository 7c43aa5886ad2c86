//  The state folder: made, private, named within bounds, and of one node at a time.

#include "host/state_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char s_dir[64]; //  A folder of the running test

static int s_set_up(void **state) {
    (void)state;
    strcpy(s_dir, "/tmp/hf-state-XXXXXX");
    return mkdtemp(s_dir) ? 0 : -1;
}

static int s_tear_down(void **state) {
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", s_dir);
    return system(command);
}

static int s_mode(const char *format, ...) {
    char path[256];
    struct stat is;
    va_list args;
    va_start(args, format);
    vsnprintf(path, sizeof path, format, args);
    va_end(args);
    return stat(path, &is) ? -1 : (int)(is.st_mode & 0777);
}

static void s_all_folders_are_made_private(void **state) {
    (void)state;
    hf_error_t error;
    char path[80];
    snprintf(path, sizeof path, "%s/state", s_dir);
    umask(0);
    assert_int_equal(hf_state_dir_create(path, &error), 0);
    umask(022);
    assert_int_equal(s_mode("%s", path), 0700);
    assert_int_equal(s_mode("%s/journal", path), 0700);
    assert_int_equal(s_mode("%s/run", path), 0700);
    assert_int_equal(s_mode("%s/log", path), 0700);
    assert_int_equal(hf_state_dir_create(path, &error), 0);
}

static void s_a_run_folder_that_others_may_enter_is_closed_to_them(void **state) {
    (void)state;
    hf_error_t error;
    char path[80];
    snprintf(path, sizeof path, "%s/run", s_dir);
    mkdir(path, 0777);
    chmod(path, 0777);
    assert_int_equal(hf_state_dir_create(s_dir, &error), 0);
    assert_int_equal(s_mode("%s", path), 0700);
    rmdir(path);
    assert_int_equal(symlink("/tmp", path), 0);
    assert_int_equal(hf_state_dir_create(s_dir, &error), -1);
    assert_non_null(strstr(error.text, "must be a folder that belongs to user"));
}

static void s_what_cannot_be_made_is_said(void **state) {
    (void)state;
    hf_error_t error;
    char path[80];
    snprintf(path, sizeof path, "%s/no/state", s_dir);
    assert_int_equal(hf_state_dir_create(path, &error), -1);
    assert_non_null(strstr(error.text, "No such file or directory"));
    snprintf(path, sizeof path, "%s/log", s_dir);
    fclose(fopen(path, "w"));
    assert_int_equal(hf_state_dir_create(s_dir, &error), -1);
    assert_non_null(strstr(error.text, "is no folder"));
}

static void s_sockets_names_fit(void **state) {
    (void)state;
    hf_error_t error;
    char path[HF_STATE_PATH], dir[128];
    memset(dir, 'x', sizeof dir);
    dir[HF_STATE_SOCKET_MAX - strlen("/run/journal")] = 0;
    assert_int_equal(hf_state_dir_socket(path, dir, "journal", &error), 0);
    assert_int_equal(strlen(path), 107);
    assert_int_equal(hf_state_dir_endpoint(path, dir, "journal", &error), 0);
    assert_int_equal(strlen(path), 107 + 6);
    assert_memory_equal(path, "ipc://xxx", 9);
    assert_int_equal(hf_state_dir_socket(path, dir, "journal2", &error), -1);
    assert_non_null(
        strstr(error.text, "108 characters, where the system takes 107; choose a shorter --state"));
    assert_int_equal(hf_state_dir_endpoint(path, dir, "journal2", &error), -1);
    assert_int_equal(hf_state_dir_create(dir, &error), -1);
    assert_int_equal(s_mode("%s", dir), -1);
}

static void s_a_file_is_replaced_as_a_whole(void **state) {
    (void)state;
    hf_error_t error;
    char path[80], text[16] = "";
    assert_int_equal(hf_state_dir_write(s_dir, "file", "first, longer", 13, &error), 0);
    assert_int_equal(hf_state_dir_write(s_dir, "file", "second", 6, &error), 0);
    snprintf(path, sizeof path, "%s/file", s_dir);
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(text, 1, sizeof text, file), 6);
    fclose(file);
    assert_string_equal(text, "second");
    assert_int_equal(s_mode("%s", path), 0600);
    assert_int_equal(s_mode("%s/file.new", s_dir), -1);
    assert_int_equal(hf_state_dir_write(s_dir, "no/file", "x", 1, &error), -1);
    assert_non_null(strstr(error.text, "No such file or directory"));
}

static void s_one_node_at_a_time(void **state) {
    (void)state;
    hf_error_t error;
    char words[128];
    int lock = hf_state_dir_lock(s_dir, &error);
    assert_true(lock >= 0);
    assert_int_equal(hf_state_dir_lock(s_dir, &error), -1);
    snprintf(words, sizeof words, "another node runs on %s, pid %d: ", s_dir, (int)getpid());
    assert_memory_equal(error.text, words, strlen(words));
    close(lock);
    lock = hf_state_dir_lock(s_dir, &error);
    assert_true(lock >= 0);
    close(lock);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(s_all_folders_are_made_private, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_a_run_folder_that_others_may_enter_is_closed_to_them, s_set_up,
                                        s_tear_down),
        cmocka_unit_test_setup_teardown(s_what_cannot_be_made_is_said, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_sockets_names_fit, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_a_file_is_replaced_as_a_whole, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown(s_one_node_at_a_time, s_set_up, s_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
