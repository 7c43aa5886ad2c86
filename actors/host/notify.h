/*  What an actor tells whoever started it, by systemd's protocol (sd_notify(3)): our supervisor and
 *  systemd hear the same words on NOTIFY_SOCKET. Without that variable all of this does nothing.
 *
 *  sd_notify() itself is not used to send: it waits where the receiver's queue is full (10 datagrams by
 *  default), so a supervisor that is stopped by ^Z would stop every actor within seconds. Here a beat that
 *  does not fit is dropped; READY alone waits a moment for a place, then goes out with the next beat.
 *
 *  Beats must come from the actor's own loop, never from a helper thread: a beat says "my loop goes
 *  round".  */

#ifndef HF_NOTIFY_H
#define HF_NOTIFY_H

#include <stdint.h>

//  Bytes of a status; a longer one is left out, for half of it would be no JSON.
enum { HF_NOTIFY_STATUS_MAX = 3072 };

//  Able to do its work. Carries the newest status that a beat brought, whether or not that beat was sent.
void hf_notify_ready(void);

//  Draining has begun.
void hf_notify_stopping(void);

//  Alive, and what it has in hand: members of a JSON object without the braces ("in_hand":3,"foreign":0), or
//  a few words. May be called in every round: sent at most once in hf_notify_period_ms.
void hf_notify_beat(const char *status);

//  How often a beat is wanted: WATCHDOG_USEC / 2, at most a second. The actor's timer should have this
//  period.
int64_t hf_notify_period_ms(void);

#endif
