#include "ingress/render.h"
#include "base/gate.h"
#include "base/rfc3339.h"

#include <string.h>

//  ---- what was accepted

void hf_render_accepted_constant(const hf_pipeline_t *pipeline, hf_buf_t *out) {
    hf_json_t json = {.out = out, .comma = true};
    hf_json_string(&json, "pipeline", pipeline->name);
    hf_json_string(&json, "state", hf_state_name(HF_STATE_ACCEPTED));
    hf_json_string(&json, "label", hf_pipeline_label(pipeline, HF_STATE_ACCEPTED));
}

void hf_render_accepted(const hf_buf_t *constant, const hf_id_t *id, int64_t accepted_at, hf_buf_t *out) {
    hf_json_t json = {.out = out};
    hf_json_object(&json, NULL);
    hf_json_id(&json, "id", id);
    hf_buf_add(out, constant->data, constant->size);
    hf_json_time(&json, "accepted_at", accepted_at);
    hf_json_object_end(&json);
}

void hf_render_ids(const hf_id_t *ids, size_t size, hf_buf_t *out) {
    static const hf_id_t gone;
    hf_json_t json = {.out = out};
    hf_json_object(&json, NULL);
    hf_json_array(&json, "ids");
    for (size_t i = 0; i < size; i++) {
        if (hf_id_equal(&ids[i], &gone)) {
            hf_json_null(&json, NULL);
        } else {
            hf_json_id(&json, NULL, &ids[i]);
        }
    }
    hf_json_array_end(&json);
    hf_json_object_end(&json);
}

//  ---- states

static void s_id(hf_json_t *json, const char *name, const ProtobufCBinaryData *bytes) {
    hf_id_t id;
    if (hf_id_from(&id, bytes->data, bytes->len)) {
        hf_json_id(json, name, &id);
    } else {
        hf_json_null(json, name);
    }
}

static void s_class(hf_json_t *json, const char *name, uint32_t class) {
    hf_json_string(json, name, class == HF_CLASS_NONE ? NULL : hf_class_name((hf_class_t) class));
}

static void s_status(hf_json_t *json, const char *name, uint32_t status) {
    if (status) {
        hf_json_integer(json, name, status);
    } else {
        hf_json_null(json, name);
    }
}

//  When the next call is due: only while one is to come by itself.
static int64_t s_next_attempt_at(uint32_t state, int64_t due) {
    return state == HF_STATE_ACCEPTED || state == HF_STATE_WAITING ? due : 0;
}

static void s_state(hf_json_t *json, const hf_config_t *config, const Hf__State *state, hf_held_t held) {
    int64_t next = s_next_attempt_at(state->state, state->due);
    const hf_pipeline_t *pipeline = hf_config_pipeline(config, state->pipeline);
    s_id(json, "id", &state->id);
    hf_json_string(json, "pipeline", state->pipeline);
    hf_json_string(json, "destination", state->destination);
    hf_json_filled(json, "key", state->key);
    hf_json_string(json, "state", hf_state_name((hf_state_t)state->state));
    hf_json_string(json, "label", hf_pipeline_label(pipeline, (hf_state_t)state->state));
    hf_json_time(json, "accepted_at", state->accepted_at);
    hf_json_time(json, "since", state->since);
    hf_json_integer(json, "attempt", state->attempt);
    s_class(json, "class", state->class_);
    s_status(json, "http_status", state->http_status);
    hf_json_filled(json, "reason", *state->reason || !held.why ? state->reason : held.why);
    hf_json_string(json, "held", held.why);
    hf_json_time(json, "next_attempt_at", next && next < held.until ? held.until : next);
    hf_json_time(json, "deadline", state->deadline);
    hf_json_integer(json, "priority", hf_priority(state->urgency));
}

void hf_render_summary(hf_json_t *json, const hf_config_t *config, const Hf__State *state, hf_held_t held) {
    hf_json_object(json, NULL);
    s_state(json, config, state, held);
    hf_json_object_end(json);
}

//  ---- attempts and decisions

static void s_timings(hf_json_t *json, const Hf__Attempt *attempt) {
    hf_json_object(json, "timings");
    hf_json_milli(json, "dns_ms", attempt->dns_us);
    hf_json_milli(json, "connect_ms", attempt->connect_us);
    hf_json_milli(json, "tls_ms", attempt->tls_us);
    hf_json_milli(json, "first_byte_ms", attempt->first_byte_us);
    hf_json_milli(json, "total_ms", attempt->total_us);
    hf_json_object_end(json);
}

static void s_response(hf_json_t *json, const Hf__Attempt *attempt, size_t most) {
    hf_json_bytes(json, "response", attempt->response.data, attempt->response.len, most,
                  attempt->response_cut);
}

static void s_attempt(hf_json_t *json, const Hf__Attempt *attempt, size_t most_response) {
    hf_json_object(json, NULL);
    hf_json_integer(json, "number", attempt->number);
    hf_json_string(json, "kind", attempt->inquiry ? "probe" : "call");
    s_class(json, "class", attempt->class_);
    s_status(json, "status", attempt->http_status);
    hf_json_filled(json, "reason", attempt->reason);
    hf_json_time(json, "started_at", attempt->started_at);
    hf_json_time(json, "ended_at", attempt->ended_at);
    s_timings(json, attempt);
    if (attempt->http_status) {
        hf_json_filled(json, "response_type", attempt->response_type);
        s_response(json, attempt, most_response);
    }
    hf_json_time(json, "retry_after", attempt->retry_after);
    hf_json_bool(json, "lost", attempt->lost);
    hf_json_object_end(json);
}

//  The attempt that is under way is in no History yet.
static void s_running_attempt(hf_json_t *json, const Hf__State *state) {
    hf_json_object(json, NULL);
    hf_json_integer(json, "number", state->attempt);
    hf_json_string(json, "kind", state->inquiry ? "probe" : "call");
    hf_json_null(json, "class");
    hf_json_null(json, "status");
    hf_json_null(json, "reason");
    hf_json_time(json, "started_at", state->since);
    hf_json_null(json, "ended_at");
    hf_json_object_end(json);
}

//  The first entry from which on answers are shown as they were kept. A hundred of them are 6 MiB, so older ones
//  than fit show only how they begin, unless all were asked for.
static size_t s_first_shown_whole(const hf_command_view_t *view) {
    size_t bytes = 0;
    size_t i = view->whole_responses ? 0 : view->entries_size;
    while (i > 0) {
        const Hf__History *entry = view->entries[i - 1];
        bytes += entry->entry_case == HF__HISTORY__ENTRY_ATTEMPT ? entry->attempt->response.len : 0;
        if (bytes > HF_SHOWN_ANSWERS_MAX) {
            break;
        }
        i--;
    }
    return i;
}

static void s_attempts(hf_json_t *json, const hf_command_view_t *view) {
    size_t first_whole = s_first_shown_whole(view);
    hf_json_array(json, "attempts");
    for (size_t i = 0; i < view->entries_size; i++) {
        if (view->entries[i]->entry_case == HF__HISTORY__ENTRY_ATTEMPT) {
            s_attempt(json, view->entries[i]->attempt,
                      i < first_whole ? HF_SHOWN_EXCERPT_MAX : HF_SHOWN_BODY_MAX);
        }
    }
    if (view->state->state == HF_STATE_CALLING) {
        s_running_attempt(json, view->state);
    }
    hf_json_array_end(json);
}

static void s_decision(hf_json_t *json, const Hf__Decision *decision) {
    hf_json_object(json, NULL);
    hf_json_time(json, "at", decision->at);
    hf_json_string(json, "what", decision->what);
    hf_json_filled(json, "who", decision->who);
    if (decision->job.len) {
        s_id(json, "job", &decision->job);
    }
    hf_json_bool(json, "body_replaced", decision->body_replaced);
    if (decision->body_replaced) {
        hf_json_filled(json, "old_content_type", decision->old_content_type);
        hf_json_bytes(json, "old_body", decision->old_body.data, decision->old_body.len,
                      HF_SHOWN_OLD_BODY_MAX, false);
    }
    hf_json_object_end(json);
}

static void s_decisions(hf_json_t *json, const hf_command_view_t *view) {
    hf_json_array(json, "history");
    for (size_t i = 0; i < view->entries_size; i++) {
        if (view->entries[i]->entry_case == HF__HISTORY__ENTRY_DECISION) {
            s_decision(json, view->entries[i]->decision);
        }
    }
    hf_json_array_end(json);
    hf_json_integer(json, "older_entries_left_out", (int64_t)view->entries_left_out);
}

//  Of the newest attempt that was answered.
static void s_newest_response(hf_json_t *json, const hf_command_view_t *view) {
    for (size_t i = view->entries_size; i-- > 0;) {
        const Hf__History *entry = view->entries[i];
        if (entry->entry_case == HF__HISTORY__ENTRY_ATTEMPT && entry->attempt->http_status) {
            hf_json_integer(json, "response_status", entry->attempt->http_status);
            hf_json_filled(json, "response_type", entry->attempt->response_type);
            s_response(json, entry->attempt, HF_SHOWN_BODY_MAX);
            return;
        }
    }
    hf_json_null(json, "response");
}

static void s_accepted(hf_json_t *json, const Hf__Command *command) {
    hf_json_time(json, "not_before", command->not_before);
    hf_json_filled(json, "content_type", command->content_type);
    hf_json_integer(json, "body_size", (int64_t)command->body.len);
    hf_json_bytes(json, "body", command->body.data, command->body.len, HF_SHOWN_BODY_MAX, false);
}

void hf_render_command(hf_json_t *json, const hf_config_t *config, const hf_command_view_t *view) {
    hf_json_object(json, NULL);
    s_state(json, config, view->state, view->held);
    if (view->waits_for_any) {
        hf_json_id(json, "waits_for", &view->waits_for);
        hf_json_string(json, "waits_for_state",
                       view->waits_for_state == HF_STATE_NONE ? NULL : hf_state_name(view->waits_for_state));
    }
    if (view->command) {
        s_accepted(json, view->command);
    }
    s_attempts(json, view);
    s_decisions(json, view);
    s_newest_response(json, view);
    hf_json_object_end(json);
}

//  ---- events

//  until: when calls, or a probe, may begin.
static void s_destination_event(const Hf__Fact *fact, hf_buf_t *out) {
    hf_json_t json = {.out = out};
    char type[32] = "destination.";
    strncat(type, hf_gate_event_name(fact->event), sizeof type - 13);
    hf_json_object(&json, NULL);
    hf_json_integer(&json, "seq", (int64_t)fact->seq);
    hf_json_string(&json, "type", type);
    hf_json_string(&json, "destination", fact->destination);
    hf_json_filled(&json, "reason", fact->reason);
    hf_json_time(&json, "at", fact->at);
    hf_json_time(&json, "until", fact->due);
    hf_json_object_end(&json);
}

void hf_render_event(const hf_config_t *config, const Hf__Fact *fact, hf_buf_t *out) {
    if (!fact->id.len) {
        s_destination_event(fact, out);
        return;
    }
    const hf_pipeline_t *pipeline = hf_config_pipeline(config, fact->pipeline);
    hf_json_t json = {.out = out};
    char type[32] = "command.";
    strncat(type, hf_state_name((hf_state_t)fact->state), sizeof type - 9);
    hf_json_object(&json, NULL);
    hf_json_integer(&json, "seq", (int64_t)fact->seq);
    hf_json_string(&json, "type", type);
    s_id(&json, "id", &fact->id);
    hf_json_string(&json, "pipeline", fact->pipeline);
    hf_json_string(&json, "destination", fact->destination);
    hf_json_filled(&json, "key", fact->key);
    hf_json_string(&json, "state", hf_state_name((hf_state_t)fact->state));
    hf_json_string(&json, "label", hf_pipeline_label(pipeline, (hf_state_t)fact->state));
    hf_json_integer(&json, "attempt", fact->attempt);
    s_class(&json, "class", fact->class_);
    s_status(&json, "http_status", fact->http_status);
    hf_json_filled(&json, "reason", fact->reason);
    hf_json_time(&json, "at", fact->at);
    hf_json_time(&json, "accepted_at", fact->accepted_at);
    hf_json_time(&json, "next_attempt_at", s_next_attempt_at(fact->state, fact->due));
    hf_json_object_end(&json);
}
