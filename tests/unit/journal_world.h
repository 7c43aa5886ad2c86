/*  A small world for stories: a journal core over a file in memory-backed storage, peers that speak to it message by
 * message, and a cast of other actors' cores that hear it and are heard. The test is the network.
 *
 *  What is heard, read, or made as a proposal lives in the world's arena until w_clear or the next w_round.  */

#ifndef HF_TEST_JOURNAL_WORLD_H
#define HF_TEST_JOURNAL_WORLD_H

#include "base/gate.h"
#include "journal/journal_core.h"
#include "link/core.h"
#include "link/wire.h"
#include "simulate/player.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    MAP = 64 << 20, //  Bytes that a story's journal usually has
    W_FACTS = 8192,
    W_ACKS = 256,
    W_CAST = 4,
    W_KEEP_MS = 100000,
    W_START_MS = 1700000000, //  20 January 1970, 16:13:20
};

typedef struct world world_t;

//  Somebody of the node beside the journal.
typedef struct {
    const char *name;          //  As a sender
    const hf_player_t *player; //  What it is
    world_t *world;            //  Where
    hf_store_t *store;         //  Its handle
    void *core;                //  Its present life
    uint8_t life;              //  Which
    bool deaf;                 //  What the journal says does not reach it
    bool mute;                 //  What it says does not reach the journal
    bool may_end;              //  Its life may end of itself; else that fails the test
} actor_t;

//  What an actor says to somebody else than the journal.
typedef void(w_on_said_t)(void *context, const hf_envelope_t *envelope);

struct world {
    char dir[64];             //  The journal's folder
    hf_store_t *store;        //  The journal's handle
    hf_store_t *reader;       //  The test's
    hf_journal_t *journal;    //  The journal, or NULL: it is dead
    hf_config_t *config;      //  Of w_configure, or NULL
    hf_arena_t *arena;        //  Of what was heard and read
    hf_id_maker_t ids;        //  Command ids
    int64_t now;              //  The story's time
    uint8_t decisions;        //  Decisions made
    Hf__Ack *acks[W_ACKS];    //  Heard since the last w_clear
    size_t acks_size;         //  How many
    Hf__Fact *facts[W_FACTS]; //  The same for facts
    size_t facts_size;        //  How many
    Hf__Beat *beat;           //  The newest
    actor_t cast[W_CAST];     //  Who else is there
    size_t cast_size;         //  How many
    w_on_said_t *on_said;     //  Gets what they say to each other, or NULL: they must not
    void *on_said_context;    //  Its own
};

//  A sender without a link: the test numbers its messages itself.
typedef struct {
    const char *name;  //  Who
    uint8_t nonce[16]; //  This life's
    uint64_t epoch;    //  What the journal gave it
    uint64_t next;     //  Number of its next proposal
    uint64_t unacked;  //  What it says of itself
} peer_t;

//  ---- beginning and end

world_t *w_new(size_t map);
void w_destroy(world_t *world);

//  A folder of the story's own, and its end.
void w_make_dir(char dir[64]);
void w_remove_dir(const char *dir);

//  The journal's next life; and the file closed and opened without one.
void w_new_journal(world_t *world);
void w_open(world_t *world, size_t map);
void w_close(world_t *world);

//  Forgets what was heard and read.
void w_clear(world_t *world);

//  ---- the cast

//  Reads a pipeline file's text as what whoever joins from here on is configured by.
void w_configure(world_t *world, const char *text);

//  Somebody ("ingress", "dispatch", "failure", "events", "call.0") begins its first life.
actor_t *w_join(world_t *world, const char *name);

//  Its next life, made here; or what it is to be made from, where the test makes it.
void w_new_life(actor_t *actor);
hf_core_setup_t w_next_setup(actor_t *actor);

//  A number in what it says of itself.
int64_t w_says(const actor_t *actor, const char *name);

//  Everybody of the cast does what is due and speaks, then the journal commits and is heard: at one time.
void w_round(world_t *world);
void w_rounds(world_t *world, int rounds);

//  The two halves of a round.
void w_speak(world_t *world);
void w_publish(world_t *world);

//  Time goes by, with the journal's beats, and everything that is under way arrives.
void w_pass(world_t *world, int64_t ms);

//  ---- speaking

//  Everything that waits is committed and heard.
void w_commit(world_t *world);

//  What the journal has published is heard.
void w_hear(world_t *world);

//  The journal's next beat is heard.
void w_beat(world_t *world);

Hf__Ack *w_last_ack(const world_t *world);

//  A life of a peer, welcomed; and its hello alone.
peer_t w_peer(world_t *world, const char *name, uint8_t life);
void w_send_hello(world_t *world, peer_t *peer);

//  As bytes over the wire: a message; a run of proposals from number `first` on.
void w_send(world_t *world, Hf__Proposals *message);
void w_send_run(world_t *world, const peer_t *peer, uint64_t first, Hf__Proposal *const *proposals,
                size_t size);

//  Sends one proposal, commits, and returns how it was answered; under a number of the test's (*result may be NULL),
//  or the next.
uint32_t w_propose_as(world_t *world, const peer_t *peer, uint64_t number, Hf__Proposal *proposal,
                      const Hf__Result **result);
uint32_t w_propose(world_t *world, peer_t *peer, Hf__Proposal *proposal);

//  The same for what must be done.
#define assert_done(world, peer, proposal)                                                                   \
    assert_int_equal(w_propose((world), (peer), (proposal)), HF_RESULT_DONE)

//  ---- proposals

//  An empty message.
void *w_make(world_t *world, const ProtobufCMessageDescriptor *type);

Hf__Proposal *w_take_proposal(world_t *world, Hf__Proposal__WhatCase what);
ProtobufCBinaryData w_bytes(world_t *world, const void *data, size_t size);
ProtobufCBinaryData w_id(world_t *world, const hf_id_t *id);

//  A submission by pipeline "p" to destination "d"; the caller may change the command. The second: its key is ordered.
Hf__Proposal *w_submit(world_t *world, hf_id_t *id);
Hf__Proposal *w_submit_ordered(world_t *world, const char *key, hf_id_t *id);

//  By and for "call.0".
Hf__Proposal *w_start(world_t *world, const hf_id_t *id, uint32_t attempt, uint64_t caller_epoch);
Hf__Proposal *w_outcome(world_t *world, const hf_id_t *id, uint32_t number, uint64_t caller_epoch,
                        hf_class_t class);

//  RETRY_AT is due in a second.
Hf__Proposal *w_verdict(world_t *world, const hf_id_t *id, uint32_t attempt, hf_event_t event);
Hf__Proposal *w_decide(world_t *world, const hf_id_t *id, hf_event_t event);

//  Of destination "d": to what happens to its circuit which fact of it belongs; OPEN for a second.
Hf__Proposal *w_gate(world_t *world, hf_gate_event_t event, uint64_t circuit_fact);

//  Brings a new command, by the lifecycle's own arrows, into that state. It has a key, a deadline and an
//  Idempotency-Key.
hf_id_t w_bring_to(world_t *world, peer_t *peer, hf_state_t wanted);

//  ---- looking into the file

//  Around what reads the file itself.
void w_begin_read(world_t *world);
void w_end_read(world_t *world);

//  NULL where there is none.
Hf__State *w_state(world_t *world, const hf_id_t *id);
Hf__Command *w_command(world_t *world, const hf_id_t *id);
Hf__Destination *w_destination(world_t *world, const char *name);

//  An entry of its history, from 0; it must be there.
Hf__History *w_history(world_t *world, const hf_id_t *id, uint32_t number);

uint64_t w_count(world_t *world, const char *destination, hf_state_t state);

#define assert_state(world, id, wanted) assert_int_equal(w_state((world), (id))->state, (wanted))

typedef struct {
    char first[512]; //  The first problem
    bool silent;     //  Problems are expected
} w_problems_t;

//  A hf_store_verify callback over w_problems_t.
void w_on_problem(void *context, const char *problem);

//  The journal is whole: every record and every index entry has what belongs to it.
void w_verify(world_t *world);

#endif
