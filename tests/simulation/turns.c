#include "simulation/turns.h"

#include <inttypes.h>

enum { GROUPS = 4 };

unsigned sim_turns_group(uint32_t submission) {
    return submission % GROUPS;
}

static const hf_pipeline_t *s_pipeline(const sim_ledger_t *self, const sim_command_t *command) {
    return self->world->config->pipelines[command->submission->pipeline];
}

bool sim_turns_apply(const sim_ledger_t *self, const sim_command_t *command) {
    return s_pipeline(self, command)->ordered;
}

static bool s_same_key(const sim_ledger_t *self, const sim_command_t *a, const sim_command_t *b) {
    return a != b && sim_turns_apply(self, a) && a->submission->pipeline == b->submission->pipeline &&
           sim_turns_group(a->submission->number) == sim_turns_group(b->submission->number);
}

//  Dead and held ones have their turn unless they were overtaken.
static bool s_has_turn(const sim_command_t *command) {
    bool stuck = command->state == HF_STATE_DEAD || command->state == HF_STATE_UNCERTAIN;
    bool moves = hf_state_is_open(command->state) && command->state != HF_STATE_PARKED;
    return moves || (stuck && !command->overtaken);
}

//  Another one of its key that has its turn, or NULL.
static const sim_command_t *s_holder(const sim_ledger_t *self, const sim_command_t *command) {
    for (size_t i = 0; i < self->commands_size; i++) {
        const sim_command_t *other = self->commands[i];
        if (other->order && s_same_key(self, command, other) && s_has_turn(other)) {
            return other;
        }
    }
    return NULL;
}

static void s_learn_release(const sim_ledger_t *self, const sim_command_t *command) {
    const sim_command_t *holder = s_holder(self, command);
    if (holder) {
        sim_violation(&self->world->engine, 7, "c%u gets its turn while c%u has it", command->number,
                      holder->number);
    }
    for (size_t i = 0; i < self->commands_size; i++) {
        const sim_command_t *other = self->commands[i];
        if (other->state == HF_STATE_PARKED && s_same_key(self, command, other) &&
            other->order < command->order) {
            sim_violation(&self->world->engine, 7, "c%u gets its turn before c%u, which was accepted earlier",
                          command->number, other->number);
        }
    }
}

void sim_turns_learn(sim_ledger_t *self, const Hf__Fact *fact, sim_command_t *command) {
    bool ordered = sim_turns_apply(self, command);
    command->order = command->order ? command->order : fact->seq;
    if (fact->event == HF_EVENT_HOLD || fact->event == HF_EVENT_GIVE_UP) {
        command->overtaken = ordered && s_pipeline(self, command)->on_dead == HF_ON_DEAD_SKIP;
        command->was_overtaken = command->was_overtaken || command->overtaken;
        if (ordered) {
            sim_cover(command->overtaken ? SIM_FAULT_OVERTAKEN : SIM_FAULT_KEY_BLOCKED, self->counts);
        }
    }
    if (fact->event == HF_EVENT_RELEASE) {
        s_learn_release(self, command);
    }
    bool joins = fact->event == HF_EVENT_SUBMIT || fact->event == HF_EVENT_RETRY ||
                 fact->event == HF_EVENT_PARK;
    bool taken = joins && ordered && s_holder(self, command) &&
                 (command->state == HF_STATE_NONE || !s_has_turn(command));
    if (joins && taken != (fact->event == HF_EVENT_PARK)) {
        sim_violation(&self->world->engine, 7, "c%u is %s, and its key %s", command->number,
                      fact->event == HF_EVENT_PARK ? "parked" : "not parked",
                      taken ? "is another one's" : "is free");
    }
    command->overtaken = command->overtaken && !joins;
    if (fact->event == HF_EVENT_PARK) {
        sim_cover(command->state == HF_STATE_NONE ? SIM_FAULT_PARKED : SIM_FAULT_PARKED_AGAIN, self->counts);
    }
}

void sim_turns_committed(const sim_ledger_t *self) {
    for (size_t i = 0; i < self->commands_size && self->counts[HF_STATE_PARKED]; i++) {
        const sim_command_t *command = self->commands[i];
        if (command->state == HF_STATE_PARKED && !s_holder(self, command)) {
            sim_violation(&self->world->engine, 7, "c%u is parked, and nobody of its key has its turn",
                          command->number);
        }
    }
}

void sim_turns_called(const sim_ledger_t *self, const sim_command_t *command) {
    for (size_t i = 0; i < self->commands_size && sim_turns_apply(self, command); i++) {
        const sim_command_t *other = self->commands[i];
        if (!other->order || !s_same_key(self, command, other)) {
            continue;
        }
        if (s_has_turn(other)) {
            sim_violation(&self->world->engine, 7, "c%u is called while c%u of the same key is %s",
                          command->number, other->number, hf_state_name(other->state));
        }
        bool passed = !hf_state_is_final(other->state) && !other->was_overtaken;
        if (other->order < command->order && passed) {
            sim_violation(&self->world->engine, 7, "c%u is called before c%u, which was accepted earlier",
                          command->number, other->number);
        }
    }
}

bool sim_turns_is_blocked(const sim_ledger_t *self, const sim_command_t *command) {
    const sim_command_t *holder = command->state == HF_STATE_PARKED ? s_holder(self, command) : NULL;
    return holder && !hf_state_is_open(holder->state);
}
