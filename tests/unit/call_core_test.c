/*  The call core against a real journal core and a real file, told step by step. The test is dispatch, the
 * third party and the network: it carries every envelope itself, or loses it.  */

#include "call/call_core.h"
#include "journal/journal_core.h"
#include "link/link.h"
#include "link/wire.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct {
    char dir[64];                  //  The journal's folder
    hf_store_t *store;             //  The journal's handle
    hf_store_t *reader;            //  The caller's
    hf_config_t *config;           //  Destination "d", templated "t", pipeline "p"
    hf_destination_t *destination; //  "d", to be changed by a story
    hf_journal_t *journal;         //  The journal
    hf_call_t *call;               //  call.0
    hf_link_t *client;             //  Stands for ingress and dispatch
    hf_outbox_t outbox;            //  Of that link
    hf_id_maker_t ids;             //  Command ids
    int64_t now;                   //  The story's time
    bool deaf;                     //  Publications do not reach the caller
    bool mute;                     //  Its proposals do not reach the journal
    size_t ended;                  //  Attempts of which dispatch was told that their places are free
    uint64_t ended_epoch;          //  In which life
} world_t;

enum { LINK_BYTES = 64 << 10 }; //  Small, so that a story can fill it

static void s_new_call(world_t *world, uint8_t life) {
    hf_core_setup_t setup = {
        .name = "call.0", .config = world->config, .store = world->reader, .nonce = {0xca, life}};
    hf_call_destroy(&world->call);
    world->call = hf_call_new_within(&setup, LINK_BYTES);
}

static hf_destination_t *s_add_destination(world_t *world, const char *name, const char *url) {
    static const char *const headers[] = {"Authorization: Bearer secret", "X-Team: blue", NULL};
    hf_destination_t *destination = hf_destination_new(name);
    destination->url = hf_template_new(url, NULL);
    free(destination->headers);
    destination->headers = hf_alloc(sizeof headers);
    for (size_t i = 0; headers[i]; i++) {
        destination->headers[i] = hf_strdup(headers[i]);
    }
    assert_int_equal(hf_config_add_destination(world->config, destination), 0);
    return destination;
}

static world_t *s_setup(void) {
    world_t *world = hf_alloc(sizeof *world);
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = 64 << 20};
    strcpy(world->dir, "/tmp/holdfast-call-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->store = hf_store_open(world->dir, &options, &error);
    assert_non_null(world->store);
    world->reader = hf_store_share(world->store);
    world->config = hf_config_new();
    world->destination = s_add_destination(world, "d", "http://third.example/stop?key=secret");
    s_add_destination(world, "t", "http://third.example/{instance}/stop");
    world->now = 1000000;
    hf_journal_options_t journal = {.keep_ms = 1000000000};
    world->journal = hf_journal_new(world->store, &journal, world->now, &error);
    assert_non_null(world->journal);
    uint8_t nonce[16] = {0xc1};
    world->client = hf_link_new("client", nonce, 1 << 20);
    s_new_call(world, 1);
    return world;
}

static void s_teardown(world_t *world) {
    char command[128];
    hf_call_destroy(&world->call);
    hf_link_destroy(&world->client);
    hf_journal_destroy(&world->journal);
    hf_outbox_free(&world->outbox);
    hf_store_close(&world->reader);
    hf_store_close(&world->store);
    hf_config_destroy(&world->config);
    snprintf(command, sizeof command, "rm -rf %s", world->dir);
    assert_int_equal(system(command), 0);
    free(world);
}

//  ---- the network

//  What dispatch is told.
static void s_hear_ended(world_t *world, const hf_envelope_t *envelope) {
    Hf__Attempts *message = hf__attempts__unpack(NULL, envelope->size, envelope->data);
    assert_non_null(message);
    world->ended_epoch = message->caller_epoch;
    world->ended += message->n_orders;
    hf__attempts__free_unpacked(message, NULL);
}

static void s_carry(world_t *world, hf_outbox_t *outbox, bool lose) {
    hf_envelope_t envelope;
    while (hf_outbox_take(outbox, &envelope)) {
        if (envelope.to == HF_TO_DISPATCH) {
            s_hear_ended(world, &envelope);
        } else if (!lose) {
            hf_journal_receive(world->journal, envelope.data, envelope.size);
        }
        free(envelope.data);
    }
}

static void s_tell_client(world_t *world, const hf_envelope_t *envelope) {
    hf_publication_t publication;
    hf_arena_t *arena = hf_arena_new(1024);
    uint64_t number;
    void *tag;
    assert_true(hf_publication_read(&publication, envelope->data, envelope->size, arena));
    if (publication.ack) {
        hf_link_receive_ack(world->client, publication.ack, world->now);
    } else if (publication.beat) {
        hf_link_receive_beat(world->client, publication.beat, world->now);
    }
    while (hf_link_pop(world->client, &number, &tag)) {
    }
    hf_arena_destroy(&arena);
}

static void s_publish(world_t *world) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        if (!world->deaf) {
            hf_call_ops.receive(world->call, HF_FROM_JOURNAL, envelope.data, envelope.size, world->now);
        }
        s_tell_client(world, &envelope);
        free(envelope.data);
    }
}

//  Lets everything that is under way arrive, at one time.
static void s_settle(world_t *world) {
    hf_error_t error;
    for (int round = 0; round < 8; round++) {
        hf_link_flush(world->client, &world->outbox, world->now);
        hf_call_ops.tick(world->call, world->now);
        s_carry(world, &world->outbox, false);
        s_carry(world, hf_call_ops.outbox(world->call), world->mute);
        if (hf_journal_has_work(world->journal)) {
            assert_int_equal(hf_journal_commit(world->journal, world->now, &error), 0);
        }
        hf_journal_tick(world->journal, world->now);
        s_publish(world);
    }
}

//  Time goes by, with the journal's beats.
static void s_pass(world_t *world, int64_t ms) {
    for (int64_t until = world->now + ms; world->now < until;) {
        world->now += 250;
        s_settle(world);
    }
}

//  ---- what people and dispatch do

static hf_id_t s_submit_as(world_t *world, Hf__Command *command) {
    hf_id_t id = hf_id_make(&world->ids, world->now);
    command->id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    command->pipeline = (char *)"p";
    command->accepted_at = world->now;
    Hf__Submit submit = HF__SUBMIT__INIT;
    submit.command = command;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_SUBMIT;
    proposal.submit = &submit;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
    return id;
}

static hf_id_t s_submit(world_t *world, const char *destination, const char *body) {
    Hf__Command command = HF__COMMAND__INIT;
    command.destination = (char *)destination;
    command.body = (ProtobufCBinaryData){strlen(body), (uint8_t *)body};
    command.content_type = (char *)"application/json";
    return s_submit_as(world, &command);
}

//  A number in what the core says of itself.
static int64_t s_says(world_t *world, const char *name) {
    hf_buf_t text = {0};
    hf_buf_addf(&text, "{");
    hf_call_ops.describe(world->call, &text);
    hf_buf_addf(&text, "}");
    json_t *json = json_loads((const char *)text.data, 0, NULL);
    assert_non_null(json);
    assert_true(json_is_integer(json_object_get(json, name)));
    int64_t value = json_integer_value(json_object_get(json, name));
    json_decref(json);
    hf_buf_free(&text);
    return value;
}

static uint64_t s_epoch(world_t *world) {
    return (uint64_t)s_says(world, "epoch");
}

static void s_start(world_t *world, const hf_id_t *id, uint32_t attempt) {
    Hf__Start start = HF__START__INIT;
    start.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    start.attempt = attempt;
    start.caller = (char *)"call.0";
    start.caller_epoch = s_epoch(world);
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_START;
    proposal.start = &start;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
}

static void s_propose_again(world_t *world, const hf_id_t *id, uint32_t attempt, bool inquire) {
    Hf__Verdict verdict = HF__VERDICT__INIT;
    verdict.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    verdict.attempt = attempt;
    verdict.event = HF_EVENT_RETRY_AT;
    verdict.due = world->now;
    verdict.inquire = inquire;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_VERDICT;
    proposal.verdict = &verdict;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
}

//  An attempt failed, and the next is due at once.
static void s_retry(world_t *world, const hf_id_t *id, uint32_t attempt) {
    s_propose_again(world, id, attempt, false);
}

//  Its outcome is unknown, and the next one, due at once, asks what became of it.
static void s_ask_again(world_t *world, const hf_id_t *id, uint32_t attempt) {
    s_propose_again(world, id, attempt, true);
}

static void s_order_from(world_t *world, const hf_id_t *id, uint32_t attempt, uint64_t epoch) {
    Hf__AttemptOrder order = HF__ATTEMPT_ORDER__INIT;
    order.id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
    order.attempt = attempt;
    Hf__AttemptOrder *orders[] = {&order};
    Hf__Attempts message = HF__ATTEMPTS__INIT;
    message.caller_epoch = epoch;
    message.n_orders = 1;
    message.orders = orders;
    hf_buf_t bytes = {0};
    hf_buf_pack(&bytes, &message.base);
    hf_call_ops.receive(world->call, HF_FROM_DISPATCH, bytes.data, bytes.size, world->now);
    hf_buf_free(&bytes);
}

static void s_order(world_t *world, const hf_id_t *id, uint32_t attempt) {
    s_order_from(world, id, attempt, s_epoch(world));
}

//  Submitted, started, ordered.
static hf_id_t s_ordered(world_t *world, const char *destination, const char *body) {
    s_settle(world);
    hf_id_t id = s_submit(world, destination, body);
    s_settle(world);
    s_start(world, &id, 1);
    s_settle(world);
    s_order(world, &id, 1);
    return id;
}

static void s_answer(world_t *world, const hf_call_request_t *request, int status) {
    hf_call_result_t result = {.connected = true, .sent = true, .answered = true, .status = status};
    hf_call_finish(world->call, request->ticket, &result, world->now);
}

//  What the file says.
typedef struct {
    hf_state_t state;     //  Of the command
    hf_class_t class;     //  Of its newest attempt
    uint32_t entries;     //  Of its history
    char reason[256];     //  Its
    Hf__Attempt *attempt; //  The newest entry, or NULL; lives in arena
    hf_arena_t *arena;    //  To be destroyed
} seen_t;

static seen_t s_see(world_t *world, const hf_id_t *id) {
    seen_t seen = {.arena = hf_arena_new(4096)};
    Hf__State *state = NULL;
    Hf__History *entry = NULL;
    assert_int_equal(hf_store_begin_read(world->reader, NULL), 0);
    assert_int_equal(hf_store_state(world->reader, id, seen.arena, &state, NULL), 1);
    seen.state = state->state;
    seen.class = state->class_;
    seen.entries = state->entries;
    snprintf(seen.reason, sizeof seen.reason, "%s", state->reason);
    if (state->entries) {
        assert_int_equal(hf_store_history(world->reader, id, state->entries - 1, seen.arena, &entry, NULL),
                         1);
        seen.attempt = entry->attempt;
    }
    hf_store_end_read(world->reader);
    return seen;
}

static void s_assert_state(world_t *world, const hf_id_t *id, hf_state_t state, const char *reason) {
    seen_t seen = s_see(world, id);
    assert_string_equal(seen.reason, reason);
    assert_int_equal(seen.state, state);
    hf_arena_destroy(&seen.arena);
}

static bool s_sends(const hf_call_request_t *request, const char *header) {
    for (const char **own = request->headers; *own; own++) {
        if (strcmp(*own, header) == 0) {
            return true;
        }
    }
    return false;
}

static size_t s_count(const hf_call_request_t *request) {
    size_t count = 0;
    while (request->headers[count]) {
        count++;
    }
    return count;
}

//  ---- stories

static hf_id_t s_ordered_with_everything(world_t *world) {
    s_settle(world);
    Hf__Command command = HF__COMMAND__INIT;
    command.destination = (char *)"d";
    command.body = (ProtobufCBinaryData){5, (uint8_t *)"a\0b\nc"};
    command.content_type = (char *)"text/x-odd; charset=utf-8";
    command.traceparent = (char *)"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    command.tracestate = (char *)"vendor=1";
    hf_id_t id = s_submit_as(world, &command);
    s_settle(world);
    s_start(world, &id, 1);
    s_settle(world);
    s_order(world, &id, 1);
    return id;
}

static void an_order_becomes_a_request(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t id = s_ordered_with_everything(world);
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_non_null(request);
    assert_null(hf_call_take(world->call));
    assert_ptr_equal(request->destination, world->destination);
    assert_int_equal(request->number, 0);
    assert_string_equal(request->url, "http://third.example/stop?key=secret");
    assert_int_equal(request->body_size, 5);
    assert_memory_equal(request->body, "a\0b\nc", 5);
    char text[HF_ID_TEXT], key[64];
    hf_id_format(&id, text);
    snprintf(key, sizeof key, "Idempotency-Key: %s", text);
    assert_true(s_sends(request, key));
    assert_true(s_sends(request, "Holdfast-Attempt: 1"));
    assert_true(s_sends(request, "User-Agent: holdfast/" HOLDFAST_VERSION));
    assert_true(s_sends(request, "Content-Type: text/x-odd; charset=utf-8"));
    assert_true(s_sends(request, "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assert_true(s_sends(request, "tracestate: vendor=1"));
    assert_true(s_sends(request, "Authorization: Bearer secret"));
    assert_true(s_sends(request, "X-Team: blue"));
    assert_int_equal(s_count(request), 8);
    s_teardown(world);
}

static void an_answer_becomes_an_outcome(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t id = s_ordered_with_everything(world);
    const hf_call_request_t *request = hf_call_take(world->call);
    world->now += 40;
    hf_call_result_t result = {.connected = true,
                               .sent = true,
                               .answered = true,
                               .status = 503,
                               .retry_after = "7",
                               .content_type = "text/plain; a=\"\xc3\xbc\x01\"",
                               .response = (const uint8_t *)"later",
                               .response_size = 5,
                               .response_cut = true,
                               .connected_anew = true,
                               .dns_us = 1,
                               .total_us = 5};
    hf_call_finish(world->call, request->ticket, &result, world->now);
    assert_int_equal(hf_call_in_hand(world->call), 1);
    s_settle(world);
    assert_int_equal(hf_call_in_hand(world->call), 0);
    assert_true(hf_call_is_quiet(world->call));

    seen_t seen = s_see(world, &id);
    assert_int_equal(seen.state, HF_STATE_DECIDING);
    assert_int_equal(seen.class, HF_CLASS_FAILED);
    assert_string_equal(seen.reason, "answered 503 Service Unavailable");
    assert_int_equal(seen.attempt->number, 1);
    assert_int_equal(seen.attempt->http_status, 503);
    assert_int_equal(seen.attempt->started_at, world->now - 40);
    assert_int_equal(seen.attempt->retry_after, world->now + 7000);
    assert_string_equal(seen.attempt->response_type, "text/plain; a=\"???\"");
    assert_int_equal(seen.attempt->response.len, 5);
    assert_memory_equal(seen.attempt->response.data, "later", 5);
    assert_true(seen.attempt->response_cut);
    assert_true(seen.attempt->connected_anew);
    assert_string_equal(seen.attempt->caller, "call.0");
    assert_int_equal(seen.attempt->dns_us, 1);
    assert_int_equal(seen.attempt->total_us, 5);
    hf_arena_destroy(&seen.arena);
    s_teardown(world);
}

//  What follows from a failure has to be heard before the next call takes its place.
static void a_success_frees_its_place_at_once_and_a_failure_does_not(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_call_result_t result = {.connected = true, .sent = true, .answered = true, .status = 503};
    s_ordered_with_everything(world);
    hf_call_finish(world->call, hf_call_take(world->call)->ticket, &result, world->now);
    s_settle(world);
    assert_int_equal(world->ended, 0);
    world->mute = false;
    result.status = 204;
    s_ordered_with_everything(world);
    world->mute = true;
    hf_call_finish(world->call, hf_call_take(world->call)->ticket, &result, world->now);
    s_settle(world);
    assert_int_equal(world->ended, 1);
    assert_true(world->ended_epoch > 0);
    assert_int_equal(hf_call_in_hand(world->call), 1);
    s_teardown(world);
}

static void what_became_of_a_call_is_asked_with_a_get(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    char id[HF_ID_TEXT], key[64], url[128];
    world->destination->probe = hf_template_new("http://third.example/{instance}/{" HF_TEMPLATE_ID "}", NULL);
    hf_id_t command = s_ordered(world, "d", "{\"instance\":\"i-1\"}");
    hf_call_result_t broken = {.connected = true, .sent = true, .broken = true, .timed_out = true};
    hf_call_finish(world->call, hf_call_take(world->call)->ticket, &broken, world->now);
    s_settle(world);
    s_ask_again(world, &command, 1);
    s_settle(world);
    s_start(world, &command, 2);
    s_settle(world);
    s_order(world, &command, 2);
    const hf_call_request_t *request = hf_call_take(world->call);
    hf_id_format(&command, id);
    snprintf(key, sizeof key, "Idempotency-Key: %s", id);
    snprintf(url, sizeof url, "http://third.example/i-1/%s", id);
    assert_string_equal(request->method, "GET");
    assert_string_equal(request->url, url);
    assert_int_equal(request->body_size, 0);
    assert_true(s_sends(request, key));
    assert_true(s_sends(request, "Holdfast-Attempt: 2"));
    assert_true(s_sends(request, "Authorization: Bearer secret"));
    assert_false(s_sends(request, "Content-Type: application/json"));
    s_answer(world, request, 503);
    s_settle(world);
    s_assert_state(world, &command, HF_STATE_DECIDING,
                   "asked what became of it: answered 503 Service Unavailable");
    s_teardown(world);
}

static void a_date_in_retry_after_goes_by_the_wall_clock(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t id = s_ordered(world, "d", "{}");
    hf_call_result_t result = {.connected = true,
                               .sent = true,
                               .answered = true,
                               .status = 429,
                               .wall_ms = INT64_C(784111777000),
                               .retry_after = "Sun, 06 Nov 1994 08:49:47 GMT"};
    hf_call_finish(world->call, hf_call_take(world->call)->ticket, &result, world->now);
    s_settle(world);
    seen_t seen = s_see(world, &id);
    assert_int_equal(seen.attempt->retry_after, world->now + 10000);
    hf_arena_destroy(&seen.arena);
    s_teardown(world);
}

static void a_url_is_filled_from_the_body(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    s_ordered(world, "t", "{\"instance\":\"i 1/2\"}");
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_string_equal(request->url, "http://third.example/i%201%2F2/stop");
    s_ordered(world, "t", "{\"instance\":7}");
    request = hf_call_take(world->call);
    assert_string_equal(request->url, "http://third.example/7/stop");
    s_teardown(world);
}

static void what_can_never_be_called_is_rejected_without_a_call(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t ids[] = {s_ordered(world, "gone", "{}"), s_ordered(world, "t", "{}"),
                     s_ordered(world, "t", "no JSON")};
    assert_null(hf_call_take(world->call));
    s_settle(world);
    s_assert_state(world, &ids[0], HF_STATE_DECIDING, "no destination gone is configured any more");
    s_assert_state(world, &ids[1], HF_STATE_DECIDING,
                   "the url cannot be made: the body has no field 'instance'");
    seen_t seen = s_see(world, &ids[2]);
    assert_int_equal(seen.class, HF_CLASS_REJECTED);
    hf_arena_destroy(&seen.arena);
    assert_int_equal(s_says(world, "rejected"), 3);
    assert_int_equal(s_says(world, "calls"), 0);
    assert_true(hf_call_is_quiet(world->call));
    s_teardown(world);
}

static void a_url_beyond_all_measure_is_rejected(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_buf_t body = {0};
    hf_buf_addf(&body, "{\"instance\":\"");
    memset(hf_buf_extend(&body, HF_CALL_URL_MAX), 'x', HF_CALL_URL_MAX);
    hf_buf_addf(&body, "\"}");
    hf_id_t id = s_ordered(world, "t", (const char *)body.data);
    assert_null(hf_call_take(world->call));
    s_settle(world);
    seen_t seen = s_see(world, &id);
    assert_int_equal(seen.class, HF_CLASS_REJECTED);
    hf_arena_destroy(&seen.arena);
    hf_buf_free(&body);
    s_teardown(world);
}

static void get_sends_no_body_and_delete_does(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    strcpy(world->destination->method, "GET");
    s_ordered(world, "d", "body");
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_int_equal(request->body_size, 0);
    assert_false(s_sends(request, "Content-Type: application/json"));
    s_teardown(world);

    world = s_setup();
    free(world->destination->method);
    world->destination->method = hf_strdup("DELETE");
    s_ordered(world, "d", "body");
    request = hf_call_take(world->call);
    assert_int_equal(request->body_size, 4);
    assert_true(s_sends(request, "Content-Type: application/json"));
    s_teardown(world);
}

static void the_destinations_own_content_type_and_agent_win(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    free(world->destination->headers[0]);
    free(world->destination->headers[1]);
    world->destination->headers[0] = hf_strdup("content-type: text/own");
    world->destination->headers[1] = hf_strdup("USER-AGENT: own");
    s_ordered(world, "d", "{}");
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_true(s_sends(request, "content-type: text/own"));
    assert_true(s_sends(request, "USER-AGENT: own"));
    assert_int_equal(s_count(request), 4);
    s_teardown(world);
}

static void what_would_break_a_header_is_never_sent(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    s_settle(world);
    Hf__Command command = HF__COMMAND__INIT;
    command.destination = (char *)"d";
    command.content_type = (char *)"a\r\nX-Evil: 1";
    hf_id_t evil = s_submit_as(world, &command);
    command.content_type = (char *)"";
    command.traceparent = (char *)"a\nb";
    command.tracestate = (char *)"c";
    hf_id_t odd = s_submit_as(world, &command);
    s_settle(world);
    s_start(world, &evil, 1);
    s_start(world, &odd, 1);
    s_settle(world);
    s_order(world, &evil, 1);
    s_order(world, &odd, 1);
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_int_equal(s_count(request), 5); //  Key, attempt, agent and the destination's two
    assert_null(hf_call_take(world->call));
    s_settle(world);
    s_assert_state(world, &evil, HF_STATE_DECIDING, "its Content-Type cannot be sent in a header");
    s_teardown(world);
}

static void doubled_and_late_orders_make_no_second_request(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t id = s_ordered(world, "d", "{}");
    s_order(world, &id, 1); //  Queued
    const hf_call_request_t *request = hf_call_take(world->call);
    s_order(world, &id, 1); //  Being called
    assert_null(hf_call_take(world->call));
    s_answer(world, request, 200);
    s_order(world, &id, 1); //  Outcome under way
    assert_null(hf_call_take(world->call));
    assert_int_equal(s_says(world, "doubled"), 3);
    s_settle(world);
    s_order(world, &id, 1); //  Over: the file says so
    assert_null(hf_call_take(world->call));
    assert_int_equal(s_says(world, "unfounded"), 1);
    assert_int_equal(s_says(world, "calls"), 1);
    assert_true(hf_call_is_quiet(world->call));
    s_assert_state(world, &id, HF_STATE_SUCCEEDED, "answered 200 OK");
    s_teardown(world);
}

static void orders_that_the_file_does_not_bear_out_are_dropped(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    s_settle(world);
    hf_id_t unknown = hf_id_make(&world->ids, world->now);
    hf_id_t unstarted = s_submit(world, "d", "{}");
    hf_id_t started = s_submit(world, "d", "{}");
    s_settle(world);
    s_start(world, &started, 1);
    s_settle(world);
    s_order(world, &unknown, 1);
    s_order(world, &unstarted, 1);
    s_order(world, &started, 2);
    assert_null(hf_call_take(world->call));
    assert_int_equal(s_says(world, "unfounded"), 3);
    s_order_from(world, &started, 1, s_epoch(world) - 1);
    s_order_from(world, &started, 1, s_epoch(world) + 1);
    assert_null(hf_call_take(world->call));
    assert_int_equal(s_says(world, "outdated"), 2);
    s_order(world, &started, 1);
    assert_non_null(hf_call_take(world->call));
    s_teardown(world);
}

//  Dispatch hears of a caller's epoch from the journal's beats: it may know it before the caller does.
static void an_order_that_comes_before_the_epoch_waits_for_it(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    s_settle(world);
    hf_id_t id = s_submit(world, "d", "{}");
    s_settle(world);
    s_start(world, &id, 1);
    s_settle(world);
    uint64_t earlier = s_epoch(world);
    s_new_call(world, 2);
    world->deaf = true;
    s_settle(world);
    assert_int_equal(s_epoch(world), 0);
    s_order_from(world, &id, 1, earlier);
    s_order_from(world, &id, 1, earlier + 1);
    assert_null(hf_call_take(world->call));
    assert_int_equal(hf_call_in_hand(world->call), 1);
    world->deaf = false;
    s_pass(world, 500);
    assert_int_equal(s_epoch(world), earlier + 1);
    assert_null(hf_call_take(world->call)); //  The file names the earlier life
    assert_int_equal(s_says(world, "unfounded"), 1);

    Hf__Attempt lost = HF__ATTEMPT__INIT;
    lost.number = 1;
    lost.class_ = HF_CLASS_UNCERTAIN;
    lost.lost = true;
    Hf__Outcome outcome = HF__OUTCOME__INIT;
    outcome.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    outcome.caller_epoch = earlier;
    outcome.attempt = &lost;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_OUTCOME;
    proposal.outcome = &outcome;
    assert_true(hf_link_propose(world->client, &proposal, NULL));
    s_settle(world);
    s_retry(world, &id, 1);
    s_settle(world);
    s_start(world, &id, 2);
    s_settle(world);
    s_order(world, &id, 2);
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_non_null(request);
    assert_true(s_sends(request, "Holdfast-Attempt: 2"));
    s_teardown(world);
}

static void a_lost_outcome_and_a_lost_acknowledgement_are_made_good(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t id = s_ordered(world, "d", "{}");
    s_answer(world, hf_call_take(world->call), 200);
    world->mute = true;
    s_settle(world);
    world->mute = false;
    s_assert_state(world, &id, HF_STATE_CALLING, "");
    world->deaf = true;
    s_pass(world, 3000);
    world->deaf = false;
    assert_int_equal(hf_call_in_hand(world->call), 1);
    s_pass(world, 3000);
    assert_int_equal(hf_call_in_hand(world->call), 0);
    seen_t seen = s_see(world, &id);
    assert_int_equal(seen.state, HF_STATE_SUCCEEDED);
    assert_int_equal(seen.entries, 1);
    hf_arena_destroy(&seen.arena);
    s_teardown(world);
}

static void the_next_attempt_may_come_before_the_acknowledgement_of_the_last(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t id = s_ordered(world, "d", "{}");
    s_answer(world, hf_call_take(world->call), 500);
    world->deaf = true;
    s_settle(world);
    s_retry(world, &id, 1);
    s_settle(world);
    s_start(world, &id, 2);
    s_settle(world);
    s_order(world, &id, 2);
    s_order(world, &id, 1);
    assert_int_equal(hf_call_in_hand(world->call), 2);
    const hf_call_request_t *request = hf_call_take(world->call);
    assert_non_null(request);
    assert_true(s_sends(request, "Holdfast-Attempt: 2"));
    world->deaf = false;
    s_pass(world, 3000);
    assert_int_equal(hf_call_in_hand(world->call), 1);
    s_order(world, &id, 2);
    assert_null(hf_call_take(world->call));
    s_answer(world, request, 200);
    s_settle(world);
    assert_true(hf_call_is_quiet(world->call));
    seen_t seen = s_see(world, &id);
    assert_int_equal(seen.state, HF_STATE_SUCCEEDED);
    assert_int_equal(seen.entries, 2);
    hf_arena_destroy(&seen.arena);
    s_teardown(world);
}

static void while_the_link_is_full_results_wait_and_nothing_is_handed_out(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    enum { COUNT = 8 };
    static uint8_t response[20000];
    memset(response, 'r', sizeof response);
    hf_id_t ids[COUNT + 1];
    uint64_t tickets[COUNT];
    for (int i = 0; i < COUNT; i++) {
        ids[i] = s_ordered(world, "d", "{}");
        tickets[i] = hf_call_take(world->call)->ticket;
    }
    ids[COUNT] = s_ordered(world, "d", "{}");
    world->mute = true;
    for (int i = 0; i < COUNT; i++) {
        char trouble[32] = "the cable was cut";
        hf_call_result_t result = {.sent = true,
                                   .broken = true,
                                   .trouble = trouble,
                                   .response = response,
                                   .response_size = sizeof response};
        hf_call_finish(world->call, tickets[i], &result, world->now);
        memset(trouble, '!', sizeof trouble - 1); //  What was given is not used later
    }
    memset(response, '!', sizeof response);
    assert_true(s_says(world, "unacked") < COUNT);
    assert_null(hf_call_take(world->call));
    s_settle(world);
    assert_null(hf_call_take(world->call));
    world->mute = false;
    s_pass(world, 3000);
    assert_int_equal(hf_call_in_hand(world->call), 1);
    assert_non_null(hf_call_take(world->call));
    for (int i = 0; i < COUNT; i++) {
        seen_t seen = s_see(world, &ids[i]);
        assert_string_equal(seen.reason, "the cable was cut; the request was sent");
        assert_int_equal(seen.attempt->response.len, sizeof response);
        assert_int_equal(seen.attempt->response.data[sizeof response - 1], 'r');
        hf_arena_destroy(&seen.arena);
    }
    s_teardown(world);
}

static void stopping_ends_what_flies_and_refuses_what_does_not(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_id_t flying = s_ordered(world, "d", "{}");
    const hf_call_request_t *request = hf_call_take(world->call);
    hf_id_t queued = s_ordered(world, "d", "{}");
    hf_call_stop(world->call);
    assert_null(hf_call_take(world->call));
    hf_id_t late = s_ordered(world, "d", "{}");
    s_settle(world);
    s_assert_state(world, &queued, HF_STATE_DECIDING, "not called: the caller was shutting down");
    s_assert_state(world, &late, HF_STATE_DECIDING, "not called: the caller was shutting down");
    assert_false(hf_call_is_quiet(world->call));
    s_answer(world, request, 204);
    assert_false(hf_call_is_quiet(world->call));
    s_settle(world);
    assert_true(hf_call_is_quiet(world->call));
    s_assert_state(world, &flying, HF_STATE_SUCCEEDED, "answered 204 No Content");
    s_teardown(world);
}

static void a_newer_life_ends_this_one(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_buf_t bytes = {0};
    s_settle(world);
    assert_null(hf_call_ops.failure(world->call));
    Hf__SenderBeat sender = HF__SENDER_BEAT__INIT;
    sender.name = (char *)"call.0";
    sender.epoch = s_epoch(world) + 1;
    Hf__SenderBeat *senders[] = {&sender};
    Hf__Beat beat = HF__BEAT__INIT;
    beat.journal_epoch = hf_journal_epoch(world->journal);
    beat.n_senders = 1;
    beat.senders = senders;
    hf_topic_add(&bytes, "B", NULL);
    hf_buf_pack(&bytes, &beat.base);
    hf_call_ops.receive(world->call, HF_FROM_JOURNAL, bytes.data, bytes.size, world->now);
    hf_call_ops.tick(world->call, world->now);
    assert_string_equal(hf_call_ops.failure(world->call), "a newer life of this actor has taken over");
    hf_buf_free(&bytes);
    s_teardown(world);
}

static void a_damaged_record_ends_its_attempt_not_the_caller(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_error_t error;
    s_settle(world);
    hf_id_t id = hf_id_make(&world->ids, world->now);
    Hf__State state = HF__STATE__INIT; //  A state without its command
    state.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    state.state = HF_STATE_CALLING;
    state.attempt = 1;
    state.pipeline = (char *)"p";
    state.destination = (char *)"d";
    state.caller = (char *)"call.0";
    state.caller_epoch = s_epoch(world);
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_state(world->store, NULL, &state, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    s_order(world, &id, 1);
    assert_null(hf_call_take(world->call));
    s_settle(world);
    assert_null(hf_call_ops.failure(world->call));
    s_assert_state(world, &id, HF_STATE_DECIDING, "its record is missing; run `holdfast journal verify`");
    s_teardown(world);
}

static void bytes_that_are_no_message_are_counted(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    hf_rng_t rng = {.seed = 7};
    s_settle(world);
    for (int i = 0; i < 2000; i++) {
        uint8_t junk[64];
        size_t size = hf_rng_below(&rng, sizeof junk + 1);
        for (size_t place = 0; place < size; place++) {
            junk[place] = (uint8_t)hf_rng_next(&rng);
        }
        hf_call_ops.receive(world->call, i % 2 ? HF_FROM_DISPATCH : HF_FROM_JOURNAL, junk, size, world->now);
    }
    hf_id_t id = {{0}};
    s_order(world, &id, 0);
    s_order_from(world, &id, 1, 0);
    assert_true(s_says(world, "foreign") > 1000);
    assert_int_equal(hf_call_in_hand(world->call), 0);
    hf_id_t sound = s_ordered(world, "d", "{}");
    s_answer(world, hf_call_take(world->call), 200);
    s_settle(world);
    s_assert_state(world, &sound, HF_STATE_SUCCEEDED, "answered 200 OK");
    s_teardown(world);
}

//  Requests, results and orders in any order, with losses: every started attempt ends as exactly one entry of
//  its history.
static void many_attempts_in_any_order_each_end_once(void **unused) {
    (void)unused;
    world_t *world = s_setup();
    enum { COUNT = 300 };
    hf_rng_t rng = {.seed = 11};
    hf_id_t ids[COUNT];
    uint64_t tickets[COUNT];
    size_t flying = 0, done = 0;
    s_settle(world);
    for (int i = 0; i < COUNT; i++) {
        ids[i] = s_submit(world, "d", "{\"some\":\"body\"}");
    }
    s_settle(world);
    for (int i = 0; i < COUNT; i++) {
        s_start(world, &ids[i], 1);
    }
    s_settle(world);
    while (done < COUNT) {
        const hf_call_request_t *request;
        for (int i = 0; i < 20; i++) {
            s_order(world, &ids[hf_rng_below(&rng, COUNT)], 1);
        }
        while ((request = hf_call_take(world->call))) {
            tickets[flying++] = request->ticket;
        }
        while (flying > hf_rng_below(&rng, 40)) {
            size_t place = hf_rng_below(&rng, flying);
            hf_call_result_t result = {.connected = true, .sent = true, .answered = true, .status = 200};
            hf_call_finish(world->call, tickets[place], &result, world->now);
            tickets[place] = tickets[--flying];
            done++;
        }
        world->deaf = hf_rng_below(&rng, 4) == 0;
        world->mute = hf_rng_below(&rng, 4) == 0;
        s_pass(world, 250);
    }
    world->deaf = world->mute = false;
    s_pass(world, 5000);
    assert_int_equal(s_says(world, "calls"), COUNT);
    assert_true(hf_call_is_quiet(world->call));
    for (int i = 0; i < COUNT; i++) {
        seen_t seen = s_see(world, &ids[i]);
        assert_int_equal(seen.state, HF_STATE_SUCCEEDED);
        assert_int_equal(seen.entries, 1);
        hf_arena_destroy(&seen.arena);
    }
    s_teardown(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_becomes_a_request),
        cmocka_unit_test(an_answer_becomes_an_outcome),
        cmocka_unit_test(a_date_in_retry_after_goes_by_the_wall_clock),
        cmocka_unit_test(a_url_is_filled_from_the_body),
        cmocka_unit_test(what_can_never_be_called_is_rejected_without_a_call),
        cmocka_unit_test(a_url_beyond_all_measure_is_rejected),
        cmocka_unit_test(get_sends_no_body_and_delete_does),
        cmocka_unit_test(the_destinations_own_content_type_and_agent_win),
        cmocka_unit_test(what_would_break_a_header_is_never_sent),
        cmocka_unit_test(doubled_and_late_orders_make_no_second_request),
        cmocka_unit_test(orders_that_the_file_does_not_bear_out_are_dropped),
        cmocka_unit_test(an_order_that_comes_before_the_epoch_waits_for_it),
        cmocka_unit_test(a_lost_outcome_and_a_lost_acknowledgement_are_made_good),
        cmocka_unit_test(the_next_attempt_may_come_before_the_acknowledgement_of_the_last),
        cmocka_unit_test(while_the_link_is_full_results_wait_and_nothing_is_handed_out),
        cmocka_unit_test(stopping_ends_what_flies_and_refuses_what_does_not),
        cmocka_unit_test(a_newer_life_ends_this_one),
        cmocka_unit_test(a_damaged_record_ends_its_attempt_not_the_caller),
        cmocka_unit_test(bytes_that_are_no_message_are_counted),
        cmocka_unit_test(a_success_frees_its_place_at_once_and_a_failure_does_not),
        cmocka_unit_test(what_became_of_a_call_is_asked_with_a_get),
        cmocka_unit_test(many_attempts_in_any_order_each_end_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
