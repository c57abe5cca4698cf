#include "supervisor/cli_commands.h"

static const struct argp_option init_options[] = {
    {"label", OPTION_LABEL, "NAME", 0, "What others see you as (default: the folder's name)", 0},
    {"port", OPTION_PORT, "PORT", 0,
	"Port of the local viewer (default: the first free one from 8080 on)", 0},
    {"json", OPTION_JSON, NULL, 0, "For programs", 0},
    {0},
};
static const struct argp_option start_options[] = {
    {"daemon", OPTION_DAEMON, NULL, 0, "Go to the background once all services are ready", 0},
    {"verbose", OPTION_VERBOSE, NULL, 0, "Show all log lines, not only warnings", 0},
    {0},
};
static const struct argp_option json_options[] = {
    {"json", OPTION_JSON, NULL, 0, "For programs", 0},
    {0},
};
static const struct argp_option status_options[] = {
    {"json", OPTION_JSON, NULL, 0, "For programs", 0},
    {"watch", OPTION_WATCH, NULL, 0, "Again every second; Ctrl-C ends it", 0},
    {0},
};
static const struct argp_option logs_options[] = {
    {"follow", OPTION_FOLLOW, NULL, 0, "Go on as lines come; Ctrl-C ends it", 0},
    {"lines", OPTION_LINES, "N", 0, "How many lines to begin with (default: 40)", 0},
    {"json", OPTION_JSON, NULL, 0, "For programs, an object a line", 0},
    {0},
};

const struct cli_command cli_commands[] = {
    {"init", "DIR", 1, 1, cli_init, init_options, "make a peer folder that works at once",
	"Make a peer folder: goop.json with few settings, and a small site with a guest book in "
	"site/, which is what visitors see. Nothing that is already there is touched. The "
	"identity is created by the first start.\v"
	"Examples:\n"
	"  goop-supervisor init ~/me --label \"Me\"\n"
	"  goop-supervisor init /srv/goop/blog --label Blog --port 8090\n"},
    {"start", "[DIR]", 0, 1, cli_start, start_options, "run a peer; Ctrl-C stops it",
	"Run the peer in DIR (default: this folder). Stays in the foreground, says when each "
	"service is ready, and shows warnings; Ctrl-C stops everything in order.\v"
	"Examples:\n"
	"  goop-supervisor start ~/me\n"
	"  goop-supervisor start ~/me --daemon     # returns when all is ready\n"
	"  goop-supervisor start ~/me --verbose    # with every log line\n\n"
	"Exit status: 0 stopped in order, 1 could not start (the reason is printed), 78 bad "
	"goop.json."},
    {"peer", "[DIR]", 0, 1, cli_start, start_options, "the same as start",
	"The same as `goop-supervisor start'.\v"
	"Example:\n"
	"  goop-supervisor peer ~/me\n"},
    {"rendezvous", "DIR", 1, 1, cli_rendezvous, start_options,
	"run a rendezvous server without a peer",
	"Run a rendezvous server in DIR, where peers of different networks find each other: only "
	"svc-rendezvous, and svc-viewer when goop.json sets viewer.http_addr. A folder that is "
	"missing or empty gets a goop.json. Otherwise like `goop-supervisor start'.\v"
	"Examples:\n"
	"  goop-supervisor rendezvous /srv/goop-rendezvous\n"
	"  goop-supervisor status /srv/goop-rendezvous   # its addresses\n\n"
	"Exit status: 0 stopped in order, 1 could not start (the reason is printed), 78 bad "
	"goop.json."},
    {"stop", "[DIR]", 0, 1, cli_stop, json_options, "stop a running peer",
	"Stop the peer in DIR (default: this folder): others are told, what is under way is "
	"finished, then the services end in the reverse order of the start. Returns when "
	"everything has ended.\v"
	"Example:\n"
	"  goop-supervisor stop ~/me\n"},
    {"restart", "[DIR] SERVICE", 1, 2, cli_restart, json_options,
	"restart one service, the rest keeps running",
	"Restart one service of the running peer in DIR (default: this folder) and wait until it "
	"is ready again. Reads goop.json anew. This is also how a service that has failed is "
	"given another chance.\v"
	"SERVICE is transport, discovery, db, viewer or rendezvous, with or without svc- in "
	"front.\n\n"
	"Examples:\n"
	"  goop-supervisor restart ~/me viewer\n"
	"  goop-supervisor restart svc-transport   # of the peer in this folder\n"},
    {"reload", "[DIR]", 0, 1, cli_reload, json_options, "take over what has changed in goop.json",
	"Read goop.json of the running peer in DIR (default: this folder) anew and restart, one "
	"after "
	"the other, the services whose settings have changed; the rest keeps running. When "
	"goop.json is bad, nothing changes. SIGHUP does the same.\v"
	"Examples:\n"
	"  goop-supervisor reload ~/me\n"
	"  goop-supervisor reload ~/me --json | jq -r '.restarted[]'\n\n"
	"Exit status: 0 done, also when there was nothing to do; 1 a service did not become ready "
	"(it is named); 3 the peer is not running; 78 goop.json is bad or asks for other services "
	"than run."},
    {"upgrade", "[DIR]", 0, 1, cli_upgrade, json_options, "take over new programs",
	"Restart, one after the other, the services of the running peer in DIR (default: this "
	"folder) whose program has been replaced since they started. Each must be ready before the "
	"next has its turn. When one is not, it gets back the program it had, and the upgrade "
	"stops. A new goop-supervisor takes over at the end, in the same process and without a "
	"pause for the services.\v"
	"Example:\n"
	"  goop-supervisor upgrade ~/me\n\n"
	"Exit status: 0 done, also when there was nothing to do; 1 a service did not become ready "
	"(it is named), or the new supervisor could not take over; 3 the peer is not running."},
    {"status", "[DIR]", 0, 1, cli_status, status_options,
	"health, restarts and their reasons, memory, addresses",
	"Show the state of the peer in DIR (default: this folder): its id and addresses, and for "
	"each service state, process, time since it is ready, restarts, processor time, memory and "
	"why it last died. With --watch that is shown again every second, with the share of a "
	"processor that each has taken meanwhile.\v"
	"Examples:\n"
	"  goop-supervisor status ~/me\n"
	"  goop-supervisor status ~/me --watch\n"
	"  goop-supervisor status ~/me --json | jq -r .viewer_url\n\n"
	"Exit status: 0 it runs, 3 it does not."},
    {"peers", "[DIR]", 0, 1, cli_peers, json_options, "who is there",
	"List the peers that the peer in DIR (default: this folder) sees now.\v"
	"Examples:\n"
	"  goop-supervisor peers ~/me\n"
	"  goop-supervisor peers ~/me --json | jq -r '.[].label'\n"},
    {"id", "[DIR]", 0, 1, cli_id, json_options, "print the peer id",
	"Print the id of the peer in DIR (default: this folder). Works also while it is stopped, "
	"once it has been started.\v"
	"Example:\n"
	"  goop-supervisor id ~/me\n"},
    {"check", "[DIR]", 0, 1, cli_check, json_options, "is goop.json good?",
	"Read goop.json in DIR (default: this folder) and name file, line and column of what is "
	"wrong, with the value found and the values allowed.\v"
	"Example:\n"
	"  goop-supervisor check ~/me\n"
	"  goop-supervisor check ~/me --json | jq -r '.notes[]'\n\n"
	"Exit status: 0 good (perhaps with warnings), 78 bad."},
    {"logs", "[DIR] [SERVICE]", 0, 2, cli_logs, logs_options, "what the services say",
	"Show the last lines of the logs of the peer in DIR (default: this folder), of all "
	"services or of one, in the order of time. The files are in DIR/log.\v"
	"Examples:\n"
	"  goop-supervisor logs ~/me -f\n"
	"  goop-supervisor logs ~/me svc-transport -n 200\n"
	"  goop-supervisor logs supervisor         # of the peer in this folder\n"
	"  goop-supervisor logs ~/me --json | jq -r 'select(.level == \"error\").text'\n"},
    {"trace", "[DIR] SERVICE [SUBJECT]", 1, 3, cli_trace, json_options,
	"every message on the links of a service, live",
	"Show each message that a service of the running peer in DIR (default: this folder) sends "
	"to "
	"another service or gets from one: when, to or from whom, its name (docs/PROTOCOL.md) and "
	"its "
	"size. SUBJECT narrows that down to the link with one service, or to messages whose names "
	"begin so. Ctrl-C ends it. Messages that come faster than they are read are only counted.\v"
	"Examples:\n"
	"  goop-supervisor trace ~/me viewer\n"
	"  goop-supervisor trace ~/me transport discovery\n"
	"  goop-supervisor trace viewer STREAM_OPEN    # of the peer in this folder\n"
	"  goop-supervisor trace ~/me db --json | jq -c .message\n"},
    {"links", "[DIR]", 0, 1, cli_links, json_options, "the links between the services",
	"Show each link between two services of the peer in DIR (default: this folder): streams on "
	"it, "
	"messages on their way, credit (bytes that each end may still write), and for each kind of "
	"message how many have passed and their bytes. What the first service of a line has sent "
	"is "
	"in front of >, what it has got in front of <.\v"
	"Examples:\n"
	"  goop-supervisor links ~/me\n"
	"  goop-supervisor links ~/me --json | jq '.[\"svc-viewer\"]'\n"},
    {"streams", "[DIR]", 0, 1, cli_streams, json_options, "the open streams",
	"Show the open streams of the peer in DIR (default: this folder), at each service that "
	"they "
	"pass: the other peer (the end of its id), protocol, who opened it, bytes.\v"
	"Examples:\n"
	"  goop-supervisor streams ~/me\n"
	"  goop-supervisor streams ~/me --json | jq '.[\"svc-transport\"]'\n"},
};

const size_t cli_command_count = sizeof(cli_commands) / sizeof(cli_commands[0]);
