/*  Happy path: something reaches a life's inbox; a round is planned; the round takes what is there, ticks the
 * core, does what its shell would do (requests, answers, a commit), and sends the outbox.
 *
 *  Failures: at each point of a round the process may crash; it may hang, and be replaced while it does; the
 * disk may fail.  */

#include "simulation/lives.h"

#include "call/call_core.h"
#include "events/events_core.h"
#include "simulation/client.h"
#include "simulation/disk.h"
#include "simulation/ledger.h"
#include "simulation/network.h"
#include "simulation/tell.h"
#include "simulation/third.h"
#include "simulation/watch.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTLE_LOOK_MS = 500, //  How often ingress looks for overdue requests
    ROOM_MS = 2000,       //  How long the journal is full at most
    CLOCK_MS = 3000,      //  How far the clock is set at most
    WRITES_MAX = 40,      //  At which write of a commit the disk fails at most
    HALF = 500000         //  Of a million
};

static int s_role_count(const sim_world_t *world) {
    return SIM_CALL + world->config->callers;
}

//  ---- beginning

static bool s_on_ingress_fact(void *context, const Hf__Fact *fact) {
    sim_life_t *life = context;
    sim_world_t *world = *(sim_world_t **)(life + 1);
    sim_ledger_followed(world->ledger, life, fact);
    return true;
}

//  The world stands behind the life, for callbacks that know only the life.
static sim_life_t *s_life_new(sim_world_t *world, sim_role_t role) {
    if (world->lives_size == world->lives_capacity) {
        world->lives_capacity = world->lives_capacity ? world->lives_capacity * 2 : 64;
        world->lives = realloc(world->lives, world->lives_capacity * sizeof *world->lives);
        assert(world->lives && "out of memory");
    }
    sim_life_t *life = hf_alloc(sizeof *life + sizeof world);
    memcpy(life + 1, &world, sizeof world);
    life->number = (uint32_t)world->lives_size;
    life->role = role;
    life->timer_at = INT64_MAX;
    life->followed = world->ledger->newest;
    world->lives[world->lives_size++] = life;
    return life;
}

static void *s_make_core(sim_world_t *world, sim_life_t *life, const hf_core_setup_t *setup) {
    if (life->role == SIM_WATCH) {
        life->ops = &sim_watch_ops;
        return sim_watch_new(setup, world, life);
    }
    life->player = hf_player_find(setup->name);
    life->ops = life->player->ops;
    void *core = life->player->make(setup);
    if (life->role == SIM_INGRESS) {
        hf_ingress_set_on_fact(core, s_on_ingress_fact, life);
    } else if (life->role == SIM_EVENTS) {
        hf_events_set_heard(core, true); //  Somebody listens from the beginning
    }
    return core;
}

static void s_make_journal(sim_world_t *world, sim_life_t *life) {
    hf_error_t error;
    hf_journal_options_t options = {.keep_ms = world->plan.keep_ms};
    hf_journal_t *journal = hf_journal_new(life->store, &options, sim_node_now(world), &error);
    if (!journal) {
        sim_violation(&world->engine, 0, "the journal does not open: %s", error.text);
    }
    sim_ledger_forget(world->ledger);
    if (world->full) {
        sim_cover(SIM_FAULT_BEGINS_FULL, world->ledger->counts);
        hf_journal_set_full(journal, "the disk is full");
        hf_journal_hold_starts(journal, world->holds);
    }
    life->core = journal;
}

static void s_plan_round(sim_world_t *world, sim_life_t *life, int64_t delay) {
    if (!life->round_planned) {
        life->round_planned = true;
        sim_engine_plan(&world->engine, delay, SIM_EV_ROUND, life->number, 0, NULL, 0);
    }
}

static void s_begin(sim_world_t *world, sim_role_t role) {
    sim_engine_t *engine = &world->engine;
    sim_life_t *life = s_life_new(world, role);
    life->store = hf_store_share(world->environment);
    world->starting[role] = false;
    world->players[role] = life;
    if (role == SIM_JOURNAL) {
        s_make_journal(world, life);
    } else {
        hf_core_setup_t setup = {.name = sim_role_name(role), .config = world->config, .store = life->store};
        uint64_t nonce[2] = {hf_rng_next(&engine->streams[SIM_LIFE]),
                             hf_rng_next(&engine->streams[SIM_LIFE])};
        memcpy(setup.nonce, nonce, sizeof setup.nonce);
        setup.seed = hf_rng_next(&engine->streams[SIM_LIFE]);
        life->core = s_make_core(world, life, &setup);
    }
    SAY(engine, "%s begins", sim_tell_life(life));
    s_plan_round(world, life, 0);
}

static void s_plan_start(sim_world_t *world, sim_role_t role) {
    if (!world->starting[role]) {
        world->starting[role] = true;
        int64_t delay = sim_between(&world->engine, SIM_CRASH, 1, world->plan.restart_ms);
        delay += role == SIM_JOURNAL ? world->plan.journal_away_ms : 0;
        sim_engine_plan(&world->engine, delay, SIM_EV_START, role, 0, NULL, 0);
    }
}

//  ---- ending

static void s_destroy_core(sim_life_t *life) {
    void *core = life->core;
    life->core = NULL;
    if (life->role == SIM_JOURNAL) {
        hf_journal_destroy((hf_journal_t **)&core);
    } else if (life->role == SIM_WATCH) {
        sim_watch_destroy((sim_watch_t **)&core);
    } else {
        life->player->end(core);
    }
}

static void s_end(sim_world_t *world, sim_life_t *life) {
    s_destroy_core(life);
    hf_store_close(&life->store);
    for (size_t i = 0; i < life->inbox_size; i++) {
        free(life->inbox[i].data);
    }
    free(life->inbox);
    life->inbox = NULL;
    life->inbox_size = life->inbox_capacity = 0;
    if (world->players[life->role] == life) {
        world->players[life->role] = NULL;
        s_plan_start(world, life->role);
    }
    if (life->role == SIM_INGRESS) {
        sim_clients_life_ended(world, life);
    }
}

static void s_crash(sim_world_t *world, sim_life_t *life, sim_fault_t fault) {
    sim_cover(fault, world->ledger->counts);
    sim_trace(&world->engine, 4000 + fault, life->number, 0, NULL, 0);
    SAY(&world->engine, "  %s CRASHES", sim_tell_life(life));
    s_end(world, life);
}

static sim_fault_t s_crash_fault(sim_role_t role) {
    static const sim_fault_t faults[] = {SIM_FAULT_CRASH_JOURNAL,  SIM_FAULT_CRASH_INGRESS,
                                         SIM_FAULT_CRASH_DISPATCH, SIM_FAULT_CRASH_FAILURE,
                                         SIM_FAULT_CRASH_EVENTS,   SIM_FAULT_CRASH_EVENTS};
    return role < SIM_CALL ? faults[role] : SIM_FAULT_CRASH_CALL;
}

//  Whether its process ends at this point.
static bool s_crashes(sim_world_t *world, sim_life_t *life) {
    if (!sim_chance(&world->engine, SIM_CRASH, world->plan.crash[life->role] / 3)) {
        return false;
    }
    s_crash(world, life, s_crash_fault(life->role));
    return true;
}

//  Everything ends at once; what was under way is gone; the file is opened anew, perhaps by another clock.
static void s_crash_tree(sim_world_t *world) {
    sim_engine_t *engine = &world->engine;
    hf_error_t error;
    sim_cover(SIM_FAULT_CRASH_TREE, world->ledger->counts);
    SAY(engine, "THE WHOLE TREE CRASHES");
    for (size_t i = 0; i < world->lives_size; i++) {
        world->lives[i]->fell_with_tree = true;
        if (world->lives[i]->core) {
            s_end(world, world->lives[i]);
        }
    }
    hf_store_close(&world->ledger->store);
    hf_store_close(&world->environment);
    world->environment = sim_world_open_environment(world, &error);
    if (!world->environment) {
        sim_violation(engine, 0, "the environment does not open again: %s", error.text);
    }
    sim_ledger_reopen(world->ledger);
    if (sim_chance(engine, SIM_CRASH, HALF)) {
        sim_cover(SIM_FAULT_CLOCK_SET, world->ledger->counts);
        world->clock_offset += sim_between(engine, SIM_CRASH, -CLOCK_MS, CLOCK_MS);
        SAY(engine, "the clock is now off by %" PRId64 " ms", world->clock_offset);
    }
}

//  ---- hanging

sim_life_t *sim_lives_zombie(const sim_world_t *world, sim_role_t role) {
    for (size_t i = world->lives_size; i-- > 0;) {
        if (world->lives[i]->role == role && world->lives[i]->replaced && world->lives[i]->core) {
            return world->lives[i];
        }
    }
    return NULL;
}

static bool s_hangs(sim_world_t *world, sim_life_t *life) {
    sim_engine_t *engine = &world->engine;
    if (!sim_chance(engine, SIM_CRASH, world->plan.hang[life->role])) {
        return false;
    }
    sim_cover(life->role == SIM_JOURNAL ? SIM_FAULT_HANG_JOURNAL : SIM_FAULT_HANG, world->ledger->counts);
    int64_t length = sim_between(engine, SIM_CRASH, 50, world->plan.hang_ms);
    life->hung_until = engine->now + length;
    SAY(engine, "%s hangs for %" PRId64 " ms", sim_tell_life(life), length);
    sim_engine_plan(engine, sim_between(engine, SIM_CRASH, 50, world->plan.hang_ms), SIM_EV_NOTICE,
                    life->number, 0, NULL, 0);
    s_plan_round(world, life, length);
    return true;
}

//  The supervisor kills what hangs; or somebody begins a new life beside it, which is what fences are for.
//  The journal holds a lock: there is never a second one.
static void s_notice(sim_world_t *world, sim_life_t *life) {
    bool zombie = sim_chance(&world->engine, SIM_CRASH, world->plan.zombies) && life->role != SIM_JOURNAL;
    if (!life->core || life->hung_until <= world->engine.now || life->replaced) {
        return;
    }
    if (zombie) {
        SAY(&world->engine, "%s is replaced while it hangs", sim_tell_life(life));
        life->replaced = true;
        world->players[life->role] = NULL;
        s_plan_start(world, life->role);
    } else {
        SAY(&world->engine, "%s is killed while it hangs", sim_tell_life(life));
        s_end(world, life);
    }
}

void sim_lives_heal(sim_world_t *world) {
    for (size_t i = 0; i < world->lives_size; i++) {
        sim_life_t *life = world->lives[i];
        if (!life->core) {
            continue;
        }
        life->away_until = 0;
        if (life->replaced && (life->role == SIM_EVENTS || life->role == SIM_WATCH)) {
            s_end(world, life); //  They propose nothing, so nothing fences them
        } else {
            life->hung_until = 0;
            life->round_planned = false;
            s_plan_round(world, life, 0);
        }
    }
    if (world->full) {
        sim_engine_plan(&world->engine, 0, SIM_EV_ROOM, 0, 0, NULL, 0);
    }
}

//  ---- inbox

void sim_lives_put(sim_world_t *world, sim_life_t *life, sim_item_t item) {
    if (life->inbox_size >= world->plan.queue && item.kind == SIM_ITEM_MESSAGE) {
        sim_cover(SIM_FAULT_QUEUE_FULL, world->ledger->counts);
        SAY(&world->engine, "the queue of %s is full: a message is lost", sim_tell_life(life));
        free(item.data);
        return;
    }
    if (life->inbox_size == life->inbox_capacity) {
        life->inbox_capacity = life->inbox_capacity ? life->inbox_capacity * 2 : 16;
        life->inbox = realloc(life->inbox, life->inbox_capacity * sizeof *life->inbox);
        assert(life->inbox && "out of memory");
    }
    life->inbox[life->inbox_size++] = item;
    s_plan_round(world, life, sim_between(&world->engine, SIM_NET, 0, world->plan.round_ms));
}

static void s_take_item(sim_world_t *world, sim_life_t *life, const sim_item_t *item) {
    int64_t now = sim_node_now(world);
    if (item->kind == SIM_ITEM_HTTP) {
        sim_client_arrive(world, life, item->number);
    } else if (item->kind == SIM_ITEM_ANSWER) {
        sim_third_finish(world, life, item->number);
    } else if (life->role == SIM_JOURNAL) {
        sim_ledger_heard(world->ledger, item->data, item->size);
        hf_journal_receive(life->core, item->data, item->size);
    } else {
        SAY(&world->engine, "  %s hears: %s", sim_tell_life(life),
            sim_tell_message(world,
                             item->from == HF_FROM_JOURNAL  ? HF_TO_FOLLOWERS
                             : item->from == HF_FROM_CALLER ? HF_TO_DISPATCH
                                                            : HF_TO_CALLER,
                             item->data, item->size));
        life->ops->receive(life->core, item->from, item->data, item->size, now);
    }
}

static void s_take_inbox(sim_world_t *world, sim_life_t *life) {
    size_t taken = life->inbox_size < world->plan.batch ? life->inbox_size : world->plan.batch;
    for (size_t i = 0; i < taken; i++) {
        s_take_item(world, life, &life->inbox[i]);
        free(life->inbox[i].data);
    }
    life->inbox_size -= taken;
    if (taken) {
        memmove(life->inbox, life->inbox + taken, life->inbox_size * sizeof *life->inbox);
    }
}

static void s_send_outbox(sim_world_t *world, sim_life_t *life, hf_outbox_t *outbox) {
    hf_envelope_t envelope;
    while (hf_outbox_take(outbox, &envelope)) {
        sim_network_send(world, life, &envelope);
    }
}

//  ---- the journal's round

//  The same faults wait in every shell that writes: see disk.h.
static void s_arm_disk(sim_world_t *world) {
    sim_engine_t *engine = &world->engine;
    bool lost = sim_chance(engine, SIM_CRASH, world->plan.commit_lost);
    bool kept = sim_chance(engine, SIM_CRASH, world->plan.commit_kept);
    bool fails = sim_chance(engine, SIM_CRASH, world->plan.write_fails);
    bool full = sim_chance(engine, SIM_CRASH, world->plan.map_full);
    unsigned write = (unsigned)sim_between(engine, SIM_CRASH, 0, WRITES_MAX);
    sim_disk_arm(lost    ? SIM_DISK_COMMIT_LOST
                 : kept  ? SIM_DISK_COMMIT_KEPT
                 : fails ? SIM_DISK_WRITE_FAILS
                 : full  ? SIM_DISK_MAP_FULL
                         : SIM_DISK_FINE,
                 write);
}

static void s_assert_outbox_empty(sim_world_t *world, hf_outbox_t *outbox) {
    hf_envelope_t envelope;
    if (hf_outbox_take(outbox, &envelope)) {
        sim_violation(&world->engine, 8, "the journal would publish after a commit that failed: %s",
                      sim_tell_message(world, envelope.to, envelope.data, envelope.size));
    }
}

//  The failed commit is this journal's last act.
static void s_commit_failed(sim_world_t *world, sim_life_t *life, const hf_error_t *error) {
    SAY(&world->engine, "  %s: the commit FAILS (%s)", sim_tell_life(life), error->text);
    s_assert_outbox_empty(world, hf_journal_outbox(life->core));
    sim_ledger_committed(world->ledger);
    s_end(world, life);
}

static void s_set_full(sim_world_t *world, sim_life_t *life) {
    sim_cover(SIM_FAULT_JOURNAL_FULL, world->ledger->counts);
    SAY(&world->engine, "the disk is full");
    world->full = true;
    hf_journal_set_full(life->core, "the disk is full");
    world->holds = sim_chance(&world->engine, SIM_CRASH, HALF);
    if (world->holds) {
        sim_cover(SIM_FAULT_STARTS_HELD, world->ledger->counts);
        SAY(&world->engine, "even the reserve runs low: one attempt at a time");
        hf_journal_hold_starts(life->core, true);
    }
    sim_engine_plan(&world->engine, sim_between(&world->engine, SIM_CRASH, 50, ROOM_MS), SIM_EV_ROOM, 0, 0,
                    NULL, 0);
}

//  Commits once; where the map is full, makes room (or says that there is none) and commits again.
static int s_commit_once(sim_world_t *world, sim_life_t *life) {
    static const sim_fault_t faults[] = {[SIM_DISK_COMMIT_LOST] = SIM_FAULT_COMMIT_LOST,
                                         [SIM_DISK_COMMIT_KEPT] = SIM_FAULT_COMMIT_KEPT,
                                         [SIM_DISK_WRITE_FAILS] = SIM_FAULT_WRITE_FAILS,
                                         [SIM_DISK_MAP_FULL] = SIM_FAULT_MAP_FULL};
    hf_error_t error;
    int rc = hf_journal_commit(life->core, sim_node_now(world), &error);
    sim_disk_fault_t met = sim_disk_met();
    if ((met != SIM_DISK_FINE) != (rc != 0)) {
        sim_violation(&world->engine, 8, "the journal's commit returned %d, the disk %s", rc,
                      met ? "failed" : "did not fail");
    }
    if (rc) {
        sim_cover(faults[met], world->ledger->counts);
    }
    if (rc == HF_STORE_FAILED) {
        s_commit_failed(world, life, &error);
    }
    return rc;
}

//  Whether the journal lives on.
static bool s_commit(sim_world_t *world, sim_life_t *life) {
    sim_engine_t *engine = &world->engine;
    if (sim_chance(engine, SIM_CRASH, world->plan.crash_before_commit)) {
        s_crash(world, life, SIM_FAULT_CRASH_BEFORE_COMMIT);
        return false;
    }
    s_arm_disk(world);
    int rc = s_commit_once(world, life);
    if (rc == HF_STORE_FULL) {
        SAY(engine, "  %s: the map is full", sim_tell_life(life));
        s_assert_outbox_empty(world, hf_journal_outbox(life->core));
        sim_ledger_committed(world->ledger);
        if (sim_chance(engine, SIM_CRASH, HALF) && !world->full) {
            s_set_full(world, life);
        }
        if (sim_chance(engine, SIM_CRASH, HALF) && hf_journal_take_less(life->core)) {
            sim_cover(SIM_FAULT_IN_PARTS, world->ledger->counts);
            SAY(engine, "  %s: less at once", sim_tell_life(life));
        }
        rc = s_commit_once(world, life);
    }
    if (rc) {
        return false;
    }
    sim_ledger_committed(world->ledger);
    if (sim_chance(engine, SIM_CRASH, world->plan.crash_after_commit)) {
        s_crash(world, life, SIM_FAULT_CRASH_AFTER_COMMIT);
        return false;
    }
    return true;
}

static void s_set_timer(sim_world_t *world, sim_life_t *life, int64_t at) {
    if (at == INT64_MAX || at == life->timer_at) {
        return;
    }
    int64_t now = sim_node_now(world);
    life->timer_at = at;
    sim_engine_plan(&world->engine, at > now + 1 ? at - now : 1, SIM_EV_TIMER, life->number, ++life->timer,
                    NULL, 0);
}

static void s_journal_round(sim_world_t *world, sim_life_t *life) {
    s_take_inbox(world, life);
    bool asks = hf_journal_tick(life->core, sim_node_now(world));
    s_send_outbox(world, life, hf_journal_outbox(life->core));
    do {
        if ((asks || hf_journal_has_work(life->core)) && !s_commit(world, life)) {
            return;
        }
        s_send_outbox(world, life, hf_journal_outbox(life->core));
    } while (hf_journal_is_behind(life->core));
    sim_ledger_forget(world->ledger);
    if (sim_chance(&world->engine, SIM_CRASH, world->plan.full) && !world->full) {
        s_set_full(world, life);
    }
    s_set_timer(world, life, hf_journal_next_deadline(life->core));
    if (sim_chance(&world->engine, SIM_CRASH, world->plan.crash_tree)) {
        s_crash_tree(world);
    }
}

//  ---- everybody else's round

//  Only while no journal lives, and none can begin meanwhile: one step of the simulator is that lock.
static void s_settle(sim_world_t *world, sim_life_t *life) {
    int64_t now = sim_node_now(world);
    if (!world->players[SIM_JOURNAL] && hf_ingress_overdue(life->core, now) > 0) {
        sim_cover(SIM_FAULT_SETTLED, world->ledger->counts);
        SAY(&world->engine, "  %s settles what waits: no journal lives", sim_tell_life(life));
        hf_ingress_settle(life->core, now);
    }
}

static void s_serve_clients(sim_world_t *world, sim_life_t *life) {
    hf_answer_t answer;
    s_settle(world, life);
    while (hf_ingress_take_answer(life->core, &answer)) {
        sim_client_answered(world, life, &answer);
        free(answer.ids);
    }
}

static void s_make_requests(sim_world_t *world, sim_life_t *life) {
    const hf_call_request_t *request;
    while ((request = hf_call_take(life->core))) {
        sim_third_call(world, life, request);
    }
}

static int64_t s_deadline(const sim_world_t *world, sim_life_t *life) {
    int64_t deadline = life->ops->next_deadline(life->core);
    int64_t look = sim_node_now(world) + SETTLE_LOOK_MS;
    bool waits = life->role == SIM_INGRESS && hf_ingress_unacked(life->core) > 0;
    return waits && look < deadline ? look : deadline;
}

//  Attempts that dispatch has begun, where it knows that the journal holds starts; else UINT64_MAX.
static uint64_t s_started_while_held(sim_life_t *life) {
    hf_buf_t json = {0};
    life->ops->describe(life->core, &json);
    const char *started = strstr((const char *)json.data, "\"started\":");
    bool held = strstr((const char *)json.data, "\"held\":true") != NULL;
    uint64_t number = held ? strtoull(started + 10, NULL, 10) : UINT64_MAX;
    hf_buf_free(&json);
    return number;
}

static void s_tick(sim_world_t *world, sim_life_t *life) {
    bool looks = life->role == SIM_DISPATCH && world->holds;
    uint64_t before = looks ? s_started_while_held(life) : UINT64_MAX;
    life->ops->tick(life->core, sim_node_now(world));
    if (before != UINT64_MAX && s_started_while_held(life) > before + 1) {
        sim_violation(&world->engine, 10, "several attempts begin at once, and the journal holds starts");
    }
}

static void s_actor_round(sim_world_t *world, sim_life_t *life) {
    s_take_inbox(world, life);
    if (s_crashes(world, life)) {
        return;
    }
    s_tick(world, life);
    if (life->role == SIM_INGRESS) {
        s_serve_clients(world, life);
    } else if (life->role >= SIM_CALL) {
        s_make_requests(world, life);
    }
    if (s_crashes(world, life)) {
        return;
    }
    s_send_outbox(world, life, life->ops->outbox(life->core));
    const char *failure = life->ops->failure(life->core);
    if (failure) {
        SAY(&world->engine, "  %s ends: %s", sim_tell_life(life), failure);
        if (!strstr(failure, "newer life")) {
            sim_violation(&world->engine, 0, "%s fails: %s", sim_tell_life(life), failure);
        }
        sim_cover(SIM_FAULT_FENCED, world->ledger->counts);
        s_end(world, life);
        return;
    }
    s_set_timer(world, life, s_deadline(world, life));
}

static void s_round(sim_world_t *world, sim_life_t *life) {
    life->round_planned = false;
    if (!life->core) {
        return;
    }
    if (life->hung_until > world->engine.now) {
        s_plan_round(world, life, life->hung_until - world->engine.now);
        return;
    }
    sim_trace(&world->engine, 5000, life->number, life->inbox_size, NULL, 0);
    SAY(&world->engine, "%s", sim_tell_life(life));
    if (life->replaced) {
        sim_cover(SIM_FAULT_ZOMBIE, world->ledger->counts);
    }
    if (s_crashes(world, life) || s_hangs(world, life)) {
        return;
    }
    if (life->role == SIM_JOURNAL) {
        s_journal_round(world, life);
    } else {
        s_actor_round(world, life);
    }
    if (life->core && life->inbox_size) {
        s_plan_round(world, life, sim_between(&world->engine, SIM_NET, 0, world->plan.round_ms));
    }
}

//  ---- events about lives

void sim_lives_event(sim_world_t *world, const sim_event_t *event) {
    sim_life_t *life = event->kind == SIM_EV_START || event->kind == SIM_EV_ROOM ? NULL
                                                                                 : world->lives[event->a];
    switch ((sim_event_kind_t)event->kind) {
    case SIM_EV_START:
        s_begin(world, (sim_role_t)event->a);
        break;
    case SIM_EV_ROUND:
        s_round(world, life);
        break;
    case SIM_EV_TIMER:
        if (life->core && event->b == life->timer) {
            life->timer_at = INT64_MAX;
            s_plan_round(world, life, 0);
        }
        break;
    case SIM_EV_NOTICE:
        s_notice(world, life);
        break;
    default:
        world->full = world->holds = false;
        SAY(&world->engine, "the disk has room again");
        if (world->players[SIM_JOURNAL]) {
            hf_journal_set_full(world->players[SIM_JOURNAL]->core, NULL);
            hf_journal_hold_starts(world->players[SIM_JOURNAL]->core, false);
        }
    }
}

void sim_lives_world_event(sim_world_t *world, sim_life_t *life, const uint8_t *data, size_t size) {
    const char *json = (const char *)data + strlen((const char *)data) + 1;
    const char *seq = strstr(json, "\"seq\":");
    assert(size > 0);
    if (!seq) {
        sim_violation(&world->engine, 9, "an event has no number: %s", json);
    }
    sim_ledger_followed_number(world->ledger, life, strtoull(seq + 6, NULL, 10));
}

void sim_lives_begin(sim_world_t *world) {
    for (int role = 0; role < s_role_count(world); role++) {
        s_begin(world, (sim_role_t)role);
    }
}

void sim_lives_destroy(sim_world_t *world) {
    for (size_t i = 0; i < world->lives_size; i++) {
        sim_life_t *life = world->lives[i];
        if (life->core) {
            world->starting[life->role] = true; //  Nobody comes after it
            s_destroy_core(life);
            hf_store_close(&life->store);
        }
        for (size_t item = 0; item < life->inbox_size; item++) {
            free(life->inbox[item].data);
        }
        free(life->inbox);
        free(life);
    }
    free(world->lives);
    world->lives = NULL;
}

//  ---- rest

static bool s_is_settled(const sim_world_t *world, sim_life_t *life, const char **why) {
    static char text[128];
    hf_buf_t json = {0};
    life->ops->describe(life->core, &json);
    const char *seen = strstr((const char *)json.data, "\"newest_fact\":");
    const char *in_hand = strstr((const char *)json.data, "\"in_hand\":");
    bool settled = (!seen || strtoull(seen + 14, NULL, 10) == world->ledger->newest) &&
                   (!in_hand || strtoull(in_hand + 10, NULL, 10) == 0);
    if (!settled) {
        snprintf(text, sizeof text, "%s has %.90s", sim_tell_life(life), (const char *)json.data);
        *why = text;
    }
    hf_buf_free(&json);
    return settled;
}

bool sim_lives_are_quiet(sim_world_t *world, const char **why) {
    for (int role = 0; role < s_role_count(world); role++) {
        sim_life_t *life = world->players[role];
        if (!life) {
            *why = "an actor has not come back";
            return false;
        }
        if (sim_lives_zombie(world, (sim_role_t)role)) {
            *why = "a replaced life has not ended";
            return false;
        }
        if (role != SIM_JOURNAL && !s_is_settled(world, life, why)) {
            return false;
        }
    }
    return true;
}
