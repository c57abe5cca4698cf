/* The C library's ways of finding a host by its name. */
#ifndef SVC_DISCOVERY_NAME_SERVICE_H
#define SVC_DISCOVERY_NAME_SERVICE_H

/* Loads the modules that the line "hosts:" of this file names (mdns4_minimal, resolve, ...), which
 * getaddrinfo(3) would otherwise do with the first name, when the walls let no code be loaded any
 * more. What is not there is left out, as getaddrinfo(3) does. Returns how many there are now.
 * Source: nsswitch.conf(5). */
unsigned name_service_load(const char *nsswitch);

#define NAME_SERVICE_CONF "/etc/nsswitch.conf"

#endif
