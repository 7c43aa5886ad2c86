#include "base/fields.h"
#include "base/utf8.h"

#include <assert.h>
#include <string.h>

enum {
    DEPTH_MAX = 32,          //  Values inside each other; jansson takes more
    INTEGER_DIGITS_MAX = 18, //  So many always fit 64 bits
    REAL_MAX = 64,           //  Characters of a number with a point or an exponent …
    EXPONENT_DIGITS_MAX = 2  //  … and digits of that exponent: together far from a double's overflow
};

//  A place in the text. Every function below reads one thing from there on, and returns false where it is not
//  surely sound.
typedef struct {
    const uint8_t *at;  //  The next byte
    const uint8_t *end; //  Behind the last
} scan_t;

static uint8_t s_peek(const scan_t *scan) {
    return scan->at < scan->end ? *scan->at : 0; //  NUL is sound nowhere
}

static void s_skip_space(scan_t *scan) {
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
}

static bool s_take(scan_t *scan, char c) {
    if (s_peek(scan) != (uint8_t)c) {
        return false;
    }
    scan->at++;
    return true;
}

//  ---- strings

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

//  Whether one of eight bytes may be a quote, a backslash, a control character or no ASCII; "may": a borrow
//  from the byte below raises a false alarm at worst (Hacker's Delight, 6-1).
static bool s_is_special(uint64_t bytes) {
    uint64_t quote = bytes ^ EACH_BYTE('"'), backslash = bytes ^ EACH_BYTE('\\');
    uint64_t found = ((quote - EACH_BYTE(1)) & ~quote) | ((backslash - EACH_BYTE(1)) & ~backslash) |
                     (bytes - EACH_BYTE(0x20)) | bytes;
    return (found & EACH_BYTE(0x80)) != 0;
}

static void s_skip_plain(scan_t *scan) {
    uint64_t bytes;
    while ((size_t)(scan->end - scan->at) >= sizeof bytes) {
        memcpy(&bytes, scan->at, sizeof bytes);
        if (s_is_special(bytes)) {
            return;
        }
        scan->at += sizeof bytes;
    }
}

static int s_hex(uint8_t c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

//  Behind the backslash. NUL and surrogates are left to jansson.
static bool s_escape(scan_t *scan) {
    int code = 0;
    uint8_t c = s_peek(scan);
    if (!c || !strchr("\"\\/bfnrtu", c)) {
        return false;
    }
    scan->at++;
    for (int i = 0; c == 'u' && i < 4; i++) {
        int digit = s_hex(s_peek(scan));
        if (digit < 0) {
            return false;
        }
        code = code << 4 | digit;
        scan->at++;
    }
    return c != 'u' || (code > 0 && (code < 0xd800 || code > 0xdfff));
}

//  From its first quote to behind its last; *escaped: not as it stands.
static bool s_string(scan_t *scan, bool *escaped) {
    *escaped = false;
    if (!s_take(scan, '"')) {
        return false;
    }
    for (;;) {
        s_skip_plain(scan);
        uint8_t c = s_peek(scan);
        if (c < 0x20) {
            return false;
        }
        size_t length = c < 0x80 ? 1 : hf_utf8_character(scan->at, (size_t)(scan->end - scan->at));
        scan->at += length;
        if (c == '"') {
            return true;
        }
        *escaped = *escaped || c == '\\';
        if (!length || (c == '\\' && !s_escape(scan))) {
            return false;
        }
    }
}

//  ---- numbers, words

static size_t s_digits(scan_t *scan) {
    const uint8_t *before = scan->at;
    while (s_peek(scan) >= '0' && s_peek(scan) <= '9') {
        scan->at++;
    }
    return (size_t)(scan->at - before);
}

static bool s_exponent(scan_t *scan) {
    if ((s_peek(scan) | 0x20) != 'e') {
        return true;
    }
    scan->at++;
    scan->at += s_peek(scan) == '+' || s_peek(scan) == '-';
    size_t digits = s_digits(scan);
    return digits > 0 && digits <= EXPONENT_DIGITS_MAX;
}

static bool s_number(scan_t *scan) {
    const uint8_t *before = scan->at;
    scan->at += s_peek(scan) == '-';
    bool zero = s_peek(scan) == '0';
    size_t digits = s_digits(scan);
    if (!digits || (zero && digits > 1) || digits > INTEGER_DIGITS_MAX) {
        return false;
    }
    if (s_take(scan, '.') && !s_digits(scan)) {
        return false;
    }
    return s_exponent(scan) && scan->at - before <= REAL_MAX;
}

static bool s_word(scan_t *scan, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0) {
        return false;
    }
    scan->at += size;
    return true;
}

//  ---- values

//  What an object's or array's item is read by.
typedef bool(s_item_t)(scan_t *scan, int depth, void *context);

//  Items with commas between them, up to the closing bracket.
static bool s_items(scan_t *scan, char close, int depth, s_item_t *item, void *context) {
    scan->at++;
    s_skip_space(scan);
    if (s_take(scan, close)) {
        return true;
    }
    for (;;) {
        s_skip_space(scan);
        if (!item(scan, depth, context)) {
            return false;
        }
        s_skip_space(scan);
        if (s_take(scan, close)) {
            return true;
        }
        if (!s_take(scan, ',')) {
            return false;
        }
    }
}

static bool s_member(scan_t *scan, int depth, void *context);

static bool s_value(scan_t *scan, int depth, void *context) {
    bool escaped;
    (void)context;
    if (depth > DEPTH_MAX) {
        return false;
    }
    switch (s_peek(scan)) {
    case '"':
        return s_string(scan, &escaped);
    case '{':
        return s_items(scan, '}', depth + 1, s_member, NULL);
    case '[':
        return s_items(scan, ']', depth + 1, s_value, NULL);
    case 't':
        return s_word(scan, "true");
    case 'f':
        return s_word(scan, "false");
    case 'n':
        return s_word(scan, "null");
    default:
        return s_number(scan);
    }
}

//  The name's colon and the value behind it, which begins at *value.
static bool s_member_value(scan_t *scan, int depth, const uint8_t **value) {
    s_skip_space(scan);
    if (!s_take(scan, ':')) {
        return false;
    }
    s_skip_space(scan);
    *value = scan->at;
    return s_value(scan, depth, NULL);
}

static bool s_member(scan_t *scan, int depth, void *context) {
    const uint8_t *value;
    bool escaped;
    (void)context;
    return s_string(scan, &escaped) && s_member_value(scan, depth, &value);
}

//  ---- the outermost object

typedef struct {
    hf_field_t *fields; //  What is wanted
    size_t size;        //  How many
} wanted_t;

static hf_field_t *s_wanted(const wanted_t *wanted, const uint8_t *name, size_t size) {
    for (size_t i = 0; i < wanted->size; i++) {
        hf_field_t *field = &wanted->fields[i];
        if (field->name_size == size && memcmp(field->name, name, size) == 0) {
            return field;
        }
    }
    return NULL;
}

//  A name that stands there twice is filled in twice: the last one counts, as jansson has it.
static bool s_top_member(scan_t *scan, int depth, void *context) {
    const uint8_t *value, *name = scan->at + 1;
    bool escaped;
    if (!s_string(scan, &escaped) || escaped) {
        return false;
    }
    hf_field_t *field = s_wanted(context, name, (size_t)(scan->at - 1 - name));
    if (!s_member_value(scan, depth, &value)) {
        return false;
    }
    if (field) {
        field->text = (const char *)value;
        field->size = (size_t)(scan->at - value);
    }
    return true;
}

bool hf_fields_find(const void *text, size_t size, hf_field_t *fields, size_t fields_size) {
    const uint8_t *bytes = size ? text : (const void *)"";
    scan_t scan = {bytes, bytes + size};
    wanted_t wanted = {fields, fields_size};
    for (size_t i = 0; i < fields_size; i++) {
        fields[i].text = NULL;
        fields[i].size = 0;
    }
    s_skip_space(&scan);
    if (s_peek(&scan) != '{' || !s_items(&scan, '}', 1, s_top_member, &wanted)) {
        return false;
    }
    s_skip_space(&scan);
    return scan.at == scan.end;
}

//  ---- as jansson's values

//  What was found sound is sound. Most are strings without an escape, which need no parser.
static json_t *s_load(const hf_field_t *field) {
    if (*field->text == '"' && !memchr(field->text, '\\', field->size)) {
        return json_stringn_nocheck(field->text + 1, field->size - 2);
    }
    return json_loadb(field->text, field->size, JSON_DECODE_ANY, NULL);
}

json_t *hf_fields_load(const void *text, size_t size, hf_field_t *fields, size_t fields_size,
                       json_error_t *error) {
    if (!hf_fields_find(text, size, fields, fields_size)) {
        return json_loadb(size ? text : "", size, JSON_DECODE_ANY, error);
    }
    json_t *object = json_object();
    for (size_t i = 0; i < fields_size; i++) {
        const hf_field_t *field = &fields[i];
        if (field->text) {
            int rc = json_object_setn_new_nocheck(object, field->name, field->name_size, s_load(field));
            assert(rc == 0);
        }
    }
    return object;
}
