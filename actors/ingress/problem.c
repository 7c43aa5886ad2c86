#include "ingress/problem.h"
#include "ingress/json.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct {
    int status;        //  HTTP status
    const char *type;  //  Last part of the type
    const char *title; //  For people
} kind_t;

#define PROBLEM_KIND(name, status, type, title) {status, type, title},
static const kind_t s_kinds[] = {HF_PROBLEM_LIST(PROBLEM_KIND)};

int hf_problem_set(hf_problem_t *self, hf_problem_kind_t kind, int retry_after_s, const char *format, ...) {
    va_list args;
    self->status = s_kinds[kind].status;
    self->type = s_kinds[kind].type;
    self->title = s_kinds[kind].title;
    self->retry_after_s = retry_after_s;
    va_start(args, format);
    vsnprintf(self->detail, sizeof self->detail, format, args);
    va_end(args);
    return -1;
}

void hf_problem_render(const hf_problem_t *self, hf_buf_t *out) {
    char type[128];
    hf_json_t json = {.out = out};
    snprintf(type, sizeof type, "urn:holdfast:problem:%s", self->type);
    hf_json_object(&json, NULL);
    hf_json_string(&json, "type", type);
    hf_json_string(&json, "title", self->title);
    hf_json_integer(&json, "status", self->status);
    hf_json_string(&json, "detail", self->detail);
    hf_json_object_end(&json);
}
