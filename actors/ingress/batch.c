#include "ingress/batch.h"
#include "ingress/body.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static hf_batch_line_t *s_add(hf_batch_lines_t *self) {
    if (self->size == self->capacity) {
        self->capacity = self->capacity ? self->capacity * 2 : 64;
        self->lines = realloc(self->lines, self->capacity * sizeof *self->lines);
        assert(self->lines && "out of memory");
    }
    return &self->lines[self->size++];
}

static bool s_is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r') {
            return false;
        }
    }
    return true;
}

static int s_read_line(hf_batch_lines_t *self, const char *text, size_t size, size_t number,
                       const hf_pipeline_t *pipeline, const Hf__Command *common, hf_buf_t *keys,
                       hf_problem_t *problem) {
    if (s_is_blank(text, size)) {
        return 0;
    }
    if (self->size == HF_BATCH_MAX) {
        return hf_problem_set(problem, HF_PROBLEM_TOO_MANY, 0,
                              "A batch has at most %d commands; send several.", HF_BATCH_MAX);
    }
    hf_batch_line_t *line = s_add(self);
    line->command = *common;
    line->key = keys->size;
    line->command.body = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)text};
    return hf_body_check_line(pipeline, text, size, number, keys, problem);
}

int hf_batch_read(hf_batch_lines_t *self, const hf_submission_t *submission, const hf_pipeline_t *pipeline,
                  const Hf__Command *common, hf_buf_t *keys, hf_problem_t *problem) {
    const char *text = submission->body, *end = text + submission->body_size;
    for (size_t number = 1; text < end; number++) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        size_t size = (size_t)((newline ? newline : end) - text);
        size -= size > 0 && text[size - 1] == '\r';
        if (s_read_line(self, text, size, number, pipeline, common, keys, problem)) {
            return -1;
        }
        text = newline ? newline + 1 : end;
    }
    return self->size ? 0
                      : hf_problem_set(problem, HF_PROBLEM_BODY, 0,
                                       "The batch is empty; send one JSON body a line.");
}

void hf_batch_free(hf_batch_lines_t *self) {
    free(self->lines);
    *self = (hf_batch_lines_t){0};
}
