/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/connect_component.h"

#include "host/plugin/inventory.h"

#include <stdio.h>
#include <string.h>

static int is_named(const struct known_plugin *p, const struct known_component *c, const char *reference)
{
	size_t n = strlen(p->id);

	if (strncmp(reference, p->id, n) == 0 && reference[n] == '/')
		return strcmp(reference + n + 1, c->name) == 0;
	return strcmp(reference, c->name) == 0;
}

static size_t find_by_name(const struct catalog *c, uint32_t kind, const char *reference,
                           struct connect_component *result)
{
	size_t found = 0;

	for (size_t i = 0; i < c->n_plugins; i++)
		for (size_t k = 0; k < c->plugins[i]->about->n_components; k++) {
			const struct known_component *it = &c->plugins[i]->about->components[k];

			if (it->kind != kind || !is_named(c->plugins[i]->about, it, reference))
				continue;
			*result = (struct connect_component){ .kind = kind, .file = c->plugins[i], .known = it };
			found++;
		}
	return found;
}

/* What a plugin's id alone means: its only component of that kind, or the one that is called by the kind. */
static int find_main(const struct catalog *c, uint32_t kind, const char *id, struct connect_component *result)
{
	const struct plugin_file *file = catalog_find(c, id);
	const struct known_component *only = NULL;
	size_t n = 0;

	for (size_t i = 0; file != NULL && i < file->about->n_components; i++) {
		const struct known_component *it = &file->about->components[i];

		if (it->kind != kind)
			continue;
		if (strcmp(it->name, component_kind_name(kind)) == 0) {
			only = it;
			n = 1;
			break;
		}
		only = it;
		n++;
	}
	*result = (struct connect_component){ .kind = kind, .file = file, .known = only };
	return n == 1;
}

int connect_component_find(const struct catalog *c, uint32_t kind, const char *reference,
                           struct connect_component *result)
{
	size_t found = find_by_name(c, kind, reference, result);

	return found == 1 || (found == 0 && find_main(c, kind, reference, result));
}

int connect_component_of_class(const struct catalog *c, const char *class, struct connect_component *result)
{
	for (const struct connect_java *java = connect_javas; java->class != NULL; java++)
		if (connect_class_is(java->class, "Connector", class)) {
			int found = connect_component_find(c, java->kind, java->component, result);

			result->java = java;
			return found;
		}
	return connect_component_find(c, OUTFLOW_SOURCE, class, result) ||
	       connect_component_find(c, OUTFLOW_SINK, class, result);
}

const outflow_component *connect_component_loaded(const struct connect_component *c)
{
	const struct module *module = c->file ? plugin_file_module(c->file) : NULL;

	for (size_t i = 0; module != NULL && i < module->plugin->n_components; i++)
		if (module->plugin->components[i]->kind == c->kind &&
		    strcmp(module->plugin->components[i]->name, c->known->name) == 0)
			return module->plugin->components[i];
	return NULL;
}

const char *connect_component_name(const struct connect_component *c, char *buffer)
{
	if (c->java != NULL)
		return c->java->class;
	snprintf(buffer, CONNECT_NAME_MAX, "%.90s/%.90s", c->file->about->id, c->known->name);
	return buffer;
}
