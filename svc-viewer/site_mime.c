#include <string.h>
#include <strings.h>

#include "svc-viewer/site.h"

#define TEXT(type) type "; charset=utf-8"

static const struct {
	const char *ending;
	const char *type;
} types[] = {
    {"html", TEXT("text/html")},
    {"htm", TEXT("text/html")},
    {"css", TEXT("text/css")},
    {"js", TEXT("text/javascript")},
    {"mjs", TEXT("text/javascript")},
    {"json", "application/json"},
    {"map", "application/json"},
    {"txt", TEXT("text/plain")},
    {"md", TEXT("text/markdown")},
    {"csv", TEXT("text/csv")},
    {"xml", TEXT("text/xml")},
    {"ics", TEXT("text/calendar")},
    {"vtt", TEXT("text/vtt")},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"bmp", "image/bmp"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"otf", "font/otf"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"oga", "audio/ogg"},
    {"opus", "audio/ogg"},
    {"wav", "audio/wav"},
    {"flac", "audio/flac"},
    {"m4a", "audio/mp4"},
    {"mp4", "video/mp4"},
    {"m4v", "video/mp4"},
    {"webm", "video/webm"},
    {"ogv", "video/ogg"},
    {"mov", "video/quicktime"},
    {"mkv", "video/x-matroska"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"webmanifest", "application/manifest+json"},
    {"rss", "application/rss+xml"},
    {"atom", "application/atom+xml"},
    {"epub", "application/epub+zip"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"tar", "application/x-tar"},
    {"7z", "application/x-7z-compressed"},
};

const char *site_mime(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash == NULL ? name : slash, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot + 1, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}
