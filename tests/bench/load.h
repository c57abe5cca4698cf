/* What the load generators of `make bench` share: many sockets, each from an address of its own as
 * peers have, and what the processes under load cost. Whatever goes wrong ends the program. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOAD_PIDS 8

/* Processes whose cost is measured: "123,124". */
struct load_pids {
	pid_t pid[LOAD_PIDS];
	size_t count;
};
struct load_pids load_pids_parse(const char *text);

/* Processor time of all their threads, user and system, in microseconds. */
uint64_t load_cpu_us(const struct load_pids *pids);
/* Their memory in user space, shared pages divided among those who share them, in bytes. */
uint64_t load_pss(const struct load_pids *pids);

/* Raises the limit of open files as far as it goes. How many of `wanted` groups of `each`
 * descriptors fit; says so on standard error when that is fewer. */
size_t load_descriptors(size_t wanted, size_t each);

/* A connection to 127.0.0.1 that comes from the address number `source` of 127.1.0.0/16 and up,
 * blocking until it stands, non-blocking from then on. */
int load_connect(uint16_t port, uint32_t source);

/* Sends all of it, waiting where needed. */
void load_send(int fd, const void *p, size_t n);

/* Receives what is there into a buffer shared by all. 0 when nothing is. */
size_t load_receive(int fd, char **data);

/* Receives what is there without looking at it: how much. 0 when nothing is. */
size_t load_discard(int fd);

/* A POST of JSON on a kept-alive connection. Length of the text in `out`. */
size_t load_post(char *out, size_t size, const char *path, const char *json);

/* How many `mark` are in these bytes. */
size_t load_count(const char *p, size_t n, char mark);

#endif
