/*  Room: journal_limit, a full disk, the reserve, and how the journal becomes welcoming again.  */

#include "process/journal_client.h"

//  Submits until the journal says that it is full; what is under way then is answered, too.
static void s_fill(client_t *client, size_t size) {
    bool full = false;
    C_UNTIL(client, ({
                while (!full && hf_link_unacked(client->link) < 20) {
                    assert_non_null(c_submit(client, size));
                }
                for (size_t i = client->commands_size; i-- > 0 && !full;) {
                    full = client->commands[i].acked && client->commands[i].code == HF_RESULT_FULL;
                }
                full && client->acked == client->commands_size;
            }));
}

static size_t s_accepted(const client_t *client) {
    size_t accepted = 0;
    for (size_t i = 0; i < client->commands_size; i++) {
        accepted += client->commands[i].acked && client->commands[i].code == HF_RESULT_DONE;
    }
    return accepted;
}

static off_t s_file_size(const client_t *client) {
    char path[128];
    struct stat is;
    snprintf(path, sizeof path, "%s/journal/data.mdb", client->state);
    assert_int_equal(stat(path, &is), 0);
    return is.st_size;
}

//  Every accepted command is called, fails with a long answer, and is called again with success: all in a
//  full journal.
static void s_end_all(client_t *client) {
    for (size_t i = 0; i < client->commands_size; i++) {
        if (client->commands[i].code == HF_RESULT_DONE) {
            c_call(client, &client->commands[i].id, 1, HF_CLASS_SUCCEEDED, 3000);
        }
        c_wait_below(client, 200);
    }
    C_UNTIL(client, hf_link_unacked(client->link) == 0);
}

static void a_full_journal_refuses_commands_and_records_ends(void **state) {
    client_t *client = c_new();
    (void)state;
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 20000);
    C_UNTIL(client, client->full);
    assert_string_equal(client->full_reason, "the journal is at its journal_limit of 16M");
    assert_true(s_accepted(client) > 400);
    assert_true(s_file_size(client) <= 16 << 20);
    s_end_all(client);
    assert_int_equal(c_count(client, HF_STATE_SUCCEEDED), s_accepted(client));
    assert_true(s_file_size(client) <= 16 << 20);
    //  Killed and begun anew: still full, still whole.
    assert_int_equal(c_end(client, SIGKILL), 128 + SIGKILL);
    assert_int_equal(c_verify(client, NULL), 0);
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 20000);
    C_UNTIL(client, client->full);
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_check_commands(client);
    //  With a higher limit it goes on.
    size_t before = s_accepted(client);
    c_write_config(client, "64M", "7d");
    c_start(client, NULL);
    c_wait_live(client);
    c_command_t *more = c_submit(client, 20000);
    C_UNTIL(client, more->acked);
    assert_int_equal(more->code, HF_RESULT_DONE);
    assert_false(client->full);
    assert_int_equal(s_accepted(client), before + 1);
    //  And with a lower one again, what is there stays readable.
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_write_config(client, "16M", "7d");
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 20000);
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_check_commands(client);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

static void what_leaves_makes_room_by_itself(void **state) {
    client_t *client = c_new();
    (void)state;
    c_write_config(client, "16M", "1s");
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 20000);
    s_end_all(client);
    C_UNTIL(client, client->full || client->acked == client->commands_size);
    C_UNTIL(client, !client->full);
    c_command_t *more = c_submit(client, 20000);
    C_UNTIL(client, more->acked);
    assert_int_equal(more->code, HF_RESULT_DONE);
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_assert_logged(client, "the journal has room again");
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

//  Ends of attempts use up the reserve, too: from some point on beats ask for one attempt at a time. A new life
//  says both in its first beat; what leaves after `keep` ends both.
static void a_reserve_that_runs_low_holds_starts_in_a_new_life_too(void **state) {
    client_t *client = c_new();
    (void)state;
    c_write_config(client, "16M", "7d");
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 2000);
    assert_false(client->holds);
    //  Few at a time, as dispatch would have them: the room is looked at now and then. And some more than are
    //  needed: a new life finds a few pages that the old one could not use.
    size_t more_to_end = 200;
    for (size_t i = 0; i < client->commands_size && more_to_end > 0; i++) {
        if (client->commands[i].code == HF_RESULT_DONE) {
            c_call(client, &client->commands[i].id, 1, HF_CLASS_SUCCEEDED, 1000);
            more_to_end -= client->holds;
        }
        c_wait_below(client, 6);
    }
    C_UNTIL(client, client->holds && client->full && hf_link_unacked(client->link) == 0);
    c_assert_logged(client, "one attempt at a time until there is room");
    assert_int_equal(c_end(client, SIGKILL), 128 + SIGKILL);
    c_start(client, NULL);
    c_wait_live(client);
    uint64_t beats = client->beats;
    C_UNTIL(client, client->beats > beats);
    assert_true(client->full && client->holds);
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_write_config(client, "16M", "1s");
    c_start(client, NULL);
    c_wait_live(client);
    C_UNTIL(client, !client->full && !client->holds);
    c_command_t *more = c_submit(client, 2000);
    C_UNTIL(client, more->acked);
    assert_int_equal(more->code, HF_RESULT_DONE);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

//  Commands come, are called, end and leave, for so long: many times what the file may hold.
static void s_turn_over(client_t *client, int64_t ms) {
    int64_t until = hf_clock_now_us() + ms * 1000;
    size_t next = 0;
    C_UNTIL(client, ({
                while (hf_link_unacked(client->link) < 20 && client->commands_size < C_COMMANDS - 1) {
                    c_submit(client, 4000);
                }
                for (; next < client->commands_size && client->commands[next].acked; next++) {
                    if (client->commands[next].code == HF_RESULT_DONE) {
                        c_call(client, &client->commands[next].id, 1, HF_CLASS_SUCCEEDED, 100);
                    }
                }
                hf_clock_now_us() > until;
            }));
}

static void a_small_journal_lives_long(void **state) {
    client_t *client = c_new();
    (void)state;
    c_write_config(client, "16M", "1s");
    c_start(client, NULL);
    c_wait_live(client);
    s_turn_over(client, 6000);
    assert_true(s_file_size(client) <= 16 << 20);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

//  Somebody reads the file (an actor, a backup) and is killed in the middle of it: what he read is kept for nobody any more.
static void s_kill_a_reader(const client_t *client) {
    int fds[2];
    char byte;
    assert_int_equal(pipe(fds), 0);
    fflush(stdout);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        c_open(client);
        if (write(fds[1], "r", 1) == 1) {
            pause();
        }
        _exit(1);
    }
    assert_int_equal(read(fds[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(fds[0]);
    close(fds[1]);
}

static void a_reader_that_was_killed_does_not_make_the_file_grow(void **state) {
    client_t *client = c_new();
    (void)state;
    c_write_config(client, "16M", "1s");
    c_start(client, NULL);
    c_wait_live(client);
    s_turn_over(client, 500);
    s_kill_a_reader(client);
    s_turn_over(client, 5000);
    C_UNTIL(client, !client->full && hf_link_unacked(client->link) == 0);
    c_command_t *more = c_submit(client, 4000);
    C_UNTIL(client, more->acked);
    assert_int_equal(more->code, HF_RESULT_DONE);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

//  All that are dead, in an order that has nothing to do with that of their acceptance: each is on another page.
static void s_discard_all(client_t *client) {
    size_t place = 0;
    for (size_t i = 0; i < client->commands_size; i++) {
        place = (place + 7919) % client->commands_size;
        Hf__Decide decide = HF__DECIDE__INIT;
        Hf__Proposal proposal = HF__PROPOSAL__INIT;
        hf_id_t *id = &client->commands[place].id;
        decide.id = decide.decision = (ProtobufCBinaryData){HF_ID_SIZE, id->bytes};
        decide.event = HF_EVENT_DISCARD;
        proposal.what_case = HF__PROPOSAL__WHAT_DECIDE;
        proposal.decide = &decide;
        assert_true(hf_link_propose(client->link, &proposal, NULL) != 0);
    }
}

static void s_give_up(client_t *client, const hf_id_t *id) {
    Hf__Verdict verdict = HF__VERDICT__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    verdict.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    verdict.attempt = 1;
    verdict.event = HF_EVENT_GIVE_UP;
    proposal.what_case = HF__PROPOSAL__WHAT_VERDICT;
    proposal.verdict = &verdict;
    assert_true(hf_link_propose(client->link, &proposal, NULL) != 0);
}

//  What the journal's log advises where even the reserve runs low, by a person who does not wait for one to be answered before the next.
static void what_is_dead_in_a_full_journal_can_be_discarded_at_once(void **state) {
    client_t *client = c_new();
    (void)state;
    c_write_config(client, "16M", "7d");
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 600);
    for (size_t i = 0; i < client->commands_size && !client->holds; i++) {
        if (client->commands[i].code == HF_RESULT_DONE) {
            c_call(client, &client->commands[i].id, 1, HF_CLASS_REJECTED, 1000);
            s_give_up(client, &client->commands[i].id);
        }
        c_wait_below(client, 6);
    }
    C_UNTIL(client, client->full && hf_link_unacked(client->link) == 0);
    uint64_t dead = c_count(client, HF_STATE_DEAD);
    assert_true(client->holds && dead > 300);
    s_discard_all(client);
    c_wait_below(client, client->commands_size / 2);
    assert_int_equal(c_end(client, SIGKILL), 128 + SIGKILL);
    c_start(client, NULL);
    C_UNTIL(client, hf_link_unacked(client->link) == 0);
    assert_int_equal(c_count(client, HF_STATE_DISCARDED), dead);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

//  A client in a small file system of its own; only root may have one, else the test is skipped.
static client_t *s_new_on_disk(const char *options) {
    char dir[64] = "/tmp/holdfast-disk-XXXXXX";
    assert_non_null(mkdtemp(dir));
    if (mount("tmpfs", dir, "tmpfs", MS_NOSUID | MS_NODEV, options)) {
        rmdir(dir);
        skip();
    }
    client_t *client = c_new_in(dir);
    client->mounted = true;
    return client;
}

static void a_full_disk_is_a_full_journal_until_it_has_room(void **state) {
    client_t *client = s_new_on_disk("size=24m");
    (void)state;
    c_write_config(client, "128M", "7d");
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 20000);
    C_UNTIL(client, client->full);
    assert_string_equal(client->full_reason, "the disk has no room for the journal: No space left on device");
    size_t accepted = s_accepted(client);
    assert_true(accepted > 300);
    s_end_all(client);
    assert_int_equal(c_count(client, HF_STATE_SUCCEEDED), accepted);
    //  A journal that begins on a full disk is the same.
    assert_int_equal(c_end(client, SIGKILL), 128 + SIGKILL);
    c_start(client, NULL);
    c_wait_live(client);
    s_fill(client, 20000);
    C_UNTIL(client, client->full);
    assert_int_equal(mount("tmpfs", client->dir, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    C_UNTIL(client, !client->full);
    c_command_t *more = c_submit(client, 20000);
    C_UNTIL(client, more->acked);
    assert_int_equal(more->code, HF_RESULT_DONE);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_check_commands(client);
    c_destroy(client);
}

//  By each life, also by those that find the file that the first one made.
static void no_room_to_begin_is_said(void **state) {
    static const char words[] =
        "open the journal: the disk has no room for the journal: No space left on device";
    client_t *client = s_new_on_disk("size=64k");
    (void)state;
    for (size_t life = 1; life <= 3; life++) {
        c_start(client, NULL);
        assert_int_equal(c_wait(client), 1);
        char *log = c_log(client);
        size_t said = 0;
        for (const char *at = log; (at = strstr(at, words)); at++) {
            said++;
        }
        free(log);
        assert_int_equal(said, life);
    }
    c_destroy(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        C_TEST(a_full_journal_refuses_commands_and_records_ends),
        C_TEST(what_leaves_makes_room_by_itself),
        C_TEST(a_reserve_that_runs_low_holds_starts_in_a_new_life_too),
        C_TEST(what_is_dead_in_a_full_journal_can_be_discarded_at_once),
        C_TEST(a_small_journal_lives_long),
        C_TEST(a_reader_that_was_killed_does_not_make_the_file_grow),
        C_TEST(a_full_disk_is_a_full_journal_until_it_has_room),
        C_TEST(no_room_to_begin_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
