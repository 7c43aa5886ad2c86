/*  A follower and a real journal: publications are heard, lost, doubled or late; each fact arrives exactly
 * once.  */

#include "unit/journal_world.h"

#include "link/follow.h"
#include "store/store_private.h"

typedef struct {
    world_t *world;       //  The journal
    peer_t peer;          //  Who makes facts happen
    hf_follow_t *follow;  //  What is tested
    uint64_t newest;      //  Number of the newest fact delivered
    bool in_order;        //  Each came right behind the one before
    bool looks_things_up; //  The callback reads the file itself
} story_t;

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    story_t *story = context;
    story->in_order = story->in_order && fact->seq == story->newest + 1;
    story->newest = fact->seq;
    if (story->looks_things_up) {
        w_begin_read(story->world);
        w_end_read(story->world);
    }
    return true;
}

static int s_setup(void **state) {
    story_t *story = hf_alloc(sizeof *story);
    story->world = w_new(MAP);
    story->peer = w_peer(story->world, "ingress", 1);
    story->follow = hf_follow_new(story->world->reader, 0, s_on_fact, story);
    story->in_order = true;
    w_clear(story->world);
    *state = story;
    return 0;
}

static int s_teardown(void **state) {
    story_t *story = *state;
    hf_follow_destroy(&story->follow);
    hf_follow_destroy(&story->follow);
    w_destroy(story->world);
    free(story);
    return 0;
}

//  So many new facts, in one commit; what was published stands in world->facts.
static void s_happen(story_t *story, size_t size) {
    Hf__Proposal **proposals = hf_alloc(size * sizeof *proposals);
    w_clear(story->world);
    for (size_t i = 0; i < size; i++) {
        hf_id_t id;
        proposals[i] = w_submit(story->world, &id);
    }
    w_send_run(story->world, &story->peer, story->peer.next, proposals, size);
    story->peer.next += size;
    w_commit(story->world);
    free(proposals);
}

static hf_followed_t s_hear(story_t *story, size_t first, size_t size) {
    hf_error_t error = {{0}};
    Hf__Facts facts = HF__FACTS__INIT;
    facts.facts = story->world->facts + first;
    facts.n_facts = size;
    return hf_follow_facts(story->follow, &facts, &error);
}

static hf_followed_t s_hear_beat(story_t *story, hf_error_t *error) {
    Hf__Beat beat = HF__BEAT__INIT;
    beat.newest_fact = hf_journal_newest_fact(story->world->journal);
    return hf_follow_beat(story->follow, &beat, error);
}

static void facts_that_are_heard_are_delivered_once_and_in_order(void **state) {
    story_t *story = *state;
    s_happen(story, 10);
    assert_int_equal(s_hear(story, 0, 4), HF_FOLLOW_FINE);
    assert_int_equal(s_hear(story, 0, 4), HF_FOLLOW_FINE); //  Doubled
    assert_int_equal(s_hear(story, 2, 8), HF_FOLLOW_FINE); //  Overlapping
    assert_int_equal(s_hear(story, 5, 1), HF_FOLLOW_FINE); //  Late
    assert_int_equal(s_hear(story, 0, 0), HF_FOLLOW_FINE); //  None
    assert_int_equal(story->newest, 10);
    assert_true(story->in_order);
    assert_int_equal(hf_follow_gaps(story->follow), 0);
}

static void a_gap_is_read_from_the_file(void **state) {
    story_t *story = *state;
    s_happen(story, 10);
    assert_int_equal(s_hear(story, 0, 2), HF_FOLLOW_FINE);
    assert_int_equal(s_hear(story, 6, 1), HF_FOLLOW_FINE);
    assert_int_equal(story->newest, 10); //  The file knows more than was heard
    assert_int_equal(s_hear(story, 2, 8), HF_FOLLOW_FINE);
    assert_true(story->in_order);
    assert_int_equal(hf_follow_gaps(story->follow), 1);
    assert_int_equal(hf_follow_newest(story->follow), 10);
}

static void a_beat_tells_of_facts_whose_publication_was_lost(void **state) {
    story_t *story = *state;
    hf_error_t error;
    s_happen(story, 5);
    assert_int_equal(s_hear_beat(story, &error), HF_FOLLOW_FINE);
    assert_int_equal(story->newest, 5);
    assert_int_equal(s_hear_beat(story, &error), HF_FOLLOW_FINE);
    assert_int_equal(hf_follow_gaps(story->follow), 1);
    assert_true(story->in_order);
}

static void a_long_gap_is_read_in_pieces_and_callbacks_may_read_too(void **state) {
    story_t *story = *state;
    hf_error_t error;
    story->looks_things_up = true;
    for (int i = 0; i < 5; i++) {
        s_happen(story, 999);
    }
    assert_int_equal(s_hear_beat(story, &error), HF_FOLLOW_FINE);
    assert_int_equal(story->newest, 4995);
    assert_true(story->in_order);
    assert_int_equal(hf_follow_gaps(story->follow), 1);
}

static void facts_that_are_gone_mean_rebuilding(void **state) {
    story_t *story = *state;
    hf_error_t error;
    s_happen(story, 100);
    story->world->now += W_KEEP_MS + 1000;
    w_commit(story->world); //  They leave
    s_happen(story, 3);
    assert_int_equal(s_hear(story, 0, 3), HF_FOLLOW_REBUILD);
    assert_int_equal(hf_follow_newest(story->follow), 103);
    assert_int_equal(story->newest, 0);
    story->newest = 103;
    s_happen(story, 2);
    assert_int_equal(s_hear(story, 0, 2), HF_FOLLOW_FINE);
    assert_int_equal(s_hear_beat(story, &error), HF_FOLLOW_FINE);
    assert_int_equal(story->newest, 105);
    assert_true(story->in_order);
}

static void a_damaged_fact_breaks_the_follower_and_says_so(void **state) {
    story_t *story = *state;
    hf_store_t *store = story->world->store;
    hf_error_t error = {{0}};
    MDB_cursor *cursor;
    MDB_txn *txn;
    MDB_val key, value;
    s_happen(story, 5);
    assert_int_equal(mdb_txn_begin(store->shared->env, NULL, 0, &txn), 0);
    assert_int_equal(mdb_cursor_open(txn, store->shared->dbi[TABLE_FACTS], &cursor), 0);
    assert_int_equal(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
    MDB_val copy = {value.mv_size, w_bytes(story->world, value.mv_data, value.mv_size).data};
    ((uint8_t *)copy.mv_data)[20] ^= 4;
    assert_int_equal(mdb_cursor_put(cursor, &key, &copy, MDB_CURRENT), 0);
    mdb_cursor_close(cursor);
    assert_int_equal(mdb_txn_commit(txn), 0);
    assert_int_equal(s_hear_beat(story, &error), HF_FOLLOW_BROKEN);
    assert_non_null(strstr(error.text, "checksum"));
    assert_int_equal(story->newest, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(facts_that_are_heard_are_delivered_once_and_in_order, s_setup,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(a_gap_is_read_from_the_file, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(a_beat_tells_of_facts_whose_publication_was_lost, s_setup,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(a_long_gap_is_read_in_pieces_and_callbacks_may_read_too, s_setup,
                                        s_teardown),
        cmocka_unit_test_setup_teardown(facts_that_are_gone_mean_rebuilding, s_setup, s_teardown),
        cmocka_unit_test_setup_teardown(a_damaged_fact_breaks_the_follower_and_says_so, s_setup, s_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
