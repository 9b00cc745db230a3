/* SPDX-License-Identifier: Apache-2.0 */
/* The transforms rename, drop and keep: fields of a JSON payload. */
#include "components.h"
#include "edit.h"
#include "transforms/language/stage.h"

#include <outflow/util.h>

#include <stdlib.h>

struct fields {
	const outflow_host *host;
	struct edit *edit;
	uint32_t json_tag;
};

static outflow_status complain(const outflow_host *h, int tell, outflow_status status, const char *cause,
                               outflow_error *err)
{
	if (tell)
		h->problem(h, "fields", cause);
	return outflow_fail(err, status, "fields: %s", cause);
}

/* The edit that the configuration asks for. Each bad item is told to h->problem when that is wanted. */
static outflow_status read_edit(enum edit_kind kind, const outflow_host *h, const outflow_config *c, int tell,
                                struct edit **edit, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status, first = OUTFLOW_OK;
	outflow_str item;
	size_t i = 0;

	*edit = edit_new(kind);
	if (*edit == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the fields");
	for (; i < h->config->list(c, "fields", i, &item); i++) {
		status = edit_add(*edit, item, &cause);
		if (status != OUTFLOW_OK)
			first = complain(h, tell, status, cause.msg, err);
	}
	if (i == 0)
		first = complain(h, tell, OUTFLOW_E_CONFIG, "at least one field is needed", err);
	if (first != OUTFLOW_OK)
		edit_free(edit);
	return first;
}

static outflow_status check(enum edit_kind kind, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct edit *edit;
	outflow_status status = read_edit(kind, h, c, 1, &edit, err);

	edit_free(&edit);
	return status;
}

static void destroy(void *self)
{
	struct fields *f = self;

	edit_free(&f->edit);
	free(f);
}

static outflow_status create(enum edit_kind kind, const outflow_host *h, const outflow_config *c, void **self,
                             outflow_error *err)
{
	struct fields *f = calloc(1, sizeof *f);
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the fields");
	f->host = h;
	f->json_tag = h->intern(h, OUTFLOW_VIEW_JSON);
	status = read_edit(kind, h, c, 0, &f->edit, err);
	if (status != OUTFLOW_OK) {
		destroy(f);
		return status;
	}
	*self = f;
	return OUTFLOW_OK;
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct fields *f = self;
	outflow_status status = OUTFLOW_OK;
	outflow_bytes text = { NULL, 0 };
	const outflow_json *json;
	outflow_record *r;

	if (in->value.ptr != NULL) { /* null has no fields */
		status = outflow_json_of(f->host, out, f->json_tag, in, &json, err);
		if (status == OUTFLOW_OK)
			status = edit_apply(f->edit, f->host, out, json, &text, err);
	}
	if (status != OUTFLOW_OK)
		return status;
	return text.ptr ? stage_emit_value(f->host, out, in, text, err) : stage_emit(f->host, out, in, &r, err);
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct fields *)self)->host, apply_one, self, in, n, out, err);
}

/* ---- the three components ---- */

static outflow_status create_rename(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	return create(EDIT_RENAME, h, c, self, err);
}

static outflow_status create_drop(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	return create(EDIT_DROP, h, c, self, err);
}

static outflow_status create_keep(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	return create(EDIT_KEEP, h, c, self, err);
}

static outflow_status check_rename(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	return check(EDIT_RENAME, h, c, err);
}

static outflow_status check_drop(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	return check(EDIT_DROP, h, c, err);
}

static outflow_status check_keep(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	return check(EDIT_KEEP, h, c, err);
}

static const outflow_cfg_key rename_keys[] = {
	{ "fields", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Fields",
	  "Which fields get which name, each as old:new; dots lead into nested objects, as in a.b:c. A field that is not there is "
	  "no error; one that has the new name already is replaced." },
};
static const outflow_cfg_key drop_keys[] = {
	{ "fields", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Fields",
	  "Which fields are taken out; dots lead into nested objects, as in a.b." },
};
static const outflow_cfg_key keep_keys[] = {
	{ "fields", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Fields",
	  "Which fields stay, all others are taken out; dots lead into nested objects, as in a.b." },
};

static const outflow_cfg_def rename_config = { sizeof rename_config, sizeof rename_keys[0], rename_keys, 1,
	                                       check_rename };
static const outflow_cfg_def drop_config = { sizeof drop_config, sizeof drop_keys[0], drop_keys, 1, check_drop };
static const outflow_cfg_def keep_config = { sizeof keep_config, sizeof keep_keys[0], keep_keys, 1, check_keep };

static const outflow_transform_ops rename_ops = {
	.size = sizeof rename_ops,
	.create = create_rename,
	.apply = apply,
	.destroy = destroy,
};
static const outflow_transform_ops drop_ops = {
	.size = sizeof drop_ops,
	.create = create_drop,
	.apply = apply,
	.destroy = destroy,
};
static const outflow_transform_ops keep_ops = {
	.size = sizeof keep_ops,
	.create = create_keep,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component fields_rename = {
	.size = sizeof fields_rename,
	.kind = OUTFLOW_TRANSFORM,
	.name = "rename",
	.doc = "Gives fields of a JSON payload new names.",
	.config = &rename_config,
	.ops = &rename_ops,
};
const outflow_component fields_drop = {
	.size = sizeof fields_drop,
	.kind = OUTFLOW_TRANSFORM,
	.name = "drop",
	.doc = "Takes fields out of a JSON payload.",
	.config = &drop_config,
	.ops = &drop_ops,
};
const outflow_component fields_keep = {
	.size = sizeof fields_keep,
	.kind = OUTFLOW_TRANSFORM,
	.name = "keep",
	.doc = "Takes all fields but some out of a JSON payload.",
	.config = &keep_config,
	.ops = &keep_ops,
};
