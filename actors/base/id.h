/*  Command ids: UUIDv7 (RFC 9562, section 5.7), 16 bytes, so that the order of ids is the order of acceptance, nearly. Made
 *  at ingress. And the cores' only source of chance: a counter under a keyed hash, seeded by the shell.  */

#ifndef HF_ID_H
#define HF_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { HF_ID_SIZE = 16, HF_ID_TEXT = 37 };

typedef struct {
    uint8_t bytes[HF_ID_SIZE]; //  As on the wire and in keys: big-endian time first
} hf_id_t;

//  Deterministic numbers: XXH3 of a counter under a seed. Not for secrets.
typedef struct {
    uint64_t seed;    //  From the shell's entropy, or the simulator's
    uint64_t counter; //  Numbers drawn
} hf_rng_t;

uint64_t hf_rng_next(hf_rng_t *self);

//  Evenly in [0, below); below > 0.
uint64_t hf_rng_below(hf_rng_t *self, uint64_t below);

//  Makes ids that never run backwards within one maker, whatever the clock does (RFC 9562, section 6.2, method 3: a finer
//  clock in rand_a, here a counter within the millisecond).
typedef struct {
    hf_rng_t rng;      //  The random part
    int64_t last_ms;   //  Time in the newest id
    uint16_t sequence; //  Ids made in that millisecond; more than 12 bits hold: none fits into it any more
} hf_id_maker_t;

hf_id_t hf_id_make(hf_id_maker_t *self, int64_t now_ms);

//  The smallest id of that millisecond, for searching by time; and the millisecond in an id.
hf_id_t hf_id_floor(int64_t ms);
int64_t hf_id_ms(const hf_id_t *self);

//  The 36 characters of RFC 9562, lower case, NUL-terminated.
void hf_id_format(const hf_id_t *self, char text[HF_ID_TEXT]);

//  Whether text is exactly one UUID of 36 characters (either case); then self is set.
bool hf_id_parse(hf_id_t *self, const char *text);

bool hf_id_equal(const hf_id_t *a, const hf_id_t *b);

//  The id in a message's bytes field; false where it has not 16 bytes.
bool hf_id_from(hf_id_t *self, const void *data, uint64_t size);

#endif
