/* Memory that is always there: out of memory ends the process (the supervisor starts it anew). */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>

/* Each returns memory that the caller owns and releases with free(3); none ever returns NULL.
 * A size of zero yields a valid pointer. Overflow of n * size counts as out of memory. */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t max);
void *xmemdup(const void *p, size_t size);

/* printf(3) into fresh memory, owned by the caller. */
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
