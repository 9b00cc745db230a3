/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/problems.h"

#include <stdlib.h>

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int is_known(const struct problems *p, const struct place *where, const char *message)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->list[i].line == where->line && same(p->list[i].file, where->file) &&
		    same(p->list[i].key, where->key) && same(p->list[i].pipeline, where->pipeline) &&
		    same(p->list[i].message, message))
			return 1;
	return 0;
}

void problems_add(struct problems *p, const struct place *where, const char *format, ...)
{
	char message[1000];
	struct problem *list;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	p->reported++;
	if (is_known(p, where, message))
		return;
	list = realloc(p->list, (p->n + 1) * sizeof *list);
	if (list == NULL) {
		p->out_of_memory = 1;
		return;
	}
	p->list = list;
	list[p->n++] = (struct problem){ copy(where->file), where->line, copy(where->pipeline), copy(where->key),
		                         copy(message) };
}

static int by_place(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;
	int order = strcmp(x->file ? x->file : "", y->file ? y->file : "");

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

void problems_print(const struct problems *p, FILE *to)
{
	if (p->n > 1)
		qsort(p->list, p->n, sizeof *p->list, by_place);
	for (size_t i = 0; i < p->n; i++) {
		const struct problem *it = &p->list[i];

		if (it->file != NULL)
			fprintf(to, "%s:", it->file);
		if (it->file != NULL && it->line > 0)
			fprintf(to, "%d:", it->line);
		if (it->file != NULL)
			fputc(' ', to);
		if (it->pipeline != NULL)
			fprintf(to, "pipeline '%s': ", it->pipeline);
		if (it->key != NULL)
			fprintf(to, "%s: ", it->key);
		fprintf(to, "%s\n", it->message ? it->message : "no memory");
	}
	if (p->out_of_memory)
		fputs("there are more problems, but no memory to list them\n", to);
}

void problems_clear(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].file);
		free(p->list[i].pipeline);
		free(p->list[i].key);
		free(p->list[i].message);
	}
	free(p->list);
	*p = (struct problems){ 0 };
}
