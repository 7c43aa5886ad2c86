/*  Happy path: each option has a reader of its own; lists are cut at commas, a pair at its '@' or ':'. Then the
 *  pipeline is looked up, what depends on others gets its default, and everything is scaled.
 *
 *  Failures: the first mistake is said, with what would be right, and it is wrong usage; a file of arrivals that
 *  cannot be read, or a pipeline that is not there, is a failure.  */

#include "cli/scenario.h"

#include "base/units.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TEXT_MAX = 256,        //  Bytes of one item of a list
    LINE_MAX_BYTES = 512,  //  Of a file of arrivals
    KEYS_MAX = 1000000000, //  Different keys
    SCALE_MAX = 1000000,   //  Nobody has so many calls at once
    COMMIT_MAX_MS = 60000, //  A disk that takes longer has failed
};

static const int64_t s_minute_ms = 60000;
static const int64_t s_hour_ms = 60 * s_minute_ms;
static const int64_t s_day_ms = 24 * s_hour_ms;

//  ---- lists

typedef int(item_t)(hf_scenario_t *self, const hf_args_t *args, const char *item);

//  Hands each item between commas to read; an exit status.
static int s_each(hf_scenario_t *self, const hf_args_t *args, const char *list, item_t *read) {
    char item[TEXT_MAX];
    for (const char *at = list;; at++) {
        size_t size = strcspn(at, ",");
        if (size >= sizeof item) {
            return hf_say_usage(args, "'%.40s…' is too long", at);
        }
        memcpy(item, at, size);
        item[size] = 0;
        int status = read(self, args, item);
        at += size;
        if (status || !*at) {
            return status;
        }
    }
}

//  Cuts an item in two at its first mark; returns what is behind it, or NULL.
static char *s_cut(char *item, char mark) {
    char *at = strchr(item, mark);
    if (at) {
        *at++ = 0;
    }
    return at;
}

static int s_duration(const hf_args_t *args, const char *name, int64_t *ms) {
    const char *text = hf_args_value(args, name);
    if (text && hf_duration_parse(text, ms)) {
        return hf_say_usage(args, "--%s takes a duration like " HF_DURATION_EXAMPLE ", not '%s'", name, text);
    }
    return HF_EXIT_DONE;
}

//  ---- arrivals

static int s_add_step(hf_scenario_t *self, int64_t at_ms, double per_second, hf_error_t *error) {
    hf_arrivals_plan_t *plan = &self->plan.arrivals;
    if (plan->size == HF_ARRIVALS_STEPS_MAX) {
        return hf_error_set(error, "more than %d steps", HF_ARRIVALS_STEPS_MAX);
    }
    if (plan->size && at_ms <= plan->steps[plan->size - 1].at_ms) {
        return hf_error_set(error, "its steps are not in order of time");
    }
    if ((plan->size & (plan->size - 1)) == 0) {
        size_t room = plan->size ? plan->size * 2 : 1;
        plan->steps = realloc(plan->steps, room * sizeof *plan->steps);
        if (!plan->steps) {
            abort();
        }
    }
    plan->steps[plan->size++] = (hf_arrivals_step_t){at_ms, per_second};
    return 0;
}

//  A rate, or 0 for none.
static int s_rate(const char *text, double *per_second) {
    if (strcmp(text, "0") == 0) {
        *per_second = 0;
        return 0;
    }
    return hf_rate_parse(text, per_second);
}

static int s_arrivals_item(hf_scenario_t *self, const hf_args_t *args, const char *item) {
    char text[TEXT_MAX];
    double per_second = 0;
    int64_t at_ms = 0;
    hf_error_t error;
    snprintf(text, sizeof text, "%s", item);
    const char *at = s_cut(text, '@');
    if (s_rate(text, &per_second) || (at && hf_duration_parse(at, &at_ms))) {
        return hf_say_usage(
            args, "--arrivals takes RATE or RATE@TIME, like 500/s or 100/s,2000/s@10m, not '%s'", item);
    }
    if (s_add_step(self, at_ms, per_second, &error)) {
        return hf_say_usage(args, "--arrivals %s", error.text);
    }
    return HF_EXIT_DONE;
}

//  One line "TIME RATE" of a file, with its line end; -1 with an error.
static int s_arrivals_line(hf_scenario_t *self, char *line, hf_error_t *error) {
    char time[64], rate[64], more[2];
    int64_t at_ms;
    double per_second;
    line[strcspn(line, "#\r\n")] = 0;
    int found = sscanf(line, "%63s %63s %1s", time, rate, more);
    if (found <= 0) {
        return 0;
    }
    if (found != 2 || (strcmp(time, "0") == 0 ? (at_ms = 0, 0) : hf_duration_parse(time, &at_ms)) ||
        s_rate(rate, &per_second)) {
        return hf_error_set(error, "expected TIME RATE, like: 10m 500/s");
    }
    return s_add_step(self, at_ms, per_second, error);
}

static int s_arrivals_file(hf_scenario_t *self, const char *path) {
    char line[LINE_MAX_BYTES];
    hf_error_t error;
    FILE *file = fopen(path, "re");
    if (!file) {
        return hf_say_failed("%s: %s", path, strerror(errno));
    }
    int status = HF_EXIT_DONE;
    for (unsigned number = 1; status == HF_EXIT_DONE && fgets(line, sizeof line, file); number++) {
        if (s_arrivals_line(self, line, &error)) {
            status = hf_say_failed("%s:%u: %s", path, number, error.text);
        }
    }
    if (status == HF_EXIT_DONE && (ferror(file) || !self->plan.arrivals.size)) {
        status = hf_say_failed("%s: %s", path, ferror(file) ? strerror(errno) : "there is no line TIME RATE");
    }
    fclose(file);
    return status;
}

static int s_read_arrivals(hf_scenario_t *self, const hf_args_t *args) {
    const char *text = hf_args_value(args, "arrivals");
    if (!text) {
        return hf_say_usage(args, "how many commands arrive? --arrivals 500/s");
    }
    self->plan.arrivals.even = hf_args_has(args, "even");
    return *text == '@' ? s_arrivals_file(self, text + 1) : s_each(self, args, text, s_arrivals_item);
}

//  ---- the third party

static int s_outage_item(hf_scenario_t *self, const hf_args_t *args, const char *item) {
    hf_third_plan_t *third = &self->plan.third;
    char text[TEXT_MAX];
    int64_t length_ms = 0, from_ms = 10 * s_minute_ms;
    snprintf(text, sizeof text, "%s", item);
    const char *from = s_cut(text, '@');
    bool now = from && strcmp(from, "0") == 0;
    if (hf_duration_parse(text, &length_ms) || length_ms == 0 ||
        (from && !now && hf_duration_parse(from, &from_ms))) {
        return hf_say_usage(
            args, "--outage takes LENGTH or LENGTH@START, like 2h or 2h@30m or 5m@10m,1h@2h, not '%s'", item);
    }
    from_ms = now ? 0 : from_ms;
    if (third->outages_size == HF_THIRD_OUTAGES_MAX) {
        return hf_say_usage(args, "--outage takes %d outages at most", HF_THIRD_OUTAGES_MAX);
    }
    if (third->outages_size && from_ms <= third->outages[third->outages_size - 1].until) {
        return hf_say_usage(args, "--outage '%s' does not begin after the one before it has ended", item);
    }
    third->outages[third->outages_size++] = (hf_outage_t){from_ms, from_ms + length_ms};
    return HF_EXIT_DONE;
}

static int s_capacity_item(hf_scenario_t *self, const hf_args_t *args, const char *item) {
    char *end = NULL;
    long at_once = strtol(item, &end, 10);
    if (hf_rate_parse(item, &self->plan.third.rate) == 0) {
        return HF_EXIT_DONE;
    }
    if (end == item || *end || at_once < 1 || at_once > HF_THIRD_AT_ONCE_MAX) {
        return hf_say_usage(args,
                            "--capacity takes calls at once, a rate, or both, like 64 or 200/s or 64,200/s, "
                            "not '%s'",
                            item);
    }
    self->plan.third.at_once = (int)at_once;
    return HF_EXIT_DONE;
}

static int s_fail_item(hf_scenario_t *self, const hf_args_t *args, const char *item) {
    hf_third_plan_t *third = &self->plan.third;
    char text[TEXT_MAX], *end = NULL;
    snprintf(text, sizeof text, "%s", item);
    const char *status = s_cut(text, ':');
    double percent = strtod(text, &end);
    long answer = status ? strtol(status, NULL, 10) : 503;
    if (end == text || strcmp(end, "%") != 0 || !(percent > 0 && percent <= 100) || answer < 300 ||
        answer > 599 || (status && strlen(status) != 3)) {
        return hf_say_usage(
            args, "--fail takes SHARE or SHARE:STATUS (300 to 599), like 2%% or 2%%:503,0.1%%:400, not '%s'",
            item);
    }
    if (third->failures_size == HF_THIRD_FAILURES_MAX) {
        return hf_say_usage(args, "--fail takes %d shares at most", HF_THIRD_FAILURES_MAX);
    }
    third->failures[third->failures_size].share = percent / 100;
    third->failures[third->failures_size++].status = (int)answer;
    double sum = 0;
    for (size_t i = 0; i < third->failures_size; i++) {
        sum += third->failures[i].share;
    }
    return sum <= 1 ? HF_EXIT_DONE : hf_say_usage(args, "the shares of --fail are over 100%% together");
}

static int s_read_latency(hf_scenario_t *self, const hf_args_t *args) {
    char text[TEXT_MAX];
    int64_t median_ms = 50, p99_ms = 0;
    const char *given = hf_args_value(args, "latency");
    snprintf(text, sizeof text, "%s", given ? given : "50ms");
    const char *p99 = s_cut(text, ',');
    if (hf_duration_parse(text, &median_ms) || (p99 && hf_duration_parse(p99, &p99_ms)) || median_ms == 0 ||
        (p99 && p99_ms < median_ms)) {
        return hf_say_usage(args, "--latency takes MEDIAN or MEDIAN,P99, like 50ms or 50ms,400ms, not '%s'",
                            given);
    }
    self->plan.third.median_ms = (double)median_ms;
    self->plan.third.p99_ms = (double)(p99 ? p99_ms : median_ms);
    return HF_EXIT_DONE;
}

//  One of several words; its number goes to *number.
static int s_word(const hf_args_t *args, const char *name, const char *const words[3], int *number) {
    const char *text = hf_args_value(args, name);
    for (int i = 0; text && i < 3; i++) {
        if (strcmp(text, words[i]) == 0) {
            *number = i;
            return HF_EXIT_DONE;
        }
    }
    return text ? hf_say_usage(args, "--%s takes %s, %s or %s, not '%s'", name, words[0], words[1], words[2],
                               text)
                : HF_EXIT_DONE;
}

static int s_read_third(hf_scenario_t *self, const hf_args_t *args) {
    static const char *const overloads[] = {"queue", "429", "503"};
    static const char *const kinds[] = {"refused", "hangs", "503"};
    hf_third_plan_t *third = &self->plan.third;
    const char *outage = hf_args_value(args, "outage");
    const char *capacity = hf_args_value(args, "capacity");
    const char *fail = hf_args_value(args, "fail");
    int64_t retry_after_ms = -1000;
    int overload = HF_OVERLOAD_QUEUE, kind = HF_OUTAGE_REFUSED;
    if (s_read_latency(self, args) || (outage && s_each(self, args, outage, s_outage_item)) ||
        (capacity && s_each(self, args, capacity, s_capacity_item)) ||
        (fail && s_each(self, args, fail, s_fail_item)) || s_word(args, "overload", overloads, &overload) ||
        s_word(args, "outage-as", kinds, &kind) || s_duration(args, "retry-after", &retry_after_ms)) {
        return HF_EXIT_USAGE;
    }
    if (retry_after_ms % 1000 || retry_after_ms > INT64_C(1000) * 1000000) {
        return hf_say_usage(args, "--retry-after takes whole seconds, like 10s, as HTTP does");
    }
    third->overload = (hf_overload_t)overload;
    third->kind = (hf_outage_kind_t)kind;
    third->retry_after_s = (int)(retry_after_ms / 1000);
    return HF_EXIT_DONE;
}

//  ---- the rest

//  How long clients come: as said, or an hour behind the last outage and the last step.
static int s_read_times(hf_scenario_t *self, const hf_args_t *args) {
    hf_forecast_plan_t *plan = &self->plan;
    int64_t last_ms = plan->arrivals.steps[plan->arrivals.size - 1].at_ms;
    if (plan->third.outages_size && plan->third.outages[plan->third.outages_size - 1].until > last_ms) {
        last_ms = plan->third.outages[plan->third.outages_size - 1].until;
    }
    plan->arrivals.until_ms = last_ms + s_hour_ms;
    plan->commit_ms = 2;
    if (s_duration(args, "duration", &plan->arrivals.until_ms) ||
        s_duration(args, "commit", &plan->commit_ms)) {
        return HF_EXIT_USAGE;
    }
    plan->until_ms = (plan->arrivals.until_ms > last_ms ? plan->arrivals.until_ms : last_ms) + 7 * s_day_ms;
    if (s_duration(args, "until", &plan->until_ms)) {
        return HF_EXIT_USAGE;
    }
    if (plan->arrivals.until_ms == 0 || plan->until_ms == 0) {
        return hf_say_usage(args, "--duration and --until are longer than that");
    }
    return plan->commit_ms <= COMMIT_MAX_MS ? HF_EXIT_DONE
                                            : hf_say_usage(args, "--commit takes a minute at most");
}

static int s_read_numbers(hf_scenario_t *self, const hf_args_t *args) {
    long long seed = 1, keys = 0, scale = 1;
    const char *memory = hf_args_value(args, "memory");
    self->memory = (size_t)2 << 30;
    if (hf_args_number(args, "seed", 0, INT64_MAX, &seed) ||
        hf_args_number(args, "keys", 1, KEYS_MAX, &keys) ||
        hf_args_number(args, "scale", 1, SCALE_MAX, &scale)) {
        return HF_EXIT_USAGE;
    }
    if (memory && (hf_size_parse(memory, &self->memory) || self->memory < (size_t)16 << 20)) {
        return hf_say_usage(args, "--memory takes a size of 16M or more, like " HF_SIZE_EXAMPLE ", not '%s'",
                            memory);
    }
    self->plan.seed = (uint64_t)seed;
    self->plan.keys = (uint64_t)keys;
    self->scale = (uint64_t)scale;
    return HF_EXIT_DONE;
}

//  Divides what bounds calls by the scale, where that leaves whole numbers.
static int s_scale(hf_scenario_t *self, const hf_args_t *args) {
    hf_third_plan_t *third = &self->plan.third;
    int scale = (int)self->scale;
    int number = hf_config_destination_number(self->config, self->plan.pipeline->destination->name);
    hf_destination_t *destination = self->config->destinations[number];
    if (destination->concurrency % scale || third->at_once % scale) {
        return hf_say_usage(
            args, "--scale %d does not divide %s of %d evenly: choose a divisor of it, or another %s", scale,
            destination->concurrency % scale ? "the concurrency" : "the capacity",
            destination->concurrency % scale ? destination->concurrency : third->at_once,
            destination->concurrency % scale ? "concurrency" : "capacity");
    }
    destination->concurrency /= scale;
    destination->rate /= scale;
    third->at_once /= scale;
    third->rate /= scale;
    for (size_t i = 0; i < self->plan.arrivals.size; i++) {
        self->plan.arrivals.steps[i].per_second /= scale;
    }
    return HF_EXIT_DONE;
}

static int s_read_pipelines(hf_scenario_t *self, const hf_args_t *args) {
    const char *name = args->words[0];
    self->config = hf_read_pipelines((const char *const *)args->words + 1, (size_t)args->words_size - 1);
    if (!self->config) {
        return HF_EXIT_FAILED;
    }
    self->plan.config = self->config;
    self->plan.pipeline = hf_config_pipeline(self->config, name);
    if (!self->plan.pipeline) {
        const char **names = calloc(self->config->pipelines_size + 1, sizeof *names);
        for (size_t i = 0; names && i < self->config->pipelines_size; i++) {
            names[i] = self->config->pipelines[i]->name;
        }
        const char *nearest = names ? hf_nearest(name, names, self->config->pipelines_size) : NULL;
        free(names);
        return hf_say_failed("there is no pipeline '%s' in these files%s%s%s", name,
                             nearest ? " (did you mean '" : "", nearest ? nearest : "", nearest ? "'?)" : "");
    }
    return s_scale(self, args);
}

int hf_scenario_read(hf_scenario_t *self, const hf_args_t *args) {
    static int (*const readers[])(hf_scenario_t *, const hf_args_t *) = {
        s_read_arrivals, s_read_third, s_read_times, s_read_numbers, s_read_pipelines};
    *self = (hf_scenario_t){0};
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        int status = readers[i](self, args);
        if (status) {
            return status;
        }
    }
    return HF_EXIT_DONE;
}

void hf_scenario_free(hf_scenario_t *self) {
    free(self->plan.arrivals.steps);
    hf_config_destroy(&self->config);
    *self = (hf_scenario_t){0};
}
