/* SPDX-License-Identifier: Apache-2.0 */
#include "host/plugin/load_host.h"

#include "host/base/clock.h"
#include "host/base/intern.h"
#include "host/base/log.h"
#include "host/config/schema.h"

static int log_is_enabled(const outflow_host *h, int level)
{
	(void)h;
	return log_enabled(&log_plugin_place, level);
}

static void log_line(const outflow_host *h, int level, const char *msg)
{
	(void)h;
	log_write(&log_plugin_place, level, "%s", msg);
}

static const outflow_log_api log_api = { sizeof log_api, log_is_enabled, log_line };

static int64_t mono_ns(const outflow_host *h)
{
	(void)h;
	return clock_mono_ns();
}

static int64_t wall_ms(const outflow_host *h)
{
	(void)h;
	return clock_wall_ms();
}

/* There is no task that could call fn. */
static outflow_status no_timer(const outflow_host *h, int64_t at_ns, void (*fn)(void *), void *arg, uint64_t *id)
{
	(void)h;
	(void)at_ns;
	(void)fn;
	(void)arg;
	(void)id;
	return OUTFLOW_E_UNSUPPORTED;
}

static void no_cancel(const outflow_host *h, uint64_t id)
{
	(void)h;
	(void)id;
}

static const outflow_time_api time_api = { sizeof time_api, mono_ns, wall_ms, no_timer, no_cancel };

static void log_problem(const outflow_host *h, const char *key, const char *msg)
{
	(void)h;
	log_write(&log_plugin_place, OUTFLOW_LOG_ERROR, "%s: %s", key ? key : "", msg);
}

static uint32_t intern_view(const outflow_host *h, const char *view_type)
{
	(void)h;
	return intern(view_type);
}

static const void *no_extension(const outflow_host *h, const char *id)
{
	(void)h;
	(void)id;
	return NULL;
}

const outflow_host load_host = {
	.size = sizeof load_host,
	.minor = OUTFLOW_ABI_MINOR,
	.name = "outflow",
	.version = PACKAGE_VERSION,
	.pipeline = "",
	.stage = "",
	.n_tasks = 1,
	.log = &log_api,
	.time = &time_api,
	.config = &instance_config_api,
	.problem = log_problem,
	.intern = intern_view,
	.extension = no_extension,
};
