#include "journal/room_shell.h"
#include "base/buf.h"
#include "base/units.h"
#include "host/journal_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

//  The reserve must hold the end of every command that is in the file, for that is the bad day: the third
//  party is down until the journal is full, and comes back. Accepting a command of 400 bytes takes some 1,900
//  bytes of pages, its one attempt and its end some 600 more: a quarter of all. With less than 1 MiB a single
//  batch might not fit.
#define RESERVE_LEAST MIB
#define RESERVE_PART  4

//  A chunk is some seconds of work: allocating is a matter of milliseconds, mapping anew costs page faults
//  afterwards.
#define CHUNK_MOST  (64 * MIB)
#define CHUNK_LEAST MIB
#define CHUNK_PART  64

enum {
    GRAIN = 64 << 10, //  Bytes: no system has larger pages; sizes are whole multiples of it
    FREE_AGAIN_PERCENT =
        95, //  New commands are welcome again below this share of the soft limit: not at every freed page
    PATH_SIZE = 4096, //  PATH_MAX
};

struct hf_room {
    char *path;   //  Of data.mdb
    int fd;       //  The file, to allocate
    size_t limit; //  Bytes at most
    size_t chunk; //  Bytes allocated at once
    size_t all;   //  Bytes allocated
};

static size_t s_between(size_t least, size_t size, size_t most) {
    return size < least ? least : size > most ? most : size;
}

static size_t s_round_up(uint64_t size) {
    return (size_t)((size + GRAIN - 1) / GRAIN * GRAIN);
}

//  ---- folders

static int s_path(char path[PATH_SIZE], const char *dir, const char *name, hf_error_t *error) {
    int size = snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return size > 0 && size < PATH_SIZE ? 0 : hf_error_set(error, "%.100s…: this name is too long", dir);
}

static int s_sync_path(const char *path, hf_error_t *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES) {
        return 0; //  Somebody else's folder, made long before
    }
    if (fd < 0 || fsync(fd)) {
        hf_error_set(error, "sync %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    close(fd);
    return 0;
}

int hf_room_sync_folders(const char *dir, hf_error_t *error) {
    static const char *const names[] = {"data.mdb", ".", "..", "../.."};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (s_path(path, dir, names[i], error) || s_sync_path(path, error)) {
            return -1;
        }
    }
    return 0;
}

//  ---- a new file

//  What an earlier life left when it was killed while it made one.
static void s_clear_draft(const char *draft) {
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char path[PATH_SIZE];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (s_path(path, draft, names[i], NULL) == 0) {
            unlink(path);
        }
    }
    rmdir(draft);
}

//  LMDB makes its file in several writes, none of them synced at first: made in a folder of its own and
//  renamed, it is there whole or not at all, for readers as after a power cut.
static int s_make_file(const char *dir, const char *path, hf_error_t *error) {
    char draft[PATH_SIZE], from[PATH_SIZE];
    hf_store_options_t options = {.writer = true, .map = CHUNK_LEAST};
    if (s_path(draft, dir, ".new", error) || s_path(from, draft, "data.mdb", error)) {
        return -1;
    }
    s_clear_draft(draft);
    if (mkdir(draft, 0700)) {
        return hf_error_set(error, "make %s: %s", draft, strerror(errno));
    }
    hf_store_t *store = hf_store_open(draft, &options, error);
    if (!store) {
        return hf_error_wrap(error, "make the journal's file");
    }
    hf_store_close(&store);
    if (s_sync_path(from, error)) {
        return -1;
    }
    if (rename(from, path)) {
        return hf_error_set(error, "put %s in place: %s", path, strerror(errno));
    }
    s_clear_draft(draft);
    return hf_room_sync_folders(dir, error);
}

//  ---- allocating

//  0, or the errno of posix_fallocate. What is allocated already costs nothing; holes below are filled.
static int s_allocate(const hf_room_t *self, size_t size) {
    int rc;
    do {
        rc = posix_fallocate(self->fd, 0, (off_t)size);
    } while (rc == EINTR);
    return rc;
}

//  The disk, or the quota, cannot give so much: it may be able to give less.
static bool s_is_full(int rc) {
    return rc == ENOSPC || rc == EDQUOT || rc == EFBIG;
}

//  What to try where the disk has no room for that chunk; 0: nothing.
static size_t s_smaller(size_t chunk) {
    return chunk > CHUNK_LEAST ? s_between(CHUNK_LEAST, chunk / 2 / GRAIN * GRAIN, chunk) : 0;
}

//  So many bytes in all that the soft limit is that.
static size_t s_all_for(size_t soft) {
    return soft + s_between(RESERVE_LEAST, s_round_up(soft / (RESERVE_PART - 1)), SIZE_MAX);
}

//  For a start: what is in use, a chunk, and the reserve; or what the file has, where the disk is full. A file
//  that never had as much as a reserve (a new one, also where an earlier life got no further than to make it) and gets no
//  room is no journal: its first commit would fail.
static int s_begin(hf_room_t *self, uint64_t used, hf_error_t *error) {
    struct stat is;
    if (fstat(self->fd, &is)) {
        return hf_error_set(error, "%s: %s", self->path, strerror(errno));
    }
    size_t has = s_between(s_round_up(used), (size_t)is.st_size / GRAIN * GRAIN, self->limit);
    size_t wanted = 0;
    int rc = ENOSPC;
    for (size_t chunk = self->chunk; chunk && s_is_full(rc); chunk = s_smaller(chunk)) {
        wanted = s_between(has, s_all_for(s_round_up(used) + chunk), self->limit);
        rc = s_allocate(self, wanted);
    }
    if ((size_t)is.st_size >= RESERVE_LEAST && s_is_full(rc)) {
        wanted = has;
        rc = 0;
    }
    self->all = wanted;
    return rc ? hf_error_set(error, "the disk has no room for the journal: %s", strerror(rc)) : 0;
}

hf_room_t *hf_room_new(const char *dir, size_t limit, hf_error_t *error) {
    char path[PATH_SIZE];
    uint64_t used = 0;
    if (s_path(path, dir, "data.mdb", error)) {
        return NULL;
    }
    int found = hf_journal_file_check(dir, &used, error);
    if (found < 0 ||
        (found == 0 && (s_make_file(dir, path, error) || hf_journal_file_check(dir, &used, error) != 1))) {
        return NULL;
    }
    hf_room_t *self = hf_alloc(sizeof *self);
    self->path = hf_strdup(path);
    self->limit = limit / GRAIN * GRAIN;
    if (self->limit < s_round_up(used)) {
        self->limit = s_round_up(used); //  It was lowered: what is there stays readable, and nothing is added
    }
    self->chunk = s_between(CHUNK_LEAST, limit / CHUNK_PART, CHUNK_MOST) / GRAIN * GRAIN;
    self->fd = open(path, O_RDWR | O_CLOEXEC);
    if (self->fd < 0) {
        hf_error_set(error, "open %s: %s", path, strerror(errno));
    }
    if (self->fd < 0 || s_begin(self, used, error)) {
        hf_room_destroy(&self);
    }
    return self;
}

void hf_room_destroy(hf_room_t **self_p) {
    assert(self_p);
    hf_room_t *self = *self_p;
    if (self) {
        if (self->fd >= 0) {
            close(self->fd);
        }
        free(self->path);
        free(self);
        *self_p = NULL;
    }
}

size_t hf_room_all(const hf_room_t *self) {
    return self->all;
}

size_t hf_room_soft(const hf_room_t *self) {
    size_t reserve = s_between(RESERVE_LEAST, s_round_up(self->all / RESERVE_PART), SIZE_MAX);
    return self->all > reserve ? self->all - reserve : GRAIN;
}

int hf_room_grow(hf_room_t *self, hf_error_t *reason) {
    char text[32];
    if (self->all >= self->limit) {
        hf_size_format(self->limit, text);
        return hf_error_set(reason, "the journal is at its journal_limit of %s", text);
    }
    size_t wanted = 0;
    int rc = ENOSPC;
    for (size_t chunk = self->chunk; chunk && s_is_full(rc); chunk = s_smaller(chunk)) {
        wanted = s_between(0, self->all + chunk, self->limit);
        rc = s_allocate(self, wanted);
    }
    if (rc) {
        return hf_error_set(reason, "the disk has no room for the journal: %s", strerror(rc));
    }
    self->all = wanted;
    return 0;
}

bool hf_room_is_free(const hf_room_t *self, const hf_store_stat_t *stat) {
    uint64_t used = (stat->pages_used - stat->pages_free + stat->pages_held) * stat->page_size;
    return used < hf_room_soft(self) / 100 * FREE_AGAIN_PERCENT;
}

bool hf_room_is_short(const hf_room_t *self, const hf_store_stat_t *stat) {
    uint64_t used = (stat->pages_used - stat->pages_free + stat->pages_held) * stat->page_size;
    return used + (hf_room_all(self) - hf_room_soft(self)) / 2 > hf_room_all(self);
}
