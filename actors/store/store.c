/*  Happy path: pack the message, put a checksum before it, put it under its key; the other way round to read.
 *
 *  Failures: a record that does not match its checksum is an error that says so, never an answer. What LMDB
 * reports is either "no room" (HF_STORE_FULL: the transaction may be tried again with more) or final.
 *
 *  Invariant: hf_store_entries is the only place that knows which index entries a state has.  */

#include "store/store_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define TABLE_WORD(name, word) word,
static const char *const s_table_names[] = {HF_TABLE_LIST(TABLE_WORD)};
_Static_assert(TABLES <= sizeof((hf_store_stat_t *)0)->entries / sizeof(uint64_t), "room in hf_store_stat_t");

enum {
    CHECKSUM = 8,           //  Bytes before every record
    SCRATCH_KEPT = 1 << 20, //  Bytes of packing space that are kept from one record to the next
};

int hf_store_error(hf_error_t *error, int rc, const char *what) {
    hf_error_set(error, "%s: %s", what, mdb_strerror(rc));
    return rc == MDB_MAP_FULL ? HF_STORE_FULL : HF_STORE_FAILED;
}

MDB_txn *hf_store_txn(hf_store_t *self) {
    assert(self->write || self->reading);
    return self->write ? self->write : self->read;
}

//  ---- keys

void hf_store_key_add(hf_store_key_t *key, const void *data, size_t size) {
    assert(key->size + size <= sizeof key->bytes);
    memcpy(key->bytes + key->size, data, size);
    key->size += size;
}

void hf_store_key_add_number(hf_store_key_t *key, uint64_t number, unsigned size) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++) {
        bytes[size - 1 - i] = (uint8_t)number;
        number >>= 8;
    }
    hf_store_key_add(key, bytes, size);
}

static void s_key_add_time(hf_store_key_t *key, int64_t ms) {
    hf_store_key_add_number(key, ms > 0 ? (uint64_t)ms : 0, 8);
}

uint64_t hf_store_number(const void *bytes, unsigned size) {
    uint64_t number = 0;
    for (unsigned i = 0; i < size; i++) {
        number = number << 8 | ((const uint8_t *)bytes)[i];
    }
    return number;
}

static hf_store_key_t s_key_id(const hf_id_t *id) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

static hf_store_key_t s_key_history(const hf_id_t *id, uint32_t number) {
    hf_store_key_t key = s_key_id(id);
    hf_store_key_add_number(&key, number, 4);
    return key;
}

//  What all entries of a phase and a destination begin with.
static hf_store_key_t s_key_lane(hf_phase_t phase, const char *destination) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add_number(&key, phase, 1);
    hf_store_key_add(&key, destination, strnlen(destination, HF_DESTINATION_MAX));
    hf_store_key_add_number(&key, 0, 1);
    return key;
}

//  Urgent ones stand before others, and of one priority first attempts before retries.
static void s_key_add_queue(hf_store_key_t *key, int priority, hf_queue_t queue) {
    hf_store_key_add_number(key, (uint64_t)(HF_PRIORITIES - 1 - priority) * HF_QUEUES + queue, 1);
}

hf_queue_t hf_state_queue(const Hf__State *state) {
    return state->attempt > state->round_attempt ? HF_QUEUE_RETRY : HF_QUEUE_FIRST;
}

static hf_store_key_t s_key_open(hf_phase_t phase, const Hf__State *state, int64_t due, const hf_id_t *id) {
    hf_store_key_t key = s_key_lane(phase, state->destination);
    if (phase == HF_PHASE_READY) {
        s_key_add_queue(&key, hf_priority(state->urgency), hf_state_queue(state));
    }
    s_key_add_time(&key, due);
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

//  What all entries of an ordered key that wait, or that have its turn, begin with.
static hf_store_key_t s_key_chain(const char *pipeline, const char *key, bool parked) {
    hf_store_key_t chain = {.size = 0};
    XXH64_hash_t seed = XXH3_64bits(pipeline, strlen(pipeline));
    XXH128_hash_t hash = XXH3_128bits_withSeed(key, strlen(key), seed);
    hf_store_key_add_number(&chain, hash.high64, 8);
    hf_store_key_add_number(&chain, hash.low64, 8);
    hf_store_key_add_number(&chain, parked, 1);
    return chain;
}

static hf_store_key_t s_key_turn(const Hf__State *state, const hf_id_t *id) {
    hf_store_key_t key = s_key_chain(state->pipeline, state->key, state->state == HF_STATE_PARKED);
    hf_store_key_add_number(&key, state->order, 8);
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

static hf_store_key_t s_key_timed(int64_t at, const hf_id_t *id) {
    hf_store_key_t key = {.size = 0};
    s_key_add_time(&key, at);
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

static hf_store_key_t s_key_sender(const char *name) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, "sender:", 7);
    hf_store_key_add(&key, name, strnlen(name, 64));
    return key;
}

//  ---- opening

static int s_open_tables(hf_store_shared_t *shared, bool writer, hf_error_t *error) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(shared->env, NULL, writer ? 0 : MDB_RDONLY, &txn);
    if (rc) {
        return hf_store_error(error, rc, "begin a transaction");
    }
    for (unsigned table = 0; table < TABLES; table++) {
        rc = mdb_dbi_open(txn, s_table_names[table], writer ? MDB_CREATE : 0, &shared->dbi[table]);
        if (rc) {
            mdb_txn_abort(txn);
            return hf_store_error(error, rc == MDB_NOTFOUND ? ENOENT : rc, s_table_names[table]);
        }
    }
    rc = mdb_txn_commit(txn);
    return rc ? hf_store_error(error, rc, "commit the tables") : 0;
}

static hf_store_shared_t *s_shared_open(const char *dir, const hf_store_options_t *options,
                                        hf_error_t *error) {
    hf_store_shared_t *shared = hf_alloc(sizeof *shared);
    int rc = mdb_env_create(&shared->env);
    assert(rc == 0);
    mdb_env_set_maxdbs(shared->env, TABLES);
    mdb_env_set_maxreaders(shared->env, HF_STORE_READERS);
    mdb_env_set_mapsize(shared->env, options->map);
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD;
    flags |= options->writer ? 0 : MDB_RDONLY;
    flags |= options->volatile_ ? MDB_NOSYNC | MDB_NOMETASYNC | MDB_WRITEMAP : 0;
    rc = mdb_env_open(shared->env, dir, flags, 0600);
    if (rc) {
        hf_store_error(error, rc, dir);
    } else {
        mdb_reader_check(shared->env, NULL); //  All places may be those of processes that were killed
        rc = s_open_tables(shared, options->writer, error);
    }
    if (rc) {
        mdb_env_close(shared->env);
        free(shared);
        return NULL;
    }
    return shared;
}

static hf_store_t *s_handle(hf_store_shared_t *shared) {
    hf_store_t *self = hf_alloc(sizeof *self);
    self->shared = shared;
    shared->handles++;
    return self;
}

hf_store_t *hf_store_open(const char *dir, const hf_store_options_t *options, hf_error_t *error) {
    hf_store_shared_t *shared = s_shared_open(dir, options, error);
    return shared ? s_handle(shared) : NULL;
}

hf_store_t *hf_store_share(hf_store_t *self) {
    return s_handle(self->shared);
}

void hf_store_close(hf_store_t **self_p) {
    assert(self_p);
    hf_store_t *self = *self_p;
    if (self) {
        hf_store_abort(self);
        if (self->reading) {
            hf_store_end_read(self);
        }
        if (self->read) {
            mdb_txn_abort(self->read);
        }
        if (--self->shared->handles == 0) {
            mdb_env_close(self->shared->env);
            free(self->shared);
        }
        hf_buf_free(&self->scratch);
        free(self->keys);
        free(self->deltas);
        free(self);
        *self_p = NULL;
    }
}

//  ---- transactions

static int s_begin_read(hf_store_t *self) {
    return self->read ? mdb_txn_renew(self->read)
                      : mdb_txn_begin(self->shared->env, NULL, MDB_RDONLY, &self->read);
}

int hf_store_begin_read(hf_store_t *self, hf_error_t *error) {
    assert(!self->reading && !self->write);
    int rc = s_begin_read(self);
    if (rc == MDB_READERS_FULL) {
        hf_store_clear_readers(self);
        rc = s_begin_read(self);
    }
    //  The file has outgrown this process's map (it was opened with a smaller one than the journal's): take
    //  the size that the file itself names. Only where nobody in this process reads: the old map goes away.
    if (rc == MDB_MAP_RESIZED && self->shared->reading == 0) {
        rc = mdb_env_set_mapsize(self->shared->env, 0);
        rc = rc ? rc : s_begin_read(self);
    }
    if (rc) {
        return hf_store_error(error, rc, "begin to read the journal");
    }
    self->reading = true;
    self->shared->reading++;
    return 0;
}

void hf_store_end_read(hf_store_t *self) {
    assert(self->reading);
    mdb_txn_reset(self->read);
    self->reading = false;
    self->shared->reading--;
}

int hf_store_begin_write(hf_store_t *self, hf_error_t *error) {
    assert(!self->reading && !self->write);
    int rc = mdb_txn_begin(self->shared->env, NULL, 0, &self->write);
    return rc ? hf_store_error(error, rc, "begin to write the journal") : 0;
}

void hf_store_abort(hf_store_t *self) {
    if (self->write) {
        mdb_txn_abort(self->write);
        self->write = NULL;
    }
    self->keys_size = 0;
    hf_store_forget_counts(self);
}

//  ---- records

static uint64_t s_checksum(const void *key, size_t key_size, const void *data, size_t size) {
    return XXH3_64bits_withSeed(data, size, XXH3_64bits(key, key_size));
}

static void s_describe_bytes(const MDB_val *key, char text[HF_STORE_TEXT]) {
    const uint8_t *bytes = key->mv_data;
    size_t size = key->mv_size < HF_STORE_TEXT / 2 - 1 ? key->mv_size : HF_STORE_TEXT / 2 - 1;
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[2 * size] = 0;
}

static bool s_is_text(const MDB_val *key) {
    const char *bytes = key->mv_data;
    size_t i = 0;
    while (i < key->mv_size && bytes[i] > ' ' && bytes[i] <= '~') {
        i++;
    }
    return i == key->mv_size && i > 0 && i < HF_STORE_TEXT;
}

void hf_store_describe(hf_table_t table, const MDB_val *key, char text[HF_STORE_TEXT]) {
    bool by_id = table == TABLE_JOBS || table == TABLE_PROGRESS || table == TABLE_COMMANDS ||
                 table == TABLE_STATES || table == TABLE_HISTORY || table == TABLE_KEYS;
    bool by_index = table == TABLE_OPEN || table == TABLE_TURNS || table == TABLE_DEAD ||
                    table == TABLE_EXPIRY || table == TABLE_ENDED;
    hf_id_t id;
    if ((by_id || by_index) && key->mv_size >= HF_ID_SIZE) {
        size_t at = by_index ? key->mv_size - HF_ID_SIZE : 0;
        memcpy(id.bytes, (const uint8_t *)key->mv_data + at, HF_ID_SIZE);
        hf_id_format(&id, text);
    } else if ((table == TABLE_META || table == TABLE_DESTINATIONS) && s_is_text(key)) {
        memcpy(text, key->mv_data, key->mv_size);
        text[key->mv_size] = 0;
    } else {
        s_describe_bytes(key, text);
    }
}

static int s_damaged(hf_table_t table, const MDB_val *key, hf_error_t *error, const char *what) {
    char text[HF_STORE_TEXT];
    hf_store_describe(table, key, text);
    return hf_error_set(error, "%s %s: the record %s: the journal is damaged", s_table_names[table], text,
                        what);
}

void *hf_store_unpack(hf_table_t table, const MDB_val *key, const MDB_val *value,
                      const ProtobufCMessageDescriptor *type, hf_arena_t *arena, hf_error_t *error) {
    const uint8_t *data = value->mv_data;
    uint64_t stored;
    if (value->mv_size < CHECKSUM) {
        s_damaged(table, key, error, "is too short");
        return NULL;
    }
    memcpy(&stored, data, CHECKSUM);
    if (stored != s_checksum(key->mv_data, key->mv_size, data + CHECKSUM, value->mv_size - CHECKSUM)) {
        s_damaged(table, key, error, "does not match its checksum");
        return NULL;
    }
    void *message = protobuf_c_message_unpack(type, hf_arena_allocator(arena), value->mv_size - CHECKSUM,
                                              data + CHECKSUM);
    if (!message) {
        s_damaged(table, key, error, "cannot be read");
    }
    return message;
}

int hf_store_get_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                        const ProtobufCMessageDescriptor *type, hf_arena_t *arena, void *message_p,
                        hf_error_t *error) {
    MDB_val mdb_key = {key->size, (void *)key->bytes};
    MDB_val value;
    int rc = mdb_get(hf_store_txn(self), self->shared->dbi[table], &mdb_key, &value);
    if (rc == MDB_NOTFOUND) {
        return 0;
    }
    if (rc) {
        return hf_store_error(error, rc, s_table_names[table]), -1;
    }
    void *message = hf_store_unpack(table, &mdb_key, &value, type, arena, error);
    memcpy(message_p, &message, sizeof message);
    return message ? 1 : -1;
}

//  flags: MDB_APPEND where the key most likely stands behind all others: pages are filled then, otherwise
//  LMDB would leave each half empty. Where it does not, it is put where it belongs.
static int s_put(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                 const ProtobufCMessage *message, unsigned flags, hf_error_t *error) {
    assert(self->write);
    MDB_val value = {0, NULL};
    if (message) {
        hf_buf_clear(&self->scratch);
        hf_buf_extend(&self->scratch, CHECKSUM);
        hf_buf_pack(&self->scratch, message);
        uint64_t checksum = s_checksum(key->bytes, key->size, self->scratch.data + CHECKSUM,
                                       self->scratch.size - CHECKSUM);
        memcpy(self->scratch.data, &checksum, CHECKSUM);
        value = (MDB_val){self->scratch.size, self->scratch.data};
    }
    MDB_val mdb_key = {key->size, (void *)key->bytes};
    int rc = mdb_put(self->write, self->shared->dbi[table], &mdb_key, &value, flags);
    if (rc == MDB_KEYEXIST) {
        rc = mdb_put(self->write, self->shared->dbi[table], &mdb_key, &value, 0);
    }
    if (self->scratch.capacity > SCRATCH_KEPT) {
        hf_buf_free(&self->scratch);
    }
    return rc ? hf_store_error(error, rc, s_table_names[table]) : 0;
}

int hf_store_put_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                        const ProtobufCMessage *message, hf_error_t *error) {
    return s_put(self, table, key, message, 0, error);
}

int hf_store_append_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key,
                           const ProtobufCMessage *message, hf_error_t *error) {
    return s_put(self, table, key, message, MDB_APPEND, error);
}

//  What is not there is no failure: removing is idempotent.
int hf_store_delete_record(hf_store_t *self, hf_table_t table, const hf_store_key_t *key, hf_error_t *error) {
    MDB_val mdb_key = {key->size, (void *)key->bytes};
    int rc = mdb_del(self->write, self->shared->dbi[table], &mdb_key, NULL);
    return rc && rc != MDB_NOTFOUND ? hf_store_error(error, rc, s_table_names[table]) : 0;
}

int hf_store_meta(hf_store_t *self, hf_arena_t *arena, Hf__Meta **meta, hf_error_t *error) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, "meta", 4);
    return hf_store_get_record(self, TABLE_META, &key, &hf__meta__descriptor, arena, meta, error);
}

int hf_store_put_meta(hf_store_t *self, const Hf__Meta *meta, hf_error_t *error) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, "meta", 4);
    return hf_store_put_record(self, TABLE_META, &key, &meta->base, error);
}

int hf_store_sender(hf_store_t *self, const char *name, hf_arena_t *arena, Hf__Sender **sender,
                    hf_error_t *error) {
    hf_store_key_t key = s_key_sender(name);
    return hf_store_get_record(self, TABLE_META, &key, &hf__sender__descriptor, arena, sender, error);
}

int hf_store_put_sender(hf_store_t *self, const Hf__Sender *sender, hf_error_t *error) {
    hf_store_key_t key = s_key_sender(sender->name);
    return hf_store_put_record(self, TABLE_META, &key, &sender->base, error);
}

int hf_store_command(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__Command **command,
                     hf_error_t *error) {
    hf_store_key_t key = s_key_id(id);
    return hf_store_get_record(self, TABLE_COMMANDS, &key, &hf__command__descriptor, arena, command, error);
}

int hf_store_put_command(hf_store_t *self, const Hf__Command *command, hf_error_t *error) {
    hf_id_t id;
    bool whole = hf_id_from(&id, command->id.data, command->id.len);
    assert(whole);
    hf_store_key_t key = s_key_id(&id);
    return hf_store_append_record(self, TABLE_COMMANDS, &key, &command->base, error);
}

int hf_store_state(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__State **state,
                   hf_error_t *error) {
    hf_store_key_t key = s_key_id(id);
    return hf_store_get_record(self, TABLE_STATES, &key, &hf__state__descriptor, arena, state, error);
}

int hf_store_history(hf_store_t *self, const hf_id_t *id, uint32_t number, hf_arena_t *arena,
                     Hf__History **entry, hf_error_t *error) {
    hf_store_key_t key = s_key_history(id, number);
    return hf_store_get_record(self, TABLE_HISTORY, &key, &hf__history__descriptor, arena, entry, error);
}

int hf_store_put_history(hf_store_t *self, const hf_id_t *id, uint32_t number, const Hf__History *entry,
                         hf_error_t *error) {
    hf_store_key_t key = s_key_history(id, number);
    return hf_store_put_record(self, TABLE_HISTORY, &key, &entry->base, error);
}

int hf_store_delete_history(hf_store_t *self, const hf_id_t *id, uint32_t number, hf_error_t *error) {
    hf_store_key_t key = s_key_history(id, number);
    return hf_store_delete_record(self, TABLE_HISTORY, &key, error);
}

static hf_store_key_t s_key_hash(const uint8_t hash[16]) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, hash, 16);
    return key;
}

int hf_store_dedupe(hf_store_t *self, const uint8_t hash[16], hf_arena_t *arena, Hf__Dedupe **dedupe,
                    hf_error_t *error) {
    hf_store_key_t key = s_key_hash(hash);
    return hf_store_get_record(self, TABLE_DEDUPE, &key, &hf__dedupe__descriptor, arena, dedupe, error);
}

int hf_store_put_dedupe(hf_store_t *self, const uint8_t hash[16], const Hf__Dedupe *dedupe,
                        hf_error_t *error) {
    hf_store_key_t key = s_key_hash(hash);
    return hf_store_put_record(self, TABLE_DEDUPE, &key, &dedupe->base, error);
}

int hf_store_cursor(hf_store_t *self, hf_table_t table, MDB_cursor **cursor, hf_error_t *error) {
    int rc = mdb_cursor_open(hf_store_txn(self), self->shared->dbi[table], cursor);
    return rc ? (hf_store_error(error, rc, s_table_names[table]), -1) : 0;
}

int hf_store_commit(hf_store_t *self, hf_error_t *error) {
    assert(self->write);
    int rc = hf_store_flush_counts(self, error);
    rc = rc ? rc : hf_store_flush_keys(self, error);
    if (rc) {
        return rc;
    }
    rc = mdb_txn_commit(self->write);
    self->write = NULL;
    return rc ? hf_store_error(error, rc, "commit to the journal") : 0;
}

//  ---- states and the indexes that follow from them

bool hf_state_has_turn(const Hf__State *state) {
    bool stuck = state->state == HF_STATE_DEAD || state->state == HF_STATE_UNCERTAIN;
    bool moves = hf_state_is_open((hf_state_t)state->state) && state->state != HF_STATE_PARKED;
    return state->order && (moves || (stuck && !state->overtaken));
}

//  Where a state stands in `open`; false where it stands nowhere.
static bool s_open_place(const Hf__State *state, hf_phase_t *phase, int64_t *due) {
    *due = state->since;
    switch ((hf_state_t)state->state) {
    case HF_STATE_ACCEPTED:
    case HF_STATE_WAITING:
        *phase = HF_PHASE_READY;
        *due = state->due;
        return true;
    case HF_STATE_CALLING:
        *phase = HF_PHASE_CALLING;
        return true;
    case HF_STATE_DECIDING:
        *phase = HF_PHASE_DECIDING;
        return true;
    case HF_STATE_UNCERTAIN:
        *phase = HF_PHASE_UNCERTAIN;
        return true;
    default:
        return false;
    }
}

//  All the index entries of a state: the one place that knows them.
unsigned hf_store_entries(const Hf__State *state, hf_store_entry_t entries[HF_STORE_ENTRIES_MAX]) {
    unsigned size = 0;
    hf_id_t id;
    hf_phase_t phase;
    int64_t due;
    if (!state || !hf_id_from(&id, state->id.data, state->id.len)) {
        return 0;
    }
    if (s_open_place(state, &phase, &due)) {
        entries[size++] = (hf_store_entry_t){TABLE_OPEN, s_key_open(phase, state, due, &id)};
    }
    if (state->state == HF_STATE_PARKED || hf_state_has_turn(state)) {
        entries[size++] = (hf_store_entry_t){TABLE_TURNS, s_key_turn(state, &id)};
    }
    if (hf_state_is_held(state->state)) {
        entries[size++] = (hf_store_entry_t){TABLE_DEAD, hf_store_dead_key(state)};
    }
    if (state->deadline && hf_state_is_open(state->state)) {
        entries[size++] = (hf_store_entry_t){TABLE_EXPIRY, s_key_timed(state->deadline, &id)};
    }
    if (hf_state_is_final(state->state)) {
        entries[size++] = (hf_store_entry_t){TABLE_ENDED, s_key_timed(state->since, &id)};
    }
    return size;
}

bool hf_store_has_entry(const hf_store_entry_t *entries, unsigned size, hf_table_t table, const void *key,
                        size_t key_size) {
    for (unsigned i = 0; i < size; i++) {
        if (entries[i].table == table && entries[i].key.size == key_size &&
            memcmp(entries[i].key.bytes, key, key_size) == 0) {
            return true;
        }
    }
    return false;
}

static bool s_has(const hf_store_entry_t *entries, unsigned size, const hf_store_entry_t *wanted) {
    return hf_store_has_entry(entries, size, wanted->table, wanted->key.bytes, wanted->key.size);
}

//  Takes out what only before asks for, puts in what only after asks for.
static int s_move_entries(hf_store_t *self, const Hf__State *before, const Hf__State *after,
                          hf_error_t *error) {
    hf_store_entry_t old[HF_STORE_ENTRIES_MAX], new[HF_STORE_ENTRIES_MAX];
    unsigned old_size = hf_store_entries(before, old);
    unsigned new_size = hf_store_entries(after, new);
    for (unsigned i = 0; i < old_size; i++) {
        int rc = s_has(new, new_size, &old[i])
                     ? 0
                     : hf_store_delete_record(self, old[i].table, &old[i].key, error);
        if (rc) {
            return rc;
        }
    }
    for (unsigned i = 0; i < new_size; i++) {
        unsigned flags = new[i].table == TABLE_ENDED ? MDB_APPEND : 0;
        int rc = s_has(old, old_size, &new[i]) ? 0
                                               : s_put(self, new[i].table, &new[i].key, NULL, flags, error);
        if (rc) {
            return rc;
        }
    }
    int rc = hf_store_move_group(self, before, after, error);
    if (rc || (before && after && before->state == after->state)) {
        return rc;
    }
    rc = !before ? 0 : hf_store_add_count(self, before->destination, before->state, -1, error);
    return rc || !after ? rc : hf_store_add_count(self, after->destination, after->state, 1, error);
}

int hf_store_put_state(hf_store_t *self, const Hf__State *before, const Hf__State *after, hf_error_t *error) {
    hf_id_t id;
    bool whole = hf_id_from(&id, after->id.data, after->id.len);
    assert(whole);
    hf_store_key_t key = s_key_id(&id);
    int rc = before ? hf_store_put_record(self, TABLE_STATES, &key, &after->base, error)
                    : hf_store_append_record(self, TABLE_STATES, &key, &after->base, error);
    if (!rc && !before && *after->key) {
        rc = hf_store_add_key(self, after->key, &id, error);
    }
    return rc ? rc : s_move_entries(self, before, after, error);
}

//  However many entries there were: only those that are kept are looked for.
static int s_remove_history(hf_store_t *self, const hf_id_t *id, hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_HISTORY, &cursor, error)) {
        return HF_STORE_FAILED;
    }
    int rc = 0;
    while (rc == 0) {
        MDB_val key = {HF_ID_SIZE, (void *)id->bytes}, value;
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        bool its = rc == 0 && key.mv_size > HF_ID_SIZE && memcmp(key.mv_data, id->bytes, HF_ID_SIZE) == 0;
        rc = rc == 0 && !its ? MDB_NOTFOUND : rc;
        rc = rc ? rc : mdb_cursor_del(cursor, 0);
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : hf_store_error(error, rc, "history");
}

int hf_store_remove(hf_store_t *self, const Hf__State *state, const Hf__Command *command, hf_error_t *error) {
    hf_id_t id;
    bool whole = hf_id_from(&id, state->id.data, state->id.len);
    assert(whole);
    int rc = s_move_entries(self, state, NULL, error);
    rc = rc || !state->entries ? rc : s_remove_history(self, &id, error);
    if (!rc && command->idempotency.len == 16) {
        hf_store_key_t key = s_key_hash(command->idempotency.data);
        rc = hf_store_delete_record(self, TABLE_DEDUPE, &key, error);
    }
    hf_store_key_t key = s_key_id(&id);
    rc = rc ? rc : hf_store_delete_record(self, TABLE_STATES, &key, error);
    return rc ? rc : hf_store_delete_record(self, TABLE_COMMANDS, &key, error);
}

//  ---- walks

//  Takes a key of `open` apart; false where it is none.
static bool s_read_open_key(const MDB_val *key, const char **destination, int64_t *due, hf_id_t *id) {
    const uint8_t *bytes = key->mv_data;
    if (key->mv_size < 1 + 2 + 8 + HF_ID_SIZE) {
        return false;
    }
    size_t tail = key->mv_size - 8 - HF_ID_SIZE;
    size_t end = bytes[0] == HF_PHASE_READY ? tail - 2 : tail - 1;
    if (bytes[end] != 0) {
        return false;
    }
    *destination = (const char *)bytes + 1;
    *due = (int64_t)hf_store_number(bytes + tail, 8);
    memcpy(id->bytes, bytes + tail + 8, HF_ID_SIZE);
    return true;
}

//  Everything from `from` on whose first `prefix` bytes are the same.
static int s_walk_open(hf_store_t *self, const hf_store_key_t *from, size_t prefix, hf_on_open_t *on_open,
                       void *context, hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_OPEN, &cursor, error)) {
        return -1;
    }
    MDB_val key = {from->size, (void *)from->bytes}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0 && key.mv_size >= prefix && memcmp(key.mv_data, from->bytes, prefix) == 0) {
        const char *name;
        int64_t due;
        hf_id_t id;
        if (!s_read_open_key(&key, &name, &due, &id)) {
            rc = MDB_CORRUPTED;
            break;
        }
        if (!on_open(context, name, due, &id)) {
            break;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "open"), -1) : 0;
}

int hf_store_walk_open(hf_store_t *self, hf_phase_t phase, const char *destination, int64_t from_due,
                       hf_on_open_t *on_open, void *context, hf_error_t *error) {
    assert(phase != HF_PHASE_READY || from_due == 0);
    hf_store_key_t from = {.size = 0};
    if (!destination) {
        hf_store_key_add_number(&from, phase, 1);
        return s_walk_open(self, &from, from.size, on_open, context, error);
    }
    from = s_key_lane(phase, destination);
    size_t prefix = from.size;
    if (from_due) {
        s_key_add_time(&from, from_due);
    }
    return s_walk_open(self, &from, prefix, on_open, context, error);
}

//  One queue being walked.
typedef struct {
    MDB_cursor *cursor;  //  At its head; NULL: it is at its end, or was not asked for
    hf_store_key_t from; //  What all its keys begin with
    int64_t due;         //  Of its head
    hf_id_t id;          //  The same
} queue_t;

static void s_leave_queue(queue_t *queue) {
    mdb_cursor_close(queue->cursor);
    queue->cursor = NULL;
}

//  Reads the head: the first with MDB_SET_RANGE, then MDB_NEXT.
static int s_read_head(queue_t *queue, MDB_cursor_op op, hf_error_t *error) {
    MDB_val key = {queue->from.size, queue->from.bytes}, value;
    const char *ignored;
    int rc = mdb_cursor_get(queue->cursor, &key, &value, op);
    bool inside = rc == 0 && key.mv_size >= queue->from.size &&
                  memcmp(key.mv_data, queue->from.bytes, queue->from.size) == 0;
    if (inside && s_read_open_key(&key, &ignored, &queue->due, &queue->id)) {
        return 0;
    }
    s_leave_queue(queue);
    rc = inside ? MDB_CORRUPTED : rc;
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "open"), -1) : 0;
}

static int s_enter_queue(hf_store_t *self, queue_t *queue, hf_error_t *error) {
    if (hf_store_cursor(self, TABLE_OPEN, &queue->cursor, error)) {
        queue->cursor = NULL;
        return -1;
    }
    return s_read_head(queue, MDB_SET_RANGE, error);
}

//  The one whose head comes first, or NULL.
static queue_t *s_earliest(queue_t queues[HF_QUEUES]) {
    queue_t *earliest = NULL;
    for (int i = 0; i < HF_QUEUES; i++) {
        bool earlier = queues[i].cursor && (!earliest || queues[i].due < earliest->due);
        earliest = earlier ? &queues[i] : earliest;
    }
    return earliest;
}

int hf_store_walk_ready(hf_store_t *self, const char *destination, int priority, unsigned wanted,
                        hf_on_ready_t *on_ready, void *context, hf_error_t *error) {
    queue_t queues[HF_QUEUES] = {{0}};
    int rc = 0;
    for (int i = 0; i < HF_QUEUES && !rc; i++) {
        if (wanted & 1u << i) {
            queues[i].from = s_key_lane(HF_PHASE_READY, destination);
            s_key_add_queue(&queues[i].from, priority, (hf_queue_t)i);
            rc = s_enter_queue(self, &queues[i], error);
        }
    }
    for (queue_t *queue; !rc && (queue = s_earliest(queues));) {
        hf_walk_t answer = on_ready(context, (hf_queue_t)(queue - queues), queue->due, &queue->id);
        if (answer == HF_WALK_END) {
            break;
        }
        if (answer == HF_WALK_LEAVE) {
            s_leave_queue(queue);
        } else {
            rc = s_read_head(queue, MDB_NEXT, error);
        }
    }
    for (int i = 0; i < HF_QUEUES; i++) {
        if (queues[i].cursor) {
            s_leave_queue(&queues[i]);
        }
    }
    return rc;
}

int hf_store_turn(hf_store_t *self, const char *pipeline, const char *key, bool parked, hf_id_t *id,
                  hf_error_t *error) {
    MDB_cursor *cursor;
    hf_store_key_t chain = s_key_chain(pipeline, key, parked);
    if (hf_store_cursor(self, TABLE_TURNS, &cursor, error)) {
        return -1;
    }
    MDB_val found = {chain.size, chain.bytes}, value;
    int rc = mdb_cursor_get(cursor, &found, &value, MDB_SET_RANGE);
    bool there = rc == 0 && found.mv_size == chain.size + 8 + HF_ID_SIZE &&
                 memcmp(found.mv_data, chain.bytes, chain.size) == 0;
    if (there) {
        memcpy(id->bytes, (const uint8_t *)found.mv_data + chain.size + 8, HF_ID_SIZE);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "turns"), -1) : there;
}

//  Downwards from the newest key at or below from; prefix bytes must stay the same, the id stands behind
//  them.
static int s_walk_down(hf_store_t *self, hf_table_t table, const hf_store_key_t *from, size_t prefix,
                       hf_on_id_t *on_id, void *context, hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, table, &cursor, error)) {
        return -1;
    }
    MDB_val key = {from->size, (void *)from->bytes}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    } else if (rc == 0 && (key.mv_size != from->size || memcmp(key.mv_data, from->bytes, from->size) != 0)) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    }
    while (rc == 0 && key.mv_size == prefix + HF_ID_SIZE && memcmp(key.mv_data, from->bytes, prefix) == 0) {
        hf_id_t id;
        memcpy(id.bytes, (const uint8_t *)key.mv_data + prefix, HF_ID_SIZE);
        if (!on_id(context, &id)) {
            break;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? hf_store_error(error, rc, s_table_names[table]), -1 : 0;
}

static const hf_id_t s_highest = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

int hf_store_walk_newest(hf_store_t *self, const hf_id_t *from, hf_on_id_t *on_id, void *context,
                         hf_error_t *error) {
    hf_store_key_t key = s_key_id(from ? from : &s_highest);
    return s_walk_down(self, TABLE_STATES, &key, 0, on_id, context, error);
}

static int s_walk_timed(hf_store_t *self, hf_table_t table, hf_on_time_t *on_time, void *context,
                        hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, table, &cursor, error)) {
        return -1;
    }
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0 && key.mv_size == 8 + HF_ID_SIZE) {
        hf_id_t id;
        memcpy(id.bytes, (const uint8_t *)key.mv_data + 8, HF_ID_SIZE);
        if (!on_time(context, (int64_t)hf_store_number(key.mv_data, 8), &id)) {
            break;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? hf_store_error(error, rc, s_table_names[table]), -1 : 0;
}

int hf_store_walk_expiry(hf_store_t *self, hf_on_time_t *on_time, void *context, hf_error_t *error) {
    return s_walk_timed(self, TABLE_EXPIRY, on_time, context, error);
}

int hf_store_walk_ended(hf_store_t *self, hf_on_time_t *on_time, void *context, hf_error_t *error) {
    return s_walk_timed(self, TABLE_ENDED, on_time, context, error);
}

//  ---- sizes and care

const char *hf_store_table_name(unsigned number) {
    return number < TABLES ? s_table_names[number] : NULL;
}

//  Free pages stand in LMDB's own table 0: each key is the transaction that freed them, each record a count
//  and that many page numbers. What the newest transaction freed is not used by the next one: until that is
//  durable, a crash leads back to it.
static int s_free_pages(hf_store_t *self, hf_store_stat_t *stat) {
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(hf_store_txn(self), 0, &cursor);
    if (rc) {
        return rc;
    }
    MDB_val key, value;
    size_t newest = mdb_txn_id(hf_store_txn(self));
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t count, freed_by;
        memcpy(&count, value.mv_data, sizeof count);
        memcpy(&freed_by, key.mv_data, sizeof freed_by);
        stat->pages_free += count;
        stat->pages_held += freed_by >= newest ? count : 0;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

int hf_store_stat(hf_store_t *self, hf_store_stat_t *stat, hf_error_t *error) {
    *stat = (hf_store_stat_t){0};
    MDB_envinfo info;
    MDB_stat table;
    mdb_env_info(self->shared->env, &info);
    mdb_env_stat(self->shared->env, &table);
    stat->page_size = table.ms_psize;
    stat->pages_used = info.me_last_pgno + 1;
    stat->map_bytes = info.me_mapsize;
    stat->readers = info.me_numreaders;
    for (unsigned i = 0; i < TABLES; i++) {
        int rc = mdb_stat(hf_store_txn(self), self->shared->dbi[i], &table);
        if (rc) {
            return hf_store_error(error, rc, s_table_names[i]), -1;
        }
        stat->entries[i] = table.ms_entries;
        stat->bytes[i] = (table.ms_branch_pages + table.ms_leaf_pages + table.ms_overflow_pages) *
                         table.ms_psize;
    }
    int rc = s_free_pages(self, stat);
    return rc ? hf_store_error(error, rc, "free pages"), -1 : 0;
}

int hf_store_set_map(hf_store_t *self, size_t bytes, hf_error_t *error) {
    assert(!self->write && self->shared->reading == 0);
    int rc = mdb_env_set_mapsize(self->shared->env, bytes);
    return rc ? hf_store_error(error, rc, "set the journal's map") : 0;
}

int hf_store_clear_readers(hf_store_t *self) {
    int dead = 0;
    mdb_reader_check(self->shared->env, &dead);
    return dead;
}

int hf_store_backup(hf_store_t *self, const char *dir, hf_error_t *error) {
    int rc = mdb_env_copy2(self->shared->env, dir, MDB_CP_COMPACT);
    return rc ? hf_store_error(error, rc, dir), -1 : 0;
}
