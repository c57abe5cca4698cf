/* The grammar of RFC 8259, checked before cJSON builds a tree; for json.c only. */
#ifndef CODEC_JSON_SCAN_H
#define CODEC_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
	const char *p, *end;
	size_t nodes;     /* values met so far */
	size_t max_nodes; /* more than that is an error */
	size_t stop;      /* stop at this value, counted from 1; 0 for none */
	unsigned depth;
	const char *at;   /* where it stopped: the error, or the value asked for or its name */
	const char *what; /* the error, NULL for none */
};

/* Checks the whole text. True when it is one JSON value; otherwise `at` is set, and `what` unless
 * the value asked for was met. */
bool json_scan_text(struct json_scan *s, const char *text, size_t n);

#endif
