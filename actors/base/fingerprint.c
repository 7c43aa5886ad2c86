#include "base/fingerprint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    UUID = 36,   //  Characters of a UUID
    HEX_MIN = 8, //  Hexadecimal digits that no word has by chance
};

typedef struct {
    char *text;  //  The pattern
    size_t size; //  Bytes of it, at most HF_PATTERN_MAX
} pattern_t;

static bool s_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool s_is_hex(char c) {
    return s_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool s_is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c > 0x7f;
}

static bool s_is_inside(char c) {
    return s_is_letter(c) || s_is_digit(c);
}

static bool s_joins(char c) {
    return c == '-' || c == '.' || c == ':';
}

static void s_add(pattern_t *pattern, const char *text, size_t size) {
    size_t room = HF_PATTERN_MAX - pattern->size;
    size_t taken = size < room ? size : room;
    memcpy(pattern->text + pattern->size, text, taken);
    pattern->size += taken;
}

//  Bytes of the word that begins there, 0: none does.
static size_t s_word(const char *text) {
    size_t size = 0;
    while (s_is_inside(text[size]) || (size > 0 && s_joins(text[size]) && s_is_inside(text[size + 1]))) {
        size++;
    }
    return size;
}

static bool s_is_uuid(const char *word, size_t size) {
    for (size_t i = 0; i < size; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? word[i] != '-' : !s_is_hex(word[i])) {
            return false;
        }
    }
    return size == UUID;
}

static bool s_is_status(const char *word, size_t size, uint32_t http_status) {
    return size == 3 && s_is_digit(word[0]) && s_is_digit(word[1]) && s_is_digit(word[2]) &&
           strtoul((char[]){word[0], word[1], word[2], 0}, NULL, 10) == http_status;
}

//  How many bytes of a part stay before its '#'; its whole size: there is nothing to take out.
static size_t s_kept(const char *part, size_t size) {
    size_t hex = 0, digits = 0, letters = 0;
    while (letters < size && !s_is_digit(part[letters])) {
        letters++;
    }
    for (size_t i = 0; i < size; i++) {
        hex += s_is_hex(part[i]);
        digits += s_is_digit(part[i]);
    }
    bool is_id = hex == size && size >= HEX_MIN && digits > 0;
    return digits == 0 ? size : !is_id && letters + digits == size ? letters : 0;
}

//  One part and the joint before it (0: it is the first). bare: the part before became '#' alone; returns that of this one.
static bool s_add_part(pattern_t *pattern, char joint, const char *part, size_t size, bool bare) {
    size_t kept = s_kept(part, size);
    if (kept == 0 && bare) {
        return true;
    }
    s_add(pattern, &joint, joint != 0);
    s_add(pattern, part, kept);
    s_add(pattern, "#", kept < size);
    return kept == 0;
}

static void s_add_word(pattern_t *pattern, const char *word, size_t size) {
    bool bare = false;
    char joint = 0;
    for (size_t from = 0; from < size;) {
        size_t to = from;
        while (to < size && !s_joins(word[to])) {
            to++;
        }
        bare = s_add_part(pattern, joint, word + from, to - from, bare);
        joint = to < size ? word[to] : 0;
        from = to + 1;
    }
}

//  A character that was cut in the middle goes wholly.
static void s_end(pattern_t *pattern, bool cut) {
    while (cut && pattern->size > 0 && (pattern->text[pattern->size - 1] & 0xc0) == 0x80) {
        pattern->size--;
    }
    if (cut && pattern->size > 0 && (unsigned char)pattern->text[pattern->size - 1] > 0x7f) {
        pattern->size--;
    }
    pattern->text[pattern->size] = 0;
}

size_t hf_fingerprint_pattern(const char *reason, uint32_t http_status, char text[HF_PATTERN_MAX + 1]) {
    pattern_t pattern = {text, 0};
    while (*reason && pattern.size < HF_PATTERN_MAX) {
        size_t size = s_word(reason);
        if (size == 0) {
            size = 1;
            s_add(&pattern, reason, size);
        } else if (s_is_status(reason, size, http_status)) {
            s_add(&pattern, reason, size);
        } else if (s_is_uuid(reason, size)) {
            s_add(&pattern, "#", 1);
        } else {
            s_add_word(&pattern, reason, size);
        }
        reason += size;
    }
    s_end(&pattern, pattern.size == HF_PATTERN_MAX);
    return pattern.size;
}
