/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/explanation.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

uint32_t explanation_member(const outflow_json *j, uint32_t object, const char *name)
{
	return outflow_json_member(j, object, outflow_text(name));
}

/* The text of a member, decoded and malloc'd; NULL: there is none, or no memory. */
char *explanation_text(const outflow_json *j, uint32_t object, const char *name)
{
	uint32_t at = explanation_member(j, object, name);
	outflow_str text;
	char *decoded;

	if (at == 0 || outflow_json_type(j, at) != OUTFLOW_JSON_STRING)
		return NULL;
	text = outflow_json_text(j, at);
	decoded = malloc(text.len + 1);
	if (decoded != NULL)
		decoded[outflow_json_decode(text, decoded)] = '\0';
	return decoded;
}

/* "a: reason; b: reason" */
static char *join_reasons(const outflow_json *j, uint32_t patterns)
{
	uint32_t end = outflow_json_next(j, patterns) - 1;
	char *all = NULL;

	for (uint32_t p = patterns + 1; p < end; p = outflow_json_next(j, p)) {
		char *name = explanation_text(j, p, "name"), *reason = explanation_text(j, p, "reason"), *longer = NULL;

		if (name != NULL && reason != NULL &&
		    asprintf(&longer, "%s%s%s: %s", all ? all : "", all ? "; " : "", name, reason) >= 0) {
			free(all);
			all = longer;
		}
		free(name);
		free(reason);
	}
	return all;
}

char *explanation_reason(outflow_str json)
{
	outflow_json *j = NULL;
	char *reason = NULL;
	uint32_t matched, patterns;

	if (outflow_json_parse(json, &j, NULL) != OUTFLOW_OK)
		return NULL;
	matched = explanation_member(j, 0, "matched");
	patterns = explanation_member(j, 0, "patterns");
	reason = explanation_text(j, 0, "reason");
	/* One of several that does not fit is no reason when another does. */
	if (reason == NULL && patterns != 0 && matched != 0 && outflow_json_type(j, matched) == OUTFLOW_JSON_FALSE)
		reason = join_reasons(j, patterns);
	outflow_json_free(&j);
	return reason;
}
