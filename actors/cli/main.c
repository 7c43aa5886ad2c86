//  holdfast: answers at once, loses nothing. What it can do stands in the table in verbs.c.

#include "cli/verbs.h"

int main(int argc, char **argv) {
    return hf_verbs_run(argc, argv);
}
