/* Tells the service manager how we are. Source: sd_notify(3), "Notes": one datagram of lines to the
 * socket that NOTIFY_SOCKET names. */
#ifndef SUPERVISOR_NOTIFY_H
#define SUPERVISOR_NOTIFY_H

/* Takes NOTIFY_SOCKET out of the environment. Without it, notify() does nothing. */
void notify_init(void);

/* "READY=1\nSTATUS=..." Never waits; what cannot be said is lost. */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Puts it back, for a program that comes after us in this process. */
void notify_hand_over(void);

#endif
