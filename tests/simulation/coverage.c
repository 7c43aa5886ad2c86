#include "simulation/coverage.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#define FAULT_WORDS(name, words) [SIM_FAULT_##name] = (words),
static const char *const s_words[] = {SIM_FAULT_LIST(FAULT_WORDS)};

static uint64_t s_met[SIM_FAULTS];               //  How often
static uint64_t s_states[SIM_FAULTS][HF_STATES]; //  How often while some command was in that state

void sim_cover(sim_fault_t fault, const unsigned counts[HF_STATES]) {
    s_met[fault]++;
    for (unsigned state = 1; state < HF_STATES; state++) {
        s_states[fault][state] += counts[state] > 0;
    }
}

unsigned sim_coverage_print(void) {
    static const hf_state_t shown[] = {HF_STATE_ACCEPTED, HF_STATE_CALLING,   HF_STATE_DECIDING,
                                       HF_STATE_WAITING,  HF_STATE_UNCERTAIN, HF_STATE_DEAD,
                                       HF_STATE_PARKED};
    unsigned missing = 0;
    printf("\n%-30s %9s   while some command was\n%-30s %9s %9s %9s %9s %9s %9s %9s %9s\n", "", "", "fault",
           "met", "accepted", "calling", "deciding", "waiting", "uncertain", "dead", "parked");
    for (unsigned fault = 0; fault < SIM_FAULTS; fault++) {
        printf("%-30s %9" PRIu64, s_words[fault], s_met[fault]);
        for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) {
            printf(" %9" PRIu64, s_states[fault][shown[i]]);
        }
        printf("%s\n", s_met[fault] ? "" : "   NEVER MET");
        missing += s_met[fault] == 0;
    }
    return missing;
}
