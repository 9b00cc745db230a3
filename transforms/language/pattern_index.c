/* SPDX-License-Identifier: Apache-2.0 */
#include "pattern_index.h"

#include <outflow/util.h>

/* ---- what is shared ---- */

static void *more(struct index_space *s, const void *old, uint32_t n, uint32_t *room, size_t size)
{
	uint32_t wanted = *room ? 2 * *room : 8;
	void *list = blocks_take(&s->blocks, wanted * size);

	if (list != NULL && n > 0)
		memcpy(list, old, n * size);
	if (list != NULL)
		*room = wanted;
	return list;
}

static outflow_status new_group(struct index_space *s, uint32_t clause, uint32_t *group)
{
	if (s->n_groups == s->room_groups) {
		struct group *groups = more(s, s->groups, s->n_groups, &s->room_groups, sizeof *groups);

		if (groups == NULL)
			return OUTFLOW_E_NOMEM;
		s->groups = groups;
	}
	*group = s->n_groups++;
	s->groups[*group] = (struct group){ .clause = clause };
	return OUTFLOW_OK;
}

static outflow_status new_clause(struct index_space *s, struct index *x, const struct leaf *l, uint32_t *clause)
{
	if (s->n_clauses == s->room_clauses) {
		struct clause *clauses = more(s, s->clauses, s->n_clauses, &s->room_clauses, sizeof *clauses);

		if (clauses == NULL)
			return OUTFLOW_E_NOMEM;
		s->clauses = clauses;
	}
	*clause = s->n_clauses++;
	s->clauses[*clause] = (struct clause){ .leaf = l, .index = x, .fits_absence = pattern_leaf_fits_absence(l) };
	return OUTFLOW_OK;
}

/* ---- tests to groups ---- */

static int add_word(struct index_space *s, struct index *x, outflow_str text, uint32_t group)
{
	void **place = words_add(&x->words, &s->blocks, text);
	const struct id *ids;

	if (place == NULL)
		return -1;
	ids = *place;
	if (id_add(&ids, &s->blocks, group) < 0)
		return -1;
	*place = (void *)(uintptr_t)ids;
	return 0;
}

static int add_range(struct index_space *s, struct index *x, const struct address_range *range, uint32_t group)
{
	struct interval i = { .low = range->low, .high = range->high, .id = group };

	if (memcmp(range->low, range->high, ADDRESS_SIZE) > 0)
		return 0;
	return intervals_add(&x->addresses, &s->blocks, &i);
}

static int add_string(struct index_space *s, struct index *x, const struct test *t, uint32_t group)
{
	const struct glob *g = &t->glob;

	if (t->is_address && add_range(s, x, &t->range, group) < 0)
		return -1;
	if (g->n_parts == 1 && g->folded == NULL)
		return add_word(s, x, g->parts[0], group);
	return trie_add(trie_is_backward(g) ? &x->backward : &x->forward, &s->blocks, g, group);
}

static void narrow(struct interval *i, const struct limit *l)
{
	if (l->comparison != COMPARE_LESS && l->comparison != COMPARE_LESS_EQUAL) {
		i->low = &l->number;
		i->low_open = l->comparison == COMPARE_GREATER;
	}
	if (l->comparison != COMPARE_GREATER && l->comparison != COMPARE_GREATER_EQUAL) {
		i->high = &l->number;
		i->high_open = l->comparison == COMPARE_LESS;
	}
}

static int add_limit(struct index_space *s, struct index *x, const struct limit *l, uint32_t group)
{
	struct interval i = { .id = group }, above = { .low = &l->number, .low_open = true, .id = group };

	if (l->comparison == COMPARE_NOT_EQUAL) {
		i.high = &l->number;
		i.high_open = true;
		if (intervals_add(&x->numbers, &s->blocks, &above) < 0)
			return -1;
	} else {
		narrow(&i, l);
	}
	return intervals_add(&x->numbers, &s->blocks, &i);
}

static bool is_upper(const struct limit *l)
{
	return l->comparison == COMPARE_LESS || l->comparison == COMPARE_LESS_EQUAL;
}

static bool is_lower(const struct limit *l)
{
	return l->comparison == COMPARE_GREATER || l->comparison == COMPARE_GREATER_EQUAL;
}

/* Is t one interval, or one comparison? */
static bool is_simple_range(const struct test *t)
{
	return t->n_limits == 1 || (is_lower(&t->limits[0]) && is_upper(&t->limits[1])) ||
	       (is_upper(&t->limits[0]) && is_lower(&t->limits[1]));
}

static int add_numeric(struct index_space *s, struct index *x, const struct test *t, uint32_t group)
{
	struct interval i = { .id = group };

	if (t->n_limits == 1)
		return add_limit(s, x, &t->limits[0], group);
	narrow(&i, &t->limits[0]);
	narrow(&i, &t->limits[1]);
	return intervals_add(&x->numbers, &s->blocks, &i);
}

/* Makes what fits t hit group. Not for anything-but, nor for numeric that is no simple range. */
static outflow_status add_test(struct index_space *s, struct index *x, const struct test *t, uint32_t group)
{
	struct interval equal = { .low = &t->number, .high = &t->number, .id = group };
	int result = 0;

	switch (t->kind) {
	case TEST_STRING:
		result = add_string(s, x, t, group);
		break;
	case TEST_TEXT:
		result = add_word(s, x, t->text, group);
		break;
	case TEST_NUMBER:
		result = intervals_add(&x->numbers, &s->blocks, &equal);
		break;
	case TEST_LITERAL:
		result = id_add(&x->literals[t->literal], &s->blocks, group);
		break;
	case TEST_NUMERIC:
		result = add_numeric(s, x, t, group);
		break;
	case TEST_CIDR:
		result = add_range(s, x, &t->range, group);
		break;
	case TEST_EXISTS: /* false: no scalar fits it */
		result = t->exists ? id_add(&x->any, &s->blocks, group) : 0;
		break;
	case TEST_ANYTHING_BUT:
		break;
	}
	return result < 0 ? OUTFLOW_E_NOMEM : OUTFLOW_OK;
}

static outflow_status add_term(struct index_space *s, struct complex *c, bool negated, uint32_t *group)
{
	struct term *t = blocks_take(&s->blocks, sizeof *t);

	if (t == NULL)
		return OUTFLOW_E_NOMEM;
	t->negated = negated;
	t->next = c->terms;
	c->terms = t;
	if (new_group(s, NO_CLAUSE, &t->group) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	*group = t->group;
	return OUTFLOW_OK;
}

static outflow_status add_terms(struct index_space *s, struct index *x, struct complex *c, const struct test *t)
{
	uint32_t group;
	int result = 0;

	if (t->kind == TEST_NUMERIC && !is_simple_range(t)) {
		for (size_t i = 0; i < 2 && result == 0; i++) {
			if (add_term(s, c, false, &group) != OUTFLOW_OK)
				return OUTFLOW_E_NOMEM;
			result = add_limit(s, x, &t->limits[i], group);
		}
		return result < 0 ? OUTFLOW_E_NOMEM : OUTFLOW_OK;
	}
	if (add_term(s, c, t->kind == TEST_ANYTHING_BUT, &group) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	if (t->kind != TEST_ANYTHING_BUT)
		return add_test(s, x, t, group);
	for (const struct test *but = t->list; but != NULL; but = but->next)
		if (add_test(s, x, but, group) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	return OUTFLOW_OK;
}

/* *plain: the group of all plain conditions of the clause, NO_CLAUSE before there is one. */
static outflow_status add_condition(struct index_space *s, struct index *x, const struct condition *condition,
                                    uint32_t clause, uint32_t *plain)
{
	const struct test *t = condition->tests;
	struct complex *c;

	if (t->next == NULL && t->kind != TEST_ANYTHING_BUT && (t->kind != TEST_NUMERIC || is_simple_range(t))) {
		if (*plain == NO_CLAUSE && new_group(s, clause, plain) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
		return add_test(s, x, t, *plain);
	}
	c = blocks_take(&s->blocks, sizeof *c);
	if (c == NULL)
		return OUTFLOW_E_NOMEM;
	*c = (struct complex){ .clause = clause, .next = x->complex };
	x->complex = c;
	for (; t != NULL; t = t->next)
		if (add_terms(s, x, c, t) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	return OUTFLOW_OK;
}

static int order_numbers(const void *a, const void *b)
{
	return number_compare(a, b);
}

static int order_addresses(const void *a, const void *b)
{
	return memcmp(a, b, ADDRESS_SIZE);
}

outflow_status index_add(struct index_space *s, struct index *x, const struct leaf *l, uint32_t *clause)
{
	void **place = words_add(&x->clauses, &s->blocks, l->source);
	uint32_t plain = NO_CLAUSE;

	if (place == NULL)
		return OUTFLOW_E_NOMEM;
	if (*place != NULL) {
		*clause = (uint32_t)((uintptr_t)*place - 1);
		return OUTFLOW_OK;
	}
	x->untyped = s->dialect == PATTERN_ALIBABA;
	x->backward.backward = true;
	x->numbers.order = order_numbers;
	x->numbers.compare = x->untyped ? number_compare_tolerant : order_numbers;
	x->addresses.order = x->addresses.compare = order_addresses;
	if (new_clause(s, x, l, clause) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	*place = (void *)((uintptr_t)*clause + 1);
	for (const struct condition *c = l->conditions; c != NULL; c = c->next)
		if (add_condition(s, x, c, *clause, &plain) != OUTFLOW_OK)
			return OUTFLOW_E_NOMEM;
	return OUTFLOW_OK;
}

outflow_status index_finish(struct index_space *s, struct index *x)
{
	if (x->forward.root != NULL && trie_finish(&x->forward, &s->blocks) < 0)
		return OUTFLOW_E_NOMEM;
	if (x->backward.root != NULL && trie_finish(&x->backward, &s->blocks) < 0)
		return OUTFLOW_E_NOMEM;
	intervals_finish(&x->numbers);
	intervals_finish(&x->addresses);
	return OUTFLOW_OK;
}

/* ---- a value ---- */

static inline void satisfy(struct probe *p, uint32_t clause)
{
	struct clause *c = &p->clauses[clause];

	p->satisfied = true;
	if (c->event == p->event)
		return;
	c->event = p->event;
	if (c->anchored != NULL)
		p->fired[p->n_fired++] = c;
}

static inline void hit(void *arg, uint32_t id)
{
	struct probe *p = arg;
	struct group *g = &p->groups[id];

	g->value = p->value;
	if (g->clause != NO_CLAUSE)
		satisfy(p, g->clause);
}

static void hit_all(void *arg, const struct id *ids)
{
	for (; ids != NULL; ids = ids->next)
		hit(arg, ids->id);
}

static bool may_be_address(outflow_str text)
{
	unsigned char c = text.len > 0 ? (unsigned char)text.ptr[0] : 0;

	return text.len < 64 && (c == ':' || (unsigned)(c - '0') < 10 || (unsigned)((c | 32) - 'a') < 6);
}

static void test_string(struct index *x, struct probe *p, outflow_str text)
{
	unsigned char address[ADDRESS_SIZE];

	if (x->forward.root != NULL)
		trie_find(&x->forward, text, hit_all, p);
	if (x->backward.root != NULL)
		trie_find(&x->backward, text, hit_all, p);
	if (x->addresses.n > 0 && may_be_address(text) && address_read(text, address))
		intervals_find(&x->addresses, address, hit, p);
}

static void test_complex(struct index *x, struct probe *p)
{
	for (const struct complex *c = x->complex; c != NULL; c = c->next) {
		const struct term *t = c->terms;

		while (t != NULL && (p->groups[t->group].value == p->value) != t->negated)
			t = t->next;
		if (t == NULL)
			satisfy(p, c->clause);
	}
}

void index_test(struct index *x, struct probe *p, const struct subject *s)
{
	if (x->words.n > 0 && (s->type == OUTFLOW_JSON_STRING || (x->untyped && s->type != OUTFLOW_JSON_NULL)))
		hit_all(p, words_find(&x->words, s->text));
	if (s->type == OUTFLOW_JSON_STRING)
		test_string(x, p, s->text);
	else if (s->type == OUTFLOW_JSON_NUMBER)
		intervals_find(&x->numbers, &s->number, hit, p);
	else
		hit_all(p, x->literals[s->type]);
	if (x->any != NULL)
		hit_all(p, x->any);
	if (x->complex != NULL)
		test_complex(x, p);
}
