/*  A journal core over a file in memory-backed storage, and peers that speak to it message by message: what
 * the stories of store_test, journal_test and others stand on. The test is the network.  */

#ifndef HF_TEST_JOURNAL_WORLD_H
#define HF_TEST_JOURNAL_WORLD_H

#include "journal/journal_core.h"
#include "link/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { W_FACTS = 8192, W_ACKS = 256, W_KEEP_MS = 100000, W_START_MS = 1700000000 };

typedef struct {
    char dir[64];             //  The journal's folder
    hf_store_t *store;        //  The journal's handle
    hf_store_t *reader;       //  The test's
    hf_journal_t *journal;    //  The journal
    hf_arena_t *arena;        //  Of what was heard and read
    hf_id_maker_t ids;        //  Command ids
    int64_t now;              //  The story's time
    uint8_t decisions;        //  Decisions made
    Hf__Ack *acks[W_ACKS];    //  Heard since the last w_clear
    size_t acks_size;         //  How many
    Hf__Fact *facts[W_FACTS]; //  The same for facts
    size_t facts_size;        //  How many
    Hf__Beat *beat;           //  The newest
} world_t;

//  A sender without a link: the test numbers its messages itself.
typedef struct {
    const char *name;  //  Who
    uint8_t nonce[16]; //  This life's
    uint64_t epoch;    //  What the journal gave it
    uint64_t next;     //  Number of its next proposal
    uint64_t unacked;  //  What it says of itself
} peer_t;

static inline void w_remove_dir(const char *dir) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static inline void w_make_dir(char dir[64]) {
    struct stat is;
    snprintf(dir, 64, "%s/holdfast-unit-XXXXXX", stat("/dev/shm", &is) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
}

static inline void w_new_journal(world_t *world) {
    hf_error_t error = {{0}};
    hf_journal_options_t options = {.keep_ms = W_KEEP_MS};
    hf_journal_destroy(&world->journal);
    world->journal = hf_journal_new(world->store, &options, world->now, &error);
    if (!world->journal) {
        fail_msg("%s", error.text);
    }
}

static inline void w_open(world_t *world, size_t map) {
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = map};
    world->store = hf_store_open(world->dir, &options, &error);
    if (!world->store) {
        fail_msg("%s", error.text);
    }
    world->reader = hf_store_share(world->store);
}

static inline void w_close(world_t *world) {
    hf_journal_destroy(&world->journal);
    hf_store_close(&world->reader);
    hf_store_close(&world->store);
}

static inline world_t *w_new(size_t map) {
    world_t *world = hf_alloc(sizeof *world);
    w_make_dir(world->dir);
    world->arena = hf_arena_new(1 << 16);
    world->now = W_START_MS;
    w_open(world, map);
    w_new_journal(world);
    return world;
}

static inline void w_destroy(world_t *world) {
    w_close(world);
    hf_arena_destroy(&world->arena);
    w_remove_dir(world->dir);
    free(world);
}

//  Forgets what was heard and read.
static inline void w_clear(world_t *world) {
    world->acks_size = world->facts_size = 0;
    world->beat = NULL;
    hf_arena_reset(world->arena);
}

//  ---- hearing

static inline void w_hear(world_t *world) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        hf_publication_t publication;
        assert_int_equal(envelope.to, HF_TO_FOLLOWERS);
        assert_true(hf_publication_read(&publication, envelope.data, envelope.size, world->arena));
        if (publication.ack) {
            assert_true(world->acks_size < W_ACKS);
            world->acks[world->acks_size++] = publication.ack;
        } else if (publication.beat) {
            world->beat = publication.beat;
        }
        for (size_t i = 0; publication.facts && i < publication.facts->n_facts; i++) {
            assert_true(world->facts_size < W_FACTS);
            world->facts[world->facts_size++] = publication.facts->facts[i];
        }
        free(envelope.data);
    }
}

static inline void w_commit(world_t *world) {
    hf_error_t error = {{0}};
    if (hf_journal_commit(world->journal, world->now, &error)) {
        fail_msg("%s", error.text);
    }
    w_hear(world);
}

static inline void w_beat(world_t *world) {
    world->now += HF_BEAT_EVERY_MS;
    hf_journal_tick(world->journal, world->now);
    w_hear(world);
}

static inline Hf__Ack *w_last_ack(const world_t *world) {
    assert_true(world->acks_size > 0);
    return world->acks[world->acks_size - 1];
}

//  ---- speaking

static inline void w_send(world_t *world, Hf__Proposals *message) {
    hf_buf_t bytes = {0};
    hf_buf_pack(&bytes, &message->base);
    hf_journal_receive(world->journal, bytes.data, bytes.size);
    hf_buf_free(&bytes);
}

static inline void w_send_hello(world_t *world, peer_t *peer) {
    Hf__Hello hello = HF__HELLO__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    Hf__Proposals message = HF__PROPOSALS__INIT;
    hf_buf_t bytes = {0};
    hello.nonce = (ProtobufCBinaryData){sizeof peer->nonce, peer->nonce};
    proposal.what_case = HF__PROPOSAL__WHAT_HELLO;
    proposal.hello = &hello;
    hf_buf_pack(&bytes, &proposal.base);
    ProtobufCBinaryData run = {bytes.size, bytes.data};
    message.sender = (char *)peer->name;
    message.n_proposals = 1;
    message.proposals = &run;
    w_send(world, &message);
    hf_buf_free(&bytes);
}

//  A life of a peer, welcomed.
static inline peer_t w_peer(world_t *world, const char *name, uint8_t life) {
    peer_t peer = {.name = name, .nonce = {0xee, life}, .next = 1, .unacked = 1};
    w_send_hello(world, &peer);
    w_commit(world);
    assert_memory_equal(w_last_ack(world)->nonce.data, peer.nonce, sizeof peer.nonce);
    peer.epoch = w_last_ack(world)->sender_epoch;
    assert_true(peer.epoch > 0);
    return peer;
}

//  A run of proposals from number `first` on, as it would come over the wire.
static inline void w_send_run(world_t *world, const peer_t *peer, uint64_t first,
                              Hf__Proposal *const *proposals, size_t size) {
    Hf__Proposals message = HF__PROPOSALS__INIT;
    ProtobufCBinaryData *run = hf_alloc(size * sizeof *run);
    hf_buf_t *packed = hf_alloc(size * sizeof *packed);
    for (size_t i = 0; i < size; i++) {
        if (proposals[i]) {
            hf_buf_pack(&packed[i], &proposals[i]->base);
        }
        run[i] = (ProtobufCBinaryData){packed[i].size, packed[i].data};
    }
    message.sender = (char *)peer->name;
    message.sender_epoch = peer->epoch;
    message.journal_epoch = hf_journal_epoch(world->journal);
    message.first = first;
    message.unacked = peer->unacked;
    message.n_proposals = size;
    message.proposals = run;
    w_send(world, &message);
    for (size_t i = 0; i < size; i++) {
        hf_buf_free(&packed[i]);
    }
    free(packed);
    free(run);
}

//  Sends one proposal again under a number, commits, and returns how it was answered. *result may be NULL.
static inline uint32_t w_propose_as(world_t *world, const peer_t *peer, uint64_t number,
                                    Hf__Proposal *proposal, const Hf__Result **result) {
    w_send_run(world, peer, number, &proposal, 1);
    w_commit(world);
    const Hf__Ack *ack = w_last_ack(world);
    assert_int_equal(ack->sender_epoch, peer->epoch);
    assert_int_equal(ack->applied, number);
    const Hf__Result *found = hf_result_find(ack, number);
    if (result) {
        *result = found;
    }
    return found ? found->code : HF_RESULT_DONE;
}

static inline uint32_t w_propose(world_t *world, peer_t *peer, Hf__Proposal *proposal) {
    return w_propose_as(world, peer, peer->next++, proposal, NULL);
}

//  ---- proposals; they live in the world's arena until w_clear

static inline Hf__Proposal *w_take_proposal(world_t *world, Hf__Proposal__WhatCase what) {
    Hf__Proposal *proposal = hf_arena_take(world->arena, sizeof *proposal);
    hf__proposal__init(proposal);
    proposal->what_case = what;
    return proposal;
}

static inline ProtobufCBinaryData w_bytes(world_t *world, const void *data, size_t size) {
    void *copy = hf_arena_take(world->arena, size ? size : 1);
    memcpy(copy, data, size);
    return (ProtobufCBinaryData){size, copy};
}

static inline ProtobufCBinaryData w_id(world_t *world, const hf_id_t *id) {
    return w_bytes(world, id->bytes, HF_ID_SIZE);
}

//  A submission to destination "d"; the caller may change the command.
static inline Hf__Proposal *w_submit(world_t *world, hf_id_t *id) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_SUBMIT);
    Hf__Command *command = hf_arena_take(world->arena, sizeof *command);
    proposal->submit = hf_arena_take(world->arena, sizeof *proposal->submit);
    hf__submit__init(proposal->submit);
    hf__command__init(command);
    *id = hf_id_make(&world->ids, world->now);
    command->id = w_id(world, id);
    command->pipeline = (char *)"p";
    command->destination = (char *)"d";
    command->body = w_bytes(world, "{\"n\":1}", 7);
    command->content_type = (char *)"application/json";
    command->accepted_at = world->now;
    proposal->submit->command = command;
    return proposal;
}

static inline Hf__Proposal *w_start(world_t *world, const hf_id_t *id, uint32_t attempt,
                                    uint64_t caller_epoch) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_START);
    proposal->start = hf_arena_take(world->arena, sizeof *proposal->start);
    hf__start__init(proposal->start);
    proposal->start->id = w_id(world, id);
    proposal->start->attempt = attempt;
    proposal->start->caller = (char *)"call.0";
    proposal->start->caller_epoch = caller_epoch;
    return proposal;
}

static inline Hf__Proposal *w_outcome(world_t *world, const hf_id_t *id, uint32_t number,
                                      uint64_t caller_epoch, hf_class_t class) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_OUTCOME);
    Hf__Attempt *attempt = hf_arena_take(world->arena, sizeof *attempt);
    proposal->outcome = hf_arena_take(world->arena, sizeof *proposal->outcome);
    hf__outcome__init(proposal->outcome);
    hf__attempt__init(attempt);
    attempt->number = number;
    attempt->class_ = class;
    attempt->http_status = class == HF_CLASS_SUCCEEDED ? 200 : 503;
    attempt->reason = (char *)"as the story wants it";
    attempt->caller = (char *)"call.0";
    proposal->outcome->id = w_id(world, id);
    proposal->outcome->caller_epoch = caller_epoch;
    proposal->outcome->attempt = attempt;
    return proposal;
}

static inline Hf__Proposal *w_verdict(world_t *world, const hf_id_t *id, uint32_t attempt, hf_event_t event) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_VERDICT);
    proposal->verdict = hf_arena_take(world->arena, sizeof *proposal->verdict);
    hf__verdict__init(proposal->verdict);
    proposal->verdict->id = w_id(world, id);
    proposal->verdict->attempt = attempt;
    proposal->verdict->event = event;
    proposal->verdict->due = event == HF_EVENT_RETRY_AT ? world->now + 1000 : 0;
    proposal->verdict->reason = (char *)"by policy";
    return proposal;
}

static inline Hf__Proposal *w_decide(world_t *world, const hf_id_t *id, hf_event_t event) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_DECIDE);
    uint8_t decision[16] = {0xde, ++world->decisions};
    proposal->decide = hf_arena_take(world->arena, sizeof *proposal->decide);
    hf__decide__init(proposal->decide);
    proposal->decide->id = w_id(world, id);
    proposal->decide->event = event;
    proposal->decide->decision = w_bytes(world, decision, sizeof decision);
    proposal->decide->who = (char *)"somebody";
    return proposal;
}

//  ---- looking

static inline Hf__State *w_state(world_t *world, const hf_id_t *id) {
    hf_error_t error = {{0}};
    Hf__State *state = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    int found = hf_store_state(world->reader, id, world->arena, &state, &error);
    hf_store_end_read(world->reader);
    assert_true(found >= 0);
    return found ? state : NULL;
}

static inline Hf__Command *w_command(world_t *world, const hf_id_t *id) {
    hf_error_t error = {{0}};
    Hf__Command *command = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    int found = hf_store_command(world->reader, id, world->arena, &command, &error);
    hf_store_end_read(world->reader);
    assert_true(found >= 0);
    return found ? command : NULL;
}

static inline uint64_t w_count(world_t *world, const char *destination, hf_state_t state) {
    hf_error_t error;
    assert_int_equal(hf_store_begin_read(world->reader, &error), 0);
    uint64_t count = hf_store_count(world->reader, destination, state);
    hf_store_end_read(world->reader);
    return count;
}

//  A submission whose key is ordered.
static inline Hf__Proposal *w_submit_ordered(world_t *world, const char *key, hf_id_t *id) {
    Hf__Proposal *submit = w_submit(world, id);
    submit->submit->command->key = (char *)key;
    submit->submit->command->ordered = true;
    return submit;
}

//  Brings a new command, by the lifecycle's own arrows, into that state. It has a key, a deadline and an
//  Idempotency-Key.
static inline hf_id_t w_bring_to(world_t *world, peer_t *peer, hf_state_t wanted) {
    hf_id_t id;
    if (wanted == HF_STATE_PARKED) { //  Behind another one of its key
        assert_int_equal(w_propose(world, peer, w_submit_ordered(world, "i-1", &id)), HF_RESULT_DONE);
    }
    Hf__Proposal *submit = w_submit(world, &id);
    submit->submit->command->key = (char *)"i-1";
    submit->submit->command->ordered = wanted == HF_STATE_PARKED;
    submit->submit->command->deadline = world->now + 1000000;
    submit->submit->command->idempotency = w_bytes(world, id.bytes, 16);
    submit->submit->command->body_hash = w_bytes(world, "0123456789abcdef", 16);
    assert_int_equal(w_propose(world, peer, submit), HF_RESULT_DONE);
    if (wanted == HF_STATE_ACCEPTED || wanted == HF_STATE_PARKED) {
        return id;
    }
    if (wanted == HF_STATE_CANCELLED) {
        assert_int_equal(w_propose(world, peer, w_decide(world, &id, HF_EVENT_CANCEL)), HF_RESULT_DONE);
        return id;
    }
    if (wanted == HF_STATE_EXPIRED) {
        assert_int_equal(w_propose(world, peer, w_verdict(world, &id, 0, HF_EVENT_EXPIRE)), HF_RESULT_DONE);
        return id;
    }
    assert_int_equal(w_propose(world, peer, w_start(world, &id, 1, peer->epoch)), HF_RESULT_DONE);
    if (wanted == HF_STATE_CALLING) {
        return id;
    }
    hf_class_t class = wanted == HF_STATE_SUCCEEDED ? HF_CLASS_SUCCEEDED : HF_CLASS_FAILED;
    assert_int_equal(w_propose(world, peer, w_outcome(world, &id, 1, peer->epoch, class)), HF_RESULT_DONE);
    if (wanted == HF_STATE_SUCCEEDED || wanted == HF_STATE_DECIDING) {
        return id;
    }
    hf_event_t event = wanted == HF_STATE_WAITING     ? HF_EVENT_RETRY_AT
                       : wanted == HF_STATE_UNCERTAIN ? HF_EVENT_HOLD
                                                      : HF_EVENT_GIVE_UP;
    assert_int_equal(w_propose(world, peer, w_verdict(world, &id, 1, event)), HF_RESULT_DONE);
    if (wanted == HF_STATE_DISCARDED) {
        assert_int_equal(w_propose(world, peer, w_decide(world, &id, HF_EVENT_DISCARD)), HF_RESULT_DONE);
    }
    assert_int_equal(w_state(world, &id)->state, wanted);
    return id;
}

typedef struct {
    char first[512]; //  The first problem
    bool silent;     //  Problems are expected
} w_problems_t;

static inline void w_on_problem(void *context, const char *problem) {
    w_problems_t *problems = context;
    if (!*problems->first) {
        snprintf(problems->first, sizeof problems->first, "%s", problem);
    }
    if (!problems->silent) {
        print_message("verify: %s\n", problem);
    }
}

//  The journal is whole: every record and every index entry has what belongs to it.
static inline void w_verify(world_t *world) {
    hf_error_t error = {{0}};
    w_problems_t problems = {.silent = false};
    assert_int_equal(hf_store_verify(world->reader, w_on_problem, &problems, &error), 0);
}

#endif
