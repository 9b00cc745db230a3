/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/checkup.h"

#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/config/json_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[] = { "ok", "warning", "failed" };
static const char *const words[] = { "ok", "warn", "FAILED" };
static const char *const colours[] = { "\033[32m", "\033[33m", "\033[31m" };

void checkup_begin(struct checkup *c, int json)
{
	*c = (struct checkup){ .json = json, .list = json_array() };
	c->colours = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
}

/* What is a text is one line. */
static void flatten(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

static void print(const struct checkup *c, enum verdict verdict, const char *subject, const char *cure,
                  const char *text)
{
	printf("%s%-7s%s %-28s %s\n", c->colours ? colours[verdict] : "", words[verdict], c->colours ? "\033[0m" : "",
	       subject, text);
	if (cure != NULL)
		printf("%-7s %-28s -> %s\n", "", "", cure);
	fflush(stdout);
}

void checkup_add(struct checkup *c, enum verdict verdict, const char *subject, const char *cure, const char *format,
                 ...)
{
	char text[2000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	flatten(text);
	c->counts[verdict]++;
	if (verdict == VERDICT_FAILED)
		c->failed[c->area]++;
	if (!c->json)
		print(c, verdict, subject, cure, text);
	else if (c->list != NULL)
		json_array_append_new(c->list,
		                      json_pack("{s:o, s:s, s:o, s:o}", "subject", json_value_sentence(subject),
		                                "verdict", names[verdict], "text", json_value_sentence(text), "cure",
		                                cure ? json_value_sentence(cure) : json_null()));
}

int checkup_end(struct checkup *c)
{
	static const int statuses[] = { EXIT_ENVIRONMENT, EXIT_CONFIG, EXIT_FAILED };

	if (c->json)
		envelope_print(json_pack("{s:o, s:I, s:I, s:I}", "checks", c->list, "ok",
		                         (json_int_t)c->counts[VERDICT_OK], "warnings",
		                         (json_int_t)c->counts[VERDICT_WARNING], "failed",
		                         (json_int_t)c->counts[VERDICT_FAILED]),
		               NULL);
	else
		printf("\n%zu ok, %zu warning%s, %zu failed\n", c->counts[VERDICT_OK], c->counts[VERDICT_WARNING],
		       c->counts[VERDICT_WARNING] == 1 ? "" : "s", c->counts[VERDICT_FAILED]);
	if (!c->json)
		json_decref(c->list);
	c->list = NULL;
	for (int i = 0; i < N_AREAS; i++)
		if (c->failed[i] > 0)
			return statuses[i];
	return EXIT_OK;
}
