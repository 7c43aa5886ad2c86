/*  A destination's gate: whether an attempt may begin there now. What it says follows from the destination's durable record
 *  (records.proto: Destination); the journal changes that record, and lets no attempt begin that the gate forbids; dispatch reads it
 *  so that it does not ask in vain.
 *
 *      paused    a person says so, until a person says otherwise
 *      blocked   the third party asked not to be called before a time (Retry-After)
 *      circuit
 *                          open                    a probe fails: open, again for the cooldown
 *                 closed ────────▶ open ◀─────┐
 *                   ▲               │ ▲       │
 *             close │               │ └───────┘
 *                   │   ramp (a probe is answered)
 *                   │               ▼
 *                   └─────────── ramping ── open ──▶ open
 *
 *  Who decides: pause, resume: a person, through ingress. Open: failure, from the share of failures. Block, and what a probe's end means:
 *  the journal itself, with the outcome, for there is nothing to decide, and between the two no attempt shall begin. Close: dispatch, when
 *  what piled up has been called.
 *
 *  Retry-After and an answer of 429 are about pace, not about health: a 429 is no failure in the circuit's eyes.  */

#ifndef HF_GATE_H
#define HF_GATE_H

#include "records.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

//  X (NAME, word that people see). The numbers are on disk: only append.
#define HF_CIRCUIT_LIST(X)                                                                                   \
    X(CLOSED, "closed")                                                                                      \
    X(OPEN, "open")                                                                                          \
    X(RAMPING, "ramping")

//  What can happen to a destination; X (NAME, word in events' types). The numbers are on disk: only append.
#define HF_GATE_EVENT_LIST(X)                                                                                \
    X(NONE, "none")                                                                                          \
    X(PAUSE, "paused")                                                                                       \
    X(RESUME, "resumed")                                                                                     \
    X(BLOCK, "blocked")                                                                                      \
    X(OPEN, "opened")                                                                                        \
    X(RAMP, "ramping")                                                                                       \
    X(CLOSE, "closed")

#define HF_ENUM_CIRCUIT(name, word)    HF_CIRCUIT_##name,
#define HF_ENUM_GATE_EVENT(name, word) HF_GATE_##name,
typedef enum { HF_CIRCUIT_LIST(HF_ENUM_CIRCUIT) HF_CIRCUITS } hf_circuit_t;
typedef enum { HF_GATE_EVENT_LIST(HF_ENUM_GATE_EVENT) HF_GATE_EVENTS } hf_gate_event_t;

//  What a record says, as a value. All zeroes: nothing ever happened there, and attempts may begin.
typedef struct {
    bool paused;           //  By a person
    int64_t blocked_until; //  By the third party
    hf_circuit_t circuit;  //  Closed, open, ramping
    int64_t circuit_since; //  When that began
    uint64_t circuit_fact; //  The fact that changed it last
    int64_t probe_at;      //  Open: no probe before
    bool probing;          //  Open: a probe is under way
    double steady;         //  Calls a second before the outage, 0: not known
} hf_gate_t;

//  What it answers.
typedef enum {
    HF_MAY_BEGIN, //  An attempt may begin
    HF_MAY_PROBE, //  One may, and it is the probe
    HF_MAY_LATER, //  None before a time
    HF_MAY_NOT,   //  None before something happens
} hf_may_t;

//  NULL: there is no record.
hf_gate_t hf_gate_read(const Hf__Destination *record);

//  Whether an attempt may begin at that time; LATER: from when on.
hf_may_t hf_gate_may(const hf_gate_t *self, int64_t now, int64_t *when);

//  Why nothing begins now, for people: "the destination is paused"; "" where something may.
const char *hf_gate_reason(const hf_gate_t *self, int64_t now);

//  What an event changes besides the event itself.
typedef struct {
    hf_gate_event_t event; //  What happens
    int64_t until;         //  BLOCK: the time that the third party named
    const char *who;       //  PAUSE: who
    const char *reason;    //  OPEN: why
    int64_t cooldown_ms;   //  OPEN: how long, and after each failed probe; 0: as it is (a probe failed)
    double steady;         //  OPEN: calls a second before; 0: as it is
} hf_gate_change_t;

//  Changes the record; strings and bytes are taken over as pointers. False: that is true already, or cannot happen to it, and nothing was
//  changed.
bool hf_gate_change(Hf__Destination *record, const hf_gate_change_t *change, int64_t now);

//  The words; "none" for a number that is none.
const char *hf_circuit_name(uint32_t circuit);
const char *hf_gate_event_name(uint32_t event);

//  The event of that word, or NONE.
hf_gate_event_t hf_gate_event_parse(const char *word);

#endif
