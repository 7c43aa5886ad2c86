/*  One line on stderr for each thing an operator should know: when (node time, RFC 3339), how bad,
 *  which actor, what.
 *
 *  Only shells log. A line goes out in one write of at most 4096 bytes (PIPE_BUF), so that lines of
 *  several processes do not mix in a pipe; what is longer is cut. Control characters (C0, DEL, C1),
 *  bytes that are no UTF-8 and the backslash are escaped: no message can forge a second line or drive a
 *  terminal. Colour only on a terminal, and not with NO_COLOR or TERM=dumb.
 *
 *  Not for several threads: actors have one.  */

#ifndef HF_LOG_H
#define HF_LOG_H

#include <stddef.h>
#include <stdint.h>

//  A zeroed hf_log_limit_t warns.
typedef enum { HF_LOG_WARN, HF_LOG_ERROR, HF_LOG_INFO } hf_log_level_t;

//  Whose lines these are from now on; the name is copied. Before the first call it is "holdfast".
void hf_log_open(const char *name);

void hf_log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hf_log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void hf_log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

//  One place in the code that may speak often: `static hf_log_limit_t limit;`, or `= {.level =
//  HF_LOG_ERROR}`.
typedef struct {
    hf_log_level_t level; //  How bad its lines are
    int64_t next_us;      //  Silent until then (hf_clock_now_us); 0: never spoke
    uint64_t suppressed;  //  Lines swallowed since it last spoke
} hf_log_limit_t;

//  At most one line a minute for each limit; the next one says how many were swallowed.
void hf_log_limited(hf_log_limit_t *limit, const char *format, ...) __attribute__((format(printf, 2, 3)));

//  Appends text, escaped as above, to line, which holds size bytes of which used are taken; always
//  NUL-terminated. Returns what is taken afterwards. Only whole characters and whole escapes are added, so
//  that a cut line is still a clean one.
size_t hf_log_escape(char *line, size_t size, size_t used, const char *text);

#endif
