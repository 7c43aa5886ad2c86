/*  kill -9 everything, lose nothing: a whole node under a steady load, its processes killed again and again, then every acknowledged
 *  command held against what the third party saw.
 *
 *  Nothing but the load generator, curl-like requests of its own and signals touches the node: no manual step between the kills.  */

#include "base/id.h"
#include "crash/hot.h"
#include "crash/ledger.h"
#include "crash/tree.h"

#include <curl/curl.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    UP_WITHIN_MS = 20000,     //  A killed actor, or a whole node, is ready again
    QUIET_WITHIN_MS = 120000, //  Everything accepted has ended after the load stopped,
    QUIET_HOT_MS = 20,        //  and so much more for each command of the hot key: they go one at a time
    HOT_WITHIN_MS = 60000,    //  A batch of them is acknowledged
    PORT_TRIES = 5,
};

typedef struct {
    const char *bin;         //  Folder with holdfast, stand-in and load
    const char *dir;         //  Where everything is kept
    long rate;               //  Commands a second
    int kills;               //  Actors killed, one at a time
    int trees;               //  Whole nodes killed
    int pause_ms;            //  Longest pause between two kills
    long hot;                //  Commands of one ordered key; 0: nothing is ordered
    long keys;               //  Keys of all the others
    long submitted;          //  Of the hot ones
    hf_rng_t rng;            //  Which one, when
    int http_port;           //  The node's
    char state[4096];        //  Its state folder
    char pipelines[4200];    //  Its pipeline file
    pid_t node, third, load; //  Processes
} crash_t;

static const char s_help[] =
    "Usage: crash [--bin DIR] [--dir DIR] [--rate N] [--kills N] [--trees N] [--pause MS] [--seed N]\n"
    "             [--hot N] [--keys K]\n"
    "\n"
    "Runs a node under a steady load, kills its processes with SIGKILL (every actor kind in turn, journal "
    "and\n"
    "supervisor included, then the whole tree), waits until it is quiet, and checks that every acknowledged\n"
    "command succeeded exactly as accepted, by the third party's log and by the journal.\n"
    "\n"
    "  --bin DIR    holdfast, stand-in and load are there (default: build)\n"
    "  --dir DIR    keep everything there (default: a new folder in $TMPDIR, removed where all is well)\n"
    "  --rate N     commands a second (default 2000)\n"
    "  --kills N    single processes killed (default 200)\n"
    "  --trees N    whole nodes killed (default 20)\n"
    "  --pause MS   longest pause between two kills (default 300)\n"
    "  --seed N     which, and when (default: from the clock; it is printed)\n"
    "  --hot N      the pipeline is ordered, and N commands of one key come among the load's: each key must "
    "be\n"
    "               called in the order of acceptance, one at a time (default 0: no order)\n"
    "  --keys K     the load's commands have so many keys then (default 10000)\n"
    "\n"
    "Examples: crash --kills 50 --trees 5 --seed 7\n"
    "          crash --hot 100000 --rate 300 --kills 100 --trees 8\n";

static void s_die(const char *what) {
    fprintf(stderr, "crash: %s\n", what);
    exit(1);
}

static const char *s_path(const crash_t *self, const char *name, char *path, size_t size) {
    snprintf(path, size, "%s/%s", self->dir, name);
    return path;
}

//  ---- starting

static void s_start_third(crash_t *self) {
    char program[4200], log[4200], out[4200], rest[256];
    snprintf(program, sizeof program, "%s/stand-in", self->bin);
    const char *argv[] = {
        program, "--listen", "127.0.0.1:0", "--log", s_path(self, "third.log", log, sizeof log), NULL};
    self->third = start(s_path(self, "third.out", out, sizeof out), argv);
    if (!wait_line(out, "listening on ", rest, sizeof rest, UP_WITHIN_MS)) {
        s_die("the stand-in did not start");
    }
    FILE *file = fopen(s_path(self, "crash.zpl", self->pipelines, sizeof self->pipelines), "w");
    if (!file) {
        s_die("cannot write the pipeline file");
    }
    fprintf(
        file,
        "node\n    callers = 2\n\ndestination = third\n    url = \"%s/do/{instance}%s\"\n    concurrency = "
        "128\n"
        "    timeout = 5s\n\npipeline = crash\n    destination = third\n    key = \"{instance}\"\n    "
        "ordered = "
        "%d\n"
        "    retry\n        delay = 50ms\n        cap = 1s\n        deadline = 1h\n",
        rest, self->hot ? "/{pad}" : "", self->hot > 0);
    fclose(file);
}

static void s_start_node(crash_t *self) {
    char program[4200], http[64], log[4200];
    tree_t tree;
    snprintf(program, sizeof program, "%s/holdfast", self->bin);
    snprintf(http, sizeof http, "127.0.0.1:%d", self->http_port);
    const char *argv[] = {program, "up", "--state", self->state, "--http", http, self->pipelines, NULL};
    self->node = start(s_path(self, "node.log", log, sizeof log), argv);
    if (!tree_wait_up(&tree, self->state, "supervisor", 0, UP_WITHIN_MS) ||
        tree.actors[0].pid != self->node) {
        s_die("the node did not become ready; see node.log");
    }
}

static void s_start_load(crash_t *self) {
    char program[4200], url[128], rate[32], acks[4200], out[4200], keys[32];
    snprintf(program, sizeof program, "%s/load", self->bin);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/pipelines/crash/commands", self->http_port);
    snprintf(rate, sizeof rate, "%ld", self->rate);
    snprintf(keys, sizeof keys, "%ld", self->hot ? self->keys : 0);
    const char *argv[] = {program,
                          "--url",
                          url,
                          "--rate",
                          rate,
                          "--connections",
                          "32",
                          "--body-bytes",
                          self->hot ? "100" : "400",
                          self->hot ? "--keys" : "--rate",
                          self->hot ? keys : rate,
                          "--duration",
                          "86400",
                          "--idempotency",
                          "--retry",
                          "--patience",
                          "60",
                          "--timeout",
                          "20",
                          "--acks",
                          s_path(self, "acks", acks, sizeof acks),
                          NULL};
    self->load = start(s_path(self, "load.out", out, sizeof out), argv);
}

//  ---- killing

static void s_pause(crash_t *self) {
    int64_t ms = (int64_t)hf_rng_below(&self->rng, (uint64_t)self->pause_ms + 1);
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL); //  Not for luck: the time between two kills is what is varied
}

static void s_kill_tree(crash_t *self, int number) {
    tree_t tree;
    if (!tree_read(&tree, self->state) || !tree_kill(&tree, UP_WITHIN_MS)) {
        s_die("the tree could not be killed");
    }
    printf("tree %d killed\n", number + 1);
    s_start_node(self);
}

//  The supervisor is killed alone: its actors must follow it by themselves.
static void s_kill_supervisor(crash_t *self) {
    tree_t tree;
    tree_read(&tree, self->state);
    kill(self->node, SIGKILL);
    for (int i = 0; i < tree.size; i++) {
        if (!wait_gone(tree.actors[i].pid, UP_WITHIN_MS, NULL)) {
            s_die("an orphan outlived its supervisor");
        }
    }
    s_start_node(self);
}

static void s_kill_one(crash_t *self, int number) {
    tree_t tree;
    if (!tree_wait_up(&tree, self->state, NULL, 0, UP_WITHIN_MS)) {
        s_die("the node is not up before a kill; see node.log");
    }
    const actor_t *victim = &tree.actors[number % tree.size];
    printf("kill %d: %s\n", number + 1, victim->name);
    if (number % tree.size == 0) {
        s_kill_supervisor(self);
        return;
    }
    char name[32];
    pid_t pid = victim->pid;
    snprintf(name, sizeof name, "%s", victim->name);
    kill(pid, SIGKILL);
    if (!tree_wait_up(&tree, self->state, name, pid, UP_WITHIN_MS)) {
        s_die("a killed actor did not come back; see node.log");
    }
}

//  ---- the end

static size_t s_on_body(char *data, size_t size, size_t count, void *context) {
    strncat(context, data, size * count < 65536 - strlen(context) - 1 ? size * count : 0);
    return size * count;
}

//  Whether the node says that nothing is open at the destination.
static bool s_is_quiet(crash_t *self) {
    static char body[65536];
    char url[128];
    long open = -1;
    CURL *curl = curl_easy_init();
    body[0] = 0;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/destinations/third", self->http_port);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, s_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, (void *)body);
    if (curl_easy_perform(curl) == CURLE_OK) {
        json_t *root = json_loads(body, 0, NULL);
        json_t *states = json_object_get(root, "commands");
        if (json_is_object(states)) {
            open = (long)(json_integer_value(json_object_get(states, "accepted")) +
                          json_integer_value(json_object_get(states, "calling")) +
                          json_integer_value(json_object_get(states, "waiting")));
        }
        json_decref(root);
    }
    curl_easy_cleanup(curl);
    return open == 0;
}

static void s_wait_quiet(crash_t *self) {
    int64_t until = now_ms() + QUIET_WITHIN_MS + self->hot * QUIET_HOT_MS;
    while (!s_is_quiet(self)) {
        if (now_ms() > until) {
            s_die("commands are still open long after the load ended");
        }
        struct timespec look = {0, 50 * 1000000};
        nanosleep(&look, NULL);
    }
}

static bool s_stop(pid_t pid, const char *name) {
    int status = 0;
    kill(pid, SIGTERM);
    bool well = wait_gone(pid, 60000, &status) && status == 0;
    if (!well) {
        fprintf(stderr, "crash: %s did not end well (status %d); see its log\n", name, status);
    }
    return well;
}

static bool s_verify(crash_t *self) {
    char program[4200];
    int status = -1;
    snprintf(program, sizeof program, "%s/holdfast", self->bin);
    const char *argv[] = {program, "journal", "verify", "--state", self->state, NULL};
    return wait_gone(start(NULL, argv), 120000, &status) && status == 0;
}

static int s_judge(crash_t *self, bool well) {
    char acks[4200], log[4200];
    ledger_t ledger;
    bool checked = ledger_check(&ledger, s_path(self, "acks", acks, sizeof acks),
                                s_path(self, "third.log", log, sizeof log), self->state, self->hot);
    printf("%" PRIu64 " acknowledged, %" PRIu64 " calls, %" PRIu64 " of them repeated (%" PRIu64
           " uncertain attempts), %" PRIu64 " requests answered after a retry, %" PRIu64 " violations\n",
           ledger.acknowledged, ledger.calls, ledger.duplicates, ledger.uncertain, ledger.replays,
           ledger.violations);
    if (self->hot) {
        printf("%" PRIu64 " calls in the order of their keys, %" PRIu64
               " of them of the hot one; from acceptance to the first call"
               ": the others 99 %% in %" PRId64 " ms, the hot ones %" PRId64 " ms\n",
               ledger.ordered, ledger.hot, ledger.others_p99_ms, ledger.hot_p99_ms);
    }
    return well && checked && ledger.acknowledged > 0 && ledger.violations == 0 ? 0 : 1;
}

//  The next batch for the hot key, while processes come and go.
static void s_heat(crash_t *self) {
    long left = self->hot - self->submitted, size = left < HOT_BATCH ? left : HOT_BATCH;
    if (size > 0) {
        if (!hot_submit(self->http_port, self->submitted, size, HOT_WITHIN_MS)) {
            s_die("a batch for the hot key was not acknowledged");
        }
        self->submitted += size;
    }
}

static int s_run(crash_t *self) {
    s_start_third(self);
    s_start_node(self);
    s_start_load(self);
    int every = self->trees > 0 ? (self->kills + self->trees) / self->trees : 0;
    for (int number = 0, trees = 0; number < self->kills || trees < self->trees;) {
        s_heat(self);
        s_pause(self);
        if (trees < self->trees && (number >= self->kills || (number + 1) % every == 0)) {
            s_kill_tree(self, trees++);
        }
        if (number < self->kills) {
            s_kill_one(self, number++);
        }
    }
    while (self->submitted < self->hot) {
        s_heat(self);
    }
    bool well = s_stop(self->load, "load");
    s_wait_quiet(self);
    well = s_stop(self->node, "the node") && well;
    well = s_stop(self->third, "the stand-in") && well;
    well = s_verify(self) && well;
    return s_judge(self, well);
}

static void s_end_children(crash_t *self) {
    pid_t pids[] = {self->load, self->node, self->third};
    for (int i = 0; i < 3; i++) {
        if (pids[i] > 0) {
            kill(pids[i], SIGKILL);
        }
    }
}

static crash_t s_crash;

static void s_at_exit(void) {
    s_end_children(&s_crash);
}

static void s_parse(crash_t *self, int argc, char **argv) {
    static const struct option options[] = {
        {"bin", 1, NULL, 'b'},   {"dir", 1, NULL, 'd'},   {"rate", 1, NULL, 'r'}, {"kills", 1, NULL, 'k'},
        {"trees", 1, NULL, 't'}, {"pause", 1, NULL, 'p'}, {"seed", 1, NULL, 's'}, {"hot", 1, NULL, 'H'},
        {"keys", 1, NULL, 'K'},  {"help", 0, NULL, 'h'},  {NULL, 0, NULL, 0}};
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (option) {
        case 'b':
            self->bin = optarg;
            break;
        case 'd':
            self->dir = optarg;
            break;
        case 'r':
            self->rate = atol(optarg);
            break;
        case 'k':
            self->kills = atoi(optarg);
            break;
        case 't':
            self->trees = atoi(optarg);
            break;
        case 'p':
            self->pause_ms = atoi(optarg);
            break;
        case 's':
            self->rng.seed = strtoull(optarg, NULL, 10);
            break;
        case 'H':
            self->hot = atol(optarg);
            break;
        case 'K':
            self->keys = atol(optarg);
            break;
        case 'h':
            fputs(s_help, stdout);
            exit(0);
        default:
            fputs("crash: see crash --help\n", stderr);
            exit(2);
        }
    }
}

int main(int argc, char **argv) {
    crash_t *self = &s_crash;
    static char made[4096];
    *self = (crash_t){.bin = "build",
                      .rate = 2000,
                      .kills = 200,
                      .trees = 20,
                      .pause_ms = 300,
                      .keys = 10000,
                      .rng = {(uint64_t)time(NULL), 0}};
    s_parse(self, argc, argv);
    if (!self->dir) {
        const char *tmp = getenv("TMPDIR");
        snprintf(made, sizeof made, "%s/holdfast-crash-XXXXXX", tmp ? tmp : "/tmp");
        self->dir = mkdtemp(made);
    } else {
        mkdir(self->dir, 0700);
    }
    if (!self->dir) {
        s_die("no temporary folder");
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seed %" PRIu64 ", in %s\n", self->rng.seed, self->dir);
    s_path(self, "state", self->state, sizeof self->state);
    self->http_port = free_port();
    atexit(s_at_exit);
    int status = s_run(self);
    self->load = self->node = self->third = 0;
    if (status == 0 && self->dir == made) {
        char command[4200];
        snprintf(command, sizeof command, "rm -rf '%s'", made);
        return system(command) ? 1 : 0;
    }
    return status;
}
