/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/error_log.h"

#include <stdio.h>

#define SHOWN_BYTES 256u

/* The beginning, with what is no printable ASCII as \\xNN: a line of the log stays one, and a terminal unharmed. */
static const char *preview(outflow_bytes b, char *to, size_t size)
{
	const unsigned char *p = b.ptr;
	size_t n = 0;

	if (p == NULL)
		return "null";
	for (size_t i = 0; i < b.len && i < SHOWN_BYTES && n + 5 < size; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '\\')
			to[n++] = (char)p[i];
		else
			n += (size_t)snprintf(to + n, size - n, "\\x%02x", p[i]);
	}
	snprintf(to + n, size - n, "%s", b.len > SHOWN_BYTES ? "..." : "");
	return to;
}

void error_log_write(const struct services *s, const struct slot *slot, const struct failure *failure)
{
	const outflow_record *origin =
		ledger_origin(&(outflow_record){ .slot = (struct outflow_slot *)(uintptr_t)&slot->cell });
	const struct component *c = &failure->where->component;
	char key[4 * SHOWN_BYTES + 8], value[4 * SHOWN_BYTES + 8];
	char place[400];

	if (!s->model->log_errors)
		return;
	snprintf(place, sizeof place, "topic '%.*s', stream %u, position %llu",
	         (int)(origin->topic.len < 249 ? origin->topic.len : 249), origin->topic.ptr ? origin->topic.ptr : "",
	         origin->stream, (unsigned long long)origin->pos);
	if (s->model->log_messages)
		log_write(&failure->where->place, OUTFLOW_LOG_ERROR,
		          "record failed in %s/%s: %s (%s, key %s, value %s)", c->module->plugin->id, c->what->name,
		          failure->reason->msg, place, preview(origin->key, key, sizeof key),
		          preview(origin->value, value, sizeof value));
	else
		log_write(&failure->where->place, OUTFLOW_LOG_ERROR, "record failed in %s/%s: %s (%s)",
		          c->module->plugin->id, c->what->name, failure->reason->msg, place);
}
