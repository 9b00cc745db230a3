/* SPDX-License-Identifier: Apache-2.0 */
#include "host/journal/segment.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/crc32c.h"
#include "host/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define SEGMENT_MAGIC 0x7365676du
#define FILE_MAGIC UINT64_C(0x4c4e524a4c46544f) /* "OTFLJRNL" */

int segment_parse_name(const char *name, uint64_t *first)
{
	char *end;

	if (strlen(name) != SEGMENT_NAME_LENGTH || strspn(name, "0123456789") != SEGMENT_NAME_LENGTH - 4 ||
	    strcmp(name + SEGMENT_NAME_LENGTH - 4, ".log") != 0)
		return -1;
	errno = 0;
	*first = strtoull(name, &end, 10);
	return errno == 0 ? 0 : -1;
}

char *segment_path(const char *dir, uint64_t first)
{
	char *path = NULL;

	return asprintf(&path, "%s/%020llu.log", dir, (unsigned long long)first) < 0 ? NULL : path;
}

struct segment *segment_new(const char *dir, uint64_t first, size_t capacity)
{
	struct segment *s = calloc(1, sizeof *s);

	if (s == NULL || (s->path = segment_path(dir, first)) == NULL) {
		free(s);
		return NULL;
	}
	s->magic = SEGMENT_MAGIC;
	s->references = 1;
	s->fd = -1;
	s->first = s->end = s->synced = first;
	s->size = SEGMENT_HEAD_SIZE;
	s->capacity = capacity;
	return s;
}

static uint32_t head_crc(const struct segment_head *head)
{
	return crc32c(0, head, offsetof(struct segment_head, crc));
}

/* Never 0. It need not be secret, only unlike those of other segments. */
static uint32_t draw_mark(void)
{
	uint32_t mark;

	if (getrandom(&mark, sizeof mark, GRND_NONBLOCK) != (ssize_t)sizeof mark)
		mark = (uint32_t)clock_mono_ns() ^ (uint32_t)clock_wall_ms();
	return mark ? mark : 1;
}

int segment_create(struct segment *s)
{
	struct segment_head head = { .magic = FILE_MAGIC, .version = SEGMENT_FORMAT, .first = s->first };

	s->mark = head.mark = draw_mark();
	head.crc = head_crc(&head);
	s->fd = io()->open(s->path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (s->fd < 0)
		return -1;
	if (io_write_all(s->fd, &head, sizeof head, 0) == 0)
		return 0;
	segment_discard(s);
	return -1;
}

void segment_discard(struct segment *s)
{
	int code = errno;

	io()->close(s->fd);
	s->fd = -1;
	/* A file that stays has no records; recovery knows what to do with it. */
	(void)io()->unlink(s->path);
	errno = code;
}

int segment_write_closed(const struct segment *s, int fd, uint64_t end, uint64_t next)
{
	struct segment_head head = { .magic = FILE_MAGIC,
		                     .version = SEGMENT_FORMAT,
		                     .mark = s->mark,
		                     .first = s->first,
		                     .end = end,
		                     .next = next,
		                     .closed = 1 };

	head.crc = head_crc(&head);
	return io_write_all(fd, &head, sizeof head, 0);
}

int segment_head_is_good(const struct segment_head *head)
{
	return head->magic == FILE_MAGIC && head->crc == head_crc(head);
}

int segment_map(struct segment *s)
{
	void *map;
	int fd;

	if (s->map != NULL)
		return 0;
	fd = io()->open(s->path, O_RDONLY, 0);
	if (fd < 0)
		return -1;
	map = mmap(NULL, s->capacity, PROT_READ, MAP_SHARED, fd, 0);
	io_close_keeping_errno(fd);
	if (map == MAP_FAILED)
		return -1;
	s->map = map;
	return 0;
}

static void *page_of(const struct segment *s, uint64_t offset)
{
	return (void *)(uintptr_t)(s->map + offset);
}

int segment_populate(const struct segment *s, uint64_t from, uint64_t to)
{
	if (madvise(page_of(s, from), to - from, MADV_POPULATE_READ) == 0)
		return 0;
	/* A kernel before 5.14 does not know it: then pages are faulted in as with any mapping. */
	return errno == EINVAL ? 0 : -1;
}

void segment_forget(const struct segment *s, uint64_t from, uint64_t to)
{
	(void)madvise(page_of(s, from), to - from, MADV_DONTNEED);
}

uint64_t segment_record_bytes(const struct segment *s)
{
	return __atomic_load_n(&s->size, __ATOMIC_ACQUIRE) - SEGMENT_HEAD_SIZE;
}

void segment_hold(struct segment *s)
{
	__atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
}

void segment_release(void *segment)
{
	struct segment *s = segment;

	CHECK_OBJ(s, SEGMENT_MAGIC);
	if (__atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	if (s->map != NULL)
		munmap(page_of(s, 0), s->capacity);
	if (s->fd >= 0)
		io()->close(s->fd);
	free(s->path);
	s->magic = 0;
	free(s);
}
