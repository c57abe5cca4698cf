/* A value as the database knows it: whole number, real, text, blob or nothing. */
#ifndef DB_VALUE_H
#define DB_VALUE_H

#include <stdint.h>

#include "base/buf.h"

enum value_type { VALUE_NULL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

struct value {
	enum value_type type;
	int64_t integer;
	double real;
	struct bytes bytes; /* text (UTF-8 when it came in as JSON) or blob, lent */
};

/* A column's name with what to store in it; the name is lent. */
struct field {
	const char *column;
	struct value value;
};

#endif
