/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/private_copy.h"

#include "host/base/crc32c.h"

#include <outflow/util.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Plugins are read in pieces: a file's size of heap, once used, would stay the process's. */
struct piece {
	char bytes[16384];
	size_t n;
};

/* The next piece, full but for the last one; n is 0 at the end. Returns -1 with errno. */
static int read_piece(int fd, struct piece *p)
{
	p->n = 0;
	while (p->n < sizeof p->bytes) {
		ssize_t n = read(fd, p->bytes + p->n, sizeof p->bytes - p->n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		p->n += (size_t)n;
	}
	return 0;
}

static int write_piece(int fd, const struct piece *p)
{
	size_t done = 0;

	while (done < p->n) {
		ssize_t n = write(fd, p->bytes + done, p->n - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

static int read_checksum(int fd, uint32_t *checksum)
{
	struct piece p;

	*checksum = 0;
	do {
		if (read_piece(fd, &p) != 0)
			return -1;
		*checksum = crc32c(*checksum, p.bytes, p.n);
	} while (p.n > 0);
	return lseek(fd, 0, SEEK_SET) == 0 ? 0 : -1;
}

static int copy_pieces(int from, int to)
{
	struct piece p;

	do {
		if (read_piece(from, &p) != 0 || write_piece(to, &p) != 0)
			return -1;
	} while (p.n > 0);
	return 0;
}

/* Under a temporary name first: another process may look. */
static int write_file(const char *path, int from)
{
	char temporary[PATH_MAX];
	int fd, saved;

	if (snprintf(temporary, sizeof temporary, "%s.XXXXXX", path) >= (int)sizeof temporary) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (copy_pieces(from, fd) == 0 && fchmod(fd, 0700) == 0 && close(fd) == 0) {
		fd = -1;
		if (rename(temporary, path) == 0)
			return 0;
	}
	saved = errno;
	if (fd >= 0)
		close(fd);
	unlink(temporary);
	errno = saved;
	return -1;
}

static int same_pieces(int a, int b)
{
	struct piece one, other;

	do {
		if (read_piece(a, &one) != 0 || read_piece(b, &other) != 0 || one.n != other.n ||
		    memcmp(one.bytes, other.bytes, one.n) != 0)
			return 0;
	} while (one.n > 0);
	return 1;
}

/* Compared whole: a power loss may leave a file of the right size with nothing in it. Leaves from at its beginning. */
static int is_there(const char *path, int from)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int same = fd >= 0 && same_pieces(from, fd);

	if (fd >= 0)
		close(fd);
	return lseek(from, 0, SEEK_SET) == 0 && same;
}

/* Takes over `to`. */
static outflow_status copy_content(const char *path, int from, char *to, char **result, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	if (to == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	if (!is_there(to, from) && write_file(to, from) != 0)
		status = outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: cannot be copied to %s", path, to);
	if (status == OUTFLOW_OK)
		*result = to;
	else
		free(to);
	return status;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static outflow_status make_copy(const char *path, const char *dir, int from, char **result, outflow_error *err)
{
	uint32_t checksum;
	char *to = NULL;

	if (read_checksum(from, &checksum) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: cannot be read", path);
	if (asprintf(&to, "%s/%s.%08x", dir, base_name(path), checksum) < 0)
		to = NULL;
	return copy_content(path, from, to, result, err);
}

outflow_status private_copy_make(const char *path, const char *dir, char **result, outflow_error *err)
{
	int from = open(path, O_RDONLY | O_CLOEXEC);
	outflow_status status;

	if (from < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: cannot be read", path);
	status = make_copy(path, dir, from, result, err);
	close(from);
	return status;
}

outflow_status private_copy_again(const char *copy, const char *dir, size_t number, char **result, outflow_error *err)
{
	int from = open(copy, O_RDONLY | O_CLOEXEC);
	outflow_status status;
	char *to = NULL;

	if (from < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s: cannot be read", copy);
	if (asprintf(&to, "%s/%s.%zu", dir, base_name(copy), number) < 0)
		to = NULL;
	status = copy_content(copy, from, to, result, err);
	close(from);
	return status;
}

/* ---- pruning ---- */

/* How much of a name is that of the plugin's file, of which it is some copy or a part of one; 0: it is none. */
static size_t plugin_name(const char *name)
{
	size_t n = 0;

	for (const char *at = strstr(name, ".so."); at != NULL; at = strstr(at + 1, ".so."))
		n = (size_t)(at - name) + 3;
	return n;
}

/* Is name that of the copy, or that with a dot and a number behind it? */
static int is_copy_of(const char *name, const char *copy)
{
	size_t n = strlen(copy);

	if (strncmp(name, copy, n) != 0)
		return 0;
	return name[n] == '\0' ||
	       (name[n] == '.' && name[n + 1] != '\0' && name[n + 1 + strspn(name + n + 1, "0123456789")] == '\0');
}

static void prune(const char *dir, int (*is_wanted)(const char *name, const void *ctx), const void *ctx)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d != NULL && (entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && !is_wanted(entry->d_name, ctx))
			(void)unlinkat(dirfd(d), entry->d_name, 0);
	if (d != NULL)
		closedir(d);
}

struct paths {
	const char *const *list;
	size_t n;
};

static int is_of_plugins(const char *name, const void *ctx)
{
	const struct paths *paths = ctx;
	size_t n = plugin_name(name);

	for (size_t i = 0; i < paths->n; i++) {
		const char *base = base_name(paths->list[i]);

		if (strlen(base) == n && strncmp(base, name, n) == 0)
			return 1;
	}
	return 0;
}

void private_copy_prune(const char *dir, const char *const *paths, size_t n)
{
	prune(dir, is_of_plugins, &(struct paths){ paths, n });
}

static int is_of_version(const char *name, const void *ctx)
{
	const char *base = ctx;
	size_t n = plugin_name(base);

	return plugin_name(name) != n || strncmp(name, base, n) != 0 || is_copy_of(name, base);
}

void private_copy_prune_versions(const char *copy)
{
	const char *base = base_name(copy);
	char dir[PATH_MAX];

	snprintf(dir, sizeof dir, "%.*s", (int)(base - copy), copy);
	prune(dir, is_of_version, base);
}
