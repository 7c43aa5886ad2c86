/*  What a forecast says, to a person and to a program.  */

#ifndef HF_OUTLOOK_H
#define HF_OUTLOOK_H

#include "cli/scenario.h"

#include <stdio.h>

//  What was asked, a table by phase, what it comes to, and, where `plot` says so, a picture in characters.
void hf_outlook_print(const hf_scenario_t *scenario, const hf_tally_t *tally, bool plot, FILE *file,
                      int width);

//  One JSON object.
void hf_outlook_print_json(const hf_scenario_t *scenario, const hf_tally_t *tally, FILE *file);

//  A line that says what this is, for pictures.
void hf_outlook_title(const hf_scenario_t *scenario, char *out, size_t size);

#endif
