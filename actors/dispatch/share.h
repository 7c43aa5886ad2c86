/*  Who comes next among the priorities of one destination: stride scheduling (Waldspurger and Weihl, MIT/LCS/TM-528, 1995). Each
 *  priority has a pass; the lowest one is served, and moves on by its stride. A priority's stride is half of the one's below
 *  it: where all have work, each gets twice as many calls as the one below, and none gets nothing.  */

#ifndef HF_SHARE_H
#define HF_SHARE_H

#include "base/lifecycle.h"

#include <stdint.h>

//  All zeroes is a new one.
typedef struct {
    uint64_t pass[HF_PRIORITIES]; //  Where each priority stands
    uint64_t now; //  Where the one that was served last stood: who had no work meanwhile saved up none
} hf_share_t;

//  Divides `room` calls among the priorities whose bits are set in `ready`; quota[priority] is how many are its.
void hf_share_divide(hf_share_t *self, unsigned ready, int room, int quota[HF_PRIORITIES]);

//  So many of its calls that priority did not need.
void hf_share_give_back(hf_share_t *self, int priority, int unused);

#endif
