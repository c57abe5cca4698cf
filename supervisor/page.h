/* A text for a terminal in the making: 80 columns, colours only when wanted. What services and
 * strangers said is made plain before it is put here. For show*.c. */
#ifndef SUPERVISOR_PAGE_H
#define SUPERVISOR_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/json.h"

#define PAGE_WIDTH  80
#define PAGE_NUMBER 24 /* room for a duration or a size */

#define PAGE_RED    "\033[31m"
#define PAGE_GREEN  "\033[32m"
#define PAGE_YELLOW "\033[33m"
#define PAGE_BOLD   "\033[1m"
#define PAGE_DIM    "\033[2m"
#define PAGE_RESET  "\033[0m"

struct page {
	struct buf out;
	bool colour;
};

void page_init(struct page *p, bool colour);
/* The whole, owned by the caller; what would have made it too long was left out. */
char *page_take(struct page *p);

/* Text padded to `width` columns (0: as it is), in a colour ("" for none). */
void page_cell(struct page *p, const char *colour, const char *text, size_t width);
/* The same, padded in front. */
void page_right(struct page *p, const char *text, size_t width);
void page_line(struct page *p, const char *colour, const char *text);
/* Words in lines of PAGE_WIDTH columns, each indented. A word that is longer stands alone. */
void page_wrap(struct page *p, const char *colour, const char *text, size_t indent);
/* The same where the first line has been begun, up to the indentation. */
void page_wrap_on(struct page *p, const char *colour, const char *text, size_t indent);

/* A member that is a string, made plain, in `out`; "" when there is none. */
const char *page_plain(const cJSON *o, const char *name, char *out, size_t size);
/* A member that is a whole number, not below 0. */
int64_t page_number(const cJSON *o, const char *name, int64_t absent);

/* "45 s", "3 min 12 s", "3 h 12 min", "5 d 3 h" */
void page_duration(int64_t ms, char out[PAGE_NUMBER]);
/* "950 B", "1.2 kB", "4.5 MB", "2.1 GB" */
void page_bytes(int64_t bytes, char out[PAGE_NUMBER]);

#endif
