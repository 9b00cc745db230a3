/* SPDX-License-Identifier: Apache-2.0 */
/*
 * power.h: a file layer that records what is written, synced, renamed and removed in one directory, and rebuilds from that
 * any state that a power cut can leave. One record at a time; files of up to POWER_FILE_BYTES, names of the directory's own.
 */
#ifndef TESTS_POWER_H
#define TESTS_POWER_H

#define POWER_FILE_BYTES 32768u

/* Begins a record: puts a table over the one in use. fail_syncs: each so many-th sync of a file fails; 0: none. */
void power_begin(const char *dir, unsigned fail_syncs);
/* Brings the table of before back; the record stays. */
void power_end(void);

/* How many operations there are so far. [any] */
unsigned power_now(void);

/* Leaves in the directory what a cut after n operations may leave. In order: what was written is there, in the order in
 * which it was, the last write in part. Else: of what was not synced, any part, and any of the names. */
void power_cut(unsigned n, int in_order);

/* How many cuts a test makes: OUTFLOW_TORTURE, else so many. */
long power_cuts(long otherwise);

void power_forget(void);

#endif
