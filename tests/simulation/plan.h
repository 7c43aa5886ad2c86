/*  What kind of world a seed makes: its sizes, and how likely each fault is. The likelihoods are drawn, too
 * (swarm testing: Groce and others, ISSTA 2012): a world without most faults reaches states that a world with
 * all of them never does.  */

#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include "base/pipeline.h"
#include "simulation/engine.h"

enum { SIM_DESTINATIONS = 3, SIM_CALLERS = 2, SIM_CLIENTS = 4, SIM_LONG_KEEP_MS = 60000 };

typedef enum {
    SIM_JOURNAL,
    SIM_INGRESS,
    SIM_DISPATCH,
    SIM_FAILURE,
    SIM_EVENTS,
    SIM_WATCH, //  A follower of the simulator's own: it checks what followers see
    SIM_CALL,  //  The first caller; the others come behind it
    SIM_ROLES = SIM_CALL + SIM_CALLERS
} sim_role_t;

//  One kind of link. Shares are of a million messages.
typedef struct {
    uint32_t lost, doubled, late, reordered;
} sim_link_plan_t;

typedef struct {
    int callers;                       //  Call processes
    int clients;                       //  Clients
    int commands;                      //  Submissions that they make together
    int decisions;                     //  Decisions over single commands
    int64_t faults_ms;                 //  How long things fail
    int64_t think_ms;                  //  A client's longest pause
    int64_t keep_ms;                   //  How long finished commands stay
    int64_t latency_ms;                //  A message's longest way while nothing is wrong
    int64_t late_ms;                   //  A late message's
    int64_t round_ms;                  //  An actor's longest wait before it takes its messages
    int64_t restart_ms;                //  The supervisor's longest wait before a new life
    int64_t journal_away_ms;           //  How long the journal stays away at least
    int64_t hang_ms;                   //  How long an actor hangs at most
    unsigned queue;                    //  Messages that a queue holds
    unsigned batch;                    //  Messages taken in one round at most
    sim_link_plan_t proposals;         //  To the journal
    sim_link_plan_t publications;      //  From the journal, for each subscriber
    sim_link_plan_t orders;            //  To callers
    uint32_t away;                     //  Subscribers that lose their connection, of all publications
    uint32_t answer_lost;              //  HTTP answers
    uint32_t crash[SIM_ROLES];         //  Of all rounds
    uint32_t crash_before_commit;      //  Of all commits
    uint32_t crash_after_commit;       //  The same
    uint32_t crash_tree;               //  Of all rounds of the journal
    uint32_t hang[SIM_ROLES];          //  Of all rounds
    uint32_t zombies;                  //  Hung lives that are replaced, but not killed
    uint32_t commit_lost, commit_kept; //  Of all commits
    uint32_t write_fails, map_full;    //  The same
    uint32_t full;                     //  Of all rounds of the journal
    uint32_t moods;                    //  Share of calls that meet a destination's mood
    uint32_t keyed;                    //  Submissions with an Idempotency-Key
    uint32_t replays, conflicts;       //  Of all that clients do
} sim_plan_t;

void sim_plan_draw(sim_plan_t *self, sim_engine_t *engine);

//  The pipelines and destinations of this world.
hf_config_t *sim_plan_config(const sim_plan_t *self, sim_engine_t *engine);

//  Everything that can fail stops failing.
void sim_plan_heal(sim_plan_t *self);

#endif
