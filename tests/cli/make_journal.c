/* SPDX-License-Identifier: Apache-2.0 */
/* make_journal.c: the state directory that a pipeline leaves: make_journal DIR PIPELINE TASK RECORDS NEXT. Record n has the
 * value n (every tenth: bytes that are no UTF-8), a time stamp n seconds after 2023-11-14T22:13:20Z; NEXT is the checkpoint,
 * 0: none. Everything delivered is kept. */
#include "host/base/clock.h"
#include "host/journal/journal.h"
#include "host/store/checkpoint.h"
#include "host/store/state_dir.h"

#include <outflow/util.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static outflow_error err = { .size = sizeof err };

static void must(outflow_status status)
{
	if (status < OUTFLOW_OK) {
		fprintf(stderr, "make_journal: %s\n", err.msg);
		exit(1);
	}
}

static void append(struct journal *j, unsigned n)
{
	outflow_header header = { outflow_text("h"), { "v", 1 } };
	char value[200];
	outflow_record r = { .topic = outflow_text("plant/1"),
		             .value = { value, 0 },
		             .headers = &header,
		             .n_headers = n % 2,
		             .timestamp_ms = 1700000000000 + n * INT64_C(1000) };
	uint64_t position;

	r.value.len = (size_t)snprintf(value, sizeof value, "%s%u%*s", n % 10 == 0 ? "\xff\xfe" : "", n, 100, "");
	must(journal_append(j, &r, &position, &err));
}

int main(int argc, char **argv)
{
	struct checkpoint position = { 0 };
	struct checkpoint_store *checkpoints;
	struct state_dir *d;
	struct journal *j;
	char path[PATH_MAX], stream[64];
	uint64_t generation;

	if (argc != 6)
		return 2;
	must(state_dir_open(argv[1], &d, &err));
	must(state_dir_path(d, "journal", argv[2], atol(argv[3]), path, sizeof path));
	must(journal_open(&(struct journal_options){ .dir = path,
	                                             .segment_bytes = 65536,
	                                             .soft_bytes = UINT64_MAX,
	                                             .hard_bytes = UINT64_MAX,
	                                             .retain_bytes = UINT64_MAX },
	                  0, &j, &err));
	for (unsigned n = 0; n < (unsigned)atol(argv[4]); n++)
		append(j, n);
	journal_close(&j);
	must(state_dir_path(d, "checkpoints", NULL, -1, path, sizeof path));
	must(checkpoint_store_open(path, CLOCK_S, &checkpoints, &err));
	position.next = strtoull(argv[5], NULL, 10);
	snprintf(stream, sizeof stream, "{\"task\":%s}", argv[3]);
	if (position.next > 0)
		must(checkpoint_put(checkpoints, argv[2], outflow_text(stream), &position, &generation, &err));
	checkpoint_store_close(&checkpoints);
	state_dir_close(&d);
	return 0;
}
