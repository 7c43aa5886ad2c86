/*  Jobs as clients see them: what they ask for, what a dry run shows, and how far each is.  */

#ifndef HF_JOB_PAGE_H
#define HF_JOB_PAGE_H

#include "ingress/problem.h"
#include "ingress/query.h"
#include "store/job_members.h"

enum {
    HF_PREVIEW_MAX = 10, //  Members that a dry run shows
};

//  What a client asks for. hf_job_request_free gives back what it holds.
typedef struct {
    Hf__Job job;        //  As proposed, without id, who and the time; its texts are below
    hf_filter_t filter; //  The filters
    json_t *patch;      //  Checked, or NULL
    char *patch_text;   //  The same as it is kept
    bool dry_run;       //  Only show
} hf_job_request_t;

//  Reads a body like {"destination":"ec2","rate":"50/s"}; event: RETRY, DISCARD or RESOLVE. -1 with the problem set.
int hf_job_request_read(hf_job_request_t *self, hf_event_t event, const void *body, size_t size, int64_t now,
                        hf_problem_t *problem);
void hf_job_request_free(hf_job_request_t *self);

//  {"dry_run":true,"matched":…,"complete":…,"unfit":…,"members":[…]}: how many members there would be, the first of them, and what a patch
//  makes of their bodies. Looks at HF_SCAN_MAX entries at most ("complete" is false then). -1 with the problem set.
int hf_job_preview(hf_store_t *store, const hf_config_t *config, hf_job_request_t *request, hf_buf_t *out,
                   hf_problem_t *problem);

//  One job; all of them, the newest first, as {"jobs":[…]}. -1 with the problem set.
int hf_query_job(hf_store_t *store, const hf_id_t *id, hf_buf_t *out, hf_problem_t *problem);
int hf_query_jobs(hf_store_t *store, hf_buf_t *out, hf_problem_t *problem);

#endif
