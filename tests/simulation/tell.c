#include "simulation/tell.h"

#include "link/wire.h"
#include "simulation/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *sim_role_name(sim_role_t role) {
    static const char *const names[SIM_ROLES] = {"journal", "ingress", "dispatch", "failure",
                                                 "events",  "watch",   "call.0",   "call.1"};
    return names[role];
}

const char *sim_tell_life(const sim_life_t *life) {
    static char texts[8][32];
    static unsigned turn;
    char *text = texts[turn++ % 8];
    snprintf(text, sizeof texts[0], "%s/%u", sim_role_name(life->role), life->number);
    return text;
}

static void s_add_command(const sim_world_t *world, hf_buf_t *text, const ProtobufCBinaryData *bytes) {
    hf_id_t id;
    const sim_command_t *command = hf_id_from(&id, bytes->data, bytes->len)
                                       ? sim_ledger_find(world->ledger, &id)
                                       : NULL;
    if (command) {
        hf_buf_addf(text, "c%u", command->number);
    } else {
        hf_buf_addf(text, "?");
    }
}

static void s_add_proposal(const sim_world_t *world, hf_buf_t *text, const Hf__Proposal *proposal) {
    switch (proposal->what_case) {
    case HF__PROPOSAL__WHAT_HELLO:
        hf_buf_addf(text, " hello");
        break;
    case HF__PROPOSAL__WHAT_SUBMIT:
        hf_buf_addf(text, " submit ");
        s_add_command(world, text, &proposal->submit->command->id);
        break;
    case HF__PROPOSAL__WHAT_SUBMIT_BATCH:
        hf_buf_addf(text, " submit");
        for (size_t i = 0; i < proposal->submit_batch->n_commands; i++) {
            hf_buf_addf(text, " ");
            s_add_command(world, text, &proposal->submit_batch->commands[i]->id);
        }
        break;
    case HF__PROPOSAL__WHAT_START:
        hf_buf_addf(text, " start attempt %u of ", proposal->start->attempt);
        s_add_command(world, text, &proposal->start->id);
        hf_buf_addf(text, " by %s in life %" PRIu64, proposal->start->caller, proposal->start->caller_epoch);
        break;
    case HF__PROPOSAL__WHAT_OUTCOME:
        hf_buf_addf(text, " attempt %u of ", proposal->outcome->attempt->number);
        s_add_command(world, text, &proposal->outcome->id);
        hf_buf_addf(text, " in life %" PRIu64 " is %s", proposal->outcome->caller_epoch,
                    hf_class_name(proposal->outcome->attempt->class_));
        break;
    case HF__PROPOSAL__WHAT_VERDICT:
        hf_buf_addf(text, " %s ", hf_event_name(proposal->verdict->event));
        s_add_command(world, text, &proposal->verdict->id);
        hf_buf_addf(text, " after attempt %u", proposal->verdict->attempt);
        break;
    case HF__PROPOSAL__WHAT_DECIDE:
        hf_buf_addf(text, " a person wants to %s ", hf_event_name(proposal->decide->event));
        s_add_command(world, text, &proposal->decide->id);
        break;
    case HF__PROPOSAL__WHAT_JOB_CREATE:
        hf_buf_addf(text, " a person wants to %s many", hf_event_name(proposal->job_create->job->event));
        break;
    case HF__PROPOSAL__WHAT_JOB_STEP:
        hf_buf_addf(text, " step %" PRIu64 " of a job%s%s, over", proposal->job_step->step,
                    *proposal->job_step->stop ? ", which stops: " : "", proposal->job_step->stop);
        for (size_t i = 0; i < proposal->job_step->n_items; i++) {
            hf_buf_addf(text, " ");
            s_add_command(world, text, &proposal->job_step->items[i]->id);
        }
        break;
    case HF__PROPOSAL__WHAT_JOB_CANCEL:
        hf_buf_addf(text, " a person wants a job to end");
        break;
    case HF__PROPOSAL__WHAT_GATE:
        hf_buf_addf(text, " %s shall be %s", proposal->gate->destination,
                    hf_gate_event_name(proposal->gate->event));
        break;
    default:
        hf_buf_addf(text, " ?");
    }
}

static void s_add_proposals(const sim_world_t *world, hf_buf_t *text, const void *data, size_t size) {
    Hf__Proposals *message = hf__proposals__unpack(NULL, size, data);
    if (!message) {
        hf_buf_addf(text, "what cannot be read");
        return;
    }
    hf_buf_addf(text, "epoch %" PRIu64 " to journal %" PRIu64 ", from %" PRIu64 ":", message->sender_epoch,
                message->journal_epoch, message->first);
    for (size_t i = 0; i < message->n_proposals; i++) {
        Hf__Proposal *proposal = hf__proposal__unpack(NULL, message->proposals[i].len,
                                                      message->proposals[i].data);
        hf_buf_addf(text, i ? "," : "");
        if (!message->proposals[i].len) {
            hf_buf_addf(text, " void");
        } else if (proposal) {
            s_add_proposal(world, text, proposal);
        }
        hf__proposal__free_unpacked(proposal, NULL);
    }
    hf__proposals__free_unpacked(message, NULL);
}

static void s_add_ack(hf_buf_t *text, const Hf__Ack *ack) {
    static const char *const codes[] = {"done",    "stale",   "replayed",  "conflict",
                                        "no room", "missing", "forbidden", "malformed"};
    hf_buf_addf(text, "journal %" PRIu64 " acknowledges to life %" PRIu64 ": %" PRIu64 " to %" PRIu64,
                ack->journal_epoch, ack->sender_epoch, ack->first, ack->applied);
    if (ack->resend_from) {
        hf_buf_addf(text, ", send again from %" PRIu64, ack->resend_from);
    }
    for (size_t i = 0; i < ack->n_results; i++) {
        const Hf__Result *result = ack->results[i];
        hf_buf_addf(text, ", %" PRIu64 " %s", result->number, result->code < 8 ? codes[result->code] : "?");
    }
}

static void s_add_publication(const sim_world_t *world, hf_buf_t *text, const void *data, size_t size) {
    hf_publication_t publication;
    hf_arena_t *arena = hf_arena_new(16 << 10);
    if (!hf_publication_read(&publication, data, size, arena)) {
        hf_buf_addf(text, "what cannot be read");
    } else if (publication.ack) {
        s_add_ack(text, publication.ack);
    } else if (publication.beat) {
        hf_buf_addf(text, "beat of journal %" PRIu64 ", newest fact %" PRIu64 "%s",
                    publication.beat->journal_epoch, publication.beat->newest_fact,
                    publication.beat->full ? ", full" : "");
    } else {
        for (size_t i = 0; i < publication.facts->n_facts; i++) {
            const Hf__Fact *fact = publication.facts->facts[i];
            hf_buf_addf(text, "%sfact %" PRIu64 " ", i ? ", " : "", fact->seq);
            if (fact->id.len) {
                s_add_command(world, text, &fact->id);
                hf_buf_addf(text, " %s", hf_event_name(fact->event));
            } else {
                hf_buf_addf(text, "%s %s", fact->destination, hf_gate_event_name(fact->event));
            }
        }
    }
    hf_arena_destroy(&arena);
}

static void s_add_attempts(const sim_world_t *world, hf_buf_t *text, const char *what, const void *data,
                           size_t size) {
    Hf__Attempts *message = hf__attempts__unpack(NULL, size, data);
    hf_buf_addf(text, "life %" PRIu64 ": %s", message ? message->caller_epoch : 0, what);
    for (size_t i = 0; message && i < message->n_orders; i++) {
        hf_buf_addf(text, "%s attempt %u of ", i ? "," : "", message->orders[i]->attempt);
        s_add_command(world, text, &message->orders[i]->id);
    }
    hf__attempts__free_unpacked(message, NULL);
}

const char *sim_tell_message(const sim_world_t *world, hf_to_t to, const void *data, size_t size) {
    static hf_buf_t text;
    hf_buf_clear(&text);
    if (to == HF_TO_JOURNAL) {
        s_add_proposals(world, &text, data, size);
    } else if (to == HF_TO_CALLER) {
        s_add_attempts(world, &text, "call", data, size);
    } else if (to == HF_TO_DISPATCH) {
        s_add_attempts(world, &text, "has ended", data, size);
    } else if (to == HF_TO_FOLLOWERS) {
        s_add_publication(world, &text, data, size);
    }
    return text.data ? (const char *)text.data : "";
}
