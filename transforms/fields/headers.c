/* SPDX-License-Identifier: Apache-2.0 */
/* The transform headers: sets, adds, renames and removes headers of a record. */
#include "components.h"
#include "transforms/language/path.h"
#include "transforms/language/reading.h"
#include "transforms/language/stage.h"

#include <stdio.h>
#include <stdlib.h>

#define RESERVED "outflow."

/* What happens to the user properties of MQTT 5: all headers but our own. */
enum properties { PROPERTIES_KEEP, PROPERTIES_COPY, PROPERTIES_MOVE, PROPERTIES_REMOVE };
static const char *const properties_names[] = { "keep", "copy", "move", "remove", NULL };

/* A header that is made: from a constant, or from what a path finds. */
struct made {
	outflow_str name, constant;
	struct path *path;
	bool replaces;
};

struct headers {
	const outflow_host *host;
	const outflow_config *config;
	struct event_settings settings;
	struct made *made;
	size_t n_made;
	enum properties properties;
	outflow_str prefix;
};

/* ---- configuration ---- */

static bool is_reserved(outflow_str name)
{
	return name.len >= sizeof RESERVED - 1 && memcmp(name.ptr, RESERVED, sizeof RESERVED - 1) == 0;
}

static void read_value(struct made *m, outflow_str text, const char *key, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	m->constant = text;
	if (text.len == 0 || text.ptr[0] != '$')
		return;
	if (text.len > 1 && text.ptr[1] == '$') {
		m->constant = (outflow_str){ text.ptr + 1, text.len - 1 };
		return;
	}
	status = path_compile(text, &m->path, &err);
	if (status != OUTFLOW_OK)
		reading_problem(r, key, status, "%s; a constant that begins with a dollar sign is written $$...",
		                err.msg);
}

static void read_made(struct headers *h, const char *prefix, bool replaces, struct reading *r)
{
	outflow_str name, value;
	char key[READING_KEY_MAX];

	for (size_t i = 0; i < r->host->config->prefix(r->config, prefix, i, &name, &value); i++) {
		struct made *larger = realloc(h->made, (h->n_made + 1) * sizeof *larger);

		if (larger == NULL) {
			reading_problem(r, prefix, OUTFLOW_E_NOMEM, "no memory for the headers");
			return;
		}
		h->made = larger;
		larger += h->n_made++;
		*larger = (struct made){ .name = name, .replaces = replaces };
		snprintf(key, sizeof key, "%s%.*s", prefix, (int)(name.len > 120 ? 120 : name.len), name.ptr);
		if (is_reserved(name))
			reading_problem(r, key, OUTFLOW_E_CONFIG,
			                "names that begin with " RESERVED " are Outflow's own");
		read_value(larger, value, key, r);
	}
}

static void read_headers(struct headers *h, struct reading *r)
{
	outflow_str item;

	h->config = r->config;
	read_made(h, "set.", true, r);
	read_made(h, "add.", false, r);
	h->properties = reading_choice(r, "user.properties", properties_names, PROPERTIES_KEEP);
	(void)reading_text(r, "prefix", false, &h->prefix);
	if ((h->properties == PROPERTIES_COPY || h->properties == PROPERTIES_MOVE) && h->prefix.len == 0)
		reading_problem(r, "prefix", OUTFLOW_E_CONFIG,
		                "is missing: user properties are copied or moved to names that begin with it");
	if ((h->properties == PROPERTIES_KEEP || h->properties == PROPERTIES_REMOVE) && h->prefix.len > 0)
		reading_problem(r, "prefix", OUTFLOW_E_CONFIG, "has no effect unless user.properties is copy or move");
	if (is_reserved(h->prefix))
		reading_problem(r, "prefix", OUTFLOW_E_CONFIG, "names that begin with " RESERVED " are Outflow's own");
	if (h->n_made == 0 && h->properties == PROPERTIES_KEEP &&
	    r->host->config->list(r->config, "remove", SIZE_MAX, &item) == 0)
		reading_problem(r, "set.", OUTFLOW_E_CONFIG,
		                "nothing is to be done: give set.NAME, add.NAME, remove or user.properties");
}

static void clear(struct headers *h)
{
	for (size_t i = 0; i < h->n_made; i++)
		path_free(&h->made[i].path);
	free(h->made);
}

static outflow_status check(const outflow_host *host, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = host, .config = config, .check = true, .err = err };
	struct headers h = { .host = host };

	read_headers(&h, &r);
	clear(&h);
	return r.status;
}

static void destroy(void *self)
{
	clear(self);
	free(self);
}

static outflow_status create(const outflow_host *host, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = host, .config = config, .err = err };
	struct headers *h = calloc(1, sizeof *h);

	if (h == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	h->host = host;
	event_settings_read(&h->settings, host, config, "source.");
	read_headers(h, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(h);
		return r.status;
	}
	*self = h;
	return OUTFLOW_OK;
}

/* ---- records ---- */

struct work {
	const struct headers *headers;
	struct event e;
	outflow_header *list; /* room for all that there may be */
	uint32_t n;
};

/* The item of `remove` fits: the name itself, or with a star at its end how the name begins. */
static bool fits(outflow_str item, outflow_str name)
{
	if (item.len > 0 && item.ptr[item.len - 1] == '*')
		return name.len >= item.len - 1 && memcmp(name.ptr, item.ptr, item.len - 1) == 0;
	return name.len == item.len && memcmp(name.ptr, item.ptr, name.len) == 0;
}

static bool is_removed(const struct headers *h, outflow_str name)
{
	outflow_str item;

	for (size_t i = 0; i < h->n_made; i++)
		if (h->made[i].replaces && h->made[i].name.len == name.len &&
		    memcmp(h->made[i].name.ptr, name.ptr, name.len) == 0)
			return true;
	for (size_t i = 0; i < h->host->config->list(h->config, "remove", i, &item); i++)
		if (fits(item, name))
			return true;
	return h->properties == PROPERTIES_REMOVE && !is_reserved(name);
}

static outflow_status no_memory(struct work *w)
{
	return outflow_fail(w->e.err, OUTFLOW_E_NOMEM, "no memory for the headers");
}

static outflow_status add_prefixed(struct work *w, const outflow_header *from)
{
	outflow_str prefix = w->headers->prefix;
	char *name = outflow_alloc(w->headers->host, w->e.arena, prefix.len + from->name.len, 1);

	if (name == NULL)
		return no_memory(w);
	memcpy(name, prefix.ptr, prefix.len);
	if (from->name.len > 0)
		memcpy(name + prefix.len, from->name.ptr, from->name.len);
	w->list[w->n++] = (outflow_header){ { name, prefix.len + from->name.len }, from->value };
	return OUTFLOW_OK;
}

static outflow_status add_made(struct work *w, const struct made *m)
{
	outflow_bytes text = outflow_text_bytes(m->constant);
	struct value v;

	if (m->path != NULL) {
		path_find(m->path, &w->e, &v);
		text = event_value_text(&w->e, &v);
		if (w->e.status != OUTFLOW_OK || v.type == VALUE_MISSING)
			return w->e.status;
	}
	w->list[w->n++] = (outflow_header){ m->name, text };
	return OUTFLOW_OK;
}

static outflow_status make(struct work *w, const outflow_record *in)
{
	const struct headers *h = w->headers;
	size_t room = 2 * (size_t)in->n_headers + h->n_made;
	outflow_status status = OUTFLOW_OK;

	w->list = outflow_alloc(h->host, w->e.arena, room * sizeof *w->list, _Alignof(outflow_header));
	if (w->list == NULL)
		return no_memory(w);
	for (uint32_t i = 0; i < in->n_headers && status == OUTFLOW_OK; i++) {
		const outflow_header *header = &in->headers[i];
		bool is_property = !is_reserved(header->name);

		if (is_removed(h, header->name))
			continue;
		if (!is_property || h->properties != PROPERTIES_MOVE)
			w->list[w->n++] = *header;
		if (is_property && (h->properties == PROPERTIES_COPY || h->properties == PROPERTIES_MOVE))
			status = add_prefixed(w, header);
	}
	for (size_t i = 0; i < h->n_made && status == OUTFLOW_OK; i++)
		status = add_made(w, &h->made[i]);
	return status;
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct headers *h = self;
	struct work w = { .headers = h };
	outflow_status status;
	outflow_record *r;

	event_begin(&w.e, h->host, out, &h->settings, in, err);
	status = make(&w, in);
	if (status == OUTFLOW_OK)
		status = stage_emit(h->host, out, in, &r, err);
	if (status != OUTFLOW_OK)
		return status;
	r->headers = w.list;
	r->n_headers = w.n;
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct headers *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "set.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Headers",
	  "set.NAME: the header NAME gets this value and replaces those of that name. A path when it begins with $ ($$ is a "
	  "dollar sign), else a constant. A path that finds nothing sets no header." },
	{ "add.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, NULL, "Headers",
	  "add.NAME: the same beside headers of that name." },
	{ "remove", OUTFLOW_T_LIST, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, NULL, "Headers",
	  "Names of headers that go; with a star at its end a name is how names begin, as in outflow.mqtt.*" },
	{ "user.properties", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "keep", 0, 0, properties_names, "Headers",
	  "What happens to the MQTT 5 user properties, which are all headers but those that begin with outflow.: they stay, "
	  "are copied or moved to names with `prefix` in front, or go." },
	{ "prefix", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, NULL, "Headers",
	  "What stands in front of the names of user properties that are copied or moved." },
};
static const outflow_cfg_def config_def = { sizeof config_def, sizeof keys[0], keys, sizeof keys / sizeof keys[0],
	                                    check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component fields_headers = {
	.size = sizeof fields_headers,
	.kind = OUTFLOW_TRANSFORM,
	.name = "headers",
	.doc = "Sets, adds, renames and removes headers.",
	.config = &config_def,
	.ops = &ops,
};
