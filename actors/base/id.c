#include "base/id.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

uint64_t hf_rng_next(hf_rng_t *self) {
    uint64_t counter = self->counter++;
    return XXH3_64bits_withSeed(&counter, sizeof counter, self->seed);
}

//  The bias of the remainder is below 2^-32 for every bound used here.
uint64_t hf_rng_below(hf_rng_t *self, uint64_t below) {
    assert(below > 0);
    return hf_rng_next(self) % below;
}

static void s_put_time(hf_id_t *id, uint64_t ms) {
    for (int i = 5; i >= 0; i--) {
        id->bytes[i] = (uint8_t)ms;
        ms >>= 8;
    }
}

hf_id_t hf_id_make(hf_id_maker_t *self, int64_t now_ms) {
    if (now_ms > self->last_ms) {
        self->last_ms = now_ms;
        self->sequence = (uint16_t)(hf_rng_next(&self->rng) & 0x3ff);
    } else if (self->sequence >= 0xfff) {
        self->last_ms++;
        self->sequence = 0;
    } else {
        self->sequence++;
    }
    hf_id_t id;
    uint64_t chance = hf_rng_next(&self->rng);
    s_put_time(&id, (uint64_t)self->last_ms);
    id.bytes[6] = (uint8_t)(0x70 | self->sequence >> 8);
    id.bytes[7] = (uint8_t)self->sequence;
    memcpy(id.bytes + 8, &chance, 8);
    id.bytes[8] = (uint8_t)(0x80 | (id.bytes[8] & 0x3f));
    return id;
}

hf_id_t hf_id_floor(int64_t ms) {
    hf_id_t id = {{0}};
    s_put_time(&id, ms > 0 ? (uint64_t)ms : 0);
    return id;
}

int64_t hf_id_ms(const hf_id_t *self) {
    int64_t ms = 0;
    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | self->bytes[i];
    }
    return ms;
}

void hf_id_format(const hf_id_t *self, char text[HF_ID_TEXT]) {
    static const char digits[] = "0123456789abcdef";
    char *to = text;
    for (int i = 0; i < HF_ID_SIZE; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        *to++ = digits[self->bytes[i] >> 4];
        *to++ = digits[self->bytes[i] & 15];
    }
    *to = 0;
}

static int s_hex(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hf_id_parse(hf_id_t *self, const char *text) {
    hf_id_t id;
    for (int i = 0; i < HF_ID_SIZE; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-') {
            return false;
        }
        int high = s_hex(text[0]);
        int low = high < 0 ? -1 : s_hex(text[1]);
        if (low < 0) {
            return false;
        }
        id.bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    if (*text) {
        return false;
    }
    *self = id;
    return true;
}

bool hf_id_equal(const hf_id_t *a, const hf_id_t *b) {
    return memcmp(a->bytes, b->bytes, HF_ID_SIZE) == 0;
}

bool hf_id_from(hf_id_t *self, const void *data, uint64_t size) {
    if (size != HF_ID_SIZE) {
        return false;
    }
    memcpy(self->bytes, data, HF_ID_SIZE);
    return true;
}
