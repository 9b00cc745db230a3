/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/names.h"

#include "host/journal/segment.h"

#include <outflow/util.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add_name(struct segment_names *names, uint64_t first)
{
	if (names->n == names->room) {
		size_t room = names->room * 2 + 64;
		uint64_t *firsts = realloc(names->firsts, room * sizeof *firsts);

		if (firsts == NULL)
			return -1;
		names->firsts = firsts;
		names->room = room;
	}
	names->firsts[names->n++] = first;
	return 0;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

outflow_status segment_names_read(struct segment_names *names, const char *path,
                                  void (*foreign)(void *ctx, const char *name), void *ctx, outflow_error *err)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	uint64_t first;
	int rc = 0, code;

	if (dir == NULL)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", path);
	while (rc == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		if (segment_parse_name(entry->d_name, &first) == 0)
			rc = add_name(names, first);
		else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			foreign(ctx, entry->d_name);
	}
	code = errno;
	closedir(dir);
	if (rc != 0)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the journal in %s", path);
	if (code != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, code, "%s cannot be read", path);
	if (names->n > 0)
		qsort(names->firsts, names->n, sizeof *names->firsts, by_number);
	return OUTFLOW_OK;
}

void segment_names_clear(struct segment_names *names)
{
	free(names->firsts);
	*names = (struct segment_names){ 0 };
}
