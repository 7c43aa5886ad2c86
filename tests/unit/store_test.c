/*  The store's tables, what a damaged record looks like, and that verify names whatever does not fit. Damage
 * is done through LMDB itself, behind the store's back.  */

#include "store/store_private.h"
#include "unit/journal_world.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

//  ---- doing damage

static MDB_txn *s_raw(world_t *world) {
    MDB_txn *txn;
    assert_int_equal(mdb_txn_begin(world->store->shared->env, NULL, 0, &txn), 0);
    return txn;
}

static MDB_dbi s_dbi(world_t *world, hf_table_t table) {
    return world->store->shared->dbi[table];
}

//  A copy of the n-th record of a table; false behind the last one.
static bool s_nth(world_t *world, hf_table_t table, size_t n, MDB_val *key, MDB_val *value) {
    MDB_cursor *cursor;
    MDB_txn *txn = s_raw(world);
    assert_int_equal(mdb_cursor_open(txn, s_dbi(world, table), &cursor), 0);
    int rc = mdb_cursor_get(cursor, key, value, MDB_FIRST);
    while (rc == 0 && n-- > 0) {
        rc = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    }
    if (rc == 0) {
        key->mv_data = w_bytes(world, key->mv_data, key->mv_size).data;
        value->mv_data = w_bytes(world, value->mv_data, value->mv_size).data;
    }
    mdb_cursor_close(cursor);
    mdb_txn_abort(txn);
    return rc == 0;
}

static void s_put_raw(world_t *world, hf_table_t table, MDB_val key, MDB_val value) {
    MDB_txn *txn = s_raw(world);
    assert_int_equal(mdb_put(txn, s_dbi(world, table), &key, &value, 0), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static void s_delete_raw(world_t *world, hf_table_t table, MDB_val key) {
    MDB_txn *txn = s_raw(world);
    assert_int_equal(mdb_del(txn, s_dbi(world, table), &key, NULL), 0);
    assert_int_equal(mdb_txn_commit(txn), 0);
}

static int64_t s_problems(world_t *world, w_problems_t *problems) {
    hf_error_t error = {{0}};
    *problems = (w_problems_t){.silent = true};
    int64_t found = hf_store_verify(world->reader, w_on_problem, problems, &error);
    assert_true(found >= 0);
    return found;
}

//  A journal with a command in each state, and one that a person began anew. Nothing is wrong with it.
static world_t *s_rich(hf_id_t ids[HF_STATES]) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    for (unsigned state = HF_STATE_ACCEPTED; state < HF_STATES; state++) {
        ids[state] = w_bring_to(world, &peer, (hf_state_t)state);
        world->now++;
    }
    hf_id_t again = w_bring_to(world, &peer, HF_STATE_DEAD);
    Hf__Proposal *retry = w_decide(world, &again, HF_EVENT_RETRY);
    retry->decide->replace_body = true;
    retry->decide->body = w_bytes(world, "{}", 2);
    assert_done(world, &peer, retry);
    w_clear(world);
    w_verify(world);
    return world;
}

//  ---- tables

static void records_come_back_as_they_were_put(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_error_t error;
    Hf__Dedupe *dedupe;
    Hf__History *entry;
    Hf__Sender *sender;
    Hf__Meta *meta;
    Hf__Fact *fact;
    (void)state;
    hf_id_t id = w_bring_to(world, &peer, HF_STATE_DEAD);
    assert_string_equal(w_command(world, &id)->key, "i-1");
    assert_memory_equal(w_command(world, &id)->body.data, "{\"n\":1}", 7);
    assert_int_equal(w_state(world, &id)->http_status, 503);
    w_begin_read(world);
    assert_int_equal(hf_store_dedupe(world->reader, id.bytes, world->arena, &dedupe, &error), 1);
    assert_memory_equal(dedupe->id.data, id.bytes, 16);
    assert_int_equal(hf_store_history(world->reader, &id, 0, world->arena, &entry, &error), 1);
    assert_int_equal(entry->attempt->http_status, 503);
    assert_int_equal(hf_store_history(world->reader, &id, 1, world->arena, &entry, &error), 0);
    assert_int_equal(hf_store_sender(world->reader, "ingress", world->arena, &sender, &error), 1);
    assert_int_equal(sender->epoch, peer.epoch);
    assert_int_equal(sender->applied, 4);
    assert_int_equal(hf_store_sender(world->reader, "nobody", world->arena, &sender, &error), 0);
    assert_int_equal(hf_store_meta(world->reader, world->arena, &meta, &error), 1);
    assert_int_equal(meta->format, HF_STORE_FORMAT);
    assert_int_equal(hf_store_newest_fact(world->reader), 4);
    assert_int_equal(hf_store_fact(world->reader, 4, world->arena, &fact, &error), 1);
    assert_int_equal(fact->event, HF_EVENT_GIVE_UP);
    assert_int_equal(fact->previous, 3);
    assert_int_equal(hf_store_fact(world->reader, 5, world->arena, &fact, &error), 0);
    w_end_read(world);
    w_destroy(world);
}

static void what_was_committed_is_there_when_the_file_is_opened_again(void **state) {
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    (void)state;
    w_close(world);
    w_open(world, MAP);
    w_new_journal(world);
    for (unsigned number = HF_STATE_ACCEPTED; number < HF_STATES; number++) {
        assert_state(world, &ids[number], number);
        assert_int_equal(w_count(world, "d", (hf_state_t)number), number == HF_STATE_ACCEPTED ? 3 : 1);
    }
    w_verify(world);
    w_destroy(world);
}

static void a_reader_before_the_journal_is_told_so(void **state) {
    char dir[64], nowhere[96];
    hf_error_t error;
    hf_store_options_t options = {.map = MAP};
    (void)state;
    w_make_dir(dir);
    assert_null(hf_store_open(dir, &options, &error));
    assert_non_null(strstr(error.text, "No such file or directory"));
    snprintf(nowhere, sizeof nowhere, "%s/nowhere", dir);
    assert_null(hf_store_open(nowhere, &options, &error));
    assert_non_null(strstr(error.text, "No such file or directory"));
    w_remove_dir(dir);
}

//  ---- walks

typedef struct {
    size_t size;        //  Seen
    size_t most;        //  Then stop
    int64_t times[64];  //  Their times
    hf_id_t ids[64];    //  Their ids
    char names[64][80]; //  Their destinations
} seen_t;

static bool s_on_open(void *context, const char *destination, int64_t due, const hf_id_t *id) {
    seen_t *seen = context;
    snprintf(seen->names[seen->size], sizeof seen->names[0], "%s", destination);
    seen->times[seen->size] = due;
    seen->ids[seen->size++] = *id;
    return seen->size < seen->most;
}

static bool s_on_id(void *context, const hf_id_t *id) {
    return s_on_open(context, "", 0, id);
}

static bool s_on_time(void *context, int64_t at, const hf_id_t *id) {
    return s_on_open(context, "", at, id);
}

static hf_id_t s_submit_to(world_t *world, peer_t *peer, const char *destination, int64_t due,
                           const char *key) {
    hf_id_t id;
    Hf__Proposal *submit = w_submit(world, &id);
    submit->submit->command->destination = (char *)destination;
    submit->submit->command->not_before = due;
    submit->submit->command->key = (char *)key;
    assert_done(world, peer, submit);
    return id;
}

static void open_commands_are_walked_by_destination_and_due_time(void **state) {
    char longest[65];
    seen_t seen = {.most = 64};
    hf_error_t error;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    memset(longest, 'z', 64);
    longest[64] = 0;
    hf_id_t late = s_submit_to(world, &peer, "a", W_START_MS + 30, "");
    hf_id_t early = s_submit_to(world, &peer, "a", W_START_MS + 10, "");
    hf_id_t middle = s_submit_to(world, &peer, "a", W_START_MS + 20, "");
    s_submit_to(world, &peer, "ab", W_START_MS + 1, "");
    s_submit_to(world, &peer, longest, W_START_MS + 1, "");
    w_begin_read(world);
    assert_int_equal(hf_store_walk_open(world->reader, HF_PHASE_READY, "a", 0, s_on_open, &seen, &error), 0);
    assert_int_equal(seen.size, 3);
    assert_true(hf_id_equal(&seen.ids[0], &early) && hf_id_equal(&seen.ids[1], &middle) &&
                hf_id_equal(&seen.ids[2], &late));
    seen = (seen_t){.most = 64};
    hf_store_walk_open(world->reader, HF_PHASE_READY, NULL, 0, s_on_open, &seen, &error);
    assert_int_equal(seen.size, 5);
    assert_string_equal(seen.names[3], "ab");
    assert_string_equal(seen.names[4], longest);
    seen = (seen_t){.most = 2};
    hf_store_walk_open(world->reader, HF_PHASE_READY, NULL, 0, s_on_open, &seen, &error);
    assert_int_equal(seen.size, 2);
    seen = (seen_t){.most = 64};
    hf_store_walk_open(world->reader, HF_PHASE_CALLING, NULL, 0, s_on_open, &seen, &error);
    assert_int_equal(seen.size, 0);
    w_end_read(world);
    assert_int_equal(w_count(world, longest, HF_STATE_ACCEPTED), 1);
    w_verify(world);
    w_destroy(world);
}

static void commands_are_listed_newest_first_and_by_key(void **state) {
    seen_t seen = {.most = 64};
    hf_error_t error;
    hf_id_t ids[4];
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    for (int i = 0; i < 4; i++) {
        ids[i] = s_submit_to(world, &peer, "d", 0, i % 2 ? "odd" : "even");
    }
    w_begin_read(world);
    assert_int_equal(hf_store_walk_newest(world->reader, NULL, s_on_id, &seen, &error), 0);
    assert_int_equal(seen.size, 4);
    assert_true(hf_id_equal(&seen.ids[0], &ids[3]) && hf_id_equal(&seen.ids[3], &ids[0]));
    seen = (seen_t){.most = 64};
    hf_store_walk_newest(world->reader, &ids[1], s_on_id, &seen, &error);
    assert_int_equal(seen.size, 2);
    hf_id_t between = ids[2];
    between.bytes[15]--;
    seen = (seen_t){.most = 64};
    hf_store_walk_newest(world->reader, &between, s_on_id, &seen, &error);
    assert_int_equal(seen.size, 2);
    seen = (seen_t){.most = 64};
    hf_store_walk_key(world->reader, "odd", NULL, s_on_id, &seen, &error);
    assert_int_equal(seen.size, 2);
    assert_true(hf_id_equal(&seen.ids[0], &ids[3]) && hf_id_equal(&seen.ids[1], &ids[1]));
    seen = (seen_t){.most = 64};
    hf_store_walk_key(world->reader, "odd", &ids[2], s_on_id, &seen, &error);
    assert_int_equal(seen.size, 1);
    seen = (seen_t){.most = 64};
    hf_store_walk_key(world->reader, "neither", NULL, s_on_id, &seen, &error);
    assert_int_equal(seen.size, 0);
    w_end_read(world);
    w_destroy(world);
}

static void deadlines_and_ends_are_walked_from_the_earliest(void **state) {
    seen_t seen = {.most = 64};
    hf_id_t ids[HF_STATES];
    hf_error_t error;
    world_t *world = s_rich(ids);
    (void)state;
    w_begin_read(world);
    assert_int_equal(hf_store_walk_expiry(world->reader, s_on_time, &seen, &error), 0);
    assert_int_equal(seen.size, 6); //  accepted twice, calling, deciding, waiting, parked
    assert_true(hf_id_equal(&seen.ids[0], &ids[HF_STATE_ACCEPTED]));
    seen = (seen_t){.most = 64};
    assert_int_equal(hf_store_walk_ended(world->reader, s_on_time, &seen, &error), 0);
    assert_int_equal(seen.size, 4); //  succeeded, cancelled, discarded, expired
    for (size_t i = 1; i < seen.size; i++) {
        assert_true(seen.times[i - 1] <= seen.times[i]);
    }
    w_end_read(world);
    w_destroy(world);
}

typedef struct {
    uint64_t seen[W_FACTS]; //  Numbers
    size_t size;            //  How many
    size_t most;            //  Then stop
} numbers_t;

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    numbers_t *numbers = context;
    numbers->seen[numbers->size++] = fact->seq;
    return numbers->size < numbers->most;
}

static void facts_are_read_from_any_number_on_and_forgotten_from_the_oldest(void **state) {
    numbers_t *numbers = hf_alloc(sizeof *numbers);
    hf_error_t error;
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    Hf__Proposal *proposals[200];
    hf_id_t id;
    (void)state;
    for (int round = 0; round < 2; round++) { //  Two commits of 200 facts: four runs each
        for (int i = 0; i < 200; i++) {
            proposals[i] = w_submit(world, &id);
        }
        w_send_run(world, &peer, peer.next, proposals, 200);
        peer.next += 200;
        w_commit(world);
        world->now += 1000;
    }
    w_begin_read(world);
    for (uint64_t from = 1; from <= 401; from += 7) {
        numbers->size = 0;
        numbers->most = W_FACTS;
        assert_int_equal(hf_store_facts(world->reader, from, world->arena, s_on_fact, numbers, &error), 401);
        assert_int_equal(numbers->size, 401 - from);
        assert_true(numbers->size == 0 || numbers->seen[0] == from);
    }
    numbers->size = 0;
    numbers->most = 10;
    assert_int_equal(hf_store_facts(world->reader, 60, world->arena, s_on_fact, numbers, &error), 70);
    assert_int_equal(hf_store_facts(world->reader, 500, world->arena, s_on_fact, numbers, &error), 500);
    w_end_read(world);
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_trim_facts(world->store, W_START_MS + 500, 2, world->arena, &error), 2);
    assert_int_equal(hf_store_trim_facts(world->store, W_START_MS + 500, 100, world->arena, &error), 2);
    assert_int_equal(hf_store_trim_facts(world->store, W_START_MS + 500, 100, world->arena, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    w_begin_read(world);
    numbers->most = W_FACTS;
    assert_int_equal(hf_store_facts(world->reader, 200, world->arena, s_on_fact, numbers, &error), 0);
    assert_int_equal(hf_store_facts(world->reader, 201, world->arena, s_on_fact, numbers, &error), 401);
    w_end_read(world);
    w_verify(world);
    w_destroy(world);
    free(numbers);
}

//  ---- damage

static void every_flipped_byte_of_every_value_is_named(void **state) {
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    w_problems_t problems;
    size_t flips = 0;
    (void)state;
    for (unsigned table = 0; table < TABLES; table++) {
        MDB_val key, value;
        for (size_t n = 0; s_nth(world, (hf_table_t)table, n, &key, &value); n++) {
            for (size_t at = 0; at < value.mv_size; at += 1 + value.mv_size / 24) {
                uint8_t *bytes = value.mv_data;
                bytes[at] ^= 1 << at % 8;
                s_put_raw(world, (hf_table_t)table, key, value);
                assert_true(s_problems(world, &problems) > 0);
                assert_memory_equal(problems.first, hf_store_table_name(table),
                                    strlen(hf_store_table_name(table)));
                bytes[at] ^= 1 << at % 8;
                flips++;
            }
            s_put_raw(world, (hf_table_t)table, key, value);
            hf_arena_reset(world->arena);
            assert_true(s_nth(world, (hf_table_t)table, n, &key, &value));
        }
    }
    assert_true(flips > 500);
    w_verify(world);
    w_destroy(world);
}

static void every_missing_record_and_index_entry_is_named(void **state) {
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    w_problems_t problems;
    (void)state;
    for (unsigned table = 0; table < TABLES; table++) {
        MDB_val key, value;
        for (size_t n = 0; s_nth(world, (hf_table_t)table, n, &key, &value); n++) {
            bool sender = table == TABLE_META && key.mv_size > 4; //  Nothing leads to a sender
            bool oldest = table == TABLE_FACTS && n == 0;         //  As if trimmed
            s_delete_raw(world, (hf_table_t)table, key);
            if (!sender && !oldest && s_problems(world, &problems) == 0) {
                fail_msg("record %zu of %s may be missing", n, hf_store_table_name(table));
            }
            s_put_raw(world, (hf_table_t)table, key, value);
            hf_arena_reset(world->arena);
        }
    }
    w_verify(world);
    w_destroy(world);
}

//  A record under another's key has the right checksum for its own: the key is part of it.
static void a_record_in_anothers_place_is_named(void **state) {
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    w_problems_t problems;
    hf_error_t error;
    Hf__Command *command;
    MDB_val key, value, other_key, other_value;
    (void)state;
    assert_true(s_nth(world, TABLE_COMMANDS, 0, &key, &value));
    assert_true(s_nth(world, TABLE_COMMANDS, 1, &other_key, &other_value));
    s_put_raw(world, TABLE_COMMANDS, other_key, value);
    assert_true(s_problems(world, &problems) > 0);
    w_begin_read(world);
    assert_int_equal(hf_store_command(world->reader, &ids[HF_STATE_ACCEPTED], world->arena, &command, &error),
                     1);
    assert_int_equal(hf_store_command(world->reader, &ids[HF_STATE_CALLING], world->arena, &command, &error),
                     -1);
    assert_non_null(strstr(error.text, "does not match its checksum"));
    w_end_read(world);
    w_destroy(world);
}

//  Entries that nothing asks for, with keys as real ones have them.
static void index_entries_that_do_not_belong_are_named(void **state) {
    static const hf_table_t tables[] = {TABLE_OPEN, TABLE_DEAD, TABLE_EXPIRY, TABLE_ENDED};
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    w_problems_t problems;
    (void)state;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        MDB_val key, value;
        assert_true(s_nth(world, tables[i], 0, &key, &value));
        uint8_t *bytes = key.mv_data;
        bytes[key.mv_size - 17] ^= 1; //  Another time or key, the same command
        s_put_raw(world, tables[i], key, value);
        assert_int_equal(s_problems(world, &problems), 1);
        s_delete_raw(world, tables[i], key);
        bytes[key.mv_size - 17] ^= 1;
        bytes[key.mv_size - 1] ^= 1; //  A command that does not exist
        s_put_raw(world, tables[i], key, value);
        assert_int_equal(s_problems(world, &problems), 1);
        assert_non_null(strstr(problems.first, "there is no such command"));
        s_delete_raw(world, tables[i], key);
        value.mv_size = 1;
        value.mv_data = (void *)"x";
        bytes[key.mv_size - 1] ^= 1;
        s_put_raw(world, tables[i], key, value);
        assert_int_equal(s_problems(world, &problems), 1);
        value.mv_size = 0;
        s_put_raw(world, tables[i], key, value);
    }
    w_verify(world);
    w_destroy(world);
}

//  The store writes what it is told, so a lie gets a right checksum.
static void counts_and_states_that_lie_are_named(void **state) {
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    w_problems_t problems;
    hf_error_t error;
    Hf__State *dead = w_state(world, &ids[HF_STATE_DEAD]);
    Hf__State changed = *dead;
    (void)state;
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    changed.state = HF_STATE_SUCCEEDED; //  No fact says so
    changed.group = 0;
    assert_int_equal(hf_store_put_state(world->store, dead, &changed, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_int_equal(s_problems(world, &problems), 1);
    assert_non_null(strstr(problems.first, "something else than its state"));
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_state(world->store, &changed, dead, &error), 0);
    changed = *dead;
    changed.last_fact--; //  Another command's
    assert_int_equal(hf_store_put_state(world->store, dead, &changed, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_true(s_problems(world, &problems) >= 1);
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_state(world->store, &changed, dead, &error), 0);
    changed = *dead;
    changed.entries++;
    assert_int_equal(hf_store_put_state(world->store, dead, &changed, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_int_equal(s_problems(world, &problems), 2); //  Its history has fewer, told from both sides
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    changed = *dead;
    changed.destination = (char *)"elsewhere"; //  Neither its command nor a count says so
    assert_int_equal(hf_store_put_state(world->store, dead, &changed, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_true(s_problems(world, &problems) >= 3);
    w_destroy(world);
}

static void a_damaged_count_is_never_written_over(void **state) {
    hf_id_t id;
    hf_error_t error = {{0}};
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    MDB_val key, value;
    (void)state;
    w_propose(world, &peer, w_submit(world, &id));
    assert_true(s_nth(world, TABLE_COUNTS, 0, &key, &value));
    ((uint8_t *)value.mv_data)[0] ^= 1;
    s_put_raw(world, TABLE_COUNTS, key, value);
    Hf__Proposal *submit = w_submit(world, &id);
    w_send_run(world, &peer, peer.next, &submit, 1);
    assert_int_equal(hf_journal_commit(world->journal, world->now, &error), HF_STORE_FAILED);
    assert_non_null(strstr(error.text, "counts"));
    w_destroy(world);
}

//  ---- room

static hf_id_t s_submit_large(world_t *world, peer_t *peer, size_t size, int *rc) {
    hf_error_t error;
    hf_id_t id;
    uint8_t *body = hf_alloc(size);
    Hf__Proposal *submit = w_submit(world, &id);
    submit->submit->command->body = (ProtobufCBinaryData){size, body};
    w_send_run(world, peer, peer->next, &submit, 1);
    *rc = hf_journal_commit(world->journal, world->now, &error);
    peer->next += *rc == 0;
    w_hear(world);
    w_clear(world);
    free(body);
    return id;
}

static void without_room_nothing_is_done_and_more_room_mends_it(void **state) {
    hf_error_t error;
    int rc = 0;
    world_t *world = w_new(1 << 20);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    while (rc == 0) {
        s_submit_large(world, &peer, 50000, &rc);
    }
    assert_int_equal(rc, HF_STORE_FULL);
    uint64_t before = w_count(world, "d", HF_STATE_ACCEPTED);
    assert_int_equal(before, peer.next - 1);
    w_verify(world);
    assert_int_equal(hf_store_set_map(world->store, 2 << 20, &error), 0);
    w_commit(world); //  The same message still waits
    assert_int_equal(w_count(world, "d", HF_STATE_ACCEPTED), before + 1);
    w_verify(world);
    //  A map below what is in use is what is in use.
    assert_int_equal(hf_store_set_map(world->store, 4096, &error), 0);
    peer.next++;
    s_submit_large(world, &peer, 50000, &rc);
    assert_int_equal(rc, HF_STORE_FULL);
    assert_int_equal(w_count(world, "d", HF_STATE_ACCEPTED), before + 1);
    w_destroy(world);
}

//  The reader, a process of its own: is told where the journal is, opens it, waits, and begins again when the file has grown.
static bool s_read_twice(int from, int to) {
    char dir[sizeof((world_t *)NULL)->dir];
    char c = 'x';
    hf_error_t error = {{0}};
    hf_store_options_t options = {.map = 0};
    if (read(from, dir, sizeof dir) != sizeof dir) {
        return false;
    }
    hf_store_t *store = hf_store_open(dir, &options, &error);
    bool well = store && hf_store_begin_read(store, &error) == 0;
    if (well) {
        hf_store_end_read(store);
    }
    well = well && write(to, &c, 1) == 1 && read(from, &c, 1) == 1;
    well = well && hf_store_begin_read(store, &error) == 0;
    if (well) {
        well = hf_store_count(store, "d", HF_STATE_ACCEPTED) == 60;
        hf_store_end_read(store);
    }
    hf_store_close(&store);
    return well;
}

//  Another process's map may be too small for what the journal has written since: it is mapped anew.
static void a_reader_with_a_small_map_follows_a_file_that_grows(void **state) {
    hf_error_t error = {{0}};
    int rc;
    (void)state;
    int down[2], up[2];
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    pid_t pid = fork();
    if (pid == 0) {
        _exit(s_read_twice(down[0], up[1]) ? 0 : 1);
    }
    world_t *world = w_new(1 << 20);
    peer_t peer = w_peer(world, "ingress", 1);
    char c;
    assert_int_equal(write(down[1], world->dir, sizeof world->dir), sizeof world->dir);
    assert_int_equal(read(up[0], &c, 1), 1);
    assert_int_equal(hf_store_set_map(world->store, 16 << 20, &error), 0);
    for (int i = 0; i < 60; i++) {
        s_submit_large(world, &peer, 50000, &rc);
        assert_int_equal(rc, 0);
    }
    assert_int_equal(write(down[1], &c, 1), 1);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    for (int i = 0; i < 2; i++) {
        close(down[i]);
        close(up[i]);
    }
    w_destroy(world);
}

//  A child that is told the folder, opens the file and begins to read with so many handles; then it waits to be killed, or (one handle)
//  ends with 0. It is forked before anything is open, as actors are.
typedef struct {
    pid_t pid; //  It
    int down;  //  Where it is told the folder
    int up;    //  Where it says that it reads
} reader_t;

static bool s_read_with(const char *dir, int handles, int up) {
    hf_error_t error = {{0}};
    hf_store_options_t options = {.map = 0};
    hf_store_t *store = hf_store_open(dir, &options, &error);
    if (!store || hf_store_begin_read(store, &error)) {
        return false;
    }
    for (int i = 1; i < handles; i++) {
        (void)hf_store_begin_read(hf_store_share(store), &error); //  Until no place is left
    }
    bool said = write(up, "x", 1) == 1;
    if (said && handles > 1) {
        pause();
    }
    hf_store_end_read(store);
    hf_store_close(&store);
    return said;
}

static reader_t s_fork_reader(int handles) {
    int down[2], up[2];
    assert_int_equal(pipe(down), 0);
    assert_int_equal(pipe(up), 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        char dir[64];
        bool told = read(down[0], dir, sizeof dir) == (ssize_t)sizeof dir;
        _exit(told && s_read_with(dir, handles, up[1]) ? 0 : 1);
    }
    close(down[0]);
    close(up[1]);
    return (reader_t){pid, down[1], up[0]};
}

static void s_let_read(const reader_t *reader, const world_t *world) {
    char c;
    assert_int_equal(write(reader->down, world->dir, sizeof world->dir), sizeof world->dir);
    assert_int_equal(read(reader->up, &c, 1), 1);
}

static int s_end_reader(const reader_t *reader) {
    int status;
    assert_int_equal(waitpid(reader->pid, &status, 0), reader->pid);
    close(reader->down);
    close(reader->up);
    return status;
}

//  Actors that are killed leave their places in the list of readers; none that comes later is kept out by that.
static void readers_that_were_killed_keep_nobody_out(void **state) {
    (void)state;
    reader_t many = s_fork_reader(HF_STORE_READERS);
    reader_t one = s_fork_reader(1);
    world_t *world = w_new(1 << 20);
    s_let_read(&many, world);
    kill(many.pid, SIGKILL);
    assert_int_equal(s_end_reader(&many), SIGKILL);
    s_let_read(&one, world);
    assert_int_equal(s_end_reader(&one), 0);
    w_destroy(world);
}

static uint64_t s_pages_used(world_t *world) {
    hf_store_stat_t stat;
    hf_error_t error;
    w_begin_read(world);
    assert_int_equal(hf_store_stat(world->reader, &stat, &error), 0);
    w_end_read(world);
    return stat.pages_used;
}

//  As many leave as come: pages are used again, and the file stays as large as it is. (Free pages get
//  scattered at first, while records of several pages look for neighbours: some hundred rounds pass before it
//  is as large as it will be.)
static void a_steady_state_does_not_grow(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    uint64_t used = 0;
    (void)state;
    for (int round = 0; round < 1200; round++) {
        Hf__Proposal *proposals[60];
        for (int i = 0; i < 60; i += 3) {
            hf_id_t id;
            proposals[i] = w_submit(world, &id);
            proposals[i]->submit->command->body = w_bytes(world, world->dir, 64);
            proposals[i + 1] = w_start(world, &id, 1, peer.epoch);
            proposals[i + 2] = w_outcome(world, &id, 1, peer.epoch, HF_CLASS_SUCCEEDED);
        }
        w_send_run(world, &peer, peer.next, proposals, 60);
        peer.next += 60;
        world->now += W_KEEP_MS / 50; //  Fifty rounds stay
        w_commit(world);
        w_clear(world);
        used = round == 600 ? s_pages_used(world) : used;
    }
    assert_in_range(w_count(world, "d", HF_STATE_SUCCEEDED), 20 * 49, 20 * 52);
    assert_in_range(s_pages_used(world), used, used + used / 20);
    w_verify(world);
    w_destroy(world);
}

static void a_backup_is_whole_and_smaller(void **state) {
    hf_id_t ids[HF_STATES];
    world_t *world = s_rich(ids);
    hf_error_t error;
    char dir[64];
    (void)state;
    w_make_dir(dir);
    assert_int_equal(hf_store_backup(world->reader, dir, &error), 0);
    w_close(world);
    w_remove_dir(world->dir);
    strcpy(world->dir, dir);
    w_open(world, MAP);
    w_verify(world);
    assert_state(world, &ids[HF_STATE_WAITING], HF_STATE_WAITING);
    w_new_journal(world);
    w_destroy(world);
}

static void another_format_is_refused(void **state) {
    hf_error_t error;
    world_t *world = w_new(MAP);
    Hf__Meta meta = HF__META__INIT;
    hf_journal_options_t options = {.keep_ms = 1};
    (void)state;
    meta.format = HF_STORE_FORMAT + 1;
    meta.next_fact = 1;
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_meta(world->store, &meta, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_null(hf_journal_new(world->store, &options, world->now, &error));
    assert_non_null(strstr(error.text, "format 2"));
    w_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_as_they_were_put),
        cmocka_unit_test(what_was_committed_is_there_when_the_file_is_opened_again),
        cmocka_unit_test(a_reader_before_the_journal_is_told_so),
        cmocka_unit_test(open_commands_are_walked_by_destination_and_due_time),
        cmocka_unit_test(commands_are_listed_newest_first_and_by_key),
        cmocka_unit_test(deadlines_and_ends_are_walked_from_the_earliest),
        cmocka_unit_test(facts_are_read_from_any_number_on_and_forgotten_from_the_oldest),
        cmocka_unit_test(every_flipped_byte_of_every_value_is_named),
        cmocka_unit_test(every_missing_record_and_index_entry_is_named),
        cmocka_unit_test(a_record_in_anothers_place_is_named),
        cmocka_unit_test(index_entries_that_do_not_belong_are_named),
        cmocka_unit_test(counts_and_states_that_lie_are_named),
        cmocka_unit_test(a_damaged_count_is_never_written_over),
        cmocka_unit_test(without_room_nothing_is_done_and_more_room_mends_it),
        cmocka_unit_test(a_reader_with_a_small_map_follows_a_file_that_grows),
        cmocka_unit_test(readers_that_were_killed_keep_nobody_out),
        cmocka_unit_test(a_steady_state_does_not_grow),
        cmocka_unit_test(a_backup_is_whole_and_smaller),
        cmocka_unit_test(another_format_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
