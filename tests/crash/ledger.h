/*  What was acknowledged, against what the third party saw and what the journal says. The checker of the crash test.  */

#ifndef CRASH_LEDGER_H
#define CRASH_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t acknowledged; //  Ids that clients hold a 202 for
    uint64_t calls;        //  Calls that the third party logged
    uint64_t duplicates;   //  Calls of a command beyond its first
    uint64_t uncertain;    //  Attempts that the journal recorded as uncertain
    uint64_t replays;      //  Requests that were sent more than once and got one id
    uint64_t violations;   //  Broken promises, each told on stderr
    uint64_t ordered;      //  Calls that were held against the order of their key
    uint64_t hot;          //  Of these, of the key "hot"
    int64_t others_p99_ms; //  From acceptance to the first call, all keys but the hot one
    int64_t hot_p99_ms;    //  The same of that
} ledger_t;

//  Holds the load generator's acknowledgements and the stand-in's log against the journal in state_dir (no node may be running).
//  Each acknowledged id must have succeeded, have been called with exactly its body, and not more often than the journal's attempts
//  say; what was called twice must have an uncertain attempt; each Idempotency-Key has one command. False where it could not be done.
//  hot > 0: each key must have been called in the order in which its commands were accepted, and the key "hot" by the numbers 0 to hot-1
//  that its paths end in, each until it succeeded.
bool ledger_check(ledger_t *self, const char *acks, const char *log, const char *state_dir, long hot);

#endif
