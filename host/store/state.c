/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/state.h"

#include "host/base/check.h"
#include "host/store/log_file.h"

#include <outflow/util.h>

#include <pthread.h>
#include <stdlib.h>

#define STATE_MAGIC 0x73746174u
#define KEY_MAX 1024u
#define VALUE_MAX 65536u

struct state_store {
	unsigned magic;
	pthread_mutex_t lock;
	struct log_file *file;
};

outflow_status state_store_open(const char *path, struct state_store **result, outflow_error *err)
{
	struct state_store *s = calloc(1, sizeof *s);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	status = log_file_open(path, &s->file, err);
	if (status != OUTFLOW_OK) {
		free(s);
		return status;
	}
	s->magic = STATE_MAGIC;
	pthread_mutex_init(&s->lock, NULL);
	*result = s;
	return OUTFLOW_OK;
}

/* pipeline NUL stage NUL task NUL key, in a buffer of the caller; the key may hold any bytes. len 0: too long. */
static outflow_bytes make_key(const struct state_owner *owner, outflow_str key, char *buffer, size_t size)
{
	int n = snprintf(buffer, size, "%s%c%s%c%u%c", owner->pipeline, 0, owner->stage, 0, owner->task, 0);

	if (key.len > KEY_MAX || n < 0 || (size_t)n + key.len > size)
		return (outflow_bytes){ buffer, 0 };
	if (key.len > 0)
		memcpy(buffer + n, key.ptr, key.len);
	return (outflow_bytes){ buffer, (size_t)n + key.len };
}

outflow_status state_get(struct state_store *s, const struct state_owner *owner, outflow_str key, outflow_bytes *value)
{
	char buffer[2 * KEY_MAX];
	outflow_bytes full = make_key(owner, key, buffer, sizeof buffer), found;
	outflow_status status = OUTFLOW_AGAIN;
	char *copy;

	CHECK_OBJ(s, STATE_MAGIC);
	if (full.len == 0)
		return OUTFLOW_AGAIN;
	pthread_mutex_lock(&s->lock);
	found = log_file_get(s->file, full);
	if (found.ptr != NULL) {
		copy = malloc(found.len + 1);
		status = copy ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
		if (copy != NULL) {
			memcpy(copy, found.ptr, found.len);
			*value = (outflow_bytes){ copy, found.len };
		}
	}
	pthread_mutex_unlock(&s->lock);
	return status;
}

static outflow_status change(struct state_store *s, const struct state_owner *owner, outflow_str key,
                             outflow_bytes value, outflow_error *err)
{
	char buffer[2 * KEY_MAX];
	outflow_bytes full = make_key(owner, key, buffer, sizeof buffer);
	outflow_status status;

	CHECK_OBJ(s, STATE_MAGIC);
	if (full.len == 0 || value.len > VALUE_MAX)
		return outflow_fail(err, OUTFLOW_E_RECORD, "a key has at most %u bytes, a value %u", KEY_MAX,
		                    VALUE_MAX);
	pthread_mutex_lock(&s->lock);
	status = log_file_put_durably(s->file, full, value, err);
	pthread_mutex_unlock(&s->lock);
	return status;
}

outflow_status state_put(struct state_store *s, const struct state_owner *owner, outflow_str key, outflow_bytes value,
                         outflow_error *err)
{
	if (value.ptr == NULL)
		value = (outflow_bytes){ "", 0 };
	return change(s, owner, key, value, err);
}

outflow_status state_remove(struct state_store *s, const struct state_owner *owner, outflow_str key, outflow_error *err)
{
	return change(s, owner, key, (outflow_bytes){ NULL, 0 }, err);
}

/* One key of a pipeline, copied; a log may not change while it is walked. */
struct search {
	const char *pipeline;
	char *key;
	size_t length;
	int out_of_memory;
};

static void find_one(void *ctx, outflow_bytes key, outflow_bytes value)
{
	struct search *search = ctx;
	size_t n = strlen(search->pipeline) + 1;

	(void)value;
	if (search->key != NULL || key.len < n || memcmp(key.ptr, search->pipeline, n) != 0)
		return;
	search->key = malloc(key.len);
	search->out_of_memory = search->key == NULL;
	if (search->key != NULL)
		memcpy(search->key, key.ptr, key.len);
	search->length = key.len;
}

outflow_status state_forget(struct state_store *s, const char *pipeline, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	struct search search;

	CHECK_OBJ(s, STATE_MAGIC);
	pthread_mutex_lock(&s->lock);
	do {
		search = (struct search){ .pipeline = pipeline };
		log_file_each(s->file, find_one, &search);
		if (search.out_of_memory)
			status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory to forget the state of %s", pipeline);
		if (search.key != NULL)
			status = log_file_put_durably(s->file, (outflow_bytes){ search.key, search.length },
			                              (outflow_bytes){ NULL, 0 }, err);
		free(search.key);
	} while (status == OUTFLOW_OK && search.key != NULL);
	pthread_mutex_unlock(&s->lock);
	return status;
}

void state_store_close(struct state_store **ps)
{
	struct state_store *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	CHECK_OBJ(s, STATE_MAGIC);
	log_file_close(&s->file);
	pthread_mutex_destroy(&s->lock);
	s->magic = 0;
	free(s);
}
