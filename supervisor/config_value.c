#include "supervisor/config_value.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/str.h"

#define URLS_MAX 16

static char *text_value(const struct config_key *key, const cJSON *value)
{
	const char *s = cJSON_GetStringValue(value);
	size_t n;

	if (s == NULL)
		return NULL;
	n = strlen(s);
	if (n < (size_t)key->min || n > (size_t)key->max)
		return NULL;
	for (const char *p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	return xstrdup(s);
}

static char *whole_value(const struct config_key *key, const cJSON *value)
{
	double v = value->valuedouble;

	if (!cJSON_IsNumber(value) || v != floor(v) || v < (double)key->min || v > (double)key->max)
		return NULL;
	return xasprintf("%lld", (long long)v);
}

static char *bool_value(const cJSON *value)
{
	return cJSON_IsBool(value) ? xstrdup(cJSON_IsTrue(value) ? "true" : "false") : NULL;
}

static char *choice_value(const struct config_key *key, const cJSON *value)
{
	const char *s = cJSON_GetStringValue(value), *word = key->choices;
	size_t n = s == NULL ? 0 : strlen(s);

	while (n > 0 && *word != '\0') {
		size_t len = strcspn(word, " ");

		if (len == n && memcmp(word, s, n) == 0)
			return xstrdup(s);
		word += len + strspn(word + len, " ");
	}
	return NULL;
}

static bool is_ip(const char *s)
{
	unsigned char raw[16];

	return inet_pton(AF_INET, s, raw) == 1 || inet_pton(AF_INET6, s, raw) == 1;
}

static char *ip_value(const struct config_key *key, const cJSON *value)
{
	const char *s = cJSON_GetStringValue(value);

	if (s == NULL)
		return NULL;
	if (s[0] == '\0')
		return xstrdup(key->preset);
	return is_ip(s) ? xstrdup(s) : NULL;
}

/* "127.0.0.1", "localhost", "[::1]" */
static bool is_host(const char *host)
{
	size_t n = strlen(host);
	char inner[64];

	if (host[0] != '[')
		return strcmp(host, "localhost") == 0 || (strchr(host, ':') == NULL && is_ip(host));
	if (n < 3 || n - 2 >= sizeof(inner) || host[n - 1] != ']')
		return false;
	memcpy(inner, host + 1, n - 2);
	inner[n - 2] = '\0';
	return is_ip(inner);
}

/* Deployed configurations say "" for the default, and ":8080" or "0.0.0.0:8080" where they listen
 * on 127.0.0.1 all the same. */
static char *address_value(const struct config_key *key, const cJSON *value)
{
	const char *s = cJSON_GetStringValue(value), *colon;
	char host[72];
	uint64_t port;

	if (s == NULL)
		return NULL;
	if (s[0] == '\0')
		return xstrdup(key->preset);
	colon = strrchr(s, ':');
	if (colon == NULL || (size_t)(colon - s) >= sizeof(host) ||
	    !str_to_u64(colon + 1, (uint64_t)key->min, (uint64_t)key->max, &port))
		return NULL;
	memcpy(host, s, (size_t)(colon - s));
	host[colon - s] = '\0';
	if (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0)
		str_copy(host, sizeof(host), "127.0.0.1");
	return is_host(host) ? xasprintf("%s:%u", host, (unsigned)port) : NULL;
}

/* scheme://host[:port][/...] without blanks; `s` is not terminated. */
static bool is_url(const char *s, size_t n)
{
	const char *end = s + n, *host, *rest;
	size_t scheme = n > 8 && memcmp(s, "https://", 8) == 0  ? 8
	                : n > 7 && memcmp(s, "http://", 7) == 0 ? 7
	                                                        : 0;
	char port[8];
	uint64_t v;

	if (scheme == 0)
		return false;
	for (const char *p = s; p < end; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f)
			return false;
	host = s + scheme;
	rest = host;
	if (*host == '[')
		rest = memchr(host, ']', (size_t)(end - host));
	if (rest == NULL)
		return false;
	while (rest < end && strchr(":/?#", *rest) == NULL)
		rest++;
	if (rest == host || (rest - host == 7 && memcmp(host, "0.0.0.0", 7) == 0))
		return false;
	if (rest == end || *rest != ':')
		return true;
	n = strcspn(rest + 1, "/?#");
	if (n > (size_t)(end - rest) - 1)
		n = (size_t)(end - rest) - 1;
	if (n == 0 || n >= sizeof(port))
		return false;
	memcpy(port, rest + 1, n);
	port[n] = '\0';
	return str_to_u64(port, 1, 65535, &v);
}

static bool put_url(struct buf *out, const struct config_key *key, const char *s)
{
	size_t n;

	if (s == NULL)
		return false;
	s += strspn(s, " \t");
	n = strlen(s);
	while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	if (n == 0)
		return true;
	if (n > (size_t)key->max || !is_url(s, n))
		return false;
	return (buf_len(out) == 0 || buf_puts(out, " ") == 0) && buf_put(out, s, n) == 0;
}

static char *urls_value(const struct config_key *key, const cJSON *value)
{
	struct buf out;
	const cJSON *item;
	char *text = NULL;
	bool good = !cJSON_IsArray(value) || cJSON_GetArraySize(value) <= URLS_MAX;

	buf_init(&out, URLS_MAX * ((size_t)key->max + 1));
	if (!cJSON_IsArray(value))
		good = put_url(&out, key, cJSON_GetStringValue(value));
	else if (good)
		cJSON_ArrayForEach (item, value)
			good = good && put_url(&out, key, cJSON_GetStringValue(item));
	if (good)
		text = buf_len(&out) == 0 ? xstrdup("")
		                          : xstrndup((const char *)buf_data(&out), buf_len(&out));
	buf_clear(&out);
	return text;
}

/* Those of one text, "10.0.0.1, ::1", added to `out`, joined by commas. */
static bool put_ips(struct buf *out, unsigned *count, const struct config_key *key, const char *s)
{
	char one[64];

	if (s == NULL)
		return false;
	while (*(s += strspn(s, ", ")) != '\0') {
		size_t n = strcspn(s, ", ");

		if (n >= sizeof(one) || ++*count > (unsigned)key->max)
			return false;
		memcpy(one, s, n);
		one[n] = '\0';
		if (!is_ip(one) || (buf_len(out) > 0 && buf_puts(out, ",") != 0) ||
		    buf_puts(out, one) != 0)
			return false;
		s += n;
	}
	return true;
}

static char *ips_value(const struct config_key *key, const cJSON *value)
{
	struct buf out;
	const cJSON *item;
	unsigned count = 0;
	char *text = NULL;
	bool good = true;

	buf_init(&out, (size_t)key->max * 64);
	if (!cJSON_IsArray(value))
		good = put_ips(&out, &count, key, cJSON_GetStringValue(value));
	else
		cJSON_ArrayForEach (item, value)
			good = good && put_ips(&out, &count, key, cJSON_GetStringValue(item));
	if (good)
		text = buf_len(&out) == 0 ? xstrdup("")
		                          : xstrndup((const char *)buf_data(&out), buf_len(&out));
	buf_clear(&out);
	return text;
}

char *config_value(const struct config_key *key, const cJSON *value)
{
	switch (key->type) {
	case CONFIG_TEXT: return text_value(key, value);
	case CONFIG_WHOLE: return whole_value(key, value);
	case CONFIG_BOOL: return bool_value(value);
	case CONFIG_CHOICE: return choice_value(key, value);
	case CONFIG_ADDRESS: return address_value(key, value);
	case CONFIG_IP: return ip_value(key, value);
	case CONFIG_URLS: return urls_value(key, value);
	case CONFIG_IPS: return ips_value(key, value);
	case CONFIG_DERIVED:
	case CONFIG_IGNORED: break;
	}
	return NULL;
}

static void allowed_choices(const struct config_key *key, char *out, size_t size)
{
	const char *p = key->choices;
	size_t at = 0;

	while (*p != '\0' && at < size) {
		size_t n = strcspn(p, " ");
		int wrote =
		    snprintf(out + at, size - at, "%s\"%.*s\"", at > 0 ? " or " : "", (int)n, p);
		at += (size_t)wrote;
		p += n + strspn(p + n, " ");
	}
}

void config_allowed(const struct config_key *key, char *out, size_t size)
{
	switch (key->type) {
	case CONFIG_TEXT:
		snprintf(out, size,
		    key->min > 0 ? "a text of 1 to %lld bytes without control characters"
				 : "a text of at most %lld bytes without control characters",
		    (long long)key->max);
		break;
	case CONFIG_WHOLE:
		snprintf(out, size, "a whole number from %lld to %lld", (long long)key->min,
		    (long long)key->max);
		break;
	case CONFIG_BOOL: str_copy(out, size, "true or false"); break;
	case CONFIG_CHOICE: allowed_choices(key, out, size); break;
	case CONFIG_ADDRESS: str_copy(out, size, "an address like \"127.0.0.1:8080\""); break;
	case CONFIG_IP: str_copy(out, size, "an IP address like \"0.0.0.0\""); break;
	case CONFIG_URLS:
		snprintf(out, size,
		    "an http:// or https:// URL of at most %lld bytes, or a list of up to %d",
		    (long long)key->max, URLS_MAX);
		break;
	case CONFIG_IPS:
		snprintf(out, size, "a list of at most %lld IP addresses", (long long)key->max);
		break;
	case CONFIG_DERIVED: str_copy(out, size, "nothing"); break;
	case CONFIG_IGNORED: str_copy(out, size, "anything"); break;
	}
}
