#include "pipeline_file/reader.h"
#include "pipeline_file/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  One message.
struct hf_zpl_found {
    size_t source; //  Number of its file; HF_ZPL_NOWHERE: none
    size_t line;   //  From 1; 0: the whole file
    size_t number; //  In the order of finding
    char *text;    //  The whole "file:line: message"
};

static void s_vreport(hf_zpl_reader_t *self, size_t source, size_t line, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

hf_zpl_reader_t *hf_zpl_reader_new(const hf_zpl_outside_t *outside) {
    hf_zpl_reader_t *self = hf_alloc(sizeof *self);
    self->outside = outside;
    self->config = hf_config_new();
    self->node.source = HF_ZPL_NOWHERE;
    return self;
}

static char *s_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return hf_strdup(".");
    }
    return slash == path ? hf_strdup("/") : hf_memdup(path, (size_t)(slash - path));
}

hf_zpl_source_t *hf_zpl_source_add(hf_zpl_reader_t *self, const char *path, char *text, size_t size) {
    self->sources = hf_zpl_room(self->sources, self->sources_size, sizeof *self->sources);
    hf_zpl_source_t *source = self->sources + self->sources_size;
    *source = (hf_zpl_source_t){
        .path = hf_strdup(path), .folder = s_folder_of(path), .text = text, .size = size};
    self->sources_size++;
    self->sources_bytes += size;
    return source;
}

static void s_found_add(hf_zpl_reader_t *self, size_t source, size_t line, char *text) {
    if (self->found_size >= HF_MESSAGES_MAX) {
        self->found_dropped++;
        free(text);
        return;
    }
    self->found = hf_zpl_room(self->found, self->found_size, sizeof *self->found);
    self->found[self->found_size] = (hf_zpl_found_t){
        .source = source, .line = line, .number = self->found_size, .text = text};
    self->found_size++;
}

static void s_vreport(hf_zpl_reader_t *self, size_t source, size_t line, const char *format, va_list args) {
    char *message = hf_zpl_vformat(format, args);
    s_found_add(self, source, line, hf_zpl_format("%s:%zu: %s", self->sources[source].path, line, message));
    free(message);
}

void hf_zpl_report(hf_zpl_reader_t *self, size_t source, size_t line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_vreport(self, source, line, format, args);
    va_end(args);
}

void hf_zpl_report_path(hf_zpl_reader_t *self, const char *path, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *message = hf_zpl_vformat(format, args);
    va_end(args);
    s_found_add(self, self->sources_size, 0, hf_zpl_format("%s: %s", path, message));
    free(message);
}

static int s_compare_found(const void *a, const void *b) {
    const hf_zpl_found_t *one = a, *other = b;
    if (one->source != other->source) {
        return one->source < other->source ? -1 : 1;
    }
    if (one->line != other->line) {
        return one->line < other->line ? -1 : 1;
    }
    return one->number < other->number ? -1 : one->number > other->number;
}

static void s_messages_add(hf_messages_t *self, char *text) {
    self->texts = realloc(self->texts, (self->size + 1) * sizeof *self->texts);
    assert(self->texts && "out of memory");
    self->texts[self->size] = text;
    self->size++;
}

hf_config_t *hf_zpl_reader_end(hf_zpl_reader_t **self_p, hf_messages_t *messages) {
    hf_zpl_reader_t *self = *self_p;
    hf_config_t *config = self->config;
    if (self->found_size > 0) {
        qsort(self->found, self->found_size, sizeof *self->found, s_compare_found);
        hf_config_destroy(&config);
    }
    hf_messages_t ignored = {0};
    hf_messages_t *into = messages ? messages : &ignored;
    for (size_t number = 0; number < self->found_size; number++) {
        s_messages_add(into, self->found[number].text);
    }
    if (self->found_dropped) {
        s_messages_add(into, hf_zpl_format("… and %zu more mistakes", self->found_dropped));
    }
    hf_messages_free(&ignored);
    for (size_t number = 0; number < self->blocks_size; number++) {
        hf_zpl_block_clear(self->blocks + number);
    }
    for (size_t number = 0; number < self->sources_size; number++) {
        free(self->sources[number].path);
        free(self->sources[number].folder);
        free(self->sources[number].text);
    }
    free(self->sources);
    free(self->blocks);
    free(self->found);
    free(self->destinations);
    free(self->pipelines);
    free(self->known);
    free(self);
    *self_p = NULL;
    return config;
}

void hf_messages_free(hf_messages_t *self) {
    for (size_t number = 0; number < self->size; number++) {
        free(self->texts[number]);
    }
    free(self->texts);
    *self = (hf_messages_t){0};
}
