/* SPDX-License-Identifier: Apache-2.0 */
/* The transforms insert, update and delete: fields of the payload get values, or go. */
#include "components.h"
#include "new_values.h"
#include "transforms/language/rewrite.h"
#include "transforms/language/stage.h"

#include <stdlib.h>

enum change_kind { INSERT, UPDATE, DELETE };
enum missing { MISSING_FAIL, MISSING_SKIP };
enum existing { EXISTING_REPLACE, EXISTING_KEEP, EXISTING_FAIL };
static const char *const missing_names[] = { "fail", "skip", NULL };
static const char *const existing_names[] = { "replace", "keep", "fail", NULL };

struct change {
	const outflow_host *host;
	struct event_settings settings;
	enum change_kind kind;
	enum missing missing;
	enum existing existing;
	struct new_values fields;
};

/* ---- configuration ---- */

static void read_change(struct change *c, struct reading *r)
{
	c->fields.without = c->kind == DELETE;
	new_values_read(&c->fields, r);
	for (size_t i = 0; c->kind == INSERT && i < c->fields.n; i++)
		if (c->fields.list[i].where != NULL && location_name(c->fields.list[i].where).ptr == NULL)
			reading_problem(r, "fields", OUTFLOW_E_CONFIG,
			                "'%.*s' ends in an index; a field to insert has a name",
			                (int)location_text(c->fields.list[i].where).len,
			                location_text(c->fields.list[i].where).ptr);
	c->missing = reading_choice(r, "missing", missing_names, MISSING_FAIL);
	if (c->kind == INSERT)
		c->existing = reading_choice(r, "existing", existing_names, EXISTING_REPLACE);
}

static outflow_status check(enum change_kind kind, const outflow_host *h, const outflow_config *config,
                            outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct change c = { .kind = kind };

	read_change(&c, &r);
	new_values_clear(&c.fields);
	return r.status;
}

static void destroy(void *self)
{
	struct change *c = self;

	new_values_clear(&c->fields);
	free(c);
}

static outflow_status create(enum change_kind kind, const outflow_host *h, const outflow_config *config, void **self,
                             outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct change *c = calloc(1, sizeof *c);

	if (c == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the fields");
	c->host = h;
	c->kind = kind;
	event_settings_read(&c->settings, h, config, "source.");
	read_change(c, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(c);
		return r.status;
	}
	*self = c;
	return OUTFLOW_OK;
}

/* ---- records ---- */

/* One record being changed. Edits are collected against one tape; a field that another change of this record may have
 * made or moved is looked for in the text that they come to so far, so that changes work as if one by one. */
struct work {
	const struct change *change;
	outflow_batch *batch;
	outflow_error *err;
	outflow_record record; /* with the value as it is now */
	struct event e;
	struct rewrite rewrite;
	bool shifted; /* an element was removed: those behind it have other indexes */
};

static outflow_status begin(struct work *w)
{
	const struct change *c = w->change;

	event_begin(&w->e, c->host, w->batch, &c->settings, &w->record, w->err);
	w->shifted = false;
	if (event_tape(&w->e) != NULL)
		rewrite_begin(&w->rewrite, c->host, w->batch, event_tape(&w->e));
	return w->e.status;
}

/* Applies the edits so far. */
static outflow_status settle(struct work *w)
{
	w->record.value = rewrite_finish(&w->rewrite);
	w->record.view = NULL;
	w->record.view_tag = 0;
	if (w->record.value.ptr == NULL)
		return outflow_fail(w->err, OUTFLOW_E_NOMEM, "no memory for the edited payload");
	return begin(w);
}

/* Can an earlier edit have changed what location_find says? */
static bool is_touched(const struct work *w, const struct new_value *field, const struct location_found *found)
{
	if (rewrite_is_empty(&w->rewrite))
		return false;
	if (w->shifted || (!found->is_there && !found->has_container))
		return true;
	return rewrite_covers(&w->rewrite, found->is_there ? found->value : found->object) ||
	       (!found->is_there && rewrite_has_added(&w->rewrite, found->object, location_name(field->where)));
}

static outflow_status find(struct work *w, const struct new_value *field, struct location_found *found)
{
	outflow_status status = location_find(field->where, &w->e, found);

	if (status != OUTFLOW_OK || !is_touched(w, field, found))
		return status;
	status = settle(w);
	return status == OUTFLOW_OK ? location_find(field->where, &w->e, found) : status;
}

static outflow_status refuse(struct work *w, const struct new_value *field, const char *cause)
{
	outflow_str path = location_text(field->where);

	return outflow_fail(w->err, OUTFLOW_E_RECORD, "%.*s: %s", (int)(path.len > 200 ? 200 : path.len), path.ptr,
	                    cause);
}

/* The JSON that the field gets. */
static outflow_status value_of(struct work *w, const struct new_value *field, outflow_str *json)
{
	outflow_bytes text;
	struct value v;

	if (field->json != NULL) {
		*json = outflow_text(field->json);
		return OUTFLOW_OK;
	}
	path_find(field->from, &w->e, &v);
	text = event_value_json(&w->e, &v);
	*json = (outflow_str){ text.ptr, text.len };
	if (w->e.status != OUTFLOW_OK || text.ptr != NULL)
		return w->e.status;
	return refuse(w, field, "there is no value at the path that its value comes from");
}

static outflow_status change_one(struct work *w, const struct new_value *field)
{
	const struct change *c = w->change;
	struct location_found found;
	outflow_str json;
	outflow_status status = find(w, field, &found);

	if (status != OUTFLOW_OK)
		return status;
	if (!found.is_there && (!found.has_container || (c->kind == INSERT && !found.has_object)))
		return c->missing == MISSING_SKIP ? OUTFLOW_OK
		                                  : refuse(w, field, "there is no object that the field is in");
	if (!found.is_there && c->kind == UPDATE)
		return c->missing == MISSING_SKIP ? OUTFLOW_OK : refuse(w, field, "there is no such field to update");
	if (c->kind == DELETE) {
		if (found.is_there && found.value == 0)
			return refuse(w, field, "this is the whole payload, and only a field of it can be deleted");
		if (found.is_there)
			rewrite_remove(&w->rewrite, found.value);
		w->shifted = w->shifted || (found.is_there && location_name(field->where).ptr == NULL);
		return OUTFLOW_OK;
	}
	if (c->kind == INSERT && found.is_there && c->existing != EXISTING_REPLACE)
		return c->existing == EXISTING_KEEP ? OUTFLOW_OK : refuse(w, field, "the field is there already");
	status = value_of(w, field, &json);
	if (status != OUTFLOW_OK)
		return status;
	if (found.is_there)
		rewrite_replace(&w->rewrite, found.value, json);
	else
		rewrite_add_member(&w->rewrite, found.object, location_name(field->where), json);
	return OUTFLOW_OK;
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct change *c = self;
	struct work w = { .change = c, .batch = out, .err = err, .record = *in };
	outflow_status status = OUTFLOW_OK;
	outflow_record *r;

	if (in->value.ptr == NULL) /* null has no fields */
		return stage_emit(c->host, out, in, &r, err);
	status = begin(&w);
	for (size_t i = 0; i < c->fields.n && status == OUTFLOW_OK; i++)
		status = change_one(&w, &c->fields.list[i]);
	if (status != OUTFLOW_OK)
		return status;
	if (rewrite_is_empty(&w.rewrite) && w.record.value.ptr == in->value.ptr)
		return stage_emit(c->host, out, in, &r, err);
	w.record.value = rewrite_finish(&w.rewrite);
	if (w.record.value.ptr == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the edited payload");
	return stage_emit_value(c->host, out, in, w.record.value, err);
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct change *)self)->host, apply_one, self, in, n, out, err);
}

/* ---- the three components ---- */

static outflow_status create_insert(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	return create(INSERT, h, c, self, err);
}

static outflow_status create_update(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	return create(UPDATE, h, c, self, err);
}

static outflow_status create_delete(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	return create(DELETE, h, c, self, err);
}

static outflow_status check_insert(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	return check(INSERT, h, c, err);
}

static outflow_status check_update(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	return check(UPDATE, h, c, err);
}

static outflow_status check_delete(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	return check(DELETE, h, c, err);
}

#define FIELDS_DOC                                                                                                        \
	"Groups of field (a path such as $.data.body.line), value and type (string, the default, number, boolean, null, " \
	"json), or path instead of both, from which the value comes. A text that begins with [ is the same as a JSON array."
#define FIELDS_KEY(DOC)                                                                                                \
	{                                                                                                              \
		"fields", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Fields",  \
			DOC                                                                                            \
	}
#define GROUPS_KEY                                                                                                     \
	{                                                                                                              \
		"fields.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Fields",                \
			"The groups of `fields`, below their names."                                                   \
	}
#define MISSING_KEY(DOC)                                                                                               \
	{                                                                                                              \
		"missing", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "fail", 0, 0, missing_names, "Fields", DOC \
	}

static const outflow_cfg_key insert_keys[] = {
	FIELDS_KEY("Which fields are put into the payload, in this order. " FIELDS_DOC),
	GROUPS_KEY,
	MISSING_KEY(
		"What happens when the object that a field belongs into is not there: the record fails, or the field is "
		"skipped."),
	{ "existing", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "replace", 0, 0, existing_names, "Fields",
	  "What happens when the field is there already: it is replaced, it is kept as it is, or the record fails." },
};
static const outflow_cfg_key update_keys[] = {
	FIELDS_KEY("Which fields of the payload get another value, in this order. " FIELDS_DOC),
	GROUPS_KEY,
	MISSING_KEY("What happens when a field is not there: the record fails, or the field is skipped."),
};
static const outflow_cfg_key delete_keys[] = {
	FIELDS_KEY(
		"Which fields are taken out of the payload: paths such as $.data.body.line, groups with field, or the same "
		"as a JSON array of objects. A field that is not there is no error."),
	GROUPS_KEY,
	MISSING_KEY(
		"What happens when the object that a field would be in is not there: the record fails, or the field is "
		"skipped."),
};

static const outflow_cfg_def insert_config = { sizeof insert_config, sizeof insert_keys[0], insert_keys, 4,
	                                       check_insert };
static const outflow_cfg_def update_config = { sizeof update_config, sizeof update_keys[0], update_keys, 3,
	                                       check_update };
static const outflow_cfg_def delete_config = { sizeof delete_config, sizeof delete_keys[0], delete_keys, 3,
	                                       check_delete };

static const outflow_transform_ops insert_ops = {
	.size = sizeof insert_ops,
	.create = create_insert,
	.apply = apply,
	.destroy = destroy,
};
static const outflow_transform_ops update_ops = {
	.size = sizeof update_ops,
	.create = create_update,
	.apply = apply,
	.destroy = destroy,
};
static const outflow_transform_ops delete_ops = {
	.size = sizeof delete_ops,
	.create = create_delete,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component fields_insert = {
	.size = sizeof fields_insert,
	.kind = OUTFLOW_TRANSFORM,
	.name = "insert",
	.doc = "Puts fields into a JSON payload.",
	.config = &insert_config,
	.ops = &insert_ops,
};
const outflow_component fields_update = {
	.size = sizeof fields_update,
	.kind = OUTFLOW_TRANSFORM,
	.name = "update",
	.doc = "Gives fields of a JSON payload other values.",
	.config = &update_config,
	.ops = &update_ops,
};
const outflow_component fields_delete = {
	.size = sizeof fields_delete,
	.kind = OUTFLOW_TRANSFORM,
	.name = "delete",
	.doc = "Takes fields out of a JSON payload, named by paths.",
	.config = &delete_config,
	.ops = &delete_ops,
};
