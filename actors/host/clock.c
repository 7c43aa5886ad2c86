/*  Happy path: the supervisor writes run/clock, every actor reads it. Failures: no file, or one of an
 *  earlier boot, is replaced under a lock on the folder; whoever waited for that lock looks again
 *  first.  */

#include "host/clock.h"
#include "host/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { BOOT_ID = 36 }; //  Characters of a boot id, a UUID

static bool s_is_known;     //  Whether the offset was taken
static int64_t s_offset_ms; //  Wall clock minus CLOCK_BOOTTIME

static int64_t s_now_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t s_new_offset_ms(void) {
    return s_now_ms(CLOCK_REALTIME) - s_now_ms(CLOCK_BOOTTIME);
}

static void s_set_offset(int64_t offset_ms) {
    s_offset_ms = offset_ms;
    s_is_known = true;
}

int64_t hf_clock_now_ms(void) {
    if (!s_is_known) {
        s_set_offset(s_new_offset_ms());
    }
    return s_now_ms(CLOCK_BOOTTIME) + s_offset_ms;
}

int64_t hf_clock_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int s_read_boot_id(char id[BOOT_ID + 1], hf_error_t *error) {
    static const char path[] = "/proc/sys/kernel/random/boot_id";
    FILE *file = fopen(path, "re");
    bool read = file && fscanf(file, "%36[0-9a-f-]", id) == 1 && strlen(id) == BOOT_ID;
    if (file) {
        fclose(file);
    }
    return read ? 0 : hf_error_set(error, "%s cannot be read: is /proc mounted?", path);
}

//  The offset in the file, if it is of this boot.
static bool s_read(const char *path, const char *boot_id, int64_t *offset_ms) {
    char id[BOOT_ID + 1] = "", end;
    FILE *file = fopen(path, "re");
    bool found = file && fscanf(file, "%36[0-9a-f-] %" SCNd64 "%c", id, offset_ms, &end) == 3 &&
                 end == '\n' && strcmp(id, boot_id) == 0;
    if (file) {
        fclose(file);
    }
    return found;
}

static int s_write(const char *state_dir, const char *boot_id, int64_t offset_ms, hf_error_t *error) {
    char text[BOOT_ID + 32];
    int size = snprintf(text, sizeof text, "%s %" PRId64 "\n", boot_id, offset_ms);
    return hf_state_dir_write(state_dir, "run/clock", text, (size_t)size, error);
}

//  The lock that who writes run/clock holds: the folder itself.
static int s_lock(const char *state_dir, hf_error_t *error) {
    char path[HF_STATE_PATH];
    if (hf_state_dir_path(path, state_dir, "run", error)) {
        return -1;
    }
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return hf_error_set(error, "open %s: %s", path, strerror(errno));
    }
    while (flock(fd, LOCK_EX)) {
        if (errno != EINTR) {
            hf_error_set(error, "lock %s: %s", path, strerror(errno));
            close(fd);
            return -1;
        }
    }
    return fd;
}

int hf_clock_set_base(const char *state_dir, hf_error_t *error) {
    char boot_id[BOOT_ID + 1];
    int64_t offset_ms = s_new_offset_ms();
    if (s_read_boot_id(boot_id, error)) {
        return -1;
    }
    int lock = s_lock(state_dir, error);
    if (lock < 0) {
        return -1;
    }
    int rc = s_write(state_dir, boot_id, offset_ms, error);
    close(lock);
    if (rc == 0) {
        s_set_offset(offset_ms);
    }
    return rc;
}

//  As hf_clock_open, where the file was not good at first sight.
static int s_create(const char *state_dir, const char *path, const char *boot_id, hf_error_t *error) {
    int lock = s_lock(state_dir, error);
    if (lock < 0) {
        return -1;
    }
    int64_t offset_ms = 0;
    int rc = 0;
    if (!s_read(path, boot_id, &offset_ms)) {
        offset_ms = s_new_offset_ms();
        rc = s_write(state_dir, boot_id, offset_ms, error);
    }
    close(lock);
    if (rc == 0) {
        s_set_offset(offset_ms);
    }
    return rc;
}

int hf_clock_open(const char *state_dir, hf_error_t *error) {
    char path[HF_STATE_PATH], boot_id[BOOT_ID + 1];
    int64_t offset_ms = 0;
    if (hf_state_dir_path(path, state_dir, "run/clock", error) || s_read_boot_id(boot_id, error)) {
        return -1;
    }
    if (s_read(path, boot_id, &offset_ms)) {
        s_set_offset(offset_ms);
        return 0;
    }
    return s_create(state_dir, path, boot_id, error);
}

void hf_clock_format(int64_t ms, char out[HF_CLOCK_TEXT]) {
    const int64_t least = INT64_C(-62167219200000), most = INT64_C(253402300799999); //  Years 0 and 9999
    ms = ms < least ? least : ms > most ? most : ms;
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    struct tm utc;
    gmtime_r(&seconds, &utc);
    snprintf(out, HF_CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
             (unsigned)(utc.tm_year + 1900) % 10000, (unsigned)(utc.tm_mon + 1) % 100,
             (unsigned)utc.tm_mday % 100, (unsigned)utc.tm_hour % 100, (unsigned)utc.tm_min % 100,
             (unsigned)utc.tm_sec % 100, (unsigned)(ms - (int64_t)seconds * 1000) % 1000);
}
