/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replayed.h: which dead letters of a pipeline have been sent again: ranges of positions of each stream, in a text file
 * with one range a line, which grows at its end and is written anew when that makes it much shorter.
 *
 * A range also has the checksum of its first record. When another record is found there, or none where older ones are, the
 * stream is not the one that was replayed (a topic or file made anew), and its ranges are forgotten.
 */
#ifndef HOST_STORE_REPLAYED_H
#define HOST_STORE_REPLAYED_H
#include <outflow/abi.h>

struct replayed;

/* Reads the file; none is as good as an empty one. writable: add and save may be called, by one process at a time.
 * OUTFLOW_E_TASK: cannot be read, the error names file and cause; OUTFLOW_E_NOMEM. [any] */
outflow_status replayed_open(const char *path, int writable, struct replayed **result, outflow_error *err);

/* The number by which the functions below know a stream (a JSON text, copied). OUTFLOW_E_NOMEM. [one thread at a time, as
 * all below] */
outflow_status replayed_stream(struct replayed *r, outflow_str json, size_t *stream);

/* Has the record from `position` on been sent? The records of a stream are asked for in their order, from the oldest on. */
int replayed_has(struct replayed *r, size_t stream, uint64_t position, uint32_t checksum);

/* Records one record, from `from` up to (not including) `to`, as sent; saved by replayed_save. OUTFLOW_E_NOMEM. */
outflow_status replayed_add(struct replayed *r, size_t stream, uint64_t from, uint64_t to, uint32_t checksum);

/* Makes durable what was added. OUTFLOW_E_RETRY: disk error, everything is still there to be saved. */
outflow_status replayed_save(struct replayed *r, outflow_error *err);

/* How many streams were found to be others than those that had been replayed. */
size_t replayed_forgotten(const struct replayed *r);

/* Saves nothing. Clears the pointer and accepts NULL inside. */
void replayed_close(struct replayed **r);

#endif
