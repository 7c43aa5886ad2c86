/*  What becomes of a command: every way in which an attempt can end × every policy, and every state × everything that a person can ask
 *  for. One table: tests/process/failure_table_test.c walks it with the real tree and the stand-in, tests/unit/failure_table_test.c
 *  with the real cores in virtual time. Whoever changes a rule changes a cell here.  */

#ifndef FAILURE_TABLE_H
#define FAILURE_TABLE_H

#include "base/buf.h"
#include "base/lifecycle.h"

#include <stdio.h>

//  ---- policies: the columns

typedef struct {
    const char *name;        //  Part of the pipeline's name
    const char *destination; //  Lines of its destination's block
    const char *pipeline;    //  Lines of its pipeline's block
    const char *deadline;    //  Holdfast-Deadline of its commands, or NULL
} failure_policy_t;

#define SOON "        immediate = 0\n        delay = 50ms\n        jitter = none\n"
#define LATE "        immediate = 0\n        delay = 10s\n        jitter = none\n"

//  PATIENT is no column: it is how a command comes to wait.
enum { TWICE, ONCE, HOLD, EXPIRES, GIVES_UP, LENIENT, FOREVER, POLICIES, PATIENT = POLICIES, POLICIES_ALL };
static const failure_policy_t failure_policies[POLICIES_ALL] = {
    [TWICE] = {"twice", "", "    retry\n" SOON "        attempts = 2\n", NULL},
    [ONCE] = {"once", "", "    retry\n" SOON "        attempts = 1\n", NULL},
    [HOLD] = {"hold", "    on_uncertain = hold\n", "    retry\n" SOON "        attempts = 2\n", NULL},
    [EXPIRES] = {"expires", "", "    retry\n" LATE, "5s"},
    [GIVES_UP] = {"gives-up", "", "    retry\n" LATE "        deadline = 5s\n", NULL},
    [LENIENT] = {"lenient", "    reject = none\n", "    retry\n" SOON "        attempts = 2\n", NULL},
    [FOREVER] = {"forever", "", "    retry\n" SOON, NULL},
    [PATIENT] =
        {"patient", "",
         "    retry\n        immediate = 0\n        delay = 1h\n        cap = 1h\n        jitter = none\n",
         NULL},
};

//  ---- how an attempt ends: the rows

//  What has become of the command; state NONE: nobody waits for it (it goes on for ever, or a restart decides whether it is in time). Where
//  the next delay leads over a deadline, one last attempt is made before it.
typedef struct {
    hf_state_t state;    //  In the end
    uint32_t attempts;   //  Made
    hf_class_t class;    //  Of the last one
    const char *because; //  Part of the reason
} failure_end_t;

typedef struct {
    const char *name;    //  Part of the pipeline's name
    const char *path;    //  What the stand-in does, in its own words (standin/moods.h); "" nobody listens
    const char *timeout; //  Of an attempt
    bool lost;           //  The caller is killed during every attempt
    failure_end_t ends[POLICIES]; //  By policy
} failure_row_t;

#define DEAD(attempts, class, because)                                                                       \
    { HF_STATE_DEAD, attempts, HF_CLASS_##class, because }
#define UNSURE(attempts, because)                                                                            \
    { HF_STATE_UNCERTAIN, attempts, HF_CLASS_UNCERTAIN, because }
#define EXPIRED(attempts, class, because)                                                                    \
    { HF_STATE_EXPIRED, attempts, HF_CLASS_##class, because }
#define DONE(attempts)                                                                                       \
    { HF_STATE_SUCCEEDED, attempts, HF_CLASS_SUCCEEDED, "" }
#define GOES_ON                                                                                              \
    { HF_STATE_NONE, 0, HF_CLASS_NONE, "" }

#define ALWAYS_DONE                                                                                          \
    { DONE(1), DONE(1), DONE(1), DONE(1), DONE(1), DONE(1), DONE(1) }
#define RETRYABLE(class)                                                                                     \
    {                                                                                                        \
        DEAD(2, class, "all attempts are used up"), DEAD(1, class, "all attempts are used up"),              \
            DEAD(2, class, "all attempts are used up"), EXPIRED(2, class, "before its deadline"),            \
            DEAD(2, class, "before the retry deadline"), DEAD(2, class, "all attempts are used up"), GOES_ON \
    }
#define UNKNOWN(late, later, forever)                                                                        \
    {                                                                                                        \
        DEAD(2, UNCERTAIN, "all attempts are used up"), DEAD(1, UNCERTAIN, "all attempts are used up"),      \
            UNSURE(1, "its outcome is unknown"), late, later,                                                \
            DEAD(2, UNCERTAIN, "all attempts are used up"), forever                                          \
    }

static const failure_row_t failure_rows[] = {
    {"ok", "/status/200", "5s", false, ALWAYS_DONE},
    {"created", "/status/201", "5s", false, ALWAYS_DONE},
    {"error", "/status/500", "5s", false, RETRYABLE(FAILED)},
    {"busy", "/status/429", "5s", false, RETRYABLE(FAILED)},
    {"not-now", "/retry-after/1", "5s", false, RETRYABLE(FAILED)},
    {"elsewhere", "/redirect", "5s", false, RETRYABLE(FAILED)},
    {"wrong",
     "/status/400",
     "5s",
     false,
     {DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"),
      DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"),
      DEAD(2, FAILED, "all attempts are used up"), DEAD(1, REJECTED, "rejected")}},
    {"nobody", "", "5s", false, RETRYABLE(REFUSED)},
    {"reset", "/reset", "5s", false,
     UNKNOWN(EXPIRED(2, UNCERTAIN, "before its deadline"), DEAD(2, UNCERTAIN, "before the retry deadline"),
             GOES_ON)},
    {"garbage", "/garbage", "5s", false,
     UNKNOWN(EXPIRED(2, UNCERTAIN, "before its deadline"), DEAD(2, UNCERTAIN, "before the retry deadline"),
             GOES_ON)},
    {"hangs", "/hang", "300ms", false,
     UNKNOWN(EXPIRED(2, UNCERTAIN, "before its deadline"), DEAD(2, UNCERTAIN, "before the retry deadline"),
             GOES_ON)},
    {"lost", "/hang", "20s", true, UNKNOWN(GOES_ON, GOES_ON, DEAD(3, UNCERTAIN, "poison"))},
};
enum { FAILURE_ROWS = sizeof failure_rows / sizeof *failure_rows };

//  ---- what a person can ask for, by state

typedef enum { ASK_CANCEL, ASK_RETRY, ASK_DISCARD, ASK_RESOLVE, ASKS } failure_ask_t;
static const hf_event_t failure_events[ASKS] = {HF_EVENT_CANCEL, HF_EVENT_RETRY, HF_EVENT_DISCARD,
                                                HF_EVENT_RESOLVE};

//  How a command comes into a state: by the pipeline of a row and a policy, and what is done to it first.
typedef struct {
    hf_state_t state;       //  Which, inside
    const char *row;        //  Of failure_rows, or "ordered"
    int policy;             //  Of failure_policies
    const char *not_before; //  Holdfast-Not-Before, or NULL
    hf_event_t first;       //  Asked for first; SUBMIT: nothing
    hf_state_t after[ASKS]; //  What it is afterwards; NONE: refused with 409, and it stays as it is
} failure_state_t;

#define NO HF_STATE_NONE
static const failure_state_t failure_states[] = {
    {HF_STATE_ACCEPTED, "ok", TWICE, "1h", HF_EVENT_SUBMIT, {HF_STATE_CANCELLED, NO, NO, NO}},
    {HF_STATE_PARKED, "ordered", TWICE, "1h", HF_EVENT_SUBMIT, {HF_STATE_CANCELLED, NO, NO, NO}},
    {HF_STATE_CALLING, "lost", FOREVER, NULL, HF_EVENT_SUBMIT, {NO, NO, NO, NO}},
    {HF_STATE_WAITING, "error", PATIENT, NULL, HF_EVENT_SUBMIT, {HF_STATE_CANCELLED, NO, NO, NO}},
    {HF_STATE_UNCERTAIN,
     "reset",
     HOLD,
     NULL,
     HF_EVENT_SUBMIT,
     {NO, HF_STATE_ACCEPTED, HF_STATE_DISCARDED, HF_STATE_SUCCEEDED}},
    {HF_STATE_DEAD,
     "wrong",
     TWICE,
     NULL,
     HF_EVENT_SUBMIT,
     {NO, HF_STATE_ACCEPTED, HF_STATE_DISCARDED, HF_STATE_SUCCEEDED}},
    {HF_STATE_SUCCEEDED, "ok", TWICE, NULL, HF_EVENT_SUBMIT, {NO, NO, NO, NO}},
    {HF_STATE_CANCELLED, "ok", TWICE, "1h", HF_EVENT_CANCEL, {NO, NO, NO, NO}},
    {HF_STATE_DISCARDED, "wrong", TWICE, NULL, HF_EVENT_DISCARD, {NO, NO, NO, NO}},
    {HF_STATE_EXPIRED, "error", EXPIRES, NULL, HF_EVENT_SUBMIT, {NO, NO, NO, NO}},
};
#undef NO
enum { FAILURE_STATES = sizeof failure_states / sizeof *failure_states };

//  ---- the pipelines of it all

static inline void failure_pipeline_name(char name[64], const char *row, int policy) {
    snprintf(name, 64, "%s.%s", row, failure_policies[policy].name);
}

//  One pair of blocks. url: of the third party, without a '/' at its end.
static inline void failure_add_pipeline(hf_buf_t *zpl, const char *name, const char *url, const char *timeout,
                                        const failure_policy_t *policy, const char *more) {
    hf_buf_addf(zpl,
                "destination = %s\n    url = \"%s/{case}\"\n    timeout = %s\n%s"
                "pipeline = %s\n    destination = %s\n    key = \"{case}\"\n%s%s",
                name, url, timeout, policy->destination, name, name, more, policy->pipeline);
}

//  A pipeline for each row and policy, and an ordered one. third: "http://HOST:PORT" of the stand-in, nobody: where nobody listens.
static inline void failure_write_pipelines(hf_buf_t *zpl, const char *third, const char *nobody) {
    char name[64], url[256];
    for (int row = 0; row < FAILURE_ROWS; row++) {
        const failure_row_t *one = &failure_rows[row];
        for (int policy = 0; policy < POLICIES_ALL; policy++) {
            failure_pipeline_name(name, one->name, policy);
            snprintf(url, sizeof url, "%s%s", *one->path ? third : nobody, one->path);
            failure_add_pipeline(zpl, name, url, one->timeout, &failure_policies[policy], "");
        }
    }
    failure_pipeline_name(name, "ordered", TWICE);
    failure_add_pipeline(zpl, name, third, "5s", &failure_policies[TWICE], "    ordered = 1\n");
}

#endif
