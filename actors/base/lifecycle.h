/*  The lifecycle of a command: which state may follow which, on what. One table; the journal applies it, the documentation
 *  shows it, the tests walk it.
 *
 *                      submit
 *                        │
 *                        ▼            cancel ──▶ cancelled
 *            ┌───────▶ accepted ──┬── expire ──▶ expired
 *            │           │        └── give_up ─▶ dead
 *          retry       start
 *   (by a person)        ▼
 *            │        calling ── succeed ─▶ succeeded
 *            │           │
 *            │          fail (refused, failed, rejected, uncertain)
 *            │           ▼
 *            │        deciding ── retry_at ─▶ waiting ── start ─▶ calling
 *            │           ├────── give_up ──▶ dead      (waiting: cancel, expire, give_up as accepted)
 *            │           ├────── expire ───▶ expired
 *            │           ├────── cancel ───▶ cancelled
 *            │           └────── hold ─────▶ uncertain
 *            │
 *            └── dead, uncertain ── discard ─▶ discarded
 *                      └─────────── resolve ─▶ succeeded
 *
 *  Where a pipeline is ordered, and another command of the same key has its turn:
 *
 *          submit, and a person's retry: park ──▶ parked ── release ─▶ accepted      (parked: cancel, expire as accepted)
 *
 *  Where a call's outcome is unknown and its destination has a `probe`, the attempt that follows is an inquiry: start, calling and
 *  what comes after are the same, but it asks the third party what became of the call instead of calling again.
 *
 *          calling (a call) ── fail (uncertain) ─▶ deciding ── retry_at ─▶ waiting ── start ─▶ calling (an inquiry)
 *                    ▲                                ▲                       └─ hold ─▶ uncertain   (its deadline passed first)
 *                    │                                └── fail: not known yet ────────────────┤
 *                    └──── start ── waiting ◀── retry_at ── deciding ◀── fail: it was not ────┤
 *                                                       succeeded ◀── succeed: it was done ───┘
 *
 *  People see deciding as `waiting`: failed, and the failure actor is about to say when the next attempt is due; and parked as
 *  `accepted`: its turn comes when those before it are done.  */

#ifndef HF_LIFECYCLE_H
#define HF_LIFECYCLE_H

#include <stdbool.h>

enum {
    HF_PRIORITIES = 10,    //  0 to 9: 9 is the most urgent
    HF_PRIORITY_USUAL = 5, //  Where nobody says another one; records hold the difference to it
    HF_CRASHES_MAX = 3,    //  Attempts that took their caller down before the command counts as poison
};

//  The states, as CONTRACT names them; X (NAME, word that people see). The numbers are on disk: only append.
#define HF_STATE_LIST(X)                                                                                     \
    X(NONE, "none")                                                                                          \
    X(ACCEPTED, "accepted")                                                                                  \
    X(CALLING, "calling")                                                                                    \
    X(DECIDING, "waiting")                                                                                   \
    X(WAITING, "waiting")                                                                                    \
    X(UNCERTAIN, "uncertain")                                                                                \
    X(SUCCEEDED, "succeeded")                                                                                \
    X(DEAD, "dead")                                                                                          \
    X(CANCELLED, "cancelled")                                                                                \
    X(DISCARDED, "discarded")                                                                                \
    X(EXPIRED, "expired")                                                                                    \
    X(PARKED, "accepted")

//  What can happen to a command; X (NAME, word for traces).
#define HF_EVENT_LIST(X)                                                                                     \
    X(SUBMIT, "submit")                                                                                      \
    X(START, "start")                                                                                        \
    X(SUCCEED, "succeed")                                                                                    \
    X(FAIL, "fail")                                                                                          \
    X(RETRY_AT, "retry_at")                                                                                  \
    X(HOLD, "hold")                                                                                          \
    X(GIVE_UP, "give_up")                                                                                    \
    X(EXPIRE, "expire")                                                                                      \
    X(CANCEL, "cancel")                                                                                      \
    X(RETRY, "retry")                                                                                        \
    X(DISCARD, "discard")                                                                                    \
    X(RESOLVE, "resolve")                                                                                    \
    X(PARK, "park")                                                                                          \
    X(RELEASE, "release")

//  How an attempt ends, as CONTRACT names it; X (NAME, word). The numbers are on disk: only append.
#define HF_CLASS_LIST(X)                                                                                     \
    X(NONE, "none")                                                                                          \
    X(SUCCEEDED, "succeeded")                                                                                \
    X(REFUSED, "refused")                                                                                    \
    X(FAILED, "failed")                                                                                      \
    X(REJECTED, "rejected")                                                                                  \
    X(UNCERTAIN, "uncertain")

#define HF_ENUM_STATE(name, word) HF_STATE_##name,
#define HF_ENUM_EVENT(name, word) HF_EVENT_##name,
#define HF_ENUM_CLASS(name, word) HF_CLASS_##name,
typedef enum { HF_STATE_LIST(HF_ENUM_STATE) HF_STATES } hf_state_t;
typedef enum { HF_EVENT_LIST(HF_ENUM_EVENT) HF_EVENTS } hf_event_t;
typedef enum { HF_CLASS_LIST(HF_ENUM_CLASS) HF_CLASSES } hf_class_t;

//  The state after event in state, or HF_STATE_NONE where the table has no such arrow.
hf_state_t hf_lifecycle_next(hf_state_t state, hf_event_t event);

//  Whether a command in that state is done with by itself (it leaves after `keep`). Dead and uncertain ones are not: a
//  person decides.
bool hf_state_is_final(hf_state_t state);

//  Whether it still moves by itself: parked, accepted, calling, deciding, waiting.
bool hf_state_is_open(hf_state_t state);

//  Whether it waits for a person: dead, uncertain.
bool hf_state_is_held(hf_state_t state);

//  The state that people see it as: waiting for deciding, accepted for parked; else the same.
hf_state_t hf_state_shown(hf_state_t state);

//  The priority behind a record's `urgency`.
int hf_priority(int urgency);

//  The word that people see; "none" for a number that is no state (class).
const char *hf_state_name(hf_state_t state);
const char *hf_class_name(hf_class_t class);
const char *hf_event_name(hf_event_t event);

//  The state or class that people see under that word, or NONE. "waiting" gives WAITING.
hf_state_t hf_state_parse(const char *word);
hf_class_t hf_class_parse(const char *word);

#endif
