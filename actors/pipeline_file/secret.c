#include "pipeline_file/secret.h"
#include "pipeline_file/text.h"

#include <stdlib.h>
#include <string.h>

int hf_zpl_secret_find(const char *text, hf_zpl_secret_t *secret) {
    const char *start = strstr(text, "${");
    if (!start) {
        return 0;
    }
    const char *close = strchr(start, '}');
    bool env = strncmp(start, "${env:", 6) == 0, file = strncmp(start, "${file:", 7) == 0;
    if (!close || !(env || file)) {
        return -1;
    }
    const char *argument = start + (env ? 6 : 7);
    *secret = (hf_zpl_secret_t){.start = start,
                                .end = close + 1,
                                .argument = argument,
                                .size = (size_t)(close - argument),
                                .file = file};
    return secret->size ? 1 : -1;
}

char *hf_zpl_secret_path(const hf_zpl_secret_t *secret, const char *folder) {
    char *path = hf_memdup(secret->argument, secret->size);
    if (path[0] != '/') {
        char *whole = hf_zpl_format("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
        free(path);
        path = whole;
    }
    return path;
}

//  Appends one secret's value, or says why there is none; never what it is.
static int s_secret_add(const hf_zpl_secret_t *secret, const char *folder, bool in_template,
                        hf_zpl_secret_read_t *reader, hf_buf_t *out, hf_error_t *error) {
    size_t before = out->size;
    char *path = hf_zpl_secret_path(secret, folder);
    int rc = reader(secret, path, out, error);
    const char *value = rc ? NULL : (const char *)out->data + before;
    hf_zpl_shown_t name = hf_zpl_shown(secret->start, (size_t)(secret->end - secret->start));
    if (value && out->size == before) {
        rc = hf_error_set(error, "%s is empty", name.text);
    } else if (value && memchr(value, 0, out->size - before)) {
        rc = hf_error_set(error, "%s holds a NUL byte", name.text);
    } else if (value && in_template && strpbrk(value, "{}")) {
        rc = hf_error_set(
            error, "%s holds a '{' or '}', which would stand for a field here; write %%7B, %%7D", name.text);
    } else if (value && out->size > HF_ZPL_SECRET_MAX) {
        rc = hf_error_set(error, "it is longer than %dK with its secrets", HF_ZPL_SECRET_MAX >> 10);
    }
    free(path);
    return rc;
}

char *hf_zpl_secret_fill(const char *value, const char *folder, bool in_template,
                         hf_zpl_secret_read_t *reader, hf_error_t *error) {
    hf_buf_t out = {0};
    hf_zpl_secret_t secret;
    int found = hf_zpl_secret_find(value, &secret);
    for (; found > 0; found = hf_zpl_secret_find(value, &secret)) {
        hf_buf_add(&out, value, (size_t)(secret.start - value));
        if (s_secret_add(&secret, folder, in_template, reader, &out, error)) {
            hf_buf_free(&out);
            return NULL;
        }
        value = secret.end;
    }
    if (found < 0) {
        hf_error_set(error, "'${' must begin ${env:NAME} or ${file:PATH}, closed by '}'");
        hf_buf_free(&out);
        return NULL;
    }
    hf_buf_add(&out, value, strlen(value));
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}
