/*  Processes for the crash test: starting programs, the tree of a running node (from run/supervisor.json), killing and waiting. Every
 *  wait is for a condition and has a deadline.  */

#ifndef CRASH_TREE_H
#define CRASH_TREE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { TREE_ACTORS_MAX = 80 };

typedef struct {
    char name[32]; //  "journal", "call.0", or "supervisor"
    pid_t pid;     //  Its process
    bool up;       //  It has said that it is ready
} actor_t;

typedef struct {
    actor_t actors[TREE_ACTORS_MAX]; //  The supervisor first
    int size;                        //  How many
} tree_t;

int64_t now_ms(void);

//  Starts a program with its output appended to the file log (NULL: ours); ends this process where that fails.
pid_t start(const char *log, const char *const argv[]);

//  Reads who runs; false where nothing readable is there.
bool tree_read(tree_t *self, const char *state_dir);

//  Waits until every actor of the tree is up, and the one called name (NULL: any) has another pid than old. False at the deadline.
bool tree_wait_up(tree_t *self, const char *state_dir, const char *name, pid_t old, int64_t within_ms);

//  Waits until the process has ended (reaping it where it is a child; one that nobody has reaped yet has ended too, for process 1 of
//  a container may never do so); status gets what waitpid said, or 0.
bool wait_gone(pid_t pid, int64_t within_ms, int *status);

//  Kills all of them with SIGKILL at once and waits until none is left.
bool tree_kill(const tree_t *self, int64_t within_ms);

//  Waits until the file holds a line that begins with prefix, and copies the rest of that line.
bool wait_line(const char *file, const char *prefix, char *rest, int size, int64_t within_ms);

//  A TCP port of loopback that nobody listens on now.
int free_port(void);

#endif
