/* SPDX-License-Identifier: Apache-2.0 */
#include "host/store/created.h"

#include "host/base/check.h"
#include "host/base/log.h"
#include "host/store/log_file.h"

#include <outflow/util.h>

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>

#define CREATED_MAGIC 0x63726561u
#define KEY_MAX 1024u

static const char pipeline_kind[] = "pipeline", connection_kind[] = "connection";

struct created_store {
	unsigned magic;
	pthread_mutex_t lock;
	struct log_file *file;
};

outflow_status created_store_open(const char *path, struct created_store **result, outflow_error *err)
{
	struct created_store *s = calloc(1, sizeof *s);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	status = log_file_open(path, &s->file, err);
	if (status != OUTFLOW_OK) {
		free(s);
		return status;
	}
	s->magic = CREATED_MAGIC;
	pthread_mutex_init(&s->lock, NULL);
	*result = s;
	return OUTFLOW_OK;
}

/* ---- writing ---- */

static json_t *settings_json(const struct settings *settings)
{
	json_t *object = json_object();

	for (size_t i = 0; object != NULL && i < settings->n; i++)
		if (json_object_set_new(object, settings->list[i].key, json_string(settings->list[i].value)) != 0) {
			json_decref(object);
			return NULL;
		}
	return object;
}

/* text NULL: removes the entry. */
static outflow_status put(struct created_store *s, const char *kind, const char *name, const char *text,
                          outflow_error *err)
{
	char key[KEY_MAX];
	int n = snprintf(key, sizeof key, "%s%c%s", kind, 0, name);
	outflow_bytes value = { text, text ? strlen(text) : 0 };
	outflow_status status;

	CHECK_OBJ(s, CREATED_MAGIC);
	if (n < 0 || (size_t)n >= sizeof key)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a name of %zu bytes is too long", strlen(name));
	pthread_mutex_lock(&s->lock);
	status = text != NULL || log_file_get(s->file, (outflow_bytes){ key, (size_t)n }).ptr != NULL
	                 ? log_file_put_durably(s->file, (outflow_bytes){ key, (size_t)n }, value, err)
	                 : OUTFLOW_OK;
	pthread_mutex_unlock(&s->lock);
	return status;
}

/* Takes the object over; NULL: it could not be made. */
static outflow_status put_object(struct created_store *s, const char *kind, const char *name, json_t *object,
                                 outflow_error *err)
{
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	outflow_status status =
		text ? put(s, kind, name, text, err)
		     : outflow_fail(err, OUTFLOW_E_CONFIG, "%s cannot be kept: no UTF-8, or no memory", name);

	json_decref(object);
	free(text);
	return status;
}

outflow_status created_put_pipeline(struct created_store *s, const char *name, const struct created_pipeline *p,
                                    outflow_error *err)
{
	json_t *settings = settings_json(&p->settings);
	json_t *object = settings
	                         ? json_pack("{s:o, s:b, s:i, s:b, s:I, s:I}", "config", settings, "declared",
	                                     p->declared, "target", p->target, "declared_running", p->declared_running,
	                                     "created", (json_int_t)p->created_ms, "changed", (json_int_t)p->changed_ms)
	                         : NULL;

	return put_object(s, pipeline_kind, name, object, err);
}

outflow_status created_put_connection(struct created_store *s, const char *name, const struct settings *settings,
                                      outflow_error *err)
{
	return put_object(s, connection_kind, name, settings_json(settings), err);
}

outflow_status created_remove_pipeline(struct created_store *s, const char *name, outflow_error *err)
{
	return put(s, pipeline_kind, name, NULL, err);
}

outflow_status created_remove_connection(struct created_store *s, const char *name, outflow_error *err)
{
	return put(s, connection_kind, name, NULL, err);
}

/* ---- reading ---- */

struct walk {
	const struct created_visitor *visitor;
	outflow_status status;
};

static int read_settings(const json_t *object, struct settings *settings, outflow_status *status)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return 0;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (!json_is_string(value))
			return 0;
		if (*status == OUTFLOW_OK)
			*status = settings_set(settings, key, json_string_value(value), NULL, 0);
	}
	return 1;
}

static int show_pipeline(struct walk *w, const char *name, const json_t *object)
{
	struct created_pipeline p = {
		.declared = json_is_true(json_object_get(object, "declared")),
		.target = (int)json_integer_value(json_object_get(object, "target")),
		.declared_running = json_is_true(json_object_get(object, "declared_running")),
		.created_ms = json_integer_value(json_object_get(object, "created")),
		.changed_ms = json_integer_value(json_object_get(object, "changed")),
	};
	int good = read_settings(json_object_get(object, "config"), &p.settings, &w->status);

	if (good && w->status == OUTFLOW_OK && w->visitor->pipeline != NULL)
		w->visitor->pipeline(w->visitor->ctx, name, &p);
	settings_clear(&p.settings);
	return good;
}

static int show_connection(struct walk *w, const char *name, const json_t *object)
{
	struct settings settings = { 0 };
	int good = read_settings(object, &settings, &w->status);

	if (good && w->status == OUTFLOW_OK && w->visitor->connection != NULL)
		w->visitor->connection(w->visitor->ctx, name, &settings);
	settings_clear(&settings);
	return good;
}

static void show(void *ctx, outflow_bytes key, outflow_bytes value)
{
	struct walk *w = ctx;
	char *text = strndup(key.ptr, key.len); /* ends at the kind's NUL */
	char *name = text && strlen(text) < key.len
	                     ? strndup((const char *)key.ptr + strlen(text) + 1, key.len - strlen(text) - 1)
	                     : NULL;
	json_t *object = json_loadb(value.ptr, value.len, JSON_ALLOW_NUL, NULL);
	int good = 0;

	if (text == NULL)
		w->status = OUTFLOW_E_NOMEM;
	else if (name != NULL && strcmp(text, pipeline_kind) == 0)
		good = show_pipeline(w, name, object);
	else if (name != NULL && strcmp(text, connection_kind) == 0)
		good = show_connection(w, name, object);
	if (!good && w->status == OUTFLOW_OK)
		log_write(NULL, OUTFLOW_LOG_ERROR,
		          "the state directory holds no readable description of %s '%s': left out", text,
		          name ? name : "");
	json_decref(object);
	free(name);
	free(text);
}

outflow_status created_each(struct created_store *s, const struct created_visitor *visitor)
{
	struct walk w = { visitor, OUTFLOW_OK };

	CHECK_OBJ(s, CREATED_MAGIC);
	pthread_mutex_lock(&s->lock);
	log_file_each(s->file, show, &w);
	pthread_mutex_unlock(&s->lock);
	return w.status;
}

void created_store_close(struct created_store **ps)
{
	struct created_store *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	CHECK_OBJ(s, CREATED_MAGIC);
	log_file_close(&s->file);
	pthread_mutex_destroy(&s->lock);
	s->magic = 0;
	free(s);
}
