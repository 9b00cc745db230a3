/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/envelope.h"

#include "host/config/json_value.h"

#include <stdlib.h>

static json_t *describe_problem(const struct problem *p)
{
	json_t *o = json_pack("{s:o}", "message", json_value_sentence(p->message ? p->message : "no memory"));

	if (p->file != NULL)
		json_object_set_new(o, "file", json_string(p->file));
	if (p->line > 0)
		json_object_set_new(o, "line", json_integer(p->line));
	if (p->pipeline != NULL)
		json_object_set_new(o, "pipeline", json_string(p->pipeline));
	if (p->key != NULL)
		json_object_set_new(o, "key", json_string(p->key));
	return o;
}

static void print(json_t *data, json_t *errors)
{
	json_t *envelope = json_object();

	json_object_set_new(envelope, "ok", json_boolean(json_array_size(errors) == 0));
	json_object_set_new(envelope, "data", data ? data : json_null());
	json_object_set_new(envelope, "errors", errors);
	json_dumpf(envelope, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(envelope);
}

void envelope_print(json_t *data, const struct problems *problems)
{
	json_t *errors = json_array();

	for (size_t i = 0; problems != NULL && i < problems->n; i++)
		json_array_append_new(errors, describe_problem(&problems->list[i]));
	print(data, errors);
}

void envelope_print_error(const char *message)
{
	print(NULL, json_pack("[{s:o}]", "message", json_value_sentence(message)));
}
