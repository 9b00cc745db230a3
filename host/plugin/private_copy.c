/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/private_copy.h"

#include "host/base/crc32c.h"

#include <outflow/util.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct content {
	char *bytes;
	size_t n;
};

static int read_all(int fd, struct content *c)
{
	struct stat st;
	size_t done = 0;

	if (fstat(fd, &st) != 0)
		return -1;
	c->n = (size_t)st.st_size;
	c->bytes = malloc(c->n + 1);
	while (c->bytes != NULL && done < c->n) {
		ssize_t n = read(fd, c->bytes + done, c->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (c->bytes != NULL && done == c->n)
		return 0;
	free(c->bytes);
	c->bytes = NULL;
	return -1;
}

static int read_file(const char *path, struct content *c)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : read_all(fd, c);
	int saved = errno;

	if (fd >= 0)
		close(fd);
	errno = saved;
	return rc;
}

/* Under a temporary name first: another process may look. */
static int write_file(const char *path, const struct content *c)
{
	char temporary[4096];
	size_t done = 0;
	int fd;

	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	while (fd >= 0 && done < c->n) {
		ssize_t n = write(fd, c->bytes + done, c->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		done += (size_t)n;
	}
	if (fd >= 0 && done == c->n && fchmod(fd, 0700) == 0 && close(fd) == 0 && rename(temporary, path) == 0)
		return 0;
	if (fd >= 0)
		unlink(temporary);
	return -1;
}

/* Compared whole: a power loss may leave a file of the right size with nothing in it. */
static int is_there(const char *path, const struct content *c)
{
	struct content other = { 0 };
	int same = read_file(path, &other) == 0 && other.n == c->n && memcmp(other.bytes, c->bytes, c->n) == 0;

	free(other.bytes);
	return same;
}

outflow_status private_copy_make(const char *path, const char *dir, const char *copy, char **result, outflow_error *err)
{
	const char *slash = strrchr(path, '/');
	struct content c = { 0 };
	char *to = NULL;
	outflow_status status = OUTFLOW_OK;

	if (read_file(path, &c) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: cannot be read", path);
	if (asprintf(&to, "%s/%s.%08x%s%s", dir, slash ? slash + 1 : path, crc32c(0, c.bytes, c.n),
	             copy && *copy ? "." : "", copy ? copy : "") < 0) {
		to = NULL;
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	} else if (!is_there(to, &c) && write_file(to, &c) != 0) {
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: cannot be copied to %s", path, to);
	}
	free(c.bytes);
	if (status != OUTFLOW_OK) {
		free(to);
		return status;
	}
	*result = to;
	return OUTFLOW_OK;
}

/* Is name that of the file, or that with a dot and a number behind it? */
static int is_copy_of(const char *name, const char *file)
{
	const char *slash = strrchr(file, '/');
	const char *base = slash ? slash + 1 : file;
	size_t n = strlen(base);

	if (strncmp(name, base, n) != 0)
		return 0;
	return name[n] == '\0' ||
	       (name[n] == '.' && name[n + 1] != '\0' && name[n + 1 + strspn(name + n + 1, "0123456789")] == '\0');
}

void private_copy_prune(const char *dir, const char *const *files, size_t n)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		size_t i = 0;

		while (i < n && !is_copy_of(entry->d_name, files[i]))
			i++;
		if (i == n && entry->d_name[0] != '.')
			(void)unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d != NULL)
		closedir(d);
}
