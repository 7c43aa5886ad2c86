#include "host/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PAGE_MOST = 64 << 10, //  Bytes: no system has larger pages
    PATH_SIZE = 4096,     //  PATH_MAX
};

//  The beginning of an LMDB file as version 0.9 writes it on this machine: two pages, each a page header and
//  then this.
typedef struct {
    uint32_t pad;       //  Of the first table: the page size
    uint16_t flags;     //  Not looked at
    uint16_t depth;     //  The same
    uint64_t counts[5]; //  The same
} file_table_t;

typedef struct {
    uint64_t page;          //  Number of this page
    uint16_t pad;           //  Not looked at
    uint16_t flags;         //  What kind of page
    uint32_t bounds;        //  Not looked at
    uint32_t magic;         //  0xBEEFC0DE
    uint32_t version;       //  1
    uint64_t address;       //  Not looked at
    uint64_t map;           //  The same
    file_table_t tables[2]; //  Free pages, and the table of tables
    uint64_t last_page;     //  The last page in use
    uint64_t transaction;   //  Which one wrote this; the higher one counts
} file_meta_t;

_Static_assert(sizeof(file_meta_t) == 16 + 8 + 16 + 2 * 48 + 16, "as LMDB lays it out");

enum { META_FLAG = 0x08, META_MAGIC = (int)0xBEEFC0DE, META_VERSION = 1 };

static bool s_read_meta(int fd, off_t at, file_meta_t *meta) {
    return pread(fd, meta, sizeof *meta, at) == (ssize_t)sizeof *meta && meta->flags & META_FLAG &&
           meta->magic == (uint32_t)META_MAGIC && meta->version == META_VERSION;
}

static int s_check_open(int fd, const char *path, uint64_t *used, hf_error_t *error) {
    struct stat is;
    file_meta_t first, second;
    if (fstat(fd, &is)) {
        return hf_error_set(error, "%s: %s", path, strerror(errno));
    }
    if (is.st_size == 0) {
        return hf_error_set(error, "%s is empty: it was truncated; put a backup in its place", path);
    }
    bool sound = s_read_meta(fd, 0, &first);
    uint32_t page = sound ? first.tables[0].pad : 0;
    sound = sound && page >= 512 && page <= PAGE_MOST && s_read_meta(fd, page, &second);
    if (!sound) {
        return hf_error_set(
            error,
            "%s does not begin as a journal does: it is damaged or truncated; put a backup in its place",
            path);
    }
    *used = ((first.transaction > second.transaction ? first.last_page : second.last_page) + 1) * page;
    if (*used > (uint64_t)is.st_size) {
        return hf_error_set(
            error, "%s is truncated: it has %lld bytes, and %llu are in use; put a backup in its place", path,
            (long long)is.st_size, (unsigned long long)*used);
    }
    return 1;
}

static int s_path(char path[PATH_SIZE], const char *dir, const char *name, hf_error_t *error) {
    int size = snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return size > 0 && size < PATH_SIZE ? 0 : hf_error_set(error, "%.100s…: this name is too long", dir);
}

//  LMDB's lock.mdb comes after the file and outlives every process: alone, it tells of a file that was taken away.
static int s_check_absent(const char *dir, const char *path, hf_error_t *error) {
    char lock[PATH_SIZE];
    if (s_path(lock, dir, "lock.mdb", error)) {
        return -1;
    }
    return access(lock, F_OK)
               ? 0
               : hf_error_set(error,
                              "%s is gone, though %s tells of one: put a backup in its place, or "
                              "choose another --state to begin anew",
                              path, lock);
}

int hf_journal_file_check(const char *dir, uint64_t *used, hf_error_t *error) {
    char path[PATH_SIZE];
    uint64_t ignored;
    if (s_path(path, dir, "data.mdb", error)) {
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? s_check_absent(dir, path, error)
                               : hf_error_set(error, "open %s: %s", path, strerror(errno));
    }
    int found = s_check_open(fd, path, used ? used : &ignored, error);
    close(fd);
    return found;
}
