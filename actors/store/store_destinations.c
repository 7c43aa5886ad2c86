//  The table of destinations: what is true of each beyond its settings (store.h).

#include "store/store_private.h"

#include <string.h>

static hf_store_key_t s_key_destination(const char *name) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, name, strnlen(name, HF_DESTINATION_MAX));
    return key;
}

int hf_store_destination(hf_store_t *self, const char *name, hf_arena_t *arena, Hf__Destination **destination,
                         hf_error_t *error) {
    hf_store_key_t key = s_key_destination(name);
    return hf_store_get_record(self, TABLE_DESTINATIONS, &key, &hf__destination__descriptor, arena,
                               destination, error);
}

int hf_store_put_destination(hf_store_t *self, const Hf__Destination *destination, hf_error_t *error) {
    hf_store_key_t key = s_key_destination(destination->name);
    return hf_store_put_record(self, TABLE_DESTINATIONS, &key, &destination->base, error);
}

bool hf_store_has_destinations(hf_store_t *self) {
    MDB_stat stat;
    return mdb_stat(hf_store_txn(self), self->shared->dbi[TABLE_DESTINATIONS], &stat) != 0 ||
           stat.ms_entries > 0;
}

int hf_store_walk_destinations(hf_store_t *self, hf_on_destination_t *on_destination, void *context,
                               hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_DESTINATIONS, &cursor, error)) {
        return -1;
    }
    hf_arena_t *arena = hf_arena_new(1024);
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    while (rc == 0) {
        Hf__Destination *record = hf_store_unpack(TABLE_DESTINATIONS, &key, &value,
                                                  &hf__destination__descriptor, arena, error);
        if (!record) {
            break;
        }
        on_destination(context, record);
        hf_arena_reset(arena);
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    hf_arena_destroy(&arena);
    mdb_cursor_close(cursor);
    if (rc && rc != MDB_NOTFOUND) {
        hf_store_error(error, rc, "destinations");
    }
    return rc == MDB_NOTFOUND ? 0 : -1;
}
