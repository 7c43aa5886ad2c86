#include "response.h"

#include <string.h>
#include <strings.h>

void load_response_reset(load_response_t *self) {
    self->status = 0;
    self->head_read = self->closes = self->sized = false;
    self->lines = 0;
    self->body_bytes = self->body_read = 0;
    self->line_size = 0;
}

//  "HTTP/1.1 202 Accepted"
static int s_read_status(load_response_t *self, const char *line) {
    if (strncmp(line, "HTTP/1.1 ", 9) != 0) {
        return -1;
    }
    for (int index = 9; index < 12; index++) {
        if (line[index] < '0' || line[index] > '9') {
            return -1;
        }
        self->status = self->status * 10 + line[index] - '0';
    }
    return (line[12] == ' ' || !line[12]) && self->status >= 200 && self->status <= 599 ? 0 : -1;
}

static int s_read_length(load_response_t *self, const char *value) {
    int64_t length = 0;
    size_t digits = strspn(value, "0123456789");
    if (self->sized || !digits || digits > 15 || value[digits + strspn(value + digits, " \t")]) {
        return -1;
    }
    for (size_t index = 0; index < digits; index++) {
        length = length * 10 + value[index] - '0';
    }
    self->sized = true;
    self->body_bytes = length;
    return 0;
}

static int s_read_header(load_response_t *self, const char *line) {
    size_t name = strcspn(line, ":");
    if (!line[name] || !name || strcspn(line, " \t") < name) {
        return -1;
    }
    const char *value = line + name + 1 + strspn(line + name + 1, " \t");
    if (name == 14 && !strncasecmp(line, "Content-Length", name)) {
        return s_read_length(self, value);
    }
    if (name == 17 && !strncasecmp(line, "Transfer-Encoding", name)) {
        return -1;
    }
    if (name == 10 && !strncasecmp(line, "Connection", name)) {
        self->closes = strcasestr(value, "close") != NULL;
    }
    return 0;
}

//  The empty line was read.
static int s_end_head(load_response_t *self) {
    bool bodiless = self->status == 204 || self->status == 304;
    if (bodiless) {
        self->body_bytes = 0;
    }
    self->head_read = true;
    return self->lines && (self->sized || bodiless) ? 0 : -1;
}

static int s_read_line(load_response_t *self, char *line, size_t size) {
    if (!size || line[size - 1] != '\r' || memchr(line, '\0', size)) {
        return -1;
    }
    line[size - 1] = '\0';
    if (size == 1) {
        return s_end_head(self);
    }
    if (++self->lines > LOAD_RESPONSE_LINES_MOST) {
        return -1;
    }
    return self->lines == 1 ? s_read_status(self, line) : s_read_header(self, line);
}

static long s_read_head(load_response_t *self, const char *data, size_t size) {
    size_t used = 0;
    while (used < size && !self->head_read) {
        const char *end = memchr(data + used, '\n', size - used);
        size_t count = end ? (size_t)(end - data) - used : size - used;
        if (count > sizeof self->line - self->line_size) {
            return -1;
        }
        memcpy(self->line + self->line_size, data + used, count);
        self->line_size += count;
        used += count;
        if (end) {
            used++;
            if (s_read_line(self, self->line, self->line_size) != 0) {
                return -1;
            }
            self->line_size = 0;
        }
    }
    return (long)used;
}

long load_response_read(load_response_t *self, const char *data, size_t size, bool *done) {
    *done = false;
    long head = self->head_read ? 0 : s_read_head(self, data, size);
    if (head < 0 || !self->head_read) {
        return head;
    }
    size_t count = size - (size_t)head;
    int64_t left = self->body_bytes - self->body_read;
    count = (int64_t)count > left ? (size_t)left : count;
    if (self->body_read < LOAD_RESPONSE_KEPT_BYTES) {
        size_t room = (size_t)(LOAD_RESPONSE_KEPT_BYTES - self->body_read);
        memcpy(self->body + self->body_read, data + head, count < room ? count : room);
    }
    self->body_read += (int64_t)count;
    if (self->body_read == self->body_bytes) {
        *done = true;
        self->body[self->body_bytes < LOAD_RESPONSE_KEPT_BYTES ? self->body_bytes
                                                               : LOAD_RESPONSE_KEPT_BYTES] = '\0';
    }
    return head + (long)count;
}
