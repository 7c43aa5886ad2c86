/*  One simulated node: the real cores of all actors over one real LMDB environment, and around them, as
 * models, the network, the supervisor, the disk, clients and the third party. One seed makes one world; it
 * lives in one thread.
 *
 *  engine    virtual time, events, chance, trace          plan      sizes and likelihoods of this world
 *  lives     actors: rounds, crashes, hangs, restarts     network   what becomes of messages
 *  client    who submits and decides                      third     who is called
 *  ledger    what is durable, and the invariants          tell      messages as sentences, for the story  */

#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "journal/journal_core.h"
#include "link/core.h"
#include "simulate/player.h"
#include "simulation/coverage.h"
#include "simulation/engine.h"
#include "simulation/plan.h"

typedef struct sim_world sim_world_t;
typedef struct sim_ledger sim_ledger_t;   //  ledger.h
typedef struct sim_clients sim_clients_t; //  client.h
typedef struct sim_third sim_third_t;     //  third.h

//  What an event asks for.
typedef enum {
    SIM_EV_PUBLISHED, //  data reaches life a
    SIM_EV_PUSHED,    //  data reaches whoever plays role a; b: the life that sent it
    SIM_EV_ROUND,     //  Life a takes its messages
    SIM_EV_TIMER,     //  Life a asked to be woken; b: which time
    SIM_EV_START,     //  Role a gets a new life
    SIM_EV_CLIENT,    //  Client a does its next thing
    SIM_EV_ANSWERED,  //  The third party's answer to call a reaches its caller
    SIM_EV_MOOD,      //  Destination a changes its mood
    SIM_EV_ROOM,      //  The journal has room again
    SIM_EV_NOTICE,    //  The supervisor notices that life a hangs
} sim_event_kind_t;

//  What waits for a life's next round.
typedef struct {
    enum { SIM_ITEM_MESSAGE, SIM_ITEM_HTTP, SIM_ITEM_ANSWER } kind;
    hf_from_t from;  //  MESSAGE
    uint8_t *data;   //  MESSAGE
    size_t size;     //  MESSAGE
    uint32_t number; //  HTTP: the client's try; ANSWER: the call
} sim_item_t;

//  One life of one actor: a process, from its start to its end.
typedef struct {
    uint32_t number;                   //  Of all lives of this world
    sim_role_t role;                   //  What it plays
    const hf_player_t *player;         //  NULL: the journal, or the simulator's own follower
    const hf_core_ops_t *ops;          //  NULL: the journal
    void *core;                        //  The real core, NULL: this life has ended
    hf_store_t *store;                 //  Its handle
    sim_item_t *inbox;                 //  What waits for its round
    size_t inbox_size, inbox_capacity; //  How many, and places
    bool round_planned;                //  A round is under way
    uint32_t timer;                    //  Number of the newest timer
    int64_t timer_at;                  //  Its time
    int64_t hung_until;                //  It does nothing before
    bool replaced;                     //  A newer life plays its role
    bool fell_with_tree;               //  Nothing that it sent is still under way
    int64_t away_until;                //  Its subscription is down before
    int64_t published_at; //  When the newest publication under way reaches it: the next comes no earlier
    int64_t pushed_at[SIM_ROLES]; //  The same for what it pushed
    uint64_t followed;            //  Newest fact that it is known to have seen, where that is checked
} sim_life_t;

struct sim_world {
    sim_engine_t engine;               //  Time and chance
    sim_plan_t plan;                   //  How this world is
    const char *dir;                   //  Where its LMDB environment is
    hf_config_t *config;               //  Pipelines
    hf_store_t *environment;           //  Keeps it open between lives
    sim_life_t **lives;                //  All that ever were
    size_t lives_size, lives_capacity; //  How many, and places
    sim_life_t *players[SIM_ROLES];    //  Who plays each role, or NULL
    bool starting[SIM_ROLES];          //  A new life is planned
    int64_t clock_offset;              //  The node's clock less virtual time
    bool full;                         //  The journal has no room
    bool holds;                        //  Nor has its reserve: one attempt at a time
    bool faults;                       //  Things fail
    sim_ledger_t *ledger;              //  What is true
    sim_clients_t *clients;            //  Who asks
    sim_third_t *third;                //  Who is called
};

//  Runs one seed to its quiet end and returns the hash over all its steps. Violations end the process.
uint64_t sim_world_run(uint64_t seed, const char *dir, bool story, uint64_t *steps);

//  Opens the environment, creating it where it is missing.
hf_store_t *sim_world_open_environment(sim_world_t *world, hf_error_t *error);

//  The node's clock.
static inline int64_t sim_node_now(const sim_world_t *world) {
    return world->engine.now + world->clock_offset;
}

#endif
