/*  Times as people and HTTP headers write them: RFC 3339, section 5.6. Pure: the calendar is computed here
 * (days from civil and back, Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"), no time zone of
 * the machine is asked.  */

#ifndef HF_RFC3339_H
#define HF_RFC3339_H

#include <stdint.h>

enum { HF_RFC3339_TEXT = 25 }; //  "2026-07-24T10:00:00.000Z" and a NUL

//  The last millisecond that has four digits in its year.
#define HF_RFC3339_MAX_MS INT64_C(253402300799999)

//  Milliseconds since 1970 of a date-time with "Z" or an offset; digits behind the millisecond are cut,
//  second 60 counts as the next minute's first. Returns -1, and leaves ms alone, where the text is something
//  else, or before 1970.
int hf_rfc3339_parse(const char *text, int64_t *ms);

//  In UTC, with milliseconds. What is outside 1970 to 9999 is written as the nearer end.
void hf_rfc3339_format(int64_t ms, char text[HF_RFC3339_TEXT]);

//  Days since 1970-01-01 of a date in the Gregorian calendar; month and day from 1.
int64_t hf_days_from_civil(int64_t year, int64_t month, int64_t day);

#endif
