#include "store/verify.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  ---- telling and reading

static void s_tell_of(hf_verify_t *self, const char *what, const char *format, va_list args) {
    hf_buf_t text = {0};
    hf_buf_addf(&text, "%s", what);
    hf_buf_addv(&text, format, args);
    self->problems++;
    self->on_problem(self->context, (const char *)text.data);
    hf_buf_free(&text);
}

void hf_verify_tell(hf_verify_t *self, const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_tell_of(self, "", format, args);
    va_end(args);
}

void hf_verify_problem(hf_verify_t *self, const char *format, ...) {
    char key[HF_STORE_TEXT], what[HF_STORE_TEXT + 32];
    va_list args;
    hf_store_describe(self->table, self->key, key);
    snprintf(what, sizeof what, "%s %s: ", hf_store_table_name(self->table), key);
    va_start(args, format);
    s_tell_of(self, what, format, args);
    va_end(args);
}

void *hf_verify_read(hf_verify_t *self, const MDB_val *key, const MDB_val *value,
                     const ProtobufCMessageDescriptor *type) {
    hf_error_t error;
    void *message = hf_store_unpack(self->table, key, value, type, self->arena, &error);
    if (!message) {
        hf_verify_tell(self, "%s", error.text);
    }
    return message;
}

bool hf_verify_same(const ProtobufCBinaryData *bytes, const void *data, size_t size) {
    return bytes->len == size && (size == 0 || memcmp(bytes->data, data, size) == 0);
}

void hf_verify_tell_table(hf_verify_t *self, hf_table_t table, const char *what, uint64_t a, uint64_t b) {
    hf_verify_tell(self, "%s: %s (%" PRIu64 ", %" PRIu64 ")", hf_store_table_name(table), what, a, b);
}

hf_id_t hf_verify_id_at(const MDB_val *key, size_t at) {
    hf_id_t id;
    memcpy(id.bytes, (const uint8_t *)key->mv_data + at, HF_ID_SIZE);
    return id;
}

int hf_verify_find_state(hf_verify_t *self, const hf_id_t *id, Hf__State **state) {
    int found = hf_store_state(self->store, id, self->arena, state, NULL);
    if (found == 0) {
        hf_verify_problem(self, "there is no such command in states");
    }
    return found;
}

//  ---- counting

static int s_compare(const hf_tally_t *tally, const char *destination, uint64_t number) {
    int order = strcmp(tally->destination, destination);
    return order ? order : tally->number < number ? -1 : tally->number > number;
}

hf_tally_t *hf_verify_tally(hf_tallies_t *self, const char *destination, uint64_t number, bool add) {
    size_t low = 0, high = self->size;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s_compare(&self->items[middle], destination, number) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < self->size && s_compare(&self->items[low], destination, number) == 0) {
        return &self->items[low];
    }
    if (!add) {
        return NULL;
    }
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->items = realloc(self->items, self->capacity * sizeof *self->items);
        assert(self->items && "out of memory");
    }
    memmove(&self->items[low + 1], &self->items[low], (self->size - low) * sizeof *self->items);
    self->size++;
    self->items[low] = (hf_tally_t){.number = number};
    memcpy(self->items[low].destination, destination, strnlen(destination, HF_DESTINATION_MAX));
    return &self->items[low];
}
