/*  Invariant: hf_store_entries is the only place that knows which index entries a state has.  */

#include "store/store_private.h"

#include <string.h>

hf_queue_t hf_state_queue(const Hf__State *state) {
    return state->attempt > state->round_attempt ? HF_QUEUE_RETRY : HF_QUEUE_FIRST;
}

bool hf_state_has_turn(const Hf__State *state) {
    bool stuck = state->state == HF_STATE_DEAD || state->state == HF_STATE_UNCERTAIN;
    bool moves = hf_state_is_open((hf_state_t)state->state) && state->state != HF_STATE_PARKED;
    return state->order && (moves || (stuck && !state->overtaken));
}

//  Where a state stands in `open`; false where it stands nowhere.
static bool s_open_place(const Hf__State *state, hf_phase_t *phase, int64_t *due) {
    *due = state->since;
    switch ((hf_state_t)state->state) {
    case HF_STATE_ACCEPTED:
    case HF_STATE_WAITING:
        *phase = HF_PHASE_READY;
        *due = state->due;
        return true;
    case HF_STATE_CALLING:
        *phase = HF_PHASE_CALLING;
        return true;
    case HF_STATE_DECIDING:
        *phase = HF_PHASE_DECIDING;
        return true;
    case HF_STATE_UNCERTAIN:
        *phase = HF_PHASE_UNCERTAIN;
        return true;
    default:
        return false;
    }
}

static hf_store_key_t s_open_key(hf_phase_t phase, const Hf__State *state, int64_t due, const hf_id_t *id) {
    hf_store_key_t key = hf_store_key_of_lane(phase, state->destination);
    if (phase == HF_PHASE_READY) {
        hf_store_key_add_queue(&key, hf_priority(state->urgency), hf_state_queue(state));
    }
    hf_store_key_add_time(&key, due);
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

static hf_store_key_t s_turn_key(const Hf__State *state, const hf_id_t *id) {
    hf_store_key_t key = hf_store_key_of_chain(state->pipeline, state->key, state->state == HF_STATE_PARKED);
    hf_store_key_add_number(&key, state->order, 8);
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

unsigned hf_store_entries(const Hf__State *state, hf_store_entry_t entries[HF_STORE_ENTRIES_MAX]) {
    unsigned size = 0;
    hf_id_t id;
    hf_phase_t phase;
    int64_t due;
    if (!state || !hf_id_from(&id, state->id.data, state->id.len)) {
        return 0;
    }
    if (s_open_place(state, &phase, &due)) {
        entries[size++] = (hf_store_entry_t){TABLE_OPEN, s_open_key(phase, state, due, &id)};
    }
    if (state->state == HF_STATE_PARKED || hf_state_has_turn(state)) {
        entries[size++] = (hf_store_entry_t){TABLE_TURNS, s_turn_key(state, &id)};
    }
    if (hf_state_is_held(state->state)) {
        entries[size++] = (hf_store_entry_t){TABLE_DEAD, hf_store_dead_key(state)};
    }
    if (state->deadline && hf_state_is_open(state->state)) {
        entries[size++] = (hf_store_entry_t){TABLE_EXPIRY, hf_store_key_of_time(state->deadline, &id)};
    }
    if (hf_state_is_final(state->state)) {
        entries[size++] = (hf_store_entry_t){TABLE_ENDED, hf_store_key_of_time(state->since, &id)};
    }
    return size;
}

bool hf_store_has_entry(const hf_store_entry_t *entries, unsigned size, hf_table_t table, const void *key,
                        size_t key_size) {
    for (unsigned i = 0; i < size; i++) {
        if (entries[i].table == table && entries[i].key.size == key_size &&
            memcmp(entries[i].key.bytes, key, key_size) == 0) {
            return true;
        }
    }
    return false;
}
