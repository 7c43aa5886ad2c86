/*  Widths are wcwidth's (Unicode's, in the locale C.UTF-8), whatever the user's locale: what we print is
 * UTF-8.  */

#include "cli/terminal.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum {
    S_COLUMNS = 80,        //  Where nobody knows better
    S_COLUMNS_LEAST = 20,  //  Below this nothing can be laid out
    S_COLUMNS_MOST = 1000, //  Above this nobody reads
};

void hf_terminal_start(void) {
    setlocale(LC_CTYPE, "C.UTF-8");
}

static int s_bounded(long columns) {
    return columns < S_COLUMNS_LEAST  ? S_COLUMNS_LEAST
           : columns > S_COLUMNS_MOST ? S_COLUMNS_MOST
                                      : (int)columns;
}

int hf_terminal_columns(void) {
    const char *given = getenv("COLUMNS");
    long columns = given ? strtol(given, NULL, 10) : 0;
    if (columns > 0) {
        return s_bounded(columns);
    }
    if (!hf_terminal_is()) {
        return S_COLUMNS_MOST; //  A pipe or a file: nothing need be cut
    }
    struct winsize size = {0};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return s_bounded(size.ws_col);
    }
    return S_COLUMNS;
}

bool hf_terminal_is(void) {
    return isatty(STDOUT_FILENO) == 1;
}

bool hf_terminal_is_colourful(void) {
    const char *no_colour = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return hf_terminal_is() && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0;
}

//  ---- escaping

//  Decodes one character (RFC 3629). Returns its bytes, 0 where there is none.
static size_t s_decode(const unsigned char *text, size_t size, uint32_t *character) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = text[0];
    size_t length = first < 0x80   ? 1
                    : first < 0xC2 ? 0
                    : first < 0xE0 ? 2
                    : first < 0xF0 ? 3
                    : first < 0xF5 ? 4
                                   : 0;
    if (length == 0 || length > size) {
        return 0;
    }
    uint32_t value = length == 1 ? first : first & (0x7Fu >> length);
    for (size_t at = 1; at < length; at++) {
        if ((text[at] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (text[at] & 0x3F);
    }
    bool good = value >= least[length] && value <= 0x10FFFF && !(value >= 0xD800 && value <= 0xDFFF);
    *character = value;
    return good ? length : 0;
}

//  Marks that a reader can't see, but that change what he sees: direction (Unicode Annex 9), line and
//  paragraph separators, the byte order mark.
static bool s_is_mark(uint32_t character) {
    return character == 0x061C || character == 0x200E || character == 0x200F ||
           (character >= 0x2028 && character <= 0x202E) || (character >= 0x2066 && character <= 0x2069) ||
           character == 0xFEFF;
}

static void s_escape_one(hf_buf_t *out, const char *text, size_t length, uint32_t character) {
    static const char letters[] = "\a\b\t\n\v\f\r";
    static const char names[] = "abtnvfr";
    const char *letter = character && character < 0x80 ? strchr(letters, (int)character) : NULL;
    if (letter) {
        hf_buf_addf(out, "\\%c", names[letter - letters]);
    } else if (character < 0x20 || character == 0x7F) {
        hf_buf_addf(out, "\\x%02x", (unsigned)character);
    } else if ((character >= 0x80 && character < 0xA0) || s_is_mark(character)) {
        hf_buf_addf(out, "\\u%04x", (unsigned)character);
    } else {
        hf_buf_add(out, text, length);
    }
}

void hf_terminal_escape(hf_buf_t *out, const char *text, size_t size) {
    while (size > 0) {
        uint32_t character = 0;
        size_t length = s_decode((const unsigned char *)text, size, &character);
        if (length == 0) {
            hf_buf_addf(out, "\\x%02x", (unsigned char)*text);
            length = 1;
        } else {
            s_escape_one(out, text, length, character);
        }
        text += length;
        size -= length;
    }
}

//  ---- widths

static int s_width(uint32_t character) {
    int width = wcwidth((wchar_t)character);
    return width < 0 ? 1 : width;
}

int hf_terminal_width(const char *text) {
    int columns = 0;
    size_t size = strlen(text);
    while (size > 0) {
        uint32_t character = 0;
        size_t length = s_decode((const unsigned char *)text, size, &character);
        columns += length ? s_width(character) : 1;
        length = length ? length : 1;
        text += length;
        size -= length;
    }
    return columns;
}

int hf_terminal_fit(hf_buf_t *out, const char *text, int columns) {
    int whole = hf_terminal_width(text);
    if (whole <= columns) {
        hf_buf_add(out, text, strlen(text));
        return whole;
    }
    int taken = 0;
    for (;;) {
        uint32_t character = 0;
        size_t length = s_decode((const unsigned char *)text, strlen(text), &character);
        int width = length ? s_width(character) : 1;
        if (taken + width > columns - 1) {
            break;
        }
        hf_buf_add(out, text, length ? length : 1);
        taken += width;
        text += length ? length : 1;
    }
    if (columns > 0) {
        hf_buf_add(out, "…", strlen("…"));
        taken++;
    }
    return taken;
}

//  ---- colours

const char *hf_terminal_colour(const char *word) {
    static const struct {
        const char *word;
        const char *colour;
    } colours[] = {
        {"succeeded", "\033[32m"}, {"up", "\033[32m"},       {"dead", "\033[31m"},
        {"failed", "\033[31m"},    {"rejected", "\033[31m"}, {"refused", "\033[31m"},
        {"expired", "\033[31m"},   {"backoff", "\033[31m"},  {"waiting", "\033[33m"},
        {"starting", "\033[33m"},  {"stopping", "\033[33m"}, {"stopped", "\033[33m"},
        {"uncertain", "\033[35m"}, {"calling", "\033[36m"},
    };
    if (hf_terminal_is_colourful()) {
        for (size_t number = 0; number < sizeof colours / sizeof *colours; number++) {
            if (strcmp(colours[number].word, word) == 0) {
                return colours[number].colour;
            }
        }
    }
    return "";
}

const char *hf_terminal_bold(void) {
    return hf_terminal_is_colourful() ? "\033[1m" : "";
}

const char *hf_terminal_dim(void) {
    return hf_terminal_is_colourful() ? "\033[2m" : "";
}

const char *hf_terminal_plain(void) {
    return hf_terminal_is_colourful() ? "\033[0m" : "";
}

void hf_terminal_print(FILE *file, const char *text) {
    hf_buf_t out = {0};
    hf_terminal_escape(&out, text, strlen(text));
    if (out.size > 0) {
        fwrite(out.data, 1, out.size, file);
    }
    hf_buf_free(&out);
}
