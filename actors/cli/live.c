/*  Happy path: one connection, until the command's event says that it is settled. What is dead or uncertain
 * may have been retried since: such an event ends it only if the command, asked, is still so. Failures: a
 * connection that ends, breaks or is silent is made again; events that are no longer kept are stepped over,
 * and the command itself is asked for its state.  */

#include "cli/live.h"
#include "base/lifecycle.h"
#include "cli/fields.h"
#include "cli/verbs.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

enum {
    S_PAUSE_MS = 250,         //  Before the first try to connect again …
    S_PAUSE_MAX_MS = 5000,    //  … doubling up to this
    S_PATIENCE_MS = 60000,    //  How long a node may be lost
    S_SILENCE_MS = 90000,     //  A node sends something at least every half of this
    S_LOOK_MS = 10000,        //  Without an event for so long, a command is asked for its state
    S_LOOK_TIMEOUT_MS = 5000, //  And has so long to answer
};

typedef struct {
    hf_live_t *live;           //  What is wanted
    hf_client_t *client;       //  For questions beside the stream
    hf_event_stream_t *stream; //  The events
    bool enough;               //  on_event had enough
    bool settled;              //  The command goes no further
    bool reached;              //  The node has answered once
    bool told;                 //  That the connection was lost
    int64_t heard_ms;          //  When the node was heard last
    int64_t looked_ms;         //  When the command was asked last
} run_t;

static bool s_is_over(const run_t *self) {
    return self->enough || self->settled || hf_client_now_ms() >= self->live->until_ms;
}

//  ---- what comes

static void s_note_state(hf_live_t *live, const json_t *object) {
    const char *state = hf_fields_text(object, "state");
    if (*state) {
        snprintf(live->state, sizeof live->state, "%s", state);
    }
}

//  Asks the command for its state, into `now`: "" where that fails; the stream will fail, too, then.
static void s_look(run_t *self, hf_live_t *now) {
    hf_buf_t path = {0};
    hf_reply_t reply = {0};
    char why[HF_CLIENT_WHY];
    now->state[0] = '\0';
    self->looked_ms = hf_client_now_ms();
    hf_buf_addf(&path, "/commands/");
    hf_path_escape(&path, self->live->id);
    hf_request_t request = {.method = "GET", .path = (char *)path.data, .timeout_ms = S_LOOK_TIMEOUT_MS};
    if (hf_client_try(self->client, &request, &reply, why) == HF_REACHED && reply.status == 200) {
        json_t *command = json_loadb((const char *)reply.body.data, reply.body.size, JSON_ALLOW_NUL, NULL);
        s_note_state(now, command);
        json_decref(command);
    }
    hf_reply_free(&reply);
    hf_buf_free(&path);
}

//  Takes the command's own word, in case its events are no longer kept, or none comes.
static void s_look_and_believe(run_t *self) {
    hf_live_t now;
    s_look(self, &now);
    if (now.state[0]) {
        memcpy(self->live->state, now.state, sizeof now.state);
        self->settled = hf_fields_is_settled(now.state);
    }
}

//  After an event of that command: whether it goes no further.
static bool s_is_settled(run_t *self) {
    const char *state = self->live->state;
    if (!hf_fields_is_settled(state) || hf_state_is_final(hf_state_parse(state))) {
        return hf_fields_is_settled(state);
    }
    hf_live_t now;
    s_look(self, &now);
    return strcmp(now.state, state) == 0;
}

static bool s_on_event(void *context, const hf_stream_event_t *event) {
    run_t *self = context;
    hf_live_t *live = self->live;
    self->looked_ms = hf_client_now_ms();
    if (live->on_event) {
        self->enough = !live->on_event(live->context, event);
    }
    if (live->id) {
        json_t *data = json_loadb(event->data, event->data_size, JSON_ALLOW_NUL, NULL);
        s_note_state(live, data);
        json_decref(data);
        self->settled = s_is_settled(self);
    }
    return !s_is_over(self);
}

static bool s_on_idle(void *context) {
    run_t *self = context;
    if (self->live->id && hf_client_now_ms() - self->looked_ms >= S_LOOK_MS) {
        s_look_and_believe(self);
    }
    return !s_is_over(self);
}

//  ---- what breaks

//  Whether to connect again after that end; if not, status is what to end with.
static bool s_goes_on(run_t *self, hf_stream_end_t end, hf_reply_t *reply, const char *why, int *status) {
    int64_t now_ms = hf_client_now_ms();
    if (end == HF_STREAM_REFUSED && reply->status == 410) {
        hf_event_stream_set_last_id(self->stream, "");
        return true;
    }
    if (end == HF_STREAM_REFUSED && reply->status == 204) {
        end = HF_STREAM_ENDED; //  Nothing more will come: the command has ended
    }
    if (end == HF_STREAM_REFUSED && (reply->status != 503 || !self->reached)) {
        *status = hf_client_say(self->client, HF_REACHED, reply, why);
        return false;
    }
    if (end == HF_STREAM_ENDED) {
        self->reached = true;
        self->heard_ms = now_ms;
    } else if (!self->reached || now_ms - self->heard_ms > S_PATIENCE_MS) {
        *status = hf_client_say(self->client, HF_NOT_REACHED, reply, why);
        return false;
    }
    if (!self->told && end == HF_STREAM_NOT_REACHED) {
        self->told = true;
        fprintf(stderr, "holdfast: the connection was lost; trying again\n");
    }
    return true;
}

static void s_pause(const run_t *self, int *pause_ms) {
    int asked_ms = hf_event_stream_retry_ms(self->stream);
    int64_t left_ms = self->live->until_ms - hf_client_now_ms();
    int64_t pause = *pause_ms > asked_ms ? *pause_ms : asked_ms;
    *pause_ms = *pause_ms * 2 < S_PAUSE_MAX_MS ? *pause_ms * 2 : S_PAUSE_MAX_MS;
    pause = pause < left_ms ? pause : left_ms;
    poll(NULL, 0, pause > 0 ? (int)pause : 0);
}

static int s_run(run_t *self) {
    hf_reply_t reply = {0};
    char why[HF_CLIENT_WHY];
    int status = HF_EXIT_DONE;
    int pause_ms = S_PAUSE_MS;
    for (;;) {
        int64_t began_ms = hf_client_now_ms();
        hf_stream_end_t end = hf_client_follow(self->client, self->live->path, self->stream, S_SILENCE_MS,
                                               s_on_idle, self, &reply, why);
        if (end == HF_STREAM_ENOUGH || !s_goes_on(self, end, &reply, why, &status)) {
            break;
        }
        if (self->live->id && end != HF_STREAM_NOT_REACHED) {
            s_look_and_believe(self);
        }
        if (s_is_over(self)) {
            break;
        }
        pause_ms = hf_client_now_ms() - began_ms > S_PAUSE_MAX_MS ? S_PAUSE_MS : pause_ms;
        s_pause(self, &pause_ms);
    }
    hf_reply_free(&reply);
    return status;
}

int hf_live_run(hf_live_t *live, hf_client_t *client) {
    run_t self = {
        .live = live, .client = client, .heard_ms = hf_client_now_ms(), .looked_ms = hf_client_now_ms()};
    self.stream = hf_event_stream_new(s_on_event, &self);
    int status = s_run(&self);
    hf_event_stream_destroy(&self.stream);
    return status;
}
