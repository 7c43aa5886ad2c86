#include "crash/tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

//  Between two looks at a condition that no descriptor tells of.
static void s_breathe(void) {
    poll(NULL, 0, 5);
}

pid_t start(const char *log, const char *const argv[]) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (log) {
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        posix_spawn_file_actions_adddup2(&actions, 1, 2);
    }
    pid_t pid;
    int rc = posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc) {
        fprintf(stderr, "crash: %s: %s\n", argv[0], strerror(rc));
        exit(2);
    }
    return pid;
}

static bool s_read_actor(actor_t *actor, const json_t *object) {
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *state = json_string_value(json_object_get(object, "state"));
    if (!name || !state) {
        return false;
    }
    snprintf(actor->name, sizeof actor->name, "%s", name);
    actor->pid = (pid_t)json_integer_value(json_object_get(object, "pid"));
    actor->up = strcmp(state, "up") == 0;
    return true;
}

bool tree_read(tree_t *self, const char *state_dir) {
    char path[4200];
    snprintf(path, sizeof path, "%s/run/supervisor.json", state_dir);
    json_t *root = json_load_file(path, 0, NULL);
    json_t *actors = json_object_get(root, "actors");
    *self = (tree_t){.size = 1};
    strcpy(self->actors[0].name, "supervisor");
    self->actors[0].pid = (pid_t)json_integer_value(json_object_get(root, "pid"));
    self->actors[0].up = true;
    for (size_t i = 0; i < json_array_size(actors) && self->size < TREE_ACTORS_MAX; i++) {
        if (s_read_actor(&self->actors[self->size], json_array_get(actors, i))) {
            self->size++;
        }
    }
    json_decref(root);
    return self->size > 1;
}

static bool s_is_up(const tree_t *self, const char *name, pid_t old) {
    for (int i = 0; i < self->size; i++) {
        const actor_t *actor = &self->actors[i];
        bool asked = name && strcmp(actor->name, name) == 0;
        if (!actor->up || actor->pid <= 0 || (asked && actor->pid == old)) {
            return false;
        }
        if (kill(actor->pid, 0) != 0) {
            return false;
        }
    }
    return true;
}

bool tree_wait_up(tree_t *self, const char *state_dir, const char *name, pid_t old, int64_t within_ms) {
    int64_t until = now_ms() + within_ms;
    while (now_ms() < until) {
        if (tree_read(self, state_dir) && s_is_up(self, name, old)) {
            return true;
        }
        s_breathe();
    }
    return false;
}

//  Whether a process that is no child of ours has ended: it is not there, or a zombie.
static bool s_has_ended(pid_t pid) {
    char path[64], stat[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(path, "r");
    const char *name_end = in && fgets(stat, sizeof stat, in) ? strrchr(stat, ')')
                                                              : NULL; //  "PID (NAME) STATE …"
    if (in) {
        fclose(in);
    }
    return name_end ? name_end[1] == ' ' && strchr("ZX", name_end[2]) : kill(pid, 0) != 0;
}

bool wait_gone(pid_t pid, int64_t within_ms, int *status) {
    int64_t until = now_ms() + within_ms;
    int ignored;
    *(status ? status : &ignored) = 0;
    while (now_ms() < until) {
        pid_t got = waitpid(pid, status ? status : &ignored, WNOHANG);
        if (got == pid || (got < 0 && errno == ECHILD && s_has_ended(pid))) {
            return true;
        }
        s_breathe();
    }
    return false;
}

bool tree_kill(const tree_t *self, int64_t within_ms) {
    bool gone = true;
    for (int i = 0; i < self->size; i++) {
        if (self->actors[i].pid > 0) {
            kill(self->actors[i].pid, SIGKILL);
        }
    }
    for (int i = 0; i < self->size; i++) {
        gone = (self->actors[i].pid <= 0 || wait_gone(self->actors[i].pid, within_ms, NULL)) && gone;
    }
    return gone;
}

bool wait_line(const char *file, const char *prefix, char *rest, int size, int64_t within_ms) {
    int64_t until = now_ms() + within_ms;
    size_t length = strlen(prefix);
    while (now_ms() < until) {
        FILE *in = fopen(file, "r");
        char line[1024];
        while (in && fgets(line, sizeof line, in)) {
            if (strncmp(line, prefix, length) == 0 && strchr(line, '\n')) {
                snprintf(rest, (size_t)size, "%.*s", (int)strcspn(line + length, "\n"), line + length);
                fclose(in);
                return true;
            }
        }
        if (in) {
            fclose(in);
        }
        s_breathe();
    }
    return false;
}

int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) ||
        getsockname(fd, (struct sockaddr *)&address, &size)) {
        perror("crash: a free port");
        exit(2);
    }
    close(fd);
    return ntohs(address.sin_port);
}
