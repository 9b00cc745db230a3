/* SPDX-License-Identifier: Apache-2.0 */
/* value.h: one value of an event, on the payload's tape or made up by the envelope. */
#ifndef EVENT_VALUE_H
#define EVENT_VALUE_H
#include <outflow/json.h>

#include <stdbool.h>

enum { VALUE_MISSING = OUTFLOW_JSON_END }; /* there is no such value: one type more than JSON has */

struct value {
	uint32_t type;            /* OUTFLOW_JSON_*, VALUE_MISSING */
	bool special;             /* as OUTFLOW_JSON_SPECIAL */
	outflow_str text;         /* of a scalar, strings without quotes */
	const outflow_json *json; /* where it stands; NULL: the envelope made it */
	uint32_t token; /* its index on that tape; of a user property and its parts: the number of the header */
	uint32_t field; /* what the envelope made, see envelope.h */
};

static inline bool value_is_container(const struct value *v)
{
	return v->type == OUTFLOW_JSON_OBJECT || v->type == OUTFLOW_JSON_ARRAY;
}

static inline struct value value_of_token(const outflow_json *json, uint32_t token)
{
	struct value v = { .type = outflow_json_type(json, token), .json = json, .token = token };

	v.special = json->tokens[token].info & OUTFLOW_JSON_SPECIAL;
	if (!value_is_container(&v))
		v.text = outflow_json_text(json, token);
	return v;
}

#endif
