/*  One command in dispatch's hand, and the line of those at one destination whose Start goes ahead of a place: a list that needs no
 *  memory of its own. Pure.  */

#ifndef HF_HAND_H
#define HF_HAND_H

#include "base/id.h"
#include "dispatch/lane.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    HF_HAND_STARTING, //  Its Start is proposed
    HF_HAND_CALLING,  //  Its Start is durable
    HF_HAND_ENDING,   //  Its expiry, or the outcome of an attempt that was lost or never made, is proposed
} hf_stage_t;

typedef struct hf_hand {
    hf_id_t id;            //  The command
    hf_stage_t stage;      //  How far it is
    uint32_t attempt;      //  Its number
    int priority;          //  STARTING: where it stands in the queue
    int64_t deadline;      //  STARTING, or in line: its own; 0: none
    uint64_t fact;         //  Found in the file by a new life: number of its Start's fact
    hf_lane_t *lane;       //  Where it is called, NULL: nowhere
    bool placed;           //  It takes a place there
    bool own;              //  Its Start is this life's: nobody can have asked a caller before
    bool answered;         //  Its caller has said that it was answered well
    bool probe;            //  It is a probe through an open circuit
    bool retry;            //  Its round has had an attempt before
    bool suspect;          //  It may be poison: s_is_suspect
    int caller;            //  Who calls; -1: nobody who is configured
    uint64_t caller_epoch; //  In which life
    int64_t ordered_at;    //  CALLING: when this life ordered it last; 0: it did not
    uint64_t proposal;     //  Number of the proposal that its stage stands for, 0: none of this life
    bool in_line;          //  It waits for a place in its lane,
    int64_t lined_up_at;   //  since then, or since its Start became durable,
    struct hf_hand *ahead; //  behind this one; NULL: it is the first
    struct hf_hand *after; //  and before this one; NULL: it is the last
} hf_hand_t;

//  It becomes the last in its lane's line; it leaves it, where it stands there.
void hf_hand_line_up(hf_hand_t *self, int64_t now);
void hf_hand_leave_line(hf_hand_t *self);

#endif
