/*  Room for the journal's file: one mechanism for `journal_limit` and for a full disk.
 *
 *      0                                            soft            all
 *      |--- in use, and free pages among it ---------|--- reserve ---|
 *
 *  data.mdb is kept allocated ahead, in chunks, so that a commit does not meet a full disk. LMDB is told that
 * the file may take `soft` bytes while new commands are welcome. Where that is used up, another chunk is
 * allocated; where limit or disk forbid it, the journal is full: new commands are refused, and LMDB gets the
 * reserve too, so that ends of attempts, decisions and what leaves after `keep` are still recorded.
 *
 *  What LMDB 0.9.24 does, seen in its source and tried (tests/process/journal_room_test.c):
 *   * It never asks how long the file is. It writes pages with pwrite where they belong, so a file that was
 * made longer before is simply written into; fdatasync makes the new length durable with the pages.
 *   * A page is taken from the free ones first, then behind the last one ever used, and only there the map's
 * size is looked at (MDB_MAP_FULL, while a transaction works or in its commit; the transaction must be
 * aborted, nothing of it remains). The last page of the map is never used.
 *   * mdb_env_set_mapsize on an open environment unmaps and maps anew; it looks for a running write
 * transaction only, so that nobody else may be reading in this process. A size below what is in use is
 * rounded up to that silently: then free pages are all that is left, which is what a full journal wants.
 *   * The size of the map is in each meta page and only ever grows there. It binds nobody: each process has
 * its own. A reader whose map is smaller than what is in use gets MDB_MAP_RESIZED when it begins
 * (hf_store_begin_read maps anew); one whose map is larger than the file is fine, it never touches a page
 * that no transaction wrote.
 *   * A file shorter than what is in use is not noticed: reading there is SIGBUS. And an empty data.mdb
 * counts as a new one, with nothing in it. So both are looked for first (host/journal_file.h), and a new file is made under
 * another name and put in place whole.
 *   * Free pages are used again by the next transaction but one, unless an older reader is still open: in
 * steady state the file stays as it is.
 *
 *  On a file system that cannot allocate ahead, glibc writes zeros instead; on one that copies on write
 * (btrfs, ZFS), allocation promises little, and a full disk may fail a commit: then the journal stops and
 * says so, as for every failed commit.  */

#ifndef HF_ROOM_SHELL_H
#define HF_ROOM_SHELL_H

#include "base/error.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct hf_room hf_room_t;

//  Makes the file where there is none (durably, whole or not at all), checks it, and allocates room for a
//  start: a chunk beyond what is in use, and the reserve, as far as limit and disk allow. limit: bytes of the
//  file at most; where it is below what is in use already, that counts.
hf_room_t *hf_room_new(const char *dir, size_t limit, hf_error_t *error);
void hf_room_destroy(hf_room_t **self_p);

//  How many bytes the file may take while new commands are welcome, and in all.
size_t hf_room_soft(const hf_room_t *self);
size_t hf_room_all(const hf_room_t *self);

//  Allocates another chunk; -1 where limit or disk forbid it, with a reason that clients may see.
int hf_room_grow(hf_room_t *self, hf_error_t *reason);

//  Whether so much is free again that new commands may be welcome.
bool hf_room_is_free(const hf_room_t *self, const hf_store_stat_t *stat);

//  Whether less than half of the reserve is left: attempts that begin now might not be recorded to their end.
bool hf_room_is_short(const hf_room_t *self, const hf_store_stat_t *stat);

//  What must be on disk by name before anything is acknowledged: DIR/data.mdb, DIR, and the folders above up
//  to the state folder's parent.
int hf_room_sync_folders(const char *dir, hf_error_t *error);

#endif
