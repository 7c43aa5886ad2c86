#include "journal/verify_shell.h"
#include "base/error.h"
#include "host/clock.h"
#include "host/journal_file.h"
#include "host/state_dir.h"
#include "journal/room_shell.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

//  ---- a child that does the reading

//  What a child writes to its parent: lines, each with a letter before it.
typedef enum {
    LINE_PROBLEM = 'p', //  Something found wrong
    LINE_RESULT = 'r',  //  What was asked for: a number, or JSON
    LINE_FAILED = 'f',  //  Why it could not be done
} line_t;

typedef int(work_t)(hf_store_t *store, const void *argument, FILE *to, hf_error_t *error);

static void s_say(FILE *to, line_t line, const char *text) {
    fputc(line, to);
    for (const char *c = text; *c; c++) {
        fputc(*c == '\n' ? ' ' : *c, to);
    }
    fputc('\n', to);
    fflush(to);
}

//  What damaged pages do to the child shall end it, at once and without a core dump, whatever the parent does
//  on such signals.
static void s_die_of_damage(void) {
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    struct rlimit none = {0, 0};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        signal(signals[i], SIG_DFL);
    }
    setrlimit(RLIMIT_CORE, &none);
}

//  The child's whole life. LMDB's own assertions are about it, not about us: they go nowhere, the parent says
//  what they mean.
static int s_child(const char *dir, work_t *work, const void *argument, int fd) {
    hf_error_t error;
    hf_store_options_t options = {.map = 0};
    FILE *to = fdopen(fd, "w");
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    s_die_of_damage();
    if (!to || null < 0 || dup2(null, STDERR_FILENO) < 0) {
        return 1;
    }
    hf_store_t *store = hf_store_open(dir, &options, &error);
    int rc = store ? work(store, argument, to, &error) : -1;
    if (rc < 0) {
        s_say(to, LINE_FAILED, error.text);
    }
    hf_store_close(&store);
    return fclose(to) || rc < 0 ? 1 : 0;
}

//  Starts the child; *from reads its lines. -1 with the error set.
static pid_t s_start(const char *dir, work_t *work, const void *argument, FILE *out, FILE **from,
                     hf_error_t *error) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        return hf_error_set(error, "make a pipe: %s", strerror(errno));
    }
    fflush(out);
    fflush(stderr);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        _exit(s_child(dir, work, argument, fds[1]));
    }
    close(fds[1]);
    *from = pid > 0 ? fdopen(fds[0], "r") : NULL;
    if (pid < 0) {
        close(fds[0]);
        hf_error_set(error, "start a process: %s", strerror(errno));
    }
    return pid;
}

//  0 where the child ended by itself; else it was LMDB's pages, and the error says so.
static int s_end(pid_t pid, hf_error_t *error) {
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFSIGNALED(status)) {
        return 0;
    }
    return hf_error_set(
        error,
        "reading was ended by signal %d (%s): pages of the journal's file are damaged; put a backup in "
        "its place",
        WTERMSIG(status), strsignal(WTERMSIG(status)));
}

static int s_fail(const hf_error_t *error) {
    fprintf(stderr, "holdfast: %s\n", error->text);
    return 1;
}

//  The folder of a journal that is there and not truncated.
static int s_folder(char dir[HF_STATE_PATH], const char *state_dir, hf_error_t *error) {
    if (hf_state_dir_path(dir, state_dir, "journal", error)) {
        return -1;
    }
    int found = hf_journal_file_check(dir, NULL, error);
    if (found == 0) {
        hf_error_set(error, "there is no journal in %s: name the state folder with --state", state_dir);
    }
    return found == 1 ? 0 : -1;
}

//  What a child found, as the parent gathers it.
typedef struct {
    FILE *out;       //  Where problems go at once, or NULL: they are kept
    json_t *kept;    //  Problems, where they are kept
    uint64_t size;   //  How many
    char *result;    //  The last result
    hf_error_t *why; //  Why it could not be done
    bool failed;     //  That was said
} findings_t;

static void s_take_line(findings_t *self, char *line) {
    line[strcspn(line, "\n")] = 0;
    if (*line == LINE_PROBLEM) {
        self->size++;
        if (self->out) {
            fprintf(self->out, "%s\n", line + 1);
        } else {
            json_array_append_new(self->kept, json_stringn_nocheck(line + 1, strlen(line + 1)));
        }
    } else if (*line == LINE_RESULT) {
        free(self->result);
        self->result = hf_strdup(line + 1);
    } else if (*line == LINE_FAILED) {
        self->failed = true;
        hf_error_set(self->why, "%s", line + 1);
    }
}

//  0: the child did its work. -1: it did not, the error says why. 1: it died reading, and the error says so.
static int s_run(const char *dir, work_t *work, const void *argument, FILE *out, findings_t *findings,
                 hf_error_t *error) {
    FILE *from = NULL;
    char *line = NULL;
    size_t capacity = 0;
    findings->why = error;
    pid_t pid = s_start(dir, work, argument, out, &from, error);
    if (pid < 0) {
        return -1;
    }
    while (from && getline(&line, &capacity, from) > 0) {
        s_take_line(findings, line);
    }
    free(line);
    if (from) {
        fclose(from);
    }
    if (s_end(pid, error)) {
        return 1;
    }
    if (!findings->failed && !findings->result) {
        return hf_error_set(error, "the process that read the journal ended without a word");
    }
    return findings->failed ? -1 : 0;
}

//  ---- verify

static void s_on_problem(void *context, const char *problem) {
    s_say(context, LINE_PROBLEM, problem);
}

static int s_verify(hf_store_t *store, const void *argument, FILE *to, hf_error_t *error) {
    hf_store_stat_t stat = {0};
    uint64_t records = 0;
    char text[32];
    (void)argument;
    if (hf_store_verify(store, s_on_problem, to, error) < 0 || hf_store_begin_read(store, error)) {
        return -1;
    }
    hf_store_stat(store, &stat, NULL);
    hf_store_end_read(store);
    for (unsigned i = 0; hf_store_table_name(i); i++) {
        records += stat.entries[i];
    }
    snprintf(text, sizeof text, "%" PRIu64, records);
    s_say(to, LINE_RESULT, text);
    return 0;
}

static void s_print_verified(const findings_t *findings, bool json, FILE *out) {
    uint64_t records = findings->result ? strtoull(findings->result, NULL, 10) : 0;
    if (json) {
        json_t *all = json_pack("{s:I,s:O}", "records", (json_int_t)records, "problems", findings->kept);
        json_dumpf(all, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
        fputc('\n', out);
        json_decref(all);
    } else if (findings->size == 0) {
        fprintf(out, "%" PRIu64 " records checked: all is well\n", records);
    } else {
        fprintf(out, "%" PRIu64 " records checked: %" PRIu64 " problems\n", records, findings->size);
    }
}

int hf_journal_verify(const char *state_dir, bool json, FILE *out) {
    char dir[HF_STATE_PATH];
    hf_error_t error;
    findings_t findings = {.out = json ? NULL : out, .kept = json_array()};
    int rc = s_folder(dir, state_dir, &error) ? -1 : s_run(dir, s_verify, NULL, out, &findings, &error);
    if (rc == 1) { //  Dying of it is a finding
        findings.size++;
        json_array_append_new(findings.kept, json_string(error.text));
    }
    if (rc >= 0 && (rc == 0 || json)) {
        s_print_verified(&findings, json, out);
    }
    if (rc) {
        s_fail(&error);
    } else if (findings.size) {
        fprintf(stderr,
                "holdfast: the journal in %s is damaged: put a backup in its place, or ask for help\n",
                state_dir);
    }
    json_decref(findings.kept);
    free(findings.result);
    return rc == 0 && findings.size == 0 ? 0 : 1;
}

//  ---- stat

static void s_on_count(void *context, const char *destination, hf_state_t state, uint64_t count) {
    json_t *states = context;
    const char *name = hf_state_name(state);
    (void)destination;
    json_int_t before = json_integer_value(json_object_get(states, name));
    json_object_set_new(states, name, json_integer(before + (json_int_t)count));
}

static json_t *s_tables(const hf_store_stat_t *stat) {
    json_t *tables = json_object();
    for (unsigned i = 0; hf_store_table_name(i); i++) {
        json_object_set_new(tables, hf_store_table_name(i),
                            json_pack("{s:I,s:I}", "entries", (json_int_t)stat->entries[i], "bytes",
                                      (json_int_t)stat->bytes[i]));
    }
    return tables;
}

static json_t *s_meta(hf_store_t *store, hf_error_t *error) {
    char created[HF_CLOCK_TEXT];
    Hf__Meta *meta = NULL;
    hf_arena_t *arena = hf_arena_new(512);
    json_t *json = NULL;
    int found = hf_store_meta(store, arena, &meta, error);
    if (found == 1) {
        hf_clock_format(meta->created_at, created);
        json = json_pack("{s:I,s:s,s:s,s:I,s:I}", "format", (json_int_t)meta->format, "created_at", created,
                         "created_by", meta->version, "epoch", (json_int_t)meta->epoch, "newest_fact",
                         (json_int_t)meta->next_fact - 1);
    } else if (found == 0) {
        hf_error_set(error, "the journal was never begun: start a node with holdfast up");
    }
    hf_arena_destroy(&arena);
    return json;
}

static int s_read_stat(hf_store_t *store, json_t **all, hf_error_t *error) {
    hf_store_stat_t stat;
    json_t *states = json_object();
    *all = s_meta(store, error);
    if (!*all || hf_store_stat(store, &stat, error) ||
        hf_store_walk_counts(store, s_on_count, states, error)) {
        json_decref(states);
        json_decref(*all);
        return -1;
    }
    json_object_set_new(*all, "page_size", json_integer((json_int_t)stat.page_size));
    json_object_set_new(*all, "used_bytes", json_integer((json_int_t)(stat.pages_used * stat.page_size)));
    json_object_set_new(*all, "free_bytes", json_integer((json_int_t)(stat.pages_free * stat.page_size)));
    json_object_set_new(*all, "readers", json_integer((json_int_t)stat.readers));
    json_object_set_new(*all, "commands", states);
    json_object_set_new(*all, "tables", s_tables(&stat));
    return 0;
}

static int s_stat(hf_store_t *store, const void *argument, FILE *to, hf_error_t *error) {
    json_t *all = NULL;
    (void)argument;
    if (hf_store_begin_read(store, error)) {
        return -1;
    }
    int rc = s_read_stat(store, &all, error);
    hf_store_end_read(store);
    if (rc == 0) {
        char *text = json_dumps(all, JSON_COMPACT | JSON_PRESERVE_ORDER);
        s_say(to, LINE_RESULT, text);
        free(text);
        json_decref(all);
    }
    return rc;
}

static void s_print_stat(json_t *all, FILE *out) {
    const char *name;
    json_t *value;
    json_object_foreach(all, name, value) {
        if (json_is_string(value)) {
            fprintf(out, "%-12s %s\n", name, json_string_value(value));
        } else if (json_is_integer(value)) {
            fprintf(out, "%-12s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
        }
    }
    fprintf(out, "\n%-12s %15s\n", "commands", "");
    json_object_foreach(json_object_get(all, "commands"), name, value) {
        fprintf(out, "%-12s %15" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
    }
    fprintf(out, "\n%-12s %15s %15s\n", "table", "entries", "bytes");
    json_object_foreach(json_object_get(all, "tables"), name, value) {
        fprintf(out, "%-12s %15" JSON_INTEGER_FORMAT " %15" JSON_INTEGER_FORMAT "\n", name,
                json_integer_value(json_object_get(value, "entries")),
                json_integer_value(json_object_get(value, "bytes")));
    }
}

//  What the child cannot know: the file's length, which is allocated ahead.
static void s_add_file(json_t *all, const char *dir) {
    char path[HF_STATE_PATH];
    struct stat is;
    if (hf_state_dir_path(path, dir, "data.mdb", NULL) == 0 && stat(path, &is) == 0) {
        json_object_set_new(all, "file_bytes", json_integer((json_int_t)is.st_size));
    }
}

int hf_journal_stat(const char *state_dir, bool json, FILE *out) {
    char dir[HF_STATE_PATH];
    hf_error_t error;
    findings_t findings = {.kept = NULL};
    if (s_folder(dir, state_dir, &error) || s_run(dir, s_stat, NULL, out, &findings, &error)) {
        free(findings.result);
        return s_fail(&error);
    }
    json_t *all = json_loads(findings.result, 0, NULL);
    free(findings.result);
    s_add_file(all, dir);
    if (json) {
        json_dumpf(all, out, JSON_COMPACT | JSON_PRESERVE_ORDER);
        fputc('\n', out);
    } else {
        s_print_stat(all, out);
    }
    json_decref(all);
    return 0;
}

//  ---- backup

//  In a process of its own; LMDB makes the file for everybody's eyes, the journal's is its owner's.
static int s_backup(hf_store_t *store, const void *argument, FILE *to, hf_error_t *error) {
    umask(0077);
    if (hf_store_backup(store, argument, error)) {
        return -1;
    }
    s_say(to, LINE_RESULT, "done");
    return 0;
}

static int s_make_empty(const char *dir, hf_error_t *error) {
    if (mkdir(dir, 0700) == 0) {
        return 0;
    }
    DIR *folder = errno == EEXIST ? opendir(dir) : NULL;
    if (!folder) {
        return hf_error_set(error, "make the folder %s: %s", dir, strerror(errno));
    }
    int entries = 0;
    while (readdir(folder)) {
        entries++;
    }
    closedir(folder);
    return entries <= 2 ? 0 : hf_error_set(error, "%s is not empty: choose a new folder for the copy", dir);
}

//  The copy is a state folder of its own: its journal/, made where nothing is yet.
static int s_make_journal(char journal[HF_STATE_PATH], const char *to, hf_error_t *error) {
    if (s_make_empty(to, error) || hf_state_dir_path(journal, to, "journal", error)) {
        return -1;
    }
    return mkdir(journal, 0700) ? hf_error_set(error, "make the folder %s: %s", journal, strerror(errno)) : 0;
}

//  What a copy that failed has left: the folder is empty again, for the next one.
static void s_clear(const char *to, const char *journal) {
    char file[HF_STATE_PATH];
    if (hf_state_dir_path(file, to, "journal/data.mdb", NULL) == 0) {
        unlink(file);
    }
    rmdir(journal);
}

//  What is not synced is no backup: hf_room_sync_folders does the file, its folder, and two above.
static int s_copy_into(const char *dir, const char *journal, FILE *out, uint64_t *bytes, hf_error_t *error) {
    findings_t findings = {.kept = NULL};
    int rc = s_run(dir, s_backup, journal, out, &findings, error);
    free(findings.result);
    if (rc) {
        return hf_error_wrap(error, "copy the journal to %s", journal);
    }
    return hf_room_sync_folders(journal, error) || hf_journal_file_check(journal, bytes, error) != 1 ? -1 : 0;
}

static int s_copy(const char *state_dir, const char *to, FILE *out, uint64_t *bytes, hf_error_t *error) {
    char dir[HF_STATE_PATH], journal[HF_STATE_PATH];
    if (s_folder(dir, state_dir, error) || s_make_journal(journal, to, error)) {
        return -1;
    }
    int rc = s_copy_into(dir, journal, out, bytes, error);
    if (rc) {
        s_clear(to, journal);
    }
    return rc;
}

int hf_journal_backup(const char *state_dir, const char *dir, FILE *out) {
    hf_error_t error;
    uint64_t bytes = 0;
    if (s_copy(state_dir, dir, out, &bytes, &error)) {
        return s_fail(&error);
    }
    fprintf(out, "%s holds a copy of %" PRIu64 " bytes, ready for --state\n", dir, bytes);
    return 0;
}
