#include "simulation/network.h"

#include "simulation/ledger.h"
#include "simulation/lives.h"
#include "simulation/tell.h"

#include <stdlib.h>
#include <string.h>

enum {
    RECONNECT_MS = 20, //  How long a message waits before it looks for its receiver again
    AWAY_MS = 4000,    //  How long a subscription is down at most
    HALF = 500000      //  Of a million
};

typedef struct {
    const sim_link_plan_t *plan;                //  How likely each fate is
    sim_fault_t lost, doubled, late, reordered; //  What to count
} link_t;

static bool s_strikes(sim_world_t *world, uint32_t share, sim_fault_t fault) {
    if (!sim_chance(&world->engine, SIM_NET, share)) {
        return false;
    }
    sim_cover(fault, world->ledger->counts);
    return true;
}

//  How long this message is under way; *newest is when the one before it arrives.
static int64_t s_delay(sim_world_t *world, const link_t *link, int64_t *newest) {
    sim_engine_t *engine = &world->engine;
    int64_t at = engine->now + sim_between(engine, SIM_NET, 0, world->plan.latency_ms);
    if (s_strikes(world, link->plan->late, link->late)) {
        at += sim_between(engine, SIM_NET, 1, world->plan.late_ms);
    }
    if (s_strikes(world, link->plan->reordered, link->reordered)) {
        return at - engine->now + sim_between(engine, SIM_NET, 0, 30);
    }
    if (at < *newest) {
        at = *newest;
    }
    *newest = at;
    return at - engine->now;
}

static void s_put(sim_world_t *world, const link_t *link, int64_t *newest, sim_event_kind_t kind, uint32_t a,
                  uint32_t b, const uint8_t *data, size_t size) {
    sim_engine_t *engine = &world->engine;
    if (s_strikes(world, link->plan->lost, link->lost)) {
        SAY(engine, "          lost on its way");
        return;
    }
    int copies = s_strikes(world, link->plan->doubled, link->doubled) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        sim_engine_plan(engine, s_delay(world, link, newest), kind, a, b, (uint8_t *)hf_memdup(data, size),
                        size);
    }
}

static void s_push(sim_world_t *world, sim_life_t *from, sim_role_t to, const hf_envelope_t *envelope) {
    link_t proposals = {&world->plan.proposals, SIM_FAULT_PROPOSALS_LOST, SIM_FAULT_PROPOSALS_DOUBLED,
                        SIM_FAULT_PROPOSALS_LATE, SIM_FAULT_PROPOSALS_REORDERED};
    link_t orders = {&world->plan.orders, SIM_FAULT_ORDERS_LOST, SIM_FAULT_ORDERS_DOUBLED,
                     SIM_FAULT_ORDERS_LATE, SIM_FAULT_ORDERS_LATE};
    SAY(&world->engine, "  %s -> %s: %s", sim_tell_life(from), sim_role_name(to),
        sim_tell_message(world, envelope->to, envelope->data, envelope->size));
    s_put(world, to == SIM_JOURNAL ? &proposals : &orders, &from->pushed_at[to], SIM_EV_PUSHED, to,
          from->number, envelope->data, envelope->size);
}

//  Facts go to followers, acknowledgements to whom they name, beats to all.
static bool s_subscribes(const sim_life_t *life, const char *topic) {
    if (life->role == SIM_JOURNAL || !life->core) {
        return false;
    }
    return life->role == SIM_WATCH ? topic[0] != 'A'
                                   : hf_player_hears(life->player, sim_role_name(life->role), topic);
}

static void s_publish(sim_world_t *world, const hf_envelope_t *envelope) {
    link_t link = {&world->plan.publications, SIM_FAULT_PUBLICATION_LOST, SIM_FAULT_PUBLICATION_DOUBLED,
                   SIM_FAULT_PUBLICATION_LATE, SIM_FAULT_PUBLICATION_REORDERED};
    sim_ledger_published(world->ledger, envelope->data, envelope->size);
    SAY(&world->engine, "  journal publishes: %s",
        sim_tell_message(world, envelope->to, envelope->data, envelope->size));
    for (size_t i = 0; i < world->lives_size; i++) {
        sim_life_t *life = world->lives[i];
        if (!s_subscribes(life, (const char *)envelope->data)) {
            continue;
        }
        if (s_strikes(world, world->plan.away, SIM_FAULT_SUBSCRIBER_AWAY)) {
            life->away_until = world->engine.now + sim_between(&world->engine, SIM_NET, 1, AWAY_MS);
            SAY(&world->engine, "          %s loses its subscription for a while", sim_tell_life(life));
        }
        if (life->away_until <= world->engine.now) {
            s_put(world, &link, &life->published_at, SIM_EV_PUBLISHED, life->number, 0, envelope->data,
                  envelope->size);
        }
    }
}

void sim_network_send(sim_world_t *world, sim_life_t *from, hf_envelope_t *envelope) {
    sim_trace(&world->engine, 1000 + (uint64_t)envelope->to, from->number, (uint64_t)envelope->number,
              envelope->data, envelope->size);
    switch (envelope->to) {
    case HF_TO_JOURNAL:
        s_push(world, from, SIM_JOURNAL, envelope);
        break;
    case HF_TO_CALLER:
        s_push(world, from, (sim_role_t)(SIM_CALL + envelope->number), envelope);
        break;
    case HF_TO_DISPATCH:
        s_push(world, from, SIM_DISPATCH, envelope);
        break;
    case HF_TO_FOLLOWERS:
        s_publish(world, envelope);
        break;
    case HF_TO_WORLD:
        sim_lives_world_event(world, from, envelope->data, envelope->size);
        break;
    }
    free(envelope->data);
}

//  Whoever plays the role, or, while a replaced life is still there, perhaps that one: its pipe may be the
//  one that was chosen.
static sim_life_t *s_receiver(sim_world_t *world, sim_role_t role) {
    sim_life_t *life = world->players[role];
    sim_life_t *zombie = role == SIM_JOURNAL ? NULL : sim_lives_zombie(world, role);
    if (zombie && (!life || sim_chance(&world->engine, SIM_NET, HALF))) {
        return zombie;
    }
    return life;
}

static void s_arrive_pushed(sim_world_t *world, sim_event_t *event) {
    sim_role_t role = (sim_role_t)event->a;
    sim_life_t *life = s_receiver(world, role);
    if (world->lives[event->b]->fell_with_tree) {
        return;
    }
    if (!life && world->lives[event->b]->core &&
        (!world->faults || sim_chance(&world->engine, SIM_NET, HALF))) {
        sim_engine_plan(&world->engine, RECONNECT_MS, event->kind, event->a, event->b, event->data,
                        event->size);
        event->data = NULL; //  Its sender keeps it until somebody is there
        return;
    }
    if (!life) {
        sim_cover(SIM_FAULT_CONNECTION_BROKEN, world->ledger->counts);
        SAY(&world->engine, "a message for %s is lost: nobody is there", sim_role_name(role));
        return;
    }
    sim_lives_put(world, life,
                  (sim_item_t){.kind = SIM_ITEM_MESSAGE,
                               .from = role == SIM_JOURNAL    ? HF_FROM_JOURNAL
                                       : role == SIM_DISPATCH ? HF_FROM_CALLER
                                                              : HF_FROM_DISPATCH,
                               .data = event->data,
                               .size = event->size});
    event->data = NULL;
}

void sim_network_arrive(sim_world_t *world, sim_event_t *event) {
    if (event->kind == SIM_EV_PUSHED) {
        s_arrive_pushed(world, event);
        return;
    }
    sim_life_t *life = world->lives[event->a];
    if (life->core) {
        sim_lives_put(
            world, life,
            (sim_item_t){
                .kind = SIM_ITEM_MESSAGE, .from = HF_FROM_JOURNAL, .data = event->data, .size = event->size});
        event->data = NULL;
    }
}
