/*  Happy path: each table is walked once, from its first key to its last; each record is unpacked (which
 * checks its checksum) and held against what belongs to it in the other tables. Both directions are covered
 * because each table looks at the others.
 *
 *  Failures: whatever does not fit is told to on_problem, with the table and the key, and the walk goes on. A
 * record that another table leads to and that cannot be read is told of once, where its own table is walked.
 */

#include "store/verify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

//  ---- meta

static void s_check_meta(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    static const char prefix[] = "sender:";
    size_t prefix_size = sizeof prefix - 1;
    const char *name = key->mv_data;
    if (key->mv_size == 4 && memcmp(name, "meta", 4) == 0) {
        Hf__Meta *meta = hf_verify_read(self, key, value, &hf__meta__descriptor);
        if (meta && (meta->format != HF_STORE_FORMAT || !meta->epoch || !meta->next_fact)) {
            hf_verify_problem(
                self, "format %" PRIu32 " is not the one that this version reads, or it was never begun",
                meta->format);
        }
    } else if (key->mv_size > prefix_size && memcmp(name, prefix, prefix_size) == 0) {
        Hf__Sender *sender = hf_verify_read(self, key, value, &hf__sender__descriptor);
        if (sender && (strlen(sender->name) != key->mv_size - prefix_size ||
                       memcmp(sender->name, name + prefix_size, key->mv_size - prefix_size) != 0 ||
                       sender->epoch > self->last_epoch || sender->nonce.len != 16)) {
            hf_verify_problem(self, "its name, its epoch or its nonce cannot be");
        }
    } else {
        hf_verify_problem(self, "nothing of that name belongs here");
    }
}

//  Where the record cannot be read, nothing is held against it; its own walk tells of it.
static void s_load_meta(hf_verify_t *self) {
    Hf__Meta *meta;
    int found = hf_store_meta(self->store, self->arena, &meta, NULL);
    self->newest_fact = found == 1 && meta->next_fact ? meta->next_fact - 1 : UINT64_MAX;
    self->last_epoch = found == 1 ? meta->epoch : UINT64_MAX;
    if (found == 0) {
        hf_verify_tell(self, "meta: the record that the journal keeps about itself is missing");
    }
    hf_arena_reset(self->arena);
}

//  ---- walking

static bool s_is_behind(const MDB_val *key, const hf_store_key_t *last) {
    size_t common = key->mv_size < last->size ? key->mv_size : last->size;
    int order = memcmp(key->mv_data, last->bytes, common);
    return order > 0 || (order == 0 && key->mv_size > last->size);
}

//  Every record of a table. Its order is checked, too: behind a key out of order LMDB finds nothing any more.
static void s_walk(hf_verify_t *self, hf_table_t table, hf_check_t *check) {
    hf_error_t error;
    MDB_cursor *cursor;
    MDB_stat stat;
    MDB_val key, value;
    hf_store_key_t last = {.size = 0};
    uint64_t seen = 0;
    self->table = table;
    self->key = &key;
    if (hf_store_cursor(self->store, table, &cursor, &error)) {
        hf_verify_tell(self, "%s", error.text);
        return;
    }
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT), seen++) {
        if (key.mv_size > sizeof last.bytes || !s_is_behind(&key, &last)) {
            hf_verify_problem(self, "the key is out of order");
        }
        last.size = key.mv_size < sizeof last.bytes ? key.mv_size : sizeof last.bytes;
        memcpy(last.bytes, key.mv_data, last.size);
        check(self, &key, &value);
        hf_arena_reset(self->arena);
    }
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND) {
        hf_store_error(&error, rc, hf_store_table_name(table));
        hf_verify_tell(self, "%s", error.text);
    } else if (mdb_stat(hf_store_txn(self->store), self->store->shared->dbi[table], &stat) == 0 &&
               stat.ms_entries != seen) {
        hf_verify_tell_table(self, table, "LMDB counts other records than there are", stat.ms_entries, seen);
    }
}

static uint64_t s_pages(const MDB_stat *stat) {
    return stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

//  Every page is either one of the two that LMDB begins with, or free, or of just one table; tables 0 and 1
//  are LMDB's own.
static void s_check_pages(hf_verify_t *self) {
    hf_error_t error;
    hf_store_stat_t sizes;
    MDB_stat stat;
    uint64_t pages = 2;
    if (hf_store_stat(self->store, &sizes, &error)) {
        hf_verify_tell(self, "%s", error.text);
        return;
    }
    for (MDB_dbi own = 0; own < 2; own++) {
        pages += mdb_stat(hf_store_txn(self->store), own, &stat) == 0 ? s_pages(&stat) : 0;
    }
    for (unsigned table = 0; table < TABLES; table++) {
        pages += sizes.bytes[table] / sizes.page_size;
    }
    if (self->pages_used && pages + sizes.pages_free != self->pages_used) {
        hf_verify_tell(self,
                       "pages: %" PRIu64 " are in tables and %" PRIu64 " are free, but %" PRIu64
                       " were taken altogether",
                       pages, sizes.pages_free, self->pages_used);
    }
}

//  Facts come before states: which of them are kept must be known.
static void s_check_all(hf_verify_t *self) {
    s_walk(self, TABLE_META, s_check_meta);
    s_walk(self, TABLE_FACTS, hf_verify_run);
    hf_verify_facts_end(self);
    s_walk(self, TABLE_COMMANDS, hf_verify_command);
    s_walk(self, TABLE_STATES, hf_verify_state);
    if (self->newest_facts_wanted != self->newest_facts_found) {
        s_walk(self, TABLE_STATES, hf_verify_newest_fact);
    }
    s_walk(self, TABLE_OPEN, hf_verify_index);
    s_walk(self, TABLE_TURNS, hf_verify_turn);
    s_walk(self, TABLE_DEAD, hf_verify_index);
    s_walk(self, TABLE_GROUPS, hf_verify_group);
    hf_verify_grouped(self);
    s_walk(self, TABLE_JOBS, hf_verify_job);
    s_walk(self, TABLE_PROGRESS, hf_verify_progress);
    hf_verify_jobs(self);
    s_walk(self, TABLE_HISTORY, hf_verify_history);
    hf_verify_history_end(self);
    s_walk(self, TABLE_DEDUPE, hf_verify_dedupe);
    s_walk(self, TABLE_KEYS, hf_verify_key_run);
    hf_verify_keyed(self);
    s_walk(self, TABLE_EXPIRY, hf_verify_index);
    s_walk(self, TABLE_ENDED, hf_verify_index);
    s_walk(self, TABLE_COUNTS, hf_verify_count);
    hf_verify_tallies(self);
    s_walk(self, TABLE_DESTINATIONS, hf_verify_destination);
    hf_verify_destinations(self);
    s_check_pages(self);
}

//  LMDB tells how many pages are taken by its newest transaction only: begin until that is ours.
static int s_begin(hf_verify_t *self, hf_error_t *error) {
    enum { TRIES = 100 };
    for (int i = 0; i < TRIES; i++) {
        MDB_envinfo info;
        if (hf_store_begin_read(self->store, error)) {
            return -1;
        }
        mdb_env_info(self->store->shared->env, &info);
        if (info.me_last_txnid == mdb_txn_id(hf_store_txn(self->store))) {
            self->pages_used = info.me_last_pgno + 1;
            return 0;
        }
        if (i < TRIES - 1) {
            hf_store_end_read(self->store);
        }
    }
    return 0;
}

int64_t hf_store_verify(hf_store_t *store, hf_on_problem_t *on_problem, void *context, hf_error_t *error) {
    hf_verify_t self = {.store = store, .on_problem = on_problem, .context = context};
    if (s_begin(&self, error)) {
        return -1;
    }
    self.arena = hf_arena_new(64 << 10);
    s_load_meta(&self);
    s_check_all(&self);
    hf_arena_destroy(&self.arena);
    hf_store_end_read(store);
    free(self.tallies.items);
    free(self.groups.items);
    free(self.members.items);
    return self.problems;
}
