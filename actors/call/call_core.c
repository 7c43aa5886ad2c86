/*  Happy path: s_order → queue → s_prepare → hf_call_take → hf_call_finish → s_propose → s_on_answer.
 *
 *  Failures: see the header. Whatever was ordered and cannot be called ends in s_conclude too, so that no
 * attempt stays `calling`.  */

#include "call/call_core.h"
#include "base/field_value.h"
#include "base/id_map.h"
#include "link/link.h"
#include "link/wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    LOOK_MAX = 256,          //  Commands read in one transaction, so that none is held long
    ARENA_BYTES = 4 << 10,   //  A request with a common body and its headers
    ARENAS_SPARE = 256,      //  Kept for the next requests
    REASON_SIZE = 256,       //  Bytes of a reason
    RESPONSE_TYPE_MAX = 255, //  Bytes kept of an answer's Content-Type
    HEADERS_OWN = 6,         //  Headers beside the destination's
    PLACES_MAX = 256,        //  Attempts in one message to dispatch
    PLACES_LINK_PART =
        64, //  Of the link's bound: with more than that on its way to disk, no place is free before its time
};

//  What a request needs, while the shell has it or its result waits for the link.
typedef struct {
    hf_arena_t *arena;         //  Everything below lives here
    hf_call_request_t request; //  As handed out
    int64_t started_at;        //  When
    uint32_t slot;             //  Its place among the requests
    Hf__Attempt *ended;        //  Its result, where the link was full
} flight_t;

//  One order. The stages follow each other; READY to ENDED have a flight.
typedef enum { QUEUED, READY, CALLING, ENDED, PROPOSED } stage_t;

typedef struct attempt {
    hf_id_t id;             //  The command
    uint32_t number;        //  The attempt's
    bool inquiry;           //  It asks what became of the one before
    stage_t stage;          //  Where it is
    uint64_t epoch;         //  The caller's life that it was ordered from
    flight_t *flight;       //  Or NULL
    struct attempt *next;   //  In the queue of its stage
    struct attempt *before; //  Among all attempts
    struct attempt *behind; //  The same
} attempt_t;

typedef struct {
    attempt_t *head; //  The oldest
    attempt_t *tail; //  The newest
} queue_t;

//  What is the same for all requests of a destination; made when first needed.
typedef struct {
    char *url;             //  Where the template is plain, else NULL
    size_t headers_size;   //  The destination's own
    bool has_content_type; //  It gives this header itself
    bool has_user_agent;   //  The same
    bool sends_body;       //  Its method carries one (RFC 9110, section 9.3.1: GET has none)
} plan_t;

//  An attempt that has left the third party.
typedef struct {
    hf_id_t id;      //  The command
    uint32_t number; //  The attempt's
} free_place_t;

struct hf_call {
    const hf_config_t *config;       //  Destinations
    hf_store_t *store;               //  Commands
    char *name;                      //  This sender's
    hf_link_t *link;                 //  To the journal
    hf_outbox_t outbox;              //  What wants to be sent
    hf_arena_t *arena;               //  Of the message or state being read
    hf_id_map_t *by_id;              //  The newest attempt in hand of each command
    attempt_t *all;                  //  Attempts in hand
    size_t in_hand;                  //  How many
    queue_t queued;                  //  Ordered, not looked at
    queue_t ready;                   //  Requests to be handed out
    queue_t ended;                   //  Results that wait for the link
    attempt_t **slots;               //  HF_CALL_REQUESTS_MAX places for READY and CALLING, by ticket
    uint32_t *free_slots;            //  Stack of those that are free
    uint32_t free_size;              //  How many
    uint64_t tickets;                //  Given so far
    size_t body_bytes;               //  Bodies of READY and CALLING
    hf_arena_t *spare[ARENAS_SPARE]; //  Arenas for the next requests
    size_t spare_size;               //  How many
    plan_t **plans;                  //  One for each destination, or NULL
    hf_buf_t text;                   //  A url being rendered
    free_place_t places[PLACES_MAX]; //  To be told to dispatch at the end of this tick
    size_t places_size;              //  How many
    size_t places_bytes;             //  None is told while more outcomes than that are under way
    int64_t now;                     //  Time of the newest call
    bool stopping;                   //  Orders are turned away
    hf_error_t failure;              //  Why it must end; empty: it need not
    uint64_t calls;                  //  Requests handed out
    uint64_t classes[HF_CLASSES];    //  Outcomes proposed
    uint64_t doubled;                //  Orders for what was in hand
    uint64_t outdated;               //  Orders of another life
    uint64_t unfounded;              //  Orders that the file did not bear out
    uint64_t foreign;                //  Messages and orders that cannot be read
    uint64_t stale;                  //  Outcomes that changed nothing in the journal
};

static void s_fail(hf_call_t *self, const hf_error_t *error) {
    if (!*self->failure.text) {
        self->failure = *error;
    }
}

//  ---- attempts in hand

static void s_push(queue_t *queue, attempt_t *attempt, stage_t stage) {
    attempt->stage = stage;
    attempt->next = NULL;
    if (queue->tail) {
        queue->tail->next = attempt;
    } else {
        queue->head = attempt;
    }
    queue->tail = attempt;
}

static attempt_t *s_pop(queue_t *queue) {
    attempt_t *attempt = queue->head;
    if (attempt) {
        queue->head = attempt->next;
        queue->tail = queue->head ? queue->tail : NULL;
    }
    return attempt;
}

//  Takes the command's place in the map: an earlier attempt that still waits for its acknowledgement goes on
//  without it.
static attempt_t *s_attempt_new(hf_call_t *self, const hf_id_t *id, uint32_t number, uint64_t epoch) {
    attempt_t *attempt = hf_alloc(sizeof *attempt);
    attempt->id = *id;
    attempt->number = number;
    attempt->epoch = epoch;
    attempt->behind = self->all;
    if (self->all) {
        self->all->before = attempt;
    }
    self->all = attempt;
    self->in_hand++;
    hf_id_map_put(self->by_id, id, attempt);
    return attempt;
}

static hf_arena_t *s_arena(hf_call_t *self) {
    return self->spare_size ? self->spare[--self->spare_size] : hf_arena_new(ARENA_BYTES);
}

static void s_give_back(hf_call_t *self, hf_arena_t *arena) {
    hf_arena_reset(arena);
    if (self->spare_size < ARENAS_SPARE) {
        self->spare[self->spare_size++] = arena;
    } else {
        hf_arena_destroy(&arena);
    }
}

static flight_t *s_flight_new(hf_call_t *self, attempt_t *attempt) {
    hf_arena_t *arena = s_arena(self);
    flight_t *flight = hf_arena_take(arena, sizeof *flight);
    flight->arena = arena;
    flight->slot = UINT32_MAX;
    attempt->flight = flight;
    return flight;
}

//  The request is no longer the shell's.
static void s_free_slot(hf_call_t *self, flight_t *flight) {
    if (flight->slot != UINT32_MAX) {
        self->slots[flight->slot] = NULL;
        self->free_slots[self->free_size++] = flight->slot;
        self->body_bytes -= flight->request.body_size;
        flight->slot = UINT32_MAX;
    }
}

static void s_flight_destroy(hf_call_t *self, attempt_t *attempt) {
    flight_t *flight = attempt->flight;
    if (flight) {
        s_free_slot(self, flight);
        attempt->flight = NULL;
        s_give_back(self, flight->arena);
    }
}

static void s_let_go(hf_call_t *self, attempt_t *attempt) {
    s_flight_destroy(self, attempt);
    if (hf_id_map_get(self->by_id, &attempt->id) == attempt) {
        hf_id_map_remove(self->by_id, &attempt->id);
    }
    if (attempt->before) {
        attempt->before->behind = attempt->behind;
    } else {
        self->all = attempt->behind;
    }
    if (attempt->behind) {
        attempt->behind->before = attempt->before;
    }
    self->in_hand--;
    free(attempt);
}

//  ---- from an end to an outcome

//  False where the link is full. tag NULL: nobody waits for the answer.
static bool s_propose(hf_call_t *self, const hf_id_t *id, uint64_t epoch, const Hf__Attempt *ended,
                      void *tag) {
    Hf__Outcome outcome = HF__OUTCOME__INIT;
    outcome.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    outcome.caller_epoch = epoch;
    outcome.attempt = (Hf__Attempt *)ended;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_OUTCOME;
    proposal.outcome = &outcome;
    if (!hf_link_propose(self->link, &proposal, tag)) {
        return false;
    }
    self->classes[ended->class_]++;
    return true;
}

static char *s_copy(hf_arena_t *arena, const char *text) {
    size_t size = strlen(text) + 1;
    return memcpy(hf_arena_take(arena, size), text, size);
}

//  Keeps a result for later; what belonged to the request is given back.
static void s_keep(hf_call_t *self, attempt_t *attempt, const Hf__Attempt *ended) {
    s_flight_destroy(self, attempt);
    flight_t *flight = s_flight_new(self, attempt);
    hf_arena_t *arena = flight->arena;
    flight->ended = hf_arena_take(arena, sizeof *flight->ended);
    *flight->ended = *ended;
    flight->ended->reason = s_copy(arena, ended->reason);
    flight->ended->response_type = s_copy(arena, ended->response_type);
    flight->ended->response.data = hf_arena_take(arena, ended->response.len + 1);
    if (ended->response.len) {
        memcpy(flight->ended->response.data, ended->response.data, ended->response.len);
    }
    s_push(&self->ended, attempt, ENDED);
}

static void s_conclude(hf_call_t *self, attempt_t *attempt, Hf__Attempt *ended) {
    ended->number = attempt->number;
    ended->caller = self->name;
    if (!self->ended.head && s_propose(self, &attempt->id, attempt->epoch, ended, attempt)) {
        attempt->stage = PROPOSED;
        s_flight_destroy(self, attempt);
    } else {
        s_keep(self, attempt, ended);
    }
}

//  Ends an attempt that was not called.
static void s_conclude_uncalled(hf_call_t *self, attempt_t *attempt, hf_class_t class, const char *reason) {
    Hf__Attempt ended = HF__ATTEMPT__INIT;
    ended.class_ = class;
    ended.reason = (char *)reason;
    ended.started_at = self->now;
    ended.ended_at = self->now;
    s_conclude(self, attempt, &ended);
}

static void s_propose_kept(hf_call_t *self) {
    while (self->ended.head) {
        attempt_t *attempt = self->ended.head;
        if (!s_propose(self, &attempt->id, attempt->epoch, attempt->flight->ended, attempt)) {
            return;
        }
        s_pop(&self->ended);
        attempt->stage = PROPOSED;
        s_flight_destroy(self, attempt);
    }
}

//  An answer's Content-Type as it may stand in JSON and tables: visible ASCII, cut where it is long.
static void s_clean_type(const char *type, char text[RESPONSE_TYPE_MAX + 1]) {
    size_t size = 0;
    for (; type && type[size] && size < RESPONSE_TYPE_MAX; size++) {
        text[size] = type[size] < ' ' || type[size] > '~' ? '?' : type[size];
    }
    text[size] = 0;
}

//  Tells dispatch whose places are free.
static void s_send_places(hf_call_t *self) {
    Hf__AttemptOrder ended[PLACES_MAX], *list[PLACES_MAX];
    if (!self->places_size) {
        return;
    }
    for (size_t i = 0; i < self->places_size; i++) {
        list[i] = &ended[i];
        hf__attempt_order__init(list[i]);
        list[i]->id = (ProtobufCBinaryData){HF_ID_SIZE, self->places[i].id.bytes};
        list[i]->attempt = self->places[i].number;
    }
    Hf__Attempts message = HF__ATTEMPTS__INIT;
    message.caller_epoch = hf_link_epoch(self->link);
    message.orders = list;
    message.n_orders = self->places_size;
    hf_buf_t bytes = {0};
    hf_buf_pack(&bytes, &message.base);
    hf_outbox_put(&self->outbox, HF_TO_DISPATCH, 0, &bytes);
    self->places_size = 0;
}

//  Only after a success: what follows from a failure (a block, an open circuit) must be heard before the next one begins in its place. And
//  only while the journal keeps up: what is called and not durable yet is what a crash of this caller leaves unknown.
static void s_free_place(hf_call_t *self, const attempt_t *attempt, const Hf__Attempt *ended) {
    bool keeps_up = !self->ended.head && hf_link_bytes(self->link) <= self->places_bytes;
    if (keeps_up && ended->class_ == HF_CLASS_SUCCEEDED && attempt->epoch == hf_link_epoch(self->link)) {
        self->places[self->places_size++] = (free_place_t){attempt->id, attempt->number};
        if (self->places_size == PLACES_MAX) {
            s_send_places(self);
        }
    }
}

void hf_call_finish(hf_call_t *self, uint64_t ticket, const hf_call_result_t *result, int64_t now) {
    attempt_t *attempt = self->slots[ticket % HF_CALL_REQUESTS_MAX];
    assert(attempt && attempt->stage == CALLING && attempt->flight->request.ticket == ticket);
    char reason[REASON_SIZE] = "", type[RESPONSE_TYPE_MAX + 1];
    size_t said = attempt->inquiry ? (size_t)snprintf(reason, sizeof reason, "asked what became of it: ") : 0;
    self->now = now;
    s_clean_type(result->content_type, type);
    Hf__Attempt ended = HF__ATTEMPT__INIT;
    ended.class_ = hf_outcome_classify(result, attempt->flight->request.destination, reason + said,
                                       sizeof reason - said);
    ended.reason = reason;
    ended.started_at = attempt->flight->started_at;
    ended.ended_at = now;
    ended.http_status = (uint32_t)result->status;
    ended.dns_us = result->dns_us;
    ended.connect_us = result->connect_us;
    ended.tls_us = result->tls_us;
    ended.first_byte_us = result->first_byte_us;
    ended.total_us = result->total_us;
    size_t size = result->response_size < HF_RESPONSE_MAX ? result->response_size : HF_RESPONSE_MAX;
    ended.response = (ProtobufCBinaryData){size, (uint8_t *)result->response};
    ended.response_cut = result->response_cut || size < result->response_size;
    ended.response_type = type;
    ended.connected_anew = result->connected_anew;
    if (ended.class_ == HF_CLASS_FAILED) {
        int64_t wall = result->wall_ms ? result->wall_ms : now;
        ended.retry_after = hf_outcome_retry_after(result->retry_after, wall, now);
    }
    s_free_place(self, attempt, &ended);
    s_conclude(self, attempt, &ended);
}

//  ---- from an order to a request

static bool s_gives(const char *header, const char *name) {
    size_t size = strlen(name);
    return strncasecmp(header, name, size) == 0 && header[size] == ':';
}

static const plan_t *s_plan(hf_call_t *self, size_t number) {
    const hf_destination_t *destination = self->config->destinations[number];
    plan_t **place = &self->plans[number];
    if (!*place) {
        plan_t *plan = *place = hf_alloc(sizeof *plan);
        hf_buf_t url = {0};
        if (hf_template_is_plain(destination->url) &&
            !hf_template_render(destination->url, NULL, true, &url, NULL)) {
            plan->url = hf_memdup(url.data, url.size);
        }
        hf_buf_free(&url);
        for (; destination->headers[plan->headers_size]; plan->headers_size++) {
            const char *header = destination->headers[plan->headers_size];
            plan->has_content_type = plan->has_content_type || s_gives(header, "Content-Type");
            plan->has_user_agent = plan->has_user_agent || s_gives(header, "User-Agent");
        }
        plan->sends_body = strcmp(destination->method, "GET") != 0;
    }
    return *place;
}

static const char *s_header(hf_arena_t *arena, const char *name, const char *value) {
    size_t name_size = strlen(name), value_size = strlen(value);
    char *text = hf_arena_take(arena, name_size + 2 + value_size + 1);
    memcpy(text, name, name_size);
    memcpy(text + name_size, ": ", 2);
    memcpy(text + name_size + 2, value, value_size);
    return text;
}

static void s_add_headers(const attempt_t *attempt, const Hf__Command *command, const plan_t *plan) {
    flight_t *flight = attempt->flight;
    hf_arena_t *arena = flight->arena;
    const char **headers = hf_arena_take(arena, (HEADERS_OWN + plan->headers_size + 1) * sizeof *headers);
    char id[HF_ID_TEXT], number[16];
    size_t size = 0;
    hf_id_format(&attempt->id, id);
    snprintf(number, sizeof number, "%" PRIu32, attempt->number);
    headers[size++] = s_header(arena, "Idempotency-Key", id);
    headers[size++] = s_header(arena, "Holdfast-Attempt", number);
    if (!plan->has_user_agent) {
        headers[size++] = "User-Agent: holdfast/" HOLDFAST_VERSION;
    }
    if (plan->sends_body && !attempt->inquiry && *command->content_type && !plan->has_content_type) {
        headers[size++] = s_header(arena, "Content-Type", command->content_type);
    }
    if (*command->traceparent && hf_field_value_is_clean(command->traceparent)) {
        headers[size++] = s_header(arena, "traceparent", command->traceparent);
        if (*command->tracestate && hf_field_value_is_clean(command->tracestate)) {
            headers[size++] = s_header(arena, "tracestate", command->tracestate);
        }
    }
    for (size_t i = 0; i < plan->headers_size; i++) {
        headers[size++] = flight->request.destination->headers[i];
    }
    flight->request.headers = headers;
}

//  The body as far as the template needs it, with the command's id where it asks what became of it.
static json_t *s_fields(const attempt_t *attempt, const Hf__Command *command, const hf_template_t *url) {
    char id[HF_ID_TEXT];
    json_t *fields = hf_template_load(&url, 1, command->body.data, command->body.len, NULL);
    if (attempt->inquiry) {
        if (!json_is_object(fields)) {
            json_decref(fields);
            fields = json_object();
        }
        hf_id_format(&attempt->id, id);
        json_object_set_new(fields, HF_TEMPLATE_ID, json_string(id));
    }
    return fields;
}

//  False where the body lacks what the url names.
static bool s_add_url(hf_call_t *self, const attempt_t *attempt, const Hf__Command *command,
                      const plan_t *plan, hf_error_t *error) {
    flight_t *flight = attempt->flight;
    const hf_destination_t *destination = flight->request.destination;
    if (plan->url && !attempt->inquiry) {
        flight->request.url = plan->url;
        return true;
    }
    const hf_template_t *url = attempt->inquiry ? destination->probe : destination->url;
    json_t *body = s_fields(attempt, command, url);
    hf_buf_clear(&self->text);
    int rc = hf_template_render(url, body, true, &self->text, error);
    json_decref(body);
    if (rc) {
        hf_error_wrap(error, "the url cannot be made");
        return false;
    }
    if (self->text.size > HF_CALL_URL_MAX) {
        hf_error_set(error, "the url would be %zu bytes long; %d are the most", self->text.size,
                     HF_CALL_URL_MAX);
        return false;
    }
    flight->request.url = s_copy(flight->arena, self->text.data ? (const char *)self->text.data : "");
    return true;
}

static void s_add_ticket(hf_call_t *self, attempt_t *attempt) {
    flight_t *flight = attempt->flight;
    flight->slot = self->free_slots[--self->free_size];
    flight->request.ticket = ++self->tickets * HF_CALL_REQUESTS_MAX + flight->slot;
    self->slots[flight->slot] = attempt;
    self->body_bytes += flight->request.body_size;
}

//  The request that a command means; false where there can be none, and error says why.
static bool s_build(hf_call_t *self, attempt_t *attempt, const Hf__Command *command, hf_error_t *error) {
    flight_t *flight = attempt->flight;
    int number = hf_config_destination_number(self->config, command->destination);
    if (number < 0) {
        hf_error_set(error, "no destination %s is configured any more", command->destination);
        return false;
    }
    if (!hf_field_value_is_clean(command->content_type)) {
        hf_error_set(error, "its Content-Type cannot be sent in a header");
        return false;
    }
    const plan_t *plan = s_plan(self, (size_t)number);
    const hf_destination_t *destination = self->config->destinations[number];
    if (attempt->inquiry && !destination->probe) {
        hf_error_set(error, "destination %s has no probe any more", destination->name);
        return false;
    }
    flight->request.destination = destination;
    flight->request.method = attempt->inquiry ? "GET" : destination->method;
    flight->request.number = (size_t)number;
    if (!s_add_url(self, attempt, command, plan, error)) {
        return false;
    }
    if (plan->sends_body && !attempt->inquiry) {
        flight->request.body = command->body.data;
        flight->request.body_size = command->body.len;
    }
    s_add_headers(attempt, command, plan);
    s_add_ticket(self, attempt);
    return true;
}

//  Reads the command into a flight: a record that is damaged or missing ends this attempt, not the caller.
static void s_prepare(hf_call_t *self, attempt_t *attempt) {
    hf_error_t error;
    Hf__Command *command = NULL;
    flight_t *flight = s_flight_new(self, attempt);
    int found = hf_store_command(self->store, &attempt->id, flight->arena, &command, &error);
    if (found < 0) {
        hf_error_wrap(&error, "its record cannot be read; run `holdfast journal verify`");
    } else if (found == 0) {
        hf_error_set(&error, "its record is missing; run `holdfast journal verify`");
    }
    if (found == 1 && s_build(self, attempt, command, &error)) {
        s_push(&self->ready, attempt, READY);
    } else {
        s_conclude_uncalled(self, attempt, HF_CLASS_REJECTED, error.text);
    }
}

//  Whether the journal's file says that this attempt is to be called, by this caller, in this life.
static bool s_is_borne_out(hf_call_t *self, attempt_t *attempt) {
    hf_error_t error;
    Hf__State *state = NULL;
    hf_arena_reset(self->arena);
    if (hf_store_state(self->store, &attempt->id, self->arena, &state, &error) < 0) {
        s_fail(self, &error);
    }
    attempt->inquiry = state && state->inquiry;
    return state && state->state == HF_STATE_CALLING && state->attempt == attempt->number &&
           state->caller_epoch == attempt->epoch && strcmp(state->caller, self->name) == 0;
}

static void s_look_at(hf_call_t *self, attempt_t *attempt) {
    if (attempt->epoch != hf_link_epoch(self->link)) {
        self->outdated++;
        s_let_go(self, attempt);
    } else if (!s_is_borne_out(self, attempt)) {
        self->unfounded++;
        s_let_go(self, attempt);
    } else {
        s_prepare(self, attempt);
    }
}

//  Makes requests of what is queued, as many as there is room for.
static void s_look(hf_call_t *self) {
    hf_error_t error;
    if (!self->queued.head || self->ended.head || !hf_link_epoch(self->link) || !self->free_size ||
        self->body_bytes >= HF_CALL_BODY_BYTES) {
        return;
    }
    if (hf_store_begin_read(self->store, &error)) {
        s_fail(self, &error);
        return;
    }
    for (int count = 0; count < LOOK_MAX && self->queued.head && !self->ended.head && self->free_size &&
                        self->body_bytes < HF_CALL_BODY_BYTES && !*self->failure.text;
         count++) {
        s_look_at(self, s_pop(&self->queued));
    }
    hf_store_end_read(self->store);
}

const hf_call_request_t *hf_call_take(hf_call_t *self) {
    while (!self->ready.head && self->queued.head && !self->stopping) {
        attempt_t *before = self->queued.head;
        s_look(self);
        if (self->queued.head == before) {
            return NULL;
        }
    }
    attempt_t *attempt = self->stopping ? NULL : s_pop(&self->ready);
    if (!attempt) {
        return NULL;
    }
    attempt->stage = CALLING;
    attempt->flight->started_at = self->now;
    self->calls++;
    return &attempt->flight->request;
}

//  ---- what is heard

static void s_turn_away(hf_call_t *self, const hf_id_t *id, uint32_t number, uint64_t epoch) {
    hf_error_t error;
    Hf__Attempt ended = HF__ATTEMPT__INIT;
    ended.number = number;
    ended.class_ = HF_CLASS_REFUSED;
    ended.caller = self->name;
    ended.reason = (char *)"not called: the caller has too many attempts in hand";
    ended.started_at = self->now;
    ended.ended_at = self->now;
    if (!s_propose(self, id, epoch, &ended, NULL)) {
        hf_error_set(&error, "more than %d attempts are in hand, and the journal does not answer",
                     HF_CALL_IN_HAND_MAX);
        s_fail(self, &error);
    }
}

//  A higher attempt of a command in hand means that the earlier one's outcome is durable, though its
//  acknowledgement was not heard yet: both are in hand then.
static void s_order(hf_call_t *self, const hf_id_t *id, uint32_t number, uint64_t epoch) {
    uint64_t mine = hf_link_epoch(self->link);
    attempt_t *known = hf_id_map_get(self->by_id, id);
    if (mine && epoch != mine) {
        self->outdated++;
    } else if (known && known->number >= number && known->epoch >= epoch) {
        self->doubled++;
    } else if (known && known->stage == QUEUED) {
        known->number = number;
        known->epoch = epoch;
        self->doubled++;
    } else if (self->in_hand >= HF_CALL_IN_HAND_MAX) {
        s_turn_away(self, id, number, epoch);
    } else {
        s_push(&self->queued, s_attempt_new(self, id, number, epoch), QUEUED);
    }
}

static void s_receive_orders(hf_call_t *self, const void *data, size_t size) {
    hf_id_t id;
    Hf__Attempts *message = hf__attempts__unpack(hf_arena_allocator(self->arena), size, data);
    if (!message) {
        self->foreign++;
        return;
    }
    for (size_t i = 0; i < message->n_orders; i++) {
        const Hf__AttemptOrder *order = message->orders[i];
        if (hf_id_from(&id, order->id.data, order->id.len) && order->attempt > 0 && message->caller_epoch) {
            s_order(self, &id, order->attempt, message->caller_epoch);
        } else {
            self->foreign++;
        }
    }
}

static void s_on_answer(hf_call_t *self, attempt_t *attempt, const Hf__Result *result) {
    self->stale += result && result->code != HF_RESULT_DONE;
    if (attempt) {
        s_let_go(self, attempt);
    }
}

static void s_receive_publication(hf_call_t *self, const void *data, size_t size, int64_t now) {
    hf_publication_t publication;
    uint64_t number;
    void *tag;
    if (!hf_publication_read(&publication, data, size, self->arena)) {
        self->foreign++;
    } else if (publication.beat) {
        hf_link_receive_beat(self->link, publication.beat, now);
    } else if (publication.ack) {
        hf_link_receive_ack(self->link, publication.ack, now);
        while (hf_link_pop(self->link, &number, &tag)) {
            s_on_answer(self, tag, hf_result_find(publication.ack, number));
        }
    }
}

static void s_receive(void *core, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_call_t *self = core;
    self->now = now;
    if (from == HF_FROM_DISPATCH) {
        s_receive_orders(self, data, size);
    } else {
        s_receive_publication(self, data, size, now);
    }
    hf_arena_reset(self->arena);
}

//  ---- the core

hf_call_t *hf_call_new(const hf_core_setup_t *setup) {
    return hf_call_new_within(setup, HF_CALL_LINK_BYTES);
}

hf_call_t *hf_call_new_within(const hf_core_setup_t *setup, size_t link_bytes) {
    hf_call_t *self = hf_alloc(sizeof *self);
    self->config = setup->config;
    self->store = setup->store;
    self->name = hf_strdup(setup->name);
    self->link = hf_link_new(setup->name, setup->nonce, link_bytes);
    self->places_bytes = link_bytes / PLACES_LINK_PART;
    self->arena = hf_arena_new(64 << 10);
    self->by_id = hf_id_map_new();
    self->plans = hf_alloc(setup->config->destinations_size * sizeof *self->plans);
    self->slots = hf_alloc(HF_CALL_REQUESTS_MAX * sizeof *self->slots);
    self->free_slots = hf_alloc(HF_CALL_REQUESTS_MAX * sizeof *self->free_slots);
    for (uint32_t slot = 0; slot < HF_CALL_REQUESTS_MAX; slot++) {
        self->free_slots[slot] = HF_CALL_REQUESTS_MAX - 1 - slot;
    }
    self->free_size = HF_CALL_REQUESTS_MAX;
    return self;
}

static void s_destroy_plans(hf_call_t *self) {
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        if (self->plans[i]) {
            free(self->plans[i]->url);
            free(self->plans[i]);
        }
    }
    free(self->plans);
}

void hf_call_destroy(hf_call_t **self_p) {
    assert(self_p);
    hf_call_t *self = *self_p;
    if (self) {
        while (self->all) {
            s_let_go(self, self->all);
        }
        while (self->spare_size) {
            hf_arena_destroy(&self->spare[--self->spare_size]);
        }
        s_destroy_plans(self);
        hf_buf_free(&self->text);
        hf_id_map_destroy(&self->by_id);
        hf_arena_destroy(&self->arena);
        hf_outbox_free(&self->outbox);
        hf_link_destroy(&self->link);
        free(self->free_slots);
        free(self->slots);
        free(self->name);
        free(self);
        *self_p = NULL;
    }
}

//  While stopping. What finds the link full goes on at the next acknowledgement.
static void s_end_uncalled(hf_call_t *self) {
    while (!self->ended.head && (self->ready.head || self->queued.head)) {
        attempt_t *attempt = s_pop(self->ready.head ? &self->ready : &self->queued);
        if (attempt->epoch == hf_link_epoch(self->link)) {
            s_conclude_uncalled(self, attempt, HF_CLASS_REFUSED, "not called: the caller was shutting down");
        } else {
            self->outdated++;
            s_let_go(self, attempt);
        }
    }
}

static void s_tick(void *core, int64_t now) {
    hf_call_t *self = core;
    hf_error_t error;
    self->now = now;
    if (hf_link_is_fenced(self->link)) {
        hf_error_set(&error, "a newer life of this actor has taken over");
        s_fail(self, &error);
    }
    s_propose_kept(self);
    if (self->stopping) {
        s_end_uncalled(self);
    }
    s_send_places(self);
    hf_link_flush(self->link, &self->outbox, now);
}

static int64_t s_next_deadline(void *core) {
    return hf_link_next_deadline(((hf_call_t *)core)->link);
}

static hf_outbox_t *s_outbox(void *core) {
    return &((hf_call_t *)core)->outbox;
}

static const char *s_failure(void *core) {
    hf_call_t *self = core;
    return *self->failure.text ? self->failure.text : NULL;
}

static void s_describe(void *core, hf_buf_t *json) {
    hf_call_t *self = core;
    hf_buf_addf(json, "\"in_hand\":%zu,\"calling\":%u,\"calls\":%" PRIu64, self->in_hand,
                HF_CALL_REQUESTS_MAX - self->free_size, self->calls);
    for (int number = HF_CLASS_SUCCEEDED; number < HF_CLASSES; number++) {
        hf_buf_addf(json, ",\"%s\":%" PRIu64, hf_class_name(number), self->classes[number]);
    }
    hf_buf_addf(json, ",\"doubled\":%" PRIu64 ",\"outdated\":%" PRIu64 ",\"unfounded\":%" PRIu64,
                self->doubled, self->outdated, self->unfounded);
    hf_buf_addf(json, ",\"stale\":%" PRIu64 ",\"epoch\":%" PRIu64 ",\"unacked\":%zu,\"foreign\":%" PRIu64,
                self->stale, hf_link_epoch(self->link), hf_link_unacked(self->link), self->foreign);
}

const hf_core_ops_t hf_call_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};

size_t hf_call_in_hand(const hf_call_t *self) {
    return self->in_hand;
}

void hf_call_stop(hf_call_t *self) {
    self->stopping = true;
}

bool hf_call_is_quiet(const hf_call_t *self) {
    return self->in_hand == 0 && hf_link_unacked(self->link) == 0;
}
