/*  An actor that behaves as FAKE says: "NAME=MOOD,NAME=MOOD". Started like a real one:
 *  fake_actor NAME --state DIR [--number N] ….
 *
 *      well      ready at once, beats, ends with 0 on SIGTERM (the mood of those not named)
 *      exit:N    ends with N as soon as it has started, in each life
 *      once:N    the same in its first life, then well
 *      mute      ready, then no beat in its first life; then well
 *      deaf      ready, beats, never ends on SIGTERM
 *      late      ready when STATE/go is there
 *      lazy      well, but its stdout has something to say
 *
 *  STATE/fake.log tells in order what all of them did: "start NAME PID", "stop NAME"; and
 *  "listen ingress PORT", the port of --http.  */

#include "host/clock.h"
#include "host/log.h"
#include "host/notify.h"
#include "host/process.h"
#include "host/state_dir.h"

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *s_state_dir; //  Where to write
static char s_name[32];         //  "call.0"

static void s_tell(const char *what, int number) {
    char path[HF_STATE_PATH], line[128];
    snprintf(path, sizeof path, "%s/fake.log", s_state_dir);
    int size = snprintf(line, sizeof line, "%s %s %d\n", what, s_name, number);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)size) != size) {
        hf_log_error("%s cannot be written", path);
        exit(99);
    }
    close(fd);
}

static bool s_is_there(const char *file) {
    char path[HF_STATE_PATH];
    snprintf(path, sizeof path, "%s/%s", s_state_dir, file);
    return access(path, F_OK) == 0;
}

//  Whether this name was never here before.
static bool s_is_first_life(void) {
    char path[HF_STATE_PATH];
    snprintf(path, sizeof path, "%s/fake.%s", s_state_dir, s_name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static void s_take_mood(char mood[32]) {
    const char *all = getenv("FAKE");
    char wanted[40];
    snprintf(wanted, sizeof wanted, "%s=", s_name);
    const char *mine = all ? strstr(all, wanted) : NULL;
    const char *text = mine ? mine + strlen(wanted) : "well";
    snprintf(mood, 32, "%.*s", (int)strcspn(text, ","), text);
}

static void s_run(int signals, const char *mood, bool first_life) {
    bool ready = false, mute = strcmp(mood, "mute") == 0 && first_life, deaf = strcmp(mood, "deaf") == 0;
    struct pollfd poller = {.fd = signals, .events = POLLIN};
    for (;;) {
        if (!(mute && ready)) {
            hf_notify_beat(strcmp(s_name, "ingress") == 0 ? "\"http\":\"127.0.0.1:45678\",\"in_hand\":0"
                                                          : "\"in_hand\":1");
        }
        if (!ready && (strcmp(mood, "late") != 0 || s_is_there("go"))) {
            hf_notify_ready();
            ready = true;
        }
        int wait = ready ? (int)hf_notify_period_ms() : 10;
        if (poll(&poller, 1, wait) > 0 && hf_process_take_signal(signals)) {
            s_tell("stop", 0);
            hf_notify_stopping();
            if (!deaf) {
                return;
            }
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 4 || strcmp(argv[2], "--state") != 0) {
        return 98;
    }
    bool numbered = argc > 5 && strcmp(argv[4], "--number") == 0;
    snprintf(s_name, sizeof s_name, "%s%s%s", argv[1], numbered ? "." : "", numbered ? argv[5] : "");
    s_state_dir = argv[3];
    int signals = hf_process_init(s_name);
    hf_error_t error;
    char mood[32];
    if (hf_clock_open(s_state_dir, &error)) {
        hf_log_error("%s", error.text);
        return 97;
    }
    s_take_mood(mood);
    bool first_life = s_is_first_life();
    s_tell("start", (int)getpid());
    for (int i = 4; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--http") == 0) {
            const char *port = strrchr(argv[i + 1], ':');
            s_tell("listen", port ? (int)strtol(port + 1, NULL, 10) : -1);
        }
    }
    if (strncmp(mood, "exit:", 5) == 0 || (strncmp(mood, "once:", 5) == 0 && first_life)) {
        return (int)strtol(mood + 5, NULL, 10);
    }
    if (strcmp(mood, "lazy") == 0) {
        puts("this must not reach the supervisor's stdout");
        fflush(stdout);
    }
    s_run(signals, mood, first_life);
    return 0;
}
