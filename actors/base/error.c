#include "base/error.h"

#include <stdio.h>
#include <string.h>

int hf_error_set(hf_error_t *error, const char *format, ...) {
    if (error) {
        va_list args;
        va_start(args, format);
        vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
    }
    return -1;
}

int hf_error_wrap(hf_error_t *error, const char *format, ...) {
    if (error) {
        char inner[sizeof error->text];
        memcpy(inner, error->text, sizeof inner);
        va_list args;
        va_start(args, format);
        int used = vsnprintf(error->text, sizeof error->text, format, args);
        va_end(args);
        if (used >= 0 && (size_t)used < sizeof error->text) {
            strncat(error->text, ": ", sizeof error->text - strlen(error->text) - 1);
            strncat(error->text, inner, sizeof error->text - strlen(error->text) - 1);
        }
    }
    return -1;
}
