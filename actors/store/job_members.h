/*  The members of a job: finding them in the journal's groups, and what a patch makes of a body. Whoever decides over them and whoever
 *  only wants to show them sees the same ones.  */

#ifndef HF_JOB_MEMBERS_H
#define HF_JOB_MEMBERS_H

#include "base/job.h"
#include "base/pipeline.h"
#include "store/store.h"

//  A place among the members: behind this one.
typedef struct {
    char destination[HF_NAME_MAX + 1]; //  Empty: before all
    uint64_t group;                    //  Of it
    uint64_t fact;                     //  Of the member
} hf_job_place_t;

//  One walk over some of them.
typedef struct {
    hf_job_place_t place; //  Everything up to here was looked at
    unsigned scan_most;   //  Entries to look at, members or not: then it ends
    uint64_t most;        //  Members to find: then it ends
    uint64_t found;       //  Members found
    bool ended;           //  There was enough; else everything was looked at
} hf_job_walk_t;

//  Walks the members behind walk->place, in a reading transaction, and moves the place. on_member (may be NULL) gets each; false ends
//  it behind this one. What the arena gets lives until the caller's reset. -1 where the file cannot be read.
typedef bool(hf_on_member_t)(void *context, const hf_id_t *id);
int hf_job_walk(hf_store_t *store, const Hf__Job *job, hf_job_walk_t *walk, hf_on_member_t *on_member,
                void *context, hf_arena_t *arena, hf_error_t *error);

//  What a checked patch makes of a command's body, appended to out: within body_limit, and with all that the templates of its pipeline
//  name, as for a new command (where that is still configured). -1 with the error set: it does not fit.
int hf_job_patch(const hf_config_t *config, const json_t *patch, const Hf__Command *command, hf_buf_t *out,
                 hf_error_t *error);

#endif
