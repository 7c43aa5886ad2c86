#include "ingress/request_shell.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double s_seconds(const struct timeval *time) {
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

//  proc(5): /proc/self/statm counts pages.
static void s_measure_memory(hf_metrics_t *metrics) {
    uint64_t whole = 0, resident = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &whole, &resident) == 2) {
            metrics->virtual_bytes = whole * page;
            metrics->resident_bytes = resident * page;
        }
        fclose(file);
    }
}

//  proc(5): field 22 of /proc/self/stat is the start, in clock ticks since boot. Fields are counted behind
//  the last ')'.
static double s_started_after_boot(void) {
    char text[1024] = "";
    FILE *file = fopen("/proc/self/stat", "re");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) {
        fclose(file);
    }
    text[size] = 0;
    const char *place = strrchr(text, ')');
    unsigned long long ticks = 0;
    if (!place ||
        sscanf(place + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               &ticks) != 1) {
        return 0;
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static uint64_t s_open_fds(void) {
    uint64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder)) {
        count++;
    }
    if (folder) {
        closedir(folder);
    }
    return count > 3 ? count - 3 : 0; //  ".", "..", and the folder itself
}

void hf_process_measure(hf_metrics_t *metrics) {
    struct rusage usage;
    struct rlimit limit;
    struct timespec boot, wall;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        metrics->cpu_seconds = s_seconds(&usage.ru_utime) + s_seconds(&usage.ru_stime);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        metrics->max_fds = limit.rlim_cur;
    }
    if (metrics->start_seconds == 0 && clock_gettime(CLOCK_BOOTTIME, &boot) == 0 &&
        clock_gettime(CLOCK_REALTIME, &wall) == 0) {
        metrics->start_seconds = (double)wall.tv_sec - (double)boot.tv_sec + s_started_after_boot();
    }
    s_measure_memory(metrics);
    metrics->open_fds = s_open_fds();
}
