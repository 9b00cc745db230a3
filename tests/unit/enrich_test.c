/* SPDX-License-Identifier: Apache-2.0 */
/* enrich_test.c: what a table holds goes into the payload, and nothing else; a mistake in a table has a name and a line. */
#include "sdk/testing/harness.h"
#include "transforms/enrich/enrich.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef HAVE_SQLITE
#include <sqlite3.h>
#endif

static char directory[] = "/tmp/outflow-enrich-XXXXXX";
static char path[100];

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int remove_tables(void **state)
{
	static const char *const names[] = { "t.csv", "t.jsonl", "t.db", "t.db-wal", "t.db-shm" };
	char name[sizeof path];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", directory, names[i]);
		unlink(name);
	}
	return 0;
}

/* Writes a file beside `path` and renames it there, as one should. */
static void write_bytes(const char *name, const void *bytes, size_t n)
{
	char aside[sizeof path + 4];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	snprintf(aside, sizeof aside, "%s.new", path);
	file = fopen(aside, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(rename(aside, path), 0);
}

static void write_table(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static outflow_harness *prepare(void)
{
	outflow_harness *t = outflow_harness_new();

	outflow_harness_rotate_threads(t);
	outflow_harness_set(t, "file", path);
	outflow_harness_set(t, "key", "$.data.body.ip");
	outflow_harness_set(t, "index", "ip");
	return t;
}

static void create(outflow_harness *t)
{
	outflow_error err = { .msg = "" };

	if (outflow_harness_create(t, &enrich_component, &err) != OUTFLOW_OK)
		fail_msg("create: %s", err.msg);
}

static void apply(outflow_harness *t)
{
	outflow_error err = { .msg = "" };

	if (outflow_harness_apply(t, &err) != OUTFLOW_OK)
		fail_msg("apply: %s", err.msg);
}

/* One payload through a stage with one setting more. */
static void turns(const char *setting, const char *value, const char *payload, const char *expected)
{
	outflow_harness *t = prepare();

	if (setting != NULL)
		outflow_harness_set(t, setting, value);
	create(t);
	outflow_harness_input(t, "t", "k", payload);
	apply(t);
	if (outflow_harness_reject(t, 0) != NULL)
		fail_msg("%s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	assert_int_equal(outflow_harness_outputs(t), expected != NULL);
	if (expected != NULL)
		assert_string_equal(outflow_harness_value(t, 0), expected);
	outflow_harness_free(&t);
}

static void is_rejected(const char *setting, const char *value, const char *payload, const char *cause)
{
	outflow_harness *t = prepare();

	outflow_harness_set(t, setting, value);
	create(t);
	outflow_harness_input(t, "t", "k", payload);
	outflow_harness_input(t, "t", "k", "null");
	apply(t);
	assert_non_null(outflow_harness_reject(t, 0));
	assert_int_equal(outflow_harness_reject(t, 0)->status, OUTFLOW_E_RECORD);
	if (strstr(outflow_harness_reject(t, 0)->err.msg, cause) == NULL)
		fail_msg("%s: %s", payload, outflow_harness_reject(t, 0)->err.msg);
	outflow_harness_free(&t);
}

/* The table that `path` has cannot be used, for this reason. */
static void is_refused(const char *setting, const char *value, const char *cause)
{
	outflow_harness *t = prepare();
	outflow_error err = { .msg = "" };

	if (setting != NULL)
		outflow_harness_set(t, setting, value);
	assert_int_equal(outflow_harness_create(t, &enrich_component, &err), OUTFLOW_E_TASK);
	if (strstr(err.msg, cause) == NULL)
		fail_msg("expected '%s': %s", cause, err.msg);
	outflow_harness_free(&t);
}

/* Polls until the value that 7 gets is the expected one. */
static void becomes(outflow_harness *t, const char *expected)
{
	const struct timespec pause = { 0, 2000000 };

	for (int i = 0; i < 5000; i++) {
		outflow_harness_clear(t);
		outflow_harness_input(t, "t", "k", "{\"ip\":7}");
		apply(t);
		if (strcmp(outflow_harness_value(t, 0), expected) == 0)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("after 10 s still %s, not %s", outflow_harness_value(t, 0), expected);
}

/* ---- payloads ---- */

static void columns_become_members(void **state)
{
	(void)state;
	write_table("t.csv", "ip,region,provider\n10.1.2.3,north,n-net\n7,\"say \"\"hi\"\"\",\n");
	turns(NULL, NULL, "{\"acct\":\"u7\", \"ip\":\"10.1.2.3\"}",
	      "{\"acct\":\"u7\", \"ip\":\"10.1.2.3\",\"region\":\"north\",\"provider\":\"n-net\"}");
	turns(NULL, NULL, "{\"ip\":7}", "{\"ip\":7,\"region\":\"say \\\"hi\\\"\",\"provider\":\"\"}");
	turns(NULL, NULL, "{\"ip\":\"10.1.2.\\u0033\",\"region\":[1]}",
	      "{\"ip\":\"10.1.2.\\u0033\",\"region\":\"north\",\"provider\":\"n-net\"}");
	turns("columns", "provider", "{\"ip\":7}", "{\"ip\":7,\"provider\":\"\"}");
	turns("columns", "ip,region", "{\"ip\":\"10.1.2.3\"}", "{\"ip\":\"10.1.2.3\",\"region\":\"north\"}");
	turns("key", "$.data.props.topic", "{}", "{}");
}

static void a_key_can_be_any_part_of_the_event(void **state)
{
	static const char *const keys[][2] = { { "$.data.props.topic", "t" },
		                               { "$.data.key", "k" },
		                               { "$.data.props.userProperties[0].value", "north" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char text[100];
		outflow_harness *t;

		snprintf(text, sizeof text, "ip,x\n%s,1\n", keys[i][1]);
		write_table("t.csv", text);
		t = prepare();
		outflow_harness_set(t, "key", keys[i][0]);
		create(t);
		outflow_harness_header(t, outflow_harness_input(t, "t", "k", "{}"), "site", "north");
		apply(t);
		assert_string_equal(outflow_harness_value(t, 0), "{\"x\":\"1\"}");
		outflow_harness_free(&t);
	}
}

static void the_target_is_found_or_made(void **state)
{
	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	turns("target", "$.data.body.a", "{\"ip\":7,\"a\":{ \"b\":1}}", "{\"ip\":7,\"a\":{ \"b\":1,\"x\":\"1\"}}");
	turns("target", "$.data.body.a", "{\"ip\":7}", "{\"ip\":7,\"a\":{\"x\":\"1\"}}");
	turns("target", "$.data.value.a.b['c \"d'].e", "{\"ip\":7,\"a\":{}}",
	      "{\"ip\":7,\"a\":{\"b\":{\"c \\\"d\":{\"e\":{\"x\":\"1\"}}}}}");
	turns("target", "$.data.body.a[1].b", "{\"ip\":7,\"a\":[0,{}]}", "{\"ip\":7,\"a\":[0,{\"b\":{\"x\":\"1\"}}]}");
	is_rejected("target", "$.data.body.a[1].b", "{\"ip\":7,\"a\":[0]}", "there is no such element");
	is_rejected("target", "$.data.body.a.b", "{\"ip\":7,\"a\":[0]}", "something that is no object is in the way");
	is_rejected("target", "$.data.body.a", "{\"ip\":7,\"a\":null}", "something else than an object");
	is_rejected("target", "$.data.props", "{\"ip\":7}", "this is not in the payload");
	is_rejected("target", "$.data.extra", "{\"ip\":7}", "this is not in the payload");
}

static void a_whole_event_is_a_payload_too(void **state)
{
	outflow_harness *t;

	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	t = prepare();
	outflow_harness_set(t, "key", "$.data.n");
	outflow_harness_set(t, "target", "$.data.found");
	create(t);
	outflow_harness_header(t, outflow_harness_input(t, "t", "k", "{\"id\":\"a\",\"data\":{\"n\":7}}"),
	                       "content-type", "application/cloudevents+json");
	apply(t);
	assert_string_equal(outflow_harness_value(t, 0), "{\"id\":\"a\",\"data\":{\"n\":7,\"found\":{\"x\":\"1\"}}}");
	outflow_harness_free(&t);
}

static void a_miss_follows_the_policy(void **state)
{
	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	turns("missing", "pass", "{ \"ip\":8}", "{ \"ip\":8}");
	turns("missing", "pass", "{\"ip\":[7]}", "{\"ip\":[7]}");
	turns("missing", "pass", "[]", "[]");
	turns("missing", "drop", "{\"ip\":8}", NULL);
	turns("missing", "drop", "{}", NULL);
	is_rejected("missing", "fail", "{\"ip\":8}", "'8' ($.data.body.ip) is not in the table");
	is_rejected("missing", "fail", "{\"ip\":null}", "nothing to look up");
}

static void a_default_stands_in(void **state)
{
	outflow_harness *t;

	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	t = prepare();
	outflow_harness_set(t, "missing", "default");
	outflow_harness_set(t, "default", "{ \"x\" : \"?\", \"y\\n\":[1, 2] }");
	create(t);
	outflow_harness_input(t, "t", "k", "{\"ip\":8}");
	outflow_harness_input(t, "t", "k", "{\"ip\":7}");
	outflow_harness_input(t, "t", "k", "[8]");
	apply(t);
	assert_string_equal(outflow_harness_value(t, 0), "{\"ip\":8,\"x\":\"?\",\"y\\u000a\":[1, 2]}");
	assert_string_equal(outflow_harness_value(t, 1), "{\"ip\":7,\"x\":\"1\"}");
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, "target the payload: there is something else"));
	assert_int_equal(outflow_harness_metric(t, "enrich_missing"), 2);
	assert_int_equal(outflow_harness_metric(t, "enrich_table_rows"), 1);
	outflow_harness_free(&t);
}

static void untouched_records_stay_as_they_are(void **state)
{
	outflow_harness *t;
	outflow_record *r, *null;

	(void)state;
	write_table("t.csv", "ip\n7\n");
	t = prepare();
	create(t);
	r = outflow_harness_input(t, "t", "k", " {\"ip\":7 }");
	null = outflow_harness_input(t, "t", "k", NULL);
	outflow_harness_input(t, "t", "k", "{\"ip\"");
	apply(t);
	assert_memory_equal(outflow_harness_output(t, 0), r, sizeof *r);
	assert_memory_equal(outflow_harness_output(t, 1), null, sizeof *null);
	assert_non_null(strstr(outflow_harness_reject(t, 0)->err.msg, "not JSON: byte 5"));
	outflow_harness_free(&t);
}

static void no_memory_is_said(void **state)
{
	outflow_harness *t;
	outflow_error err = { .msg = "" };
	size_t n = 1;

	(void)state;
	write_table("t.csv", "ip,x,y\n\"\n\",1,2\n");
	t = prepare();
	outflow_harness_set(t, "target", "$.data.body.a.b");
	create(t);
	outflow_harness_input(t, "t", "k", "{\"ip\":\"\\n\"}");
	for (; n < 20; n++) {
		outflow_harness_fail_alloc(t, n);
		if (outflow_harness_apply(t, &err) == OUTFLOW_OK)
			break;
		assert_string_not_equal(err.msg, "");
	}
	assert_in_range(n, 5, 12);
	assert_string_equal(outflow_harness_value(t, 0), "{\"ip\":\"\\n\",\"a\":{\"b\":{\"x\":\"1\",\"y\":\"2\"}}}");
	outflow_harness_free(&t);
}

/* ---- CSV ---- */

static void csv_is_read_as_it_is_written(void **state)
{
	(void)state;
	write_table("t.csv", "\xef\xbb\xbf\"ip\",\"a,b\"\r\n\r\n7,\"x\r\ny\"\r\n8,\"\"\r\n\n9,\" \"");
	turns(NULL, NULL, "{\"ip\":7}", "{\"ip\":7,\"a,b\":\"x\\u000d\\u000ay\"}");
	turns(NULL, NULL, "{\"ip\":8}", "{\"ip\":8,\"a,b\":\"\"}");
	turns(NULL, NULL, "{\"ip\":9}", "{\"ip\":9,\"a,b\":\" \"}");
	write_table("t.csv", "ip;x\n7;a,b\n");
	turns("delimiter", ";", "{\"ip\":7}", "{\"ip\":7,\"x\":\"a,b\"}");
	write_table("t.csv", "ip,a,b,c,d,e\n7,1.50,true,01,null,[1]\n");
	turns("types", "json", "{\"ip\":7}", "{\"ip\":7,\"a\":1.50,\"b\":true,\"c\":\"01\",\"d\":null,\"e\":\"[1]\"}");
}

static void csv_mistakes_are_named(void **state)
{
	static const char *const cases[][2] = {
		{ "", "t.csv: line 1: the file is empty" },
		{ "a,b\n", "t.csv: line 1: there is no column 'ip', the key" },
		{ "ip,x,x\n", "line 1: two columns have the same name" },
		{ "ip,x,ip\n", "line 1: the key's column is there twice" },
		{ "ip,,x\n", "line 1: a column without a name" },
		{ "ip,x\n1,2\n1\n", "line 3: 1 field(s), but 2 column(s)" },
		{ "ip,x\n1,2,3\n", "line 2: 3 field(s), but 2 column(s)" },
		{ "ip,x\n\n1,\"a\nb\"\n1,c\n", "line 5: the key '1' is in line 3 already" },
		{ "ip,x\n1,\"a\nb\n", "line 2: a quote that is opened in this record is not closed" },
		{ "ip,x\n1,a\"b\n", "line 2: a quote inside a field without quotes" },
		{ "ip,x\n1,\"a\"b\n", "line 2: something follows a closing quote" },
		{ "ip,x\n1,a\rb\n", "line 2: a carriage return" },
		{ "ip,x\n1,a\n2,\xff\n", "line 3: not valid UTF-8 (byte 11 of the file)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_table("t.csv", cases[i][0]);
		is_refused(NULL, NULL, cases[i][1]);
	}
	write_table("t.csv", "ip,x\n1,a\n");
	is_refused("columns", "x,y", "t.csv: there is no column 'y'");
}

/* ---- JSON Lines ---- */

static void json_lines_keep_their_values(void **state)
{
	(void)state;
	write_table("t.jsonl",
	            "{\"ip\":\"1\\u0030\",\"a\":1.50,\"b\":[ {} ]}\n\n \r\n{\"b\":\"x\",\"i\\u0070\":true}\r\n"
	            "{\"ip\":1,\"ip\":2,\"a\":3,\"a\":4}");
	turns(NULL, NULL, "{\"ip\":10}", "{\"ip\":10,\"a\":1.50,\"b\":[ {} ]}");
	turns(NULL, NULL, "{\"ip\":true}", "{\"ip\":true,\"b\":\"x\"}");
	turns(NULL, NULL, "{\"ip\":2}", "{\"ip\":2,\"a\":4}");
	turns("columns", "b,ip", "{\"ip\":10}", "{\"ip\":\"1\\u0030\",\"b\":[ {} ]}");
	write_table("t.jsonl", "");
	turns(NULL, NULL, "{\"ip\":10}", "{\"ip\":10}");
}

static void json_lines_mistakes_are_named(void **state)
{
	static const char *const cases[][2] = {
		{ "{\"ip\":1}\n{\"ip\"\n", "t.jsonl: line 2: not JSON: byte 5" },
		{ "\n[1]\n", "line 2: not a JSON object" },
		{ "{\"x\":1}\n", "line 1: there is no 'ip', the key" },
		{ "{\"ip\":null}\n", "line 1: the key is a text, a number, true or false" },
		{ "{\"ip\":[1]}\n", "line 1: the key is a text" },
		{ "{\"ip\":\"1\"}\n\n{\"ip\":1}\n", "line 3: the key '1' is in line 1 already" },
		{ "{\"ip\":\"\xff\"}\n", "line 1: not JSON" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		write_table("t.jsonl", cases[i][0]);
		is_refused(NULL, NULL, cases[i][1]);
	}
	write_table("t.jsonl", "{\"ip\":1,\"x\":1}\n");
	is_refused("columns", "x,y", "t.jsonl: there is no column 'y'");
}

/* ---- SQLite ---- */

#ifdef HAVE_SQLITE
static void run_sql(const char *sql)
{
	sqlite3 *database;
	char *problem = NULL;

	snprintf(path, sizeof path, "%s/t.db", directory);
	assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
	if (sqlite3_exec(database, sql, NULL, NULL, &problem) != SQLITE_OK)
		fail_msg("%s", problem);
	sqlite3_close(database);
}

static void a_database_is_read(void **state)
{
	(void)state;
	run_sql("CREATE TABLE \"a \"\"t\" (ip, i INTEGER, r REAL, t TEXT, n);"
	        "INSERT INTO \"a \"\"t\" VALUES (7, 9007199254740993, 0.1, 'say \"hi\"', NULL),"
	        "('x', -1, 2.0, '', 1e999), (1.5, 0, 1e300, 'b', 'c');");
	turns("table", "a \"t", "{\"ip\":7}",
	      "{\"ip\":7,\"i\":9007199254740993,\"r\":0.1,\"t\":\"say \\\"hi\\\"\",\"n\":null}");
	turns("table", "a \"t", "{\"ip\":\"x\"}", "{\"ip\":\"x\",\"i\":-1,\"r\":2,\"t\":\"\",\"n\":null}");
	turns("table", "a \"t", "{\"ip\":1.5}", "{\"ip\":1.5,\"i\":0,\"r\":1e+300,\"t\":\"b\",\"n\":\"c\"}");
	turns("query", "SELECT ip, i * 2 AS twice FROM \"a \"\"t\"; ", "{\"ip\":\"x\"}", "{\"ip\":\"x\",\"twice\":-2}");
}

static void database_mistakes_are_named(void **state)
{
	static const char *const cases[][2] = {
		{ "SELECT nowhere FROM t", "t.db: SQLite: no such column: nowhere" },
		{ "SELECT x FROM t", "the rows have no column 'ip', the key" },
		{ "SELECT 1 AS ip; SELECT 2 AS ip", "query: one SELECT is expected" },
		{ "", "query: one SELECT is expected" },
		{ "DELETE FROM t", "query: it would write" },
		{ "SELECT NULL AS ip", "row 1: there is no 'ip', the key" },
		{ "SELECT 1 AS ip UNION ALL SELECT '1'", "row 2: the key '1' is in row 1 already" },
		{ "SELECT 1 AS ip, x'00' AS b", "row 1: 'b' is a BLOB" },
		{ "SELECT 1 AS ip, CAST(x'ff' AS TEXT) AS b", "row 1: 'b' is not valid UTF-8" },
		{ "SELECT 1 AS ip, zeroblob(2000000) AS b", "SQLite: string or blob too big" },
		{ "WITH RECURSIVE r(ip) AS (SELECT 1 UNION ALL SELECT ip + 1 FROM r) SELECT ip FROM r",
		  "row 1000001: more than max.rows" },
	};

	(void)state;
	run_sql("CREATE TABLE t (ip, x);");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		is_refused("query", cases[i][0], cases[i][1]);
	remove_tables(NULL);
	write_table("t.db", "this is no database, however long it may be");
	is_refused("table", "t", "t.db: SQLite: file is not a database");
}

/* The writer stays, so that the change is in the write-ahead log alone. */
static void a_changed_database_is_read_again(void **state)
{
	outflow_harness *t;
	sqlite3 *writer;

	(void)state;
	run_sql("PRAGMA journal_mode = WAL; CREATE TABLE t (ip, x); INSERT INTO t VALUES (7, 1);");
	t = prepare();
	outflow_harness_set(t, "reload.interval", "10ms");
	outflow_harness_set(t, "table", "t");
	create(t);
	becomes(t, "{\"ip\":7,\"x\":1}");
	assert_int_equal(sqlite3_open(path, &writer), SQLITE_OK);
	assert_int_equal(sqlite3_exec(writer, "UPDATE t SET x = 2", NULL, NULL, NULL), SQLITE_OK);
	becomes(t, "{\"ip\":7,\"x\":2}");
	assert_int_equal(sqlite3_exec(writer, "UPDATE t SET x = 3", NULL, NULL, NULL), SQLITE_OK);
	becomes(t, "{\"ip\":7,\"x\":3}");
	sqlite3_close(writer);
	outflow_harness_free(&t);
}
#endif

/* ---- limits ---- */

static void tables_are_bounded(void **state)
{
	size_t n = ((size_t)1 << 20) + 100, at = 0;
	char *text = malloc(n + 20000);

	(void)state;
	write_table("t.csv", "ip,x\n1,a\n2,b\n3,c\n");
	is_refused("max.rows", "2", "t.csv: line 4: more than max.rows = 2 rows");
	memset(text, 'x', n);
	memcpy(text, "ip,x\n1,", 7);
	write_bytes("t.csv", text, n);
	is_refused("max.bytes", "1MiB", "has 1048676 bytes, more than max.bytes = 1048576");
	is_refused(NULL, NULL, "line 2: a row of more than 1048576 bytes");
	for (int i = 0; i < 200; i++)
		at += (size_t)sprintf(text + at, "{\"ip\":%d,\"x\":1}\n", i);
	write_bytes("t.jsonl", text, at);
	is_refused("max.bytes", "4KiB", "the table needs more memory than max.bytes = 4096");
	at = (size_t)sprintf(text, "{\"ip\":1");
	for (int i = 0; i < 1001; i++)
		at += (size_t)sprintf(text + at, ",\"c%d\":1", i);
	at += (size_t)sprintf(text + at, "}\n");
	write_bytes("t.jsonl", text, at);
	is_refused(NULL, NULL, "more than 1000 columns");
	turns("columns", "c0", "{\"ip\":1}", "{\"ip\":1,\"c0\":1}");
	free(text);
	snprintf(path, sizeof path, "%s/none.csv", directory);
	is_refused(NULL, NULL, "none.csv cannot be read: No such file");
	snprintf(path, sizeof path, "%s", directory);
	is_refused("format", "csv", "is not a file");
}

static void many_rows_are_all_found(void **state)
{
	enum { ROWS = 20000 };
	char *text = malloc(ROWS * 40);
	size_t at = (size_t)sprintf(text, "ip,square\n");
	outflow_harness *t;

	(void)state;
	for (long i = 0; i < ROWS; i++)
		at += (size_t)sprintf(text + at, "%ld,%ld\n", i, i * i);
	write_bytes("t.csv", text, at);
	t = prepare();
	outflow_harness_set(t, "types", "json");
	create(t);
	for (long i = 0; i < ROWS; i += 7) {
		sprintf(text, "{\"ip\":%ld}", i);
		outflow_harness_input(t, "t", "k", text);
	}
	apply(t);
	for (long i = 0; i < ROWS; i += 7) {
		sprintf(text, "{\"ip\":%ld,\"square\":%ld}", i, i * i);
		assert_string_equal(outflow_harness_value(t, (size_t)i / 7), text);
	}
	assert_int_equal(outflow_harness_metric(t, "enrich_table_rows"), ROWS);
	assert_in_range(outflow_harness_metric(t, "enrich_table_bytes"), ROWS * 20, ROWS * 64);
	outflow_harness_free(&t);
	free(text);
}

/* ---- configuration ---- */

static void all_mistakes_are_reported(void **state)
{
	static const char *const expected[] = {
		"format: the file's name",
		"delimiter: one ASCII",
		"table: only a SQLite",
		"query: only a SQLite",
		"columns: a column is given twice",
		"default: has no effect",
		"key: column 2 of path '$!'",
		"target: column 1 of path 'a'",
	};
	outflow_harness *t = outflow_harness_new();

	(void)state;
	outflow_harness_set(t, "file", "table.txt");
	outflow_harness_set(t, "key", "$!");
	outflow_harness_set(t, "index", "ip");
	outflow_harness_set(t, "target", "a");
	outflow_harness_set(t, "columns", "x,y,x");
	outflow_harness_set(t, "delimiter", "::");
	outflow_harness_set(t, "default", "{}");
	outflow_harness_set(t, "table", "t");
	outflow_harness_set(t, "query", "q");
	assert_int_equal(outflow_harness_check(t, &enrich_component), OUTFLOW_E_CONFIG);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		assert_non_null(outflow_harness_problem(t, i));
		if (strncmp(outflow_harness_problem(t, i), expected[i], strlen(expected[i])) != 0)
			fail_msg("%s", outflow_harness_problem(t, i));
	}
	assert_null(outflow_harness_problem(t, sizeof expected / sizeof expected[0]));
	outflow_harness_free(&t);
}

static void a_bad_default_is_refused(void **state)
{
	static const char *const cases[][2] = { { NULL, "default: is needed" },
		                                { "[1]", "default: not a JSON object" },
		                                { "{\"a\"", "default: not JSON" } };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		outflow_harness *t = prepare();

		outflow_harness_set(t, "file", "a.csv");
		outflow_harness_set(t, "missing", "default");
		outflow_harness_set(t, "default", cases[i][0]);
		assert_int_equal(outflow_harness_check(t, &enrich_component), OUTFLOW_E_CONFIG);
		assert_non_null(strstr(outflow_harness_problem(t, 0), cases[i][1]));
		outflow_harness_free(&t);
	}
}

/* ---- reloading ---- */

static void wait_for_metric(outflow_harness *t, const char *name, int64_t value)
{
	const struct timespec pause = { 0, 2000000 };

	for (int i = 0; i < 5000 && outflow_harness_metric(t, name) < value; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(outflow_harness_metric(t, name), value);
}

static void a_changed_file_is_read_again(void **state)
{
	outflow_harness *t;
	char text[40];

	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	t = prepare();
	outflow_harness_set(t, "reload.interval", "10ms");
	create(t);
	becomes(t, "{\"ip\":7,\"x\":\"1\"}");
	for (int i = 2; i < 6; i++) {
		snprintf(text, sizeof text, "ip,x\n7,%d\n", i);
		write_table("t.csv", text);
		snprintf(text, sizeof text, "{\"ip\":7,\"x\":\"%d\"}", i);
		becomes(t, text);
		assert_int_equal(outflow_harness_metric(t, "enrich_reloads"), i - 1);
	}
	write_table("t.csv", "ip,y\n6,1\n8,1\n");
	becomes(t, "{\"ip\":7}");
	assert_int_equal(outflow_harness_metric(t, "enrich_table_rows"), 2);
	outflow_harness_free(&t);
}

static void a_table_that_nobody_took_is_freed(void **state)
{
	outflow_harness *t;

	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	t = prepare();
	outflow_harness_set(t, "reload.interval", "10ms");
	create(t);
	write_table("t.csv", "ip,x\n7,2\n");
	wait_for_metric(t, "enrich_reloads", 1);
	write_table("t.csv", "ip,x\n7,3\n");
	wait_for_metric(t, "enrich_reloads", 2);
	becomes(t, "{\"ip\":7,\"x\":\"3\"}");
	outflow_harness_free(&t);
}

static void a_bad_file_leaves_the_old_table(void **state)
{
	outflow_harness *t;

	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	t = prepare();
	outflow_harness_set(t, "reload.interval", "10ms");
	create(t);
	write_table("t.csv", "ip,x\n7\n");
	wait_for_metric(t, "enrich_reload_failures", 1);
	becomes(t, "{\"ip\":7,\"x\":\"1\"}");
	unlink(path);
	wait_for_metric(t, "enrich_reload_failures", 2);
	becomes(t, "{\"ip\":7,\"x\":\"1\"}");
	write_table("t.csv", "ip,x\n7,2\n");
	becomes(t, "{\"ip\":7,\"x\":\"2\"}");
	outflow_harness_free(&t);
}

static void a_bad_file_is_warned_of(void **state)
{
	outflow_harness *t;

	(void)state;
	write_table("t.csv", "ip,x\n7,1\n");
	t = prepare();
	outflow_harness_set(t, "reload.interval", "10ms");
	create(t);
	write_table("t.csv", "ip,x\n7\n");
	wait_for_metric(t, "enrich_reload_failures", 1);
	outflow_harness_destroy(t); /* the line is written by then */
	assert_string_equal(outflow_harness_log(t, 0), "warn: the changed table is not used, the old one stays: t.csv: "
	                                               "line 2: 1 field(s), but 2 column(s)");
	assert_null(outflow_harness_log(t, 1));
	outflow_harness_free(&t);
}

#define TEST(NAME) cmocka_unit_test_teardown(NAME, remove_tables)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(columns_become_members),
		TEST(a_key_can_be_any_part_of_the_event),
		TEST(the_target_is_found_or_made),
		TEST(a_whole_event_is_a_payload_too),
		TEST(a_miss_follows_the_policy),
		TEST(a_default_stands_in),
		TEST(untouched_records_stay_as_they_are),
		TEST(no_memory_is_said),
		TEST(csv_is_read_as_it_is_written),
		TEST(csv_mistakes_are_named),
		TEST(json_lines_keep_their_values),
		TEST(json_lines_mistakes_are_named),
#ifdef HAVE_SQLITE
		TEST(a_database_is_read),
		TEST(database_mistakes_are_named),
		TEST(a_changed_database_is_read_again),
#endif
		TEST(tables_are_bounded),
		TEST(many_rows_are_all_found),
		TEST(all_mistakes_are_reported),
		TEST(a_bad_default_is_refused),
		TEST(a_changed_file_is_read_again),
		TEST(a_table_that_nobody_took_is_freed),
		TEST(a_bad_file_leaves_the_old_table),
		TEST(a_bad_file_is_warned_of),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
