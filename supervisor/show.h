/* Answers of the supervisor as people read them: 80 columns, colours only when wanted. What
 * services and strangers said in them is made plain first. */
#ifndef SUPERVISOR_SHOW_H
#define SUPERVISOR_SHOW_H

#include <stdbool.h>

#include "codec/json.h"

/* JSON for people and programs: indented by two blanks, with a newline at the end. Owned by the
 * caller. */
char *show_json_text(const cJSON *value);

/* The text for `status`, owned by the caller. Processor time is that since each process began, or,
 * with an earlier status, the share of a processor since then. */
char *show_status_text(const cJSON *status, const cJSON *before, bool colour);

/* The text for `peers`, from discovery's report: an array of objects with label, id, addresses,
 * last_seen_ms. Owned by the caller. */
char *show_peers_text(const cJSON *peers, bool colour);

/* The texts for `links` and `streams`, from the reports by service; owned by the caller. */
char *show_links_text(const cJSON *reports, bool colour);
char *show_streams_text(const cJSON *reports, bool colour);

#endif
