#include "ingress/submission.h"
#include "base/utf8.h"
#include "ingress/header.h"

#include <string.h>

enum {
    SUGGESTIONS_FROM_MAX =
        200, //  Pipelines among which the nearest name is looked for: each costs a comparison
};

static const hf_pipeline_t *s_pipeline(const hf_config_t *config, const char *name, hf_problem_t *problem) {
    const hf_pipeline_t *pipeline = hf_config_pipeline(config, name);
    const char *known[SUGGESTIONS_FROM_MAX];
    size_t size = 0;
    if (pipeline) {
        return pipeline;
    }
    while (size < config->pipelines_size && size < SUGGESTIONS_FROM_MAX) {
        known[size] = config->pipelines[size]->name;
        size++;
    }
    const char *nearest = hf_nearest(name, known, size);
    if (nearest) {
        hf_problem_set(problem, HF_PROBLEM_NO_PIPELINE, 0, "No pipeline is named '%.64s'; did you mean '%s'?",
                       name, nearest);
    } else {
        hf_problem_set(problem, HF_PROBLEM_NO_PIPELINE, 0, "No pipeline is named '%.64s'.", name);
    }
    return NULL;
}

#define UNCLEAN_TEXT "%s has control characters, or more than %d bytes."
#define NO_TIME_TEXT "%s is '%.64s'; write a time like 2026-07-24T10:00:00Z, or a duration from now like 30s."

static int s_check_headers(const hf_submission_t *self, hf_problem_t *problem) {
    const char *content_type = self->content_type ? self->content_type : "";
    const char *traceparent = self->traceparent ? self->traceparent : "";
    const char *tracestate = self->tracestate ? self->tracestate : "";
    const char *key = self->idempotency_key;
    if (!hf_header_is_clean(content_type, HF_CONTENT_TYPE_MAX) ||
        !hf_utf8_is_valid(content_type, strlen(content_type))) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, UNCLEAN_TEXT, "Content-Type",
                              HF_CONTENT_TYPE_MAX);
    }
    if (!hf_header_is_clean(traceparent, HF_TRACE_MAX)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, UNCLEAN_TEXT, "traceparent", HF_TRACE_MAX);
    }
    if (!hf_header_is_clean(tracestate, HF_TRACE_MAX)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, UNCLEAN_TEXT, "tracestate", HF_TRACE_MAX);
    }
    if (key && (!*key || !hf_header_is_clean(key, HF_IDEMPOTENCY_KEY_MAX))) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, "Idempotency-Key must have 1 to %d characters.",
                              HF_IDEMPOTENCY_KEY_MAX);
    }
    return 0;
}

//  Reads the two times of a submission.
static int s_check_times(const hf_submission_t *self, int64_t now, Hf__Command *command,
                         hf_problem_t *problem) {
    if (self->not_before && hf_moment_parse(self->not_before, now, false, &command->not_before)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, NO_TIME_TEXT, "Holdfast-Not-Before",
                              self->not_before);
    }
    if (self->deadline && hf_moment_parse(self->deadline, now, false, &command->deadline)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, NO_TIME_TEXT, "Holdfast-Deadline",
                              self->deadline);
    }
    if (command->not_before <= now) {
        command->not_before = 0;
    }
    if (self->deadline && (command->deadline <= now || command->deadline <= command->not_before)) {
        return hf_problem_set(problem, HF_PROBLEM_HEADER, 0, "Holdfast-Deadline lies before %s.",
                              command->deadline <= now ? "now" : "Holdfast-Not-Before");
    }
    return 0;
}
//  The client's own, or its pipeline's.
static int s_check_priority(const hf_submission_t *self, const hf_pipeline_t *pipeline, Hf__Command *command,
                            hf_problem_t *problem) {
    const char *text = self->priority;
    int priority = pipeline->priority;
    if (text) {
        if (*text < '0' || *text >= '0' + HF_PRIORITIES || text[1]) {
            return hf_problem_set(
                problem, HF_PROBLEM_HEADER, 0,
                "Holdfast-Priority is '%.64s'; write a number from 0 to 9, the most urgent.", text);
        }
        priority = *text - '0';
    }
    command->urgency = priority - HF_PRIORITY_USUAL;
    return 0;
}

int hf_submission_check(const hf_submission_t *self, const hf_config_t *config, hf_problem_t *problem) {
    if (self->body_size > config->body_limit) {
        return hf_problem_set(problem, HF_PROBLEM_BODY_TOO_LARGE, 0,
                              "The body has %zu bytes; this node takes %zu.", self->body_size,
                              config->body_limit);
    }
    return s_check_headers(self, problem);
}

const hf_pipeline_t *hf_submission_read(const hf_submission_t *self, const hf_config_t *config, int64_t now,
                                        Hf__Command *command, hf_problem_t *problem) {
    const hf_pipeline_t *pipeline = s_pipeline(config, self->pipeline, problem);
    if (!pipeline || hf_submission_check(self, config, problem)) {
        return NULL;
    }
    hf__command__init(command);
    command->pipeline = pipeline->name;
    command->destination = pipeline->destination->name;
    command->content_type = (char *)(self->content_type ? self->content_type : "");
    command->traceparent = (char *)(self->traceparent ? self->traceparent : "");
    command->tracestate = (char *)(self->tracestate ? self->tracestate : "");
    command->accepted_at = now;
    command->ordered = pipeline->ordered;
    if (s_check_priority(self, pipeline, command, problem) || s_check_times(self, now, command, problem)) {
        return NULL;
    }
    return pipeline;
}
