/*  A block: a line with a name that is not indented, with the lines below it.  */

#ifndef HF_PIPELINE_FILE_BLOCK_H
#define HF_PIPELINE_FILE_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_ZPL_NOWHERE SIZE_MAX

//  One line with a name.
typedef struct {
    char *name;       //  As zconfig reads it; the block owns it
    char *value;      //  As zconfig reads it, secrets not filled in; "" where there is none
    const char *at;   //  The name in the source's text, for comparing
    size_t at_size;   //  Its bytes
    const char *text; //  The value in the source's text, for comparing; NULL: none
    size_t text_size; //  Its bytes
    size_t line;      //  From 1
    size_t level;     //  Of indentation, from 0
    bool given;       //  There is a '='
    bool broken;      //  What follows the name was refused already: say no more about it
} hf_zpl_item_t;

//  One item of level 0 with the items below it.
typedef struct {
    size_t source;        //  Number of its file
    hf_zpl_item_t *items; //  In the order of lines; the first has level 0
    size_t size;          //  How many
    bool full;            //  The bound was reported
} hf_zpl_block_t;

//  Where something stands.
typedef struct {
    size_t source; //  Number of a file; HF_ZPL_NOWHERE: not set
    size_t line;   //  From 1
} hf_zpl_place_t;

//  The first item behind place that stands no deeper than it.
size_t hf_zpl_block_behind(const hf_zpl_block_t *block, size_t place);

//  The item with that name below the block's first one, or below parent, or NULL.
const hf_zpl_item_t *hf_zpl_block_item(const hf_zpl_block_t *block, const char *parent, const char *name);

bool hf_zpl_block_is(const hf_zpl_block_t *block, const char *name);

//  Gives the items back; none are left.
void hf_zpl_block_clear(hf_zpl_block_t *self);

#endif
