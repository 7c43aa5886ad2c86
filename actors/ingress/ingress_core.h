/*  Ingress, the deciding half: it proposes what clients ask for, and hears what became of it. The HTTP half
 * (server_shell, pages_shell, waiting_shell, sse_shell) asks it and answers its clients.
 *
 *  Beside it: whether a submission is sound and what command it makes (submission, body, batch, idempotency); what
 * answer the journal's word makes (answer); what the file says while the journal is away (settle).
 *
 *  Happy path: hf_ingress_submit checks against the configuration, makes the id, renders the key, proposes
 * Submit; when the journal's acknowledgement came, hf_ingress_take_answer gives the answer with the caller's
 * tag. Nothing is answered as accepted before that.
 *
 *  Failures: what is unsound is refused at once, with a problem; a full link is refused with `busy`; a
 * journal without room answers `full`. While the journal is away, submissions wait; those that waited longer
 * than the patience are listed by hf_ingress_overdue, and only where the shell knows that no journal lives
 * (it holds the journal's lock itself) may it settle them: what the file has is accepted, the rest is made
 * void and refused.  */

#ifndef HF_INGRESS_CORE_H
#define HF_INGRESS_CORE_H

#include "base/gate.h"
#include "ingress/answer.h"
#include "ingress/settle.h"
#include "ingress/submission.h"
#include "link/core.h"
#include "link/link.h"

typedef struct hf_ingress hf_ingress_t;

hf_ingress_t *hf_ingress_new(const hf_core_setup_t *setup);
void hf_ingress_destroy(hf_ingress_t **self_p);
extern const hf_core_ops_t hf_ingress_ops;

//  Whether the journal can be asked now: known, heard lately, with room; else the problem says why not (for
//  /readyz).
bool hf_ingress_is_ready(const hf_ingress_t *self, int64_t now, hf_problem_t *problem);

//  Proposes a new command. 0: an answer with this tag will come, id is the command's if it is accepted. -1:
//  refused, see the problem; nothing happened.
int hf_ingress_submit(hf_ingress_t *self, const hf_submission_t *submission, int64_t now, void *tag,
                      hf_id_t *id, hf_problem_t *problem);

//  Proposes as many commands as the body has lines (newline-delimited JSON), all or none. Returns as above.
int hf_ingress_submit_batch(hf_ingress_t *self, const hf_submission_t *submission, int64_t now, void *tag,
                            hf_problem_t *problem);

//  Proposes a person's decision (CANCEL, RETRY, DISCARD, RESOLVE) over one command. body NULL: it stays as it
//  is.
int hf_ingress_decide(hf_ingress_t *self, const hf_id_t *id, hf_event_t event, const char *who,
                      const void *body, size_t body_size, const char *content_type, int64_t now, void *tag,
                      hf_problem_t *problem);

//  Pauses or resumes (event) a destination; who: as far as the request said. As hf_ingress_decide.
int hf_ingress_gate(hf_ingress_t *self, const char *name, hf_gate_event_t event, const char *who, int64_t now,
                    void *tag, hf_problem_t *problem);

//  Proposes a job over many commands; job: as read from the request (ingress/job.h), its id, time and hashes are filled in here. body: what
//  must be the same under one Idempotency-Key (NULL: none was given). The answer is DECIDED or REPLAYED, with the job's id.
int hf_ingress_create_job(hf_ingress_t *self, Hf__Job *job, const char *idempotency_key, const void *body,
                          size_t body_size, int64_t now, void *tag, hf_problem_t *problem);

//  Proposes that a job ends where it is. The answer is DECIDED.
int hf_ingress_cancel_job(hf_ingress_t *self, const hf_id_t *id, const char *who, int64_t now, void *tag,
                          hf_problem_t *problem);

//  The next answer; false where there is none.
bool hf_ingress_take_answer(hf_ingress_t *self, hf_answer_t *answer);

//  Facts, as they become durable and in order (for waiters and live readers); set before the first message.
void hf_ingress_set_on_fact(hf_ingress_t *self, hf_on_fact_t *on_fact, void *context);

//  Whether facts are wanted; at first they are. While they are not, none is delivered and the newest number comes
//  from the journal's beats; from when they are wanted again, all that become true are delivered.
void hf_ingress_follow(hf_ingress_t *self, bool follows);

//  Number of the newest fact delivered; and how often facts were gone for good, so that who waits for one
//  must look the state up.
uint64_t hf_ingress_newest_fact(const hf_ingress_t *self);
uint64_t hf_ingress_rebuilds(const hf_ingress_t *self);

//  What is received and not durable yet: proposals, and their bytes.
size_t hf_ingress_unacked(const hf_ingress_t *self);
size_t hf_ingress_unacked_bytes(const hf_ingress_t *self);

//  How many submissions and decisions are overdue; and settling them, allowed only while no journal lives.
size_t hf_ingress_overdue(const hf_ingress_t *self, int64_t now);
void hf_ingress_settle(hf_ingress_t *self, int64_t now);

#endif
