/*  disk-probe: what the disk itself can do. Appends records to a file, so many for each fdatasync, as the
 *  plainest log would, and tells how long a sync takes and how many records a second that is: the control for
 *  whatever claims to be durable.  */

#include "base/histogram.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

static const char s_help[] =
    "disk-probe: appends records to a file with one fdatasync for each batch\n"
    "\n"
    "usage: disk-probe --file FILE [options]\n"
    "\n"
    "  --file FILE        made anew, and removed at the end; lies on the disk that is asked about\n"
    "  --record-bytes N   of each record. Default 480: a body of 400 and what is kept about it\n"
    "  --batch N          records for each fdatasync. Default 1\n"
    "  --duration S       default 2\n"
    "  --help\n"
    "\n"
    "Prints one JSON object: syncs, records, seconds, records_per_second, sync_ms {p50 p99 p99.9 max mean}.\n"
    "\n"
    "example: disk-probe --file /var/lib/holdfast/probe --batch 64\n"
    "\n"
    "Exit status: 0 measured, 1 the disk said no, 2 wrong usage.\n";

#define RECORD_MOST (1 << 20)
#define BATCH_MOST  65536

typedef struct {
    const char *path;           //  To write
    size_t record_bytes;        //  Of each record
    size_t batch;               //  Records for each sync
    double seconds;             //  How long
    int fd;                     //  The file
    char *bytes;                //  One batch
    uint64_t syncs;             //  So far
    hf_histogram_t *latency_us; //  Of a write and its sync
} s_probe_t;

static double s_number(const char *name, double least, double most) {
    char *end;
    double number = strtod(optarg, &end);
    if (!*optarg || *end || !(number >= least && number <= most)) {
        fprintf(stderr, "disk-probe: --%s cannot be \"%s\"; see disk-probe --help\n", name, optarg);
        exit(2);
    }
    return number;
}

static void s_read_options(s_probe_t *self, int argc, char **argv) {
    static const struct option options[] = {
        {"file", required_argument, NULL, 'f'},  {"record-bytes", required_argument, NULL, 'r'},
        {"batch", required_argument, NULL, 'b'}, {"duration", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'f':
            self->path = optarg;
            break;
        case 'r':
            self->record_bytes = (size_t)s_number("record-bytes", 1, RECORD_MOST);
            break;
        case 'b':
            self->batch = (size_t)s_number("batch", 1, BATCH_MOST);
            break;
        case 'd':
            self->seconds = s_number("duration", 0.01, 3600);
            break;
        case 'h':
            fputs(s_help, stdout);
            exit(0);
        default:
            exit(2);
        }
    }
    if (!self->path || optind < argc) {
        fputs("disk-probe: --file, and options only; see disk-probe --help\n", stderr);
        exit(2);
    }
}

//  One batch, durable. -1 with errno.
static int s_append(s_probe_t *self) {
    size_t size = self->record_bytes * self->batch;
    for (size_t written = 0; written < size;) {
        ssize_t count = write(self->fd, self->bytes + written, size - written);
        if (count < 0 && errno != EINTR) {
            return -1;
        }
        written += count > 0 ? (size_t)count : 0;
    }
    return fdatasync(self->fd);
}

static int s_measure(s_probe_t *self) {
    int64_t began_us = load_steady_us();
    int64_t now_us = began_us;
    while ((double)(now_us - began_us) < self->seconds * 1e6) {
        if (s_append(self) != 0) {
            return -1;
        }
        int64_t done_us = load_steady_us();
        hf_histogram_add(self->latency_us, done_us - now_us);
        self->syncs++;
        now_us = done_us;
    }
    self->seconds = (double)(now_us - began_us) / 1e6;
    return 0;
}

static void s_print(const s_probe_t *self) {
    const hf_histogram_t *latency_us = self->latency_us;
    uint64_t records = self->syncs * self->batch;
    printf("{\"syncs\":%llu,\"records\":%llu,\"record_bytes\":%zu,\"batch\":%zu,\"seconds\":%.3f,"
           "\"records_per_second\":%.1f,",
           (unsigned long long)self->syncs, (unsigned long long)records, self->record_bytes, self->batch,
           self->seconds, (double)records / self->seconds);
    printf("\"sync_ms\":{\"p50\":%.3f,\"p99\":%.3f,\"p99.9\":%.3f,\"max\":%.3f,\"mean\":%.3f}}\n",
           (double)hf_histogram_quantile(latency_us, 0.5) / 1e3,
           (double)hf_histogram_quantile(latency_us, 0.99) / 1e3,
           (double)hf_histogram_quantile(latency_us, 0.999) / 1e3, (double)hf_histogram_max(latency_us) / 1e3,
           hf_histogram_mean(latency_us) / 1e3);
}

int main(int argc, char **argv) {
    s_probe_t self = {.record_bytes = 480, .batch = 1, .seconds = 2};
    s_read_options(&self, argc, argv);
    self.bytes = load_alloc(self.record_bytes * self.batch);
    memset(self.bytes, 'x', self.record_bytes * self.batch);
    self.latency_us = hf_histogram_new();
    self.fd = open(self.path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    int result = self.fd < 0 ? -1 : s_measure(&self);
    if (result == 0) {
        s_print(&self);
    } else {
        fprintf(stderr, "disk-probe: %s: %s\n", self.path, strerror(errno));
    }
    if (self.fd >= 0) {
        close(self.fd);
        unlink(self.path);
    }
    hf_histogram_destroy(&self.latency_us);
    free(self.bytes);
    return result == 0 ? 0 : 1;
}
