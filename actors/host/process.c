#include "host/process.h"
#include "host/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 1 << 20 }; //  Some systems allow a billion, and some libraries walk over all of them

//  The kernel sends the signal when the thread that started us ends; the supervisor has one thread. If it
//  ended before we asked for that, we belong to somebody else by now.
static void s_die_with_supervisor(void) {
    const char *pid = getenv("HOLDFAST_SUPERVISOR_PID");
    if (!pid) {
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (strtol(pid, NULL, 10) != (long)getppid()) {
        hf_log_warn("the supervisor that started this actor (pid %s) has ended, so this ends too", pid);
        _exit(1);
    }
}

//  Not under sanitizers: their leak check must trace this process.
static void s_keep_secrets(void) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const char *debug = getenv("HOLDFAST_DEBUG");
    if (!debug || strcmp(debug, "1") != 0) {
        prctl(PR_SET_DUMPABLE, 0);
    }
#endif
}

static void s_raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        rlim_t wanted = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
        if (limit.rlim_cur < wanted) {
            limit.rlim_cur = wanted;
            setrlimit(RLIMIT_NOFILE, &limit);
        }
    }
}

//  Started by way of /proc/self/exe it would be called "exe" in `top`.
static void s_set_title(const char *name) {
    char title[16];
    snprintf(title, sizeof title, "holdfast:%.6s", name);
    prctl(PR_SET_NAME, title);
}

int hf_process_init(const char *name) {
    hf_log_open(name);
    s_die_with_supervisor();
    s_set_title(name);
    s_keep_secrets();
    s_raise_descriptors();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        hf_log_error("signals cannot be received: %s", strerror(errno));
        exit(1);
    }
    return fd;
}

void hf_process_step_back(void) {
    //  Every actor leads a session, and so a group of its own where the kernel groups by session (sched(7), "The autogroup feature"):
    //  there a thread's nice value counts only inside the group. Where either is not allowed, nothing is lost but that.
    int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "10", 2);
        close(fd);
    }
    (void)setpriority(PRIO_PROCESS, 0, 10);
}

int hf_process_take_signal(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == (ssize_t)sizeof info ? (int)info.ssi_signo : 0;
}
