/* SPDX-License-Identifier: Apache-2.0 */
/* From parsed fields to the nodes that are matched. */
#include "pattern_internal.h"

#include <outflow/util.h>

#define BLOCK_SIZE 4096
#define PATTERN_MAX 65536u

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char bytes[];
};

void *pattern_alloc(struct pattern *p, size_t n)
{
	struct block *b = p->blocks;
	size_t size;

	n = (n + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (b == NULL || b->size - b->used < n) {
		size = n > BLOCK_SIZE ? n : BLOCK_SIZE;
		b = calloc(1, sizeof *b + size);
		if (b == NULL)
			return NULL;
		b->next = p->blocks;
		b->size = size;
		p->blocks = b;
	}
	b->used += n;
	return b->bytes + b->used - n;
}

static int compare_texts(const void *a, const void *b)
{
	const outflow_str *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return x->len ? memcmp(x->ptr, y->ptr, x->len) : 0;
}

/* Writes "$.a.b" to `to`, which may be NULL, and returns its length. */
static size_t write_path(const struct field *f, char *to)
{
	size_t n = f->parent ? write_path(f->parent, to) : 0;

	if (to != NULL)
		to[n] = f->parent ? '.' : '$';
	if (to != NULL && f->name.len > 0)
		memcpy(to + n + 1, f->name.ptr, f->name.len);
	return n + 1 + f->name.len;
}

static void add_leaf(struct pattern *p, struct field *f)
{
	if (f->n_strings > 1)
		qsort(f->strings, f->n_strings, sizeof *f->strings, compare_texts);
	f->leaf = p->n_leaves;
	p->leaves[p->n_leaves++] = f;
}

static void number_leaves(struct pattern *p, struct field *f)
{
	if (f->is_leaf)
		add_leaf(p, f);
	for (struct field *c = f->children; c != NULL; c = c->next)
		number_leaves(p, c);
}

static void fill(struct node *n, const struct field *f, enum envelope_field container)
{
	*n = (struct node){ .name = f->name.ptr, .length = (uint32_t)f->name.len, .is_leaf = f->is_leaf, .field = f };
	n->envelope = (uint8_t)envelope_member(container, f->name);
}

static bool has_twin(const struct field *parent, const struct field *f)
{
	for (const struct field *c = parent->children; c != NULL; c = c->next)
		if (c->is_leaf != f->is_leaf && compare_texts(&c->name, &f->name) == 0)
			return true;
	return false;
}

/* Lays out the children of nodes[at] behind all nodes laid out so far (*used), and then theirs. */
static void lay_out(struct pattern *p, uint32_t at, uint32_t *used)
{
	const struct field *parent = p->nodes[at].field, *f;
	enum envelope_field container = p->nodes[at].envelope;

	if (container == ENVELOPE_USER_PROPERTIES) /* an array is walked into */
		container = ENVELOPE_USER_PROPERTY;
	p->nodes[at].first = *used;
	for (f = parent->children; f != NULL; f = f->next) {
		bool twins = has_twin(parent, f);

		if (twins && f->is_leaf)
			continue; /* goes with the other one */
		fill(&p->nodes[*used], f, container);
		p->nodes[*used].twin = twins;
		++*used;
		if (!twins)
			continue;
		for (const struct field *c = parent->children; c != NULL; c = c->next)
			if (c->is_leaf && compare_texts(&c->name, &f->name) == 0)
				fill(&p->nodes[(*used)++], c, container);
	}
	p->nodes[at].n = *used - p->nodes[at].first;
	for (uint32_t i = p->nodes[at].first, end = *used; i < end; i++) {
		p->nodes[at].shapes |= pattern_shape(p->nodes[i].field->name);
		if (p->nodes[i].is_leaf)
			continue;
		p->nodes[at].may_be_dotted = true;
		lay_out(p, i, used);
	}
}

static outflow_status build(struct pattern *p, outflow_error *err)
{
	uint32_t used = 1;

	p->nodes = pattern_alloc(p, (p->n_fields + 1) * sizeof *p->nodes);
	p->slots = pattern_alloc(p, (p->n_fields + 1) * sizeof *p->slots);
	p->leaves = pattern_alloc(p, (p->n_fields + 1) * sizeof *p->leaves);
	if (p->nodes == NULL || p->slots == NULL || p->leaves == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	number_leaves(p, &p->root);
	for (size_t i = 0; i < p->n_leaves; i++) {
		char *path = pattern_alloc(p, write_path(p->leaves[i], NULL));

		if (path == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
		p->leaves[i]->path = (outflow_str){ path, write_path(p->leaves[i], path) };
	}
	p->nodes[0] = (struct node){ .name = "", .envelope = ENVELOPE_EVENT, .field = &p->root };
	lay_out(p, 0, &used);
	return OUTFLOW_OK;
}

static outflow_status compile(struct pattern *p, outflow_str text, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status;

	if (text.len > PATTERN_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "pattern.long: %zu bytes are more than %u", text.len,
		                    PATTERN_MAX);
	p->text = malloc(text.len + 2);
	if (p->text == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	if (text.len == 0)
		text = (outflow_str){ "{}", 2 };
	memcpy(p->text, text.ptr, text.len);
	text.ptr = p->text;
	status = outflow_json_parse(text, &p->json, &cause);
	if (status != OUTFLOW_OK)
		return outflow_fail_native(err, status, "pattern", cause.native, "pattern.json: %s", cause.msg);
	status = pattern_parse(p, err);
	return status == OUTFLOW_OK ? build(p, err) : status;
}

outflow_status pattern_compile(outflow_str text, struct pattern **result, outflow_error *err)
{
	struct pattern *p = calloc(1, sizeof *p);
	outflow_status status;

	if (p == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	status = compile(p, text, err);
	if (status != OUTFLOW_OK)
		pattern_free(&p);
	else
		*result = p;
	return status;
}

void pattern_free(struct pattern **pp)
{
	struct pattern *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	while (p->blocks != NULL) {
		struct block *b = p->blocks;

		p->blocks = b->next;
		free(b);
	}
	outflow_json_free(&p->json);
	free(p->text);
	free(p);
}

bool pattern_leaf(const struct pattern *p, size_t i, outflow_str *path, outflow_str *text)
{
	if (i >= p->n_leaves)
		return false;
	*path = p->leaves[i]->path;
	*text = p->leaves[i]->source;
	return true;
}

const char *pattern_warning(const struct pattern *p)
{
	return p->warning[0] != '\0' ? p->warning : NULL;
}
