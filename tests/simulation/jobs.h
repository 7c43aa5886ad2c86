/*  Jobs over many dead commands: what clients ask for, and that each member is decided over exactly once and nobody else, whatever
 *  crashes.  */

#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include "messages.pb-c.h"
#include "simulation/ledger.h"

//  One member of one job.
struct sim_member {
    hf_id_t job;     //  Which job
    hf_id_t command; //  decided over whom
};

//  A job that a client thinks of: what it says lives as long as the program.
Hf__Job sim_jobs_draw(sim_world_t *world);

//  A job that there is, for a client to cancel; false where there is none.
bool sim_jobs_pick(sim_world_t *world, hf_id_t *id);

//  A fact follows from a step. Asserts that the job may decide over that command now.
void sim_jobs_decided(sim_ledger_t *ledger, const Hf__JobStep *step, const Hf__Fact *fact,
                      sim_command_t *command);

//  The new body that a step gives the command; false where it gives none.
bool sim_jobs_body(const Hf__JobStep *step, const sim_command_t *command, ProtobufCBinaryData *body);

//  Whether that step was carried out in the newest commit or before, and its job wants that event. While the
//  ledger reads.
bool sim_jobs_explains(const sim_ledger_t *ledger, const Hf__JobStep *step, hf_event_t event);

//  Whether a proposal over a job that was answered as done is durable; whether that job is there, or is cancelled.
bool sim_jobs_is_done(sim_ledger_t *ledger, const Hf__Proposal *proposal);
bool sim_jobs_is(sim_ledger_t *ledger, const hf_id_t *id, bool cancelled);

//  How many run.
unsigned sim_jobs_running(sim_ledger_t *ledger);

//  At rest, in a reading transaction of the ledger: what each job says of itself, and that none that is done left a member behind.
void sim_jobs_scan(sim_ledger_t *ledger);

#endif
