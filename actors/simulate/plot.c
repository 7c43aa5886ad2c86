#include "simulate/plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDTH = 960,  //  Of the picture, px
    LEFT = 84,    //  Room for the labels of the upright axes
    RIGHT = 24,   //  And on the other side
    ABOVE = 84,   //  Title and legend
    HIGH = 220,   //  Of one panel
    BETWEEN = 56, //  Between the panels
    BELOW = 44,   //  Labels of the time axis
    HEIGHT = ABOVE + 2 * HIGH + BETWEEN + BELOW,
    GRID_LINES = 4, //  In a panel, about
    TIME_LINES = 8, //  Along the time axis, about
};

typedef double(value_t)(const hf_tally_t *tally, size_t step);

typedef struct {
    const hf_tally_t *tally; //  Of what
    double scale;            //  Counts are multiplied
    double end_ms;           //  Of the time axis
    hf_buf_t *out;           //  Where to
} plot_t;

//  ---- words

void hf_plot_span(int64_t ms, char out[HF_PLOT_SPAN]) {
    static const struct {
        int64_t ms;
        char unit;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    for (size_t i = 0; i + 1 < sizeof units / sizeof *units; i++) {
        if (ms >= units[i].ms) {
            int64_t rest = ms % units[i].ms / units[i + 1].ms;
            int size = snprintf(out, HF_PLOT_SPAN, "%" PRId64 "%c", ms / units[i].ms, units[i].unit);
            if (rest) {
                snprintf(out + size, HF_PLOT_SPAN - (size_t)size, " %" PRId64 "%c", rest, units[i + 1].unit);
            }
            return;
        }
    }
    if (ms < 1000) {
        snprintf(out, HF_PLOT_SPAN, "%" PRId64 "%s", ms, ms ? "ms" : "");
    } else if (ms % 1000 / 100) {
        snprintf(out, HF_PLOT_SPAN, "%" PRId64 ".%" PRId64 "s", ms / 1000, ms % 1000 / 100);
    } else {
        snprintf(out, HF_PLOT_SPAN, "%" PRId64 "s", ms / 1000);
    }
}

void hf_plot_count(uint64_t count, char out[HF_PLOT_SPAN]) {
    char digits[HF_PLOT_SPAN];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = out;
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = 0;
}

static void s_add_escaped(hf_buf_t *out, const char *text) {
    for (; *text; text++) {
        if (strchr("<>&\"'", *text)) {
            hf_buf_addf(out, "&#%d;", *text);
        } else {
            hf_buf_add(out, text, 1);
        }
    }
}

//  ---- places

static double s_x(const plot_t *plot, double ms) {
    return LEFT + (WIDTH - LEFT - RIGHT) * (ms < plot->end_ms ? ms : plot->end_ms) / plot->end_ms;
}

static double s_y(int panel, double value, double top) {
    return ABOVE + panel * (HIGH + BETWEEN) + HIGH * (1 - value / top);
}

//  1, 2 or 5 times a power of ten, at least that.
static double s_round_up(double value) {
    double power = pow(10, floor(log(value > 1e-9 ? value : 1e-9) / log(10)));
    double digit = value / power;
    return power * (digit <= 1.0000001 ? 1 : digit <= 2.0000001 ? 2 : digit <= 5.0000001 ? 5 : 10);
}

//  ---- what is shown

static double s_per_second(const hf_tally_t *tally, uint64_t count) {
    return (double)count * 1000 / (double)tally->step_ms;
}

static double s_accepted(const hf_tally_t *tally, size_t step) {
    return s_per_second(tally, tally->steps[step].accepted);
}

static double s_calls(const hf_tally_t *tally, size_t step) {
    return s_per_second(tally, tally->steps[step].calls);
}

static double s_succeeded(const hf_tally_t *tally, size_t step) {
    return s_per_second(tally, tally->steps[step].succeeded);
}

static double s_open(const hf_tally_t *tally, size_t step) {
    return (double)tally->steps[step].open;
}

static const struct {
    value_t *value;   //  Of one step
    const char *name; //  Legend and class
    int panel;        //  Where
} s_lines[] = {
    {s_accepted, "arrivals", 0}, {s_calls, "calls", 0}, {s_succeeded, "successes", 0}, {s_open, "open", 1}};
enum { LINES = sizeof s_lines / sizeof *s_lines };

static double s_top(const plot_t *plot, int panel) {
    double most = 0;
    for (size_t line = 0; line < LINES; line++) {
        for (size_t step = 0; s_lines[line].panel == panel && step < plot->tally->steps_size; step++) {
            double value = s_lines[line].value(plot->tally, step) * plot->scale;
            most = value > most ? value : most;
        }
    }
    return most > 0 ? most * 1.05 : 1;
}

//  ---- drawing

static void s_draw_head(const plot_t *plot, const char *title) {
    static const char style[] =
        "<style>\n"
        "text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:17px;font-weight:600}\n"
        ".small{fill:#666;font-size:12px}.ground{fill:#fff}.grid{stroke:#ddd}.outage{fill:#d33;opacity:.12}\n"
        "polyline{fill:none;stroke-width:1.6;stroke-linejoin:round}.arrivals{stroke:#777}.calls{stroke:#c60}"
        "\n"
        ".successes{stroke:#07a}.open{stroke:#639}.area{fill:#639;opacity:.15;stroke:none}\n"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}.small{fill:#aaa}.ground{fill:#181a1b}\n"
        ".grid{stroke:#3a3d40}.outage{fill:#f66;opacity:.18}.arrivals{stroke:#999}.calls{stroke:#fa4}\n"
        ".successes{stroke:#4bf}.open{stroke:#b9f}.area{fill:#b9f}}\n"
        "</style>\n";
    hf_buf_addf(plot->out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
                "role=\"img\">\n<title>",
                WIDTH, HEIGHT, WIDTH, HEIGHT);
    s_add_escaped(plot->out, title);
    hf_buf_addf(plot->out, "</title>\n");
    hf_buf_add(plot->out, style, sizeof style - 1);
    hf_buf_addf(
        plot->out,
        "<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n<text class=\"title\" x=\"%d\" y=\"30\">",
        WIDTH, HEIGHT, LEFT);
    s_add_escaped(plot->out, title);
    hf_buf_addf(plot->out, "</text>\n");
}

static void s_draw_legend(const plot_t *plot) {
    int x = LEFT;
    for (size_t line = 0; s_lines[line].panel == 0; line++) {
        hf_buf_addf(plot->out,
                    "<polyline class=\"%s\" points=\"%d,49 %d,49\"/><text x=\"%d\" y=\"53\">%s</text>\n",
                    s_lines[line].name, x, x + 22, x + 28, s_lines[line].name);
        x += 110;
    }
    if (plot->tally->drains_size) {
        hf_buf_addf(plot->out,
                    "<rect class=\"outage\" x=\"%d\" y=\"41\" width=\"22\" height=\"16\"/><text x=\"%d\" "
                    "y=\"53\">outage</text>\n",
                    x, x + 28);
    }
}

static void s_draw_outages(const plot_t *plot, int panel) {
    for (size_t i = 0; i < plot->tally->drains_size; i++) {
        double from = s_x(plot, (double)plot->tally->drains[i].from_ms);
        double until = s_x(plot, (double)plot->tally->drains[i].until_ms);
        hf_buf_addf(plot->out,
                    "<rect class=\"outage\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%d\"/>\n", from,
                    s_y(panel, 1, 1), until - from, HIGH);
    }
}

//  Upright lines at round times: s, m and h have other round numbers than tens.
static void s_draw_times(const plot_t *plot, int panel) {
    static const double steps_s[] = {0.1,   0.2,   0.5,   1,      2,      5,       10,      15,   30,
                                     60,    120,   300,   600,    900,    1800,    3600,    7200, 14400,
                                     21600, 43200, 86400, 172800, 604800, 2592000, 31536000};
    double step = 0;
    for (size_t i = 0; i < sizeof steps_s / sizeof *steps_s; i++) {
        step = steps_s[i] * 1000;
        if (plot->end_ms / step <= TIME_LINES) {
            break;
        }
    }
    for (int line = 0; line * step <= plot->end_ms; line++) {
        char text[HF_PLOT_SPAN];
        double at = line * step;
        hf_plot_span((int64_t)(at + 0.5), text);
        double x = s_x(plot, at), bottom = s_y(panel, 0, 1);
        hf_buf_addf(
            plot->out,
            "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/><text class=\"small\" "
            "x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n",
            x, bottom - HIGH, x, bottom, x, bottom + 18, text);
    }
}

static void s_draw_values(const plot_t *plot, int panel, double top) {
    double step = s_round_up(top / GRID_LINES);
    for (int line = 0; line * step <= top; line++) {
        char text[HF_PLOT_SPAN];
        double value = line * step;
        if (step < 1) {
            snprintf(text, sizeof text, "%.2g", value);
        } else {
            hf_plot_count((uint64_t)(value + 0.5), text);
        }
        double y = s_y(panel, value, top);
        hf_buf_addf(plot->out,
                    "<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/><text class=\"small\" "
                    "x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                    LEFT, y, WIDTH - RIGHT, y, LEFT - 8, y + 4, text);
    }
}

static void s_draw_points(const plot_t *plot, size_t line, double top) {
    const hf_tally_t *tally = plot->tally;
    int panel = s_lines[line].panel;
    for (size_t step = 0; step < tally->steps_size; step++) {
        double middle = ((double)step + 0.5) * (double)tally->step_ms;
        hf_buf_addf(plot->out, "%.1f,%.1f ", s_x(plot, middle),
                    s_y(panel, s_lines[line].value(tally, step) * plot->scale, top));
    }
}

static void s_draw_panel(const plot_t *plot, int panel, const char *what) {
    double top = s_top(plot, panel);
    s_draw_outages(plot, panel);
    s_draw_times(plot, panel);
    s_draw_values(plot, panel, top);
    hf_buf_addf(plot->out, "<text class=\"small\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT,
                s_y(panel, 1, 1) - 8, what);
    for (size_t line = 0; line < LINES; line++) {
        if (s_lines[line].panel != panel) {
            continue;
        }
        if (panel) {
            hf_buf_addf(plot->out, "<polygon class=\"area\" points=\"%.1f,%.1f ", s_x(plot, 0),
                        s_y(panel, 0, 1));
            s_draw_points(plot, line, top);
            hf_buf_addf(plot->out, "%.1f,%.1f\"/>\n", s_x(plot, plot->end_ms), s_y(panel, 0, 1));
        }
        hf_buf_addf(plot->out, "<polyline class=\"%s\" points=\"", s_lines[line].name);
        s_draw_points(plot, line, top);
        hf_buf_addf(plot->out, "\"/>\n");
    }
}

void hf_plot_svg(hf_buf_t *out, const hf_tally_t *tally, uint64_t scale, const char *title) {
    plot_t plot = {.tally = tally, .scale = (double)scale, .out = out};
    plot.end_ms = tally->now_ms > 0 ? (double)tally->now_ms : 1;
    s_draw_head(&plot, title);
    s_draw_legend(&plot);
    s_draw_panel(&plot, 0, "a second");
    s_draw_panel(&plot, 1, "commands open: accepted, being called, or waiting");
    hf_buf_addf(out, "</svg>\n");
}
