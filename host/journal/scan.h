/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h: a window onto a segment's file, for those who look through it without a mapping: they need the same memory
 * whatever they find, and a page that the disk cannot deliver is an error, not a SIGBUS.
 */
#ifndef HOST_JOURNAL_SCAN_H
#define HOST_JOURNAL_SCAN_H
#include "host/journal/frame.h"

#define SCAN_WINDOW (UINT64_C(64) << 10)

struct scan {
	int fd;
	uint64_t size; /* of the file */
	uint64_t at;   /* of the window */
	size_t n;      /* bytes in it */
	char *window;  /* SCAN_WINDOW bytes, the owner's */
};

/* At least n bytes at `at`, which are in the file, n at most SCAN_WINDOW; valid until the next call. NULL: cannot be read,
 * errno says why. [one thread at a time, as below] */
const char *scan_bytes(struct scan *scan, uint64_t at, size_t n);

/* Has the frame at `at` a good body? The head is a good one. 1, 0; -1 and errno. */
int scan_body_is_good(struct scan *scan, uint64_t at, const struct frame_head *head);

#endif
