/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/server.h"
#include "host/base/clock.h"
#include "host/base/io.h"
#include "host/cli/doctor.h"
#include "host/cli/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
/* Less room than this is soon gone, and this is gone. */
#define LITTLE_BYTES GIB
#define NOTHING_BYTES (64 * MIB)
/* A disk that takes longer to take a few bytes for good slows down every checkpoint. */
#define SLOW_NS (100 * CLOCK_MS)
/* Of the daemon itself, and of one task, with a generous count of brokers. */
#define FILES_DAEMON 64u
#define FILES_TASK 32u

/* ---- program ---- */

void doctor_check_program(struct doctor *d)
{
	struct utsname system = { 0 };
	char why[400];
	const char *curl = transfer_library(why, sizeof why);

	d->checkup.area = AREA_ENVIRONMENT;
	(void)uname(&system);
	checkup_add(&d->checkup, VERDICT_OK, "program", NULL, "outflow %s, plugin ABI %u.%u, %s %s %s", PACKAGE_VERSION,
	            OUTFLOW_ABI_MAJOR, OUTFLOW_ABI_MINOR, system.sysname, system.release, system.machine);
	checkup_add(&d->checkup, VERDICT_OK, "libraries", NULL, "libconfig %s, jansson %s, libmicrohttpd %s",
	            config_library(), jansson_version_str(), server_library());
	if (curl != NULL)
		checkup_add(&d->checkup, VERDICT_OK, "libcurl", NULL, "%.*s", (int)strcspn(curl, " "), curl);
	else
		checkup_add(&d->checkup, VERDICT_WARNING, "libcurl",
		            "install libcurl: without it commands cannot speak to a daemon", "%s", why);
}

/* ---- state directory ---- */

/* The kind of file system that a path is on: that of the longest mount point that it is below. */
static void find_file_system(const char *path, char *kind, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	const struct mntent *m;
	size_t longest = 0;

	snprintf(kind, size, "an unknown file system");
	while (mounts != NULL && (m = getmntent(mounts)) != NULL) {
		size_t n = strlen(m->mnt_dir);

		if (n > 1 && strncmp(path, m->mnt_dir, n) == 0 && path[n] != '/' && path[n] != '\0')
			continue;
		/* A later mount hides an earlier one at the same place. */
		if (strncmp(path, m->mnt_dir, n) == 0 && n >= longest) {
			longest = n;
			snprintf(kind, size, "%s", m->mnt_type);
		}
	}
	if (mounts != NULL)
		endmntent(mounts);
}

static void check_file_system(struct doctor *d, const char *path)
{
	static const struct {
		const char *kind, *what, *cure;
	} bad[] = {
		{ "tmpfs", "is gone after a reboot", "choose a directory on a disk: --state-dir, state.dir" },
		{ "ramfs", "is gone after a reboot", "choose a directory on a disk: --state-dir, state.dir" },
		{ "overlay", "goes with its container", "mount a volume there" },
		{ "nfs", "depends on a server, for locks, too", "choose a directory on a local disk" },
		{ "nfs4", "depends on a server, for locks, too", "choose a directory on a local disk" },
		{ "cifs", "depends on a server, for locks, too", "choose a directory on a local disk" },
		{ "9p", "depends on another machine, for locks, too", "choose a directory on a local disk" },
	};
	char whole[PATH_MAX], kind[64];

	if (realpath(path, whole) == NULL)
		return;
	find_file_system(whole, kind, sizeof kind);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (strcmp(kind, bad[i].kind) == 0) {
			checkup_add(&d->checkup, VERDICT_WARNING, "file system", bad[i].cure, "%s is on %s: it %s",
			            path, kind, bad[i].what);
			return;
		}
	checkup_add(&d->checkup, VERDICT_OK, "file system", NULL, "%s is on %s", path, kind);
}

static void check_room(struct doctor *d, const char *path)
{
	static const char cure[] = "make room, or lower journal.hard.bytes: a full disk stops what MQTT brokers send";
	struct statvfs s;
	uint64_t left;

	if (statvfs(path, &s) != 0)
		return;
	left = (uint64_t)s.f_bavail * s.f_frsize;
	checkup_add(&d->checkup,
	            left < NOTHING_BYTES  ? VERDICT_FAILED
	            : left < LITTLE_BYTES ? VERDICT_WARNING
	                                  : VERDICT_OK,
	            "room", left < LITTLE_BYTES ? cure : NULL, "%.1f GiB are left of %.1f", (double)left / (double)GIB,
	            (double)s.f_blocks * (double)s.f_frsize / (double)GIB);
}

/* Writes and syncs a file of its own there. 0, or an errno. */
static int try_to_write(const char *path, int64_t *took_ns)
{
	int64_t begun = clock_mono_ns();
	char name[PATH_MAX];
	int fd, code;

	snprintf(name, sizeof name, "%s/doctor-XXXXXX", path);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return errno;
	code = io_write_all(fd, "written by outflow doctor\n", 26, 0) != 0 || fsync(fd) != 0 ? errno : 0;
	close(fd);
	(void)unlink(name);
	*took_ns = clock_mono_ns() - begun;
	return code;
}

/* The directory does not exist: can it be made? */
static void check_parent(struct doctor *d, const char *path)
{
	char parent[PATH_MAX];
	char *slash;

	snprintf(parent, sizeof parent, "%s", path);
	while (access(parent, F_OK) != 0 && (slash = strrchr(parent, '/')) != NULL && slash > parent)
		*slash = '\0';
	if (access(parent, F_OK) != 0)
		snprintf(parent, sizeof parent, "%s", *path == '/' ? "/" : ".");
	if (access(parent, W_OK | X_OK) == 0)
		checkup_add(&d->checkup, VERDICT_OK, "state directory", NULL, "%s is made when the daemon starts",
		            path);
	else
		checkup_add(&d->checkup, VERDICT_FAILED, "state directory",
		            "make it, for the user that the daemon runs as, or choose another: --state-dir, state.dir",
		            "%s does not exist and cannot be made below %s: %s", path, parent, strerror(errno));
	check_file_system(d, parent);
	check_room(d, parent);
}

void doctor_check_state_dir(struct doctor *d)
{
	const char *path = d->configuration.host.state_dir;
	int64_t took_ns = 0;
	int code;

	d->checkup.area = AREA_ENVIRONMENT;
	if (access(path, F_OK) != 0) {
		check_parent(d, path);
		return;
	}
	code = try_to_write(path, &took_ns);
	if (code != 0) {
		checkup_add(&d->checkup, VERDICT_FAILED, "state directory",
		            "give it to the user that the daemon runs as, or run this as that user",
		            "%s cannot be written: %s", path, strerror(code));
	} else {
		checkup_add(&d->checkup, took_ns > SLOW_NS ? VERDICT_WARNING : VERDICT_OK, "state directory",
		            took_ns > SLOW_NS ? "checkpoints and journal.sync wait for this disk: choose a faster one"
		                              : NULL,
		            "%s, written and synced in %.1f ms", path, (double)took_ns / 1e6);
	}
	check_file_system(d, path);
	check_room(d, path);
}

/* ---- open files ---- */

/* The daemon that wrote its number into the state directory last; 0: none. */
static long daemon_number(const struct doctor *d)
{
	char path[PATH_MAX];
	long number = 0;
	FILE *file;

	snprintf(path, sizeof path, "%s/lock", d->configuration.host.state_dir);
	file = d->daemon_answers ? fopen(path, "re") : NULL;
	if (file != NULL && fscanf(file, "%ld", &number) != 1)
		number = 0;
	if (file != NULL)
		fclose(file);
	return number;
}

void doctor_check_open_files(struct doctor *d)
{
	const struct configuration *c = &d->configuration;
	struct rlimit limit = { 0 };
	long number = daemon_number(d);
	int is_daemons = number > 0 && prlimit((pid_t)number, RLIMIT_NOFILE, NULL, &limit) == 0;
	uint64_t needed = FILES_DAEMON + 2 * c->host.api.connections_max;

	for (size_t i = 0; i < c->n_pipelines; i++)
		needed += (uint64_t)FILES_TASK * c->pipelines[i]->tasks_max;
	d->checkup.area = AREA_ENVIRONMENT;
	if (!is_daemons && getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	if (limit.rlim_cur < needed)
		checkup_add(&d->checkup, VERDICT_WARNING, "open files",
		            "raise it: LimitNOFILE= of the systemd unit, or `ulimit -n` before the start",
		            "%s may open %llu, and this configuration may need some %llu",
		            is_daemons ? "the daemon" : "a program", (unsigned long long)limit.rlim_cur,
		            (unsigned long long)needed);
	else
		checkup_add(&d->checkup, VERDICT_OK, "open files", NULL, "%s may open %llu",
		            is_daemons ? "the daemon" : "a program", (unsigned long long)limit.rlim_cur);
}
