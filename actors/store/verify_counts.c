#include "base/gate.h"
#include "base/job.h"
#include "store/verify.h"

#include <inttypes.h>
#include <string.h>

//  ---- counts and groups

void hf_verify_count(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Count *count = hf_verify_read(self, key, value, &hf__count__descriptor);
    const char *destination = key->mv_data;
    if (!count) {
        return;
    }
    if (key->mv_size < 3 || key->mv_size > HF_DESTINATION_MAX + 2 || destination[key->mv_size - 2] != 0) {
        hf_verify_problem(self, "this is no key of a count");
        return;
    }
    uint32_t state = (uint8_t)destination[key->mv_size - 1];
    hf_tally_t *tally = hf_verify_tally(&self->tallies, destination, state, false);
    if (!tally || tally->n != count->n) {
        hf_verify_problem(self, "%" PRIu64 " commands of %s are counted as %s, but %" PRIu64 " are", count->n,
                          destination, hf_state_name((hf_state_t)state), tally ? tally->n : 0);
    }
    if (tally) {
        tally->recorded = true;
    }
}

void hf_verify_tallies(hf_verify_t *self) {
    for (size_t i = 0; i < self->tallies.size; i++) {
        const hf_tally_t *tally = &self->tallies.items[i];
        if (!tally->recorded) {
            hf_verify_tell(self, "counts: %" PRIu64 " commands of %s are %s, but no count says so", tally->n,
                           tally->destination, hf_state_name((hf_state_t)tally->number));
        }
    }
}

void hf_verify_group(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Group *group = hf_verify_read(self, key, value, &hf__group__descriptor);
    const char *destination;
    uint64_t number;
    if (!group) {
        return;
    }
    if (!hf_store_read_group_key(key, &destination, &number)) {
        hf_verify_problem(self, "this is no key of a group");
        return;
    }
    hf_tally_t *tally = hf_verify_tally(&self->groups, destination, number, false);
    if (!hf_state_is_held(group->state) || !hf_store_is_group(number, group)) {
        hf_verify_problem(self, "it stands under another number than its reasons have");
    }
    if (!tally || tally->n != group->n) {
        hf_verify_problem(self, "%" PRIu64 " commands of %s are counted in it, but %" PRIu64 " are", group->n,
                          destination, tally ? tally->n : 0);
    }
    if (tally) {
        tally->recorded = true;
    }
}

void hf_verify_grouped(hf_verify_t *self) {
    for (size_t i = 0; i < self->groups.size; i++) {
        const hf_tally_t *tally = &self->groups.items[i];
        if (!tally->recorded) {
            hf_verify_tell(
                self, "groups: %" PRIu64 " commands of %s are in group %016" PRIx64 ", but no record says so",
                tally->n, tally->destination, tally->number);
        }
    }
}

//  ---- jobs

void hf_verify_job(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Job *job = hf_verify_read(self, key, value, &hf__job__descriptor);
    self->jobs++;
    if (job && (key->mv_size != HF_ID_SIZE || !hf_verify_same(&job->id, key->mv_data, HF_ID_SIZE))) {
        hf_verify_problem(self, "the record stands under another job's id");
    } else if (job &&
               (!hf_state_is_held(job->state) || (self->newest_fact && job->fact > self->newest_fact))) {
        hf_verify_problem(
            self, "it is over nothing that can be decided over, or begins at a fact that was never made");
    }
}

void hf_verify_progress(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__JobProgress *progress = hf_verify_read(self, key, value, &hf__job_progress__descriptor);
    Hf__Job *job;
    char text[HF_ID_TEXT];
    self->progressed++;
    if (!progress) {
        return;
    }
    if (key->mv_size != HF_ID_SIZE || !hf_verify_same(&progress->id, key->mv_data, HF_ID_SIZE)) {
        hf_verify_problem(self, "the record stands under another job's id");
        return;
    }
    hf_id_t id = hf_verify_id_at(key, 0);
    hf_id_format(&id, text);
    hf_tally_t *members = hf_verify_tally(&self->members, text, 0, false);
    int found = hf_store_job(self->store, &id, self->arena, &job, NULL);
    if (found == 0) {
        hf_verify_problem(self, "there is no such job in jobs");
    }
    if (found == 1 && hf_job_open(job, progress) != (members ? members->n : 0)) {
        hf_verify_problem(
            self, "%" PRIu64 " of its members are under way by its counts, %" PRIu64 " are by their states",
            hf_job_open(job, progress), members ? members->n : 0);
    }
    if (progress->state == HF_JOB_NONE || progress->state >= HF_JOB_STATES ||
        (progress->state == HF_JOB_RUNNING) != (progress->ended_at == 0)) {
        hf_verify_problem(self, "state %" PRIu32 " is none that a job can be in, or does not fit its end",
                          progress->state);
    }
    self->running += progress->state == HF_JOB_RUNNING;
}

void hf_verify_jobs(hf_verify_t *self) {
    if (self->jobs != self->progressed || self->jobs > HF_JOBS_MAX + HF_JOBS_RUNNING_MAX ||
        self->running > HF_JOBS_RUNNING_MAX) {
        hf_verify_tell_table(self, TABLE_JOBS,
                             "there are other jobs than records of their progress, or too many", self->jobs,
                             self->progressed);
    }
}

//  ---- destinations

//  A probe under way is a command that is being called as one.
static void s_check_probe(hf_verify_t *self, const Hf__Destination *record) {
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
        hf_verify_problem(self, "it names a probe under way that is none");
    }
    self->probing_found++;
}

void hf_verify_destination(hf_verify_t *self, const MDB_val *key, const MDB_val *value) {
    Hf__Destination *record = hf_verify_read(self, key, value, &hf__destination__descriptor);
    if (!record) {
        return;
    }
    if (strlen(record->name) != key->mv_size || memcmp(record->name, key->mv_data, key->mv_size) != 0) {
        hf_verify_problem(self, "the record stands under another destination's name");
    }
    if (record->circuit >= HF_CIRCUITS || (record->circuit == HF_CIRCUIT_OPEN && record->cooldown <= 0)) {
        hf_verify_problem(self, "circuit %" PRIu32 " is none that this version knows, or has no cooldown",
                          record->circuit);
    }
    if (!record->last_fact || record->last_fact > self->newest_fact ||
        record->circuit_fact > record->last_fact) {
        hf_verify_problem(self, "its newest fact %" PRIu64 " was never made", record->last_fact);
    }
    self->gate_facts_wanted += self->oldest_fact && record->last_fact >= self->oldest_fact;
    s_check_probe(self, record);
}

void hf_verify_destinations(hf_verify_t *self) {
    if (self->probing_wanted != self->probing_found) {
        hf_verify_tell_table(self, TABLE_DESTINATIONS, "not every probe under way is named there",
                             self->probing_found, self->probing_wanted);
    }
    if (self->gate_facts_wanted != self->gate_facts_found) {
        hf_verify_tell_table(self, TABLE_DESTINATIONS, "not every record's newest fact is about it",
                             self->gate_facts_found, self->gate_facts_wanted);
    }
}
