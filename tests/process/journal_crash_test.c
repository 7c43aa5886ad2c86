/*  The journal's process killed at any moment, stopped, doubled, and spoken to by strangers.  */

#include "host/journal_file.h"
#include "process/journal_client.h"

//  Keeps so many proposals under way until so many are acknowledged.
static void s_work_until(client_t *client, size_t acked) {
    C_UNTIL(client, ({
                while (hf_link_unacked(client->link) < 100 && client->commands_size < C_COMMANDS) {
                    c_submit(client, client->commands_size % 700);
                }
                client->acked >= acked;
            }));
}

static void kill_9_loses_nothing_that_was_acknowledged(void **state) {
    client_t *client = c_new();
    hf_rng_t rng = {.seed = 20260725};
    (void)state;
    c_write_config(client, "256M", "7d");
    for (int life = 0; life < 25; life++) {
        c_start(client, NULL);
        s_work_until(client, client->acked + 1 + hf_rng_below(&rng, 400));
        assert_int_equal(c_end(client, SIGKILL), 128 + SIGKILL);
        if (life % 5 == 0) {
            assert_int_equal(c_verify(client, NULL), 0); //  Without a journal, as the kill left it
            c_check_commands(client);
        }
    }
    c_start(client, NULL);
    C_UNTIL(client, client->acked == client->commands_size);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_check_commands(client);
    assert_int_equal(c_count(client, HF_STATE_ACCEPTED), client->commands_size); //  None twice
    c_destroy(client);
}

//  SIGKILL at points that are spread over the journal's beginning, too: making the file, opening it, taking
//  an epoch.
static void kill_9_while_it_begins_does_no_harm(void **state) {
    client_t *client = c_new();
    char *text = NULL;
    (void)state;
    for (int i = 0; i < 40; i++) {
        c_start(client, NULL);
        int64_t until = hf_clock_now_us() + i * 1500;
        while (hf_clock_now_us() < until) {
            c_round(client, 0);
        }
        c_end(client, SIGKILL);
        char dir[128];
        hf_error_t error = {{0}};
        snprintf(dir, sizeof dir, "%s/journal", client->state);
        assert_true(hf_journal_file_check(dir, NULL, &error) >= 0);
        if (hf_journal_file_check(dir, NULL, &error) == 1 && c_verify(client, &text)) {
            assert_non_null(strstr(text, "the record that the journal keeps about itself is missing"));
        }
        free(text);
        text = NULL;
    }
    c_start(client, NULL);
    s_work_until(client, 50);
    assert_int_equal(c_end(client, SIGTERM), 0);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

static void a_second_journal_says_who_runs_and_ends(void **state) {
    client_t *client = c_new();
    char words[64];
    (void)state;
    c_start(client, NULL);
    c_wait_live(client);
    pid_t first = client->pid;
    c_start(client, NULL);
    assert_int_equal(c_wait(client), 1);
    client->pid = first;
    snprintf(words, sizeof words, "another journal runs here, pid %d", (int)first);
    c_assert_logged(client, words);
    s_work_until(client, 10); //  The first one did not notice
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_destroy(client);
}

static void what_was_sent_before_sigterm_is_durable(void **state) {
    client_t *client = c_new();
    (void)state;
    c_start(client, NULL);
    c_wait_live(client);
    for (int i = 0; i < 500; i++) {
        c_submit(client, 300);
    }
    C_UNTIL(client, client->acked > 0);
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_round(client, 100);
    c_check_commands(client);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

static void strangers_are_counted_and_the_journal_lives(void **state) {
    client_t *client = c_new();
    void *push;
    (void)state;
    c_start(client, NULL);
    c_wait_live(client);
    push = zsock_resolve(client->push);
    for (int i = 0; i < 300; i++) {
        uint8_t noise[512];
        for (size_t j = 0; j < sizeof noise; j++) {
            noise[j] = (uint8_t)hf_rng_next(&client->ids.rng);
        }
        zmq_send(push, noise, (size_t)i, i % 3 == 0 ? ZMQ_SNDMORE : 0);
        zmq_send(push, noise, i % 7 == 0 ? 0 : sizeof noise, 0);
    }
    zmq_send(push, NULL, 0, ZMQ_SNDMORE);
    zmq_send(push, NULL, 0, ZMQ_SNDMORE);
    zmq_send(push, "x", 1, 0);
    s_work_until(client, 100);
    c_assert_logged(client, "messages came that are no proposals");
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_check_commands(client);
    c_destroy(client);
}

static void a_large_command_is_taken(void **state) {
    client_t *client = c_new();
    (void)state;
    c_write_config(client, "512M", "7d");
    c_start(client, NULL);
    c_wait_live(client);
    c_command_t *large = c_submit(client, 60 << 20);
    assert_non_null(large);
    C_UNTIL(client, large->acked);
    assert_int_equal(large->code, HF_RESULT_DONE);
    assert_int_equal(c_end(client, SIGTERM), 0);
    c_check_commands(client);
    assert_int_equal(c_verify(client, NULL), 0);
    c_destroy(client);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        C_TEST(kill_9_loses_nothing_that_was_acknowledged),  C_TEST(kill_9_while_it_begins_does_no_harm),
        C_TEST(a_second_journal_says_who_runs_and_ends),     C_TEST(what_was_sent_before_sigterm_is_durable),
        C_TEST(strangers_are_counted_and_the_journal_lives), C_TEST(a_large_command_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
