#include "base/id_map.h"
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <xxhash.h>

typedef struct {
    hf_id_t id;  //  The key
    void *value; //  NULL: the place is free
} slot_t;

struct hf_id_map {
    slot_t *slots;   //  The places
    size_t capacity; //  How many, a power of two
    size_t size;     //  How many are taken
};

enum { CAPACITY_MIN = 64 };

hf_id_map_t *hf_id_map_new(void) {
    hf_id_map_t *self = hf_alloc(sizeof *self);
    self->capacity = CAPACITY_MIN;
    self->slots = hf_alloc(self->capacity * sizeof *self->slots);
    return self;
}

void hf_id_map_destroy(hf_id_map_t **self_p) {
    assert(self_p);
    if (*self_p) {
        free((*self_p)->slots);
        free(*self_p);
        *self_p = NULL;
    }
}

static size_t s_home(const hf_id_map_t *self, const hf_id_t *id) {
    return XXH3_64bits(id->bytes, HF_ID_SIZE) & (self->capacity - 1);
}

//  The id's place, or the free place where it would stand.
static slot_t *s_slot(const hf_id_map_t *self, const hf_id_t *id) {
    size_t place = s_home(self, id);
    while (self->slots[place].value && !hf_id_equal(&self->slots[place].id, id)) {
        place = (place + 1) & (self->capacity - 1);
    }
    return &self->slots[place];
}

static void s_resize(hf_id_map_t *self, size_t capacity) {
    slot_t *old = self->slots;
    size_t old_capacity = self->capacity;
    self->slots = hf_alloc(capacity * sizeof *self->slots);
    self->capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].value) {
            *s_slot(self, &old[i].id) = old[i];
        }
    }
    free(old);
}

void *hf_id_map_get(const hf_id_map_t *self, const hf_id_t *id) {
    return s_slot(self, id)->value;
}

void hf_id_map_put(hf_id_map_t *self, const hf_id_t *id, void *value) {
    assert(value);
    if ((self->size + 1) * 4 > self->capacity * 3) {
        s_resize(self, self->capacity * 2);
    }
    slot_t *slot = s_slot(self, id);
    self->size += slot->value ? 0 : 1;
    *slot = (slot_t){*id, value};
}

//  Closes the gap: what stands behind it moves up where it may (Knuth, TAOCP 3, 6.4, algorithm R).
static void s_close_gap(hf_id_map_t *self, size_t gap) {
    size_t mask = self->capacity - 1;
    for (size_t place = (gap + 1) & mask; self->slots[place].value; place = (place + 1) & mask) {
        size_t home = s_home(self, &self->slots[place].id);
        if (((place - home) & mask) >= ((place - gap) & mask)) {
            self->slots[gap] = self->slots[place];
            gap = place;
        }
    }
    self->slots[gap] = (slot_t){.value = NULL};
}

void *hf_id_map_remove(hf_id_map_t *self, const hf_id_t *id) {
    slot_t *slot = s_slot(self, id);
    void *value = slot->value;
    if (value) {
        s_close_gap(self, (size_t)(slot - self->slots));
        self->size--;
        if (self->capacity > CAPACITY_MIN && self->size * 8 < self->capacity) {
            s_resize(self, self->capacity / 2);
        }
    }
    return value;
}

size_t hf_id_map_size(const hf_id_map_t *self) {
    return self->size;
}

void *hf_id_map_next(const hf_id_map_t *self, size_t *place) {
    while (*place < self->capacity) {
        void *value = self->slots[(*place)++].value;
        if (value) {
            return value;
        }
    }
    return NULL;
}
