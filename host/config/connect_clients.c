/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/connect_clients.h"

#include <outflow/util.h>

#define POLICY "connector.client.config.override.policy"
#define ALLOWLIST "connector.client.config.override.allowlist"

/* Where to, who as, and how; nothing by which a client reads files, loads code or starts programs of this machine, and
 * nothing that would confirm records before they are delivered. Java's names and librdkafka's. */
static const char *const harmless[] = {
	"bootstrap.servers",
	"client.id",
	"client.rack",
	"client.dns.lookup",
	"security.protocol",
	"sasl.mechanism",
	"sasl.mechanisms",
	"sasl.jaas.config",
	"sasl.username",
	"sasl.password",
	"ssl.endpoint.identification.algorithm",
	"ssl.truststore.type",
	"ssl.truststore.certificates",
	"ssl.keystore.type",
	"ssl.keystore.key",
	"ssl.keystore.certificate.chain",
	"ssl.ca.pem",
	"ssl.certificate.pem",
	"ssl.key.pem",
	"ssl.key.password",
	"acks",
	"batch.size",
	"batch.num.messages",
	"linger.ms",
	"compression.type",
	"compression.codec",
	"compression.level",
	"enable.idempotence",
	"max.in.flight.requests.per.connection",
	"max.request.size",
	"message.max.bytes",
	"buffer.memory",
	"queue.buffering.max.messages",
	"queue.buffering.max.kbytes",
	"partitioner",
	"delivery.timeout.ms",
	"message.timeout.ms",
	"request.timeout.ms",
	"retries",
	"retry.backoff.ms",
	"allow.auto.create.topics",
	"group.id",
	"group.instance.id",
	"auto.offset.reset",
	"isolation.level",
	"check.crcs",
	"fetch.min.bytes",
	"fetch.max.bytes",
	"fetch.max.wait.ms",
	"fetch.wait.max.ms",
	"max.partition.fetch.bytes",
	"queued.min.messages",
	"queued.max.messages.kbytes",
	"max.poll.interval.ms",
	"session.timeout.ms",
	"heartbeat.interval.ms",
	"metadata.max.age.ms",
	"topic.metadata.refresh.interval.ms",
	"connections.max.idle.ms",
	"reconnect.backoff.ms",
	"reconnect.backoff.max.ms",
	"socket.timeout.ms",
	"socket.keepalive.enable",
	"socket.connection.setup.timeout.ms",
	"send.buffer.bytes",
	"receive.buffer.bytes",
	NULL,
};

static int is_harmless(const char *property)
{
	for (const char *const *name = harmless; *name != NULL; name++)
		if (strcmp(*name, property) == 0)
			return 1;
	return 0;
}

static int is_in_list(const char *list, const char *property)
{
	size_t n = strlen(property);

	for (const char *p = list; *p != '\0'; p += *p != '\0') {
		size_t length;

		p += strspn(p, " \t");
		length = strcspn(p, ", \t");
		if (length == n && strncmp(p, property, n) == 0)
			return 1;
		p += strcspn(p, ",");
	}
	return 0;
}

outflow_status connect_client_check(const struct settings *host, const char *property, outflow_error *err)
{
	const char *policy = settings_get(host, POLICY), *list = settings_get(host, ALLOWLIST);

	if (policy != NULL && strcmp(policy, "All") == 0)
		return OUTFLOW_OK;
	if (policy != NULL && strcmp(policy, "None") == 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG,
		                    "the host's " POLICY " is None: no client property may be set here");
	if (list != NULL ? is_in_list(list, property) : is_harmless(property))
		return OUTFLOW_OK;
	return outflow_fail(
		err, OUTFLOW_E_CONFIG,
		"'%.100s' is not among the client properties that may be set here: see the host's " ALLOWLIST,
		property);
}

const char *connect_client_property(const char *native)
{
	static const char *const prefixes[] = { "sink.producer.", "source.consumer.", "deadletter.producer." };

	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
		if (strncmp(native, prefixes[i], strlen(prefixes[i])) == 0)
			return native + strlen(prefixes[i]);
	return NULL;
}
