#include "base/rfc3339.h"

#include <stdbool.h>
#include <stddef.h>

#define DAY_MS INT64_C(86400000)

//  Years are counted from March, in eras of 400.
int64_t hf_days_from_civil(int64_t year, int64_t month, int64_t day) {
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void s_civil_from_days(int64_t days, int *year, int *month, int *day) {
    days += 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

//  Exactly so many digits; returns what follows, or NULL.
static const char *s_digits(const char *text, int size, int *value) {
    *value = 0;
    for (int place = 0; text && place < size; place++) {
        if (text[place] < '0' || text[place] > '9') {
            return NULL;
        }
        *value = *value * 10 + (text[place] - '0');
    }
    return text ? text + size : NULL;
}

static const char *s_one_of(const char *text, char a, char b) {
    return text && (*text == a || *text == b) ? text + 1 : NULL;
}

//  ".123…", or nothing.
static const char *s_fraction(const char *text, int *ms) {
    *ms = 0;
    if (!text || *text != '.') {
        return text;
    }
    const char *digit = text + 1;
    for (int weight = 100; *digit >= '0' && *digit <= '9'; digit++, weight /= 10) {
        *ms += (*digit - '0') * weight;
    }
    return digit > text + 1 ? digit : NULL;
}

//  "Z" or "+hh:mm"; minutes east of UTC.
static const char *s_offset(const char *text, int *minutes) {
    int hour, minute;
    *minutes = 0;
    if (!text || *text == 'Z' || *text == 'z') {
        return text ? text + 1 : NULL;
    }
    const char *rest = s_digits(s_one_of(text, '+', '-'), 2, &hour);
    rest = s_digits(s_one_of(rest, ':', ':'), 2, &minute);
    if (!rest || hour > 23 || minute > 59) {
        return NULL;
    }
    *minutes = (hour * 60 + minute) * (*text == '-' ? -1 : 1);
    return rest;
}

static bool s_is_date(int year, int month, int day) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (month == 2 && leap);
}

int hf_rfc3339_parse(const char *text, int64_t *ms) {
    int year, month, day, hour, minute, second, fraction, offset;
    const char *rest = s_digits(text, 4, &year);
    rest = s_digits(s_one_of(rest, '-', '-'), 2, &month);
    rest = s_digits(s_one_of(rest, '-', '-'), 2, &day);
    rest = s_digits(s_one_of(rest, 'T', 't'), 2, &hour);
    rest = s_digits(s_one_of(rest, ':', ':'), 2, &minute);
    rest = s_digits(s_one_of(rest, ':', ':'), 2, &second);
    rest = s_offset(s_fraction(rest, &fraction), &offset);
    if (!rest || *rest || !s_is_date(year, month, day) || hour > 23 || minute > 59 || second > 60) {
        return -1;
    }
    int64_t seconds = hour * 3600 + minute * 60 + second - offset * INT64_C(60);
    int64_t at = hf_days_from_civil(year, month, day) * DAY_MS + seconds * 1000 + fraction;
    if (at < 0 || at > HF_RFC3339_MAX_MS) {
        return -1;
    }
    *ms = at;
    return 0;
}

static char *s_put(char *to, int value, int size, char behind) {
    for (int place = size - 1; place >= 0; place--) {
        to[place] = (char)('0' + value % 10);
        value /= 10;
    }
    to[size] = behind;
    return to + size + 1;
}

void hf_rfc3339_format(int64_t ms, char text[HF_RFC3339_TEXT]) {
    int year, month, day;
    ms = ms < 0 ? 0 : ms > HF_RFC3339_MAX_MS ? HF_RFC3339_MAX_MS : ms;
    s_civil_from_days(ms / DAY_MS, &year, &month, &day);
    int of_day = (int)(ms % DAY_MS);
    text = s_put(text, year, 4, '-');
    text = s_put(text, month, 2, '-');
    text = s_put(text, day, 2, 'T');
    text = s_put(text, of_day / 3600000, 2, ':');
    text = s_put(text, of_day / 60000 % 60, 2, ':');
    text = s_put(text, of_day / 1000 % 60, 2, '.');
    text = s_put(text, of_day % 1000, 3, 'Z');
    *text = 0;
}
