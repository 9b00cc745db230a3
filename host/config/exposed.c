/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/exposed.h"

#include "host/config/secret.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Is it a file that others than its owner and group can read, and reach? */
static int is_exposed(const char *path)
{
	struct stat st;
	char *real = realpath(path, NULL), *slash;
	int exposed = real != NULL && stat(real, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);

	while (exposed && (slash = strrchr(real, '/')) != NULL && slash != real) {
		*slash = '\0';
		exposed = stat(real, &st) == 0 && (st.st_mode & S_IXOTH);
	}
	free(real);
	return exposed;
}

static int is_known(const struct exposed *e, const char *path)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->paths[i], path) == 0)
			return 1;
	return 0;
}

static outflow_status add(struct exposed *e, const char *path, const char *key)
{
	char **paths, **sentences;

	if (path == NULL || is_known(e, path) || !is_exposed(path))
		return OUTFLOW_OK;
	paths = realloc(e->paths, (e->n + 1) * sizeof *paths);
	if (paths != NULL)
		e->paths = paths;
	sentences = realloc(e->sentences, (e->n + 1) * sizeof *sentences);
	if (sentences != NULL)
		e->sentences = sentences;
	if (paths == NULL || sentences == NULL || (paths[e->n] = strdup(path)) == NULL)
		return OUTFLOW_E_NOMEM;
	if (asprintf(&sentences[e->n],
	             "%s holds a secret (%s), and every user of this machine can read it: chmod o-r '%s'", path, key,
	             path) < 0) {
		free(paths[e->n]);
		return OUTFLOW_E_NOMEM;
	}
	e->n++;
	return OUTFLOW_OK;
}

outflow_status exposed_look(struct exposed *e, const struct inventory *inv, enum mask_of what,
                            const struct settings *settings)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < settings->n && status == OUTFLOW_OK; i++) {
		const struct setting *it = &settings->list[i];
		const char *rest = it->value;
		char path[PATH_MAX];

		if (*it->value != '\0' && mask_hides(inv, what, settings, it))
			status = add(e, it->file, it->key);
		while (status == OUTFLOW_OK && secret_next_file(&rest, path, sizeof path))
			status = add(e, path, it->key);
	}
	return status;
}

outflow_status exposed_look_loaded(struct exposed *e, const struct inventory *inv, const struct loaded *loaded)
{
	outflow_status status = exposed_look(e, inv, MASK_PIPELINE, &loaded->host);

	for (size_t i = 0; i < loaded->pipelines.n && status == OUTFLOW_OK; i++)
		status = exposed_look(e, inv, MASK_PIPELINE, &loaded->pipelines.list[i].settings);
	for (size_t i = 0; i < loaded->connections.n && status == OUTFLOW_OK; i++)
		status = exposed_look(e, inv, MASK_CONNECTION, &loaded->connections.list[i].settings);
	return status;
}

void exposed_clear(struct exposed *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->paths[i]);
		free(e->sentences[i]);
	}
	free(e->paths);
	free(e->sentences);
	*e = (struct exposed){ 0 };
}
