#include "ingress/event_ring.h"
#include "base/gate.h"
#include "ingress/render.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hf_event_ring {
    const hf_config_t *config; //  Labels
    hf_shown_event_t *events;  //  Number n at n % HF_EVENT_RING_SIZE
    uint64_t first;            //  Number of the oldest
    uint64_t next;             //  Number behind the newest; first == next: empty
    size_t bytes;              //  Of their texts
};

const char *hf_event_word(const Hf__Fact *fact) {
    return fact->id.len ? hf_state_name((hf_state_t)fact->state) : hf_gate_event_name(fact->event);
}

int hf_event_filter_set_type(hf_event_filter_t *self, const char *type) {
    const char *point = strrchr(type, '.');
    const char *word = point ? point + 1 : type;
    size_t group = (size_t)(word - type);
    bool of_command = hf_state_parse(word) != HF_STATE_NONE &&
                      (group == 0 || (group == 8 && strncmp(type, "command.", 8) == 0));
    bool of_destination = hf_gate_event_parse(word) != HF_GATE_NONE &&
                          (group == 0 || (group == 12 && strncmp(type, "destination.", 12) == 0));
    if (!of_command && !of_destination) {
        return -1;
    }
    snprintf(self->type, sizeof self->type, "%s", word);
    return 0;
}

bool hf_event_filter_wants(const hf_event_filter_t *self, const char *pipeline, const char *word) {
    return (!*self->pipeline || strcmp(self->pipeline, pipeline) == 0) &&
           (!*self->type || strcmp(self->type, word) == 0);
}

void hf_event_render(const hf_config_t *config, const Hf__Fact *fact, hf_buf_t *out) {
    hf_buf_addf(out, "id: %" PRIu64 "\ndata: ", fact->seq);
    hf_render_event(config, fact, out);
    hf_buf_add(out, "\n\n", 2);
}

hf_event_ring_t *hf_event_ring_new(const hf_config_t *config) {
    hf_event_ring_t *self = hf_alloc(sizeof *self);
    self->config = config;
    self->events = hf_alloc(HF_EVENT_RING_SIZE * sizeof *self->events);
    return self;
}

void hf_event_ring_destroy(hf_event_ring_t **self_p) {
    assert(self_p);
    if (*self_p) {
        hf_event_ring_clear(*self_p);
        free((*self_p)->events);
        free(*self_p);
        *self_p = NULL;
    }
}

static hf_shown_event_t *s_event(const hf_event_ring_t *self, uint64_t seq) {
    return &self->events[seq % HF_EVENT_RING_SIZE];
}

static void s_drop_oldest(hf_event_ring_t *self) {
    hf_shown_event_t *event = s_event(self, self->first++);
    self->bytes -= event->size;
    free(event->text);
    *event = (hf_shown_event_t){0};
}

void hf_event_ring_clear(hf_event_ring_t *self) {
    while (self->first < self->next) {
        s_drop_oldest(self);
    }
}

void hf_event_ring_add(hf_event_ring_t *self, const Hf__Fact *fact) {
    hf_buf_t text = {0};
    if (fact->seq != self->next) {
        hf_event_ring_clear(self);
        self->first = self->next = fact->seq;
    }
    hf_event_render(self->config, fact, &text);
    while (self->first < self->next && (self->next - self->first == HF_EVENT_RING_SIZE ||
                                        self->bytes + text.size > HF_EVENT_RING_BYTES_MAX)) {
        s_drop_oldest(self);
    }
    hf_shown_event_t *event = s_event(self, self->next++);
    event->seq = fact->seq;
    event->previous = fact->previous;
    event->state = (hf_state_t)fact->state;
    event->word = hf_event_word(fact);
    strncpy(event->pipeline, fact->pipeline, sizeof event->pipeline - 1);
    event->text = (char *)hf_buf_release(&text, &event->size);
    self->bytes += event->size;
}

const hf_shown_event_t *hf_event_ring_get(const hf_event_ring_t *self, uint64_t seq) {
    return seq >= self->first && seq < self->next ? s_event(self, seq) : NULL;
}
