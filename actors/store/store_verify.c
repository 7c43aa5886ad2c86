/*  Happy path: each table is walked once, from its first key to its last; each record is unpacked (which
 * checks its checksum) and held against what belongs to it in the other tables. Both directions are covered
 * because each table looks at the others.
 *
 *  Failures: whatever does not fit is told to on_problem, with the table and the key, and the walk goes on. A
 * record that another table leads to and that cannot be read is told of once, where its own table is walked.
 */

#include "base/gate.h"
#include "base/job.h"
#include "store/store_private.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

//  Commands counted for one destination and state, or group.
typedef struct {
    char destination[HF_DESTINATION_MAX + 1]; //  Whose
    uint64_t number;                          //  hf_state_t, or the group
    uint64_t n;                               //  States seen
    bool recorded;                            //  A record in `counts`, `groups` was held against it
} tally_t;

typedef struct {
    tally_t *items;  //  Sorted by destination and number
    size_t size;     //  How many
    size_t capacity; //  Places
} tallies_t;

//  The command whose history is being walked: its entries stand in one row.
typedef struct {
    bool any;          //  Whether there is one
    hf_id_t id;        //  Which
    uint32_t entries;  //  Seen
    uint32_t next;     //  Number of the next one, where none was left out
    uint32_t newest;   //  From this number on none may be left out
    uint32_t missing;  //  Left out since the newest attempt that was seen
    uint32_t attempts; //  Its number
} history_t;

typedef struct {
    hf_store_t *store;            //  In a reading transaction
    hf_arena_t *arena;            //  Of the record being looked at
    hf_on_problem_t *on_problem;  //  Told of each
    void *context;                //  Its own
    hf_table_t table;             //  Being walked
    const MDB_val *key;           //  Of the record being looked at
    int64_t problems;             //  Found
    tallies_t tallies;            //  By destination and state
    tallies_t groups;             //  By destination and group
    tallies_t members;            //  Open commands by the job that retried them; its id stands as destination
    uint64_t jobs;                //  Records in `jobs`
    uint64_t progressed;          //  The same in `progress`
    uint64_t running;             //  Of these, running
    history_t history;            //  Being walked
    uint64_t oldest_fact;         //  Number of the oldest fact kept, 0: none
    uint64_t next_fact;           //  Number that the next fact in the walk must have, 0: any
    uint64_t newest_fact;         //  By the meta record
    uint64_t last_epoch;          //  The same
    uint64_t pages_used;          //  Pages that this transaction knows, 0: others wrote too fast to tell
    uint64_t newest_facts_wanted; //  States whose newest fact is still kept
    uint64_t newest_facts_found;  //  Facts that are their command's newest
    uint64_t probing_wanted;      //  States that are being called as a probe
    uint64_t probing_found;       //  Destinations that say so
    uint64_t gate_facts_wanted;   //  Destinations whose newest fact is still kept
    uint64_t gate_facts_found;    //  Facts that are their destination's newest
    uint64_t keyed_wanted;        //  States with a key
    uint64_t keyed_found;         //  Commands in `keys` that are there
    uint8_t chain[HF_CHAIN];      //  The ordered key whose turns are being walked
    bool chain_taken;             //  One of its commands has its turn
} verify_t;

typedef void(check_t)(verify_t *self, const MDB_val *key, const MDB_val *value);

//  ---- telling

static void s_tell(verify_t *self, const char *text) {
    self->problems++;
    self->on_problem(self->context, text);
}

static void s_problem(verify_t *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void s_problem(verify_t *self, const char *format, ...) {
    char key[HF_STORE_TEXT];
    hf_buf_t text = {0};
    va_list args;
    hf_store_describe(self->table, self->key, key);
    hf_buf_addf(&text, "%s %s: ", hf_store_table_name(self->table), key);
    va_start(args, format);
    hf_buf_addv(&text, format, args);
    va_end(args);
    s_tell(self, (const char *)text.data);
    hf_buf_free(&text);
}

static void *s_read(verify_t *self, const MDB_val *key, const MDB_val *value,
                    const ProtobufCMessageDescriptor *type) {
    hf_error_t error;
    void *message = hf_store_unpack(self->table, key, value, type, self->arena, &error);
    if (!message) {
        s_tell(self, error.text);
    }
    return message;
}

static bool s_same(const ProtobufCBinaryData *bytes, const void *data, size_t size) {
    return bytes->len == size && (size == 0 || memcmp(bytes->data, data, size) == 0);
}

static void s_tell_table(verify_t *self, hf_table_t table, const char *what, uint64_t a, uint64_t b) {
    hf_buf_t text = {0};
    hf_buf_addf(&text, "%s: %s (%" PRIu64 ", %" PRIu64 ")", hf_store_table_name(table), what, a, b);
    s_tell(self, (const char *)text.data);
    hf_buf_free(&text);
}

//  The id in the last 16 bytes of a key, or the first ones.
static hf_id_t s_id_at(const MDB_val *key, size_t at) {
    hf_id_t id;
    memcpy(id.bytes, (const uint8_t *)key->mv_data + at, HF_ID_SIZE);
    return id;
}

//  1 and the state, 0 after having told that there is none, -1 where it cannot be read (that is told
//  elsewhere).
static int s_find_state(verify_t *self, const hf_id_t *id, Hf__State **state) {
    int found = hf_store_state(self->store, id, self->arena, state, NULL);
    if (found == 0) {
        s_problem(self, "there is no such command in states");
    }
    return found;
}

//  ---- counts

static int s_compare(const tally_t *tally, const char *destination, uint64_t number) {
    int order = strcmp(tally->destination, destination);
    return order ? order : tally->number < number ? -1 : tally->number > number;
}

//  The place of that destination and number, made where add says so; else NULL where there is none.
static tally_t *s_tally(tallies_t *self, const char *destination, uint64_t number, bool add) {
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s_compare(&self->items[middle], destination, number) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < self->size && s_compare(&self->items[low], destination, number) == 0) {
        return &self->items[low];
    }
    if (!add) {
        return NULL;
    }
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->items = realloc(self->items, self->capacity * sizeof *self->items);
        assert(self->items && "out of memory");
    }
    memmove(&self->items[low + 1], &self->items[low], (self->size - low) * sizeof *self->items);
    self->size++;
    self->items[low] = (tally_t){.number = number};
    memcpy(self->items[low].destination, destination, strnlen(destination, HF_DESTINATION_MAX));
    return &self->items[low];
}

static void s_check_count(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Count *count = s_read(self, key, value, &hf__count__descriptor);
    const char *destination = key->mv_data;
    if (!count) {
        return;
    }
    if (key->mv_size < 3 || key->mv_size > HF_DESTINATION_MAX + 2 || destination[key->mv_size - 2] != 0) {
        s_problem(self, "this is no key of a count");
        return;
    }
    uint32_t state = (uint8_t)destination[key->mv_size - 1];
    tally_t *tally = s_tally(&self->tallies, destination, state, false);
    if (!tally || tally->n != count->n) {
        s_problem(self, "%" PRIu64 " commands of %s are counted as %s, but %" PRIu64 " are", count->n,
                  destination, hf_state_name((hf_state_t)state), tally ? tally->n : 0);
    }
    if (tally) {
        tally->recorded = true;
    }
}

static void s_check_tallies(verify_t *self) {
    for (size_t i = 0; i < self->tallies.size; i++) {
        const tally_t *tally = &self->tallies.items[i];
        if (!tally->recorded) {
            hf_buf_t text = {0};
            hf_buf_addf(&text, "counts: %" PRIu64 " commands of %s are %s, but no count says so", tally->n,
                        tally->destination, hf_state_name((hf_state_t)tally->number));
            s_tell(self, (const char *)text.data);
            hf_buf_free(&text);
        }
    }
}

static void s_check_group(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Group *group = s_read(self, key, value, &hf__group__descriptor);
    const char *destination;
    uint64_t number;
    if (!group) {
        return;
    }
    if (!hf_store_read_group_key(key, &destination, &number)) {
        s_problem(self, "this is no key of a group");
        return;
    }
    tally_t *tally = s_tally(&self->groups, destination, number, false);
    if (!hf_state_is_held(group->state) || !hf_store_is_group(number, group)) {
        s_problem(self, "it stands under another number than its reasons have");
    }
    if (!tally || tally->n != group->n) {
        s_problem(self, "%" PRIu64 " commands of %s are counted in it, but %" PRIu64 " are", group->n,
                  destination, tally ? tally->n : 0);
    }
    if (tally) {
        tally->recorded = true;
    }
}

static void s_check_grouped(verify_t *self) {
    for (size_t i = 0; i < self->groups.size; i++) {
        const tally_t *tally = &self->groups.items[i];
        if (!tally->recorded) {
            hf_buf_t text = {0};
            hf_buf_addf(&text,
                        "groups: %" PRIu64 " commands of %s are in group %016" PRIx64
                        ", but no record says so",
                        tally->n, tally->destination, tally->number);
            s_tell(self, (const char *)text.data);
            hf_buf_free(&text);
        }
    }
}

//  ---- jobs

static void s_check_job(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Job *job = s_read(self, key, value, &hf__job__descriptor);
    self->jobs++;
    if (job && (key->mv_size != HF_ID_SIZE || !s_same(&job->id, key->mv_data, HF_ID_SIZE))) {
        s_problem(self, "the record stands under another job's id");
    } else if (job &&
               (!hf_state_is_held(job->state) || (self->newest_fact && job->fact > self->newest_fact))) {
        s_problem(self,
                  "it is over nothing that can be decided over, or begins at a fact that was never made");
    }
}

static void s_check_progress(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__JobProgress *progress = s_read(self, key, value, &hf__job_progress__descriptor);
    Hf__Job *job;
    char text[HF_ID_TEXT];
    self->progressed++;
    if (!progress) {
        return;
    }
    if (key->mv_size != HF_ID_SIZE || !s_same(&progress->id, key->mv_data, HF_ID_SIZE)) {
        s_problem(self, "the record stands under another job's id");
        return;
    }
    hf_id_t id = s_id_at(key, 0);
    hf_id_format(&id, text);
    tally_t *members = s_tally(&self->members, text, 0, false);
    int found = hf_store_job(self->store, &id, self->arena, &job, NULL);
    if (found == 0) {
        s_problem(self, "there is no such job in jobs");
    }
    if (found == 1 && hf_job_open(job, progress) != (members ? members->n : 0)) {
        s_problem(self,
                  "%" PRIu64 " of its members are under way by its counts, %" PRIu64 " are by their states",
                  hf_job_open(job, progress), members ? members->n : 0);
    }
    if (progress->state == HF_JOB_NONE || progress->state >= HF_JOB_STATES ||
        (progress->state == HF_JOB_RUNNING) != (progress->ended_at == 0)) {
        s_problem(self, "state %" PRIu32 " is none that a job can be in, or does not fit its end",
                  progress->state);
    }
    self->running += progress->state == HF_JOB_RUNNING;
}

static void s_check_jobs(verify_t *self) {
    if (self->jobs != self->progressed || self->jobs > HF_JOBS_MAX + HF_JOBS_RUNNING_MAX ||
        self->running > HF_JOBS_RUNNING_MAX) {
        s_tell_table(self, TABLE_JOBS, "there are other jobs than records of their progress, or too many",
                     self->jobs, self->progressed);
    }
}

//  ---- commands and states

static void s_check_command(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Command *command = s_read(self, key, value, &hf__command__descriptor);
    Hf__State *state;
    Hf__Dedupe *dedupe;
    if (!command) {
        return;
    }
    if (key->mv_size != HF_ID_SIZE || !s_same(&command->id, key->mv_data, HF_ID_SIZE)) {
        s_problem(self, "the record stands under another command's id");
        return;
    }
    hf_id_t id = s_id_at(key, 0);
    s_find_state(self, &id, &state);
    if (command->idempotency.len != 0 && command->idempotency.len != 16) {
        s_problem(self, "the hash of its Idempotency-Key has %zu bytes", command->idempotency.len);
    } else if (command->idempotency.len) {
        int found = hf_store_dedupe(self->store, command->idempotency.data, self->arena, &dedupe, NULL);
        if (found == 0 || (found == 1 && !s_same(&dedupe->id, id.bytes, HF_ID_SIZE))) {
            s_problem(self, "its Idempotency-Key leads to %s in dedupe",
                      found ? "another command" : "nothing");
        }
    }
}

//  What the state repeats from its command.
static void s_check_repeated(verify_t *self, const hf_id_t *id, const Hf__State *state) {
    Hf__Command *command;
    int found = hf_store_command(self->store, id, self->arena, &command, NULL);
    if (found == 0) {
        s_problem(self, "there is no such command in commands");
    } else if (found == 1 &&
               (strcmp(state->pipeline, command->pipeline) != 0 || strcmp(state->key, command->key) != 0 ||
                strcmp(state->destination, command->destination) != 0 ||
                state->accepted_at != command->accepted_at || state->urgency != command->urgency ||
                (state->order != 0) != command->ordered)) {
        s_problem(self, "it does not repeat what its command says");
    }
}

static bool s_exists(verify_t *self, hf_table_t table, const void *key, size_t size) {
    MDB_val mdb_key = {size, (void *)key}, value;
    return mdb_get(hf_store_txn(self->store), self->store->shared->dbi[table], &mdb_key, &value) == 0;
}

static void s_check_entries(verify_t *self, const Hf__State *state) {
    hf_store_entry_t entries[HF_STORE_ENTRIES_MAX];
    unsigned size = hf_store_entries(state, entries);
    for (unsigned i = 0; i < size; i++) {
        if (!s_exists(self, entries[i].table, entries[i].key.bytes, entries[i].key.size)) {
            s_problem(self, "it is %s, but missing in the index %s", hf_state_name((hf_state_t)state->state),
                      hf_store_table_name(entries[i].table));
        }
    }
}

static void s_check_history_is_there(verify_t *self, const hf_id_t *id, const Hf__State *state) {
    uint8_t key[HF_ID_SIZE + 4];
    memcpy(key, id->bytes, HF_ID_SIZE);
    for (uint32_t number = 0; number < state->entries; number++) {
        if (number == HF_HISTORY_FIRST && state->left_out) {
            number = state->entries -
                     HF_HISTORY_NEWEST; //  Those between may be left out; their number is looked at elsewhere
        }
        for (unsigned i = 0; i < 4; i++) {
            key[HF_ID_SIZE + i] = (uint8_t)(number >> (24 - 8 * i));
        }
        if (!s_exists(self, TABLE_HISTORY, key, sizeof key)) {
            s_problem(self, "entry %" PRIu32 " of its %" PRIu32 " in history is missing", number,
                      state->entries);
            return;
        }
    }
}

//  Only what is under way belongs to the job that retried it.
static void s_count_member(verify_t *self, const Hf__State *state) {
    char text[HF_ID_TEXT];
    hf_id_t id;
    if (!hf_id_from(&id, state->job.data, state->job.len) || !hf_state_is_open(state->state)) {
        s_problem(self, "it is %s, and yet a job's", hf_state_name((hf_state_t)state->state));
        return;
    }
    hf_id_format(&id, text);
    s_tally(&self->members, text, 0, true)->n++;
}

static void s_check_state(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__State *state = s_read(self, key, value, &hf__state__descriptor);
    if (!state) {
        return;
    }
    if (key->mv_size != HF_ID_SIZE || !s_same(&state->id, key->mv_data, HF_ID_SIZE)) {
        s_problem(self, "the record stands under another command's id");
        return;
    }
    if (state->state == HF_STATE_NONE || state->state >= HF_STATES || state->class_ >= HF_CLASSES) {
        s_problem(self, "state %" PRIu32 " or class %" PRIu32 " is none that this version knows",
                  state->state, state->class_);
    }
    if (state->state == HF_STATE_CALLING && (!state->attempt || !state->caller_epoch)) {
        s_problem(self, "it is being called, but nobody knows by whom");
    }
    if (!state->last_fact || state->last_fact > self->newest_fact) {
        s_problem(self, "its newest fact %" PRIu64 " was never made", state->last_fact);
    }
    if (state->order > state->last_fact || (state->state == HF_STATE_PARKED && !state->order)) {
        s_problem(self, "its place in the order of its key cannot be");
    }
    self->newest_facts_wanted += self->oldest_fact && state->last_fact >= self->oldest_fact;
    hf_id_t id = s_id_at(key, 0);
    self->keyed_wanted += *state->key ? 1 : 0;
    self->probing_wanted += state->state == HF_STATE_CALLING && state->probe;
    s_check_repeated(self, &id, state);
    s_check_entries(self, state);
    s_check_history_is_there(self, &id, state);
    s_tally(&self->tallies, state->destination, state->state, true)->n++;
    if (!hf_store_is_group_of(state)) {
        s_problem(self, "it is %s, and group %016" PRIx64 " is not one of its own",
                  hf_state_name((hf_state_t)state->state), state->group);
    }
    if (state->job.len) {
        s_count_member(self, state);
    }
    if (state->group) {
        s_tally(&self->groups, state->destination, state->group, true)->n++;
    }
}

//  open, dead, expiry, ended: the id stands at the end, and the state must ask for just this entry.
static void s_check_index(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__State *state;
    hf_store_entry_t entries[HF_STORE_ENTRIES_MAX];
    if (value->mv_size != 0) {
        s_problem(self, "an index entry has a value of %zu bytes", value->mv_size);
    }
    if (key->mv_size < 8 + HF_ID_SIZE) {
        s_problem(self, "this is no key of an index");
        return;
    }
    hf_id_t id = s_id_at(key, key->mv_size - HF_ID_SIZE);
    if (s_find_state(self, &id, &state) == 1) {
        unsigned size = hf_store_entries(state, entries);
        if (!hf_store_has_entry(entries, size, self->table, key->mv_data, key->mv_size)) {
            s_problem(self, "the command is %s, this index entry does not belong to that",
                      hf_state_name((hf_state_t)state->state));
        }
    }
}

//  Of each ordered key exactly one command has its turn; it stands before those that are parked.
static void s_check_turn(verify_t *self, const MDB_val *key, const MDB_val *value) {
    const uint8_t *bytes = key->mv_data;
    s_check_index(self, key, value);
    if (key->mv_size != HF_CHAIN + 1 + 8 + HF_ID_SIZE) {
        s_problem(self, "this is no key of a turn");
        return;
    }
    if (memcmp(bytes, self->chain, HF_CHAIN) != 0) {
        memcpy(self->chain, bytes, HF_CHAIN);
        self->chain_taken = false;
    }
    bool parked = bytes[HF_CHAIN] != 0;
    if (parked != self->chain_taken) {
        s_problem(self, parked ? "it is parked, but no command of its key has its turn"
                               : "two commands of one ordered key have their turn");
    }
    self->chain_taken = true;
}

//  Each command must be where its key leads; commands that are gone may still stand here.
static void s_check_key_run(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__KeyRun *run = s_read(self, key, value, &hf__key_run__descriptor);
    if (!run) {
        return;
    }
    if (run->n_hashes == 0 || run->ids.len != run->n_hashes * HF_ID_SIZE || key->mv_size != HF_ID_SIZE ||
        memcmp(key->mv_data, run->ids.data, HF_ID_SIZE) != 0) {
        s_problem(self, "it does not hold an id for each hash, or stands under another id than its first");
        return;
    }
    for (size_t i = 0; i < run->n_hashes; i++) {
        Hf__State *state;
        hf_id_t id;
        memcpy(id.bytes, run->ids.data + i * HF_ID_SIZE, HF_ID_SIZE);
        if (hf_store_state(self->store, &id, self->arena, &state, NULL) != 1) {
            continue;
        }
        self->keyed_found++;
        if (!*state->key || hf_store_key_hash(state->key) != run->hashes[i]) {
            s_problem(self, "number %zu in it is a command with another key", i);
        }
    }
}

static void s_check_keyed(verify_t *self) {
    if (self->keyed_wanted != self->keyed_found) {
        s_tell_table(self, TABLE_KEYS, "not every command with a key stands there once", self->keyed_found,
                     self->keyed_wanted);
    }
}

static void s_check_dedupe(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Dedupe *dedupe = s_read(self, key, value, &hf__dedupe__descriptor);
    Hf__Command *command;
    hf_id_t id;
    if (!dedupe) {
        return;
    }
    if (!hf_id_from(&id, dedupe->id.data, dedupe->id.len)) {
        s_problem(self, "it leads to no id");
        return;
    }
    int found = hf_store_command(self->store, &id, self->arena, &command, NULL);
    if (found == 0) {
        s_problem(self, "the command that it leads to does not exist");
    } else if (found == 1 && (!s_same(&command->idempotency, key->mv_data, key->mv_size) ||
                              !s_same(&command->body_hash, dedupe->body_hash.data, dedupe->body_hash.len))) {
        s_problem(self, "the command that it leads to has another Idempotency-Key or another body");
    }
}

//  ---- destinations

//  A probe under way is a command that is being called as one.
static void s_check_probe(verify_t *self, const Hf__Destination *record) {
    Hf__State *state;
    hf_id_t id;
    if (record->probe.len == 0) {
        return;
    }
    int found = hf_id_from(&id, record->probe.data, record->probe.len)
                    ? hf_store_state(self->store, &id, self->arena, &state, NULL)
                    : 0;
    if (record->circuit != HF_CIRCUIT_OPEN || found == 0 ||
        (found == 1 && (state->state != HF_STATE_CALLING || !state->probe ||
                        strcmp(state->destination, record->name) != 0))) {
        s_problem(self, "it names a probe under way that is none");
    }
    self->probing_found++;
}

static void s_check_destination(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Destination *record = s_read(self, key, value, &hf__destination__descriptor);
    if (!record) {
        return;
    }
    if (strlen(record->name) != key->mv_size || memcmp(record->name, key->mv_data, key->mv_size) != 0) {
        s_problem(self, "the record stands under another destination's name");
    }
    if (record->circuit >= HF_CIRCUITS || (record->circuit == HF_CIRCUIT_OPEN && record->cooldown <= 0)) {
        s_problem(self, "circuit %" PRIu32 " is none that this version knows, or has no cooldown",
                  record->circuit);
    }
    if (!record->last_fact || record->last_fact > self->newest_fact ||
        record->circuit_fact > record->last_fact) {
        s_problem(self, "its newest fact %" PRIu64 " was never made", record->last_fact);
    }
    self->gate_facts_wanted += self->oldest_fact && record->last_fact >= self->oldest_fact;
    s_check_probe(self, record);
}

static void s_check_destinations(verify_t *self) {
    if (self->probing_wanted != self->probing_found) {
        s_tell_table(self, TABLE_DESTINATIONS, "not every probe under way is named there",
                     self->probing_found, self->probing_wanted);
    }
    if (self->gate_facts_wanted != self->gate_facts_found) {
        s_tell_table(self, TABLE_DESTINATIONS, "not every record's newest fact is about it",
                     self->gate_facts_found, self->gate_facts_wanted);
    }
}

//  ---- history

//  The row of one command's entries has ended.
static void s_finish_history(verify_t *self) {
    history_t *history = &self->history;
    Hf__State *state;
    if (!history->any || hf_store_state(self->store, &history->id, self->arena, &state, NULL) != 1) {
        return;
    }
    uint32_t attempts = state->attempt - (state->state == HF_STATE_CALLING ? 1 : 0);
    if (history->entries + state->left_out != state->entries || history->attempts != attempts) {
        char id[HF_ID_TEXT];
        hf_buf_t text = {0};
        hf_id_format(&history->id, id);
        hf_buf_addf(&text,
                    "history %s: %" PRIu32 " entries with %" PRIu32 " attempts, but its state says %" PRIu32
                    " with %" PRIu32,
                    id, history->entries, history->attempts, state->entries - state->left_out, attempts);
        s_tell(self, (const char *)text.data);
        hf_buf_free(&text);
    }
}

static void s_check_history(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__State *state;
    history_t *history = &self->history;
    if (key->mv_size != HF_ID_SIZE + 4) {
        s_problem(self, "this is no key of a history");
        return;
    }
    hf_id_t id = s_id_at(key, 0);
    uint32_t number = (uint32_t)hf_store_number((const uint8_t *)key->mv_data + HF_ID_SIZE, 4);
    if (!history->any || !hf_id_equal(&history->id, &id)) {
        s_finish_history(self);
        *history = (history_t){.any = true, .id = id};
        bool cut = s_find_state(self, &id, &state) == 1 && state->left_out;
        history->newest = cut ? state->entries - HF_HISTORY_NEWEST : 0;
    }
    if (number > history->next && history->next >= HF_HISTORY_FIRST && number <= history->newest) {
        history->missing += number - history->next;
    } else if (number != history->next) {
        s_problem(self, "entry %" PRIu32 " stands where entry %" PRIu32 " belongs", number, history->next);
    }
    history->next = number + 1;
    history->entries++;
    Hf__History *entry = s_read(self, key, value, &hf__history__descriptor);
    if (!entry || entry->entry_case == HF__HISTORY__ENTRY_ATTEMPT) {
        uint32_t least = history->attempts + 1;
        if (entry && (entry->attempt->number < least || entry->attempt->number > least + history->missing)) {
            s_problem(self, "attempt %" PRIu32 " stands where attempt %" PRIu32 " belongs",
                      entry->attempt->number, least);
        }
        //  One that cannot be read was told of; it shall not be told of twice
        history->attempts = entry ? entry->attempt->number : least;
        history->missing = 0;
    }
}

//  ---- facts

static bool s_can_lead_to(uint32_t event, uint32_t state) {
    for (unsigned before = 0; before < HF_STATES; before++) {
        hf_state_t next = hf_lifecycle_next((hf_state_t)before, (hf_event_t)event);
        if (next != HF_STATE_NONE && (uint32_t)next == state) {
            return true;
        }
    }
    return false;
}

static void s_check_destination_fact(verify_t *self, const Hf__Fact *fact) {
    Hf__Destination *record;
    if (!*fact->destination || fact->event == HF_GATE_NONE || fact->event >= HF_GATE_EVENTS ||
        fact->previous >= fact->seq) {
        s_problem(self, "fact %" PRIu64 " is about no command, and cannot be about a destination", fact->seq);
        return;
    }
    int found = hf_store_destination(self->store, fact->destination, self->arena, &record, NULL);
    if (found == 0 || (found == 1 && record->last_fact < fact->seq)) {
        s_problem(self, "fact %" PRIu64 " is newer than its destination's record", fact->seq);
    }
    self->gate_facts_found += found == 1 && record->last_fact == fact->seq;
}

static void s_check_fact(verify_t *self, const Hf__Fact *fact) {
    Hf__State *state;
    hf_id_t id;
    if (self->next_fact && fact->seq != self->next_fact) {
        s_problem(self, "fact %" PRIu64 " stands where fact %" PRIu64 " belongs", fact->seq, self->next_fact);
    }
    self->next_fact = fact->seq + 1;
    self->oldest_fact = self->oldest_fact ? self->oldest_fact : fact->seq;
    if (!hf_id_from(&id, fact->id.data, fact->id.len)) {
        s_check_destination_fact(self, fact);
        return;
    }
    if (!s_can_lead_to(fact->event, fact->state)) {
        s_problem(self, "fact %" PRIu64 ": %s does not lead to %s", fact->seq,
                  hf_event_name((hf_event_t)fact->event), hf_state_name((hf_state_t)fact->state));
    }
    bool first = fact->event == HF_EVENT_SUBMIT || (fact->event == HF_EVENT_PARK && fact->previous == 0);
    if (fact->previous >= fact->seq || (fact->previous == 0) != first) {
        s_problem(self, "fact %" PRIu64 " cannot follow fact %" PRIu64, fact->seq, fact->previous);
    }
    if (hf_store_state(self->store, &id, self->arena, &state, NULL) != 1) {
        return; //  It has left after `keep`; or cannot be read, which is told elsewhere
    }
    if (state->last_fact < fact->seq) {
        s_problem(self, "fact %" PRIu64 " is newer than its command's state, which knows fact %" PRIu64,
                  fact->seq, state->last_fact);
    } else if (state->last_fact == fact->seq) {
        self->newest_facts_found++;
        if (state->state != fact->state || state->attempt != fact->attempt) {
            s_problem(self,
                      "fact %" PRIu64 " is its command's newest, but says something else than its state",
                      fact->seq);
        }
    }
}

static void s_check_run(verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__FactRun *run = s_read(self, key, value, &hf__fact_run__descriptor);
    if (!run) {
        self->next_fact = 0; //  Its facts are unknown: the next run may begin anywhere
        return;
    }
    if (key->mv_size != 8 || run->n_facts == 0 || run->n_facts > HF_FACTS_PER_RUN ||
        hf_store_number(key->mv_data, 8) != run->facts[0]->seq) {
        s_problem(self, "%zu facts stand under another number than their first one's", run->n_facts);
        return;
    }
    for (size_t i = 0; i < run->n_facts; i++) {
        s_check_fact(self, run->facts[i]);
    }
}

//  A state names its newest fact: where that is another command's, no fact led back to it. Walked only where
//  the sums differ.
static void s_check_newest_fact(verify_t *self, const MDB_val *key, const MDB_val *value) {
    hf_error_t ignored;
    Hf__Fact *fact = NULL;
    Hf__State *state = hf_store_unpack(TABLE_STATES, key, value, &hf__state__descriptor, self->arena,
                                       &ignored);
    if (!state || state->last_fact < self->oldest_fact || state->last_fact > self->newest_fact) {
        return;
    }
    int found = hf_store_fact(self->store, state->last_fact, self->arena, &fact, &ignored);
    if (found == 0 || (found == 1 && !s_same(&fact->id, key->mv_data, key->mv_size))) {
        s_problem(self, "fact %" PRIu64 ", its newest, is %s", state->last_fact,
                  found ? "another command's" : "not there");
    }
}

//  ---- meta

static void s_check_meta(verify_t *self, const MDB_val *key, const MDB_val *value) {
    static const char prefix[] = "sender:";
    size_t prefix_size = sizeof prefix - 1;
    const char *name = key->mv_data;
    if (key->mv_size == 4 && memcmp(name, "meta", 4) == 0) {
        Hf__Meta *meta = s_read(self, key, value, &hf__meta__descriptor);
        if (meta && (meta->format != HF_STORE_FORMAT || !meta->epoch || !meta->next_fact)) {
            s_problem(self,
                      "format %" PRIu32 " is not the one that this version reads, or it was never begun",
                      meta->format);
        }
    } else if (key->mv_size > prefix_size && memcmp(name, prefix, prefix_size) == 0) {
        Hf__Sender *sender = s_read(self, key, value, &hf__sender__descriptor);
        if (sender && (strlen(sender->name) != key->mv_size - prefix_size ||
                       memcmp(sender->name, name + prefix_size, key->mv_size - prefix_size) != 0 ||
                       sender->epoch > self->last_epoch || sender->nonce.len != 16)) {
            s_problem(self, "its name, its epoch or its nonce cannot be");
        }
    } else {
        s_problem(self, "nothing of that name belongs here");
    }
}

//  Where the record cannot be read, nothing is held against it; its own walk tells of it.
static void s_load_meta(verify_t *self) {
    Hf__Meta *meta;
    int found = hf_store_meta(self->store, self->arena, &meta, NULL);
    self->newest_fact = found == 1 && meta->next_fact ? meta->next_fact - 1 : UINT64_MAX;
    self->last_epoch = found == 1 ? meta->epoch : UINT64_MAX;
    if (found == 0) {
        s_tell(self, "meta: the record that the journal keeps about itself is missing");
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
static void s_walk(verify_t *self, hf_table_t table, check_t *check) {
    hf_error_t error;
    MDB_cursor *cursor;
    MDB_stat stat;
    MDB_val key, value;
    hf_store_key_t last = {.size = 0};
    uint64_t seen = 0;
    self->table = table;
    self->key = &key;
    if (hf_store_cursor(self->store, table, &cursor, &error)) {
        s_tell(self, error.text);
        return;
    }
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
    for (; rc == 0; rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT), seen++) {
        if (key.mv_size > sizeof last.bytes || !s_is_behind(&key, &last)) {
            s_problem(self, "the key is out of order");
        }
        last.size = key.mv_size < sizeof last.bytes ? key.mv_size : sizeof last.bytes;
        memcpy(last.bytes, key.mv_data, last.size);
        check(self, &key, &value);
        hf_arena_reset(self->arena);
    }
    mdb_cursor_close(cursor);
    if (rc != MDB_NOTFOUND) {
        hf_store_error(&error, rc, hf_store_table_name(table));
        s_tell(self, error.text);
    } else if (mdb_stat(hf_store_txn(self->store), self->store->shared->dbi[table], &stat) == 0 &&
               stat.ms_entries != seen) {
        s_tell_table(self, table, "LMDB counts other records than there are", stat.ms_entries, seen);
    }
}

static uint64_t s_pages(const MDB_stat *stat) {
    return stat->ms_branch_pages + stat->ms_leaf_pages + stat->ms_overflow_pages;
}

//  Every page is either one of the two that LMDB begins with, or free, or of just one table; tables 0 and 1
//  are LMDB's own.
static void s_check_pages(verify_t *self) {
    hf_error_t error;
    hf_store_stat_t sizes;
    MDB_stat stat;
    uint64_t pages = 2;
    if (hf_store_stat(self->store, &sizes, &error)) {
        s_tell(self, error.text);
        return;
    }
    for (MDB_dbi own = 0; own < 2; own++) {
        pages += mdb_stat(hf_store_txn(self->store), own, &stat) == 0 ? s_pages(&stat) : 0;
    }
    for (unsigned table = 0; table < TABLES; table++) {
        pages += sizes.bytes[table] / sizes.page_size;
    }
    if (self->pages_used && pages + sizes.pages_free != self->pages_used) {
        hf_buf_t text = {0};
        hf_buf_addf(&text,
                    "pages: %" PRIu64 " are in tables and %" PRIu64 " are free, but %" PRIu64
                    " were taken altogether",
                    pages, sizes.pages_free, self->pages_used);
        s_tell(self, (const char *)text.data);
        hf_buf_free(&text);
    }
}

static void s_check_facts_end(verify_t *self) {
    if (self->next_fact && self->newest_fact < UINT64_MAX && self->next_fact != self->newest_fact + 1) {
        s_tell_table(self, TABLE_FACTS, "the newest one is not the one that the journal made last",
                     self->next_fact - 1, self->newest_fact);
    }
}

//  Facts come before states: which of them are kept must be known.
static void s_check_all(verify_t *self) {
    s_walk(self, TABLE_META, s_check_meta);
    s_walk(self, TABLE_FACTS, s_check_run);
    s_check_facts_end(self);
    s_walk(self, TABLE_COMMANDS, s_check_command);
    s_walk(self, TABLE_STATES, s_check_state);
    if (self->newest_facts_wanted != self->newest_facts_found) {
        s_walk(self, TABLE_STATES, s_check_newest_fact);
    }
    s_walk(self, TABLE_OPEN, s_check_index);
    s_walk(self, TABLE_TURNS, s_check_turn);
    s_walk(self, TABLE_DEAD, s_check_index);
    s_walk(self, TABLE_GROUPS, s_check_group);
    s_check_grouped(self);
    s_walk(self, TABLE_JOBS, s_check_job);
    s_walk(self, TABLE_PROGRESS, s_check_progress);
    s_check_jobs(self);
    s_walk(self, TABLE_HISTORY, s_check_history);
    s_finish_history(self);
    s_walk(self, TABLE_DEDUPE, s_check_dedupe);
    s_walk(self, TABLE_KEYS, s_check_key_run);
    s_check_keyed(self);
    s_walk(self, TABLE_EXPIRY, s_check_index);
    s_walk(self, TABLE_ENDED, s_check_index);
    s_walk(self, TABLE_COUNTS, s_check_count);
    s_check_tallies(self);
    s_walk(self, TABLE_DESTINATIONS, s_check_destination);
    s_check_destinations(self);
    s_check_pages(self);
}

//  LMDB tells how many pages are taken by its newest transaction only: begin until that is ours.
static int s_begin(verify_t *self, hf_error_t *error) {
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
    verify_t self = {.store = store, .on_problem = on_problem, .context = context};
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
