/*  Rows under a heading, cut to the terminal's width: columns shrink from the widest, and those of least
 * weight leave, before a line would wrap. Made for pages: widths come from the first one, so that a long list
 * needs no memory for all of it.  */

#ifndef HF_TABLE_H
#define HF_TABLE_H

#include <stdbool.h>
#include <stdio.h>

enum { HF_TABLE_COLUMNS = 12 }; //  Columns of one table at most

//  One column.
typedef struct {
    const char *title; //  Its heading
    int least;  //  Columns below which it is left out rather than shrunk; 0: it is never shrunk nor left out
    bool right; //  Numbers: to the right, and never shrunk
    bool coloured; //  Its words are states or classes
} hf_column_t;

typedef struct hf_table hf_table_t;

//  An empty table. When columns must go, the last one with `least` goes first.
hf_table_t *hf_table_new(const hf_column_t *columns, int columns_size);
void hf_table_destroy(hf_table_t **self_p);

//  Adds a row of as many texts as there are columns, as they came: they are escaped here. NULL is "-".
void hf_table_add(hf_table_t *self, const char *const *texts);

//  Prints and forgets what was added, in lines of at most `width` columns; the heading before the first row
//  that was ever printed. Without any row nothing is printed.
void hf_table_print(hf_table_t *self, FILE *file, int width);

#endif
