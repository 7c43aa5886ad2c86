#include "base/gate.h"
#include "store/verify.h"

#include <inttypes.h>
#include <string.h>

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

static void s_check_destination_fact(hf_verify_t *self, const Hf__Fact *fact) {
    Hf__Destination *record;
    if (!*fact->destination || fact->event == HF_GATE_NONE || fact->event >= HF_GATE_EVENTS ||
        fact->previous >= fact->seq) {
        hf_verify_problem(self, "fact %" PRIu64 " is about no command, and cannot be about a destination",
                          fact->seq);
        return;
    }
    int found = hf_store_destination(self->store, fact->destination, self->arena, &record, NULL);
    if (found == 0 || (found == 1 && record->last_fact < fact->seq)) {
        hf_verify_problem(self, "fact %" PRIu64 " is newer than its destination's record", fact->seq);
    }
    self->gate_facts_found += found == 1 && record->last_fact == fact->seq;
}

static void s_check_fact(hf_verify_t *self, const Hf__Fact *fact) {
    Hf__State *state;
    hf_id_t id;
    if (self->next_fact && fact->seq != self->next_fact) {
        hf_verify_problem(self, "fact %" PRIu64 " stands where fact %" PRIu64 " belongs", fact->seq,
                          self->next_fact);
    }
    self->next_fact = fact->seq + 1;
    self->oldest_fact = self->oldest_fact ? self->oldest_fact : fact->seq;
    if (!hf_id_from(&id, fact->id.data, fact->id.len)) {
        s_check_destination_fact(self, fact);
        return;
    }
    if (!s_can_lead_to(fact->event, fact->state)) {
        hf_verify_problem(self, "fact %" PRIu64 ": %s does not lead to %s", fact->seq,
                          hf_event_name((hf_event_t)fact->event), hf_state_name((hf_state_t)fact->state));
    }
    bool first = fact->event == HF_EVENT_SUBMIT || (fact->event == HF_EVENT_PARK && fact->previous == 0);
    if (fact->previous >= fact->seq || (fact->previous == 0) != first) {
        hf_verify_problem(self, "fact %" PRIu64 " cannot follow fact %" PRIu64, fact->seq, fact->previous);
    }
    if (hf_store_state(self->store, &id, self->arena, &state, NULL) != 1) {
        return; //  It has left after `keep`; or cannot be read, which is told elsewhere
    }
    if (state->last_fact < fact->seq) {
        hf_verify_problem(self,
                          "fact %" PRIu64 " is newer than its command's state, which knows fact %" PRIu64,
                          fact->seq, state->last_fact);
    } else if (state->last_fact == fact->seq) {
        self->newest_facts_found++;
        if (state->state != fact->state || state->attempt != fact->attempt) {
            hf_verify_problem(
                self, "fact %" PRIu64 " is its command's newest, but says something else than its state",
                fact->seq);
        }
    }
}

void hf_verify_run(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__FactRun *run = hf_verify_read(self, key, value, &hf__fact_run__descriptor);
    if (!run) {
        self->next_fact = 0; //  Its facts are unknown: the next run may begin anywhere
        return;
    }
    if (key->mv_size != 8 || run->n_facts == 0 || run->n_facts > HF_FACTS_PER_RUN ||
        hf_store_number(key->mv_data, 8) != run->facts[0]->seq) {
        hf_verify_problem(self, "%zu facts stand under another number than their first one's", run->n_facts);
        return;
    }
    for (size_t i = 0; i < run->n_facts; i++) {
        s_check_fact(self, run->facts[i]);
    }
}

//  A state names its newest fact: where that is another command's, no fact led back to it. Walked only where
//  the sums differ.
void hf_verify_newest_fact(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    hf_error_t ignored;
    Hf__Fact *fact = NULL;
    Hf__State *state = hf_store_unpack(TABLE_STATES, key, value, &hf__state__descriptor, self->arena,
                                       &ignored);
    if (!state || state->last_fact < self->oldest_fact || state->last_fact > self->newest_fact) {
        return;
    }
    int found = hf_store_fact(self->store, state->last_fact, self->arena, &fact, &ignored);
    if (found == 0 || (found == 1 && !hf_verify_same(&fact->id, key->mv_data, key->mv_size))) {
        hf_verify_problem(self, "fact %" PRIu64 ", its newest, is %s", state->last_fact,
                          found ? "another command's" : "not there");
    }
}

void hf_verify_facts_end(hf_verify_t *self) {
    if (self->next_fact && self->newest_fact < UINT64_MAX && self->next_fact != self->newest_fact + 1) {
        hf_verify_tell_table(self, TABLE_FACTS, "the newest one is not the one that the journal made last",
                             self->next_fact - 1, self->newest_fact);
    }
}

//  ---- history

//  The row of one command's entries has ended.
void hf_verify_history_end(hf_verify_t *self) {
    hf_verify_history_t *history = &self->history;
    Hf__State *state;
    if (!history->any || hf_store_state(self->store, &history->id, self->arena, &state, NULL) != 1) {
        return;
    }
    uint32_t attempts = state->attempt - (state->state == HF_STATE_CALLING ? 1 : 0);
    if (history->entries + state->left_out != state->entries || history->attempts != attempts) {
        char id[HF_ID_TEXT];
        hf_id_format(&history->id, id);
        hf_verify_tell(self,
                       "history %s: %" PRIu32 " entries with %" PRIu32
                       " attempts, but its state says %" PRIu32 " with %" PRIu32,
                       id, history->entries, history->attempts, state->entries - state->left_out, attempts);
    }
}

void hf_verify_history(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__State *state;
    hf_verify_history_t *history = &self->history;
    if (key->mv_size != HF_ID_SIZE + 4) {
        hf_verify_problem(self, "this is no key of a history");
        return;
    }
    hf_id_t id = hf_verify_id_at(key, 0);
    uint32_t number = (uint32_t)hf_store_number((const uint8_t *)key->mv_data + HF_ID_SIZE, 4);
    if (!history->any || !hf_id_equal(&history->id, &id)) {
        hf_verify_history_end(self);
        *history = (hf_verify_history_t){.any = true, .id = id};
        bool cut = hf_verify_find_state(self, &id, &state) == 1 && state->left_out;
        history->newest = cut ? state->entries - HF_HISTORY_NEWEST : 0;
    }
    if (number > history->next && history->next >= HF_HISTORY_FIRST && number <= history->newest) {
        history->missing += number - history->next;
    } else if (number != history->next) {
        hf_verify_problem(self, "entry %" PRIu32 " stands where entry %" PRIu32 " belongs", number,
                          history->next);
    }
    history->next = number + 1;
    history->entries++;
    Hf__History *entry = hf_verify_read(self, key, value, &hf__history__descriptor);
    if (!entry || entry->entry_case == HF__HISTORY__ENTRY_ATTEMPT) {
        uint32_t least = history->attempts + 1;
        if (entry && (entry->attempt->number < least || entry->attempt->number > least + history->missing)) {
            hf_verify_problem(self, "attempt %" PRIu32 " stands where attempt %" PRIu32 " belongs",
                              entry->attempt->number, least);
        }
        //  One that cannot be read was told of; it shall not be told of twice
        history->attempts = entry ? entry->attempt->number : least;
        history->missing = 0;
    }
}
