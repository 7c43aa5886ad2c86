/*  What the journal's records look like to clients: the contract's JSON. Pure; nothing is looked up here but
 * labels.  */

#ifndef HF_RENDER_H
#define HF_RENDER_H

#include "base/pipeline.h"
#include "ingress/json.h"
#include "records.pb-c.h"

enum {
    HF_SHOWN_HISTORY_MAX =
        100, //  Attempts and decisions of one command that are shown: the first and the newest
    HF_SHOWN_BODY_MAX = 64 << 10,     //  Bytes of a body, and of the newest answer
    HF_SHOWN_ANSWERS_MAX = 256 << 10, //  Bytes of attempts' answers that are shown whole, the newest first
    HF_SHOWN_EXCERPT_MAX = 1 << 10,   //  Bytes of each older one
    HF_SHOWN_OLD_BODY_MAX = 16 << 10, //  Bytes of a body that was replaced
};

//  The answer to a submission. What does not change between two of one pipeline is `constant`, made once by
//  hf_render_accepted_constant: this is the hot path.
void hf_render_accepted_constant(const hf_pipeline_t *pipeline, hf_buf_t *out);
void hf_render_accepted(const hf_buf_t *constant, const hf_id_t *id, int64_t accepted_at, hf_buf_t *out);

//  {"ids":[…]}; null for an id that is all zero.
void hf_render_ids(const hf_id_t *ids, size_t size, hf_buf_t *out);

//  What keeps its destination from being called now. All zeroes: nothing.
typedef struct {
    const char *why; //  For people, NULL: nothing does
    int64_t until;   //  Until then at least; 0: until something happens
} hf_held_t;

//  A command in a list: what its State says. Members of an object of its own.
void hf_render_summary(hf_json_t *json, const hf_config_t *config, const Hf__State *state, hf_held_t held);

//  Everything about one command.
typedef struct {
    const Hf__State *state;      //  What has become of it
    const Hf__Command *command;  //  What was accepted; NULL: not to be shown
    Hf__History *const *entries; //  The first and the newest of its history, in order
    size_t entries_size;         //  How many
    size_t entries_left_out;     //  Those between them
    hf_id_t waits_for;           //  The command of the same key whose turn it is,
    bool waits_for_any;          //  where there is one,
    hf_state_t
        waits_for_state;  //  and its state: behind a dead one a person must decide; NONE: it is gone by now
    hf_held_t held;       //  What keeps it from being called now
    bool whole_responses; //  Each attempt's answer as it was kept, however much they are together
} hf_command_view_t;

void hf_render_command(hf_json_t *json, const hf_config_t *config, const hf_command_view_t *view);

//  A fact as an event's data: one line.
void hf_render_event(const hf_config_t *config, const Hf__Fact *fact, hf_buf_t *out);

#endif
