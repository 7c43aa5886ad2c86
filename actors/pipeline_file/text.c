#include "pipeline_file/text.h"
#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *hf_zpl_room(void *array, size_t size, size_t element) {
    if ((size & (size - 1)) == 0) {
        array = realloc(array, (size ? size * 2 : 1) * element);
        assert(array && "out of memory");
    }
    return array;
}

char *hf_zpl_vformat(const char *format, va_list args) {
    hf_buf_t out = {0};
    size_t size;
    hf_buf_add(&out, "", 0);
    hf_buf_addv(&out, format, args);
    return (char *)hf_buf_release(&out, &size);
}

char *hf_zpl_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = hf_zpl_vformat(format, args);
    va_end(args);
    return text;
}

hf_zpl_shown_t hf_zpl_shown(const char *text, size_t size) {
    hf_zpl_shown_t shown = {0};
    if (size <= HF_ZPL_SHOWN_MAX) {
        memcpy(shown.text, text, size);
        return shown;
    }
    size_t cut = HF_ZPL_SHOWN_MAX;
    while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80) {
        cut--;
    }
    memcpy(shown.text, text, cut);
    memcpy(shown.text + cut, "…", sizeof "…");
    return shown;
}

bool hf_zpl_is_blank(char c) {
    return c == ' ' || c == '\t';
}

bool hf_zpl_is_printable(const char *text) {
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}
