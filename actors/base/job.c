#include "base/job.h"
#include "base/lifecycle.h"

#include <string.h>
#include <xxhash.h>

#define WORD_JOB(name, word) [HF_JOB_##name] = (word),
static const char *const s_states[] = {HF_JOB_STATE_LIST(WORD_JOB)};

const char *hf_job_state_name(hf_job_state_t state) {
    return (unsigned)state < HF_JOB_STATES ? s_states[state] : "none";
}

uint64_t hf_job_open(const Hf__Job *job, const Hf__JobProgress *progress) {
    uint64_t ended = progress->succeeded + progress->failed + progress->otherwise;
    return job->event == HF_EVENT_RETRY && progress->done > ended ? progress->done - ended : 0;
}

uint64_t hf_job_left(const Hf__JobProgress *progress) {
    uint64_t behind = progress->done + progress->gone + progress->refused;
    return progress->counted && !progress->walked && progress->matched > behind ? progress->matched - behind
                                                                                : 0;
}

bool hf_job_needs_state(const Hf__Job *job) {
    return *job->pipeline || job->has_key;
}

bool hf_job_takes_id(const Hf__Job *job, const hf_id_t *id) {
    return (!job->since || hf_id_ms(id) >= job->since) && (!job->until || hf_id_ms(id) < job->until);
}

bool hf_job_takes_state(const Hf__Job *job, const Hf__State *state) {
    return (!*job->pipeline || strcmp(job->pipeline, state->pipeline) == 0) &&
           (!job->has_key || strcmp(job->key, state->key) == 0);
}

bool hf_job_takes_group(const Hf__Job *job, uint64_t number, const Hf__Group *group) {
    return group->state == job->state && (!job->class_ || job->class_ == group->class_) &&
           (!job->group || job->group == number);
}

void hf_job_decision(const Hf__Job *job, const hf_id_t *id, uint8_t decision[HF_ID_SIZE]) {
    uint8_t both[2 * HF_ID_SIZE] = {0};
    memcpy(both, job->id.data, job->id.len < HF_ID_SIZE ? job->id.len : HF_ID_SIZE);
    memcpy(both + HF_ID_SIZE, id->bytes, HF_ID_SIZE);
    XXH128_hash_t hash = XXH3_128bits(both, sizeof both);
    memcpy(decision, &hash.low64, 8);
    memcpy(decision + 8, &hash.high64, 8);
}
