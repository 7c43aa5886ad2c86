/*  A crowd in front of a node: connections that say nothing, heads that come byte by byte, and readers that all
 *  replay the events from the first one. Submitters must not feel much of it, and memory must stay bounded.
 *
 *  A hundred times smaller than what is promised, so that it runs anywhere. The whole, on a machine that does nothing
 *  else:  HOLDFAST_CROWD=full build/tests/test_process_crowd_test  */

#include "crash/tree.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    WITHIN_MS = 30000,
    CROWD_MAX = 4000,            //  Connections of the whole thing
    READERS_MAX = 1000,          //  Event readers of it
    SUBMISSIONS = 300,           //  By which a percentile is told
    CONNECTION_BYTES = 20 << 10, //  What one that is idle or slow may cost at most
};

typedef struct {
    char dir[64];          //  State and pipeline files
    pid_t node;            //  The supervisor
    struct sockaddr_in at; //  Where the node listens
    bool full;             //  As large as promised
    int crowd, readers;    //  How many
    int fds[CROWD_MAX];    //  Of the crowd
} world_t;

static world_t s_world;

//  ---- the node: its third party cannot be reached, so that each command makes its few facts, and waits

static const char s_pipelines[] = "node\n    http = \"127.0.0.1:0\"\n"
                                  "destination = third\n    url = \"http://127.0.0.1:1/\"\n"
                                  "pipeline = p\n    destination = third\n    retry\n"
                                  "        immediate = 0\n        delay = 24h\n        jitter = none\n"
                                  "        cap = 24h\n        deadline = 7d\n";

static void s_raise_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int s_setup(void **state) {
    char path[96], log[96], at[64] = "";
    const char *full = getenv("HOLDFAST_CROWD");
    world_t *world = *state = &s_world;
    s_raise_limit();
    setenv("HOLDFAST_DEBUG", "1", 1); //  Without it only root reads the memory of an actor
    world->full = full && strcmp(full, "full") == 0;
    world->crowd = world->full ? CROWD_MAX : 200;
    world->readers = world->full ? READERS_MAX : 50;
    snprintf(world->dir, sizeof world->dir, "/tmp/holdfast-crowd-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    snprintf(path, sizeof path, "%.60s/p.zpl", world->dir);
    snprintf(log, sizeof log, "%.60s/out", world->dir);
    FILE *file = fopen(path, "we");
    fputs(s_pipelines, file);
    fclose(file);
    world->node = start(log, (const char *const[]){HOLDFAST_BINARY, "up", "--state", world->dir, path, NULL});
    assert_true(wait_line(log, "holdfast: ready on http://127.0.0.1:", at, sizeof at, WITHIN_MS));
    world->at = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_port = htons((uint16_t)atoi(at)),
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return 0;
}

static int s_teardown(void **state) {
    world_t *world = *state;
    char command[96];
    int status = 0;
    kill(world->node, SIGTERM);
    assert_true(wait_gone(world->node, WITHIN_MS, &status));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    snprintf(command, sizeof command, "rm -rf %.60s", world->dir);
    return system(command);
}

//  ---- speaking

static int s_connect(const world_t *world) {
    struct timeval limit = {.tv_sec = WITHIN_MS / 1000};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(connect(fd, (const struct sockaddr *)&world->at, sizeof world->at), 0);
    return fd;
}

static void s_write(int fd, const void *data, size_t size) {
    assert_int_equal(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

//  Asks, and reads an answer that has a body, up to its Content-Length.
static int s_ask(int fd, const void *request, size_t size, char *answer, size_t answer_size) {
    size_t used = 0, whole = SIZE_MAX;
    s_write(fd, request, size);
    while (used < whole && used < answer_size - 1) {
        ssize_t got = recv(fd, answer + used, answer_size - 1 - used, 0);
        assert_true(got > 0);
        used += (size_t)got;
        answer[used] = 0;
        const char *end = strstr(answer, "\r\n\r\n"), *length = strstr(answer, "Content-Length: ");
        if (end && length) {
            whole = (size_t)(end + 4 - answer) + strtoul(length + 16, NULL, 10);
        }
    }
    return atoi(answer + 9);
}

static void s_submit(int fd) {
    static const char request[] =
        "POST /pipelines/p/commands HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
    char answer[2048];
    assert_int_equal(s_ask(fd, request, sizeof request - 1, answer, sizeof answer), 202);
}

//  A number that /metrics tells.
static uint64_t s_metric(const world_t *world, const char *name) {
    static const char request[] = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[32 << 10], line[96];
    int fd = s_connect(world);
    assert_int_equal(s_ask(fd, request, sizeof request - 1, answer, sizeof answer), 200);
    close(fd);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(answer, line);
    assert_non_null(at);
    return strtoull(at + strlen(line), NULL, 10);
}

static void s_wait_metric(const world_t *world, const char *name, uint64_t least) {
    int64_t until = now_ms() + WITHIN_MS;
    while (s_metric(world, name) < least) {
        assert_true(now_ms() < until);
        usleep(10000);
    }
}

//  ---- measuring

static int s_compare(const void *a, const void *b) {
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static int64_t s_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

//  99 of 100 submissions, one after the other, take no longer, µs. between: called before each of them.
static int64_t s_p99_us(world_t *world, void (*between)(world_t *world, int number)) {
    int64_t took[SUBMISSIONS];
    int fd = s_connect(world);
    for (int number = 0; number < SUBMISSIONS; number++) {
        if (between) {
            between(world, number);
        }
        int64_t began = s_now_us();
        s_submit(fd);
        took[number] = s_now_us() - began;
    }
    close(fd);
    qsort(took, SUBMISSIONS, sizeof *took, s_compare);
    return took[SUBMISSIONS * 99 / 100];
}

//  Of the whole, at most so many times as before. Of the small one, on whatever machine, that nobody is locked out.
static void s_compare_p99(const world_t *world, const char *what, int64_t before_us, int64_t us, int times) {
    int64_t slack_us = world->full ? 50 * 1000 : 250 * 1000; //  A few turns of others on a busy machine
    print_message("%s: p99 of a submission %.1f ms, before %.1f ms\n", what, (double)us / 1000,
                  (double)before_us / 1000);
    assert_true(us <= times * before_us + slack_us);
}

//  Private bytes of ingress.
static int64_t s_private(const world_t *world) {
    tree_t tree;
    char path[64], line[128];
    long kib = 0, one;
    assert_true(tree_read(&tree, world->dir));
    for (int i = 0; i < tree.size; i++) {
        snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)tree.actors[i].pid);
        FILE *file = strcmp(tree.actors[i].name, "ingress") == 0 ? fopen(path, "re") : NULL;
        while (file && fgets(line, sizeof line, file)) {
            kib += sscanf(line, "Private_Clean: %ld", &one) == 1 ||
                           sscanf(line, "Private_Dirty: %ld", &one) == 1
                       ? one
                       : 0;
        }
        if (file) {
            fclose(file);
        }
    }
    assert_true(kib > 0);
    return (int64_t)kib << 10;
}

//  ---- who says nothing, or a byte at a time

static bool s_is_slow(int number) {
    return number % 4 == 0;
}

static void s_drip(world_t *world, int number) {
    for (int i = 0; i < world->crowd; i += 4) {
        if (s_is_slow(i) && i / 4 % 10 == number % 10) {
            s_write(world->fds[i], "x", 1);
        }
    }
}

static void s_idle_and_slow_ones_cost_little(void **state) {
    world_t *world = *state;
    static const char begun[] = "POST /pipelines/p/commands HTTP/1.1\r\nHost: x\r\nX-Slow: ";
    s_p99_us(world, NULL); //  So that what is built up once is there
    int64_t before_us = s_p99_us(world, NULL), before = s_private(world);
    for (int i = 0; i < world->crowd; i++) {
        world->fds[i] = s_connect(world);
        if (s_is_slow(i)) {
            s_write(world->fds[i], begun, sizeof begun - 1);
        }
    }
    s_wait_metric(world, "holdfast_http_connections", (uint64_t)world->crowd);
    int64_t during_us = s_p99_us(world, s_drip), grown = s_private(world) - before;
    print_message("%d connections: %.1f KiB each\n", world->crowd, (double)grown / 1024 / world->crowd);
    s_compare_p99(world, "idle and slow connections", before_us, during_us, 2);
    assert_true(grown <= (int64_t)world->crowd * CONNECTION_BYTES + (1 << 20));
    for (int i = 0; i < world->crowd; i++) {
        close(world->fds[i]);
    }
}

//  ---- who replays

//  What one reader has of the stream so far.
typedef struct {
    uint64_t next;   //  The id that must come next
    char tail[1024]; //  What may be the begin of an "id: " line
    size_t size;     //  Its bytes
} reader_t;

//  Takes in what came: ids must follow one another without a gap. False: they do not.
static bool s_take(reader_t *reader, const char *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\n') {
            reader->size += reader->size < sizeof reader->tail - 1;
            reader->tail[reader->size - 1] = data[i];
            continue;
        }
        reader->tail[reader->size] = 0;
        reader->size = 0;
        if (strncmp(reader->tail, "id: ", 4) == 0 && strtoull(reader->tail + 4, NULL, 10) != reader->next++) {
            return false;
        }
    }
    return true;
}

//  Another process: replays with so many readers until each has all up to that id. 0: each has, without a gap.
static int s_replay(const world_t *world, uint64_t newest) {
    static const char request[] = "GET /events HTTP/1.0\r\nHost: x\r\nLast-Event-ID: 0\r\n\r\n";
    static struct pollfd polls[READERS_MAX];
    static reader_t readers[READERS_MAX];
    static char data[64 << 10];
    int left = world->readers;
    for (int i = 0; i < world->readers; i++) {
        polls[i] = (struct pollfd){.fd = s_connect(world), .events = POLLIN};
        readers[i].next = 1;
        s_write(polls[i].fd, request, sizeof request - 1);
    }
    for (int64_t until = now_ms() + 2 * WITHIN_MS; left > 0 && now_ms() < until;) {
        poll(polls, (nfds_t)world->readers, 1000);
        for (int i = 0; i < world->readers; i++) {
            ssize_t got = polls[i].revents ? recv(polls[i].fd, data, sizeof data, MSG_DONTWAIT) : 0;
            if (got > 0 && !s_take(&readers[i], data, (size_t)got)) {
                return 2;
            }
            if (polls[i].fd >= 0 && readers[i].next > newest) {
                close(polls[i].fd);
                polls[i].fd = -1;
                left--;
            }
        }
    }
    return left > 0;
}

static void s_fill(const world_t *world) {
    enum { LINES = 1000 };
    char request[LINES * 3 + 256], answer[64 << 10];
    int size = snprintf(
        request, sizeof request,
        "POST /pipelines/p/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        "Content-Length: %d\r\n\r\n",
        LINES * 3);
    for (int i = 0; i < LINES; i++, size += 3) {
        memcpy(request + size, "{}\n", 3);
    }
    int fd = s_connect(world);
    assert_int_equal(s_ask(fd, request, (size_t)size, answer, sizeof answer), 202);
    close(fd);
}

static void s_replaying_readers_take_turns(void **state) {
    world_t *world = *state;
    int status = 0;
    s_fill(world);
    int64_t before_us = s_p99_us(world, NULL);
    s_wait_metric(world, "holdfast_journal_newest_fact", 3000);
    uint64_t newest = s_metric(world, "holdfast_journal_newest_fact");
    pid_t readers = fork();
    if (readers == 0) {
        _exit(s_replay(world, newest));
    }
    s_wait_metric(world, "holdfast_event_readers", 1);
    s_compare_p99(world, "replaying readers", before_us, s_p99_us(world, NULL),
                  4); //  They take a processor, too
    assert_true(wait_gone(readers, 3 * WITHIN_MS, &status));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_idle_and_slow_ones_cost_little),
        cmocka_unit_test(s_replaying_readers_take_turns),
    };
    return cmocka_run_group_tests(tests, s_setup, s_teardown);
}
