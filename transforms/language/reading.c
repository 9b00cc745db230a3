/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include <stdio.h>

void reading_problem(struct reading *r, const char *key, outflow_status status, const char *format, ...)
{
	outflow_error cause = { .size = sizeof cause };
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(cause.msg, sizeof cause.msg, format, arguments);
	va_end(arguments);
	if (r->check)
		r->host->problem(r->host, key, cause.msg);
	if (r->status != OUTFLOW_OK && status != OUTFLOW_E_NOMEM)
		return;
	r->status = outflow_fail(r->err, status, "%s: %s", key, cause.msg);
}

/* Appends a name to a list for people; one that does not fit is left out. */
static void append(char *list, size_t size, const char *name)
{
	size_t n = strlen(list), comma = n > 0 ? 2 : 0;

	if (n + comma + strlen(name) >= size)
		return;
	memcpy(list + n, ", ", comma);
	strcpy(list + n + comma, name);
}

bool reading_text(struct reading *r, const char *key, bool required, outflow_str *text)
{
	if (r->host->config->str(r->config, key, text) == OUTFLOW_OK)
		return true;
	if (required)
		reading_problem(r, key, OUTFLOW_E_CONFIG, "is missing");
	return false;
}

size_t reading_choice(struct reading *r, const char *key, const char *const *choices, size_t standard)
{
	char list[200] = "";
	outflow_str text;

	if (!reading_text(r, key, false, &text))
		return standard;
	for (size_t i = 0; choices[i] != NULL; i++) {
		if (outflow_equal(text, choices[i]))
			return i;
		append(list, sizeof list, choices[i]);
	}
	reading_problem(r, key, OUTFLOW_E_CONFIG, "'%.*s' is not one of %s", (int)(text.len > 60 ? 60 : text.len),
	                text.ptr, list);
	return standard;
}

bool reading_group_key(struct reading *r, const char *list, size_t i, const char *name, char key[READING_KEY_MAX])
{
	outflow_str group;

	if (i >= r->host->config->list(r->config, list, i, &group))
		return false;
	if (snprintf(key, READING_KEY_MAX, "%s.%.*s.%s", list, (int)group.len, group.ptr, name) >= (int)READING_KEY_MAX)
		reading_problem(r, list, OUTFLOW_E_CONFIG, "the name of a group is too long");
	return true;
}

static bool is_known(struct reading *r, const char *list, outflow_str key, const char *const *names)
{
	const char *dot = memchr(key.ptr, '.', key.len);
	size_t n = dot ? (size_t)(dot - key.ptr) : key.len;
	outflow_str group, name = { dot ? dot + 1 : "", dot ? key.len - n - 1 : 0 };

	while (*names != NULL && !outflow_equal(name, *names))
		names++;
	if (*names == NULL)
		return false;
	for (size_t i = 0; i < r->host->config->list(r->config, list, i, &group); i++)
		if (group.len == n && memcmp(group.ptr, key.ptr, n) == 0)
			return true;
	return false;
}

void reading_only(struct reading *r, const char *list, const char *const *names)
{
	char prefix[READING_KEY_MAX], full[2 * READING_KEY_MAX], known[200] = "";
	outflow_str key, value;

	for (const char *const *name = names; *name != NULL; name++)
		append(known, sizeof known, *name);
	snprintf(prefix, sizeof prefix, "%s.", list);
	for (size_t i = 0; i < r->host->config->prefix(r->config, prefix, i, &key, &value); i++) {
		if (is_known(r, list, key, names) || (key.len > 5 && memcmp(key.ptr + key.len - 5, ".name", 5) == 0))
			continue;
		snprintf(full, sizeof full, "%s%.*s", prefix, (int)(key.len > 120 ? 120 : key.len), key.ptr);
		reading_problem(r, full, OUTFLOW_E_CONFIG, "unknown key; '%s' names its groups, and each has %s", list,
		                known);
	}
}
