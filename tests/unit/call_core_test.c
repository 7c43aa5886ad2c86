/*  The call core against a real journal core and a real file, told step by step. The test is dispatch, the
 * third party and the network: it carries every envelope itself, or loses it.  */

#include "call/call_core.h"
#include "unit/journal_world.h"

typedef struct {
    world_t *world;                //  Journal, file, destination "d", templated "t", pipeline "p"
    hf_destination_t *destination; //  "d", to be changed by a story
    actor_t *actor;                //  call.0 in it
    hf_call_t *call;               //  Its present life
    peer_t client;                 //  Stands for ingress and dispatch
    size_t ended;                  //  Attempts of which dispatch was told that their places are free
    uint64_t ended_epoch;          //  In which life
} story_t;

enum { LINK_BYTES = 64 << 10 }; //  Small, so that a story can fill it

//  What dispatch is told.
static void s_hear_ended(void *context, const hf_envelope_t *envelope) {
    story_t *story = context;
    Hf__Attempts *message = hf__attempts__unpack(NULL, envelope->size, envelope->data);
    assert_int_equal(envelope->to, HF_TO_DISPATCH);
    assert_non_null(message);
    story->ended_epoch = message->caller_epoch;
    story->ended += message->n_orders;
    hf__attempts__free_unpacked(message, NULL);
}

static void s_new_call(story_t *story) {
    hf_core_setup_t setup = w_next_setup(story->actor);
    hf_call_destroy(&story->call);
    story->actor->core = story->call = hf_call_new_within(&setup, LINK_BYTES);
}

static story_t *s_setup(void) {
    story_t *story = hf_alloc(sizeof *story);
    story->world = w_new(MAP);
    w_configure(story->world, "destination = d\n"
                              "    url = \"http://third.example/stop?key=secret\"\n"
                              "    header = \"Authorization: Bearer secret\"\n"
                              "    header = \"X-Team: blue\"\n"
                              "destination = t\n"
                              "    url = \"http://third.example/{instance}/stop\"\n"
                              "pipeline = p\n"
                              "    destination = d\n"
                              "pipeline = templated\n"
                              "    destination = t\n");
    story->destination = story->world->config->destinations[0];
    story->world->on_said = s_hear_ended;
    story->world->on_said_context = story;
    story->actor = w_join(story->world, "call.0");
    story->call = story->actor->core;
    s_new_call(story);
    story->client = w_peer(story->world, "client", 1);
    return story;
}

static void s_teardown(story_t *story) {
    w_destroy(story->world);
    free(story);
}

//  Lets everything that is under way arrive, at one time.
static void s_settle(story_t *story) {
    w_rounds(story->world, 8);
}

//  Time goes by, with the journal's beats.
static void s_pass(story_t *story, int64_t ms) {
    w_pass(story->world, ms);
}

//  ---- what people and dispatch do

static void s_propose(story_t *story, Hf__Proposal *proposal) {
    assert_done(story->world, &story->client, proposal);
    w_clear(story->world);
}

//  With the body and headers of a command, if there is one.
static hf_id_t s_submit_as(story_t *story, const Hf__Command *like) {
    hf_id_t id;
    Hf__Proposal *submit = w_submit(story->world, &id);
    Hf__Command *command = submit->submit->command;
    command->destination = like->destination;
    command->body = like->body;
    command->content_type = like->content_type;
    command->traceparent = like->traceparent;
    command->tracestate = like->tracestate;
    s_propose(story, submit);
    return id;
}

static hf_id_t s_submit(story_t *story, const char *destination, const char *body) {
    Hf__Command command = HF__COMMAND__INIT;
    command.destination = (char *)destination;
    command.body = (ProtobufCBinaryData){strlen(body), (uint8_t *)body};
    command.content_type = (char *)"application/json";
    return s_submit_as(story, &command);
}

static int64_t s_says(story_t *story, const char *name) {
    return w_says(story->actor, name);
}

static uint64_t s_epoch(story_t *story) {
    return (uint64_t)s_says(story, "epoch");
}

static void s_start(story_t *story, const hf_id_t *id, uint32_t attempt) {
    s_propose(story, w_start(story->world, id, attempt, s_epoch(story)));
}

static void s_propose_again(story_t *story, const hf_id_t *id, uint32_t attempt, bool inquire) {
    Hf__Proposal *verdict = w_verdict(story->world, id, attempt, HF_EVENT_RETRY_AT);
    verdict->verdict->due = story->world->now;
    verdict->verdict->inquire = inquire;
    s_propose(story, verdict);
}

//  An attempt failed, and the next is due at once.
static void s_retry(story_t *story, const hf_id_t *id, uint32_t attempt) {
    s_propose_again(story, id, attempt, false);
}

//  Its outcome is unknown, and the next one, due at once, asks what became of it.
static void s_ask_again(story_t *story, const hf_id_t *id, uint32_t attempt) {
    s_propose_again(story, id, attempt, true);
}

static void s_order_from(story_t *story, const hf_id_t *id, uint32_t attempt, uint64_t epoch) {
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
    hf_call_ops.receive(story->call, HF_FROM_DISPATCH, bytes.data, bytes.size, story->world->now);
    hf_buf_free(&bytes);
}

static void s_order(story_t *story, const hf_id_t *id, uint32_t attempt) {
    s_order_from(story, id, attempt, s_epoch(story));
}

//  An attempt has durably started, and is ordered.
static void s_begin(story_t *story, const hf_id_t *id, uint32_t attempt) {
    s_settle(story);
    s_start(story, id, attempt);
    s_settle(story);
    s_order(story, id, attempt);
}

//  Submitted, started, ordered.
static hf_id_t s_ordered(story_t *story, const char *destination, const char *body) {
    s_settle(story);
    hf_id_t id = s_submit(story, destination, body);
    s_begin(story, &id, 1);
    return id;
}

static void s_answer(story_t *story, const hf_call_request_t *request, int status) {
    hf_call_result_t result = {.connected = true, .sent = true, .answered = true, .status = status};
    hf_call_finish(story->call, request->ticket, &result, story->world->now);
}

//  What the file says, until the next round.
typedef struct {
    const Hf__State *state;     //  Of the command
    const Hf__Attempt *attempt; //  The newest entry of its history, or NULL
} seen_t;

static seen_t s_see(story_t *story, const hf_id_t *id) {
    seen_t seen = {.state = w_state(story->world, id)};
    if (seen.state->entries) {
        seen.attempt = w_history(story->world, id, seen.state->entries - 1)->attempt;
    }
    return seen;
}

static void s_assert_state(story_t *story, const hf_id_t *id, hf_state_t state, const char *reason) {
    seen_t seen = s_see(story, id);
    assert_string_equal(seen.state->reason, reason);
    assert_int_equal(seen.state->state, state);
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

static hf_id_t s_ordered_with_everything(story_t *story) {
    s_settle(story);
    Hf__Command command = HF__COMMAND__INIT;
    command.destination = (char *)"d";
    command.body = (ProtobufCBinaryData){5, (uint8_t *)"a\0b\nc"};
    command.content_type = (char *)"text/x-odd; charset=utf-8";
    command.traceparent = (char *)"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    command.tracestate = (char *)"vendor=1";
    hf_id_t id = s_submit_as(story, &command);
    s_begin(story, &id, 1);
    return id;
}

static void an_order_becomes_a_request(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t id = s_ordered_with_everything(story);
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_non_null(request);
    assert_null(hf_call_take(story->call));
    assert_ptr_equal(request->destination, story->destination);
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
    s_teardown(story);
}

static void an_answer_becomes_an_outcome(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t id = s_ordered_with_everything(story);
    const hf_call_request_t *request = hf_call_take(story->call);
    story->world->now += 40;
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
    hf_call_finish(story->call, request->ticket, &result, story->world->now);
    assert_int_equal(hf_call_in_hand(story->call), 1);
    s_settle(story);
    assert_int_equal(hf_call_in_hand(story->call), 0);
    assert_true(hf_call_is_quiet(story->call));

    seen_t seen = s_see(story, &id);
    assert_int_equal(seen.state->state, HF_STATE_DECIDING);
    assert_int_equal(seen.state->class_, HF_CLASS_FAILED);
    assert_string_equal(seen.state->reason, "answered 503 Service Unavailable");
    assert_int_equal(seen.attempt->number, 1);
    assert_int_equal(seen.attempt->http_status, 503);
    assert_int_equal(seen.attempt->started_at, story->world->now - 40);
    assert_int_equal(seen.attempt->retry_after, story->world->now + 7000);
    assert_string_equal(seen.attempt->response_type, "text/plain; a=\"???\"");
    assert_int_equal(seen.attempt->response.len, 5);
    assert_memory_equal(seen.attempt->response.data, "later", 5);
    assert_true(seen.attempt->response_cut);
    assert_true(seen.attempt->connected_anew);
    assert_string_equal(seen.attempt->caller, "call.0");
    assert_int_equal(seen.attempt->dns_us, 1);
    assert_int_equal(seen.attempt->total_us, 5);
    s_teardown(story);
}

//  What follows from a failure has to be heard before the next call takes its place.
static void a_success_frees_its_place_at_once_and_a_failure_does_not(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_call_result_t result = {.connected = true, .sent = true, .answered = true, .status = 503};
    s_ordered_with_everything(story);
    hf_call_finish(story->call, hf_call_take(story->call)->ticket, &result, story->world->now);
    s_settle(story);
    assert_int_equal(story->ended, 0);
    story->actor->mute = false;
    result.status = 204;
    s_ordered_with_everything(story);
    story->actor->mute = true;
    hf_call_finish(story->call, hf_call_take(story->call)->ticket, &result, story->world->now);
    s_settle(story);
    assert_int_equal(story->ended, 1);
    assert_true(story->ended_epoch > 0);
    assert_int_equal(hf_call_in_hand(story->call), 1);
    s_teardown(story);
}

//  A third party that answers faster than the disk writes: how much is called and not durable stays small.
static void places_wait_for_a_journal_that_does_not_keep_up(void **unused) {
    (void)unused;
    enum { SIZE = 40 };
    story_t *story = s_setup();
    hf_id_t ids[SIZE];
    for (int i = 0; i < SIZE; i++) {
        ids[i] = s_ordered(story, "d", "{}");
    }
    story->actor->mute = true;
    for (int i = 0; i < SIZE; i++) {
        s_answer(story, hf_call_take(story->call), 200);
    }
    s_settle(story);
    assert_in_range(story->ended, 1, SIZE / 2); //  A sixty-fourth of LINK_BYTES
    story->actor->mute = false;
    w_pass(story->world, 3000);
    for (int i = 0; i < SIZE; i++) {
        assert_state(story->world, &ids[i], HF_STATE_SUCCEEDED);
    }
    assert_int_equal(hf_call_in_hand(story->call), 0);
    s_teardown(story);
}

static void what_became_of_a_call_is_asked_with_a_get(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    char id[HF_ID_TEXT], key[64], url[128];
    story->destination->probe = hf_template_new("http://third.example/{instance}/{" HF_TEMPLATE_ID "}", NULL);
    hf_id_t command = s_ordered(story, "d", "{\"instance\":\"i-1\"}");
    hf_call_result_t broken = {.connected = true, .sent = true, .broken = true, .timed_out = true};
    hf_call_finish(story->call, hf_call_take(story->call)->ticket, &broken, story->world->now);
    s_settle(story);
    s_ask_again(story, &command, 1);
    s_begin(story, &command, 2);
    const hf_call_request_t *request = hf_call_take(story->call);
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
    s_answer(story, request, 503);
    s_settle(story);
    s_assert_state(story, &command, HF_STATE_DECIDING,
                   "asked what became of it: answered 503 Service Unavailable");
    s_teardown(story);
}

static void a_date_in_retry_after_goes_by_the_wall_clock(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t id = s_ordered(story, "d", "{}");
    hf_call_result_t result = {.connected = true,
                               .sent = true,
                               .answered = true,
                               .status = 429,
                               .wall_ms = INT64_C(784111777000),
                               .retry_after = "Sun, 06 Nov 1994 08:49:47 GMT"};
    hf_call_finish(story->call, hf_call_take(story->call)->ticket, &result, story->world->now);
    s_settle(story);
    seen_t seen = s_see(story, &id);
    assert_int_equal(seen.attempt->retry_after, story->world->now + 10000);
    s_teardown(story);
}

static void a_url_is_filled_from_the_body(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    s_ordered(story, "t", "{\"instance\":\"i 1/2\"}");
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_string_equal(request->url, "http://third.example/i%201%2F2/stop");
    s_ordered(story, "t", "{\"instance\":7}");
    request = hf_call_take(story->call);
    assert_string_equal(request->url, "http://third.example/7/stop");
    s_teardown(story);
}

static void what_can_never_be_called_is_rejected_without_a_call(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t ids[] = {s_ordered(story, "gone", "{}"), s_ordered(story, "t", "{}"),
                     s_ordered(story, "t", "no JSON")};
    assert_null(hf_call_take(story->call));
    s_settle(story);
    s_assert_state(story, &ids[0], HF_STATE_DECIDING, "no destination gone is configured any more");
    s_assert_state(story, &ids[1], HF_STATE_DECIDING,
                   "the url cannot be made: the body has no field 'instance'");
    seen_t seen = s_see(story, &ids[2]);
    assert_int_equal(seen.state->class_, HF_CLASS_REJECTED);
    assert_int_equal(s_says(story, "rejected"), 3);
    assert_int_equal(s_says(story, "calls"), 0);
    assert_true(hf_call_is_quiet(story->call));
    s_teardown(story);
}

static void a_url_beyond_all_measure_is_rejected(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_buf_t body = {0};
    hf_buf_addf(&body, "{\"instance\":\"");
    memset(hf_buf_extend(&body, HF_CALL_URL_MAX), 'x', HF_CALL_URL_MAX);
    hf_buf_addf(&body, "\"}");
    hf_id_t id = s_ordered(story, "t", (const char *)body.data);
    assert_null(hf_call_take(story->call));
    s_settle(story);
    seen_t seen = s_see(story, &id);
    assert_int_equal(seen.state->class_, HF_CLASS_REJECTED);
    hf_buf_free(&body);
    s_teardown(story);
}

static void get_sends_no_body_and_delete_does(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    strcpy(story->destination->method, "GET");
    s_ordered(story, "d", "body");
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_int_equal(request->body_size, 0);
    assert_false(s_sends(request, "Content-Type: application/json"));
    s_teardown(story);

    story = s_setup();
    free(story->destination->method);
    story->destination->method = hf_strdup("DELETE");
    s_ordered(story, "d", "body");
    request = hf_call_take(story->call);
    assert_int_equal(request->body_size, 4);
    assert_true(s_sends(request, "Content-Type: application/json"));
    s_teardown(story);
}

static void the_destinations_own_content_type_and_agent_win(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    free(story->destination->headers[0]);
    free(story->destination->headers[1]);
    story->destination->headers[0] = hf_strdup("content-type: text/own");
    story->destination->headers[1] = hf_strdup("USER-AGENT: own");
    s_ordered(story, "d", "{}");
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_true(s_sends(request, "content-type: text/own"));
    assert_true(s_sends(request, "USER-AGENT: own"));
    assert_int_equal(s_count(request), 4);
    s_teardown(story);
}

static void what_would_break_a_header_is_never_sent(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    s_settle(story);
    Hf__Command command = HF__COMMAND__INIT;
    command.destination = (char *)"d";
    command.content_type = (char *)"a\r\nX-Evil: 1";
    hf_id_t evil = s_submit_as(story, &command);
    command.content_type = (char *)"";
    command.traceparent = (char *)"a\nb";
    command.tracestate = (char *)"c";
    hf_id_t odd = s_submit_as(story, &command);
    s_settle(story);
    s_start(story, &evil, 1);
    s_start(story, &odd, 1);
    s_settle(story);
    s_order(story, &evil, 1);
    s_order(story, &odd, 1);
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_int_equal(s_count(request), 5); //  Key, attempt, agent and the destination's two
    assert_null(hf_call_take(story->call));
    s_settle(story);
    s_assert_state(story, &evil, HF_STATE_DECIDING, "its Content-Type cannot be sent in a header");
    s_teardown(story);
}

static void doubled_and_late_orders_make_no_second_request(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t id = s_ordered(story, "d", "{}");
    s_order(story, &id, 1); //  Queued
    const hf_call_request_t *request = hf_call_take(story->call);
    s_order(story, &id, 1); //  Being called
    assert_null(hf_call_take(story->call));
    s_answer(story, request, 200);
    s_order(story, &id, 1); //  Outcome under way
    assert_null(hf_call_take(story->call));
    assert_int_equal(s_says(story, "doubled"), 3);
    s_settle(story);
    s_order(story, &id, 1); //  Over: the file says so
    assert_null(hf_call_take(story->call));
    assert_int_equal(s_says(story, "unfounded"), 1);
    assert_int_equal(s_says(story, "calls"), 1);
    assert_true(hf_call_is_quiet(story->call));
    s_assert_state(story, &id, HF_STATE_SUCCEEDED, "answered 200 OK");
    s_teardown(story);
}

static void orders_that_the_file_does_not_bear_out_are_dropped(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    s_settle(story);
    hf_id_t unknown = hf_id_make(&story->world->ids, story->world->now);
    hf_id_t unstarted = s_submit(story, "d", "{}");
    hf_id_t started = s_submit(story, "d", "{}");
    s_settle(story);
    s_start(story, &started, 1);
    s_settle(story);
    s_order(story, &unknown, 1);
    s_order(story, &unstarted, 1);
    s_order(story, &started, 2);
    assert_null(hf_call_take(story->call));
    assert_int_equal(s_says(story, "unfounded"), 3);
    s_order_from(story, &started, 1, s_epoch(story) - 1);
    s_order_from(story, &started, 1, s_epoch(story) + 1);
    assert_null(hf_call_take(story->call));
    assert_int_equal(s_says(story, "outdated"), 2);
    s_order(story, &started, 1);
    assert_non_null(hf_call_take(story->call));
    s_teardown(story);
}

//  Dispatch hears of a caller's epoch from the journal's beats: it may know it before the caller does.
static void an_order_that_comes_before_the_epoch_waits_for_it(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    s_settle(story);
    hf_id_t id = s_submit(story, "d", "{}");
    s_settle(story);
    s_start(story, &id, 1);
    s_settle(story);
    uint64_t earlier = s_epoch(story);
    s_new_call(story);
    story->actor->deaf = true;
    s_settle(story);
    assert_int_equal(s_epoch(story), 0);
    s_order_from(story, &id, 1, earlier);
    s_order_from(story, &id, 1, earlier + 1);
    assert_null(hf_call_take(story->call));
    assert_int_equal(hf_call_in_hand(story->call), 1);
    story->actor->deaf = false;
    s_pass(story, 500);
    assert_int_equal(s_epoch(story), earlier + 1);
    assert_null(hf_call_take(story->call)); //  The file names the earlier life
    assert_int_equal(s_says(story, "unfounded"), 1);

    Hf__Proposal *outcome = w_outcome(story->world, &id, 1, earlier, HF_CLASS_UNCERTAIN);
    outcome->outcome->attempt->lost = true;
    s_propose(story, outcome);
    s_settle(story);
    s_retry(story, &id, 1);
    s_begin(story, &id, 2);
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_non_null(request);
    assert_true(s_sends(request, "Holdfast-Attempt: 2"));
    s_teardown(story);
}

static void a_lost_outcome_and_a_lost_acknowledgement_are_made_good(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t id = s_ordered(story, "d", "{}");
    s_answer(story, hf_call_take(story->call), 200);
    story->actor->mute = true;
    s_settle(story);
    story->actor->mute = false;
    s_assert_state(story, &id, HF_STATE_CALLING, "");
    story->actor->deaf = true;
    s_pass(story, 3000);
    story->actor->deaf = false;
    assert_int_equal(hf_call_in_hand(story->call), 1);
    s_pass(story, 3000);
    assert_int_equal(hf_call_in_hand(story->call), 0);
    seen_t seen = s_see(story, &id);
    assert_int_equal(seen.state->state, HF_STATE_SUCCEEDED);
    assert_int_equal(seen.state->entries, 1);
    s_teardown(story);
}

static void the_next_attempt_may_come_before_the_acknowledgement_of_the_last(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t id = s_ordered(story, "d", "{}");
    s_answer(story, hf_call_take(story->call), 500);
    story->actor->deaf = true;
    s_settle(story);
    s_retry(story, &id, 1);
    s_begin(story, &id, 2);
    s_order(story, &id, 1);
    assert_int_equal(hf_call_in_hand(story->call), 2);
    const hf_call_request_t *request = hf_call_take(story->call);
    assert_non_null(request);
    assert_true(s_sends(request, "Holdfast-Attempt: 2"));
    story->actor->deaf = false;
    s_pass(story, 3000);
    assert_int_equal(hf_call_in_hand(story->call), 1);
    s_order(story, &id, 2);
    assert_null(hf_call_take(story->call));
    s_answer(story, request, 200);
    s_settle(story);
    assert_true(hf_call_is_quiet(story->call));
    seen_t seen = s_see(story, &id);
    assert_int_equal(seen.state->state, HF_STATE_SUCCEEDED);
    assert_int_equal(seen.state->entries, 2);
    s_teardown(story);
}

static void while_the_link_is_full_results_wait_and_nothing_is_handed_out(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    enum { COUNT = 8 };
    static uint8_t response[20000];
    memset(response, 'r', sizeof response);
    hf_id_t ids[COUNT + 1];
    uint64_t tickets[COUNT];
    for (int i = 0; i < COUNT; i++) {
        ids[i] = s_ordered(story, "d", "{}");
        tickets[i] = hf_call_take(story->call)->ticket;
    }
    ids[COUNT] = s_ordered(story, "d", "{}");
    story->actor->mute = true;
    for (int i = 0; i < COUNT; i++) {
        char trouble[32] = "the cable was cut";
        hf_call_result_t result = {.sent = true,
                                   .broken = true,
                                   .trouble = trouble,
                                   .response = response,
                                   .response_size = sizeof response};
        hf_call_finish(story->call, tickets[i], &result, story->world->now);
        memset(trouble, '!', sizeof trouble - 1); //  What was given is not used later
    }
    memset(response, '!', sizeof response);
    assert_true(s_says(story, "unacked") < COUNT);
    assert_null(hf_call_take(story->call));
    s_settle(story);
    assert_null(hf_call_take(story->call));
    story->actor->mute = false;
    s_pass(story, 3000);
    assert_int_equal(hf_call_in_hand(story->call), 1);
    assert_non_null(hf_call_take(story->call));
    for (int i = 0; i < COUNT; i++) {
        seen_t seen = s_see(story, &ids[i]);
        assert_string_equal(seen.state->reason, "the cable was cut; the request was sent");
        assert_int_equal(seen.attempt->response.len, sizeof response);
        assert_int_equal(seen.attempt->response.data[sizeof response - 1], 'r');
    }
    s_teardown(story);
}

static void stopping_ends_what_flies_and_refuses_what_does_not(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_id_t flying = s_ordered(story, "d", "{}");
    const hf_call_request_t *request = hf_call_take(story->call);
    hf_id_t queued = s_ordered(story, "d", "{}");
    hf_call_stop(story->call);
    assert_null(hf_call_take(story->call));
    hf_id_t late = s_ordered(story, "d", "{}");
    s_settle(story);
    s_assert_state(story, &queued, HF_STATE_DECIDING, "not called: the caller was shutting down");
    s_assert_state(story, &late, HF_STATE_DECIDING, "not called: the caller was shutting down");
    assert_false(hf_call_is_quiet(story->call));
    s_answer(story, request, 204);
    assert_false(hf_call_is_quiet(story->call));
    s_settle(story);
    assert_true(hf_call_is_quiet(story->call));
    s_assert_state(story, &flying, HF_STATE_SUCCEEDED, "answered 204 No Content");
    s_teardown(story);
}

static void a_newer_life_ends_this_one(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_buf_t bytes = {0};
    s_settle(story);
    assert_null(hf_call_ops.failure(story->call));
    Hf__SenderBeat sender = HF__SENDER_BEAT__INIT;
    sender.name = (char *)"call.0";
    sender.epoch = s_epoch(story) + 1;
    Hf__SenderBeat *senders[] = {&sender};
    Hf__Beat beat = HF__BEAT__INIT;
    beat.journal_epoch = hf_journal_epoch(story->world->journal);
    beat.n_senders = 1;
    beat.senders = senders;
    hf_topic_add(&bytes, "B", NULL);
    hf_buf_pack(&bytes, &beat.base);
    hf_call_ops.receive(story->call, HF_FROM_JOURNAL, bytes.data, bytes.size, story->world->now);
    hf_call_ops.tick(story->call, story->world->now);
    assert_string_equal(hf_call_ops.failure(story->call), "a newer life of this actor has taken over");
    hf_buf_free(&bytes);
    s_teardown(story);
}

static void a_damaged_record_ends_its_attempt_not_the_caller(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_error_t error;
    s_settle(story);
    hf_id_t id = hf_id_make(&story->world->ids, story->world->now);
    Hf__State state = HF__STATE__INIT; //  A state without its command
    state.id = (ProtobufCBinaryData){HF_ID_SIZE, id.bytes};
    state.state = HF_STATE_CALLING;
    state.attempt = 1;
    state.pipeline = (char *)"p";
    state.destination = (char *)"d";
    state.caller = (char *)"call.0";
    state.caller_epoch = s_epoch(story);
    assert_int_equal(hf_store_begin_write(story->world->store, &error), 0);
    assert_int_equal(hf_store_put_state(story->world->store, NULL, &state, &error), 0);
    assert_int_equal(hf_store_commit(story->world->store, &error), 0);
    s_order(story, &id, 1);
    assert_null(hf_call_take(story->call));
    s_settle(story);
    assert_null(hf_call_ops.failure(story->call));
    s_assert_state(story, &id, HF_STATE_DECIDING, "its record is missing; run `holdfast journal verify`");
    s_teardown(story);
}

static void bytes_that_are_no_message_are_counted(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    hf_rng_t rng = {.seed = 7};
    s_settle(story);
    for (int i = 0; i < 2000; i++) {
        uint8_t junk[64];
        size_t size = hf_rng_below(&rng, sizeof junk + 1);
        for (size_t place = 0; place < size; place++) {
            junk[place] = (uint8_t)hf_rng_next(&rng);
        }
        hf_call_ops.receive(story->call, i % 2 ? HF_FROM_DISPATCH : HF_FROM_JOURNAL, junk, size,
                            story->world->now);
    }
    hf_id_t id = {{0}};
    s_order(story, &id, 0);
    s_order_from(story, &id, 1, 0);
    assert_true(s_says(story, "foreign") > 1000);
    assert_int_equal(hf_call_in_hand(story->call), 0);
    hf_id_t sound = s_ordered(story, "d", "{}");
    s_answer(story, hf_call_take(story->call), 200);
    s_settle(story);
    s_assert_state(story, &sound, HF_STATE_SUCCEEDED, "answered 200 OK");
    s_teardown(story);
}

//  Requests, results and orders in any order, with losses: every started attempt ends as exactly one entry of
//  its history.
static void many_attempts_in_any_order_each_end_once(void **unused) {
    (void)unused;
    story_t *story = s_setup();
    enum { COUNT = 300 };
    hf_rng_t rng = {.seed = 11};
    hf_id_t ids[COUNT];
    uint64_t tickets[COUNT];
    size_t flying = 0, done = 0;
    s_settle(story);
    for (int i = 0; i < COUNT; i++) {
        ids[i] = s_submit(story, "d", "{\"some\":\"body\"}");
    }
    s_settle(story);
    for (int i = 0; i < COUNT; i++) {
        s_start(story, &ids[i], 1);
    }
    s_settle(story);
    while (done < COUNT) {
        const hf_call_request_t *request;
        for (int i = 0; i < 20; i++) {
            s_order(story, &ids[hf_rng_below(&rng, COUNT)], 1);
        }
        while ((request = hf_call_take(story->call))) {
            tickets[flying++] = request->ticket;
        }
        while (flying > hf_rng_below(&rng, 40)) {
            size_t place = hf_rng_below(&rng, flying);
            hf_call_result_t result = {.connected = true, .sent = true, .answered = true, .status = 200};
            hf_call_finish(story->call, tickets[place], &result, story->world->now);
            tickets[place] = tickets[--flying];
            done++;
        }
        story->actor->deaf = hf_rng_below(&rng, 4) == 0;
        story->actor->mute = hf_rng_below(&rng, 4) == 0;
        s_pass(story, 250);
    }
    story->actor->deaf = story->actor->mute = false;
    s_pass(story, 5000);
    assert_int_equal(s_says(story, "calls"), COUNT);
    assert_true(hf_call_is_quiet(story->call));
    for (int i = 0; i < COUNT; i++) {
        seen_t seen = s_see(story, &ids[i]);
        assert_int_equal(seen.state->state, HF_STATE_SUCCEEDED);
        assert_int_equal(seen.state->entries, 1);
    }
    s_teardown(story);
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
        cmocka_unit_test(places_wait_for_a_journal_that_does_not_keep_up),
        cmocka_unit_test(what_became_of_a_call_is_asked_with_a_get),
        cmocka_unit_test(many_attempts_in_any_order_each_end_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
