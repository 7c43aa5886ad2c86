#include "pipeline_file/files_shell.h"
#include "pipeline_file/outside_shell.h"
#include "pipeline_file/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool s_was_read(const hf_zpl_reader_t *self, const struct stat *info) {
    for (size_t number = 0; S_ISREG(info->st_mode) && number < self->sources_size; number++) {
        if (self->sources[number].device == info->st_dev && self->sources[number].inode == info->st_ino) {
            return true;
        }
    }
    return false;
}

static bool s_is_snapshot(const hf_buf_t *text) {
    return text->size >= strlen(HF_ZPL_SNAPSHOT_HEAD) &&
           memcmp(text->data, HF_ZPL_SNAPSHOT_HEAD, strlen(HF_ZPL_SNAPSHOT_HEAD)) == 0;
}

static void s_read_file(hf_zpl_reader_t *self, const char *path, int fd, const struct stat *info) {
    hf_buf_t text = {0};
    int rc = hf_zpl_read_all(fd, HF_PIPELINE_FILE_MAX, &text);
    bool snapshot = rc == 0 && s_is_snapshot(&text);
    if (snapshot) {
        rc = hf_zpl_read_all(fd, HF_PIPELINE_SNAPSHOT_MAX, &text);
    }
    if (rc) {
        hf_zpl_report_path(self, path, "cannot be read: %s", strerror(errno));
    } else if (text.size > (snapshot ? HF_PIPELINE_SNAPSHOT_MAX : HF_PIPELINE_FILE_MAX)) {
        hf_zpl_report_path(self, path, "is larger than %dM; share it out among several files",
                           HF_PIPELINE_FILE_MAX >> 20);
    } else if (!snapshot && self->sources_bytes + text.size > HF_PIPELINE_FILES_BYTES_MAX) {
        hf_zpl_report_path(self, path, "makes more than %dM of pipeline files",
                           HF_PIPELINE_FILES_BYTES_MAX >> 20);
    } else {
        size_t size;
        hf_buf_add(&text, "", 0);
        char *data = (char *)hf_buf_release(&text, &size);
        hf_zpl_source_t *source = hf_zpl_source_add(self, path, data, size);
        source->device = info->st_dev;
        source->inode = info->st_ino;
    }
    hf_buf_free(&text);
}

static void s_add_file(hf_zpl_reader_t *self, const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info)) {
        hf_zpl_report_path(self, path, "cannot be read: %s", strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
        hf_zpl_report_path(self, path, "is a folder, not a file");
    } else if (self->sources_size >= HF_PIPELINE_FILES_MAX) {
        hf_zpl_report_path(self, path, "is one file too many; %d are the most", HF_PIPELINE_FILES_MAX);
    } else if (!s_was_read(self, &info)) {
        s_read_file(self, path, fd, &info);
    }
    if (fd >= 0) {
        close(fd);
    }
}

static int s_is_pipeline_file(const struct dirent *entry) {
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > 4 && strcmp(entry->d_name + size - 4, ".zpl") == 0;
}

static int s_compare_names(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void s_add_folder(hf_zpl_reader_t *self, const char *path) {
    struct dirent **entries = NULL;
    int size = scandir(path, &entries, s_is_pipeline_file, s_compare_names);
    if (size < 0) {
        hf_zpl_report_path(self, path, "cannot be read: %s", strerror(errno));
    } else if (size == 0) {
        hf_zpl_report_path(self, path, "this folder has no pipeline file (*.zpl)");
    }
    for (int number = 0; number < size; number++) {
        size_t length = strlen(path);
        char *file = hf_zpl_format("%s%s%s", path, length && path[length - 1] == '/' ? "" : "/",
                                   entries[number]->d_name);
        s_add_file(self, file);
        free(file);
        free(entries[number]);
    }
    free(entries);
}

void hf_zpl_files_read(hf_zpl_reader_t *self, const char *const *paths, size_t paths_size) {
    static const char *const default_path[] = {"pipelines"};
    struct stat info;
    if (paths_size == 0 && stat("pipelines", &info) && errno == ENOENT) {
        hf_zpl_report_path(self, "pipelines",
                           "there is no such folder here; make it, or name pipeline files");
        return;
    }
    paths = paths_size ? paths : default_path;
    for (size_t number = 0; number < (paths_size ? paths_size : 1); number++) {
        if (stat(paths[number], &info) == 0 && S_ISDIR(info.st_mode)) {
            s_add_folder(self, paths[number]);
        } else {
            s_add_file(self, paths[number]);
        }
    }
}
