/*  One destination, as dispatch sees it: what its gate says, what is in hand for it, and how many attempts may begin now. Pure.  */

#ifndef HF_LANE_H
#define HF_LANE_H

#include "dispatch/budget.h"
#include "dispatch/limit.h"
#include "dispatch/pace.h"
#include "dispatch/share.h"
#include "store/store.h"

#include <stddef.h>

typedef struct {
    const hf_destination_t *destination; //  Its settings
    hf_gate_t gate;                      //  What its record says
    bool stale;                          //  The record has changed: the gate must be read again
    int in_hand;                         //  Attempts that have a place: proposed, started or being called
    int probes;                          //  Of these, probes
    int64_t freed_at;                    //  When a place came free last; 0: never
    struct hf_hand
        *line_first; //  Attempts whose Start goes ahead of a place, in the order of their Starts (hand.h),
    struct hf_hand *line_last; //  the newest of them,
    int line_size;             //  and how many
    int64_t wake_at;           //  When to look at it, where place is set
    size_t place;              //  In the schedule, from 1; 0: it is not in there
    bool dirty;                //  It is in the list of those worth a look
    int64_t due[HF_PRIORITIES]
               [HF_QUEUES]; //  When the head of each queue may begin: only those that may be are walked
    hf_share_t share;       //  Who of them comes next
    bool closing;           //  It was proposed that its circuit close
    hf_pace_t pace;         //  How fast attempts begin
    hf_limit_t limit;       //  How many are in flight
    hf_budget_t budget;     //  How many of them are retries
} hf_lane_t;

//  What its record says now.
void hf_lane_set_gate(hf_lane_t *self, const Hf__Destination *record);

//  Whether a place is free; and whether it is so for somebody who comes now: nobody is in line for it.
bool hf_lane_has_free_place(const hf_lane_t *self);
bool hf_lane_has_place(const hf_lane_t *self);

//  Whether those in line may still be called as places come free.
bool hf_lane_lets_call(const hf_lane_t *self, int64_t now);

//  How many attempts may begin now, at most `most`: as many as there are places, and some ahead of a place where all is well. 0: none;
//  *when is the time to look again, INT64_MAX: when something happens to it.
int hf_lane_room(hf_lane_t *self, int most, int64_t now, int64_t *when);

//  Whether a retry may begin now; false: *when is the time to ask again.
bool hf_lane_allows_retry(hf_lane_t *self, int64_t now, int64_t *when);

//  An attempt begins, with a place or ahead of one.
void hf_lane_begin(hf_lane_t *self, bool retry, int64_t now);

//  An attempt takes a place, and gives it back.
void hf_lane_take(hf_lane_t *self, bool probe);
void hf_lane_give(hf_lane_t *self, bool probe, int64_t now);

//  An attempt that was to begin does not: the journal refused it, or it went ahead of a place and got none.
void hf_lane_undo(hf_lane_t *self, bool retry);

//  What the end of an attempt says about the third party; before its place is given back.
void hf_lane_learn(hf_lane_t *self, const Hf__Fact *fact, bool retry, int64_t now);

#endif
