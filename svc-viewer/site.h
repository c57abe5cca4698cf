/* The site folder: the only file of the house that opens it.
 * Source: docs/CONTRACT.md, "Stream protocols". */
#ifndef SVC_VIEWER_SITE_H
#define SVC_VIEWER_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SITE_PATH_MAX 4096

enum site_result {
	SITE_OK,
	SITE_NOT_FOUND,
	SITE_FORBIDDEN, /* outside the folder, through a symbolic link, hidden, or not readable */
	SITE_DISABLED,  /* there is no site folder */
	SITE_BUSY       /* out of descriptors or memory: not an answer, try later */
};

/* "not found", "forbidden", "site disabled" as the contract's ERR lines say them. */
const char *site_result_text(enum site_result result);

struct site;

/* The folder may be missing, now or later: that is a warning, and SITE_DISABLED until it is there.
 * It is opened anew for each file, so that one that was replaced as a whole is seen. */
struct site *site_new(const char *root);
void site_free(struct site *s); /* NULL is fine */
const char *site_root(const struct site *s);

/* An open file. */
struct site_file {
	int fd;
	uint64_t size;    /* when it was opened */
	const char *mime; /* a literal */
};

/* Opens what `path` names: "" and "/" mean index.html, a folder means its index.html. The caller
 * ends with site_close() when the result is SITE_OK. */
enum site_result site_open(const struct site *s, const char *path, struct site_file *file);
void site_close(struct site_file *file); /* a closed file is fine */

/* Up to `n` bytes at `offset`; 0 at the end of the file, -1 when it cannot be read. */
ssize_t site_read(const struct site_file *file, uint64_t offset, void *to, size_t n);

/* What site_open() does first, without the file system: the name relative to the folder. `out`
 * takes SITE_PATH_MAX bytes. SITE_OK, SITE_FORBIDDEN or SITE_NOT_FOUND (too long). */
enum site_result site_path(const char *path, char *out);

/* The media type for a file name's ending. */
const char *site_mime(const char *name);

#endif
