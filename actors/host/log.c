#include "host/log.h"
#include "host/clock.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 4096,       //  PIPE_BUF: what a pipe takes in one piece
    MESSAGE_MAX = 4096,          //  Bytes of a message before it is escaped
    LIMIT_US = 60 * 1000 * 1000, //  One line a minute for each limit
    NAME_MAX_BYTES = 32,         //  The longest actor's name is "supervisor"
};

static char s_name[NAME_MAX_BYTES] = "holdfast"; //  Whose lines these are

void hf_log_open(const char *name) {
    snprintf(s_name, sizeof s_name, "%s", name);
}

//  Bytes of the valid UTF-8 character that begins here, or 0 (RFC 3629: no overlong forms, no surrogates,
//  none above U+10FFFF).
static size_t s_utf8_size(const unsigned char *at) {
    if (at[0] < 0x80) {
        return 1;
    }
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool wrong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
                 (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
    return wrong ? 0 : size;
}

//  One character of text as it may be shown, in out (at most 5 bytes and a NUL). Returns how many bytes of
//  text it was.
static size_t s_shown(const unsigned char *at, char out[8]) {
    static const char names[] = "abtnvfr"; //  The escapes of 0x07 to 0x0d
    size_t size = s_utf8_size(at);
    bool c1 = size == 2 && at[0] == 0xc2 && at[1] < 0xa0;
    if (size == 1 && (*at == '\\' || (*at >= 7 && *at <= 13))) {
        snprintf(out, 8, "\\%c", *at == '\\' ? '\\' : names[*at - 7]);
    } else if (size == 0 || c1 || *at < 0x20 || *at == 0x7f) {
        snprintf(out, 8, "\\x%02x", c1 ? at[1] : at[0]);
        return c1 ? 2 : 1;
    } else {
        memcpy(out, at, size);
        out[size] = 0;
    }
    return size;
}

size_t hf_log_escape(char *line, size_t size, size_t used, const char *text) {
    assert(used < size);
    const unsigned char *at = (const unsigned char *)text;
    while (*at) {
        char shown[8];
        at += s_shown(at, shown);
        size_t length = strlen(shown);
        if (used + length >= size) {
            break;
        }
        memcpy(line + used, shown, length);
        used += length;
    }
    line[used] = 0;
    return used;
}

static bool s_is_colourful(void) {
    static int known = -1;
    if (known < 0) {
        const char *term = getenv("TERM");
        const char *no = getenv("NO_COLOR");
        known = isatty(STDERR_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
    }
    return known;
}

//  A reader that went away or a full non-blocking pipe must not stop an actor: the line is lost.
static void s_write(const char *line, size_t size) {
    while (size > 0) {
        ssize_t sent = write(STDERR_FILENO, line, size);
        if (sent < 0 && errno != EINTR) {
            return;
        }
        line += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void s_log(hf_log_level_t level, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static void s_log(hf_log_level_t level, const char *format, va_list args) {
    static const char *const words[] = {
        [HF_LOG_WARN] = "warn ", [HF_LOG_ERROR] = "error", [HF_LOG_INFO] = "info "};
    static const char *const colours[] = {
        [HF_LOG_WARN] = "\033[33m", [HF_LOG_ERROR] = "\033[31m", [HF_LOG_INFO] = ""};
    char message[MESSAGE_MAX], line[LINE_MAX_BYTES], time[HF_CLOCK_TEXT];
    int saved = errno;
    vsnprintf(message, sizeof message, format, args);
    hf_clock_format(hf_clock_now_ms(), time);
    bool colour = s_is_colourful() && *colours[level];
    int head = snprintf(line, sizeof line, "%s %s%s%s %s: ", time, colour ? colours[level] : "", words[level],
                        colour ? "\033[0m" : "", s_name);
    assert(head > 0 && (size_t)head < sizeof line / 2);
    size_t used = hf_log_escape(line, sizeof line - 1, (size_t)head, message);
    line[used++] = '\n';
    s_write(line, used);
    errno = saved;
}

void hf_log_info(const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_log(HF_LOG_INFO, format, args);
    va_end(args);
}

void hf_log_warn(const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_log(HF_LOG_WARN, format, args);
    va_end(args);
}

void hf_log_error(const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_log(HF_LOG_ERROR, format, args);
    va_end(args);
}

static void s_log_counted(hf_log_limit_t *limit, const char *message) {
    char count[64] = "";
    if (limit->suppressed) {
        snprintf(count, sizeof count, " (%llu more like this were not shown)",
                 (unsigned long long)limit->suppressed);
    }
    switch (limit->level) {
    case HF_LOG_INFO:
        hf_log_info("%s%s", message, count);
        break;
    case HF_LOG_ERROR:
        hf_log_error("%s%s", message, count);
        break;
    default:
        hf_log_warn("%s%s", message, count);
    }
}

void hf_log_limited(hf_log_limit_t *limit, const char *format, ...) {
    int64_t now = hf_clock_now_us();
    if (limit->next_us && now < limit->next_us) {
        limit->suppressed++;
        return;
    }
    char message[MESSAGE_MAX / 2];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    s_log_counted(limit, message);
    limit->next_us = now + LIMIT_US;
    limit->suppressed = 0;
}
