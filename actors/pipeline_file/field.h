/*  The names that a block knows, and what takes their values.  */

#ifndef HF_PIPELINE_FILE_FIELD_H
#define HF_PIPELINE_FILE_FIELD_H

#include "pipeline_file/reader.h"

enum {
    HF_ZPL_FIELDS_MAX = 16, //  Names that a block knows
    HF_ZPL_WHERE_MAX = 128, //  Bytes of "retry of pipeline 'NAME'"
};

typedef struct hf_zpl_field hf_zpl_field_t;

//  Where a value stands.
typedef struct {
    hf_zpl_reader_t *reader;     //  The reading
    const hf_zpl_block_t *block; //  The block
    const hf_zpl_item_t *item;   //  The line
    const char *where;           //  "destination 'ec2'"
} hf_zpl_spot_t;

//  Takes one kind of value to its place. It gets the text with secrets filled in, and never repeats that in a message,
//  only what stands in the file.
typedef void hf_zpl_setter_t(const hf_zpl_spot_t *spot, const hf_zpl_field_t *field, const char *text,
                             void *place);

//  One name that a block knows.
struct hf_zpl_field {
    const char *name;             //  As written
    hf_zpl_setter_t *set;         //  Takes its value; NULL: a block of its own
    size_t at;                    //  Where in the struct it goes
    int64_t min;                  //  Bounds of a number
    int64_t max;                  //  See min
    bool repeated;                //  May stand more than once
    bool in_template;             //  '{' has a meaning
    bool shown;                   //  People see it: no secrets
    const hf_zpl_field_t *fields; //  A block's own names
    size_t fields_size;           //  How many
};

//  Notes what is wrong with a value, behind "'NAME' in WHERE ".
void hf_zpl_wrong(const hf_zpl_spot_t *spot, const char *format, ...) __attribute__((format(printf, 2, 3)));

//  The one of that name, or NULL.
const hf_zpl_field_t *hf_zpl_field(const hf_zpl_field_t *fields, size_t size, const char *name);

//  Reads the items right below the one at place into target.
void hf_zpl_fields_read(const hf_zpl_spot_t *above, size_t place, const hf_zpl_field_t *fields, size_t size,
                        void *target);

#endif
