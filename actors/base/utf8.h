/*  UTF-8 (RFC 3629): is this text, and how long is its next character.  */

#ifndef HF_UTF8_H
#define HF_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  How many bytes the character there takes, 1 to 4, or 0 where there is none; size is at least 1.
size_t hf_utf8_character(const uint8_t *text, size_t size);
bool hf_utf8_is_valid(const void *text, size_t size);

#endif
