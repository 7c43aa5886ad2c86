/*  Facts on disk: runs of them, each under the number of its first, in the order in which they became true.
 *
 *  Failures: a number that is no longer kept is told as such, so that whoever follows rebuilds; a broken record is never passed
 *  over.  */

#include "store/store_private.h"

#include <assert.h>

static hf_store_key_t s_key_number(uint64_t number) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add_number(&key, number, 8);
    return key;
}

int hf_store_put_facts(hf_store_t *self, const Hf__FactRun *run, hf_error_t *error) {
    assert(run->n_facts > 0 && run->n_facts <= HF_FACTS_PER_RUN);
    hf_store_key_t key = s_key_number(run->facts[0]->seq);
    return hf_store_append_record(self, TABLE_FACTS, &key, &run->base, error);
}

//  Places the cursor on the run that holds that number: 1, or 0 where it is not kept, -1 broken.
static int s_find_run(MDB_cursor *cursor, uint64_t number, MDB_val *key, MDB_val *value, hf_error_t *error) {
    hf_store_key_t wanted = s_key_number(number);
    *key = (MDB_val){wanted.size, wanted.bytes};
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (rc == MDB_NOTFOUND) {
        rc = mdb_cursor_get(cursor, key, value, MDB_LAST);
    } else if (rc == 0 && key->mv_size == 8 && hf_store_number(key->mv_data, 8) > number) {
        rc = mdb_cursor_get(cursor, key, value, MDB_PREV);
    }
    if (rc == MDB_NOTFOUND) {
        return 0;
    }
    return rc ? (hf_store_error(error, rc, "facts"), -1) : 1;
}

//  -1 where the record that knows it is broken; a journal without one has no facts yet.
static int s_newest_fact(hf_store_t *self, uint64_t *newest, hf_error_t *error) {
    hf_arena_t *arena = hf_arena_new(256);
    Hf__Meta *meta = NULL;
    int found = hf_store_meta(self, arena, &meta, error);
    *newest = found == 1 && meta->next_fact ? meta->next_fact - 1 : 0;
    hf_arena_destroy(&arena);
    return found < 0 ? -1 : 0;
}

uint64_t hf_store_newest_fact(hf_store_t *self) {
    uint64_t newest = 0;
    s_newest_fact(self, &newest, NULL);
    return newest;
}

//  Hands the facts of one run from number *next on to on_fact. 1: go on, 0: enough, or the number is gone
//  (*next is 0 then).
static int s_walk_run(const Hf__FactRun *run, int64_t *next, hf_on_fact_t *on_fact, void *context) {
    if (run->n_facts == 0 || (int64_t)run->facts[run->n_facts - 1]->seq < *next) {
        *next = 0; //  The run that held it is gone
        return 0;
    }
    for (size_t i = 0; i < run->n_facts; i++) {
        if ((int64_t)run->facts[i]->seq >= *next) {
            *next = (int64_t)run->facts[i]->seq + 1;
            if (!on_fact(context, run->facts[i])) {
                return 0;
            }
        }
    }
    return 1;
}

int64_t hf_store_facts(hf_store_t *self, uint64_t from, hf_arena_t *arena, hf_on_fact_t *on_fact,
                       void *context, hf_error_t *error) {
    uint64_t newest;
    if (s_newest_fact(self, &newest, error)) {
        return -1;
    }
    if (from > newest) {
        return (int64_t)from;
    }
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_FACTS, &cursor, error)) {
        return -1;
    }
    MDB_val key, value;
    int found = s_find_run(cursor, from, &key, &value, error);
    int64_t next = found <= 0 ? found : (int64_t)from;
    int rc = found > 0 ? 0 : MDB_NOTFOUND;
    while (rc == 0) {
        Hf__FactRun *run = hf_store_unpack(TABLE_FACTS, &key, &value, &hf__fact_run__descriptor, arena,
                                           error);
        if (!run) {
            next = -1;
            break;
        }
        rc = s_walk_run(run, &next, on_fact, context) ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
                                                      : MDB_NOTFOUND;
    }
    mdb_cursor_close(cursor);
    return rc == 0 || rc == MDB_NOTFOUND ? next : (hf_store_error(error, rc, "facts"), -1);
}

//  The number of the oldest fact that is kept: 1, 0 there is none, -1.
static int s_oldest_fact(hf_store_t *self, uint64_t *oldest, hf_error_t *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    if (hf_store_cursor(self, TABLE_FACTS, &cursor, error)) {
        return -1;
    }
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    rc = rc == 0 && key.mv_size != 8 ? MDB_CORRUPTED : rc;
    if (rc == 0) {
        *oldest = hf_store_number(key.mv_data, 8);
    }
    mdb_cursor_close(cursor);
    return rc == 0 ? 1 : rc == MDB_NOTFOUND ? 0 : (hf_store_error(error, rc, "facts"), -1);
}

int hf_store_newest_facts(hf_store_t *self, uint64_t most, hf_arena_t *arena, hf_on_fact_t *on_fact,
                          void *context, hf_error_t *error) {
    uint64_t newest, oldest;
    int found = s_newest_fact(self, &newest, error) ? -1 : s_oldest_fact(self, &oldest, error);
    if (found != 1) {
        return found;
    }
    uint64_t from = newest > most ? newest - most + 1 : 1;
    from = from > oldest ? from : oldest;
    return hf_store_facts(self, from, arena, on_fact, context, error) < 0 ? -1 : 0;
}

typedef struct {
    uint64_t number; //  Wanted
    Hf__Fact *fact;  //  Found; in the caller's arena
} one_fact_t;

static bool s_on_one_fact(void *context, const Hf__Fact *fact) {
    one_fact_t *one = context;
    if (fact->seq == one->number) {
        one->fact = (Hf__Fact *)fact;
    }
    return false;
}

int hf_store_fact(hf_store_t *self, uint64_t number, hf_arena_t *arena, Hf__Fact **fact, hf_error_t *error) {
    one_fact_t one = {number, NULL};
    if (hf_store_facts(self, number, arena, s_on_one_fact, &one, error) < 0) {
        return -1;
    }
    *fact = one.fact;
    return one.fact ? 1 : 0;
}

int hf_store_trim_facts(hf_store_t *self, int64_t older_than, unsigned most, hf_arena_t *arena,
                        hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_FACTS, &cursor, error)) {
        return HF_STORE_FAILED;
    }
    int removed = 0;
    MDB_val key, value;
    while (removed >= 0 && (unsigned)removed < most) {
        int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (rc) {
            removed = rc == MDB_NOTFOUND ? removed : hf_store_error(error, rc, "facts");
            break;
        }
        Hf__FactRun *run = hf_store_unpack(TABLE_FACTS, &key, &value, &hf__fact_run__descriptor, arena,
                                           error);
        if (!run) {
            removed = HF_STORE_FAILED;
        } else if (run->n_facts && run->facts[run->n_facts - 1]->at >= older_than) {
            break;
        } else {
            rc = mdb_cursor_del(cursor, 0);
            removed = rc ? hf_store_error(error, rc, "facts") : removed + 1;
        }
    }
    mdb_cursor_close(cursor);
    return removed;
}
