#include "base/utf8.h"

//  RFC 3629, section 4: the table of well-formed byte sequences.
size_t hf_utf8_character(const uint8_t *text, size_t size) {
    uint8_t first = text[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                    : (first & 0xf0) == 0xe0         ? 3
                    : first >= 0xf0 && first <= 0xf4 ? 4
                                                     : 0;
    if (length == 0 || length > size) {
        return 0;
    }
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (text[1] < low || text[1] > high) {
        return 0;
    }
    for (size_t place = 2; place < length; place++) {
        if ((text[place] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return length;
}

bool hf_utf8_is_valid(const void *text, size_t size) {
    const uint8_t *bytes = text;
    for (size_t place = 0; place < size;) {
        size_t length = hf_utf8_character(bytes + place, size - place);
        if (!length) {
            return false;
        }
        place += length;
    }
    return true;
}
