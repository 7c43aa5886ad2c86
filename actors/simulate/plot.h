/*  A forecast as a picture: one SVG file that needs nothing else, legible on light and dark ground. Above, what
 *  happened a second: arrivals, calls, successes; below, how many commands were open. Outages are shaded.  */

#ifndef HF_PLOT_H
#define HF_PLOT_H

#include "base/buf.h"
#include "simulate/tally.h"

//  Appends the whole file. title is escaped here; counts are multiplied by scale.
void hf_plot_svg(hf_buf_t *out, const hf_tally_t *tally, uint64_t scale, const char *title);

//  A length of time as people say it, in its two largest units: "2h 10m", "14m 3s", "1.2s", "250ms".
enum { HF_PLOT_SPAN = 40 };
void hf_plot_span(int64_t ms, char out[HF_PLOT_SPAN]);

//  A count as people read it: "950", "12,345", "3,600,000".
void hf_plot_count(uint64_t count, char out[HF_PLOT_SPAN]);

#endif
