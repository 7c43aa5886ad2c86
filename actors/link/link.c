#include "link/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    uint8_t *data; //  The packed proposal, or NULL: it was made void
    size_t size;   //  Its bytes
    void *tag;     //  The owner's
} entry_t;

//  What an entry costs beside its bytes. It is counted, so that entries made void are bounded by the link's
//  limit, too.
enum { ENTRY_COST = sizeof(entry_t) + 16 };

struct hf_link {
    char *sender;           //  The name that proposals go under
    uint8_t nonce[16];      //  This life's
    size_t limit;           //  Bytes kept at most
    entry_t *ring;          //  Entries `first` to `next - 1`, number n at n % capacity
    size_t capacity;        //  Places in the ring, a power of two
    size_t bytes;           //  Sum of the kept entries' sizes and costs
    uint64_t first;         //  Number of the oldest entry that was not popped
    uint64_t next;          //  Number that the next proposal gets
    uint64_t acked;         //  Everything up to here is durable
    uint64_t sent;          //  Everything up to here went out to this journal epoch
    uint64_t epoch;         //  Ours, 0: not welcomed yet
    uint64_t journal_epoch; //  The journal's, 0: none heard
    uint64_t known_to;      //  The newest journal epoch that answered our hello
    int64_t heard_at;       //  When the journal was heard last
    int64_t progress_at;    //  When something was acknowledged, or sent after all had been
    int64_t hello_at;       //  When the next hello is due
    int64_t rewound_at;     //  When everything unacknowledged was last made to go out again
    bool rewind;            //  It shall go out again at the next flush that may
    bool progressed;        //  Something was acknowledged since rewound_at
    bool fenced;            //  A newer life was seen
};

hf_link_t *hf_link_new(const char *sender, const uint8_t nonce[16], size_t limit) {
    hf_link_t *self = hf_alloc(sizeof *self);
    self->sender = hf_strdup(sender);
    memcpy(self->nonce, nonce, sizeof self->nonce);
    self->limit = limit;
    self->capacity = 256;
    self->ring = hf_alloc(self->capacity * sizeof *self->ring);
    self->first = self->next = 1;
    self->heard_at = INT64_MIN / 2;
    self->rewound_at = INT64_MIN / 2;
    return self;
}

static entry_t *s_entry(const hf_link_t *self, uint64_t number) {
    return &self->ring[number & (self->capacity - 1)];
}

void hf_link_destroy(hf_link_t **self_p) {
    assert(self_p);
    hf_link_t *self = *self_p;
    if (self) {
        for (uint64_t number = self->first; number < self->next; number++) {
            free(s_entry(self, number)->data);
        }
        free(self->ring);
        free(self->sender);
        free(self);
        *self_p = NULL;
    }
}

bool hf_link_is_full(const hf_link_t *self, size_t size) {
    return self->bytes > 0 && self->bytes + size > self->limit;
}

static void s_grow(hf_link_t *self) {
    entry_t *ring = hf_alloc(self->capacity * 2 * sizeof *ring);
    for (uint64_t number = self->first; number < self->next; number++) {
        ring[number & (self->capacity * 2 - 1)] = *s_entry(self, number);
    }
    free(self->ring);
    self->ring = ring;
    self->capacity *= 2;
}

uint64_t hf_link_propose(hf_link_t *self, const Hf__Proposal *proposal, void *tag) {
    size_t size = hf__proposal__get_packed_size(proposal);
    if (hf_link_is_full(self, size)) {
        return 0;
    }
    if (self->next - self->first == self->capacity) {
        s_grow(self);
    }
    entry_t *entry = s_entry(self, self->next);
    entry->data = hf_alloc(size);
    entry->size = hf__proposal__pack(proposal, entry->data);
    entry->tag = tag;
    self->bytes += size + ENTRY_COST;
    return self->next++;
}

void hf_link_void(hf_link_t *self, uint64_t number) {
    assert(number >= self->first && number < self->next);
    entry_t *entry = s_entry(self, number);
    self->bytes -= entry->size;
    free(entry->data);
    entry->data = NULL;
    entry->size = 0;
}

//  Everything unacknowledged goes out again.
static void s_rewind(hf_link_t *self, int64_t now) {
    self->sent = self->acked;
    self->progress_at = now;
    self->rewound_at = now;
    self->rewind = false;
    self->progressed = false;
}

//  When a wanted rewind may happen. What was under way at the last one is reported as a gap until the first
//  repeated entry is acknowledged: such reports must not make everything go out over and over.
static int64_t s_rewind_due(const hf_link_t *self) {
    return self->rewound_at + (self->progressed ? HF_REWIND_EVERY_MS : HF_BEAT_EVERY_MS);
}

//  False where the message is an older journal's.
static bool s_heard(hf_link_t *self, uint64_t journal_epoch, int64_t now) {
    if (journal_epoch < self->journal_epoch) {
        return false;
    }
    if (journal_epoch > self->journal_epoch) {
        self->journal_epoch = journal_epoch;
        self->hello_at = now;
        s_rewind(self, now);
        self->progressed = true; //  Nothing that was sent before counts here: a gap from now on is a new one
        self->rewound_at = now - HF_REWIND_EVERY_MS;
    }
    self->heard_at = now;
    return true;
}

//  An acknowledgement counts only where none before it is missing: its results would be missing too.
static void s_applied(hf_link_t *self, uint64_t first, uint64_t applied, int64_t now) {
    if (applied <= self->acked || applied >= self->next) {
        return;
    }
    if (first > self->acked + 1) {
        self->rewind = true;
        return;
    }
    self->acked = applied;
    self->progress_at = now;
    self->progressed = true;
    if (self->sent < applied) {
        self->sent = applied;
    }
}

//  The journal's answer to our hello. Epoch 0: a newer life of this sender was welcomed after us.
static void s_welcomed(hf_link_t *self, const Hf__Ack *ack) {
    if (ack->nonce.len != sizeof self->nonce ||
        memcmp(ack->nonce.data, self->nonce, sizeof self->nonce) != 0) {
        return;
    }
    if (!ack->sender_epoch) {
        self->fenced = true;
        return;
    }
    self->epoch = ack->sender_epoch;
    self->known_to = ack->journal_epoch;
}

void hf_link_receive_ack(hf_link_t *self, const Hf__Ack *ack, int64_t now) {
    if (!s_heard(self, ack->journal_epoch, now)) {
        return;
    }
    s_welcomed(self, ack);
    if (!self->epoch || ack->sender_epoch != self->epoch) {
        return;
    }
    s_applied(self, ack->first, ack->applied, now);
    if (ack->resend_from > self->acked) {
        self->rewind = true;
    }
}

void hf_link_receive_beat(hf_link_t *self, const Hf__Beat *beat, int64_t now) {
    if (!s_heard(self, beat->journal_epoch, now) || !self->epoch) {
        return;
    }
    for (size_t i = 0; i < beat->n_senders; i++) {
        const Hf__SenderBeat *sender = beat->senders[i];
        if (strcmp(sender->name, self->sender) != 0) {
            continue;
        }
        if (sender->epoch > self->epoch) {
            self->fenced = true;
        } else if (sender->epoch == self->epoch && sender->applied > self->acked) {
            self->rewind = true; //  The acknowledgement was lost: it went out before this beat
        }
    }
    if (self->sent > self->acked && now - self->progress_at >= HF_RESEND_AFTER_MS) {
        s_rewind(self, now);
    }
}

static void *s_take_out(hf_link_t *self) {
    entry_t *entry = s_entry(self, self->first++);
    void *tag = entry->tag;
    self->bytes -= entry->size + ENTRY_COST;
    free(entry->data);
    *entry = (entry_t){0};
    return tag;
}

bool hf_link_pop(hf_link_t *self, uint64_t *number, void **tag) {
    if (self->first > self->acked) {
        return false;
    }
    *number = self->first;
    *tag = s_take_out(self);
    return true;
}

void *hf_link_abandon(hf_link_t *self) {
    return self->first < self->next ? s_take_out(self) : NULL;
}

//  Results stand in the order of their numbers.
const Hf__Result *hf_result_find(const Hf__Ack *ack, uint64_t number) {
    size_t low = 0, high = ack->n_results;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ack->results[middle]->number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < ack->n_results && ack->results[low]->number == number ? ack->results[low] : NULL;
}

static void s_send(hf_link_t *self, Hf__Proposals *message, hf_outbox_t *outbox) {
    message->sender = self->sender;
    message->journal_epoch = self->journal_epoch;
    hf_buf_t bytes = {0};
    hf_buf_pack(&bytes, &message->base);
    hf_outbox_put(outbox, HF_TO_JOURNAL, 0, &bytes);
}

static void s_send_hello(hf_link_t *self, hf_outbox_t *outbox) {
    Hf__Hello hello = HF__HELLO__INIT;
    hello.nonce = (ProtobufCBinaryData){sizeof self->nonce, self->nonce};
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_HELLO;
    proposal.hello = &hello;
    uint8_t packed[64];
    ProtobufCBinaryData run = {hf__proposal__pack(&proposal, packed), packed};
    Hf__Proposals message = HF__PROPOSALS__INIT;
    message.n_proposals = 1;
    message.proposals = &run;
    s_send(self, &message, outbox);
}

//  One message of entries from sent + 1 on.
static void s_send_run(hf_link_t *self, hf_outbox_t *outbox) {
    enum { RUN_MAX = 1024 }; //  Entries in a message: what one commit of the journal likes
    ProtobufCBinaryData run[RUN_MAX];
    Hf__Proposals message = HF__PROPOSALS__INIT;
    message.sender_epoch = self->epoch;
    message.first = self->sent + 1;
    message.unacked = self->acked + 1;
    message.proposals = run;
    size_t bytes = 0;
    while (self->sent + 1 < self->next && message.n_proposals < RUN_MAX) {
        entry_t *entry = s_entry(self, self->sent + 1);
        if (message.n_proposals > 0 && bytes + entry->size > HF_LINK_RUN_BYTES) {
            break;
        }
        run[message.n_proposals++] = (ProtobufCBinaryData){entry->size, entry->data};
        bytes += entry->size;
        self->sent++;
    }
    s_send(self, &message, outbox);
}

//  Said until this journal has answered it: a sender with nothing to propose is known to a new journal, too.
static void s_introduce(hf_link_t *self, hf_outbox_t *outbox, int64_t now) {
    if (now >= self->hello_at) {
        self->hello_at = now + HF_HELLO_EVERY_MS;
        s_send_hello(self, outbox);
    }
}

static bool s_is_known(const hf_link_t *self) {
    return self->epoch && self->known_to == self->journal_epoch;
}

void hf_link_flush(hf_link_t *self, hf_outbox_t *outbox, int64_t now) {
    if (!s_is_known(self)) {
        s_introduce(self, outbox, now);
        return;
    }
    if (self->sent == self->acked) {
        self->rewind = false; //  Nothing is under way
    } else if (self->rewind && now >= s_rewind_due(self)) {
        s_rewind(self, now);
    }
    if (self->sent == self->acked && self->sent + 1 < self->next) {
        self->progress_at = now;
    }
    while (self->sent + 1 < self->next) {
        s_send_run(self, outbox);
    }
}

int64_t hf_link_next_deadline(const hf_link_t *self) {
    if (!s_is_known(self)) {
        return self->hello_at;
    }
    return self->rewind && self->sent > self->acked ? s_rewind_due(self) : INT64_MAX;
}

bool hf_link_is_live(const hf_link_t *self, int64_t now) {
    return s_is_known(self) && !self->fenced && now - self->heard_at < HF_JOURNAL_SILENT_MS;
}

bool hf_link_is_fenced(const hf_link_t *self) {
    return self->fenced;
}

uint64_t hf_link_epoch(const hf_link_t *self) {
    return self->epoch;
}

uint64_t hf_link_journal_epoch(const hf_link_t *self) {
    return self->journal_epoch;
}

size_t hf_link_unacked(const hf_link_t *self) {
    return (size_t)(self->next - self->first);
}

size_t hf_link_bytes(const hf_link_t *self) {
    return self->bytes;
}
