#include "cli/fields.h"
#include "base/lifecycle.h"
#include "base/rfc3339.h"
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>

const char *hf_fields_text(const json_t *object, const char *name) {
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

int64_t hf_fields_integer(const json_t *object, const char *name) {
    return json_integer_value(json_object_get(object, name));
}

int64_t hf_fields_time(const json_t *object, const char *name) {
    int64_t ms = 0;
    return hf_rfc3339_parse(hf_fields_text(object, name), &ms) == 0 ? ms : 0;
}

int64_t hf_fields_next_call(const json_t *command, int64_t now_ms) {
    int64_t next_ms = hf_fields_time(command, "next_attempt_at");
    return next_ms <= now_ms && *hf_fields_text(command, "held") ? 0 : next_ms;
}

void hf_fields_format_time(int64_t ms, int64_t today_ms, char out[HF_FIELDS_TIME]) {
    char text[HF_RFC3339_TEXT];
    if (ms == 0) {
        strcpy(out, "-");
        return;
    }
    hf_rfc3339_format(ms, text);
    text[10] = ' ';
    bool today = ms / 86400000 == today_ms / 86400000;
    snprintf(out, HF_FIELDS_TIME, "%s", today ? text + 11 : text);
}

void hf_fields_format_age(int64_t span_ms, char out[HF_FIELDS_AGE]) {
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{86400000, "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    strcpy(out, "0s");
    for (size_t number = 0; number < sizeof units / sizeof *units; number++) {
        if (span_ms >= units[number].ms) {
            snprintf(out, HF_FIELDS_AGE, "%lld%s", (long long)(span_ms / units[number].ms),
                     units[number].unit);
            return;
        }
    }
}

void hf_fields_format_span(double ms, char out[HF_FIELDS_AGE]) {
    if (ms < 10) {
        snprintf(out, HF_FIELDS_AGE, "%.1fms", ms);
    } else if (ms < 1000) {
        snprintf(out, HF_FIELDS_AGE, "%.0fms", ms);
    } else if (ms < 120000) {
        snprintf(out, HF_FIELDS_AGE, "%.2fs", ms / 1000);
    } else {
        hf_fields_format_age((int64_t)ms, out);
    }
}

void hf_fields_print(FILE *file, const json_t *value) {
    size_t flags = JSON_COMPACT | JSON_ENCODE_ANY | (hf_terminal_is() ? JSON_ENSURE_ASCII : 0);
    char *text = json_dumps(value, flags);
    if (text) {
        fprintf(file, "%s\n", text);
    }
    free(text);
}

bool hf_fields_is_settled(const char *state) {
    hf_state_t known = hf_state_parse(state);
    return known != HF_STATE_NONE && !hf_state_is_open(known);
}
