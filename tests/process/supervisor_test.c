//  The supervisor over real processes: fake actors that live, die, hang and do not listen, as each story
//  wants it.

#include "base/buf.h"
#include "host/state_dir.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PATIENCE_MS = 20000, //  For anything that must come true; a loaded machine included
    LOOK_MS = 5,         //  How often to look
    CHILDREN = 7,        //  With two callers
};

//  One node of fake actors, run by a process of its own.
typedef struct {
    char dir[64];         //  Its state folder
    pid_t pid;            //  The supervisor
    int out;              //  Its stdout
    int err;              //  Its stderr, a file
    int pidfds[CHILDREN]; //  Of its actors, as they were when s_hold was called
} node_t;

static int64_t s_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Looks until it holds; the test fails where it does not in time.
#define WAIT_UNTIL(condition)                                                                                \
    do {                                                                                                     \
        int64_t until_ms = s_now_ms() + PATIENCE_MS;                                                         \
        while (!(condition)) {                                                                               \
            if (s_now_ms() > until_ms) {                                                                     \
                fail_msg("never came true: %s", #condition);                                                 \
            }                                                                                                \
            poll(NULL, 0, LOOK_MS);                                                                          \
        }                                                                                                    \
    } while (0)

static char *s_read(const node_t *node, const char *name) {
    char path[128];
    hf_buf_t text = {0};
    snprintf(path, sizeof path, "%s/%s", node->dir, name);
    FILE *file = fopen(path, "r");
    hf_buf_add(&text, "", 0);
    *hf_buf_extend(&text, 1) = 0;
    hf_buf_clear(&text);
    for (int byte; file && (byte = fgetc(file)) != EOF;) {
        hf_buf_add(&text, &(char){(char)byte}, 1);
    }
    if (file) {
        fclose(file);
    }
    size_t size;
    return (char *)hf_buf_release(&text, &size);
}

static int s_count(const node_t *node, const char *name, const char *words) {
    char *text = s_read(node, name);
    int count = 0;
    for (char *at = text; (at = strstr(at, words)); at++) {
        count++;
    }
    free(text);
    return count;
}

//  What supervisor.json says of an actor; "" where it says nothing.
static const char *s_member(const node_t *node, const char *actor, const char *member) {
    static char value[256];
    char *text = s_read(node, "run/supervisor.json");
    json_t *json = json_loads(text, 0, NULL);
    size_t i;
    json_t *one, *actors = json_object_get(json, "actors");
    value[0] = 0;
    json_array_foreach(actors, i, one) {
        if (strcmp(json_string_value(json_object_get(one, "name")), actor) == 0) {
            json_t *found = json_object_get(one, member);
            if (json_is_string(found)) {
                snprintf(value, sizeof value, "%s", json_string_value(found));
            } else if (json_is_integer(found)) {
                snprintf(value, sizeof value, "%lld", (long long)json_integer_value(found));
            }
        }
    }
    json_decref(json);
    free(text);
    return value;
}

static bool s_is(const node_t *node, const char *actor, const char *member, const char *value) {
    return strcmp(s_member(node, actor, member), value) == 0;
}

static pid_t s_pid(const node_t *node, const char *actor) {
    return (pid_t)strtol(s_member(node, actor, "pid"), NULL, 10);
}

//  Kills an actor that is up. (A pid of 0 would be ourselves, and whoever started us.)
static pid_t s_kill(const node_t *node, const char *actor, int number) {
    pid_t pid = s_pid(node, actor);
    assert_true(pid > 1);
    assert_int_equal(kill(pid, number), 0);
    return pid;
}

//  Whether another life of it is up: what a single look at the file says.
static bool s_lives_anew(const node_t *node, const char *actor, pid_t before) {
    char *text = s_read(node, "run/supervisor.json"), wanted[128];
    pid_t pid = s_pid(node, actor);
    snprintf(wanted, sizeof wanted, "\"name\":\"%s\",\"pid\":%d,\"state\":\"up\"", actor, (int)pid);
    bool lives = pid > 1 && pid != before && strstr(text, wanted);
    free(text);
    return lives;
}

static const char *const s_names[CHILDREN] = {"journal", "failure", "dispatch", "call.0",
                                              "call.1",  "events",  "ingress"};

static void s_run_supervisor(const node_t *node, int out, const char *moods, int watchdog_ms) {
    static const char *const argv[] = {"fake_actor", NULL};
    char watchdog[16];
    hf_supervisor_options_t options = {.state_dir = node->dir,
                                       .http = "127.0.0.1:0",
                                       .pipelines = "node\n    callers = 2\n",
                                       .callers = 2,
                                       .drain_ms = 1000,
                                       .executable = FAKE_ACTOR,
                                       .argv = argv};
    snprintf(watchdog, sizeof watchdog, "%d", watchdog_ms);
    setenv("FAKE", moods, 1);
    setenv("HOLDFAST_WATCHDOG_MS", watchdog, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(node->err, STDERR_FILENO);
    _exit(hf_supervisor_run(&options));
}

static pid_t s_fork_supervisor(node_t *node, const char *moods, int watchdog_ms) {
    char path[128];
    int ends[2];
    snprintf(path, sizeof path, "%s.err", node->dir);
    node->err = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(node->err >= 0 && pipe2(ends, O_CLOEXEC) == 0);
    fflush(stdout); //  Else the child would have it, too
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        s_run_supervisor(node, ends[1], moods, watchdog_ms);
    }
    close(ends[1]);
    node->out = ends[0];
    return pid;
}

static node_t s_begin(const char *moods, int watchdog_ms) {
    node_t node = {.dir = "/tmp/hf-supervisor-XXXXXX"};
    assert_non_null(mkdtemp(node.dir));
    memset(node.pidfds, -1, sizeof node.pidfds);
    node.pid = s_fork_supervisor(&node, moods, watchdog_ms);
    return node;
}

//  The one line on stdout.
static void s_await_ready(const node_t *node) {
    char line[128] = "";
    struct pollfd poller = {.fd = node->out, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, PATIENCE_MS), 1);
    ssize_t size = read(node->out, line, sizeof line - 1);
    line[size > 0 ? size : 0] = 0;
    assert_string_equal(line, "holdfast: ready on http://127.0.0.1:45678\n");
}

//  Exit status, 1000 + signal, or -1 while it runs.
static int s_poll_end(pid_t pid) {
    int status;
    if (waitpid(pid, &status, WNOHANG) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static int s_await_end(node_t *node) {
    int status = -1;
    WAIT_UNTIL((status = s_poll_end(node->pid)) >= 0);
    node->pid = 0;
    return status;
}

//  Takes hold of all actors by descriptor, so that their ends can be waited for whoever is their parent by
//  then.
static void s_hold(node_t *node) {
    for (int i = 0; i < CHILDREN; i++) {
        node->pidfds[i] = pidfd_open(s_pid(node, s_names[i]), 0);
        assert_true(node->pidfds[i] >= 0);
    }
}

static bool s_all_held_have_ended(const node_t *node) {
    for (int i = 0; i < CHILDREN; i++) {
        struct pollfd poller = {.fd = node->pidfds[i], .events = POLLIN};
        if (node->pidfds[i] >= 0 && poll(&poller, 1, 0) != 1) {
            return false;
        }
    }
    return true;
}

static void s_end(node_t *node) {
    char command[256];
    if (node->pid) {
        kill(node->pid, SIGKILL);
        waitpid(node->pid, NULL, 0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        if (node->pidfds[i] >= 0) {
            close(node->pidfds[i]);
        }
    }
    close(node->out);
    close(node->err);
    snprintf(command, sizeof command, "rm -rf '%s' '%s.err'", node->dir, node->dir);
    assert_int_equal(system(command), 0);
}

static int s_errors(const node_t *node, const char *words) {
    node_t beside = *node;
    snprintf(beside.dir, sizeof beside.dir, "/tmp");
    char name[128];
    snprintf(name, sizeof name, "%s.err", node->dir + strlen("/tmp/"));
    return s_count(&beside, name, words);
}

static void s_a_node_starts_and_ends_in_order(void **state) {
    (void)state;
    node_t node = s_begin("dispatch=lazy", 5000);
    s_await_ready(&node);
    WAIT_UNTIL(s_is(&node, "events", "state", "up"));
    char *pipelines = s_read(&node, "run/pipelines.zpl");
    assert_string_equal(pipelines, "node\n    callers = 2\n");
    free(pipelines);
    assert_true(s_pid(&node, "call.1") > 0);
    WAIT_UNTIL(s_is(&node, "call.1", "status", "{\"in_hand\":1}"));
    struct stat is;
    char path[128];
    snprintf(path, sizeof path, "%s/run", node.dir);
    assert_int_equal(stat(path, &is), 0);
    assert_int_equal(is.st_mode & 0777, 0700);
    s_hold(&node);
    kill(node.pid, SIGHUP);
    WAIT_UNTIL(s_errors(&node, "SIGHUP is ignored") == 1);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    assert_true(s_all_held_have_ended(&node));
    char *told = s_read(&node, "fake.log"), stops[512] = "";
    for (char *line = strtok(told, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "stop ", 5) == 0) {
            strncat(stops, line + 5, sizeof stops - strlen(stops) - 1);
        }
    }
    free(told);
    bool first = strstr(stops, "call.0 0call.1 0");
    assert_string_equal(stops, first ? "ingress 0dispatch 0call.0 0call.1 0failure 0events 0journal 0"
                                     : "ingress 0dispatch 0call.1 0call.0 0failure 0events 0journal 0");
    char rest[64];
    assert_int_equal(read(node.out, rest, sizeof rest), 0); //  Nothing but the one line
    assert_int_equal(s_errors(&node, "this must not reach"), 1);
    assert_int_equal(s_errors(&node, " error "), 0);
    snprintf(path, sizeof path, "%s/run/supervisor.json", node.dir);
    assert_int_equal(access(path, F_OK), -1);
    s_end(&node);
}

static void s_ready_waits_for_the_last_one(void **state) {
    (void)state;
    char path[128];
    node_t node = s_begin("failure=late", 5000);
    WAIT_UNTIL(s_is(&node, "ingress", "state", "up") && s_is(&node, "journal", "state", "up"));
    struct pollfd poller = {.fd = node.out, .events = POLLIN};
    assert_int_equal(poll(&poller, 1, 0), 0);
    assert_true(s_is(&node, "failure", "state", "starting"));
    snprintf(path, sizeof path, "%s/go", node.dir);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    s_await_ready(&node);
    kill(node.pid, SIGINT);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static void s_whoever_dies_comes_back(void **state) {
    (void)state;
    node_t node = s_begin("call.1=once:7", 5000);
    s_await_ready(&node);
    WAIT_UNTIL(s_is(&node, "call.1", "last_exit", "exit 7"));
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = s_kill(&node, s_names[i], SIGKILL);
        WAIT_UNTIL(s_lives_anew(&node, s_names[i], pid));
        assert_true(s_is(&node, s_names[i], "last_exit", "SIGKILL"));
    }
    //  Told "any port", it takes the one again that clients know.
    assert_int_equal(s_count(&node, "fake.log", "listen ingress 0"), 1);
    assert_int_equal(s_count(&node, "fake.log", "listen ingress 45678"), 1);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static void s_whoever_keeps_dying_is_backed_off_and_never_given_up(void **state) {
    (void)state;
    node_t node = s_begin("journal=exit:28", 5000);
    WAIT_UNTIL(s_count(&node, "fake.log", "start journal") >= 5);
    WAIT_UNTIL(s_is(&node, "journal", "state", "backoff"));
    WAIT_UNTIL(s_is(&node, "ingress", "state", "up"));
    assert_true(s_errors(&node, "journal ended unasked: exit 28") >= 5);
    assert_int_equal(s_count(&node, "fake.log", "start ingress"), 1);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static void s_whoever_hangs_is_killed_and_comes_back(void **state) {
    (void)state;
    node_t node = s_begin("events=mute", 600);
    s_await_ready(&node);
    WAIT_UNTIL(s_is(&node, "events", "restarts", "1"));
    WAIT_UNTIL(strstr(s_member(&node, "events", "last_exit"), "SIGKILL (hung"));
    WAIT_UNTIL(s_is(&node, "dispatch", "state", "up"));
    pid_t pid = s_kill(&node, "dispatch", SIGSTOP);
    WAIT_UNTIL(s_lives_anew(&node, "dispatch", pid));
    assert_non_null(strstr(s_member(&node, "dispatch", "last_exit"), "SIGKILL (hung"));
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static void s_a_supervisor_that_was_stopped_blames_nobody(void **state) {
    (void)state;
    node_t node = s_begin("", 1500);
    s_await_ready(&node);
    s_hold(&node);
    kill(node.pid, SIGSTOP);
    poll(NULL, 0, 3000); //  More than the watchdog's time, and more beats than its queue takes
    kill(node.pid, SIGCONT);
    char *before = s_read(&node, "run/supervisor.json");
    int changes = 0;
    WAIT_UNTIL(({
        char *now = s_read(&node, "run/supervisor.json");
        changes += strcmp(now, before) != 0;
        free(before);
        before = now;
        changes >= 2;
    }));
    free(before);
    for (int i = 0; i < CHILDREN; i++) {
        assert_true(s_is(&node, s_names[i], "restarts", "0"));
    }
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static void s_no_actor_outlives_its_supervisor(void **state) {
    (void)state;
    node_t node = s_begin("call.0=deaf", 5000);
    s_await_ready(&node);
    s_hold(&node);
    kill(node.pid, SIGKILL);
    assert_int_equal(s_await_end(&node), 1000 + SIGKILL);
    WAIT_UNTIL(s_all_held_have_ended(&node));
    //  And the next node takes over without a word.
    close(node.out);
    close(node.err);
    node.pid = s_fork_supervisor(&node, "", 5000);
    s_await_ready(&node);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

//  Its parent is not the supervisor that the environment names: what is left when that dies between spawn and
//  set-up.
static void s_an_actor_without_its_supervisor_ends_itself(void **state) {
    (void)state;
    node_t node = {.dir = "/tmp/hf-supervisor-XXXXXX", .out = -1, .err = -1};
    assert_non_null(mkdtemp(node.dir));
    memset(node.pidfds, -1, sizeof node.pidfds);
    node.pid = fork();
    if (node.pid == 0) {
        setenv("HOLDFAST_SUPERVISOR_PID", "1", 1);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        execl(FAKE_ACTOR, "fake_actor", "journal", "--state", node.dir, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(s_await_end(&node), 1);
    assert_int_equal(s_count(&node, "fake.log", "start"), 0);
    s_end(&node);
}

static void s_who_does_not_listen_is_killed_at_its_limit(void **state) {
    (void)state;
    node_t node = s_begin("call.0=deaf", 5000);
    s_await_ready(&node);
    s_hold(&node);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 1);
    assert_true(s_all_held_have_ended(&node));
    assert_int_equal(s_errors(&node, "did not end within 1000 ms and is killed"), 1);
    assert_int_equal(s_count(&node, "fake.log", "stop journal"), 1);
    s_end(&node);
}

static void s_the_second_signal_kills(void **state) {
    (void)state;
    node_t node = s_begin("ingress=deaf", 5000);
    s_await_ready(&node);
    s_hold(&node);
    kill(node.pid, SIGTERM);
    WAIT_UNTIL(s_count(&node, "fake.log", "stop ingress") == 1);
    int64_t asked = s_now_ms();
    kill(node.pid, SIGINT);
    assert_int_equal(s_await_end(&node), 1);
    assert_true(s_now_ms() - asked < 8000); //  Not by the ingress's limit of 10 s
    assert_true(s_all_held_have_ended(&node));
    assert_int_equal(s_count(&node, "fake.log", "stop journal"), 0);
    s_end(&node);
}

static void s_a_second_node_on_the_same_folder_is_refused(void **state) {
    (void)state;
    node_t node = s_begin("", 5000), second = node;
    s_await_ready(&node);
    second.pid = s_fork_supervisor(&second, "", 5000);
    assert_int_equal(s_await_end(&second), 1);
    close(second.out);
    close(second.err);
    char words[160];
    snprintf(words, sizeof words, "another node runs on %s, pid %d", node.dir, (int)node.pid);
    assert_int_equal(s_errors(&node, words), 1);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static int64_t s_switches(pid_t pid) {
    char path[64], line[128];
    long long count = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        sscanf(line, "voluntary_ctxt_switches: %lld", &count);
    }
    if (file) {
        fclose(file);
    }
    return count;
}

static void s_an_idle_supervisor_sleeps(void **state) {
    (void)state;
    node_t node = s_begin("", 5000);
    s_await_ready(&node);
    int64_t before = s_switches(node.pid), began = s_now_ms();
    int wakes_of_time = s_is(&node, "journal", "state", "up");
    assert_int_equal(wakes_of_time, 1);
    poll(NULL, 0, 3000); //  What is measured is a rate
    int64_t per_second = (s_switches(node.pid) - before) * 1000 / (s_now_ms() - began);
    assert_true(per_second <= 4);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

static int s_count_descriptors(pid_t pid) {
    char command[64];
    snprintf(command, sizeof command, "ls /proc/%d/fd | wc -l", (int)pid);
    FILE *pipe = popen(command, "re");
    int count = -1;
    assert_non_null(pipe);
    assert_int_equal(fscanf(pipe, "%d", &count), 1);
    pclose(pipe);
    return count;
}

static void s_restarts_leak_no_descriptor(void **state) {
    (void)state;
    node_t node = s_begin("", 5000);
    s_await_ready(&node);
    int before = s_count_descriptors(node.pid);
    for (int i = 0; i < 4; i++) {
        pid_t pid = s_kill(&node, "failure", SIGKILL);
        WAIT_UNTIL(s_lives_anew(&node, "failure", pid));
    }
    assert_int_equal(s_count_descriptors(node.pid), before);
    kill(node.pid, SIGTERM);
    assert_int_equal(s_await_end(&node), 0);
    s_end(&node);
}

int main(void) {
    //  Actors whose supervisor was killed come to us, so that no zombie is left behind.
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s_a_node_starts_and_ends_in_order),
        cmocka_unit_test(s_ready_waits_for_the_last_one),
        cmocka_unit_test(s_whoever_dies_comes_back),
        cmocka_unit_test(s_whoever_keeps_dying_is_backed_off_and_never_given_up),
        cmocka_unit_test(s_whoever_hangs_is_killed_and_comes_back),
        cmocka_unit_test(s_a_supervisor_that_was_stopped_blames_nobody),
        cmocka_unit_test(s_no_actor_outlives_its_supervisor),
        cmocka_unit_test(s_an_actor_without_its_supervisor_ends_itself),
        cmocka_unit_test(s_who_does_not_listen_is_killed_at_its_limit),
        cmocka_unit_test(s_the_second_signal_kills),
        cmocka_unit_test(s_a_second_node_on_the_same_folder_is_refused),
        cmocka_unit_test(s_an_idle_supervisor_sleeps),
        cmocka_unit_test(s_restarts_leak_no_descriptor),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    return failed;
}
