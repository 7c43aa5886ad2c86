#include "pipeline_file/outside_shell.h"
#include "pipeline_file/text.h"

#include <assert.h>
#include <curl/curl.h>
#include <czmq.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int hf_zpl_read_all(int fd, size_t max, hf_buf_t *out) {
    char part[16 << 10];
    while (out->size <= max) {
        size_t want = max + 1 - out->size < sizeof part ? max + 1 - out->size : sizeof part;
        ssize_t size = read(fd, part, want);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return size < 0 ? -1 : 0;
        }
        hf_buf_add(out, part, (size_t)size);
    }
    return 0;
}

//  The file's text without its last line end, appended; or why not. Regular files only: a pipe would block
//  the start, and give its text to the first of several readers.
static int s_secret_file(const char *path, hf_buf_t *out, hf_error_t *error) {
    hf_buf_t text = {0};
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    int rc = fd < 0 || fstat(fd, &info) ? hf_error_set(error, "%s: %s", path, strerror(errno)) : 0;
    if (rc == 0 && !S_ISREG(info.st_mode)) {
        rc = hf_error_set(error, "%s is no regular file", path);
    }
    if (rc == 0 && hf_zpl_read_all(fd, HF_ZPL_SECRET_MAX, &text)) {
        rc = hf_error_set(error, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc == 0 && text.size > HF_ZPL_SECRET_MAX) {
        rc = hf_error_set(error, "%s is larger than %dK", path, HF_ZPL_SECRET_MAX >> 10);
    }
    if (rc == 0) {
        size_t size = text.size;
        size -= size && text.data[size - 1] == '\n';
        size -= size < text.size && size && text.data[size - 1] == '\r';
        hf_buf_add(out, text.data, size);
    }
    hf_buf_free(&text);
    return rc;
}

static int s_secret_env(const hf_zpl_secret_t *secret, hf_buf_t *out, hf_error_t *error) {
    char *name = hf_memdup(secret->argument, secret->size);
    const char *value = strchr(name, '=') ? NULL : getenv(name);
    int rc = 0;
    if (value) {
        hf_buf_add(out, value, strlen(value));
    } else {
        rc = hf_error_set(error, "the environment has no variable '%s'; set it where Holdfast is started",
                          HF_ZPL_SHOWN(name));
    }
    free(name);
    return rc;
}

static int s_secret_read(const hf_zpl_secret_t *secret, const char *path, hf_buf_t *out, hf_error_t *error) {
    return secret->file ? s_secret_file(path, out, error) : s_secret_env(secret, out, error);
}

//  What libcurl says of a url; NULL: nothing.
static const char *s_url_mistake(const char *text) {
    CURLU *url = curl_url();
    assert(url && "out of memory");
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS);
    curl_url_cleanup(url);
    return code == CURLUE_OK ? NULL : curl_url_strerror(code);
}

static bool s_is_text(const char *string, const char *text, size_t size) {
    return strlen(string) == size && (size == 0 || memcmp(string, text, size) == 0);
}

//  zconfig's tree in the order of lines is the items' order. False where it is not: a bug here, or another
//  zconfig.
static bool s_take_tree(hf_zpl_block_t *block, zconfig_t *tree, size_t *next) {
    for (zconfig_t *node = zconfig_child(tree); node; node = zconfig_next(node)) {
        if (*next >= block->size) {
            return false;
        }
        hf_zpl_item_t *item = block->items + *next;
        item->name = hf_strdup(zconfig_name(node));
        item->value = hf_strdup(zconfig_value(node));
        if (!s_is_text(item->name, item->at, item->at_size) ||
            !s_is_text(item->value, item->text, item->text_size)) {
            return false;
        }
        *next += 1;
        if (!s_take_tree(block, node, next)) {
            return false;
        }
    }
    return true;
}

//  Has zconfig read a block.
static bool s_parse_block(hf_zpl_block_t *block, const char *text) {
    size_t taken = 0;
    zconfig_t *tree = zconfig_str_load(text);
    bool well = tree && s_take_tree(block, tree, &taken) && taken == block->size;
    zconfig_destroy(&tree);
    return well;
}

const hf_zpl_outside_t hf_zpl_outside = {
    .secret_read = s_secret_read, .url_mistake = s_url_mistake, .parse = s_parse_block};
