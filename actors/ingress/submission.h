/*  A submission as a client sent it, and what is the same in every command that it makes: where it goes, its
 * times, its urgency, its trace. What its body must have is in body.h, the lines of a batch are in batch.h.  */

#ifndef HF_SUBMISSION_H
#define HF_SUBMISSION_H

#include "base/pipeline.h"
#include "ingress/problem.h"
#include "messages.pb-c.h"

//  Strings may be NULL where the header was absent.
typedef struct {
    const char *pipeline;        //  From the path
    const void *body;            //  Its bytes
    size_t body_size;            //  How many
    const char *content_type;    //  Content-Type
    const char *idempotency_key; //  Idempotency-Key
    const char *not_before;      //  Holdfast-Not-Before
    const char *deadline;        //  Holdfast-Deadline
    const char *priority;        //  Holdfast-Priority
    const char *traceparent;     //  W3C trace context
    const char *tracestate;      //  The same
} hf_submission_t;

//  Whether its body's size and its headers can be kept; what is not given is sound. -1 with the problem set.
int hf_submission_check(const hf_submission_t *self, const hf_config_t *config, hf_problem_t *problem);

//  Makes the command, all but its id, key, body and hashes. Texts are the submission's and the configuration's.
//  Returns its pipeline, or NULL with the problem set.
const hf_pipeline_t *hf_submission_read(const hf_submission_t *self, const hf_config_t *config, int64_t now,
                                        Hf__Command *command, hf_problem_t *problem);

#endif
