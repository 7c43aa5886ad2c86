#include "journal/apply_proposal.h"
#include "journal/apply.h"
#include "journal/apply_gate.h"
#include "journal/apply_job.h"

int hf_apply(hf_batch_t *batch, const Hf__Proposal *proposal, Hf__Result *result) {
    result->code = HF_RESULT_DONE;
    switch (proposal->what_case) {
    case HF__PROPOSAL__WHAT_GATE:
        return hf_apply_gate(batch, proposal->gate, result);
    case HF__PROPOSAL__WHAT_JOB_CREATE:
        return hf_apply_job_create(batch, proposal->job_create, result);
    case HF__PROPOSAL__WHAT_JOB_STEP:
        return hf_apply_job_step(batch, proposal->job_step, result);
    case HF__PROPOSAL__WHAT_JOB_CANCEL:
        return hf_apply_job_cancel(batch, proposal->job_cancel, result);
    default:
        return hf_apply_command(batch, proposal, result);
    }
}
