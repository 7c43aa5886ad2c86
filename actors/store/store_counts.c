/*  How many commands of each destination are in each state. A transaction gathers what changes, and writes each count once.
 *
 *  Failures: a count that cannot be read, or would fall below none, is an error: a wrong number that looks sound is worse.  */

#include "store/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { DELTAS = 1024 }; //  Counts changed in one transaction that are gathered before they are written

struct hf_delta {
    char destination[72]; //  Empty: this place is free
    uint32_t state;       //  hf_state_t
    int64_t delta;        //  Commands that came less commands that went
};

static hf_store_key_t s_key_count(const char *destination, uint32_t state) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add_name(&key, destination);
    hf_store_key_add_number(&key, state, 1);
    return key;
}

static int s_count(hf_store_t *self, const hf_store_key_t *key, uint64_t *n, hf_error_t *error) {
    hf_arena_t *arena = hf_arena_new(64);
    Hf__Count *count = NULL;
    int found = hf_store_get_record(self, TABLE_COUNTS, key, &hf__count__descriptor, arena, &count, error);
    *n = found == 1 ? count->n : 0;
    hf_arena_destroy(&arena);
    return found < 0 ? -1 : 0;
}

uint64_t hf_store_count(hf_store_t *self, const char *destination, hf_state_t state) {
    uint64_t n;
    hf_store_key_t key = s_key_count(destination, state);
    s_count(self, &key, &n, NULL);
    return n;
}

//  A count that cannot be read is never written over: the damage would become a wrong number that looks
//  sound.
static int s_flush_count(hf_store_t *self, const hf_delta_t *delta, hf_error_t *error) {
    hf_store_key_t key = s_key_count(delta->destination, delta->state);
    Hf__Count count = HF__COUNT__INIT;
    if (s_count(self, &key, &count.n, error)) {
        return HF_STORE_FAILED;
    }
    if (delta->delta < 0 && count.n < (uint64_t)-delta->delta) {
        hf_error_set(error, "counts: fewer commands are counted than there are: the journal is damaged");
        return HF_STORE_FAILED;
    }
    count.n += (uint64_t)delta->delta;
    return count.n ? hf_store_put_record(self, TABLE_COUNTS, &key, &count.base, error)
                   : hf_store_delete_record(self, TABLE_COUNTS, &key, error);
}

int hf_store_flush_counts(hf_store_t *self, hf_error_t *error) {
    for (unsigned i = 0; i < DELTAS && self->deltas_used; i++) {
        hf_delta_t *delta = &self->deltas[i];
        int rc = delta->destination[0] && delta->delta ? s_flush_count(self, delta, error) : 0;
        if (rc) {
            return rc;
        }
    }
    hf_store_forget_counts(self);
    return 0;
}

int hf_store_add_count(hf_store_t *self, const char *destination, uint32_t state, int64_t by,
                       hf_error_t *error) {
    if (!self->deltas) {
        self->deltas = hf_alloc(DELTAS * sizeof *self->deltas);
    }
    if (self->deltas_used >= DELTAS / 2) {
        int rc = hf_store_flush_counts(self, error);
        if (rc) {
            return rc;
        }
    }
    size_t length = strnlen(destination, HF_DESTINATION_MAX);
    uint64_t place = XXH3_64bits_withSeed(destination, length, state);
    for (;; place++) {
        hf_delta_t *delta = &self->deltas[place % DELTAS];
        if (!delta->destination[0]) {
            memcpy(delta->destination, destination, length);
            delta->state = state;
            self->deltas_used++;
        }
        if (delta->state == state && strncmp(delta->destination, destination, 64) == 0) {
            delta->delta += by;
            return 0;
        }
    }
}

void hf_store_forget_counts(hf_store_t *self) {
    if (self->deltas_used) {
        memset(self->deltas, 0, DELTAS * sizeof *self->deltas);
        self->deltas_used = 0;
    }
}

int hf_store_walk_counts(hf_store_t *self, hf_on_count_t *on_count, void *context, hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_COUNTS, &cursor, error)) {
        return -1;
    }
    hf_arena_t *arena = hf_arena_new(256);
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0) {
        const uint8_t *bytes = key.mv_data;
        Hf__Count *count = hf_store_unpack(TABLE_COUNTS, &key, &value, &hf__count__descriptor, arena, error);
        if (!count || key.mv_size < 3 || bytes[key.mv_size - 2] != 0) {
            rc = count ? (hf_store_error(error, MDB_CORRUPTED, "counts"), EIO) : EIO;
            break;
        }
        on_count(context, (const char *)bytes, (hf_state_t)bytes[key.mv_size - 1], count->n);
        hf_arena_reset(arena);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    hf_arena_destroy(&arena);
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND && rc != EIO) {
        hf_store_error(error, rc, "counts");
    }
    return rc == MDB_NOTFOUND ? 0 : -1;
}
