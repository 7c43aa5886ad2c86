/*  Whether the journal's file is whole enough to be opened. LMDB does not notice that a file is shorter than what is in use: reading there is
 *  SIGBUS, and an empty one counts as new. So every process looks here before it opens it.  */

#ifndef HF_JOURNAL_FILE_H
#define HF_JOURNAL_FILE_H

#include "base/error.h"

#include <stdint.h>

//  Looks at DIR/data.mdb without opening it as a journal: 1 and how many bytes are in use, 0 where there never was one, -1 where
//  it is truncated, gone or no LMDB file, with a sentence that names it. used may be NULL.
int hf_journal_file_check(const char *dir, uint64_t *used, hf_error_t *error);

#endif
