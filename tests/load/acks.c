#include "acks.h"

#include "memory.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

//  Who follows the file waits for so long at most.
#define FLUSH_US 50000

struct load_acks {
    FILE *file;       //  Fully buffered
    int64_t flush_us; //  Steady time of the last flush
    int failure;      //  errno of the first line that could not be written
};

load_acks_t *load_acks_new(const char *path) {
    FILE *file = fopen(path, "we");
    if (!file) {
        return NULL;
    }
    load_acks_t *self = load_alloc(sizeof *self);
    self->file = file;
    setvbuf(file, NULL, _IOFBF, 256 * 1024);
    return self;
}

int load_acks_flush(load_acks_t *self) {
    if (fflush(self->file) != 0 && !self->failure) {
        self->failure = errno;
    }
    errno = self->failure;
    return self->failure ? -1 : 0;
}

void load_acks_destroy(load_acks_t **self_p) {
    assert(self_p);
    if (*self_p) {
        fclose((*self_p)->file);
        free(*self_p);
        *self_p = NULL;
    }
}

void load_acks_add(load_acks_t *self, const char *id, uint64_t hash, const char *key, unsigned tries,
                   int64_t intended_ms) {
    if (fprintf(self->file, "%s %016" PRIx64 " %s %u %" PRId64 "\n", id, hash, key ? key : "-", tries,
                intended_ms) < 0 &&
        !self->failure) {
        self->failure = errno;
    }
}

void load_acks_tick(load_acks_t *self, int64_t now_us) {
    if (now_us - self->flush_us >= FLUSH_US) {
        self->flush_us = now_us;
        load_acks_flush(self);
    }
}
