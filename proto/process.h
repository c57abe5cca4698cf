/* What a service's process does before anything else: part of the skeleton in service.c. */
#ifndef PROTO_PROCESS_H
#define PROTO_PROCESS_H

#include "proto/services.h"

/* Answers --help and --version, refuses other arguments and a start without the supervisor's socket
 * on descriptor 3. Returns -1 to go on, else the exit status. */
int process_arguments(int argc, char **argv, enum service_id self, const char *synopsis);

/* Logging, signals, what to say in a crash, no new privileges, and an end soon after the
 * supervisor's even when the loop is stuck. */
void process_init(enum service_id self);

#endif
