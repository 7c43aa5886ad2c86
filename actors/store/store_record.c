/*  Happy path: pack the message, put a checksum before it, put it under its key; the other way round to read.
 *
 *  Failures: a record that does not match its checksum is an error that says so, never an answer. What LMDB
 * reports is either "no room" (HF_STORE_FULL: the transaction may be tried again with more) or final.  */

#include "store/store_private.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#define TABLE_WORD(name, word) word,
static const char *const s_table_names[] = {HF_TABLE_LIST(TABLE_WORD)};

enum {
    CHECKSUM = 8,           //  Bytes before every record
    SCRATCH_KEPT = 1 << 20, //  Bytes of packing space that are kept from one record to the next
};

const char *hf_store_table_name(unsigned number) {
    return number < TABLES ? s_table_names[number] : NULL;
}

int hf_store_error(hf_error_t *error, int rc, const char *what) {
    hf_error_set(error, "%s: %s", what, mdb_strerror(rc));
    return rc == MDB_MAP_FULL ? HF_STORE_FULL : HF_STORE_FAILED;
}

MDB_txn *hf_store_txn(hf_store_t *self) {
    assert(self->write || self->reading);
    return self->write ? self->write : self->read;
}

int hf_store_cursor(hf_store_t *self, hf_table_t table, MDB_cursor **cursor, hf_error_t *error) {
    int rc = mdb_cursor_open(hf_store_txn(self), self->shared->dbi[table], cursor);
    return rc ? (hf_store_error(error, rc, s_table_names[table]), -1) : 0;
}

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
