/*  GET /dead: what is dead (or uncertain), counted by destination, class and kind of reason, from the journal's counted groups.
 *  What it costs depends on the groups, not on the dead.  */

#ifndef HF_DEAD_H
#define HF_DEAD_H

#include "ingress/problem.h"
#include "store/store.h"

enum {
    HF_DEAD_ROWS_MAX = 1000, //  Rows of one answer: with more, "complete" is false
};

//  {"groups":[…],"total":…,"complete":…}. The query's group= names what to count by: destination, class, reason, with commas
//  between them (default destination,class; reason brings the other two). state=uncertain counts those, destination= one destination
//  only. Each row: what it is counted by, "count", "first_seen_at", "last_seen_at", and of the newest "newest_reason" and
//  "newest_id"; with reason the pattern as "reason" and the "group" that filters take. -1 with the problem set.
int hf_dead_groups(hf_store_t *store, const char *query, hf_buf_t *out, hf_problem_t *problem);

#endif
