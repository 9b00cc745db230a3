/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/host_schema.h"

#include "host/config/api_model.h"

#define KEY(NAME, TYPE, IMPORTANCE, DEFAULT, MIN, MAX, CHOICES, GROUP, DOC)                                            \
	{                                                                                                              \
		.name = NAME, .type = OUTFLOW_T_##TYPE, .importance = OUTFLOW_IMPORTANCE_##IMPORTANCE,                 \
		.dflt = DEFAULT, .min = MIN, .max = MAX, .choices = CHOICES, .group = GROUP, .doc = DOC,               \
	}
#define SCHEMA(KEYS)                                                                                                   \
	{                                                                                                              \
		.size = sizeof(outflow_cfg_def), .key_size = sizeof(outflow_cfg_key), .keys = KEYS,                    \
		.n_keys = sizeof KEYS / sizeof KEYS[0],                                                                \
	}
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define TIB (1024 * 1024 * MIB)
#define DAY_MS INT64_C(86400000)
#define YEAR_MS (366 * DAY_MS)

static const char *const log_levels[] = { "error", "warn", "info", "debug", NULL };
static const char *const log_formats[] = { "text", "json", NULL };
static const char *const states[] = { "running", "stopped", NULL };
static const char *const tolerances[] = { "none", "all", NULL };
static const char *const orders[] = { "default", "strict", "none", NULL };
static const char *const retry_policies[] = { "BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY", "custom", "none", NULL };
static const char *const restart_policies[] = { "never", "on-failure", NULL };
static const char *const deadletter_modes[] = { "full", "raw", NULL };
static const char *const sync_modes[] = { "none", "interval", "always", NULL };
static const char *const override_policies[] = { "Allowlist", "All", "None", NULL };
static const char *const on_full[] = { "block", "drop_oldest", "drop_newest", NULL };
static const char *const compatibilities[] = { "default", "strict", NULL };

static const outflow_cfg_key host_keys[] = {
	KEY("state.dir", STRING, HIGH, NULL, 0, 0, NULL, "Host",
	    "Directory of journals, checkpoints and private plugin copies. Default: /var/lib/outflow for root, else "
	    "outflow below $XDG_STATE_HOME or ~/.local/state."),
	KEY("plugin.path", STRING, MEDIUM, NULL, 0, 0, NULL, "Host",
	    "Directories with plugins, separated by colons; of two plugins with one id the first counts."),
	KEY("log.level", ENUM, MEDIUM, "info", 0, 0, log_levels, "Host", "Log lines above this level are not written."),
	KEY("log.levels", LIST, LOW, NULL, 0, 0, NULL, "Host",
	    "Levels of single loggers and all below them, as LOGGER:LEVEL: connector.plant:debug. LEVEL is trace, debug, info, "
	    "warn, error, fatal or off."),
	KEY("log.format", ENUM, LOW, "text", 0, 0, log_formats, "Host",
	    "text: lines for people; json: one JSON object a line, with time, level, logger, pipeline, task, stage and "
	    "message."),
	KEY("checkpoint.interval", DURATION_MS, LOW, "1s", 10, 60000, NULL, "Host",
	    "How often checkpoints are synced to disk. They are written at once; a power loss costs duplicates only."),
	KEY("stop.timeout", DURATION_MS, MEDIUM, "10s", 0, 3600000, NULL, "Host",
	    "How long a stop waits for what is in flight."),
	KEY("cluster", STRING, LOW, "outflow", 0, 0, NULL, "Host",
	    "First part of event ids, to tell several installations apart."),
	KEY("bootstrap.servers", LIST, MEDIUM, NULL, 0, 0, NULL, "Kafka Connect",
	    "Kafka's brokers, HOST:PORT, for pipelines with connector.class that name none of their own."),
	KEY("producer.", PREFIX, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "Client properties of every producer of pipelines with connector.class."),
	KEY("consumer.", PREFIX, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "Client properties of every consumer of pipelines with connector.class."),
	KEY("key.converter", STRING, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "key.converter of pipelines with connector.class that have none of their own."),
	KEY("key.converter.schemas.enable", BOOL, LOW, NULL, 0, 0, NULL, "Kafka Connect", "Belongs to key.converter."),
	KEY("value.converter", STRING, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "value.converter of pipelines with connector.class that have none of their own."),
	KEY("value.converter.schemas.enable", BOOL, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "Belongs to value.converter."),
	KEY("header.converter", STRING, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "header.converter of pipelines with connector.class that have none of their own."),
	KEY("header.converter.schemas.enable", BOOL, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "Belongs to header.converter."),
	KEY("connector.client.config.override.policy", ENUM, MEDIUM, "Allowlist", 0, 0, override_policies,
	    "Kafka Connect",
	    "Which client properties a pipeline may set by producer.override. and consumer.override.: those of an "
	    "allow-list, All, None."),
	KEY("connector.client.config.override.allowlist", LIST, LOW, NULL, 0, 0, NULL, "Kafka Connect",
	    "With Allowlist: these, in place of those that reach neither files nor programs of this machine."),
	KEY("api.listeners", LIST, HIGH, NULL, 0, 0, NULL, "API",
	    "Where the HTTP API listens: http://host:port, https://host:port, unix:/path; port 0 takes a free one. Default: "
	    "http://127.0.0.1:8083, and the socket /run/outflow/control for root, else outflow/control below $XDG_RUNTIME_DIR, "
	    "else control below the state directory; of these, what is taken already is left out. Empty: no API."),
	KEY("api.users", LIST, MEDIUM, NULL, 0, 0, NULL, "API",
	    "Names of those who may use the API; unset: whoever reaches it. Who uses the Unix socket needs no name."),
	{ .name = "api.users.",
	  .type = OUTFLOW_T_PREFIX,
	  .flags = OUTFLOW_K_SECRET,
	  .group = "API",
	  .doc = "Of each: api.users.<name>.token, or .password, or .key.id and .key.secret, the access key that the EventBridge "
	         "API's clients sign with; and .role, admin (the default) or read-only." },
	KEY("api.tls.certificate", STRING, MEDIUM, NULL, 0, 0, NULL, "API",
	    "File with the certificate of the https listeners and those that it rests on, PEM."),
	KEY("api.tls.key", STRING, MEDIUM, NULL, 0, 0, NULL, "API", "File with the certificate's private key, PEM."),
	KEY("api.tls.client.ca", STRING, MEDIUM, NULL, 0, 0, NULL, "API",
	    "File with certificates of authorities, PEM: clients of https listeners must show a certificate of theirs."),
	KEY("api.insecure", STRING, LOW, NULL, 0, 0, NULL, "API",
	    "To listen beyond this machine without authentication, say here: " API_INSECURE_WORDS),
	KEY("api.body.max", SIZE, LOW, "1MiB", KIB, 64 * MIB, NULL, "API", "A longer body of a request is refused."),
	KEY("api.connections.max", INT, LOW, "256", 8, 10000, NULL, "API",
	    "So many connections to each listener; one more takes the place of the one that is idle longest."),
	KEY("api.client.timeout", DURATION_MS, LOW, "30s", 100, 3600000, NULL, "API",
	    "How long a client may take to send its request, or to take its answer."),
	KEY("api.request.timeout", DURATION_MS, LOW, "90s", 100, 3600000, NULL, "API",
	    "How long a request may wait for a plugin; then it is answered with 500, and what it waits for."),
	KEY("access.control.allow.origin", LIST, MEDIUM, NULL, 0, 0, NULL, "API",
	    "Origins whose pages may use the API from a browser, https://host[:port], or *. Unset: none but its own."),
	KEY("access.control.allow.methods", LIST, LOW, NULL, 0, 0, NULL, "API",
	    "Methods that such pages may use. Unset: GET, POST, HEAD."),
	KEY("rest.compat", ENUM, LOW, "default", 0, 0, compatibilities, "API",
	    "strict: where Kafka Connect answers a malformed request with status 500, so does this API, instead of 400."),
	KEY("topic.tracking.enable", BOOL, LOW, "true", 0, 0, NULL, "API", "Does /connectors/<name>/topics answer?"),
	KEY("topic.tracking.allow.reset", BOOL, LOW, "true", 0, 0, NULL, "API", "May its topics be reset?"),
	KEY("secrets.show", BOOL, LOW, "false", 0, 0, NULL, "Host",
	    "Do answers that show a configuration have its secrets in clear? false: [hidden] stands in their place, and a "
	    "configuration that is written back with it keeps them."),
	KEY("secrets.file.paths", LIST, MEDIUM, NULL, 0, 0, NULL, "Host",
	    "Directories that ${file:} and ${dir:} may lead into. Unset: any for pipelines in files; $CREDENTIALS_DIRECTORY, "
	    "/run/secrets and /etc/outflow/secrets for those that are created over the API."),
	KEY("secrets.env.names", LIST, MEDIUM, NULL, 0, 0, NULL, "Host",
	    "Patterns of the names that ${env:} may lead to. Unset: any for pipelines in files; OUTFLOW_* for those that are "
	    "created over the API."),
};

static const outflow_cfg_key pipeline_keys[] = {
	KEY("name", STRING, HIGH, NULL, 0, 0, NULL, "Common", "Name of the pipeline, unique in the daemon."),
	KEY("description", STRING, LOW, NULL, 0, 0, NULL, "Common", "What it is for, for people."),
	KEY("tags.", PREFIX, LOW, NULL, 0, 0, NULL, "Common",
	    "Tags, tags.<key> = <value>, for people and for lists that are filtered."),
	KEY("state", ENUM, MEDIUM, "running", 0, 0, states, "Common", "Is it started with the daemon?"),
	KEY("tasks.max", INT, HIGH, "1", 1, 1000, NULL, "Common",
	    "At most so many tasks; a source that cannot be split runs as one."),
	KEY("transforms", LIST, MEDIUM, NULL, 0, 0, NULL, "Transforms",
	    "Aliases of the transforms, in order; the keys of one stand below transforms.<alias>."),
	KEY("predicates", LIST, MEDIUM, NULL, 0, 0, NULL, "Transforms",
	    "Aliases of the predicates; the keys of one stand below predicates.<alias>."),
	KEY("batch.messages", INT, MEDIUM, NULL, 1, 10000, NULL, "Batch",
	    "Collect so many messages before the stages work on them. Unset: work on what is there."),
	KEY("batch.interval", DURATION_MS, MEDIUM, "0s", 0, 15000, NULL, "Batch",
	    "With batch.messages: wait no longer than this after the first message. 0s: do not wait."),
	KEY("batch.bytes", SIZE, LOW, "1MiB", KIB, 1024 * MIB, NULL, "Batch",
	    "With batch.messages: a batch of so many bytes is complete."),
	KEY("throttle.records.per.second", INT, MEDIUM, "0", 0, 1000000000, NULL, "Limits",
	    "No more records a second than so many, all tasks together: the source waits. 0: no limit."),
	KEY("inflight.records", INT, LOW, "16384", 1, 10000000, NULL, "Limits",
	    "Records between source and confirmation; above it the source waits."),
	KEY("inflight.bytes", SIZE, LOW, "32MiB", KIB, TIB, NULL, "Limits",
	    "Bytes between source and confirmation: keys and values, and what the host keeps for each record; above it the source "
	    "waits."),
	KEY("errors.tolerance", ENUM, HIGH, "none", 0, 0, tolerances, "Errors",
	    "A record that cannot be converted, transformed or delivered: none stops the task, all makes it a dead letter, "
	    "or drops and counts it where no dead-letter sink is declared."),
	KEY("errors.log.enable", BOOL, MEDIUM, "false", 0, 0, NULL, "Errors",
	    "Write a line into the log for each record that fails: stage, component, reason and where the record came from."),
	KEY("errors.log.include.messages", BOOL, LOW, "false", 0, 0, NULL, "Errors",
	    "With errors.log.enable: the beginning of the record's key and value, too."),
	KEY("errors.outage.to.dlq", BOOL, LOW, "false", 0, 0, NULL, "Errors",
	    "Does an outage of the sink use up retries too? false: it is waited out, and the source waits with it."),
	KEY("errors.retry.timeout", INT, LOW, NULL, -1, YEAR_MS, NULL, "Errors",
	    "Kafka Connect's spelling of the retry policy: milliseconds that one record is retried, -1 without end."),
	KEY("errors.retry.delay.max.ms", INT, LOW, NULL, 1, YEAR_MS, NULL, "Errors",
	    "With errors.retry.timeout: the longest wait between two retries; 60000 when unset."),
	KEY("retry.policy", ENUM, HIGH, "BACKOFF_RETRY", 0, 0, retry_policies, "Errors",
	    "When a failed attempt is repeated: BACKOFF_RETRY 3 times, after 10 to 20 s each; EXPONENTIAL_DECAY_RETRY 176 "
	    "times within a day, after 1, 2, 4 ... 512 s; custom by retry.initial, .factor, .max.wait and .jitter; none."),
	KEY("retry.max.attempts", INT, MEDIUM, NULL, -1, 1000000, NULL, "Errors",
	    "So many retries instead of the policy's own number (3, 176; custom: 10); -1: no limit."),
	KEY("retry.max.age", DURATION_MS, MEDIUM, NULL, 0, YEAR_MS, NULL, "Errors",
	    "No retry begins later than this after the record's first failure."),
	KEY("retry.initial", DURATION_MS, LOW, "1s", 1, DAY_MS, NULL, "Errors",
	    "With retry.policy = custom: the first wait."),
	KEY("retry.factor", DOUBLE, LOW, "2", 1, 100, NULL, "Errors",
	    "With retry.policy = custom: each wait is so many times the one before."),
	KEY("retry.max.wait", DURATION_MS, LOW, "60s", 1, DAY_MS, NULL, "Errors",
	    "With retry.policy = custom: no wait is longer."),
	KEY("retry.jitter", DOUBLE, LOW, "0.2", 0, 1, NULL, "Errors",
	    "With retry.policy = custom: a wait is cut by up to this part of it, at random."),
	KEY("delivery.timeout", DURATION_MS, MEDIUM, "0s", 0, YEAR_MS, NULL, "Errors",
	    "The task fails when a record is not resolved for so long. 0s: it waits without end."),
	KEY("order", ENUM, MEDIUM, "default", 0, 0, orders, "Errors",
	    "strict: of the records with one key and topic only one is under way, so that a retry never changes their order. "
	    "default: while a record waits for a retry, no newer one of its stream is sent; those under way may overtake it. "
	    "none: a retry holds up nobody."),
	KEY("restart.policy", ENUM, MEDIUM, "on-failure", 0, 0, restart_policies, "Restart",
	    "Does a failed task start again by itself? Never after a configuration error or a record that "
	    "errors.tolerance = none does not let pass."),
	KEY("restart.max.attempts", INT, LOW, "10", -1, 1000000, NULL, "Restart",
	    "So many restarts in a row; -1: no limit."),
	KEY("restart.initial", DURATION_MS, LOW, "1s", 1, DAY_MS, NULL, "Restart",
	    "Wait before the first restart; each further wait is twice as long."),
	KEY("restart.max.wait", DURATION_MS, LOW, "60s", 1, DAY_MS, NULL, "Restart", "No wait is longer."),
	KEY("restart.healthy", DURATION_MS, LOW, "5min", 0, DAY_MS, NULL, "Restart",
	    "A task that ran for so long counts as healthy: its next failure is the first again."),
	KEY("journal.sync", ENUM, MEDIUM, "interval", 0, 0, sync_modes, "Journal",
	    "What survives a power loss: none, all but the last journal.sync.interval, or always everything."),
	KEY("journal.sync.interval", DURATION_MS, LOW, "100ms", 1, 60000, NULL, "Journal",
	    "With journal.sync = interval: how often the journal is synced to disk."),
	KEY("journal.segment.bytes", SIZE, LOW, "64MiB", 64 * KIB, 1024 * MIB, NULL, "Journal",
	    "Size of a segment file; also bounds a single message."),
	KEY("journal.soft.bytes", SIZE, MEDIUM, "1GiB", 64 * KIB, TIB, NULL, "Journal",
	    "Above this many unconfirmed bytes the source is slowed down."),
	KEY("journal.hard.bytes", SIZE, MEDIUM, "2GiB", 64 * KIB, TIB, NULL, "Journal",
	    "Above this many unconfirmed bytes the journal is full: see journal.on.full."),
	KEY("journal.on.full", ENUM, MEDIUM, "block", 0, 0, on_full, "Journal",
	    "What a full journal does: block takes nothing, so that the MQTT broker keeps its messages; drop_oldest drops its "
	    "oldest segment that has not been read, drop_newest what comes. What is dropped is acknowledged, counted and in "
	    "the log."),
	KEY("journal.retain.bytes", SIZE, MEDIUM, "0", 0, TIB, NULL, "Journal",
	    "Keep so many bytes of delivered records for outflow journal replay, beyond journal.hard.bytes."),
};

static const outflow_cfg_key choice_keys[] = {
	KEY("class", STRING, HIGH, NULL, 0, 0, NULL, "Common",
	    "Which component: a name, a plugin's id, or plugin/component."),
	KEY("type", STRING, LOW, NULL, 0, 0, NULL, "Common", "Another spelling of class."),
	KEY("name", STRING, LOW, NULL, 0, 0, NULL, "Common", "Of a transform in a list: its alias."),
	KEY("connection", STRING, MEDIUM, NULL, 0, 0, NULL, "Common",
	    "Name of a declared connection whose keys apply where this group does not set its own."),
};

static const outflow_cfg_key deadletter_keys[] = {
	KEY("topic", STRING, HIGH, NULL, 0, 0, NULL, "Errors", "Topic of the dead letters. Unset: that of the record."),
	KEY("mode", ENUM, MEDIUM, "full", 0, 0, deadletter_modes, "Errors",
	    "full: the record as it came, with the reason in headers; raw: nothing but the record as it came."),
};

static const outflow_cfg_key transform_keys[] = {
	KEY("predicate", STRING, MEDIUM, NULL, 0, 0, NULL, "Common",
	    "Alias of a predicate: the transform works on the records for which it is true, all others pass as they are."),
	KEY("negate", BOOL, LOW, NULL, 0, 0, NULL, "Common",
	    "With predicate: work on the records for which it is false instead."),
};

const outflow_cfg_def host_schema = SCHEMA(host_keys);
const outflow_cfg_def pipeline_schema = SCHEMA(pipeline_keys);
const outflow_cfg_def choice_schema = SCHEMA(choice_keys);
const outflow_cfg_def deadletter_schema = SCHEMA(deadletter_keys);
const outflow_cfg_def transform_schema = SCHEMA(transform_keys);
