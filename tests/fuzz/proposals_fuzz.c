//  libFuzzer: a stream of messages to a journal over a file in memory-backed storage. The first byte of each
//  says how the rest is meant: as a message just as it is, as the bytes of one proposal of a welcomed sender,
//  or as a sensible proposal over one of a few commands. Whatever comes, commits succeed, facts have no gap,
//  and verify finds every record and index whole.

#include "base/gate.h"
#include "journal/journal_core.h"
#include "link/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COMMANDS = 4, MAP = 8 << 20, START_MS = 1000000 };

typedef struct {
    char dir[64];          //  The journal's folder
    hf_store_t *store;     //  Its file
    hf_journal_t *journal; //  It
    uint64_t epoch;        //  The sender's
    uint64_t next;         //  Number of its next proposal
    uint64_t facts;        //  Number of the newest fact heard
    int64_t now;           //  Time
} world_t;

static void s_must(bool so, const char *what) {
    if (!so) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

//  ---- hearing

static void s_hear(world_t *world) {
    hf_envelope_t envelope;
    hf_arena_t *arena = hf_arena_new(1 << 12);
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        hf_publication_t publication;
        s_must(hf_publication_read(&publication, envelope.data, envelope.size, arena),
               "what is published can be read");
        for (size_t i = 0; publication.facts && i < publication.facts->n_facts; i++) {
            s_must(publication.facts->facts[i]->seq == ++world->facts, "facts have no gap");
        }
        if (publication.ack && publication.ack->nonce.len == 16 && publication.ack->nonce.data[0] == 0xf0) {
            world->epoch = publication.ack->sender_epoch;
        }
        free(envelope.data);
    }
    hf_arena_destroy(&arena);
}

static void s_commit(world_t *world) {
    hf_error_t error = {{0}};
    int rc = hf_journal_commit(world->journal, world->now, &error);
    if (rc == HF_STORE_FULL) {
        hf_journal_set_full(world->journal, "full");
        rc = hf_journal_commit(world->journal, world->now, &error);
    }
    s_must(rc == 0 || rc == HF_STORE_FULL, error.text);
    s_hear(world);
}

//  ---- speaking

static void s_send(world_t *world, uint64_t epoch, uint64_t first, const void *data, size_t size) {
    Hf__Proposals message = HF__PROPOSALS__INIT;
    ProtobufCBinaryData run = {size, (uint8_t *)data};
    hf_buf_t bytes = {0};
    message.sender = (char *)"fuzz";
    message.sender_epoch = epoch;
    message.journal_epoch = hf_journal_epoch(world->journal);
    message.first = first;
    message.unacked = 1;
    message.n_proposals = 1;
    message.proposals = &run;
    hf_buf_pack(&bytes, &message.base);
    hf_journal_receive(world->journal, bytes.data, bytes.size);
    hf_buf_free(&bytes);
}

static void s_send_proposal(world_t *world, const Hf__Proposal *proposal, uint64_t epoch, uint64_t number) {
    hf_buf_t packed = {0};
    hf_buf_pack(&packed, &proposal->base);
    s_send(world, epoch, number, packed.data, packed.size);
    hf_buf_free(&packed);
}

static void s_send_hello(world_t *world) {
    uint8_t nonce[16] = {0xf0};
    Hf__Hello hello = HF__HELLO__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    hello.nonce = (ProtobufCBinaryData){sizeof nonce, nonce};
    proposal.what_case = HF__PROPOSAL__WHAT_HELLO;
    proposal.hello = &hello;
    s_send_proposal(world, &proposal, 0, 0);
}

//  A proposal that might do something: bytes choose the kind, the command, the attempt and the rest.
static void s_send_sensible(world_t *world, const uint8_t *bytes, bool again) {
    uint8_t id[16] = {0, 0, 0, 1, [15] = (uint8_t)(bytes[1] % COMMANDS + 1)}, decision[16] = {bytes[3]};
    ProtobufCBinaryData id_bytes = {sizeof id, id};
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    Hf__Command command = HF__COMMAND__INIT;
    Hf__Submit submit = HF__SUBMIT__INIT;
    Hf__Start start = HF__START__INIT;
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    Hf__Outcome outcome = HF__OUTCOME__INIT;
    Hf__Verdict verdict = HF__VERDICT__INIT;
    Hf__Decide decide = HF__DECIDE__INIT;
    Hf__Gate gate = HF__GATE__INIT;
    command.id = start.id = outcome.id = verdict.id = decide.id = id_bytes;
    command.pipeline = (char *)"p";
    command.destination = (char *)(bytes[2] % 2 ? "d" : "e");
    command.key = (char *)(bytes[2] % 3 ? "k" : "");
    command.accepted_at = world->now;
    command.deadline = bytes[2] % 5 ? 0 : world->now + bytes[3];
    command.idempotency = (ProtobufCBinaryData){bytes[2] % 7 ? 0 : 16, decision};
    submit.command = &command;
    start.attempt = attempt.number = verdict.attempt = bytes[2] % 5;
    start.caller_epoch = outcome.caller_epoch = world->epoch;
    attempt.class_ = bytes[3];
    attempt.lost = bytes[3] & 64;
    attempt.suspect = bytes[3] & 128;
    attempt.retry_after = bytes[2] % 11 ? 0 : world->now + bytes[3];
    outcome.attempt = &attempt;
    verdict.event = decide.event = bytes[3] % HF_EVENTS;
    verdict.due = world->now + bytes[3];
    decide.decision = (ProtobufCBinaryData){sizeof decision, decision};
    decide.replace_body = bytes[2] & 128;
    gate.destination = command.destination;
    gate.event = bytes[3] % (HF_GATE_EVENTS + 1);
    gate.reason = (char *)"why";
    gate.circuit_fact = bytes[1] % 8 ? bytes[1] % 8 : world->facts;
    gate.cooldown = bytes[1] % 16;
    static const Hf__Proposal__WhatCase kinds[] = {HF__PROPOSAL__WHAT_SUBMIT,  HF__PROPOSAL__WHAT_START,
                                                   HF__PROPOSAL__WHAT_OUTCOME, HF__PROPOSAL__WHAT_VERDICT,
                                                   HF__PROPOSAL__WHAT_DECIDE,  HF__PROPOSAL__WHAT_GATE};
    proposal.what_case = kinds[bytes[0] % 6];
    switch (proposal.what_case) {
    case HF__PROPOSAL__WHAT_SUBMIT:
        proposal.submit = &submit;
        break;
    case HF__PROPOSAL__WHAT_START:
        proposal.start = &start;
        break;
    case HF__PROPOSAL__WHAT_OUTCOME:
        proposal.outcome = &outcome;
        break;
    case HF__PROPOSAL__WHAT_VERDICT:
        proposal.verdict = &verdict;
        break;
    case HF__PROPOSAL__WHAT_GATE:
        proposal.gate = &gate;
        break;
    default:
        proposal.decide = &decide;
    }
    uint64_t number = again && world->next > 1 ? world->next - 1 : world->next++;
    s_send_proposal(world, &proposal, world->epoch, number);
}

//  ---- one input

static void s_begin_life(world_t *world) {
    hf_error_t error = {{0}};
    hf_journal_options_t options = {.keep_ms = 500};
    hf_journal_destroy(&world->journal);
    world->journal = hf_journal_new(world->store, &options, world->now, &error);
    s_must(world->journal != NULL, error.text);
    s_send_hello(world);
    s_commit(world);
}

static void s_open(world_t *world) {
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = MAP};
    *world = (world_t){.next = 1, .now = START_MS};
    strcpy(world->dir,
           access("/dev/shm", W_OK) == 0 ? "/dev/shm/holdfast-fuzz-XXXXXX" : "/tmp/holdfast-fuzz-XXXXXX");
    s_must(mkdtemp(world->dir) != NULL, "a folder can be made");
    world->store = hf_store_open(world->dir, &options, &error);
    s_must(world->store != NULL, error.text);
    s_begin_life(world);
}

static void s_on_problem(void *context, const char *problem) {
    (void)context;
    fprintf(stderr, "verify: %s\n", problem);
}

static void s_close(world_t *world) {
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[96];
    hf_error_t error = {{0}};
    s_must(hf_store_verify(world->store, s_on_problem, NULL, &error) == 0, "verify finds everything whole");
    s_must(hf_journal_newest_fact(world->journal) == world->facts, "every fact was published");
    hf_journal_destroy(&world->journal);
    hf_store_close(&world->store);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", world->dir, names[i]);
        unlink(path);
    }
    rmdir(world->dir);
}

static void s_step(world_t *world, const uint8_t *data, size_t size) {
    switch (data[0] % 8) {
    case 0:
        hf_journal_receive(world->journal, data + 1, size - 1);
        break;
    case 1:
        s_send(world, world->epoch, world->next++, data + 1, size - 1);
        break;
    case 2:
        world->now += data[0] * 4;
        break;
    case 3:
        s_commit(world);
        s_begin_life(world);
        break;
    default:
        if (size >= 5) {
            s_send_sensible(world, data + 1, data[0] & 128);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    world_t world;
    s_open(&world);
    while (size > 1) {
        size_t length = data[0] % 8 < 2 ? (size_t)data[1] + 1 : 5;
        length = length < size ? length : size;
        s_step(&world, data, length);
        if (data[0] & 64 || hf_journal_is_laden(world.journal)) {
            s_commit(&world);
        }
        data += length;
        size -= length;
    }
    s_commit(&world);
    s_close(&world);
    return 0;
}
