#include "svc-discovery/mdns.h"

#include <stdlib.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

#define CLASS_IN   0x0001
#define CLASS_ANY  0x00ff
#define CLASS_TOP  0x8000 /* in a question: unicast wanted; in a record: flush the cache */
#define TXT_PREFIX "dnsaddr="

/* ldns answers NULL only when memory is out. */
static void *must(void *p)
{
	if (p == NULL)
		fatal("mdns", "out of memory");
	return p;
}

/* --- names ------------------------------------------------------------------------------------ */

static int name_label(struct mdns_name *name, const char *label, size_t n)
{
	if (n == 0 || n > MDNS_LABEL || name->len + 1 + n + 1 > sizeof name->bytes)
		return -1;
	name->bytes[name->len++] = (uint8_t)n;
	memcpy(name->bytes + name->len, label, n);
	name->len += n;
	return 0;
}

static int name_dotted(struct mdns_name *name, const char *text)
{
	for (;;) {
		size_t n = strcspn(text, ".");

		if (name_label(name, text, n) < 0)
			return -1;
		if (text[n] == '\0')
			return 0;
		text += n + 1;
	}
}

static int name_end(struct mdns_name *name)
{
	if (name_dotted(name, "local") < 0)
		return -1;
	name->bytes[name->len++] = 0;
	return 0;
}

int mdns_names_init(struct mdns_names *names, const char *tag, const char *instance)
{
	size_t n = strlen(instance);

	memset(names, 0, sizeof *names);
	/* go takes a comma for the beginning of subtypes, so such peers would never meet. */
	if (strchr(tag, ',') != NULL)
		return -1;
	if (name_dotted(&names->service, tag) < 0 || name_end(&names->service) < 0)
		return -1;
	if (name_label(&names->host, instance, n) < 0 || name_end(&names->host) < 0)
		return -1;
	if (name_label(&names->instance, instance, n) < 0 ||
	    name_dotted(&names->instance, tag) < 0 || name_end(&names->instance) < 0)
		return -1;
	return 0;
}

static ldns_rdf *name_rdf(const struct mdns_name *name)
{
	return must(ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, name->len, name->bytes));
}

static bool rdf_is(const ldns_rdf *rdf, const struct mdns_name *name)
{
	return rdf != NULL && ldns_rdf_size(rdf) == name->len &&
	       memcmp(ldns_rdf_data(rdf), name->bytes, name->len) == 0;
}

/* --- building --------------------------------------------------------------------------------- */

static ldns_rr *record(const struct mdns_name *owner, ldns_rr_type type, uint32_t ttl)
{
	ldns_rr *rr = must(ldns_rr_new());

	ldns_rr_set_owner(rr, name_rdf(owner));
	ldns_rr_set_type(rr, type);
	ldns_rr_set_class(rr, CLASS_IN);
	ldns_rr_set_ttl(rr, ttl);
	return rr;
}

static void put_rdf(ldns_rr *rr, ldns_rdf *rdf)
{
	if (!ldns_rr_push_rdf(rr, rdf))
		fatal("mdns", "out of memory");
}

static void put_u16(ldns_rr *rr, uint16_t v)
{
	put_rdf(rr, must(ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, v)));
}

static void put_data(ldns_rr *rr, ldns_rdf_type type, const void *p, size_t n)
{
	put_rdf(rr, must(ldns_rdf_new_frm_data(type, n, p)));
}

static void put_record(ldns_pkt *pkt, ldns_pkt_section section, ldns_rr *rr)
{
	if (!ldns_pkt_push_rr(pkt, section, rr))
		fatal("mdns", "out of memory");
}

static size_t finish(ldns_pkt *pkt, uint8_t *out, size_t size)
{
	uint8_t *wire = NULL;
	size_t n = 0;
	ldns_status status = ldns_pkt2wire(&wire, pkt, &n);

	if (status == LDNS_STATUS_MEM_ERR)
		fatal("mdns", "out of memory");
	if (status != LDNS_STATUS_OK || n > size)
		n = 0;
	if (n > 0)
		memcpy(out, wire, n);
	LDNS_FREE(wire);
	ldns_pkt_free(pkt);
	return n;
}

size_t mdns_build_query(const struct mdns_names *names, uint16_t id, uint8_t *out, size_t size)
{
	ldns_pkt *pkt = must(ldns_pkt_new());
	ldns_rr *question = record(&names->service, LDNS_RR_TYPE_PTR, 0);

	ldns_rr_set_question(question, true);
	ldns_pkt_set_id(pkt, id);
	put_record(pkt, LDNS_SECTION_QUESTION, question);
	return finish(pkt, out, size);
}

/* One record with all strings: go keeps only the last TXT record of an instance. */
static ldns_rr *txt_record(const struct mdns_names *names, const struct mdns_answer *a)
{
	ldns_rr *txt = record(&names->instance, LDNS_RR_TYPE_TXT, a->ttl);

	for (size_t i = 0; i < a->count; i++) {
		uint8_t string[1 + MDNS_STRING];
		size_t n = strnlen(a->strings[i], MDNS_STRING);

		string[0] = (uint8_t)n;
		memcpy(string + 1, a->strings[i], n);
		put_data(txt, LDNS_RDF_TYPE_STR, string, n + 1);
	}
	return txt;
}

static ldns_rr *srv_record(const struct mdns_names *names, const struct mdns_answer *a)
{
	ldns_rr *srv = record(&names->instance, LDNS_RR_TYPE_SRV, a->ttl);

	put_u16(srv, 0);
	put_u16(srv, 0);
	put_u16(srv, a->port);
	put_rdf(srv, name_rdf(&names->host));
	return srv;
}

size_t mdns_answer_room(const struct mdns_names *names)
{
	/* Header; owners uncompressed; ten bytes of type, class, TTL and length each; data. */
	size_t fixed = 12 + names->service.len + 3 * names->instance.len + 3 * names->host.len;

	fixed += 5 * 10 + names->instance.len + 6 + names->host.len + 4 + 16;
	return fixed < MDNS_PACKET ? MDNS_PACKET - fixed : 0;
}

size_t mdns_build_answer(
    const struct mdns_names *names, const struct mdns_answer *a, uint8_t *out, size_t size)
{
	ldns_pkt *pkt = must(ldns_pkt_new());
	ldns_rr *rr = record(&names->service, LDNS_RR_TYPE_PTR, a->ttl);

	ldns_pkt_set_id(pkt, a->id);
	ldns_pkt_set_flags(pkt, LDNS_QR | LDNS_AA);
	put_rdf(rr, name_rdf(&names->instance));
	put_record(pkt, LDNS_SECTION_ANSWER, rr);
	put_record(pkt, LDNS_SECTION_ADDITIONAL, srv_record(names, a));
	put_record(pkt, LDNS_SECTION_ADDITIONAL, txt_record(names, a));
	if (a->ip4 != NULL) {
		rr = record(&names->host, LDNS_RR_TYPE_A, a->ttl);
		put_data(rr, LDNS_RDF_TYPE_A, a->ip4, sizeof *a->ip4);
		put_record(pkt, LDNS_SECTION_ADDITIONAL, rr);
	}
	if (a->ip6 != NULL) {
		rr = record(&names->host, LDNS_RR_TYPE_AAAA, a->ttl);
		put_data(rr, LDNS_RDF_TYPE_AAAA, a->ip6, sizeof *a->ip6);
		put_record(pkt, LDNS_SECTION_ADDITIONAL, rr);
	}
	return finish(pkt, out, size);
}

/* --- parsing ---------------------------------------------------------------------------------- */

/* Our questions: PTR or ANY for the service, class IN or ANY. */
static bool is_our_question(const struct mdns_names *names, const ldns_rr *q)
{
	unsigned class = ldns_rr_get_class(q) & ~CLASS_TOP;
	ldns_rr_type type = ldns_rr_get_type(q);

	return rdf_is(ldns_rr_owner(q), &names->service) &&
	       (class == CLASS_IN || class == CLASS_ANY) &&
	       (type == LDNS_RR_TYPE_PTR || type == LDNS_RR_TYPE_ANY);
}

/* Known-answer suppression (RFC 6762, 7.1): the asker has heard of us and will for a while. */
static bool knows_us(const struct mdns_names *names, const ldns_pkt *pkt)
{
	const ldns_rr_list *known = ldns_pkt_answer(pkt);

	for (size_t i = 0; i < ldns_rr_list_rr_count(known); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(known, i);

		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_PTR && ldns_rr_ttl(rr) >= MDNS_TTL / 2 &&
		    rdf_is(ldns_rr_owner(rr), &names->service) &&
		    rdf_is(ldns_rr_rdf(rr, 0), &names->instance))
			return true;
	}
	return false;
}

static void take_questions(
    const struct mdns_names *names, const ldns_pkt *pkt, struct mdns_packet *out)
{
	const ldns_rr_list *questions = ldns_pkt_question(pkt);

	/* With authority records it is a probe: it asks whether a name is free, not who is here. */
	if (ldns_pkt_qr(pkt) || ldns_pkt_get_opcode(pkt) != LDNS_PACKET_QUERY ||
	    ldns_pkt_nscount(pkt) > 0)
		return;
	for (size_t i = 0; i < ldns_rr_list_rr_count(questions); i++) {
		const ldns_rr *q = ldns_rr_list_rr(questions, i);

		if (!is_our_question(names, q))
			continue;
		out->asks = true;
		out->unicast |= (ldns_rr_get_class(q) & CLASS_TOP) != 0;
	}
	if (out->asks && knows_us(names, pkt))
		out->asks = false;
}

/* The label in front of the service in an instance's name. False when it is another kind of name,
 * or our own. */
static bool instance_label(const struct mdns_names *names, const ldns_rdf *rdf, struct bytes *label)
{
	const uint8_t *p = rdf != NULL ? ldns_rdf_data(rdf) : NULL;
	size_t n = rdf != NULL ? ldns_rdf_size(rdf) : 0;

	if (n <= names->service.len || (size_t)p[0] + 1 != n - names->service.len)
		return false;
	if (memcmp(p + 1 + p[0], names->service.bytes, names->service.len) != 0 ||
	    rdf_is(rdf, &names->instance))
		return false;
	*label = (struct bytes){p + 1, p[0]};
	return label->len > 0 && label->len <= MDNS_LABEL;
}

static struct mdns_entry *entry_of(struct mdns_packet *out, struct bytes label)
{
	struct mdns_entry *e;

	for (size_t i = 0; i < out->count; i++) {
		e = &out->entries[i];
		if (e->instance_len == label.len && memcmp(e->instance, label.data, label.len) == 0)
			return e;
	}
	if (out->count == MDNS_ENTRIES_MAX)
		return NULL;
	e = &out->entries[out->count++];
	e->instance_len = label.len;
	memcpy(e->instance, label.data, label.len);
	e->instance[label.len] = '\0';
	e->ttl = UINT32_MAX;
	e->count = 0;
	return e;
}

/* One string of a TXT record. What does not parse, has no peer id, names another peer than the
 * strings before, or cannot be dialled is left out. */
static void take_string(struct mdns_entry *e, const uint8_t *p, size_t n)
{
	const size_t prefix = sizeof TXT_PREFIX - 1;
	struct sockaddr_storage sa;
	struct multiaddr *a = &e->addrs[e->count];
	struct peer_id peer;

	if (e->count == MDNS_ADDRS_MAX || n <= prefix || memcmp(p, TXT_PREFIX, prefix) != 0)
		return;
	if (multiaddr_from_text(a, (const char *)p + prefix, n - prefix) < 0 ||
	    multiaddr_peer(a, &peer) < 0 || multiaddr_to_sockaddr(a, &sa) == 0)
		return;
	if (e->count > 0 && !peer_id_equal(&peer, &e->peer))
		return;
	multiaddr_strip_peer(a);
	e->peer = peer;
	e->count++;
}

static void take_txt(const struct mdns_names *names, const ldns_rr *rr, struct mdns_packet *out)
{
	struct mdns_entry *e;
	struct bytes label;

	if (!instance_label(names, ldns_rr_owner(rr), &label))
		return;
	e = entry_of(out, label);
	if (e == NULL)
		return;
	if (ldns_rr_ttl(rr) < e->ttl)
		e->ttl = ldns_rr_ttl(rr);
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
		const uint8_t *p = ldns_rdf_data(rdf);

		if (ldns_rdf_size(rdf) > 0 && (size_t)p[0] + 1 == ldns_rdf_size(rdf))
			take_string(e, p + 1, p[0]);
	}
}

/* A PTR alone matters only when it takes itself back. */
static void take_ptr(const struct mdns_names *names, const ldns_rr *rr, struct mdns_packet *out)
{
	struct mdns_entry *e;
	struct bytes label;

	if (ldns_rr_ttl(rr) != 0 || !rdf_is(ldns_rr_owner(rr), &names->service) ||
	    !instance_label(names, ldns_rr_rdf(rr, 0), &label))
		return;
	e = entry_of(out, label);
	if (e != NULL)
		e->ttl = 0;
}

static void take_records(
    const struct mdns_names *names, const ldns_rr_list *list, struct mdns_packet *out)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);

		if ((ldns_rr_get_class(rr) & ~CLASS_TOP) != CLASS_IN)
			continue;
		if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_TXT)
			take_txt(names, rr, out);
		else if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_PTR)
			take_ptr(names, rr, out);
	}
}

/* Entries that say neither where a peer is nor that it leaves tell nothing. */
static void drop_empty(struct mdns_packet *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < out->count; i++) {
		if (out->entries[i].count == 0 && out->entries[i].ttl != 0)
			continue;
		if (kept != i)
			out->entries[kept] = out->entries[i];
		kept++;
	}
	out->count = kept;
}

int mdns_parse(const struct mdns_names *names, const uint8_t *p, size_t n, struct mdns_packet *out)
{
	ldns_pkt *pkt = NULL;
	ldns_status status = ldns_wire2pkt(&pkt, p, n);

	out->count = 0;
	out->asks = out->unicast = false;
	if (status == LDNS_STATUS_MEM_ERR)
		fatal("mdns", "out of memory");
	if (status != LDNS_STATUS_OK)
		return -1;
	out->id = ldns_pkt_id(pkt);
	take_questions(names, pkt, out);
	/* go, js and rust put TXT into different sections; a go probe has it under authority. */
	take_records(names, ldns_pkt_answer(pkt), out);
	take_records(names, ldns_pkt_authority(pkt), out);
	take_records(names, ldns_pkt_additional(pkt), out);
	drop_empty(out);
	ldns_pkt_free(pkt);
	return 0;
}
