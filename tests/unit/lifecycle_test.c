/*  The lifecycle's table, held against the arrows that its diagram draws.  */

#include "base/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define S(name) HF_STATE_##name
#define E(name) HF_EVENT_##name

//  Every arrow of the diagram; what is not here must not be in the table.
static const struct {
    hf_state_t from;
    hf_event_t event;
    hf_state_t to;
} s_arrows[] = {
    {S(NONE), E(SUBMIT), S(ACCEPTED)},        {S(ACCEPTED), E(START), S(CALLING)},
    {S(ACCEPTED), E(CANCEL), S(CANCELLED)},   {S(ACCEPTED), E(EXPIRE), S(EXPIRED)},
    {S(ACCEPTED), E(GIVE_UP), S(DEAD)},       {S(CALLING), E(SUCCEED), S(SUCCEEDED)},
    {S(CALLING), E(FAIL), S(DECIDING)},       {S(DECIDING), E(RETRY_AT), S(WAITING)},
    {S(DECIDING), E(GIVE_UP), S(DEAD)},       {S(DECIDING), E(EXPIRE), S(EXPIRED)},
    {S(DECIDING), E(CANCEL), S(CANCELLED)},   {S(DECIDING), E(HOLD), S(UNCERTAIN)},
    {S(WAITING), E(START), S(CALLING)},       {S(WAITING), E(HOLD), S(UNCERTAIN)},
    {S(WAITING), E(CANCEL), S(CANCELLED)},    {S(WAITING), E(EXPIRE), S(EXPIRED)},
    {S(WAITING), E(GIVE_UP), S(DEAD)},        {S(UNCERTAIN), E(RETRY), S(ACCEPTED)},
    {S(UNCERTAIN), E(DISCARD), S(DISCARDED)}, {S(UNCERTAIN), E(RESOLVE), S(SUCCEEDED)},
    {S(DEAD), E(RETRY), S(ACCEPTED)},         {S(DEAD), E(DISCARD), S(DISCARDED)},
    {S(DEAD), E(RESOLVE), S(SUCCEEDED)},      {S(NONE), E(PARK), S(PARKED)},
    {S(PARKED), E(RELEASE), S(ACCEPTED)},     {S(PARKED), E(CANCEL), S(CANCELLED)},
    {S(PARKED), E(EXPIRE), S(EXPIRED)},       {S(DEAD), E(PARK), S(PARKED)},
    {S(UNCERTAIN), E(PARK), S(PARKED)},
};

static hf_state_t s_drawn(hf_state_t from, hf_event_t event) {
    for (size_t i = 0; i < sizeof s_arrows / sizeof *s_arrows; i++) {
        if (s_arrows[i].from == from && s_arrows[i].event == event) {
            return s_arrows[i].to;
        }
    }
    return HF_STATE_NONE;
}

static void the_table_has_the_diagrams_arrows_and_no_other(void **state) {
    (void)state;
    for (unsigned from = 0; from < HF_STATES; from++) {
        for (unsigned event = 0; event < HF_EVENTS; event++) {
            assert_int_equal(hf_lifecycle_next((hf_state_t)from, (hf_event_t)event),
                             s_drawn((hf_state_t)from, (hf_event_t)event));
        }
    }
}

static void numbers_that_are_none_lead_nowhere(void **state) {
    (void)state;
    assert_int_equal(hf_lifecycle_next((hf_state_t)HF_STATES, HF_EVENT_START), HF_STATE_NONE);
    assert_int_equal(hf_lifecycle_next((hf_state_t)-1, HF_EVENT_START), HF_STATE_NONE);
    assert_int_equal(hf_lifecycle_next(HF_STATE_ACCEPTED, (hf_event_t)HF_EVENTS), HF_STATE_NONE);
    assert_string_equal(hf_state_name((hf_state_t)1000), "none");
    assert_string_equal(hf_event_name((hf_event_t)-1), "none");
    assert_string_equal(hf_class_name((hf_class_t)HF_CLASSES), "none");
}

//  From a final state no arrow leads on; from an open one some event that needs no person does.
static void final_states_stay_and_open_ones_move(void **state) {
    (void)state;
    for (unsigned from = 1; from < HF_STATES; from++) {
        unsigned arrows = 0;
        for (unsigned event = 0; event < HF_EVENTS; event++) {
            arrows += hf_lifecycle_next((hf_state_t)from, (hf_event_t)event) != HF_STATE_NONE;
        }
        assert_int_equal(arrows == 0, hf_state_is_final((hf_state_t)from));
        assert_false(hf_state_is_final((hf_state_t)from) && hf_state_is_open((hf_state_t)from));
    }
    assert_false(hf_state_is_open(HF_STATE_DEAD) || hf_state_is_final(HF_STATE_DEAD));
    assert_false(hf_state_is_open(HF_STATE_UNCERTAIN) || hf_state_is_final(HF_STATE_UNCERTAIN));
}

static void words_go_there_and_back(void **state) {
    (void)state;
    assert_int_equal(hf_state_parse("waiting"), HF_STATE_WAITING);
    assert_string_equal(hf_state_name(HF_STATE_DECIDING), "waiting");
    assert_int_equal(hf_state_parse("accepted"), HF_STATE_ACCEPTED);
    assert_string_equal(hf_state_name(HF_STATE_PARKED), "accepted");
    assert_int_equal(hf_state_parse("none"), HF_STATE_NONE);
    assert_int_equal(hf_state_parse("Waiting"), HF_STATE_NONE);
    for (unsigned number = 1; number < HF_STATES; number++) {
        hf_state_t parsed = hf_state_parse(hf_state_name((hf_state_t)number));
        assert_int_equal(parsed, hf_state_shown((hf_state_t)number));
    }
    for (unsigned number = 1; number < HF_CLASSES; number++) {
        assert_int_equal(hf_class_parse(hf_class_name((hf_class_t)number)), number);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_the_diagrams_arrows_and_no_other),
        cmocka_unit_test(numbers_that_are_none_lead_nowhere),
        cmocka_unit_test(final_states_stay_and_open_ones_move),
        cmocka_unit_test(words_go_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
