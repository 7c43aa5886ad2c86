#include "store/verify.h"

#include <inttypes.h>
#include <string.h>

void hf_verify_command(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Command *command = hf_verify_read(self, key, value, &hf__command__descriptor);
    Hf__State *state;
    Hf__Dedupe *dedupe;
    if (!command) {
        return;
    }
    if (key->mv_size != HF_ID_SIZE || !hf_verify_same(&command->id, key->mv_data, HF_ID_SIZE)) {
        hf_verify_problem(self, "the record stands under another command's id");
        return;
    }
    hf_id_t id = hf_verify_id_at(key, 0);
    hf_verify_find_state(self, &id, &state);
    if (command->idempotency.len != 0 && command->idempotency.len != 16) {
        hf_verify_problem(self, "the hash of its Idempotency-Key has %zu bytes", command->idempotency.len);
    } else if (command->idempotency.len) {
        int found = hf_store_dedupe(self->store, command->idempotency.data, self->arena, &dedupe, NULL);
        if (found == 0 || (found == 1 && !hf_verify_same(&dedupe->id, id.bytes, HF_ID_SIZE))) {
            hf_verify_problem(self, "its Idempotency-Key leads to %s in dedupe",
                              found ? "another command" : "nothing");
        }
    }
}

//  What the state repeats from its command.
static void s_check_repeated(hf_verify_t *self, const hf_id_t *id, const Hf__State *state) {
    Hf__Command *command;
    int found = hf_store_command(self->store, id, self->arena, &command, NULL);
    if (found == 0) {
        hf_verify_problem(self, "there is no such command in commands");
    } else if (found == 1 &&
               (strcmp(state->pipeline, command->pipeline) != 0 || strcmp(state->key, command->key) != 0 ||
                strcmp(state->destination, command->destination) != 0 ||
                state->accepted_at != command->accepted_at || state->urgency != command->urgency ||
                (state->order != 0) != command->ordered)) {
        hf_verify_problem(self, "it does not repeat what its command says");
    }
}

static bool s_exists(hf_verify_t *self, hf_table_t table, const void *key, size_t size) {
    MDB_val mdb_key = {size, (void *)key}, value;
    return mdb_get(hf_store_txn(self->store), self->store->shared->dbi[table], &mdb_key, &value) == 0;
}

static void s_check_entries(hf_verify_t *self, const Hf__State *state) {
    hf_store_entry_t entries[HF_STORE_ENTRIES_MAX];
    unsigned size = hf_store_entries(state, entries);
    for (unsigned i = 0; i < size; i++) {
        if (!s_exists(self, entries[i].table, entries[i].key.bytes, entries[i].key.size)) {
            hf_verify_problem(self, "it is %s, but missing in the index %s",
                              hf_state_name((hf_state_t)state->state), hf_store_table_name(entries[i].table));
        }
    }
}

static void s_check_history_is_there(hf_verify_t *self, const hf_id_t *id, const Hf__State *state) {
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
            hf_verify_problem(self, "entry %" PRIu32 " of its %" PRIu32 " in history is missing", number,
                              state->entries);
            return;
        }
    }
}

//  Only what is under way belongs to the job that retried it.
static void s_count_member(hf_verify_t *self, const Hf__State *state) {
    char text[HF_ID_TEXT];
    hf_id_t id;
    if (!hf_id_from(&id, state->job.data, state->job.len) || !hf_state_is_open(state->state)) {
        hf_verify_problem(self, "it is %s, and yet a job's", hf_state_name((hf_state_t)state->state));
        return;
    }
    hf_id_format(&id, text);
    hf_verify_tally(&self->members, text, 0, true)->n++;
}

void hf_verify_state(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__State *state = hf_verify_read(self, key, value, &hf__state__descriptor);
    if (!state) {
        return;
    }
    if (key->mv_size != HF_ID_SIZE || !hf_verify_same(&state->id, key->mv_data, HF_ID_SIZE)) {
        hf_verify_problem(self, "the record stands under another command's id");
        return;
    }
    if (state->state == HF_STATE_NONE || state->state >= HF_STATES || state->class_ >= HF_CLASSES) {
        hf_verify_problem(self, "state %" PRIu32 " or class %" PRIu32 " is none that this version knows",
                          state->state, state->class_);
    }
    if (state->state == HF_STATE_CALLING && (!state->attempt || !state->caller_epoch)) {
        hf_verify_problem(self, "it is being called, but nobody knows by whom");
    }
    if (!state->last_fact || state->last_fact > self->newest_fact) {
        hf_verify_problem(self, "its newest fact %" PRIu64 " was never made", state->last_fact);
    }
    if (state->order > state->last_fact || (state->state == HF_STATE_PARKED && !state->order)) {
        hf_verify_problem(self, "its place in the order of its key cannot be");
    }
    self->newest_facts_wanted += self->oldest_fact && state->last_fact >= self->oldest_fact;
    hf_id_t id = hf_verify_id_at(key, 0);
    self->keyed_wanted += *state->key ? 1 : 0;
    self->probing_wanted += state->state == HF_STATE_CALLING && state->probe;
    s_check_repeated(self, &id, state);
    s_check_entries(self, state);
    s_check_history_is_there(self, &id, state);
    hf_verify_tally(&self->tallies, state->destination, state->state, true)->n++;
    if (!hf_store_is_group_of(state)) {
        hf_verify_problem(self, "it is %s, and group %016" PRIx64 " is not one of its own",
                          hf_state_name((hf_state_t)state->state), state->group);
    }
    if (state->job.len) {
        s_count_member(self, state);
    }
    if (state->group) {
        hf_verify_tally(&self->groups, state->destination, state->group, true)->n++;
    }
}

//  open, dead, expiry, ended: the id stands at the end, and the state must ask for just this entry.
void hf_verify_index(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__State *state;
    hf_store_entry_t entries[HF_STORE_ENTRIES_MAX];
    if (value->mv_size != 0) {
        hf_verify_problem(self, "an index entry has a value of %zu bytes", value->mv_size);
    }
    if (key->mv_size < 8 + HF_ID_SIZE) {
        hf_verify_problem(self, "this is no key of an index");
        return;
    }
    hf_id_t id = hf_verify_id_at(key, key->mv_size - HF_ID_SIZE);
    if (hf_verify_find_state(self, &id, &state) == 1) {
        unsigned size = hf_store_entries(state, entries);
        if (!hf_store_has_entry(entries, size, self->table, key->mv_data, key->mv_size)) {
            hf_verify_problem(self, "the command is %s, this index entry does not belong to that",
                              hf_state_name((hf_state_t)state->state));
        }
    }
}

//  Of each ordered key exactly one command has its turn; it stands before those that are parked.
void hf_verify_turn(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    const uint8_t *bytes = key->mv_data;
    hf_verify_index(self, key, value);
    if (key->mv_size != HF_CHAIN + 1 + 8 + HF_ID_SIZE) {
        hf_verify_problem(self, "this is no key of a turn");
        return;
    }
    if (memcmp(bytes, self->chain, HF_CHAIN) != 0) {
        memcpy(self->chain, bytes, HF_CHAIN);
        self->chain_taken = false;
    }
    bool parked = bytes[HF_CHAIN] != 0;
    if (parked != self->chain_taken) {
        hf_verify_problem(self, parked ? "it is parked, but no command of its key has its turn"
                                       : "two commands of one ordered key have their turn");
    }
    self->chain_taken = true;
}

//  Each command must be where its key leads; commands that are gone may still stand here.
void hf_verify_key_run(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__KeyRun *run = hf_verify_read(self, key, value, &hf__key_run__descriptor);
    if (!run) {
        return;
    }
    if (run->n_hashes == 0 || run->ids.len != run->n_hashes * HF_ID_SIZE || key->mv_size != HF_ID_SIZE ||
        memcmp(key->mv_data, run->ids.data, HF_ID_SIZE) != 0) {
        hf_verify_problem(self,
                          "it does not hold an id for each hash, or stands under another id than its first");
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
            hf_verify_problem(self, "number %zu in it is a command with another key", i);
        }
    }
}

void hf_verify_keyed(hf_verify_t *self) {
    if (self->keyed_wanted != self->keyed_found) {
        hf_verify_tell_table(self, TABLE_KEYS, "not every command with a key stands there once",
                             self->keyed_found, self->keyed_wanted);
    }
}

void hf_verify_dedupe(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Dedupe *dedupe = hf_verify_read(self, key, value, &hf__dedupe__descriptor);
    Hf__Command *command;
    hf_id_t id;
    if (!dedupe) {
        return;
    }
    if (!hf_id_from(&id, dedupe->id.data, dedupe->id.len)) {
        hf_verify_problem(self, "it leads to no id");
        return;
    }
    int found = hf_store_command(self->store, &id, self->arena, &command, NULL);
    if (found == 0) {
        hf_verify_problem(self, "the command that it leads to does not exist");
    } else if (found == 1 &&
               (!hf_verify_same(&command->idempotency, key->mv_data, key->mv_size) ||
                !hf_verify_same(&command->body_hash, dedupe->body_hash.data, dedupe->body_hash.len))) {
        hf_verify_problem(self, "the command that it leads to has another Idempotency-Key or another body");
    }
}
