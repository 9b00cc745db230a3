/* SPDX-License-Identifier: Apache-2.0 */
/* The transform route: the topics of a record are chosen by regular expressions; several topics are several records. */
#include "components.h"
#include "route_table.h"
#include "transforms/language/path.h"
#include "transforms/language/stage.h"

#include <stdlib.h>

enum subject { SUBJECT_PAYLOAD, SUBJECT_TOPIC, SUBJECT_HEADER, SUBJECT_PATH };
enum rules { RULES_FIRST, RULES_ALL };
enum unmatched { UNMATCHED_FAIL, UNMATCHED_DROP, UNMATCHED_PASS };
static const char *const take_names[] = { "first", "all", NULL };
static const char *const unmatched_names[] = { "fail", "drop", "pass", NULL };
static const char header_prefix[] = "header.";

struct route {
	const outflow_host *host;
	struct event_settings settings;
	struct route_table table;
	enum subject subject;
	const char *header; /* SUBJECT_HEADER: its name, with a NUL */
	char *header_copy;
	struct path *path;
	enum rules take;
	enum unmatched unmatched;
};

/* ---- configuration ---- */

static void read_subject(struct route *t, struct reading *r)
{
	const size_t n = sizeof header_prefix - 1;
	outflow_str text = outflow_config_text(r->host, r->config, "match");
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	if (outflow_equal(text, "topic")) {
		t->subject = SUBJECT_TOPIC;
	} else if (text.len > n && memcmp(text.ptr, header_prefix, n) == 0) {
		t->subject = SUBJECT_HEADER;
		t->header_copy = strndup(text.ptr + n, text.len - n);
		t->header = t->header_copy;
		if (t->header == NULL)
			reading_problem(r, "match", OUTFLOW_E_NOMEM, "no memory for a name");
	} else if (text.len > 0 && text.ptr[0] == '$') {
		t->subject = SUBJECT_PATH;
		status = path_compile(text, &t->path, &err);
		if (status != OUTFLOW_OK)
			reading_problem(r, "match", status, "%s", err.msg);
	} else if (!outflow_equal(text, "payload")) {
		reading_problem(r, "match", OUTFLOW_E_CONFIG,
		                "'%.*s' is not payload, topic, header.NAME or a path that begins with $",
		                (int)(text.len > 60 ? 60 : text.len), text.ptr);
	}
}

static void read_route(struct route *t, struct reading *r)
{
	outflow_str text;

	route_table_read(&t->table, r);
	read_subject(t, r);
	t->take = reading_choice(r, "take", take_names, RULES_FIRST);
	t->unmatched = reading_choice(r, "unmatched", unmatched_names, UNMATCHED_FAIL);
	if (t->table.standard != NULL && reading_text(r, "unmatched", false, &text))
		reading_problem(r, "unmatched", OUTFLOW_E_CONFIG,
		                "has no effect: what no rule fits goes to the default topic");
}

static void clear(struct route *t)
{
	route_table_clear(&t->table);
	path_free(&t->path);
	free(t->header_copy);
}

static outflow_status check(const outflow_host *h, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct route t = { .host = h };

	read_route(&t, &r);
	clear(&t);
	return r.status;
}

static void destroy(void *self)
{
	clear(self);
	free(self);
}

static outflow_status create(const outflow_host *h, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct route *t = calloc(1, sizeof *t);

	if (t == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	t->host = h;
	event_settings_read(&t->settings, h, config, "source.");
	read_route(t, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(t);
		return r.status;
	}
	*self = t;
	return OUTFLOW_OK;
}

/* ---- records ---- */

/* ptr NULL: there is no such text, and no rule fits. */
static outflow_status subject_of(struct route *t, struct event *e, outflow_str *text)
{
	const outflow_record *in = e->record;
	const outflow_header *header;
	struct value v;
	outflow_bytes found;

	*text = (outflow_str){ NULL, 0 };
	switch (t->subject) {
	case SUBJECT_PAYLOAD:
		*text = (outflow_str){ in->value.ptr, in->value.len };
		return OUTFLOW_OK;
	case SUBJECT_TOPIC:
		*text = in->topic;
		return OUTFLOW_OK;
	case SUBJECT_HEADER:
		header = outflow_find_header(in, t->header);
		if (header != NULL)
			*text = (outflow_str){ header->value.ptr, header->value.len };
		return OUTFLOW_OK;
	default:
		path_find(t->path, e, &v);
		found = event_value_text(e, &v);
		*text = (outflow_str){ found.ptr, found.len };
		return e->status;
	}
}

static outflow_status without_route(const struct route *t, const outflow_record *in, outflow_batch *out,
                                    outflow_error *err)
{
	outflow_record *r;

	if (t->unmatched == UNMATCHED_DROP)
		return OUTFLOW_OK;
	if (t->unmatched == UNMATCHED_PASS)
		return stage_emit(t->host, out, in, &r, err);
	return outflow_fail(err, OUTFLOW_E_RECORD, "no rule fits, and there is no default topic");
}

/* The topic's name is copied: a record may live longer than this stage. */
static outflow_status emit(const struct route *t, const outflow_record *in, outflow_str topic, outflow_batch *out,
                           outflow_error *err)
{
	outflow_bytes name = outflow_copy(t->host, out, outflow_text_bytes(topic));
	outflow_record *r;

	if (name.ptr == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a topic");
	if (stage_emit(t->host, out, in, &r, err) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	r->topic = (outflow_str){ name.ptr, name.len };
	r->partition = -1; /* that it had was one of another topic */
	return OUTFLOW_OK;
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	struct route *t = self;
	outflow_str text;
	struct event e;
	size_t n = 0;
	outflow_status status;

	event_begin(&e, t->host, out, &t->settings, in, err);
	status = subject_of(t, &e, &text);
	if (status == OUTFLOW_OK)
		status = route_table_find(&t->table, text, t->take == RULES_ALL, &n, err);
	if (status == OUTFLOW_OK && n == 0)
		return without_route(t, in, out, err);
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++)
		status = emit(t, in, t->table.found[i], out, err);
	return status;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct route *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "rules", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Route",
	  "Groups of regex (PCRE2, fits anywhere unless it has ^ and $) and topics, tried in their order. A text that begins "
	  "with { is the same as JSON: {\"defaultTopic\":\"...\",\"rules\":[{\"regex\":\"...\",\"targetTopics\":[\"...\"]}]}." },
	{ "rules.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Route",
	  "The groups of `rules`, below their names." },
	{ "default", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Route",
	  "The topic of records that no rule fits." },
	{ "match", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "payload", 0, 0, NULL, "Route",
	  "What the expressions are tried on: payload, topic, header.NAME, or a path that begins with $." },
	{ "take", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "first", 0, 0, take_names, "Route",
	  "Whose topics a record goes to: those of the first rule that fits, or those of all rules that fit." },
	{ "unmatched", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, unmatched_names, "Route",
	  "What happens to a record that no rule fits when there is no default: it fails (which is the standard), is filtered, "
	  "or keeps its topic." },
};
static const outflow_cfg_def config = { sizeof config, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component cleanse_route = {
	.size = sizeof cleanse_route,
	.kind = OUTFLOW_TRANSFORM,
	.name = "route",
	.doc = "Chooses the topics of a record by regular expressions; several topics make several records.",
	.config = &config,
	.ops = &ops,
};
