/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet_test.c: pipelines become what they are asked to be, survive the daemon, and one whose plugin hangs holds up no
 * other and no request.
 */
#include "host/base/clock.h"
#include "host/pipeline/errand.h"
#include "host/pipeline/fleet.h"
#include "host/plugin/probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK_NS (10 * CLOCK_S)

struct fixture {
	char dir[64], plugins[100];
	struct host_model host;
	struct environment environment;
	struct state_dir *state_dir;
	struct loaded files;
	struct problems problems;
	struct pipeline_model *models[8];
	struct fleet *fleet;
};

static outflow_error err = { .size = sizeof err };

/* ---- a daemon's inside ---- */

static void read_files(struct fixture *f, const char *text)
{
	assert_int_equal(config_load_text("test.conf", text, &f->files, &f->problems), OUTFLOW_OK);
	assert_int_equal(f->problems.reported, 0);
}

static void open_fleet(struct fixture *f, const char *text)
{
	struct fleet_options options = { .stop_timeout_ns = CLOCK_S };
	char path[PATH_MAX];

	read_files(f, text);
	assert_int_equal(state_dir_open(f->dir, &f->state_dir, &err), OUTFLOW_OK);
	f->environment = (struct environment){ .host = &f->host, .state_dir = f->state_dir };
	snprintf(path, sizeof path, "%s/plugins", f->dir);
	assert_int_equal(inventory_open(f->plugins, path, &f->environment.inventory, &err), OUTFLOW_OK);
	snprintf(path, sizeof path, "%s/checkpoints", f->dir);
	assert_int_equal(checkpoint_store_open(path, CLOCK_S, &f->environment.checkpoints, &err), OUTFLOW_OK);
	for (size_t i = 0; i < f->files.pipelines.n; i++) {
		assert_int_equal(pipeline_model_new(&f->files.pipelines.list[i], &f->files.connections, &f->host,
		                                    f->environment.inventory, &f->problems, &f->models[i]),
		                 OUTFLOW_OK);
		assert_non_null(f->models[i]);
	}
	if (fleet_new(&f->environment, &f->files, f->models, &options, &f->fleet, &err) != OUTFLOW_OK)
		fail_msg("%s", err.msg);
	fleet_start(f->fleet);
}

static void close_fleet(struct fixture *f)
{
	fleet_free(&f->fleet);
	checkpoint_store_close(&f->environment.checkpoints);
	inventory_close(&f->environment.inventory);
	state_dir_close(&f->state_dir);
	loaded_clear(&f->files);
	problems_clear(&f->problems);
	f->files = (struct loaded){ 0 };
	f->problems = (struct problems){ 0 };
}

static void install(const struct fixture *f, const char *plugin)
{
	char to[200], whole[PATH_MAX];

	assert_non_null(realpath(plugin, whole));
	snprintf(to, sizeof to, "%s%s", f->plugins, strrchr(plugin, '/'));
	assert_int_equal(symlink(whole, to), 0);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct loaded nothing = { 0 };

	strcpy(f->dir, "/tmp/outflow-fleet-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(host_model_new(&nothing, &f->host, &f->problems), OUTFLOW_OK);
	snprintf(f->plugins, sizeof f->plugins, "%s/used", f->dir);
	assert_int_equal(mkdir(f->plugins, 0700), 0);
	install(f, ".libs/event.so");
	install(f, ".libs/null.so");
	install(f, "tests/plug/.libs/hanging.so");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	close_fleet(f);
	host_model_clear(&f->host);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* ---- asking ---- */

/* Keys and values, ended by NULL. */
static struct settings settings_of(const char *first, ...)
{
	struct settings s = { 0 };
	va_list args;

	va_start(args, first);
	for (const char *key = first; key != NULL; key = va_arg(args, const char *))
		assert_int_equal(settings_set(&s, key, va_arg(args, const char *), NULL, 0), OUTFLOW_OK);
	va_end(args);
	return s;
}

#define WORKING "source.class", "hanging", "sink.class", "null"

static enum fleet_answer put(struct fixture *f, const char *name, struct settings s)
{
	enum fleet_answer answer = fleet_put(f->fleet, name, &s, CHECK_NS, &f->problems, &err);

	settings_clear(&s);
	return answer;
}

static enum fleet_answer create(struct fixture *f, const char *name, struct settings s, enum pipeline_target target)
{
	enum fleet_answer answer = fleet_create(f->fleet, name, &s, target, CHECK_NS, &f->problems, &err);

	settings_clear(&s);
	return answer;
}

static enum pipeline_state state_of(struct fixture *f, const char *name)
{
	struct pipeline_snapshot *s;
	enum pipeline_state state;

	assert_int_equal(fleet_look(f->fleet, name, &s), FLEET_OK);
	state = s->state;
	pipeline_snapshot_free(&s);
	return state;
}

static void turn(void)
{
	nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
}

static void wait_for(struct fixture *f, const char *name, enum pipeline_state state)
{
	int64_t deadline = clock_mono_ns() + 20 * CLOCK_S;

	while (state_of(f, name) != state) {
		if (clock_mono_ns() > deadline)
			fail_msg("%s is %s, not %s", name, pipeline_state_name(state_of(f, name)),
			         pipeline_state_name(state));
		turn();
	}
}

static void assert_reason(struct fixture *f, const char *name, const char *part)
{
	struct pipeline_snapshot *s;

	assert_int_equal(fleet_look(f->fleet, name, &s), FLEET_OK);
	if (strstr(s->reason, part) == NULL)
		fail_msg("the reason of %s is '%s'", name, s->reason);
	pipeline_snapshot_free(&s);
}

static void wait_for_reason(struct fixture *f, const char *name, const char *part)
{
	for (int64_t deadline = clock_mono_ns() + 20 * CLOCK_S; clock_mono_ns() < deadline; turn()) {
		struct pipeline_snapshot *s;
		int is_there;

		assert_int_equal(fleet_look(f->fleet, name, &s), FLEET_OK);
		is_there = strstr(s->reason, part) != NULL;
		pipeline_snapshot_free(&s);
		if (is_there)
			return;
	}
	assert_reason(f, name, part);
}

static int has_setting(struct fixture *f, const char *name, const char *key, const char *value)
{
	struct pipeline_snapshot *s;
	int is_so;

	assert_int_equal(fleet_look(f->fleet, name, &s), FLEET_OK);
	is_so = strcmp(settings_get(&s->settings, key), value) == 0;
	pipeline_snapshot_free(&s);
	return is_so;
}

static void assert_setting(struct fixture *f, const char *name, const char *key, const char *value)
{
	struct pipeline_snapshot *s;

	assert_int_equal(fleet_look(f->fleet, name, &s), FLEET_OK);
	assert_string_equal(settings_get(&s->settings, key), value);
	pipeline_snapshot_free(&s);
}

static size_t count(struct fixture *f)
{
	size_t n;
	struct pipeline_snapshot **list = fleet_look_all(f->fleet, &n);

	for (size_t i = 0; i < n; i++)
		pipeline_snapshot_free(&list[i]);
	free(list);
	return n;
}

/* ---- what they do ---- */

static void a_created_pipeline_goes_through_its_life(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	assert_int_equal(create(f, "a", settings_of(WORKING, NULL), TARGET_STOPPED), FLEET_OK);
	assert_int_equal(state_of(f, "a"), PIPELINE_READY);
	assert_int_equal(create(f, "a", settings_of(WORKING, NULL), TARGET_STOPPED), FLEET_EXISTS);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_RUNNING, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_PAUSED, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_PAUSED);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_RUNNING, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_STOPPED, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_READY);
	assert_int_equal(fleet_delete(f->fleet, "a", 1, &err), FLEET_OK);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_RUNNING, &err), FLEET_UNKNOWN);
	assert_int_equal(count(f), 0);
}

static void a_wrong_configuration_changes_nothing(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	assert_int_equal(put(f, "a", settings_of(WORKING, "source.att", "poll", NULL)), FLEET_INVALID);
	assert_int_equal(f->problems.n, 1);
	assert_string_equal(f->problems.list[0].key, "source.att");
	assert_int_equal(put(f, "a", settings_of(WORKING, "name", "b", NULL)), FLEET_INVALID);
	assert_int_equal(count(f), 0);
	assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_CREATED);
	assert_int_equal(put(f, "a", settings_of(WORKING, "tasks.max", "x", NULL)), FLEET_INVALID);
	wait_for(f, "a", PIPELINE_RUNNING);
}

static void what_was_asked_for_survives(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	assert_int_equal(put(f, "runs", settings_of(WORKING, NULL)), FLEET_CREATED);
	assert_int_equal(put(f, "edited", settings_of(WORKING, NULL)), FLEET_CREATED);
	assert_int_equal(put(f, "edited", settings_of(WORKING, "description", "new", NULL)), FLEET_OK);
	assert_int_equal(create(f, "paused", settings_of(WORKING, NULL), TARGET_PAUSED), FLEET_OK);
	assert_int_equal(create(f, "stopped", settings_of(WORKING, NULL), TARGET_STOPPED), FLEET_OK);
	assert_int_equal(put(f, "gone", settings_of(WORKING, NULL)), FLEET_CREATED);
	assert_int_equal(fleet_delete(f->fleet, "gone", 0, &err), FLEET_OK);
	close_fleet(f);
	open_fleet(f, "");
	assert_int_equal(count(f), 4);
	wait_for(f, "runs", PIPELINE_RUNNING);
	wait_for(f, "edited", PIPELINE_RUNNING);
	wait_for(f, "paused", PIPELINE_PAUSED);
	wait_for(f, "stopped", PIPELINE_READY);
	assert_setting(f, "edited", "description", "new");
}

static void an_edit_that_does_not_start_goes_back(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	assert_int_equal(put(f, "a", settings_of(WORKING, "description", "good", NULL)), FLEET_CREATED);
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(put(f, "a", settings_of(WORKING, "description", "bad", "source.fails", "true", NULL)),
	                 FLEET_OK);
	wait_for_reason(f, "a", "could not be started");
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_reason(f, "a", "it shall fail");
	assert_setting(f, "a", "description", "good");
	close_fleet(f);
	open_fleet(f, "");
	assert_setting(f, "a", "description", "good");
	wait_for(f, "a", PIPELINE_RUNNING);
}

static void one_that_cannot_start_says_why_and_is_tried_again(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	assert_int_equal(put(f, "a", settings_of(WORKING, "source.fails", "true", NULL)), FLEET_CREATED);
	wait_for(f, "a", PIPELINE_STARTING_FAILED);
	assert_reason(f, "a", "it shall fail");
	assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_OK);
	wait_for(f, "a", PIPELINE_RUNNING);
}

static void the_same_name_begins_after_the_old_one_has_ended(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_CREATED);
		if (i % 2 == 0)
			wait_for(f, "a", PIPELINE_RUNNING);
		assert_int_equal(fleet_delete(f->fleet, "a", i % 3 == 0, &err), FLEET_OK);
	}
	assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_CREATED);
	wait_for(f, "a", PIPELINE_RUNNING);
}

/* ---- plugins that hang ---- */

static void let_go(const struct fixture *f)
{
	char path[100];
	int fd;

	snprintf(path, sizeof path, "%s/go", f->dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static struct settings hanging(const struct fixture *f, const char *where)
{
	char path[100];

	snprintf(path, sizeof path, "%s/go", f->dir);
	return settings_of(WORKING, "source.at", where, "source.until", path, NULL);
}

static void a_check_that_hangs_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct settings s;
	int64_t begun = clock_mono_ns();

	open_fleet(f, "");
	s = hanging(f, "check");
	assert_int_equal(fleet_create(f->fleet, "a", &s, TARGET_RUNNING, CLOCK_S / 5, &f->problems, &err),
	                 FLEET_TIMEOUT);
	assert_true(clock_mono_ns() - begun < 10 * CLOCK_S);
	settings_clear(&s);
	assert_int_equal(count(f), 0);
	assert_int_equal(put(f, "b", settings_of(WORKING, NULL)), FLEET_CREATED);
	wait_for(f, "b", PIPELINE_RUNNING);
	assert_int_equal(errands_abandoned(), 1);
	let_go(f);
	while (errands_abandoned() > 0)
		turn();
}

static void one_that_hangs_holds_up_no_other(void **state)
{
	static const char *const places[] = { "create", "start", "poll", "interrupt", "stop" };
	struct fixture *f = *state;

	open_fleet(f, "");
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(put(f, places[i], hanging(f, places[i])), FLEET_CREATED);
	wait_for(f, "interrupt", PIPELINE_RUNNING);
	wait_for(f, "stop", PIPELINE_RUNNING);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(fleet_aim(f->fleet, places[i], TARGET_STOPPED, &err), FLEET_OK);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(state_of(f, places[i]), PIPELINE_STOPPING);
	assert_int_equal(put(f, "other", settings_of(WORKING, NULL)), FLEET_CREATED);
	wait_for(f, "other", PIPELINE_RUNNING);
	assert_int_equal(fleet_aim(f->fleet, "other", TARGET_STOPPED, &err), FLEET_OK);
	wait_for(f, "other", PIPELINE_READY);
	let_go(f);
	for (size_t i = 0; i < 5; i++)
		wait_for(f, places[i], PIPELINE_READY);
}

/* ---- files ---- */

#define PIPELINE(NAME, MORE)                                                                                           \
	"{ name = \"" NAME "\"; source = { class = \"hanging\"; }; sink = { class = \"null\"; }; " MORE " }"
#define PIPELINES(LIST) "pipelines = ( " LIST " );"

static enum fleet_answer declare(struct fixture *f, const char *text, int apply, const char *hash,
                                 struct fleet_plan *plan)
{
	struct loaded files = { 0 };
	enum fleet_answer answer;

	*plan = (struct fleet_plan){ 0 };
	assert_int_equal(config_load_text("test.conf", text, &files, &f->problems), OUTFLOW_OK);
	answer = fleet_declare(f->fleet, &files, apply, hash, CHECK_NS, plan, &f->problems, &err);
	loaded_clear(&files);
	return answer;
}

static void assert_change(const struct fleet_plan *plan, size_t i, const char *name, int kind)
{
	assert_true(i < plan->n);
	assert_string_equal(plan->list[i].name, name);
	assert_int_equal(plan->list[i].kind, kind);
}

static void files_read_anew_change_what_differs(void **state)
{
	struct fixture *f = *state;
	struct fleet_plan plan;
	char hash[17];

	open_fleet(f, PIPELINES(PIPELINE("a", "") ", " PIPELINE("b", "") ", " PIPELINE("c", "")));
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(
		declare(f,
	                PIPELINES(PIPELINE("b", "") ", " PIPELINE("c", "tasks = { max = 2; };") ", " PIPELINE("d", "")),
	                0, NULL, &plan),
		FLEET_OK);
	assert_int_equal(plan.n, 4);
	assert_change(&plan, 0, "a", CHANGE_REMOVED);
	assert_change(&plan, 1, "b", CHANGE_NONE);
	assert_change(&plan, 2, "c", CHANGE_CHANGED);
	assert_change(&plan, 3, "d", CHANGE_ADDED);
	strcpy(hash, plan.hash);
	fleet_plan_clear(&plan);
	assert_int_equal(count(f), 3);
	assert_int_equal(declare(f, PIPELINES(PIPELINE("b", "")), 1, hash, &plan), FLEET_EXISTS);
	fleet_plan_clear(&plan);
	assert_int_equal(count(f), 3);
	assert_int_equal(
		declare(f,
	                PIPELINES(PIPELINE("b", "") ", " PIPELINE("c", "tasks = { max = 2; };") ", " PIPELINE("d", "")),
	                1, hash, &plan),
		FLEET_OK);
	fleet_plan_clear(&plan);
	wait_for(f, "b", PIPELINE_RUNNING);
	wait_for(f, "c", PIPELINE_RUNNING);
	wait_for(f, "d", PIPELINE_RUNNING);
	assert_setting(f, "c", "tasks.max", "2");
	assert_int_equal(count(f), 3);
}

static void bad_files_change_nothing_at_all(void **state)
{
	struct fixture *f = *state;
	struct fleet_plan plan;

	open_fleet(f, PIPELINES(PIPELINE("a", "")));
	assert_int_equal(put(f, "created", settings_of(WORKING, NULL)), FLEET_CREATED);
	assert_int_equal(declare(f, PIPELINES(PIPELINE("b", "") ", " PIPELINE("c", "tusks = 2;")), 1, NULL, &plan),
	                 FLEET_INVALID);
	fleet_plan_clear(&plan);
	assert_int_equal(declare(f, PIPELINES(PIPELINE("created", "")), 1, NULL, &plan), FLEET_INVALID);
	fleet_plan_clear(&plan);
	assert_int_equal(count(f), 2);
	wait_for(f, "a", PIPELINE_RUNNING);
	wait_for(f, "created", PIPELINE_RUNNING);
}

static void declared_ones_are_changed_in_their_file_only(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, PIPELINES(PIPELINE("a", "")));
	assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_DECLARED);
	assert_int_equal(fleet_delete(f->fleet, "a", 0, &err), FLEET_DECLARED);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_STOPPED, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_READY);
	close_fleet(f);
	open_fleet(f, PIPELINES(PIPELINE("a", "")));
	wait_for(f, "a", PIPELINE_READY);
	close_fleet(f);
	/* Its file said running then, and says something new now. */
	open_fleet(f, PIPELINES(PIPELINE("a", "state = \"stopped\";")));
	close_fleet(f);
	open_fleet(f, PIPELINES(PIPELINE("a", "")));
	wait_for(f, "a", PIPELINE_READY);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_RUNNING, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_RUNNING);
}

/* ---- connections ---- */

static void a_connection_is_used_changed_and_kept(void **state)
{
	struct fixture *f = *state;
	struct settings c = settings_of("class", "hanging", "at", "nowhere", NULL);
	struct settings d = settings_of("class", "hanging", "at", "nowhere", "fails", "false", NULL);
	struct connection_snapshot **list;
	size_t n;

	open_fleet(f, "");
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &c, 0, CHECK_NS, &f->problems, &err), FLEET_CREATED);
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &c, 0, CHECK_NS, &f->problems, &err), FLEET_EXISTS);
	assert_int_equal(put(f, "a", settings_of("source.connection", "plant", "sink.class", "null", NULL)),
	                 FLEET_CREATED);
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(fleet_delete_connection(f->fleet, "plant", &err), FLEET_IN_USE);
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &d, 1, CHECK_NS, &f->problems, &err), FLEET_OK);
	close_fleet(f);
	open_fleet(f, "");
	wait_for(f, "a", PIPELINE_RUNNING);
	list = fleet_look_connections(f->fleet, &n);
	assert_int_equal(n, 1);
	assert_string_equal(settings_get(&list[0]->settings, "fails"), "false");
	assert_int_equal(list[0]->n_used_by, 1);
	connection_snapshot_free(&list[0]);
	free(list);
	assert_int_equal(fleet_delete(f->fleet, "a", 0, &err), FLEET_OK);
	assert_int_equal(fleet_delete_connection(f->fleet, "plant", &err), FLEET_OK);
	assert_int_equal(fleet_delete_connection(f->fleet, "plant", &err), FLEET_UNKNOWN);
	settings_clear(&c);
	settings_clear(&d);
}

static struct settings using_plant(const char *description)
{
	return settings_of("source.connection", "plant", "sink.class", "null", "description", description, NULL);
}

static void a_wrong_key_of_a_connection_is_refused(void **state)
{
	struct fixture *f = *state;
	struct settings bad = settings_of("class", "hanging", "att", "poll", NULL);
	struct connection_snapshot **list;
	struct reachability result;
	size_t n;

	open_fleet(f, "");
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &bad, 0, CHECK_NS, &f->problems, &err), FLEET_INVALID);
	assert_int_equal(f->problems.n, 1);
	assert_string_equal(f->problems.list[0].key, "att");
	assert_int_equal(fleet_test_connection(f->fleet, "plant", &bad, CLOCK_S, &result, &f->problems, &err),
	                 FLEET_INVALID);
	assert_int_equal(fleet_test_connection(f->fleet, "plant", NULL, CLOCK_S, &result, &f->problems, &err),
	                 FLEET_UNKNOWN);
	list = fleet_look_connections(f->fleet, &n);
	assert_int_equal(n, 0);
	free(list);
	settings_clear(&bad);
}

static void a_connection_that_does_not_work_takes_no_setting_away(void **state)
{
	struct fixture *f = *state;
	struct settings good = settings_of("class", "hanging", NULL);
	struct settings bad = settings_of("class", "hanging", "fails", "true", NULL);

	open_fleet(f, "");
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &good, 0, CHECK_NS, &f->problems, &err),
	                 FLEET_CREATED);
	assert_int_equal(put(f, "a", using_plant("mine")), FLEET_CREATED);
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &bad, 1, CHECK_NS, &f->problems, &err), FLEET_OK);
	wait_for_reason(f, "a", "could not be started");
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_setting(f, "a", "description", "mine");
	settings_clear(&good);
	settings_clear(&bad);
}

static void the_second_bad_edit_goes_back_to_what_worked(void **state)
{
	struct fixture *f = *state;

	open_fleet(f, "");
	assert_int_equal(put(f, "a", settings_of(WORKING, "description", "good", NULL)), FLEET_CREATED);
	wait_for(f, "a", PIPELINE_RUNNING);
	assert_int_equal(put(f, "a", settings_of(WORKING, "description", "bad", "source.fails", "true", NULL)),
	                 FLEET_OK);
	assert_int_equal(put(f, "a", settings_of(WORKING, "description", "worse", "source.fails", "true", NULL)),
	                 FLEET_OK);
	/* The reason may be that of the first. */
	for (int64_t deadline = clock_mono_ns() + 20 * CLOCK_S; !has_setting(f, "a", "description", "good"); turn())
		if (clock_mono_ns() > deadline)
			break;
	assert_setting(f, "a", "description", "good");
	wait_for_reason(f, "a", "could not be started");
	wait_for(f, "a", PIPELINE_RUNNING);
}

struct changing {
	struct fixture *f;
	struct settings settings;
	enum fleet_answer answer;
};

static void *change_plant(void *arg)
{
	struct changing *c = arg;
	outflow_error why = { .size = sizeof why };
	struct problems problems = { 0 };

	c->answer = fleet_put_connection(c->f->fleet, "plant", &c->settings, 1, CHECK_NS, &problems, &why);
	problems_clear(&problems);
	return NULL;
}

static void get_version(struct fixture *f, const char *name, char *version)
{
	struct pipeline_snapshot *s;

	assert_int_equal(fleet_look(f->fleet, name, &s), FLEET_OK);
	strcpy(version, s->version);
	pipeline_snapshot_free(&s);
}

static void an_edit_during_a_change_of_its_connection_is_not_lost(void **state)
{
	struct fixture *f = *state;
	struct settings plant = settings_of("class", "hanging", NULL);
	struct changing c = { .f = f };
	char path[100], during[9], again[9];
	pthread_t thread;

	open_fleet(f, "");
	snprintf(path, sizeof path, "%s/go", f->dir);
	c.settings = settings_of("class", "hanging", "at", "check", "until", path, NULL);
	snprintf(path, sizeof path, "%s/go.waits", f->dir);
	assert_int_equal(fleet_put_connection(f->fleet, "plant", &plant, 0, CHECK_NS, &f->problems, &err),
	                 FLEET_CREATED);
	assert_int_equal(put(f, "a", using_plant("old")), FLEET_CREATED);
	assert_int_equal(pthread_create(&thread, NULL, change_plant, &c), 0);
	while (access(path, F_OK) != 0)
		turn();
	assert_int_equal(put(f, "a", using_plant("new")), FLEET_OK);
	let_go(f);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(c.answer, FLEET_OK);
	get_version(f, "a", during);
	assert_int_equal(put(f, "a", using_plant("new")), FLEET_OK);
	get_version(f, "a", again);
	assert_string_equal(during, again);
	settings_clear(&plant);
	settings_clear(&c.settings);
}

/* ---- positions ---- */

static enum fleet_answer note_call(void *ctx)
{
	++*(int *)ctx;
	return FLEET_OK;
}

static void positions_are_changed_only_while_it_is_stopped(void **state)
{
	struct fixture *f = *state;
	int calls = 0;

	open_fleet(f, "");
	assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_CREATED);
	assert_int_equal(fleet_while_stopped(f->fleet, "a", note_call, &calls, &err), FLEET_NOT_STOPPED);
	assert_int_equal(fleet_while_stopped(f->fleet, "b", note_call, &calls, &err), FLEET_UNKNOWN);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_STOPPED, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_READY);
	assert_int_equal(fleet_while_stopped(f->fleet, "a", note_call, &calls, &err), FLEET_OK);
	assert_int_equal(calls, 1);
}

static void sum_offset(void *ctx, const struct fleet_offset *offset)
{
	assert_non_null(strstr(offset->partition, "{\"part\":"));
	*(uint64_t *)ctx += offset->next;
}

static void positions_of_upstream_are_the_plugins_word(void **state)
{
	static char second[] = "{\"part\":1}";
	struct fleet_offset wanted = { second, 3, 0 };
	struct fixture *f = *state;
	uint64_t sum = 0;

	open_fleet(f, "");
	assert_int_equal(put(f, "a", settings_of(WORKING, "source.fails", "true", NULL)), FLEET_CREATED);
	assert_int_equal(fleet_list_offsets(f->fleet, "a", CHECK_NS, sum_offset, &sum, &err), FLEET_OK);
	assert_int_equal(sum, 15);
	assert_int_equal(fleet_list_offsets(f->fleet, "b", CHECK_NS, sum_offset, &sum, &err), FLEET_UNKNOWN);
	assert_int_equal(fleet_alter_offsets(f->fleet, "a", &wanted, 1, CHECK_NS, &err), FLEET_NOT_STOPPED);
	assert_int_equal(fleet_reset_offsets(f->fleet, "a", CHECK_NS, &err), FLEET_NOT_STOPPED);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_STOPPED, &err), FLEET_OK);
	wait_for(f, "a", PIPELINE_READY);
	assert_int_equal(fleet_alter_offsets(f->fleet, "a", &wanted, 1, CHECK_NS, &err), FLEET_INVALID);
	assert_string_equal(err.msg, "a shall fail");
	assert_int_equal(put(f, "a", settings_of(WORKING, NULL)), FLEET_OK);
	assert_int_equal(fleet_alter_offsets(f->fleet, "a", &wanted, 1, CHECK_NS, &err), FLEET_OK);
	assert_int_equal(fleet_reset_offsets(f->fleet, "a", CHECK_NS, &err), FLEET_OK);
}

struct resetting {
	struct fixture *f;
	int64_t timeout_ns;
	enum fleet_answer answer;
	outflow_error err;
};

static void *reset_positions(void *arg)
{
	struct resetting *r = arg;

	r->err.size = sizeof r->err;
	r->answer = fleet_reset_offsets(r->f->fleet, "a", r->timeout_ns, &r->err);
	return NULL;
}

static void begin_reset(struct resetting *r, pthread_t *thread)
{
	char path[100];

	assert_int_equal(pthread_create(thread, NULL, reset_positions, r), 0);
	snprintf(path, sizeof path, "%s/go.waits", r->f->dir);
	while (access(path, F_OK) != 0)
		turn();
}

static void nothing_runs_while_its_positions_are_changed(void **state)
{
	struct fixture *f = *state;
	struct resetting r = { .f = f, .timeout_ns = CHECK_NS };
	struct pipeline_snapshot *s;
	pthread_t thread;

	open_fleet(f, "");
	assert_int_equal(create(f, "a", hanging(f, "offsets"), TARGET_STOPPED), FLEET_OK);
	begin_reset(&r, &thread);
	assert_int_equal(fleet_aim(f->fleet, "a", TARGET_RUNNING, &err), FLEET_OK);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(fleet_look(f->fleet, "a", &s), FLEET_OK);
		assert_int_equal(s->n_tasks, 0);
		assert_int_equal(s->state, PIPELINE_STARTING);
		pipeline_snapshot_free(&s);
		turn();
	}
	let_go(f);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r.answer, FLEET_OK);
	wait_for(f, "a", PIPELINE_RUNNING);
}

static void a_plugin_that_hangs_with_positions_is_given_up(void **state)
{
	struct fixture *f = *state;
	struct resetting r = { .f = f, .timeout_ns = 300 * CLOCK_MS };
	int64_t begin = clock_mono_ns();
	pthread_t thread;

	open_fleet(f, "");
	assert_int_equal(create(f, "a", hanging(f, "offsets"), TARGET_STOPPED), FLEET_OK);
	begin_reset(&r, &thread);
	/* It is in the way of nothing: another one begins, and the pipeline goes away in the midst of it. */
	assert_int_equal(put(f, "b", settings_of(WORKING, NULL)), FLEET_CREATED);
	wait_for(f, "b", PIPELINE_RUNNING);
	assert_int_equal(fleet_delete(f->fleet, "a", 0, &err), FLEET_OK);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r.answer, FLEET_TIMEOUT);
	assert_non_null(
		strstr(r.err.msg, "the positions were not changed within 0.3 s: a plugin's code does not return"));
	assert_true(clock_mono_ns() - begin < 8 * CLOCK_S);
	assert_int_equal(errands_abandoned(), 1);
	let_go(f);
	while (errands_abandoned() > 0)
		turn();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_created_pipeline_goes_through_its_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_configuration_changes_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_asked_for_survives, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_edit_that_does_not_start_goes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_cannot_start_says_why_and_is_tried_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_name_begins_after_the_old_one_has_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_check_that_hangs_is_given_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_that_hangs_holds_up_no_other, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_read_anew_change_what_differs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bad_files_change_nothing_at_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(declared_ones_are_changed_in_their_file_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_connection_is_used_changed_and_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_key_of_a_connection_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_connection_that_does_not_work_takes_no_setting_away, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(the_second_bad_edit_goes_back_to_what_worked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_edit_during_a_change_of_its_connection_is_not_lost, set_up,
		                                tear_down),
		cmocka_unit_test_setup_teardown(positions_are_changed_only_while_it_is_stopped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(positions_of_upstream_are_the_plugins_word, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_runs_while_its_positions_are_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_plugin_that_hangs_with_positions_is_given_up, set_up, tear_down),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
