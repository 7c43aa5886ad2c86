#include "store/lmdb_key.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

void hf_store_key_add(hf_store_key_t *key, const void *data, size_t size) {
    assert(key->size + size <= sizeof key->bytes);
    memcpy(key->bytes + key->size, data, size);
    key->size += size;
}

void hf_store_key_add_number(hf_store_key_t *key, uint64_t number, unsigned size) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++) {
        bytes[size - 1 - i] = (uint8_t)number;
        number >>= 8;
    }
    hf_store_key_add(key, bytes, size);
}

void hf_store_key_add_name(hf_store_key_t *key, const char *name) {
    hf_store_key_add(key, name, strnlen(name, HF_DESTINATION_MAX));
    hf_store_key_add_number(key, 0, 1);
}

void hf_store_key_add_time(hf_store_key_t *key, int64_t ms) {
    hf_store_key_add_number(key, ms > 0 ? (uint64_t)ms : 0, 8);
}

uint64_t hf_store_number(const void *bytes, unsigned size) {
    uint64_t number = 0;
    for (unsigned i = 0; i < size; i++) {
        number = number << 8 | ((const uint8_t *)bytes)[i];
    }
    return number;
}

hf_store_key_t hf_store_key_of_id(const hf_id_t *id) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

hf_store_key_t hf_store_key_of_history(const hf_id_t *id, uint32_t number) {
    hf_store_key_t key = hf_store_key_of_id(id);
    hf_store_key_add_number(&key, number, 4);
    return key;
}

hf_store_key_t hf_store_key_of_lane(hf_phase_t phase, const char *destination) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add_number(&key, phase, 1);
    hf_store_key_add_name(&key, destination);
    return key;
}

void hf_store_key_add_queue(hf_store_key_t *key, int priority, hf_queue_t queue) {
    hf_store_key_add_number(key, (uint64_t)(HF_PRIORITIES - 1 - priority) * HF_QUEUES + queue, 1);
}

hf_store_key_t hf_store_key_of_chain(const char *pipeline, const char *key, bool parked) {
    hf_store_key_t chain = {.size = 0};
    XXH64_hash_t seed = XXH3_64bits(pipeline, strlen(pipeline));
    XXH128_hash_t hash = XXH3_128bits_withSeed(key, strlen(key), seed);
    hf_store_key_add_number(&chain, hash.high64, 8);
    hf_store_key_add_number(&chain, hash.low64, 8);
    hf_store_key_add_number(&chain, parked, 1);
    return chain;
}

hf_store_key_t hf_store_key_of_time(int64_t at, const hf_id_t *id) {
    hf_store_key_t key = {.size = 0};
    hf_store_key_add_time(&key, at);
    hf_store_key_add(&key, id->bytes, HF_ID_SIZE);
    return key;
}

bool hf_store_key_read_open(const MDB_val *key, const char **destination, int64_t *due, hf_id_t *id) {
    const uint8_t *bytes = key->mv_data;
    if (key->mv_size < 1 + 2 + 8 + HF_ID_SIZE) {
        return false;
    }
    size_t tail = key->mv_size - 8 - HF_ID_SIZE;
    size_t end = bytes[0] == HF_PHASE_READY ? tail - 2 : tail - 1;
    if (bytes[end] != 0) {
        return false;
    }
    *destination = (const char *)bytes + 1;
    *due = (int64_t)hf_store_number(bytes + tail, 8);
    memcpy(id->bytes, bytes + tail + 8, HF_ID_SIZE);
    return true;
}
