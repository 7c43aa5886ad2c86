#include "journal/apply_batch.h"

#include <assert.h>
#include <stdlib.h>

Hf__Fact *hf_batch_add_fact(hf_batch_t *batch) {
    if (batch->facts_size == batch->facts_capacity) {
        batch->facts_capacity = batch->facts_capacity ? batch->facts_capacity * 2 : 256;
        batch->facts = realloc(batch->facts, batch->facts_capacity * sizeof *batch->facts);
        assert(batch->facts && "out of memory");
    }
    Hf__Fact *fact = hf_arena_take(batch->arena, sizeof *fact);
    hf__fact__init(fact);
    fact->seq = batch->next_fact++;
    fact->at = batch->now;
    batch->facts[batch->facts_size++] = fact;
    return fact;
}
