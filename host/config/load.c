/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/load.h"

#include "host/config/lexical.h"
#include "host/config/load_json.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <libconfig.h>

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MAX 256u
#define VALUE_MAX 65536u
#define DEPTH_MAX 16u
#define FILE_MAX ((size_t)4 << 20)

/* One file being flattened. */
struct flattening {
	const char *file;
	const char *pipeline; /* for problems; NULL outside */
	struct settings *to;
	struct problems *problems;
	outflow_status status;
};

static void complain(struct flattening *f, const config_setting_t *at, const char *key, const char *message)
{
	struct place where = { f->file, (int)config_setting_source_line(at), f->pipeline, key };

	problems_add(f->problems, &where, "%s", message);
}

/* A later file may replace a setting of the host; within one file it is a mistake. */
static void set(struct flattening *f, const config_setting_t *at, const char *key, const char *value)
{
	const struct setting *other = settings_find(f->to, key);

	if (other != NULL && other->file == f->file)
		complain(f, at, key, "is set twice");
	else if (f->status == OUTFLOW_OK)
		f->status = settings_set(f->to, key, value, f->file, (int)config_setting_source_line(at));
}

/* The text of a scalar in buffer, or NULL when it is none. */
static const char *scalar_text(const config_setting_t *s, char *buffer, size_t size)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		return config_setting_get_string(s);
	case CONFIG_TYPE_INT:
		snprintf(buffer, size, "%d", config_setting_get_int(s));
		return buffer;
	case CONFIG_TYPE_INT64:
		snprintf(buffer, size, "%lld", config_setting_get_int64(s));
		return buffer;
	case CONFIG_TYPE_FLOAT:
		snprintf(buffer, size, "%.17g", config_setting_get_float(s));
		return buffer;
	case CONFIG_TYPE_BOOL:
		return config_setting_get_bool(s) ? "true" : "false";
	default:
		return NULL;
	}
}

/* Appends item to a comma list; a comma and a backslash inside it get a backslash. */
static int append_item(char *list, size_t size, const char *item, int first)
{
	size_t n = strlen(list);

	if (!first && n + 1 < size)
		list[n++] = ',';
	for (; *item != '\0' && n + 2 < size; item++) {
		if (*item == ',' || *item == '\\')
			list[n++] = '\\';
		list[n++] = *item;
	}
	list[n] = '\0';
	return *item == '\0' ? 0 : -1;
}

static void flatten_list(struct flattening *f, const config_setting_t *s, const char *key)
{
	char *list = calloc(1, VALUE_MAX);
	char number[64];
	int n = config_setting_length(s);

	if (list == NULL) {
		f->status = OUTFLOW_E_NOMEM;
		return;
	}
	for (int i = 0; i < n; i++) {
		const char *item = scalar_text(config_setting_get_elem(s, (unsigned)i), number, sizeof number);

		if (item == NULL) {
			complain(f, s, key, "a list holds texts and numbers, or groups, not both");
			break;
		}
		if (append_item(list, VALUE_MAX, item, i == 0) != 0) {
			complain(f, s, key, "the list is longer than 64 KiB");
			break;
		}
	}
	set(f, s, key, list);
	free(list);
}

/* properties = [ "name=value" ]: names that libconfig cannot spell. */
static void flatten_properties(struct flattening *f, const config_setting_t *s, const char *prefix)
{
	if (!config_setting_is_array(s) && !config_setting_is_list(s))
		complain(f, s, prefix, "properties is a list of texts: [ \"name=value\" ]");
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *item = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(item);
		const char *equals = text ? strchr(text, '=') : NULL;
		char key[KEY_MAX];

		if (equals == NULL || equals == text)
			complain(f, item, prefix, "properties: each one is a text \"name=value\"");
		else if (snprintf(key, sizeof key, "%s.%.*s", prefix, (int)(equals - text), text) >= (int)sizeof key)
			complain(f, item, prefix, "the key is longer than 255 characters");
		else
			set(f, item, key, equals + 1);
	}
}

static void flatten_group(struct flattening *f, const config_setting_t *group, const char *prefix, unsigned depth);

static const char *group_text(const config_setting_t *group, const char *name)
{
	const char *text = NULL;

	(void)config_setting_lookup_string(group, name, &text);
	return text;
}

static int is_taken(const struct settings *s, const char *prefix)
{
	size_t n = strlen(prefix);

	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->list[i].key, prefix, n) == 0 && s->list[i].key[n] == '.')
			return 1;
	return 0;
}

/* One group of a list, below its alias. */
static void flatten_aliased(struct flattening *f, const config_setting_t *group, const char *key, const char *alias,
                            unsigned depth)
{
	char prefix[KEY_MAX];

	if (*alias == '\0' || alias[strcspn(alias, "., \t\\")] != '\0')
		complain(f, group, key, "the name of a group in a list has no dots, commas, backslashes and spaces");
	else if (snprintf(prefix, sizeof prefix, "%s.%s", key, alias) >= (int)sizeof prefix)
		complain(f, group, key, "the key is longer than 255 characters");
	else if (is_taken(f->to, prefix))
		complain(f, group, prefix, "another group of the list has this name");
	else
		flatten_group(f, group, prefix, depth + 1);
}

/* A list of groups: aliases from each one's name, else t1, t2, ...; the list of aliases goes under the key itself. */
static void flatten_groups(struct flattening *f, const config_setting_t *s, const char *key, unsigned depth)
{
	char aliases[4096] = "";

	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *group = config_setting_get_elem(s, (unsigned)i);
		const char *name;
		char number[16];

		if (!config_setting_is_group(group)) {
			complain(f, s, key, "a list holds texts and numbers, or groups, not both");
			return;
		}
		snprintf(number, sizeof number, "t%d", i + 1);
		name = group_text(group, "name");
		if (append_item(aliases, sizeof aliases, name ? name : number, i == 0) != 0)
			complain(f, group, key, "too many groups");
		flatten_aliased(f, group, key, name ? name : number, depth);
	}
	set(f, s, key, aliases);
}

static int holds_groups(const config_setting_t *s)
{
	return config_setting_is_list(s) && config_setting_length(s) > 0 &&
	       config_setting_is_group(config_setting_get_elem(s, 0));
}

static void flatten_one(struct flattening *f, const config_setting_t *s, const char *key, unsigned depth)
{
	char number[64];
	const char *text = scalar_text(s, number, sizeof number);

	if (text != NULL)
		set(f, s, key, text);
	else if (config_setting_is_group(s))
		flatten_group(f, s, key, depth + 1);
	else if (holds_groups(s))
		flatten_groups(f, s, key, depth);
	else
		flatten_list(f, s, key);
}

static void flatten_group(struct flattening *f, const config_setting_t *group, const char *prefix, unsigned depth)
{
	if (depth > DEPTH_MAX) {
		complain(f, group, prefix, "groups are nested too deeply");
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s);
		char key[KEY_MAX];
		int n = snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", name);

		if (n < 0 || (size_t)n >= sizeof key)
			complain(f, s, prefix, "the key is longer than 255 characters");
		else if (*prefix != '\0' && strcmp(name, "properties") == 0)
			flatten_properties(f, s, prefix);
		else
			flatten_one(f, s, key, depth);
	}
}

/* ---- declarations ---- */

static const struct declaration *find(const struct declarations *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->list[i].name, name) == 0)
			return &d->list[i];
	return NULL;
}

static struct declaration *add_declaration(struct declarations *to, const char *name, const char *file, int line)
{
	struct declaration *list = realloc(to->list, (to->n + 1) * sizeof *list);
	char *copy = strdup(name);

	if (list != NULL)
		to->list = list;
	if (list == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	list[to->n] = (struct declaration){ .name = copy, .file = file, .line = line };
	return &list[to->n++];
}

static void load_declaration(struct flattening *f, const config_setting_t *group, const char *what,
                             struct declarations *to)
{
	const char *name = config_setting_is_group(group) ? group_text(group, "name") : NULL;
	struct place where = { f->file, (int)config_setting_source_line(group), name, NULL };
	const struct declaration *other = name ? find(to, name) : NULL;
	struct declaration *d;

	if (name == NULL || *name == '\0') {
		problems_add(f->problems, &where, "each of the %s is a group with a name: { name = \"...\"; ... }",
		             what);
		return;
	}
	if (other != NULL) {
		problems_add(f->problems, &where, "the name is taken: see %s:%d", other->file, other->line);
		return;
	}
	d = add_declaration(to, name, f->file, where.line);
	if (d == NULL) {
		f->status = OUTFLOW_E_NOMEM;
		return;
	}
	f->to = &d->settings;
	f->pipeline = name;
	flatten_group(f, group, "", 0);
	f->pipeline = NULL;
}

static void load_declarations(struct flattening *f, const config_setting_t *s, struct declarations *to)
{
	const char *what = config_setting_name(s);

	if (!config_setting_is_list(s)) {
		complain(f, s, what, "is a list of groups: ( { name = \"...\"; ... } )");
		return;
	}
	for (int i = 0; i < config_setting_length(s) && f->status == OUTFLOW_OK; i++)
		load_declaration(f, config_setting_get_elem(s, (unsigned)i), what, to);
}

/* A list of groups under a name that is nearly one of the two: one problem instead of one for each of its keys. */
static int is_misspelt_list(struct flattening *f, const config_setting_t *s)
{
	struct suggestion near = { .typed = config_setting_name(s) };
	char message[100];

	suggestion_offer(&near, "pipelines");
	suggestion_offer(&near, "connections");
	if (near.best == NULL || !config_setting_is_list(s))
		return 0;
	snprintf(message, sizeof message, "unknown key; did you mean '%s'?", near.best);
	complain(f, s, near.typed, message);
	return 1;
}

static void load_root(struct flattening *f, const config_setting_t *root, struct loaded *to)
{
	for (int i = 0; i < config_setting_length(root) && f->status == OUTFLOW_OK; i++) {
		const config_setting_t *s = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(s);

		if (strcmp(name, "pipelines") == 0) {
			load_declarations(f, s, &to->pipelines);
		} else if (strcmp(name, "connections") == 0) {
			load_declarations(f, s, &to->connections);
		} else if (!is_misspelt_list(f, s)) {
			f->to = &to->host;
			flatten_one(f, s, name, 0);
		}
	}
}

/* ---- files ---- */

/* The whole text, malloc'd and with a NUL at its end; NULL: a problem was added, or *status says no memory. */
static char *read_text(const char *path, struct problems *problems, outflow_status *status)
{
	struct place where = { .file = path };
	FILE *file = fopen(path, "re");
	char *text = file ? malloc(FILE_MAX + 1) : NULL;
	size_t n = text ? fread(text, 1, FILE_MAX + 1, file) : 0;

	if (file == NULL || (text != NULL && ferror(file)))
		problems_add(problems, &where, "cannot be read: %s", strerror(errno));
	else if (text == NULL)
		*status = OUTFLOW_E_NOMEM;
	else if (n > FILE_MAX)
		problems_add(problems, &where, "is larger than 4 MiB");
	else if (memchr(text, '\0', n) != NULL)
		problems_add(problems, &where, "holds a NUL byte: is it a text?");
	else
		goto good;
	if (file != NULL)
		fclose(file);
	free(text);
	return NULL;
good:
	fclose(file);
	text[n] = '\0';
	return text;
}

static void parse(struct flattening *f, const char *text, struct loaded *to)
{
	struct place where = { .file = f->file };
	config_t c;

	/* Each file stands alone: an include would open files that the caller did not name. */
	if (lexical_check(text, f->file, f->problems) > 0)
		return;
	config_init(&c);
	if (config_read_string(&c, text) == CONFIG_TRUE) {
		load_root(f, config_root_setting(&c), to);
	} else {
		where.line = config_error_line(&c);
		problems_add(f->problems, &where, "%s", config_error_text(&c));
	}
	config_destroy(&c);
}

static int has_ending(const char *path, const char *ending)
{
	size_t n = strlen(path), m = strlen(ending);

	return n > m && strcmp(path + n - m, ending) == 0;
}

static outflow_status load_file(const char *path, struct loaded *to, struct problems *problems)
{
	struct flattening f = { .file = settings_file_name(path), .problems = problems };
	char *text = f.file ? read_text(path, problems, &f.status) : NULL;

	if (f.file == NULL)
		return OUTFLOW_E_NOMEM;
	if (text != NULL && has_ending(path, ".json"))
		f.status = load_json(f.file, text, &to->pipelines, problems);
	else if (text != NULL)
		parse(&f, text, to);
	free(text);
	return f.status;
}

outflow_status config_load_text(const char *name, const char *text, struct loaded *to, struct problems *problems)
{
	struct flattening f = { .file = settings_file_name(name), .problems = problems };

	if (f.file == NULL)
		return OUTFLOW_E_NOMEM;
	parse(&f, text, to);
	return f.status;
}

static int is_config_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && (has_ending(entry->d_name, ".conf") || has_ending(entry->d_name, ".json"));
}

static outflow_status load_directory(const char *path, struct loaded *to, struct problems *problems)
{
	struct place where = { .file = path };
	outflow_status status = OUTFLOW_OK;
	struct dirent **entries;
	int n = scandir(path, &entries, is_config_file, alphasort);

	if (n < 0) {
		problems_add(problems, &where, "cannot be read: %s", strerror(errno));
		return OUTFLOW_OK;
	}
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
		if (status == OUTFLOW_OK)
			status = load_file(file, to, problems);
		free(entries[i]);
	}
	free(entries);
	return status;
}

outflow_status config_load(const char *path, struct loaded *to, struct problems *problems)
{
	struct place where = { .file = path };
	struct stat st;

	if (stat(path, &st) != 0) {
		problems_add(problems, &where, "cannot be read: %s", strerror(errno));
		return OUTFLOW_OK;
	}
	return S_ISDIR(st.st_mode) ? load_directory(path, to, problems) : load_file(path, to, problems);
}

#define TEXT_OF(X) #X
#define VERSION_TEXT(MAJOR, MINOR) TEXT_OF(MAJOR) "." TEXT_OF(MINOR)

const char *config_library(void)
{
	return VERSION_TEXT(LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR);
}

static void clear_declarations(struct declarations *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->list[i].name);
		settings_clear(&d->list[i].settings);
	}
	free(d->list);
	*d = (struct declarations){ 0 };
}

void loaded_clear(struct loaded *l)
{
	settings_clear(&l->host);
	clear_declarations(&l->pipelines);
	clear_declarations(&l->connections);
}
