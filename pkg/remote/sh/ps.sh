# SPDX-License-Identifier: Apache-2.0
# Processes: which there are, and signals for them.

# verb_ps PROC. Answer: boot time NUL, the PID of this command NUL, lines of status and of its owner NUL, lines of stat and cgroup
# NUL (grep puts PID/FILE: before each, so no name of a process can pass for a line of another), then for each process its PID,
# whose root is its root ("-" for denied) and its arguments in hexadecimal NUL; NUL; then PID NUL passwd NUL for each root.
verb_ps() {
	need cat grep head od readlink stat tr xargs || return
	cd "$1" 2>/dev/null || return "$NO_PROCESS"
	set +f
	IFS=' '
	grep '^btime ' stat 2>/dev/null
	printf '\0%s\0' "$$"
	printf '%s\0' [0-9]*/status |
		xargs -0 grep -HE '^(Name|State|PPid|Uid|Gid|Threads|VmRSS|SigBlk|SigIgn|SigCgt):' 2>/dev/null
	# The files of a process that is not dumpable are root's (proc(5)).
	printf '%s\0' [0-9]*/status | xargs -0 stat -c '%n:Owner:	%u' 2>/dev/null
	printf '\0'
	printf '%s\0' [0-9]*/stat [0-9]*/cgroup | xargs -0 grep -H '' 2>/dev/null
	printf '\0'
	roots=''
	for p in [0-9]*; do
		same=-
		if [ -d "$p/root/." ]; then
			same=$p
			for q in $roots; do
				[ ! "$p/root/." -ef "$q/root/." ] || { same=$q && break; }
			done
			[ "$same" != "$p" ] || roots="$roots $p"
		fi
		printf '%s %s' "$p" "$same"
		od -v -An -tx1 -N 65536 "$p/cmdline" 2>/dev/null
		printf '\0'
	done
	printf '\0'
	for p in $roots; do
		printf '%s\0' "$p"
		pid=$p
		({ command exec 9<"$p/root/."; } 2>/dev/null && table /etc/passwd)
		printf '\0'
	done
}

# verb_signal PROC PID TICKS SIGNAL sends a signal to the process that started at that tick. Answer: a byte before the signal is
# sent, since the end of the answer is lost if this shell dies with that process.
verb_signal() {
	cd "$1" 2>/dev/null && [ "$(ticks "$2")" = "$3" ] || return "$NO_PROCESS"
	kill -0 "$2" 2>/dev/null && printf . && kill -"$4" "$2" 2>/dev/null && return
	[ ! -d "$2" ] || return "$DENIED"
	return "$NO_PROCESS"
}
