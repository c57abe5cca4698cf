#include "tests/service/word.h"

#define HEARD_AT 1769903999123

void word_self(struct puppet_end *transport, const char *peer)
{
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, peer);
	msg_put_bytes(&m, "key", 3);
	msg_put_u16(&m, 4001);
	puppet_say(transport, &m);
}

void word_person(
    struct puppet_end *discovery, const char *peer, const char *label, const char *email)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON, 0);
	msg_put_str(&m, peer);
	msg_put_str(&m, label);
	msg_put_str(&m, email);
	msg_put_str(&m, "");
	msg_put_i64(&m, HEARD_AT);
	msg_put_u8(&m, 1);
	puppet_say(discovery, &m);
}

void word_gone(struct puppet_end *discovery, const char *peer)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON_GONE, 0);
	msg_put_str(&m, peer);
	puppet_say(discovery, &m);
}

void word_all(struct puppet_end *discovery)
{
	struct msg m;

	msg_begin(&m, MSG_PEOPLE_ALL, 0);
	puppet_say(discovery, &m);
}
