#include "base/field_value.h"

bool hf_field_value_is_clean(const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < ' ' && c != '\t') || c == 127) {
            return false;
        }
    }
    return true;
}
