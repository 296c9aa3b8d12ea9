# SPDX-License-Identifier: Apache-2.0
# One connection: reads requests from stdin and runs a verb for each, until stdin ends. conn.go is the other end.
#
# Descriptors: 3 the client, 4 an opened file, or signs of life, 5 a verb's answer, 6 what travels beside it, 7 signs of
# progress, or the directory that is written to, 8 the directory that was left last, or the stage, 9 the target's root.
LC_ALL=C TZ=UTC0 QUOTING_STYLE=literal HISTFILE=/dev/null
export LC_ALL TZ QUOTING_STYLE HISTFILE
umask 077
# The number of blocks stands in front of what says whether a file is the same: it changes when the kernel finds the time to write.
facts='%b %d:%i %f %s %u %g %h %t:%T %Y %y %z'
# What of that says whether it is the same, for many: to print a date is half of what stat does.
same='%d:%i %f %s %Y %z'
nl='
'

# main serves one connection. The loop is a child: a runtime that ends the first process of a command whose stream was
# cut ends nothing else.
main() {
	exec 3<&0 </dev/null
	loop <&3 &
	trap 'trap "" TERM; kill "$!"; wait' TERM
	wait "$!"
	wait
}

loop() {
	exec </dev/null
	job='' stage=''
	trap : TERM PIPE
	IFS= read -r mark <&3
	while IFS= read -r line <&3; do
		# An empty line is a beat: it goes back, so that both ends know that the line is alive.
		if [ -z "$line" ]; then
			echo >&2
			continue
		fi
		[ -z "$job" ] || wait "$job"
		job='' IFS=' '
		# shellcheck disable=SC2086 # three words
		request $line || break
	done
	finish
}

# request VERB NARGS LENGTH reads NARGS lines of arguments, for printf's %b where they have a backslash, and LENGTH bytes
# of names that end in newlines.
request() {
	verb=$1 count=$2 length=$3
	set --
	while [ "$count" -gt 0 ]; do
		IFS= read -r word <&3 || return
		case $word in
		*\\*)
			word=$(printf '%b.' "$word")
			word=${word%.}
			;;
		esac
		set -- "$@" "$word"
		count=$((count - 1))
	done
	names=''
	[ "$length" = 0 ] || names=$(dd bs="$length" count=1 iflag=fullblock <&3 2>/dev/null)
	set -f
	split=$nl
	IFS=$split
	case $verb in
	open | stage)
		# What a client leaves that is gone is taken away, unless it is for another copy.
		case $verb:$2 in
		stage:*.partial) stage='' ;;
		stage:*) stage_directory=$1 stage=$2 grace=$4 ;;
		esac
		"verb_$verb" "$@"
		code=$?
		cd "$proc" 2>/dev/null || cd /
		answer "$code"
		;;
	put)
		# It reads the client itself. What else that has sent for one that failed is nothing that it asks for.
		(verb_put "$@" 4>&2 2>/dev/null)
		code=$?
		answer "$code"
		[ "$code" = 0 ] || cat <&3 >/dev/null
		return "$code"
		;;
	ps | inspect | cgroup | truncate | lookup | df | cwd | stat | walk | names | facts | read | sum | grep | tail | own | commit | remove | signal)
		(
			"verb_$verb" "$@"
			answer "$?"
		) 3<&- 7>&2 &
		job=$!
		;;
	*) return 1 ;;
	esac
}

# only NAME makes it the one name, which may have newlines.
only() {
	[ -n "$1" ] || return 0
	names=$1 split=''
	IFS=''
}

# answer CODE ends a reply.
answer() { printf '\000%s%03d\n' "$mark" "$1"; }

# need TOOL... names the first tool that the helper does not have.
need() {
	for word; do
		command -v "$word" >/dev/null 2>&1 || {
			printf '%s' "$word"
			return "$MISSING_TOOL"
		}
	done
}

# own sets self to the shell's PID and group to its process group, where the runtime made this command one of its own;
# elsewhere what belongs to it is below self. What follows the last ")" of stat is state, parent, group.
own() {
	IFS= read -r stat </proc/self/stat
	self=${stat%% *}
	IFS=' '
	# shellcheck disable=SC2086 # words
	set -- ${stat##*) }
	group=$3 known=''
	[ "$group" = "$$" ] || group=none known=" $self "
}

# members lists the processes of this command that still run, each with its state, and their parents.
members() {
	running='' parents=' '
	for p in /proc/[0-9]*; do
		IFS= read -r stat <"$p/stat" || continue
		# shellcheck disable=SC2086 # words
		set -- ${stat##*) }
		p=${p#/proc/}
		case $1:$3:$known in
		# One that has ended is a child until its parent looks after it.
		[ZX]:*) parents="$parents$2 " && continue ;;
		*:"$group":*) ;;
		*" $2 "*) known="$known$p " ;;
		*) parents="$parents$2 " && continue ;;
		esac
		parents="$parents$2 "
		[ "$p" = "$self" ] || [ "$p" = "$group" ] || running="$running $p:$1"
	done 2>/dev/null
}

# finish ends all that runs, leaves first: a process whose parent is gone becomes a zombie of the target's first process,
# which may never look after it.
finish() {
	exec 3<&- 2>/dev/null
	trap '' TERM
	own
	set +f
	rounds=0
	while [ "$rounds" -lt 500 ]; do
		members
		[ -n "$running" ] || break
		# What is stopped and has no child then has none later.
		for p in $running; do
			state=${p#*:} p=${p%:*}
			case $state$parents in
			T*" $p "*) kill -CONT "$p" ;;
			*" $p "*) ;;
			T*) kill -KILL "$p" ;;
			*) kill -STOP "$p" ;;
			esac
		done 2>/dev/null
		rounds=$((rounds + 1))
	done
	for p in $running; do kill -KILL "${p%:*}" 2>/dev/null; done
	wait
	abandon
	exit 0
}
