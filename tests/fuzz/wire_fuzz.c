//  libFuzzer: any bytes as a publication, heard by a link. Whatever they are, reading ends, stays in bounds,
//  and says either nothing or just one thing; and a link that was welcomed gives back no more than was
//  proposed to it.

#include "link/link.h"
#include "link/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PROPOSALS = 8, JOURNAL = 7, EPOCH = 5 };

static void s_propose(hf_link_t *link) {
    Hf__Hello hello = HF__HELLO__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_HELLO;
    proposal.hello = &hello;
    for (int i = 0; i < PROPOSALS; i++) {
        hf_link_propose(link, &proposal, NULL);
    }
}

static void s_hear(hf_link_t *link, const hf_publication_t *publication) {
    uint64_t number, expected = 1;
    void *tag;
    if (publication->ack) {
        hf_link_receive_ack(link, publication->ack, 1000);
    } else if (publication->beat) {
        hf_link_receive_beat(link, publication->beat, 1000);
    }
    while (hf_link_pop(link, &number, &tag)) {
        if (number != expected++ || number > PROPOSALS) {
            abort();
        }
        if (publication->ack) {
            hf_result_find(publication->ack, number);
        }
    }
}

static void s_flush(hf_link_t *link) {
    hf_outbox_t outbox = {0};
    hf_link_flush(link, &outbox, 1001);
    hf_outbox_free(&outbox);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t nonce[16] = {1};
    hf_arena_t *arena = hf_arena_new(1 << 10);
    hf_publication_t publication;
    hf_link_t *link = hf_link_new("fuzz", nonce, 1 << 16);
    Hf__Ack welcome = HF__ACK__INIT;
    welcome.journal_epoch = JOURNAL;
    welcome.sender_epoch = EPOCH;
    welcome.nonce = (ProtobufCBinaryData){sizeof nonce, (uint8_t *)nonce};
    hf_link_receive_ack(link, &welcome, 900);
    s_propose(link);
    s_flush(link);
    if (hf_publication_read(&publication, data, size, arena)) {
        if (!publication.facts + !publication.beat + !publication.ack != 2) {
            abort();
        }
        s_hear(link, &publication);
        s_flush(link);
    }
    hf_link_destroy(&link);
    hf_arena_destroy(&arena);
    return 0;
}
