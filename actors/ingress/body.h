/*  A body against its pipeline's templates: what the destination's url and probe and the pipeline's key name must
 * be there when the command is accepted; it would be too late when it is called.  */

#ifndef HF_INGRESS_BODY_H
#define HF_INGRESS_BODY_H

#include "base/pipeline.h"
#include "ingress/problem.h"

//  Reads the body as JSON where a template has a hole, and appends its key, with a zero behind it. -1 with the
//  problem set.
int hf_body_check(const hf_pipeline_t *pipeline, const void *body, size_t size, hf_buf_t *key,
                  hf_problem_t *problem);

//  The same for line `number` of a batch, which must be JSON whatever the templates: that is what the media type
//  says.
int hf_body_check_line(const hf_pipeline_t *pipeline, const void *text, size_t size, size_t number,
                       hf_buf_t *key, hf_problem_t *problem);

#endif
