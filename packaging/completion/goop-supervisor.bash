# bash completion for goop-supervisor

_goop_supervisor() {
	local commands="init start peer rendezvous stop restart reload upgrade status peers id check logs trace links streams"
	local services="transport discovery db viewer rendezvous"
	local word=${COMP_WORDS[COMP_CWORD]} command="" i
	COMPREPLY=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] || { command=${COMP_WORDS[i]}; break; }
	done
	if [[ -z $command ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
		return
	fi
	if [[ $word == -* ]]; then
		local options="--help"
		case $command in
		init) options+=" --label --port --json" ;;
		start | peer | rendezvous) options+=" --daemon --verbose" ;;
		stop | restart | reload | upgrade | peers | id | check | trace | links | streams) options+=" --json" ;;
		status) options+=" --json --watch" ;;
		logs) options+=" --follow --lines --json" ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -d -- "$word")
	compopt -o filenames
	case $command in
	restart | trace) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$services" -- "$word") ;;
	logs) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$services supervisor" -- "$word") ;;
	esac
}
complete -F _goop_supervisor goop-supervisor
