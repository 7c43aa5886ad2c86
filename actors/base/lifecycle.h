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
 *  People see deciding as `waiting`: failed, and the failure actor is about to say when the next attempt is due.  */

#ifndef HF_LIFECYCLE_H
#define HF_LIFECYCLE_H

#include <stdbool.h>

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
    X(EXPIRED, "expired")

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
    X(RESOLVE, "resolve")

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

//  Whether it still moves by itself: accepted, calling, deciding, waiting.
bool hf_state_is_open(hf_state_t state);

//  Whether it waits for a person: dead, uncertain.
bool hf_state_is_held(hf_state_t state);

//  The word that people see; "none" for a number that is no state (class).
const char *hf_state_name(hf_state_t state);
const char *hf_class_name(hf_class_t class);
const char *hf_event_name(hf_event_t event);

//  The first state or class with that word, or NONE. "waiting" gives WAITING.
hf_state_t hf_state_parse(const char *word);
hf_class_t hf_class_parse(const char *word);

#endif
