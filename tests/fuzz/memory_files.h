/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_files.h: a directory in memory for targets that read and write files: on a tmpfs, since the journal maps its
 * segments, and with syncs that do nothing. Fuzzing it costs system calls and no disk.
 */
#ifndef MEMORY_FILES_H
#define MEMORY_FILES_H
#include <stddef.h>

/* Makes the directory, which is removed when the process ends, and replaces the file I/O table of host/base/io.h. The path is
 * the module's. */
const char *memory_files_begin(void);

/* Removes what is in the directory. */
void memory_files_empty(void);

/* What the file holds, up to size bytes. */
size_t memory_files_read(const char *path, void *to, size_t size);

/* Makes the file anew with these bytes. */
void memory_files_write(const char *path, const void *bytes, size_t n);

/* A file that was good, with an input's edits, three bytes each: two of place, one of value. Returns how long it is now: a
 * first byte that is odd cuts it at the first place. */
size_t memory_files_edit(void *bytes, size_t n, const unsigned char *data, size_t size);

#endif
