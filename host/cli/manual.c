/* SPDX-License-Identifier: Apache-2.0 */
/*
 * manual.c: a program of the build that fills in the manual pages: copies mdoc(7) from standard input to standard output and
 * puts in place of a line `@commands@` what the commands say of themselves, of `@host@`, `@pipeline@`, `@place@`, `@deadletter@`
 * and `@transform@` the keys of these schemas. So the pages say what the program does, whatever changes.
 */
#include "host/cli/cli.h"
#include "host/config/host_schema.h"
#include "host/plugin/describe.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONTINUATION 20 /* a line of a --help that is indented so far goes on with the option above it */

/* Text that troff takes as it is. */
static void put_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text != '\0'; text++)
		fputs(*text == '\\' ? "\\e" : *text == '-' ? "\\-" : (char[]){ *text, '\0' }, stdout);
}

static void put_line(const char *text)
{
	put_text(text);
	putchar('\n');
}

/* Filled text: blanks do not count, and each sentence begins a line, by which troff knows its end. */
static void put_sentences(char *text)
{
	char *save = NULL, *word = strtok_r(text, " ", &save);
	int is_end = 0;

	for (; word != NULL; word = strtok_r(NULL, " ", &save)) {
		if (is_end)
			putchar('\n');
		put_text(word);
		is_end = strchr(".?!", word[strlen(word) - 1]) != NULL;
		if (!is_end && *save != '\0')
			putchar(' ');
	}
	putchar('\n');
}

/* ---- commands ---- */

/* What a command prints with --help, in a file of its own at its beginning. */
static FILE *help_of(const struct subcommand *s)
{
	char name[40], *arguments[] = { name, (char[]){ "--help" }, NULL };
	FILE *file = tmpfile();
	int out = dup(STDOUT_FILENO);

	snprintf(name, sizeof name, "%s", s->name);
	fflush(stdout);
	if (file == NULL || out < 0 || dup2(fileno(file), STDOUT_FILENO) < 0)
		abort();
	optind = 0; /* of getopt(3): begin anew */
	if (s->run(2, arguments) != 0)
		abort();
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	close(out);
	rewind(file);
	return file;
}

enum block { NO_BLOCK, SYNOPSIS, OPTIONS, EXAMPLE, TEXT };

static enum block block_of(const char *line, enum block before)
{
	size_t indent = strspn(line, " ");

	if (line[indent] == '\0')
		return NO_BLOCK;
	if (strncmp(line, "usage: ", 7) == 0 || (before == SYNOPSIS && indent > 0))
		return SYNOPSIS;
	if ((indent > 0 && line[indent] == '-') || (before == OPTIONS && indent >= CONTINUATION))
		return OPTIONS;
	return indent > 1 ? EXAMPLE : TEXT;
}

static void begin_block(enum block block)
{
	static const char *const begin[] = { "", ".Bd -literal\n", ".Bl -tag -width Ds\n",
		                             ".Bd -literal -offset indent\n", ".Pp\n" };

	fputs(begin[block], stdout);
}

static void end_block(enum block block)
{
	static const char *const end[] = { "", ".Ed\n", ".El\n", ".Ed\n", "" };

	fputs(end[block], stdout);
}

/* "-c, --config FILE       settings of the host": flags and arguments, then what they mean. */
static void put_option(char *line)
{
	char *text = strstr(line, "  "), *save = NULL;

	if (text != NULL)
		*text++ = '\0';
	fputs(".It", stdout);
	for (char *word = strtok_r(line, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		size_t n = strcspn(word, ",");

		printf(word[0] == '-' ? " Fl %.*s%s" : " Ar %.*s%s", (int)(word[0] == '-' ? n - 1 : n),
		       word[0] == '-' ? word + 1 : word, word[n] == ',' ? " ," : "");
	}
	putchar('\n');
	if (text != NULL)
		put_sentences(text);
}

static void put_help_line(enum block block, char *line)
{
	char *text = line + strspn(line, " ");

	if (block == SYNOPSIS)
		put_line(strncmp(line, "usage: ", 7) == 0 ? line + 7 : text);
	else if (block == OPTIONS && *text == '-')
		put_option(text);
	else if (block == EXAMPLE)
		put_line(line + 2);
	else
		put_sentences(text);
}

static void put_commands(void)
{
	for (const struct subcommand *s = subcommands; s->name != NULL; s++) {
		FILE *help = help_of(s);
		enum block block = NO_BLOCK;
		char line[1000];

		printf(".Ss %s\n", s->name);
		while (fgets(line, sizeof line, help) != NULL) {
			enum block now;

			line[strcspn(line, "\n")] = '\0';
			now = block_of(line, block);
			if (now != block) {
				end_block(block);
				begin_block(now);
			}
			block = now;
			if (block != NO_BLOCK)
				put_help_line(block, line);
		}
		end_block(block);
		fclose(help);
	}
}

/* ---- keys ---- */

static void put_choices(const json_t *choices)
{
	size_t i;
	json_t *choice;

	json_array_foreach(choices, i, choice)
	{
		printf("%s", i == 0 ? " (" : ", ");
		put_text(json_string_value(choice));
	}
	fputs(i > 0 ? ")" : "", stdout);
}

static void put_key(const json_t *key)
{
	const char *type, *name, *documentation, *standard = json_string_value(json_object_get(key, "default"));
	char text[1000];
	json_int_t min = 0, max = 0;
	int required, secret;
	json_t *choices = NULL;

	if (json_unpack((json_t *)(uintptr_t)key, "{s:s, s:s, s:s, s:b, s:b, s?o, s?I, s?I}", "name", &name, "type",
	                &type, "documentation", &documentation, "required", &required, "secret", &secret, "choices",
	                &choices, "minimum", &min, "maximum", &max) != 0)
		abort();
	fputs(".It Sy \"", stdout);
	put_text(name);
	fputs("\"\n", stdout);
	while (*type != '\0')
		putchar(tolower((unsigned char)*type++));
	put_choices(choices);
	if (min != 0 || max != 0)
		printf(", %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT, min, max);
	fputs(required ? ", required" : "", stdout);
	if (standard != NULL) {
		fputs(", default ", stdout);
		put_text(*standard ? standard : "empty");
	}
	puts(secret ? ", secret\n.br" : "\n.br");
	snprintf(text, sizeof text, "%s", documentation);
	put_sentences(text);
}

/* The keys of a schema, group by group as they stand there. */
static void put_keys(const outflow_cfg_def *schema)
{
	json_t *keys = describe_schema(schema), *key;
	size_t i;

	puts(".Bl -tag -width Ds");
	json_array_foreach(keys, i, key) put_key(key);
	puts(".El");
	json_decref(keys);
}

int main(void)
{
	static const struct {
		const char *mark;
		const outflow_cfg_def *schema;
	} schemas[] = { { "@host@\n", &host_schema },
		        { "@pipeline@\n", &pipeline_schema },
		        { "@place@\n", &choice_schema },
		        { "@deadletter@\n", &deadletter_schema },
		        { "@transform@\n", &transform_schema } };
	char line[1000];

	while (fgets(line, sizeof line, stdin) != NULL) {
		size_t i = 0, n = sizeof schemas / sizeof schemas[0];

		while (i < n && strcmp(line, schemas[i].mark) != 0)
			i++;
		if (i < n)
			put_keys(schemas[i].schema);
		else if (strcmp(line, "@commands@\n") == 0)
			put_commands();
		else
			fputs(line, stdout);
	}
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : EXIT_FAILURE;
}
