#include "pipeline_file/block.h"

#include <stdlib.h>
#include <string.h>

size_t hf_zpl_block_behind(const hf_zpl_block_t *block, size_t place) {
    size_t level = block->items[place].level;
    while (++place < block->size && block->items[place].level > level) {
    }
    return place;
}

const hf_zpl_item_t *hf_zpl_block_item(const hf_zpl_block_t *block, const char *parent, const char *name) {
    const char *current = "";
    for (size_t place = 1; place < block->size; place++) {
        const hf_zpl_item_t *item = block->items + place;
        current = item->level == 1 ? item->name : current;
        bool below = parent ? item->level == 2 && strcmp(current, parent) == 0 : item->level == 1;
        if (below && strcmp(item->name, name) == 0) {
            return item;
        }
    }
    return NULL;
}

bool hf_zpl_block_is(const hf_zpl_block_t *block, const char *name) {
    return strcmp(block->items[0].name, name) == 0;
}

void hf_zpl_block_clear(hf_zpl_block_t *self) {
    for (size_t number = 0; number < self->size; number++) {
        free(self->items[number].name);
        free(self->items[number].value);
    }
    free(self->items);
    self->items = NULL;
    self->size = 0;
}
