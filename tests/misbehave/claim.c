/* Speaks on a sibling's socket past libzmq, so that nothing of our own side is in the way: ZMTP 3.0
 * (ZeroMQ RFC 23) as a DEALER with the NULL mechanism, by hand. */
#include "tests/misbehave/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "proto/link_private.h"

#define GREETING 77 /* of HELLO; a link counts its own from 1 */

static int fd = -1;
static uint8_t kept[LINK_ID] = {'g', 'n', 'o', 'n', 'e'};

int claim_reach(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	close(fd);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	str_copy(to.sun_path, sizeof(to.sun_path), path);
	return fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof(to));
}

void claim_keep(const struct link *l)
{
	memcpy(kept, l->id, LINK_ID);
}

/* A frame of up to 255 bytes. Returns 0, or -1. */
static int send_frame(uint8_t flags, const void *p, size_t n)
{
	uint8_t frame[2 + 255] = {flags, (uint8_t)n};

	memcpy(frame + 2, p, n);
	return send(fd, frame, 2 + n, 0) == (ssize_t)(2 + n) ? 0 : -1;
}

/* Skips what the other side says in turn. */
static int await(size_t n)
{
	struct timeval patience = {.tv_sec = 5};
	uint8_t said[255];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return recv(fd, said, n, MSG_WAITALL) == (ssize_t)n ? 0 : -1;
}

static int shake_hands(const uint8_t id[LINK_ID])
{
	static const char ready[] = "\5READY\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0\21";
	static const char theirs[] = "\5READY\13Socket-Type\0\0\0\6ROUTER\10Identity\0\0\0\0";
	uint8_t greeting[64] = {[0] = 0xff, [9] = 0x7f, [10] = 3};
	uint8_t command[sizeof(ready) - 1 + LINK_ID];

	memcpy(greeting + 12, "NULL", 4);
	memcpy(command, ready, sizeof(ready) - 1);
	memcpy(command + sizeof(ready) - 1, id, LINK_ID);
	if (send(fd, greeting, sizeof(greeting), 0) != sizeof(greeting) || await(64) != 0)
		return -1;
	return send_frame(4, command, sizeof(command)) == 0 ? await(2 + sizeof(theirs) - 1) : -1;
}

int claim_greet(const char *arg, const struct link *own)
{
	char path[64], as[32], token[8];
	unsigned generation;
	struct msg m;
	int r;

	if (sscanf(arg, "%63s %31s %7s %u", path, as, token, &generation) != 4) {
		errno = EINVAL;
		return -1;
	}
	if (claim_reach(path) != 0 || shake_hands(strcmp(token, "own") == 0 ? own->id : kept) != 0)
		return -1;
	msg_begin(&m, MSG_HELLO, 0);
	msg_put_u16(&m, LINK_VERSION);
	msg_put_u8(&m, (uint8_t)service_by_name(as));
	msg_put_u32(&m, generation != 0 ? generation : own->self_generation);
	msg_put_u32(&m, GREETING);
	r = send_frame(0, m.base, m.size);
	msg_drop(&m);
	return r;
}

int claim_answered(void)
{
	static const uint8_t head[] = {0, 13, 0, MSG_HELLO_BACK}, tail[] = {0, 0, 0, GREETING};
	uint8_t heard[4096], *at;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, heard, sizeof(heard));
	for (at = heard; n > 0 && (at = memmem(at, (size_t)(heard + n - at), head, 4)); at++)
		if (heard + n - at >= 15 && memcmp(at + 11, tail, sizeof(tail)) == 0)
			return 0;
	errno = n > 0 ? ENOMSG : n == 0 ? ECONNRESET : errno;
	return -1;
}
