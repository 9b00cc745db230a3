/* SPDX-License-Identifier: Apache-2.0 */
#include "memory_files.h"

#include "fuzz.h"

#include "host/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static char directory[64];

static int sync_nothing(int fd)
{
	(void)fd;
	return 0;
}

static int sync_no_directory(const char *path)
{
	(void)path;
	return 0;
}

void memory_files_empty(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	must(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			must(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
	closedir(dir);
}

static void remove_all(void)
{
	memory_files_empty();
	rmdir(directory);
}

const char *memory_files_begin(void)
{
	static struct io table;

	table = *io();
	table.fdatasync = sync_nothing;
	table.sync_dir = sync_no_directory;
	io_use(&table);
	/* A machine without this one fuzzes on its disk. */
	snprintf(directory, sizeof directory, "/dev/shm/outflow-fuzz-XXXXXX");
	if (mkdtemp(directory) == NULL) {
		snprintf(directory, sizeof directory, "/tmp/outflow-fuzz-XXXXXX");
		must(mkdtemp(directory) != NULL);
	}
	atexit(remove_all);
	return directory;
}

size_t memory_files_read(const char *path, void *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, to, size);

	must(n >= 0);
	close(fd);
	return (size_t)n;
}

void memory_files_write(const char *path, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(write(fd, bytes, n) == (ssize_t)n);
	close(fd);
}

size_t memory_files_edit(void *bytes, size_t n, const unsigned char *data, size_t size)
{
	unsigned char *at = bytes;

	for (size_t i = size % 3; i + 3 <= size; i += 3)
		at[(size_t)(data[i] << 8 | data[i + 1]) % n] = data[i + 2];
	return size >= 3 && data[0] % 2 == 1 ? (size_t)(data[1] << 8 | data[2]) % (n + 1) : n;
}
