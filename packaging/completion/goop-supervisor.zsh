#compdef goop-supervisor
# zsh completion for goop-supervisor

# The words behind a command are a folder and, for some, a service.
_goop_supervisor_words() {
	local services=(transport discovery db viewer rendezvous)

	_files -/
	case $1 in
	restart | trace) compadd -a services ;;
	logs) compadd supervisor -a services ;;
	esac
}

_goop_supervisor() {
	local command=${words[2]} option
	local -a specs

	if ((CURRENT == 2)); then
		_describe -t commands command commands
		compadd -- --help --version
		return
	fi
	specs=('--help[Show help]')
	for option in $options; do
		[[ $option != "$command "* ]] || specs+=("${option#* }")
	done
	shift words
	((CURRENT--))
	_arguments $specs "*: : _goop_supervisor_words $command"
}

local -a commands options
# From here on as the table of commands says.
commands=(
	'init:make a peer folder that works at once'
	'start:run a peer; Ctrl-C stops it'
	'peer:the same as start'
	'rendezvous:run a rendezvous server without a peer'
	'stop:stop a running peer'
	'restart:restart one service, the rest keeps running'
	'reload:take over what has changed in goop.json'
	'upgrade:take over new programs'
	'status:health, restarts and their reasons, memory, addresses'
	'peers:who is there'
	'id:print the peer id'
	'check:is goop.json good?'
	'logs:what the services say'
	'trace:every message on the links of a service, live'
	'links:the links between the services'
	'streams:the open streams'
)
options=(
	'init --label=[What others see you as]:NAME:'
	'init --port=[Port of the local viewer]:PORT:'
	'init --json[For programs]'
	'start --daemon[Go to the background once all services are ready]'
	'start --verbose[Show all log lines, not only warnings]'
	'peer --daemon[Go to the background once all services are ready]'
	'peer --verbose[Show all log lines, not only warnings]'
	'rendezvous --daemon[Go to the background once all services are ready]'
	'rendezvous --verbose[Show all log lines, not only warnings]'
	'stop --json[For programs]'
	'restart --json[For programs]'
	'reload --json[For programs]'
	'upgrade --json[For programs]'
	'status --json[For programs]'
	'status --watch[Again every second; Ctrl-C ends it]'
	'peers --json[For programs]'
	'id --json[For programs]'
	'check --json[For programs]'
	'logs --follow[Go on as lines come; Ctrl-C ends it]'
	'logs --lines=[How many lines to begin with]:N:'
	'logs --json[For programs, an object a line]'
	'trace --json[For programs]'
	'links --json[For programs]'
	'streams --json[For programs]'
)
_goop_supervisor
