/*  What travels between processes, from bytes to messages and back. Bytes that cannot be read are counted by whoever received
 *  them and dropped: nothing here ends the process, whatever the bytes.  */

#ifndef HF_WIRE_H
#define HF_WIRE_H

#include "base/buf.h"
#include "messages.pb-c.h"

#include <stdbool.h>

enum {
    HF_MESSAGE_MAX =
        96 << 20, //  Bytes: a larger frame is refused by the socket. A run is 1 MiB or one large proposal
    HF_BODY_LIMIT_MAX =
        64 << 20, //  The largest body_limit that a node may be given, so that it fits a message
};

//  A publication is a topic, a NUL and a packed message. Topics: "F" Facts, "B" Beat, "A NAME" Ack for the sender NAME.
typedef struct {
    Hf__Facts *facts; //  At most one of the three is there
    Hf__Beat *beat;
    Hf__Ack *ack;
} hf_publication_t;

//  Reads a publication; the message lives in the arena. False where it is none.
bool hf_publication_read(hf_publication_t *self, const void *data, size_t size, hf_arena_t *arena);

//  Starts bytes with a topic, so that a message can be packed behind it.
void hf_topic_add(hf_buf_t *bytes, const char *topic, const char *name);

#endif
