/*  Happy path: a body's members are filters, each as in a list's query, and a few words of a job's own; the journal makes the job, and
 *  its records are shown as they are.  */

#include "ingress/job.h"
#include "base/json_patch.h"
#include "base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ARENA = 16 << 10,          //  Bytes that a job usually takes
    SHOWN_BODY_MAX = 16 << 10, //  Of a body before and after its patch
};

//  ---- what is asked for

typedef struct {
    hf_job_request_t *request; //  Being filled in
    int64_t now;               //  What durations count back from
    hf_problem_t *problem;     //  Why not
} reading_t;

static int s_bad(reading_t *reading, const char *what) {
    return hf_problem_set(reading->problem, HF_PROBLEM_BODY, 0, "%s", what);
}

static int s_take_rate(reading_t *reading, const json_t *value) {
    const char *text = json_string_value(value);
    return text && hf_rate_parse(text, &reading->request->job.rate) == 0
               ? 0
               : s_bad(reading, "\"rate\" wants a text like \"50/s\" or \"10/m\".");
}

static int s_take_limit(reading_t *reading, const json_t *value) {
    json_int_t limit = json_integer_value(value);
    reading->request->job.limit = limit > 0 ? (uint64_t)limit : 0;
    return limit > 0 ? 0 : s_bad(reading, "\"limit\" wants a whole number over 0.");
}

static int s_take_canary(reading_t *reading, const json_t *value) {
    json_int_t canary = json_integer_value(value);
    if (!json_is_integer(value) || canary < 0 || canary > HF_JOB_CANARY_MAX ||
        reading->request->job.event != HF_EVENT_RETRY) {
        return hf_problem_set(reading->problem, HF_PROBLEM_BODY, 0,
                              "\"canary\" wants a whole number from 0 (none) to %d, for a retry.",
                              HF_JOB_CANARY_MAX);
    }
    reading->request->job.canary = (uint32_t)canary;
    return 0;
}

static int s_take_patch(reading_t *reading, json_t *value) {
    hf_error_t error;
    hf_job_request_t *request = reading->request;
    if (request->job.event != HF_EVENT_RETRY) {
        return s_bad(reading, "\"patch\" changes bodies before they are sent again: it is for a retry.");
    }
    if (hf_json_patch_check(value, &error)) {
        return hf_problem_set(reading->problem, HF_PROBLEM_BODY, 0, "\"patch\": %s.", error.text);
    }
    request->patch = json_incref(value);
    request->patch_text = json_dumps(value, JSON_COMPACT);
    size_t size = request->patch_text ? strlen(request->patch_text) : 0;
    if (size == 0 || size > HF_JOB_PATCH_MAX) {
        return hf_problem_set(reading->problem, HF_PROBLEM_BODY_TOO_LARGE, 0,
                              "The patch has %zu bytes; a job takes %d.", size, HF_JOB_PATCH_MAX);
    }
    request->job.patch = (ProtobufCBinaryData){size, (uint8_t *)request->patch_text};
    return 0;
}

static int s_take_dry_run(reading_t *reading, const json_t *value) {
    reading->request->dry_run = json_is_true(value);
    return json_is_boolean(value) ? 0 : s_bad(reading, "\"dry_run\" is true or false.");
}

static int s_take_as(reading_t *reading, const json_t *value) {
    const char *as = json_string_value(value);
    return as && strcmp(as, "succeeded") == 0 && reading->request->job.event == HF_EVENT_RESOLVE
               ? 0
               : s_bad(reading, "\"as\" is \"succeeded\", for resolving.");
}

//  A filter of the lists: those that say where a page begins and ends are none of a job.
static int s_take_filter(reading_t *reading, const char *name, const json_t *value) {
    const char *text = json_string_value(value);
    if (!text || strcmp(name, "cursor") == 0) {
        return hf_problem_set(reading->problem, HF_PROBLEM_BODY, 0,
                              "'%.64s' is no text, or nothing that a job knows; there are pipeline, "
                              "destination, state, class, key, "
                              "group, since, until, limit, rate, canary, patch and dry_run.",
                              name);
    }
    return hf_filter_set(&reading->request->filter, name, text, reading->now, reading->problem);
}

static int s_take_member(reading_t *reading, const char *name, json_t *value) {
    if (strcmp(name, "rate") == 0) {
        return s_take_rate(reading, value);
    } else if (strcmp(name, "limit") == 0) {
        return s_take_limit(reading, value);
    } else if (strcmp(name, "canary") == 0) {
        return s_take_canary(reading, value);
    } else if (strcmp(name, "patch") == 0) {
        return s_take_patch(reading, value);
    } else if (strcmp(name, "dry_run") == 0) {
        return s_take_dry_run(reading, value);
    } else if (strcmp(name, "as") == 0) {
        return s_take_as(reading, value);
    }
    return s_take_filter(reading, name, value);
}

static int s_take_members(reading_t *reading, json_t *body) {
    const char *name;
    json_t *value;
    json_object_foreach(body, name, value) {
        if (s_take_member(reading, name, value)) {
            return -1;
        }
    }
    if (!hf_state_is_held(reading->request->filter.state)) {
        return s_bad(
            reading,
            "\"state\" is \"dead\" (where nothing is said) or \"uncertain\": only these wait for a person.");
    }
    return reading->request->job.event == HF_EVENT_RESOLVE && !json_object_get(body, "as")
               ? s_bad(reading, "Send \"as\":\"succeeded\", too: that the third party did it is all that "
                                "commands can be "
                                "resolved as.")
               : 0;
}

static void s_copy_filters(hf_job_request_t *self) {
    hf_filter_t *filter = &self->filter;
    self->job.state = filter->state;
    self->job.pipeline = filter->pipeline;
    self->job.destination = filter->destination;
    self->job.key = filter->key;
    self->job.has_key = filter->has_key;
    self->job.class_ = filter->class;
    self->job.group = filter->group;
    self->job.since = filter->since;
    self->job.until = filter->until;
}

int hf_job_request_read(hf_job_request_t *self, hf_event_t event, const void *body, size_t size, int64_t now,
                        hf_problem_t *problem) {
    reading_t reading = {self, now, problem};
    json_error_t error;
    *self = (hf_job_request_t){.job = HF__JOB__INIT, .filter = {.state = HF_STATE_DEAD}};
    self->job.event = event;
    self->job.canary = event == HF_EVENT_RETRY ? 1 : 0;
    json_t *json = json_loadb(size ? body : "", size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json_is_object(json)) {
        json_decref(json);
        return hf_problem_set(
            problem, HF_PROBLEM_BODY, 0,
            "Send an object of filters, like {\"destination\":\"ec2\"}, or {} for all: %.200s.",
            json ? "this is none" : error.text);
    }
    int rc = s_take_members(&reading, json);
    json_decref(json);
    s_copy_filters(self);
    if (rc) {
        hf_job_request_free(self);
    }
    return rc;
}

void hf_job_request_free(hf_job_request_t *self) {
    json_decref(self->patch);
    free(self->patch_text);
    self->patch = NULL;
    self->patch_text = NULL;
}

//  ---- a dry run

typedef struct {
    hf_store_t *store;         //  In a reading transaction
    const hf_config_t *config; //  Templates
    const json_t *patch;       //  Or NULL
    hf_arena_t *arena;         //  Of a command
    hf_json_t json;            //  The answer
    unsigned shown;            //  Members shown
    uint64_t unfit;            //  Of those shown, how many the patch does not fit
    bool failed;               //  The file cannot be read
    hf_error_t error;          //  Why
} preview_t;

static void s_show_patched(preview_t *preview, const Hf__Command *command) {
    hf_json_t *json = &preview->json;
    hf_buf_t body = {0};
    hf_error_t why;
    hf_json_bytes(json, "before", command->body.data, command->body.len, SHOWN_BODY_MAX, false);
    if (hf_job_patch(preview->config, preview->patch, command, &body, &why)) {
        preview->unfit++;
        hf_json_string(json, "problem", why.text);
    } else {
        hf_json_bytes(json, "after", body.data, body.size, SHOWN_BODY_MAX, false);
    }
    hf_buf_free(&body);
}

static bool s_on_member(void *context, const hf_id_t *id) {
    preview_t *preview = context;
    Hf__Command *command = NULL;
    if (preview->shown == HF_PREVIEW_MAX) {
        return true;
    }
    int found = hf_store_command(preview->store, id, preview->arena, &command, &preview->error);
    if (found != 1) {
        preview->failed = true;
        if (!found) {
            hf_error_set(&preview->error, "dead: an entry has no command: the journal is damaged");
        }
        return false;
    }
    preview->shown++;
    hf_json_object(&preview->json, NULL);
    hf_json_id(&preview->json, "id", id);
    hf_json_string(&preview->json, "pipeline", command->pipeline);
    hf_json_filled(&preview->json, "key", command->key);
    if (preview->patch) {
        s_show_patched(preview, command);
    }
    hf_json_object_end(&preview->json);
    return true;
}

static int s_preview(preview_t *preview, hf_job_request_t *request) {
    hf_job_walk_t walk = {.scan_most = HF_SCAN_MAX};
    walk.most = request->job.limit ? request->job.limit : UINT64_MAX;
    request->job.fact = hf_store_newest_fact(preview->store);
    hf_json_object(&preview->json, NULL);
    hf_json_bool(&preview->json, "dry_run", true);
    hf_json_array(&preview->json, "members");
    if (hf_job_walk(preview->store, &request->job, &walk, s_on_member, preview, preview->arena,
                    &preview->error) ||
        preview->failed) {
        return -1;
    }
    hf_json_array_end(&preview->json);
    hf_json_integer(&preview->json, "matched", (int64_t)walk.found);
    hf_json_bool(&preview->json, "complete", !walk.ended || walk.found == request->job.limit);
    if (preview->patch) {
        hf_json_integer(&preview->json, "unfit", (int64_t)preview->unfit);
    }
    hf_json_object_end(&preview->json);
    return 0;
}

int hf_job_preview(hf_store_t *store, const hf_config_t *config, hf_job_request_t *request, hf_buf_t *out,
                   hf_problem_t *problem) {
    preview_t preview = {.store = store, .config = config, .patch = request->patch, .json = {.out = out}};
    if (hf_store_begin_read(store, &preview.error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", preview.error.text);
    }
    preview.arena = hf_arena_new(ARENA);
    int rc = s_preview(&preview, request);
    hf_store_end_read(store);
    hf_arena_destroy(&preview.arena);
    return rc ? hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", preview.error.text) : 0;
}

//  ---- how far

static void s_render_filters(hf_json_t *json, const Hf__Job *job) {
    char group[HF_GROUP_TEXT];
    snprintf(group, sizeof group, "%016" PRIx64, job->group);
    hf_json_object(json, "filters");
    hf_json_string(json, "state", hf_state_name((hf_state_t)job->state));
    if (*job->pipeline) {
        hf_json_string(json, "pipeline", job->pipeline);
    }
    if (*job->destination) {
        hf_json_string(json, "destination", job->destination);
    }
    if (job->class_) {
        hf_json_string(json, "class", hf_class_name((hf_class_t)job->class_));
    }
    if (job->has_key) {
        hf_json_string(json, "key", job->key);
    }
    if (job->group) {
        hf_json_string(json, "group", group);
    }
    if (job->since) {
        hf_json_time(json, "since", job->since);
    }
    if (job->until) {
        hf_json_time(json, "until", job->until);
    }
    if (job->limit) {
        hf_json_integer(json, "limit", (int64_t)job->limit);
    }
    hf_json_object_end(json);
}

static void s_render_asked(hf_json_t *json, const Hf__Job *job) {
    char rate[32];
    hf_id_t id;
    bool whole = hf_id_from(&id, job->id.data, job->id.len);
    hf_json_id(json, "id", whole ? &id : &(hf_id_t){{0}});
    hf_json_string(json, "action", hf_event_name((hf_event_t)job->event));
    s_render_filters(json, job);
    hf_rate_format(job->rate > 0 ? job->rate : 1, rate);
    hf_json_string(json, "rate", job->rate > 0 ? rate : NULL);
    hf_json_integer(json, "canary", job->canary);
    if (job->patch.len) {
        hf_json_raw(json, "patch", job->patch.data, job->patch.len);
    }
    hf_json_filled(json, "who", job->who);
    hf_json_time(json, "created_at", job->created_at);
}

//  matched and left are null until the members have been counted.
static void s_render_progress(hf_json_t *json, const Hf__Job *job, const Hf__JobProgress *progress) {
    hf_id_t refused;
    hf_json_string(json, "state", hf_job_state_name((hf_job_state_t)progress->state));
    hf_json_filled(json, "reason", progress->reason);
    if (progress->counted) {
        hf_json_integer(json, "matched", (int64_t)progress->matched);
        hf_json_integer(json, "left", (int64_t)hf_job_left(progress));
    } else {
        hf_json_null(json, "matched");
        hf_json_null(json, "left");
    }
    hf_json_integer(json, "done", (int64_t)progress->done);
    hf_json_integer(json, "gone", (int64_t)progress->gone);
    if (job->event == HF_EVENT_RETRY) {
        hf_json_integer(json, "under_way", (int64_t)hf_job_open(job, progress));
        hf_json_integer(json, "succeeded", (int64_t)progress->succeeded);
        hf_json_integer(json, "failed", (int64_t)progress->failed);
        hf_json_integer(json, "cancelled", (int64_t)progress->otherwise);
        hf_json_filled(json, "newest_failure", progress->newest_failure);
    }
    if (job->patch.len) {
        hf_json_integer(json, "unfit", (int64_t)progress->refused);
        hf_json_filled(json, "newest_unfit_reason", progress->newest_refusal);
        if (hf_id_from(&refused, progress->newest_refused.data, progress->newest_refused.len)) {
            hf_json_id(json, "newest_unfit_id", &refused);
        }
    }
    hf_json_time(json, "ended_at", progress->ended_at);
}

static void s_render_job(hf_json_t *json, const Hf__Job *job, const Hf__JobProgress *progress) {
    hf_json_object(json, NULL);
    s_render_asked(json, job);
    s_render_progress(json, job, progress);
    hf_json_object_end(json);
}

int hf_query_job(hf_store_t *store, const hf_id_t *id, hf_buf_t *out, hf_problem_t *problem) {
    hf_error_t error;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    hf_json_t json = {.out = out};
    char text[HF_ID_TEXT];
    if (hf_store_begin_read(store, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    hf_arena_t *arena = hf_arena_new(ARENA);
    int found = hf_store_job(store, id, arena, &job, &error);
    found = found == 1 ? hf_store_progress(store, id, arena, &progress, &error) : found;
    hf_store_end_read(store);
    if (found == 1) {
        s_render_job(&json, job, progress);
    }
    hf_arena_destroy(&arena);
    hf_id_format(id, text);
    return found == 1  ? 0
           : found < 0 ? hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text)
                       : hf_problem_set(problem, HF_PROBLEM_NO_JOB, 0, "No job has the id %s.", text);
}

static bool s_on_job(void *context, const Hf__Job *job, const Hf__JobProgress *progress) {
    s_render_job(context, job, progress);
    return true;
}

int hf_query_jobs(hf_store_t *store, hf_buf_t *out, hf_problem_t *problem) {
    hf_error_t error;
    hf_json_t json = {.out = out};
    if (hf_store_begin_read(store, &error)) {
        return hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text);
    }
    hf_json_object(&json, NULL);
    hf_json_array(&json, "jobs");
    int rc = hf_store_walk_jobs(store, s_on_job, &json, &error);
    hf_json_array_end(&json);
    hf_json_object_end(&json);
    hf_store_end_read(store);
    return rc ? hf_problem_set(problem, HF_PROBLEM_JOURNAL, 0, "%s", error.text) : 0;
}
