/*  Files become sources; each source's lines become blocks (a `node`, `destination = NAME` or `pipeline =
 * NAME` with what stands below it); each block goes through zconfig; its names are looked up in the tables
 * below, and each value goes through its setter into the configuration. Destinations come before pipelines,
 * so that files may stand in any order.
 *
 *  Failures: a line that zconfig would refuse, drop or misread is reported and reaches zconfig as its bare
 * name, or not at all, so that all other lines are still checked. Every mistake is collected; with any, there
 * is no configuration.
 *
 *  zconfig gets one block at a time: it looks for a line's parent by walking all of the names before it, and
 * frees them by recursion, so that a whole file of 16,384 destinations would cost minutes, and a malformed
 * one the stack.  */

#include "host/pipeline_file.h"
#include "base/units.h"

#include <assert.h>
#include <curl/curl.h>
#include <czmq.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    S_BLOCKS_MAX = HF_DESTINATIONS_MAX + HF_PIPELINES_MAX + 64, //  Blocks of one reading; some to report on
    S_ITEMS_MAX = 256,       //  Names in one block: all of them, and 64 headers, fit
    S_DEPTH_MAX = 8,         //  Levels of indentation; three have a meaning
    S_FIELDS_MAX = 16,       //  Names that a block knows
    S_SECRET_MAX = 64 << 10, //  Bytes of one value with its secrets filled in
    S_HEADER_MAX = 8 << 10,  //  Bytes of one header: what common servers take
    S_URL_MAX = 4 << 10,     //  Bytes of a url before its holes are filled
    S_LABEL_MAX = 128,       //  Bytes of a label: it stands in tables
    S_SUGGESTIONS_MAX =
        200,           //  Destinations that are guessed for "did you mean": each guess looks at all of them
    S_SHOWN_MAX = 60,  //  Bytes of a user's text that a message repeats
    S_WHERE_MAX = 128, //  Bytes of "retry of pipeline 'NAME'"
};

//  What a snapshot begins with: only such a file may be larger than HF_PIPELINE_FILE_MAX.
#define S_SNAPSHOT_HEAD                                                                                      \
    "#  Holdfast's snapshot of checked pipeline files. Written by it, for its own actors.\n"

#define SIZE(array) (sizeof(array) / sizeof *(array))
#define S_NOWHERE   SIZE_MAX

//  One file.
typedef struct {
    char *path;   //  As it is named in messages
    char *folder; //  What ${file:PATH} is relative to
    char *text;   //  Its bytes, with a NUL behind
    size_t size;  //  How many
    dev_t device; //  With inode: which file it is, to read it once only
    ino_t inode;
} source_t;

//  One line with a name.
typedef struct {
    const char *name;  //  zconfig's
    const char *value; //  zconfig's, secrets not filled in; "" where there is none
    const char *at;    //  The name in the source's text, for comparing
    size_t at_size;    //  Its bytes
    const char *text;  //  The value in the source's text, for comparing; NULL: none
    size_t text_size;  //  Its bytes
    size_t line;       //  From 1
    size_t level;      //  Of indentation, from 0
    bool given;        //  There is a '='
    bool broken;       //  What follows the name was refused already: say no more about it
} item_t;

//  One item of level 0 with the items below it.
typedef struct {
    size_t source;   //  Number of its file
    zconfig_t *tree; //  Owns the items' names and values
    item_t *items;   //  In the order of lines; the first has level 0
    size_t size;     //  How many
    bool full;       //  The bound was reported
} block_t;

//  One message.
typedef struct {
    size_t source; //  Number of its file; S_NOWHERE: none
    size_t line;   //  From 1; 0: the whole file
    size_t number; //  In the order of finding
    char *text;    //  The whole "file:line: message"
} found_t;

typedef struct {
    size_t source; //  Number of a file; S_NOWHERE: not set
    size_t line;   //  From 1
} place_t;

typedef struct {
    source_t *sources;     //  In the order of reading
    size_t sources_size;   //  How many
    size_t sources_bytes;  //  Bytes of all of them
    block_t *blocks;       //  In the order of reading
    size_t blocks_size;    //  How many
    bool blocks_full;      //  The bound was reported
    found_t *found;        //  Mistakes
    size_t found_size;     //  How many are kept
    size_t found_dropped;  //  How many more there were
    hf_config_t *config;   //  What becomes of it all
    place_t node;          //  Where node stands
    place_t *destinations; //  Where each of config's destinations stands
    place_t *pipelines;    //  The same for pipelines
    const char **known;    //  Names of all destinations, for "did you mean"; NULL until needed
    size_t suggestions;    //  How many were looked for
} reader_t;

//  --------------------------------------------------------------------------------------------------------
//  Helpers.

//  The array with room for one more element: it doubles at each power of two.
static void *s_room(void *array, size_t size, size_t element) {
    if ((size & (size - 1)) == 0) {
        array = realloc(array, (size ? size * 2 : 1) * element);
        assert(array && "out of memory");
    }
    return array;
}

static char *s_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *s_vformat(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static char *s_vformat(const char *format, va_list args) {
    char *text;
    int size = vasprintf(&text, format, args);
    assert(size >= 0 && "out of memory");
    return text;
}

static char *s_format(const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *text = s_vformat(format, args);
    va_end(args);
    return text;
}

//  The beginning of a user's text, whole characters only.
typedef struct {
    char text[S_SHOWN_MAX + 4]; //  With "…" where it was cut
} shown_t;

static shown_t s_shown(const char *text, size_t size) {
    shown_t shown = {0};
    if (size <= S_SHOWN_MAX) {
        memcpy(shown.text, text, size);
        return shown;
    }
    size_t cut = S_SHOWN_MAX;
    while (cut > 0 && ((unsigned char)text[cut] & 0xC0) == 0x80) {
        cut--;
    }
    memcpy(shown.text, text, cut);
    memcpy(shown.text + cut, "…", sizeof "…");
    return shown;
}

#define SHOWN(string) (s_shown((string), strlen(string)).text)

static void s_vreport(reader_t *self, size_t source, size_t line, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static void s_report(reader_t *self, size_t source, size_t line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void s_report_path(reader_t *self, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void s_found_add(reader_t *self, size_t source, size_t line, char *text) {
    if (self->found_size >= HF_MESSAGES_MAX) {
        self->found_dropped++;
        free(text);
        return;
    }
    self->found = s_room(self->found, self->found_size, sizeof *self->found);
    self->found[self->found_size] = (found_t){
        .source = source, .line = line, .number = self->found_size, .text = text};
    self->found_size++;
}

static void s_vreport(reader_t *self, size_t source, size_t line, const char *format, va_list args) {
    char *message = s_vformat(format, args);
    s_found_add(self, source, line, s_format("%s:%zu: %s", self->sources[source].path, line, message));
    free(message);
}

//  Notes a mistake in a line of a file.
static void s_report(reader_t *self, size_t source, size_t line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    s_vreport(self, source, line, format, args);
    va_end(args);
}

//  Notes what is wrong with a whole file or folder: such messages follow those of the files read before it.
static void s_report_path(reader_t *self, const char *path, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *message = s_vformat(format, args);
    va_end(args);
    s_found_add(self, self->sources_size, 0, s_format("%s: %s", path, message));
    free(message);
}

//  --------------------------------------------------------------------------------------------------------
//  Secrets: ${env:NAME} and ${file:PATH}.

typedef struct {
    const char *start;    //  The '$'
    const char *end;      //  Behind the '}'
    const char *argument; //  NAME or PATH
    size_t size;          //  Bytes of it
    bool file;            //  Which of the two
} secret_t;

//  The first secret in text: 1, or 0 where there is none, or -1 where there is something that only looks like
//  one.
static int s_secret_find(const char *text, secret_t *secret) {
    const char *start = strstr(text, "${");
    if (!start) {
        return 0;
    }
    const char *close = strchr(start, '}');
    bool env = strncmp(start, "${env:", 6) == 0, file = strncmp(start, "${file:", 7) == 0;
    if (!close || !(env || file)) {
        return -1;
    }
    const char *argument = start + (env ? 6 : 7);
    *secret = (secret_t){.start = start,
                         .end = close + 1,
                         .argument = argument,
                         .size = (size_t)(close - argument),
                         .file = file};
    return secret->size ? 1 : -1;
}

//  PATH as it is opened: relative to the folder.
static char *s_secret_path(const secret_t *secret, const char *folder) {
    char *path = hf_memdup(secret->argument, secret->size);
    if (path[0] != '/') {
        char *whole = s_format("%s/%s", strcmp(folder, "/") == 0 ? "" : folder, path);
        free(path);
        path = whole;
    }
    return path;
}

//  Reads a descriptor to its end, at most max + 1 bytes; -1 with errno.
static int s_read_all(int fd, size_t max, hf_buf_t *out) {
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
    if (rc == 0 && s_read_all(fd, S_SECRET_MAX, &text)) {
        rc = hf_error_set(error, "%s: %s", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    if (rc == 0 && text.size > S_SECRET_MAX) {
        rc = hf_error_set(error, "%s is larger than %dK", path, S_SECRET_MAX >> 10);
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

static int s_secret_env(const secret_t *secret, hf_buf_t *out, hf_error_t *error) {
    char *name = hf_memdup(secret->argument, secret->size);
    const char *value = strchr(name, '=') ? NULL : getenv(name);
    int rc = 0;
    if (value) {
        hf_buf_add(out, value, strlen(value));
    } else {
        rc = hf_error_set(error, "the environment has no variable '%s'; set it where Holdfast is started",
                          SHOWN(name));
    }
    free(name);
    return rc;
}

//  Appends one secret's value, or says why there is none; never what it is.
static int s_secret_add(const secret_t *secret, const char *folder, bool in_template, hf_buf_t *out,
                        hf_error_t *error) {
    size_t before = out->size;
    char *path = s_secret_path(secret, folder);
    int rc = secret->file ? s_secret_file(path, out, error) : s_secret_env(secret, out, error);
    const char *value = rc ? NULL : (const char *)out->data + before;
    shown_t name = s_shown(secret->start, (size_t)(secret->end - secret->start));
    if (value && out->size == before) {
        rc = hf_error_set(error, "%s is empty", name.text);
    } else if (value && memchr(value, 0, out->size - before)) {
        rc = hf_error_set(error, "%s holds a NUL byte", name.text);
    } else if (value && in_template && strpbrk(value, "{}")) {
        rc = hf_error_set(
            error, "%s holds a '{' or '}', which would stand for a field here; write %%7B, %%7D", name.text);
    } else if (value && out->size > S_SECRET_MAX) {
        rc = hf_error_set(error, "it is longer than %dK with its secrets", S_SECRET_MAX >> 10);
    }
    free(path);
    return rc;
}

//  The value with its secrets filled in, or NULL with why not. The caller frees it.
static char *s_fill(const char *value, const char *folder, bool in_template, hf_error_t *error) {
    hf_buf_t out = {0};
    secret_t secret;
    int found = s_secret_find(value, &secret);
    for (; found > 0; found = s_secret_find(value, &secret)) {
        hf_buf_add(&out, value, (size_t)(secret.start - value));
        if (s_secret_add(&secret, folder, in_template, &out, error)) {
            hf_buf_free(&out);
            return NULL;
        }
        value = secret.end;
    }
    if (found < 0) {
        hf_error_set(error, "'${' must begin ${env:NAME} or ${file:PATH}, closed by '}'");
        hf_buf_free(&out);
        return NULL;
    }
    hf_buf_add(&out, value, strlen(value));
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}

//  --------------------------------------------------------------------------------------------------------
//  Setters: one for each kind of value. Each gets the text with secrets filled in, and never repeats that in
//  a message, only what stands in the file.

typedef struct field field_t;

//  Where a value stands.
typedef struct {
    reader_t *reader;
    const block_t *block;
    const item_t *item;
    const char *where; //  "destination 'ec2'"
} spot_t;

typedef void setter_t(const spot_t *spot, const field_t *field, const char *text, void *place);

//  One name that a block knows.
struct field {
    const char *name; //  As written
    setter_t *set;    //  Takes its value; NULL: a block of its own
    size_t at;        //  Where in the struct it goes
    int64_t min;      //  Bounds of a number
    int64_t max;
    bool repeated;         //  May stand more than once
    bool in_template;      //  '{' has a meaning
    bool shown;            //  People see it: no secrets
    const field_t *fields; //  A block's own names
    size_t fields_size;    //  How many
};

static void s_wrong(const spot_t *spot, const char *format, ...) __attribute__((format(printf, 2, 3)));

//  Notes what is wrong with a value, behind "'NAME' in WHERE ".
static void s_wrong(const spot_t *spot, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char *message = s_vformat(format, args);
    va_end(args);
    s_report(spot->reader, spot->block->source, spot->item->line, "'%s' in %s %s", SHOWN(spot->item->name),
             spot->where, message);
    free(message);
}

static void s_set_duration(const spot_t *spot, const field_t *field, const char *text, void *place) {
    int64_t value;
    char min[32], max[32];
    hf_duration_format(field->min, min);
    hf_duration_format(field->max, max);
    if (hf_duration_parse(text, &value)) {
        s_wrong(spot, "is '%s', which is no duration; write it like " HF_DURATION_EXAMPLE,
                SHOWN(spot->item->value));
    } else if (value < field->min || value > field->max) {
        s_wrong(spot, "is '%s'; it must be between %s and %s", SHOWN(spot->item->value), min, max);
    } else {
        *(int64_t *)place = value;
    }
}

static void s_set_size(const spot_t *spot, const field_t *field, const char *text, void *place) {
    size_t value;
    char min[32], max[32];
    hf_size_format((size_t)field->min, min);
    hf_size_format((size_t)field->max, max);
    if (hf_size_parse(text, &value)) {
        s_wrong(spot, "is '%s', which is no size; write it like " HF_SIZE_EXAMPLE, SHOWN(spot->item->value));
    } else if (value < (size_t)field->min || value > (size_t)field->max) {
        s_wrong(spot, "is '%s'; it must be between %s and %s", SHOWN(spot->item->value), min, max);
    } else {
        *(size_t *)place = value;
    }
}

//  Digits only, at most six (every bound is smaller), or -1.
static int s_count(const char *text) {
    size_t size = strspn(text, "0123456789");
    return size > 0 && size <= 6 && !text[size] ? atoi(text) : -1;
}

static void s_set_count(const spot_t *spot, const field_t *field, const char *text, void *place) {
    int value = s_count(text);
    if (value < field->min || value > field->max) {
        s_wrong(spot, "is '%s'; it must be a whole number between %d and %d", SHOWN(spot->item->value),
                (int)field->min, (int)field->max);
    } else {
        *(int *)place = value;
    }
}

static void s_set_percent(const spot_t *spot, const field_t *field, const char *text, void *place) {
    size_t size = strlen(text);
    char digits[8] = "";
    if (size > 1 && size < sizeof digits && text[size - 1] == '%') {
        memcpy(digits, text, size - 1);
    }
    int value = s_count(digits);
    if (value < field->min || value > field->max) {
        s_wrong(spot, "is '%s'; it must be a share between %d%% and %d%%, like 50%%",
                SHOWN(spot->item->value), (int)field->min, (int)field->max);
    } else {
        *(int *)place = value;
    }
}

static void s_set_rate(const spot_t *spot, const field_t *field, const char *text, void *place) {
    double value;
    if (hf_rate_parse(text, &value)) {
        s_wrong(spot,
                "is '%s', which is no rate; write it like " HF_RATE_EXAMPLE ", or leave it out for no limit",
                SHOWN(spot->item->value));
    } else if (value * 86400 < (double)field->min || value > (double)field->max) {
        s_wrong(spot, "is '%s'; it must be between %d/d and %d/s", SHOWN(spot->item->value), (int)field->min,
                (int)field->max);
    } else {
        *(double *)place = value;
    }
}

//  "2" or "1.5", at most three digits on each side.
static void s_set_factor(const spot_t *spot, const field_t *field, const char *text, void *place) {
    size_t whole = strspn(text, "0123456789");
    size_t rest = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    bool well = whole > 0 && whole <= 3 && rest <= 3 && !text[whole + rest + (rest > 0)];
    double value = 0, worth = 1;
    for (const char *digit = text; well && *digit; digit++) {
        worth = *digit == '.' || digit > text + whole ? worth * (*digit == '.' ? 1 : 0.1) : worth;
        value = *digit == '.'          ? value
                : digit < text + whole ? value * 10 + (*digit - '0')
                                       : value + worth * (*digit - '0');
    }
    if (!well || value < (double)field->min || value > (double)field->max) {
        s_wrong(spot, "is '%s'; it must be a number between %d and %d, like 2 or 1.5",
                SHOWN(spot->item->value), (int)field->min, (int)field->max);
    } else {
        *(double *)place = value;
    }
}

//  The number of text among words, or -1 with a message that names them.
static int s_choice(const spot_t *spot, const char *text, const char *const *words, size_t size) {
    char all[S_WHERE_MAX] = "";
    for (size_t number = 0; number < size; number++) {
        if (strcmp(words[number], text) == 0) {
            return (int)number;
        }
        const char *before = number == 0 ? "" : number + 1 < size ? ", " : " or ";
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", before, words[number]);
    }
    s_wrong(spot, "is '%s'; it must be %s", SHOWN(spot->item->value), all);
    return -1;
}

static void s_set_method(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    static const char *const words[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
    if (s_choice(spot, text, words, SIZE(words)) >= 0) {
        char **method = place;
        free(*method);
        *method = hf_strdup(text);
    }
}

static void s_set_on_uncertain(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    static const char *const words[] = {[HF_ON_UNCERTAIN_RETRY] = "retry", [HF_ON_UNCERTAIN_HOLD] = "hold"};
    int number = s_choice(spot, text, words, SIZE(words));
    if (number >= 0) {
        *(hf_on_uncertain_t *)place = (hf_on_uncertain_t)number;
    }
}

static void s_set_jitter(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    static const char *const words[] = {[HF_JITTER_FULL] = "full", [HF_JITTER_NONE] = "none"};
    int number = s_choice(spot, text, words, SIZE(words));
    if (number >= 0) {
        *(hf_jitter_t *)place = (hf_jitter_t)number;
    }
}

static void s_set_on_dead(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    static const char *const words[] = {[HF_ON_DEAD_BLOCK] = "block", [HF_ON_DEAD_SKIP] = "skip"};
    int number = s_choice(spot, text, words, SIZE(words));
    if (number >= 0) {
        *(hf_behind_dead_t *)place = (hf_behind_dead_t)number;
    }
}

static void s_set_flag(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    static const char *const words[] = {"0", "1"};
    int number = s_choice(spot, text, words, SIZE(words));
    if (number >= 0) {
        *(bool *)place = number == 1;
    }
}

static void s_set_reject(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    hf_status_set_t set;
    hf_error_t error;
    if (hf_status_set_parse(&set, text, &error)) {
        s_wrong(spot, "is '%s': %s", SHOWN(spot->item->value),
                strstr(spot->item->value, "${") ? "no rule like \"400-499 !408 !425 !429\"" : error.text);
        return;
    }
    for (int status = 100; status < 300; status++) {
        if (hf_status_set_has(&set, status)) {
            s_wrong(spot, "holds %d; 1xx and 2xx answers are no failures, so they cannot be rejected",
                    status);
            return;
        }
    }
    *(hf_status_set_t *)place = set;
}

static bool s_is_printable(const char *text) {
    for (; *text; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

//  HOST:PORT; an IPv6 host in brackets.
static void s_set_address(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    const char *colon = strrchr(text, ':');
    size_t host = colon ? (size_t)(colon - text) : 0;
    int port = colon ? s_count(colon + 1) : -1;
    bool brackets = host > 2 && text[0] == '[' && text[host - 1] == ']';
    bool bare = host > 0 && strcspn(text, ":[]") == host;
    if (!(brackets || bare) || port < 0 || port > 65535 || !s_is_printable(text) || host > 255) {
        s_wrong(spot, "is '%s'; it must be HOST:PORT, like 127.0.0.1:4653 or [::1]:4653",
                SHOWN(spot->item->value));
        return;
    }
    char **address = place;
    free(*address);
    *address = hf_strdup(text);
}

static void s_set_token(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    if (!s_is_printable(text) || strlen(text) > S_HEADER_MAX) {
        s_wrong(spot, "must be at most %d visible ASCII characters without spaces: it is sent in a header",
                (int)S_HEADER_MAX);
        return;
    }
    char **token = place;
    free(*token);
    *token = hf_strdup(text);
}

//  What libcurl says of the url with every hole filled with an "x"; NULL: nothing.
static const char *s_url_mistake(const char *text) {
    hf_buf_t filled = {0};
    while (*text) {
        size_t literal = strcspn(text, "{");
        hf_buf_add(&filled, text, literal);
        text += literal;
        if (*text) {
            hf_buf_add(&filled, "x", 1);
            text = strchr(text, '}') + 1;
        }
    }
    CURLU *url = curl_url();
    assert(url && "out of memory");
    CURLUcode code = curl_url_set(url, CURLUPART_URL, (const char *)filled.data, CURLU_PATH_AS_IS);
    curl_url_cleanup(url);
    hf_buf_free(&filled);
    return code == CURLUE_OK ? NULL : curl_url_strerror(code);
}

//  Whether a path segment is "." or ".." as written: clients take it out before they call.
static bool s_has_dot_segment(const char *path) {
    const char *end = path + strcspn(path, "?");
    while (path < end) {
        size_t size = strcspn(path, "/?");
        if (size > 0 && size <= 2 && strspn(path, ".") == size) {
            return true;
        }
        path += size + 1;
    }
    return false;
}

//  Takes the url apart as far as its holes allow; false with a message where it can never be called. It may
//  hold a secret, so no message repeats it.
static bool s_check_url(const spot_t *spot, const char *text) {
    size_t scheme = strncasecmp(text, "http://", 7) == 0 ? 7 : strncasecmp(text, "https://", 8) == 0 ? 8 : 0;
    size_t host = strcspn(text + scheme, "/?#");
    const char *mistake = NULL;
    if (scheme == 0) {
        s_wrong(spot, "must begin with http:// or https://");
    } else if (!s_is_printable(text)) {
        s_wrong(spot, "holds a space, a control character or a letter beyond ASCII; percent-encode it (a "
                      "space is %%20)");
    } else if (strlen(text) > S_URL_MAX) {
        s_wrong(spot, "is longer than %d bytes", (int)S_URL_MAX);
    } else if (host == 0) {
        s_wrong(spot, "names no host; write it like https://api.example.com/path");
    } else if (memchr(text + scheme, '{', host)) {
        s_wrong(spot,
                "has a {name} in its host; a destination is one third party, so its host must be fixed");
    } else if (strchr(text, '#')) {
        s_wrong(spot, "has a '#' part, which is never sent; leave it out or write %%23");
    } else if (s_has_dot_segment(text + scheme + host)) {
        s_wrong(spot, "has a '.' or '..' step in its path; write the path that it means");
    } else if ((mistake = s_url_mistake(text)) != NULL) {
        s_wrong(spot, "is no url: %s", mistake);
    } else {
        return true;
    }
    return false;
}

//  The field's name of an open '{', not its text, is all that these messages repeat.
static hf_template_t *s_template(const spot_t *spot, const char *text) {
    hf_error_t error;
    hf_template_t *template = hf_template_new(text, &error);
    if (!template) {
        s_wrong(spot, "is no template: %s", error.text);
    }
    return template;
}

static void s_set_url(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    hf_destination_t *destination = place;
    hf_template_t *template = s_template(spot, text);
    if (template && s_check_url(spot, text)) {
        hf_template_destroy(&destination->url);
        free(destination->url_shown);
        destination->url = template;
        destination->url_shown = hf_strdup(spot->item->value);
    } else {
        hf_template_destroy(&template);
    }
}

//  "GET https://…": said as a request, because that is what it is, and so that nobody takes it for a second url to call.
static void s_set_probe(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    hf_destination_t *destination = place;
    if (strncmp(text, "GET ", 4) != 0) {
        s_wrong(spot,
                "must be GET and a url, like \"GET https://api.example.com/commands/{" HF_TEMPLATE_ID "}\"");
        return;
    }
    hf_template_t *template = s_template(spot, text + 4);
    if (template && s_check_url(spot, text + 4)) {
        hf_template_destroy(&destination->probe);
        destination->probe = template;
    } else {
        hf_template_destroy(&template);
    }
}

static void s_set_key(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    if (strlen(text) > HF_KEY_MAX) {
        s_wrong(spot, "is longer than %d bytes", HF_KEY_MAX);
        return;
    }
    hf_template_t *template = s_template(spot, text);
    if (template) {
        hf_template_destroy(place);
        *(hf_template_t **)place = template;
    }
}

static void s_set_label(const spot_t *spot, const field_t *field, const char *text, void *place) {
    if (strlen(text) > S_LABEL_MAX || strchr(text, '\t') || text[strspn(text, " ")] == 0) {
        s_wrong(spot, "must be 1 to %d bytes, not only spaces, and no TAB", S_LABEL_MAX);
        return;
    }
    hf_pipeline_set_label(place, (hf_state_t)field->min, text);
}

//  The name that Holdfast itself gives to the third party, or that belongs to the connection; NULL: free to
//  use.
static const char *s_header_reserved(const char *name, size_t size) {
    static const char *const names[] = {
        "Idempotency-Key", "Holdfast-Attempt", "Content-Length", "Content-Type", "Transfer-Encoding", "Host",
        "User-Agent",      "Connection",       "Expect",         "Keep-Alive",   "Proxy-Connection",  "TE",
        "Trailer",         "Upgrade",          "traceparent",    "tracestate"};
    for (size_t number = 0; number < SIZE(names); number++) {
        if (strlen(names[number]) == size && strncasecmp(names[number], name, size) == 0) {
            return names[number];
        }
    }
    return NULL;
}

//  HTAB, visible characters and whatever lies beyond ASCII (RFC 9110, 5.5): no line break, no NUL.
static bool s_is_field_value(const char *text) {
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if ((c < ' ' && c != '\t') || c == 127) {
            return false;
        }
    }
    return true;
}

static bool s_check_header(const spot_t *spot, const char *text, size_t headers) {
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t name = strcspn(text, ":");
    const char *reserved = s_header_reserved(text, name);
    if (!s_is_field_value(text)) {
        s_wrong(spot, "holds a line break or another control character; one header stands in one line");
    } else if (!text[name]) {
        s_wrong(spot, "has no colon; write header = \"Name: value\"");
    } else if (name == 0 || strspn(text, token) != name) {
        s_wrong(spot, "must begin with a name of letters, digits and '-', right before its colon");
    } else if (reserved) {
        s_wrong(spot, "is %s, which Holdfast sets itself; leave it out", reserved);
    } else if (!text[name + 1 + strspn(text + name + 1, " \t")]) {
        s_wrong(spot, "has no value behind its colon");
    } else if (strlen(text) > S_HEADER_MAX) {
        s_wrong(spot, "is longer than %d bytes", (int)S_HEADER_MAX);
    } else if (headers >= HF_HEADERS_MAX) {
        s_wrong(spot, "is one too many; %d are the most", HF_HEADERS_MAX);
    } else {
        return true;
    }
    return false;
}

//  Kept as "Name: value", blanks around the value cut off.
static void s_set_header(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    char ***headers = place;
    size_t size = 0;
    while ((*headers)[size]) {
        size++;
    }
    if (!s_check_header(spot, text, size)) {
        return;
    }
    size_t name = strcspn(text, ":");
    const char *value = text + name + 1 + strspn(text + name + 1, " \t");
    size_t value_size = strlen(value);
    while (value[value_size - 1] == ' ' || value[value_size - 1] == '\t') {
        value_size--;
    }
    *headers = realloc(*headers, (size + 2) * sizeof **headers);
    assert(*headers && "out of memory");
    (*headers)[size] = s_format("%.*s: %.*s", (int)name, text, (int)value_size, value);
    (*headers)[size + 1] = NULL;
}

//  The known destination nearest to that name, while there is patience for looking.
static const char *s_nearest_destination(reader_t *self, const char *name) {
    if (self->suggestions >= S_SUGGESTIONS_MAX) {
        return NULL;
    }
    self->suggestions++;
    size_t size = self->config->destinations_size;
    if (!self->known) {
        self->known = hf_alloc(size * sizeof *self->known);
        for (size_t number = 0; number < size; number++) {
            self->known[number] = self->config->destinations[number]->name;
        }
    }
    return hf_nearest(name, self->known, size);
}

//  A pipeline's destination: all destinations were read before.
static void s_set_destination(const spot_t *spot, const field_t *field, const char *text, void *place) {
    (void)field;
    const hf_destination_t *destination = hf_config_destination(spot->reader->config, text);
    if (destination) {
        *(const hf_destination_t **)place = destination;
        return;
    }
    const char *nearest = s_nearest_destination(spot->reader, text);
    s_report(spot->reader, spot->block->source, spot->item->line, "unknown destination '%s' in %s; %s%s%s",
             SHOWN(text), spot->where, nearest ? "did you mean '" : "no file has a block 'destination = ",
             nearest ? nearest : SHOWN(text), nearest ? "'?" : "'");
}

//  --------------------------------------------------------------------------------------------------------
//  The names that blocks know.

#define S_SECOND_MS INT64_C(1000)
#define S_HOUR_MS   (60 * 60 * S_SECOND_MS)
#define S_DAY_MS    (24 * S_HOUR_MS)
#define S_KIB       INT64_C(1024)
#define S_MIB       (1024 * S_KIB)
#define S_TIB       (1024 * 1024 * S_MIB)

#define NODE(member) offsetof(hf_config_t, member)
static const field_t s_node_fields[] = {
    {.name = "http", .set = s_set_address, .at = NODE(http)},
    {.name = "token", .set = s_set_token, .at = NODE(token)},
    {.name = "callers", .set = s_set_count, .at = NODE(callers), .min = 1, .max = HF_CALLERS_MAX},
    {.name = "body_limit", .set = s_set_size, .at = NODE(body_limit), .min = S_KIB, .max = 64 * S_MIB},
    {.name = "unacked_limit", .set = s_set_size, .at = NODE(unacked_limit), .min = S_MIB, .max = S_TIB},
    {.name = "journal_limit",
     .set = s_set_size,
     .at = NODE(journal_limit),
     .min = 16 * S_MIB,
     .max = 16 * S_TIB},
    {.name = "keep", .set = s_set_duration, .at = NODE(keep_ms), .min = S_SECOND_MS, .max = 3650 * S_DAY_MS},
};

#define DESTINATION(member) offsetof(hf_destination_t, member)
static const field_t s_circuit_fields[] = {
    {.name = "failures",
     .set = s_set_percent,
     .at = DESTINATION(circuit_failures_percent),
     .min = 1,
     .max = 100},
    {.name = "of", .set = s_set_count, .at = DESTINATION(circuit_of), .min = 1, .max = 1000},
    {.name = "cooldown",
     .set = s_set_duration,
     .at = DESTINATION(circuit_cooldown_ms),
     .min = 1,
     .max = S_DAY_MS},
    {.name = "ramp", .set = s_set_duration, .at = DESTINATION(circuit_ramp_ms), .min = 1, .max = S_DAY_MS},
    {.name = "surge",
     .set = s_set_percent,
     .at = DESTINATION(circuit_surge_percent),
     .min = 100,
     .max = 1000},
};

static const field_t s_destination_fields[] = {
    {.name = "url", .set = s_set_url, .in_template = true},
    {.name = "method", .set = s_set_method, .at = DESTINATION(method)},
    {.name = "header", .set = s_set_header, .at = DESTINATION(headers), .repeated = true},
    {.name = "connect_timeout",
     .set = s_set_duration,
     .at = DESTINATION(connect_timeout_ms),
     .min = 1,
     .max = S_HOUR_MS},
    {.name = "timeout", .set = s_set_duration, .at = DESTINATION(timeout_ms), .min = 1, .max = S_DAY_MS},
    {.name = "concurrency", .set = s_set_count, .at = DESTINATION(concurrency), .min = 1, .max = 10000},
    {.name = "rate", .set = s_set_rate, .at = DESTINATION(rate), .min = 1, .max = 1000000},
    {.name = "adaptive", .set = s_set_flag, .at = DESTINATION(adaptive)},
    {.name = "retry_budget",
     .set = s_set_percent,
     .at = DESTINATION(retry_budget_percent),
     .min = 0,
     .max = 100},
    {.name = "reject", .set = s_set_reject, .at = DESTINATION(reject)},
    {.name = "on_uncertain", .set = s_set_on_uncertain, .at = DESTINATION(on_uncertain)},
    {.name = "probe", .set = s_set_probe, .in_template = true},
    {.name = "circuit", .fields = s_circuit_fields, .fields_size = SIZE(s_circuit_fields)},
};

#define PIPELINE(member) offsetof(hf_pipeline_t, member)
static const field_t s_retry_fields[] = {
    {.name = "immediate", .set = s_set_count, .at = PIPELINE(retry_immediate), .min = 0, .max = 100},
    {.name = "delay", .set = s_set_duration, .at = PIPELINE(retry_delay_ms), .min = 1, .max = 30 * S_DAY_MS},
    {.name = "factor", .set = s_set_factor, .at = PIPELINE(retry_factor), .min = 1, .max = 100},
    {.name = "cap", .set = s_set_duration, .at = PIPELINE(retry_cap_ms), .min = 1, .max = 30 * S_DAY_MS},
    {.name = "jitter", .set = s_set_jitter, .at = PIPELINE(retry_jitter)},
    {.name = "deadline",
     .set = s_set_duration,
     .at = PIPELINE(retry_deadline_ms),
     .min = S_SECOND_MS,
     .max = 365 * S_DAY_MS},
    {.name = "attempts", .set = s_set_count, .at = PIPELINE(retry_attempts), .min = 0, .max = 100000},
};

#define LABEL(word, state)                                                                                   \
    { .name = (word), .set = s_set_label, .at = 0, .min = HF_STATE_##state, .shown = true }
static const field_t s_label_fields[] = {
    LABEL("accepted", ACCEPTED),   LABEL("calling", CALLING),     LABEL("waiting", WAITING),
    LABEL("uncertain", UNCERTAIN), LABEL("succeeded", SUCCEEDED), LABEL("dead", DEAD),
    LABEL("cancelled", CANCELLED), LABEL("discarded", DISCARDED), LABEL("expired", EXPIRED),
};

static const field_t s_pipeline_fields[] = {
    {.name = "destination", .set = s_set_destination, .at = PIPELINE(destination), .shown = true},
    {.name = "key", .set = s_set_key, .at = PIPELINE(key), .in_template = true, .shown = true},
    {.name = "ordered", .set = s_set_flag, .at = PIPELINE(ordered)},
    {.name = "on_dead", .set = s_set_on_dead, .at = PIPELINE(on_dead)},
    {.name = "priority", .set = s_set_count, .at = PIPELINE(priority), .min = 0, .max = HF_PRIORITIES - 1},
    {.name = "retry", .fields = s_retry_fields, .fields_size = SIZE(s_retry_fields)},
    {.name = "label", .fields = s_label_fields, .fields_size = SIZE(s_label_fields)},
};

_Static_assert(SIZE(s_destination_fields) <= S_FIELDS_MAX && SIZE(s_label_fields) <= S_FIELDS_MAX,
               "too many names");

//  --------------------------------------------------------------------------------------------------------
//  Blocks: names are looked up, values handed to their setters.

static const field_t *s_field(const field_t *fields, size_t size, const char *name) {
    for (size_t number = 0; number < size; number++) {
        if (strcmp(fields[number].name, name) == 0) {
            return fields + number;
        }
    }
    return NULL;
}

//  The block among fields that knows this name, for a line that slipped out of it.
static const char *s_field_below(const field_t *fields, size_t size, const char *name) {
    for (size_t number = 0; number < size; number++) {
        if (fields[number].fields && s_field(fields[number].fields, fields[number].fields_size, name)) {
            return fields[number].name;
        }
    }
    return NULL;
}

static void s_unknown(const spot_t *spot, const field_t *fields, size_t size) {
    const char *known[S_FIELDS_MAX];
    char all[256] = "";
    for (size_t number = 0; number < size; number++) {
        known[number] = fields[number].name;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", number ? ", " : "", known[number]);
    }
    const char *name = spot->item->name;
    const char *below = s_field_below(fields, size, name);
    const char *nearest = below ? NULL : hf_nearest(name, known, size);
    s_report(spot->reader, spot->block->source, spot->item->line, "unknown name '%s' in %s; %s%s%s",
             SHOWN(name), spot->where,
             below     ? "it belongs below '"
             : nearest ? "did you mean '"
                       : "known are ",
             below     ? below
             : nearest ? nearest
                       : all,
             below     ? "', four spaces further in"
             : nearest ? "'?"
                       : "");
}

//  Fills the value's secrets in and hands it to its setter.
static void s_value(const spot_t *spot, const field_t *field, void *target) {
    const item_t *item = spot->item;
    if (!item->given || !item->value[0]) {
        s_wrong(spot, "has no value; write '%s = …'", field->name);
        return;
    }
    if (field->shown && strstr(item->value, "${")) {
        s_wrong(spot, "cannot hold a secret (${…}): people see it");
        return;
    }
    hf_error_t error;
    const char *folder = spot->reader->sources[spot->block->source].folder;
    char *text = s_fill(item->value, folder, field->in_template, &error);
    if (text) {
        field->set(spot, field, text, (char *)target + field->at);
    } else {
        s_wrong(spot, "cannot be filled in: %s", error.text);
    }
    free(text);
}

//  The first item behind place that stands no deeper than it.
static size_t s_behind(const block_t *block, size_t place) {
    size_t level = block->items[place].level;
    while (++place < block->size && block->items[place].level > level) {
    }
    return place;
}

static void s_fields(const spot_t *above, size_t place, const field_t *fields, size_t size, void *target);

static void s_known(const spot_t *spot, const field_t *field, size_t place, void *target) {
    size_t behind = s_behind(spot->block, place);
    if (field->fields) {
        if (spot->item->given) {
            s_wrong(spot, "takes no value; its names stand below it, four spaces further in");
        }
        char where[S_WHERE_MAX];
        snprintf(where, sizeof where, "%s of %s", field->name, spot->where);
        spot_t below = *spot;
        below.where = where;
        s_fields(&below, place, field->fields, field->fields_size, target);
        return;
    }
    if (!spot->item->broken) {
        s_value(spot, field, target);
    }
    if (behind > place + 1) {
        s_report(spot->reader, spot->block->source, spot->item[1].line,
                 "'%s' stands below '%s', which takes no names below it; mend the indentation",
                 SHOWN(spot->item[1].name), field->name);
    }
}

//  Reads the items right below the one at place into target.
static void s_fields(const spot_t *above, size_t place, const field_t *fields, size_t size, void *target) {
    const block_t *block = above->block;
    size_t end = s_behind(block, place), first[S_FIELDS_MAX] = {0};
    for (size_t next = place + 1; next < end; next = s_behind(block, next)) {
        spot_t spot = *above;
        spot.item = block->items + next;
        const field_t *field = s_field(fields, size, spot.item->name);
        size_t *first_line = field ? &first[field - fields] : NULL;
        if (!field) {
            s_unknown(&spot, fields, size);
        } else if (*first_line && !field->repeated) {
            s_report(spot.reader, block->source, spot.item->line,
                     "'%s' stands twice in %s; first in line %zu", field->name, spot.where, *first_line);
        } else {
            *first_line = spot.item->line;
            s_known(&spot, field, next, target);
        }
    }
}

//  The item with that name below the block's first one, or below parent, or NULL.
static const item_t *s_item(const block_t *block, const char *parent, const char *name) {
    const char *current = NULL;
    for (size_t place = 1; place < block->size; place++) {
        const item_t *item = block->items + place;
        current = item->level == 1 ? item->name : current;
        bool below = parent ? item->level == 2 && strcmp(current, parent) == 0 : item->level == 1;
        if (below && strcmp(item->name, name) == 0) {
            return item;
        }
    }
    return NULL;
}

static bool s_is(const block_t *block, const char *name) {
    return strcmp(block->items[0].name, name) == 0;
}

//  Notes that what stands here stands already there.
static void s_report_twice(reader_t *self, const block_t *block, const char *what, place_t first) {
    s_report(self, block->source, block->items[0].line, "%s stands already at %s:%zu", what,
             self->sources[first.source].path, first.line);
}

static place_t s_place(const block_t *block) {
    return (place_t){.source = block->source, .line = block->items[0].line};
}

static void s_read_node(reader_t *self, const block_t *block) {
    spot_t spot = {.reader = self, .block = block, .item = block->items, .where = "node"};
    if (self->node.source != S_NOWHERE) {
        s_report_twice(self, block, "node", self->node);
    } else {
        self->node = s_place(block);
    }
    if (block->items[0].given) {
        s_report(self, block->source, block->items[0].line, "node takes no value; its names stand below it");
    }
    s_fields(&spot, 0, s_node_fields, SIZE(s_node_fields), self->config);
    const item_t *item = s_item(block, NULL, "unacked_limit");
    item = item ? item : s_item(block, NULL, "body_limit");
    if (item && self->config->unacked_limit < self->config->body_limit) {
        s_report(self, block->source, item->line,
                 "unacked_limit is smaller than body_limit: the largest body would never be accepted");
    }
}

//  The block's own name, or NULL with a message. where becomes "destination 'NAME'".
static const char *s_block_name(reader_t *self, const block_t *block, const char *what,
                                char where[S_WHERE_MAX]) {
    const item_t *item = block->items;
    snprintf(where, S_WHERE_MAX, item->value[0] && !item->broken ? "%s '%s'" : "this %s", what,
             SHOWN(item->value));
    if (item->broken) {
        return NULL;
    }
    if (!item->value[0]) {
        s_report(self, block->source, item->line, "this %s has no name; write '%s = NAME'", what, what);
        return NULL;
    }
    if (!hf_name_is_valid(item->value)) {
        s_report(self, block->source, item->line,
                 "'%s' is no name for a %s; use 1 to %d of the characters A-Z a-z 0-9 . _ -",
                 SHOWN(item->value), what, HF_NAME_MAX);
        return NULL;
    }
    return item->value;
}

//  The whole attempt includes connecting.
static void s_check_timeouts(const spot_t *spot, hf_destination_t *destination) {
    const item_t *item = s_item(spot->block, NULL, "connect_timeout");
    if (destination->connect_timeout_ms <= destination->timeout_ms) {
        return;
    }
    if (item) {
        s_report(spot->reader, spot->block->source, item->line,
                 "connect_timeout in %s is longer than its timeout, which holds for the whole attempt",
                 spot->where);
    } else {
        destination->connect_timeout_ms = destination->timeout_ms;
    }
}

static void s_read_destination(reader_t *self, const block_t *block) {
    char where[S_WHERE_MAX];
    spot_t spot = {.reader = self, .block = block, .item = block->items, .where = where};
    const char *name = s_block_name(self, block, "destination", where);
    hf_destination_t *destination = hf_destination_new(name ? name : "?");
    const item_t *circuit = s_item(block, NULL, "circuit");
    if (circuit) {
        destination->circuit_of = 20;
    }
    s_fields(&spot, 0, s_destination_fields, SIZE(s_destination_fields), destination);
    s_check_timeouts(&spot, destination);
    if (!s_item(block, NULL, "url")) {
        s_report(self, block->source, block->items[0].line,
                 "%s has no url; write url = \"https://…\" below it", where);
    }
    if (name && hf_config_add_destination(self->config, destination) == 0) {
        size_t number = self->config->destinations_size - 1;
        self->destinations = s_room(self->destinations, number, sizeof *self->destinations);
        self->destinations[number] = s_place(block);
        return;
    }
    int first = name ? hf_config_destination_number(self->config, name) : -1;
    if (first >= 0) {
        s_report_twice(self, block, where, self->destinations[first]);
    } else if (name) {
        s_report(self, block->source, block->items[0].line, "%s is one too many; a node has at most %d",
                 where, HF_DESTINATIONS_MAX);
    }
    hf_destination_destroy(&destination);
}

static void s_check_pipeline(const spot_t *spot, const hf_pipeline_t *pipeline) {
    const block_t *block = spot->block;
    const item_t *delay = s_item(block, "retry", "delay"), *cap = s_item(block, "retry", "cap");
    if (!s_item(block, NULL, "destination")) {
        s_report(spot->reader, block->source, block->items[0].line,
                 "%s has no destination; write destination = NAME below it", spot->where);
    }
    if ((delay || cap) && pipeline->retry_delay_ms > pipeline->retry_cap_ms) {
        char text[32];
        hf_duration_format(pipeline->retry_cap_ms, text);
        s_report(spot->reader, block->source, delay ? delay->line : cap->line,
                 "delay in retry of %s is longer than its cap (%s%s); raise cap", spot->where, text,
                 cap ? "" : ", where none is written");
    }
    if (pipeline->ordered && !pipeline->key && !s_item(block, NULL, "key")) {
        s_report(spot->reader, block->source, s_item(block, NULL, "ordered")->line,
                 "ordered = 1 in %s needs a key: it keeps the order for each key", spot->where);
    }
    const item_t *on_dead = s_item(block, NULL, "on_dead");
    if (on_dead && !pipeline->ordered) {
        s_report(
            spot->reader, block->source, on_dead->line,
            "on_dead in %s says what follows for a key that is ordered; add ordered = 1, or leave it out",
            spot->where);
    }
}

static void s_read_pipeline(reader_t *self, const block_t *block) {
    char where[S_WHERE_MAX];
    spot_t spot = {.reader = self, .block = block, .item = block->items, .where = where};
    const char *name = s_block_name(self, block, "pipeline", where);
    hf_pipeline_t *pipeline = hf_pipeline_new(name ? name : "?");
    s_fields(&spot, 0, s_pipeline_fields, SIZE(s_pipeline_fields), pipeline);
    s_check_pipeline(&spot, pipeline);
    if (name && hf_config_add_pipeline(self->config, pipeline) == 0) {
        size_t number = self->config->pipelines_size - 1;
        self->pipelines = s_room(self->pipelines, number, sizeof *self->pipelines);
        self->pipelines[number] = s_place(block);
        return;
    }
    int first = name ? hf_config_pipeline_number(self->config, name) : -1;
    if (first >= 0) {
        s_report_twice(self, block, where, self->pipelines[first]);
    } else if (name) {
        s_report(self, block->source, block->items[0].line, "%s is one too many; a node has at most %d",
                 where, HF_PIPELINES_MAX);
    }
    hf_pipeline_destroy(&pipeline);
}

static void s_read_unknown(reader_t *self, const block_t *block) {
    static const char *const known[] = {"node", "destination", "pipeline"};
    const char *name = block->items[0].name;
    const char *nearest = hf_nearest(name, known, SIZE(known));
    if (s_field(s_node_fields, SIZE(s_node_fields), name) ||
        s_field(s_destination_fields, SIZE(s_destination_fields), name) ||
        s_field(s_pipeline_fields, SIZE(s_pipeline_fields), name)) {
        s_report(self, block->source, block->items[0].line,
                 "'%s' stands in no block; indent it by four spaces, below its node, destination or pipeline",
                 name);
    } else {
        s_report(self, block->source, block->items[0].line, "unknown block '%s'; %s%s%s", SHOWN(name),
                 nearest ? "did you mean '" : "a file holds node, destination = NAME and pipeline = NAME",
                 nearest ? nearest : "", nearest ? "'?" : "");
    }
}

//  --------------------------------------------------------------------------------------------------------
//  Lines: each is looked at before zconfig gets it.

typedef struct {
    reader_t *reader;
    size_t source;              //  Number of the file
    size_t line;                //  From 1
    size_t widths[S_DEPTH_MAX]; //  Indentation of the last line of each level
    size_t depth;               //  How many levels are open
    size_t skip;                //  Lines that are indented further than this are of a line that was dropped
    block_t *block;             //  The open one, or NULL
    hf_buf_t zpl;               //  Its lines, as zconfig gets them
} scan_t;

static bool s_is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool s_is_text(const char *string, const char *text, size_t size) {
    return strlen(string) == size && (size == 0 || memcmp(string, text, size) == 0);
}

//  zconfig's tree in the order of lines is the items' order. False where it is not: a bug here, or another
//  zconfig.
static bool s_take_tree(block_t *block, zconfig_t *tree, size_t *next) {
    for (zconfig_t *node = zconfig_child(tree); node; node = zconfig_next(node)) {
        if (*next >= block->size) {
            return false;
        }
        item_t *item = block->items + *next;
        item->name = zconfig_name(node);
        item->value = zconfig_value(node);
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

//  Hands the open block to zconfig.
static void s_close_block(scan_t *scan) {
    block_t *block = scan->block;
    if (!block) {
        return;
    }
    size_t taken = 0;
    block->tree = zconfig_str_load((const char *)scan->zpl.data);
    if (!block->tree || !s_take_tree(block, block->tree, &taken) || taken != block->size) {
        s_report(scan->reader, block->source, block->items[0].line,
                 "internal: zconfig reads this block in another way");
        block->size = 0;
    }
    hf_buf_clear(&scan->zpl);
    scan->block = NULL;
}

static void s_open_block(scan_t *scan) {
    reader_t *self = scan->reader;
    if (self->blocks_size < S_BLOCKS_MAX) {
        self->blocks = s_room(self->blocks, self->blocks_size, sizeof *self->blocks);
        scan->block = self->blocks + self->blocks_size;
        *scan->block = (block_t){.source = scan->source};
        self->blocks_size++;
    } else if (!self->blocks_full) {
        self->blocks_full = true;
        s_report(self, scan->source, scan->line, "more than %d blocks; nothing from here on was read",
                 S_BLOCKS_MAX);
    }
}

//  Adds a line with a name to the open block, or opens one with it. A broken one reaches zconfig as its name
//  alone.
static void s_add_item(scan_t *scan, item_t item, const char *end) {
    if (item.level == 0) {
        s_close_block(scan);
        s_open_block(scan);
    }
    block_t *block = scan->block;
    if (!block || block->full) {
        return;
    }
    if (block->size >= S_ITEMS_MAX) {
        block->full = true;
        s_report(scan->reader, scan->source, scan->line,
                 "more than %d lines in one block; the rest of it was not read", S_ITEMS_MAX);
        return;
    }
    hf_buf_addf(&scan->zpl, "%*s", (int)item.level * 4, "");
    hf_buf_add(&scan->zpl, item.at, item.given && !item.broken ? (size_t)(end - item.at) : item.at_size);
    hf_buf_add(&scan->zpl, "\n", 1);
    block->items = s_room(block->items, block->size, sizeof *block->items);
    block->items[block->size] = item;
    block->size++;
}

//  Control characters (a NUL ends the line for zconfig; a lone CR hides the next line behind a '#') and what
//  is not UTF-8 (labels and keys go into JSON).
static bool s_check_bytes(scan_t *scan, const char *start, const char *end) {
    bool beyond_ascii = false;
    for (const char *byte = start; byte < end; byte++) {
        unsigned char c = (unsigned char)*byte;
        beyond_ascii = beyond_ascii || c > 127;
        if ((c < ' ' && c != '\t') || c == 127) {
            s_report(scan->reader, scan->source, scan->line,
                     "control character 0x%02X in column %zu; take it out", c, (size_t)(byte - start) + 1);
            return false;
        }
    }
    if (scan->line == 1 && end - start >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0) {
        s_report(scan->reader, scan->source, scan->line,
                 "the file begins with a byte order mark; save it without one");
        return false;
    }
    json_t *utf8 = beyond_ascii ? json_stringn(start, (size_t)(end - start)) : NULL;
    json_decref(utf8);
    if (beyond_ascii && !utf8) {
        s_report(scan->reader, scan->source, scan->line, "this line is not UTF-8; save the file as UTF-8");
        return false;
    }
    return true;
}

//  The level of a line that is indented by width, as the lines above it tell: what is indented further than
//  they is below them, by whatever width, so that one mistake is reported once and all lines find their
//  block.
static bool s_level(scan_t *scan, size_t width, bool tabs, size_t *level) {
    while (scan->depth > 0 && scan->widths[scan->depth - 1] > width) {
        scan->depth--;
    }
    *level = scan->depth ? scan->depth - 1 : 0;
    if (scan->depth > 0 && scan->widths[scan->depth - 1] == width) {
        if (tabs) {
            s_report(scan->reader, scan->source, scan->line,
                     "TAB in the indentation; use four spaces for each level");
        }
        return true;
    }
    if (scan->depth == S_DEPTH_MAX) {
        s_report(scan->reader, scan->source, scan->line, "indented by more than %d levels", S_DEPTH_MAX);
        return false;
    }
    size_t right = scan->depth * 4, below = scan->depth ? scan->widths[scan->depth - 1] + 4 : 0;
    if (tabs) {
        s_report(scan->reader, scan->source, scan->line,
                 "TAB in the indentation; use four spaces for each level");
    } else if (width != right && scan->depth == 0) {
        s_report(scan->reader, scan->source, scan->line,
                 "indented, but there is no block above it; begin with node, "
                 "destination = NAME or pipeline = NAME, not indented");
    } else if (width != right && width != below) {
        s_report(scan->reader, scan->source, scan->line,
                 "indented by %zu spaces; %zu would be right here (four a level)", width, right);
    }
    *level = scan->depth;
    scan->widths[scan->depth] = width;
    scan->depth++;
    return true;
}

//  A value in quotes: there are no escapes, so it ends at the next such quote.
static bool s_check_quoted(scan_t *scan, const char *value, const char *end, item_t *item) {
    const char *close = memchr(value + 1, *value, (size_t)(end - value - 1));
    const char *rest = close ? close + 1 : end;
    shown_t name = s_shown(item->at, item->at_size);
    while (rest < end && s_is_blank(*rest)) {
        rest++;
    }
    if (!close) {
        s_report(scan->reader, scan->source, scan->line, "the value of '%s' has no closing %c", name.text,
                 *value);
        return false;
    }
    if (rest < end && *rest != '#') {
        s_report(scan->reader, scan->source, scan->line,
                 "something follows the closing %c of '%s'; a value that holds %c is put between %s", *value,
                 name.text, *value, *value == '"' ? "'…'" : "\"…\"");
        return false;
    }
    item->text = value + 1;
    item->text_size = (size_t)(close - item->text);
    return true;
}

//  A value without quotes ends before a '#'; zconfig 4.2.1 takes a '#' that it begins with into the value.
static bool s_check_bare(scan_t *scan, const char *value, const char *end, item_t *item) {
    const char *hash = memchr(value, '#', (size_t)(end - value));
    shown_t name = s_shown(item->at, item->at_size);
    size_t quotes = 0;
    if (hash == value) {
        s_report(scan->reader, scan->source, scan->line,
                 "'#' begins a comment, so '%s' has no value; put the value in quotes", name.text);
        return false;
    }
    if (hash && !s_is_blank(hash[-1])) {
        s_report(scan->reader, scan->source, scan->line,
                 "'#' begins a comment, so the value of '%s' would end before it; put the value in quotes",
                 name.text);
        return false;
    }
    for (end = hash ? hash : end; end > value && s_is_blank(end[-1]); end--) {
    }
    for (const char *byte = value; byte < end; byte++) {
        quotes += *byte == '"';
    }
    if (quotes % 2) {
        s_report(scan->reader, scan->source, scan->line, "the value of '%s' has a \" without its pair",
                 name.text);
        return false;
    }
    item->text = value;
    item->text_size = (size_t)(end - value);
    return true;
}

//  What stands behind '=', as zconfig must read it; says what it would cut or misread. False: broken.
static bool s_check_value(scan_t *scan, const char *value, const char *end, item_t *item) {
    if (value == end) {
        return true;
    }
    bool quoted = *value == '"' || *value == '\'';
    return quoted ? s_check_quoted(scan, value, end, item) : s_check_bare(scan, value, end, item);
}

static bool s_is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

//  A line from its name on.
static void s_scan_name(scan_t *scan, const char *start, const char *end, size_t level, bool clean) {
    const char *behind = start;
    while (behind < end && s_is_name_byte(*behind)) {
        behind++;
    }
    item_t item = {.at = start, .at_size = (size_t)(behind - start), .line = scan->line, .level = level};
    while (behind < end && s_is_blank(*behind)) {
        behind++;
    }
    bool ends = behind == end || *behind == '#';
    item.given = !ends && *behind == '=';
    if (item.at_size == 0 || item.at_size > HF_NAME_MAX || !(ends || item.given)) {
        shown_t shown = s_shown(start, item.at_size);
        if (clean && (item.at_size == 0 || item.at_size > HF_NAME_MAX)) {
            s_report(scan->reader, scan->source, scan->line,
                     "a line is 'name = value', 'name' or a '#' comment");
        } else if (clean) {
            s_report(scan->reader, scan->source, scan->line,
                     "a '=' must follow '%s'; a line is 'name = value'", shown.text);
        }
        item.broken = true;
    } else if (item.given) {
        behind++;
        while (behind < end && s_is_blank(*behind)) {
            behind++;
        }
        item.broken = !clean || !s_check_value(scan, behind, end, &item);
    }
    item.broken = item.broken || !clean;
    if (item.at_size > 0 && item.at_size <= HF_NAME_MAX) {
        s_add_item(scan, item, end);
    } else {
        scan->skip = scan->widths[level];
    }
}

static void s_scan_line(scan_t *scan, const char *start, const char *end) {
    while (end > start && (s_is_blank(end[-1]) || end[-1] == '\r')) {
        end--;
    }
    bool clean = s_check_bytes(scan, start, end);
    size_t width = 0, level;
    bool tabs = false;
    for (; start < end && s_is_blank(*start); start++) {
        tabs = tabs || *start == '\t';
        width += *start == '\t' ? 4 : 1;
    }
    if (start == end || *start == '#' || width > scan->skip) {
        return;
    }
    scan->skip = S_NOWHERE;
    if (s_level(scan, width, tabs, &level)) {
        s_scan_name(scan, start, end, level, clean);
    } else {
        scan->skip = scan->widths[scan->depth - 1];
    }
}

static void s_scan_source(reader_t *self, size_t source) {
    scan_t scan = {.reader = self, .source = source, .skip = S_NOWHERE};
    const char *text = self->sources[source].text, *end = text + self->sources[source].size;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        scan.line++;
        s_scan_line(&scan, text, line_end ? line_end : end);
        text = line_end ? line_end + 1 : end;
    }
    s_close_block(&scan);
    hf_buf_free(&scan.zpl);
}

//  --------------------------------------------------------------------------------------------------------
//  Files and folders.

static char *s_folder_of(const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return hf_strdup(".");
    }
    return slash == path ? hf_strdup("/") : hf_memdup(path, (size_t)(slash - path));
}

static source_t *s_add_source(reader_t *self, const char *path, char *text, size_t size) {
    self->sources = s_room(self->sources, self->sources_size, sizeof *self->sources);
    source_t *source = self->sources + self->sources_size;
    *source = (source_t){.path = hf_strdup(path), .folder = s_folder_of(path), .text = text, .size = size};
    self->sources_size++;
    self->sources_bytes += size;
    return source;
}

static bool s_was_read(const reader_t *self, const struct stat *info) {
    for (size_t number = 0; S_ISREG(info->st_mode) && number < self->sources_size; number++) {
        if (self->sources[number].device == info->st_dev && self->sources[number].inode == info->st_ino) {
            return true;
        }
    }
    return false;
}

static bool s_is_snapshot(const hf_buf_t *text) {
    return text->size >= strlen(S_SNAPSHOT_HEAD) &&
           memcmp(text->data, S_SNAPSHOT_HEAD, strlen(S_SNAPSHOT_HEAD)) == 0;
}

static void s_read_file(reader_t *self, const char *path, int fd, const struct stat *info) {
    hf_buf_t text = {0};
    int rc = s_read_all(fd, HF_PIPELINE_FILE_MAX, &text);
    bool snapshot = rc == 0 && s_is_snapshot(&text);
    if (snapshot) {
        rc = s_read_all(fd, HF_PIPELINE_SNAPSHOT_MAX, &text);
    }
    if (rc) {
        s_report_path(self, path, "cannot be read: %s", strerror(errno));
    } else if (text.size > (snapshot ? HF_PIPELINE_SNAPSHOT_MAX : HF_PIPELINE_FILE_MAX)) {
        s_report_path(self, path, "is larger than %dM; share it out among several files",
                      HF_PIPELINE_FILE_MAX >> 20);
    } else if (!snapshot && self->sources_bytes + text.size > HF_PIPELINE_FILES_BYTES_MAX) {
        s_report_path(self, path, "makes more than %dM of pipeline files", HF_PIPELINE_FILES_BYTES_MAX >> 20);
    } else {
        size_t size;
        hf_buf_add(&text, "", 0);
        char *data = (char *)hf_buf_release(&text, &size);
        source_t *source = s_add_source(self, path, data, size);
        source->device = info->st_dev;
        source->inode = info->st_ino;
    }
    hf_buf_free(&text);
}

static void s_add_file(reader_t *self, const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info)) {
        s_report_path(self, path, "cannot be read: %s", strerror(errno));
    } else if (S_ISDIR(info.st_mode)) {
        s_report_path(self, path, "is a folder, not a file");
    } else if (self->sources_size >= HF_PIPELINE_FILES_MAX) {
        s_report_path(self, path, "is one file too many; %d are the most", HF_PIPELINE_FILES_MAX);
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

static void s_add_folder(reader_t *self, const char *path) {
    struct dirent **entries = NULL;
    int size = scandir(path, &entries, s_is_pipeline_file, s_compare_names);
    if (size < 0) {
        s_report_path(self, path, "cannot be read: %s", strerror(errno));
    } else if (size == 0) {
        s_report_path(self, path, "this folder has no pipeline file (*.zpl)");
    }
    for (int number = 0; number < size; number++) {
        size_t length = strlen(path);
        char *file = s_format("%s%s%s", path, length && path[length - 1] == '/' ? "" : "/",
                              entries[number]->d_name);
        s_add_file(self, file);
        free(file);
        free(entries[number]);
    }
    free(entries);
}

static void s_add_paths(reader_t *self, const char *const *paths, size_t paths_size) {
    static const char *const default_path[] = {"pipelines"};
    struct stat info;
    if (paths_size == 0 && stat("pipelines", &info) && errno == ENOENT) {
        s_report_path(self, "pipelines", "there is no such folder here; make it, or name pipeline files");
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

//  --------------------------------------------------------------------------------------------------------
//  The whole.

static reader_t *s_reader_new(void) {
    reader_t *self = hf_alloc(sizeof *self);
    self->config = hf_config_new();
    self->node.source = S_NOWHERE;
    return self;
}

static int s_compare_found(const void *a, const void *b) {
    const found_t *one = a, *other = b;
    if (one->source != other->source) {
        return one->source < other->source ? -1 : 1;
    }
    if (one->line != other->line) {
        return one->line < other->line ? -1 : 1;
    }
    return one->number < other->number ? -1 : one->number > other->number;
}

static void s_messages_add(hf_messages_t *self, char *text) {
    self->texts = realloc(self->texts, (self->size + 1) * sizeof *self->texts);
    assert(self->texts && "out of memory");
    self->texts[self->size] = text;
    self->size++;
}

//  Ends a reading: hands the messages over; returns the configuration, or NULL where there is any message.
static hf_config_t *s_reader_end(reader_t **self_p, hf_messages_t *messages) {
    reader_t *self = *self_p;
    hf_config_t *config = self->config;
    if (self->found_size > 0) {
        qsort(self->found, self->found_size, sizeof *self->found, s_compare_found);
        hf_config_destroy(&config);
    }
    hf_messages_t ignored = {0};
    hf_messages_t *into = messages ? messages : &ignored;
    for (size_t number = 0; number < self->found_size; number++) {
        s_messages_add(into, self->found[number].text);
    }
    if (self->found_dropped) {
        s_messages_add(into, s_format("… and %zu more mistakes", self->found_dropped));
    }
    hf_messages_free(&ignored);
    for (size_t number = 0; number < self->blocks_size; number++) {
        zconfig_destroy(&self->blocks[number].tree);
        free(self->blocks[number].items);
    }
    for (size_t number = 0; number < self->sources_size; number++) {
        free(self->sources[number].path);
        free(self->sources[number].folder);
        free(self->sources[number].text);
    }
    free(self->sources);
    free(self->blocks);
    free(self->found);
    free(self->destinations);
    free(self->pipelines);
    free(self->known);
    free(self);
    *self_p = NULL;
    //  The lines' trees are several times what stays of them, and what stays lies behind them: without this every actor would hold
    //  their pages as long as it lives.
    malloc_trim(0);
    return config;
}

//  Reads the blocks of one kind, or (NULL) all that are of no kind.
static void s_read_blocks(reader_t *self, const char *kind, void (*read_block)(reader_t *, const block_t *)) {
    for (size_t number = 0; number < self->blocks_size; number++) {
        const block_t *block = self->blocks + number;
        bool known = block->size &&
                     (s_is(block, "node") || s_is(block, "destination") || s_is(block, "pipeline"));
        if (block->size && (kind ? s_is(block, kind) : !known)) {
            read_block(self, block);
        }
    }
}

static void s_read_sources(reader_t *self) {
    for (size_t source = 0; source < self->sources_size; source++) {
        s_scan_source(self, source);
    }
    s_read_blocks(self, NULL, s_read_unknown);
    s_read_blocks(self, "node", s_read_node);
    s_read_blocks(self, "destination", s_read_destination);
    s_read_blocks(self, "pipeline", s_read_pipeline);
    if (self->found_size == 0 && self->config->pipelines_size == 0) {
        s_report_path(self, self->sources_size ? self->sources[0].path : "pipelines",
                      "no pipeline is defined%s; write a block 'pipeline = NAME'",
                      self->sources_size > 1 ? " in this and the other files" : "");
    }
}

hf_config_t *hf_pipeline_file_read(const char *const *paths, size_t paths_size, hf_messages_t *messages) {
    reader_t *reader = s_reader_new();
    s_add_paths(reader, paths, paths_size);
    s_read_sources(reader);
    return s_reader_end(&reader, messages);
}

hf_config_t *hf_pipeline_file_read_text(const char *name, const char *text, size_t size,
                                        hf_messages_t *messages) {
    reader_t *reader = s_reader_new();
    if (size > HF_PIPELINE_FILE_MAX) {
        s_report_path(reader, name, "is larger than %dM", HF_PIPELINE_FILE_MAX >> 20);
    } else {
        s_add_source(reader, name, hf_memdup(text, size), size);
    }
    s_read_sources(reader);
    return s_reader_end(&reader, messages);
}

void hf_pipeline_file_release(hf_config_t **config_p) {
    hf_config_destroy(config_p);
    malloc_trim(0);
}

void hf_messages_free(hf_messages_t *self) {
    for (size_t number = 0; number < self->size; number++) {
        free(self->texts[number]);
    }
    free(self->texts);
    *self = (hf_messages_t){0};
}

//  --------------------------------------------------------------------------------------------------------
//  Snapshots.

//  The value with every relative ${file:PATH} made absolute. NULL where the folder's name cannot stand in
//  one. The caller frees it.
static char *s_value_absolute(const char *value, const char *folder) {
    hf_buf_t out = {0};
    secret_t secret;
    bool well = true;
    while (s_secret_find(value, &secret) > 0) {
        hf_buf_add(&out, value, (size_t)(secret.start - value));
        char *path = secret.file ? s_secret_path(&secret, folder) : hf_memdup(secret.argument, secret.size);
        well = well && !strchr(path, '}');
        hf_buf_addf(&out, "${%s:%s}", secret.file ? "file" : "env", path);
        free(path);
        value = secret.end;
    }
    hf_buf_add(&out, value, strlen(value));
    if (!well) {
        hf_buf_free(&out);
    }
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}

//  " = value", in the quotes that it does not hold itself. False where no way of writing it gives it back.
static bool s_snapshot_value(const char *value, hf_buf_t *out) {
    char quote = !strchr(value, '"') ? '"' : !strchr(value, '\'') ? '\'' : 0;
    for (const char *byte = value; *byte; byte++) {
        if ((unsigned char)*byte < ' ' && *byte != '\t') {
            return false;
        }
    }
    if (quote) {
        hf_buf_addf(out, " = %c%s%c", quote, value, quote);
        return true;
    }
    size_t quotes = 0, size = strlen(value);
    for (const char *byte = value; *byte; byte++) {
        quotes += *byte == '"';
    }
    hf_buf_addf(out, " = %s", value);
    return quotes % 2 == 0 && !strchr("\"' \t", value[0]) && !strchr(value, '#') &&
           !s_is_blank(value[size - 1]);
}

static void s_snapshot_item(reader_t *self, const block_t *block, const item_t *item, const char *folder,
                            hf_buf_t *out) {
    hf_buf_addf(out, "%*s%s", (int)item->level * 4, "", item->name);
    if (item->given) {
        char *value = s_value_absolute(item->value, folder);
        if (!value || !s_snapshot_value(value, out)) {
            s_report(self, block->source, item->line,
                     "'%s' cannot be written down with the absolute path of its ${file:…}; move the files to "
                     "a folder "
                     "whose name has only letters, digits and '-'",
                     item->name);
        }
        free(value);
    }
    hf_buf_add(out, "\n", 1);
}

static void s_snapshot_block(reader_t *self, const block_t *block, hf_buf_t *out) {
    const source_t *source = self->sources + block->source;
    char *folder = realpath(source->folder, NULL);
    if (!folder) {
        s_report(self, block->source, block->items[0].line, "its folder cannot be found: %s",
                 strerror(errno));
        return;
    }
    hf_buf_add(out, "\n", 1);
    for (size_t number = 0; number < block->size; number++) {
        s_snapshot_item(self, block, block->items + number, folder, out);
    }
    free(folder);
}

char *hf_pipeline_file_snapshot(const char *const *paths, size_t paths_size, hf_messages_t *messages) {
    reader_t *reader = s_reader_new();
    s_add_paths(reader, paths, paths_size);
    s_read_sources(reader);
    hf_buf_t out = {0};
    hf_buf_add(&out, S_SNAPSHOT_HEAD, strlen(S_SNAPSHOT_HEAD));
    for (size_t number = 0; reader->found_size == 0 && number < reader->blocks_size; number++) {
        s_snapshot_block(reader, reader->blocks + number, &out);
    }
    if (out.size > HF_PIPELINE_SNAPSHOT_MAX) {
        s_report_path(reader, reader->sources[0].path, "and the others make more than %dM in all",
                      HF_PIPELINE_SNAPSHOT_MAX >> 20);
    }
    hf_config_t *config = s_reader_end(&reader, messages);
    if (!config) {
        hf_buf_free(&out);
    }
    hf_config_destroy(&config);
    size_t size;
    return (char *)hf_buf_release(&out, &size);
}
