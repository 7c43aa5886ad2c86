/*  Deciding over many commands at once, for the verbs that do (retry, discard, resolve with --all).  */

#ifndef HF_CLI_JOBS_H
#define HF_CLI_JOBS_H

#include "cli/verbs.h"

enum { HF_JOBS_FILTERS = 8 }; //  Filters that a job takes

//  Their names: options of the verb, members of the request.
extern const char *const hf_jobs_filters[HF_JOBS_FILTERS];

//  What shall become of all of them.
typedef struct {
    const char *path; //  Of the request
    const char *as;   //  Resolve: as what; else NULL
} hf_jobs_action_t;

//  Begins a job with the filters that were typed, prints what the node answered, and follows it on a terminal. Returns the exit
//  status.
int hf_jobs_begin(const hf_args_t *args, const hf_jobs_action_t *action);

#endif
