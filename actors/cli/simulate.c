//  holdfast simulate: what would happen, before it does. A forecast over a journal in memory, told and drawn.

#include "cli/outlook.h"
#include "cli/scenario.h"
#include "cli/terminal.h"
#include "cli/verbs.h"
#include "simulate/plot.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { DIR_SIZE = 256 }; //  Bytes of the folder's path

//  Somebody waits: how far it is, once in a while.
typedef struct {
    bool shown;     //  stderr is a terminal
    double begun_s; //  When it began
    double next_s;  //  When to show it again
} progress_t;

static volatile sig_atomic_t s_interrupted; //  ^C: end, and clean up

static void s_on_signal(int number) {
    (void)number;
    s_interrupted = 1;
}

static double s_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool s_on_progress(void *context, const hf_tally_t *tally) {
    progress_t *progress = context;
    double now = s_now();
    if (progress->shown && now >= progress->next_s) {
        char span[HF_PLOT_SPAN], accepted[HF_PLOT_SPAN], open[HF_PLOT_SPAN];
        hf_plot_span(tally->now_ms, span);
        hf_plot_count(tally->whole.accepted, accepted);
        hf_plot_count(tally->open, open);
        fprintf(stderr, "\r%s simulated, %s commands, %s open        ", span, accepted, open);
        progress->next_s = now + 0.2;
    }
    return !s_interrupted;
}

static void s_end_progress(const progress_t *progress, const hf_tally_t *tally) {
    if (progress->shown && tally) {
        double took = s_now() - progress->begun_s;
        fprintf(stderr, "\r%-70s\r", "");
        fprintf(stderr, "%.1f s, %.0f commands a second\n", took, (double)tally->whole.accepted / took);
    } else if (progress->shown) {
        fputc('\n', stderr);
    }
}

//  ---- the journal's folder

//  In memory where there is such a place: nothing of it has to last.
static int s_make_dir(char dir[DIR_SIZE]) {
    const char *places[] = {"/dev/shm", getenv("TMPDIR"), "/tmp"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int size = places[i] ? snprintf(dir, DIR_SIZE, "%s/holdfast-simulate-XXXXXX", places[i]) : -1;
        if (size > 0 && size < DIR_SIZE && mkdtemp(dir)) {
            return 0;
        }
    }
    return hf_say_failed("a folder for the simulated journal cannot be made in /dev/shm, $TMPDIR or /tmp: %s",
                         strerror(errno));
}

static void s_remove_dir(const char *dir) {
    static const char *const files[] = {"data.mdb", "lock.mdb"};
    char path[DIR_SIZE + 16];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    rmdir(dir);
}

//  No more than is there: a file in memory that finds none ends the process.
static size_t s_room(const char *dir, size_t wanted) {
    struct statvfs place;
    if (statvfs(dir, &place)) {
        return wanted;
    }
    size_t free = (size_t)place.f_bavail * place.f_frsize;
    return wanted < free / 2 ? wanted : free / 2;
}

//  ---- running

static hf_tally_t *s_forecast(hf_scenario_t *scenario, const char *dir, hf_error_t *error) {
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = s_room(dir, scenario->memory)};
    progress_t progress = {.shown = isatty(STDERR_FILENO) == 1, .begun_s = s_now()};
    scenario->plan.on_progress = s_on_progress;
    scenario->plan.context = &progress;
    hf_store_t *store = hf_store_open(dir, &options, error);
    if (!store) {
        return NULL;
    }
    hf_tally_t *tally = hf_forecast_run(&scenario->plan, store, error);
    s_end_progress(&progress, tally);
    hf_store_close(&store);
    return tally;
}

static int s_write_plot(const hf_scenario_t *scenario, const hf_tally_t *tally, const char *path) {
    char title[256];
    hf_buf_t svg = {0};
    hf_outlook_title(scenario, title, sizeof title);
    hf_plot_svg(&svg, tally, scenario->scale, title);
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(svg.data, 1, svg.size, file) == svg.size;
    written = file && fclose(file) == 0 && written;
    hf_buf_free(&svg);
    return written ? HF_EXIT_DONE : hf_say_failed("%s: %s", path, strerror(errno));
}

static int s_tell(const hf_args_t *args, const hf_scenario_t *scenario, const hf_tally_t *tally) {
    const char *plot = hf_args_value(args, "plot");
    if (hf_args_has(args, "json")) {
        hf_outlook_print_json(scenario, tally, stdout);
    } else {
        hf_outlook_print(scenario, tally, hf_terminal_is(), stdout, hf_terminal_columns());
    }
    return plot ? s_write_plot(scenario, tally, plot) : HF_EXIT_DONE;
}

static int s_run(const hf_args_t *args, hf_scenario_t *scenario) {
    char dir[DIR_SIZE];
    hf_error_t error = {{0}};
    if (s_make_dir(dir)) {
        return HF_EXIT_FAILED;
    }
    signal(SIGINT, s_on_signal);
    signal(SIGTERM, s_on_signal);
    hf_tally_t *tally = s_forecast(scenario, dir, &error);
    s_remove_dir(dir);
    int status = tally ? s_tell(args, scenario, tally)
                       : hf_say_failed("the simulation cannot go on: %s", error.text);
    hf_tally_destroy(&tally);
    return status;
}

int hf_verb_simulate(const hf_args_t *args) {
    hf_scenario_t scenario;
    int status = hf_scenario_read(&scenario, args);
    if (status == HF_EXIT_DONE) {
        status = s_run(args, &scenario);
    }
    hf_scenario_free(&scenario);
    return status;
}
