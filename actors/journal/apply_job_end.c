#include "journal/apply_job_end.h"
#include "base/job.h"

int hf_apply_job_read(hf_batch_t *batch, const ProtobufCBinaryData *bytes, hf_id_t *id, Hf__Job **job,
                      Hf__JobProgress **progress) {
    if (!hf_id_from(id, bytes->data, bytes->len)) {
        return 0;
    }
    int found = hf_store_job(batch->store, id, batch->arena, job, batch->error);
    return found == 1 ? hf_store_progress(batch->store, id, batch->arena, progress, batch->error) : found;
}

void hf_apply_job_look_whether_done(hf_batch_t *batch, const Hf__Job *job, Hf__JobProgress *progress) {
    if (progress->state == HF_JOB_RUNNING && progress->walked && hf_job_open(job, progress) == 0) {
        progress->state = HF_JOB_DONE;
        progress->ended_at = batch->now;
    }
}

static void s_count_end(Hf__JobProgress *progress, const Hf__State *after) {
    bool failed = hf_state_is_held(after->state) || after->state == HF_STATE_EXPIRED;
    progress->succeeded += after->state == HF_STATE_SUCCEEDED;
    progress->failed += failed;
    progress->otherwise += !failed && after->state != HF_STATE_SUCCEEDED;
    if (failed) {
        progress->newest_failure = after->reason;
    }
    progress->recent++;
    progress->recent_failed += failed;
    if (progress->recent >= HF_JOB_RECENT) {
        progress->recent /= 2;
        progress->recent_failed /= 2;
    }
}

int hf_apply_job_ended(hf_batch_t *batch, Hf__State *after) {
    hf_id_t id;
    Hf__Job *job = NULL;
    Hf__JobProgress *progress = NULL;
    int found = hf_apply_job_read(batch, &after->job, &id, &job, &progress);
    after->job = (ProtobufCBinaryData){0, NULL};
    if (found != 1) {
        return found; //  The job gave way to newer ones: nobody counts any more
    }
    s_count_end(progress, after);
    hf_apply_job_look_whether_done(batch, job, progress);
    return hf_store_put_progress(batch->store, progress, batch->error);
}
