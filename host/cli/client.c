/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/client.h"

#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/cli/transfer.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int client_take(struct client *c, int option, const char *argument)
{
	switch (option) {
	case CLIENT_OPTION_URL:
		c->url = argument;
		return 1;
	case CLIENT_OPTION_STATE_DIR:
		c->state_dir = argument;
		return 1;
	case CLIENT_OPTION_JSON:
		c->json = 1;
		return 1;
	default:
		return 0;
	}
}

/* ---- where the daemon is ---- */

/* The first line that begins so of the file in which a daemon says where it is. */
static int read_address(const char *state_dir, const char *beginning, char *to, size_t size)
{
	char path[PATH_MAX], line[PATH_MAX];
	FILE *file;
	int found = 0;

	snprintf(path, sizeof path, "%s/api", state_dir);
	file = fopen(path, "re");
	while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		found = strncmp(line, beginning, strlen(beginning)) == 0;
	}
	if (file != NULL)
		fclose(file);
	if (found)
		snprintf(to, size, "%s", line);
	return found;
}

/* The state directory that a daemon of this user has by default. */
static void default_state_dir(char *to, size_t size)
{
	struct loaded nothing = { 0 };
	struct problems problems = { 0 };
	struct host_model host = { 0 };

	*to = '\0';
	if (host_model_new(&nothing, &host, &problems) == OUTFLOW_OK && host.state_dir != NULL)
		snprintf(to, size, "%s", host.state_dir);
	host_model_clear(&host);
	problems_clear(&problems);
}

static void find_daemon(struct client *c)
{
	const char *url = c->url ? c->url : getenv("OUTFLOW_URL");
	char directory[PATH_MAX];

	if (*c->address != '\0')
		return;
	if (c->url == NULL && c->state_dir != NULL)
		url = NULL;
	if (url != NULL && *url != '\0') {
		snprintf(c->address, sizeof c->address, "%s", url);
		return;
	}
	if (c->state_dir != NULL)
		snprintf(directory, sizeof directory, "%s", c->state_dir);
	else
		default_state_dir(directory, sizeof directory);
	if (!read_address(directory, "unix:", c->address, sizeof c->address) &&
	    !read_address(directory, "http", c->address, sizeof c->address))
		snprintf(c->address, sizeof c->address, "http://127.0.0.1:8083");
}

/* ---- answers ---- */

static int status_for(long http)
{
	if (http >= 200 && http < 300)
		return EXIT_OK;
	if (http == 400 || http == 415 || http == 413)
		return EXIT_CONFIG;
	return http == 401 || http == 403 ? EXIT_ENVIRONMENT : EXIT_FAILED;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static void add_problems(const json_t *body, struct problems *problems)
{
	size_t i;
	json_t *it;

	json_array_foreach(json_object_get(body, "problems"), i, it)
	{
		const char *key = json_string_value(json_object_get(it, "key"));

		problems_add(problems,
		             &(struct place){ json_string_value(json_object_get(it, "file")),
		                              (int)json_integer_value(json_object_get(it, "line")), NULL, key },
		             "%s", text_of(it, "message"));
	}
}

static int refuse(struct client *c, const struct client_answer *a, int status)
{
	struct problems problems = { 0 };
	char message[4400];

	if (a->body != NULL && *text_of(a->body, "message") != '\0')
		snprintf(message, sizeof message, "%s", text_of(a->body, "message"));
	else
		snprintf(message, sizeof message, "%s answered with status %ld", c->address, a->status);
	add_problems(a->body, &problems);
	if (c->quiet) {
		snprintf(c->why, sizeof c->why, "%s", message);
	} else if (c->json && problems.n > 0) {
		envelope_print(NULL, &problems);
	} else if (c->json) {
		envelope_print_error(message);
	} else {
		fprintf(stderr, "outflow: %s\n", message);
		problems_print(&problems, stderr);
	}
	problems_clear(&problems);
	return status;
}

static int unreachable(struct client *c, const char *why)
{
	char message[5000];

	snprintf(message, sizeof message,
	         "no daemon answers at %s: %s (is it running? --url and --state-dir say where)", c->address, why);
	if (c->quiet)
		snprintf(c->why, sizeof c->why, "%s", message);
	else if (c->json)
		envelope_print_error(message);
	else
		fprintf(stderr, "outflow: %s\n", message);
	return EXIT_ENVIRONMENT;
}

int client_call(struct client *c, const char *method, const char *path, const json_t *body, const char *if_match,
                struct client_answer *a)
{
	struct transfer t = { .method = method, .path = path, .if_match = if_match };
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int status;

	*a = (struct client_answer){ 0 };
	find_daemon(c);
	t.address = c->address;
	t.body = text;
	if (transfer_run(&t) != 0) {
		status = unreachable(c, t.why);
	} else {
		a->status = t.status;
		snprintf(a->etag, sizeof a->etag, "%s", t.etag);
		a->body = t.length > 0 ? json_loadb(t.answer, t.length, JSON_DECODE_ANY, NULL) : NULL;
		status = status_for(t.status);
		if (status != EXIT_OK)
			status = refuse(c, a, status);
	}
	transfer_clear(&t);
	free(text);
	return status;
}

void client_answer_clear(struct client_answer *a)
{
	json_decref(a->body);
	a->body = NULL;
}

/* ---- server-sent events (WHATWG HTML, 9.2) ---- */

struct following {
	int (*event)(void *ctx, const char *type, const char *data);
	void *ctx;
	char type[64];
	char *line, *data;
	size_t n_line, n_data;
	int ended; /* the reader has enough, or there is no memory */
};

static int append(char **to, size_t *n, const char *from, size_t length)
{
	char *more = realloc(*to, *n + length + 1);

	if (more == NULL)
		return -1;
	memcpy(more + *n, from, length);
	*n += length;
	more[*n] = '\0';
	*to = more;
	return 0;
}

static void take_line(struct following *f)
{
	const char *line = f->line ? f->line : "";

	if (f->n_line == 0) {
		if (f->n_data > 0)
			f->ended = f->event(f->ctx, *f->type ? f->type : "message", f->data);
		f->n_data = 0;
		*f->type = '\0';
	} else if (strncmp(line, "event:", 6) == 0) {
		snprintf(f->type, sizeof f->type, "%s", line + 6 + (line[6] == ' '));
	} else if (strncmp(line, "data:", 5) == 0) {
		const char *data = line + 5 + (line[5] == ' ');

		f->ended |= (f->n_data > 0 && append(&f->data, &f->n_data, "\n", 1) != 0) ||
		            append(&f->data, &f->n_data, data, strlen(data)) != 0;
	}
	f->n_line = 0;
	if (f->line != NULL)
		*f->line = '\0';
}

static int take_bytes(void *ctx, const char *bytes, size_t n)
{
	struct following *f = ctx;

	for (size_t i = 0; i < n && !f->ended; i++) {
		if (bytes[i] == '\n')
			take_line(f);
		else if (bytes[i] != '\r' && append(&f->line, &f->n_line, bytes + i, 1) != 0)
			f->ended = 1;
	}
	return f->ended;
}

int client_follow(struct client *c, const char *path, int (*event)(void *ctx, const char *type, const char *data),
                  void *ctx)
{
	struct following f = { .event = event, .ctx = ctx };
	struct transfer t = { .method = "GET", .path = path, .take = take_bytes, .take_ctx = &f, .stop = c->stop };
	int status = EXIT_OK, failed, was_ended;

	find_daemon(c);
	t.address = c->address;
	failed = transfer_run(&t) != 0;
	was_ended = f.ended || (c->stop != NULL && *c->stop);
	if (failed && !was_ended) {
		status = unreachable(c, t.why);
	} else if (!failed && status_for(t.status) != EXIT_OK) {
		struct client_answer a = { .status = t.status, .body = json_loadb(t.answer, t.length, 0, NULL) };

		status = refuse(c, &a, status_for(t.status));
		client_answer_clear(&a);
	}
	transfer_clear(&t);
	free(f.line);
	free(f.data);
	return status;
}

const char *client_segment(const char *name, char *to, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
	size_t n = 0;

	for (const char *p = name; *p != '\0' && n + 4 < size; p++)
		n += (size_t)snprintf(to + n, size - n, strchr(plain, *p) ? "%c" : "%%%02X", (unsigned char)*p);
	to[n] = '\0';
	return to;
}
