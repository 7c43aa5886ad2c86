#include "unit/journal_world.h"
#include "pipeline_file/pipeline_file.h"

#include <jansson.h>
#include <sys/stat.h>

enum { W_ROUNDS = 12 }; //  More than anything needs to arrive

//  ---- beginning and end

void w_remove_dir(const char *dir) {
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

void w_make_dir(char dir[64]) {
    struct stat is;
    snprintf(dir, 64, "%s/holdfast-unit-XXXXXX", stat("/dev/shm", &is) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(dir));
}

void w_new_journal(world_t *world) {
    hf_error_t error = {{0}};
    hf_journal_options_t options = {.keep_ms = W_KEEP_MS};
    hf_journal_destroy(&world->journal);
    world->journal = hf_journal_new(world->store, &options, world->now, &error);
    if (!world->journal) {
        fail_msg("%s", error.text);
    }
}

void w_open(world_t *world, size_t map) {
    hf_error_t error = {{0}};
    hf_store_options_t options = {.writer = true, .volatile_ = true, .map = map};
    world->store = hf_store_open(world->dir, &options, &error);
    if (!world->store) {
        fail_msg("%s", error.text);
    }
    world->reader = hf_store_share(world->store);
}

void w_close(world_t *world) {
    hf_journal_destroy(&world->journal);
    hf_store_close(&world->reader);
    hf_store_close(&world->store);
}

world_t *w_new(size_t map) {
    world_t *world = hf_alloc(sizeof *world);
    w_make_dir(world->dir);
    world->arena = hf_arena_new(1 << 16);
    world->now = W_START_MS;
    w_open(world, map);
    w_new_journal(world);
    return world;
}

void w_destroy(world_t *world) {
    for (size_t i = 0; i < world->cast_size; i++) {
        world->cast[i].player->end(world->cast[i].core);
        hf_store_close(&world->cast[i].store);
    }
    w_close(world);
    hf_config_destroy(&world->config);
    hf_arena_destroy(&world->arena);
    w_remove_dir(world->dir);
    free(world);
}

void w_clear(world_t *world) {
    world->acks_size = world->facts_size = 0;
    world->beat = NULL;
    hf_arena_reset(world->arena);
}

//  ---- hearing

static void s_deliver(world_t *world, const hf_envelope_t *envelope) {
    for (size_t i = 0; i < world->cast_size; i++) {
        actor_t *actor = &world->cast[i];
        if (!actor->deaf && hf_player_hears(actor->player, actor->name, (const char *)envelope->data)) {
            actor->player->ops->receive(actor->core, HF_FROM_JOURNAL, envelope->data, envelope->size,
                                        world->now);
        }
    }
}

static void s_note(world_t *world, const hf_envelope_t *envelope) {
    hf_publication_t publication;
    assert_true(hf_publication_read(&publication, envelope->data, envelope->size, world->arena));
    if (publication.ack) {
        assert_true(world->acks_size < W_ACKS);
        world->acks[world->acks_size++] = publication.ack;
    } else if (publication.beat) {
        world->beat = publication.beat;
    }
    for (size_t i = 0; publication.facts && i < publication.facts->n_facts; i++) {
        assert_true(world->facts_size < W_FACTS);
        world->facts[world->facts_size++] = publication.facts->facts[i];
    }
}

void w_hear(world_t *world) {
    hf_envelope_t envelope;
    while (hf_outbox_take(hf_journal_outbox(world->journal), &envelope)) {
        assert_int_equal(envelope.to, HF_TO_FOLLOWERS);
        s_deliver(world, &envelope);
        s_note(world, &envelope);
        free(envelope.data);
    }
}

void w_commit(world_t *world) {
    hf_error_t error = {{0}};
    if (hf_journal_commit(world->journal, world->now, &error)) {
        fail_msg("%s", error.text);
    }
    w_hear(world);
}

void w_beat(world_t *world) {
    world->now += HF_BEAT_EVERY_MS;
    hf_journal_tick(world->journal, world->now);
    w_hear(world);
}

Hf__Ack *w_last_ack(const world_t *world) {
    assert_true(world->acks_size > 0);
    return world->acks[world->acks_size - 1];
}

//  ---- the cast

void w_configure(world_t *world, const char *text) {
    hf_messages_t messages = {0};
    world->config = hf_pipeline_file_read_text("story.zpl", text, strlen(text), &messages);
    for (size_t i = 0; i < messages.size; i++) {
        print_message("%s\n", messages.texts[i]);
    }
    hf_messages_free(&messages);
    assert_non_null(world->config);
}

hf_core_setup_t w_next_setup(actor_t *actor) {
    actor->life++;
    return (hf_core_setup_t){.name = actor->name,
                             .config = actor->world->config,
                             .store = actor->store,
                             .nonce = {0xac, actor->life},
                             .seed = actor->life};
}

void w_new_life(actor_t *actor) {
    hf_core_setup_t setup = w_next_setup(actor);
    if (actor->core) {
        actor->player->end(actor->core);
    }
    actor->core = actor->player->make(&setup);
}

actor_t *w_join(world_t *world, const char *name) {
    assert_true(world->cast_size < W_CAST);
    actor_t *actor = &world->cast[world->cast_size++];
    actor->name = name;
    actor->player = hf_player_find(name);
    actor->world = world;
    actor->store = hf_store_share(world->store);
    assert_non_null(actor->player);
    w_new_life(actor);
    return actor;
}

int64_t w_says(const actor_t *actor, const char *name) {
    hf_buf_t text = {0};
    hf_buf_addf(&text, "{");
    actor->player->ops->describe(actor->core, &text);
    hf_buf_addf(&text, "}");
    json_t *json = json_loads((const char *)text.data, 0, NULL);
    assert_non_null(json);
    assert_true(json_is_integer(json_object_get(json, name)));
    int64_t value = json_integer_value(json_object_get(json, name));
    json_decref(json);
    hf_buf_free(&text);
    return value;
}

static void s_carry(actor_t *actor) {
    world_t *world = actor->world;
    hf_envelope_t envelope;
    while (hf_outbox_take(actor->player->ops->outbox(actor->core), &envelope)) {
        if (envelope.to != HF_TO_JOURNAL) {
            assert_non_null(world->on_said);
            world->on_said(world->on_said_context, &envelope);
        } else if (world->journal && !actor->mute) {
            hf_journal_receive(world->journal, envelope.data, envelope.size);
        }
        free(envelope.data);
    }
}

void w_speak(world_t *world) {
    for (size_t i = 0; i < world->cast_size; i++) {
        actor_t *actor = &world->cast[i];
        actor->player->ops->tick(actor->core, world->now);
        assert_true(actor->may_end || !actor->player->ops->failure(actor->core));
        s_carry(actor);
    }
}

void w_publish(world_t *world) {
    if (world->journal) {
        w_commit(world);
        hf_journal_tick(world->journal, world->now);
        w_hear(world);
    }
}

void w_round(world_t *world) {
    w_clear(world);
    w_speak(world);
    w_publish(world);
}

void w_rounds(world_t *world, int rounds) {
    while (rounds-- > 0) {
        w_round(world);
    }
}

void w_pass(world_t *world, int64_t ms) {
    for (int64_t until = world->now + ms; world->now < until;) {
        world->now += HF_BEAT_EVERY_MS;
        w_rounds(world, W_ROUNDS);
    }
}

//  ---- speaking

void w_send(world_t *world, Hf__Proposals *message) {
    hf_buf_t bytes = {0};
    hf_buf_pack(&bytes, &message->base);
    hf_journal_receive(world->journal, bytes.data, bytes.size);
    hf_buf_free(&bytes);
}

void w_send_hello(world_t *world, peer_t *peer) {
    Hf__Hello hello = HF__HELLO__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    Hf__Proposals message = HF__PROPOSALS__INIT;
    hf_buf_t bytes = {0};
    hello.nonce = (ProtobufCBinaryData){sizeof peer->nonce, peer->nonce};
    proposal.what_case = HF__PROPOSAL__WHAT_HELLO;
    proposal.hello = &hello;
    hf_buf_pack(&bytes, &proposal.base);
    ProtobufCBinaryData run = {bytes.size, bytes.data};
    message.sender = (char *)peer->name;
    message.n_proposals = 1;
    message.proposals = &run;
    w_send(world, &message);
    hf_buf_free(&bytes);
}

peer_t w_peer(world_t *world, const char *name, uint8_t life) {
    peer_t peer = {.name = name, .nonce = {0xee, life}, .next = 1, .unacked = 1};
    w_send_hello(world, &peer);
    w_commit(world);
    assert_memory_equal(w_last_ack(world)->nonce.data, peer.nonce, sizeof peer.nonce);
    peer.epoch = w_last_ack(world)->sender_epoch;
    assert_true(peer.epoch > 0);
    return peer;
}

void w_send_run(world_t *world, const peer_t *peer, uint64_t first, Hf__Proposal *const *proposals,
                size_t size) {
    Hf__Proposals message = HF__PROPOSALS__INIT;
    ProtobufCBinaryData *run = hf_alloc(size * sizeof *run);
    hf_buf_t *packed = hf_alloc(size * sizeof *packed);
    for (size_t i = 0; i < size; i++) {
        if (proposals[i]) {
            hf_buf_pack(&packed[i], &proposals[i]->base);
        }
        run[i] = (ProtobufCBinaryData){packed[i].size, packed[i].data};
    }
    message.sender = (char *)peer->name;
    message.sender_epoch = peer->epoch;
    message.journal_epoch = hf_journal_epoch(world->journal);
    message.first = first;
    message.unacked = peer->unacked;
    message.n_proposals = size;
    message.proposals = run;
    w_send(world, &message);
    for (size_t i = 0; i < size; i++) {
        hf_buf_free(&packed[i]);
    }
    free(packed);
    free(run);
}

uint32_t w_propose_as(world_t *world, const peer_t *peer, uint64_t number, Hf__Proposal *proposal,
                      const Hf__Result **result) {
    w_send_run(world, peer, number, &proposal, 1);
    w_commit(world);
    const Hf__Ack *ack = w_last_ack(world);
    assert_int_equal(ack->sender_epoch, peer->epoch);
    assert_int_equal(ack->applied, number);
    const Hf__Result *found = hf_result_find(ack, number);
    if (result) {
        *result = found;
    }
    return found ? found->code : HF_RESULT_DONE;
}

uint32_t w_propose(world_t *world, peer_t *peer, Hf__Proposal *proposal) {
    return w_propose_as(world, peer, peer->next++, proposal, NULL);
}

//  ---- proposals

void *w_make(world_t *world, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = hf_arena_take(world->arena, type->sizeof_message);
    type->message_init(message);
    return message;
}

Hf__Proposal *w_take_proposal(world_t *world, Hf__Proposal__WhatCase what) {
    Hf__Proposal *proposal = w_make(world, &hf__proposal__descriptor);
    proposal->what_case = what;
    return proposal;
}

ProtobufCBinaryData w_bytes(world_t *world, const void *data, size_t size) {
    void *copy = hf_arena_take(world->arena, size ? size : 1);
    memcpy(copy, data, size);
    return (ProtobufCBinaryData){size, copy};
}

ProtobufCBinaryData w_id(world_t *world, const hf_id_t *id) {
    return w_bytes(world, id->bytes, HF_ID_SIZE);
}

Hf__Proposal *w_submit(world_t *world, hf_id_t *id) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_SUBMIT);
    Hf__Command *command = w_make(world, &hf__command__descriptor);
    proposal->submit = w_make(world, &hf__submit__descriptor);
    *id = hf_id_make(&world->ids, world->now);
    command->id = w_id(world, id);
    command->pipeline = (char *)"p";
    command->destination = (char *)"d";
    command->body = w_bytes(world, "{\"n\":1}", 7);
    command->content_type = (char *)"application/json";
    command->accepted_at = world->now;
    proposal->submit->command = command;
    return proposal;
}

Hf__Proposal *w_submit_ordered(world_t *world, const char *key, hf_id_t *id) {
    Hf__Proposal *submit = w_submit(world, id);
    submit->submit->command->key = (char *)key;
    submit->submit->command->ordered = true;
    return submit;
}

Hf__Proposal *w_start(world_t *world, const hf_id_t *id, uint32_t attempt, uint64_t caller_epoch) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_START);
    proposal->start = w_make(world, &hf__start__descriptor);
    proposal->start->id = w_id(world, id);
    proposal->start->attempt = attempt;
    proposal->start->caller = (char *)"call.0";
    proposal->start->caller_epoch = caller_epoch;
    return proposal;
}

Hf__Proposal *w_outcome(world_t *world, const hf_id_t *id, uint32_t number, uint64_t caller_epoch,
                        hf_class_t class) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_OUTCOME);
    Hf__Attempt *attempt = w_make(world, &hf__attempt__descriptor);
    proposal->outcome = w_make(world, &hf__outcome__descriptor);
    attempt->number = number;
    attempt->class_ = class;
    attempt->http_status = class == HF_CLASS_SUCCEEDED ? 200 : 503;
    attempt->reason = (char *)"as the story wants it";
    attempt->caller = (char *)"call.0";
    proposal->outcome->id = w_id(world, id);
    proposal->outcome->caller_epoch = caller_epoch;
    proposal->outcome->attempt = attempt;
    return proposal;
}

Hf__Proposal *w_verdict(world_t *world, const hf_id_t *id, uint32_t attempt, hf_event_t event) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_VERDICT);
    proposal->verdict = w_make(world, &hf__verdict__descriptor);
    proposal->verdict->id = w_id(world, id);
    proposal->verdict->attempt = attempt;
    proposal->verdict->event = event;
    proposal->verdict->due = event == HF_EVENT_RETRY_AT ? world->now + 1000 : 0;
    proposal->verdict->reason = (char *)"by policy";
    return proposal;
}

Hf__Proposal *w_decide(world_t *world, const hf_id_t *id, hf_event_t event) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_DECIDE);
    uint8_t decision[16] = {0xde, ++world->decisions};
    proposal->decide = w_make(world, &hf__decide__descriptor);
    proposal->decide->id = w_id(world, id);
    proposal->decide->event = event;
    proposal->decide->decision = w_bytes(world, decision, sizeof decision);
    proposal->decide->who = (char *)"somebody";
    return proposal;
}

Hf__Proposal *w_gate(world_t *world, hf_gate_event_t event, uint64_t circuit_fact) {
    Hf__Proposal *proposal = w_take_proposal(world, HF__PROPOSAL__WHAT_GATE);
    proposal->gate = w_make(world, &hf__gate__descriptor);
    proposal->gate->destination = (char *)"d";
    proposal->gate->event = event;
    proposal->gate->who = (char *)"somebody";
    proposal->gate->reason = (char *)"many failed";
    proposal->gate->circuit_fact = circuit_fact;
    proposal->gate->cooldown = event == HF_GATE_OPEN ? 1000 : 0;
    return proposal;
}

hf_id_t w_bring_to(world_t *world, peer_t *peer, hf_state_t wanted) {
    hf_id_t id;
    if (wanted == HF_STATE_PARKED) { //  Behind another one of its key
        assert_done(world, peer, w_submit_ordered(world, "i-1", &id));
    }
    Hf__Proposal *submit = w_submit(world, &id);
    submit->submit->command->key = (char *)"i-1";
    submit->submit->command->ordered = wanted == HF_STATE_PARKED;
    submit->submit->command->deadline = world->now + 1000000;
    submit->submit->command->idempotency = w_bytes(world, id.bytes, 16);
    submit->submit->command->body_hash = w_bytes(world, "0123456789abcdef", 16);
    assert_done(world, peer, submit);
    if (wanted == HF_STATE_ACCEPTED || wanted == HF_STATE_PARKED) {
        return id;
    }
    if (wanted == HF_STATE_CANCELLED) {
        assert_done(world, peer, w_decide(world, &id, HF_EVENT_CANCEL));
        return id;
    }
    if (wanted == HF_STATE_EXPIRED) {
        assert_done(world, peer, w_verdict(world, &id, 0, HF_EVENT_EXPIRE));
        return id;
    }
    assert_done(world, peer, w_start(world, &id, 1, peer->epoch));
    if (wanted == HF_STATE_CALLING) {
        return id;
    }
    hf_class_t class = wanted == HF_STATE_SUCCEEDED ? HF_CLASS_SUCCEEDED : HF_CLASS_FAILED;
    assert_done(world, peer, w_outcome(world, &id, 1, peer->epoch, class));
    if (wanted == HF_STATE_SUCCEEDED || wanted == HF_STATE_DECIDING) {
        return id;
    }
    hf_event_t event = wanted == HF_STATE_WAITING     ? HF_EVENT_RETRY_AT
                       : wanted == HF_STATE_UNCERTAIN ? HF_EVENT_HOLD
                                                      : HF_EVENT_GIVE_UP;
    assert_done(world, peer, w_verdict(world, &id, 1, event));
    if (wanted == HF_STATE_DISCARDED) {
        assert_done(world, peer, w_decide(world, &id, HF_EVENT_DISCARD));
    }
    assert_int_equal(w_state(world, &id)->state, wanted);
    return id;
}

//  ---- looking into the file

void w_begin_read(world_t *world) {
    hf_error_t error = {{0}};
    if (hf_store_begin_read(world->reader, &error)) {
        fail_msg("%s", error.text);
    }
}

void w_end_read(world_t *world) {
    hf_store_end_read(world->reader);
}

Hf__State *w_state(world_t *world, const hf_id_t *id) {
    Hf__State *state = NULL;
    w_begin_read(world);
    int found = hf_store_state(world->reader, id, world->arena, &state, NULL);
    w_end_read(world);
    assert_true(found >= 0);
    return found ? state : NULL;
}

Hf__Command *w_command(world_t *world, const hf_id_t *id) {
    Hf__Command *command = NULL;
    w_begin_read(world);
    int found = hf_store_command(world->reader, id, world->arena, &command, NULL);
    w_end_read(world);
    assert_true(found >= 0);
    return found ? command : NULL;
}

Hf__History *w_history(world_t *world, const hf_id_t *id, uint32_t number) {
    Hf__History *entry = NULL;
    w_begin_read(world);
    int found = hf_store_history(world->reader, id, number, world->arena, &entry, NULL);
    w_end_read(world);
    assert_int_equal(found, 1);
    return entry;
}

Hf__Destination *w_destination(world_t *world, const char *name) {
    Hf__Destination *record = NULL;
    w_begin_read(world);
    int found = hf_store_destination(world->reader, name, world->arena, &record, NULL);
    w_end_read(world);
    assert_true(found >= 0);
    return found ? record : NULL;
}

uint64_t w_count(world_t *world, const char *destination, hf_state_t state) {
    w_begin_read(world);
    uint64_t count = hf_store_count(world->reader, destination, state);
    w_end_read(world);
    return count;
}

void w_on_problem(void *context, const char *problem) {
    w_problems_t *problems = context;
    if (!*problems->first) {
        snprintf(problems->first, sizeof problems->first, "%s", problem);
    }
    if (!problems->silent) {
        print_message("verify: %s\n", problem);
    }
}

void w_verify(world_t *world) {
    hf_error_t error = {{0}};
    w_problems_t problems = {.silent = false};
    assert_int_equal(hf_store_verify(world->reader, w_on_problem, &problems, &error), 0);
}
