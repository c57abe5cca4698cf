/* What the files of HTTP requests share: transfers.c (libcurl on the loop), transfer.c (a request),
 * transfer_answer.c (what comes back), hop.c (where it goes). */
#ifndef SVC_DISCOVERY_TRANSFER_PRIVATE_H
#define SVC_DISCOVERY_TRANSFER_PRIVATE_H

#include <netinet/in.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "svc-discovery/curl_late.h"
#include "svc-discovery/hop.h"
#include "svc-discovery/transfer.h"

struct transfers {
	const struct curl_late *curl;
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	struct resolver *resolver;
	TAILQ_HEAD(, transfer) list;
};

struct transfer {
	TAILQ_ENTRY(transfer) entry;
	struct transfers *all;
	const struct curl_late *curl;
	const struct transfer_events *events;
	void *arg;
	struct transfer_request request; /* url: owned */
	CURL *easy;
	struct curl_slist *headers;
	uint64_t began;
	struct timer *limit; /* of a look-up, or of what could not begin: */
	char *failed;        /* why */

	/* where it is */
	struct hop hop;
	unsigned redirects;
	bool guarded; /* somebody public has sent us here */

	/* the address */
	struct resolver_question *question;
	struct curl_slist *addresses;
	bool asked; /* libcurl would have looked up a name */
	bool given; /* the addresses are there */
	char refused[INET6_ADDRSTRLEN];

	/* at libcurl */
	bool active, over;
	CURLcode result;

	/* the answer */
	size_t header_bytes, ignored;
	bool streams; /* it is an event stream */
	bool told;    /* that it is */
	bool paused;  /* by us: the next bytes of it wait until those here have been told */
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

/* transfer.c: after libcurl has done something, outside of its callbacks. */
void transfer_settle(struct transfer *t);

/* transfer_answer.c */
void transfer_answer_prepare(struct transfer *t); /* libcurl's callbacks */
void transfer_answer_begin(struct transfer *t);
void transfer_answer_tell(struct transfer *t);
long transfer_answer_status(const struct transfer *t);
/* What failed, with the first line of what the server says. */
void transfer_answer_explain(const struct transfer *t, char why[TRANSFER_WHY]);
uint32_t transfer_answer_retry(const struct transfer *t);

#endif
