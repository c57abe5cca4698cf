/* The two lines of /goop/data/1.0.0 as seen from the viewer's HTTP routes. No I/O.
 * Source: docs/CONTRACT.md, "Stream protocols" and "Viewer" (data routes). */
#ifndef SVC_VIEWER_DATA_LINE_H
#define SVC_VIEWER_DATA_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define DATA_LINE_BODY_MAX  (1024 * 1024 - 256) /* with the op added it fits a request line */
#define DATA_LINE_WHOLE_MAX (1024 * 1024)       /* an answer that is no plain success */

/* One route below /api/data/ and /api/p/<id>/data/. */
struct data_line_route {
	const char *path;   /* "tables/create" */
	const char *method; /* "GET" or "POST" */
	const char *op;     /* "create-table" */
	bool own_only;      /* not a request that peers know */
};

/* The route, or NULL. */
const struct data_line_route *data_line_route(const char *path);

/* The request line for a route and the JSON body of the HTTP request (ignored for GET), its length
 * in *n, for free(3). NULL with a sentence in *why, static, when the body is no JSON object or
 * holds a number that would be rounded. */
char *data_line_ask(
    const struct data_line_route *route, struct bytes body, size_t *n, const char **why);

/* What the beginning of an answer line says. */
enum data_line {
	DATA_LINE_MORE,  /* too little has come to tell */
	DATA_LINE_VALUE, /* {"ok":true,"data": and then the value: it can be handed on as it comes
	                  */
	DATA_LINE_WHOLE  /* anything else: to be read as a whole with data_line_whole() */
};

/* *used counts the bytes before the value. */
enum data_line data_line_begin(struct bytes b, size_t *used);

/* Where the value ends in what came after data_line_begin(), without the line's break: the number
 * of bytes before the closing brace, 0 when they were all handed on before. -1 when there is no
 * such end. */
long data_line_value_end(struct bytes b);

/* Reads a whole line. Returns the value's JSON with *ok set, or the error's text without, both for
 * free(3); NULL when it is no answer at all. */
char *data_line_whole(struct bytes b, bool *ok);

/* The HTTP status that an error's text stands for: 503 when the database cannot tell yet who the
 * owner is, else 400. */
unsigned data_line_status(const char *error);

#endif
