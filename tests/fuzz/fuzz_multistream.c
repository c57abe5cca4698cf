/* Both sides of a negotiation: the outcome, the answers and the bytes left over must not depend on
 * how the input is cut. The first byte chooses the side. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "svc-transport/multistream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const IDS[] = {"/meshsub/1.1.0", "/meshsub/1.0.0", "/floodsub/1.0.0"};

static bool accept(void *arg, const char *id, size_t len)
{
	(void)arg;
	return len == strlen(IDS[0]) && memcmp(id, IDS[0], len) == 0;
}

static enum multistream_result run(
    uint8_t side, const uint8_t *p, size_t n, size_t step, size_t *used, struct buf *out)
{
	enum multistream_result r = MULTISTREAM_MORE;
	struct multistream m;
	size_t once;

	buf_init(out, 2048);
	if (side % 2 == 0)
		multistream_respond(&m, accept, NULL);
	else
		multistream_propose(&m, IDS, 3, out);
	*used = 0;
	while (*used < n && r == MULTISTREAM_MORE) {
		size_t some = step < n - *used ? step : n - *used;
		r = multistream_input(&m, p + *used, some, &once, out);
		if (once > some || (r == MULTISTREAM_MORE && once != some))
			abort();
		*used += once;
	}
	if (r == MULTISTREAM_DONE && p[*used - 1] != '\n')
		abort();
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole, cut;
	size_t whole_used, cut_used;

	if (size < 2)
		return 0;
	enum multistream_result a = run(data[0], data + 1, size - 1, size, &whole_used, &whole);
	enum multistream_result b = run(data[0], data + 1, size - 1, 1, &cut_used, &cut);
	if (a != b || buf_len(&whole) != buf_len(&cut))
		abort();
	if (a != MULTISTREAM_BAD && whole_used != cut_used)
		abort();
	if (buf_len(&whole) > 0 && memcmp(buf_data(&whole), buf_data(&cut), buf_len(&cut)) != 0)
		abort();
	buf_clear(&whole);
	buf_clear(&cut);
	return 0;
}
