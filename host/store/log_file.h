/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_file.h: a small map of byte strings in one append-only file: the last entry of a key counts.
 *
 * An entry is: length of what follows the checksum (u32), CRC-32C of that (u32), length of the key (u32), whether the key
 * is removed (u32), key, value; numbers in the machine's order. When the file is opened, a torn tail is cut off and a
 * damaged entry in the middle is left out. When the file is much longer than what it holds, a copy with the live entries is
 * written beside it and takes its name.
 */
#ifndef HOST_STORE_LOG_FILE_H
#define HOST_STORE_LOG_FILE_H
#include <outflow/abi.h>

struct log_file;

/* OUTFLOW_E_TASK: cannot be read or made, the error names file and cause; OUTFLOW_E_NOMEM. The file is unchanged then.
 * [any] */
outflow_status log_file_open(const char *path, struct log_file **result, outflow_error *err);

/* The value of key, valid until the next change; ptr NULL: none. [one thread at a time, as all below but
 * log_file_sync_duplicate and log_copy_write] */
outflow_bytes log_file_get(const struct log_file *f, outflow_bytes key);

/* Writes value for key; ptr NULL removes it. The file has it when this returns (a killed process loses nothing), the disk
 * when log_file_sync has returned. OUTFLOW_E_RETRY: disk error, OUTFLOW_E_NOMEM, OUTFLOW_E_RECORD: too large; the old value
 * stays. */
outflow_status log_file_put(struct log_file *f, outflow_bytes key, outflow_bytes value, outflow_error *err);

/* OUTFLOW_E_RETRY: disk error. */
outflow_status log_file_sync(struct log_file *f, outflow_error *err);

/* A duplicate of the descriptor, for log_file_sync_duplicate. -1 and errno. */
int log_file_duplicate(const struct log_file *f);

/* Syncs what was put before log_file_duplicate made fd, and the file's name, then closes fd. After a failure it fails until a
 * copy was made, which log_file_sync does by itself: the pages may be gone. Not under the lock of those
 * who put, but never beside itself, a copy in the making, or log_file_sync. -1 and errno. */
int log_file_sync_duplicate(struct log_file *f, int fd);

void log_file_each(const struct log_file *f, void (*visit)(void *ctx, outflow_bytes key, outflow_bytes value),
                   void *ctx);

/* Clears the pointer and accepts NULL inside. */
void log_file_close(struct log_file **f);

/* ---- making it shorter ---- */

struct log_copy;

/* Begins a copy of what counts now. NULL: no sync has failed and the file is not long enough for that to be worth it; or no
 * memory. */
struct log_copy *log_copy_begin(struct log_file *f);

/* Writes and syncs the copy, while others put into the file. -1 and errno. */
int log_copy_write(struct log_copy *copy);

/* Adds what was put since log_copy_begin; the copy takes the file's place and name. written: what log_copy_write returned.
 * The copy is freed. Failing costs nothing but length: it is logged and the old file goes on. What was put after
 * log_copy_begin and synced before this may lose a power cut: so there must be no sync between them. */
void log_copy_finish(struct log_file *f, struct log_copy **copy, int written);

/* All three. */
void log_file_compact(struct log_file *f);

/* Puts, syncs, and compacts when that is worth it; a value that could not be synced is taken back. Errors as for both. */
outflow_status log_file_put_durably(struct log_file *f, outflow_bytes key, outflow_bytes value, outflow_error *err);

#endif
