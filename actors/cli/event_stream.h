/*  Server-Sent Events, read as they come in (WHATWG HTML, section 9.2.6, "Interpreting an event stream").
 * Pure.  */

#ifndef HF_EVENT_STREAM_H
#define HF_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

enum {
    HF_STREAM_LINE_MAX = 4 << 20,  //  Bytes of one line, so of one event's data: what is longer is dropped
    HF_STREAM_ID_MAX = 128,        //  Bytes of an id
    HF_STREAM_RETRY_MAX_MS = 60000 //  A server may ask for this much patience before a reconnection
};

//  One event. Texts live until the callback returns.
typedef struct {
    const char *id;   //  The newest id that was seen, "" for none
    const char *type; //  "message" where the server named none
    const char *data; //  Its lines, with line ends between them
    size_t data_size; //  Bytes
} hf_stream_event_t;

//  Returns false when it has enough.
typedef bool(hf_on_stream_event_t)(void *context, const hf_stream_event_t *event);

typedef struct hf_event_stream hf_event_stream_t;

hf_event_stream_t *hf_event_stream_new(hf_on_stream_event_t *on_event, void *context);
void hf_event_stream_destroy(hf_event_stream_t **self_p);

//  Takes the next bytes. Returns false once the callback had enough.
bool hf_event_stream_feed(hf_event_stream_t *self, const char *data, size_t size);

//  A new connection begins: what was half read is forgotten, the newest id is kept.
void hf_event_stream_restart(hf_event_stream_t *self);

//  Goes on behind that id instead of the newest one that was seen.
void hf_event_stream_set_last_id(hf_event_stream_t *self, const char *id);

//  The newest id, "" for none: what goes into Last-Event-ID. And the wait before a reconnection that the
//  server asked for, -1: it did not.
const char *hf_event_stream_last_id(const hf_event_stream_t *self);
int hf_event_stream_retry_ms(const hf_event_stream_t *self);

#endif
