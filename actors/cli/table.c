/*  Rows are kept as escaped texts until they are printed.  */

#include "cli/table.h"
#include "cli/terminal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { S_GAP = 2 }; //  Columns between two columns

struct hf_table {
    const hf_column_t *columns;   //  The caller's
    int columns_size;             //  How many
    int widths[HF_TABLE_COLUMNS]; //  Laid out; 0: left out
    bool laid_out;                //  Widths are set, and the heading is printed
    char **texts;                 //  Rows, one after the other; owned
    size_t texts_size;            //  How many texts
};

hf_table_t *hf_table_new(const hf_column_t *columns, int columns_size) {
    assert(columns_size <= HF_TABLE_COLUMNS);
    hf_table_t *self = hf_alloc(sizeof *self);
    self->columns = columns;
    self->columns_size = columns_size;
    return self;
}

static void s_clear(hf_table_t *self) {
    for (size_t number = 0; number < self->texts_size; number++) {
        free(self->texts[number]);
    }
    free(self->texts);
    self->texts = NULL;
    self->texts_size = 0;
}

void hf_table_destroy(hf_table_t **self_p) {
    if (*self_p) {
        s_clear(*self_p);
        free(*self_p);
        *self_p = NULL;
    }
}

static char *s_escaped(const char *text) {
    hf_buf_t out = {0};
    size_t size;
    hf_terminal_escape(&out, text ? text : "-", text ? strlen(text) : 1);
    return out.size > 0 ? (char *)hf_buf_release(&out, &size) : hf_strdup("");
}

void hf_table_add(hf_table_t *self, const char *const *texts) {
    size_t size = self->texts_size + (size_t)self->columns_size;
    self->texts = realloc(self->texts, size * sizeof *self->texts);
    assert(self->texts && "out of memory");
    for (int column = 0; column < self->columns_size; column++) {
        self->texts[self->texts_size++] = s_escaped(texts[column]);
    }
}

//  ---- laying out

static int s_total(const hf_table_t *self) {
    int total = -S_GAP;
    for (int column = 0; column < self->columns_size; column++) {
        total += self->widths[column] ? self->widths[column] + S_GAP : 0;
    }
    return total;
}

//  The widest column that may still shrink, or -1. A number, which stands on the right, is whole or not there.
static int s_widest(const hf_table_t *self) {
    int widest = -1;
    for (int column = 0; column < self->columns_size; column++) {
        int least = self->columns[column].right ? 0 : self->columns[column].least;
        if (least > 0 && self->widths[column] > least &&
            (widest < 0 || self->widths[column] > self->widths[widest])) {
            widest = column;
        }
    }
    return widest;
}

//  Columns that the widest text of a column takes.
static int s_wanted(const hf_table_t *self, int column) {
    int width = hf_terminal_width(self->columns[column].title);
    for (size_t at = (size_t)column; at < self->texts_size; at += (size_t)self->columns_size) {
        int wanted = hf_terminal_width(self->texts[at]);
        width = wanted > width ? wanted : width;
    }
    return width;
}

//  The last column that may be left out and is not yet, or -1.
static int s_dispensable(const hf_table_t *self) {
    int column = self->columns_size - 1;
    while (column >= 0 && (self->columns[column].least == 0 || self->widths[column] == 0)) {
        column--;
    }
    return column;
}

//  Shrinks the widest first; where all are at their least, the last one leaves and the others get its room.
static void s_lay_out(hf_table_t *self, int width) {
    int wanted[HF_TABLE_COLUMNS] = {0};
    for (int column = 0; column < self->columns_size; column++) {
        wanted[column] = s_wanted(self, column);
    }
    memcpy(self->widths, wanted, sizeof wanted);
    while (s_total(self) > width) {
        int column = s_widest(self);
        if (column >= 0) {
            self->widths[column]--;
            continue;
        }
        column = s_dispensable(self);
        if (column < 0) {
            return;
        }
        wanted[column] = 0;
        memcpy(self->widths, wanted, sizeof wanted);
    }
}

//  ---- printing

static void s_pad(FILE *file, int columns) {
    if (columns > 0) {
        fprintf(file, "%*s", columns, "");
    }
}

static int s_last(const hf_table_t *self) {
    int last = self->columns_size - 1;
    while (last > 0 && self->widths[last] == 0) {
        last--;
    }
    return last;
}

//  A row of texts; nothing is padded behind the last one.
static void s_print_row(const hf_table_t *self, FILE *file, char *const *texts, bool heading) {
    int last = s_last(self);
    for (int column = 0; column <= last; column++) {
        const hf_column_t *shape = &self->columns[column];
        int width = self->widths[column];
        if (width == 0) {
            continue;
        }
        hf_buf_t cell = {0};
        int taken = hf_terminal_fit(&cell, texts[column], width);
        const char *colour = heading           ? hf_terminal_bold()
                             : shape->coloured ? hf_terminal_colour(texts[column])
                                               : "";
        s_pad(file, shape->right ? width - taken : 0);
        fprintf(file, "%s%s%s", colour, cell.size ? (char *)cell.data : "",
                *colour ? hf_terminal_plain() : "");
        s_pad(file, column == last ? 0 : S_GAP + (shape->right ? 0 : width - taken));
        hf_buf_free(&cell);
    }
    fputc('\n', file);
}

static void s_print_heading(const hf_table_t *self, FILE *file) {
    char *titles[HF_TABLE_COLUMNS] = {0};
    for (int column = 0; column < self->columns_size; column++) {
        titles[column] = hf_strdup(self->columns[column].title);
    }
    s_print_row(self, file, titles, true);
    for (int column = 0; column < self->columns_size; column++) {
        free(titles[column]);
    }
}

void hf_table_print(hf_table_t *self, FILE *file, int width) {
    if (self->texts_size > 0 && !self->laid_out) {
        s_lay_out(self, width);
        s_print_heading(self, file);
        self->laid_out = true;
    }
    for (size_t at = 0; at < self->texts_size; at += (size_t)self->columns_size) {
        s_print_row(self, file, self->texts + at, false);
    }
    s_clear(self);
}
