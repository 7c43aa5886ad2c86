/*  The newest events, rendered once and shared by all who watch: a bounded ring. What is older is read from
 * the journal's file.  */

#ifndef HF_EVENT_RING_H
#define HF_EVENT_RING_H

#include "base/pipeline.h"
#include "records.pb-c.h"

enum {
    HF_EVENT_RING_SIZE = 4096,         //  Events kept: a tenth of a second of a very busy node
    HF_EVENT_RING_BYTES_MAX = 4 << 20, //  Bytes of their texts
};

typedef struct {
    uint64_t seq;                   //  The fact's number
    uint64_t previous;              //  Number of the fact before it about the same command
    hf_state_t state;               //  That it led to; of a destination: NONE
    const char *word;               //  What happened, for filters: hf_event_word
    char pipeline[HF_NAME_MAX + 1]; //  For filters
    char *text;                     //  "id: …\ndata: …\n\n"
    size_t size;                    //  Its bytes
} hf_shown_event_t;

//  Which events a watcher wants. Empty: all.
typedef struct {
    char pipeline[HF_NAME_MAX + 1]; //  Of that pipeline
    char type[32]; //  Of that type: "succeeded", "paused"; whatever stands before its last point
} hf_event_filter_t;

bool hf_event_filter_wants(const hf_event_filter_t *self, const char *pipeline, const char *word);

//  The last part of an event's type: the state that a command is in, or what happened to a destination.
const char *hf_event_word(const Hf__Fact *fact);

//  Reads a filter's type: "succeeded", "command.succeeded", "paused", "destination.paused". -1: there is no such type.
int hf_event_filter_set_type(hf_event_filter_t *self, const char *type);

//  Appends a fact as one Server-Sent Event (WHATWG HTML, 9.2): an id, one line of data, and the empty line.
void hf_event_render(const hf_config_t *config, const Hf__Fact *fact, hf_buf_t *out);

typedef struct hf_event_ring hf_event_ring_t;

hf_event_ring_t *hf_event_ring_new(const hf_config_t *config);
void hf_event_ring_destroy(hf_event_ring_t **self_p);

//  Adds the next fact. Where its number does not follow the newest one's, what was there is forgotten first.
void hf_event_ring_add(hf_event_ring_t *self, const Hf__Fact *fact);
void hf_event_ring_clear(hf_event_ring_t *self);

//  The event of that number, or NULL; valid until the next call that changes the ring.
const hf_shown_event_t *hf_event_ring_get(const hf_event_ring_t *self, uint64_t seq);

#endif
