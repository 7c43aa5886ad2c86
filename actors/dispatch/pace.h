/*  How fast attempts begin at one destination: a token bucket over the rate in use, which is the least of
 *
 *      the configured `rate`;
 *      the ramp after an outage: from a twentieth of the top, linearly over `ramp`, up to `surge` of the rate before the outage, and no
 *      faster until what piled up has been called. So there is no herd, and no second collapse. Where that takes over a minute, more comes
 *      in than did before the outage, and the top rises slowly: it must not hold back what the third party bears now;
 *      what is left of the rate after the third party said 429 or named a time (Retry-After): seven tenths of what was begun a second
 *      then, each time, growing by a twentieth of that a second, for a minute (additive increase, multiplicative decrease: Chiu and Jain,
 *      1989).
 *
 *  The configured rate is kept exactly. The bucket saves up a twentieth of a second's worth, so that no second sees much more than the
 *  rate; what a late wake-up, or a restart of dispatch, kept from beginning in time is owed, and is made up for at a twentieth above the
 *  rate. A new life learns from the durable Starts what the bucket must hold (hf_pace_replay). A value, pure.  */

#ifndef HF_PACE_H
#define HF_PACE_H

#include "base/gate.h"
#include "base/pipeline.h"

typedef struct {
    bool limited;        //  There is a rate in use
    double tokens;       //  Attempts that may begin now
    int64_t at;          //  When they were counted; 0: never
    double owed;         //  Attempts of the configured rate that could not begin in time
    bool wanting;        //  More wanted to begin than might
    double slowed;       //  Rate after the last 429 or block; 0: none
    int64_t slowed_at;   //  When that was
    int64_t second;      //  The second that is being counted
    double begun;        //  Attempts that began in it
    double begun_before; //  In the one before it
} hf_pace_t;

//  The rate in use, a second; 0: as fast as places allow.
double hf_pace_rate(const hf_pace_t *self, const hf_destination_t *destination, const hf_gate_t *gate,
                    int64_t now);

//  How many of `wanted` may begin now; where it is fewer, *when is the time to look again.
int hf_pace_room(hf_pace_t *self, const hf_destination_t *destination, const hf_gate_t *gate, int wanted,
                 int64_t now, int64_t *when);

//  Whether commands are left that the pace, or a place, kept from beginning. What nobody wanted is not owed.
void hf_pace_want(hf_pace_t *self, bool more);

//  An attempt begins; one that was to begin did not.
void hf_pace_take(hf_pace_t *self, int64_t now);
void hf_pace_give_back(hf_pace_t *self);

//  The third party asks for less.
void hf_pace_slow(hf_pace_t *self, int64_t now);

//  A new life reads: an attempt began then. In order of time.
void hf_pace_replay(hf_pace_t *self, const hf_destination_t *destination, int64_t at);

#endif
