/* SPDX-License-Identifier: Apache-2.0 */
/* log_file_internal.h: what the map (log_file.c) and its copying (log_copy.c) share. */
#ifndef HOST_STORE_LOG_FILE_INTERNAL_H
#define HOST_STORE_LOG_FILE_INTERNAL_H
#include "host/store/log_file.h"

#define LOG_FILE_MAGIC 0x6c6f6766u

struct log_entry {
	struct log_entry *next; /* in its bucket */
	uint32_t hash;
	uint32_t key_length, value_length;
	char bytes[]; /* key, then value */
};

struct log_file {
	unsigned magic;
	char *path;
	int fd;
	int is_named;       /* atomic: its name in the directory is on disk */
	int must_copy;      /* atomic: a sync failed; a later one may report success for pages that were thrown away */
	int tail_is_dirty;  /* a failed write may have left bytes beyond end */
	uint64_t end;       /* of the entries */
	uint64_t live;      /* bytes that a file with nothing else would have */
	uint64_t copy_from; /* a copy is not worth it before the file has this length */
	struct log_entry **buckets;
	size_t n, n_buckets; /* a power of two */
};

/* How long an entry is in the file. */
uint64_t log_entry_size(size_t key_length, size_t value_length);

/* Lays it out; to has room for all of it. */
void log_entry_build(char *to, outflow_bytes key, outflow_bytes value, int removed);

#endif
