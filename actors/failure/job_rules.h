/*  What a running job does next: the whole of counting, pace, canary and giving up. Pure; jobs.c carries it out.  */

#ifndef HF_JOB_RULES_H
#define HF_JOB_RULES_H

#include "base/job.h"

enum {
    HF_JOB_LOOK_MS = 50, //  How often a job that waits for its members is looked at
    HF_JOB_PACE_MS = 50, //  Members that a rate lets go within this time make one step
    HF_JOB_BURST_MS =
        1000, //  What a rate did not use for longer is lost: a job that was away does not catch up
    HF_JOB_FAILURES_MIN = 5,     //  So many of the newest ends must have failed,
    HF_JOB_FAILURES_PERCENT = 20 //  and more than this share of them, for a job to stop
};

typedef enum {
    HF_JOB_COUNT, //  Say how many members there are
    HF_JOB_GO,    //  Decide over so many members
    HF_JOB_WAIT,  //  Nothing before that time
    HF_JOB_STOP,  //  Give up, with the reason
} hf_job_do_t;

typedef struct {
    hf_job_do_t what;  //  Which of them
    unsigned members;  //  GO: at most so many
    int64_t paced_us;  //  GO: up to this time the rate has been used before any of them
    int64_t until_ms;  //  WAIT: look again then
    char reason[1024]; //  STOP: why
} hf_job_next_t;

//  In this order: not counted → count; the canary failed, or too many of the newest failed again → stop; the canary has not ended, as
//  many are open as may be, or the rate allows none → wait; else go on. Of a job that runs.
hf_job_next_t hf_job_next(const Hf__Job *job, const Hf__JobProgress *progress, int64_t now);

//  Up to when the rate has been used after so many members.
int64_t hf_job_paced(const Hf__Job *job, int64_t paced_us, unsigned members);

#endif
