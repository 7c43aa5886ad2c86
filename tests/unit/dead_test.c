/*  What waits for a person is kept in counted groups, each in the order in which its members came there.  */

#include "unit/journal_world.h"

#include "store/store_private.h"

#include <inttypes.h>

//  Every group of a destination as text: "dead failed 3 PATTERN; …".
static bool s_on_group(void *context, const char *destination, uint64_t number, const Hf__Group *group) {
    hf_buf_t *text = context;
    (void)destination;
    hf_buf_addf(text, "%s %s %" PRIu64 " %s; ", hf_state_name((hf_state_t)group->state),
                hf_class_name((hf_class_t)group->class_), group->n,
                number > HF_GROUP_OTHER_MAX ? group->pattern : "OTHER");
    return true;
}

static const char *s_groups(world_t *world) {
    hf_error_t error;
    hf_buf_t text = {0};
    hf_buf_addf(&text, "%s", "");
    w_begin_read(world);
    assert_int_equal(hf_store_walk_groups(world->reader, "d", s_on_group, &text, &error), 0);
    w_end_read(world);
    char *copy = (char *)w_bytes(world, text.data, text.size + 1).data;
    hf_buf_free(&text);
    return copy;
}

static hf_id_t s_kill(world_t *world, peer_t *peer, const char *reason) {
    hf_id_t id = w_bring_to(world, peer, HF_STATE_DECIDING);
    Hf__Proposal *verdict = w_verdict(world, &id, 1, HF_EVENT_GIVE_UP);
    verdict->verdict->reason = (char *)reason;
    assert_done(world, peer, verdict);
    return id;
}

static void like_reasons_are_one_group(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    hf_id_t one = s_kill(world, &peer, "no connection to 10.0.0.1:443");
    s_kill(world, &peer, "no connection to 10.0.0.2:443");
    assert_string_equal(s_groups(world), "dead failed 2 no connection to #; ");
    assert_done(world, &peer, w_decide(world, &one, HF_EVENT_RETRY));
    assert_string_equal(s_groups(world), "dead failed 1 no connection to #; ");
    assert_int_equal(w_state(world, &one)->group, 0);
    w_verify(world);
    w_destroy(world);
}

static void an_empty_group_is_gone(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    (void)state;
    hf_id_t dead = s_kill(world, &peer, "so it was");
    hf_id_t held = w_bring_to(world, &peer, HF_STATE_UNCERTAIN);
    assert_non_null(strstr(s_groups(world), "dead failed 1 so it was; "));
    assert_non_null(strstr(s_groups(world), "uncertain failed 1 by policy; "));
    w_verify(world);
    assert_done(world, &peer, w_decide(world, &dead, HF_EVENT_DISCARD));
    assert_done(world, &peer, w_decide(world, &held, HF_EVENT_RESOLVE));
    assert_string_equal(s_groups(world), "");
    w_verify(world);
    w_destroy(world);
}

static void further_reasons_go_to_one_group(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    char reason[64];
    hf_id_t other = {{0}};
    (void)state;
    for (int i = 0; i < HF_GROUPS_MAX + 2; i++) { //  Letters, so that each is a kind of its own
        snprintf(reason, sizeof reason, "kind %c%c", 'a' + i / 26, 'a' + i % 26);
        other = s_kill(world, &peer, reason);
        w_clear(world);
    }
    assert_non_null(strstr(s_groups(world), "dead failed 2 OTHER; "));
    s_kill(world, &peer, "kind aa"); //  A kind that has its group goes on filling it
    assert_non_null(strstr(s_groups(world), "dead failed 2 kind aa; "));
    w_verify(world);
    assert_done(world, &peer, w_decide(world, &other, HF_EVENT_RETRY));
    assert_non_null(strstr(s_groups(world), "dead failed 1 OTHER; "));
    w_verify(world);
    w_destroy(world);
}

typedef struct {
    hf_id_t ids[8];    //  Seen
    uint64_t facts[8]; //  Their facts
    size_t size;       //  How many
} seen_t;

static bool s_on_dead(void *context, uint64_t fact, const hf_id_t *id) {
    seen_t *seen = context;
    seen->facts[seen->size] = fact;
    seen->ids[seen->size++] = *id;
    return true;
}

//  What was dead at a fact is a range: whoever dies again stands behind it.
static void a_group_lists_its_members_in_the_order_of_their_facts(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_error_t error;
    hf_id_t ids[3], newest;
    uint64_t fact = 0;
    seen_t seen = {.size = 0};
    (void)state;
    for (int i = 0; i < 3; i++) {
        ids[i] = s_kill(world, &peer, "so it was");
    }
    uint64_t then = hf_journal_newest_fact(world->journal), group = w_state(world, &ids[0])->group;
    assert_done(world, &peer, w_decide(world, &ids[0], HF_EVENT_RETRY));
    assert_done(world, &peer, w_start(world, &ids[0], 2, peer.epoch));
    assert_done(world, &peer, w_outcome(world, &ids[0], 2, peer.epoch, HF_CLASS_FAILED));
    Hf__Proposal *again = w_verdict(world, &ids[0], 2, HF_EVENT_GIVE_UP);
    again->verdict->reason = (char *)"so it was";
    assert_done(world, &peer, again);
    w_begin_read(world);
    assert_int_equal(hf_store_walk_dead(world->reader, "d", group, 0, s_on_dead, &seen, &error), 0);
    assert_int_equal(hf_store_newest_dead(world->reader, "d", group, &fact, &newest, &error), 1);
    assert_int_equal(hf_store_newest_dead(world->reader, "d", group + 1, &fact, &newest, &error), 0);
    assert_int_equal(hf_store_newest_dead(world->reader, "c", group, &fact, &newest, &error), 0);
    w_end_read(world);
    assert_int_equal(seen.size, 3);
    assert_true(hf_id_equal(&seen.ids[0], &ids[1]) && hf_id_equal(&seen.ids[1], &ids[2]) &&
                hf_id_equal(&seen.ids[2], &ids[0]) && hf_id_equal(&newest, &ids[0]));
    assert_true(seen.facts[1] <= then && seen.facts[2] > then);
    w_destroy(world);
}

static void a_group_that_lies_is_named(void **state) {
    world_t *world = w_new(MAP);
    peer_t peer = w_peer(world, "ingress", 1);
    hf_error_t error;
    w_problems_t problems = {.silent = true};
    (void)state;
    hf_id_t id = s_kill(world, &peer, "so it was");
    Hf__State *dead = w_state(world, &id), changed = *dead;
    changed.group++;
    assert_int_equal(hf_store_begin_write(world->store, &error), 0);
    assert_int_equal(hf_store_put_state(world->store, dead, &changed, &error), 0);
    assert_int_equal(hf_store_commit(world->store, &error), 0);
    assert_int_equal(hf_store_verify(world->reader, w_on_problem, &problems, &error), 2);
    assert_non_null(strstr(problems.first, "not one of its own"));
    w_destroy(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(like_reasons_are_one_group),
        cmocka_unit_test(an_empty_group_is_gone),
        cmocka_unit_test(further_reasons_go_to_one_group),
        cmocka_unit_test(a_group_lists_its_members_in_the_order_of_their_facts),
        cmocka_unit_test(a_group_that_lies_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
