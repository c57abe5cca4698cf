/* Files of sites in the browser; those of one's own straight from the folder. */
#ifndef SVC_VIEWER_SITE_HTTP_H
#define SVC_VIEWER_SITE_HTTP_H

#include "http/http_answer.h"
#include "svc-viewer/site.h"
#include "svc-viewer/site_range.h"

struct http_request;

/* Answers with the file that `path` names, streamed; or with the trouble it is. `home` as in
 * page.h. */
void site_http_answer(
    const struct site *s, struct http_request *r, const char *path, const char *home);

/* Answers with a file of `size` bytes, one's own or a remote peer's, or with the part of it that
 * the request wants: *range is what `fill` has to hand out, its `pos` counts from there. False when
 * there is no such part, and that has been said. There are no validators, so If-Range gets the
 * whole. */
bool site_http_file(struct http_request *r, const char *type, uint64_t size,
    struct site_range *range, http_fill_fn *fill, void *arg);

/* Answers with the trouble that stands after ERR in an answer line, one's own or a remote peer's.
 */
void site_http_refuse(struct http_request *r, const char *error, const char *home);

#endif
