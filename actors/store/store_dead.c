/*  The tables `dead` and `groups`: whatever waits for a person, by group and time.
 *
 *  A command that becomes dead or uncertain belongs to one group of its destination until it is decided over: state, class and
 *  the pattern of its reason (fingerprint.h). Its State keeps the group's number, because which group takes it depends on
 *  how many there were. `groups` counts the members, `dead` lists them in the order of the facts that brought them there;
 *  both change in the transaction that changes the state. So a million dead are grouped by reading a few records, and an
 *  exact set of them, those that were dead at a fact, is a range of each group that nothing new can enter.
 *
 *  What a group shows beyond its count (first and last seen, the newest reason) is read from its first and last member: it is never
 *  stale, and nothing has to be kept for it.  */

#include "base/fingerprint.h"
#include "store/store_private.h"

#include <string.h>
#include <xxhash.h>

static hf_store_key_t s_group_key(const char *destination, uint64_t group) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add_name(&key, destination);
    hf_store_key_add_number(&key, group, 8);
    return key;
}

hf_store_key_t hf_store_dead_key(const Hf__State *state) {
    hf_store_key_t key = s_group_key(state->destination, state->group);
    hf_store_key_add_number(&key, state->last_fact, 8);
    hf_store_key_add(&key, state->id.data, state->id.len);
    return key;
}

bool hf_store_read_group_key(const MDB_val *key, const char **destination, uint64_t *group) {
    const uint8_t *bytes = key->mv_data;
    if (key->mv_size < 1 + 1 + 8 || key->mv_size > HF_DESTINATION_MAX + 1 + 8 ||
        bytes[key->mv_size - 9] != 0) {
        return false;
    }
    *destination = (const char *)bytes;
    *group = hf_store_number(bytes + key->mv_size - 8, 8);
    return true;
}

//  ---- choosing

static uint64_t s_other(uint32_t state, uint32_t class) {
    _Static_assert(HF_CLASSES <= HF_GROUP_OTHER_MAX / 2, "a group for the other reasons of each class");
    return class + (state == HF_STATE_UNCERTAIN ? HF_GROUP_OTHER_MAX / 2 : 0) + 1;
}

static uint64_t s_number_of(uint32_t state, uint32_t class, const char *pattern) {
    uint64_t number = XXH3_64bits_withSeed(pattern, strlen(pattern), (uint64_t)state << 8 | class);
    return number <= HF_GROUP_OTHER_MAX ? number + HF_GROUP_OTHER_MAX + 1 : number;
}

static uint64_t s_number(const Hf__State *state) {
    char pattern[HF_PATTERN_MAX + 1];
    hf_fingerprint_pattern(state->reason, state->http_status, pattern);
    return s_number_of(state->state, state->class_, pattern);
}

bool hf_store_is_group_of(const Hf__State *state) {
    if (!hf_state_is_held(state->state)) {
        return state->group == 0;
    }
    return state->group == s_number(state) || state->group == s_other(state->state, state->class_);
}

bool hf_store_is_group(uint64_t group, const Hf__Group *record) {
    return group <= HF_GROUP_OTHER_MAX ? group == s_other(record->state, record->class_) && !*record->pattern
                                       : group == s_number_of(record->state, record->class_, record->pattern);
}

static bool s_count_group(void *context, const char *destination, uint64_t group, const Hf__Group *record) {
    unsigned *n = context;
    (void)destination;
    (void)record;
    *n += group > HF_GROUP_OTHER_MAX;
    return *n < HF_GROUPS_MAX;
}

int hf_store_choose_group(hf_store_t *self, const Hf__State *state, uint64_t *group, hf_error_t *error) {
    MDB_val value;
    unsigned n = 0;
    *group = s_number(state);
    hf_store_key_t key = s_group_key(state->destination, *group);
    MDB_val mdb_key = {key.size, key.bytes};
    int rc = mdb_get(hf_store_txn(self), self->shared->dbi[TABLE_GROUPS], &mdb_key, &value);
    if (rc != MDB_NOTFOUND) {
        return rc ? hf_store_error(error, rc, "groups"), -1 : 0;
    }
    if (hf_store_walk_groups(self, state->destination, s_count_group, &n, error)) {
        return -1;
    }
    *group = n < HF_GROUPS_MAX ? *group : s_other(state->state, state->class_);
    return 0;
}

//  ---- counting

static int s_add_to_group(hf_store_t *self, const Hf__State *state, int by, hf_error_t *error) {
    char pattern[HF_PATTERN_MAX + 1] = "";
    Hf__Group *found = NULL, group = HF__GROUP__INIT;
    hf_store_key_t key = s_group_key(state->destination, state->group);
    hf_arena_t *arena = hf_arena_new(512);
    int rc = hf_store_get_record(self, TABLE_GROUPS, &key, &hf__group__descriptor, arena, &found, error);
    if (rc == 0 && by < 0) {
        hf_error_set(error, "groups: a group has fewer members than there are: the journal is damaged");
        rc = -1;
    }
    if (rc == 0 && state->group > HF_GROUP_OTHER_MAX) {
        hf_fingerprint_pattern(state->reason, state->http_status, pattern);
    }
    if (rc == 0) {
        group.state = state->state;
        group.class_ = state->class_;
        group.pattern = pattern;
    } else if (rc > 0) {
        group = *found;
    }
    group.n += (uint64_t)(int64_t)by;
    rc = rc < 0    ? HF_STORE_FAILED
         : group.n ? hf_store_put_record(self, TABLE_GROUPS, &key, &group.base, error)
                   : hf_store_delete_record(self, TABLE_GROUPS, &key, error);
    hf_arena_destroy(&arena);
    return rc;
}

int hf_store_move_group(hf_store_t *self, const Hf__State *before, const Hf__State *after,
                        hf_error_t *error) {
    if (before && after && before->group == after->group &&
        strcmp(before->destination, after->destination) == 0) {
        return 0;
    }
    int rc = before && before->group ? s_add_to_group(self, before, -1, error) : 0;
    return rc || !after || !after->group ? rc : s_add_to_group(self, after, 1, error);
}

//  ---- reading

int hf_store_group(hf_store_t *self, const char *destination, uint64_t group, hf_arena_t *arena,
                   Hf__Group **record, hf_error_t *error) {
    hf_store_key_t key = s_group_key(destination, group);
    return hf_store_get_record(self, TABLE_GROUPS, &key, &hf__group__descriptor, arena, record, error);
}

//  1: go on, 0: enough, -1 broken.
static int s_tell_group(const MDB_val *key, const MDB_val *value, hf_arena_t *arena, hf_on_group_t *on_group,
                        void *context, hf_error_t *error) {
    const char *destination;
    uint64_t number;
    hf_arena_reset(arena);
    Hf__Group *group = hf_store_unpack(TABLE_GROUPS, key, value, &hf__group__descriptor, arena, error);
    if (group && !hf_store_read_group_key(key, &destination, &number)) {
        return hf_store_error(error, MDB_CORRUPTED, "groups"), -1;
    }
    return !group ? -1 : on_group(context, destination, number, group);
}

int hf_store_walk_groups(hf_store_t *self, const char *destination, hf_on_group_t *on_group, void *context,
                         hf_error_t *error) {
    return hf_store_walk_groups_from(self, destination, destination ? destination : "", 0, on_group, context,
                                     error);
}

int hf_store_walk_groups_from(hf_store_t *self, const char *destination, const char *from_destination,
                              uint64_t from_group, hf_on_group_t *on_group, void *context,
                              hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_GROUPS, &cursor, error)) {
        return -1;
    }
    hf_store_key_t from = s_group_key(from_destination, from_group);
    hf_store_key_t only = s_group_key(destination ? destination : "", 0);
    size_t prefix = destination ? only.size - 8 : 0;
    from = memcmp(from.bytes, only.bytes, prefix) < 0 ? only : from;
    hf_arena_t *arena = hf_arena_new(512);
    MDB_val key = {from.size, from.bytes}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    int more = 1;
    while (rc == 0 && key.mv_size >= prefix && memcmp(key.mv_data, only.bytes, prefix) == 0) {
        more = s_tell_group(&key, &value, arena, on_group, context, error);
        if (more <= 0) {
            break;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    hf_arena_destroy(&arena);
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "groups"), -1) : more < 0 ? -1 : 0;
}

static bool s_is_member(const MDB_val *key, const hf_store_key_t *group) {
    return key->mv_size == group->size + 8 + HF_ID_SIZE &&
           memcmp(key->mv_data, group->bytes, group->size) == 0;
}

static uint64_t s_read_member(const MDB_val *key, hf_id_t *id) {
    const uint8_t *tail = (const uint8_t *)key->mv_data + key->mv_size - HF_ID_SIZE - 8;
    memcpy(id->bytes, tail + 8, HF_ID_SIZE);
    return hf_store_number(tail, 8);
}

int hf_store_walk_dead(hf_store_t *self, const char *destination, uint64_t group, uint64_t from,
                       hf_on_dead_t *on_dead, void *context, hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_DEAD, &cursor, error)) {
        return -1;
    }
    hf_store_key_t prefix = s_group_key(destination, group), place = prefix;
    hf_store_key_add_number(&place, from, 8);
    MDB_val key = {place.size, place.bytes}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (rc == 0 && s_is_member(&key, &prefix)) {
        hf_id_t id;
        uint64_t fact = s_read_member(&key, &id);
        if (!on_dead(context, fact, &id)) {
            break;
        }
        rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "dead"), -1) : 0;
}

int hf_store_newest_dead(hf_store_t *self, const char *destination, uint64_t group, uint64_t *fact,
                         hf_id_t *id, hf_error_t *error) {
    MDB_cursor *cursor;
    if (hf_store_cursor(self, TABLE_DEAD, &cursor, error)) {
        return -1;
    }
    hf_store_key_t prefix = s_group_key(destination, group), place = prefix;
    hf_store_key_add_number(&place, UINT64_MAX, 8);
    MDB_val key = {place.size, place.bytes}, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    rc = rc == MDB_NOTFOUND ? mdb_cursor_get(cursor, &key, &value, MDB_LAST)
         : rc               ? rc
                            : mdb_cursor_get(cursor, &key, &value, MDB_PREV);
    bool found = rc == 0 && s_is_member(&key, &prefix);
    if (found) {
        *fact = s_read_member(&key, id);
    }
    mdb_cursor_close(cursor);
    return rc && rc != MDB_NOTFOUND ? (hf_store_error(error, rc, "dead"), -1) : found;
}
