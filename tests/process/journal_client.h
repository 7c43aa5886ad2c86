/*  A real journal process and a client that proposes to it over ZeroMQ with the real link: what the journal's
 * process tests stand on. Nothing here waits for luck: every wait has a condition and a deadline.  */

#ifndef HF_TEST_JOURNAL_CLIENT_H
#define HF_TEST_JOURNAL_CLIENT_H

#include "base/id.h"
#include "host/clock.h"
#include "host/shell.h"
#include "host/state_dir.h"
#include "journal/room_shell.h"
#include "journal/verify_shell.h"
#include "link/link.h"
#include "link/wire.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { C_DEADLINE_MS = 30000, C_COMMANDS = 20000, C_LINK = 8 << 20 };

//  One command, as its client knows it.
typedef struct {
    hf_id_t id;      //  Given by the client
    size_t size;     //  Bytes of its body
    bool acked;      //  The journal acknowledged it
    uint32_t code;   //  And said this: hf_result_t
    uint32_t letter; //  Every byte of its body
} c_command_t;

typedef struct {
    char dir[64];          //  Holds everything: removed at the end
    bool mounted;          //  It is a file system of its own
    char state[96];        //  The state folder
    char config[96];       //  A pipeline file
    char log[96];          //  What the journal wrote
    pid_t pid;             //  The journal, 0: none runs
    zsock_t *push;         //  To the journal
    zsock_t *sub;          //  From it
    hf_link_t *link;       //  The real one
    hf_outbox_t outbox;    //  Its
    hf_arena_t *arena;     //  Of the message being read
    hf_id_maker_t ids;     //  Command ids
    c_command_t *commands; //  Everything that was ever proposed
    size_t commands_size;  //  How many
    size_t acked;          //  Of these, acknowledged
    uint64_t beats;        //  Heard
    bool full;             //  By the newest beat
    bool holds;            //  The same: one attempt at a time
    char full_reason[256]; //  The same
    uint64_t newest_fact;  //  The same
} client_t;

//  The client of the test that runs, so that its teardown finds it after a failure, too.
static client_t *c_current;

//  ---- the journal's process

static inline void c_write_config(client_t *client, const char *limit, const char *keep) {
    FILE *file = fopen(client->config, "w");
    assert_non_null(file);
    fprintf(file,
            "node\n    journal_limit = %s\n    keep = %s\n"
            "destination = d\n    url = \"http://127.0.0.1:9/\"\n    method = POST\n"
            "pipeline = p\n    destination = d\n",
            limit, keep);
    assert_int_equal(fclose(file), 0);
}

//  Starts it, perhaps under a tracer whose words stand before. Its log is appended to client->log.
static inline void c_start(client_t *client, const char *const *tracer) {
    const char *argv[32];
    size_t size = 0;
    for (; tracer && tracer[size]; size++) {
        argv[size] = tracer[size];
    }
    const char *own[] = {HOLDFAST_BINARY, "actor", "journal", "--state", client->state, client->config, NULL};
    memcpy(argv + size, own, sizeof own);
    fflush(stdout);
    client->pid = fork();
    assert_true(client->pid >= 0);
    if (client->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); //  Should the test itself be killed
        int fd = open(client->log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, STDERR_FILENO);
        setenv("ASAN_OPTIONS", tracer ? "detect_leaks=0" : "abort_on_error=0", 1);
        unsetenv("NOTIFY_SOCKET");
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
}

//  Waits until it has ended; returns its exit status, or 128 and the signal.
static inline int c_wait(client_t *client) {
    int status = 0;
    int64_t until = hf_clock_now_us() + C_DEADLINE_MS * INT64_C(1000);
    while (waitpid(client->pid, &status, WNOHANG) == 0) {
        if (hf_clock_now_us() > until) {
            kill(client->pid, SIGKILL);
            waitpid(client->pid, &status, 0);
            fail_msg("the journal did not end");
        }
        zclock_sleep(2);
    }
    client->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int c_end(client_t *client, int signal) {
    kill(client->pid, signal);
    return c_wait(client);
}

//  What the journal wrote so far; the caller frees it.
static inline char *c_log(const client_t *client) {
    hf_buf_t text = {0};
    char part[4096];
    FILE *file = fopen(client->log, "r");
    hf_buf_add(&text, "", 0);
    for (size_t got; file && (got = fread(part, 1, sizeof part, file)) > 0;) {
        hf_buf_add(&text, part, got);
    }
    if (file) {
        fclose(file);
    }
    return (char *)text.data;
}

static inline void c_assert_logged(const client_t *client, const char *words) {
    char *text = c_log(client);
    if (!strstr(text, words)) {
        fail_msg("the log does not say '%s':\n%s", words, text);
    }
    free(text);
}

//  ---- the client

static inline void c_connect(client_t *client, uint8_t life) {
    hf_error_t error = {{0}};
    uint8_t nonce[16] = {0xc1, life, (uint8_t)getpid(), (uint8_t)(getpid() >> 8)};
    zsock_destroy(&client->push);
    zsock_destroy(&client->sub);
    hf_link_destroy(&client->link);
    client->push = hf_socket_new(client->state, ZMQ_PUSH, false, "journal", &error);
    client->sub = hf_socket_new(client->state, ZMQ_SUB, false, "facts", &error);
    if (!client->sub) {
        fail_msg("%s", error.text);
    }
    zmq_setsockopt(zsock_resolve(client->sub), ZMQ_SUBSCRIBE, "", 0);
    client->link = hf_link_new("client", nonce, C_LINK);
}

static inline client_t *c_new_in(const char *dir) {
    client_t *client = hf_alloc(sizeof *client);
    hf_error_t error = {{0}};
    snprintf(client->dir, sizeof client->dir, "%s", dir);
    snprintf(client->state, sizeof client->state, "%s/s", dir);
    snprintf(client->config, sizeof client->config, "%s/c.zpl", dir);
    snprintf(client->log, sizeof client->log, "%s/log", dir);
    zsys_handler_set(NULL);
    assert_int_equal(hf_state_dir_create(client->state, &error), 0);
    client->arena = hf_arena_new(1 << 16);
    client->ids.rng.seed = (uint64_t)getpid();
    client->commands = hf_alloc(C_COMMANDS * sizeof *client->commands);
    c_current = client;
    c_write_config(client, "16M", "7d");
    c_connect(client, 1);
    return client;
}

static inline client_t *c_new(void) {
    char dir[64] = "/tmp/holdfast-journal-XXXXXX";
    assert_non_null(mkdtemp(dir));
    return c_new_in(dir);
}

static inline void c_destroy(client_t *client) {
    char command[160];
    c_current = NULL;
    if (client->pid > 0) {
        kill(client->pid, SIGKILL);
        waitpid(client->pid, NULL, 0);
    }
    zsock_destroy(&client->push);
    zsock_destroy(&client->sub);
    hf_link_destroy(&client->link);
    hf_outbox_free(&client->outbox);
    hf_arena_destroy(&client->arena);
    free(client->commands);
    if (client->mounted) {
        umount2(client->dir, MNT_DETACH);
    }
    snprintf(command, sizeof command, "rm -rf %s", client->dir);
    free(client);
    assert_int_equal(system(command), 0);
}

//  After every test: ends and removes what a failed one left.
static inline int c_teardown(void **state) {
    (void)state;
    if (c_current) {
        c_destroy(c_current);
    }
    return 0;
}

#define C_TEST(test) cmocka_unit_test_teardown(test, c_teardown)

static inline void c_on_ack(client_t *client, const Hf__Ack *ack) {
    uint64_t number;
    void *tag;
    hf_link_receive_ack(client->link, ack, hf_clock_now_ms());
    while (hf_link_pop(client->link, &number, &tag)) {
        const Hf__Result *result = hf_result_find(ack, number);
        c_command_t *command = tag;
        if (command) {
            command->acked = true;
            command->code = result ? result->code : HF_RESULT_DONE;
        }
        client->acked += command != NULL;
    }
}

static inline void c_on_beat(client_t *client, const Hf__Beat *beat) {
    hf_link_receive_beat(client->link, beat, hf_clock_now_ms());
    client->beats++;
    client->full = beat->full;
    client->holds = beat->hold_starts;
    client->newest_fact = beat->newest_fact;
    snprintf(client->full_reason, sizeof client->full_reason, "%s", beat->full_reason);
}

//  Sends what wants to go, waits at most so long for something to come, and takes it in.
static inline void c_round(client_t *client, long wait_ms) {
    hf_envelope_t envelope;
    hf_link_flush(client->link, &client->outbox, hf_clock_now_ms());
    while (hf_outbox_take(&client->outbox, &envelope)) {
        zmq_send(zsock_resolve(client->push), envelope.data, envelope.size, ZMQ_DONTWAIT);
        free(envelope.data);
    }
    zmq_pollitem_t item = {.socket = zsock_resolve(client->sub), .events = ZMQ_POLLIN};
    zmq_poll(&item, 1, wait_ms);
    for (;;) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        int size = zmq_msg_recv(&message, zsock_resolve(client->sub), ZMQ_DONTWAIT);
        hf_publication_t publication;
        if (size >= 0 &&
            hf_publication_read(&publication, zmq_msg_data(&message), (size_t)size, client->arena)) {
            if (publication.ack) {
                c_on_ack(client, publication.ack);
            } else if (publication.beat) {
                c_on_beat(client, publication.beat);
            }
        }
        zmq_msg_close(&message);
        hf_arena_reset(client->arena);
        if (size < 0) {
            return;
        }
    }
}

#define C_UNTIL(client, condition)                                                                           \
    do {                                                                                                     \
        int64_t c_until = hf_clock_now_us() + C_DEADLINE_MS * INT64_C(1000);                                 \
        while (!(condition)) {                                                                               \
            c_round(client, 5);                                                                              \
            if (hf_clock_now_us() > c_until) {                                                               \
                char *c_text = c_log(client);                                                                \
                print_message("%s\n", c_text);                                                               \
                free(c_text);                                                                                \
                fail_msg("never came true: %s", #condition);                                                 \
            }                                                                                                \
        }                                                                                                    \
    } while (0)

//  Less than that is under way.
static inline void c_wait_below(client_t *client, size_t unacked) {
    C_UNTIL(client, hf_link_unacked(client->link) < unacked);
}

//  The journal has answered, in a life of its own.
static inline void c_wait_live(client_t *client) {
    uint64_t before = hf_link_journal_epoch(client->link);
    C_UNTIL(client,
            hf_link_journal_epoch(client->link) > before && hf_link_is_live(client->link, hf_clock_now_ms()));
}

//  Proposes a new command with a body of so many equal bytes.
static inline c_command_t *c_submit(client_t *client, size_t size) {
    assert_true(client->commands_size < C_COMMANDS);
    c_command_t *kept = &client->commands[client->commands_size];
    Hf__Command command = HF__COMMAND__INIT;
    Hf__Submit submit = HF__SUBMIT__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    *kept = (c_command_t){.id = hf_id_make(&client->ids, hf_clock_now_ms()),
                          .size = size,
                          .letter = 'a' + (uint32_t)(client->commands_size % 26)};
    uint8_t *body = hf_alloc(size);
    memset(body, (int)kept->letter, size);
    command.id = (ProtobufCBinaryData){HF_ID_SIZE, kept->id.bytes};
    command.pipeline = (char *)"p";
    command.destination = (char *)"d";
    command.key = (char *)"k";
    command.accepted_at = hf_clock_now_ms();
    command.body = (ProtobufCBinaryData){size, body};
    proposal.what_case = HF__PROPOSAL__WHAT_SUBMIT;
    submit.command = &command;
    proposal.submit = &submit;
    bool proposed = hf_link_propose(client->link, &proposal, kept) != 0;
    free(body);
    client->commands_size += proposed;
    return proposed ? kept : NULL;
}

//  An attempt of a command begins and ends, as dispatch and a caller would say it.
static inline void c_call(client_t *client, const hf_id_t *id, uint32_t number, hf_class_t class,
                          size_t answer) {
    Hf__Start start = HF__START__INIT;
    Hf__Outcome outcome = HF__OUTCOME__INIT;
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    uint8_t *response = hf_alloc(answer);
    ProtobufCBinaryData bytes = {HF_ID_SIZE, (uint8_t *)id->bytes};
    start.id = outcome.id = bytes;
    start.attempt = attempt.number = number;
    start.caller = (char *)"client";
    start.caller_epoch = outcome.caller_epoch = hf_link_epoch(client->link);
    attempt.class_ = class;
    attempt.response = (ProtobufCBinaryData){answer, response};
    outcome.attempt = &attempt;
    proposal.what_case = HF__PROPOSAL__WHAT_START;
    proposal.start = &start;
    assert_true(hf_link_propose(client->link, &proposal, NULL) != 0);
    proposal.what_case = HF__PROPOSAL__WHAT_OUTCOME;
    proposal.outcome = &outcome;
    assert_true(hf_link_propose(client->link, &proposal, NULL) != 0);
    free(response);
}

static inline hf_store_t *c_open(const client_t *client) {
    char dir[128];
    hf_error_t error = {{0}};
    hf_store_options_t options = {.map = 0};
    snprintf(dir, sizeof dir, "%s/journal", client->state);
    hf_store_t *store = hf_store_open(dir, &options, &error);
    if (!store || hf_store_begin_read(store, &error)) {
        fail_msg("%s", error.text);
    }
    return store;
}

//  Every acknowledged command is there, byte for byte, and no refused one is.
static inline void c_check_commands(client_t *client) {
    hf_store_t *store = c_open(client);
    hf_error_t error = {{0}};
    for (size_t i = 0; i < client->commands_size; i++) {
        const c_command_t *kept = &client->commands[i];
        Hf__Command *command = NULL;
        int found = hf_store_command(store, &kept->id, client->arena, &command, &error);
        assert_true(found >= 0);
        if (kept->acked) {
            assert_int_equal(found, kept->code == HF_RESULT_DONE);
        }
        if (found) {
            assert_int_equal(command->body.len, kept->size);
            for (size_t at = 0; at < kept->size; at++) {
                assert_int_equal(command->body.data[at], kept->letter);
            }
        }
        hf_arena_reset(client->arena);
    }
    hf_store_end_read(store);
    hf_store_close(&store);
}

static inline uint64_t c_count(client_t *client, hf_state_t state) {
    hf_store_t *store = c_open(client);
    uint64_t count = hf_store_count(store, "d", state);
    hf_store_end_read(store);
    hf_store_close(&store);
    return count;
}

//  What `holdfast journal verify` says: its exit status; text (may be NULL) is the caller's to free.
static inline int c_verify(client_t *client, char **text) {
    char *own = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&own, &size);
    int rc = hf_journal_verify(client->state, false, out);
    fclose(out);
    if (rc && !text) {
        print_message("%s\n", own);
    }
    if (text) {
        *text = own;
    } else {
        free(own);
    }
    return rc;
}

static inline int c_verify_quietly(client_t *client) {
    char *text = NULL;
    int rc = c_verify(client, &text);
    free(text);
    return rc;
}

#endif
