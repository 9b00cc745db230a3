/* SPDX-License-Identifier: Apache-2.0 */
/* From patterns to a set: one tree of names, one index for each field, rules by clauses. */
#include "pattern_set.h"

#include <outflow/util.h>

#define MANY 8 /* children that are looked through one by one */

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a set of patterns");
}

outflow_status pattern_set_new(enum pattern_dialect dialect, struct pattern_set **result, outflow_error *err)
{
	struct pattern_set *set = calloc(1, sizeof *set);

	if (set == NULL)
		return no_memory(err);
	set->space.dialect = dialect;
	*result = set;
	return OUTFLOW_OK;
}

void pattern_set_free(struct pattern_set **result)
{
	struct pattern_set *set = *result;

	*result = NULL;
	if (set == NULL)
		return;
	for (uint32_t i = 0; i < set->n_patterns; i++)
		pattern_free(&set->patterns[i]);
	blocks_free(&set->space.blocks);
	free(set);
}

static int make_room(struct pattern_set *set)
{
	uint32_t room = set->room ? 2 * set->room : 4;
	struct pattern **patterns;
	outflow_str *names;

	if (set->n_patterns < set->room)
		return 0;
	patterns = blocks_take(&set->space.blocks, room * sizeof(struct pattern *));
	names = blocks_take(&set->space.blocks, room * sizeof *names);
	if (patterns == NULL || names == NULL)
		return -1;
	if (set->n_patterns > 0) {
		memcpy(patterns, set->patterns, set->n_patterns * sizeof(struct pattern *));
		memcpy(names, set->names, set->n_patterns * sizeof *names);
	}
	set->patterns = patterns;
	set->names = names;
	set->room = room;
	return 0;
}

outflow_status pattern_set_add(struct pattern_set *set, outflow_str name, outflow_str text, outflow_error *err)
{
	struct pattern *p = NULL;
	outflow_status status;
	char *copy;

	if (make_room(set) < 0)
		return no_memory(err);
	copy = blocks_take(&set->space.blocks, name.len + 1);
	if (copy == NULL)
		return no_memory(err);
	status = pattern_compile(text, set->space.dialect, &p, err);
	if (status != OUTFLOW_OK)
		return status;
	if (name.len > 0)
		memcpy(copy, name.ptr, name.len);
	set->names[set->n_patterns] = (outflow_str){ copy, name.len };
	set->patterns[set->n_patterns++] = p;
	return OUTFLOW_OK;
}

size_t pattern_set_size(const struct pattern_set *set)
{
	return set->n_patterns;
}

outflow_str pattern_set_name(const struct pattern_set *set, size_t i)
{
	return set->names[i];
}

struct pattern *pattern_set_pattern(const struct pattern_set *set, size_t i)
{
	return set->patterns[i];
}

/* ---- the tree of names ---- */

static struct part *child(struct pattern_set *set, struct part *parent, outflow_str name)
{
	void **place = words_add(&parent->children, &set->space.blocks, name);
	struct part *c = place ? *place : NULL;

	if (place == NULL || c != NULL)
		return c;
	c = blocks_take(&set->space.blocks, sizeof *c);
	if (c == NULL)
		return NULL;
	c->name = name;
	if (parent->first == NULL)
		parent->first = c;
	else
		parent->last->next = c;
	parent->last = c;
	parent->n_children++;
	set->n_parts++;
	*place = c;
	return c;
}

static struct part *part_of(struct pattern_set *set, const struct field *f)
{
	struct part *parent;

	if (f->parent == NULL)
		return &set->root;
	parent = part_of(set, f->parent);
	return parent ? child(set, parent, f->name) : NULL;
}

static struct index *index_of(struct pattern_set *set, const struct field *f)
{
	struct part *part = part_of(set, f);

	if (part != NULL && part->index == NULL) {
		part->index = blocks_take(&set->space.blocks, sizeof *part->index);
		if (part->index != NULL) {
			part->index->next = set->indexes;
			set->indexes = part->index;
		}
	}
	return part ? part->index : NULL;
}

/* ---- rules ---- */

static const struct field *top_of(const struct field *f)
{
	while (f->parent->parent != NULL)
		f = f->parent;
	return f;
}

/* Could two fields be in different elements of one array, or one be absent only from some of them? */
static bool is_fragile(const struct rule *r)
{
	for (size_t i = 0; i < r->n_leaves; i++) {
		if (pattern_leaf_fits_absence(r->leaves[i]))
			return true;
		for (size_t k = 0; k < i; k++)
			if (top_of(r->leaves[i]->field) == top_of(r->leaves[k]->field))
				return true;
	}
	return false;
}

static outflow_status add_rule(struct pattern_set *set, uint32_t pattern, const struct rule *rule)
{
	struct set_rule *r = blocks_take(&set->space.blocks, sizeof *r);

	if (r == NULL)
		return OUTFLOW_E_NOMEM;
	r->pattern = pattern;
	r->rule = rule;
	r->is_fragile = is_fragile(rule);
	r->clauses = blocks_take(&set->space.blocks, rule->n_leaves * sizeof *r->clauses);
	if (r->clauses == NULL)
		return OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < rule->n_leaves; i++) {
		const struct field *f = rule->leaves[i]->field;
		struct index *x = index_of(set, f);
		struct clause *c;

		if (x == NULL || index_add(&set->space, x, rule->leaves[i], &r->clauses[i]) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
		c = &set->space.clauses[r->clauses[i]];
		c->n_rules++;
		x->n_rules += !c->fits_absence;
		r->n_clauses++;
		r->has_data = r->has_data || (set->space.dialect == PATTERN_ALIBABA && f->parent->parent != NULL &&
		                              outflow_equal(top_of(f)->name, "data"));
	}
	r->next = set->rules;
	set->rules = r;
	set->n_rules++;
	return OUTFLOW_OK;
}

/* Each rule hangs on the clause that the fewest rules share, since that one is satisfied least often. */
static void anchor_rules(struct pattern_set *set)
{
	struct set_rule *next;

	for (struct set_rule *r = set->rules; r != NULL; r = next) {
		struct clause *best = NULL;

		next = r->next;
		for (uint32_t i = 0; i < r->n_clauses; i++) {
			struct clause *c = &set->space.clauses[r->clauses[i]];

			if (!c->fits_absence && (best == NULL || c->n_rules < best->n_rules))
				best = c;
		}
		r->next = best ? best->anchored : set->unanchored;
		*(best ? &best->anchored : &set->unanchored) = r;
	}
}

/* ---- nodes ---- */

static void fill(struct set_node *n, const struct part *part, enum envelope_field container)
{
	*n = (struct set_node){ .name = part->name.ptr, .length = (uint32_t)part->name.len, .index = part->index };
	n->envelope = (uint8_t)envelope_member(container, part->name);
	n->is_data = container == ENVELOPE_EVENT && n->envelope == ENVELOPE_DATA;
}

/* How the children of a node are found: few of them by the shape of the name, many by hash. */
static outflow_status make_lookup(struct pattern_set *set, struct set_node *n)
{
	struct block **blocks = &set->space.blocks;
	struct words *by_name = NULL;
	uint8_t *by_shape = NULL;

	if (n->n > MANY)
		n->by_name = by_name = blocks_take(blocks, sizeof *by_name);
	else
		n->by_shape = by_shape = blocks_take(blocks, 64);
	if (by_name == NULL && by_shape == NULL)
		return OUTFLOW_E_NOMEM;
	for (uint32_t i = n->n; i-- > 0;) {
		outflow_str name = { set->nodes[n->first + i].name, set->nodes[n->first + i].length };
		void **place;

		n->shapes |= pattern_shape(name);
		if (by_shape != NULL) {
			by_shape[pattern_shape_number(name)] = (uint8_t)(i + 1);
			continue;
		}
		place = words_add(by_name, blocks, name);
		if (place == NULL)
			return OUTFLOW_E_NOMEM;
		*place = (void *)((uintptr_t)n->first + i + 1);
	}
	return OUTFLOW_OK;
}

/* Lays out the children of nodes[at], which is `parent`, behind all nodes laid out so far (*used), and then theirs. */
static outflow_status lay_out(struct pattern_set *set, const struct part *parent, uint32_t at, uint32_t *used)
{
	struct set_node *n = &set->nodes[at];
	enum envelope_field container = n->envelope;
	uint32_t i = *used;

	if (container == ENVELOPE_USER_PROPERTIES) /* an array is walked into */
		container = ENVELOPE_USER_PROPERTY;
	n->first = i;
	n->n = parent->n_children;
	*used += n->n;
	for (const struct part *c = parent->first; c != NULL; c = c->next, i++) {
		fill(&set->nodes[i], c, container);
		n->heads |= c->first ? set_initial(c->name) : 0;
		if (lay_out(set, c, i, used) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	}
	return make_lookup(set, n);
}

static outflow_status make_nodes(struct pattern_set *set)
{
	struct block **blocks = &set->space.blocks;
	size_t n = (size_t)set->n_parts + 1;
	uint32_t used = 1;

	set->nodes = blocks_take(blocks, n * sizeof *set->nodes);
	set->tokens = blocks_take(blocks, n * sizeof *set->tokens);
	set->touched = blocks_take(blocks, n * sizeof *set->touched);
	set->probe.fired = blocks_take(blocks, set->space.n_clauses * sizeof(struct clause *));
	set->matched = blocks_take(blocks, set->n_patterns * sizeof *set->matched);
	set->matched_event = blocks_take(blocks, set->n_patterns * sizeof *set->matched_event);
	if (!set->nodes || !set->tokens || !set->touched || !set->probe.fired || !set->matched || !set->matched_event)
		return OUTFLOW_E_NOMEM;
	set->probe.groups = set->space.groups;
	set->probe.clauses = set->space.clauses;
	set->nodes[0] = (struct set_node){ .name = "", .envelope = ENVELOPE_EVENT };
	return lay_out(set, &set->root, 0, &used);
}

outflow_status pattern_set_finish(struct pattern_set *set, outflow_error *err)
{
	for (uint32_t i = 0; i < set->n_patterns; i++)
		for (const struct rule *r = set->patterns[i]->rules; r != NULL; r = r->next)
			if (add_rule(set, i, r) != OUTFLOW_OK)
				return no_memory(err);
	anchor_rules(set);
	for (struct index *x = set->indexes; x != NULL; x = x->next) {
		x->vital = x->n_rules == set->n_rules;
		if (index_finish(&set->space, x) != OUTFLOW_OK)
			return no_memory(err);
	}
	return make_nodes(set) == OUTFLOW_OK ? OUTFLOW_OK : no_memory(err);
}
