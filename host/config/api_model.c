/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/api_model.h"

#include "host/config/model_internal.h"
#include "host/config/schema.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)

static void complain(const struct settings *all, struct problems *problems, const char *key, const char *message)
{
	const struct setting *it = settings_find(all, key);
	struct place at = { it ? it->file : NULL, it ? it->line : 0, NULL, key };

	problems_add(problems, &at, "%s", message);
}

static outflow_status read_list(const outflow_config *c, const char *key, char ***list, size_t *n)
{
	outflow_str item;
	size_t there = instance_config_api.list(c, key, SIZE_MAX, &item);

	*list = calloc(there + 1, sizeof **list);
	for (*n = 0; *list != NULL && *n < there; (*n)++) {
		(void)instance_config_api.list(c, key, *n, &item);
		(*list)[*n] = strndup(item.ptr, item.len);
		if ((*list)[*n] == NULL)
			return OUTFLOW_E_NOMEM;
	}
	return *list ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

/* ---- users ---- */

static const char *const user_keys[] = { "name", "password", "token", "key.id", "key.secret", "role", NULL };

static int is_user_key(const char *name)
{
	for (const char *const *it = user_keys; *it != NULL; it++)
		if (strcmp(*it, name) == 0)
			return 1;
	return 0;
}

/* api.users.<name>.<key> of somebody who is not in the list, or with a key that nobody has. */
static void check_user_keys(const struct settings *all, const struct api_model *m, struct problems *problems)
{
	size_t skip = strlen("api.users.");

	for (size_t i = 0; i < all->n; i++) {
		const char *rest = all->list[i].key + skip;
		const char *dot;
		int known = 0;

		if (strncmp(all->list[i].key, "api.users.", skip) != 0)
			continue;
		dot = strchr(rest, '.');
		for (size_t k = 0; k < m->n_users && dot != NULL; k++)
			known |= strncmp(m->users[k].name, rest, (size_t)(dot - rest)) == 0 &&
			         m->users[k].name[dot - rest] == '\0';
		if (dot == NULL || !is_user_key(dot + 1))
			complain(all, problems, all->list[i].key,
			         "unknown key; a user has .token, .password, .key.id, .key.secret and .role");
		else if (!known)
			complain(all, problems, all->list[i].key, "api.users does not list this user");
	}
}

/* One key of a user, malloc'd; NULL: not set. */
static char *user_text(const outflow_config *c, const char *user, const char *name)
{
	char key[300];

	snprintf(key, sizeof key, "api.users.%s.%s", user, name);
	return model_text(c, key);
}

static void read_role(const struct settings *all, const outflow_config *c, struct problems *problems,
                      struct api_user *u)
{
	char *role = user_text(c, u->name, "role");
	char key[300];

	snprintf(key, sizeof key, "api.users.%s.role", u->name);
	if (role != NULL && strcmp(role, "admin") != 0 && strcmp(role, "read-only") != 0)
		complain(all, problems, key, "expected admin or read-only");
	/* A wrong role gives no more rights than the least. */
	u->read_only = role != NULL && strcmp(role, "admin") != 0;
	free(role);
}

static void check_secret(const struct settings *all, struct problems *problems, const char *user, const char *name,
                         const char *secret)
{
	char key[300];

	snprintf(key, sizeof key, "api.users.%s.%s", user, name);
	if (secret != NULL && *secret == '\0')
		complain(all, problems, key, "is empty");
	if (secret != NULL && strcmp(name, "token") == 0 && strpbrk(secret, " \t") != NULL)
		complain(all, problems, key, "a token has no blanks");
	if (secret != NULL && strcmp(name, "key.id") == 0 && strpbrk(secret, " \t,=") != NULL)
		complain(all, problems, key, "the id of an access key has no blanks, commas and equals signs");
}

static void check_access_key(const struct settings *all, struct problems *problems, const struct api_model *m)
{
	const struct api_user *u = &m->users[m->n_users - 1];
	char key[300];

	snprintf(key, sizeof key, "api.users.%s.key.%s", u->name, u->key_id ? "id" : "secret");
	if ((u->key_id == NULL) != (u->key_secret == NULL))
		complain(all, problems, key, "key.id and key.secret are set together");
	for (size_t i = 0; i + 1 < m->n_users && u->key_id != NULL; i++)
		if (m->users[i].key_id != NULL && strcmp(m->users[i].key_id, u->key_id) == 0)
			complain(all, problems, key, "another user has an access key with this id");
}

static outflow_status read_users(const struct settings *all, const outflow_config *c, struct problems *problems,
                                 struct api_model *m)
{
	char **names = NULL;
	size_t n = 0;
	outflow_status status = read_list(c, "api.users", &names, &n);

	m->users = calloc(n + 1, sizeof *m->users);
	if (m->users == NULL)
		status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		struct api_user *u = &m->users[m->n_users++];

		u->name = names[i];
		names[i] = NULL;
		u->password = user_text(c, u->name, "password");
		u->token = user_text(c, u->name, "token");
		u->key_id = user_text(c, u->name, "key.id");
		u->key_secret = user_text(c, u->name, "key.secret");
		check_secret(all, problems, u->name, "password", u->password);
		check_secret(all, problems, u->name, "token", u->token);
		check_secret(all, problems, u->name, "key.id", u->key_id);
		check_secret(all, problems, u->name, "key.secret", u->key_secret);
		check_access_key(all, problems, m);
		read_role(all, c, problems, u);
		if (strchr(u->name, ':') != NULL)
			complain(all, problems, "api.users", "the name of a user has no colon");
		if (u->password == NULL && u->token == NULL && u->key_id == NULL)
			complain(all, problems, "api.users",
			         "a user needs api.users.<name>.token, .password, or .key.id and .key.secret");
	}
	for (size_t i = 0; names != NULL && i < n; i++)
		free(names[i]);
	free(names);
	if (status == OUTFLOW_OK)
		check_user_keys(all, m, problems);
	return status;
}

/* ---- the rest ---- */

static int flag(const outflow_config *c, const char *key)
{
	int32_t value = 0;

	(void)instance_config_api.boolean(c, key, &value);
	return value;
}

static void check_tls(const struct settings *all, struct problems *problems, const struct api_model *m)
{
	if ((m->certificate == NULL) != (m->key == NULL))
		complain(all, problems, m->key ? "api.tls.key" : "api.tls.certificate",
		         "api.tls.certificate and api.tls.key are set together");
	else if (m->client_ca != NULL && m->certificate == NULL)
		complain(all, problems, "api.tls.client.ca",
		         "is of no use without api.tls.certificate and api.tls.key");
}

static void read_insecure(const struct settings *all, const outflow_config *c, struct problems *problems,
                          struct api_model *m)
{
	char *words = model_text(c, "api.insecure");

	m->insecure = words != NULL && strcmp(words, API_INSECURE_WORDS) == 0;
	if (words != NULL && !m->insecure)
		complain(all, problems, "api.insecure", "the words are: " API_INSECURE_WORDS);
	free(words);
}

outflow_status api_model_new(const struct settings *all, const outflow_config *c, struct problems *problems,
                             struct api_model *m)
{
	static const char *const compatibilities[] = { "default", "strict", NULL };
	outflow_status status = OUTFLOW_OK;
	outflow_str given;

	*m = (struct api_model){ 0 };
	if (instance_config_api.str(c, "api.listeners", &given) == OUTFLOW_OK)
		status = read_list(c, "api.listeners", &m->listeners, &m->n_listeners);
	if (status == OUTFLOW_OK)
		status = read_users(all, c, problems, m);
	if (status == OUTFLOW_OK)
		status = read_list(c, "access.control.allow.origin", &m->origins, &m->n_origins);
	if (status == OUTFLOW_OK)
		status = read_list(c, "access.control.allow.methods", &m->methods, &m->n_methods);
	m->certificate = model_text(c, "api.tls.certificate");
	m->key = model_text(c, "api.tls.key");
	m->client_ca = model_text(c, "api.tls.client.ca");
	m->body_max = (size_t)model_number(c, "api.body.max");
	m->connections_max = (uint32_t)model_number(c, "api.connections.max");
	m->client_timeout_ns = model_number(c, "api.client.timeout") * NS_PER_MS;
	m->request_timeout_ns = model_number(c, "api.request.timeout") * NS_PER_MS;
	m->strict = model_choice(c, "rest.compat", compatibilities);
	m->topic_tracking = flag(c, "topic.tracking.enable");
	m->topic_reset = flag(c, "topic.tracking.allow.reset");
	read_insecure(all, c, problems, m);
	check_tls(all, problems, m);
	return status;
}

static void free_texts(char **list, size_t n)
{
	for (size_t i = 0; list != NULL && i < n; i++)
		free(list[i]);
	free(list);
}

void api_model_clear(struct api_model *m)
{
	for (size_t i = 0; i < m->n_users; i++) {
		free(m->users[i].name);
		free(m->users[i].password);
		free(m->users[i].token);
		free(m->users[i].key_id);
		free(m->users[i].key_secret);
	}
	free(m->users);
	free_texts(m->listeners, m->n_listeners);
	free_texts(m->origins, m->n_origins);
	free_texts(m->methods, m->n_methods);
	free(m->certificate);
	free(m->key);
	free(m->client_ca);
	*m = (struct api_model){ 0 };
}
