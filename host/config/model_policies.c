/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/config/model_internal.h"
#include "host/config/schema.h"

#define CONNECT_MAX_WAIT_NS (60 * CLOCK_S)

static double number_of(const outflow_config *c, const char *key)
{
	double n = 0;

	(void)instance_config_api.f64(c, key, &n);
	return n;
}

static int64_t duration_ns(const outflow_config *c, const char *key)
{
	return model_number(c, key) * CLOCK_MS;
}

static int is_set(const struct making *mk, const char *key)
{
	return settings_find(&mk->model->settings, key) != NULL;
}

static void read_connect_retries(struct making *mk, const outflow_config *own)
{
	struct retry_policy *retry = &mk->model->retry;
	int64_t timeout_ms = model_number(own, "errors.retry.timeout");

	if (is_set(mk, "retry.policy"))
		making_complain(mk, "errors.retry.timeout", "stands beside retry.policy: one of the two decides");
	retry->kind = RETRY_CONNECT;
	retry->max_attempts = RETRY_NO_LIMIT;
	retry->max_age_ns = timeout_ms < 0 ? RETRY_NO_LIMIT : timeout_ms * CLOCK_MS;
	retry->max_wait_ns = CONNECT_MAX_WAIT_NS;
	if (is_set(mk, "errors.retry.delay.max.ms"))
		retry->max_wait_ns = duration_ns(own, "errors.retry.delay.max.ms");
}

static void check_custom_keys(struct making *mk)
{
	static const char *const keys[] = { "retry.initial", "retry.factor", "retry.max.wait", "retry.jitter" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (mk->model->retry.kind != RETRY_CUSTOM && is_set(mk, keys[i]))
			making_complain(mk, keys[i], "has no effect without retry.policy = custom");
}

static void read_retries(struct making *mk, const outflow_config *own)
{
	static const char *const policies[] = { "BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY", "custom", "none", NULL };
	struct retry_policy *retry = &mk->model->retry;

	*retry = (struct retry_policy){ .kind = (enum retry_kind)model_choice(own, "retry.policy", policies),
		                        .max_age_ns = RETRY_NO_LIMIT,
		                        .initial_ns = duration_ns(own, "retry.initial"),
		                        .max_wait_ns = duration_ns(own, "retry.max.wait"),
		                        .factor = number_of(own, "retry.factor"),
		                        .jitter = number_of(own, "retry.jitter") };
	retry->max_attempts = retry_default_attempts(retry->kind);
	check_custom_keys(mk);
	if (is_set(mk, "errors.retry.timeout"))
		read_connect_retries(mk, own);
	else if (is_set(mk, "errors.retry.delay.max.ms"))
		making_complain(mk, "errors.retry.delay.max.ms", "has no effect without errors.retry.timeout");
	if (is_set(mk, "retry.max.attempts"))
		retry->max_attempts = model_number(own, "retry.max.attempts");
	if (is_set(mk, "retry.max.age"))
		retry->max_age_ns = duration_ns(own, "retry.max.age");
}

void making_read_policies(struct making *mk, const outflow_config *own)
{
	static const char *const orders[] = { "default", "strict", "none", NULL };
	static const char *const restarts[] = { "never", "on-failure", NULL };
	struct pipeline_model *m = mk->model;

	read_retries(mk, own);
	m->outage_to_dlq = model_flag(own, "errors.outage.to.dlq");
	m->delivery_timeout_ns = duration_ns(own, "delivery.timeout");
	m->order = (enum order_mode)model_choice(own, "order", orders);
	m->restart = (struct restart_policy){ .enabled = model_choice(own, "restart.policy", restarts),
		                              .max_attempts = model_number(own, "restart.max.attempts"),
		                              .initial_ns = duration_ns(own, "restart.initial"),
		                              .max_wait_ns = duration_ns(own, "restart.max.wait"),
		                              .healthy_ns = duration_ns(own, "restart.healthy") };
}
