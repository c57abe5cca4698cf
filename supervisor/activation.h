/* Socket activation: a listening socket that systemd has bound for us, so that the port is there
 * before we are and stays while services restart. Source: sd_listen_fds(3). */
#ifndef SUPERVISOR_ACTIVATION_H
#define SUPERVISOR_ACTIVATION_H

#define ACTIVATION_HOST 46
#define ACTIVATION_PORT 6
#define ACTIVATION_WHY  200

struct activation {
	int fd; /* listening TCP socket, -1 for none; the holder's */
	char host[ACTIVATION_HOST], port[ACTIVATION_PORT]; /* what it listens on, numeric */
};

/* Takes the socket that LISTEN_PID and LISTEN_FDS speak of, and them out of the environment. To be
 * called before anything else is opened. Returns 0, also without any; -1 with a sentence when there
 * are several, or it is none that listens for TCP. */
int activation_take(struct activation *out, char why[ACTIVATION_WHY]);

#endif
