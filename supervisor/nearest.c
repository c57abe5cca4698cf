#include "supervisor/nearest.h"

#include <string.h>

#define LETTERS_MAX 96

static size_t least(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t nearest_slips(const char *a, const char *b)
{
	/* rows[i % 3][j]: slips between the first i letters of a and the first j of b. */
	size_t rows[3][LETTERS_MAX + 1];
	size_t n = strnlen(a, LETTERS_MAX), m = strnlen(b, LETTERS_MAX);

	for (size_t j = 0; j <= m; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t *row = rows[i % 3], *above = rows[(i - 1) % 3];
		const size_t *above2 = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			row[j] = least(
			    above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
	}
	return rows[n % 3][m];
}
