#include "pipeline_file/grammar.h"
#include "pipeline_file/blocks.h"
#include "pipeline_file/lines.h"

void hf_zpl_grammar_read(hf_zpl_reader_t *reader) {
    for (size_t source = 0; source < reader->sources_size; source++) {
        hf_zpl_lines_read(reader, source);
    }
    hf_zpl_blocks_read(reader);
    if (reader->found_size == 0 && reader->config->pipelines_size == 0) {
        hf_zpl_report_path(reader, reader->sources_size ? reader->sources[0].path : "pipelines",
                           "no pipeline is defined%s; write a block 'pipeline = NAME'",
                           reader->sources_size > 1 ? " in this and the other files" : "");
    }
}
