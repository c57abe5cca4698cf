/* QR codes as inline SVG (libqrencode). */
#ifndef SVC_RENDEZVOUS_QR_H
#define SVC_RENDEZVOUS_QR_H

#include "base/buf.h"

/* Appends an <svg> that shows `text`, with a quiet zone, dark on light whatever the page's colours
 * are. 0, or -1 when the text is too long for a code or the buffer is full. */
int qr_put_svg(struct buf *out, const char *text);

#endif
