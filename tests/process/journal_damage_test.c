/*  Files that were truncated, emptied, overwritten or hit by a flipped bit; and copies made while the journal
 * works.  */

#include "host/journal_file.h"
#include "process/journal_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

//  A journal with some hundred commands, at rest.
static client_t *s_new_filled(void) {
    client_t *client = c_new();
    c_start(client, NULL);
    c_wait_live(client);
    for (int i = 0; i < 300; i++) {
        c_submit(client, 200 + (size_t)i * 7);
    }
    C_UNTIL(client, client->acked == client->commands_size);
    for (int i = 0; i < 100; i++) {
        c_call(client, &client->commands[i].id, 1, i % 2 ? HF_CLASS_SUCCEEDED : HF_CLASS_FAILED, 300);
    }
    C_UNTIL(client, hf_link_unacked(client->link) == 0);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    return client;
}

static void s_path(const client_t *client, char path[128]) {
    snprintf(path, 128, "%s/journal/data.mdb", client->state);
}

static uint64_t s_used(const client_t *client) {
    char dir[128];
    uint64_t used = 0;
    hf_error_t error;
    snprintf(dir, sizeof dir, "%s/journal", client->state);
    assert_int_equal(hf_journal_file_check(dir, &used, &error), 1);
    return used;
}

//  Neither the journal nor verify, stat or backup take such a file for a journal.
static void s_assert_refused(client_t *client, const char *words) {
    char copy[96];
    FILE *out = fopen("/dev/null", "w");
    c_start(client, NULL);
    assert_int_equal(c_wait(client), 1);
    c_assert_logged(client, words);
    assert_int_equal(c_verify_quietly(client), 1);
    assert_int_equal(hf_journal_stat(client->state, false, out), 1);
    snprintf(copy, sizeof copy, "%s/copy", client->dir);
    assert_int_equal(hf_journal_backup(client->state, copy, out), 1);
    assert_true(rmdir(copy) == 0 || errno == ENOENT); //  Nothing is left in it
    fclose(out);
}

static void a_truncated_file_is_refused_with_a_clear_line(void **state) {
    client_t *client = s_new_filled();
    char path[128];
    (void)state;
    s_path(client, path);
    assert_int_equal(truncate(path, (off_t)(s_used(client) / 2)), 0);
    s_assert_refused(client, "is truncated");
    assert_int_equal(truncate(path, 4100), 0);
    s_assert_refused(client, "damaged or truncated");
    assert_int_equal(truncate(path, 0), 0);
    s_assert_refused(client, "is empty: it was truncated");
    c_destroy(client);
}

//  A new, empty file would be a quiet loss.
static void a_file_that_is_gone_is_not_begun_anew(void **state) {
    client_t *client = s_new_filled();
    char path[128];
    (void)state;
    s_path(client, path);
    assert_int_equal(unlink(path), 0);
    s_assert_refused(client, "is gone");
    assert_int_equal(access(path, F_OK), -1);
    c_destroy(client);
}

static void a_file_that_is_no_journal_is_refused(void **state) {
    client_t *client = s_new_filled();
    char path[128], noise[8192];
    (void)state;
    s_path(client, path);
    memset(noise, 'x', sizeof noise);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, noise, sizeof noise, 0), sizeof noise);
    close(fd);
    s_assert_refused(client, "does not begin as a journal does");
    c_destroy(client);
}

static void s_flip(const char *path, uint64_t at, unsigned bit) {
    uint8_t byte;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= (uint8_t)(1 << bit);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

//  A flipped bit in a body: its record is named.
static void a_flipped_bit_in_a_record_is_named(void **state) {
    client_t *client = s_new_filled();
    char path[128], id[HF_ID_TEXT], wanted[100], *text;
    (void)state;
    s_path(client, path);
    //  The body of command 25 is all 'z', and so is every 26th.
    uint64_t used = s_used(client);
    uint8_t *bytes = hf_alloc(used);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, bytes, used, 0), used);
    close(fd);
    memset(wanted, 'z', sizeof wanted);
    uint8_t *body = memmem(bytes, used, wanted, sizeof wanted);
    assert_non_null(body);
    uint64_t at = (uint64_t)(body - bytes) + 50;
    free(bytes);
    s_flip(path, at, 3);
    if (c_verify(client, &text) == 0) {
        fail_msg("the flipped bit was not found");
    }
    assert_non_null(strstr(text, "commands 0"));
    assert_non_null(strstr(text, "does not match its checksum"));
    hf_id_format(&client->commands[0].id, id);
    assert_null(strstr(text, id)); //  Others are not blamed
    free(text);
    s_flip(path, at, 3);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

//  Bits flipped anywhere, in LMDB's own pages too: verify says something and lives, or finds nothing where
//  nothing is stored.
static void whatever_bit_is_flipped_verify_survives(void **state) {
    client_t *client = s_new_filled();
    hf_rng_t rng = {.seed = 42};
    char path[128], *text;
    unsigned found = 0;
    (void)state;
    s_path(client, path);
    uint64_t used = s_used(client);
    for (int i = 0; i < 120; i++) {
        //  Half of them in page headers and node tables, where it hurts LMDB most.
        uint64_t at = hf_rng_below(&rng, used);
        at = i % 2 ? at : at / 4096 * 4096 + hf_rng_below(&rng, 40);
        unsigned bit = (unsigned)hf_rng_below(&rng, 8);
        s_flip(path, at, bit);
        found += c_verify(client, &text) != 0;
        free(text);
        s_flip(path, at, bit);
    }
    print_message("%u of 120 flipped bits were named\n", found);
    assert_true(found > 40);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

static void a_copy_made_while_the_journal_works_is_whole(void **state) {
    client_t *client = s_new_filled();
    char copy[96];
    FILE *out = fopen("/dev/null", "w");
    (void)state;
    c_start(client, NULL);
    c_wait_live(client);
    pid_t pid = fork(); //  Somebody submits meanwhile
    if (pid == 0) {
        snprintf(copy, sizeof copy, "%s/copy", client->dir);
        _exit(hf_journal_backup(client->state, copy, out) || c_verify(client, NULL));
    }
    int status = 0;
    C_UNTIL(client, ({
                c_submit(client, 500);
                c_wait_below(client, 50);
                waitpid(pid, &status, WNOHANG) == pid;
            }));
    assert_int_equal(status, 0);
    C_UNTIL(client, client->acked == client->commands_size);
    snprintf(copy, sizeof copy, "%s/copy", client->dir);
    assert_int_equal(hf_journal_backup(client->state, copy, out), 1); //  It is not empty any more
    assert_int_equal(hf_journal_stat(client->state, true, out), 0);
    assert_int_equal(hf_journal_stat(client->state, false, out), 0);
    assert_int_equal(c_verify(client, NULL), 0); //  On a live file
    assert_int_equal(c_end(client, SIGTERM), 0);
    //  The copy is a state folder, and nobody else's to read.
    char path[128];
    struct stat is;
    snprintf(client->state, sizeof client->state, "%s", copy);
    s_path(client, path);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0077, 0);
    assert_int_equal(c_verify(client, NULL), 0);
    for (size_t i = 300; i < client->commands_size; i++) {
        client->commands[i].acked = false; //  They may have come after the copy
    }
    c_check_commands(client);
    hf_error_t error;
    assert_int_equal(hf_state_dir_create(client->state, &error), 0);
    c_connect(client, 9);
    c_start(client, NULL);
    c_wait_live(client);
    c_command_t *more = c_submit(client, 10);
    C_UNTIL(client, more->acked);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    fclose(out);
    c_destroy(client);
}

//  Whoever follows waits for a whole file, and says so; touching this one would be SIGBUS. It can be asked to end meanwhile.
static void who_follows_waits_for_a_file_that_is_whole(void **state) {
    client_t *client = s_new_filled();
    char path[128], text[256] = "";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    s_path(client, path);
    assert_int_equal(truncate(path, 40000), 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", client->dir);
    int notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(notify, (struct sockaddr *)&address, sizeof address), 0);
    client->pid = fork();
    if (client->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("NOTIFY_SOCKET", address.sun_path, 1);
        execl(HOLDFAST_BINARY, HOLDFAST_BINARY, "actor", "failure", "--state", client->state, client->config,
              (char *)NULL);
        _exit(127);
    }
    while (!strstr(text, "waiting for the journal")) {
        struct pollfd wait = {.fd = notify, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, C_DEADLINE_MS), 1);
        ssize_t size = recv(notify, text, sizeof text - 1, 0);
        text[size > 0 ? size : 0] = 0;
    }
    assert_int_equal(c_end(client, SIGTERM), 0);
    close(notify);
    unlink(address.sun_path);
    c_destroy(client);
}

static void where_no_journal_is_that_is_said(void **state) {
    client_t *client = c_new();
    FILE *out = fopen("/dev/null", "w");
    (void)state;
    assert_int_equal(c_verify_quietly(client), 1);
    assert_int_equal(hf_journal_stat(client->state, true, out), 1);
    fclose(out);
    c_destroy(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        C_TEST(a_truncated_file_is_refused_with_a_clear_line),
        C_TEST(a_file_that_is_gone_is_not_begun_anew),
        C_TEST(a_file_that_is_no_journal_is_refused),
        C_TEST(a_flipped_bit_in_a_record_is_named),
        C_TEST(whatever_bit_is_flipped_verify_survives),
        C_TEST(a_copy_made_while_the_journal_works_is_whole),
        C_TEST(who_follows_waits_for_a_file_that_is_whole),
        C_TEST(where_no_journal_is_that_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
