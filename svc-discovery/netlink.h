/* The rtnetlink socket that feeds a netif table: asks for what is there, follows what changes, and
 * asks anew when the kernel had to drop messages. */
#ifndef SVC_DISCOVERY_NETLINK_H
#define SVC_DISCOVERY_NETLINK_H

#include "base/loop.h"
#include "svc-discovery/netif.h"

struct netlink;

/* Opens the socket and asks for everything; the table is fed from the loop. Fatal when the kernel
 * has no such socket. The table is lent and must outlive it. */
struct netlink *netlink_new(struct loop *loop, struct netif_table *table);
void netlink_free(struct netlink *n); /* NULL is fine */

#endif
