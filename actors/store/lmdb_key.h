/*  Keys: where each record and each index entry stands. What is compared is bytes, so numbers and times are
 * big-endian, and a name ends with a NUL. Private to the store.  */

#ifndef HF_LMDB_KEY_H
#define HF_LMDB_KEY_H

#include "store/store.h"

#include <lmdb.h>

enum {
    HF_STORE_KEY_MAX = 128,  //  Bytes of the longest key: phase, destination (64), NUL, priority, due, id
    HF_DESTINATION_MAX = 64, //  Bytes of a destination's name in a key
    HF_CHAIN = 16,           //  Bytes of an ordered key's hash: none meets another by chance
};

typedef struct {
    uint8_t bytes[HF_STORE_KEY_MAX]; //  As LMDB sees it
    size_t size;                     //  How many
} hf_store_key_t;

//  Behind what is there: bytes; a name and its end; a number of so many bytes; a time; where a priority's queue begins
//  (urgent ones stand before others, and of one priority first attempts before retries).
void hf_store_key_add(hf_store_key_t *key, const void *data, size_t size);
void hf_store_key_add_name(hf_store_key_t *key, const char *name);
void hf_store_key_add_number(hf_store_key_t *key, uint64_t number, unsigned size);
void hf_store_key_add_time(hf_store_key_t *key, int64_t ms);
void hf_store_key_add_queue(hf_store_key_t *key, int priority, hf_queue_t queue);

//  Of a command; of an entry of its history.
hf_store_key_t hf_store_key_of_id(const hf_id_t *id);
hf_store_key_t hf_store_key_of_history(const hf_id_t *id, uint32_t number);

//  What all entries of a phase and a destination in `open` begin with.
hf_store_key_t hf_store_key_of_lane(hf_phase_t phase, const char *destination);

//  What all entries of an ordered key in `turns` that wait, or that have its turn, begin with.
hf_store_key_t hf_store_key_of_chain(const char *pipeline, const char *key, bool parked);

//  In `expiry` and `ended`.
hf_store_key_t hf_store_key_of_time(int64_t at, const hf_id_t *id);

//  A number in a key.
uint64_t hf_store_number(const void *bytes, unsigned size);

//  Takes a key of `open` apart; false where it is none.
bool hf_store_key_read_open(const MDB_val *key, const char **destination, int64_t *due, hf_id_t *id);

#endif
