#include "cli/body.h"
#include "cli/verbs.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int s_read_all(FILE *file, const char *name, hf_buf_t *body) {
    char block[64 << 10];
    size_t size;
    while ((size = fread(block, 1, sizeof block, file)) > 0) {
        hf_buf_add(body, block, size);
        if (body->size > HF_BODY_MAX) {
            return hf_say_failed("%s is larger than any node takes: send at most %d MiB", name,
                                 HF_BODY_MAX >> 20);
        }
    }
    return ferror(file) ? hf_say_failed("%s: %s", name, strerror(errno)) : HF_EXIT_DONE;
}

int hf_body_read(const char *word, hf_buf_t *body) {
    if (!word) {
        return HF_EXIT_DONE;
    }
    if (strcmp(word, "-") == 0) {
        return s_read_all(stdin, "standard input", body);
    }
    if (word[0] != '@') {
        hf_buf_add(body, word, strlen(word));
        return HF_EXIT_DONE;
    }
    FILE *file = fopen(word + 1, "re");
    if (!file) {
        return hf_say_failed("%s: %s: nothing was sent", word + 1, strerror(errno));
    }
    int status = s_read_all(file, word + 1, body);
    fclose(file);
    return status;
}

static bool s_is_json(const hf_buf_t *body) {
    json_t *json = json_loadb((const char *)body->data, body->size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(json);
    return json != NULL;
}

char *hf_body_type_header(const hf_buf_t *body, const char *given) {
    if (!given && body->size == 0) {
        return NULL;
    }
    const char *type = given ? given : s_is_json(body) ? "application/json" : "application/octet-stream";
    char *header = hf_alloc(strlen(type) + sizeof "Content-Type: ");
    strcpy(stpcpy(header, "Content-Type: "), type);
    return header;
}
