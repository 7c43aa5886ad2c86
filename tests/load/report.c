#include "report.h"

#include <jansson.h>

static const char *const s_error_names[LOAD_ERRORS] = {[LOAD_STATUS] = "status",
                                                       [LOAD_CONNECTION] = "connection",
                                                       [LOAD_TIMEOUT] = "timeout",
                                                       [LOAD_MALFORMED] = "malformed"};

static const struct {
    const char *name; //  In the report
    double share;     //  0 … 1
} s_quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};

static double s_seconds(const load_report_t *self) {
    return (double)self->elapsed_us / 1e6;
}

static double s_rate(const load_report_t *self) {
    return self->elapsed_us > 0 ? (double)self->acknowledged / s_seconds(self) : 0;
}

static double s_cpu_us(const load_report_t *self) {
    return self->tries ? self->cpu_s * 1e6 / (double)self->tries : 0;
}

static void s_print_text(const load_report_t *self, FILE *to) {
    fprintf(
        to,
        "requests      %llu acknowledged, %llu failed, %llu unfinished, %llu unsent; %llu tries in %.3f s\n",
        (unsigned long long)self->acknowledged, (unsigned long long)self->failed,
        (unsigned long long)self->unfinished, (unsigned long long)self->unsent,
        (unsigned long long)self->tries, s_seconds(self));
    fprintf(to, "rate          %.1f/s\n", s_rate(self));
    fprintf(to, "errors       ");
    for (int kind = 0; kind < LOAD_ERRORS; kind++) {
        fprintf(to, " %s %llu", s_error_names[kind], (unsigned long long)self->errors[kind]);
    }
    fprintf(to, "\nstatuses     ");
    for (int status = 0; status < 600; status++) {
        if (self->by_status[status]) {
            fprintf(to, " %d: %llu", status, (unsigned long long)self->by_status[status]);
        }
    }
    fprintf(to, "\nlatency ms   ");
    for (size_t index = 0; index < sizeof s_quantiles / sizeof *s_quantiles; index++) {
        fprintf(to, " %s %.3f", s_quantiles[index].name,
                (double)hf_histogram_quantile(self->latencies_us, s_quantiles[index].share) / 1e3);
    }
    fprintf(to, " max %.3f mean %.3f\n", (double)hf_histogram_max(self->latencies_us) / 1e3,
            hf_histogram_mean(self->latencies_us) / 1e3);
    fprintf(to, "own CPU       %.3f s, %.2f us a try\n", self->cpu_s, s_cpu_us(self));
}

static void s_set(json_t *object, const char *name, uint64_t value) {
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

//  [[microseconds, how many], …]: the whole distribution, for plots.
static json_t *s_buckets(const hf_histogram_t *histogram) {
    json_t *buckets = json_array();
    int64_t bucket = 0;
    int64_t value;
    uint64_t count;
    while (hf_histogram_next(histogram, &bucket, &value, &count)) {
        json_array_append_new(buckets, json_pack("[I, I]", (json_int_t)value, (json_int_t)count));
    }
    return buckets;
}

static json_t *s_second(const load_second_t *second) {
    json_t *row = json_object();
    s_set(row, "acknowledged", second->acknowledged);
    s_set(row, "failed", second->failed);
    s_set(row, "answered", second->answered);
    const hf_histogram_t *latencies_us = second->latencies_us;
    if (latencies_us) {
        json_object_set_new(row, "p50_ms", json_real((double)hf_histogram_quantile(latencies_us, 0.5) / 1e3));
        json_object_set_new(row, "p99_ms",
                            json_real((double)hf_histogram_quantile(latencies_us, 0.99) / 1e3));
        json_object_set_new(row, "max_ms", json_real((double)hf_histogram_max(latencies_us) / 1e3));
    }
    return row;
}

static json_t *s_series(const load_series_t *series) {
    json_t *rows = json_array();
    for (size_t second = 0; second < load_series_size(series); second++) {
        json_array_append_new(rows, s_second(load_series_at(series, second)));
    }
    return rows;
}

static void s_print_json(const load_report_t *self, FILE *to) {
    json_t *errors = json_object();
    json_t *statuses = json_object();
    json_t *latency = json_object();
    json_t *root = json_object();
    for (int kind = 0; kind < LOAD_ERRORS; kind++) {
        s_set(errors, s_error_names[kind], self->errors[kind]);
    }
    for (int status = 0; status < 600; status++) {
        if (self->by_status[status]) {
            char name[16];
            snprintf(name, sizeof name, "%d", status);
            s_set(statuses, name, self->by_status[status]);
        }
    }
    for (size_t index = 0; index < sizeof s_quantiles / sizeof *s_quantiles; index++) {
        int64_t value = hf_histogram_quantile(self->latencies_us, s_quantiles[index].share);
        json_object_set_new(latency, s_quantiles[index].name, json_real((double)value / 1e3));
    }
    json_object_set_new(latency, "max", json_real((double)hf_histogram_max(self->latencies_us) / 1e3));
    json_object_set_new(latency, "mean", json_real(hf_histogram_mean(self->latencies_us) / 1e3));
    s_set(root, "requests", self->started);
    s_set(root, "acknowledged", self->acknowledged);
    s_set(root, "failed", self->failed);
    s_set(root, "unfinished", self->unfinished);
    s_set(root, "unsent", self->unsent);
    s_set(root, "tries", self->tries);
    json_object_set_new(root, "seconds", json_real(s_seconds(self)));
    json_object_set_new(root, "rate", json_real(s_rate(self)));
    json_object_set_new(root, "errors", errors);
    json_object_set_new(root, "statuses", statuses);
    json_object_set_new(root, "latency_ms", latency);
    json_object_set_new(root, "cpu_seconds", json_real(self->cpu_s));
    json_object_set_new(root, "cpu_us_per_try", json_real(s_cpu_us(self)));
    json_object_set_new(root, "buckets_us", s_buckets(self->latencies_us));
    if (self->series) {
        json_object_set_new(root, "by_second", s_series(self->series));
    }
    json_dumpf(root, to, JSON_COMPACT | JSON_REAL_PRECISION(9));
    fputc('\n', to);
    json_decref(root);
}

void load_report_print(const load_report_t *self, bool json, FILE *to) {
    if (json) {
        s_print_json(self, to);
    } else {
        s_print_text(self, to);
    }
}
