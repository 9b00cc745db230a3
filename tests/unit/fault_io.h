/* SPDX-License-Identifier: Apache-2.0 */
/* fault_io.h: the system's file I/O with faults on demand. One test at a time. */
#ifndef TESTS_FAULT_IO_H
#define TESTS_FAULT_IO_H
#include "host/base/io.h"

/* What goes wrong; all zero: nothing. An errno member fails every call of its kind until it is cleared. */
struct faults {
	int64_t room; /* if `full`: bytes that may still be written; a write beyond is short, then ENOSPC */
	int full;
	size_t longest_write; /* not 0: a write takes at most so many bytes */
	size_t longest_read;  /* the same for reads */
	int interrupts;       /* every other read or write is EINTR */
	int open, read, write, sync, truncate, rename, unlink, sync_dir; /* errno */
	int write_nothing;                                               /* a write returns 0 */
};
extern struct faults faults;

/* How often the journal or store called, since fault_io_install. */
struct io_calls {
	unsigned opens, writes, syncs, truncates, dir_syncs, unlinks;
};
extern struct io_calls io_calls;

/* Puts the table in place, without faults; fault_io_remove brings the system's back. */
void fault_io_install(void);
void fault_io_remove(void);

#endif
