/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/known_plugin.h"

#include "host/config/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(FILE *to, const char *text)
{
	fputs(text ? text : "", to);
	fputc('\0', to);
}

static void put_number(FILE *to, uint32_t number)
{
	fprintf(to, "%u", number);
	fputc('\0', to);
}

/* An empty name ends them. */
static void put_secrets(FILE *to, const outflow_cfg_def *def)
{
	for (size_t i = 0; def != NULL && i < def->n_keys; i++)
		if (schema_key(def, i)->flags & OUTFLOW_K_SECRET)
			put_text(to, schema_key(def, i)->name);
	put_text(to, "");
}

static void put_plugin(FILE *to, const outflow_plugin *p)
{
	put_text(to, p->id);
	put_text(to, p->version);
	put_text(to, p->license);
	put_text(to, p->doc);
	for (size_t i = 0; i < p->n_components; i++) {
		put_number(to, p->components[i]->kind);
		put_number(to, p->components[i]->flags);
		put_text(to, p->components[i]->name);
		put_text(to, p->components[i]->doc);
		put_secrets(to, p->components[i]->config);
	}
}

/* An id is never empty: a first text that is begins a refusal. */
outflow_status known_plugin_pack(const outflow_plugin *p, const char *reason, char **text, size_t *n)
{
	FILE *to;
	int failed;

	*text = NULL;
	to = open_memstream(text, n);
	if (to == NULL)
		return OUTFLOW_E_NOMEM;
	if (p != NULL) {
		put_plugin(to, p);
	} else {
		put_text(to, "");
		put_text(to, reason);
	}
	failed = ferror(to);
	if (fclose(to) == 0 && !failed)
		return OUTFLOW_OK;
	free(*text);
	*text = NULL;
	return OUTFLOW_E_NOMEM;
}

struct reader {
	const char *at, *end; /* the byte before end is a NUL */
	int failed;
};

static const char *get_text(struct reader *r)
{
	const char *text = r->at;

	if (r->at == r->end) {
		r->failed = 1;
		return "";
	}
	r->at += strlen(text) + 1;
	return text;
}

static uint32_t get_number(struct reader *r)
{
	const char *text = get_text(r);
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || number > UINT32_MAX)
		r->failed = 1;
	return (uint32_t)number;
}

/* They stay texts one behind the other, as they came. */
static const char *get_secrets(struct reader *r)
{
	const char *first = r->at;

	while (*get_text(r) != '\0')
		;
	return first;
}

static outflow_status get_components(struct reader *r, struct known_plugin *p)
{
	while (r->at < r->end && !r->failed) {
		struct known_component *more = realloc(p->components, (p->n_components + 1) * sizeof *more);

		if (more == NULL)
			return OUTFLOW_E_NOMEM;
		p->components = more;
		more += p->n_components++;
		more->kind = get_number(r);
		more->flags = get_number(r);
		more->name = get_text(r);
		more->doc = get_text(r);
		more->secrets = get_secrets(r);
	}
	return r->failed || p->n_components == 0 ? OUTFLOW_E_RECORD : OUTFLOW_OK;
}

static outflow_status get_plugin(struct reader *r, struct known_plugin *p)
{
	p->id = get_text(r);
	p->version = get_text(r);
	p->license = get_text(r);
	p->doc = get_text(r);
	return get_components(r, p);
}

static outflow_status get_reason(struct reader *r, char **reason)
{
	const char *text;

	(void)get_text(r);
	text = get_text(r);
	if (*text == '\0')
		return OUTFLOW_E_RECORD;
	*reason = strdup(text);
	return *reason ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

outflow_status known_plugin_unpack(char *text, size_t n, struct known_plugin **result, char **reason)
{
	struct reader r = { .at = text, .end = text + n };
	struct known_plugin *p = calloc(1, sizeof *p);
	outflow_status status = p ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

	*result = NULL;
	*reason = NULL;
	if (p == NULL) {
		free(text);
		return status;
	}
	p->text = text;
	if (n == 0 || text[n - 1] != '\0')
		status = OUTFLOW_E_RECORD;
	else
		status = *text != '\0' ? get_plugin(&r, p) : get_reason(&r, reason);
	if (status == OUTFLOW_OK && *reason == NULL)
		*result = p;
	else
		known_plugin_free(&p);
	return status;
}

void known_plugin_free(struct known_plugin **pp)
{
	struct known_plugin *p = *pp;

	*pp = NULL;
	if (p == NULL)
		return;
	free(p->components);
	free(p->text);
	free(p);
}
