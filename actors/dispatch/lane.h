/*  One destination, as dispatch sees it: what its gate says, what is in hand for it, and how many attempts may begin now. Pure.  */

#ifndef HF_LANE_H
#define HF_LANE_H

#include "base/gate.h"
#include "base/pipeline.h"
#include "dispatch/share.h"

#include <stddef.h>

typedef struct {
    const hf_destination_t *destination; //  Its settings
    hf_gate_t gate;                      //  What its record says
    bool stale;                          //  The record has changed: the gate must be read again
    int in_hand;                         //  Attempts proposed, started or being called
    int probes;                          //  Of these, probes
    int64_t wake_at;                     //  When to look at it, where place is set
    size_t place;                        //  In the schedule, from 1; 0: it is not in there
    bool dirty;                          //  It is in the list of those worth a look
    int64_t due[HF_PRIORITIES]; //  When each priority's head is due: only those that may be are walked
    hf_share_t share;           //  Who of them comes next
    double tokens;              //  Calls that its rate allows now
    int64_t tokens_at;          //  When they were counted
} hf_lane_t;

//  How many attempts may begin now, at most `most`. 0: none; *when is the time to look again, INT64_MAX: when something happens to it.
int hf_lane_room(hf_lane_t *self, int most, int64_t now, int64_t *when);

//  An attempt takes a place, or gives it back. begins: it begins now, and counts for the rate.
void hf_lane_take(hf_lane_t *self, bool probe, bool begins);
void hf_lane_give(hf_lane_t *self, bool probe);

#endif
