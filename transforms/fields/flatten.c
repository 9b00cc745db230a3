/* SPDX-License-Identifier: Apache-2.0 */
/* The transform flatten: objects inside the payload become fields of the one around them. */
#include "components.h"
#include "transforms/language/reading.h"
#include "transforms/language/stage.h"

#include <outflow/json.h>

#include <stdio.h>
#include <stdlib.h>

enum arrays { ARRAYS_KEEP, ARRAYS_INDEX, ARRAYS_TEXT };
static const char *const arrays_names[] = { "keep", "index", "text", NULL };

struct flatten {
	const outflow_host *host;
	outflow_str delimiter;
	int64_t depth; /* levels of names joined; beyond it values stay as they are */
	enum arrays arrays;
	uint32_t json_tag;
};

/* ---- configuration ---- */

static void read_flatten(struct flatten *f, struct reading *r)
{
	f->delimiter = outflow_config_text(r->host, r->config, "delimiter");
	f->depth = outflow_config_number(r->host, r->config, "depth");
	f->arrays = reading_choice(r, "arrays", arrays_names, ARRAYS_KEEP);
	if (outflow_utf8_check(outflow_text_bytes(f->delimiter)) < f->delimiter.len)
		reading_problem(r, "delimiter", OUTFLOW_E_CONFIG, "is not valid UTF-8");
}

static outflow_status check(const outflow_host *h, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct flatten f;

	read_flatten(&f, &r);
	return r.status;
}

static outflow_status create(const outflow_host *h, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct flatten *f = calloc(1, sizeof *f);

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	f->host = h;
	f->json_tag = h->intern(h, OUTFLOW_VIEW_JSON);
	read_flatten(f, &r);
	if (r.status != OUTFLOW_OK) {
		free(f);
		return r.status;
	}
	*self = f;
	return OUTFLOW_OK;
}

/* ---- records ---- */

#define NAME_MAX_LENGTH 8192u
#define FLAT_MAX ((size_t)64 << 20) /* long names many times over make much of little */

struct work {
	const struct flatten *flatten;
	const outflow_json *json;
	outflow_json_writer writer;
	outflow_error *err;
	size_t n;                       /* of the name so far, */
	char name[NAME_MAX_LENGTH + 2]; /* which is a JSON string but for its last quote */
};

static outflow_status append(struct work *w, outflow_str part)
{
	if (part.len > NAME_MAX_LENGTH - w->n)
		return outflow_fail(w->err, OUTFLOW_E_RECORD, "a joined name would be longer than %u bytes",
		                    NAME_MAX_LENGTH);
	if (part.len > 0)
		memcpy(w->name + w->n, part.ptr, part.len);
	w->n += part.len;
	return OUTFLOW_OK;
}

/* The delimiter is escaped as a JSON string, once for each name. */
static outflow_status append_delimiter(struct work *w)
{
	outflow_str delimiter = w->flatten->delimiter;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < delimiter.len && status == OUTFLOW_OK; i++) {
		char c = delimiter.ptr[i], unicode[8];

		if ((unsigned char)c < ' ') {
			snprintf(unicode, sizeof unicode, "\\u%04x", (unsigned)c);
			status = append(w, outflow_text(unicode));
			continue;
		}
		if (c == '"' || c == '\\')
			status = append(w, outflow_text("\\"));
		if (status == OUTFLOW_OK)
			status = append(w, (outflow_str){ &c, 1 });
	}
	return status;
}

static bool is_dissolved(const struct flatten *f, const outflow_json *j, uint32_t value, int64_t level)
{
	uint32_t type = outflow_json_type(j, value);

	return (type == OUTFLOW_JSON_OBJECT || (type == OUTFLOW_JSON_ARRAY && f->arrays == ARRAYS_INDEX)) &&
	       level < f->depth && outflow_json_type(j, value + 1) != OUTFLOW_JSON_END;
}

static void write_leaf(struct work *w, uint32_t value)
{
	outflow_str raw = outflow_json_raw(w->json, value);

	w->name[w->n] = '"';
	outflow_json_put_raw_key(&w->writer, (outflow_str){ w->name, w->n + 1 });
	if (outflow_json_type(w->json, value) == OUTFLOW_JSON_ARRAY && w->flatten->arrays == ARRAYS_TEXT)
		outflow_json_put_string(&w->writer, raw);
	else
		outflow_json_put_raw(&w->writer, raw);
}

/* Writes the members of a container at that level, the root's being 0. The levels are bounded as those of all JSON. */
static outflow_status write_members(struct work *w, uint32_t container, int64_t level)
{
	const outflow_json *j = w->json;
	uint32_t is_object = outflow_json_type(j, container) == OUTFLOW_JSON_OBJECT;
	size_t n = w->n, number = 0;
	outflow_status status = OUTFLOW_OK;
	char digits[24];

	for (uint32_t i = container + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END && status == OUTFLOW_OK;
	     i = outflow_json_next(j, i + is_object)) {
		w->n = n;
		if (level > 0)
			status = append_delimiter(w);
		if (!is_object)
			snprintf(digits, sizeof digits, "%zu", number++);
		if (status == OUTFLOW_OK)
			status = append(w, is_object ? outflow_json_text(j, i) : outflow_text(digits));
		if (status != OUTFLOW_OK)
			break;
		if (is_dissolved(w->flatten, j, i + is_object, level))
			status = write_members(w, i + is_object, level + 1);
		else
			write_leaf(w, i + is_object);
		if (w->writer.n > FLAT_MAX)
			status = outflow_fail(w->err, OUTFLOW_E_RECORD, "the payload would become larger than %zu MiB",
			                      FLAT_MAX >> 20);
	}
	w->n = n;
	return status;
}

/* Does anything change? */
static bool concerns(const struct flatten *f, const outflow_json *j)
{
	for (uint32_t i = 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1))
		if (is_dissolved(f, j, i + 1, 0) ||
		    (f->arrays == ARRAYS_TEXT && outflow_json_type(j, i + 1) == OUTFLOW_JSON_ARRAY))
			return true;
	return false;
}

static outflow_status flatten(const struct flatten *f, const outflow_json *j, outflow_batch *out, outflow_bytes *text,
                              outflow_error *err)
{
	struct work w = { .flatten = f, .json = j, .err = err, .n = 1 };
	outflow_status status;

	w.name[0] = '"';
	outflow_json_begin(&w.writer, f->host, out, j->text.len + j->text.len / 2 + 64);
	outflow_json_bracket(&w.writer, '{');
	status = write_members(&w, 0, 0);
	outflow_json_bracket(&w.writer, '}');
	*text = outflow_json_finish(&w.writer);
	if (status == OUTFLOW_OK && text->ptr == NULL)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the flat payload");
	return status;
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct flatten *f = self;
	outflow_status status = OUTFLOW_OK;
	outflow_bytes text = { NULL, 0 };
	const outflow_json *j = NULL;
	outflow_record *r;

	if (in->value.ptr != NULL) { /* null has no fields */
		status = outflow_json_of(f->host, out, f->json_tag, in, &j, err);
		if (status == OUTFLOW_OK && outflow_json_type(j, 0) != OUTFLOW_JSON_OBJECT)
			status = outflow_fail(err, OUTFLOW_E_RECORD,
			                      "the payload is not a JSON object, it begins with '%c'",
			                      j->text.ptr[j->tokens[0].start]);
		if (status == OUTFLOW_OK && concerns(f, j))
			status = flatten(f, j, out, &text, err);
	}
	if (status != OUTFLOW_OK)
		return status;
	return text.ptr ? stage_emit_value(f->host, out, in, text, err) : stage_emit(f->host, out, in, &r, err);
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct flatten *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "delimiter", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, ".", 0, 0, NULL, "Flatten",
	  "What stands between the names that are joined." },
	{ "depth", OUTFLOW_T_INT, 0, OUTFLOW_IMPORTANCE_LOW, 0, "128", 1, 128, NULL, "Flatten",
	  "How many levels are dissolved; what lies deeper stays an object." },
	{ "arrays", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "keep", 0, 0, arrays_names, "Flatten",
	  "What becomes of arrays: they stay, are dissolved with indexes as names, or become a string with their JSON." },
};
static const outflow_cfg_def config = { sizeof config, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = free,
};

const outflow_component fields_flatten = {
	.size = sizeof fields_flatten,
	.kind = OUTFLOW_TRANSFORM,
	.name = "flatten",
	.doc = "Makes fields inside objects of a JSON payload fields of the payload itself.",
	.config = &config,
	.ops = &ops,
};
