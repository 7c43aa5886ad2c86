/*  One reading: its files, their blocks, every mistake that was found, and the configuration that becomes of it.
 *
 *  The grammar is pure; what it must ask of the world (secrets, libcurl, zconfig) stands in an hf_zpl_outside_t.  */

#ifndef HF_PIPELINE_FILE_READER_H
#define HF_PIPELINE_FILE_READER_H

#include "base/pipeline.h"
#include "pipeline_file/block.h"
#include "pipeline_file/pipeline_file.h"
#include "pipeline_file/secret.h"

#include <stdbool.h>
#include <sys/types.h>

enum {
    //  Blocks of one reading; some to report on
    HF_ZPL_BLOCKS_MAX = HF_DESTINATIONS_MAX + HF_PIPELINES_MAX + 64,
};

//  One file.
typedef struct {
    char *path;   //  As it is named in messages
    char *folder; //  What ${file:PATH} is relative to
    char *text;   //  Its bytes, with a NUL behind
    size_t size;  //  How many
    dev_t device; //  With inode: which file it is, to read it once only
    ino_t inode;  //  See device
} hf_zpl_source_t;

//  What the grammar asks of the world.
typedef struct {
    hf_zpl_secret_read_t *secret_read;           //  One secret's value
    const char *(*url_mistake)(const char *url); //  What is wrong with a url without holes; NULL: nothing
    //  Names and values of the block's items, of which text is the lines; false: it holds other items
    bool (*parse)(hf_zpl_block_t *block, const char *text);
} hf_zpl_outside_t;

//  One message.
typedef struct hf_zpl_found hf_zpl_found_t;

typedef struct {
    const hf_zpl_outside_t *outside; //  What the grammar asks of the world
    hf_zpl_source_t *sources;        //  In the order of reading
    size_t sources_size;             //  How many
    size_t sources_bytes;            //  Bytes of all of them
    hf_zpl_block_t *blocks;          //  In the order of reading
    size_t blocks_size;              //  How many
    bool blocks_full;                //  The bound was reported
    hf_zpl_found_t *found;           //  Mistakes
    size_t found_size;               //  How many are kept
    size_t found_dropped;            //  How many more there were
    hf_config_t *config;             //  What becomes of it all
    hf_zpl_place_t node;             //  Where node stands
    hf_zpl_place_t *destinations;    //  Where each of config's destinations stands
    hf_zpl_place_t *pipelines;       //  The same for pipelines
    const char **known;              //  Names of all destinations, for "did you mean"; NULL until needed
    size_t suggestions;              //  How many were looked for
} hf_zpl_reader_t;

//  A reading of nothing yet; outside must outlive it. hf_zpl_reader_end takes it back.
hf_zpl_reader_t *hf_zpl_reader_new(const hf_zpl_outside_t *outside);

//  Ends a reading: hands the messages over (they may be NULL); returns the configuration, or NULL where there is any
//  message. The caller destroys it.
hf_config_t *hf_zpl_reader_end(hf_zpl_reader_t **self_p, hf_messages_t *messages);

//  Adds a file with its text, which now belongs to the reading.
hf_zpl_source_t *hf_zpl_source_add(hf_zpl_reader_t *self, const char *path, char *text, size_t size);

//  Notes a mistake in a line of a file.
void hf_zpl_report(hf_zpl_reader_t *self, size_t source, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

//  Notes what is wrong with a whole file or folder: such messages follow those of the files read before it.
void hf_zpl_report_path(hf_zpl_reader_t *self, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
