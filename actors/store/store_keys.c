/*  The table `keys`: search by what a command is about.
 *
 *  An entry for each command at the place of its key's hash would change a page at random for each accepted
 * command, and each of these pages would be written at every commit. So the commands of a commit go into one
 * record, in the order of their ids, at the table's end: accepting writes one place, whatever the keys.
 * Searching reads hashes, 20 bytes a command, from the newest record backwards.
 *
 *  A record stays until none of its commands is left; hf_store_trim_keys looks at a few at a time.  */

#include "store/store_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    FILL_UP = 64, //  A record with fewer commands takes up the next ones, so that a quiet node makes no
                  //  record for each command
};

uint32_t hf_store_key_hash(const char *key) {
    return (uint32_t)XXH3_64bits(key, strlen(key));
}

static int s_compare(const void *a, const void *b) {
    return memcmp(((const hf_key_entry_t *)a)->id.bytes, ((const hf_key_entry_t *)b)->id.bytes, HF_ID_SIZE);
}

static hf_store_key_t s_key(const hf_id_t *id) {
    hf_store_key_t key = {.size = HF_ID_SIZE};
    memcpy(key.bytes, id->bytes, HF_ID_SIZE);
    return key;
}

//  Whether the record is whole: an id for each hash.
static bool s_is_whole(const Hf__KeyRun *run) {
    return run->n_hashes > 0 && run->ids.len == run->n_hashes * HF_ID_SIZE;
}

static hf_id_t s_id(const Hf__KeyRun *run, size_t number) {
    hf_id_t id;
    memcpy(id.bytes, run->ids.data + number * HF_ID_SIZE, HF_ID_SIZE);
    return id;
}

static int s_write(hf_store_t *self, const hf_key_entry_t *entries, size_t size, hf_error_t *error) {
    uint32_t hashes[HF_KEYS_PER_RUN];
    uint8_t ids[HF_KEYS_PER_RUN * HF_ID_SIZE];
    for (size_t i = 0; i < size; i++) {
        hashes[i] = entries[i].hash;
        memcpy(ids + i * HF_ID_SIZE, entries[i].id.bytes, HF_ID_SIZE);
    }
    Hf__KeyRun run = HF__KEY_RUN__INIT;
    run.hashes = hashes;
    run.n_hashes = size;
    run.ids = (ProtobufCBinaryData){size * HF_ID_SIZE, ids};
    hf_store_key_t key = s_key(&entries[0].id);
    return hf_store_append_record(self, TABLE_KEYS, &key, &run.base, error);
}

//  The newest record's commands, where it is still to be filled up: how many, or HF_STORE_FAILED.
static int s_take_newest(hf_store_t *self, hf_key_entry_t entries[FILL_UP], hf_error_t *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    if (hf_store_cursor(self, TABLE_KEYS, &cursor, error)) {
        return HF_STORE_FAILED;
    }
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    mdb_cursor_close(cursor);
    if (rc || value.mv_size > FILL_UP * (HF_ID_SIZE + sizeof(uint32_t)) + 32) {
        return rc && rc != MDB_NOTFOUND ? hf_store_error(error, rc, "keys") : 0;
    }
    hf_arena_t *arena = hf_arena_new(4 << 10);
    Hf__KeyRun *run = hf_store_unpack(TABLE_KEYS, &key, &value, &hf__key_run__descriptor, arena, error);
    int size = !run ? HF_STORE_FAILED : s_is_whole(run) && run->n_hashes < FILL_UP ? (int)run->n_hashes : 0;
    for (int i = 0; i < size; i++) {
        entries[i] = (hf_key_entry_t){run->hashes[i], s_id(run, (size_t)i)};
    }
    hf_arena_destroy(&arena);
    return size;
}

int hf_store_flush_keys(hf_store_t *self, hf_error_t *error) {
    if (self->keys_size == 0) {
        return 0;
    }
    hf_key_entry_t *entries = self->keys;
    int taken = self->keys_size + FILL_UP <= HF_KEYS_PER_RUN
                    ? s_take_newest(self, entries + self->keys_size, error)
                    : 0;
    if (taken < 0) {
        return taken;
    }
    if (taken > 0) {
        hf_store_key_t old = s_key(&entries[self->keys_size].id);
        int rc = hf_store_delete_record(self, TABLE_KEYS, &old, error);
        if (rc) {
            return rc;
        }
    }
    size_t size = self->keys_size + (size_t)taken;
    qsort(entries, size, sizeof *entries, s_compare);
    self->keys_size = 0;
    return s_write(self, entries, size, error);
}

int hf_store_add_key(hf_store_t *self, const char *key, const hf_id_t *id, hf_error_t *error) {
    assert(self->write);
    if (!self->keys) {
        self->keys = hf_alloc(HF_KEYS_PER_RUN * sizeof *self->keys);
    }
    if (self->keys_size == HF_KEYS_PER_RUN) {
        int rc = hf_store_flush_keys(self, error);
        if (rc) {
            return rc;
        }
    }
    self->keys[self->keys_size++] = (hf_key_entry_t){hf_store_key_hash(key), *id};
    return 0;
}

//  What one record holds of the hash, at or below from, from the newest on. False: on_id has had enough.
static bool s_search_run(const Hf__KeyRun *run, uint32_t hash, const hf_id_t *from, hf_on_id_t *on_id,
                         void *context) {
    for (size_t number = run->n_hashes; number-- > 0;) {
        if (run->hashes[number] != hash) {
            continue;
        }
        hf_id_t id = s_id(run, number);
        if ((!from || memcmp(id.bytes, from->bytes, HF_ID_SIZE) <= 0) && !on_id(context, &id)) {
            return false;
        }
    }
    return true;
}

//  Places the cursor on the newest record that may hold ids at or below from.
static int s_place(MDB_cursor *cursor, const hf_id_t *from, MDB_val *key, MDB_val *value) {
    if (!from) {
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    }
    *key = (MDB_val){HF_ID_SIZE, (void *)from->bytes};
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) {
        return mdb_cursor_get(cursor, key, value, MDB_LAST);
    }
    bool is_it = rc == 0 && key->mv_size == HF_ID_SIZE && memcmp(key->mv_data, from->bytes, HF_ID_SIZE) == 0;
    return rc || is_it ? rc : mdb_cursor_get(cursor, key, value, MDB_PREV);
}

int hf_store_walk_key(hf_store_t *self, const char *text, const hf_id_t *from, hf_on_id_t *on_id,
                      void *context, hf_error_t *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    uint32_t hash = hf_store_key_hash(text);
    if (hf_store_cursor(self, TABLE_KEYS, &cursor, error)) {
        return -1;
    }
    hf_arena_t *arena = hf_arena_new(16 << 10);
    int rc = s_place(cursor, from, &key, &value);
    while (rc == 0) {
        hf_arena_reset(arena);
        Hf__KeyRun *run = hf_store_unpack(TABLE_KEYS, &key, &value, &hf__key_run__descriptor, arena, error);
        if (!run) {
            break;
        }
        rc = s_is_whole(run) && !s_search_run(run, hash, from, on_id, context)
                 ? MDB_NOTFOUND
                 : mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    }
    hf_arena_destroy(&arena);
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc ? (hf_store_error(error, rc, "keys"), -1) : -1;
}

//  1: a command of the record is still there; 0: none; HF_STORE_FAILED. *looked grows by how many were looked for.
static int s_is_wanted(hf_store_t *self, const Hf__KeyRun *run, unsigned *looked, hf_error_t *error) {
    for (size_t number = 0; number < run->n_hashes && s_is_whole(run); number++) {
        ++*looked;
        hf_id_t id = s_id(run, number);
        MDB_val key = {HF_ID_SIZE, id.bytes}, value;
        int rc = mdb_get(self->write, self->shared->dbi[TABLE_STATES], &key, &value);
        if (rc != MDB_NOTFOUND) {
            return rc ? hf_store_error(error, rc, "states") : 1;
        }
    }
    return 0;
}

//  The next record behind place: 1, 0 none, HF_STORE_FAILED.
static int s_next_run(hf_store_t *self, const hf_id_t *place, hf_arena_t *arena, hf_id_t *found,
                      Hf__KeyRun **run, hf_error_t *error) {
    MDB_cursor *cursor;
    MDB_val key = {HF_ID_SIZE, (void *)place->bytes}, value;
    if (hf_store_cursor(self, TABLE_KEYS, &cursor, error)) {
        return HF_STORE_FAILED;
    }
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (rc == 0 && key.mv_size == HF_ID_SIZE && memcmp(key.mv_data, place->bytes, HF_ID_SIZE) == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    if (rc) {
        return rc == MDB_NOTFOUND ? 0 : hf_store_error(error, rc, "keys");
    }
    *run = hf_store_unpack(TABLE_KEYS, &key, &value, &hf__key_run__descriptor, arena, error);
    return *run && hf_id_from(found, key.mv_data, key.mv_size) ? 1 : HF_STORE_FAILED;
}

int hf_store_trim_keys(hf_store_t *self, int64_t accepted_before, hf_id_t *place, unsigned most,
                       hf_arena_t *arena, hf_error_t *error) {
    int removed = 0;
    for (unsigned looked = 0; looked < most;) {
        Hf__KeyRun *run = NULL;
        hf_id_t found;
        int rc = s_next_run(self, place, arena, &found, &run, error);
        if (rc <= 0 || hf_id_ms(&found) >= accepted_before) {
            memset(place, 0, sizeof *place);
            return rc < 0 ? rc : removed;
        }
        looked++; //  The record itself
        int wanted = s_is_wanted(self, run, &looked, error);
        if (wanted < 0) {
            return wanted;
        }
        *place = found;
        if (!wanted) {
            hf_store_key_t key = s_key(&found);
            rc = hf_store_delete_record(self, TABLE_KEYS, &key, error);
            if (rc) {
                return rc;
            }
            removed++;
        }
    }
    return removed;
}
