/* SPDX-License-Identifier: Apache-2.0 */
/* journal_tools.h: what outflow journal does with the journal of one task. */
#ifndef HOST_CLI_JOURNAL_TOOLS_H
#define HOST_CLI_JOURNAL_TOOLS_H
#include "host/cli/tool.h"

#include <limits.h>

/* From where, or up to where (included). */
struct journal_bound {
	int given, is_time;
	uint64_t position;
	int64_t time_ms;
};

struct journal_job {
	struct tool *tool;
	const char *pipeline;
	long task;
	char dir[PATH_MAX];
	char *stream; /* the JSON text under which the checkpoint stands; NULL: there is none */
	uint64_t next;
	struct journal_bound from, to;
	int dry_run;
	json_t *answer; /* for --json: an object to fill; else NULL */
};

/* Each looks through the files and prints or fills in the answer. They return an exit status, after saying why it is not
 * EXIT_OK, except for fsck: EXIT_FAILED says that something is damaged. */
int journal_inspect(struct journal_job *job);
int journal_fsck(struct journal_job *job);
int journal_export(struct journal_job *job);
int journal_replay(struct journal_job *job);

#endif
