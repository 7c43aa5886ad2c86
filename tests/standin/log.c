#include "log.h"

#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

//  Tests wait for lines, so they may not stay here long; a write for each would halve the stand-in's rate.
#define LOG_FLUSH_MS     50
#define LOG_BUFFER_BYTES (256 * 1024)

//  A path is cut here and a header's value there, so that a line always fits.
#define LOG_PATH_BYTES   8192
#define LOG_HEADER_BYTES 512
#define LOG_LINE_BYTES   (LOG_PATH_BYTES + 3 * LOG_HEADER_BYTES + 128)

struct standin_log {
    int fd;                        //  The file, opened for appending
    size_t size;                   //  Bytes that wait in the buffer
    int64_t due_ms;                //  Steady time by which they must be written
    char buffer[LOG_BUFFER_BYTES]; //  Whole lines only
};

standin_log_t *standin_log_new(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0) {
        return NULL;
    }
    standin_log_t *self = standin_realloc(NULL, sizeof *self);
    self->fd = fd;
    self->size = 0;
    self->due_ms = INT64_MAX;
    return self;
}

void standin_log_destroy(standin_log_t **self_p) {
    assert(self_p);
    if (*self_p) {
        standin_log_flush(*self_p);
        close((*self_p)->fd);
        free(*self_p);
        *self_p = NULL;
    }
}

//  Puts text where to points, without what would break a line or a column, and a separator behind it.
static char *s_add_text(char *to, const char *text, size_t most, char separator) {
    if (!text || !*text) {
        text = "-";
    }
    for (size_t index = 0; text[index] && index < most; index++) {
        unsigned char byte = (unsigned char)text[index];
        *to++ = byte <= ' ' || byte == 0x7f ? '_' : (char)byte;
    }
    *to++ = separator;
    return to;
}

static char *s_add_number(char *to, uint64_t number) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    while (count) {
        *to++ = digits[--count];
    }
    *to++ = ' ';
    return to;
}

static char *s_add_hash(char *to, uint64_t hash) {
    for (int shift = 60; shift >= 0; shift -= 4) {
        *to++ = "0123456789abcdef"[hash >> shift & 15];
    }
    *to++ = ' ';
    return to;
}

void standin_log_add(standin_log_t *self, int64_t now_ms, const standin_log_line_t *line) {
    if (!self) {
        return;
    }
    //  Under load the loop may look at the time late; a line that comes then flushes what waits.
    if (LOG_BUFFER_BYTES - self->size < LOG_LINE_BYTES || now_ms >= self->due_ms) {
        standin_log_flush(self);
    }
    if (!self->size) {
        self->due_ms = now_ms + LOG_FLUSH_MS;
    }
    char *to = self->buffer + self->size;
    to = s_add_number(to, (uint64_t)line->time_ms);
    to = s_add_text(to, line->outcome, LOG_HEADER_BYTES, ' ');
    to = s_add_text(to, line->key, LOG_HEADER_BYTES, ' ');
    to = s_add_text(to, line->attempt, LOG_HEADER_BYTES, ' ');
    to = s_add_hash(to, line->hash);
    to = s_add_number(to, line->body_bytes);
    to = s_add_text(to, line->path, LOG_PATH_BYTES, '\n');
    self->size = (size_t)(to - self->buffer);
    assert(self->size <= LOG_BUFFER_BYTES);
}

void standin_log_flush(standin_log_t *self) {
    if (!self) {
        return;
    }
    for (size_t written = 0; written < self->size;) {
        ssize_t count = write(self->fd, self->buffer + written, self->size - written);
        if (count < 0 && errno != EINTR) {
            fprintf(stderr, "stand-in: cannot write the log: %s; make room and start again\n",
                    strerror(errno));
            _exit(1);
        }
        written += count > 0 ? (size_t)count : 0;
    }
    self->size = 0;
    self->due_ms = INT64_MAX;
}

int64_t standin_log_due_ms(const standin_log_t *self) {
    return self ? self->due_ms : INT64_MAX;
}
