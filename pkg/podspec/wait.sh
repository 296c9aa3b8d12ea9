# SPDX-License-Identifier: Apache-2.0
# Waits in a helper, and ends when no command ran in its container for $1 seconds: every command is an exec there. With $2,
# the parent of a shell at the terminal that is descriptor 3, it ends that shell, and a key counts as a command.
#
# Where "read" has a time-out it starts no process: it is one line in a list of processes, and a shell that can't fork ends.
# Its notes go to the one file that the kubelet lets every container write, read-only root or not. A pod carries this text
# as one line (compact.go).
keep=$1 main=$2
note=/dev/termination-log
step=5 idle=0 limit=$keep pipe=1 nap="" key="" shell="" own="" longest="" late=""
[ "$keep" -lt "$step" ] && step=1

# pause SECONDS: reads from a pipe of its own, to which nothing is written. What returns too early is no pipe, or no shell
# with such a read. A child left behind would become the target's first process's, which may never reap it.
pause() {
	read -r before _ </proc/uptime
	# shellcheck disable=SC3045 # busybox has it; dash has not, and sleeps
	read -r -t "$1" _ 2>/dev/null <>"/proc/self/fd/$pipe"
	read -r now _ </proc/uptime
	[ "$((${now%.*}${now#*.} - ${before%.*}${before#*.}))" -ge "$(($1 * 50))" ] && return
	sleep "$1" &
	nap=$!
	wait
	nap=
}

# belated: it began a minute or more after it was added, by the second word of SHAREPROC. The kubelet starts a helper again whose
# record is gone from the runtime, and can report nothing of the pod until it ends. Who waited for a slow image is there at once.
belated() {
	made=${SHAREPROC#* }
	made=${made%% *}
	case $made in "" | *[!0-9]*) return 1 ;; esac
	read -r up _ </proc/uptime
	while read -r word boot _; do [ "$word" = btime ] && break; done </proc/stat
	[ "$((boot + ${up%.*} - made))" -ge 60 ]
}

# working: a process of this container runs that is not this one, nor its parent or the shell. Sets shell. What has ended
# and is not reaped (Z, X) does not run; on cgroup v2 it stays in its group.
working() {
	shell="" found=1
	for file in /proc/[0-9]*/cgroup; do
		pid=${file#/proc/}
		pid=${pid%/cgroup}
		[ "$pid" = "$self" ] || [ "$pid" = "$main" ] && continue
		mine="" stat=""
		while IFS= read -r line; do
			case $line in
			"$own") mine=1 && break ;;
			"${own%%:*}":*) break ;;
			esac
		done 2>/dev/null <"$file"
		[ -n "$mine" ] || continue
		# A name may hold anything: what follows the last ")" is: state, parent, ...
		while IFS= read -r line; do stat=$line; done 2>/dev/null <"/proc/$pid/stat"
		stat=${stat##*)}
		case $stat in
		"" | " Z"* | " X"*) ;;
		" "?" $main "*) shell=$pid ;;
		*) found=0 ;;
		esac
	done
	return "$found"
}

# used: since the last look a key was pressed, a command left its mark, which is a second line in the notes, or one runs.
used() {
	if [ -n "$main" ]; then
		last=$key
		key=$(stat -Lc %X /proc/self/fd/3 2>/dev/null)
		[ "$key" = "${last:-$key}" ] || return 0
		# Who has attached may press no key for a while.
		[ -n "$late" ] && case $(stty size 2>/dev/null <&3) in "" | "0 0") ;; *) return 0 ;; esac
	fi
	working && return 0
	{ read -r _ && read -r _; } 2>/dev/null <"$note"
}

end() {
	trap "" TERM
	trap - EXIT
	: 2>/dev/null >"$note"
	[ -z "$nap" ] || kill "$nap" 2>/dev/null
	working
	for signal in HUP KILL; do
		[ -n "$shell" ] && kill -"$signal" "$shell" 2>/dev/null || exit 0
		# What is stopped gets its signal when it goes on.
		kill -CONT "$shell" 2>/dev/null
		pause 1
	done
	exit 0
}

read -r self _ </proc/self/stat
# The line of the longest path is the one that names the container, on cgroup v1 and v2 alike.
while IFS= read -r line; do
	path=${line#*:*:}
	[ "${#path}" -gt "${#longest}" ] && own=$line longest=$path
done </proc/self/cgroup

if [ -n "$main" ]; then
	# The kernel notes a key's time to 8 seconds (drivers/tty/tty_io.c, tty_update_time).
	pipe=0 limit=$((keep + 8))
	trap "" INT QUIT TSTP TTIN TTOU HUP
	# It forks to learn a key's time. Without it the shell would never end.
	trap 'exec sh -c "eval \"\$SHAREPROC_WAIT\"" shareproc "$keep" "$main"' EXIT
else
	trap end INT HUP
fi
trap end TERM
[ "$limit" -gt 10 ] && belated && late=1 idle=$((limit - 10))
unset SHAREPROC
while [ "$idle" -lt "$limit" ]; do
	# For whoever asks: which process to end, for how long it has been idle, and which one is the container's own.
	echo "process $self idle $idle $main" 2>/dev/null >"$note"
	pause "$step"
	idle=$((idle + step))
	used && idle=0 late=""
done
[ -z "$main" ] || echo "no key for $keep seconds: this shell ends" >&3
end
