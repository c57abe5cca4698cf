#include "svc-rendezvous/qr.h"

#include <qrencode.h>

#define QUIET 4 /* modules, ISO/IEC 18004, section 6.3.8 */

/* Neighbouring dark modules of a row become one rectangle. */
static int put_row(struct buf *out, const QRcode *code, int y)
{
	const unsigned char *row = code->data + (size_t)y * (size_t)code->width;
	int r = 0;

	for (int x = 0; x < code->width; x++) {
		int from = x;
		while (x < code->width && (row[x] & 1) != 0)
			x++;
		if (x > from)
			r |= buf_putf(
			    out, "M%d %dh%dv1h-%dz", from + QUIET, y + QUIET, x - from, x - from);
	}
	return r;
}

int qr_put_svg(struct buf *out, const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	int side, r;

	if (code == NULL)
		return -1;
	side = code->width + 2 * QUIET;
	r = buf_putf(out,
	    "<svg class=\"qr\" role=\"img\" aria-label=\"QR code of the address\" "
	    "viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\"><path fill=\"#fff\" "
	    "d=\"M0 0h%dv%dH0z\"/><path fill=\"#000\" d=\"",
	    side, side, side, side);
	for (int y = 0; y < code->width; y++)
		r |= put_row(out, code, y);
	r |= buf_puts(out, "\"/></svg>");
	QRcode_free(code);
	return r;
}
