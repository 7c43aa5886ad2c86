#include "link/proposer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

struct hf_proposer {
    hf_link_t *link;               //  To the journal
    hf_follow_t *follow;           //  Place among the facts
    hf_arena_t *arena;             //  Of the message being read
    hf_outbox_t outbox;            //  What wants to be sent
    hf_proposer_handler_t handler; //  The core on top
    void *context;                 //  Its own
    hf_error_t failure;            //  Why it must end, empty: it need not
    uint64_t foreign;              //  Messages that could not be read
};

hf_proposer_t *hf_proposer_new(const hf_core_setup_t *setup, size_t link_limit,
                               const hf_proposer_handler_t *handler, void *context) {
    hf_proposer_t *self = hf_alloc(sizeof *self);
    self->link = hf_link_new(setup->name, setup->nonce, link_limit);
    self->arena = hf_arena_new(64 << 10);
    self->handler = *handler;
    self->context = context;
    uint64_t newest = 0;
    if (hf_store_begin_read(setup->store, &self->failure) == 0) {
        newest = hf_store_newest_fact(setup->store);
        hf_store_end_read(setup->store);
    }
    self->follow = hf_follow_new(setup->store, newest, handler->on_fact, context);
    return self;
}

void hf_proposer_destroy(hf_proposer_t **self_p) {
    assert(self_p);
    hf_proposer_t *self = *self_p;
    if (self) {
        hf_link_destroy(&self->link);
        hf_follow_destroy(&self->follow);
        hf_arena_destroy(&self->arena);
        hf_outbox_free(&self->outbox);
        free(self);
        *self_p = NULL;
    }
}

void hf_proposer_fail(hf_proposer_t *self, const hf_error_t *error) {
    if (!*self->failure.text) {
        self->failure = *error;
    }
}

static void s_followed(hf_proposer_t *self, hf_followed_t followed, const hf_error_t *error) {
    if (followed == HF_FOLLOW_BROKEN) {
        hf_proposer_fail(self, error);
    } else if (followed == HF_FOLLOW_REBUILD && self->handler.on_rebuild) {
        self->handler.on_rebuild(self->context);
    }
}

static void s_receive_ack(hf_proposer_t *self, const Hf__Ack *ack, int64_t now) {
    hf_link_receive_ack(self->link, ack, now);
    uint64_t number;
    void *tag;
    while (hf_link_pop(self->link, &number, &tag)) {
        if (self->handler.on_answer) {
            self->handler.on_answer(self->context, tag, hf_result_find(ack, number));
        }
    }
}

static void s_receive_beat(hf_proposer_t *self, const Hf__Beat *beat, int64_t now) {
    hf_error_t error;
    hf_link_receive_beat(self->link, beat, now);
    if (hf_link_is_fenced(self->link)) {
        hf_error_set(&error, "a newer life of this actor has taken over");
        hf_proposer_fail(self, &error);
    }
    s_followed(self, hf_follow_beat(self->follow, beat, &error), &error);
    if (self->handler.on_beat) {
        self->handler.on_beat(self->context, beat);
    }
}

void hf_proposer_receive(hf_proposer_t *self, const void *data, size_t size, int64_t now) {
    hf_publication_t publication;
    hf_error_t error;
    if (!hf_publication_read(&publication, data, size, self->arena)) {
        self->foreign++;
    } else if (publication.facts) {
        s_followed(self, hf_follow_facts(self->follow, publication.facts, &error), &error);
    } else if (publication.ack) {
        s_receive_ack(self, publication.ack, now);
    } else {
        s_receive_beat(self, publication.beat, now);
    }
    hf_arena_reset(self->arena);
}

void hf_proposer_count_foreign(hf_proposer_t *self) {
    self->foreign++;
}

void hf_proposer_flush(hf_proposer_t *self, int64_t now) {
    hf_link_flush(self->link, &self->outbox, now);
}

hf_link_t *hf_proposer_link(const hf_proposer_t *self) {
    return self->link;
}

hf_follow_t *hf_proposer_follow(const hf_proposer_t *self) {
    return self->follow;
}

hf_outbox_t *hf_proposer_outbox(hf_proposer_t *self) {
    return &self->outbox;
}

const char *hf_proposer_failure(const hf_proposer_t *self) {
    return *self->failure.text ? self->failure.text : NULL;
}

void hf_proposer_describe(const hf_proposer_t *self, hf_buf_t *json) {
    hf_buf_addf(json,
                "\"epoch\":%" PRIu64 ",\"unacked\":%zu,\"newest_fact\":%" PRIu64 ",\"gaps\":%" PRIu64
                ",\"foreign\":%" PRIu64,
                hf_link_epoch(self->link), hf_link_unacked(self->link), hf_follow_newest(self->follow),
                hf_follow_gaps(self->follow), self->foreign);
}
