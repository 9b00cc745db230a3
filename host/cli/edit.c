/* SPDX-License-Identifier: Apache-2.0 */
/* create and edit: pipelines of a running daemon, from files, settings, or an editor. */
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/cli/remote.h"
#include "host/cli/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTION_START = CLIENT_OPTION_OWN, OPTION_FILE };

/* ---- create ---- */

static void print_created(const json_t *answer, void *ctx)
{
	(void)ctx;
	printf("%s is created, and %s\n", remote_text(answer, "name"), remote_text(answer, "state"));
}

/* Takes the body over. */
static int post(struct client *c, json_t *body, int start)
{
	int status;

	if (start)
		json_object_set_new(body, "start", json_true());
	status = remote_show(c, "POST", "/v1/pipelines", body, print_created, NULL);
	json_decref(body);
	return status;
}

static json_t *flat(const struct declaration *d)
{
	json_t *config = json_object();

	for (size_t i = 0; i < d->settings.n; i++)
		json_object_set_new(config, d->settings.list[i].key, json_string(d->settings.list[i].value));
	return json_pack("{s:s, s:o}", "name", d->name, "config", config);
}

static int create_from_files(struct client *c, const struct loaded *files, int start)
{
	int status = EXIT_OK;

	for (size_t i = 0; i < files->pipelines.n && status == EXIT_OK; i++)
		status = post(c, flat(&files->pipelines.list[i]), start);
	return status;
}

static int is_json(const char *path)
{
	size_t n = strlen(path);

	return strcmp(path, "-") == 0 || (n > 5 && strcmp(path + n - 5, ".json") == 0);
}

static int create(struct client *c, const char *path, int start)
{
	struct loaded files = { 0 };
	struct problems problems = { 0 };
	int status;

	if (is_json(path)) {
		json_t *body = remote_read_json(c, path, &status);

		return body ? post(c, body, start) : status;
	}
	if (config_load(path, &files, &problems) != OUTFLOW_OK) {
		status = tool_fail(c->json, EXIT_FAILED, "no memory");
	} else if (problems.reported > 0 && c->json) {
		envelope_print(NULL, &problems);
		status = EXIT_CONFIG;
	} else if (problems.reported > 0) {
		problems_print(&problems, stderr);
		status = EXIT_CONFIG;
	} else if (files.pipelines.n == 0) {
		status = tool_fail(c->json, EXIT_CONFIG, "%s declares no pipeline", path);
	} else {
		status = create_from_files(c, &files, start);
	}
	loaded_clear(&files);
	problems_clear(&problems);
	return status;
}

static void take_start(void *ctx, int option, const char *argument)
{
	(void)argument;
	*(int *)ctx |= option == OPTION_START;
}

int cli_create(int argc, char **argv)
{
	static const struct option options[] = { CLIENT_LONG_OPTIONS,
		                                 { "start", no_argument, NULL, OPTION_START },
		                                 { 0 } };
	static const char help[] =
		"usage: outflow create [OPTION]... FILE\n"
		"\n"
		"Creates the pipelines of a file in a running daemon: FILE.conf as in plugins.d, FILE.json, or - for\n"
		"JSON on standard input. They are created stopped.\n"
		"\n"
		"      --start             and started at once\n" CLIENT_OPTIONS_HELP;
	int start = 0;
	const struct remote_usage u = { "create", help, options, 1, 1, take_start, &start };
	struct client c = { 0 };
	int status = remote_parse(&c, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	return create(&c, argv[0], start);
}

/* ---- edit ---- */

static void print_edited(const json_t *answer, void *ctx)
{
	(void)ctx;
	printf("%s has version %s, and is %s\n", remote_text(answer, "name"), remote_text(answer, "version"),
	       remote_text(answer, "state"));
}

static int send(struct client *c, const char *method, const char *path, const json_t *body, const char *etag)
{
	struct client_answer a;
	int status = client_call(c, method, path, body, etag, &a);

	if (status == EXIT_OK && c->json)
		envelope_print(json_incref(a.body), NULL);
	else if (status == EXIT_OK)
		print_edited(a.body, NULL);
	client_answer_clear(&a);
	return status;
}

static int edit_settings(struct client *c, const char *path, int n, char **settings)
{
	int status;
	json_t *config = remote_read_settings(c, n, settings, &status), *body;

	if (config == NULL)
		return status;
	body = json_pack("{s:o}", "config", config);
	status = send(c, "PATCH", path, body, NULL);
	json_decref(body);
	return status;
}

/* The user's editor on a file; EXIT_OK when it ended well. */
static int run_editor(const struct client *c, const char *file)
{
	const char *editor = getenv("VISUAL");
	pid_t pid;
	int how;

	if (editor == NULL || *editor == '\0')
		editor = getenv("EDITOR");
	if (editor == NULL || *editor == '\0')
		editor = "vi";
	pid = fork();
	if (pid == 0) {
		char command[4300];

		snprintf(command, sizeof command, "%s \"$1\"", editor);
		execl("/bin/sh", "sh", "-c", command, "sh", file, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(how) && WEXITSTATUS(how) == 0)
		return EXIT_OK;
	return tool_fail(c->json, EXIT_FAILED, "the editor '%s' failed: nothing was changed", editor);
}

static int edit_text(struct client *c, const char *path, const struct client_answer *now)
{
	const char *directory = getenv("TMPDIR");
	json_t *before = json_object_get(now->body, "pipeline"), *after = NULL;
	char file[4200];
	int status, fd;

	snprintf(file, sizeof file, "%s/outflow-edit-XXXXXX.json", directory ? directory : "/tmp");
	fd = mkstemps(file, 5);
	if (fd < 0 || json_dumpfd(before, fd, JSON_INDENT(2)) != 0) {
		status = tool_fail(c->json, EXIT_ENVIRONMENT, "%s cannot be written: %s", file, strerror(errno));
	} else {
		status = run_editor(c, file);
		if (status == EXIT_OK)
			after = remote_read_json(c, file, &status);
	}
	if (fd >= 0)
		close(fd);
	if (after != NULL && json_equal(before, after))
		puts("nothing was changed");
	else if (after != NULL)
		status = send(c, "PUT", path, after, now->etag);
	/* What was typed is not thrown away because of a mistake. */
	if (status == EXIT_OK)
		(void)unlink(file);
	else if (fd >= 0)
		fprintf(stderr, "outflow: your text is in %s\n", file);
	json_decref(after);
	return status;
}

static void take_file(void *ctx, int option, const char *argument)
{
	if (option == OPTION_FILE)
		*(const char **)ctx = argument;
}

int cli_edit(int argc, char **argv)
{
	static const struct option options[] = { CLIENT_LONG_OPTIONS,
		                                 { "file", required_argument, NULL, OPTION_FILE },
		                                 { 0 } };
	static const char help[] =
		"usage: outflow edit [OPTION]... PIPELINE [KEY=VALUE]...\n"
		"\n"
		"Changes a created pipeline of a running daemon: the settings that are named (KEY= takes one away), or\n"
		"all of it in $VISUAL or $EDITOR. Positions stay; when the new one cannot be started, the old one comes\n"
		"back.\n"
		"\n"
		"      --file FILE         JSON that takes its place; - for standard input\n" CLIENT_OPTIONS_HELP;
	const char *file = NULL;
	const struct remote_usage u = { "edit", help, options, 1, -1, take_file, &file };
	struct client c = { 0 };
	struct client_answer now = { 0 };
	char path[700], segment[600];
	json_t *body;
	int status = remote_parse(&c, &u, &argc, &argv);

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	snprintf(path, sizeof path, "/v1/pipelines/%s", client_segment(argv[0], segment, sizeof segment));
	if (argc > 1 && file == NULL)
		return edit_settings(&c, path, argc - 1, argv + 1);
	if (file != NULL) {
		body = remote_read_json(&c, file, &status);
		if (body != NULL)
			status = send(&c, "PUT", path, body, NULL);
		json_decref(body);
		return status;
	}
	status = client_call(&c, "GET", path, NULL, NULL, &now);
	if (status == EXIT_OK)
		status = edit_text(&c, path, &now);
	client_answer_clear(&now);
	return status;
}
