/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last days of a task that a smaller tasks.max has left without a seat. A broker goes on giving a shared
 * subscription's messages to a member that is away, and gives nobody else what a member has not acknowledged. So it comes
 * back once: gives up its subscriptions, takes what was kept for it until nothing more comes, and then connects with a clean
 * start, which ends its session (MQTT 5.0, section 3.1.2.4).
 */
#include "connectors/mqtt/mqtt.h"

/* So long nothing has come: nothing more is there. */
#define QUIET_NS INT64_C(3000000000)

enum { COLLECTING, ENDING, ENDED, DONE };

static void set_phase(struct mqtt_retirement *r, int phase)
{
	__atomic_store_n(&r->phase, phase, __ATOMIC_RELEASE);
}

void mqtt_retirement_up(struct mqtt_retirement *r, struct mqtt_subscription *s, int session_present)
{
	__atomic_store_n(&r->last_ns, s->host->time->mono_ns(s->host), __ATOMIC_RELEASE);
	if (__atomic_load_n(&r->phase, __ATOMIC_ACQUIRE) == ENDING)
		set_phase(r, ENDED);
	else
		mqtt_subscription_begin(s, session_present);
}

void mqtt_retirement_message(struct mqtt_retirement *r, const outflow_host *h)
{
	__atomic_store_n(&r->last_ns, h->time->mono_ns(h), __ATOMIC_RELEASE);
}

static int is_quiet(const struct mqtt_retirement *r, const struct mqtt_subscription *s)
{
	int64_t last = __atomic_load_n(&r->last_ns, __ATOMIC_ACQUIRE);

	return mqtt_connection_is_up(s->connection) && s->host->time->mono_ns(s->host) - last >= QUIET_NS;
}

outflow_status mqtt_retirement_step(struct mqtt_retirement *r, struct mqtt_subscription *s, outflow_error *err)
{
	outflow_status status;

	switch (__atomic_load_n(&r->phase, __ATOMIC_ACQUIRE)) {
	case COLLECTING:
		if (!is_quiet(r, s))
			return OUTFLOW_OK;
		set_phase(r, ENDING);
		s->connection->session.clean = 1;
		s->connection->session.expiry = 0;
		mqtt_connection_drop(s->connection);
		return OUTFLOW_OK;
	case ENDED:
		/* Before the goodbye, which makes the broker forget the session of this last connection too. */
		status = mqtt_subscription_end(s, err);
		if (status != OUTFLOW_OK)
			return status;
		outflow_log(s->host, OUTFLOW_LOG_INFO, "retired: the session of %s at the broker has ended",
		            s->options->endpoint.client_id);
		set_phase(r, DONE);
		return 1;
	case DONE:
		return 1;
	default:
		return OUTFLOW_OK;
	}
}
