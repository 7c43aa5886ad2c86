/*  Two phases: things fail, a bounded time; then nothing fails any more, and the node must come to rest
 * within a bounded time.  */

#include "simulation/world.h"

#include "simulation/client.h"
#include "simulation/jobs.h"
#include "simulation/ledger.h"
#include "simulation/lives.h"
#include "simulation/network.h"
#include "simulation/third.h"
#include "simulation/turns.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    REST_MS =
        90000, //  How long the node may take to come to rest: over the longest retry deadline, and restarts
    LOOK_MS = 100,      //  How often it is looked whether it has
    MAP = 64 << 20,     //  Bytes: far more than a world needs
    STEPS_MAX = 2000000 //  Steps of one world: beyond it something spins
};

hf_store_t *sim_world_open_environment(sim_world_t *world, hf_error_t *error) {
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = MAP};
    return hf_store_open(world->dir, &options, error);
}

static void s_remove_files(const char *dir) {
    char path[4096];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/lock.mdb", dir);
    unlink(path);
}

static void s_do(sim_world_t *world, sim_event_t *event) {
    switch ((sim_event_kind_t)event->kind) {
    case SIM_EV_PUBLISHED:
    case SIM_EV_PUSHED:
        sim_network_arrive(world, event);
        break;
    case SIM_EV_CLIENT:
        sim_client_turn(world, event->a, event->b);
        break;
    case SIM_EV_ANSWERED:
        sim_third_answered(world, event->a);
        break;
    case SIM_EV_MOOD:
        sim_third_mood(world, event->a);
        break;
    default:
        sim_lives_event(world, event);
    }
    free(event->data);
}

static void s_run_until(sim_world_t *world, int64_t until) {
    sim_event_t event;
    while (sim_engine_next(&world->engine, until, &event)) {
        sim_trace(&world->engine, (uint64_t)event.kind, event.a, event.b, event.data, event.size);
        s_do(world, &event);
        if (world->engine.step > STEPS_MAX) {
            sim_violation(&world->engine, 0, "over %d steps: something spins", STEPS_MAX);
        }
    }
    world->engine.now = until;
}

static void s_heal(sim_world_t *world) {
    SAY(&world->engine, "FROM NOW ON NOTHING FAILS");
    world->faults = false;
    sim_plan_heal(&world->plan);
    sim_clients_stop(world);
    sim_third_heal(world);
    sim_lives_heal(world);
}

//  The first command that still moves, for people.
static const char *s_first_open(const sim_world_t *world) {
    static char text[64];
    for (size_t i = 0; i < world->ledger->commands_size; i++) {
        const sim_command_t *command = world->ledger->commands[i];
        if (hf_state_is_open(command->state) && !sim_turns_is_blocked(world->ledger, command)) {
            snprintf(text, sizeof text, "c%u is %s", command->number, hf_state_name(command->state));
            return text;
        }
    }
    return "every command has ended";
}

static void s_come_to_rest(sim_world_t *world) {
    int64_t latest = world->engine.now + REST_MS;
    const char *why = "";
    while (sim_ledger_open(world->ledger) || sim_jobs_running(world->ledger) ||
           !sim_clients_are_done(world) || !sim_lives_are_quiet(world, &why)) {
        if (world->engine.now > latest) {
            sim_violation(&world->engine, sim_ledger_open(world->ledger) ? 2 : 0,
                          "no rest after %d s: %u commands move (%s); %s; %s", REST_MS / 1000,
                          sim_ledger_open(world->ledger), s_first_open(world),
                          sim_clients_are_done(world) ? "no client waits" : "a client waits", why);
        }
        s_run_until(world, world->engine.now + LOOK_MS);
    }
}

static void s_begin(sim_world_t *world, uint64_t seed, bool story) {
    hf_error_t error;
    sim_engine_init(&world->engine, seed, story);
    sim_plan_draw(&world->plan, &world->engine);
    world->config = sim_plan_config(&world->plan, &world->engine);
    world->faults = true;
    s_remove_files(world->dir);
    world->environment = sim_world_open_environment(world, &error);
    if (!world->environment) {
        sim_violation(&world->engine, 0, "%s", error.text);
    }
    world->ledger = sim_ledger_new(world);
    world->third = sim_third_new(world);
    sim_clients_new(world);
    sim_lives_begin(world);
}

static void s_end(sim_world_t *world) {
    sim_lives_destroy(world);
    sim_clients_destroy(&world->clients);
    sim_third_destroy(&world->third);
    sim_ledger_destroy(&world->ledger);
    hf_store_close(&world->environment);
    hf_config_destroy(&world->config);
    sim_engine_free(&world->engine);
    s_remove_files(world->dir);
}

uint64_t sim_world_run(uint64_t seed, const char *dir, bool story, uint64_t *steps) {
    sim_world_t world = {.dir = dir};
    s_begin(&world, seed, story);
    s_run_until(&world, world.engine.now + world.plan.faults_ms);
    s_heal(&world);
    s_come_to_rest(&world);
    sim_ledger_scan(world.ledger);
    SAY(&world.engine,
        "at rest: %zu commands, %u succeeded, %u dead, %u uncertain, %u cancelled, %u discarded, "
        "%u expired, %u gone after keep",
        world.ledger->commands_size, world.ledger->counts[HF_STATE_SUCCEEDED],
        world.ledger->counts[HF_STATE_DEAD], world.ledger->counts[HF_STATE_UNCERTAIN],
        world.ledger->counts[HF_STATE_CANCELLED], world.ledger->counts[HF_STATE_DISCARDED],
        world.ledger->counts[HF_STATE_EXPIRED], world.ledger->removed);
    uint64_t hash = world.engine.hash;
    *steps = world.engine.step;
    s_end(&world);
    return hash;
}
