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
    const char
        *probe; //  What the third party does when it is asked what became of a call, or NULL: it is not
} failure_policy_t;

#define SOON "        immediate = 0\n        delay = 50ms\n        jitter = none\n"
#define LATE "        immediate = 0\n        delay = 10s\n        jitter = none\n"

//  PATIENT is no column: it is how a command comes to wait.
enum {
    TWICE,
    ONCE,
    HOLD,
    EXPIRES,
    GIVES_UP,
    LENIENT,
    FOREVER,
    WAS_DONE,
    WAS_NOT,
    POLICIES,
    PATIENT = POLICIES,
    POLICIES_ALL
};
static const failure_policy_t failure_policies[POLICIES_ALL] = {
    [TWICE] = {"twice", "", "    retry\n" SOON "        attempts = 2\n", NULL},
    [ONCE] = {"once", "", "    retry\n" SOON "        attempts = 1\n", NULL},
    [HOLD] = {"hold", "    on_uncertain = hold\n", "    retry\n" SOON "        attempts = 2\n", NULL},
    [EXPIRES] = {"expires", "", "    retry\n" LATE, "5s"},
    [GIVES_UP] = {"gives-up", "", "    retry\n" LATE "        deadline = 5s\n", NULL},
    [LENIENT] = {"lenient", "    reject = none\n", "    retry\n" SOON "        attempts = 2\n", NULL},
    [FOREVER] = {"forever", "", "    retry\n" SOON, NULL},
    [WAS_DONE] = {"was-done", "    on_uncertain = hold\n", "    retry\n" SOON "        attempts = 2\n", NULL,
                  "/status/200"},
    [WAS_NOT] = {"was-not", "    on_uncertain = hold\n", "    retry\n" SOON "        attempts = 2\n", NULL,
                 "/status/404"},
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
    hf_class_t class;    //  What the last one has told
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
    { DONE(1), DONE(1), DONE(1), DONE(1), DONE(1), DONE(1), DONE(1), DONE(1), DONE(1) }
#define USED_UP(attempts, class) DEAD(attempts, class, "all attempts are used up")
#define RETRYABLE(class)                                                                                     \
    {                                                                                                        \
        USED_UP(2, class), USED_UP(1, class), USED_UP(2, class), EXPIRED(2, class, "before its deadline"),   \
            DEAD(2, class, "before the retry deadline"), USED_UP(2, class), GOES_ON, USED_UP(2, class),      \
            USED_UP(2, class)                                                                                \
    }
//  Two policies ask what became of it: WAS_DONE hears that it was done; WAS_NOT that it was not, calls again, and asks again before it gives
//  up. Questions are attempts in the history, but use up none.
#define UNKNOWN                                                                                              \
    {                                                                                                        \
        USED_UP(2, UNCERTAIN), USED_UP(1, UNCERTAIN), UNSURE(1, "its outcome is unknown"),                   \
            EXPIRED(2, UNCERTAIN, "before its deadline"), DEAD(2, UNCERTAIN, "before the retry deadline"),   \
            USED_UP(2, UNCERTAIN), GOES_ON, DONE(2), USED_UP(4, FAILED)                                      \
    }

static const failure_row_t failure_rows[] = {
    {"ok", "/status/200", "5s", false, ALWAYS_DONE},
    {"created", "/status/201", "5s", false, ALWAYS_DONE},
    {"error", "/status/500", "5s", false, RETRYABLE(FAILED)},
    {"busy", "/status/429", "5s", false, RETRYABLE(FAILED)},
    {"not-now", "/retry-after/1", "5s", false, RETRYABLE(FAILED)},
    {"much-later",
     "/retry-after/60",
     "5s",
     false,
     {GOES_ON, USED_UP(1, FAILED), GOES_ON,
      EXPIRED(1, FAILED, "not to be called before its deadline (Retry-After)"),
      DEAD(1, FAILED, "not to be called before the retry deadline (Retry-After)"), GOES_ON, GOES_ON, GOES_ON,
      GOES_ON}},
    {"elsewhere", "/redirect", "5s", false, RETRYABLE(FAILED)},
    {"wrong",
     "/status/400",
     "5s",
     false,
     {DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"),
      DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"), USED_UP(2, FAILED),
      DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected"), DEAD(1, REJECTED, "rejected")}},
    {"nobody", "", "5s", false, RETRYABLE(REFUSED)},
    {"reset", "/reset", "5s", false, UNKNOWN},
    {"garbage", "/garbage", "5s", false, UNKNOWN},
    {"hangs", "/hang", "300ms", false, UNKNOWN},
    {"lost",
     "/hang",
     "20s",
     true,
     {USED_UP(2, UNCERTAIN), USED_UP(1, UNCERTAIN), UNSURE(1, "its outcome is unknown"), GOES_ON, GOES_ON,
      USED_UP(2, UNCERTAIN), DEAD(3, UNCERTAIN, "poison"), GOES_ON, GOES_ON}},
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
                                        const failure_policy_t *policy, const char *third, const char *more) {
    hf_buf_addf(zpl, "destination = %s\n    url = \"%s/{case}\"\n    timeout = %s\n%s", name, url, timeout,
                policy->destination);
    if (policy->probe) {
        hf_buf_addf(zpl, "    probe = \"GET %s%s/{case}\"\n", third, policy->probe);
    }
    hf_buf_addf(zpl, "pipeline = %s\n    destination = %s\n    key = \"{case}\"\n%s%s", name, name, more,
                policy->pipeline);
}

//  A pipeline for each row and policy, and two ordered ones. third: "http://HOST:PORT" of the stand-in, nobody: where nobody listens.
static inline void failure_write_pipelines(hf_buf_t *zpl, const char *third, const char *nobody) {
    char name[64], url[256];
    for (int row = 0; row < FAILURE_ROWS; row++) {
        const failure_row_t *one = &failure_rows[row];
        for (int policy = 0; policy < POLICIES_ALL; policy++) {
            failure_pipeline_name(name, one->name, policy);
            snprintf(url, sizeof url, "%s%s", *one->path ? third : nobody, one->path);
            failure_add_pipeline(zpl, name, url, one->timeout, &failure_policies[policy], third, "");
        }
    }
    failure_pipeline_name(name, "ordered", TWICE);
    failure_add_pipeline(zpl, name, third, "5s", &failure_policies[TWICE], third, "    ordered = 1\n");
    failure_pipeline_name(name, "ordered-wrong", TWICE);
    snprintf(url, sizeof url, "%s/status/400", third);
    failure_add_pipeline(zpl, name, url, "5s", &failure_policies[TWICE], third, "    ordered = 1\n");
}

#endif
