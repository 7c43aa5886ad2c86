/*  Durations (250ms 10s 15m 24h 7d), sizes (512 64K 1M 4G 2T, multiples of 1024) and rates (100/s 10/m
 * 0.5/s), as people write them in pipeline files and HTTP headers. Pure; nothing but the whole text is read,
 * and nothing overflows.  */

#ifndef HF_UNITS_H
#define HF_UNITS_H

#include <stddef.h>
#include <stdint.h>

//  What to show to somebody who wrote something else.
#define HF_DURATION_EXAMPLE "250ms, 10s, 15m, 24h or 7d"
#define HF_SIZE_EXAMPLE     "64K, 1M or 4G"
#define HF_RATE_EXAMPLE     "100/s or 10/m"

//  A whole number and one of ms s m h d, nothing around it. Returns -1, and leaves ms alone, where the text
//  is something else or does not fit.
int hf_duration_parse(const char *text, int64_t *ms);

//  A whole number of bytes, or of K M G T (either case; 1024 each). Returns -1 as above.
int hf_size_parse(const char *text, size_t *bytes);

//  A number over 0, with at most 12 digits and perhaps a decimal point, "/", and one of s m h d. Returns -1
//  as above.
int hf_rate_parse(const char *text, double *per_second);

//  The shortest exact text that the parser above reads back: 90000 is "90s", 3600000 is "1h". A negative
//  duration gets a '-' (and is not read back).
void hf_duration_format(int64_t ms, char out[32]);
void hf_size_format(size_t bytes, char out[32]);

//  In the first of s m h d that makes a whole number of it, else in /s with six digits.
void hf_rate_format(double per_second, char out[32]);

#endif
