#include "moods.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

const standin_mood_t standin_mood_default = {
    .status = 200, .fail_status = 503, .retry_after_s = -1, .retry_after_date_s = -1, .response_bytes = -1};

//  Longest component of a path that can belong to a mood; longer ones are somebody else's.
#define COMPONENT_BYTES 32

typedef enum { NUMBER, SHARE, SIZE } s_kind_t;

typedef struct {
    const char *name; //  With '-'
    s_kind_t kind;    //  How its value reads
    size_t offset;    //  Of its field in standin_mood_t
    int64_t least;    //  Smallest value of a NUMBER
    int64_t most;     //  Largest
    bool outcome;     //  In a path, it does away with the outcomes set elsewhere
    bool bare;        //  In a path it may stand without a value, and is then 1
} s_field_t;

#define FIELD(name) offsetof(standin_mood_t, name)

static const s_field_t s_fields[] = {
    {"delay", NUMBER, FIELD(delay_ms), 0, INT64_C(86400000), false, false},
    {"delay-ms", NUMBER, FIELD(delay_ms), 0, INT64_C(86400000), false, false},
    {"status", NUMBER, FIELD(status), 200, 599, true, false},
    {"fail", SHARE, FIELD(fail), 0, 0, true, false},
    {"fail-status", NUMBER, FIELD(fail_status), 200, 599, false, false},
    {"hang", SHARE, FIELD(hang), 0, 0, true, true},
    {"reset", SHARE, FIELD(reset), 0, 0, true, true},
    {"garbage", SHARE, FIELD(garbage), 0, 0, true, true},
    {"redirect", SHARE, FIELD(redirect), 0, 0, true, true},
    {"drip", SHARE, FIELD(drip), 0, 0, true, true},
    {"retry-after", NUMBER, FIELD(retry_after_s), -1, 86400, false, false},
    {"retry-after-s", NUMBER, FIELD(retry_after_s), -1, 86400, false, false},
    {"retry-after-date-s", NUMBER, FIELD(retry_after_date_s), -1, 86400, false, false},
    {"response-bytes", SIZE, FIELD(response_bytes), 0, 0, false, false},
    {"large", SIZE, FIELD(response_bytes), 0, 0, false, false},
};

static const s_field_t *s_field(const char *name) {
    char plain[COMPONENT_BYTES];
    size_t size = 0;
    for (; name[size]; size++) {
        if (size + 1 == sizeof plain) {
            return NULL;
        }
        plain[size] = name[size] == '_' ? '-' : name[size];
    }
    plain[size] = '\0';
    for (size_t index = 0; index < sizeof s_fields / sizeof *s_fields; index++) {
        if (plain[0] == s_fields[index].name[0] && !strcmp(plain, s_fields[index].name)) {
            return &s_fields[index];
        }
    }
    return NULL;
}

int64_t standin_size_parse(const char *text) {
    if (*text < '0' || *text > '9') {
        return -1;
    }
    char *end;
    errno = 0;
    long long size = strtoll(text, &end, 10);
    int shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : *end == 'T' ? 40 : 0;
    end += shift ? 1 : 0;
    if (errno || *end || size < 0 || size > (INT64_MAX >> shift)) {
        return -1;
    }
    return (int64_t)size << shift;
}

static int s_set(standin_mood_t *self, const s_field_t *field, const char *value) {
    char *where = (char *)self + field->offset;
    char *end;
    errno = 0;
    if (!*value || strchr(" \t\n\v\f\r+", *value)) {
        return -1;
    }
    if (field->kind == SHARE) {
        double share = strtod(value, &end);
        if (errno || *end || !(share >= 0 && share <= 1)) {
            return -1;
        }
        memcpy(where, &share, sizeof share);
        return 0;
    }
    int64_t number = field->kind == SIZE ? standin_size_parse(value) : strtoll(value, &end, 10);
    if (field->kind == SIZE ? number < 0 : (errno || *end || number < field->least || number > field->most)) {
        return -1;
    }
    memcpy(where, &number, sizeof number);
    return 0;
}

int standin_mood_set(standin_mood_t *self, const char *name, const char *value) {
    const s_field_t *field = s_field(name);
    return field ? s_set(self, field, value) : -1;
}

//  Copies the path's next component and returns what is behind it; NULL where there is none. One that is too
//  long to belong to a mood comes out empty.
static const char *s_component(const char *path, char component[COMPONENT_BYTES]) {
    while (*path == '/') {
        path++;
    }
    size_t size = strcspn(path, "/?");
    if (!size) {
        return NULL;
    }
    size_t kept = size < COMPONENT_BYTES ? size : 0;
    memcpy(component, path, kept);
    component[kept] = '\0';
    return path + size;
}

static void s_forget_outcomes(standin_mood_t *self) {
    self->status = standin_mood_default.status;
    self->fail = self->hang = self->reset = self->garbage = self->redirect = self->drip = 0;
}

//  Takes what the path says over into the mood; true where it asks for Retry-After but leaves the status
//  open.
static bool s_read_path(standin_mood_t *self, const char *path) {
    char name[COMPONENT_BYTES];
    char value[COMPONENT_BYTES];
    bool outcome_named = false;
    bool retry_after = false;
    bool status_named = false;
    while ((path = s_component(path, name)) != NULL) {
        const s_field_t *field = s_field(name);
        if (!field) {
            continue;
        }
        standin_mood_t with = *self;
        if (field->outcome && !outcome_named) {
            s_forget_outcomes(&with);
        }
        const char *behind = s_component(path, value);
        if (behind && s_set(&with, field, value) == 0) {
            path = behind;
        } else if (!field->bare || s_set(&with, field, "1") != 0) {
            continue;
        }
        *self = with;
        outcome_named = outcome_named || field->outcome;
        retry_after = retry_after || field->offset == FIELD(retry_after_s) ||
                      field->offset == FIELD(retry_after_date_s);
        status_named = status_named || field->offset == FIELD(status) || field->offset == FIELD(fail);
    }
    return retry_after && !status_named;
}

//  SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
static uint64_t s_random(uint64_t *state) {
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}

static bool s_falls_on(double share, uint64_t *random) {
    if (share <= 0 || share >= 1) {
        return share >= 1;
    }
    return (double)(s_random(random) >> 11) * 0x1p-53 < share;
}

standin_outcome_t standin_mood_decide(const standin_mood_t *self, const char *path, uint64_t *random) {
    standin_mood_t mood = *self;
    bool failing = s_read_path(&mood, path) && mood.status < 300;
    standin_outcome_t outcome = {
        .kind = STANDIN_ANSWER, .delay_ms = mood.delay_ms, .retry_after_s = -1, .retry_after_date_s = -1};
    if (s_falls_on(mood.hang, random)) {
        outcome.kind = STANDIN_HANG;
    } else if (s_falls_on(mood.reset, random)) {
        outcome.kind = STANDIN_RESET;
    } else if (s_falls_on(mood.garbage, random)) {
        outcome.kind = STANDIN_GARBAGE;
    }
    failing = s_falls_on(mood.fail, random) || failing;
    outcome.status = (unsigned)(failing ? mood.fail_status : mood.status);
    outcome.redirect = !failing && s_falls_on(mood.redirect, random);
    if (outcome.redirect && outcome.status / 100 != 3) {
        outcome.status = 302;
    }
    outcome.drip = s_falls_on(mood.drip, random);
    outcome.response_bytes = mood.response_bytes;
    if (outcome.status >= 300) {
        outcome.retry_after_s = mood.retry_after_s;
        outcome.retry_after_date_s = mood.retry_after_date_s;
    }
    assert(outcome.status >= 200 && outcome.status <= 599);
    return outcome;
}
