/*  Bytes become lines at CR, LF or CRLF; lines become fields; an empty line hands the event over.
 *
 *  Failures: a line that is too long is dropped with its event, and reading goes on behind it.  */

#include "cli/event_stream.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hf_event_stream {
    hf_on_stream_event_t *on_event; //  Gets each event
    void *context;                  //  Its context
    hf_buf_t line;                  //  The line so far
    hf_buf_t data;                  //  The event's data so far, each line with its end
    char type[64];                  //  The event's name, "" for none
    char id[HF_STREAM_ID_MAX + 1];  //  The newest id
    int retry_ms;                   //  Asked for by the server; -1: it did not
    bool dropped;                   //  The present event is too large
    bool after_cr;                  //  The last byte was a CR: a LF that follows belongs to it
    bool begun;                     //  A byte order mark may no longer come
    bool enough;                    //  The callback wants no more
};

hf_event_stream_t *hf_event_stream_new(hf_on_stream_event_t *on_event, void *context) {
    hf_event_stream_t *self = hf_alloc(sizeof *self);
    self->on_event = on_event;
    self->context = context;
    self->retry_ms = -1;
    return self;
}

void hf_event_stream_destroy(hf_event_stream_t **self_p) {
    if (*self_p) {
        hf_buf_free(&(*self_p)->line);
        hf_buf_free(&(*self_p)->data);
        free(*self_p);
        *self_p = NULL;
    }
}

static void s_forget(hf_event_stream_t *self) {
    hf_buf_clear(&self->data);
    self->type[0] = '\0';
    self->dropped = false;
}

//  An empty line: the event is whole.
static void s_dispatch(hf_event_stream_t *self) {
    if (self->data.size > 0 && !self->dropped) {
        self->data.data[--self->data.size] = '\0';
        hf_stream_event_t event = {.id = self->id,
                                   .type = self->type[0] ? self->type : "message",
                                   .data = (const char *)self->data.data,
                                   .data_size = self->data.size};
        self->enough = !self->on_event(self->context, &event);
    }
    s_forget(self);
}

static void s_set_retry(hf_event_stream_t *self, const char *value) {
    if (*value && strspn(value, "0123456789") == strlen(value)) {
        long ms = strtol(value, NULL, 10);
        self->retry_ms = ms < HF_STREAM_RETRY_MAX_MS ? (int)ms : HF_STREAM_RETRY_MAX_MS;
    }
}

static void s_field(hf_event_stream_t *self, const char *name, const char *value, size_t size) {
    if (strcmp(name, "data") == 0) {
        if (self->data.size + size > HF_STREAM_LINE_MAX) {
            self->dropped = true;
            return;
        }
        hf_buf_add(&self->data, value, size);
        hf_buf_add(&self->data, "\n", 1);
    } else if (strcmp(name, "id") == 0) {
        if (size <= HF_STREAM_ID_MAX && !memchr(value, '\0', size)) {
            memcpy(self->id, value, size);
            self->id[size] = '\0';
        }
    } else if (strcmp(name, "event") == 0) {
        size_t kept = size < sizeof self->type ? size : sizeof self->type - 1;
        memcpy(self->type, value, kept);
        self->type[kept] = '\0';
    } else if (strcmp(name, "retry") == 0) {
        s_set_retry(self, value);
    }
}

//  One line without its end; a comment (an empty name) falls through every field.
static void s_line(hf_event_stream_t *self) {
    if (self->line.size == 0) {
        s_dispatch(self);
        return;
    }
    char *text = (char *)self->line.data;
    char *end = text + self->line.size;
    char *colon = memchr(text, ':', self->line.size);
    char *value = colon ? colon + 1 : end;
    if (colon) {
        *colon = '\0';
    }
    if (value < end && *value == ' ') {
        value++;
    }
    s_field(self, text, value, (size_t)(end - value));
    hf_buf_clear(&self->line);
}

static void s_add(hf_event_stream_t *self, const char *data, size_t size) {
    if (self->line.size + size > HF_STREAM_LINE_MAX) {
        self->dropped = true;
        hf_buf_clear(&self->line);
        return;
    }
    hf_buf_add(&self->line, data, size);
}

static void s_skip_mark(hf_event_stream_t *self) {
    if (!self->begun) {
        self->begun = true;
        if (self->line.size >= 3 && memcmp(self->line.data, "\xEF\xBB\xBF", 3) == 0) {
            self->line.size -= 3;
            memmove(self->line.data, self->line.data + 3, self->line.size + 1);
        }
    }
}

bool hf_event_stream_feed(hf_event_stream_t *self, const char *data, size_t size) {
    const char *end = data + size;
    while (data < end && !self->enough) {
        if (self->after_cr && *data == '\n') {
            data++;
        }
        self->after_cr = false;
        const char *stop = data;
        while (stop < end && *stop != '\n' && *stop != '\r') {
            stop++;
        }
        s_add(self, data, (size_t)(stop - data));
        if (stop < end) {
            self->after_cr = *stop == '\r';
            s_skip_mark(self);
            s_line(self);
        }
        data = stop + 1;
    }
    return !self->enough;
}

void hf_event_stream_restart(hf_event_stream_t *self) {
    hf_buf_clear(&self->line);
    s_forget(self);
    self->after_cr = false;
    self->begun = false;
    self->enough = false;
}

void hf_event_stream_set_last_id(hf_event_stream_t *self, const char *id) {
    snprintf(self->id, sizeof self->id, "%s", id);
}

const char *hf_event_stream_last_id(const hf_event_stream_t *self) {
    return self->id;
}

int hf_event_stream_retry_ms(const hf_event_stream_t *self) {
    return self->retry_ms;
}
