/*  What is sent: a file's content, the same each time, or
 *
 *      {"instance":"i-7","pad":"1007xxxxxxxxxxxx"}
 *
 *  of exactly so many bytes. The request's number begins the pad, so that every body is another one even
 *  where the instances repeat.  */

#ifndef LOAD_BODY_H
#define LOAD_BODY_H

#include <stddef.h>
#include <stdint.h>

//  The shortest template: two numbers of 19 digits fit.
#define LOAD_BODY_LEAST_BYTES 64
#define LOAD_BODY_MOST_BYTES  (64 * 1024 * 1024)

typedef struct load_body load_body_t;

//  The template; keys > 0 lets instances repeat over so many.
load_body_t *load_body_new(size_t size, uint64_t keys);

//  A file's content; NULL with errno where it cannot be read.
load_body_t *load_body_new_file(const char *path);
void load_body_destroy(load_body_t **self_p);

size_t load_body_size(const load_body_t *self);

//  Writes the body of the request with that number; exactly load_body_size bytes.
void load_body_write(const load_body_t *self, uint64_t number, char *to);

#endif
