/*  What may stand in an HTTP header as its value (RFC 9110, 5.5).  */

#ifndef HF_FIELD_VALUE_H
#define HF_FIELD_VALUE_H

#include <stdbool.h>

//  HTAB, visible characters and whatever lies beyond ASCII: no line break, no other control character.
bool hf_field_value_is_clean(const char *text);

#endif
