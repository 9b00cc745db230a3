/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/segment.h"

#include "host/base/check.h"
#include "host/base/crc32c.h"
#include "host/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define SEGMENT_MAGIC 0x7365676du
#define ADVISE_BYTES (UINT64_C(1) << 20)

static uint32_t head_crc(const struct segment_head *head)
{
	struct segment_head copy = *head;

	copy.crc = 0;
	return crc32c(0, &copy, sizeof copy);
}

static int write_head(int fd, uint64_t first, uint64_t end, uint64_t end_offset)
{
	struct segment_head head = { .magic = SEGMENT_FILE_MAGIC,
		                     .version = SEGMENT_VERSION,
		                     .first = first,
		                     .end = end,
		                     .end_offset = end_offset };

	head.crc = head_crc(&head);
	return io_write_all(fd, &head, sizeof head, 0);
}

static struct segment *make(const char *path, int fd, uint64_t first, uint64_t end, size_t capacity)
{
	struct segment *s = calloc(1, sizeof *s);

	if (s == NULL || (s->path = strdup(path)) == NULL) {
		free(s);
		errno = ENOMEM;
		return NULL;
	}
	s->magic = SEGMENT_MAGIC;
	s->references = 1;
	s->fd = fd;
	s->first = first;
	s->end = end;
	s->map_length = capacity > end ? capacity : end;
	return s;
}

static int close_keeping_errno(int fd)
{
	int code = errno;

	io()->close(fd);
	errno = code;
	return -1;
}

int segment_create(const char *dir, uint64_t first, size_t capacity, struct segment **result)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof path, "%s/%020llu.log", dir, (unsigned long long)first);
	fd = io()->open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	if (write_head(fd, first, 0, 0) != 0 ||
	    (*result = make(path, fd, first, sizeof(struct segment_head), capacity)) == NULL) {
		close_keeping_errno(fd);
		io()->unlink(path);
		return -1;
	}
	return 0;
}

int segment_open(const char *path, struct segment **result, struct segment_head *head)
{
	int fd = io()->open(path, O_RDWR, 0);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = io_read_all(fd, head, sizeof *head, 0);
	if (n < 0 || fstat(fd, &st) != 0)
		return close_keeping_errno(fd);
	if ((size_t)n < sizeof *head || head->magic != SEGMENT_FILE_MAGIC || head->version != SEGMENT_VERSION ||
	    head->crc != head_crc(head)) {
		io()->close(fd);
		return 1;
	}
	*result = make(path, fd, head->first, (uint64_t)st.st_size, 0);
	return *result ? 0 : close_keeping_errno(fd);
}

int segment_map(struct segment *s)
{
	void *map;

	if (s->map != NULL)
		return 0;
	map = mmap(NULL, s->map_length, PROT_READ, MAP_SHARED, s->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	s->map = map;
	return 0;
}

void segment_forget_below(struct segment *s, uint64_t offset)
{
	uint64_t to = offset & ~(ADVISE_BYTES - 1);

	if (s->map == NULL || to <= s->advised)
		return;
	madvise((void *)(uintptr_t)(s->map + s->advised), to - s->advised, MADV_DONTNEED);
	s->advised = to;
}

int segment_mark_closed(struct segment *s, uint64_t end)
{
	return write_head(s->fd, s->first, end, s->end) == 0 ? io()->fdatasync(s->fd) : -1;
}

struct segment *segment_hold(struct segment *s)
{
	__atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
	return s;
}

void segment_release(void *segment)
{
	struct segment *s = segment;

	if (s == NULL || __atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	CHECK_OBJ(s, SEGMENT_MAGIC);
	if (s->map != NULL)
		munmap((void *)(uintptr_t)s->map, s->map_length);
	io()->close(s->fd);
	free(s->path);
	s->magic = 0;
	free(s);
}

/* Do the parts add up to the length, so that nothing leads out of the record? */
static int adds_up(const struct record_head *r)
{
	uint64_t n = sizeof *r + (uint64_t)r->n_headers * 2 * sizeof(uint32_t) + r->headers_length + r->topic_length;

	n += r->key_length == LENGTH_NULL ? 0 : r->key_length;
	n += r->value_length == LENGTH_NULL ? 0 : r->value_length;
	return n <= r->length && r->length - n < RECORD_ALIGN;
}

const struct record_head *segment_record(const struct segment *s, uint64_t offset, uint64_t limit)
{
	const struct record_head *r = (const void *)(s->map + offset);
	size_t skip = offsetof(struct record_head, length);

	if (offset > limit || limit - offset < sizeof *r || r->magic != RECORD_MAGIC || r->length < sizeof *r ||
	    r->length % RECORD_ALIGN != 0 || r->length > limit - offset || !adds_up(r))
		return NULL;
	return crc32c(0, (const char *)r + skip, r->length - skip) == r->crc ? r : NULL;
}

uint64_t segment_next_good(const struct segment *s, uint64_t offset, uint64_t limit, uint64_t least)
{
	const struct record_head *r;

	for (offset += RECORD_ALIGN; offset < limit; offset += RECORD_ALIGN) {
		r = segment_record(s, offset, limit);
		if (r != NULL && r->sequence >= least)
			return offset;
	}
	return limit;
}
