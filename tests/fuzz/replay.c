/* Runs a fuzz target over its saved corpus: the fuzzer's findings as a plain test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (4 * 1024 * 1024)

static int replay(const char *path, uint8_t *input)
{
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		return -1;
	size_t n = fread(input, 1, INPUT_MAX, f);
	fclose(f);
	/* An exact copy, so that reading one byte too far is seen. */
	uint8_t *copy = malloc(n > 0 ? n : 1);
	memcpy(copy, input, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
	char folder[512], path[1024];
	int done = 0;
	uint8_t *input = malloc(INPUT_MAX);

	if (argc > 1)
		snprintf(folder, sizeof(folder), "%s", argv[1]);
	else
		snprintf(folder, sizeof(folder), "tests/fuzz/corpus/%s", name + strlen("fuzz_"));
	DIR *dir = opendir(folder);
	if (dir == NULL) {
		fprintf(stderr, "no corpus in %s\n", folder);
		free(input);
		return 1;
	}
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		done += replay(path, input) == 0;
	}
	closedir(dir);
	free(input);
	printf("%d inputs replayed\n", done);
	return done > 0 ? 0 : 1;
}
