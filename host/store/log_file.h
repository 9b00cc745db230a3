/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_file.h: a small map of byte strings in one append-only file: the last entry of a key counts.
 *
 * An entry is: length of what follows the checksum (u32), CRC-32C of that (u32), length of the key (u32), whether the key
 * is removed (u32), key, value; numbers in the machine's order. A torn or damaged tail is cut off when the file is opened.
 * When the file is much longer than what it holds, it is written anew beside itself and renamed.
 */
#ifndef HOST_STORE_LOG_FILE_H
#define HOST_STORE_LOG_FILE_H
#include <outflow/abi.h>

struct log_file;

/* OUTFLOW_E_TASK: cannot be read or made, the error names file and cause. [any] */
outflow_status log_file_open(const char *path, struct log_file **result, outflow_error *err);

/* The value of key, valid until the next change; ptr NULL: none. [one thread at a time, as all below] */
outflow_bytes log_file_get(const struct log_file *f, outflow_bytes key);

/* Writes value for key; ptr NULL removes it. The file has it when this returns (a killed process loses nothing), the disk
 * when log_file_sync has returned. OUTFLOW_E_RETRY: disk error, the old value stays; OUTFLOW_E_NOMEM. */
outflow_status log_file_put(struct log_file *f, outflow_bytes key, outflow_bytes value, outflow_error *err);

/* The descriptor to sync, for a thread that does so without holding the caller's lock: a duplicate, to be closed with
 * close(). -1 and errno. */
int log_file_duplicate(const struct log_file *f);

/* OUTFLOW_E_RETRY: disk error. */
outflow_status log_file_sync(struct log_file *f, outflow_error *err);

void log_file_each(const struct log_file *f, void (*visit)(void *ctx, outflow_bytes key, outflow_bytes value),
                   void *ctx);

/* Clears the pointer and accepts NULL inside. */
void log_file_close(struct log_file **f);

#endif
