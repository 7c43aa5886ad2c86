/*  Texts of messages, and small looks at a text.  */

#ifndef HF_PIPELINE_FILE_TEXT_H
#define HF_PIPELINE_FILE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    HF_ZPL_SHOWN_MAX = 60, //  Bytes of a user's text that a message repeats
};

#define HF_ZPL_SIZE(array) (sizeof(array) / sizeof *(array))

//  The array with room for one more element: it doubles at each power of two.
void *hf_zpl_room(void *array, size_t size, size_t element);

//  A text of its own; the caller frees it.
char *hf_zpl_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *hf_zpl_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

//  The beginning of a user's text, whole characters only.
typedef struct {
    char text[HF_ZPL_SHOWN_MAX + 4]; //  With "…" where it was cut
} hf_zpl_shown_t;

hf_zpl_shown_t hf_zpl_shown(const char *text, size_t size);

//  For the length of one statement.
#define HF_ZPL_SHOWN(string) (hf_zpl_shown((string), strlen(string)).text)

//  A space or TAB.
bool hf_zpl_is_blank(char c);

//  Visible ASCII only, no spaces.
bool hf_zpl_is_printable(const char *text);

#endif
