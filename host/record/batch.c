/* SPDX-License-Identifier: Apache-2.0 */
#include "host/record/batch.h"

#include "host/base/check.h"

#include <string.h>

/* Small at first, then twice the last: a poll that brought one record should cost little, and under light load every poll
 * does. */
#define FIRST_CHUNK 400u
#define LARGEST_CHUNK 60000u
#define FEWEST_RECORDS 3u

struct chunk {
	struct chunk *next;
	size_t size;
};

struct attachment {
	struct attachment *next;
	void *object;
	void (*release)(void *object);
};

/* Takes a new chunk of at least n usable bytes and points *cur and *end into it. */
static int add_chunk(struct family_memory *m, size_t n, char **cur, char **end)
{
	size_t want = m->chunks == NULL ? FIRST_CHUNK : 2 * m->chunks->size;
	struct chunk *c;
	size_t room;

	if (n > FAMILY_BYTES_MAX || m->bytes > FAMILY_BYTES_MAX - n)
		return -1;
	if (want > LARGEST_CHUNK)
		want = LARGEST_CHUNK;
	if (want < n)
		want = n;
	c = pool_get(m->pool, sizeof *c + want, &room);
	if (c == NULL)
		return -1;
	c->next = m->chunks;
	c->size = room - sizeof *c;
	m->chunks = c;
	m->bytes += c->size;
	*cur = (char *)(c + 1);
	*end = *cur + c->size;
	return 0;
}

static void *take(char **cur, char *end, size_t n, size_t align)
{
	uintptr_t p = ((uintptr_t)*cur + (align - 1)) & ~(uintptr_t)(align - 1);

	if (*cur == NULL || p > (uintptr_t)end || n > (uintptr_t)end - p)
		return NULL;
	*cur = (char *)(p + n);
	return (void *)p;
}

void *family_alloc(struct family_memory *m, size_t n, size_t align)
{
	void *p = take(&m->cur, m->end, n, align);

	if (p == NULL && n <= FAMILY_BYTES_MAX && add_chunk(m, n + align, &m->cur, &m->end) == 0)
		p = take(&m->cur, m->end, n, align);
	return p;
}

static void *batch_alloc(outflow_batch *plugin, size_t n, size_t align)
{
	struct batch *b = plugin->host;
	void *p = NULL;

	if (!b->failed && n <= FAMILY_BYTES_MAX && add_chunk(b->memory, n + align, &plugin->cur, &plugin->end) == 0)
		p = take(&plugin->cur, plugin->end, n, align);
	if (p == NULL) {
		b->failed = 1;
		plugin->cur = plugin->end = NULL;
	}
	return p;
}

/* Grows by moving, which is why a pointer that outflow_emit gave is good until the next one only. */
static outflow_status batch_reserve(outflow_batch *plugin, uint32_t min_cap)
{
	struct batch *b = plugin->host;
	uint32_t cap = plugin->cap > UINT32_MAX / 2 ? UINT32_MAX : plugin->cap * 2;
	outflow_record *recs;
	size_t room;

	if (b->failed)
		return OUTFLOW_E_NOMEM;
	if (min_cap > b->limit)
		return OUTFLOW_AGAIN;
	if (cap < min_cap)
		cap = min_cap;
	if (cap < FEWEST_RECORDS)
		cap = FEWEST_RECORDS;
	if (cap > b->limit)
		cap = b->limit;
	recs = pool_get(b->memory->pool, cap * sizeof *recs, &room);
	if (recs == NULL) {
		b->failed = 1;
		return OUTFLOW_E_NOMEM;
	}
	if (plugin->n > 0)
		memcpy(recs, plugin->recs, plugin->n * sizeof *recs);
	pool_put(b->memory->pool, plugin->recs);
	plugin->recs = recs;
	room /= sizeof *recs;
	plugin->cap = room < b->limit ? (uint32_t)room : b->limit;
	return OUTFLOW_OK;
}

static outflow_status batch_attach(outflow_batch *plugin, void *object, void (*release)(void *object))
{
	struct family_memory *m = ((struct batch *)plugin->host)->memory;
	struct attachment *a = take(&plugin->cur, plugin->end, sizeof *a, _Alignof(struct attachment));

	if (a == NULL)
		a = batch_alloc(plugin, sizeof *a, _Alignof(struct attachment));
	if (a == NULL)
		return OUTFLOW_E_NOMEM;
	a->object = object;
	a->release = release;
	a->next = m->attachments;
	m->attachments = a;
	return OUTFLOW_OK;
}

const outflow_batch_api batch_api = {
	.size = sizeof batch_api,
	.alloc = batch_alloc,
	.reserve = batch_reserve,
	.attach = batch_attach,
};

outflow_status batch_begin(struct batch *b, struct family_memory *memory, uint32_t expect, uint32_t limit)
{
	*b = (struct batch){ .memory = memory, .limit = limit };
	b->plugin.host = b;
	b->plugin.cur = memory->cur;
	b->plugin.end = memory->end;
	memory->cur = memory->end = NULL;
	if (expect > limit)
		expect = limit;
	return expect > 0 ? batch_reserve(&b->plugin, expect) : OUTFLOW_OK;
}

void batch_end(struct batch *b)
{
	b->memory->cur = b->plugin.cur;
	b->memory->end = b->plugin.end;
	b->plugin.cur = b->plugin.end = NULL;
}

void batch_drop_records(struct family_memory *memory, outflow_record *records)
{
	pool_put(memory->pool, records);
}

void family_memory_release(struct family_memory *m)
{
	/* First these: their list lives in the chunks. */
	for (struct attachment *a = m->attachments; a != NULL; a = a->next)
		a->release(a->object);
	m->attachments = NULL;
	while (m->chunks != NULL) {
		struct chunk *next = m->chunks->next;

		pool_put(m->pool, m->chunks);
		m->chunks = next;
	}
	m->cur = m->end = NULL;
	m->bytes = 0;
}
