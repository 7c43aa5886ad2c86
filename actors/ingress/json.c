#include "ingress/json.h"
#include "base/rfc3339.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void s_add(hf_json_t *self, const char *text) {
    hf_buf_add(self->out, text, strlen(text));
}

static void s_add_escape(hf_json_t *self, uint8_t c) {
    static const char hex[] = "0123456789abcdef";
    char code[6] = {'\\', (char)c};
    size_t size = 2;
    if (c == '\n' || c == '\r' || c == '\t') {
        code[1] = c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    } else if (c < 0x20 || c == 0x7f) {
        memcpy(code + 1, "u00", 3);
        code[4] = hex[c >> 4];
        code[5] = hex[c & 15];
        size = 6;
    }
    hf_buf_add(self->out, code, size);
}

static bool s_is_plain(uint8_t c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void s_add_text(hf_json_t *self, const uint8_t *text, size_t size) {
    hf_buf_add(self->out, "\"", 1);
    for (size_t place = 0; place < size;) {
        size_t plain = place;
        while (plain < size && s_is_plain(text[plain])) {
            plain++;
        }
        hf_buf_add(self->out, text + place, plain - place);
        place = plain;
        if (place == size) {
            break;
        }
        size_t length = hf_utf8_character(text + place, size - place);
        if (length == 1) {
            s_add_escape(self, text[place]);
        } else if (length) {
            hf_buf_add(self->out, text + place, length);
        } else {
            hf_buf_add(self->out, "\xef\xbf\xbd", 3);
        }
        place += length ? length : 1;
    }
    hf_buf_add(self->out, "\"", 1);
}

static void s_name(hf_json_t *self, const char *name) {
    if (self->comma) {
        hf_buf_add(self->out, ",", 1);
    }
    if (name) {
        hf_buf_add(self->out, "\"", 1);
        s_add(self, name);
        hf_buf_add(self->out, "\":", 2);
    }
    self->comma = true;
}

static void s_open(hf_json_t *self, const char *name, const char *bracket) {
    s_name(self, name);
    s_add(self, bracket);
    self->comma = false;
}

static void s_close(hf_json_t *self, const char *bracket) {
    s_add(self, bracket);
    self->comma = true;
}

void hf_json_object(hf_json_t *self, const char *name) {
    s_open(self, name, "{");
}

void hf_json_object_end(hf_json_t *self) {
    s_close(self, "}");
}

void hf_json_array(hf_json_t *self, const char *name) {
    s_open(self, name, "[");
}

void hf_json_array_end(hf_json_t *self) {
    s_close(self, "]");
}

void hf_json_string_n(hf_json_t *self, const char *name, const void *text, size_t size) {
    s_name(self, name);
    s_add_text(self, text, size);
}

void hf_json_string(hf_json_t *self, const char *name, const char *text) {
    if (text) {
        hf_json_string_n(self, name, text, strlen(text));
    } else {
        hf_json_null(self, name);
    }
}

void hf_json_filled(hf_json_t *self, const char *name, const char *text) {
    hf_json_string(self, name, text && *text ? text : NULL);
}

void hf_json_null(hf_json_t *self, const char *name) {
    s_name(self, name);
    s_add(self, "null");
}

void hf_json_bool(hf_json_t *self, const char *name, bool value) {
    s_name(self, name);
    s_add(self, value ? "true" : "false");
}

void hf_json_raw(hf_json_t *self, const char *name, const void *text, size_t size) {
    s_name(self, name);
    hf_buf_add(self->out, text, size);
    self->comma = true;
}

void hf_json_integer(hf_json_t *self, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    s_name(self, name);
    s_add(self, text);
}

void hf_json_milli(hf_json_t *self, const char *name, int64_t thousandths) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64 ".%03d", thousandths / 1000, (int)(thousandths % 1000));
    s_name(self, name);
    s_add(self, text);
}

void hf_json_time(hf_json_t *self, const char *name, int64_t ms) {
    char text[HF_RFC3339_TEXT];
    if (ms) {
        hf_rfc3339_format(ms, text);
    }
    hf_json_string(self, name, ms ? text : NULL);
}

void hf_json_id(hf_json_t *self, const char *name, const hf_id_t *id) {
    char text[HF_ID_TEXT];
    hf_id_format(id, text);
    hf_json_string_n(self, name, text, sizeof text - 1);
}

//  So many bytes that no character is cut in two.
static size_t s_whole(const uint8_t *data, size_t most) {
    size_t size = most;
    while (size > 0 && most - size < 3 && (data[size] & 0xc0) == 0x80) {
        size--;
    }
    return size;
}

void hf_json_bytes(hf_json_t *self, const char *name, const void *data, size_t size, size_t most, bool cut) {
    char member[80];
    size_t shown = size > most ? s_whole(data, most) : size;
    //  What was cut where it was kept may end in half a character.
    size_t valid = shown;
    while (cut && shown == size && valid > 0 && shown - valid < 4 && !hf_utf8_is_valid(data, valid)) {
        valid--;
    }
    bool text = hf_utf8_is_valid(data, valid);
    if (text) {
        hf_json_string_n(self, name, data, valid);
    } else {
        size_t encoded = sodium_base64_encoded_len(shown, sodium_base64_VARIANT_ORIGINAL);
        snprintf(member, sizeof member, "%s_encoding", name);
        hf_json_string(self, member, "base64");
        s_name(self, name);
        s_add(self, "\"");
        char *place = (char *)hf_buf_extend(self->out, encoded);
        sodium_bin2base64(place, encoded, data, shown, sodium_base64_VARIANT_ORIGINAL);
        self->out->size--;
        s_add(self, "\"");
    }
    snprintf(member, sizeof member, "%s_cut", name);
    hf_json_bool(self, member, cut || shown < size);
}
