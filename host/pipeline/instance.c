/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/instance.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/base/intern.h"
#include "host/base/metrics.h"
#include "host/config/schema.h"

#include <stdio.h>

#define INSTANCE_MAGIC 0x696e7374u

static struct instance *of(const outflow_host *h)
{
	struct instance *i = h->ctx;

	CHECK_OBJ(i, INSTANCE_MAGIC);
	return i;
}

/* ---- log, time, metrics ---- */

static int log_is_enabled(const outflow_host *h, int level)
{
	return log_enabled(&of(h)->place, level);
}

static void log_line(const outflow_host *h, int level, const char *msg)
{
	log_write(&of(h)->place, level, "%s", msg);
}

static const outflow_log_api log_api = { sizeof log_api, log_is_enabled, log_line };

static int64_t time_mono_ns(const outflow_host *h)
{
	(void)h;
	return clock_mono_ns();
}

static int64_t time_wall_ms(const outflow_host *h)
{
	(void)h;
	return clock_wall_ms();
}

static outflow_status time_timer(const outflow_host *h, int64_t at_ns, void (*fn)(void *), void *arg, uint64_t *id)
{
	return timers_add(&of(h)->services->timers, h, at_ns, fn, arg, id);
}

static void time_cancel(const outflow_host *h, uint64_t id)
{
	timers_cancel(&of(h)->services->timers, h, id);
}

static const outflow_time_api time_api = {
	sizeof time_api, time_mono_ns, time_wall_ms, time_timer, time_cancel,
};

static outflow_metric *metric_open(const outflow_host *h, uint32_t kind, const char *name, const char *unit,
                                   const char *help)
{
	return of(h)->services->apart ? NULL : metrics_open(h, &of(h)->place, kind, name, unit, help);
}

static const outflow_metric_api metric_api = { sizeof metric_api, metric_open, metrics_add, metrics_set };

/* ---- streams, acknowledgements ---- */

outflow_status services_open_stream(struct services *s, outflow_str json, uint32_t *stream, outflow_resume *resume)
{
	struct checkpoint known = { 0 };
	outflow_status status = checkpoint_get(s->environment->checkpoints, s->model->name, json, &known);
	int found = status == OUTFLOW_OK;

	if (status < 0)
		return status;
	status = ledger_stream_open(s->ledger, json, found ? known.next : 0, known.pos_ext, stream, resume);
	free((void *)(uintptr_t)known.pos_ext.ptr);
	if (status == OUTFLOW_OK)
		resume->valid = found;
	return status;
}

static outflow_status stream_open(const outflow_host *h, outflow_str json, uint32_t *stream, outflow_resume *resume)
{
	return services_open_stream(of(h)->services, json, stream, resume);
}

static outflow_status stream_close(const outflow_host *h, uint32_t stream)
{
	return ledger_stream_close(of(h)->services->ledger, stream);
}

static outflow_status stream_position(const outflow_host *h, uint32_t stream, uint64_t *next)
{
	return ledger_stream_position(of(h)->services->ledger, stream, next);
}

static const outflow_stream_api stream_api = { sizeof stream_api, stream_open, stream_close, stream_position };

static void ack_resolve(const outflow_host *h, outflow_record *const *recs, size_t n, outflow_status status,
                        const outflow_error *err)
{
	ledger_resolve(of(h)->services->ledger, recs, n, status, err);
}

static const outflow_ack_api ack_api = { sizeof ack_api, ack_resolve };

/* ---- the rest ---- */

static void wake(const outflow_host *h)
{
	wakeup_signal(&of(h)->services->wakeup);
}

void rejects_begin(struct rejects *r, const outflow_record *in, size_t n)
{
	r->in = in;
	r->n_in = n;
	r->polled = NULL;
	r->n = 0;
	r->lost = 0;
}

void rejects_begin_poll(struct rejects *r, const outflow_batch *polled)
{
	rejects_begin(r, NULL, 0);
	r->polled = polled;
}

void rejects_clear(struct rejects *r)
{
	free(r->list);
	*r = (struct rejects){ 0 };
}

void instance_misbehaved(const struct instance *i, const char *kind, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	metrics_count_misbehaviour(i->component.module->plugin->id, kind);
	log_write(&i->place, OUTFLOW_LOG_ERROR, "plugin misbehaving: %s", text);
}

static void reject(const outflow_host *h, const outflow_record *in, outflow_status status, const outflow_error *err)
{
	struct rejects *r = &of(h)->services->rejects;
	const outflow_record *first = r->polled ? r->polled->recs : r->in;
	size_t n = r->polled ? r->polled->n : r->n_in;
	size_t room = r->room * 2 + 8;
	struct reject *list;

	if (in < first || in >= first + n) {
		instance_misbehaved(of(h), "foreign_reject", "rejected a record that is not an input of this call");
		r->lost = 1;
		return;
	}
	if (status >= 0) {
		instance_misbehaved(of(h), "reject_status", "rejected a record with status %d, which is no failure",
		                    (int)status);
		r->lost = 1;
		return;
	}
	if (r->n == r->room) {
		list = realloc(r->list, room * sizeof *list);
		if (list == NULL) {
			r->lost = 1;
			return;
		}
		r->list = list;
		r->room = room;
	}
	r->list[r->n] = (struct reject){ .index = (size_t)(in - first), .status = status };
	if (err != NULL)
		r->list[r->n].error = *err;
	r->n++;
}

static const outflow_record *origin(const outflow_host *h, const outflow_record *r)
{
	(void)h;
	return ledger_origin(r);
}

/* Only meaningful while a configuration is checked, which happens elsewhere. */
static void problem(const outflow_host *h, const char *key, const char *msg)
{
	log_write(&of(h)->place, OUTFLOW_LOG_ERROR, "%s: %s", key, msg);
}

static uint32_t intern_view(const outflow_host *h, const char *view_type)
{
	(void)h;
	return intern(view_type);
}

static const void *extension(const outflow_host *h, const char *id)
{
	int is_source = of(h)->component.what->kind == OUTFLOW_SOURCE;

	if (strcmp(id, OUTFLOW_EXT_JOURNAL) == 0 && is_source)
		return &journal_service;
	if (strcmp(id, OUTFLOW_EXT_STATE) == 0 && of(h)->services->environment->state != NULL)
		return &state_service;
	return NULL;
}

/* ---- life ---- */

static void offer_services(struct instance *i)
{
	uint32_t kind = i->component.what->kind;

	i->host = (outflow_host){
		.size = sizeof i->host,
		.minor = OUTFLOW_ABI_MINOR,
		.ctx = i,
		.name = "outflow",
		.version = PACKAGE_VERSION,
		.pipeline = i->services->model->name,
		.stage = i->model->name,
		.task = i->services->task,
		.n_tasks = i->services->n_tasks,
		.log = &log_api,
		.time = &time_api,
		.metric = &metric_api,
		.config = &instance_config_api,
		.batch = &batch_api,
		.stream = kind == OUTFLOW_SOURCE ? &stream_api : NULL,
		.ack = kind == OUTFLOW_SINK ? &ack_api : NULL,
		.wake = wake,
		.reject = reject,
		.origin = origin,
		.problem = problem,
		.intern = intern_view,
		.extension = extension,
	};
}

/* All five tables of operations begin with size, flags and create. */
struct common_ops {
	uint32_t size, flags;
	outflow_create_fn *create;
};

outflow_status instance_create(struct instance *i, struct services *s, const struct stage_model *model,
                               const struct component *component, outflow_error *err)
{
	const struct common_ops *ops = component->what->ops;
	outflow_status status;

	*i = (struct instance){
		.magic = INSTANCE_MAGIC,
		.services = s,
		.model = model,
		.component = *component,
		.place = { s->model->name, model->name, s->task },
	};
	if (s->apart)
		i->place = log_trial_place;
	offer_services(i);
	status = ops->create(&i->host, model->config, &i->self, err);
	if (status != OUTFLOW_OK) {
		/* A plugin has no way to take these back. */
		timers_drop(&s->timers, &i->host);
		metrics_close(&i->host);
		i->self = NULL;
	}
	return status;
}

static void call_destroy(struct instance *i)
{
	const void *ops = i->component.what->ops;

	switch (i->component.what->kind) {
	case OUTFLOW_SOURCE:
		((const outflow_source_ops *)ops)->destroy(i->self);
		break;
	case OUTFLOW_SINK:
		((const outflow_sink_ops *)ops)->destroy(i->self);
		break;
	case OUTFLOW_TRANSFORM:
		((const outflow_transform_ops *)ops)->destroy(i->self);
		break;
	case OUTFLOW_PREDICATE:
		((const outflow_predicate_ops *)ops)->destroy(i->self);
		break;
	default:
		((const outflow_converter_ops *)ops)->destroy(i->self);
		break;
	}
}

void instance_destroy(struct instance *i)
{
	if (i->self == NULL)
		return;
	CHECK_OBJ(i, INSTANCE_MAGIC);
	timers_drop(&i->services->timers, &i->host);
	call_destroy(i);
	metrics_close(&i->host);
	free(i->state_value);
	i->self = NULL;
	i->magic = 0;
}

outflow_status instance_blame(const struct instance *i, outflow_status status, outflow_error *err)
{
	char reason[sizeof err->msg];

	memcpy(reason, err->msg, sizeof reason);
	return outflow_fail_native(err, status, err->domain, err->native, "%s: %s", i->model->name, reason);
}
