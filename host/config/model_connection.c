/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connection_model.h"
#include "host/config/model_internal.h"
#include "host/config/suggest.h"

#include <stdio.h>
#include <string.h>

/* Do two classes mean one plugin ("kafka", "kafka/sink")? What is not given fits. */
static int is_same_plugin(const char *a, const char *b)
{
	size_t n = a ? strcspn(a, "/") : 0;

	return a == NULL || b == NULL || (strcspn(b, "/") == n && strncmp(a, b, n) == 0);
}

/* Takes a setting of a connection over where the pipeline has none; X.value is X. */
static void merge_setting(struct making *mk, const char *prefix, const struct setting *it)
{
	size_t n = strlen(it->key);
	int is_value = n > 6 && strcmp(it->key + n - 6, ".value") == 0;
	char key[512], twin[512];

	if (strcmp(it->key, "name") == 0 || strcmp(it->key, "description") == 0)
		return;
	snprintf(key, sizeof key, "%s%s", prefix, it->key);
	snprintf(twin, sizeof twin, "%s%.*s%s", prefix, (int)(is_value ? n - 6 : n), it->key, is_value ? "" : ".value");
	if (settings_find(&mk->model->settings, key) == NULL && settings_find(&mk->model->settings, twin) == NULL)
		mk->status = settings_set(&mk->model->settings, key, it->value, it->file, it->line);
}

/* All but what is meant for the other end of a pipeline. */
static void merge(struct making *mk, const char *prefix, const struct settings *settings)
{
	const char *class =
		settings_get(settings, "class") ? settings_get(settings, "class") : making_class(mk, prefix);
	uint32_t kind = strcmp(prefix, "source.") == 0 ? OUTFLOW_SOURCE : OUTFLOW_SINK;
	struct connection_keys keys = { 0 };

	if (class != NULL)
		keys = connection_keys_of(mk->inventory, kind, class);
	for (size_t i = 0; i < settings->n && mk->status == OUTFLOW_OK; i++)
		if (!connection_keys_leave(&keys, settings->list[i].key))
			merge_setting(mk, prefix, &settings->list[i]);
}

void making_merge_connection(struct making *mk, const char *prefix)
{
	const char *name = making_get(mk, prefix, "connection");
	struct suggestion near = { .typed = name };
	const struct declaration *found = NULL;
	char key[300], message[300];

	if (name == NULL)
		return;
	snprintf(key, sizeof key, "%sconnection", prefix);
	for (size_t i = 0; i < mk->connections->n; i++) {
		suggestion_offer(&near, mk->connections->list[i].name);
		if (strcmp(mk->connections->list[i].name, name) == 0)
			found = &mk->connections->list[i];
	}
	if (found == NULL) {
		snprintf(message, sizeof message,
		         near.best ? "there is no connection '%.100s'; did you mean '%.100s'?"
		                   : "there is no connection '%.100s'",
		         name, near.best);
		making_complain(mk, key, message);
		return;
	}
	if (!is_same_plugin(making_class(mk, prefix), settings_get(&found->settings, "class"))) {
		snprintf(message, sizeof message, "connection '%.100s' is of class '%.60s', not '%.60s'", name,
		         settings_get(&found->settings, "class"), making_class(mk, prefix));
		making_complain(mk, key, message);
	}
	merge(mk, prefix, &found->settings);
}
