#include "call/outcome.h"
#include "base/rfc3339.h"

#include <stdio.h>
#include <string.h>

//  ---- class and reason

//  IANA's "HTTP Status Code Registry".
static const struct {
    int status;         //  HTTP status
    const char *phrase; //  Its words
} s_phrases[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *hf_outcome_phrase(int status) {
    for (size_t number = 0; number < sizeof s_phrases / sizeof *s_phrases; number++) {
        if (s_phrases[number].status == status) {
            return s_phrases[number].phrase;
        }
    }
    return "";
}

static void s_status_text(int status, char text[64]) {
    const char *phrase = hf_outcome_phrase(status);
    snprintf(text, 64, "%d%s%s", status, *phrase ? " " : "", phrase);
}

static void s_duration_text(int64_t ms, char text[32]) {
    if (ms % 1000 == 0) {
        snprintf(text, 32, "%lld s", (long long)(ms / 1000));
    } else {
        snprintf(text, 32, "%lld ms", (long long)ms);
    }
}

static hf_class_t s_answered(const hf_call_result_t *result, const hf_destination_t *destination,
                             char *reason, size_t reason_size) {
    char status[64];
    s_status_text(result->status, status);
    bool redirect = result->status >= 300 && result->status <= 399 && result->status != 304;
    snprintf(reason, reason_size, "answered %s%s", status, redirect ? "; redirects are not followed" : "");
    if (result->status >= 200 && result->status <= 299) {
        return HF_CLASS_SUCCEEDED;
    }
    return hf_status_set_has(&destination->reject, result->status) ? HF_CLASS_REJECTED : HF_CLASS_FAILED;
}

static const char *s_trouble(const hf_call_result_t *result) {
    return result->trouble && *result->trouble ? result->trouble : "the connection broke";
}

static void s_refused(const hf_call_result_t *result, const hf_destination_t *destination, char *reason,
                      size_t reason_size) {
    if (!result->timed_out) {
        snprintf(reason, reason_size, "%s", s_trouble(result));
        return;
    }
    char limit[32];
    bool whole = destination->timeout_ms < destination->connect_timeout_ms;
    s_duration_text(whole ? destination->timeout_ms : destination->connect_timeout_ms, limit);
    snprintf(reason, reason_size, "no connection%s%s within %s; nothing was sent", result->peer ? " to " : "",
             result->peer ? result->peer : "", limit);
}

static void s_uncertain(const hf_call_result_t *result, const hf_destination_t *destination, char *reason,
                        size_t reason_size) {
    char status[64], limit[32];
    s_status_text(result->status, status);
    s_duration_text(destination->timeout_ms, limit);
    if (result->timed_out && result->status) {
        snprintf(reason, reason_size, "the answer, %s, did not end within %s", status, limit);
    } else if (result->timed_out) {
        snprintf(reason, reason_size, "no answer within %s; the request was sent", limit);
    } else if (result->status) {
        snprintf(reason, reason_size, "the answer, %s, did not come whole: %s", status, s_trouble(result));
    } else {
        snprintf(reason, reason_size, "%s; the request was sent", s_trouble(result));
    }
}

//  Reasons stand in logs, tables and JSON: whatever came from outside is made visible ASCII.
static void s_clean(char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < ' ' || c > '~') {
            *text = '?';
        }
    }
}

hf_class_t hf_outcome_classify(const hf_call_result_t *result, const hf_destination_t *destination,
                               char *reason, size_t reason_size) {
    hf_class_t class = HF_CLASS_UNCERTAIN;
    if (result->answered && result->status) {
        class = s_answered(result, destination, reason, reason_size);
    } else if (!result->sent && !result->status) {
        class = HF_CLASS_REFUSED;
        s_refused(result, destination, reason, reason_size);
    } else {
        s_uncertain(result, destination, reason, reason_size);
    }
    s_clean(reason);
    return class;
}

//  ---- Retry-After

//  The year of a day since 1970, for what two digits mean.
static int64_t s_year(int64_t days) {
    int64_t year = 1970 + days * 400 / 146097;
    while (hf_days_from_civil(year + 1, 1, 1) <= days) {
        year++;
    }
    while (hf_days_from_civil(year, 1, 1) > days) {
        year--;
    }
    return year;
}

//  A date being read: what is left of the text, or NULL once it did not fit.
typedef struct {
    const char *rest;                               //  Not read yet
    int64_t year, month, day, hour, minute, second; //  What was read
} date_t;

static void s_expect(date_t *date, const char *text) {
    if (date->rest) {
        size_t size = strlen(text);
        date->rest = strncmp(date->rest, text, size) == 0 ? date->rest + size : NULL;
    }
}

//  Exactly so many digits; where padded, the first may be a space.
static int64_t s_digits(date_t *date, int digits, bool padded) {
    int64_t value = 0;
    for (int place = 0; place < digits && date->rest; place++) {
        char c = *date->rest++;
        if (c >= '0' && c <= '9') {
            value = value * 10 + (c - '0');
        } else if (!(padded && place == 0 && c == ' ')) {
            date->rest = NULL;
        }
    }
    return value;
}

//  One of the names; its number from 1, or 0.
static int64_t s_name(date_t *date, const char *const *names, int64_t count) {
    for (int64_t number = 1; number <= count && date->rest; number++) {
        size_t size = strlen(names[number - 1]);
        if (strncmp(date->rest, names[number - 1], size) == 0) {
            date->rest += size;
            return number;
        }
    }
    date->rest = NULL;
    return 0;
}

static void s_read_month(date_t *date) {
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    date->month = s_name(date, months, 12);
}

static void s_read_time(date_t *date) {
    date->hour = s_digits(date, 2, false);
    s_expect(date, ":");
    date->minute = s_digits(date, 2, false);
    s_expect(date, ":");
    date->second = s_digits(date, 2, false);
}

//  IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
static void s_read_fixdate(date_t *date) {
    s_expect(date, ", ");
    date->day = s_digits(date, 2, false);
    s_expect(date, " ");
    s_read_month(date);
    s_expect(date, " ");
    date->year = s_digits(date, 4, false);
    s_expect(date, " ");
    s_read_time(date);
    s_expect(date, " GMT");
}

//  RFC 850: "Sunday, 06-Nov-94 08:49:37 GMT". A year that seems over 50 years ahead is the past one with
//  these digits.
static void s_read_rfc850(date_t *date, int64_t wall_now) {
    s_expect(date, ", ");
    date->day = s_digits(date, 2, false);
    s_expect(date, "-");
    s_read_month(date);
    s_expect(date, "-");
    int64_t digits = s_digits(date, 2, false);
    s_expect(date, " ");
    s_read_time(date);
    s_expect(date, " GMT");
    int64_t year = s_year(wall_now / 86400000);
    date->year = year - year % 100 + 100 + digits;
    while (date->year > year + 50) {
        date->year -= 100;
    }
}

//  asctime: "Sun Nov  6 08:49:37 1994".
static void s_read_asctime(date_t *date) {
    s_expect(date, " ");
    s_read_month(date);
    s_expect(date, " ");
    date->day = s_digits(date, 2, true);
    s_expect(date, " ");
    s_read_time(date);
    s_expect(date, " ");
    date->year = s_digits(date, 4, false);
}

static bool s_is_sound(const date_t *date) {
    static const int64_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return date->rest && !*date->rest && date->year >= 1970 && date->day >= 1 &&
           date->day <= days[date->month - 1] && date->hour <= 23 && date->minute <= 59 && date->second <= 60;
}

//  Milliseconds since 1970, or -1.
static int64_t s_date(const char *value, int64_t wall_now) {
    static const char *const long_names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                             "Friday", "Saturday", "Sunday"};
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    date_t date = {.rest = value};
    if (s_name(&date, long_names, 7)) {
        s_read_rfc850(&date, wall_now);
    } else {
        date.rest = value;
        s_name(&date, names, 7);
        if (date.rest && *date.rest == ',') {
            s_read_fixdate(&date);
        } else {
            s_read_asctime(&date);
        }
    }
    if (!s_is_sound(&date)) {
        return -1;
    }
    int64_t minutes = (hf_days_from_civil(date.year, date.month, date.day) * 24 + date.hour) * 60 +
                      date.minute;
    return (minutes * 60 + date.second) * 1000;
}

//  How long to wait, ms; -1: unreadable.
static int64_t s_wait(const char *value, int64_t wall_now) {
    size_t digits = strspn(value, "0123456789");
    if (digits == 0) {
        int64_t date = s_date(value, wall_now);
        return date < 0 ? -1 : date < wall_now ? 0 : date - wall_now;
    }
    if (value[digits]) {
        return -1;
    }
    int64_t seconds = 0;
    for (const char *c = value; *c && seconds * 1000 < HF_RETRY_AFTER_MAX_MS; c++) {
        seconds = seconds * 10 + (*c - '0');
    }
    return seconds * 1000;
}

int64_t hf_outcome_retry_after(const char *value, int64_t wall_now, int64_t now) {
    if (!value) {
        return 0;
    }
    char text[64];
    value += strspn(value, " \t");
    size_t size = strlen(value);
    while (size && (value[size - 1] == ' ' || value[size - 1] == '\t')) {
        size--;
    }
    if (size == 0 || size >= sizeof text) {
        return 0;
    }
    memcpy(text, value, size);
    text[size] = 0;
    int64_t wait = s_wait(text, wall_now);
    return wait < 0 ? 0 : now + (wait < HF_RETRY_AFTER_MAX_MS ? wait : HF_RETRY_AFTER_MAX_MS);
}
