/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/stream.h"

#include "host/base/check.h"
#include "host/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_MAGIC 0x7374726du
#define WAITING_MAX ((size_t)256 << 10)
#define HEARTBEAT_NS (15 * CLOCK_S)

struct stream {
	unsigned magic;
	int references; /* atomic */
	pthread_mutex_t lock;
	const char *heartbeat;
	char *waiting;
	size_t n, room, taken; /* of waiting: filled, allocated, sent */
	int ended;
	int paused;
	int64_t last_ns;       /* something was appended */
	int64_t idle_since_ns; /* atomic: since when the client has taken nothing of what waits; 0: nothing waits */
	struct wakeup *drained;
	struct stream_reader reader;
};

struct stream *stream_new(const char *heartbeat)
{
	struct stream *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return NULL;
	}
	s->magic = STREAM_MAGIC;
	s->references = 1;
	s->heartbeat = heartbeat;
	s->last_ns = clock_mono_ns();
	return s;
}

struct stream *stream_keep(struct stream *s)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	__atomic_add_fetch(&s->references, 1, __ATOMIC_RELAXED);
	return s;
}

void stream_release(struct stream **ps)
{
	struct stream *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	CHECK_OBJ(s, STREAM_MAGIC);
	if (__atomic_sub_fetch(&s->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	s->magic = 0;
	pthread_mutex_destroy(&s->lock);
	free(s->waiting);
	free(s);
}

/* [locked] */
static void wake(struct stream *s)
{
	if (!s->paused)
		return;
	s->paused = 0;
	s->reader.wake(s->reader.ctx);
}

static void note_progress(struct stream *s)
{
	__atomic_store_n(&s->idle_since_ns, s->n > s->taken ? clock_mono_ns() : 0, __ATOMIC_RELAXED);
}

/* Room for n more bytes. [locked] */
static int make_room(struct stream *s, size_t n)
{
	size_t room = s->room;
	char *waiting;

	if (s->taken > 0)
		memmove(s->waiting, s->waiting + s->taken, s->n - s->taken);
	s->n -= s->taken;
	s->taken = 0;
	if (s->n + n > WAITING_MAX)
		return -1;
	while (room < s->n + n)
		room = room == 0 ? 1024 : room * 2;
	waiting = room == s->room ? s->waiting : realloc(s->waiting, room);
	if (waiting == NULL)
		return -1;
	s->waiting = waiting;
	s->room = room;
	return 0;
}

/* [locked] */
static int append(struct stream *s, const char *text, size_t n)
{
	if (s->ended)
		return -1;
	if (n == 0)
		return 0;
	if (s->n + n > s->room && make_room(s, n) != 0) {
		s->ended = 1;
		wake(s);
		return -1;
	}
	memcpy(s->waiting + s->n, text, n);
	s->n += n;
	s->last_ns = clock_mono_ns();
	if (__atomic_load_n(&s->idle_since_ns, __ATOMIC_RELAXED) == 0)
		note_progress(s);
	wake(s);
	return 0;
}

int stream_send(struct stream *s, const char *text, size_t n)
{
	int result;

	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	result = append(s, text, n);
	pthread_mutex_unlock(&s->lock);
	return result;
}

void stream_end(struct stream *s)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	s->ended = 1;
	wake(s);
	pthread_mutex_unlock(&s->lock);
}

int stream_ended(struct stream *s)
{
	int ended;

	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	ended = s->ended;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

size_t stream_waiting(struct stream *s)
{
	size_t n;

	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	n = s->n - s->taken;
	pthread_mutex_unlock(&s->lock);
	return n;
}

void stream_tell(struct stream *s, struct wakeup *drained)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	s->drained = drained;
	pthread_mutex_unlock(&s->lock);
}

void stream_attach(struct stream *s, const struct stream_reader *reader)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	s->reader = *reader;
	pthread_mutex_unlock(&s->lock);
}

void stream_detach(struct stream *s)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	s->ended = 1;
	s->paused = 0;
	if (s->drained != NULL)
		wakeup_signal(s->drained);
	pthread_mutex_unlock(&s->lock);
}

ssize_t stream_take(struct stream *s, char *to, size_t n)
{
	size_t there;

	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	there = s->n - s->taken;
	if (n > there)
		n = there;
	if (n > 0)
		memcpy(to, s->waiting + s->taken, n);
	s->taken += n;
	if (n > 0)
		note_progress(s);
	if (n > 0 && n == there && s->drained != NULL)
		wakeup_signal(s->drained);
	if (there == 0 && !s->ended) {
		s->paused = 1;
		s->reader.pause(s->reader.ctx);
	}
	there += (size_t)!s->ended;
	pthread_mutex_unlock(&s->lock);
	return there == 0 ? -1 : (ssize_t)n;
}

int64_t stream_idle_since(const struct stream *s)
{
	return __atomic_load_n(&s->idle_since_ns, __ATOMIC_RELAXED);
}

void stream_tick(struct stream *s, int64_t now_ns)
{
	CHECK_OBJ(s, STREAM_MAGIC);
	pthread_mutex_lock(&s->lock);
	if (s->heartbeat != NULL && now_ns - s->last_ns >= HEARTBEAT_NS)
		(void)append(s, s->heartbeat, strlen(s->heartbeat));
	pthread_mutex_unlock(&s->lock);
}
