#include "control.h"

#include "clock.h"

#include <jansson.h>
#include <string.h>

//  A day: longer is a mistake in the unit.
#define DOWN_MOST_MS INT64_C(86400000)

static int s_set(standin_mood_t *mood, int64_t *down_ms, const char *name, const char *value) {
    if (!strcmp(name, "clear")) {
        *mood = standin_mood_default;
        return 0;
    }
    if (!strcmp(name, "down_ms")) {
        char *end;
        long long number = strtoll(value, &end, 10);
        *down_ms = number;
        return *value && !*end && number >= 0 && number <= DOWN_MOST_MS ? 0 : -1;
    }
    return standin_mood_set(mood, name, value);
}

static int s_refuse(char *error, size_t error_size, const char *name, const char *value) {
    snprintf(error, error_size, "no mood \"%.40s\" with the value \"%.40s\"; see stand-in --help", name,
             value);
    return -1;
}

//  A JSON value as the text that the moods read; NULL where it can be none.
static const char *s_json_text(const json_t *value, char *text, size_t size) {
    if (json_is_integer(value)) {
        snprintf(text, size, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        snprintf(text, size, "%.17g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        snprintf(text, size, "%d", json_is_true(value) ? 1 : 0);
    } else {
        return json_string_value(value);
    }
    return text;
}

static int s_read_json(standin_mood_t *mood, int64_t *down_ms, const char *body, char *error,
                       size_t error_size) {
    json_error_t where;
    json_t *root = json_loads(body, JSON_REJECT_DUPLICATES, &where);
    if (!root) {
        snprintf(error, error_size, "not JSON: %s", where.text);
        return -1;
    }
    int result = 0;
    const char *name;
    json_t *value;
    json_object_foreach(root, name, value) {
        char buffer[40];
        const char *text = s_json_text(value, buffer, sizeof buffer);
        if (result == 0 && (!text || s_set(mood, down_ms, name, text) != 0)) {
            result = s_refuse(error, error_size, name, text ? text : "(neither number nor text)");
        }
    }
    json_decref(root);
    return result;
}

//  Values are numbers, so nothing in a form needs to be decoded.
static int s_read_form(standin_mood_t *mood, int64_t *down_ms, const char *body, char *error,
                       size_t error_size) {
    while (*body) {
        size_t size = strcspn(body, "&\r\n");
        char pair[80];
        snprintf(pair, sizeof pair, "%.*s", (int)(size < sizeof pair ? size : sizeof pair), body);
        char *equals = strchr(pair, '=');
        if (size && !equals) {
            return s_refuse(error, error_size, pair, "");
        }
        if (size) {
            *equals = '\0';
            if (s_set(mood, down_ms, pair, equals + 1) != 0) {
                return s_refuse(error, error_size, pair, equals + 1);
            }
        }
        body += size;
        body += *body ? 1 : 0;
    }
    return 0;
}

int standin_control_mood(standin_mood_t *mood, int64_t *down_ms, const char *body, char *error,
                         size_t error_size) {
    standin_mood_t changed = *mood;
    int64_t down = *down_ms;
    const char *start = body + strspn(body, " \t\r\n");
    int result = *start == '{' ? s_read_json(&changed, &down, start, error, error_size)
                               : s_read_form(&changed, &down, start, error, error_size);
    if (result == 0) {
        *mood = changed;
        *down_ms = down;
    }
    return result;
}

//  Jansson gives NULL only without memory, which ends the program as everywhere in the stand-in.
static char *s_dump(json_t *root) {
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    if (!text) {
        fputs("stand-in: out of memory\n", stderr);
        abort();
    }
    return text;
}

char *standin_control_stats_json(const standin_stats_t *stats) {
    json_t *by_status = json_object();
    for (unsigned status = 0; status < sizeof stats->by_status / sizeof *stats->by_status; status++) {
        if (stats->by_status[status]) {
            char name[16];
            snprintf(name, sizeof name, "%u", status);
            json_object_set_new(by_status, name, json_integer((json_int_t)stats->by_status[status]));
        }
    }
    json_t *root = json_object();
    json_object_set_new(root, "requests", json_integer((json_int_t)stats->requests));
    json_object_set_new(root, "in_flight", json_integer((json_int_t)stats->in_flight));
    json_object_set_new(root, "connections", json_integer((json_int_t)stats->connections));
    json_object_set_new(root, "by_status", by_status);
    json_object_set_new(root, "hang", json_integer((json_int_t)stats->hangs));
    json_object_set_new(root, "reset", json_integer((json_int_t)stats->resets));
    json_object_set_new(root, "garbage", json_integer((json_int_t)stats->garbage));
    return s_dump(root);
}

char *standin_control_mood_json(const standin_mood_t *mood) {
    json_t *root = json_object();
    json_object_set_new(root, "delay_ms", json_integer(mood->delay_ms));
    json_object_set_new(root, "status", json_integer(mood->status));
    json_object_set_new(root, "fail", json_real(mood->fail));
    json_object_set_new(root, "fail_status", json_integer(mood->fail_status));
    json_object_set_new(root, "hang", json_real(mood->hang));
    json_object_set_new(root, "reset", json_real(mood->reset));
    json_object_set_new(root, "garbage", json_real(mood->garbage));
    json_object_set_new(root, "redirect", json_real(mood->redirect));
    json_object_set_new(root, "drip", json_real(mood->drip));
    json_object_set_new(root, "retry_after_s", json_integer(mood->retry_after_s));
    json_object_set_new(root, "retry_after_date_s", json_integer(mood->retry_after_date_s));
    json_object_set_new(root, "response_bytes", json_integer(mood->response_bytes));
    return s_dump(root);
}

char *standin_control_error_json(const char *error) {
    json_t *root = json_object();
    json_object_set_new(root, "error", json_string(error));
    return s_dump(root);
}
