/*  Happy path: arrivals become submissions, one moment for all of a millisecond; calls meet the model of the
 *  third party, whose answers are moments, too; facts are counted. It ends when the last client has come and
 *  nothing is open.  */

#include "simulate/forecast.h"

#include "simulate/node.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEEP_MS = 2000,           //  Finished commands leave the file soon: it is as large as the backlog
    PROGRESS_EVERY = 1 << 14, //  Moments between two looks of on_progress
};

static const int64_t s_begin_ms = INT64_C(1700000000000); //  14 November 2023

//  What is planned beside the node's own moments.
enum { ARRIVALS = HF_NODE_KINDS, ANSWER, FREE_LIST_END = UINT32_MAX };

//  A call under way: what its caller will see.
typedef struct {
    uint32_t player;         //  Who calls
    uint32_t next;           //  In the list of free places
    uint64_t ticket;         //  Its name there
    hf_call_result_t result; //  How it ends
} call_t;

typedef struct {
    const hf_forecast_plan_t *plan; //  What is asked
    hf_timeline_t timeline;         //  What comes
    hf_node_t *node;                //  Who is asked
    hf_third_t *third;              //  Who is called
    hf_tally_t *tally;              //  What became of it
    hf_arrivals_t arrivals;         //  Who comes
    double next_ms;                 //  The next of them; -1: none any more
    uint64_t submissions;           //  So many have come
    char **fields;                  //  Names that the body needs, as JSON writes them
    size_t fields_size;             //  How many
    hf_buf_t body;                  //  Of the newest submission
    call_t *calls;                  //  Places of calls under way
    size_t calls_size;              //  How many
    uint32_t free;                  //  The first free place
    int64_t now;                    //  Virtual time
} forecast_t;

//  ---- bodies

static void s_add_field(forecast_t *self, const char *name) {
    json_t *string = json_string(name);
    char *text = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    for (size_t i = 0; i < self->fields_size; i++) {
        if (strcmp(self->fields[i], text) == 0) {
            free(text);
            return;
        }
    }
    self->fields = realloc(self->fields, (self->fields_size + 1) * sizeof *self->fields);
    assert(self->fields && "out of memory");
    self->fields[self->fields_size++] = text;
}

static void s_add_fields(forecast_t *self, const hf_template_t *template) {
    const char *name;
    for (size_t i = 0; template && (name = hf_template_hole(template, i)); i++) {
        s_add_field(self, name);
    }
}

//  The smallest body that its templates can be filled from.
static void s_make_body(forecast_t *self) {
    uint64_t number = self->plan->keys ? self->submissions % self->plan->keys : self->submissions;
    hf_buf_clear(&self->body);
    hf_buf_addf(&self->body, "{");
    for (size_t i = 0; i < self->fields_size; i++) {
        hf_buf_addf(&self->body, "%s%s:\"%" PRIu64 "\"", i ? "," : "", self->fields[i], number);
    }
    hf_buf_addf(&self->body, "}");
}

//  ---- clients

static void s_plan_arrivals(forecast_t *self) {
    if (self->next_ms >= 0) {
        hf_timeline_plan(&self->timeline,
                         (hf_moment_t){.at = s_begin_ms + (int64_t)self->next_ms, .kind = ARRIVALS});
    }
}

static void s_submit(forecast_t *self) {
    hf_problem_t problem;
    self->submissions++;
    s_make_body(self);
    hf_submission_t submission = {.pipeline = self->plan->pipeline->name,
                                  .body = self->body.data,
                                  .body_size = self->body.size,
                                  .content_type = "application/json"};
    if (hf_node_submit(self->node, &submission, self->now, &problem)) {
        hf_tally_refused(self->tally);
    }
}

//  All of this millisecond.
static void s_arrive(forecast_t *self) {
    double end = floor(self->next_ms) + 1;
    while (self->next_ms >= 0 && self->next_ms < end) {
        s_submit(self);
        self->next_ms = hf_arrivals_next(&self->arrivals);
    }
    s_plan_arrivals(self);
}

static void s_on_answer(void *context, const hf_answer_t *answer) {
    if (answer->kind == HF_ANSWER_REFUSED) {
        hf_tally_refused(((forecast_t *)context)->tally);
    }
}

//  ---- calls

static uint32_t s_place(forecast_t *self) {
    if (self->free == FREE_LIST_END) {
        size_t size = self->calls_size ? self->calls_size * 2 : 64;
        self->calls = realloc(self->calls, size * sizeof *self->calls);
        assert(self->calls && size < FREE_LIST_END && "out of memory");
        for (size_t i = size; i-- > self->calls_size;) {
            self->calls[i].next = self->free;
            self->free = (uint32_t)i;
        }
        self->calls_size = size;
    }
    uint32_t place = self->free;
    self->free = self->calls[place].next;
    return place;
}

static void s_on_call(void *context, uint32_t player, const hf_call_request_t *request) {
    forecast_t *self = context;
    uint32_t place = s_place(self);
    call_t *call = &self->calls[place];
    call->player = player;
    call->ticket = request->ticket;
    hf_tally_call(self->tally);
    int64_t after_ms = hf_third_call(self->third, self->now, request->destination->timeout_ms, &call->result);
    hf_timeline_plan(&self->timeline, (hf_moment_t){.at = self->now + after_ms, .kind = ANSWER, .a = place});
}

static void s_finish(forecast_t *self, uint32_t place) {
    call_t call = self->calls[place];
    self->calls[place].next = self->free;
    self->free = place;
    hf_node_answer(self->node, call.player, call.ticket, &call.result, self->now);
}

static bool s_on_fact(void *context, const Hf__Fact *fact) {
    hf_tally_fact(((forecast_t *)context)->tally, fact);
    return true;
}

//  ---- from beginning to end

static void s_do(forecast_t *self, const hf_moment_t *moment) {
    self->now = moment->at;
    hf_tally_advance(self->tally, self->now);
    if (moment->kind == ARRIVALS) {
        s_arrive(self);
    } else if (moment->kind == ANSWER) {
        s_finish(self, moment->a);
    } else {
        hf_node_do(self->node, moment);
    }
}

//  Nobody comes any more, all is answered, nothing moves.
static bool s_is_over(const forecast_t *self) {
    const hf_phase_tally_t *whole = &self->tally->whole;
    return self->next_ms < 0 && self->tally->open == 0 &&
           whole->accepted + whole->refused == self->submissions;
}

static int s_run(forecast_t *self, hf_error_t *error) {
    const hf_forecast_plan_t *plan = self->plan;
    hf_moment_t moment;
    for (uint64_t step = 1; !s_is_over(self); step++) {
        if (!hf_timeline_next(&self->timeline, s_begin_ms + plan->until_ms, &moment)) {
            break;
        }
        s_do(self, &moment);
        if (hf_node_failure(self->node)) {
            return hf_error_set(error, "%s", hf_node_failure(self->node));
        }
        if (step % PROGRESS_EVERY == 0 && plan->on_progress &&
            !plan->on_progress(plan->context, self->tally)) {
            return hf_error_set(error, "it was ended");
        }
    }
    return 0;
}

static int s_begin(forecast_t *self, hf_store_t *store, hf_error_t *error) {
    const hf_forecast_plan_t *plan = self->plan;
    hf_rng_t rng = {.seed = plan->seed};
    hf_node_setup_t setup = {.config = plan->config,
                             .store = store,
                             .timeline = &self->timeline,
                             .now = s_begin_ms,
                             .commit_ms = plan->commit_ms,
                             .keep_ms = KEEP_MS,
                             .seed = hf_rng_next(&rng),
                             .on_fact = s_on_fact,
                             .on_call = s_on_call,
                             .on_answer = s_on_answer,
                             .context = self};
    self->tally = hf_tally_new(s_begin_ms, &plan->third, plan->arrivals.until_ms);
    self->third = hf_third_new(&plan->third, s_begin_ms, hf_rng_next(&rng));
    self->arrivals = (hf_arrivals_t){.plan = &plan->arrivals, .rng.seed = hf_rng_next(&rng)};
    s_add_fields(self, plan->pipeline->key);
    s_add_fields(self, plan->pipeline->destination->url);
    s_add_fields(self, plan->pipeline->destination->probe);
    self->next_ms = hf_arrivals_next(&self->arrivals);
    s_plan_arrivals(self);
    self->node = hf_node_new(&setup, error);
    return self->node ? 0 : -1;
}

hf_tally_t *hf_forecast_run(const hf_forecast_plan_t *plan, hf_store_t *store, hf_error_t *error) {
    forecast_t self = {.plan = plan, .free = FREE_LIST_END, .now = s_begin_ms};
    if (s_begin(&self, store, error) || s_run(&self, error)) {
        hf_tally_destroy(&self.tally);
    }
    hf_node_destroy(&self.node);
    hf_third_destroy(&self.third);
    hf_timeline_free(&self.timeline);
    for (size_t i = 0; i < self.fields_size; i++) {
        free(self.fields[i]);
    }
    free(self.fields);
    hf_buf_free(&self.body);
    free(self.calls);
    return self.tally;
}
