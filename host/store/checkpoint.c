/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/checkpoint.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/crash_point.h"
#include "host/base/io.h"
#include "host/base/log.h"
#include "host/store/log_file.h"

#include <outflow/util.h>

#include <errno.h>

#define CHECKPOINT_MAGIC 0x63686b70u
#define LOG_EVERY_NS (10 * CLOCK_S)

/* Lock order: sync_lock, lock. Who puts takes only the second, and no disk is waited for under it. */
struct checkpoint_store {
	unsigned magic;
	pthread_mutex_t sync_lock; /* one sync or copy at a time: nothing becomes durable while a copy is made */
	pthread_mutex_t lock;
	pthread_cond_t cond; /* a put after a quiet time, or the end */
	struct log_file *file;
	uint64_t generation; /* of the last put */
	uint64_t durable;
	int64_t interval_ns;
	int ending;
	pthread_t thread;
	int thread_started;
};

/* Writes the file anew when that is due. [under sync_lock] */
static void make_copy(struct checkpoint_store *s)
{
	struct log_copy *copy;
	int written;

	pthread_mutex_lock(&s->lock);
	copy = log_copy_begin(s->file);
	pthread_mutex_unlock(&s->lock);
	if (copy == NULL)
		return;
	written = log_copy_write(copy);
	pthread_mutex_lock(&s->lock);
	log_copy_finish(s->file, &copy, written);
	pthread_mutex_unlock(&s->lock);
}

/* Syncs what was put until now, without the lock: a slow disk must not stop a task. -1 and errno. */
static int sync_now(struct checkpoint_store *s)
{
	uint64_t generation;
	int fd, rc, code;

	pthread_mutex_lock(&s->sync_lock);
	make_copy(s);
	pthread_mutex_lock(&s->lock);
	generation = s->generation;
	fd = log_file_duplicate(s->file);
	pthread_mutex_unlock(&s->lock);
	rc = fd >= 0 ? log_file_sync_duplicate(s->file, fd) : -1;
	code = errno;
	pthread_mutex_lock(&s->lock);
	if (rc == 0 && s->durable < generation)
		s->durable = generation;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->sync_lock);
	errno = code;
	return rc;
}

static void *sync_main(void *arg)
{
	struct checkpoint_store *s = arg;
	int64_t next_line_ns = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->ending) {
		int64_t until = clock_mono_ns() + s->interval_ns;

		if (s->durable == s->generation) {
			clock_wait(&s->cond, &s->lock, CLOCK_NEVER);
			continue;
		}
		while (!s->ending && clock_mono_ns() < until)
			clock_wait(&s->cond, &s->lock, until);
		pthread_mutex_unlock(&s->lock);
		if (sync_now(s) != 0 && clock_mono_ns() >= next_line_ns) {
			log_write(&log_store_place, OUTFLOW_LOG_ERROR,
			          "checkpoints cannot be synced, will be tried again: %s", strerror(errno));
			next_line_ns = clock_mono_ns() + LOG_EVERY_NS;
		}
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

outflow_status checkpoint_store_open(const char *path, int64_t sync_interval_ns, struct checkpoint_store **result,
                                     outflow_error *err)
{
	struct checkpoint_store *s = calloc(1, sizeof *s);
	outflow_status status;
	int rc;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	s->magic = CHECKPOINT_MAGIC;
	s->interval_ns = sync_interval_ns;
	status = log_file_open(path, &s->file, err);
	if (status != OUTFLOW_OK) {
		free(s);
		return status;
	}
	pthread_mutex_init(&s->sync_lock, NULL);
	pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->cond);
	rc = pthread_create(&s->thread, NULL, sync_main, s);
	s->thread_started = rc == 0;
	if (rc != 0) {
		checkpoint_store_close(&s);
		return outflow_fail_errno(err, OUTFLOW_E_TASK, rc, "cannot start a thread");
	}
	*result = s;
	return OUTFLOW_OK;
}

/* pipeline, NUL, stream; malloc'd. */
static outflow_bytes make_key(const char *pipeline, outflow_str stream_json)
{
	size_t n = strlen(pipeline) + 1;
	char *key = malloc(n + stream_json.len + 1);

	if (key == NULL)
		return (outflow_bytes){ NULL, 0 };
	memcpy(key, pipeline, n);
	memcpy(key + n, stream_json.ptr, stream_json.len);
	return (outflow_bytes){ key, n + stream_json.len };
}

static void free_key(outflow_bytes key)
{
	free((void *)(uintptr_t)key.ptr);
}

/* A value: next (u64), then pos_ext, with a byte before it that says whether there is one. */
static int decode(outflow_bytes value, struct checkpoint *result)
{
	const char *bytes = value.ptr;

	if (value.len < sizeof result->next + 1)
		return -1;
	memcpy(&result->next, bytes, sizeof result->next);
	result->pos_ext = (outflow_bytes){ NULL, 0 };
	if (bytes[sizeof result->next] != 0)
		result->pos_ext =
			(outflow_bytes){ bytes + sizeof result->next + 1, value.len - sizeof result->next - 1 };
	return 0;
}

outflow_status checkpoint_get(struct checkpoint_store *s, const char *pipeline, outflow_str stream_json,
                              struct checkpoint *result)
{
	outflow_bytes key, value;
	struct checkpoint found;
	outflow_status status = OUTFLOW_AGAIN;
	char *copy;

	if (s == NULL)
		return OUTFLOW_AGAIN;
	CHECK_OBJ(s, CHECKPOINT_MAGIC);
	key = make_key(pipeline, stream_json);
	if (key.ptr == NULL)
		return OUTFLOW_E_NOMEM;
	pthread_mutex_lock(&s->lock);
	value = log_file_get(s->file, key);
	if (value.ptr != NULL && decode(value, &found) == 0) {
		status = OUTFLOW_OK;
		if (found.pos_ext.ptr != NULL) {
			copy = malloc(found.pos_ext.len + 1);
			if (copy != NULL)
				memcpy(copy, found.pos_ext.ptr, found.pos_ext.len);
			found.pos_ext.ptr = copy;
			status = copy ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
		}
	}
	pthread_mutex_unlock(&s->lock);
	free_key(key);
	if (status == OUTFLOW_OK)
		*result = found;
	return status;
}

outflow_status checkpoint_put(struct checkpoint_store *s, const char *pipeline, outflow_str stream_json,
                              const struct checkpoint *position, uint64_t *generation, outflow_error *err)
{
	outflow_bytes key = make_key(pipeline, stream_json);
	size_t head = sizeof position->next + 1, n = head + position->pos_ext.len;
	char *value = malloc(n);
	outflow_status status;

	CHECK_OBJ(s, CHECKPOINT_MAGIC);
	if (key.ptr == NULL || value == NULL) {
		free_key(key);
		free(value);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a checkpoint");
	}
	memcpy(value, &position->next, sizeof position->next);
	value[head - 1] = position->pos_ext.ptr != NULL;
	if (position->pos_ext.len > 0)
		memcpy(value + head, position->pos_ext.ptr, position->pos_ext.len);
	CRASH_POINT("checkpoint.before_store");
	pthread_mutex_lock(&s->lock);
	status = log_file_put(s->file, key, (outflow_bytes){ value, n }, err);
	if (status == OUTFLOW_OK) {
		if (s->durable == s->generation)
			pthread_cond_signal(&s->cond);
		*generation = ++s->generation;
	}
	pthread_mutex_unlock(&s->lock);
	CRASH_POINT("checkpoint.after_store");
	free_key(key);
	free(value);
	return status;
}

outflow_status checkpoint_forget(struct checkpoint_store *s, const char *pipeline, outflow_str stream_json,
                                 outflow_error *err)
{
	outflow_bytes key = make_key(pipeline, stream_json), none = { NULL, 0 };
	outflow_status status;

	CHECK_OBJ(s, CHECKPOINT_MAGIC);
	if (key.ptr == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a checkpoint");
	pthread_mutex_lock(&s->lock);
	status = log_file_put(s->file, key, none, err);
	if (status == OUTFLOW_OK) {
		if (s->durable == s->generation)
			pthread_cond_signal(&s->cond);
		s->generation++;
	}
	pthread_mutex_unlock(&s->lock);
	free_key(key);
	return status;
}

uint64_t checkpoint_durable(struct checkpoint_store *s)
{
	uint64_t durable;

	if (s == NULL)
		return 0;
	pthread_mutex_lock(&s->lock);
	durable = s->durable;
	pthread_mutex_unlock(&s->lock);
	return durable;
}

outflow_status checkpoint_sync(struct checkpoint_store *s, outflow_error *err)
{
	CHECK_OBJ(s, CHECKPOINT_MAGIC);
	if (sync_now(s) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_RETRY, errno, "checkpoints cannot be synced");
	return OUTFLOW_OK;
}

struct visit {
	const char *pipeline;
	void (*visit)(void *ctx, const char *pipeline, outflow_str stream_json, const struct checkpoint *position);
	void *ctx;
};

static void visit_entry(void *ctx, outflow_bytes key, outflow_bytes value)
{
	const struct visit *v = ctx;
	const char *pipeline = key.ptr;
	size_t n = strnlen(pipeline, key.len);
	struct checkpoint position;

	if (n < key.len && decode(value, &position) == 0 && (v->pipeline == NULL || strcmp(v->pipeline, pipeline) == 0))
		v->visit(v->ctx, pipeline, (outflow_str){ pipeline + n + 1, key.len - n - 1 }, &position);
}

void checkpoint_each(struct checkpoint_store *s, const char *pipeline,
                     void (*visit)(void *ctx, const char *pipeline, outflow_str stream_json,
                                   const struct checkpoint *position),
                     void *ctx)
{
	struct visit v = { pipeline, visit, ctx };

	pthread_mutex_lock(&s->lock);
	log_file_each(s->file, visit_entry, &v);
	pthread_mutex_unlock(&s->lock);
}

void checkpoint_store_close(struct checkpoint_store **ps)
{
	struct checkpoint_store *s = *ps;
	outflow_error err = { .size = sizeof err };

	*ps = NULL;
	if (s == NULL)
		return;
	CHECK_OBJ(s, CHECKPOINT_MAGIC);
	pthread_mutex_lock(&s->lock);
	s->ending = 1;
	pthread_cond_signal(&s->cond);
	pthread_mutex_unlock(&s->lock);
	if (s->thread_started)
		pthread_join(s->thread, NULL);
	if (s->durable != s->generation && log_file_sync(s->file, &err) != OUTFLOW_OK)
		log_write(&log_store_place, OUTFLOW_LOG_ERROR, "%s", err.msg);
	log_file_close(&s->file);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->sync_lock);
	s->magic = 0;
	free(s);
}
