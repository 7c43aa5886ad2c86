#include "pipeline_file/lines.h"
#include "base/utf8.h"
#include "pipeline_file/text.h"

#include <string.h>

enum {
    S_ITEMS_MAX = 256, //  Names in one block: all of them, and 64 headers, fit
    S_DEPTH_MAX = 8,   //  Levels of indentation; three have a meaning
};

typedef struct {
    hf_zpl_reader_t *reader;
    size_t source;              //  Number of the file
    size_t line;                //  From 1
    size_t widths[S_DEPTH_MAX]; //  Indentation of the last line of each level
    size_t depth;               //  How many levels are open
    size_t skip;                //  Lines that are indented further than this are of a line that was dropped
    hf_zpl_block_t *block;      //  The open one, or NULL
    hf_buf_t zpl;               //  Its lines, as zconfig gets them
} scan_t;

//  Has the open block parsed.
static void s_close_block(scan_t *scan) {
    hf_zpl_block_t *block = scan->block;
    if (!block) {
        return;
    }
    if (!scan->reader->outside->parse(block, (const char *)scan->zpl.data)) {
        hf_zpl_report(scan->reader, block->source, block->items[0].line,
                      "internal: zconfig reads this block in another way");
        hf_zpl_block_clear(block);
    }
    hf_buf_clear(&scan->zpl);
    scan->block = NULL;
}

static void s_open_block(scan_t *scan) {
    hf_zpl_reader_t *self = scan->reader;
    if (self->blocks_size < HF_ZPL_BLOCKS_MAX) {
        self->blocks = hf_zpl_room(self->blocks, self->blocks_size, sizeof *self->blocks);
        scan->block = self->blocks + self->blocks_size;
        *scan->block = (hf_zpl_block_t){.source = scan->source};
        self->blocks_size++;
    } else if (!self->blocks_full) {
        self->blocks_full = true;
        hf_zpl_report(self, scan->source, scan->line, "more than %d blocks; nothing from here on was read",
                      HF_ZPL_BLOCKS_MAX);
    }
}

//  Adds a line with a name to the open block, or opens one with it. A broken one reaches zconfig as its name
//  alone.
static void s_add_item(scan_t *scan, hf_zpl_item_t item, const char *end) {
    if (item.level == 0) {
        s_close_block(scan);
        s_open_block(scan);
    }
    hf_zpl_block_t *block = scan->block;
    if (!block || block->full) {
        return;
    }
    if (block->size >= S_ITEMS_MAX) {
        block->full = true;
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "more than %d lines in one block; the rest of it was not read", S_ITEMS_MAX);
        return;
    }
    hf_buf_addf(&scan->zpl, "%*s", (int)item.level * 4, "");
    hf_buf_add(&scan->zpl, item.at, item.given && !item.broken ? (size_t)(end - item.at) : item.at_size);
    hf_buf_add(&scan->zpl, "\n", 1);
    block->items = hf_zpl_room(block->items, block->size, sizeof *block->items);
    block->items[block->size] = item;
    block->size++;
}

//  Control characters (a NUL ends the line for zconfig; a lone CR hides the next line behind a '#') and what
//  is not UTF-8 (labels and keys go into JSON).
static bool s_check_bytes(scan_t *scan, const char *start, const char *end) {
    bool beyond_ascii = false;
    for (const char *byte = start; byte < end; byte++) {
        unsigned char c = (unsigned char)*byte;
        beyond_ascii = beyond_ascii || c > 127;
        if ((c < ' ' && c != '\t') || c == 127) {
            hf_zpl_report(scan->reader, scan->source, scan->line,
                          "control character 0x%02X in column %zu; take it out", c,
                          (size_t)(byte - start) + 1);
            return false;
        }
    }
    if (scan->line == 1 && end - start >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0) {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "the file begins with a byte order mark; save it without one");
        return false;
    }
    if (beyond_ascii && !hf_utf8_is_valid(start, (size_t)(end - start))) {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "this line is not UTF-8; save the file as UTF-8");
        return false;
    }
    return true;
}

//  The level of a line that is indented by width, as the lines above it tell: what is indented further than
//  they is below them, by whatever width, so that one mistake is reported once and all lines find their
//  block.
static bool s_level(scan_t *scan, size_t width, bool tabs, size_t *level) {
    while (scan->depth > 0 && scan->widths[scan->depth - 1] > width) {
        scan->depth--;
    }
    *level = scan->depth ? scan->depth - 1 : 0;
    if (scan->depth > 0 && scan->widths[scan->depth - 1] == width) {
        if (tabs) {
            hf_zpl_report(scan->reader, scan->source, scan->line,
                          "TAB in the indentation; use four spaces for each level");
        }
        return true;
    }
    if (scan->depth == S_DEPTH_MAX) {
        hf_zpl_report(scan->reader, scan->source, scan->line, "indented by more than %d levels", S_DEPTH_MAX);
        return false;
    }
    size_t right = scan->depth * 4, below = scan->depth ? scan->widths[scan->depth - 1] + 4 : 0;
    if (tabs) {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "TAB in the indentation; use four spaces for each level");
    } else if (width != right && scan->depth == 0) {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "indented, but there is no block above it; begin with node, "
                      "destination = NAME or pipeline = NAME, not indented");
    } else if (width != right && width != below) {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "indented by %zu spaces; %zu would be right here (four a level)", width, right);
    }
    *level = scan->depth;
    scan->widths[scan->depth] = width;
    scan->depth++;
    return true;
}

//  A value in quotes: there are no escapes, so it ends at the next such quote.
static bool s_check_quoted(scan_t *scan, const char *value, const char *end, hf_zpl_item_t *item) {
    const char *close = memchr(value + 1, *value, (size_t)(end - value - 1));
    const char *rest = close ? close + 1 : end;
    hf_zpl_shown_t name = hf_zpl_shown(item->at, item->at_size);
    while (rest < end && hf_zpl_is_blank(*rest)) {
        rest++;
    }
    if (!close) {
        hf_zpl_report(scan->reader, scan->source, scan->line, "the value of '%s' has no closing %c",
                      name.text, *value);
        return false;
    }
    if (rest < end && *rest != '#') {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "something follows the closing %c of '%s'; a value that holds %c is put between %s",
                      *value, name.text, *value, *value == '"' ? "'…'" : "\"…\"");
        return false;
    }
    item->text = value + 1;
    item->text_size = (size_t)(close - item->text);
    return true;
}

//  A value without quotes ends before a '#'; zconfig 4.2.1 takes a '#' that it begins with into the value.
static bool s_check_bare(scan_t *scan, const char *value, const char *end, hf_zpl_item_t *item) {
    const char *hash = memchr(value, '#', (size_t)(end - value));
    hf_zpl_shown_t name = hf_zpl_shown(item->at, item->at_size);
    size_t quotes = 0;
    if (hash == value) {
        hf_zpl_report(scan->reader, scan->source, scan->line,
                      "'#' begins a comment, so '%s' has no value; put the value in quotes", name.text);
        return false;
    }
    if (hash && !hf_zpl_is_blank(hash[-1])) {
        hf_zpl_report(
            scan->reader, scan->source, scan->line,
            "'#' begins a comment, so the value of '%s' would end before it; put the value in quotes",
            name.text);
        return false;
    }
    for (end = hash ? hash : end; end > value && hf_zpl_is_blank(end[-1]); end--) {
    }
    for (const char *byte = value; byte < end; byte++) {
        quotes += *byte == '"';
    }
    if (quotes % 2) {
        hf_zpl_report(scan->reader, scan->source, scan->line, "the value of '%s' has a \" without its pair",
                      name.text);
        return false;
    }
    item->text = value;
    item->text_size = (size_t)(end - value);
    return true;
}

//  What stands behind '=', as zconfig must read it; says what it would cut or misread. False: broken.
static bool s_check_value(scan_t *scan, const char *value, const char *end, hf_zpl_item_t *item) {
    if (value == end) {
        return true;
    }
    bool quoted = *value == '"' || *value == '\'';
    return quoted ? s_check_quoted(scan, value, end, item) : s_check_bare(scan, value, end, item);
}

static bool s_is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

//  A line from its name on.
static void s_scan_name(scan_t *scan, const char *start, const char *end, size_t level, bool clean) {
    const char *behind = start;
    while (behind < end && s_is_name_byte(*behind)) {
        behind++;
    }
    hf_zpl_item_t item = {
        .at = start, .at_size = (size_t)(behind - start), .line = scan->line, .level = level};
    while (behind < end && hf_zpl_is_blank(*behind)) {
        behind++;
    }
    bool ends = behind == end || *behind == '#';
    item.given = !ends && *behind == '=';
    if (item.at_size == 0 || item.at_size > HF_NAME_MAX || !(ends || item.given)) {
        hf_zpl_shown_t shown = hf_zpl_shown(start, item.at_size);
        if (clean && (item.at_size == 0 || item.at_size > HF_NAME_MAX)) {
            hf_zpl_report(scan->reader, scan->source, scan->line,
                          "a line is 'name = value', 'name' or a '#' comment");
        } else if (clean) {
            hf_zpl_report(scan->reader, scan->source, scan->line,
                          "a '=' must follow '%s'; a line is 'name = value'", shown.text);
        }
        item.broken = true;
    } else if (item.given) {
        behind++;
        while (behind < end && hf_zpl_is_blank(*behind)) {
            behind++;
        }
        item.broken = !clean || !s_check_value(scan, behind, end, &item);
    }
    item.broken = item.broken || !clean;
    if (item.at_size > 0 && item.at_size <= HF_NAME_MAX) {
        s_add_item(scan, item, end);
    } else {
        scan->skip = scan->widths[level];
    }
}

static void s_scan_line(scan_t *scan, const char *start, const char *end) {
    while (end > start && (hf_zpl_is_blank(end[-1]) || end[-1] == '\r')) {
        end--;
    }
    bool clean = s_check_bytes(scan, start, end);
    size_t width = 0, level;
    bool tabs = false;
    for (; start < end && hf_zpl_is_blank(*start); start++) {
        tabs = tabs || *start == '\t';
        width += *start == '\t' ? 4 : 1;
    }
    if (start == end || *start == '#' || width > scan->skip) {
        return;
    }
    scan->skip = HF_ZPL_NOWHERE;
    if (s_level(scan, width, tabs, &level)) {
        s_scan_name(scan, start, end, level, clean);
    } else {
        scan->skip = scan->widths[scan->depth - 1];
    }
}

void hf_zpl_lines_read(hf_zpl_reader_t *self, size_t source) {
    scan_t scan = {.reader = self, .source = source, .skip = HF_ZPL_NOWHERE};
    const char *text = self->sources[source].text, *end = text + self->sources[source].size;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        scan.line++;
        s_scan_line(&scan, text, line_end ? line_end : end);
        text = line_end ? line_end + 1 : end;
    }
    s_close_block(&scan);
    hf_buf_free(&scan.zpl);
}
