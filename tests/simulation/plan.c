#include "simulation/plan.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

enum { EVERY = 1000000 };

//  Off in half of all worlds; else anything from a hundredth of the most up to it, small ones as likely as
//  large ones.
static uint32_t s_share(sim_engine_t *engine, double most) {
    bool on = sim_chance(engine, SIM_PLAN, EVERY / 2);
    double low = most / 100;
    double share = low * pow(most / low, (double)sim_between(engine, SIM_PLAN, 0, 1000) / 1000);
    return on ? (uint32_t)(share * EVERY) : 0;
}

static sim_link_plan_t s_link(sim_engine_t *engine) {
    sim_link_plan_t link;
    link.lost = s_share(engine, 0.3);
    link.doubled = s_share(engine, 0.2);
    link.late = s_share(engine, 0.2);
    link.reordered = s_share(engine, 0.2);
    return link;
}

static void s_draw_sizes(sim_plan_t *self, sim_engine_t *engine) {
    self->callers = (int)sim_between(engine, SIM_PLAN, 1, SIM_CALLERS);
    self->clients = (int)sim_between(engine, SIM_PLAN, 1, SIM_CLIENTS);
    self->commands = (int)sim_between(engine, SIM_PLAN, 10, 60);
    self->decisions = (int)sim_between(engine, SIM_PLAN, 0, 40);
    self->faults_ms = sim_between(engine, SIM_PLAN, 2000, 8000);
    self->latency_ms = sim_between(engine, SIM_PLAN, 0, 4);
    self->late_ms = sim_between(engine, SIM_PLAN, 20, 3000);
    self->round_ms = sim_between(engine, SIM_PLAN, 0, 5);
    self->restart_ms = sim_between(engine, SIM_PLAN, 10, 1000);
    self->hang_ms = sim_between(engine, SIM_PLAN, 100, 6000);
    self->queue = (unsigned)sim_between(engine, SIM_PLAN, 4, 64);
    self->batch = (unsigned)sim_between(engine, SIM_PLAN, 1, 32);
}

//  Worlds of their own: nothing stays for long; the journal stays away for longer than patience lasts.
static void s_draw_extremes(sim_plan_t *self, sim_engine_t *engine) {
    bool short_keep = sim_chance(engine, SIM_PLAN, EVERY / 4);
    bool long_away = sim_chance(engine, SIM_PLAN, EVERY / 8);
    int64_t keep_ms = sim_between(engine, SIM_PLAN, 200, 2000);
    int64_t away_ms = sim_between(engine, SIM_PLAN, 4000, 9000);
    self->keep_ms = short_keep ? keep_ms : 3600000;
    self->journal_away_ms = long_away ? away_ms : 0;
    self->faults_ms += long_away ? away_ms : 0;
    self->think_ms = self->faults_ms * self->clients / (self->commands + self->decisions);
}

void sim_plan_draw(sim_plan_t *self, sim_engine_t *engine) {
    *self = (sim_plan_t){0};
    s_draw_sizes(self, engine);
    s_draw_extremes(self, engine);
    self->proposals = s_link(engine);
    self->publications = s_link(engine);
    self->orders = s_link(engine);
    self->away = s_share(engine, 0.03);
    self->answer_lost = s_share(engine, 0.5);
    for (unsigned role = 0; role < SIM_ROLES; role++) {
        self->crash[role] = s_share(engine, 0.05);
        self->hang[role] = s_share(engine, 0.03);
    }
    self->crash_before_commit = s_share(engine, 0.2);
    self->crash_after_commit = s_share(engine, 0.2);
    self->crash_tree = s_share(engine, 0.03);
    self->zombies = s_share(engine, 1) * 3;
    self->commit_lost = s_share(engine, 0.1);
    self->commit_kept = s_share(engine, 0.1);
    self->write_fails = s_share(engine, 0.1);
    self->map_full = s_share(engine, 0.1);
    self->full = s_share(engine, 0.05);
    self->moods = (uint32_t)sim_between(engine, SIM_PLAN, 0, EVERY);
    self->keyed = (uint32_t)sim_between(engine, SIM_PLAN, 0, EVERY);
    self->replays = s_share(engine, 0.3);
    self->conflicts = s_share(engine, 0.2);
}

void sim_plan_heal(sim_plan_t *self) {
    sim_plan_t healthy = {.callers = self->callers,
                          .clients = self->clients,
                          .keep_ms = self->keep_ms,
                          .think_ms = self->think_ms,
                          .latency_ms = self->latency_ms,
                          .round_ms = self->round_ms,
                          .restart_ms = self->restart_ms,
                          .queue = 100000,
                          .batch = self->batch};
    *self = healthy;
}

//  ---- configuration

static void s_add_destination(hf_config_t *config, sim_engine_t *engine, int number) {
    char name[32], url[64];
    hf_error_t error;
    snprintf(name, sizeof name, "destination-%d", number);
    snprintf(url, sizeof url, "http://third-%d.test/instances/{instance}/stop", number);
    hf_destination_t *destination = hf_destination_new(name);
    destination->url = hf_template_new(url, &error);
    destination->url_shown = hf_strdup(url);
    destination->concurrency = (int)sim_between(engine, SIM_PLAN, 1, 4);
    destination->connect_timeout_ms = 200;
    destination->timeout_ms = sim_between(engine, SIM_PLAN, 200, 1500);
    bool circuit = sim_chance(engine, SIM_PLAN, EVERY / 2);
    destination->circuit_of = circuit ? (int)sim_between(engine, SIM_PLAN, 2, 8) : 0;
    destination->circuit_failures_percent = (int)sim_between(engine, SIM_PLAN, 20, 100);
    destination->circuit_cooldown_ms = sim_between(engine, SIM_PLAN, 50, 1000);
    destination->circuit_ramp_ms = sim_between(engine, SIM_PLAN, 100, 2000);
    destination->rate = sim_chance(engine, SIM_PLAN, EVERY / 4)
                            ? (double)sim_between(engine, SIM_PLAN, 5, 100)
                            : 0;
    destination->adaptive = sim_chance(engine, SIM_PLAN, EVERY / 2);
    destination->retry_budget_percent = (int)sim_between(engine, SIM_PLAN, 0, 100);
    if (sim_chance(engine, SIM_PLAN, EVERY / 2)) {
        snprintf(url, sizeof url, "http://third-%d.test/commands/{" HF_TEMPLATE_ID "}", number);
        destination->probe = hf_template_new(url, &error);
    }
    destination->on_uncertain = number == 1 ? HF_ON_UNCERTAIN_HOLD : HF_ON_UNCERTAIN_RETRY;
    int rc = hf_config_add_destination(config, destination);
    assert(rc == 0);
}

static void s_add_pipeline(hf_config_t *config, sim_engine_t *engine, int number) {
    char name[32];
    hf_error_t error;
    snprintf(name, sizeof name, "pipeline-%d", number);
    hf_pipeline_t *pipeline = hf_pipeline_new(name);
    pipeline->destination = config->destinations[number];
    pipeline->ordered = sim_chance(engine, SIM_PLAN, EVERY / 2);
    pipeline->on_dead = sim_chance(engine, SIM_PLAN, EVERY / 2) ? HF_ON_DEAD_SKIP : HF_ON_DEAD_BLOCK;
    pipeline->priority = (int)sim_between(engine, SIM_PLAN, 0, HF_PRIORITIES - 1);
    pipeline->key = hf_template_new(pipeline->ordered ? "{group}" : "{instance}", &error);
    pipeline->retry_immediate = (int)sim_between(engine, SIM_PLAN, 0, 2);
    pipeline->retry_delay_ms = sim_between(engine, SIM_PLAN, 20, 300);
    pipeline->retry_factor = 2;
    pipeline->retry_cap_ms = 2000;
    pipeline->retry_jitter = sim_chance(engine, SIM_PLAN, EVERY / 2) ? HF_JITTER_FULL : HF_JITTER_NONE;
    pipeline->retry_deadline_ms = sim_between(engine, SIM_PLAN, 3000, 20000);
    pipeline->retry_attempts = (int)sim_between(engine, SIM_PLAN, 0, 6);
    int rc = hf_config_add_pipeline(config, pipeline);
    assert(rc == 0);
}

hf_config_t *sim_plan_config(const sim_plan_t *self, sim_engine_t *engine) {
    hf_config_t *config = hf_config_new();
    config->callers = self->callers;
    config->keep_ms = self->keep_ms;
    config->unacked_limit = (size_t)sim_between(engine, SIM_PLAN, 2000, 20000);
    for (int number = 0; number < SIM_DESTINATIONS; number++) {
        s_add_destination(config, engine, number);
        s_add_pipeline(config, engine, number);
    }
    return config;
}
