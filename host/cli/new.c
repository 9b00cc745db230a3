/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/cli/templates.h"
#include "host/cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_MAX_LENGTH 64
#define FILES_MAX 16

static const char help[] =
	"usage: outflow new plugin --kind source|transform|sink [OPTION]... NAME\n"
	"\n"
	"Writes a small plugin that is complete and works, to be changed from there: its source in C, a test, a build file,\n"
	"a pipeline that uses it. Nothing that exists is overwritten.\n"
	"\n"
	"      --kind source|transform|sink  what it is to be\n"
	"      --dir DIR           where to                       [NAME, in the current directory]\n"
	"      --json              for programs\n"
	"\n"
	"NAME is the plugin's id and class: a-z, 0-9, - and _, and a letter first.\n"
	"\n"
	"exit status: 0 done, 1 a file exists, 2 wrong usage or the name is taken, 3 it cannot be written\n";

struct arguments {
	const char *name, *kind, *dir;
	int json;
};

struct project {
	const struct arguments *a;
	char paths[FILES_MAX][PATH_MAX]; /* what has been written */
	size_t n;
	int made_dir;
};

static const char *const kinds[] = { "source", "transform", "sink" };
static const uint32_t kind_numbers[] = { OUTFLOW_SOURCE, OUTFLOW_TRANSFORM, OUTFLOW_SINK };
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static size_t kind_of(const char *name)
{
	size_t i = 0;

	while (i < N_KINDS && strcmp(kinds[i], name) != 0)
		i++;
	return i;
}

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "kind", required_argument, NULL, 'k' },
		{ "dir", required_argument, NULL, 'd' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			fputs(help, stdout);
			return -1;
		case 'k':
			a->kind = optarg;
			break;
		case 'd':
			a->dir = optarg;
			break;
		case 'j':
			a->json = 1;
			break;
		default:
			return cli_bad_option("new", argv, options);
		}
	}
	if (argc - optind != 2 || strcmp(argv[optind], "plugin") != 0)
		return cli_misuse("new", "expected plugin NAME");
	a->name = argv[optind + 1];
	if (a->kind == NULL)
		return cli_misuse("new", "--kind is source, transform or sink: which one?");
	if (kind_of(a->kind) == N_KINDS)
		return cli_misuse("new", "--kind is source, transform or sink");
	if (a->dir == NULL)
		a->dir = a->name;
	return EXIT_OK;
}

/* Is it an id that no other plugin has, nor a component of the kind? */
static int check_name(const struct arguments *a)
{
	struct config_options o = { 0 };
	struct configuration c = { 0 };
	struct component component;
	size_t length = strspn(a->name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
	int status;

	if (a->name[0] < 'a' || a->name[0] > 'z' || a->name[length] != '\0' || length > NAME_MAX_LENGTH)
		return tool_fail(a->json, EXIT_CONFIG,
		                 "'%.80s' is no name of a plugin: at most %d of a-z, 0-9, - and _, and a letter first",
		                 a->name, NAME_MAX_LENGTH);
	status = configuration_read_host(&c, &o);
	if (status == EXIT_OK && inventory_open(c.host.plugin_path, NULL, &c.inventory, NULL) != OUTFLOW_OK)
		status = EXIT_FAILED;
	if (status == EXIT_OK &&
	    (catalog_find(inventory_catalog(c.inventory), a->name) != NULL ||
	     inventory_find(c.inventory, kind_numbers[kind_of(a->kind)], a->name, &component, NULL) == OUTFLOW_OK))
		status = tool_fail(a->json, EXIT_CONFIG, "there is a plugin '%s' already (outflow plugins describe %s)",
		                   a->name, a->name);
	configuration_clear(&c);
	return status;
}

/* text with the plugin's name in its places; malloc'd, NULL: no memory. */
static char *fill_in(const char *text, const char *name)
{
	size_t size = strlen(text) + 1, at = strlen(TEMPLATE_NAME);
	char *result, *to;

	for (const char *p = text; (p = strstr(p, TEMPLATE_NAME)) != NULL; p += at)
		size += strlen(name);
	result = to = malloc(size);
	for (const char *next; result != NULL && (next = strstr(text, TEMPLATE_NAME)) != NULL; text = next + at)
		to += sprintf(to, "%.*s%s", (int)(next - text), text, name);
	if (result != NULL)
		strcpy(to, text);
	return result;
}

static int fail_write(const struct project *p, const char *path)
{
	if (errno == EEXIST)
		return tool_fail(p->a->json, EXIT_FAILED,
		                 "%s exists, and nothing is overwritten (--dir names another place)", path);
	return tool_fail(p->a->json, EXIT_ENVIRONMENT, "%s cannot be written: %s", path, strerror(errno));
}

/* A new file with all of the text. 0, or -1 with errno. */
static int write_file(struct project *p, const char *path, const char *text)
{
	size_t n = strlen(text);
	ssize_t written = 0;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd < 0)
		return -1;
	p->n++;
	for (size_t done = 0; done < n && written >= 0; done += (size_t)written)
		written = write(fd, text + done, n - done);
	return close(fd) == 0 && written >= 0 ? 0 : -1;
}

static int write_template(struct project *p, const struct template_file *f)
{
	char *name = fill_in(f->name, p->a->name), *text = fill_in(f->text, p->a->name), *path = p->paths[p->n];
	int status = EXIT_OK;

	if (name == NULL || text == NULL)
		status = tool_fail(p->a->json, EXIT_FAILED, "no memory");
	else if ((size_t)snprintf(path, PATH_MAX, "%s/%s", p->a->dir, name) >= PATH_MAX)
		status = tool_fail(p->a->json, EXIT_CONFIG, "%s: too long", p->a->dir);
	else if (write_file(p, path, text) != 0)
		status = fail_write(p, path);
	free(name);
	free(text);
	return status;
}

/* All files, or none. */
static int write_project(struct project *p)
{
	int status = EXIT_OK;

	p->made_dir = mkdir(p->a->dir, 0777) == 0;
	if (!p->made_dir && errno != EEXIST)
		return tool_fail(p->a->json, EXIT_ENVIRONMENT, "the directory %s cannot be made: %s", p->a->dir,
		                 strerror(errno));
	for (const struct template_file *f = template_files; f->name != NULL && status == EXIT_OK; f++)
		if (*f->kind == '\0' || strcmp(f->kind, p->a->kind) == 0)
			status = write_template(p, f);
	if (status == EXIT_OK)
		return status;
	while (p->n > 0)
		unlink(p->paths[--p->n]);
	if (p->made_dir)
		rmdir(p->a->dir);
	return status;
}

static void report(const struct project *p)
{
	json_t *files = json_array();

	for (size_t i = 0; i < p->n; i++)
		json_array_append_new(files, json_string(p->paths[i]));
	if (p->a->json)
		envelope_print(json_pack("{s:s, s:s, s:s, s:O}", "name", p->a->name, "kind", p->a->kind, "directory",
		                         p->a->dir, "files", files),
		               NULL);
	else {
		for (size_t i = 0; i < p->n; i++)
			printf("%s\n", p->paths[i]);
		printf("\nnext: make -C %s check run\n", p->a->dir);
	}
	json_decref(files);
}

int cli_new(int argc, char **argv)
{
	static struct project p;
	struct arguments a = { 0 };
	int status = parse(argc, argv, &a);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	p.a = &a;
	status = check_name(&a);
	if (status == EXIT_OK)
		status = write_project(&p);
	if (status == EXIT_OK)
		report(&p);
	return status;
}
