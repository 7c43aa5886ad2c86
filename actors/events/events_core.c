/*  Happy path: a fact comes in, its CloudEvent goes out. A gap is read from the journal's file by the follower, so that the world
 *  misses nothing while this process lives; who connects later continues over HTTP (GET /events, Last-Event-ID).  */

#include "events/events_core.h"
#include "base/gate.h"
#include "base/rfc3339.h"
#include "link/follow.h"
#include "link/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hf_events {
    const hf_config_t *config; //  Labels
    hf_store_t *store;         //  Where it begins, and what was missed
    hf_follow_t *follow;       //  Place among the facts, or NULL: nobody listens
    hf_arena_t *arena;         //  Of the message being read
    hf_outbox_t outbox;        //  CloudEvents
    hf_error_t failure;        //  Why it must end, or empty
    uint64_t published;        //  Events, for people
    uint64_t foreign;          //  Messages that could not be read
};

//  CloudEvents 1.0.2, JSON event format, section 3: context attributes and `data`.
static json_t *s_cloud_event(const hf_events_t *self, const Hf__Fact *fact, const char *type) {
    char id[HF_ID_TEXT] = "", at[HF_RFC3339_TEXT], seq[24];
    hf_id_t command;
    if (hf_id_from(&command, fact->id.data, fact->id.len)) {
        hf_id_format(&command, id);
    }
    hf_rfc3339_format(fact->at, at);
    snprintf(seq, sizeof seq, "%" PRIu64, fact->seq);
    const hf_pipeline_t *pipeline = hf_config_pipeline(self->config, fact->pipeline);
    json_t *data = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s}", "seq", (json_int_t)fact->seq,
                             "id", id, "pipeline", fact->pipeline, "destination", fact->destination, "key",
                             fact->key, "state", hf_state_name(fact->state), "label",
                             hf_pipeline_label(pipeline, fact->state), "attempt", (int)fact->attempt,
                             "reason", fact->reason);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "id", seq, "source",
                     "/holdfast", "type", type, "subject", id, "time", at, "datacontenttype",
                     "application/json", "data", data);
}

//  The same about a destination: its name is the subject.
static json_t *s_destination_event(const Hf__Fact *fact, const char *type) {
    char at[HF_RFC3339_TEXT], seq[24];
    hf_rfc3339_format(fact->at, at);
    snprintf(seq, sizeof seq, "%" PRIu64, fact->seq);
    json_t *data = json_pack("{s:I, s:s, s:s}", "seq", (json_int_t)fact->seq, "destination",
                             fact->destination, "reason", fact->reason);
    if (data && fact->due) {
        char until[HF_RFC3339_TEXT];
        hf_rfc3339_format(fact->due, until);
        json_object_set_new(data, "until", json_string(until));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "specversion", "1.0", "id", seq, "source",
                     "/holdfast", "type", type, "subject", fact->destination, "time", at, "datacontenttype",
                     "application/json", "data", data);
}

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    hf_events_t *self = context;
    char type[64];
    if (fact->id.len) {
        snprintf(type, sizeof type, "holdfast.command.%s", hf_state_name(fact->state));
    } else {
        snprintf(type, sizeof type, "holdfast.destination.%s", hf_gate_event_name(fact->event));
    }
    json_t *event = fact->id.len ? s_cloud_event(self, fact, type) : s_destination_event(fact, type);
    char *text = event ? json_dumps(event, JSON_COMPACT) : NULL;
    if (text) {
        hf_buf_t bytes = {0};
        hf_topic_add(&bytes, type, NULL);
        hf_buf_add(&bytes, text, strlen(text));
        hf_outbox_put(&self->outbox, HF_TO_WORLD, 0, &bytes);
        self->published++;
    }
    free(text);
    json_decref(event);
    return true;
}

hf_events_t *hf_events_new(const hf_core_setup_t *setup) {
    hf_events_t *self = hf_alloc(sizeof *self);
    self->config = setup->config;
    self->arena = hf_arena_new(64 << 10);
    self->store = setup->store;
    return self;
}

void hf_events_destroy(hf_events_t **self_p) {
    assert(self_p);
    hf_events_t *self = *self_p;
    if (self) {
        hf_follow_destroy(&self->follow);
        hf_arena_destroy(&self->arena);
        hf_outbox_free(&self->outbox);
        free(self);
        *self_p = NULL;
    }
}

void hf_events_set_heard(hf_events_t *self, bool heard) {
    if (!heard) {
        hf_follow_destroy(&self->follow);
    } else if (!self->follow && hf_store_begin_read(self->store, &self->failure) == 0) {
        self->follow = hf_follow_new(self->store, hf_store_newest_fact(self->store), s_on_fact, self);
        hf_store_end_read(self->store);
    }
}

static void s_receive(void *core, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_events_t *self = core;
    hf_publication_t publication;
    hf_followed_t followed = HF_FOLLOW_FINE;
    hf_error_t error;
    (void)from;
    (void)now;
    if (!self->follow) {
        return;
    }
    if (!hf_publication_read(&publication, data, size, self->arena)) {
        self->foreign++;
    } else if (publication.facts) {
        followed = hf_follow_facts(self->follow, publication.facts, &error);
    } else if (publication.beat) {
        followed = hf_follow_beat(self->follow, publication.beat, &error);
    }
    if (followed == HF_FOLLOW_BROKEN && !*self->failure.text) {
        self->failure = error;
    }
    hf_arena_reset(self->arena);
}

static void s_tick(void *core, int64_t now) {
    (void)core;
    (void)now;
}

static int64_t s_next_deadline(void *core) {
    (void)core;
    return INT64_MAX;
}

static hf_outbox_t *s_outbox(void *core) {
    return &((hf_events_t *)core)->outbox;
}

static const char *s_failure(void *core) {
    hf_events_t *self = core;
    return *self->failure.text ? self->failure.text : NULL;
}

static void s_describe(void *core, hf_buf_t *json) {
    hf_events_t *self = core;
    hf_buf_addf(json,
                "\"published\":%" PRIu64 ",\"newest_fact\":%" PRIu64 ",\"gaps\":%" PRIu64
                ",\"foreign\":%" PRIu64,
                self->published, self->follow ? hf_follow_newest(self->follow) : 0,
                self->follow ? hf_follow_gaps(self->follow) : 0, self->foreign);
}

const hf_core_ops_t hf_events_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};
