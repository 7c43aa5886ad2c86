/*  simulation [--seeds N] [--first SEED] [--random N] [--seed S [--story]] [--twice S]: runs worlds, prints
 * what they met.  */

#include "simulation/coverage.h"
#include "simulation/world.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char s_usage[] =
    "usage: simulation [options]\n"
    "\n"
    "Runs simulated nodes, one for each seed, and asserts the invariants of docs/simulation.md.\n"
    "\n"
    "  --seeds N     how many, from the first seed on (default 1000)\n"
    "  --first SEED  the first seed (default 1)\n"
    "  --random N    so many more, from a seed that the system's entropy gives (default 0)\n"
    "  --seed SEED   one seed only\n"
    "  --story       tell every step (one seed only)\n"
    "  --twice SEED  run that seed twice, and compare every step of both\n"
    "  --no-cover    do not ask that every fault was met\n"
    "  --help        this text\n"
    "\n"
    "Exit status: 0 all held; 1 something did not, and the line that replays it is printed; 2 wrong usage.\n"
    "\n"
    "example: scripts/simulate --seed 4711 --story | less\n";

typedef struct {
    uint64_t seeds;  //  How many
    uint64_t first;  //  The first
    uint64_t random; //  How many more, from entropy
    bool one;        //  first is the only one
    bool story;      //  Tell it
    bool twice;      //  Run it twice
    bool cover;      //  Every fault must have been met
} options_t;

static uint64_t s_seed; //  The one that runs: for the last words of a crash
static char s_dir[64];  //  Where worlds keep their file

//  An assertion in a core, or a sanitizer, ended the process: say which seed it was. Async-signal-safe.
static void s_on_abort(int signal_number) {
    char text[] = "\nit died; see it happen: scripts/simulate --story --seed 00000000000000000000\n";
    uint64_t seed = s_seed;
    for (size_t i = sizeof text - 3; i > sizeof text - 23; i--) {
        text[i] = (char)('0' + seed % 10);
        seed /= 10;
    }
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    (void)written;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static uint64_t s_number(const char *text) {
    char *end = NULL;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    if (errno || *end || end == text || *text == '-') {
        fprintf(stderr, "simulation: '%s' is no number\n", text);
        exit(2);
    }
    return number;
}

static options_t s_options(int argc, char **argv) {
    static const struct option names[] = {{"seeds", required_argument, NULL, 'n'},
                                          {"first", required_argument, NULL, 'f'},
                                          {"random", required_argument, NULL, 'r'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"story", no_argument, NULL, 't'},
                                          {"twice", required_argument, NULL, 'w'},
                                          {"no-cover", no_argument, NULL, 'c'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    options_t options = {.seeds = 1000, .first = 1, .cover = true};
    for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (option) {
        case 'n':
            options.seeds = s_number(optarg);
            break;
        case 'r':
            options.random = s_number(optarg);
            break;
        case 'f':
        case 's':
        case 'w':
            options.first = s_number(optarg);
            options.one = option != 'f';
            options.twice = option == 'w';
            break;
        case 't':
            options.story = true;
            break;
        case 'c':
            options.cover = false;
            break;
        case 'h':
            fputs(s_usage, stdout);
            exit(0);
        default:
            fputs(s_usage, stderr);
            exit(2);
        }
    }
    if (options.story && !options.one) {
        fputs("simulation: --story needs --seed\n", stderr);
        exit(2);
    }
    return options;
}

//  In memory where the system has such a folder; nothing is synced anyway.
static void s_make_dir(void) {
    snprintf(s_dir, sizeof s_dir, "/dev/shm/holdfast-simulation-XXXXXX");
    if (!mkdtemp(s_dir)) {
        snprintf(s_dir, sizeof s_dir, "/tmp/holdfast-simulation-XXXXXX");
        if (!mkdtemp(s_dir)) {
            perror("simulation: a folder for the journal cannot be made");
            exit(1);
        }
    }
}

static void s_remove_dir(void) {
    rmdir(s_dir);
}

static uint64_t s_run(uint64_t seed, bool story) {
    uint64_t steps;
    s_seed = seed;
    return sim_world_run(seed, s_dir, story, &steps);
}

//  The steps of both runs are in the hashes: the same seed gives the same trace.
static int s_run_twice(uint64_t seed) {
    uint64_t first = s_run(seed, false);
    s_run(seed + 1, false); //  Nothing of a world may stay behind
    uint64_t second = s_run(seed, false);
    printf("seed %" PRIu64 ": %016" PRIx64 " and %016" PRIx64 "\n", seed, first, second);
    return first == second ? 0 : 1;
}

static double s_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t s_run_from(uint64_t first, uint64_t seeds) {
    uint64_t steps = 0;
    if (seeds == 0) {
        return 0;
    }
    printf("seeds %" PRIu64 " to %" PRIu64 "\n", first, first + seeds - 1);
    fflush(stdout);
    for (uint64_t i = 0; i < seeds; i++) {
        uint64_t some = 0;
        s_seed = first + i;
        sim_world_run(s_seed, s_dir, false, &some);
        steps += some;
    }
    return steps;
}

static int s_run_many(const options_t *options) {
    double began = s_now();
    uint64_t steps = s_run_from(options->first, options->seeds);
    if (options->random) {
        uint64_t first = 0;
        if (getrandom(&first, sizeof first, 0) != sizeof first) {
            perror("simulation: getrandom");
            return 1;
        }
        steps += s_run_from(first >> 8, options->random);
    }
    double took = s_now() - began;
    unsigned missing = sim_coverage_print();
    uint64_t seeds = options->seeds + options->random;
    printf("\n%" PRIu64 " seeds, %" PRIu64 " steps in %.1f s (%.1f ms a seed): all invariants held\n", seeds,
           steps, took, took * 1000 / (double)(seeds ? seeds : 1));
    if (missing && options->cover) {
        printf("%u faults were never met: the simulator does not try what it says\n", missing);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    options_t options = s_options(argc, argv);
    s_make_dir();
    atexit(s_remove_dir);
    signal(SIGABRT, s_on_abort);
    signal(SIGSEGV, s_on_abort);
    if (options.twice) {
        return s_run_twice(options.first);
    }
    if (options.one) {
        uint64_t hash = s_run(options.first, options.story);
        printf("seed %" PRIu64 ": all invariants held, trace %016" PRIx64 "\n", options.first, hash);
        return 0;
    }
    return s_run_many(&options);
}
