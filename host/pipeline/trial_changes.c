/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/trial.h"

#include <outflow/util.h>

static int same(outflow_bytes a, outflow_bytes b)
{
	return (a.ptr == NULL) == (b.ptr == NULL) && a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int same_text(outflow_str a, outflow_str b)
{
	return same(outflow_text_bytes(a), outflow_text_bytes(b));
}

static int same_headers(const outflow_record *a, const outflow_record *b)
{
	if (a->n_headers != b->n_headers)
		return 0;
	for (uint32_t i = 0; i < a->n_headers; i++)
		if (!same_text(a->headers[i].name, b->headers[i].name) ||
		    !same(a->headers[i].value, b->headers[i].value))
			return 0;
	return 1;
}

int trial_has_header(const outflow_record *r, const outflow_header *h)
{
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (same_text(r->headers[i].name, h->name) && same(r->headers[i].value, h->value))
			return 1;
	return 0;
}

unsigned trial_changes(const outflow_record *r, const outflow_record *input)
{
	unsigned changes = 0;

	if (!same_text(r->topic, input->topic))
		changes |= CHANGED_TOPIC;
	if (!same(r->key, input->key))
		changes |= CHANGED_KEY;
	if (!same(r->value, input->value))
		changes |= CHANGED_VALUE;
	if (!same_headers(r, input))
		changes |= CHANGED_HEADERS;
	if (r->partition != input->partition)
		changes |= CHANGED_PARTITION;
	if (r->timestamp_ms != input->timestamp_ms)
		changes |= CHANGED_TIMESTAMP;
	return changes;
}
