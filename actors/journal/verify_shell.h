/*  The journal's care: checking, measuring and copying it, with and without a running node.
 *
 *  Each runs in a child process, because LMDB trusts its own pages: damage there can end whoever reads them.
 * The child is told apart from its findings, so that this is said in a sentence, too.  */

#ifndef HF_VERIFY_SHELL_H
#define HF_VERIFY_SHELL_H

#include <stdbool.h>
#include <stdio.h>

//  Checks every record and every cross-reference. Writes a line for each problem and one at the end, or one
//  JSON object:
//  {"records":N,"problems":["…"]}. Returns 0 where all is well, else 1; what kept it from checking goes to
//  stderr.
int hf_journal_verify(const char *state_dir, bool json, FILE *out);

//  Writes sizes and counts. Returns 0 or 1 as above.
int hf_journal_stat(const char *state_dir, bool json, FILE *out);

//  Makes a consistent, compacted, synced copy, as a state folder: dir/journal/data.mdb. dir must be empty or absent.
//  Returns 0 or 1 as above.
int hf_journal_backup(const char *state_dir, const char *dir, FILE *out);

#endif
