/*  What a core wants sent: the only way anything leaves it. The shell takes the envelopes out and puts them on sockets, the
 *  simulator on its lossy links.  */

#ifndef HF_OUTBOX_H
#define HF_OUTBOX_H

#include "base/buf.h"

#include <stdbool.h>

typedef enum {
    HF_TO_JOURNAL,   //  Proposals
    HF_TO_CALLER,    //  Attempts, for the caller of that number
    HF_TO_DISPATCH,  //  Attempts that have ended, from a caller
    HF_TO_FOLLOWERS, //  From the journal: topic, NUL, message
    HF_TO_WORLD,     //  From events: topic, NUL, CloudEvent
} hf_to_t;

typedef struct {
    hf_to_t to;    //  Which link
    int number;    //  Which caller
    uint8_t *data; //  The bytes, owned by whoever took the envelope; free() them
    size_t size;   //  How many
} hf_envelope_t;

typedef struct {
    hf_envelope_t *items; //  In the order they were put
    size_t head;          //  The next to be taken
    size_t size;          //  Behind the last
    size_t capacity;      //  Places
} hf_outbox_t;

//  Takes over the buffer's bytes; the buffer is empty afterwards.
void hf_outbox_put(hf_outbox_t *self, hf_to_t to, int number, hf_buf_t *bytes);

//  The next envelope, or false where there is none. The caller frees its data.
bool hf_outbox_take(hf_outbox_t *self, hf_envelope_t *envelope);

void hf_outbox_free(hf_outbox_t *self);

#endif
