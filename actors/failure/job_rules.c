#include "failure/job_rules.h"
#include "base/lifecycle.h"

#include <inttypes.h>
#include <stdio.h>

#define MEMBER_US_MAX 3.2e15 //  A century, µs: a slower rate is as slow as that, and no time overflows

static uint64_t s_least(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

//  Whether the canary, or the newest ends, say that going on makes no sense; then next says why.
static bool s_fails(const Hf__Job *job, const Hf__JobProgress *progress, hf_job_next_t *next) {
    uint64_t ended = progress->done - hf_job_open(job, progress);
    const char *because = *progress->newest_failure ? progress->newest_failure : "somebody cancelled it";
    next->what = HF_JOB_STOP;
    if (job->canary && progress->done <= job->canary && ended > progress->succeeded) {
        snprintf(next->reason, sizeof next->reason,
                 "the canary failed: %" PRIu64 " of %" PRIu64 " did not succeed (%.640s)",
                 ended - progress->succeeded, ended, because);
        return true;
    }
    if (progress->recent_failed >= HF_JOB_FAILURES_MIN &&
        progress->recent_failed * 100 > progress->recent * HF_JOB_FAILURES_PERCENT) {
        snprintf(next->reason, sizeof next->reason,
                 "%" PRIu32 " %% of the newest %" PRIu32 " failed again, more than %d %% may not (%.640s)",
                 progress->recent_failed * 100 / progress->recent, progress->recent, HF_JOB_FAILURES_PERCENT,
                 because);
        return true;
    }
    return false;
}

//  How many members may be decided over now for all but the rate's sake.
static uint64_t s_allowed(const Hf__Job *job, const Hf__JobProgress *progress) {
    uint64_t open = hf_job_open(job, progress), most = HF_JOB_ITEMS_MAX;
    if (job->event != HF_EVENT_RETRY) {
        return most;
    }
    most = s_least(most, open < HF_JOB_OPEN_MAX ? HF_JOB_OPEN_MAX - open : 0);
    if (job->canary && progress->done < job->canary) {
        return s_least(most, job->canary - progress->done);
    }
    return job->canary && progress->done == job->canary && open > 0 ? 0 : most;
}

//  How long the rate lasts with one member, µs.
static double s_member_us(const Hf__Job *job) {
    double us = 1e6 / job->rate;
    return us < MEMBER_US_MAX ? us : MEMBER_US_MAX;
}

//  The same for the rate's sake: what it has let go since paced_us, once that makes a step. A job that begins has one step's worth.
static uint64_t s_paced(const Hf__Job *job, const Hf__JobProgress *progress, int64_t now,
                        hf_job_next_t *next) {
    int64_t now_us = now * 1000, each_us = (int64_t)s_member_us(job) + 1;
    int64_t step_us = each_us > HF_JOB_PACE_MS * INT64_C(1000) ? each_us : HF_JOB_PACE_MS * INT64_C(1000);
    int64_t burst_us = each_us > HF_JOB_BURST_MS * INT64_C(1000) ? each_us : HF_JOB_BURST_MS * INT64_C(1000);
    next->paced_us = progress->paced_us ? progress->paced_us : now_us - step_us;
    if (now_us - next->paced_us > burst_us) {
        next->paced_us = now_us - burst_us;
    }
    if (now_us - next->paced_us < step_us) {
        next->until_ms = (next->paced_us + step_us) / 1000 + 1;
        return 0;
    }
    return (uint64_t)((double)(now_us - next->paced_us) / s_member_us(job));
}

hf_job_next_t hf_job_next(const Hf__Job *job, const Hf__JobProgress *progress, int64_t now) {
    hf_job_next_t next = {.what = HF_JOB_COUNT};
    if (!progress->counted) {
        return next;
    }
    if (job->event == HF_EVENT_RETRY && s_fails(job, progress, &next)) {
        return next;
    }
    next.until_ms = now + HF_JOB_LOOK_MS;
    uint64_t members = progress->walked ? 0 : s_allowed(job, progress);
    if (members > 0 && job->rate > 0) {
        members = s_least(members, s_paced(job, progress, now, &next));
    }
    next.what = members > 0 ? HF_JOB_GO : HF_JOB_WAIT;
    next.members = (unsigned)members;
    return next;
}

int64_t hf_job_paced(const Hf__Job *job, int64_t paced_us, unsigned members) {
    return job->rate > 0 ? paced_us + (int64_t)(s_member_us(job) * members) : 0;
}
