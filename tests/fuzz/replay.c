/* SPDX-License-Identifier: Apache-2.0 */
/* replay.c: runs a fuzz target on its corpus, or on the files that are given, without a fuzzer. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>

static int run_file(const char *path)
{
	uint8_t *data = malloc(1 << 20), *exact;
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL || data == NULL) {
		perror(path);
		free(data);
		return 1;
	}
	n = fread(data, 1, 1 << 20, f);
	fclose(f);
	exact = realloc(data, n > 0 ? n : 1); /* so that reading on is found out */
	(void)LLVMFuzzerTestOneInput(exact ? exact : data, n);
	free(exact ? exact : data);
	return 0;
}

static int run_folder(const char *folder)
{
	struct dirent *entry;
	char path[4096 + 300];
	int n = 0, failed = 0;
	DIR *dir = opendir(folder);

	if (dir == NULL) {
		perror(folder);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		failed |= run_file(path);
		n++;
	}
	closedir(dir);
	printf("%s: %d inputs\n", fuzz_name, n);
	return failed || n == 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	char folder[4096];
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= run_file(argv[i]);
	if (argc > 1)
		return failed;
	snprintf(folder, sizeof folder, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", fuzz_name);
	return run_folder(folder);
}
