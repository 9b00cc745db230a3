/* SPDX-License-Identifier: Apache-2.0 */
/* The process itself, under the names that all of Prometheus' client libraries use. */
#include "host/api/metrics_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/* Of /proc/self/stat, by the numbers of proc(5). */
enum { UTIME = 14, STIME = 15, THREADS = 20, STARTTIME = 22, VSIZE = 23, RSS = 24 };

/* Fills fields[3] to fields[RSS]; 0, or -1 where there is no /proc. */
static int read_stat(long long fields[RSS + 1])
{
	char text[1024], *p;
	FILE *f = fopen("/proc/self/stat", "re");
	size_t n;

	if (f == NULL)
		return -1;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = '\0';
	/* The name of the program may hold anything, so what follows it is looked for from the end. */
	p = strrchr(text, ')');
	if (p == NULL || p[1] == '\0')
		return -1;
	p += 2;
	for (int i = 3; i <= RSS; i++) {
		fields[i] = strtoll(p, NULL, 10);
		p = strchr(p, ' ');
		if (p == NULL)
			return -1;
		p++;
	}
	return 0;
}

/* When the machine was started, in seconds since 1970; 0: unknown. */
static long long boot_time(void)
{
	FILE *f = fopen("/proc/stat", "re");
	char line[256];
	long long t = 0;

	while (f != NULL && t == 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "btime ", 6) == 0)
			t = strtoll(line + 6, NULL, 10);
	if (f != NULL)
		fclose(f);
	return t;
}

static int64_t count_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int64_t n = 0;

	if (d == NULL)
		return -1;
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	/* Not the two dots, and not the directory that is being read. */
	return n - 3;
}

static void one(struct rendering *r, const char *name, enum metrics_type type, const char *help, int64_t value,
                unsigned digits)
{
	metrics_begin(&r->text, name, type, help);
	metrics_sample(&r->text, name, NULL, NULL, value, digits);
}

void rendering_process(struct rendering *r)
{
	long long stat[RSS + 1], ticks = sysconf(_SC_CLK_TCK), boot = boot_time();
	struct rlimit files;
	int64_t n_files = count_files();

	if (read_stat(stat) == 0 && ticks > 0) {
		one(r, "process_cpu_seconds_total", METRICS_COUNTER, "Processor time, of user and system, in seconds.",
		    (stat[UTIME] + stat[STIME]) * 1000 / ticks, 3);
		one(r, "process_resident_memory_bytes", METRICS_GAUGE, "Resident memory, pages of files included.",
		    stat[RSS] * sysconf(_SC_PAGESIZE), 0);
		one(r, "process_virtual_memory_bytes", METRICS_GAUGE, "Address space in use.", stat[VSIZE], 0);
		one(r, "process_threads", METRICS_GAUGE, "Threads.", stat[THREADS], 0);
		one(r, "process_start_time_seconds", METRICS_GAUGE, "Start of the process, in seconds since 1970.",
		    boot * 1000 + stat[STARTTIME] * 1000 / ticks, 3);
	}
	if (n_files >= 0)
		one(r, "process_open_fds", METRICS_GAUGE, "Open file descriptors.", n_files, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		one(r, "process_max_fds", METRICS_GAUGE, "Limit of open file descriptors.", (int64_t)files.rlim_cur, 0);
}
