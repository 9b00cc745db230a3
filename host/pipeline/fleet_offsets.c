/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions that upstream keeps, through the source plugin's outflow.offsets/1. The configuration is made anew for it, in the
 * thread that then calls the plugin, so that nothing of what the keeper owns is touched.
 */
#include "host/pipeline/fleet_internal.h"
#include "host/plugin/load_host.h"

#include <outflow/ext/offsets.h>
#include <outflow/util.h>

#include <stdlib.h>

/* Nobody waits longer for upstream, and the plugin gets so much of it: what is late is given up. */
#define MOST_NS (10 * CLOCK_S)
#define PLUGIN_SHARE(NS) ((NS) / 5 * 4)

enum action { LIST, ALTER, RESET };

/* One call of the plugin. Belongs to the thread that makes it until that has come back. */
struct call {
	enum action action;
	int64_t deadline_ns;
	outflow_offset *list; /* to be made so; the texts are its own */
	size_t n;
	struct fleet_offset *found;
	size_t n_found, room;
	int out_of_memory;
	outflow_status status;
	outflow_error err;
};

static void release(void *ctx)
{
	struct call *c = ctx;

	for (size_t i = 0; i < c->n; i++)
		free((void *)(uintptr_t)c->list[i].partition_json.ptr);
	for (size_t i = 0; i < c->n_found; i++)
		free(c->found[i].partition);
	free(c->list);
	free(c->found);
	free(c);
}

static struct call *call_new(enum action action, const struct fleet_offset *list, size_t n)
{
	struct call *c = calloc(1, sizeof *c);

	if (c == NULL)
		return NULL;
	*c = (struct call){ .action = action, .err = { .size = sizeof c->err } };
	c->list = calloc(n + 1, sizeof *c->list);
	for (; c->list != NULL && c->n < n; c->n++) {
		char *copy = strdup(list[c->n].partition);

		if (copy == NULL)
			break;
		c->list[c->n] = (outflow_offset){ .partition_json = outflow_text(copy),
			                          .next = list[c->n].next,
			                          .forget = list[c->n].forget != 0 };
	}
	if (c->list != NULL && c->n == n)
		return c;
	release(c);
	return NULL;
}

/* ---- in its thread ---- */

static void keep(void *ctx, outflow_str partition_json, uint64_t next)
{
	struct call *c = ctx;
	char *copy = strndup(partition_json.ptr, partition_json.len);
	size_t room = c->n_found < c->room ? c->room : c->room * 2 + 8;
	struct fleet_offset *list = copy ? realloc(c->found, room * sizeof *list) : NULL;

	if (list == NULL) {
		free(copy);
		c->out_of_memory = 1;
		return;
	}
	c->found = list;
	c->room = room;
	list[c->n_found++] = (struct fleet_offset){ .partition = copy, .next = next };
}

static const outflow_offsets_api *offsets_of(const outflow_component *source)
{
	const outflow_offsets_api *api =
		OUTFLOW_HAS(outflow_component, source, extension) ? source->extension(OUTFLOW_EXT_OFFSETS) : NULL;

	return OUTFLOW_HAS(outflow_offsets_api, api, reset) && api->list && api->alter ? api : NULL;
}

static void run(void *ctx, struct pipeline_model *const *models)
{
	struct call *c = ctx;
	const struct stage_model *source = &models[0]->source;
	const outflow_offsets_api *api = offsets_of(source->component.what);
	outflow_host host = load_host;

	host.pipeline = models[0]->name;
	host.stage = source->name;
	if (api == NULL)
		c->status = outflow_fail(
			&c->err, OUTFLOW_E_UNSUPPORTED,
			"the positions of %.200s are kept on the other side of its source, and the plugin %s "
			"has no way to see or change them: change them there",
			models[0]->name, source->component.module->plugin->id);
	else if (c->action == LIST)
		c->status = api->list(&host, source->config, c->deadline_ns, keep, c, &c->err);
	else if (c->action == ALTER)
		c->status = api->alter(&host, source->config, c->deadline_ns, c->list, c->n, &c->err);
	else
		c->status = api->reset(&host, source->config, c->deadline_ns, &c->err);
	if (c->status >= 0 && c->out_of_memory)
		c->status = outflow_fail(&c->err, OUTFLOW_E_NOMEM, "no memory for positions");
}

/* ---- for those who ask ---- */

/* Notes what the pipeline is, and for a change holds it where it is: without tasks. */
static enum fleet_answer begin(struct fleet *f, const char *name, int is_change, struct building *b,
                               struct pipeline **held, outflow_error *err)
{
	enum fleet_answer answer = FLEET_OK;
	struct pipeline *p;

	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	if (p == NULL) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "there is no pipeline '%.200s'", name);
		answer = FLEET_UNKNOWN;
	}
	if (answer == FLEET_OK && is_change)
		answer = fleet_is_open(f, err);
	if (answer == FLEET_OK && building_add(b, p->name, NULL, 0, &p->given) != OUTFLOW_OK)
		answer = fleet_no_memory(err);
	if (answer == FLEET_OK && is_change) {
		pthread_mutex_lock(&p->lock);
		if (p->target == TARGET_STOPPED && p->n_seats == 0) {
			p->held++;
			*held = p;
		} else {
			outflow_fail(err, OUTFLOW_E_CONFIG, "pipeline '%.200s' has to be stopped first", name);
			answer = FLEET_NOT_STOPPED;
		}
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return answer;
}

/* As long as it is held it is not freed, even when it is deleted. */
static void let_go(struct fleet *f, struct pipeline *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	pthread_mutex_lock(&p->lock);
	p->held--;
	pthread_mutex_unlock(&p->lock);
	pipeline_wake(p);
	pthread_mutex_unlock(&f->lock);
}

static enum fleet_answer verdict(const struct call *c, outflow_error *err)
{
	if (c->status >= 0)
		return FLEET_OK;
	*err = c->err;
	if (c->status == OUTFLOW_E_UNSUPPORTED)
		return FLEET_UNSUPPORTED;
	return c->status == OUTFLOW_E_CONFIG ? FLEET_INVALID : FLEET_FAILED;
}

/* Owns the call from here on; *b, which is for the caller to free, keeps it as long as it is needed. */
static enum fleet_answer work(struct fleet *f, const char *name, struct call *c, int64_t timeout_ns,
                              struct building **b, outflow_error *err)
{
	struct sequel sequel = { c->action == LIST ? "the positions were not read" : "the positions were not changed",
		                 run, release, c };
	struct pipeline *held = NULL;
	enum fleet_answer answer;
	uint64_t changes;

	*b = fleet_building(f, &changes);
	if (*b == NULL) {
		release(c);
		return fleet_no_memory(err);
	}
	building_then(*b, &sequel);
	/* Somewhat before the client is told that its request takes too long. */
	timeout_ns = timeout_ns < MOST_NS ? timeout_ns / 10 * 9 : MOST_NS;
	c->deadline_ns = clock_mono_ns() + PLUGIN_SHARE(timeout_ns);
	answer = begin(f, name, c->action != LIST, *b, &held, err);
	if (answer == FLEET_OK)
		answer = fleet_run_building(*b, timeout_ns, NULL, err);
	let_go(f, held);
	return answer == FLEET_OK ? verdict(c, err) : answer;
}

enum fleet_answer fleet_list_offsets(struct fleet *f, const char *name, int64_t timeout_ns,
                                     void (*show)(void *ctx, const struct fleet_offset *offset), void *ctx,
                                     outflow_error *err)
{
	struct call *c = call_new(LIST, NULL, 0);
	struct building *b = NULL;
	enum fleet_answer answer = c ? work(f, name, c, timeout_ns, &b, err) : fleet_no_memory(err);

	for (size_t i = 0; answer == FLEET_OK && i < c->n_found; i++)
		show(ctx, &c->found[i]);
	building_free(&b);
	return answer;
}

enum fleet_answer fleet_alter_offsets(struct fleet *f, const char *name, const struct fleet_offset *list, size_t n,
                                      int64_t timeout_ns, outflow_error *err)
{
	struct call *c = call_new(ALTER, list, n);
	struct building *b = NULL;
	enum fleet_answer answer = c ? work(f, name, c, timeout_ns, &b, err) : fleet_no_memory(err);

	building_free(&b);
	return answer;
}

enum fleet_answer fleet_reset_offsets(struct fleet *f, const char *name, int64_t timeout_ns, outflow_error *err)
{
	struct call *c = call_new(RESET, NULL, 0);
	struct building *b = NULL;
	enum fleet_answer answer = c ? work(f, name, c, timeout_ns, &b, err) : fleet_no_memory(err);

	building_free(&b);
	return answer;
}
