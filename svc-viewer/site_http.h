/* One's own site in the browser: files straight from the folder. */
#ifndef SVC_VIEWER_SITE_HTTP_H
#define SVC_VIEWER_SITE_HTTP_H

#include "svc-viewer/site.h"

struct http_request;

/* Answers with the file that `path` names, streamed; or with the trouble it is. `home` as in
 * page.h. */
void site_http_answer(
    const struct site *s, struct http_request *r, const char *path, const char *home);

/* Answers with the trouble that stands after ERR in an answer line, one's own or a remote peer's.
 */
void site_http_refuse(struct http_request *r, const char *error, const char *home);

#endif
