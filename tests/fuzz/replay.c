//  A fuzz target without a fuzzer: runs the files that are named, or, with none, so many inputs that a seed
//  makes (some wholly random, some from a small alphabet, which reaches further). This is what CI runs;
//  `scripts/test --help` does not need clang for it.

#include "base/id.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUTS = 3000, INPUT_MAX = 600 };

static int s_run_file(const char *path) {
    static uint8_t data[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    return 0;
}

int main(int argc, char **argv) {
    hf_rng_t rng = {.seed = 1};
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        failed |= s_run_file(argv[i]);
    }
    for (int i = 0; i < INPUTS && argc == 1; i++) {
        uint8_t data[INPUT_MAX];
        size_t size = (size_t)hf_rng_below(&rng, INPUT_MAX);
        for (size_t at = 0; at < size; at++) {
            uint64_t drawn = hf_rng_next(&rng);
            data[at] = (uint8_t)(i % 2 ? drawn : drawn % 24 * (drawn & 256 ? 1 : 8));
        }
        LLVMFuzzerTestOneInput(data, size);
    }
    return failed;
}
