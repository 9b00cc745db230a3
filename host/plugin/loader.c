/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/loader.h"

#include "host/base/check.h"
#include "host/config/schema.h"
#include "host/plugin/inventory.h"
#include "host/plugin/load_host.h"
#include "host/plugin/private_copy.h"

#include <outflow/util.h>

#include <dlfcn.h>
#include <stdlib.h>

#define MODULE_MAGIC 0x6d6f6475u
#define ENTRIES "outflow_plugin_entry_v"
#define ENTRY ENTRIES "1"

/* How far a table of each kind must reach, and which members it must have. */
#define NEEDS(TYPE, MEMBER)                                                                                            \
	{                                                                                                              \
#MEMBER, OUTFLOW_END_OF(TYPE, MEMBER)                                                                  \
	}

struct member {
	const char *name;
	size_t end; /* the pointer is the last thing before this */
};

struct kind {
	const char *name;
	struct member members[4];
};

static const struct kind kinds[] = {
	[OUTFLOW_SOURCE] = { "source",
	                     { NEEDS(outflow_source_ops, create), NEEDS(outflow_source_ops, poll),
	                       NEEDS(outflow_source_ops, destroy) } },
	[OUTFLOW_SINK] = { "sink",
	                   { NEEDS(outflow_sink_ops, create), NEEDS(outflow_sink_ops, put),
	                     NEEDS(outflow_sink_ops, destroy) } },
	[OUTFLOW_TRANSFORM] = { "transform",
	                        { NEEDS(outflow_transform_ops, create), NEEDS(outflow_transform_ops, apply),
	                          NEEDS(outflow_transform_ops, destroy) } },
	[OUTFLOW_PREDICATE] = { "predicate",
	                        { NEEDS(outflow_predicate_ops, create), NEEDS(outflow_predicate_ops, test),
	                          NEEDS(outflow_predicate_ops, destroy) } },
	[OUTFLOW_CONVERTER] = { "converter",
	                        { NEEDS(outflow_converter_ops, create), NEEDS(outflow_converter_ops, view_type),
	                          NEEDS(outflow_converter_ops, decode), NEEDS(outflow_converter_ops, destroy) } },
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

const char *component_kind_name(uint32_t kind)
{
	return kind > 0 && kind < N_KINDS ? kinds[kind].name : "unknown";
}

static int is_word(const char *text)
{
	size_t n = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-") : 0;

	return n > 0 && n <= 64 && text[n] == '\0';
}

static outflow_status check_stamp(const char *path, const outflow_plugin *p, outflow_error *err)
{
	static const outflow_stamp ours = OUTFLOW_STAMP;
	outflow_stamp theirs;

	memcpy(&theirs, &p->stamp, sizeof theirs);
	if (memcmp(&theirs, &ours, sizeof ours) == 0)
		return OUTFLOW_OK;
	if (theirs.magic != ours.magic)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: is not a plugin of Outflow: its description begins "
		                    "with 0x%08x and not with 0x%08x",
		                    path, theirs.magic, ours.magic);
	if (theirs.major != ours.major)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: needs plugin ABI %u, this host has %u; build it against "
		                    "this host's headers",
		                    path, theirs.major, ours.major);
	return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
	                    "%s: was built for another layout: record/batch/error of "
	                    "%u/%u/%u bytes and %u-bit pointers, this host has %u/%u/%u and %u",
	                    path, theirs.record_size, theirs.batch_size, theirs.error_size, theirs.pointer_bits,
	                    ours.record_size, ours.batch_size, ours.error_size, ours.pointer_bits);
}

static outflow_status check_ops(const char *path, const outflow_plugin *p, const outflow_component *c,
                                outflow_error *err)
{
	const struct kind *kind = &kinds[c->kind];
	uint32_t size;

	memcpy(&size, c->ops, sizeof size);
	for (size_t i = 0; i < sizeof kind->members / sizeof kind->members[0] && kind->members[i].name; i++) {
		const struct member *m = &kind->members[i];
		const void *value = NULL;

		if (size >= m->end)
			memcpy(&value, (const char *)c->ops + m->end - sizeof value, sizeof value);
		if (value == NULL)
			return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
			                    "%s: %s/%s is a %s and needs '%s', its table of %u "
			                    "bytes has none",
			                    path, p->id, c->name, kind->name, m->name, size);
	}
	return OUTFLOW_OK;
}

/* Why key number i cannot be used; NULL: it can. */
static const char *fault_of_key(const outflow_cfg_def *def, size_t i)
{
	const outflow_cfg_key *k = schema_key(def, i);

	if (k->name == NULL || *k->name == '\0')
		return "no name";
	if (k->type < OUTFLOW_T_STRING || k->type > OUTFLOW_T_PREFIX)
		return "no type that this host knows";
	if (k->type == OUTFLOW_T_ENUM && k->choices == NULL)
		return "no choices";
	if (k->type == OUTFLOW_T_PREFIX && k->name[strlen(k->name) - 1] != '.')
		return "no dot at the end of its prefix";
	if (k->dflt != NULL && schema_parse(k, k->dflt, NULL, NULL) != OUTFLOW_OK)
		return "a default that is not valid";
	for (size_t j = 0; j < i; j++)
		if (strcmp(schema_key(def, j)->name, k->name) == 0)
			return "the name of another key";
	return NULL;
}

static outflow_status check_schema(const char *path, const outflow_plugin *p, const outflow_component *c,
                                   outflow_error *err)
{
	const outflow_cfg_def *def = c->config;

	if (def == NULL)
		return OUTFLOW_OK;
	if (def->size < OUTFLOW_END_OF(outflow_cfg_def, n_keys) ||
	    def->key_size < OUTFLOW_END_OF(outflow_cfg_key, doc) || def->key_size % _Alignof(outflow_cfg_key) != 0 ||
	    (def->n_keys > 0 && def->keys == NULL))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: %s/%s: its schema of %u bytes with keys of %u bytes "
		                    "is too short, this host needs %zu and %zu",
		                    path, p->id, c->name, def->size, def->key_size,
		                    OUTFLOW_END_OF(outflow_cfg_def, n_keys), OUTFLOW_END_OF(outflow_cfg_key, doc));
	for (size_t i = 0; i < def->n_keys; i++) {
		const char *fault = fault_of_key(def, i), *name = schema_key(def, i)->name;

		if (fault != NULL)
			return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
			                    "%s: %s/%s: key number %zu ('%.60s') of its schema "
			                    "has %s",
			                    path, p->id, c->name, i + 1, name ? name : "", fault);
	}
	return OUTFLOW_OK;
}

static outflow_status check_component(const char *path, const outflow_plugin *p, size_t i, outflow_error *err)
{
	const outflow_component *c = p->components[i];
	outflow_status status;

	if (c == NULL || c->size < OUTFLOW_END_OF(outflow_component, ops))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: component number %zu has a table of %u bytes, this host "
		                    "needs %zu",
		                    path, i, c ? c->size : 0, OUTFLOW_END_OF(outflow_component, ops));
	if (!is_word(c->name))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: component number %zu has no name of lower-case letters, "
		                    "digits, - and _",
		                    path, i);
	if (c->kind == 0 || c->kind >= N_KINDS || c->ops == NULL)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: %s/%s is of kind %u, this host knows 1 to %zu",
		                    path, p->id, c->name, c->kind, N_KINDS - 1);
	for (size_t k = 0; k < i; k++)
		if (p->components[k]->kind == c->kind && strcmp(p->components[k]->name, c->name) == 0)
			return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: has two components %s/%s of one kind",
			                    path, p->id, c->name);
	status = check_ops(path, p, c, err);
	return status == OUTFLOW_OK ? check_schema(path, p, c, err) : status;
}

static outflow_status check_plugin(const char *path, const outflow_plugin *p, outflow_error *err)
{
	outflow_status status = check_stamp(path, p, err);

	if (status != OUTFLOW_OK)
		return status;
	if (p->size < OUTFLOW_END_OF(outflow_plugin, n_components))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: its description has %u bytes, this host needs %zu",
		                    path, p->size, OUTFLOW_END_OF(outflow_plugin, n_components));
	if (p->min_minor > OUTFLOW_ABI_MINOR)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: needs plugin ABI %u.%u, this host has %u.%u", path,
		                    OUTFLOW_ABI_MAJOR, p->min_minor, OUTFLOW_ABI_MAJOR, OUTFLOW_ABI_MINOR);
	if (!is_word(p->id))
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: its id is not a word of lower-case letters, digits, - "
		                    "and _",
		                    path);
	if (p->n_components == 0 || p->components == NULL)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: plugin %s has no components", path, p->id);
	for (size_t i = 0; i < p->n_components && status == OUTFLOW_OK; i++)
		status = check_component(path, p, i, err);
	return status;
}

static outflow_status call_load(const char *path, const outflow_plugin *p, outflow_error *err)
{
	outflow_error why = { .size = sizeof why };

	if (!OUTFLOW_HAS(outflow_plugin, p, load) || p->load(&load_host, &why) == OUTFLOW_OK)
		return OUTFLOW_OK;
	return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: plugin %s refuses to load: %s", path, p->id, why.msg);
}

/* A plugin for another major has an entry of another name: "needs ABI 2" says more than "no entry". */
static unsigned other_major(void *handle)
{
	char name[] = ENTRIES "0";

	for (unsigned major = 2; major <= 9; major++) {
		name[sizeof name - 2] = (char)('0' + major);
		if (dlsym(handle, name) != NULL)
			return major;
	}
	return 0;
}

static outflow_status refuse_entry(const char *path, void *handle, outflow_error *err)
{
	unsigned major = other_major(handle);

	if (major != 0)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED,
		                    "%s: needs plugin ABI %u, this host has %u; build it against "
		                    "this host's headers",
		                    path, major, OUTFLOW_ABI_MAJOR);
	return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: is not a plugin of Outflow %u: it exports no " ENTRY, path,
	                    OUTFLOW_ABI_MAJOR);
}

static outflow_status open_plugin(const char *path, const char *file, const outflow_plugin **result, outflow_error *err)
{
	void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	outflow_plugin_entry_fn *entry;
	void *symbol;

	if (handle == NULL)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: cannot be loaded: %s", path, dlerror());
	symbol = dlsym(handle, ENTRY);
	if (symbol == NULL)
		return refuse_entry(path, handle, err);
	/* The way POSIX gives (dlsym, rationale) to turn an object pointer into a function's. */
	memcpy(&entry, &symbol, sizeof entry);
	*result = entry();
	if (*result == NULL)
		return outflow_fail(err, OUTFLOW_E_UNSUPPORTED, "%s: " ENTRY " returns nothing", path);
	return OUTFLOW_OK;
}

/* Takes over file, the copy to load; NULL: path itself. */
static outflow_status load_file(const char *path, char *file, struct module **result, outflow_error *err)
{
	struct module *m = calloc(1, sizeof *m);
	outflow_status status;

	if (m == NULL || (m->path = strdup(path)) == NULL) {
		free(m);
		free(file);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "%s: no memory", path);
	}
	m->magic = MODULE_MAGIC;
	m->file = file;
	status = open_plugin(path, file ? file : path, &m->plugin, err);
	if (status == OUTFLOW_OK)
		status = check_plugin(path, m->plugin, err);
	if (status == OUTFLOW_OK)
		status = call_load(path, m->plugin, err);
	if (status != OUTFLOW_OK)
		module_free(&m);
	else
		*result = m;
	return status;
}

outflow_status module_load(const char *path, const char *copy_dir, struct module **result, outflow_error *err)
{
	char *file = NULL;
	outflow_status status = copy_dir ? private_copy_make(path, copy_dir, &file, err) : OUTFLOW_OK;

	return status == OUTFLOW_OK ? load_file(path, file, result, err) : status;
}

outflow_status module_load_again(const struct module *m, const char *copy_dir, size_t number, struct module **result,
                                 outflow_error *err)
{
	char *file = NULL;
	outflow_status status;

	CHECK_OBJ(m, MODULE_MAGIC);
	status = private_copy_again(m->file, copy_dir, number, &file, err);
	return status == OUTFLOW_OK ? load_file(m->path, file, result, err) : status;
}

void module_free(struct module **pm)
{
	struct module *m = *pm;

	*pm = NULL;
	if (m == NULL)
		return;
	CHECK_OBJ(m, MODULE_MAGIC);
	m->magic = 0;
	free(m->path);
	free(m->file);
	free(m);
}
