/*  How often each fault was met, and in which states commands were at that moment: what the simulator really
 * tried. Over all seeds of a run.  */

#ifndef SIM_COVERAGE_H
#define SIM_COVERAGE_H

#include "base/lifecycle.h"

//  X (NAME, words)
#define SIM_FAULT_LIST(X)                                                                                    \
    X(PROPOSALS_LOST, "proposals lost")                                                                      \
    X(PROPOSALS_DOUBLED, "proposals doubled")                                                                \
    X(PROPOSALS_LATE, "proposals late")                                                                      \
    X(PROPOSALS_REORDERED, "proposals out of order")                                                         \
    X(PUBLICATION_LOST, "publication lost")                                                                  \
    X(PUBLICATION_DOUBLED, "publication doubled")                                                            \
    X(PUBLICATION_LATE, "publication late")                                                                  \
    X(PUBLICATION_REORDERED, "publication out of order")                                                     \
    X(ORDERS_LOST, "orders lost")                                                                            \
    X(ORDERS_DOUBLED, "orders doubled")                                                                      \
    X(ORDERS_LATE, "orders late")                                                                            \
    X(SUBSCRIBER_AWAY, "subscriber disconnected")                                                            \
    X(QUEUE_FULL, "queue full")                                                                              \
    X(CONNECTION_BROKEN, "lost with a connection")                                                           \
    X(ANSWER_LOST, "client misses the answer")                                                               \
    X(CRASH_INGRESS, "ingress crashes")                                                                      \
    X(CRASH_DISPATCH, "dispatch crashes")                                                                    \
    X(CRASH_FAILURE, "failure crashes")                                                                      \
    X(CRASH_EVENTS, "events crashes")                                                                        \
    X(CRASH_CALL, "a caller crashes")                                                                        \
    X(CRASH_JOURNAL, "journal crashes")                                                                      \
    X(CRASH_BEFORE_COMMIT, "journal, before commit")                                                         \
    X(CRASH_AFTER_COMMIT, "journal, after commit")                                                           \
    X(CRASH_TREE, "the whole tree crashes")                                                                  \
    X(CLOCK_SET, "clock set over a restart")                                                                 \
    X(HANG, "an actor hangs")                                                                                \
    X(HANG_JOURNAL, "journal hangs")                                                                         \
    X(ZOMBIE, "a replaced life speaks again")                                                                \
    X(FENCED, "a life sees that it is fenced")                                                               \
    X(COMMIT_LOST, "commit fails, lost")                                                                     \
    X(COMMIT_KEPT, "commit fails, yet kept")                                                                 \
    X(WRITE_FAILS, "write fails")                                                                            \
    X(MAP_FULL, "map full")                                                                                  \
    X(IN_PARTS, "a batch in parts")                                                                          \
    X(BEGINS_FULL, "journal begins full")                                                                    \
    X(STARTS_HELD, "starts held: reserve low")                                                               \
    X(JOURNAL_FULL, "journal full")                                                                          \
    X(THIRD_SLOW, "third party slow")                                                                        \
    X(THIRD_HANGS, "third party hangs")                                                                      \
    X(THIRD_REFUSES, "third party refuses")                                                                  \
    X(THIRD_5XX, "third party fails")                                                                        \
    X(THIRD_4XX, "third party rejects")                                                                      \
    X(THIRD_RESETS, "third party resets")                                                                    \
    X(THIRD_RETRY_AFTER, "third party asks to wait")                                                         \
    X(AHEAD, "started ahead of a place")                                                                     \
    X(GIVEN_BACK, "started, and not called")                                                                 \
    X(ATTEMPT_LOST, "attempt lost with its caller")                                                          \
    X(ASKED_DONE, "asked: it was done")                                                                      \
    X(ASKED_NOT_DONE, "asked: it was not")                                                                   \
    X(ASKED_UNKNOWN, "asked: not known yet")                                                                 \
    X(REPLAY, "client sends the same again")                                                                 \
    X(BATCH, "batch")                                                                                        \
    X(CONFLICT, "same key, other body")                                                                      \
    X(CANCEL, "cancel")                                                                                      \
    X(RETRY, "retry")                                                                                        \
    X(RETRY_BODY, "retry with another body")                                                                 \
    X(DISCARD, "discard")                                                                                    \
    X(JOB, "a job decides")                                                                                  \
    X(JOB_PATCHES, "a job patches")                                                                          \
    X(JOB_CANCELLED, "a job is cancelled")                                                                   \
    X(RESOLVE, "resolve")                                                                                    \
    X(SETTLED, "settled without a journal")                                                                  \
    X(PAUSED, "destination paused")                                                                          \
    X(RESUMED, "destination resumed")                                                                        \
    X(BLOCKED, "destination blocked (Retry-After)")                                                          \
    X(PARKED, "parked behind its key")                                                                       \
    X(PARKED_AGAIN, "retried, and parked")                                                                   \
    X(OVERTAKEN, "dead or held, overtaken")                                                                  \
    X(KEY_BLOCKED, "dead or held, its key too")                                                              \
    X(CIRCUIT_OPENED, "circuit opened")                                                                      \
    X(RAMPED, "circuit ramped up")                                                                           \
    X(CIRCUIT_CLOSED, "circuit closed")                                                                      \
    X(TRIMMED, "finished command left")                                                                      \
    X(GAP, "follower reads a gap")                                                                           \
    X(REBUILT, "facts gone before followed")

#define SIM_FAULT_ENUM(name, words) SIM_FAULT_##name,
typedef enum { SIM_FAULT_LIST(SIM_FAULT_ENUM) SIM_FAULTS } sim_fault_t;

//  Counts the fault; counts[state] tells how many commands are in each state now.
void sim_cover(sim_fault_t fault, const unsigned counts[HF_STATES]);

//  Prints the table; returns how many faults never happened.
unsigned sim_coverage_print(void);

#endif
