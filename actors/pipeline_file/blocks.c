#include "pipeline_file/blocks.h"
#include "base/units.h"
#include "pipeline_file/names.h"
#include "pipeline_file/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Notes that what stands here stands already there.
static void s_report_twice(hf_zpl_reader_t *self, const hf_zpl_block_t *block, const char *what,
                           hf_zpl_place_t first) {
    hf_zpl_report(self, block->source, block->items[0].line, "%s stands already at %s:%zu", what,
                  self->sources[first.source].path, first.line);
}

static hf_zpl_place_t s_place(const hf_zpl_block_t *block) {
    return (hf_zpl_place_t){.source = block->source, .line = block->items[0].line};
}

static void s_read_node(hf_zpl_reader_t *self, const hf_zpl_block_t *block) {
    hf_zpl_spot_t spot = {.reader = self, .block = block, .item = block->items, .where = "node"};
    if (self->node.source != HF_ZPL_NOWHERE) {
        s_report_twice(self, block, "node", self->node);
    } else {
        self->node = s_place(block);
    }
    if (block->items[0].given) {
        hf_zpl_report(self, block->source, block->items[0].line,
                      "node takes no value; its names stand below it");
    }
    hf_zpl_fields_read(&spot, 0, hf_zpl_node_names.fields, hf_zpl_node_names.size, self->config);
    const hf_zpl_item_t *item = hf_zpl_block_item(block, NULL, "unacked_limit");
    item = item ? item : hf_zpl_block_item(block, NULL, "body_limit");
    if (item && self->config->unacked_limit < self->config->body_limit) {
        hf_zpl_report(self, block->source, item->line,
                      "unacked_limit is smaller than body_limit: the largest body would never be accepted");
    }
}

//  The block's own name, or NULL with a message. where becomes "destination 'NAME'".
static const char *s_block_name(hf_zpl_reader_t *self, const hf_zpl_block_t *block, const char *what,
                                char where[HF_ZPL_WHERE_MAX]) {
    const hf_zpl_item_t *item = block->items;
    snprintf(where, HF_ZPL_WHERE_MAX, item->value[0] && !item->broken ? "%s '%s'" : "this %s", what,
             HF_ZPL_SHOWN(item->value));
    if (item->broken) {
        return NULL;
    }
    if (!item->value[0]) {
        hf_zpl_report(self, block->source, item->line, "this %s has no name; write '%s = NAME'", what, what);
        return NULL;
    }
    if (!hf_name_is_valid(item->value)) {
        hf_zpl_report(self, block->source, item->line,
                      "'%s' is no name for a %s; use 1 to %d of the characters A-Z a-z 0-9 . _ -",
                      HF_ZPL_SHOWN(item->value), what, HF_NAME_MAX);
        return NULL;
    }
    return item->value;
}

//  The whole attempt includes connecting.
static void s_check_timeouts(const hf_zpl_spot_t *spot, hf_destination_t *destination) {
    const hf_zpl_item_t *item = hf_zpl_block_item(spot->block, NULL, "connect_timeout");
    if (destination->connect_timeout_ms <= destination->timeout_ms) {
        return;
    }
    if (item) {
        hf_zpl_report(spot->reader, spot->block->source, item->line,
                      "connect_timeout in %s is longer than its timeout, which holds for the whole attempt",
                      spot->where);
    } else {
        destination->connect_timeout_ms = destination->timeout_ms;
    }
}

static void s_read_destination(hf_zpl_reader_t *self, const hf_zpl_block_t *block) {
    char where[HF_ZPL_WHERE_MAX];
    hf_zpl_spot_t spot = {.reader = self, .block = block, .item = block->items, .where = where};
    const char *name = s_block_name(self, block, "destination", where);
    hf_destination_t *destination = hf_destination_new(name ? name : "?");
    const hf_zpl_item_t *circuit = hf_zpl_block_item(block, NULL, "circuit");
    if (circuit) {
        destination->circuit_of = 20;
    }
    hf_zpl_fields_read(&spot, 0, hf_zpl_destination_names.fields, hf_zpl_destination_names.size, destination);
    s_check_timeouts(&spot, destination);
    if (!hf_zpl_block_item(block, NULL, "url")) {
        hf_zpl_report(self, block->source, block->items[0].line,
                      "%s has no url; write url = \"https://…\" below it", where);
    }
    if (name && hf_config_add_destination(self->config, destination) == 0) {
        size_t number = self->config->destinations_size - 1;
        self->destinations = hf_zpl_room(self->destinations, number, sizeof *self->destinations);
        self->destinations[number] = s_place(block);
        return;
    }
    int first = name ? hf_config_destination_number(self->config, name) : -1;
    if (first >= 0) {
        s_report_twice(self, block, where, self->destinations[first]);
    } else if (name) {
        hf_zpl_report(self, block->source, block->items[0].line, "%s is one too many; a node has at most %d",
                      where, HF_DESTINATIONS_MAX);
    }
    hf_destination_destroy(&destination);
}

static void s_check_pipeline(const hf_zpl_spot_t *spot, const hf_pipeline_t *pipeline) {
    const hf_zpl_block_t *block = spot->block;
    const hf_zpl_item_t *delay = hf_zpl_block_item(block, "retry", "delay"),
                        *cap = hf_zpl_block_item(block, "retry", "cap");
    if (!hf_zpl_block_item(block, NULL, "destination")) {
        hf_zpl_report(spot->reader, block->source, block->items[0].line,
                      "%s has no destination; write destination = NAME below it", spot->where);
    }
    if ((delay || cap) && pipeline->retry_delay_ms > pipeline->retry_cap_ms) {
        char text[32];
        hf_duration_format(pipeline->retry_cap_ms, text);
        hf_zpl_report(spot->reader, block->source, delay ? delay->line : cap->line,
                      "delay in retry of %s is longer than its cap (%s%s); raise cap", spot->where, text,
                      cap ? "" : ", where none is written");
    }
    if (pipeline->ordered && !pipeline->key && !hf_zpl_block_item(block, NULL, "key")) {
        hf_zpl_report(spot->reader, block->source, hf_zpl_block_item(block, NULL, "ordered")->line,
                      "ordered = 1 in %s needs a key: it keeps the order for each key", spot->where);
    }
    const hf_zpl_item_t *on_dead = hf_zpl_block_item(block, NULL, "on_dead");
    if (on_dead && !pipeline->ordered) {
        hf_zpl_report(
            spot->reader, block->source, on_dead->line,
            "on_dead in %s says what follows for a key that is ordered; add ordered = 1, or leave it out",
            spot->where);
    }
}

static void s_read_pipeline(hf_zpl_reader_t *self, const hf_zpl_block_t *block) {
    char where[HF_ZPL_WHERE_MAX];
    hf_zpl_spot_t spot = {.reader = self, .block = block, .item = block->items, .where = where};
    const char *name = s_block_name(self, block, "pipeline", where);
    hf_pipeline_t *pipeline = hf_pipeline_new(name ? name : "?");
    hf_zpl_fields_read(&spot, 0, hf_zpl_pipeline_names.fields, hf_zpl_pipeline_names.size, pipeline);
    s_check_pipeline(&spot, pipeline);
    if (name && hf_config_add_pipeline(self->config, pipeline) == 0) {
        size_t number = self->config->pipelines_size - 1;
        self->pipelines = hf_zpl_room(self->pipelines, number, sizeof *self->pipelines);
        self->pipelines[number] = s_place(block);
        return;
    }
    int first = name ? hf_config_pipeline_number(self->config, name) : -1;
    if (first >= 0) {
        s_report_twice(self, block, where, self->pipelines[first]);
    } else if (name) {
        hf_zpl_report(self, block->source, block->items[0].line, "%s is one too many; a node has at most %d",
                      where, HF_PIPELINES_MAX);
    }
    hf_pipeline_destroy(&pipeline);
}

static void s_read_unknown(hf_zpl_reader_t *self, const hf_zpl_block_t *block) {
    static const char *const known[] = {"node", "destination", "pipeline"};
    const char *name = block->items[0].name;
    const char *nearest = hf_nearest(name, known, HF_ZPL_SIZE(known));
    if (hf_zpl_field(hf_zpl_node_names.fields, hf_zpl_node_names.size, name) ||
        hf_zpl_field(hf_zpl_destination_names.fields, hf_zpl_destination_names.size, name) ||
        hf_zpl_field(hf_zpl_pipeline_names.fields, hf_zpl_pipeline_names.size, name)) {
        hf_zpl_report(
            self, block->source, block->items[0].line,
            "'%s' stands in no block; indent it by four spaces, below its node, destination or pipeline",
            name);
    } else {
        hf_zpl_report(
            self, block->source, block->items[0].line, "unknown block '%s'; %s%s%s", HF_ZPL_SHOWN(name),
            nearest ? "did you mean '" : "a file holds node, destination = NAME and pipeline = NAME",
            nearest ? nearest : "", nearest ? "'?" : "");
    }
}

//  Reads the blocks of one kind, or (NULL) all that are of no kind.
static void s_read_blocks(hf_zpl_reader_t *self, const char *kind,
                          void (*read_block)(hf_zpl_reader_t *, const hf_zpl_block_t *)) {
    for (size_t number = 0; number < self->blocks_size; number++) {
        const hf_zpl_block_t *block = self->blocks + number;
        bool known = block->size &&
                     (hf_zpl_block_is(block, "node") || hf_zpl_block_is(block, "destination") ||
                      hf_zpl_block_is(block, "pipeline"));
        if (block->size && (kind ? hf_zpl_block_is(block, kind) : !known)) {
            read_block(self, block);
        }
    }
}

void hf_zpl_blocks_read(hf_zpl_reader_t *self) {
    s_read_blocks(self, NULL, s_read_unknown);
    s_read_blocks(self, "node", s_read_node);
    s_read_blocks(self, "destination", s_read_destination);
    s_read_blocks(self, "pipeline", s_read_pipeline);
}
