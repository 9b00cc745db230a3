/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/tool.h"

#include "host/base/clock.h"
#include "host/cli/envelope.h"

#include <outflow/json.h>

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int tool_fail(int json, int status, const char *format, ...)
{
	char text[2048];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (json)
		envelope_print_error(text);
	else
		fprintf(stderr, "outflow: %s\n", text);
	return status;
}

static int open_files(struct tool *t)
{
	const char *root = t->configuration.host.state_dir;
	outflow_error err = { .size = sizeof err };
	char path[PATH_MAX];

	/* Opening one would make it. */
	if (access(root, F_OK) != 0)
		return tool_fail(t->json, EXIT_ENVIRONMENT,
		                 "there is no state directory %s (--state-dir names another)", root);
	if (state_dir_open(root, &t->dir, &err) != OUTFLOW_OK ||
	    state_dir_path(t->dir, "checkpoints", NULL, -1, path, sizeof path) != OUTFLOW_OK ||
	    checkpoint_store_open(path, CLOCK_S, &t->checkpoints, &err) != OUTFLOW_OK)
		return tool_fail(t->json, EXIT_ENVIRONMENT, "%s", err.msg);
	return EXIT_OK;
}

int tool_open(struct tool *t, const struct config_options *o, int json)
{
	int status;

	*t = (struct tool){ .json = json };
	status = configuration_read(&t->configuration, o);
	if (status != EXIT_OK)
		return status;
	/* Where the files are may be what is wrong in it. */
	if (o->state_dir == NULL && t->configuration.problems.reported > 0) {
		if (!json)
			return configuration_report(&t->configuration);
		envelope_print(NULL, &t->configuration.problems);
		return EXIT_CONFIG;
	}
	return open_files(t);
}

void tool_close(struct tool *t)
{
	checkpoint_store_close(&t->checkpoints);
	state_dir_close(&t->dir);
	configuration_clear(&t->configuration);
}

static json_t *in_base64(outflow_bytes b)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = b.ptr;
	char *text = malloc((b.len + 2) / 3 * 4 + 1), *to = text;
	json_t *result;

	if (text == NULL)
		return NULL;
	for (size_t n = b.len; n > 0; p += 3, n -= n < 3 ? n : 3) {
		unsigned long three =
			(unsigned long)p[0] << 16 | (n > 1 ? (unsigned long)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);

		*to++ = digits[three >> 18];
		*to++ = digits[three >> 12 & 63];
		*to++ = n > 1 ? digits[three >> 6 & 63] : '=';
		*to++ = n > 2 ? digits[three & 63] : '=';
	}
	result = json_pack("{s:s%}", "base64", text, (size_t)(to - text));
	free(text);
	return result;
}

json_t *tool_json_bytes(outflow_bytes bytes)
{
	if (bytes.ptr == NULL)
		return json_null();
	/* outflow_utf8_check says how much of it is UTF-8; jansson itself then copies only what is good. */
	if (outflow_utf8_check(bytes) == bytes.len)
		return json_stringn_nocheck(bytes.ptr, bytes.len);
	return in_base64(bytes);
}
