/*  Happy path: a fact marks a destination as worth a look; the tick walks its due commands from the head and proposes Start for what
 *  it may call; the Start's fact turns into an order for its caller as soon as there is a place; the fact of the outcome frees the place
 *  and marks the destination again.
 *
 *  Failures: a Start answered as stale is forgotten (somebody cancelled, or the deadline passed); a caller's new epoch makes its
 *  attempts lost; a gap too large to read makes everything anew from the indexes.
 *
 *  What is in hand is found by id; everything else is in the journal's file.  */

#include "dispatch/dispatch_core.h"
#include "base/id_map.h"
#include "dispatch/hand.h"
#include "dispatch/schedule.h"
#include "link/proposer.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINK_BYTES = 16 << 20, //  Proposals under way at most: some 200,000 Starts
    WALK_MAX =
        512, //  Starts for one destination in one turn; the next destination comes before its next turn
    TICK_MAX = 4096,        //  Starts in one tick, so that messages are heard in between
    EXPIRY_EVERY_MS = 1000, //  How late an own deadline may be noticed
    EXPIRY_MAX = 256,       //  Expired commands noticed at once,
    EXPIRY_MORE_MS = 20,    //  and how soon after them the next ones, where there were more
    LOOKS_MAX = 1024,       //  Lanes looked at in one tick: some ms, however many want a look after a restart
    REPLAY_FACTS = 16384,   //  Facts that a new life learns the pace from: more than its bucket remembers
    ORDER_AGAIN_MS = 5000,  //  An order may be lost where its caller lives on (a full queue): it is repeated
    ORDERS_MAX = 1024,      //  Orders in one message
    IN_LINE_MAX_MS =
        1000,         //  Who went ahead of a place and did not get one in this time goes back to the queue
    LINK_FULL_MS = 5, //  A full link is looked at again after this
    SUSPECT_ALONE_MS =
        1000, //  What kills a caller does so soon: after this, the next suspect need not wait for one that hangs
    SUSPECTS_AGAIN_MS = 20, //  Suspects that wait for another one are looked at again after this,
    SUSPECTS_A_MS = 16,     //  and a millisecond more for so many of them: passing over them must cost little
    PROBE_EVERY_MS =
        2000, //  Held, and the last attempt did not succeed: each costs the journal some of its last room
};

//  What comes back with the answer to a proposal.
typedef struct {
    hf_id_t id;      //  The command, or that of none: a circuit shall close
    hf_lane_t *lane; //  Whose circuit
    uint64_t number; //  The proposal's: the command may be in hand anew by then
} proposed_t;

typedef struct {
    uint64_t epoch;           //  Its newest life, 0: not heard
    int in_hand;              //  Attempts that are its
    Hf__AttemptOrder *orders; //  To be sent at the end of this tick
    size_t orders_size;       //  How many
} caller_t;

struct hf_dispatch {
    const hf_config_t *config;        //  Destinations
    hf_store_t *store;                //  The queue
    hf_proposer_t *proposer;          //  Link and facts
    hf_arena_t *arena;                //  Of the state being looked at
    hf_id_map_t *hands;               //  What is in hand
    hf_lane_t *lanes;                 //  One for each destination
    hf_schedule_t *schedule;          //  When to look at which lane
    hf_lane_t **dirty;                //  Ring of lanes worth a look
    size_t dirty_head, dirty_size;    //  Its first, and how many
    caller_t callers[HF_CALLERS_MAX]; //  Call processes
    int64_t now;                      //  Time of the running call
    int64_t expiry_at;                //  When to look for expired commands next
    unsigned budget;                  //  Starts left in this tick
    unsigned suspects;                //  In hand
    int64_t suspect_at;               //  When the newest of them began
    bool stopped;                     //  No new attempts
    bool held;                        //  One attempt at a time, until the journal has room for more
    int64_t probe_at;                 //  Held: when the next one may begin
    bool rebuild;                     //  Everything in hand must be found anew
    uint64_t started, lost, expired;  //  For people
};

//  ---- lanes

static hf_lane_t *s_lane(hf_dispatch_t *self, const char *destination) {
    int number = hf_config_destination_number(self->config, destination);
    return number < 0 ? NULL : &self->lanes[number];
}

static void s_mark(hf_dispatch_t *self, hf_lane_t *lane) {
    if (lane && !lane->dirty) {
        lane->dirty = true;
        self->dirty[(self->dirty_head + self->dirty_size++) % self->config->destinations_size] = lane;
    }
}

static void s_wait(hf_dispatch_t *self, hf_lane_t *lane, int64_t at) {
    if (lane) {
        hf_schedule_wake(self->schedule, lane, at);
    }
}

//  Something of that priority is, or will be, due in that queue.
static void s_expect(hf_dispatch_t *self, hf_lane_t *lane, int priority, hf_queue_t queue, int64_t due) {
    if (!lane) {
        return;
    }
    int64_t *known = &lane->due[priority][queue];
    *known = due < *known ? due : *known;
    if (due <= self->now) {
        s_mark(self, lane);
    } else {
        s_wait(self, lane, due);
    }
}

//  Nothing is known of what waits there.
static void s_expect_all(hf_dispatch_t *self, hf_lane_t *lane) {
    for (int priority = 0; priority < HF_PRIORITIES; priority++) {
        s_expect(self, lane, priority, HF_QUEUE_FIRST, 0);
        s_expect(self, lane, priority, HF_QUEUE_RETRY, 0);
    }
}

//  Marks every lane whose time has come.
static void s_wake_lanes(hf_dispatch_t *self) {
    for (hf_lane_t *lane; (lane = hf_schedule_take(self->schedule, self->now));) {
        s_mark(self, lane);
    }
}

static void s_set_gate(void *context, const Hf__Destination *record) {
    hf_lane_t *lane = s_lane(context, record->name);
    if (lane) {
        hf_lane_set_gate(lane, record);
    }
}

//  Reads what has become of the destination.
static void s_read_gate(hf_dispatch_t *self, hf_lane_t *lane) {
    Hf__Destination *record = NULL;
    hf_error_t error;
    hf_arena_reset(self->arena);
    if (hf_store_destination(self->store, lane->destination->name, self->arena, &record, &error) < 0) {
        hf_proposer_fail(self->proposer, &error);
    }
    hf_lane_set_gate(lane, record);
}

//  ---- what is in hand

static void s_place(hf_hand_t *hand) {
    hf_hand_leave_line(hand);
    hand->placed = true;
    hf_lane_take(hand->lane, hand->probe);
}

//  Gives it a place in a lane, or in the line for one.
static void s_enter(hf_dispatch_t *self, hf_hand_t *hand, hf_lane_t *lane, bool probe) {
    hand->lane = lane;
    hand->probe = probe;
    if (lane && (probe || hf_lane_has_place(lane))) {
        s_place(hand);
    } else if (lane) {
        hf_hand_line_up(hand, self->now);
        s_mark(self, lane);
    }
}

//  Whether the next caller that dies under it makes it poison. When a caller dies, nobody knows which of its attempts did that; so such a
//  command begins alone among its kind, and poison does not make poison of whatever was called beside it.
static bool s_is_suspect(const Hf__State *state) {
    return state->crashes + 1 >= HF_CRASHES_MAX;
}

//  Whether another one is being called that may still turn out to be poison.
static bool s_must_wait(const hf_dispatch_t *self) {
    return self->suspects > 0 && self->now < self->suspect_at + SUSPECT_ALONE_MS;
}

static void s_set_suspect(hf_dispatch_t *self, hf_hand_t *hand, const Hf__State *state, int64_t begins) {
    hand->suspect = s_is_suspect(state);
    if (hand->suspect) {
        self->suspects++;
        self->suspect_at = begins > self->suspect_at ? begins : self->suspect_at;
    }
}

static hf_hand_t *s_take_in_hand(hf_dispatch_t *self, const hf_id_t *id, hf_stage_t stage) {
    hf_hand_t *hand = hf_alloc(sizeof *hand);
    hand->id = *id;
    hand->stage = stage;
    hand->caller = -1;
    hf_id_map_put(self->hands, id, hand);
    return hand;
}

static void s_give_to(hf_dispatch_t *self, hf_hand_t *hand, int caller, uint64_t epoch) {
    if (hand->caller >= 0) {
        self->callers[hand->caller].in_hand--;
    }
    hand->caller = caller;
    hand->caller_epoch = epoch;
    if (caller >= 0) {
        self->callers[caller].in_hand++;
    }
}

//  It is at the third party no more.
static void s_give_place(hf_dispatch_t *self, hf_hand_t *hand) {
    if (hand->placed) {
        hand->placed = false;
        hf_lane_give(hand->lane, hand->probe, self->now);
        s_mark(self, hand->lane);
    }
}

static void s_let_go(hf_dispatch_t *self, hf_hand_t *hand) {
    hf_id_map_remove(self->hands, &hand->id);
    self->suspects -= hand->suspect ? 1 : 0;
    if (hand->caller >= 0) {
        self->callers[hand->caller].in_hand--;
    }
    hf_hand_leave_line(hand);
    s_give_place(self, hand);
    if (hand->lane &&
        hand->stage == HF_HAND_STARTING) { //  It may still stand in the queue, where it was passed over
        s_expect(self, hand->lane, hand->priority, hand->retry ? HF_QUEUE_RETRY : HF_QUEUE_FIRST, 0);
    }
    free(hand);
}

//  ---- callers

//  The number in "call.N", or -1 where that caller is not configured.
static int s_caller_number(const hf_dispatch_t *self, const char *name) {
    char *end = NULL;
    if (strncmp(name, "call.", 5) != 0) {
        return -1;
    }
    long number = strtol(name + 5, &end, 10);
    return *end || end == name + 5 || number < 0 || number >= self->config->callers ? -1 : (int)number;
}

//  The known caller with the least in hand, or -1.
static int s_free_caller(const hf_dispatch_t *self) {
    int best = -1;
    for (int i = 0; i < self->config->callers; i++) {
        if (self->callers[i].epoch && (best < 0 || self->callers[i].in_hand < self->callers[best].in_hand)) {
            best = i;
        }
    }
    return best;
}

static void s_send_orders(hf_dispatch_t *self, int number) {
    caller_t *caller = &self->callers[number];
    Hf__AttemptOrder *list[ORDERS_MAX];
    if (!caller->orders_size) {
        return;
    }
    for (size_t i = 0; i < caller->orders_size; i++) {
        list[i] = &caller->orders[i];
    }
    Hf__Attempts message = HF__ATTEMPTS__INIT;
    message.caller_epoch = caller->epoch;
    message.orders = list;
    message.n_orders = caller->orders_size;
    hf_buf_t bytes = {0};
    hf_buf_pack(&bytes, &message.base);
    hf_outbox_put(hf_proposer_outbox(self->proposer), HF_TO_CALLER, number, &bytes);
    for (size_t i = 0; i < caller->orders_size; i++) {
        free(caller->orders[i].id.data);
    }
    caller->orders_size = 0;
}

static void s_order(hf_dispatch_t *self, hf_hand_t *hand) {
    hand->ordered_at = self->now;
    caller_t *caller = &self->callers[hand->caller];
    if (!caller->orders) {
        caller->orders = hf_alloc(ORDERS_MAX * sizeof *caller->orders);
    }
    Hf__AttemptOrder *order = &caller->orders[caller->orders_size++];
    hf__attempt_order__init(order);
    order->id = (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)hf_memdup(hand->id.bytes, HF_ID_SIZE)};
    order->attempt = hand->attempt;
    if (caller->orders_size == ORDERS_MAX) {
        s_send_orders(self, hand->caller);
    }
}

//  A caller that is not known yet is told when it is heard (s_on_caller).
static void s_order_if_known(hf_dispatch_t *self, hf_hand_t *hand) {
    if (hand->caller >= 0 && self->callers[hand->caller].epoch == hand->caller_epoch) {
        s_order(self, hand);
    }
}

//  ---- proposing

//  The proposal's number, or 0 where the link is full.
static uint64_t s_propose(hf_dispatch_t *self, Hf__Proposal *proposal, const hf_id_t *id, hf_lane_t *lane) {
    proposed_t *tag = hf_alloc(sizeof *tag);
    tag->id = id ? *id : (hf_id_t){{0}};
    tag->lane = lane;
    tag->number = hf_link_propose(hf_proposer_link(self->proposer), proposal, tag);
    uint64_t number = tag->number;
    if (!number) {
        free(tag);
    }
    return number;
}

static ProtobufCBinaryData s_bytes(const hf_id_t *id) {
    return (ProtobufCBinaryData){HF_ID_SIZE, (uint8_t *)id->bytes};
}

static bool s_propose_start(hf_dispatch_t *self, const hf_id_t *id, const Hf__State *state, hf_lane_t *lane,
                            int caller) {
    char name[16];
    snprintf(name, sizeof name, "call.%d", caller);
    Hf__Start start = HF__START__INIT;
    start.id = s_bytes(id);
    start.attempt = state->attempt + 1;
    start.caller = name;
    start.caller_epoch = self->callers[caller].epoch;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_START;
    proposal.start = &start;
    uint64_t number = s_propose(self, &proposal, id, NULL);
    if (!number) {
        return false;
    }
    int64_t when;
    hf_hand_t *hand = s_take_in_hand(self, id, HF_HAND_STARTING);
    hand->retry = hf_state_queue(state) == HF_QUEUE_RETRY;
    s_set_suspect(self, hand, state, self->now);
    hf_lane_begin(lane, hand->retry, self->now);
    s_enter(self, hand, lane, hf_gate_may(&lane->gate, self->now, &when) == HF_MAY_PROBE);
    hand->own = true;
    hand->deadline = state->deadline;
    hand->proposal = number;
    hand->attempt = start.attempt;
    hand->priority = hf_priority(state->urgency);
    s_give_to(self, hand, caller, start.caller_epoch);
    self->started++;
    return true;
}

//  Whether nobody knows if a call of it was carried out, and its destination wants a person to decide then.
static bool s_is_to_be_held(const Hf__State *state, const hf_lane_t *lane) {
    bool unknown = state->class_ == HF_CLASS_UNCERTAIN &&
                   (state->state == HF_STATE_DECIDING || state->inquiry);
    return unknown && lane && lane->destination->on_uncertain == HF_ON_UNCERTAIN_HOLD;
}

static bool s_propose_expire(hf_dispatch_t *self, const hf_id_t *id, const Hf__State *state) {
    char reason[128];
    const hf_lane_t *lane = s_lane(self, state->destination);
    const char *why = lane ? hf_gate_reason(&lane->gate, self->now) : "";
    snprintf(reason, sizeof reason, "its deadline has passed%s%s%s",
             s_is_to_be_held(state, lane) ? ", and its outcome is unknown" : "", *why ? ": " : "", why);
    Hf__Verdict verdict = HF__VERDICT__INIT;
    verdict.id = s_bytes(id);
    verdict.attempt = state->attempt;
    verdict.last_fact = state->last_fact;
    verdict.event = s_is_to_be_held(state, lane) ? HF_EVENT_HOLD : HF_EVENT_EXPIRE;
    const hf_pipeline_t *pipeline = hf_config_pipeline(self->config, state->pipeline);
    verdict.overtake = pipeline && pipeline->on_dead == HF_ON_DEAD_SKIP;
    verdict.reason = reason;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_VERDICT;
    proposal.verdict = &verdict;
    uint64_t number = s_propose(self, &proposal, id, NULL);
    if (!number) {
        return false;
    }
    hf_hand_t *hand = s_take_in_hand(self, id, HF_HAND_ENDING);
    hand->proposal = number;
    hand->attempt = state->attempt;
    self->expired++;
    return true;
}

//  The outcome of an attempt that dispatch alone can tell. False: the link is full.
static bool s_propose_end(hf_dispatch_t *self, hf_hand_t *hand, Hf__Attempt *attempt) {
    char name[16];
    snprintf(name, sizeof name, "call.%d", hand->caller);
    attempt->number = hand->attempt;
    attempt->caller = hand->caller >= 0 ? name : (char *)"";
    Hf__Outcome outcome = HF__OUTCOME__INIT;
    outcome.id = s_bytes(&hand->id);
    outcome.caller_epoch = hand->caller_epoch;
    outcome.attempt = attempt;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_OUTCOME;
    proposal.outcome = &outcome;
    uint64_t number = s_propose(self, &proposal, &hand->id, NULL);
    if (number) {
        hand->proposal = number;
        hand->stage = HF_HAND_ENDING;
        hf_hand_leave_line(hand);
    }
    return number;
}

//  One that no caller was asked to make: it costs the command nothing.
static bool s_propose_unasked(hf_dispatch_t *self, hf_hand_t *hand, const char *why) {
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    attempt.class_ = HF_CLASS_REFUSED;
    attempt.unasked = true;
    attempt.reason = (char *)why;
    bool proposed = s_propose_end(self, hand, &attempt);
    if (proposed && hand->lane) {
        hf_lane_undo(hand->lane, hand->retry);
    }
    return proposed;
}

//  One whose caller is gone. An order may have reached it, in this life or in an earlier one. Only what this life had ordered, and was not
//  answered yet, may be what killed the caller: where more than the caller died, nobody knows which attempt it was busy with. Where the link
//  is full, the next beat finds it again.
static void s_propose_lost(hf_dispatch_t *self, hf_hand_t *hand) {
    if (hand->own && !hand->ordered_at) {
        self->lost += s_propose_unasked(self, hand, "the caller was replaced before it was asked");
        return;
    }
    Hf__Attempt attempt = HF__ATTEMPT__INIT;
    attempt.class_ = HF_CLASS_UNCERTAIN;
    attempt.lost = true;
    attempt.suspect = hand->ordered_at && !hand->answered;
    attempt.reason = (char *)"the caller died during the attempt; what became of it is unknown";
    self->lost += s_propose_end(self, hand, &attempt);
}

//  What had piled up has been called: the ramp is over.
static void s_propose_close(hf_dispatch_t *self, hf_lane_t *lane) {
    Hf__Gate gate = HF__GATE__INIT;
    gate.destination = lane->destination->name;
    gate.event = HF_GATE_CLOSE;
    gate.circuit_fact = lane->gate.circuit_fact;
    Hf__Proposal proposal = HF__PROPOSAL__INIT;
    proposal.what_case = HF__PROPOSAL__WHAT_GATE;
    proposal.gate = &gate;
    lane->closing = s_propose(self, &proposal, NULL, lane) != 0;
}

//  ---- looking at the queue

typedef struct {
    hf_dispatch_t *self; //  Whose
    hf_lane_t *lane;     //  Walked
    int room;            //  Starts left
    int64_t due
        [HF_QUEUES]; //  Where a queue was left: when its head is due, or its budget bears one; INT64_MAX: it was not left
    unsigned suspects[HF_QUEUES]; //  Passed over, because another one is being called
    bool unfinished;              //  It ended before what is due did,
    bool stuck;                   //  because nothing can be started there now
} look_t;

//  The state, or NULL where there is none or it cannot be read (then the core must end).
static Hf__State *s_state(hf_dispatch_t *self, const hf_id_t *id) {
    Hf__State *state = NULL;
    hf_error_t error;
    hf_arena_reset(self->arena);
    if (hf_store_state(self->store, id, self->arena, &state, &error) < 0) {
        hf_proposer_fail(self->proposer, &error);
    }
    return state;
}

//  When the head of that queue may begin, as far as it alone decides: when it is due, and there is a budget for it.
static int64_t s_may_begin_at(hf_dispatch_t *self, hf_lane_t *lane, hf_queue_t queue, int64_t due) {
    int64_t when = due;
    if (due <= self->now && queue == HF_QUEUE_RETRY) {
        hf_lane_allows_retry(lane, self->now, &when);
    }
    return when;
}

static hf_walk_t s_on_due(void *context, hf_queue_t queue, int64_t due, const hf_id_t *id) {
    look_t *look = context;
    hf_dispatch_t *self = look->self;
    if (due <= self->now && hf_id_map_get(self->hands, id)) {
        return HF_WALK_ON;
    }
    int64_t at = s_may_begin_at(self, look->lane, queue, due);
    if (at > self->now) {
        look->due[queue] = at;
        return HF_WALK_LEAVE;
    }
    look->unfinished = true;
    if (look->room == 0) {
        return HF_WALK_END;
    }
    Hf__State *state = s_state(self, id);
    int caller = s_free_caller(self);
    if (!state || caller < 0) {
        look->stuck = true;
        return HF_WALK_END;
    }
    bool late = state->deadline && state->deadline <= self->now;
    if (!late && s_is_suspect(state) && s_must_wait(self)) {
        look->suspects[queue]++;
        look->unfinished = false;
        return HF_WALK_ON;
    }
    if (!late && s_is_suspect(state) && !hf_lane_has_place(look->lane)) {
        look->stuck = true; //  It goes ahead of no place; nor do those behind it, or it would never get one
        return HF_WALK_END;
    }
    if (late ? !s_propose_expire(self, id, state) : !s_propose_start(self, id, state, look->lane, caller)) {
        s_wait(self, look->lane, self->now + LINK_FULL_MS);
        look->stuck = true;
        return HF_WALK_END;
    }
    look->room -= late ? 0 : 1;
    self->budget -= late ? 0 : 1;
    look->unfinished = false;
    return HF_WALK_ON;
}

//  How many attempts may begin there now; where it is none, the lane is woken when one may.
static int s_room(hf_dispatch_t *self, hf_lane_t *lane) {
    int64_t when;
    int most = self->budget < WALK_MAX ? (int)self->budget : WALK_MAX;
    int room = hf_lane_room(lane, most, self->now, &when);
    if (room == 0) {
        s_wait(self, lane, when);
    }
    return room;
}

//  The queues of one priority that may have something to begin, as bits.
static unsigned s_ready_queues(const hf_dispatch_t *self, const hf_lane_t *lane, int priority) {
    unsigned ready = 0;
    for (int queue = 0; queue < HF_QUEUES; queue++) {
        ready |= lane->due[priority][queue] <= self->now ? 1u << queue : 0;
    }
    return ready;
}

//  When to look at a queue again that was walked through, or left.
static int64_t s_again_at(const look_t *look, int queue) {
    unsigned passed = look->suspects[queue];
    int64_t again = look->self->now + SUSPECTS_AGAIN_MS + passed / SUSPECTS_A_MS;
    return passed && again < look->due[queue] ? again : look->due[queue];
}

//  Starts at most `quota` of one priority: first attempts and retries in the order in which they are due, so that neither waits for ever
//  behind the other; retries while the budget bears them. Returns what it found.
static look_t s_look_at(hf_dispatch_t *self, hf_lane_t *lane, int priority, int quota) {
    hf_error_t error;
    look_t look = {.self = self, .lane = lane, .room = quota, .due = {INT64_MAX, INT64_MAX}};
    unsigned queues = s_ready_queues(self, lane, priority);
    if (hf_store_walk_ready(self->store, lane->destination->name, priority, queues, s_on_due, &look,
                            &error)) {
        hf_proposer_fail(self->proposer, &error);
        look.stuck = true;
    }
    bool whole = !look.unfinished && !look.stuck;
    for (int queue = 0; queue < HF_QUEUES; queue++) {
        if (queues & 1u << queue && (whole || look.due[queue] != INT64_MAX)) {
            lane->due[priority][queue] = s_again_at(&look, queue);
        }
    }
    return look;
}

//  The priorities that may have something due, as bits; and the lane is woken when another one's head is.
static unsigned s_ready(hf_dispatch_t *self, hf_lane_t *lane) {
    unsigned ready = 0;
    for (int priority = 0; priority < HF_PRIORITIES; priority++) {
        ready |= s_ready_queues(self, lane, priority) ? 1u << priority : 0;
        for (int queue = 0; queue < HF_QUEUES; queue++) {
            if (lane->due[priority][queue] > self->now) {
                s_wait(self, lane, lane->due[priority][queue]);
            }
        }
    }
    return ready;
}

//  Divides the room among priorities, and goes round until it or the work is used up: what one does not need is the others'. False:
//  nothing can be started now.
static bool s_fill(hf_dispatch_t *self, hf_lane_t *lane, int room) {
    unsigned ready = s_ready(self, lane);
    while (ready && room > 0) {
        int quota[HF_PRIORITIES];
        hf_share_divide(&lane->share, ready, room, quota);
        for (int priority = HF_PRIORITIES - 1; priority >= 0; priority--) {
            if (quota[priority] == 0) {
                continue;
            }
            look_t look = s_look_at(self, lane, priority, quota[priority]);
            hf_share_give_back(&lane->share, priority, look.room);
            room -= quota[priority] - look.room;
            ready &= look.unfinished ? ~0u : ~(1u << priority);
            if (look.stuck) {
                return false;
            }
        }
    }
    return true;
}

static void s_look(hf_dispatch_t *self, hf_lane_t *lane) {
    if (lane->stale) {
        s_read_gate(self, lane);
    }
    int room = s_room(self, lane);
    if (room == 0) {
        return; //  What frees a place marks it again
    }
    bool fine = s_fill(self, lane, room);
    bool more = s_ready(self, lane) != 0;
    hf_pace_want(&lane->pace, more);
    if (lane->gate.circuit == HF_CIRCUIT_RAMPING && fine && !more && !lane->closing) {
        s_propose_close(self, lane);
    }
    if (more && fine && (self->budget == 0 || s_room(self, lane) > 0)) {
        s_mark(self, lane);
    }
}

static bool s_on_expiry(void *context, int64_t at, const hf_id_t *id) {
    look_t *look = context;
    if (at > look->self->now || look->room-- == 0) {
        return false;
    }
    if (hf_id_map_get(look->self->hands, id)) {
        return true;
    }
    Hf__State *state = s_state(look->self, id);
    bool waits = state && hf_lifecycle_next(state->state, HF_EVENT_EXPIRE) != HF_STATE_NONE;
    return !waits || s_propose_expire(look->self, id, state);
}

static void s_look_for_expired(hf_dispatch_t *self) {
    hf_error_t error;
    look_t look = {.self = self, .room = EXPIRY_MAX + (int)hf_id_map_size(self->hands)};
    self->expiry_at = self->now + EXPIRY_EVERY_MS;
    if (hf_store_walk_expiry(self->store, s_on_expiry, &look, &error)) {
        hf_proposer_fail(self->proposer, &error);
    }
    if (look.room < 0) { //  As many as are looked at, and more: a blocked key's, say
        self->expiry_at = self->now + EXPIRY_MORE_MS;
    }
}

//  A journal without room bears one attempt at a time: enough to find out that the third party is well again, and then to end what
//  is open, which is what makes room.
static bool s_may_begin(const hf_dispatch_t *self) {
    return !self->held || (hf_id_map_size(self->hands) == 0 && self->now >= self->probe_at);
}

//  ---- places for those in line

//  Why one in line goes back to the queue; NULL: it need not. Time counts only where no place is free.
static const char *s_why_back(const hf_dispatch_t *self, const hf_lane_t *lane, const hf_hand_t *hand,
                              bool place) {
    if (!hand->own) {
        return NULL; //  It may have been asked already
    }
    if (self->stopped) {
        return "not called: the node stops";
    }
    if (hand->deadline && hand->deadline <= self->now) {
        return "not called: its deadline has passed";
    }
    if (!hf_lane_lets_call(lane, self->now)) {
        return "not called: its destination is held";
    }
    bool late = self->now - hand->lined_up_at >= IN_LINE_MAX_MS;
    return late && !place ? "not called: no place came free" : NULL;
}

//  Places go to those whose Start is durable, in the order of their Starts. So the ones that were asked are always the oldest: what a new life
//  gives the places to. One of an earlier life keeps its turn, so those behind it may have to go back before it.
static void s_serve_line(hf_dispatch_t *self, hf_lane_t *lane) {
    if (lane->stale) {
        s_read_gate(self, lane);
    }
    bool goes_on = true;
    for (hf_hand_t *hand = lane->line_first, *after; goes_on && hand && hand->stage == HF_HAND_CALLING;
         hand = after) {
        after = hand->after;
        bool place = hf_lane_has_free_place(lane);
        const char *why = s_why_back(self, lane, hand, place);
        if (why) {
            goes_on = s_propose_unasked(self, hand, why);
        } else if (place) {
            s_place(hand);
            s_order_if_known(self, hand);
        } else {
            goes_on = !hand->own;
        }
    }
}

//  A freed place, a Start that became durable and a gate that changed mark the lane.
static void s_serve_lines(hf_dispatch_t *self) {
    hf_error_t error;
    bool reads = false;
    for (size_t i = 0; i < self->dirty_size; i++) {
        hf_lane_t *lane = self->dirty[(self->dirty_head + i) % self->config->destinations_size];
        if (!lane->line_first) {
            continue;
        }
        if (!reads && hf_store_begin_read(self->store, &error)) {
            hf_proposer_fail(self->proposer, &error);
            return;
        }
        reads = true;
        s_serve_line(self, lane);
    }
    if (reads) {
        hf_store_end_read(self->store);
    }
}

//  Each lane worth a look, once, in turn.
static void s_look_at_all(hf_dispatch_t *self) {
    hf_error_t error;
    bool expiry = self->now >= self->expiry_at;
    if ((!self->dirty_size && !expiry) || self->stopped || !s_may_begin(self)) {
        return;
    }
    if (hf_store_begin_read(self->store, &error)) {
        hf_proposer_fail(self->proposer, &error);
        return;
    }
    self->budget = self->held ? 1 : TICK_MAX;
    self->probe_at = self->held ? self->now + PROBE_EVERY_MS : 0;
    size_t turns = self->dirty_size < LOOKS_MAX ? self->dirty_size : LOOKS_MAX;
    for (; turns > 0 && self->budget > 0; turns--) {
        hf_lane_t *lane = self->dirty[self->dirty_head];
        self->dirty_head = (self->dirty_head + 1) % self->config->destinations_size;
        self->dirty_size--;
        lane->dirty = false;
        s_look(self, lane);
    }
    if (expiry) {
        s_look_for_expired(self);
    }
    hf_store_end_read(self->store);
}

//  ---- a new life, or everything anew

//  Whether what it stands for is still true, or may still come true: facts that tell otherwise may be gone for good.
static bool s_stands(const hf_hand_t *hand, const Hf__State *state) {
    bool calling = state && state->state == HF_STATE_CALLING;
    bool ready = state && (state->state == HF_STATE_ACCEPTED || state->state == HF_STATE_WAITING);
    bool parked = state && state->state == HF_STATE_PARKED;
    if (hand->stage == HF_HAND_STARTING) {
        return ready && state->attempt + 1 == hand->attempt;
    }
    if (hand->stage == HF_HAND_ENDING && !hand->lane) {
        return (ready || parked) && state->attempt == hand->attempt;
    }
    return calling && state->attempt == hand->attempt;
}

//  What is proposed and not answered yet stays in hand: it still counts, and must not be proposed otherwise meanwhile.
static void s_keep_what_stands(hf_dispatch_t *self) {
    hf_id_map_t *before = self->hands;
    size_t place = 0;
    self->hands = hf_id_map_new();
    for (hf_hand_t *hand; (hand = hf_id_map_next(before, &place));) {
        if (s_stands(hand, s_state(self, &hand->id))) {
            hf_id_map_put(self->hands, &hand->id, hand);
        } else {
            s_let_go(self, hand);
        }
    }
    hf_id_map_destroy(&before);
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        s_expect_all(self, &self->lanes[i]);
    }
}

//  What is being called, as the file has it.
typedef struct {
    hf_dispatch_t *self; //  Whose
    hf_hand_t **hands;   //  Not in a lane yet
    size_t size, room;   //  How many, and how many there is room for
} found_t;

static bool s_on_calling(void *context, const char *destination, int64_t since, const hf_id_t *id) {
    found_t *found = context;
    hf_dispatch_t *self = found->self;
    (void)since;
    Hf__State *state = s_state(self, id);
    if (!state || state->state != HF_STATE_CALLING || hf_id_map_get(self->hands, id)) {
        return true;
    }
    hf_hand_t *hand = s_take_in_hand(self, id, HF_HAND_CALLING);
    hand->lane = s_lane(self, destination);
    hand->probe = state->probe;
    hand->attempt = state->attempt;
    hand->fact = state->last_fact;
    s_set_suspect(self, hand, state, state->since);
    s_give_to(self, hand, s_caller_number(self, state->caller), state->caller_epoch);
    if (found->size == found->room) {
        found->room = found->room * 2 + 64;
        found->hands = realloc(found->hands, found->room * sizeof(hf_hand_t *));
        assert(found->hands && "out of memory");
    }
    found->hands[found->size++] = hand;
    return true;
}

static int s_by_fact(const void *one, const void *other) {
    uint64_t a = (*(hf_hand_t *const *)one)->fact, b = (*(hf_hand_t *const *)other)->fact;
    return (a > b) - (a < b);
}

//  What is found gets places in the order of its Starts, as it did in the life before: no more than the places are asked for at once, whichever
//  of them the callers have already.
static void s_find_calling(hf_dispatch_t *self) {
    hf_error_t error;
    found_t found = {.self = self};
    if (hf_store_walk_open(self->store, HF_PHASE_CALLING, NULL, 0, s_on_calling, &found, &error)) {
        hf_proposer_fail(self->proposer, &error);
    }
    if (found.size) { //  No array otherwise
        qsort(found.hands, found.size, sizeof(hf_hand_t *), s_by_fact);
    }
    for (size_t i = 0; i < found.size; i++) {
        s_enter(self, found.hands[i], found.hands[i]->lane, found.hands[i]->probe);
    }
    free(found.hands);
}

static bool s_on_old_fact(void *context, const Hf__Fact *fact) {
    hf_lane_t *lane = fact->id.len && fact->event == HF_EVENT_START ? s_lane(context, fact->destination)
                                                                    : NULL;
    if (lane) {
        hf_pace_replay(&lane->pace, lane->destination, fact->at);
    }
    return true;
}

//  What began before this life counts for the rate. Best effort: the newest facts are more than any bucket remembers.
static void s_replay(hf_dispatch_t *self) {
    hf_error_t ignored;
    bool any = false;
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        any = any || self->config->destinations[i]->rate > 0;
    }
    if (any && hf_store_begin_read(self->store, &ignored) == 0) {
        hf_store_newest_facts(self->store, REPLAY_FACTS, self->arena, s_on_old_fact, self, &ignored);
        hf_store_end_read(self->store);
        hf_arena_reset(self->arena);
    }
}

//  Takes what is being called in hand again. Callers learn of it when their epoch is heard (s_on_beat).
static void s_rebuild(hf_dispatch_t *self) {
    hf_error_t error;
    self->rebuild = false;
    for (int i = 0; i < HF_CALLERS_MAX; i++) {
        self->callers[i].epoch = 0;
    }
    if (hf_store_begin_read(self->store, &error)) {
        hf_proposer_fail(self->proposer, &error);
        return;
    }
    s_keep_what_stands(self);
    if (hf_store_walk_destinations(self->store, s_set_gate, self, &error)) {
        hf_proposer_fail(self->proposer, &error);
    }
    s_find_calling(self);
    hf_store_end_read(self->store);
}

//  ---- what is heard

static void s_on_started(hf_dispatch_t *self, const Hf__Fact *fact, const hf_id_t *id) {
    hf_hand_t *hand = hf_id_map_get(self->hands, id);
    if (!hand) { //  Begun by an earlier life whose proposal arrived late
        hand = s_take_in_hand(self, id, HF_HAND_STARTING);
    }
    if (hand->attempt > fact->attempt ||
        (hand->attempt == fact->attempt && hand->stage != HF_HAND_STARTING)) {
        return;
    }
    if (!hand->lane) { //  The same; or it was about to expire, but its Start came first
        hf_lane_t *lane = s_lane(self, fact->destination);
        if (lane) {
            hf_lane_begin(lane, hand->retry, self->now);
        }
        s_enter(self, hand, lane, fact->probe);
    }
    if (fact->probe && hand->lane) {
        hand->lane->stale = true;
    }
    hand->own = hand->stage == HF_HAND_STARTING &&
                hand->proposal; //  Else an earlier life may have ordered it already
    hand->stage = HF_HAND_CALLING;
    hand->attempt = fact->attempt;
    s_give_to(self, hand, s_caller_number(self, fact->caller), fact->caller_epoch);
    uint64_t known = hand->caller >= 0 ? self->callers[hand->caller].epoch : UINT64_MAX;
    if (hand->in_line) {
        hand->lined_up_at = self->now; //  What the journal took is not the third party's fault
        s_mark(self, hand->lane);      //  It may be called as soon as there is a place
    }
    if (known == hand->caller_epoch && !hand->in_line) {
        s_order(self, hand);
    } else if (known && known != hand->caller_epoch) {
        s_propose_lost(self, hand);
    } //  Otherwise nothing was heard of that caller yet: s_on_caller goes on
}

//  Its gate is read again when the lane is looked at: that may not be done between two facts.
static void s_distrust(hf_dispatch_t *self, hf_lane_t *lane) {
    if (lane) {
        lane->stale = true;
        s_mark(self, lane);
    }
}

static void s_on_gate(hf_dispatch_t *self, const Hf__Fact *fact, hf_lane_t *lane) {
    if (lane && fact->event == HF_GATE_BLOCK) {
        hf_pace_slow(&lane->pace, self->now); //  What waits meanwhile shall not come all at once
    }
    s_distrust(self, lane);
}

//  A command waits to be called. One that was called before is a retry, unless that cost it nothing (a probe, an inquiry): the fact does
//  not say.
static void s_on_ready(hf_dispatch_t *self, const Hf__Fact *fact) {
    hf_lane_t *lane = s_lane(self, fact->destination);
    int priority = hf_priority(fact->urgency);
    s_expect(self, lane, priority, HF_QUEUE_FIRST, fact->due);
    if (fact->state == HF_STATE_WAITING) {
        s_expect(self, lane, priority, HF_QUEUE_RETRY, fact->due);
    }
}

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    hf_dispatch_t *self = context;
    hf_id_t id;
    if (!hf_id_from(&id, fact->id.data, fact->id.len)) {
        s_on_gate(self, fact, s_lane(self, fact->destination));
        return true;
    }
    hf_hand_t *hand = hf_id_map_get(self->hands, &id);
    if (fact->state == HF_STATE_CALLING) {
        s_on_started(self, fact, &id);
    } else if (fact->state == HF_STATE_ACCEPTED || fact->state == HF_STATE_WAITING) {
        s_on_ready(self, fact);
    } else if (hand && fact->attempt >= hand->attempt) { //  Its attempt has ended, or it will never begin
        if (hand->lane && (fact->event == HF_EVENT_SUCCEED || fact->event == HF_EVENT_FAIL)) {
            hf_lane_learn(hand->lane, fact, hand->retry, self->now);
            s_expect(self, hand->retry ? hand->lane : NULL, hand->priority, HF_QUEUE_RETRY,
                     0); //  The budget may bear more
        }
        self->probe_at = fact->state == HF_STATE_SUCCEEDED ? 0 : self->probe_at;
        s_let_go(self, hand);
    }
    return true;
}

//  An answer says only that what was proposed cannot become true any more; what became true comes as a fact.
//  It may be late: only the hand that this very proposal stands for is let go.
static void s_on_answer(void *context, void *tag, const Hf__Result *result) {
    hf_dispatch_t *self = context;
    proposed_t *proposed = tag;
    hf_hand_t *hand = hf_id_map_get(self->hands, &proposed->id);
    if (hand && hand->proposal == proposed->number && result && result->code != HF_RESULT_DONE &&
        hand->stage != HF_HAND_CALLING) {
        if (hand->lane && hand->stage == HF_HAND_STARTING) {
            hf_lane_undo(hand->lane, hand->retry);
        }
        s_distrust(self, hand->lane); //  It may be the destination's gate that forbade it
        s_let_go(self, hand);
    }
    s_distrust(self, proposed->lane);
    free(proposed);
}

//  A caller is heard in a life that is new to us: what it had before is lost, what it has now is ordered again (it ignores what it
//  has already).
static void s_on_caller(hf_dispatch_t *self, int number, uint64_t epoch) {
    size_t place = 0;
    self->callers[number].epoch = epoch;
    for (hf_hand_t *hand; (hand = hf_id_map_next(self->hands, &place));) {
        if (hand->stage == HF_HAND_CALLING && hand->caller == number) {
            if (hand->caller_epoch != epoch) {
                s_propose_lost(self, hand);
            } else if (!hand->in_line) {
                s_order(self, hand);
            }
        }
    }
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        s_mark(self, &self->lanes[i]);
    }
}

//  Attempts of callers that are no longer configured, and those that a full link kept from being declared lost. And orders that may
//  not have arrived: a caller that has one already ignores the second.
static void s_find_lost(hf_dispatch_t *self) {
    size_t place = 0;
    for (hf_hand_t *hand; (hand = hf_id_map_next(self->hands, &place));) {
        bool gone = hand->caller < 0 || (self->callers[hand->caller].epoch &&
                                         self->callers[hand->caller].epoch != hand->caller_epoch);
        if (hand->stage == HF_HAND_CALLING && gone) {
            s_propose_lost(self, hand);
        } else if (hand->in_line) {
            s_mark(self, hand->lane); //  It may have waited for too long
        } else if (hand->stage == HF_HAND_CALLING &&
                   self->callers[hand->caller].epoch == hand->caller_epoch &&
                   self->now - hand->ordered_at >= ORDER_AGAIN_MS) {
            s_order(self, hand);
        }
    }
}

//  Callers are unknown, and so get no orders, before this life is welcome: until then an earlier one may still have its say.
static void s_on_beat(void *context, const Hf__Beat *beat) {
    hf_dispatch_t *self = context;
    if (!hf_link_epoch(hf_proposer_link(self->proposer))) {
        return;
    }
    self->held = beat->hold_starts;
    for (size_t i = 0; i < beat->n_senders; i++) {
        int number = s_caller_number(self, beat->senders[i]->name);
        if (number >= 0 && beat->senders[i]->epoch > self->callers[number].epoch) {
            s_on_caller(self, number, beat->senders[i]->epoch);
        }
    }
    s_find_lost(self);
}

//  A caller has had good answers: a hint, which the facts of the outcomes will repeat. What a probe means is known by its fact only.
static void s_on_ended(hf_dispatch_t *self, const void *data, size_t size) {
    hf_id_t id;
    hf_arena_reset(self->arena);
    Hf__Attempts *message = hf__attempts__unpack(hf_arena_allocator(self->arena), size, data);
    if (!message) {
        hf_proposer_count_foreign(self->proposer);
        return;
    }
    for (size_t i = 0; i < message->n_orders; i++) {
        const Hf__AttemptOrder *ended = message->orders[i];
        hf_hand_t *hand = hf_id_from(&id, ended->id.data, ended->id.len) ? hf_id_map_get(self->hands, &id)
                                                                         : NULL;
        if (hand && hand->stage == HF_HAND_CALLING && hand->attempt == ended->attempt &&
            hand->caller_epoch == message->caller_epoch && !hand->probe) {
            hand->answered = true;
            hf_hand_leave_line(hand); //  An earlier life had ordered it
            s_give_place(self, hand);
        }
    }
}

static void s_on_rebuild(void *context) {
    ((hf_dispatch_t *)context)->rebuild = true;
}

//  ---- the core

hf_dispatch_t *hf_dispatch_new(const hf_core_setup_t *setup) {
    static const hf_proposer_handler_t handler = {s_on_fact, s_on_answer, s_on_beat, s_on_rebuild};
    hf_dispatch_t *self = hf_alloc(sizeof *self);
    self->config = setup->config;
    self->store = setup->store;
    self->arena = hf_arena_new(4 << 10);
    self->hands = hf_id_map_new();
    self->lanes = hf_alloc(setup->config->destinations_size * sizeof *self->lanes);
    self->dirty = hf_alloc(setup->config->destinations_size * sizeof *self->dirty);
    for (size_t i = 0; i < setup->config->destinations_size; i++) {
        self->lanes[i].destination = setup->config->destinations[i];
    }
    self->schedule = hf_schedule_new(setup->config->destinations_size);
    self->proposer = hf_proposer_new(setup, LINK_BYTES, &handler, self);
    s_replay(self);
    s_rebuild(self);
    return self;
}

void hf_dispatch_destroy(hf_dispatch_t **self_p) {
    assert(self_p);
    hf_dispatch_t *self = *self_p;
    if (self) {
        for (int i = 0; i < HF_CALLERS_MAX; i++) {
            for (size_t order = 0; order < self->callers[i].orders_size; order++) {
                free(self->callers[i].orders[order].id.data);
            }
            free(self->callers[i].orders);
        }
        size_t place = 0;
        for (hf_hand_t *hand; (hand = hf_id_map_next(self->hands, &place));) {
            free(hand);
        }
        hf_id_map_destroy(&self->hands);
        hf_arena_destroy(&self->arena);
        for (void *tag; (tag = hf_link_abandon(hf_proposer_link(self->proposer)));) {
            free(tag);
        }
        hf_proposer_destroy(&self->proposer);
        hf_schedule_destroy(&self->schedule);
        free(self->lanes);
        free(self->dirty);
        free(self);
        *self_p = NULL;
    }
}

static void s_receive(void *core, hf_from_t from, const void *data, size_t size, int64_t now) {
    hf_dispatch_t *self = core;
    self->now = now;
    if (from == HF_FROM_CALLER) {
        s_on_ended(self, data, size);
    } else {
        hf_proposer_receive(self->proposer, data, size, now);
    }
}

static void s_tick(void *core, int64_t now) {
    hf_dispatch_t *self = core;
    self->now = now;
    if (self->rebuild) {
        s_rebuild(self);
    }
    s_serve_lines(self);
    if (hf_link_is_live(hf_proposer_link(self->proposer), now)) {
        s_wake_lanes(self);
        s_look_at_all(self);
    }
    for (int i = 0; i < self->config->callers; i++) {
        s_send_orders(self, i);
    }
    hf_proposer_flush(self->proposer, now);
}

static int64_t s_next_deadline(void *core) {
    hf_dispatch_t *self = core;
    hf_link_t *link = hf_proposer_link(self->proposer);
    int64_t deadline = hf_link_next_deadline(link);
    if (self->held && !self->stopped && self->probe_at > self->now && hf_link_is_live(link, self->now)) {
        return self->probe_at < deadline ? self->probe_at : deadline;
    }
    if (self->stopped || !s_may_begin(self) || !hf_link_is_live(link, self->now)) {
        return deadline;
    }
    if (self->dirty_size) {
        return self->now;
    }
    int64_t next = hf_schedule_next(self->schedule);
    deadline = next < deadline ? next : deadline;
    return self->expiry_at < deadline ? self->expiry_at : deadline;
}

static hf_outbox_t *s_outbox(void *core) {
    return hf_proposer_outbox(((hf_dispatch_t *)core)->proposer);
}

static const char *s_failure(void *core) {
    return hf_proposer_failure(((hf_dispatch_t *)core)->proposer);
}

static void s_describe(void *core, hf_buf_t *json) {
    hf_dispatch_t *self = core;
    hf_buf_addf(json, "\"in_hand\":%zu,\"started\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"expired\":%" PRIu64 ",",
                hf_id_map_size(self->hands), self->started, self->lost, self->expired);
    hf_buf_addf(json, "\"held\":%s,", self->held ? "true" : "false");
    hf_proposer_describe(self->proposer, json);
}

const hf_core_ops_t hf_dispatch_ops = {s_receive, s_tick, s_next_deadline, s_outbox, s_failure, s_describe};

void hf_dispatch_stop(hf_dispatch_t *self) {
    self->stopped = true;
    for (size_t i = 0; i < self->config->destinations_size; i++) {
        s_mark(self, &self->lanes[i]); //  Who is in line goes back to the queue
    }
}

bool hf_dispatch_is_quiet(const hf_dispatch_t *self) {
    size_t place = 0;
    for (const hf_hand_t *hand; (hand = hf_id_map_next(self->hands, &place));) {
        if (hand->in_line && hand->own) {
            return false;
        }
    }
    return hf_link_unacked(hf_proposer_link(self->proposer)) == 0;
}
