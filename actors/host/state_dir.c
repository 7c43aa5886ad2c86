#include "host/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int hf_state_dir_path(char path[HF_STATE_PATH], const char *state_dir, const char *name, hf_error_t *error) {
    int size = snprintf(path, HF_STATE_PATH, "%s/%s", state_dir, name);
    return size >= 0 && size < HF_STATE_PATH
               ? 0
               : hf_error_set(error, "the state folder's name is too long: choose a shorter --state");
}

int hf_state_dir_socket(char path[HF_STATE_PATH], const char *state_dir, const char *name,
                        hf_error_t *error) {
    int size = snprintf(path, HF_STATE_PATH, "%s/run/%s", state_dir, name);
    if (size < 0 || size > HF_STATE_SOCKET_MAX) {
        return hf_error_set(
            error,
            "a socket in the state folder would be called %.200s: %d characters, where the system "
            "takes %d; choose a shorter --state",
            path, size, HF_STATE_SOCKET_MAX);
    }
    return 0;
}

int hf_state_dir_endpoint(char endpoint[HF_STATE_PATH], const char *state_dir, const char *name,
                          hf_error_t *error) {
    char path[HF_STATE_PATH];
    if (hf_state_dir_socket(path, state_dir, name, error)) {
        return -1;
    }
    snprintf(endpoint, HF_STATE_PATH, "ipc://%.*s", HF_STATE_SOCKET_MAX, path);
    return 0;
}

static int s_make_folder(const char *path, hf_error_t *error) {
    struct stat is;
    if (mkdir(path, 0700) && errno != EEXIST) {
        return hf_error_set(error, "make the folder %s: %s", path, strerror(errno));
    }
    if (stat(path, &is)) {
        return hf_error_set(error, "look at the folder %s: %s", path, strerror(errno));
    }
    return S_ISDIR(is.st_mode)
               ? 0
               : hf_error_set(error, "%s is no folder: move it away or choose another --state", path);
}

//  Who may enter run/ may speak to the actors: that is its owner alone.
static int s_make_private(const char *path, hf_error_t *error) {
    struct stat is;
    if (lstat(path, &is) || !S_ISDIR(is.st_mode) || is.st_uid != geteuid()) {
        return hf_error_set(error, "%s must be a folder that belongs to user %u, who runs this node", path,
                            (unsigned)geteuid());
    }
    if ((is.st_mode & 0777) != 0700 && chmod(path, 0700)) {
        return hf_error_set(error, "make %s private: %s", path, strerror(errno));
    }
    return 0;
}

int hf_state_dir_create(const char *state_dir, hf_error_t *error) {
    static const char *const folders[] = {"journal", "run", "log"};
    char path[HF_STATE_PATH], longest[HF_STATE_SOCKET_NAME + 1];
    memset(longest, 'x', HF_STATE_SOCKET_NAME);
    longest[HF_STATE_SOCKET_NAME] = 0;
    if (hf_state_dir_socket(path, state_dir, longest, error) || s_make_folder(state_dir, error)) {
        return -1;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        if (hf_state_dir_path(path, state_dir, folders[i], error) || s_make_folder(path, error)) {
            return -1;
        }
    }
    return hf_state_dir_path(path, state_dir, "run", error) || s_make_private(path, error) ? -1 : 0;
}

static int s_write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t wrote = write(fd, data, size);
        if (wrote < 0 && errno != EINTR) {
            return -1;
        }
        data += wrote > 0 ? wrote : 0;
        size -= wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

int hf_state_dir_write(const char *state_dir, const char *name, const void *data, size_t size,
                       hf_error_t *error) {
    char path[HF_STATE_PATH], draft[HF_STATE_PATH + 8];
    if (hf_state_dir_path(path, state_dir, name, error)) {
        return -1;
    }
    snprintf(draft, sizeof draft, "%s.new", path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool wrote = fd >= 0 && fchmod(fd, 0600) == 0 && s_write_all(fd, data, size) == 0;
    if (fd >= 0) {
        int saved = errno;
        bool closed = close(fd) == 0;
        errno = wrote ? errno : saved;
        wrote = wrote && closed;
    }
    if (!wrote || rename(draft, path)) {
        hf_error_set(error, "write %s: %s", path, strerror(errno));
        unlink(draft);
        return -1;
    }
    return 0;
}

static int s_refuse(int fd, const char *state_dir, hf_error_t *error) {
    char pid[16] = "";
    ssize_t size = pread(fd, pid, sizeof pid - 1, 0);
    close(fd);
    pid[size > 0 ? strspn(pid, "0123456789") : 0] = 0;
    return hf_error_set(error, "another node runs on %s, pid %s: stop it, or choose another --state",
                        state_dir, *pid ? pid : "unknown");
}

int hf_state_dir_lock(const char *state_dir, hf_error_t *error) {
    char path[HF_STATE_PATH], pid[16];
    if (hf_state_dir_path(path, state_dir, "lock", error)) {
        return -1;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return hf_error_set(error, "open %s: %s", path, strerror(errno));
    }
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK) {
            return s_refuse(fd, state_dir, error);
        }
        hf_error_set(error, "lock %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, pid, (size_t)size, 0) != size) {
        hf_error_set(error, "write %s: %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}
