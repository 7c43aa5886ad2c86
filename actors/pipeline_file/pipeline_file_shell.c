/*  Files become sources (files_shell); each source's lines become blocks (lines): a `node`, `destination = NAME` or
 * `pipeline = NAME` with what stands below it; each block goes through zconfig (outside_shell); its names are looked up in
 * tables (names), and each value goes through its setter (values, request) into the configuration (field, blocks).
 *
 *  Failures: a line that zconfig would refuse, drop or misread is reported and reaches zconfig as its bare
 * name, or not at all, so that all other lines are still checked. Every mistake is collected; with any, there
 * is no configuration.
 *
 *  zconfig gets one block at a time: it looks for a line's parent by walking all of the names before it, and
 * frees them by recursion, so that a whole file of 16,384 destinations would cost minutes, and a malformed
 * one the stack.  */

#include "pipeline_file/files_shell.h"
#include "pipeline_file/grammar.h"
#include "pipeline_file/outside_shell.h"
#include "pipeline_file/pipeline_file.h"
#include "pipeline_file/text.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

//  The lines' trees are several times what stays of them, and what stays lies behind them: without this every actor would hold
//  their pages as long as it lives.
static hf_config_t *s_end(hf_zpl_reader_t **reader_p, hf_messages_t *messages) {
    hf_config_t *config = hf_zpl_reader_end(reader_p, messages);
    malloc_trim(0);
    return config;
}

hf_config_t *hf_pipeline_file_read(const char *const *paths, size_t paths_size, hf_messages_t *messages) {
    hf_zpl_reader_t *reader = hf_zpl_reader_new(&hf_zpl_outside);
    hf_zpl_files_read(reader, paths, paths_size);
    hf_zpl_grammar_read(reader);
    return s_end(&reader, messages);
}

hf_config_t *hf_pipeline_file_read_text(const char *name, const char *text, size_t size,
                                        hf_messages_t *messages) {
    hf_zpl_reader_t *reader = hf_zpl_reader_new(&hf_zpl_outside);
    if (size > HF_PIPELINE_FILE_MAX) {
        hf_zpl_report_path(reader, name, "is larger than %dM", HF_PIPELINE_FILE_MAX >> 20);
    } else {
        hf_zpl_source_add(reader, name, hf_memdup(text, size), size);
    }
    hf_zpl_grammar_read(reader);
    return s_end(&reader, messages);
}

void hf_pipeline_file_release(hf_config_t **config_p) {
    hf_config_destroy(config_p);
    malloc_trim(0);
}

//  --------------------------------------------------------------------------------------------------------
//  Snapshots.

//  The value with every relative ${file:PATH} made absolute. NULL where the folder's name cannot stand in
//  one. The caller frees it.
static char *s_value_absolute(const char *value, const char *folder) {
    hf_buf_t out = {0};
    hf_zpl_secret_t secret;
    bool well = true;
    while (hf_zpl_secret_find(value, &secret) > 0) {
        hf_buf_add(&out, value, (size_t)(secret.start - value));
        char *path = secret.file ? hf_zpl_secret_path(&secret, folder)
                                 : hf_memdup(secret.argument, secret.size);
        well = well && !strchr(path, '}');
        hf_buf_addf(&out, "${%s:%s}", secret.file ? "file" : "env", path);
        free(path);
        value = secret.end;
    }
    hf_buf_add(&out, value, strlen(value));
    if (!well) {
        hf_buf_free(&out);
    }
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}

//  " = value", in the quotes that it does not hold itself. False where no way of writing it gives it back.
static bool s_snapshot_value(const char *value, hf_buf_t *out) {
    char quote = !strchr(value, '"') ? '"' : !strchr(value, '\'') ? '\'' : 0;
    for (const char *byte = value; *byte; byte++) {
        if ((unsigned char)*byte < ' ' && *byte != '\t') {
            return false;
        }
    }
    if (quote) {
        hf_buf_addf(out, " = %c%s%c", quote, value, quote);
        return true;
    }
    size_t quotes = 0, size = strlen(value);
    for (const char *byte = value; *byte; byte++) {
        quotes += *byte == '"';
    }
    hf_buf_addf(out, " = %s", value);
    return quotes % 2 == 0 && !strchr("\"' \t", value[0]) && !strchr(value, '#') &&
           !hf_zpl_is_blank(value[size - 1]);
}

static void s_snapshot_item(hf_zpl_reader_t *self, const hf_zpl_block_t *block, const hf_zpl_item_t *item,
                            const char *folder, hf_buf_t *out) {
    hf_buf_addf(out, "%*s%s", (int)item->level * 4, "", item->name);
    if (item->given) {
        char *value = s_value_absolute(item->value, folder);
        if (!value || !s_snapshot_value(value, out)) {
            hf_zpl_report(
                self, block->source, item->line,
                "'%s' cannot be written down with the absolute path of its ${file:…}; move the files to "
                "a folder "
                "whose name has only letters, digits and '-'",
                item->name);
        }
        free(value);
    }
    hf_buf_add(out, "\n", 1);
}

static void s_snapshot_block(hf_zpl_reader_t *self, const hf_zpl_block_t *block, hf_buf_t *out) {
    const hf_zpl_source_t *source = self->sources + block->source;
    char *folder = realpath(source->folder, NULL);
    if (!folder) {
        hf_zpl_report(self, block->source, block->items[0].line, "its folder cannot be found: %s",
                      strerror(errno));
        return;
    }
    hf_buf_add(out, "\n", 1);
    for (size_t number = 0; number < block->size; number++) {
        s_snapshot_item(self, block, block->items + number, folder, out);
    }
    free(folder);
}

char *hf_pipeline_file_snapshot(const char *const *paths, size_t paths_size, hf_messages_t *messages) {
    hf_zpl_reader_t *reader = hf_zpl_reader_new(&hf_zpl_outside);
    hf_zpl_files_read(reader, paths, paths_size);
    hf_zpl_grammar_read(reader);
    hf_buf_t out = {0};
    hf_buf_add(&out, HF_ZPL_SNAPSHOT_HEAD, strlen(HF_ZPL_SNAPSHOT_HEAD));
    for (size_t number = 0; reader->found_size == 0 && number < reader->blocks_size; number++) {
        s_snapshot_block(reader, reader->blocks + number, &out);
    }
    if (out.size > HF_PIPELINE_SNAPSHOT_MAX) {
        hf_zpl_report_path(reader, reader->sources[0].path, "and the others make more than %dM in all",
                           HF_PIPELINE_SNAPSHOT_MAX >> 20);
    }
    hf_config_t *config = s_end(&reader, messages);
    if (!config) {
        hf_buf_free(&out);
    }
    hf_config_destroy(&config);
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}
