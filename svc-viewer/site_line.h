/* The two lines of /goop/site/1.0.0, the visitor's and the answer's. No I/O.
 * Source: docs/CONTRACT.md, "Stream protocols". */
#ifndef SVC_VIEWER_SITE_LINE_H
#define SVC_VIEWER_SITE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SITE_LINE_REQUEST_MAX 4096 /* with its line break */
#define SITE_LINE_ANSWER_MAX  1024

enum site_line {
	SITE_LINE_MORE, /* the line break has not come; nothing was taken */
	SITE_LINE_DONE,
	SITE_LINE_BAD
};

/* "GET <path>\n": the path without surrounding blanks, "" when there is none, terminated. `path`
 * takes SITE_LINE_REQUEST_MAX bytes. */
enum site_line site_line_request(const uint8_t *p, size_t n, char *path);

/* The visitor's line for a path, for free(3); NULL when the path would not fit or breaks the line.
 */
char *site_line_ask(const char *path);

struct site_line_answer {
	bool ok;
	uint64_t size;                   /* ok */
	char text[SITE_LINE_ANSWER_MAX]; /* the media type, or what stands after "ERR " */
};

/* "OK <mime> <size>\n" or "ERR <text>\n"; the media type may hold blanks. What is no single
 * media type in printable ASCII, or is multipart/... or message/..., becomes
 * application/octet-stream. *used counts the bytes of the line. */
enum site_line site_line_answer(
    const uint8_t *p, size_t n, struct site_line_answer *out, size_t *used);

#endif
