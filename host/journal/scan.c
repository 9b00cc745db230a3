/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/scan.h"

#include "host/base/crc32c.h"
#include "host/base/io.h"

#include <errno.h>

const char *scan_bytes(struct scan *scan, uint64_t at, size_t n)
{
	ssize_t got;

	if (at < scan->at || at + n > scan->at + scan->n) {
		got = io_read_all(scan->fd, scan->window, SCAN_WINDOW, (off_t)at);
		if (got < 0)
			return NULL;
		if ((size_t)got < n) {
			errno = EIO;
			return NULL;
		}
		scan->at = at;
		scan->n = (size_t)got;
	}
	return scan->window + (at - scan->at);
}

int scan_body_is_good(struct scan *scan, uint64_t at, const struct frame_head *head)
{
	uint64_t end = at + head->length;
	uint32_t crc = 0;

	for (at += sizeof *head; at < end;) {
		size_t n = end - at < SCAN_WINDOW ? (size_t)(end - at) : (size_t)SCAN_WINDOW;
		const char *bytes = scan_bytes(scan, at, n);

		if (bytes == NULL)
			return -1;
		crc = crc32c(crc, bytes, n);
		at += n;
	}
	return crc == head->body_crc;
}
