/*  The tables `jobs` and `progress`: decisions over many commands at once. What was asked for is written once, and may be large (a
 *  patch); how far it is changes with every step and every member's end, and is small. There are few (base/job.h): whoever wants to know
 *  which of them run walks them all.  */

#include "store/store_private.h"

#include <assert.h>

static hf_store_key_t s_key_of(const ProtobufCBinaryData *bytes) {
    hf_id_t id;
    bool whole = hf_id_from(&id, bytes->data, bytes->len);
    assert(whole);
    return hf_store_key_of_id(&id);
}

int hf_store_job(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__Job **job, hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_id(id);
    return hf_store_get_record(self, TABLE_JOBS, &key, &hf__job__descriptor, arena, job, error);
}

int hf_store_progress(hf_store_t *self, const hf_id_t *id, hf_arena_t *arena, Hf__JobProgress **progress,
                      hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_id(id);
    return hf_store_get_record(self, TABLE_PROGRESS, &key, &hf__job_progress__descriptor, arena, progress,
                               error);
}

int hf_store_put_job(hf_store_t *self, const Hf__Job *job, hf_error_t *error) {
    hf_store_key_t key = s_key_of(&job->id);
    return hf_store_put_record(self, TABLE_JOBS, &key, &job->base, error);
}

int hf_store_put_progress(hf_store_t *self, const Hf__JobProgress *progress, hf_error_t *error) {
    hf_store_key_t key = s_key_of(&progress->id);
    return hf_store_put_record(self, TABLE_PROGRESS, &key, &progress->base, error);
}

int hf_store_remove_job(hf_store_t *self, const hf_id_t *id, hf_error_t *error) {
    hf_store_key_t key = hf_store_key_of_id(id);
    int rc = hf_store_delete_record(self, TABLE_JOBS, &key, error);
    return rc ? rc : hf_store_delete_record(self, TABLE_PROGRESS, &key, error);
}

//  1: go on, 0: enough, -1 broken.
static int s_tell_job(hf_store_t *self, const MDB_val *key, const MDB_val *value, hf_arena_t *arena,
                      hf_on_job_t *on_job, void *context, hf_error_t *error) {
    hf_id_t id;
    Hf__JobProgress *progress = NULL;
    Hf__Job *job = hf_store_unpack(TABLE_JOBS, key, value, &hf__job__descriptor, arena, error);
    if (!job) {
        return -1;
    }
    int found = hf_id_from(&id, key->mv_data, key->mv_size)
                    ? hf_store_progress(self, &id, arena, &progress, error)
                    : 0;
    if (found == 0) {
        return hf_error_set(error, "jobs: a job has no record of its progress: the journal is damaged");
    }
    return found < 0 ? -1 : on_job(context, job, progress);
}

int hf_store_walk_jobs(hf_store_t *self, hf_on_job_t *on_job, void *context, hf_error_t *error) {
    MDB_cursor *cursor;
    MDB_val key, value;
    int more = 1;
    if (hf_store_cursor(self, TABLE_JOBS, &cursor, error)) {
        return -1;
    }
    hf_arena_t *arena = hf_arena_new(4 << 10);
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    while (rc == 0) {
        hf_arena_reset(arena);
        more = s_tell_job(self, &key, &value, arena, on_job, context, error);
        if (more <= 0) {
            break;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    }
    hf_arena_destroy(&arena);
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "jobs"), -1) : more < 0 ? -1 : 0;
}
