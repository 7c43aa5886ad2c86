/*  Walks over the indexes, by a cursor that ends with the walk.  */

#include "store/store_private.h"

#include <assert.h>
#include <string.h>

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
        if (!hf_store_key_read_open(&key, &name, &due, &id)) {
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
    from = hf_store_key_of_lane(phase, destination);
    size_t prefix = from.size;
    if (from_due) {
        hf_store_key_add_time(&from, from_due);
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
    if (inside && hf_store_key_read_open(&key, &ignored, &queue->due, &queue->id)) {
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
            queues[i].from = hf_store_key_of_lane(HF_PHASE_READY, destination);
            hf_store_key_add_queue(&queues[i].from, priority, (hf_queue_t)i);
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
    hf_store_key_t chain = hf_store_key_of_chain(pipeline, key, parked);
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
    return rc && rc != MDB_NOTFOUND ? hf_store_error(error, rc, hf_store_table_name(table)), -1 : 0;
}

static const hf_id_t s_highest = {
    {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}};

int hf_store_walk_newest(hf_store_t *self, const hf_id_t *from, hf_on_id_t *on_id, void *context,
                         hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_id(from ? from : &s_highest);
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
    return rc && rc != MDB_NOTFOUND ? hf_store_error(error, rc, hf_store_table_name(table)), -1 : 0;
}

int hf_store_walk_expiry(hf_store_t *self, hf_on_time_t *on_time, void *context, hf_error_t *error) {
    return s_walk_timed(self, TABLE_EXPIRY, on_time, context, error);
}

int hf_store_walk_ended(hf_store_t *self, hf_on_time_t *on_time, void *context, hf_error_t *error) {
    return s_walk_timed(self, TABLE_ENDED, on_time, context, error);
}
