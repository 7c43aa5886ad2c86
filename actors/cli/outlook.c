#include "cli/outlook.h"

#include "base/units.h"
#include "cli/fields.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "simulate/plot.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL = HF_PLOT_SPAN, //  Bytes of one cell of the table
    BARS_MAX = 100,      //  Columns of the picture in characters
    BARS_LEFT = 12,      //  Columns of a name before it
    BARS_RIGHT = 16,     //  And of its greatest value behind it
};

static double s_rate(const hf_scenario_t *self, size_t step) {
    return self->plan.arrivals.steps[step].per_second * (double)self->scale;
}

//  ---- what was asked

void hf_outlook_title(const hf_scenario_t *self, char *out, size_t size) {
    const hf_arrivals_plan_t *arrivals = &self->plan.arrivals;
    char rate[32], span[HF_PLOT_SPAN];
    hf_rate_format(s_rate(self, 0), rate);
    hf_plot_span(arrivals->until_ms, span);
    snprintf(out, size, "%s: %s%s for %s", self->plan.pipeline->name, s_rate(self, 0) > 0 ? rate : "0/s",
             arrivals->size > 1 ? " and other rates" : "", span);
}

static void s_print_third(const hf_scenario_t *self, FILE *file) {
    static const char *const overloads[] = {"the rest waits there", "the rest gets 429", "the rest gets 503"};
    const hf_third_plan_t *third = &self->plan.third;
    double scale = (double)self->scale;
    char span[HF_PLOT_SPAN], rate[32];
    hf_plot_span((int64_t)third->median_ms, span);
    fprintf(file, "third party    answers in %s", span);
    if (third->p99_ms > third->median_ms) {
        hf_plot_span((int64_t)third->p99_ms, span);
        fprintf(file, " (p99 %s)", span);
    }
    if (third->at_once) {
        fprintf(file, ", bears %.0f at once", third->at_once * scale);
    }
    if (third->rate > 0) {
        hf_rate_format(third->rate * scale, rate);
        fprintf(file, ", bears %s", rate);
    }
    if (third->at_once || third->rate > 0) {
        fprintf(file, ", %s", overloads[third->overload]);
    }
    for (size_t i = 0; i < third->failures_size; i++) {
        fprintf(file, ", %g %% get %d", third->failures[i].share * 100, third->failures[i].status);
    }
    if (third->retry_after_s >= 0) {
        fprintf(file, ", Retry-After: %d", third->retry_after_s);
    }
    fputc('\n', file);
}

static void s_print_outages(const hf_scenario_t *self, FILE *file) {
    static const char *const kinds[] = {"refuses connections", "hangs", "answers 503"};
    const hf_third_plan_t *third = &self->plan.third;
    for (size_t i = 0; i < third->outages_size; i++) {
        char from[HF_PLOT_SPAN], length[HF_PLOT_SPAN];
        hf_plot_span(third->outages[i].from, from);
        hf_plot_span(third->outages[i].until - third->outages[i].from, length);
        fprintf(file, "outage         %s from %s on: it %s\n", length, from, kinds[third->kind]);
    }
}

static void s_print_question(const hf_scenario_t *self, FILE *file) {
    const hf_destination_t *destination = self->plan.pipeline->destination;
    char title[256], rate[32];
    hf_outlook_title(self, title, sizeof title);
    fprintf(file, "%s%s%s\n\n", hf_terminal_bold(), title, hf_terminal_plain());
    fprintf(file, "destination    %s, concurrency %" PRIu64, destination->name,
            (uint64_t)destination->concurrency * self->scale);
    if (destination->rate > 0) {
        hf_rate_format(destination->rate * (double)self->scale, rate);
        fprintf(file, ", rate %s", rate);
    }
    fputc('\n', file);
    s_print_third(self, file);
    s_print_outages(self, file);
    fprintf(file, "seed           %" PRIu64, self->plan.seed);
    if (self->scale > 1) {
        fprintf(file, ", simulated at 1/%" PRIu64 ": counts are multiplied", self->scale);
    }
    fputs("\n\n", file);
}

//  ---- the table

static const struct {
    hf_column_t column; //  As the table wants it
    size_t offset;      //  Of its count in a phase
} s_counts[] = {{{"accepted", 0, true, false}, offsetof(hf_phase_tally_t, accepted)},
                {{"calls", 0, true, false}, offsetof(hf_phase_tally_t, calls)},
                {{"retries", 7, true, false}, offsetof(hf_phase_tally_t, retries)},
                {{"succeeded", 0, true, false}, offsetof(hf_phase_tally_t, succeeded)},
                {{"dead", 0, true, false}, offsetof(hf_phase_tally_t, dead)},
                {{"peak open", 0, true, false}, offsetof(hf_phase_tally_t, peak)}};
enum { COUNTS = sizeof s_counts / sizeof *s_counts, BEFORE = 2, COLUMNS = BEFORE + COUNTS + 3 };

static uint64_t s_count(const hf_scenario_t *self, const hf_phase_tally_t *phase, size_t number) {
    uint64_t count;
    memcpy(&count, (const char *)phase + s_counts[number].offset, sizeof count);
    return count * self->scale;
}

static void s_add_row(const hf_scenario_t *self, hf_table_t *table, const hf_phase_tally_t *phase,
                      const char *name) {
    static const double quantiles[] = {0.5, 0.99, 1};
    char cells[COLUMNS][CELL];
    const char *texts[COLUMNS];
    snprintf(cells[0], CELL, "%s", name);
    hf_plot_span(phase->from_ms, cells[1]);
    for (size_t i = 0; i < COUNTS; i++) {
        hf_plot_count(s_count(self, phase, i), cells[BEFORE + i]);
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(cells[BEFORE + COUNTS + i], CELL, "-");
        if (hf_histogram_count(phase->ages)) {
            hf_plot_span(hf_histogram_quantile(phase->ages, quantiles[i]), cells[BEFORE + COUNTS + i]);
        }
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        texts[i] = cells[i];
    }
    hf_table_add(table, texts);
}

static void s_print_phases(const hf_scenario_t *self, const hf_tally_t *tally, FILE *file, int width) {
    hf_column_t columns[COLUMNS] = {{"phase", 0, false, false}, {"from", 0, true, false}};
    for (size_t i = 0; i < COUNTS; i++) {
        columns[BEFORE + i] = s_counts[i].column;
    }
    columns[COLUMNS - 3] = (hf_column_t){"p50", 0, true, false};
    columns[COLUMNS - 2] = (hf_column_t){"p99", 0, true, false};
    columns[COLUMNS - 1] = (hf_column_t){"max age", 0, true, false};
    hf_table_t *table = hf_table_new(columns, COLUMNS);
    for (size_t i = 0; i <= tally->phase; i++) {
        s_add_row(self, table, &tally->phases[i], tally->phases[i].name);
    }
    s_add_row(self, table, &tally->whole, "all");
    hf_table_print(table, file, width);
    hf_table_destroy(&table);
    fputs("\nages: of those that succeeded then, since they were accepted\n", file);
}

//  ---- what it comes to

//  "14m 3s after it ended", or that it never was.
static void s_print_after(const char *what, int64_t at_ms, int64_t until_ms, const char *means, FILE *file) {
    char span[HF_PLOT_SPAN];
    hf_plot_span(at_ms - until_ms, span);
    if (at_ms < 0) {
        fprintf(file, "  never %s\n", what);
    } else {
        fprintf(file, "  %s %s after its end: %s\n", what, span, means);
    }
}

static void s_print_drains(const hf_scenario_t *self, const hf_tally_t *tally, FILE *file) {
    for (size_t i = 0; i < tally->drains_size; i++) {
        const hf_drain_t *drain = &tally->drains[i];
        char from[HF_PLOT_SPAN], until[HF_PLOT_SPAN], left[HF_PLOT_SPAN];
        hf_plot_span(drain->from_ms, from);
        hf_plot_span(drain->until_ms, until);
        hf_plot_count(drain->left * self->scale, left);
        fprintf(file, "Outage from %s to %s:\n", from, until);
        if (!drain->begun) {
            fputs("  the simulation ended first\n", file);
            continue;
        }
        fprintf(file, "  left %s open\n", left);
        s_print_after("drained", drain->drained_ms, drain->until_ms, "all that came before it has ended",
                      file);
        s_print_after("caught up", drain->caught_up_ms, drain->until_ms,
                      "no more open than before the outage", file);
    }
}

static int64_t s_open_for(const hf_tally_t *tally) {
    return tally->open_for_ms + (tally->circuit_open ? tally->now_ms - tally->opened_ms : 0);
}

static void s_print_circuit(const hf_tally_t *tally, FILE *file) {
    char span[HF_PLOT_SPAN];
    hf_plot_span(s_open_for(tally), span);
    if (tally->opened) {
        fprintf(file, "The circuit opened %" PRIu64 " time%s, and was open for %s in all.\n", tally->opened,
                tally->opened == 1 ? "" : "s", span);
    }
}

static void s_print_result(const hf_scenario_t *self, const hf_tally_t *tally, FILE *file) {
    const hf_phase_tally_t *whole = &tally->whole;
    char texts[4][HF_PLOT_SPAN];
    fputc('\n', file);
    s_print_drains(self, tally, file);
    s_print_circuit(tally, file);
    hf_plot_count(tally->open * self->scale, texts[0]);
    hf_plot_span(tally->now_ms, texts[1]);
    fprintf(file, "%s open at the end, %s after the start.\n", tally->open ? texts[0] : "None", texts[1]);
    if (whole->accepted) {
        fprintf(file, "%.2f calls a command.\n", (double)whole->calls / (double)whole->accepted);
    }
    hf_plot_count(whole->refused * self->scale, texts[0]);
    hf_plot_count(whole->expired * self->scale, texts[1]);
    hf_plot_count(whole->uncertain * self->scale, texts[2]);
    hf_plot_count(whole->dead * self->scale, texts[3]);
    if (whole->refused) {
        fprintf(file, "%s submissions were refused with 503: more waited for the disk than unacked_limit.\n",
                texts[0]);
    }
    if (whole->dead) {
        fprintf(file, "%s are dead: a person has to look at them.\n", texts[3]);
    }
    if (whole->uncertain) {
        fprintf(file, "%s are uncertain: a person has to decide about them.\n", texts[2]);
    }
    if (whole->expired) {
        fprintf(file, "%s expired.\n", texts[1]);
    }
}

//  ---- a picture in characters

typedef double(bar_t)(const hf_step_tally_t *step);

static double s_bar_accepted(const hf_step_tally_t *step) {
    return step->accepted;
}

static double s_bar_calls(const hf_step_tally_t *step) {
    return step->calls;
}

static double s_bar_succeeded(const hf_step_tally_t *step) {
    return step->succeeded;
}

static double s_bar_open(const hf_step_tally_t *step) {
    return (double)step->open;
}

//  The mean over a bar's steps (of what is open: the most).
static double s_bar(const hf_tally_t *tally, bar_t *value, size_t bar, size_t bars) {
    size_t from = bar * tally->steps_size / bars, until = (bar + 1) * tally->steps_size / bars;
    double sum = 0, most = 0;
    until = until > from ? until : from + 1;
    for (size_t i = from; i < until; i++) {
        double one = value(&tally->steps[i]);
        sum += one;
        most = one > most ? one : most;
    }
    return value == s_bar_open ? most : sum / (double)(until - from) * 1000 / (double)tally->step_ms;
}

static void s_print_bars(const hf_scenario_t *self, const hf_tally_t *tally, const char *name, bar_t *value,
                         size_t bars, FILE *file) {
    static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double most = 0;
    char text[HF_PLOT_SPAN];
    for (size_t i = 0; i < bars; i++) {
        double one = s_bar(tally, value, i, bars);
        most = one > most ? one : most;
    }
    fprintf(file, "%-*s", BARS_LEFT, name);
    for (size_t i = 0; i < bars; i++) {
        double one = s_bar(tally, value, i, bars);
        fputs(blocks[most > 0 && one > 0 ? 1 + (int)(one / most * 7.999) : 0], file);
    }
    hf_plot_count((uint64_t)(most * (double)self->scale + 0.5), text);
    fprintf(file, " ≤ %s%s\n", text, value == s_bar_open ? "" : "/s");
}

static void s_print_picture(const hf_scenario_t *self, const hf_tally_t *tally, FILE *file, int width) {
    int room = width - BARS_LEFT - BARS_RIGHT;
    size_t bars = room < 10 ? 10 : room > BARS_MAX ? BARS_MAX : (size_t)room;
    bars = bars < tally->steps_size ? bars : tally->steps_size;
    if (bars == 0) {
        return;
    }
    fputc('\n', file);
    s_print_bars(self, tally, "arrivals", s_bar_accepted, bars, file);
    s_print_bars(self, tally, "calls", s_bar_calls, bars, file);
    s_print_bars(self, tally, "successes", s_bar_succeeded, bars, file);
    s_print_bars(self, tally, "open", s_bar_open, bars, file);
    if (tally->drains_size) {
        fprintf(file, "%-*s", BARS_LEFT, "outage");
        for (size_t i = 0; i < bars; i++) {
            int64_t at = (int64_t)((double)tally->now_ms * ((double)i + 0.5) / (double)bars);
            bool down = false;
            for (size_t outage = 0; outage < tally->drains_size; outage++) {
                down = down || (at >= tally->drains[outage].from_ms && at < tally->drains[outage].until_ms);
            }
            fputs(down ? "░" : " ", file);
        }
        fputc('\n', file);
    }
}

void hf_outlook_print(const hf_scenario_t *self, const hf_tally_t *tally, bool plot, FILE *file, int width) {
    s_print_question(self, file);
    s_print_phases(self, tally, file, width);
    s_print_result(self, tally, file);
    if (plot) {
        s_print_picture(self, tally, file, width);
    }
}

//  ---- JSON

static json_t *s_count_json(const hf_scenario_t *self, uint64_t count) {
    return json_integer((json_int_t)(count * self->scale));
}

static json_t *s_phase_json(const hf_scenario_t *self, const hf_phase_tally_t *phase, const char *name) {
    const hf_histogram_t *ages = phase->ages;
    return json_pack(
        "{s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:I,s:I}", "name", name, "from_ms",
        (json_int_t)phase->from_ms, "until_ms", (json_int_t)phase->until_ms, "accepted",
        s_count_json(self, phase->accepted), "refused", s_count_json(self, phase->refused), "calls",
        s_count_json(self, phase->calls), "retries", s_count_json(self, phase->retries), "failed",
        s_count_json(self, phase->failed), "succeeded", s_count_json(self, phase->succeeded), "dead",
        s_count_json(self, phase->dead), "uncertain", s_count_json(self, phase->uncertain), "expired",
        s_count_json(self, phase->expired), "peak_open", s_count_json(self, phase->peak), "age_p50_ms",
        (json_int_t)hf_histogram_quantile(ages, 0.5), "age_p99_ms",
        (json_int_t)hf_histogram_quantile(ages, 0.99), "age_max_ms", (json_int_t)hf_histogram_max(ages));
}

//  How long after the outage's end; null: never.
static json_t *s_after_json(const hf_drain_t *drain, int64_t at_ms) {
    return at_ms < 0 ? json_null() : json_integer(at_ms - drain->until_ms);
}

static json_t *s_drain_json(const hf_scenario_t *self, const hf_drain_t *drain) {
    return json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "from_ms", (json_int_t)drain->from_ms, "until_ms",
                     (json_int_t)drain->until_ms, "open_at_end", s_count_json(self, drain->left),
                     "still_open", s_count_json(self, drain->still), "drained_after_ms",
                     s_after_json(drain, drain->drained_ms), "caught_up_after_ms",
                     s_after_json(drain, drain->caught_up_ms));
}

static json_t *s_series_json(const hf_scenario_t *self, const hf_tally_t *tally) {
    json_t *accepted = json_array(), *calls = json_array(), *succeeded = json_array(), *open = json_array();
    for (size_t i = 0; i < tally->steps_size; i++) {
        json_array_append_new(accepted, s_count_json(self, tally->steps[i].accepted));
        json_array_append_new(calls, s_count_json(self, tally->steps[i].calls));
        json_array_append_new(succeeded, s_count_json(self, tally->steps[i].succeeded));
        json_array_append_new(open, s_count_json(self, tally->steps[i].open));
    }
    return json_pack("{s:I,s:o,s:o,s:o,s:o}", "step_ms", (json_int_t)tally->step_ms, "accepted", accepted,
                     "calls", calls, "succeeded", succeeded, "open", open);
}

void hf_outlook_print_json(const hf_scenario_t *self, const hf_tally_t *tally, FILE *file) {
    json_t *phases = json_array(), *outages = json_array();
    for (size_t i = 0; i <= tally->phase; i++) {
        json_array_append_new(phases, s_phase_json(self, &tally->phases[i], tally->phases[i].name));
    }
    for (size_t i = 0; i < tally->drains_size; i++) {
        json_array_append_new(outages, s_drain_json(self, &tally->drains[i]));
    }
    json_t *all = json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "pipeline",
                            self->plan.pipeline->name, "destination", self->plan.pipeline->destination->name,
                            "seed", (json_int_t)self->plan.seed, "scale", (json_int_t)self->scale, "ended_ms",
                            (json_int_t)tally->now_ms, "circuit_opened", (json_int_t)tally->opened,
                            "circuit_open_ms", (json_int_t)s_open_for(tally), "open",
                            s_count_json(self, tally->open), "all", s_phase_json(self, &tally->whole, "all"),
                            "phases", phases, "outages", outages, "series", s_series_json(self, tally));
    hf_fields_print(file, all);
    fputc('\n', file);
    json_decref(all);
}
