/* SPDX-License-Identifier: Apache-2.0 */
#include "host/record/streams.h"

#include <stdlib.h>
#include <string.h>

struct stream {
	char *json;
	size_t json_length;
	uint64_t next;
	uint64_t emitted,
		passed; /* the ledger's numbers, plus one, of its last record and of the one that next is of */
	uint64_t n_emitted, n_passed, n_told; /* records */
	outflow_bytes pos_ext;                /* in pos_ext_buffer; ptr NULL: the position has none */
	void *pos_ext_buffer;
	size_t pos_ext_room;
	uint8_t open, blocked, moved;
};

static struct stream *find(const struct streams *s, uint32_t handle)
{
	return handle < s->n && s->list[handle].open ? &s->list[handle] : NULL;
}

/* from NULL: the new position has none. Out of memory keeps the old pair: a position may lag, it may not lie. */
static int set_pos_ext(struct stream *t, const outflow_bytes *from)
{
	void *room = t->pos_ext_buffer;

	if (from == NULL) {
		t->pos_ext = (outflow_bytes){ NULL, 0 };
		return 0;
	}
	if (from->len > t->pos_ext_room) {
		room = realloc(room, from->len);
		if (room == NULL)
			return -1;
		t->pos_ext_buffer = room;
		t->pos_ext_room = from->len;
	}
	if (from->len > 0)
		memcpy(room, from->ptr, from->len);
	t->pos_ext = (outflow_bytes){ room, from->len };
	return 0;
}

static int is_open_under(const struct streams *s, outflow_str json)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->list[i].open && s->list[i].json_length == json.len &&
		    memcmp(s->list[i].json, json.ptr, json.len) == 0)
			return 1;
	return 0;
}

static int make_room(struct streams *s)
{
	uint32_t room = s->room * 2 + 4;
	struct stream *list;

	if (s->n < s->room)
		return 0;
	list = realloc(s->list, room * sizeof *list);
	if (list == NULL)
		return -1;
	s->list = list;
	s->room = room;
	return 0;
}

outflow_status streams_open(struct streams *s, outflow_str json, uint64_t next, outflow_bytes pos_ext, uint32_t *handle,
                            outflow_resume *resume)
{
	struct stream *t;
	char *copy;

	if (is_open_under(s, json))
		return OUTFLOW_E_CONFIG;
	copy = malloc(json.len + 1);
	if (copy == NULL || make_room(s) != 0) {
		free(copy);
		return OUTFLOW_E_NOMEM;
	}
	memcpy(copy, json.ptr, json.len);
	copy[json.len] = '\0';
	t = &s->list[s->n];
	*t = (struct stream){ .json = copy, .json_length = json.len, .next = next, .open = 1 };
	if (pos_ext.ptr != NULL && set_pos_ext(t, &pos_ext) != 0) {
		free(copy);
		return OUTFLOW_E_NOMEM;
	}
	*handle = s->n++;
	*resume = (outflow_resume){ .next = next, .pos_ext = t->pos_ext };
	return OUTFLOW_OK;
}

static void clear(struct stream *t)
{
	free(t->json);
	free(t->pos_ext_buffer);
	*t = (struct stream){ 0 };
}

outflow_status streams_close(struct streams *s, uint32_t handle)
{
	struct stream *t = find(s, handle);

	if (t == NULL)
		return OUTFLOW_E_RECORD;
	/* Handles are not used again, so a source that goes through many streams leaves many behind. */
	clear(t);
	return OUTFLOW_OK;
}

outflow_status streams_position(const struct streams *s, uint32_t handle, uint64_t *next)
{
	const struct stream *t = find(s, handle);

	if (t == NULL)
		return OUTFLOW_E_RECORD;
	*next = t->next;
	return OUTFLOW_OK;
}

outflow_str streams_name(const struct streams *s, uint32_t handle)
{
	const struct stream *t = find(s, handle);

	return t ? (outflow_str){ t->json, t->json_length } : (outflow_str){ NULL, 0 };
}

uint64_t streams_passed(const struct streams *s, uint32_t handle)
{
	const struct stream *t = find(s, handle);

	return t ? t->n_passed : 0;
}

void streams_told(struct streams *s, uint32_t handle, uint64_t passed)
{
	struct stream *t = find(s, handle);

	if (t != NULL)
		t->n_told = passed;
}

uint64_t streams_untold(const struct streams *s)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < s->n; i++)
		if (s->list[i].open)
			n += s->list[i].n_emitted - s->list[i].n_told;
	return n;
}

int streams_emit(struct streams *s, uint32_t handle, uint64_t number)
{
	struct stream *t = find(s, handle);

	if (t == NULL)
		return -1;
	t->emitted = number + 1;
	t->n_emitted++;
	return 0;
}

uint32_t streams_begin_advance(struct streams *s)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < s->n; i++) {
		s->list[i].blocked = 0;
		waiting += s->list[i].passed < s->list[i].emitted;
	}
	return waiting;
}

uint32_t streams_move(struct streams *s, uint32_t handle, uint64_t number, uint64_t next, const outflow_bytes *pos_ext)
{
	struct stream *t = find(s, handle);

	/* What an earlier walk has passed would only take the position back. */
	if (t == NULL || t->blocked || number < t->passed)
		return 0;
	if (set_pos_ext(t, pos_ext) != 0)
		return 0;
	t->next = next;
	t->passed = number + 1;
	t->n_passed++;
	t->moved = 1;
	return t->passed == t->emitted;
}

uint32_t streams_block(struct streams *s, uint32_t handle)
{
	struct stream *t = find(s, handle);

	if (t == NULL || t->blocked)
		return 0;
	t->blocked = 1;
	return 1;
}

void streams_visit_moved(struct streams *s,
                         void (*visit)(void *ctx, uint32_t stream, outflow_str json, uint64_t next,
                                       const outflow_bytes *pos_ext),
                         void *ctx)
{
	for (uint32_t i = 0; i < s->n; i++) {
		struct stream *t = &s->list[i];

		if (!t->moved)
			continue;
		t->moved = 0;
		visit(ctx, i, (outflow_str){ t->json, t->json_length }, t->next, t->pos_ext.ptr ? &t->pos_ext : NULL);
	}
}

void streams_clear(struct streams *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		clear(&s->list[i]);
	free(s->list);
	*s = (struct streams){ 0 };
}
