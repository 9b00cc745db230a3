/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/retired.h"

#include <outflow/util.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A file in the task's journal directory. */
static int mark_path(const struct state_dir *d, const char *pipeline, uint32_t number, char *path, size_t size)
{
	size_t n;

	if (state_dir_path(d, "journal", pipeline, number, path, size) != OUTFLOW_OK)
		return -1;
	n = strlen(path);
	return snprintf(path + n, size - n, "/retired") < (int)(size - n) ? 0 : -1;
}

static int is_marked(const struct state_dir *d, const char *pipeline, uint32_t number)
{
	char path[PATH_MAX];

	return mark_path(d, pipeline, number, path, sizeof path) == 0 && access(path, F_OK) == 0;
}

void retired_mark(const struct state_dir *d, const char *pipeline, uint32_t number)
{
	char path[PATH_MAX];
	int fd = -1;

	if (mark_path(d, pipeline, number, path, sizeof path) == 0)
		fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

void retired_unmark(const struct state_dir *d, const char *pipeline, uint32_t number)
{
	char path[PATH_MAX];

	if (mark_path(d, pipeline, number, path, sizeof path) == 0)
		(void)unlink(path);
}

/* A task's directory is called by its number. */
static int number_of(const char *name, uint32_t *number)
{
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (name[0] < '0' || name[0] > '9' || *end != '\0' || n > INT32_MAX)
		return 0;
	*number = (uint32_t)n;
	return 1;
}

static outflow_status add(uint32_t **numbers, size_t *n, uint32_t number)
{
	uint32_t *list = realloc(*numbers, (*n + 1) * sizeof *list);

	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	*numbers = list;
	list[(*n)++] = number;
	return OUTFLOW_OK;
}

outflow_status retired_find(const struct state_dir *d, const char *pipeline, uint32_t n_tasks, uint32_t **numbers,
                            size_t *n, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	char path[PATH_MAX];
	struct dirent *entry;
	uint32_t number;
	DIR *dir;

	*numbers = NULL;
	*n = 0;
	if (state_dir_path(d, "journal", pipeline, -1, path, sizeof path) != OUTFLOW_OK)
		return OUTFLOW_OK;
	dir = opendir(path);
	if (dir == NULL && errno == ENOENT)
		return OUTFLOW_OK;
	if (dir == NULL)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", path);
	while (status == OUTFLOW_OK && (entry = readdir(dir)) != NULL)
		if (number_of(entry->d_name, &number) && number >= n_tasks && !is_marked(d, pipeline, number))
			status = add(numbers, n, number);
	closedir(dir);
	if (status == OUTFLOW_OK)
		return OUTFLOW_OK;
	free(*numbers);
	*numbers = NULL;
	return outflow_fail(err, status, "no memory for retired tasks");
}
