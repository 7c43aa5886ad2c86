/*  Failure decides what follows an attempt that did not succeed: again at T, dead, or held for a person. The rules are in policy.h;
 *  this walks the commands that wait for a decision and proposes it.
 *
 *  As for dispatch, the index is the queue (phase `deciding`), and facts only tell when to look.  */

#ifndef HF_FAILURE_CORE_H
#define HF_FAILURE_CORE_H

#include "link/core.h"

typedef struct hf_failure hf_failure_t;

hf_failure_t *hf_failure_new(const hf_core_setup_t *setup);
void hf_failure_destroy(hf_failure_t **self_p);
extern const hf_core_ops_t hf_failure_ops;

bool hf_failure_is_quiet(const hf_failure_t *self);

#endif
