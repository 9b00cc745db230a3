/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka side of a pipeline in Kafka Connect's spelling: clients, topics, dead letters. */
#include "host/config/connect_clients.h"
#include "host/config/connect_internal.h"
#include "host/config/connect_regex.h"

#include <outflow/util.h>

static int is_set_below(const struct translating *t, const char *prefix, const char *name)
{
	char key[300];

	snprintf(key, sizeof key, "%s%s", prefix, name);
	return settings_find(&t->to->native, key) != NULL;
}

/* ---- client properties ---- */

/* Keys of ours that are more than a property. */
static void put_property(struct translating *t, const char *end, const char *client, const char *property,
                         const struct setting *it)
{
	char name[300];

	if (strcmp(property, "bootstrap.servers") == 0)
		snprintf(name, sizeof name, "bootstrap");
	else if (strcmp(property, "group.id") == 0)
		snprintf(name, sizeof name, "group");
	else if (strcmp(property, "auto.offset.reset") == 0)
		snprintf(name, sizeof name, "offset.reset");
	else
		snprintf(name, sizeof name, "%s%s", client, property);
	connect_put_below(t, end, name, it->value, it);
}

/* What is not allowed goes no further: a client may act on a property when it is only checked (by loading a library). */
static int is_allowed(const struct translating *t, const struct settings *from, const char *property)
{
	outflow_error err = { .size = sizeof err };

	return from == t->host || connect_client_check(t->host, property, &err) == OUTFLOW_OK;
}

static void put_properties(struct translating *t, const char *end, const char *client, const struct settings *from,
                           const char *prefix)
{
	for (size_t i = 0; i < from->n; i++) {
		const char *property = connect_after(from->list[i].key, prefix);

		if (property != NULL && is_allowed(t, from, property))
			put_property(t, end, client, property, &from->list[i]);
	}
}

/* client: "producer." or "consumer."; what the pipeline says comes after what the host says. */
static void make_client(struct translating *t, const char *end, const char *client)
{
	const struct setting *brokers = settings_find(t->host, "bootstrap.servers");
	char prefix[40];

	if (brokers != NULL && !is_set_below(t, end, "bootstrap") && !is_set_below(t, end, "connection"))
		connect_put_below(t, end, "bootstrap", brokers->value, brokers);
	put_properties(t, end, client, t->host, client);
	snprintf(prefix, sizeof prefix, "%soverride.", client);
	put_properties(t, end, client, t->given, prefix);
}

/* Has the client that is there the same property with the same value? Then one more of it says nothing new. */
static int is_said(const struct translating *t, const char *property, const char *value)
{
	static const char *const prefixes[] = { "producer.override.", "consumer.override." };
	int said = 0;

	for (size_t i = 0; i < 2; i++) {
		char key[300];
		const char *other;

		snprintf(key, sizeof key, "%s%s", prefixes[i], property);
		other = settings_get(t->given, key);
		said |= (i == 0) == !t->is_sink && other != NULL && strcmp(other, value) == 0;
	}
	return said;
}

/* Properties of a client that this pipeline does not have. */
static void check_unused(struct translating *t, const struct setting *it, const char *prefix, const char *why)
{
	const char *property = connect_after(it->key, prefix);

	if (property != NULL && !is_said(t, property, it->value))
		connect_complain(t, it->key, "has no effect: %s", why);
}

static void check_overrides(struct translating *t)
{
	static const char *const prefixes[] = { "producer.override.", "consumer.override.", "admin.override." };
	int letters = connect_get(t, DEAD_LETTERS "topic.name") != NULL;

	for (size_t i = 0; i < t->given->n; i++) {
		const struct setting *it = &t->given->list[i];
		outflow_error err = { .size = sizeof err };

		for (size_t k = 0; k < sizeof prefixes / sizeof prefixes[0]; k++) {
			const char *property = connect_after(it->key, prefixes[k]);

			if (property != NULL && connect_client_check(t->host, property, &err) != OUTFLOW_OK)
				connect_complain(t, it->key, "%s", err.msg);
		}
		check_unused(t, it, prefixes[2], "topics are created by the producer: see producer.override.");
		if (!t->is_sink)
			check_unused(t, it, prefixes[1], "a source connector has no consumer");
		else if (!letters)
			check_unused(t, it, prefixes[0], "a sink connector has a producer for dead letters alone");
	}
}

static void check_brokers(struct translating *t)
{
	const char *key = t->is_sink ? "consumer.override.bootstrap.servers" : "producer.override.bootstrap.servers";

	if (is_set_below(t, t->other, "bootstrap") || is_set_below(t, t->other, "connection"))
		return;
	connect_complain(t, key, "there are no brokers: set this, or bootstrap.servers of the host");
	/* Keeps the Kafka plugin from saying it again. */
	connect_put_default(t, t->other, "bootstrap", "missing:9092");
}

/* ---- topics to read ---- */

/* As an item of one of our lists: a comma and a backslash inside get a backslash. */
static void put_regex(struct translating *t, const struct setting *it, const char *posix)
{
	char item[4096];
	size_t n = 0;

	for (const char *p = posix; *p != '\0' && n + 2 < sizeof item; p++) {
		if (*p == ',' || *p == '\\')
			item[n++] = '\\';
		item[n++] = *p;
	}
	item[n] = '\0';
	connect_put(t, "source.topics", item, it);
}

static int is_in_list(const char *list, const char *name)
{
	size_t n = strlen(name);

	while (*list != '\0') {
		size_t length;

		list += strspn(list, " \t,");
		length = strcspn(list, " \t,");
		if (length == n && strncmp(list, name, n) == 0)
			return 1;
		list += length;
	}
	return 0;
}

static void check_loop(struct translating *t, const char *key, int reads)
{
	if (reads)
		connect_complain(t, key, "the topic of the dead letters, %s, is among the topics to be read",
		                 connect_get(t, DEAD_LETTERS "topic.name"));
}

static void make_topics(struct translating *t)
{
	const char *topics = connect_get(t, "topics"), *regex = connect_get(t, "topics.regex");
	const char *letters = connect_get(t, DEAD_LETTERS "topic.name");
	outflow_error err = { .size = sizeof err };
	char posix[2000];

	/* As Java's consumers do. */
	connect_put_default(t, "source.", "missing", "wait");
	connect_put_default(t, "source.", "consumer.allow.auto.create.topics", "true");
	if ((topics == NULL) == (regex == NULL)) {
		connect_complain(t, "topics",
		                 regex ? "stands beside topics.regex: one of the two decides"
		                       : "is required, or topics.regex: which topics are to be read?");
		connect_complain(t, "topics.regex",
		                 regex ? "stands beside topics: one of the two decides"
		                       : "is required, or topics: which topics are to be read?");
		connect_put_default(t, "source.", "topics", "missing");
	} else if (topics != NULL) {
		connect_put(t, "source.topics", topics, settings_find(t->given, "topics"));
		check_loop(t, "topics", letters != NULL && is_in_list(topics, letters));
	} else if (connect_regex(regex, posix, sizeof posix, &err) != OUTFLOW_OK) {
		connect_complain(t, "topics.regex", "%s", err.msg);
		connect_put_default(t, "source.", "topics", "missing");
	} else {
		put_regex(t, settings_find(t->given, "topics.regex"), posix);
		check_loop(t, "topics.regex", letters != NULL && connect_regex_fits(posix, letters));
	}
}

/* ---- topics to be created ---- */

static void make_creation(struct translating *t)
{
	static const char partitions[] = TOPIC_CREATION_DEFAULT "partitions",
			  replicas[] = TOPIC_CREATION_DEFAULT "replication.factor";
	const struct setting *p = settings_find(t->given, partitions), *r = settings_find(t->given, replicas);

	for (size_t i = 0; i < t->given->n; i++) {
		const struct setting *it = &t->given->list[i];
		const char *name = connect_after(it->key, TOPIC_CREATION_DEFAULT);

		if (name != NULL && (p == NULL || r == NULL))
			connect_complain(t, it->key, "needs %s beside it", p == NULL ? partitions : replicas);
		else if (it == p)
			connect_put(t, "sink.create.partitions", it->value, it);
		else if (it == r)
			connect_put(t, "sink.create.replicas", it->value, it);
		else if (name != NULL)
			connect_put_below(t, "sink.create.config.", name, it->value, it);
		else if (connect_after(it->key, TOPIC_CREATION) != NULL && *it->value != '\0')
			connect_complain(t, it->key,
			                 "groups of topics are not supported: all topics are created by "
			                 "topic.creation.default.partitions and .replication.factor");
	}
	/* Java's producers always ask, and the brokers decide. */
	if (p == NULL)
		connect_put_default(t, "sink.", "producer.allow.auto.create.topics", "true");
}

/* ---- dead letters ---- */

static void make_dead_letters(struct translating *t)
{
	const struct setting *it = settings_find(t->given, DEAD_LETTERS "topic.name");
	const struct setting *replicas = settings_find(t->given, DEAD_LETTERS "topic.replication.factor");
	const char *brokers;

	if (it == NULL || *it->value == '\0')
		return;
	if (is_set_below(t, "deadletter.", "class") || is_set_below(t, "deadletter.", "type") ||
	    is_set_below(t, "deadletter.", "connection"))
		connect_complain(t, it->key, "stands beside deadletter.*: one of the two decides");
	connect_put(t, "deadletter.class", "kafka/sink", it);
	connect_put(t, "deadletter.topic", it->value, it);
	connect_put(t, "deadletter.mode",
	            connect_get_flag(t, DEAD_LETTERS "context.headers.enable", 0) ? "full" : "raw", it);
	connect_put(t, "deadletter.create.partitions", "1", it);
	if (replicas != NULL)
		connect_put(t, "deadletter.create.replicas", replicas->value, replicas);
	connect_put_default(t, "deadletter.", "create.replicas", "3");
	make_client(t, "deadletter.", "producer.");
	/* The host may know of no cluster but the one that is read. */
	brokers = settings_get(&t->to->native, t->is_sink ? "source.bootstrap" : "sink.bootstrap");
	if (brokers != NULL)
		connect_put_default(t, "deadletter.", "bootstrap", brokers);
	brokers = settings_get(&t->to->native, t->is_sink ? "source.connection" : "sink.connection");
	if (brokers != NULL && !is_set_below(t, "deadletter.", "bootstrap"))
		connect_put_default(t, "deadletter.", "connection", brokers);
}

void connect_make_kafka(struct translating *t)
{
	const struct setting *class = settings_find(t->given, "connector.class");

	connect_put_below(t, t->other, "class", t->is_sink ? "kafka/source" : "kafka/sink", class);
	make_client(t, t->other, t->is_sink ? "consumer." : "producer.");
	check_overrides(t);
	check_brokers(t);
	if (t->is_sink)
		make_topics(t);
	else
		make_creation(t);
	make_dead_letters(t);
}
