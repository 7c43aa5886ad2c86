/*  What is true: every durable fact, read from the file as soon as a commit returned, and the model's own
 * knowledge of each command. All of DESIGN.md's invariants are asserted here.  */

#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "base/id_map.h"
#include "link/link.h"
#include "simulation/gates.h"
#include "simulation/world.h"

//  What a client once sent: the same for all tries under one Idempotency-Key. A batch has lines, which are
//  submissions, too.
typedef struct sim_submission {
    uint32_t number;               //  Of all submissions
    int pipeline;                  //  Its number
    hf_buf_t body;                 //  As sent
    char content_type[32];         //  As sent
    uint32_t key_number;           //  Of its Idempotency-Key; 0: none
    char key[24];                  //  The same as text
    char not_before[16];           //  Holdfast-Not-Before; empty: none
    char deadline[16];             //  Holdfast-Deadline; empty: none
    char priority[2];              //  Holdfast-Priority; empty: none
    struct sim_submission **lines; //  Batch: one for each line
    size_t lines_size;             //  How many; 0: no batch
    unsigned asked;                //  Batch: how often it reached ingress,
    unsigned refused;              //  how often it was refused,
    unsigned made;                 //  Batch, line: how often it became durable
} sim_submission_t;

//  One attempt, as far as the third party and the caller know of it.
typedef struct {
    unsigned calls;      //  Requests made for it
    bool sent;           //  The third party may have seen it
    bool delivered;      //  Its answer reached the caller that made it
    bool placed;         //  It takes a place at its destination
    hf_class_t expected; //  What class that answer is of
} sim_attempt_t;

typedef struct {
    hf_id_t id;                            //  Its id
    uint32_t number;                       //  For people: c1, c2 …
    sim_submission_t *submission;          //  What made it
    bool durable;                          //  Its Submit is a fact
    bool removed;                          //  It left after `keep`
    bool acknowledged;                     //  A client was told so
    bool refused;                          //  A client was told that it was refused
    hf_state_t state;                      //  The newest fact's
    int64_t since;                         //  When it began
    uint32_t attempt;                      //  The newest one's number
    uint32_t round_attempt;                //  Attempts before this round
    uint64_t last_fact;                    //  Number of the newest fact about it
    uint64_t order;                        //  Number of the first one
    bool overtaken;                        //  Dead or uncertain, and its key goes on without it
    bool was_overtaken;                    //  The same, ever
    bool unknown;                          //  An attempt of this round has an unknown outcome
    bool probe;                            //  The newest attempt is a probe
    bool inquiry;                          //  The newest attempt asks what became of the one before
    bool never_asked;                      //  No caller was asked to make the newest attempt
    unsigned executed;                     //  Calls of this round that the third party carried out
    bool answered;                         //  A durable outcome says that it succeeded
    hf_buf_t body;                         //  What is to be sent now
    unsigned asked[HF_EVENTS];             //  Decisions that clients asked for,
    unsigned refused_decisions[HF_EVENTS]; //  of these refused,
    unsigned decided[HF_EVENTS];           //  of these answered as done,
    unsigned facts[HF_EVENTS];             //  Facts
    unsigned by_jobs[HF_EVENTS];           //  Of these, those that follow from a job's step
    sim_attempt_t *attempts;               //  By number
    size_t attempts_size;                  //  Places
} sim_command_t;

struct sim_member;

//  Decisions that jobs made (jobs.h).
struct sim_jobs {
    struct sim_member *members; //  In the order of their facts
    size_t size, capacity;      //  How many, and places
};

struct sim_ledger {
    sim_world_t *world;                      //  Whose
    hf_store_t *store;                       //  A handle of its own
    hf_arena_t *arena;                       //  Of what it reads
    hf_id_map_t *index;                      //  Commands by id
    sim_command_t **commands;                //  All that were ever proposed
    size_t commands_size, commands_capacity; //  How many, and places
    uint64_t newest;                         //  Number of the newest durable fact
    struct sim_fact *facts;                  //  All of them, by number - 1
    size_t facts_capacity;                   //  Places
    unsigned counts[HF_STATES];              //  Commands in each state
    unsigned started[SIM_DESTINATIONS];      //  In state calling, by destination
    unsigned calling[SIM_DESTINATIONS];      //  At the third party, by destination
    sim_gate_t gates[SIM_DESTINATIONS];      //  Destinations
    unsigned removed;                        //  Commands that left
    struct sim_jobs jobs;                    //  What jobs decided
    hf_arena_t *said_arena;                  //  Of what the journal heard
    struct sim_said *said;                   //  Proposals that the journal heard and has not committed
    size_t said_size, said_capacity;         //  How many, and places
};

sim_ledger_t *sim_ledger_new(sim_world_t *world);
void sim_ledger_destroy(sim_ledger_t **self_p);

//  The environment was opened anew: another handle.
void sim_ledger_reopen(sim_ledger_t *self);

//  A command that ingress made an id for; and what is known of an id, or NULL.
sim_command_t *sim_ledger_add(sim_ledger_t *self, const hf_id_t *id, sim_submission_t *submission);
sim_command_t *sim_ledger_find(const sim_ledger_t *self, const hf_id_t *id);
sim_attempt_t *sim_ledger_attempt(sim_command_t *command, uint32_t number);

//  Its caller has its answer: a good one frees the place at the destination.
void sim_ledger_delivered(sim_ledger_t *self, sim_command_t *command, uint32_t number);

//  The journal takes a message in; it forgets those that it has not committed.
void sim_ledger_heard(sim_ledger_t *self, const void *data, size_t size);
void sim_ledger_forget(sim_ledger_t *self);

//  After every commit, whatever it returned: reads what has become true, and asserts that it may be so.
void sim_ledger_committed(sim_ledger_t *self);

//  What the journal publishes must be durable.
void sim_ledger_published(sim_ledger_t *self, const void *data, size_t size);

//  A follower got this fact: it must be the next one, and as it is in the file.
void sim_ledger_followed(sim_ledger_t *self, sim_life_t *life, const Hf__Fact *fact);
void sim_ledger_followed_number(sim_ledger_t *self, sim_life_t *life, uint64_t seq);

//  A caller makes a request for an attempt.
void sim_ledger_called(sim_ledger_t *self, sim_command_t *command, uint32_t attempt, const void *body,
                       size_t size);

//  The number of a destination of that name.
int sim_ledger_destination(const sim_ledger_t *self, const char *name);

//  Asserts over everything, when nothing moves any more.
void sim_ledger_scan(sim_ledger_t *self);

//  Commands that still move by themselves.
unsigned sim_ledger_open(const sim_ledger_t *self);

#endif
