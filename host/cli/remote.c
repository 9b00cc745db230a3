/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/remote.h"

#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int remote_parse(struct client *c, const struct remote_usage *u, int *argc, char ***argv)
{
	int option, n;

	optind = 1;
	while ((option = getopt_long(*argc, *argv, "h", u->options, NULL)) != -1) {
		if (option == 'h') {
			fputs(u->help, stdout);
			return -1;
		}
		if (client_take(c, option, optarg))
			continue;
		if (option == '?' || u->take == NULL)
			return cli_bad_option(u->command, *argv, u->options);
		u->take(u->ctx, option, optarg);
	}
	n = *argc - optind;
	*argv += optind;
	*argc = n;
	if (n < u->least)
		return cli_misuse(u->command, "an argument is missing");
	if (u->most >= 0 && n > u->most)
		return cli_misuse(u->command, "there are too many arguments");
	return EXIT_OK;
}

int remote_show(struct client *c, const char *method, const char *path, const json_t *body,
                void (*print)(const json_t *answer, void *ctx), void *ctx)
{
	struct client_answer a;
	int status = client_call(c, method, path, body, NULL, &a);

	if (status == EXIT_OK && c->json)
		envelope_print(json_incref(a.body), NULL);
	else if (status == EXIT_OK && print != NULL)
		print(a.body, ctx);
	client_answer_clear(&a);
	return status;
}

const char *remote_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

json_int_t remote_number(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_real(value) ? (json_int_t)json_real_value(value) : json_integer_value(value);
}

json_t *remote_read_json(const struct client *c, const char *path, int *status)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	json_error_t error;
	json_t *value;

	if (file == NULL) {
		*status = tool_fail(c->json, EXIT_CONFIG, "%s cannot be read: %s", path, strerror(errno));
		return NULL;
	}
	value = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (file != stdin)
		fclose(file);
	*status = EXIT_OK;
	if (value == NULL)
		*status = tool_fail(c->json, EXIT_CONFIG, "%s:%d:%d: no JSON: %s", path, error.line, error.column,
		                    error.text);
	return value;
}

json_t *remote_read_settings(const struct client *c, int n, char *const *settings, int *status)
{
	json_t *object = json_object();

	for (int i = 0; i < n; i++) {
		const char *equals = strchr(settings[i], '=');
		char *key = equals ? strndup(settings[i], (size_t)(equals - settings[i])) : NULL;

		if (key == NULL || *key == '\0') {
			*status = tool_fail(c->json, EXIT_CONFIG, "'%s' is no KEY=VALUE", settings[i]);
			free(key);
			json_decref(object);
			return NULL;
		}
		json_object_set_new(object, key, equals[1] ? json_string(equals + 1) : json_null());
		free(key);
	}
	*status = EXIT_OK;
	return object;
}
