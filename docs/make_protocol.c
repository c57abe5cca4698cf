/* Prints docs/PROTOCOL.md from the lists in proto/: what the services say to one another. */
#include <stdio.h>

#include "proto/link.h"
#include "proto/links.h"
#include "proto/messages.h"
#include "proto/protocols.h"

static void print_set(unsigned set)
{
	const char *comma = "";

	for (int s = 0; s < SERVICE_COUNT; s++) {
		if ((set & (1u << s)) == 0)
			continue;
		printf("%s%s", comma, s == SERVICE_SUPERVISOR ? "supervisor" : service_name(s) + 4);
		comma = ", ";
	}
}

static void print_message(
    int number, const char *name, unsigned from, unsigned to, size_t max, const char *payload)
{
	printf("| %d | `%s` | ", number, name);
	print_set(from);
	printf(" | ");
	print_set(to);
	printf(" | %zu | %s |\n", max, payload[0] != '\0' ? payload : "nothing");
}

static void print_messages(void)
{
	printf("## Messages\n\n| # | name | from | to | largest | payload "
	       "|\n|---|---|---|---|---|---|\n");
#define M(number, NAME, from, to, max, payload)                                                    \
	print_message(number, #NAME, from, to, max, payload);
	MESSAGES(M)
#undef M
}

static void print_links(void)
{
	printf("\n## Links\n\n| connects | binds | endpoint | slab |\n|---|---|---|---|\n");
	for (size_t i = 0; i < link_places(); i++) {
		const struct link_place *p = link_place(i);
		printf("| %s | %s | `%s` | %s |\n", service_name(p->connects),
		    service_name(p->binds), p->endpoint, p->slab ? "yes" : "no");
	}
}

static void print_protocols(void)
{
	printf(
	    "\n## Stream protocols\n\n| # | id | owner | inbound at once |\n|---|---|---|---|\n");
	for (int p = 1; p < PROTOCOL_COUNT; p++)
		printf("| %d | `%s` | %s | %u |\n", p, protocol_id(p),
		    service_name(protocol_owner(p)), protocol_limit(p));
}

int main(void)
{
	printf(
	    "# What the processes say to one another\n\n"
	    "Made from `proto/messages.h`, `proto/links.h` and `proto/protocols.h` by `make "
	    "docs`.\n"
	    "This is version %d of it, which both ends of a link name when they greet.\n"
	    "Every message is its number as u16 followed by its fields, big endian: u8 u16 u32 u64 "
	    "i64, str (u16\nlength, UTF-8), bytes (u32 length), list<T> (u16 count), rest (all "
	    "that "
	    "remains).\n\n",
	    LINK_VERSION);
	print_messages();
	print_links();
	print_protocols();
	return 0;
}
