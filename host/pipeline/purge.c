/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/purge.h"

#include <outflow/util.h>

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The first thing that went wrong is told, the rest is done all the same. */
static void note(outflow_status *first, outflow_status status)
{
	if (*first == OUTFLOW_OK)
		*first = status;
}

struct streams {
	char **list;
	size_t n;
	int out_of_memory;
};

static void collect(void *ctx, const char *pipeline, outflow_str stream_json, const struct checkpoint *position)
{
	struct streams *s = ctx;
	char **list = realloc(s->list, (s->n + 1) * sizeof *list);

	(void)pipeline;
	(void)position;
	if (list != NULL)
		s->list = list;
	if (list == NULL || (list[s->n] = strndup(stream_json.ptr, stream_json.len)) == NULL)
		s->out_of_memory = 1;
	else
		s->n++;
}

static outflow_status forget_positions(const struct environment *e, const char *pipeline, outflow_error *err)
{
	struct streams s = { 0 };
	outflow_status result = OUTFLOW_OK;

	if (e->checkpoints == NULL)
		return OUTFLOW_OK;
	checkpoint_each(e->checkpoints, pipeline, collect, &s);
	for (size_t i = 0; i < s.n; i++) {
		outflow_str json = { s.list[i], strlen(s.list[i]) };

		note(&result, checkpoint_forget(e->checkpoints, pipeline, json, err));
		free(s.list[i]);
	}
	free(s.list);
	if (s.out_of_memory)
		note(&result, outflow_fail(err, OUTFLOW_E_NOMEM, "no memory to forget all positions"));
	note(&result, checkpoint_sync(e->checkpoints, err));
	return result;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static outflow_status remove_journal(const struct environment *e, const char *pipeline, outflow_error *err)
{
	char path[PATH_MAX];

	if (state_dir_path(e->state_dir, "journal", pipeline, -1, path, sizeof path) != OUTFLOW_OK)
		return OUTFLOW_OK;
	if (nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be removed", path);
	return OUTFLOW_OK;
}

/* The journal goes first: positions without it would skip what a new one holds. */
outflow_status purge_pipeline(const struct environment *e, const char *pipeline, outflow_error *err)
{
	outflow_status result = remove_journal(e, pipeline, err);

	if (result != OUTFLOW_OK)
		return result;
	note(&result, forget_positions(e, pipeline, err));
	if (e->state != NULL)
		note(&result, state_forget(e->state, pipeline, err));
	return result;
}
