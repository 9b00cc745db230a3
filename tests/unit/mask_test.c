/* SPDX-License-Identifier: Apache-2.0 */
/* mask_test.c: no secret is in settings that are shown, everything else is, and what was hidden comes back. */
#include "host/config/mask.h"

#include "host/plugin/probe.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static struct inventory *inventory;

struct fixture {
	struct host_model host;
	struct settings given, shown;
	struct problems problems;
};

/* No plugin is loaded: what is secret is known without. */
static int open_inventory(void **state)
{
	outflow_error err = { .size = sizeof err };

	(void)state;
	return inventory_open(".libs", NULL, &inventory, &err) == OUTFLOW_OK ? 0 : -1;
}

static int close_inventory(void **state)
{
	(void)state;
	inventory_close(&inventory);
	return 0;
}

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	settings_clear(&f->given);
	settings_clear(&f->shown);
	problems_clear(&f->problems);
	free(f);
	return 0;
}

static void give(struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(settings_set(&f->given, key, value, NULL, 0), OUTFLOW_OK);
}

static void mask(struct fixture *f, enum mask_of what)
{
	settings_clear(&f->shown);
	assert_int_equal(mask_settings(&f->host, inventory, what, &f->given, &f->shown), OUTFLOW_OK);
	assert_int_equal(f->shown.n, f->given.n);
}

static void assert_shown(const struct fixture *f, const char *key, const char *expected)
{
	const char *value = settings_get(&f->shown, key);

	if (value == NULL || strcmp(value, expected) != 0)
		fail_msg("%s is shown as '%s', not '%s'", key, value ? value : "(nothing)", expected);
}

static void assert_hidden(const struct fixture *f, const char *key)
{
	assert_shown(f, key, "[hidden]");
}

static void keys_that_a_schema_calls_secret_are_hidden(void **state)
{
	struct fixture *f = *state;

	give(f, "name", "p");
	give(f, "source.class", "mqtt");
	give(f, "source.username", "plant");
	give(f, "source.password.value", "marker");
	give(f, "source.tls.key.password", "marker");
	give(f, "transforms", "call,cut");
	give(f, "transforms.call.class", "function");
	give(f, "transforms.call.headers.X-Who", "marker");
	give(f, "transforms.call.url", "http://127.0.0.1/f");
	give(f, "transforms.cut.class", "mask");
	give(f, "transforms.cut.secret", "marker");
	give(f, "transforms.cut.rules", "dev:hash");
	give(f, "sink.class", "kafka");
	give(f, "sink.headers.X-Who", "seen");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "name", "p");
	assert_shown(f, "source.class", "mqtt");
	assert_shown(f, "source.username", "plant");
	assert_hidden(f, "source.password.value");
	assert_hidden(f, "source.tls.key.password");
	assert_shown(f, "transforms", "call,cut");
	assert_hidden(f, "transforms.call.headers.X-Who");
	assert_shown(f, "transforms.call.url", "http://127.0.0.1/f");
	assert_hidden(f, "transforms.cut.secret");
	assert_shown(f, "transforms.cut.rules", "dev:hash");
	assert_shown(f, "sink.headers.X-Who", "seen");
}

static void names_of_client_properties_tell_secrets(void **state)
{
	static const char *const secret[] = {
		"producer.sasl.password",         "producer.SASL.JAAS.config",        "producer.ssl.key.pem",
		"producer.ssl.key.password",      "producer.ssl.keystore.password",   "producer.ssl.keystore.key",
		"producer.oauth.client.secret",   "producer.sasl.oauthbearer.token",  "producer.client_secret",
		"producer.aws.secret.access.key", "producer.basic.auth.user.info",    "consumer.x.private.key.pem",
		"headers.Authorization",          "producer.ssl.truststore.password",
	};
	static const char *const open[] = {
		"producer.ssl.key.location",
		"producer.ssl.ca.location",
		"producer.linger.ms",
		"bootstrap",
		"key",
		"key.form",
		"tls.key",
	};
	struct fixture *f = *state;
	char key[100];

	give(f, "sink.class", "kafka");
	for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
		snprintf(key, sizeof key, "sink.%s", secret[i]);
		give(f, key, "marker");
	}
	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
		snprintf(key, sizeof key, "sink.%s", open[i]);
		give(f, key, "seen");
	}
	mask(f, MASK_PIPELINE);
	for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++) {
		snprintf(key, sizeof key, "sink.%s", secret[i]);
		assert_hidden(f, key);
	}
	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
		snprintf(key, sizeof key, "sink.%s", open[i]);
		assert_shown(f, key, "seen");
	}
}

static void a_url_with_a_password_is_hidden_whole(void **state)
{
	struct fixture *f = *state;

	give(f, "sink.class", "kafka");
	give(f, "sink.producer.registry.url", "https://me:marker@registry:8081/a");
	give(f, "sink.producer.other.url", "https://registry:8081/a@b");
	mask(f, MASK_PIPELINE);
	assert_hidden(f, "sink.producer.registry.url");
	assert_shown(f, "sink.producer.other.url", "https://registry:8081/a@b");
}

static void references_are_shown_and_what_is_mixed_with_them_is_not(void **state)
{
	struct fixture *f = *state;

	give(f, "source.class", "mqtt");
	give(f, "source.password", "${file:/run/secrets/password}");
	give(f, "source.tls.key.password", "x${env:KEY}");
	give(f, "sink.producer.sasl.password", "${env:A}${dir:/run:b}");
	give(f, "sink.producer.ssl.key.password", "${other:marker}");
	give(f, "sink.producer.ssl.keystore.password", "${env:KEY}marker");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "source.password", "${file:/run/secrets/password}");
	assert_hidden(f, "source.tls.key.password");
	assert_shown(f, "sink.producer.sasl.password", "${env:A}${dir:/run:b}");
	assert_hidden(f, "sink.producer.ssl.key.password");
	assert_hidden(f, "sink.producer.ssl.keystore.password");
}

static void without_a_class_every_plugin_has_its_say(void **state)
{
	struct fixture *f = *state;

	give(f, "source.connection", "plant");
	give(f, "source.password", "marker");
	give(f, "source.topics", "a/#");
	give(f, "transforms.call.headers.X-Who", "marker");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "source.connection", "plant");
	assert_hidden(f, "source.password");
	assert_shown(f, "source.topics", "a/#");
	assert_hidden(f, "transforms.call.headers.X-Who");
}

/* Nobody knows which of its keys are secret. */
static void of_a_class_that_is_not_there_nothing_is_shown(void **state)
{
	struct fixture *f = *state;

	give(f, "source.class", "gone");
	give(f, "source.anything", "marker");
	give(f, "sink.class", "null");
	give(f, "sink.anything", "seen");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "source.class", "gone");
	assert_hidden(f, "source.anything");
	assert_shown(f, "sink.class", "null");
	assert_shown(f, "sink.anything", "seen");
}

static void connectors_of_kafka_connect_have_secrets_too(void **state)
{
	struct fixture *f = *state;

	give(f, "name", "p");
	give(f, "connector.class", "mqtt/source");
	give(f, "tasks.max", "1");
	give(f, "topics", "a/#");
	give(f, "password", "marker");
	give(f, "tls.key.password", "marker");
	give(f, "sink.password", "marker");
	give(f, "producer.override.sasl.jaas.config", "marker");
	give(f, "producer.override.linger.ms", "5");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "connector.class", "mqtt/source");
	assert_shown(f, "topics", "a/#");
	assert_hidden(f, "password");
	assert_hidden(f, "tls.key.password");
	assert_hidden(f, "sink.password");
	assert_hidden(f, "producer.override.sasl.jaas.config");
	assert_shown(f, "producer.override.linger.ms", "5");
	give(f, "connector.class", "org.apache.kafka.connect.file.FileStreamSourceConnector");
	give(f, "file", "seen");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "file", "seen");
	give(f, "connector.class", "gone");
	mask(f, MASK_PIPELINE);
	assert_shown(f, "tasks.max", "1");
	assert_hidden(f, "file");
}

static void connections_have_secrets_too(void **state)
{
	struct fixture *f = *state;

	give(f, "class", "mqtt");
	give(f, "broker", "tcp://127.0.0.1");
	give(f, "password", "marker");
	give(f, "tls.key.password", "marker");
	mask(f, MASK_CONNECTION);
	assert_shown(f, "class", "mqtt");
	assert_shown(f, "broker", "tcp://127.0.0.1");
	assert_hidden(f, "password");
	assert_hidden(f, "tls.key.password");
}

static void the_host_can_be_told_to_show_them(void **state)
{
	struct fixture *f = *state;

	f->host.secrets_show = 1;
	give(f, "class", "mqtt");
	give(f, "password", "seen");
	mask(f, MASK_CONNECTION);
	assert_shown(f, "password", "seen");
}

static void what_was_hidden_comes_back(void **state)
{
	struct fixture *f = *state;

	give(f, "class", "mqtt");
	give(f, "broker", "tcp://a");
	give(f, "password", "marker");
	mask(f, MASK_CONNECTION);
	assert_int_equal(settings_set(&f->shown, "broker", "tcp://b", NULL, 0), OUTFLOW_OK);
	assert_int_equal(mask_restore(inventory, MASK_CONNECTION, &f->shown, &f->given, "plant", &f->problems),
	                 OUTFLOW_OK);
	assert_int_equal(f->problems.n, 0);
	assert_shown(f, "password", "marker");
	assert_shown(f, "broker", "tcp://b");
}

/* Has an edit of `first` from before to after (NULL: gone) a problem with the mask at key? */
static int is_refused(struct fixture *f, const char *key, const char *first, const char *before, const char *after)
{
	struct settings stored = { 0 };
	int refused;

	settings_clear(&f->given);
	problems_clear(&f->problems);
	assert_int_equal(settings_set(&stored, first, before, NULL, 0), OUTFLOW_OK);
	assert_int_equal(settings_set(&stored, key, "marker", NULL, 0), OUTFLOW_OK);
	if (after != NULL)
		give(f, first, after);
	give(f, key, "[hidden]");
	assert_int_equal(mask_restore(inventory, MASK_PIPELINE, &f->given, &stored, "p", &f->problems), OUTFLOW_OK);
	refused = f->problems.n == 1;
	assert_string_equal(settings_get(&f->given, key), refused ? "[hidden]" : "marker");
	if (refused)
		assert_string_equal(f->problems.list[0].key, key);
	settings_clear(&stored);
	return refused;
}

/* X-Who is a secret of function, and an ordinary header of the deliver stage that every sink has. */
static void a_secret_does_not_get_into_an_ordinary_key(void **state)
{
	struct fixture *f = *state;

	assert_false(is_refused(f, "transforms.a.headers.X-Who", "transforms.a.class", "function", "function"));
	assert_true(is_refused(f, "transforms.a.headers.X-Who", "transforms.a.class", "function", "rename"));
	assert_true(is_refused(f, "transforms.a.headers.X-Who", "transforms.a.type", "function", "rename"));
	assert_true(is_refused(f, "transforms.a.headers.X-Who", "transforms.a.class", "function", "gone"));
	assert_true(is_refused(f, "transforms.a.headers.X-Who", "transforms.a.class", "function", NULL));
	assert_true(is_refused(f, "source.topics", "source.class", "gone", "mqtt"));
	assert_true(is_refused(f, "source.topics", "source.connection", "one", "other"));
	/* Where its name tells, it is a secret everywhere, and where the new class says so. */
	assert_false(is_refused(f, "source.password", "source.class", "gone", "mqtt"));
	assert_false(is_refused(f, "sink.producer.sasl.password", "sink.class", "kafka", "gone"));
	assert_false(is_refused(f, "source.password", "source.connection", "one", "other"));
	assert_false(is_refused(f, "transforms.a.headers.X-Who", "transforms.a.class", "gone", "function"));
	/* In Kafka Connect's spelling too. */
	assert_false(is_refused(f, "topics", "connector.class", "gone", "gone"));
	assert_true(is_refused(f, "topics", "connector.class", "gone", "mqtt/source"));
}

/* The address that held it may be an ordinary key of another class. */
static void nor_does_an_address_with_a_password(void **state)
{
	struct fixture *f = *state;
	struct settings stored = { 0 };

	for (int i = 0; i < 2; i++) {
		settings_clear(&f->given);
		problems_clear(&f->problems);
		assert_int_equal(settings_set(&stored, "sink.class", "mqtt", NULL, 0), OUTFLOW_OK);
		assert_int_equal(settings_set(&stored, "sink.topic", "tcp://a:marker@b", NULL, 0), OUTFLOW_OK);
		give(f, "sink.class", i == 0 ? "mqtt" : "kafka");
		give(f, "sink.topic", "[hidden]");
		assert_int_equal(mask_restore(inventory, MASK_PIPELINE, &f->given, &stored, "p", &f->problems),
		                 OUTFLOW_OK);
		assert_int_equal(f->problems.n, i);
	}
	settings_clear(&stored);
}

static void a_mask_for_nothing_is_a_problem(void **state)
{
	struct fixture *f = *state;
	struct settings stored = { 0 };

	give(f, "password", "[hidden]");
	assert_int_equal(mask_restore(inventory, MASK_CONNECTION, &f->given, &stored, "plant", &f->problems),
	                 OUTFLOW_OK);
	assert_int_equal(mask_restore(inventory, MASK_CONNECTION, &f->given, NULL, "plant", &f->problems), OUTFLOW_OK);
	assert_int_equal(f->problems.n, 1);
	assert_string_equal(f->problems.list[0].key, "password");
	assert_string_equal(f->problems.list[0].pipeline, "plant");
}

int main(int argc, char **argv)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(keys_that_a_schema_calls_secret_are_hidden),
		TEST(names_of_client_properties_tell_secrets),
		TEST(a_url_with_a_password_is_hidden_whole),
		TEST(references_are_shown_and_what_is_mixed_with_them_is_not),
		TEST(without_a_class_every_plugin_has_its_say),
		TEST(of_a_class_that_is_not_there_nothing_is_shown),
		TEST(connectors_of_kafka_connect_have_secrets_too),
		TEST(connections_have_secrets_too),
		TEST(the_host_can_be_told_to_show_them),
		TEST(what_was_hidden_comes_back),
		TEST(a_secret_does_not_get_into_an_ordinary_key),
		TEST(nor_does_an_address_with_a_password),
		TEST(a_mask_for_nothing_is_a_problem),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, open_inventory, close_inventory);
}
