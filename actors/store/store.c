/*  The handle: opening, transactions, a record of each kind, a state with all that follows from it, sizes and care.  */

#include "store/store_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(TABLES <= sizeof((hf_store_stat_t *)0)->entries / sizeof(uint64_t), "room in hf_store_stat_t");

//  ---- opening

static int s_open_tables(hf_store_shared_t *shared, bool writer, hf_error_t *error) {
    MDB_txn *txn;
    int rc = mdb_txn_begin(shared->env, NULL, writer ? 0 : MDB_RDONLY, &txn);
    if (rc) {
        return hf_store_error(error, rc, "begin a transaction");
    }
    for (unsigned table = 0; table < TABLES; table++) {
        rc = mdb_dbi_open(txn, hf_store_table_name(table), writer ? MDB_CREATE : 0, &shared->dbi[table]);
        if (rc) {
            mdb_txn_abort(txn);
            return hf_store_error(error, rc == MDB_NOTFOUND ? ENOENT : rc, hf_store_table_name(table));
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

//  ---- a record of each kind

static hf_store_key_t s_key_sender(const char *name) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, "sender:", 7);
    hf_store_key_add(&key, name, strnlen(name, 64));
    return key;
}

static hf_store_key_t s_key_hash(const uint8_t hash[16]) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, hash, 16);
    return key;
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
    hf_store_key_t key = hf_store_key_of_id(id);
    return hf_store_get_record(self, TABLE_COMMANDS, &key, &hf__command__descriptor, arena, command, error);
}

int hf_store_put_command(hf_store_t *self, const Hf__Command *command, hf_error_t *error) {
    hf_id_t id;
    bool whole = hf_id_from(&id, command->id.data, command->id.len);
    assert(whole);
    hf_store_key_t key = hf_store_key_of_id(&id);
    return hf_store_append_record(self, TABLE_COMMANDS, &key, &command->base, error);
}

int hf_store_state(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__State **state,
                   hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_id(id);
    return hf_store_get_record(self, TABLE_STATES, &key, &hf__state__descriptor, arena, state, error);
}

int hf_store_history(hf_store_t *self, const hf_id_t *id, uint32_t number, hf_arena_t *arena,
                     Hf__History **entry, hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_history(id, number);
    return hf_store_get_record(self, TABLE_HISTORY, &key, &hf__history__descriptor, arena, entry, error);
}

int hf_store_put_history(hf_store_t *self, const hf_id_t *id, uint32_t number, const Hf__History *entry,
                         hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_history(id, number);
    return hf_store_put_record(self, TABLE_HISTORY, &key, &entry->base, error);
}

int hf_store_delete_history(hf_store_t *self, const hf_id_t *id, uint32_t number, hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_history(id, number);
    return hf_store_delete_record(self, TABLE_HISTORY, &key, error);
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

//  ---- states and the indexes that follow from them

static bool s_has(const hf_store_entry_t *entries, unsigned size, const hf_store_entry_t *wanted) {
    return hf_store_has_entry(entries, size, wanted->table, wanted->key.bytes, wanted->key.size);
}

static int s_put_entry(hf_store_t *self, const hf_store_entry_t *entry, hf_error_t *error) {
    return entry->table == TABLE_ENDED ? hf_store_append_record(self, entry->table, &entry->key, NULL, error)
                                       : hf_store_put_record(self, entry->table, &entry->key, NULL, error);
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
        int rc = s_has(old, old_size, &new[i]) ? 0 : s_put_entry(self, &new[i], error);
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
    hf_store_key_t key = hf_store_key_of_id(&id);
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
    hf_store_key_t key = hf_store_key_of_id(&id);
    rc = rc ? rc : hf_store_delete_record(self, TABLE_STATES, &key, error);
    return rc ? rc : hf_store_delete_record(self, TABLE_COMMANDS, &key, error);
}

//  ---- sizes and care

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
            return hf_store_error(error, rc, hf_store_table_name(i)), -1;
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
