#include "store/job_members.h"
#include "base/json_patch.h"

#include <string.h>

typedef struct {
    hf_store_t *store;         //  In a reading transaction
    const Hf__Job *job;        //  Whose
    hf_job_walk_t *walk;       //  How far
    hf_on_member_t *on_member; //  Gets each, or NULL
    void *context;             //  Its own
    hf_arena_t *arena;         //  Of states
    hf_error_t *error;         //  Why it cannot be read
    unsigned scanned;          //  Entries looked at
    const char *in;            //  Destination of the group being walked
    uint64_t group;            //  Its number
    bool failed;               //  The file cannot be read
} walking_t;

//  1 it is a member, 0 not, -1 unreadable.
static int s_is_member(walking_t *self, const hf_id_t *id) {
    Hf__State *state = NULL;
    if (!hf_job_takes_id(self->job, id) || !hf_job_needs_state(self->job)) {
        return hf_job_takes_id(self->job, id);
    }
    int found = hf_store_state(self->store, id, self->arena, &state, self->error);
    return found == 1 ? hf_job_takes_state(self->job, state) : found;
}

static bool s_on_dead(void *context, uint64_t fact, const hf_id_t *id) {
    walking_t *self = context;
    hf_job_walk_t *walk = self->walk;
    if (fact > self->job->fact) {
        return false; //  Everything behind it is newer, too: the next group
    }
    if (walk->ended || walk->found == walk->most || self->scanned == walk->scan_most) {
        walk->ended = true;
        return false;
    }
    int member = s_is_member(self, id);
    if (member < 0) {
        self->failed = true;
        return false;
    }
    self->scanned++;
    walk->found += member > 0;
    walk->place.group = self->group;
    walk->place.fact = fact;
    memcpy(walk->place.destination, self->in, strlen(self->in) + 1);
    if (member && self->on_member && !self->on_member(self->context, id)) {
        walk->ended = true;
    }
    return !walk->ended;
}

static bool s_on_group(void *context, const char *destination, uint64_t number, const Hf__Group *group) {
    walking_t *self = context;
    const hf_job_place_t *place = &self->walk->place;
    bool begun = number == place->group && strcmp(destination, place->destination) == 0;
    if (!hf_job_takes_group(self->job, number, group)) {
        return true;
    }
    self->in = destination;
    self->group = number;
    if (hf_store_walk_dead(self->store, destination, number, begun ? place->fact + 1 : 0, s_on_dead, self,
                           self->error)) {
        self->failed = true;
    }
    return !self->walk->ended && !self->failed;
}

int hf_job_walk(hf_store_t *store, const Hf__Job *job, hf_job_walk_t *walk, hf_on_member_t *on_member,
                void *context, hf_arena_t *arena, hf_error_t *error) {
    walking_t self = {.store = store,
                      .job = job,
                      .walk = walk,
                      .on_member = on_member,
                      .context = context,
                      .arena = arena,
                      .error = error};
    hf_job_place_t from = walk->place;
    int rc = hf_store_walk_groups_from(store, *job->destination ? job->destination : NULL, from.destination,
                                       from.group, s_on_group, &self, error);
    return rc || self.failed ? -1 : 0;
}

static int s_check_templates(const hf_pipeline_t *pipeline, const hf_buf_t *body, hf_error_t *error) {
    hf_buf_t text = {0};
    json_t *json = json_loadb((const char *)body->data, body->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    int rc = hf_template_render(pipeline->destination->url, json, true, &text, error);
    if (rc) {
        hf_error_wrap(error, "the url of destination '%s'", pipeline->destination->name);
    } else if (pipeline->key && hf_pipeline_key_render(pipeline, json, &text, error)) {
        rc = hf_error_wrap(error, "the key of pipeline '%s'", pipeline->name);
    }
    hf_buf_free(&text);
    json_decref(json);
    return rc;
}

int hf_job_patch(const hf_config_t *config, const json_t *patch, const Hf__Command *command, hf_buf_t *out,
                 hf_error_t *error) {
    const hf_pipeline_t *pipeline = hf_config_pipeline(config, command->pipeline);
    hf_buf_t body = {0};
    int rc = hf_json_patch_bytes(patch, command->body.data, command->body.len, config->body_limit, &body,
                                 error);
    rc = rc || !pipeline ? rc : s_check_templates(pipeline, &body, error);
    if (rc == 0) {
        hf_buf_add(out, body.data, body.size);
    }
    hf_buf_free(&body);
    return rc;
}
