/* SPDX-License-Identifier: Apache-2.0 */
/* Members of one object with the same name: which of a tape's values are hidden by a later one. */
#include "query_internal.h"

#include <outflow/util.h>

/* Names by their hash. A place that another object filled counts as empty, so that one table serves them all. */
struct names {
	const outflow_json *json;
	struct place {
		uint32_t object, token; /* object plus one; the name */
	} * places;
	uint32_t mask;
};

static uint32_t hash(outflow_str name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.ptr[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h >> 32 ^ h);
}

static bool begin_names(struct query_run *r, const outflow_json *json, struct names *names)
{
	uint32_t n = 16;

	while (n < json->n_tokens) /* twice as many places as names */
		n *= 2;
	names->json = json;
	names->mask = n - 1;
	names->places = outflow_alloc(r->e->host, r->e->arena, n * sizeof *names->places, 8);
	if (names->places == NULL)
		return false;
	memset(names->places, 0, n * sizeof *names->places);
	return true;
}

/* Enters a name, and gives the earlier one that is the same; 0: there is none. */
static uint32_t enter(struct query_run *r, struct names *names, uint32_t object, uint32_t token, outflow_str name)
{
	uint32_t at = hash(name) & names->mask, earlier, n = 1 + (uint32_t)(name.len / 16);

	for (;; at = (at + 1) & names->mask, n++) {
		struct place *place = &names->places[at];

		if (place->object != object + 1) {
			*place = (struct place){ object + 1, token };
			earlier = 0;
			break;
		}
		if (outflow_json_equal(names->json, place->token, name)) {
			earlier = place->token;
			place->token = token;
			break;
		}
	}
	(void)query_charge(r, n);
	return earlier;
}

static bool hide(struct query_run *r, const outflow_json *json, uint32_t token)
{
	size_t n = json->n_tokens / 8 + 1;
	uint8_t *bits = r->overridden;

	if (bits == NULL) {
		bits = outflow_alloc(r->e->host, r->e->arena, n, 1);
		if (bits == NULL)
			return false;
		memset(bits, 0, n);
		r->overridden = bits;
	}
	bits[token / 8] |= (uint8_t)(1u << token % 8);
	return true;
}

static bool look_at(struct query_run *r, struct names *names, uint32_t object)
{
	const outflow_json *j = names->json;
	uint32_t end = outflow_json_next(j, object) - 1;

	for (uint32_t i = object + 1; i < end; i = outflow_json_next(j, i + 1)) {
		outflow_str name = outflow_json_string(r->e->host, r->e->arena, j, i);
		uint32_t earlier;

		if (name.ptr == NULL)
			return false;
		earlier = enter(r, names, object, i, name);
		if (earlier != 0 && !hide(r, j, earlier + 1))
			return false;
		if (r->e->status != OUTFLOW_OK)
			return true;
	}
	return true;
}

bool query_know_duplicates(struct query_run *r, const outflow_json *json)
{
	struct names names;
	bool has_memory;

	if (r->duplicates_known)
		return r->e->status == OUTFLOW_OK;
	r->duplicates_known = true;
	has_memory = begin_names(r, json, &names);
	for (uint32_t i = 0; has_memory && i < json->n_tokens && r->e->status == OUTFLOW_OK; i++)
		if (outflow_json_type(json, i) == OUTFLOW_JSON_OBJECT)
			has_memory = look_at(r, &names, i);
	if (!has_memory && r->e->status == OUTFLOW_OK)
		r->e->status = query_no_memory(r->e->err);
	return r->e->status == OUTFLOW_OK;
}
