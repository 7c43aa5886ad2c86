#include "simulation/third.h"

#include "simulation/lives.h"
#include "simulation/tell.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum { HEALTHY, SLOW, HANGS, REFUSES, FAILS, REJECTS, RESETS, ASKS_TO_WAIT, MOODS } mood_t;

//  One request, from its start to its end on the wire.
typedef struct {
    sim_command_t *command;  //  For which command
    uint32_t attempt;        //  Which attempt
    uint32_t life;           //  Which life of which caller made it
    uint64_t ticket;         //  Its name there
    hf_call_result_t result; //  What the caller will see
    hf_class_t class;        //  Of which class that is
    bool inquiry;            //  It asks what became of the one before
} call_t;

struct sim_third {
    call_t *calls;                  //  All that were ever made
    size_t size, capacity;          //  How many, and places
    mood_t moods[SIM_DESTINATIONS]; //  Of each destination
};

sim_third_t *sim_third_new(sim_world_t *world) {
    sim_third_t *self = hf_alloc(sizeof *self);
    for (uint32_t i = 0; i < SIM_DESTINATIONS; i++) {
        sim_engine_plan(&world->engine, sim_between(&world->engine, SIM_THIRD, 0, 500), SIM_EV_MOOD, i, 0,
                        NULL, 0);
    }
    return self;
}

void sim_third_destroy(sim_third_t **self_p) {
    if (*self_p) {
        free((*self_p)->calls);
        free(*self_p);
        *self_p = NULL;
    }
}

void sim_third_mood(sim_world_t *world, uint32_t destination) {
    sim_engine_t *engine = &world->engine;
    mood_t mood = (mood_t)sim_between(engine, SIM_THIRD, 0, MOODS - 1);
    world->third->moods[destination] = world->faults ? mood : HEALTHY;
    if (world->faults) {
        sim_engine_plan(engine, sim_between(engine, SIM_THIRD, 100, 2000), SIM_EV_MOOD, destination, 0, NULL,
                        0);
    }
}

void sim_third_heal(sim_world_t *world) {
    memset(world->third->moods, 0, sizeof world->third->moods);
}

//  ---- what a request meets

static void s_answer(call_t *call, int status, hf_class_t class) {
    call->result.connected = call->result.sent = call->result.answered = true;
    call->result.status = status;
    call->result.content_type = "text/plain";
    call->result.response = (const uint8_t *)"as you wish";
    call->result.response_size = 11;
    call->class = class;
}

//  As it is asked for; an inquiry gets the truth.
static void s_oblige(call_t *call) {
    bool truth = !call->inquiry || call->command->executed > 0;
    s_answer(call, truth ? 200 : 404, truth ? HF_CLASS_SUCCEEDED : HF_CLASS_REJECTED);
}

static void s_break(call_t *call, bool timed_out, const char *trouble) {
    call->result.connected = call->result.sent = call->result.broken = true;
    call->result.timed_out = timed_out;
    call->result.trouble = trouble;
    call->class = HF_CLASS_UNCERTAIN;
}

//  Fills in the end of the call; returns after how long it is known.
static int64_t s_meet(sim_world_t *world, call_t *call, mood_t mood, int64_t timeout_ms) {
    static const int failures[] = {500, 502, 503, 408, 429, 302};
    static const int rejections[] = {400, 403, 410, 422}; //  A 404 to an inquiry would be a lie
    static const char *const waits[] = {"0", "1", "2", "3"};
    sim_engine_t *engine = &world->engine;
    int64_t quick = sim_between(engine, SIM_THIRD, 0, 30);
    int64_t pick = sim_between(engine, SIM_THIRD, 0, 11);
    int64_t slow = sim_between(engine, SIM_THIRD, timeout_ms / 2, timeout_ms + timeout_ms / 4);
    static const sim_fault_t faults[MOODS] = {[SLOW] = SIM_FAULT_THIRD_SLOW,
                                              [HANGS] = SIM_FAULT_THIRD_HANGS,
                                              [REFUSES] = SIM_FAULT_THIRD_REFUSES,
                                              [FAILS] = SIM_FAULT_THIRD_5XX,
                                              [REJECTS] = SIM_FAULT_THIRD_4XX,
                                              [RESETS] = SIM_FAULT_THIRD_RESETS,
                                              [ASKS_TO_WAIT] = SIM_FAULT_THIRD_RETRY_AFTER};
    if (mood != HEALTHY) {
        sim_cover(faults[mood], world->ledger->counts);
    }
    switch (mood) {
    case SLOW:
        if (slow < timeout_ms) {
            s_oblige(call);
            return slow;
        }
        s_break(call, true, NULL);
        return timeout_ms;
    case HANGS:
        s_break(call, true, NULL);
        return timeout_ms;
    case REFUSES:
        call->result.trouble = "Connection refused";
        call->class = HF_CLASS_REFUSED;
        return 1;
    case FAILS:
        s_answer(call, failures[pick % 6], HF_CLASS_FAILED);
        return quick;
    case REJECTS:
        s_answer(call, rejections[pick % 4], HF_CLASS_REJECTED);
        return quick;
    case RESETS:
        s_break(call, false, "Connection reset by peer");
        return quick;
    case ASKS_TO_WAIT:
        s_answer(call, 503, HF_CLASS_FAILED);
        call->result.retry_after = waits[pick % 4];
        return quick;
    default:
        s_oblige(call);
        return quick;
    }
}

//  The value of the one header of that name; violation where there is none, or more than one.
static const char *s_header(sim_world_t *world, const hf_call_request_t *request, const char *name) {
    const char *value = NULL;
    size_t size = strlen(name);
    for (size_t i = 0; request->headers[i]; i++) {
        if (strncmp(request->headers[i], name, size) == 0) {
            if (value) {
                sim_violation(&world->engine, 3, "a request has %s twice", name);
            }
            value = request->headers[i] + size;
        }
    }
    if (!value) {
        sim_violation(&world->engine, 3, "a request has no %s", name);
    }
    return value;
}

static void s_assert_url(sim_world_t *world, const sim_command_t *command, const hf_call_request_t *request) {
    char url[80];
    char id[HF_ID_TEXT];
    hf_id_format(&command->id, id);
    if (command->inquiry) {
        snprintf(url, sizeof url, "http://third-%d.test/commands/%s", command->submission->pipeline, id);
    } else {
        snprintf(url, sizeof url, "http://third-%d.test/instances/i-%u/stop", command->submission->pipeline,
                 command->submission->number);
    }
    if (strcmp(request->method, command->inquiry ? "GET" : "POST") != 0) {
        sim_violation(&world->engine, 3, "c%u is sent with %s", command->number, request->method);
    }
    if (strcmp(request->url, url) != 0) {
        sim_violation(&world->engine, 3, "c%u is sent to %s", command->number, request->url);
    }
}

//  What the call does there. One that broke may have been carried out, or not. Where the third party can be asked, never twice.
static void s_execute(sim_world_t *world, const call_t *call, const hf_destination_t *destination) {
    bool broke = call->class == HF_CLASS_UNCERTAIN;
    bool done = broke ? sim_chance(&world->engine, SIM_THIRD, 500000) : call->class == HF_CLASS_SUCCEEDED;
    if (call->inquiry || !done) {
        return;
    }
    if (++call->command->executed > 1 && destination->probe) {
        sim_violation(&world->engine, 4, "c%u is carried out twice, though the third party can be asked",
                      call->command->number);
    }
}

void sim_third_call(sim_world_t *world, sim_life_t *caller, const hf_call_request_t *request) {
    sim_third_t *self = world->third;
    sim_engine_t *engine = &world->engine;
    hf_id_t id;
    const char *key = s_header(world, request, "Idempotency-Key: ");
    uint32_t attempt = (uint32_t)strtoul(s_header(world, request, "Holdfast-Attempt: "), NULL, 10);
    sim_command_t *command = hf_id_parse(&id, key) ? sim_ledger_find(world->ledger, &id) : NULL;
    if (!command) {
        sim_violation(engine, 3, "a request has the Idempotency-Key %s, which is no command's id", key);
    }
    sim_ledger_called(world->ledger, command, attempt, request->body, request->body_size);
    s_assert_url(world, command, request);
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->calls = realloc(self->calls, self->capacity * sizeof *self->calls);
        assert(self->calls && "out of memory");
    }
    call_t *call = &self->calls[self->size++];
    *call = (call_t){.command = command,
                     .attempt = attempt,
                     .life = caller->number,
                     .ticket = request->ticket,
                     .inquiry = command->inquiry};
    bool moody = sim_chance(engine, SIM_THIRD, world->plan.moods);
    mood_t mood = moody ? self->moods[command->submission->pipeline] : HEALTHY;
    int64_t delay = s_meet(world, call, mood, request->destination->timeout_ms);
    s_execute(world, call, request->destination);
    call->result.total_us = (uint32_t)(delay > 0 ? delay * 1000 : 500);
    sim_attempt_t *known = sim_ledger_attempt(command, attempt);
    known->sent = call->result.sent;
    known->expected = call->class;
    sim_trace(engine, 2000, command->number, attempt, NULL, 0);
    SAY(engine, "  %s calls the third party: attempt %u of c%u (it will see: %s)", sim_tell_life(caller),
        attempt, command->number, hf_class_name(call->class));
    sim_engine_plan(engine, delay, SIM_EV_ANSWERED, (uint32_t)self->size - 1, 0, NULL, 0);
}

void sim_third_answered(sim_world_t *world, uint32_t number) {
    sim_life_t *life = world->lives[world->third->calls[number].life];
    if (life->core) {
        sim_lives_put(world, life, (sim_item_t){.kind = SIM_ITEM_ANSWER, .number = number});
    }
}

void sim_third_finish(sim_world_t *world, sim_life_t *caller, uint32_t number) {
    const call_t *call = &world->third->calls[number];
    sim_ledger_delivered(world->ledger, call->command, call->attempt);
    SAY(&world->engine, "  %s sees the end of attempt %u of c%u: %s", sim_tell_life(caller), call->attempt,
        call->command->number, hf_class_name(call->class));
    hf_call_finish(caller->core, call->ticket, &call->result, sim_node_now(world));
}
