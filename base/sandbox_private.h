/* What the files of the sandbox share. */
#ifndef BASE_SANDBOX_PRIVATE_H
#define BASE_SANDBOX_PRIVATE_H

#include "base/sandbox.h"

/* Under the sanitizers: their run time asks for address space without limit, reads its own maps and
 * the program, and looks for leaks with a thread that traces the others. So those builds have all
 * walls but seccomp and the limit of memory, may read every file, and can be traced. */
#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* Whether the handler of refusals can read a call's arguments here, and answer in its place. */
#if defined(__x86_64__) || defined(__aarch64__)
#define SANDBOX_REGISTERS 1
#else
#define SANDBOX_REGISTERS 0
#endif

/* Adds "what: why" to what is lacking. */
void sandbox_lack(struct sandbox *status, const char *what, const char *why);

/* sandbox_landlock.c: files and TCP ports. */
int sandbox_landlock_abi(void); /* 0: none */
void sandbox_landlock(const struct sandbox_rules *r, struct sandbox *status);

/* sandbox_user.c: network, limits, user. -1: half-way. */
void sandbox_network(const struct sandbox_rules *r, struct sandbox *status);
int sandbox_limits(const struct sandbox_rules *r);
int sandbox_user(const struct sandbox_rules *r, struct sandbox *status);

/* sandbox_seccomp.c: system calls. */
void sandbox_seccomp(const struct sandbox_rules *r, struct sandbox *status);

/* sandbox_trap.c: what happens to those that are not allowed. `r` is lent for ever. Returns 0, or
 * -1 with errno. *pass is one argument more than connect(2), openat(2) and openat2(2) have, for
 * those of the handler. */
int sandbox_trap(const struct sandbox_rules *r, uint64_t *pass);

#endif
