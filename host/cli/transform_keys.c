/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/transform.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where the keys of the only transform stand. */
#define ALIAS "t1"
#define PREFIX "transforms." ALIAS "."

outflow_status transform_key(struct transform_keys *k, const char *name, const char *value)
{
	char key[300];

	snprintf(key, sizeof key, PREFIX "%.250s", name);
	return settings_set(&k->settings, key, value, NULL, 0);
}

outflow_status transform_keys_parse(struct transform_keys *k, const char *name, const char *text,
                                    struct problems *problems)
{
	struct loaded loaded = { .host = { 0 } };
	struct place where = { .file = name };
	outflow_status status = config_load_text(name, text, &loaded, problems);
	const char *prefix = settings_find(&loaded.host, "transforms") != NULL ? "" : PREFIX;

	if (loaded.pipelines.n + loaded.connections.n > 0)
		problems_add(problems, &where, "holds more than transforms; outflow try takes whole pipelines");
	if (status == OUTFLOW_OK)
		status = settings_merge(&k->settings, prefix, &loaded.host, "", 1);
	loaded_clear(&loaded);
	return status;
}

/* Takes every PREFIX out of a text. */
static void shorten(char *text)
{
	const size_t n = sizeof PREFIX - 1;

	while (text != NULL && (text = strstr(text, PREFIX)) != NULL)
		memmove(text, text + n, strlen(text + n) + 1);
}

static void shorten_problems(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->list[i].pipeline);
		p->list[i].pipeline = NULL;
		shorten(p->list[i].key);
		shorten(p->list[i].message);
	}
}

struct pipeline_model *transform_pipeline(struct configuration *c, struct transform_keys *k)
{
	struct pipeline_model *m = NULL;
	struct place nowhere = { 0 };
	int single = settings_find(&k->settings, "transforms") == NULL;
	outflow_status status = settings_set(&k->settings, "source.format", k->format ? k->format : "json", NULL, 0);

	if (status == OUTFLOW_OK && single)
		status = settings_set(&k->settings, "transforms", ALIAS, NULL, 0);
	if (status == OUTFLOW_OK)
		status = trial_pipeline_new(&c->host, c->inventory, &k->settings, &c->problems, &m);
	if (status != OUTFLOW_OK)
		problems_add(&c->problems, &nowhere, "no memory for the transform");
	if (single)
		shorten_problems(&c->problems);
	return m;
}
