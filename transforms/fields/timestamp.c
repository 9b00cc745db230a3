/* SPDX-License-Identifier: Apache-2.0 */
/* The transform timestamp: puts a time into the payload, or spells one that is there in another way. */
#include "components.h"
#include "moment.h"
#include "transforms/language/location.h"
#include "transforms/language/reading.h"
#include "transforms/language/rewrite.h"
#include "transforms/language/stage.h"

#include <stdlib.h>

enum source { FROM_FIELD, FROM_ARRIVAL, FROM_NOW };
static const char *const source_names[] = { "field", "arrival", "now", NULL };
enum missing { MISSING_FAIL, MISSING_SKIP };
static const char *const missing_names[] = { "fail", "skip", NULL };

struct timestamp {
	const outflow_host *host;
	struct event_settings settings;
	struct location *field;
	enum source source;
	enum moment_unit from, to;
	enum missing missing;
};

/* ---- configuration ---- */

static void read_timestamp(struct timestamp *t, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_str text;
	outflow_status status;

	status = location_compile(outflow_config_text(r->host, r->config, "field"), &t->field, &err);
	if (status != OUTFLOW_OK)
		reading_problem(r, "field", status, "%s", err.msg);
	else if (location_name(t->field).ptr == NULL)
		reading_problem(r, "field", OUTFLOW_E_CONFIG, "the path ends in an index; a field has a name");
	t->source = reading_choice(r, "time", source_names, FROM_FIELD);
	t->from = reading_choice(r, "from", moment_units, MOMENT_RFC3339);
	t->to = reading_choice(r, "to", moment_units, MOMENT_RFC3339);
	t->missing = reading_choice(r, "missing", missing_names, MISSING_FAIL);
	if (t->source == FROM_FIELD)
		(void)reading_text(r, "from", true, &text);
	else if (reading_text(r, "from", false, &text))
		reading_problem(r, "from", OUTFLOW_E_CONFIG, "has no effect unless time = \"field\"");
}

static outflow_status check(const outflow_host *h, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct timestamp t = { .host = h };

	read_timestamp(&t, &r);
	location_free(&t.field);
	return r.status;
}

static void destroy(void *self)
{
	struct timestamp *t = self;

	location_free(&t->field);
	free(t);
}

static outflow_status create(const outflow_host *h, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct timestamp *t = calloc(1, sizeof *t);

	if (t == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	t->host = h;
	event_settings_read(&t->settings, h, config, "source.");
	read_timestamp(t, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(t);
		return r.status;
	}
	*self = t;
	return OUTFLOW_OK;
}

/* ---- records ---- */

static outflow_status refuse(const struct timestamp *t, outflow_error *err, const char *cause)
{
	outflow_str path = location_text(t->field);

	return outflow_fail(err, OUTFLOW_E_RECORD, "%.*s: %s", (int)(path.len > 200 ? 200 : path.len), path.ptr, cause);
}

/* OUTFLOW_AGAIN: there is no such time, and that is no error. */
static outflow_status absent(const struct timestamp *t, outflow_error *err, const char *cause)
{
	return t->missing == MISSING_SKIP ? OUTFLOW_AGAIN : refuse(t, err, cause);
}

static outflow_status read_field(const struct timestamp *t, const struct location_found *found, int64_t *us,
                                 outflow_error *err)
{
	outflow_str text;
	uint32_t type;

	if (!found->is_there)
		return absent(t, err, "there is no such field");
	type = outflow_json_type(found->json, found->value);
	text = outflow_json_raw(found->json, found->value);
	if (type == OUTFLOW_JSON_STRING)
		text = outflow_json_text(found->json, found->value);
	if ((type == OUTFLOW_JSON_STRING || type == OUTFLOW_JSON_NUMBER) && moment_read(text, t->from, us))
		return OUTFLOW_OK;
	return outflow_fail(err, OUTFLOW_E_RECORD, "%.*s: '%.*s' is not a time from 1970 to 9999 in the unit '%s'",
	                    (int)(location_text(t->field).len > 200 ? 200 : location_text(t->field).len),
	                    location_text(t->field).ptr, (int)(text.len > 60 ? 60 : text.len), text.ptr,
	                    moment_units[t->from]);
}

static outflow_status read_time(const struct timestamp *t, const outflow_record *in, const struct location_found *found,
                                int64_t *us, outflow_error *err)
{
	int64_t ms = in->timestamp_ms;

	if (t->source == FROM_FIELD)
		return read_field(t, found, us, err);
	if (!found->is_there && !found->has_object)
		return absent(t, err, "there is no object that the field is in");
	if (t->source == FROM_NOW)
		ms = t->host->time->wall_ms(t->host);
	if (ms < 0)
		return absent(t, err, "the message has no time of arrival");
	*us = 1000 * ms;
	return OUTFLOW_OK;
}

static outflow_status change(const struct timestamp *t, struct event *e, outflow_bytes *text)
{
	struct location_found found;
	char buffer[MOMENT_SIZE];
	struct rewrite w;
	int64_t us = 0;
	outflow_status status = location_find(t->field, e, &found);

	if (status == OUTFLOW_OK)
		status = read_time(t, e->record, &found, &us, e->err);
	if (status != OUTFLOW_OK)
		return status;
	rewrite_begin(&w, t->host, e->arena, found.json);
	if (found.is_there)
		rewrite_replace(&w, found.value, moment_write(us, t->to, buffer));
	else
		rewrite_add_member(&w, found.object, location_name(t->field), moment_write(us, t->to, buffer));
	*text = rewrite_finish(&w);
	return text->ptr ? OUTFLOW_OK : outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for the edited payload");
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct timestamp *t = self;
	outflow_status status = OUTFLOW_AGAIN;
	outflow_bytes text;
	outflow_record *r;
	struct event e;

	if (in->value.ptr != NULL) { /* null has no fields */
		event_begin(&e, t->host, out, &t->settings, in, err);
		status = change(t, &e, &text);
	}
	if (status == OUTFLOW_AGAIN)
		return stage_emit(t->host, out, in, &r, err);
	return status == OUTFLOW_OK ? stage_emit_value(t->host, out, in, text, err) : status;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct timestamp *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "field", OUTFLOW_T_STRING, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Timestamp",
	  "The path of the field that holds the time or gets it, such as $.data.body.ts." },
	{ "time", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_HIGH, 0, "field", 0, 0, source_names, "Timestamp",
	  "Which time it is: the one in the field, when the message arrived, or now." },
	{ "from", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, moment_units, "Timestamp",
	  "How the time in the field is spelled: seconds, milliseconds or microseconds since 1970, or RFC 3339. Needed "
	  "when time is field." },
	{ "to", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_HIGH, 0, "rfc3339", 0, 0, moment_units, "Timestamp",
	  "How the time is spelled afterwards. Numbers are whole: what is finer than the unit is cut off." },
	{ "missing", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "fail", 0, 0, missing_names, "Timestamp",
	  "What happens when the field, or the object that it belongs into, is not there: the record fails, or stays as it "
	  "is. A field that holds no such time fails the record." },
};
static const outflow_cfg_def config = { sizeof config, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component fields_timestamp = {
	.size = sizeof fields_timestamp,
	.kind = OUTFLOW_TRANSFORM,
	.name = "timestamp",
	.doc = "Puts a time into a JSON payload, or spells one in another way.",
	.config = &config,
	.ops = &ops,
};
