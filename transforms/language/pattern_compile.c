/* SPDX-License-Identifier: Apache-2.0 */
/* From parsed rules to the nodes that are matched. */
#include "pattern_internal.h"

#include <outflow/util.h>

#define PATTERN_MAX 65536u
#define NODES_MAX 262144u /* of all rules */

void *pattern_alloc(struct pattern *p, size_t n)
{
	return blocks_take(&p->blocks, n);
}

const char *const pattern_dialects[] = { "union", "alibaba", "aws", NULL };

enum pattern_dialect pattern_dialect_of(outflow_str name)
{
	for (int i = 0; pattern_dialects[i] != NULL; i++)
		if (outflow_equal(name, pattern_dialects[i]))
			return (enum pattern_dialect)i;
	return PATTERN_UNION;
}

static bool same_name(const struct field *a, const struct field *b)
{
	return a->name.len == b->name.len && (a->name.len == 0 || memcmp(a->name.ptr, b->name.ptr, a->name.len) == 0);
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

static outflow_status number_leaves(struct pattern *p, outflow_error *err)
{
	for (struct leaf *l = p->leaves; l != NULL; l = l->next) {
		char *path = pattern_alloc(p, write_path(l->field, NULL));

		if (path == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
		l->path = (outflow_str){ path, write_path(l->field, path) };
		l->number = p->n_leaves++;
	}
	p->numbered = pattern_alloc(p, (p->n_leaves + 1) * sizeof *p->numbered);
	if (p->numbered == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	for (struct leaf *l = p->leaves; l != NULL; l = l->next)
		p->numbered[l->number] = l;
	return OUTFLOW_OK;
}

/* ---- the nodes of one rule ---- */

/* Marks the fields that a rule uses with its number and returns how many nodes they will be. */
static size_t mark(const struct rule *r, size_t number)
{
	size_t n = 1;

	for (size_t i = 0; i < r->n_leaves; i++) {
		r->leaves[i]->field->leaf = r->leaves[i];
		for (struct field *f = r->leaves[i]->field; f->parent != NULL && f->rule != number; f = f->parent) {
			f->rule = number;
			n++;
		}
	}
	return n;
}

static void fill(struct node *n, const struct field *f, enum envelope_field container)
{
	*n = (struct node){ .name = f->name.ptr, .length = (uint32_t)f->name.len, .is_leaf = f->is_leaf, .field = f };
	n->envelope = (uint8_t)envelope_member(container, f->name);
	n->is_data = !f->is_leaf && container == ENVELOPE_EVENT && n->envelope == ENVELOPE_DATA;
	if (f->is_leaf)
		n->leaf = f->leaf;
}

static const struct field *find_twin(const struct field *parent, const struct field *f, size_t number)
{
	for (const struct field *c = parent->children; c != NULL; c = c->next)
		if (c->rule == number && c->is_leaf != f->is_leaf && same_name(c, f))
			return c;
	return NULL;
}

/* Lays out the children of nodes[at] behind all nodes laid out so far (*used), and then theirs. */
static void lay_out(struct node *nodes, size_t number, uint32_t at, uint32_t *used)
{
	const struct field *parent = nodes[at].field, *f, *twin;
	enum envelope_field container = nodes[at].envelope;

	if (container == ENVELOPE_USER_PROPERTIES) /* an array is walked into */
		container = ENVELOPE_USER_PROPERTY;
	nodes[at].first = *used;
	for (f = parent->children; f != NULL; f = f->next) {
		if (f->rule != number)
			continue;
		twin = find_twin(parent, f, number);
		if (twin != NULL && f->is_leaf)
			continue; /* goes with the other one */
		fill(&nodes[*used], f, container);
		nodes[(*used)++].twin = twin != NULL;
		if (twin != NULL)
			fill(&nodes[(*used)++], twin, container);
	}
	nodes[at].n = *used - nodes[at].first;
	for (uint32_t i = nodes[at].first, end = *used; i < end; i++) {
		nodes[at].shapes |= pattern_shape(nodes[i].field->name);
		if (nodes[i].is_leaf)
			continue;
		nodes[at].may_be_dotted = true;
		lay_out(nodes, number, i, used);
	}
}

static outflow_status build(struct pattern *p, outflow_error *err)
{
	size_t number = 0;
	outflow_status status = number_leaves(p, err);

	if (status != OUTFLOW_OK)
		return status;
	p->slots = pattern_alloc(p, (p->n_fields + 1) * sizeof *p->slots);
	for (struct rule *r = p->rules; r != NULL && p->slots != NULL; r = r->next) {
		size_t n = mark(r, ++number);
		uint32_t used = 1;

		p->n_nodes += n;
		if (p->n_nodes > NODES_MAX)
			return outflow_fail(err, OUTFLOW_E_CONFIG,
			                    "pattern.complex: with all alternatives of $or multiplied out this is too "
			                    "much; make several patterns of it");
		r->nodes = pattern_alloc(p, n * sizeof *r->nodes);
		if (r->nodes == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
		r->nodes[0] = (struct node){ .name = "", .envelope = ENVELOPE_EVENT, .field = &p->root };
		lay_out(r->nodes, number, 0, &used);
	}
	return p->slots ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
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
	if (text.len == 0) {
		text = (outflow_str){ "{}", 2 };
		p->dialect = PATTERN_UNION; /* no pattern is no condition in each dialect */
	}
	memcpy(p->text, text.ptr, text.len);
	text.ptr = p->text;
	status = outflow_json_parse(text, &p->json, &cause);
	if (status != OUTFLOW_OK)
		return outflow_fail_native(err, status, "pattern", cause.native, "pattern.json: %s", cause.msg);
	status = pattern_parse(p, err);
	return status == OUTFLOW_OK ? build(p, err) : status;
}

outflow_status pattern_compile(outflow_str text, enum pattern_dialect dialect, struct pattern **result,
                               outflow_error *err)
{
	struct pattern *p = calloc(1, sizeof *p);
	outflow_status status;

	if (p == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a pattern");
	p->dialect = dialect;
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
	blocks_free(&p->blocks);
	outflow_json_free(&p->json);
	free(p->text);
	free(p);
}

bool pattern_leaf(const struct pattern *p, size_t i, outflow_str *path, outflow_str *text)
{
	if (i >= p->n_leaves)
		return false;
	*path = p->numbered[i]->path;
	*text = p->numbered[i]->source;
	return true;
}

const char *pattern_warning(const struct pattern *p)
{
	return p->warning[0] != '\0' ? p->warning : NULL;
}
