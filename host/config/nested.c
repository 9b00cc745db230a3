/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/nested.h"

#include "host/config/json_value.h"

#include <outflow/util.h>

#include <stdlib.h>

#define KEY_MAX 256u
#define DEPTH_MAX 16u

/* One object being flattened. */
struct flattening {
	struct settings *to, seen; /* seen: what this object has said already */
	struct problems *problems;
	int patch; /* null takes away, and what is there may be replaced */
	outflow_status status;
};

static void complain(struct flattening *f, const char *key, const char *message)
{
	problems_add(f->problems, &(struct place){ .key = *key ? key : NULL }, "%s", message);
}

static int is_below(const char *key, const char *group)
{
	size_t n = strlen(group);

	return strncmp(key, group, n) == 0 && key[n] == '.';
}

/* ---- taking away ---- */

static void drop_at(struct settings *s, size_t at)
{
	free(s->list[at].key);
	free(s->list[at].value);
	memmove(s->list + at, s->list + at + 1, (s->n - at - 1) * sizeof *s->list);
	s->n--;
}

static void drop_key(struct settings *s, const char *key)
{
	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->list[i].key, key) == 0)
			drop_at(s, i);
}

static void drop_group(struct settings *s, const char *key)
{
	for (size_t i = s->n; i-- > 0;)
		if (strcmp(s->list[i].key, key) == 0 || is_below(s->list[i].key, key))
			drop_at(s, i);
}

/* A plain value stands for the whole of what had a form. */
static void drop_forms(struct settings *s, const char *key)
{
	static const char *const parts[] = { "form", "value", "template", "missing" };

	for (size_t i = s->n; i-- > 0;)
		for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
			if (is_below(s->list[i].key, key) && strcmp(s->list[i].key + strlen(key) + 1, parts[k]) == 0) {
				drop_at(s, i);
				break;
			}
}

/* ---- values ---- */

static void set(struct flattening *f, const char *key, const char *value)
{
	char twin[KEY_MAX];
	size_t n = strlen(key);

	if (value == NULL)
		f->status = OUTFLOW_E_NOMEM;
	else if (settings_find(&f->seen, key) != NULL || (!f->patch && settings_find(f->to, key) != NULL))
		complain(f, key, "is set twice");
	else if (f->status == OUTFLOW_OK)
		f->status = settings_set(&f->seen, key, "", NULL, 0);
	if (f->status == OUTFLOW_OK && value != NULL)
		f->status = settings_set(f->to, key, value, NULL, 0);
	/* X.value is X. */
	if (f->patch && n > 6 && strcmp(key + n - 6, ".value") == 0) {
		snprintf(twin, sizeof twin, "%.*s", (int)(n - 6), key);
		drop_key(f->to, twin);
	}
}

static void set_text(struct flattening *f, const char *key, const json_t *value)
{
	char *text = json_value_text(value);

	set(f, key, text);
	free(text);
}

/* The list with one more item, in which commas and backslashes get a backslash; malloc'd. NULL: no memory. */
static char *append_item(char *list, const char *item)
{
	size_t n = list ? strlen(list) : 0;
	char *longer = item ? realloc(list, n + 2 * strlen(item) + 2) : NULL;

	if (longer == NULL) {
		free(list);
		return NULL;
	}
	if (list != NULL)
		longer[n++] = ',';
	for (; *item != '\0'; item++) {
		if (*item == ',' || *item == '\\')
			longer[n++] = '\\';
		longer[n++] = *item;
	}
	longer[n] = '\0';
	return longer;
}

static void flatten_list(struct flattening *f, const char *key, const json_t *items)
{
	char *list = json_array_size(items) == 0 ? strdup("") : NULL;

	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		char *text;

		if (!json_value_is_scalar(item)) {
			complain(f, key, "a list holds texts and numbers, or objects, not both");
			free(list);
			return;
		}
		text = json_value_text(item);
		list = append_item(list, text);
		free(text);
		if (list == NULL)
			break;
	}
	if (f->patch)
		drop_forms(f->to, key);
	set(f, key, list);
	free(list);
}

/* ---- objects ---- */

static void flatten_members(struct flattening *f, const char *prefix, const json_t *object, unsigned depth);

/* properties: [ "name=value" ], as in files. */
static void flatten_properties(struct flattening *f, const char *prefix, const json_t *list)
{
	size_t i;
	json_t *item;

	if (!json_is_array(list))
		complain(f, prefix, "properties is a list of texts: [ \"name=value\" ]");
	json_array_foreach((json_t *)(uintptr_t)list, i, item)
	{
		const char *text = json_string_value(item), *equals = text ? strchr(text, '=') : NULL;
		char key[KEY_MAX];

		if (equals == NULL || equals == text)
			complain(f, prefix, "properties: each one is a text \"name=value\"");
		else if (snprintf(key, sizeof key, "%s.%.*s", prefix, (int)(equals - text), text) >= (int)sizeof key)
			complain(f, prefix, "the key is longer than 255 characters");
		else
			set(f, key, equals + 1);
	}
}

static const char *alias_of(const json_t *group, size_t i, char *number, size_t size)
{
	const char *name = json_string_value(json_object_get(group, "name"));

	snprintf(number, size, "t%zu", i + 1);
	return name ? name : number;
}

static void flatten_groups(struct flattening *f, const char *key, const json_t *groups, unsigned depth)
{
	char *aliases = NULL;
	struct settings taken = { 0 };

	if (f->patch)
		drop_group(f->to, key);
	for (size_t i = 0; i < json_array_size(groups) && f->status == OUTFLOW_OK; i++) {
		const json_t *group = json_array_get(groups, i);
		char prefix[KEY_MAX], number[24];
		const char *alias = alias_of(group, i, number, sizeof number);

		if (!json_is_object(group))
			complain(f, key, "a list holds texts and numbers, or objects, not both");
		else if (*alias == '\0' || alias[strcspn(alias, "., \t\\")] != '\0')
			complain(f, key, "the name of an object in a list has no dots, commas, backslashes and spaces");
		else if (settings_find(&taken, alias) != NULL)
			complain(f, key, "two objects of the list have the same name");
		else if (snprintf(prefix, sizeof prefix, "%s.%s", key, alias) >= (int)sizeof prefix)
			complain(f, key, "the key is longer than 255 characters");
		else
			flatten_members(f, prefix, group, depth + 1);
		if (f->status == OUTFLOW_OK)
			f->status = settings_set(&taken, alias, "", NULL, 0);
		aliases = append_item(aliases, alias);
		if (aliases == NULL)
			f->status = OUTFLOW_E_NOMEM;
	}
	if (aliases != NULL)
		set(f, key, aliases);
	free(aliases);
	settings_clear(&taken);
}

static const char *last_part(const char *key)
{
	const char *dot = strrchr(key, '.');

	return dot ? dot + 1 : key;
}

/* Is the JSON there what is meant, not a group of keys? */
static int is_json_text(const char *parent, const char *name, const json_t *owner)
{
	const char *key = last_part(name);

	if (strcmp(key, "pattern") == 0 || strcmp(last_part(parent), "patterns") == 0)
		return 1;
	if (strcmp(key, "template") == 0)
		return 1;
	return strcmp(key, "value") == 0 && json_object_get(owner, "form") != NULL;
}

static void set_json(struct flattening *f, const char *key, const json_t *value)
{
	char *text = json_value_dump(value);

	set(f, key, text);
	free(text);
}

static void flatten_member(struct flattening *f, const char *parent, const char *name, const char *key,
                           const json_t *owner, const json_t *value, unsigned depth)
{
	if (json_is_null(value)) {
		if (f->patch)
			drop_group(f->to, key);
		else
			complain(f, key, "is null: take it out, or give it a value");
	} else if (json_value_is_scalar(value)) {
		if (f->patch)
			drop_forms(f->to, key);
		set_text(f, key, value);
	} else if (is_json_text(parent, name, owner)) {
		set_json(f, key, value);
	} else if (json_is_object(value)) {
		flatten_members(f, key, value, depth + 1);
	} else if (json_is_object(json_array_get(value, 0))) {
		flatten_groups(f, key, value, depth);
	} else {
		if (f->patch && json_array_size(value) == 0)
			drop_group(f->to, key);
		flatten_list(f, key, value);
	}
}

static void flatten_members(struct flattening *f, const char *prefix, const json_t *object, unsigned depth)
{
	const char *name;
	json_t *value;

	if (depth > DEPTH_MAX) {
		complain(f, prefix, "objects are nested too deeply");
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		char key[KEY_MAX];
		int n = snprintf(key, sizeof key, "%s%s%s", prefix, *prefix ? "." : "", name);

		if (f->status != OUTFLOW_OK)
			return;
		if (n < 0 || (size_t)n >= sizeof key)
			complain(f, prefix, "the key is longer than 255 characters");
		else if (*name == '\0')
			complain(f, prefix, "a key is empty");
		else if (*prefix != '\0' && strcmp(name, "properties") == 0)
			flatten_properties(f, prefix, value);
		else
			flatten_member(f, prefix, name, key, object, value, depth);
	}
}

static outflow_status flatten(const json_t *object, struct settings *to, struct problems *problems, int patch)
{
	struct flattening f = { .to = to, .problems = problems, .patch = patch };

	if (json_is_object(object))
		flatten_members(&f, "", object, 0);
	else
		complain(&f, "", "a pipeline is a JSON object");
	settings_clear(&f.seen);
	return f.status;
}

outflow_status nested_flatten(const json_t *object, struct settings *to, struct problems *problems)
{
	return flatten(object, to, problems, 0);
}

outflow_status nested_merge(const json_t *patch, struct settings *to, struct problems *problems)
{
	return flatten(patch, to, problems, 1);
}

/* ---- and back ---- */

static int holds_reals(const json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_real(value))
		return 1;
	json_object_foreach((json_t *)(uintptr_t)value, name, member) if (holds_reals(member)) return 1;
	json_array_foreach((json_t *)(uintptr_t)value, i, member) if (holds_reals(member)) return 1;
	return 0;
}

/* A pattern as JSON, if that says the same: the digits of fractions, and members of one name, would be lost. */
static json_t *value_json(const char *parent, const char *key, const char *text)
{
	json_t *pattern = NULL;

	if (strcmp(last_part(key), "pattern") == 0 || strcmp(last_part(parent), "patterns") == 0)
		pattern = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(pattern) && !holds_reals(pattern))
		return pattern;
	json_decref(pattern);
	return json_string(text);
}

/* Puts rest, a key below a group, into it: what has a form is an object of its own. */
static void put(json_t *group, const char *prefix, const char *rest, const char *text)
{
	static const char *const parts[] = { "form", "value", "template", "missing" };
	const char *part = last_part(rest);
	json_t *value = value_json(prefix, rest, text);
	char name[KEY_MAX];
	int is_part = 0;
	json_t *there;

	for (size_t i = 0; i < sizeof parts / sizeof parts[0] && part != rest; i++)
		is_part |= strcmp(part, parts[i]) == 0;
	if (!is_part || (size_t)(part - rest) > sizeof name) {
		json_object_set_new(group, rest, value);
		return;
	}
	snprintf(name, sizeof name, "%.*s", (int)(part - rest - 1), rest);
	there = json_object_get(group, name);
	if (!json_is_object(there)) {
		json_t *object = json_object();

		if (there != NULL)
			json_object_set(object, "value", there);
		json_object_set_new(group, name, object);
		there = object;
	}
	json_object_set_new(there, part, value);
}

static json_t *group_of(json_t *root, const char *name)
{
	json_t *group = json_object_get(root, name);

	if (group == NULL) {
		group = json_object();
		json_object_set_new(root, name, group);
	}
	return group;
}

/* The keys below prefix as one group; NULL: no memory. */
static json_t *group_below(const struct settings *s, const char *prefix)
{
	json_t *group = json_object();

	for (size_t i = 0; i < s->n; i++)
		if (is_below(s->list[i].key, prefix))
			put(group, prefix, s->list[i].key + strlen(prefix) + 1, s->list[i].value);
	return group;
}

/* Is it a list of aliases, each with keys below it, and no others below it? Then it is a list of groups. */
static json_t *groups_of(const struct settings *s, const char *key, const char *aliases)
{
	json_t *list = json_array();
	size_t covered = 0, below = 0;

	while (*aliases != '\0') {
		size_t n = strcspn(aliases, ",");
		char prefix[KEY_MAX], alias[KEY_MAX];
		json_t *group;

		snprintf(alias, sizeof alias, "%.*s", (int)n, aliases);
		snprintf(prefix, sizeof prefix, "%.120s.%.120s", key, alias);
		group = group_below(s, prefix);
		covered += json_object_size(group);
		json_object_set_new(group, "name", json_string(alias));
		json_array_append_new(list, group);
		aliases += n + (aliases[n] == ',');
	}
	for (size_t i = 0; i < s->n; i++)
		below += is_below(s->list[i].key, key);
	if (covered > 0 && below > 0)
		return list;
	json_decref(list);
	return NULL;
}

static int is_list_of_groups(const char *key)
{
	return strcmp(key, "transforms") == 0 || strcmp(key, "predicates") == 0;
}

json_t *nested_from_settings(const struct settings *s)
{
	json_t *root = json_object();

	for (size_t i = 0; i < s->n && root != NULL; i++) {
		const char *key = s->list[i].key, *dot = strchr(key, '.');
		char first[KEY_MAX];

		snprintf(first, sizeof first, "%.*s", (int)(dot ? dot - key : (ptrdiff_t)strlen(key)), key);
		if (is_list_of_groups(first) && settings_find(s, first) != NULL) {
			json_t *list = dot ? NULL : groups_of(s, first, s->list[i].value);

			if (list != NULL)
				json_object_set_new(root, first, list);
		} else if (dot == NULL) {
			json_object_set_new(root, key, json_string(s->list[i].value));
		} else if (settings_find(s, first) != NULL) {
			/* A value and a group of one name: no object can be both. */
			json_object_set_new(root, key, json_string(s->list[i].value));
		} else {
			put(group_of(root, first), first, dot + 1, s->list[i].value);
		}
	}
	return root;
}

/* ---- where a key stands ---- */

static void point_at(char *pointer, size_t size, const char *part)
{
	size_t n = strlen(pointer);

	if (n + 1 < size)
		pointer[n++] = '/';
	for (; *part != '\0' && n + 3 < size; part++) {
		if (*part == '~' || *part == '/') {
			pointer[n++] = '~';
			pointer[n++] = *part == '~' ? '0' : '1';
		} else {
			pointer[n++] = *part;
		}
	}
	pointer[n] = '\0';
}

/* The group of a list that an alias stands for; *rest goes behind it. */
static const json_t *find_group(const json_t *list, const char **rest, size_t *index)
{
	for (*index = 0; *index < json_array_size(list); ++*index) {
		const json_t *group = json_array_get(list, *index);
		char number[24];
		const char *alias = alias_of(group, *index, number, sizeof number);
		size_t n = strlen(alias);

		if (strncmp(*rest, alias, n) != 0 || ((*rest)[n] != '.' && (*rest)[n] != '\0'))
			continue;
		*rest += n + ((*rest)[n] == '.');
		return group;
	}
	return NULL;
}

/* The member that a key goes through: that with the longest name. */
static const char *find_member(const json_t *object, const char *key)
{
	const char *name, *best = NULL;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		size_t n = strlen(name);

		if (strncmp(key, name, n) == 0 && (key[n] == '.' || key[n] == '\0') &&
		    (best == NULL || n > strlen(best)))
			best = name;
	}
	return best;
}

void nested_pointer(const json_t *object, const char *key, char *pointer, size_t size)
{
	*pointer = '\0';
	while (json_is_object(object) && *key != '\0') {
		const char *name = find_member(object, key);
		size_t index;

		if (name == NULL)
			return;
		point_at(pointer, size, name);
		key += strlen(name);
		key += *key == '.';
		object = json_object_get(object, name);
		if (json_is_array(object) && *key != '\0') {
			char number[24];

			object = find_group(object, &key, &index);
			snprintf(number, sizeof number, "%zu", index);
			if (object != NULL)
				point_at(pointer, size, number);
		}
	}
}
