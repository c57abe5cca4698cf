#include "supervisor/peer_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/owner.h"

#define PATH "data/peer-id"

static bool read_file(char out[PEER_FILE_MAX])
{
	int fd = open(PATH, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool good;

	if (f == NULL)
		return false;
	good = fgets(out, PEER_FILE_MAX, f) != NULL;
	fclose(f);
	if (good)
		out[strcspn(out, "\n")] = '\0';
	return good && out[0] != '\0';
}

void peer_file_write(const char *id)
{
	char known[PEER_FILE_MAX];
	FILE *f;

	if (strlen(id) >= PEER_FILE_MAX || (read_file(known) && strcmp(known, id) == 0))
		return;
	owner_mkdir("data", 0700);
	f = owner_rewrite(PATH ".new", 0600);
	if (f == NULL)
		return;
	fprintf(f, "%s\n", id);
	if (fclose(f) == 0)
		rename(PATH ".new", PATH);
}

bool peer_file_read(const char *key_file, char out[PEER_FILE_MAX])
{
	return access(key_file, F_OK) == 0 && read_file(out);
}
