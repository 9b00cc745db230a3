/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"
#include "host/cli/tool.h"
#include "host/config/schema.h"

#include <outflow/util.h>

#include <string.h>
#include <strings.h>

int dlq_parse_time(const char *text, int64_t now_ms, int64_t *ms)
{
	static const outflow_cfg_key key = { .name = "time", .type = OUTFLOW_T_DURATION_MS };
	outflow_error err = { .size = sizeof err };
	int64_t ago;

	*ms = tool_parse_time(text);
	if (*ms >= 0)
		return 0;
	if (schema_parse(&key, text, &ago, &err) != OUTFLOW_OK || ago < 0)
		return -1;
	*ms = now_ms - ago;
	return 0;
}

static int contains(outflow_bytes text, const char *part)
{
	const char *at = text.ptr;
	size_t n = strlen(part);

	for (size_t i = 0; i + n <= text.len; i++)
		if (strncasecmp(at + i, part, n) == 0)
			return 1;
	return 0;
}

static int equals(outflow_bytes text, const char *other)
{
	return text.ptr != NULL && text.len == strlen(other) && strncasecmp(text.ptr, other, text.len) == 0;
}

static outflow_bytes header(const struct dlq_letter *l, const char *name)
{
	const outflow_header *h = outflow_find_header(l->record, name);

	return h ? h->value : (outflow_bytes){ NULL, 0 };
}

static int is_listed(const struct dlq_filter *f, const char *position)
{
	for (size_t i = 0; i < f->n_positions; i++)
		if (strcmp(f->positions[i], position) == 0)
			return 1;
	return f->n_positions == 0;
}

int dlq_filter_matches(const struct dlq_filter *f, const struct dlq_letter *l)
{
	const outflow_record *r = l->record;

	if (!is_listed(f, l->position) || (f->open && l->replayed))
		return 0;
	if (f->reason != NULL && !contains(l->reason, f->reason) && !contains(l->class, f->reason))
		return 0;
	if (f->stage != NULL && !equals(l->stage, f->stage) && !equals(header(l, "__connect.errors.stage"), f->stage))
		return 0;
	if (f->key != NULL && (r->key.ptr == NULL || !outflow_equal((outflow_str){ r->key.ptr, r->key.len }, f->key)))
		return 0;
	return l->time_ms >= f->since_ms && l->time_ms <= f->until_ms;
}

int dlq_is_position(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (n > 0 && text[n] == ':')
		n += 1 + strspn(text + n + 1, "0123456789");
	return n > 0 && text[n] == '\0' && text[n - 1] != ':';
}
