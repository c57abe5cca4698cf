#include "supervisor/init_site.h"

/* The assembler takes the files in as they are; programs are built from the root of the project.
 * The zero behind makes each a string. */
#define FILE_OF(name, file)                                                                        \
	__asm__(".pushsection .rodata\n"                                                           \
		"init_site_" #name ": .incbin \"supervisor/site/" file "\"\n"                      \
		".byte 0\n"                                                                        \
		".popsection\n");                                                                  \
	extern const char init_site_##name[]

FILE_OF(index, "index.html");
FILE_OF(style, "style.css");
FILE_OF(guestbook, "guestbook.js");

const struct init_file init_site[] = {
    {"site/index.html", init_site_index},
    {"site/style.css", init_site_style},
    {"site/guestbook.js", init_site_guestbook},
};

const size_t init_site_files = sizeof(init_site) / sizeof(init_site[0]);
