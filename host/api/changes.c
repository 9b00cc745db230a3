/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/changes.h"

#include "host/base/check.h"

#include <pthread.h>

#define CHANGES_MAGIC 0x63686e67u

struct watcher {
	changes_watcher *call;
	void *ctx;
};

struct changes {
	unsigned magic;
	pthread_mutex_t lock;
	struct watcher *list;
	size_t n, room;
};

struct changes *changes_new(void)
{
	struct changes *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	if (pthread_mutex_init(&c->lock, NULL) != 0) {
		free(c);
		return NULL;
	}
	c->magic = CHANGES_MAGIC;
	return c;
}

void changes_free(struct changes **pc)
{
	struct changes *c = *pc;

	*pc = NULL;
	if (c == NULL)
		return;
	CHECK_OBJ(c, CHANGES_MAGIC);
	c->magic = 0;
	pthread_mutex_destroy(&c->lock);
	free(c->list);
	free(c);
}

outflow_status changes_watch(struct changes *c, changes_watcher *call, void *ctx)
{
	outflow_status status = OUTFLOW_OK;

	CHECK_OBJ(c, CHANGES_MAGIC);
	pthread_mutex_lock(&c->lock);
	if (c->n == c->room) {
		struct watcher *list = realloc(c->list, (c->room * 2 + 4) * sizeof *list);

		if (list != NULL) {
			c->list = list;
			c->room = c->room * 2 + 4;
		} else {
			status = OUTFLOW_E_NOMEM;
		}
	}
	if (status == OUTFLOW_OK)
		c->list[c->n++] = (struct watcher){ call, ctx };
	pthread_mutex_unlock(&c->lock);
	return status;
}

void changes_unwatch(struct changes *c, changes_watcher *call, void *ctx)
{
	CHECK_OBJ(c, CHANGES_MAGIC);
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].call == call && c->list[i].ctx == ctx) {
			c->list[i] = c->list[--c->n];
			break;
		}
	pthread_mutex_unlock(&c->lock);
}

void changes_publish(struct changes *c, const char *pipeline)
{
	CHECK_OBJ(c, CHANGES_MAGIC);
	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < c->n; i++)
		c->list[i].call(c->list[i].ctx, pipeline);
	pthread_mutex_unlock(&c->lock);
}
