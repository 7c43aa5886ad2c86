/*  Jobs: one decision over all dead (or uncertain) commands that some filters leave. What ingress, journal and failure agree on.
 *
 *  Members are those that were in that state at the fact that the journal knew when it made the job, and have not moved since: the
 *  newest fact about each is that old or older. Whoever dies again has a newer one, and is no member any more. So a job decides over
 *  each member at most once, whatever crashes; and whatever it finds gone was decided over by somebody else.
 *
 *      create ──▶ running ──┬── nothing left, every member ended ──▶ done
 *                           ├── its members fail again ────────────▶ stopped
 *                           └── cancel ────────────────────────────▶ cancelled
 *
 *  Members that were retried before it stopped or was cancelled go on, and are counted as they end.  */

#ifndef HF_JOB_H
#define HF_JOB_H

#include "base/id.h"
#include "records.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    HF_JOBS_RUNNING_MAX = 16, //  At once: each is looked at many times a second
    HF_JOBS_MAX = 128,        //  Kept with those that have ended: the oldest of these give way
    HF_JOB_OPEN_MAX = 1000,   //  Members retried and not ended: what fails again is noticed before it is more
    HF_JOB_PATCH_MAX = 64 << 10,   //  Bytes of a patch
    HF_JOB_CANARY_MAX = 1000,      //  No more than may be open
    HF_JOB_ITEMS_MAX = 256,        //  Members of one step: one transaction
    HF_JOB_STEP_BYTES = 512 << 10, //  Of bodies read and made in one step, or those of one member
    HF_JOB_RECENT = 100,           //  Ends that count as the newest
};

//  X (NAME, word that people see). The numbers are on disk: only append.
#define HF_JOB_STATE_LIST(X)                                                                                 \
    X(NONE, "none")                                                                                          \
    X(RUNNING, "running")                                                                                    \
    X(DONE, "done")                                                                                          \
    X(STOPPED, "stopped")                                                                                    \
    X(CANCELLED, "cancelled")

#define HF_ENUM_JOB(name, word) HF_JOB_##name,
typedef enum { HF_JOB_STATE_LIST(HF_ENUM_JOB) HF_JOB_STATES } hf_job_state_t;

const char *hf_job_state_name(hf_job_state_t state);

//  Members that were retried and have not ended.
uint64_t hf_job_open(const Hf__Job *job, const Hf__JobProgress *progress);

//  Members that the job has not come to; 0 while it has not counted them.
uint64_t hf_job_left(const Hf__JobProgress *progress);

//  Whether a command may be a member: by its group, its id, and what only its State says (hf_job_needs_state: whether that has to be
//  read at all).
bool hf_job_needs_state(const Hf__Job *job);
bool hf_job_takes_id(const Hf__Job *job, const hf_id_t *id);
bool hf_job_takes_state(const Hf__Job *job, const Hf__State *state);
bool hf_job_takes_group(const Hf__Job *job, uint64_t number, const Hf__Group *group);

//  The decision over one member: always the same for this job and this command.
void hf_job_decision(const Hf__Job *job, const hf_id_t *id, uint8_t decision[HF_ID_SIZE]);

#endif
