#include "base/units.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    S_RATE_DIGITS_MAX = 12, //  Digits of a rate: a double holds that many exactly
};

//  A unit is its name and what one of it is worth; a table of them begins with the smallest.
typedef struct {
    const char *name; //  What stands behind the number
    uint64_t worth;   //  In the smallest unit
} unit_t;

static const unit_t s_durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {"d", 24 * 60 * 60 * 1000}};
static const unit_t s_sizes[] = {{"", 1},
                                 {"K", UINT64_C(1) << 10},
                                 {"M", UINT64_C(1) << 20},
                                 {"G", UINT64_C(1) << 30},
                                 {"T", UINT64_C(1) << 40}};
static const unit_t s_rates[] = {{"s", 1}, {"m", 60}, {"h", 60 * 60}, {"d", 24 * 60 * 60}};

#define SIZE(array) (sizeof(array) / sizeof *(array))

static bool s_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const unit_t *s_unit(const unit_t *units, size_t size, const char *name) {
    for (size_t number = 0; number < size; number++) {
        if (strcmp(units[number].name, name) == 0) {
            return units + number;
        }
    }
    return NULL;
}

//  A whole number and a unit, as a number of the smallest unit up to max.
static int s_parse(const char *text, const unit_t *units, size_t size, uint64_t max, uint64_t *value) {
    if (!s_is_digit(*text)) {
        return -1;
    }
    uint64_t number = 0;
    for (; s_is_digit(*text); text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (number > (max - digit) / 10) {
            return -1;
        }
        number = number * 10 + digit;
    }
    const unit_t *unit = s_unit(units, size, text);
    if (!unit || number > max / unit->worth) {
        return -1;
    }
    *value = number * unit->worth;
    return 0;
}

int hf_duration_parse(const char *text, int64_t *ms) {
    uint64_t value;
    if (s_parse(text, s_durations, SIZE(s_durations), INT64_MAX, &value)) {
        return -1;
    }
    *ms = (int64_t)value;
    return 0;
}

int hf_size_parse(const char *text, size_t *bytes) {
    char upper[32]; //  Whatever is longer is no size: 20 digits fill 64 bits
    size_t length = strlen(text);
    if (length >= sizeof upper) {
        return -1;
    }
    for (size_t place = 0; place <= length; place++) {
        upper[place] = strchr("kmgt", text[place]) && text[place] ? (char)(text[place] - 32) : text[place];
    }
    uint64_t value;
    if (s_parse(upper, s_sizes, SIZE(s_sizes), SIZE_MAX, &value)) {
        return -1;
    }
    *bytes = (size_t)value;
    return 0;
}

int hf_rate_parse(const char *text, double *per_second) {
    double number = 0, fraction = 1;
    int digits = 0, points = 0;
    for (; s_is_digit(*text) || (*text == '.' && digits > 0 && s_is_digit(text[1]) && points == 0); text++) {
        if (*text == '.') {
            points = 1;
            continue;
        }
        number = number * 10 + (*text - '0');
        fraction = points ? fraction * 10 : fraction;
        digits++;
        if (digits > S_RATE_DIGITS_MAX) {
            return -1;
        }
    }
    const unit_t *unit = *text == '/' ? s_unit(s_rates, SIZE(s_rates), text + 1) : NULL;
    if (!unit || number <= 0) {
        return -1;
    }
    *per_second = number / fraction / (double)unit->worth;
    return 0;
}

//  In the largest unit that divides it.
static void s_format(uint64_t value, const char *sign, const unit_t *units, size_t size, char out[32]) {
    size_t number = size - 1;
    while (number > 0 && (value == 0 || value % units[number].worth)) {
        number--;
    }
    snprintf(out, 32, "%s%llu%s", sign, (unsigned long long)(value / units[number].worth),
             units[number].name);
}

void hf_duration_format(int64_t ms, char out[32]) {
    uint64_t value = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    s_format(value, ms < 0 ? "-" : "", s_durations, SIZE(s_durations), out);
}

void hf_size_format(size_t bytes, char out[32]) {
    s_format(bytes, "", s_sizes, SIZE(s_sizes), out);
}

void hf_rate_format(double per_second, char out[32]) {
    for (size_t number = 0; number < SIZE(s_rates); number++) {
        double value = per_second * (double)s_rates[number].worth;
        if (!(value >= 0.5 && value < 1e12)) {
            continue;
        }
        double whole = (double)(int64_t)(value + 0.5);
        double error = value > whole ? value - whole : whole - value;
        if (error < 1e-9 * whole) {
            snprintf(out, 32, "%.0f/%s", whole, s_rates[number].name);
            return;
        }
    }
    snprintf(out, 32, "%.6g/s", per_second);
}
