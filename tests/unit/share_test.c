/*  How the calls of a destination are divided among its priorities.  */

#include "dispatch/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ALL = (1 << HF_PRIORITIES) - 1 };

static void each_gets_twice_as_many_as_the_one_below_and_none_gets_nothing(void **state) {
    hf_share_t share = {0};
    int sum[HF_PRIORITIES] = {0}, quota[HF_PRIORITIES];
    (void)state;
    for (int turn = 0; turn < 1023; turn++) { //  One at a time, as places become free
        hf_share_divide(&share, ALL, 1, quota);
        for (int i = 0; i < HF_PRIORITIES; i++) {
            sum[i] += quota[i];
        }
    }
    for (int i = 0; i < HF_PRIORITIES; i++) {
        assert_in_range(sum[i], (1 << i) - 1, (1 << i) + 1);
    }
}

static void room_is_divided_at_once_as_it_would_be_one_by_one(void **state) {
    hf_share_t share = {0};
    int quota[HF_PRIORITIES];
    (void)state;
    hf_share_divide(&share, 1 << 9 | 1 << 5, 170, quota);
    assert_in_range(quota[9], 159, 161);
    assert_int_equal(quota[9] + quota[5], 170);
    hf_share_divide(&share, 1 << 3, 7, quota);
    assert_int_equal(quota[3], 7);
}

static void the_most_urgent_comes_first(void **state) {
    hf_share_t share = {0};
    int quota[HF_PRIORITIES];
    (void)state;
    hf_share_divide(&share, ALL, 1, quota);
    assert_int_equal(quota[9], 1);
}

//  A priority that had nothing to do for long does not make up for it at the others' cost.
static void who_had_no_work_saved_up_nothing(void **state) {
    hf_share_t share = {0};
    int quota[HF_PRIORITIES];
    (void)state;
    hf_share_divide(&share, 1 << 5, 100000, quota);
    hf_share_divide(&share, 1 << 5 | 1 << 4, 30, quota);
    assert_in_range(quota[5], 19, 21);
    assert_int_equal(quota[5] + quota[4], 30);
}

static void what_is_given_back_is_had_again(void **state) {
    hf_share_t share = {0}, same = {0};
    int quota[HF_PRIORITIES], again[HF_PRIORITIES];
    (void)state;
    hf_share_divide(&share, 1 << 5, 100, quota);
    hf_share_give_back(&share, 5, 100);
    hf_share_divide(&share, 1 << 5 | 1 << 4, 30, quota);
    hf_share_divide(&same, 1 << 5 | 1 << 4, 30, again);
    assert_memory_equal(quota, again, sizeof quota);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_gets_twice_as_many_as_the_one_below_and_none_gets_nothing),
        cmocka_unit_test(room_is_divided_at_once_as_it_would_be_one_by_one),
        cmocka_unit_test(the_most_urgent_comes_first),
        cmocka_unit_test(who_had_no_work_saved_up_nothing),
        cmocka_unit_test(what_is_given_back_is_had_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
