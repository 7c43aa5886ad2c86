/*  What may go to a terminal, and how wide it is there. Text that came from elsewhere (a third party's
 * answer, a body's key) must not move the cursor, change colours, retitle the window or run backwards: all of
 * that is shown as escapes.  */

#ifndef HF_TERMINAL_H
#define HF_TERMINAL_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdio.h>

//  Prepares widths and escaping: to be called once, before anything else here.
void hf_terminal_start(void);

//  Columns of stdout: COLUMNS, else the terminal's, else 80.
int hf_terminal_columns(void);

//  Whether stdout is a terminal, and whether it may be coloured (a terminal, and neither NO_COLOR nor
//  TERM=dumb is set).
bool hf_terminal_is(void);
bool hf_terminal_is_colourful(void);

//  Appends text so that it is safe to print in one line: control characters (C0, DEL, C1), marks that change
//  the direction of writing, and bytes that are no UTF-8 become \n, \t, \x1b, \u202e …; a backslash stays as
//  it is.
void hf_terminal_escape(hf_buf_t *out, const char *text, size_t size);

//  Columns that escaped text takes.
int hf_terminal_width(const char *text);

//  Appends at most `columns` columns of escaped text, with … at its end where it was cut. Returns the columns
//  taken.
int hf_terminal_fit(hf_buf_t *out, const char *text, int columns);

//  What a command's state or an attempt's class looks like: the sequence that begins its colour, "" where
//  there is none.
const char *hf_terminal_colour(const char *word);
const char *hf_terminal_bold(void);
const char *hf_terminal_dim(void);
const char *hf_terminal_plain(void); //  Ends each of them

//  Prints text, escaped; and the same with a line end.
void hf_terminal_print(FILE *file, const char *text);

#endif
