/* SPDX-License-Identifier: Apache-2.0 */
/* table_fuzz.c: whatever a CSV or JSON Lines file holds, it is read into rows that are found again and whose fields are
 * JSON, or it is refused with a reason. */
#include "fuzz.h"
#include "sdk/testing/harness.h"
#include "transforms/enrich/readers.h"

#include <outflow/util.h>

const char fuzz_name[] = "table";

/* One object of the row's fields, as a payload would get them. */
static void check_row(outflow_harness *t, const struct table *table, outflow_str key)
{
	outflow_json_writer w;
	outflow_str name, json;
	outflow_json *again = NULL;
	outflow_bytes text;
	struct table_row row;

	if (!table_find(table, key, &row))
		return;
	outflow_json_begin(&w, outflow_harness_host(t), outflow_harness_batch(t), 256);
	outflow_json_bracket(&w, '{');
	while (table_next(&row, &name, &json)) {
		outflow_json_put_key(&w, name);
		outflow_json_put_raw(&w, json);
	}
	outflow_json_bracket(&w, '}');
	text = outflow_json_finish(&w);
	must(outflow_json_parse((outflow_str){ text.ptr, text.len }, &again, NULL) == OUTFLOW_OK);
	outflow_json_free(&again);
}

/* The first byte says what it is, and whether all columns are kept; then comes the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static outflow_harness *t;
	static const outflow_str columns[] = { { "a", 1 }, { "k", 1 } };
	struct table_settings s = { .key = { "k", 1 }, .max_rows = 1000, .max_bytes = 1 << 20 };
	outflow_error err = { .msg = "" };
	struct table_maker *m;
	struct table *table = NULL;
	outflow_status status;
	char *text;
	size_t n;

	if (size == 0)
		return 0;
	if (t == NULL)
		t = outflow_harness_new();
	if (data[0] & 4) {
		s.columns = columns;
		s.n_columns = 2;
	}
	n = size - 1;
	text = malloc(n + 1);
	memcpy(text, data + 1, n);
	must(table_begin(&s, &m, &err) == OUTFLOW_OK);
	if (data[0] & 1)
		status = csv_read(text, n, data[0] & 8 ? ';' : ',', data[0] & 2, s.key, m, &err);
	else
		status = jsonl_read((outflow_str){ text, n }, s.key, m, &err);
	must(status == OUTFLOW_OK || (status == OUTFLOW_E_TASK && err.msg[0] != '\0'));
	if (status == OUTFLOW_OK && table_finish(&m, &table, &err) == OUTFLOW_OK) {
		must(table_rows(table) <= s.max_rows && table_bytes(table) <= 2 * s.max_bytes);
		for (size_t i = 0; i < n && i < 64; i++)
			check_row(t, table, (outflow_str){ text + i, n - i < 3 ? n - i : i % 3 });
	}
	table_discard(&m);
	table_free(&table);
	free(text);
	outflow_harness_clear(t);
	return 0;
}
