/*  A link, and a journal that says what each story wants.  */

#include "link/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { JOURNAL = 10, EPOCH = 11, LIMIT = 1 << 16 };

static const uint8_t s_nonce[16] = {1, 2, 3};

typedef struct {
    hf_link_t *link;         //  What is tested
    hf_outbox_t outbox;      //  What it sends
    int64_t now;             //  The story's time
    Hf__Proposals *sent[64]; //  Messages since the last s_flush
    size_t sent_size;        //  How many
} story_t;

static void s_forget_sent(story_t *story) {
    for (size_t i = 0; i < story->sent_size; i++) {
        hf__proposals__free_unpacked(story->sent[i], NULL);
    }
    story->sent_size = 0;
}

//  What goes out now; returns how many messages.
static size_t s_flush(story_t *story) {
    hf_envelope_t envelope;
    s_forget_sent(story);
    hf_link_flush(story->link, &story->outbox, story->now);
    while (hf_outbox_take(&story->outbox, &envelope)) {
        assert_int_equal(envelope.to, HF_TO_JOURNAL);
        assert_true(story->sent_size < 64);
        story->sent[story->sent_size] = hf__proposals__unpack(NULL, envelope.size, envelope.data);
        assert_non_null(story->sent[story->sent_size++]);
        free(envelope.data);
    }
    return story->sent_size;
}

static void s_hear_hello(story_t *story, uint64_t journal, uint64_t epoch) {
    Hf__Ack ack = HF__ACK__INIT;
    ack.journal_epoch = journal;
    ack.sender_epoch = epoch;
    ack.nonce = (ProtobufCBinaryData){sizeof s_nonce, (uint8_t *)s_nonce};
    hf_link_receive_ack(story->link, &ack, story->now);
}

static void s_hear_ack(story_t *story, uint64_t journal, uint64_t epoch, uint64_t first, uint64_t applied) {
    Hf__Ack ack = HF__ACK__INIT;
    ack.journal_epoch = journal;
    ack.sender_epoch = epoch;
    ack.first = first;
    ack.applied = applied;
    hf_link_receive_ack(story->link, &ack, story->now);
}

static void s_hear_gap(story_t *story, uint64_t from) {
    Hf__Ack ack = HF__ACK__INIT;
    ack.journal_epoch = JOURNAL;
    ack.sender_epoch = EPOCH;
    ack.resend_from = from;
    hf_link_receive_ack(story->link, &ack, story->now);
}

static void s_hear_beat(story_t *story, uint64_t journal, const char *name, uint64_t epoch,
                        uint64_t applied) {
    Hf__SenderBeat sender = HF__SENDER_BEAT__INIT;
    Hf__SenderBeat *senders[] = {&sender};
    Hf__Beat beat = HF__BEAT__INIT;
    beat.journal_epoch = journal;
    sender.name = (char *)name;
    sender.epoch = epoch;
    sender.applied = applied;
    beat.senders = senders;
    beat.n_senders = name ? 1 : 0;
    hf_link_receive_beat(story->link, &beat, story->now);
}

static uint64_t s_propose(story_t *story, size_t size, void *tag) {
    Hf__Decide decide = HF__DECIDE__INIT;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    uint8_t *body = hf_alloc(size);
    decide.body = (ProtobufCBinaryData){size, body};
    proposal.what_case = HF__PROPOSAL__WHAT_DECIDE;
    proposal.decide = &decide;
    uint64_t number = hf_link_propose(story->link, &proposal, tag);
    free(body);
    return number;
}

static size_t s_pop_all(story_t *story) {
    uint64_t number;
    void *tag;
    size_t popped = 0;
    while (hf_link_pop(story->link, &number, &tag)) {
        popped++;
    }
    return popped;
}

static int s_setup(void **state) {
    story_t *story = hf_alloc(sizeof *story);
    story->now = 1000;
    story->link = hf_link_new("ingress", s_nonce, LIMIT);
    *state = story;
    return 0;
}

//  A link that was welcomed.
static int s_setup_welcomed(void **state) {
    s_setup(state);
    story_t *story = *state;
    s_flush(story);
    s_hear_hello(story, JOURNAL, EPOCH);
    s_forget_sent(story);
    return 0;
}

static int s_teardown(void **state) {
    story_t *story = *state;
    s_forget_sent(story);
    hf_outbox_free(&story->outbox);
    hf_link_destroy(&story->link);
    hf_link_destroy(&story->link);
    free(story);
    return 0;
}

//  ---- becoming known

static void nothing_but_a_hello_goes_out_until_it_is_answered(void **state) {
    story_t *story = *state;
    s_propose(story, 10, NULL);
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->sender_epoch, 0);
    assert_string_equal(story->sent[0]->sender, "ingress");
    Hf__Proposal *hello = hf__proposal__unpack(NULL, story->sent[0]->proposals[0].len,
                                               story->sent[0]->proposals[0].data);
    assert_int_equal(hello->what_case, HF__PROPOSAL__WHAT_HELLO);
    assert_memory_equal(hello->hello->nonce.data, s_nonce, 16);
    hf__proposal__free_unpacked(hello, NULL);
    assert_int_equal(s_flush(story), 0);
    assert_int_equal(hf_link_next_deadline(story->link), story->now + HF_HELLO_EVERY_MS);
    story->now += HF_HELLO_EVERY_MS;
    assert_int_equal(s_flush(story), 1); //  It was lost: said again
    assert_false(hf_link_is_live(story->link, story->now));
    s_hear_hello(story, JOURNAL, EPOCH);
    assert_true(hf_link_is_live(story->link, story->now));
    assert_int_equal(hf_link_epoch(story->link), EPOCH);
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->sender_epoch, EPOCH);
    assert_int_equal(story->sent[0]->journal_epoch, JOURNAL);
    assert_int_equal(story->sent[0]->first, 1);
}

static void somebody_elses_welcome_is_not_ours(void **state) {
    story_t *story = *state;
    uint8_t other[16] = {9};
    Hf__Ack ack = HF__ACK__INIT;
    ack.journal_epoch = JOURNAL;
    ack.sender_epoch = EPOCH;
    ack.nonce = (ProtobufCBinaryData){sizeof other, other};
    hf_link_receive_ack(story->link, &ack, story->now);
    assert_int_equal(hf_link_epoch(story->link), 0);
    assert_false(hf_link_is_fenced(story->link));
}

static void a_journal_that_is_silent_counts_as_away(void **state) {
    story_t *story = *state;
    story->now += HF_JOURNAL_SILENT_MS;
    assert_false(hf_link_is_live(story->link, story->now));
    s_hear_beat(story, JOURNAL, NULL, 0, 0);
    assert_true(hf_link_is_live(story->link, story->now));
}

//  ---- the happy path

static void what_is_acknowledged_comes_back_in_order_with_its_tag(void **state) {
    story_t *story = *state;
    int tags[5];
    for (int i = 0; i < 5; i++) {
        assert_int_equal(s_propose(story, 10, &tags[i]), i + 1);
    }
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->n_proposals, 5);
    assert_int_equal(story->sent[0]->unacked, 1);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 3);
    for (int i = 0; i < 3; i++) {
        uint64_t number;
        void *tag;
        assert_true(hf_link_pop(story->link, &number, &tag));
        assert_int_equal(number, i + 1);
        assert_ptr_equal(tag, &tags[i]);
    }
    assert_int_equal(s_pop_all(story), 0);
    assert_int_equal(hf_link_unacked(story->link), 2);
    assert_int_equal(s_flush(story), 0);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 5); //  From number 1 on, again: nothing before it is missing
    assert_int_equal(s_pop_all(story), 2);
    assert_int_equal(hf_link_bytes(story->link), 0);
}

static void results_are_found_by_number(void **state) {
    Hf__Result three = HF__RESULT__INIT, seven = HF__RESULT__INIT;
    Hf__Result *results[] = {&three, &seven};
    Hf__Ack ack = HF__ACK__INIT;
    (void)state;
    three.number = 3;
    seven.number = 7;
    assert_null(hf_result_find(&ack, 3));
    ack.results = results;
    ack.n_results = 2;
    assert_ptr_equal(hf_result_find(&ack, 3), &three);
    assert_ptr_equal(hf_result_find(&ack, 7), &seven);
    assert_null(hf_result_find(&ack, 2));
    assert_null(hf_result_find(&ack, 5));
    assert_null(hf_result_find(&ack, 8));
}

static void runs_are_cut_to_size(void **state) {
    story_t *story = *state;
    hf_link_destroy(&story->link);
    story->link = hf_link_new("ingress", s_nonce, 64 << 20);
    s_hear_hello(story, JOURNAL, EPOCH);
    for (int i = 0; i < 30; i++) {
        s_propose(story, 100 << 10, NULL);
    }
    s_propose(story, 3 << 20, NULL);
    uint64_t next = 1;
    s_flush(story);
    for (size_t i = 0; i < story->sent_size; i++) {
        assert_int_equal(story->sent[i]->first, next);
        next += story->sent[i]->n_proposals;
        assert_true(story->sent[i]->n_proposals == 1 ||
                    story->sent[i]->n_proposals * (100 << 10) <= HF_LINK_RUN_BYTES);
    }
    assert_int_equal(next, 32);
}

//  ---- loss

static void a_gap_makes_everything_unacknowledged_go_out_again(void **state) {
    story_t *story = *state;
    s_propose(story, 10, NULL);
    assert_int_equal(s_flush(story), 1); //  Lost
    s_propose(story, 10, NULL);
    assert_int_equal(s_flush(story), 1);
    s_hear_gap(story, 1);
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->first, 1);
    assert_int_equal(story->sent[0]->n_proposals, 2);
    //  Reports of the same gap, still under way, make nothing go out again ...
    s_hear_gap(story, 1);
    assert_int_equal(s_flush(story), 0);
    story->now += HF_REWIND_EVERY_MS;
    s_hear_gap(story, 1);
    assert_int_equal(s_flush(story), 0);
    //  ... until it is clear that the repetition was lost, too.
    story->now = hf_link_next_deadline(story->link);
    assert_int_equal(s_flush(story), 1);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 2);
    assert_int_equal(s_pop_all(story), 2);
    assert_true(hf_link_next_deadline(story->link) == INT64_MAX);
}

static void a_missed_answer_is_asked_for_again(void **state) {
    story_t *story = *state;
    for (int i = 0; i < 4; i++) {
        s_propose(story, 10, NULL);
    }
    s_flush(story);
    //  The acknowledgement of 1 and 2, with what it says of them, was lost.
    s_hear_ack(story, JOURNAL, EPOCH, 3, 4);
    assert_int_equal(s_pop_all(story), 0);
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->first, 1);
    assert_int_equal(story->sent[0]->n_proposals, 4);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 4);
    assert_int_equal(s_pop_all(story), 4);
}

static void a_beat_that_knows_more_than_was_acknowledged_tells_of_a_lost_answer(void **state) {
    story_t *story = *state;
    s_propose(story, 10, NULL);
    s_flush(story);
    story->now += HF_BEAT_EVERY_MS;
    s_hear_beat(story, JOURNAL, "ingress", EPOCH, 1);
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->first, 1);
}

static void a_lost_message_that_nobody_misses_goes_out_again_after_a_while(void **state) {
    story_t *story = *state;
    s_propose(story, 10, NULL);
    s_flush(story); //  Lost, and nothing comes after it
    for (int i = 0; i < 3; i++) {
        story->now += HF_BEAT_EVERY_MS;
        s_hear_beat(story, JOURNAL, "ingress", EPOCH, 0);
        assert_int_equal(s_flush(story), 0);
    }
    story->now += HF_BEAT_EVERY_MS;
    s_hear_beat(story, JOURNAL, "ingress", EPOCH, 0);
    assert_int_equal(s_flush(story), 1);
}

static void doubled_late_and_impossible_acknowledgements_change_nothing(void **state) {
    story_t *story = *state;
    for (int i = 0; i < 3; i++) {
        s_propose(story, 10, NULL);
    }
    s_flush(story);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 2);
    assert_int_equal(s_pop_all(story), 2);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 2);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 1);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 4);     //  Was never proposed
    s_hear_ack(story, JOURNAL, EPOCH - 1, 1, 3); //  Another life of this sender
    s_hear_ack(story, JOURNAL - 1, EPOCH, 1, 3); //  An older journal
    s_hear_ack(story, JOURNAL, EPOCH, UINT64_MAX, 3);
    s_hear_ack(story, JOURNAL, EPOCH, 0, UINT64_MAX);
    assert_int_equal(s_pop_all(story), 0);
    assert_int_equal(hf_link_unacked(story->link), 1);
}

//  ---- another journal

static void a_new_journal_gets_a_hello_and_then_everything_again(void **state) {
    story_t *story = *state;
    for (int i = 0; i < 3; i++) {
        s_propose(story, 10, NULL);
    }
    s_flush(story);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 1);
    s_pop_all(story);
    s_hear_beat(story, JOURNAL + 5, NULL, 0, 0);
    assert_false(hf_link_is_live(story->link, story->now));
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->sender_epoch, 0); //  A hello
    s_hear_ack(story, JOURNAL, EPOCH, 1, 3);           //  The old journal's last words
    assert_int_equal(s_pop_all(story), 0);
    s_hear_hello(story, JOURNAL + 5, EPOCH);
    assert_int_equal(s_flush(story), 1);
    assert_int_equal(story->sent[0]->first, 2);
    assert_int_equal(story->sent[0]->unacked, 2);
    assert_int_equal(story->sent[0]->n_proposals, 2);
    assert_int_equal(story->sent[0]->journal_epoch, JOURNAL + 5);
    s_hear_ack(story, JOURNAL + 5, EPOCH, 2, 3);
    assert_int_equal(s_pop_all(story), 2);
}

static void a_newer_life_fences_this_one(void **state) {
    story_t *story = *state;
    s_hear_beat(story, JOURNAL, "somebody else", EPOCH + 1, 0);
    assert_false(hf_link_is_fenced(story->link));
    s_hear_beat(story, JOURNAL, "ingress", EPOCH + 1, 0);
    assert_true(hf_link_is_fenced(story->link));
    assert_false(hf_link_is_live(story->link, story->now));
}

static void a_life_that_is_welcomed_as_an_earlier_one_is_fenced(void **state) {
    story_t *story = *state;
    s_hear_hello(story, JOURNAL, 0);
    assert_true(hf_link_is_fenced(story->link));
}

//  ---- bounds

static void a_full_link_refuses_and_takes_again_when_it_was_acknowledged(void **state) {
    story_t *story = *state;
    uint64_t last = 0;
    for (uint64_t number; (number = s_propose(story, 1000, NULL));) {
        last = number;
    }
    assert_in_range(last, LIMIT / 1100, LIMIT / 1000);
    assert_true(hf_link_bytes(story->link) <= LIMIT);
    assert_true(hf_link_is_full(story->link, 1000));
    s_flush(story);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 1);
    s_pop_all(story);
    assert_false(hf_link_is_full(story->link, 1000));
    assert_int_equal(s_propose(story, 1000, NULL), last + 1);
}

static void one_that_is_larger_than_the_limit_fits_an_empty_link(void **state) {
    story_t *story = *state;
    assert_int_equal(s_propose(story, LIMIT * 2, NULL), 1);
    assert_int_equal(s_propose(story, 1, NULL), 0);
}

static void what_was_made_void_says_nothing_and_still_comes_back(void **state) {
    story_t *story = *state;
    int tag;
    s_propose(story, 1000, NULL);
    s_propose(story, 1000, &tag);
    s_propose(story, 1000, NULL);
    size_t before = hf_link_bytes(story->link);
    hf_link_void(story->link, 2);
    assert_in_range(before - hf_link_bytes(story->link), 1000, 1100);
    s_flush(story);
    assert_int_equal(story->sent[0]->n_proposals, 3);
    assert_int_equal(story->sent[0]->proposals[1].len, 0);
    s_hear_ack(story, JOURNAL, EPOCH, 1, 3);
    uint64_t number;
    void *back;
    assert_true(hf_link_pop(story->link, &number, &back));
    assert_true(hf_link_pop(story->link, &number, &back));
    assert_ptr_equal(back, &tag);
    assert_int_equal(s_pop_all(story), 1);
    assert_int_equal(hf_link_bytes(story->link), 0);
}

static void void_entries_are_bounded_too(void **state) {
    story_t *story = *state;
    uint64_t number, last = 0;
    while ((number = s_propose(story, 10, NULL))) {
        hf_link_void(story->link, number);
        last = number;
        assert_true(last < LIMIT);
    }
    assert_true(last > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_but_a_hello_goes_out_until_it_is_answered, s_setup,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(somebody_elses_welcome_is_not_ours, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(a_journal_that_is_silent_counts_as_away, s_setup_welcomed,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(what_is_acknowledged_comes_back_in_order_with_its_tag,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test(results_are_found_by_number),
        cmocka_unit_test_setup_teardown(runs_are_cut_to_size, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(a_gap_makes_everything_unacknowledged_go_out_again, s_setup_welcomed,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(a_missed_answer_is_asked_for_again, s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(a_beat_that_knows_more_than_was_acknowledged_tells_of_a_lost_answer,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(a_lost_message_that_nobody_misses_goes_out_again_after_a_while,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(doubled_late_and_impossible_acknowledgements_change_nothing,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(a_new_journal_gets_a_hello_and_then_everything_again,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(a_newer_life_fences_this_one, s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(a_life_that_is_welcomed_as_an_earlier_one_is_fenced, s_setup_welcomed,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(a_full_link_refuses_and_takes_again_when_it_was_acknowledged,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(one_that_is_larger_than_the_limit_fits_an_empty_link,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(what_was_made_void_says_nothing_and_still_comes_back,
                                        s_setup_welcomed, s_teardown),
        cmocka_unit_test_setup_teardown(void_entries_are_bounded_too, s_setup_welcomed, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
